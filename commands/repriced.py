"""A repricing as commands do it: what would change, then the record that changes it, then waiting for what it came to."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ulid import ULID

from commands.output import text_table
from commands.owner import Owner
from dashboard.formats import money
from errors import ServerError
from store.pricing_scope import PricingScope

_LOOK_EVERY_S = 0.2
# Rows of a report for people; --format csv has all of them.
_MOST_LINES = 40


@dataclass(frozen=True)
class Difference:
    """The calls in scope of one tenant and model, before and after. Amounts in USD; None = no cost is known."""

    tenant_id: str | None
    provider: str | None
    model: str | None
    is_closed: bool  # of closed months: booked as corrections
    n_calls_before: int
    n_calls_after: int
    n_priced_before: int
    n_priced_after: int
    n_changed: int
    list_before_usd: Decimal | None
    list_after_usd: Decimal | None
    effective_before_usd: Decimal | None
    effective_after_usd: Decimal | None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Difference:
        amounts = {
            name: None if row[name] is None else Decimal(row[name]) for name in row if name.endswith("_usd")
        }
        return cls(**{**row, **amounts})

    @property
    def effective_delta_usd(self) -> Decimal:
        return (self.effective_after_usd or Decimal(0)) - (self.effective_before_usd or Decimal(0))


@dataclass(frozen=True)
class Preview:
    """What a repricing would change."""

    n_calls: int
    n_changed: int
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Outcome:
    """What a pricing run came to."""

    pricing_run: str
    n_calls: int | None  # None: it stopped, and `note` says why
    n_changed: int | None
    n_corrected: int | None
    note: str | None


def preview(
    server: Owner, project: str, scope: PricingScope, rules: Sequence[Mapping[str, Any]] = ()
) -> Preview:
    """What a repricing would change now; `rules` are records of attribution rules, as if they were recorded last."""
    found = server.client.admin("reprice", {"project": project, **scope.document(), "rules": list(rules)})
    return Preview(
        found["n_calls"], found["n_changed"], [Difference.read(row) for row in found["differences"]]
    )


def run(
    server: Owner, project: str, scope: PricingScope, *, note: str | None, by: str | None = None
) -> Outcome:
    """Record a pricing run and wait until it is done. Raises ServerError when the store forgets it."""
    pricing_run = str(ULID())
    record = {
        "pricing_run": pricing_run,
        "scope": scope.document(),
        "note": note,
        "requested_by": by or whoami(),
        "requested_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    server.post_records("pricing_runs", [record], project=project)
    while (outcome := _outcome(server, project, pricing_run)) is None:
        time.sleep(_LOOK_EVERY_S)
    return outcome


def whoami() -> str:
    """The name under which this command records something."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def report(found: Preview) -> str:
    """The differences for people: by tenant and model, the largest first, and what they come to."""
    shown = found.differences[:_MOST_LINES]
    lines = [_line(one) for one in shown]
    if len(found.differences) > len(shown):
        rest = found.differences[len(shown) :]
        lines.append(_total(f"({len(rest):,} more)", rest))
    lines.append(_total("total", found.differences))
    headers = [
        "tenant",
        "model",
        "calls",
        "with a cost",
        "list before",
        "list after",
        "before",
        "after",
        "difference",
    ]
    text = text_table(headers, lines)
    text += f"\n{found.n_changed:,} of {found.n_calls:,} calls in scope would change.\n"
    if any(one.is_closed for one in found.differences):
        text += (
            "Lines marked (closed) are of closed months: their calls stay as they are, and the difference is booked as "
            "corrections in the next open month.\n"
        )
    return text


def _line(one: Difference) -> list[Any]:
    return [
        one.tenant_id or "(no tenant)",
        f"{one.model or '(no model)'}{' (closed)' if one.is_closed else ''}",
        _from_to(one.n_calls_before, one.n_calls_after),
        _from_to(one.n_priced_before, one.n_priced_after),
        _amount(one.list_before_usd),
        _amount(one.list_after_usd),
        _amount(one.effective_before_usd),
        _amount(one.effective_after_usd),
        difference(one.effective_delta_usd),
    ]


def _total(name: str, rows: Sequence[Difference]) -> list[Any]:
    def usd(column: str) -> str:
        known = [amount for row in rows if (amount := getattr(row, column)) is not None]
        return _amount(sum(known, Decimal(0)) if known else None)

    def counted(column: str) -> int:
        return sum(getattr(row, column) for row in rows)

    return [
        name,
        "",
        _from_to(counted("n_calls_before"), counted("n_calls_after")),
        _from_to(counted("n_priced_before"), counted("n_priced_after")),
        usd("list_before_usd"),
        usd("list_after_usd"),
        usd("effective_before_usd"),
        usd("effective_after_usd"),
        difference(sum((row.effective_delta_usd for row in rows), Decimal(0))),
    ]


def difference(usd: Decimal) -> str:
    """An amount with its sign."""
    return f"+{money(usd)}" if usd > 0 else money(usd)


def _amount(usd: Decimal | None) -> str:
    return "unknown" if usd is None else money(usd)


def _from_to(before: int, after: int) -> str:
    return f"{before:,}" if before == after else f"{before:,} → {after:,}"


def _outcome(server: Owner, project: str, pricing_run: str) -> Outcome | None:
    """What the run came to; None while it is under way."""
    found = server.client.rows("pricing_runs", project=project, params={"pricing_run": pricing_run})
    if not found:
        raise ServerError(
            f"pricing run {pricing_run} is not stored (yet). If the server is behind, `steelyard doctor` says so; then "
            f"`steelyard query pricing_runs --param pricing_run={pricing_run}` tells what became of it."
        )
    [row] = found
    if row["finished_at"] is None:
        return None
    return Outcome(
        **{name: row[name] for name in ("pricing_run", "n_calls", "n_changed", "n_corrected", "note")}
    )
