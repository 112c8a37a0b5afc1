"""A month's spend as rows and as text for people: calls by group, and corrections of closed months on lines of their own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from commands.output import text_table
from dashboard.formats import UNKNOWN, count, money, sampling_note, share
from store.dimensions import short_name
from store.reader import rows

Row = Mapping[str, Any]
# What a correction says of its call; by anything else it is one line.
_OF_CORRECTIONS = ("tenant_id", "provider", "model")
_SUMMED = ("n_calls", "n_priced", "n_unpriced", "tokens", "priced_tokens", "input_tokens", "output_tokens")
_SUMMED_USD = ("cost_usd", "list_cost_usd", "reported_cost_usd", "saved_usd")


@dataclass(frozen=True)
class Asked:
    """What of which month was asked for; `only` is the dimension of `--where`, `value` what it must be."""

    month: str  # YYYY-MM
    project: str
    by: Sequence[str]
    where: str | None
    only: str | None
    value: str

    @property
    def narrowed(self) -> str:
        return f", where {self.where}" if self.where else ""


@dataclass(frozen=True)
class Month:
    """The answers of `spend_month`, `month_totals` and `corrections`."""

    groups: pa.Table
    totals: pa.Table
    corrections: pa.Table


def as_table(asked: Asked, found: Month) -> pa.Table:
    """A column for each dimension in front, by its name. `correction_of` is the closed month of a correction, else NULL.

    All columns that hold US dollars can be summed; a correction has no counts: its calls are in their own month.
    """
    amounts = found.groups.drop_columns(["tenant_id", "value", "value_2"])
    values = [found.groups[name] for name in ("value", "value_2")[: len(asked.by)]]
    groups = pa.table([*values, *amounts.columns], names=[*asked.by, *amounts.column_names])
    groups = groups.append_column("correction_of", pa.nulls(groups.num_rows, pa.string()))
    lines = [{name: line.get(name) for name in groups.column_names} for line in _corrections(asked, found)]
    return pa.concat_tables([groups, pa.Table.from_pylist(lines, groups.schema)])


def as_text(asked: Asked, found: Month) -> str:
    """The month for people, with how much of it is known."""
    lines = rows(as_table(asked, found))
    if not lines:
        return f"No calls in {asked.month} (UTC) in project {asked.project}{asked.narrowed}.\n"
    [totals] = rows(found.totals)
    closed = f", closed on {totals['closed_at']:%Y-%m-%d}" if totals["closed_at"] else ""
    said = [*_coverage(lines, totals), *_beside(asked, found, lines)]
    return (
        f"Spend in {asked.month} (UTC), project {asked.project}{asked.narrowed}{closed}\n\n"
        + _drawn(asked, lines)
        + "\n"
        + "".join(f"{one}\n" for one in said)
    )


def _corrections(asked: Asked, found: Month) -> Iterator[dict[str, Any]]:
    """A line for each group and closed month. None where the filter is about what a correction does not say."""
    if not _corrections_are_shown(asked):
        return
    sums: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    corrections: Sequence[Row] = found.corrections.to_pylist()
    for row in corrections:
        if asked.only and (row[asked.only] or "") != asked.value:
            continue
        group = [row[name] if name in _OF_CORRECTIONS else None for name in asked.by]
        listed = sums[*group, f"{row['call_month']:%Y-%m}"]
        listed[0] += row["effective_delta_usd"]
        listed[1] += row["list_delta_usd"]
    for (*group, month), (cost_usd, list_cost_usd) in sums.items():
        told = dict(zip(asked.by, group, strict=True))
        yield told | {"correction_of": month, "cost_usd": cost_usd, "list_cost_usd": list_cost_usd}


def _corrections_are_shown(asked: Asked) -> bool:
    return asked.only is None or asked.only in _OF_CORRECTIONS


def _drawn(asked: Asked, lines: Sequence[Row]) -> str:
    columns = _columns(lines)
    names = ["total", *[""] * (len(asked.by) - 1)]
    drawn = [[*_names(asked, line), *(cell(line) for cell in columns.values())] for line in lines]
    total = [*names, *(cell(_total(lines)) for cell in columns.values())]
    return text_table([*map(short_name, asked.by), *columns], [*drawn, total])


def _columns(lines: Sequence[Row]) -> dict[str, Callable[[Row], str]]:
    """The columns by their headers. What nobody reported, and no cache saved, has none here; other formats have all."""

    def of_calls(cell: Callable[[Row], str]) -> Callable[[Row], str]:
        return lambda line: "" if line["n_calls"] is None else cell(line)

    columns = {
        "calls": of_calls(lambda line: count(line["n_calls"])),
        "input tokens": of_calls(lambda line: count(line["input_tokens"])),
        "output tokens": of_calls(lambda line: count(line["output_tokens"])),
        "cost": lambda line: _known(line["cost_usd"]),
        "list price": lambda line: _known(line["list_cost_usd"]),
    }
    if _usd(lines, "reported_cost_usd") is not None:
        columns["reported"] = of_calls(lambda line: money(line["reported_cost_usd"]))
    if _usd(lines, "saved_usd") is not None:
        columns["saved"] = of_calls(lambda line: money(line["saved_usd"]))
    return columns | {
        "calls priced": of_calls(lambda line: share(line["n_priced"], line["n_calls"])),
        "tokens priced": of_calls(lambda line: share(line["priced_tokens"], line["tokens"])),
        "unpriced calls": of_calls(lambda line: count(line["n_unpriced"]) if line["n_unpriced"] else ""),
    }


def _total(lines: Sequence[Row]) -> Row:
    counts = {name: _sum(lines, name) for name in _SUMMED}
    return counts | {name: _usd(lines, name) for name in _SUMMED_USD}


def _names(asked: Asked, line: Row) -> list[str]:
    first, *others = (line[name] or f"(no {short_name(name)})" for name in asked.by)
    if line["correction_of"] is None:
        return [first, *others]
    if not set(asked.by) & set(_OF_CORRECTIONS):
        return [f"correction of {line['correction_of']}", *[""] * len(others)]
    return [f"{first}, correction of {line['correction_of']}", *others]


def _coverage(lines: Sequence[Row], totals: Row) -> Iterator[str]:
    """What the total does not hold, in words: an unknown cost is never zero."""
    n_calls = _sum(lines, "n_calls")
    if n_calls:
        of_tokens = share(_sum(lines, "priced_tokens"), _sum(lines, "tokens"))
        tokens = "" if of_tokens == UNKNOWN else f" and {of_tokens} of tokens"
        yield f"{share(_sum(lines, 'n_priced'), n_calls)} of calls{tokens} have a known cost."
    if n_unpriced := _sum(lines, "n_unpriced"):
        models = sorted(
            {name for line in lines for name in (line["unpriced_models"] or "").split(", ") if name}
        )
        yield (
            f"Not in the total: {n_unpriced:,} calls without a price ({', '.join(models)}). "
            "`steelyard prices report` says why, and what gives them one."
        )
    if n_no_usage := _sum(lines, "n_no_usage"):
        yield f"Not in the total: {n_no_usage:,} calls that reported no usage."
    if totals["n_estimated"]:
        yield f"Of the costs {totals['n_estimated']:,} are estimates; `steelyard explain SPAN` says why one is."


def _beside(asked: Asked, found: Month, lines: Sequence[Row]) -> Iterator[str]:
    """What stands beside the total: other people's bills, other months, calls that were never sent."""
    if n_billed := _sum(lines, "n_customer_billed"):
        yield (
            f"Not in the total: {n_billed:,} calls on customers' own accounts, "
            f"{_known(_usd(lines, 'customer_billed_usd'))} at list prices."
        )
    corrected = _usd([line for line in lines if line["correction_of"] is not None], "cost_usd")
    if corrected is not None:
        yield f"In the total: {money(corrected)} of corrections of closed months, booked in this one."
    elif found.corrections.num_rows and not _corrections_are_shown(asked):
        yield (
            "Not in the total: corrections of closed months that are booked in this one; they are known by tenant, "
            "provider and model only."
        )
    note = sampling_note(_sum(lines, "n_sampled"), _sum(lines, "n_calls"), _usd(lines, "estimated_cost_usd"))
    if note:
        yield note


def _known(usd: Decimal | None) -> str:
    return "unknown" if usd is None else money(usd)


def _usd(lines: Sequence[Row], column: str) -> Decimal | None:
    """The sum of what is known; None when nothing is."""
    known = [line[column] for line in lines if line[column] is not None]
    return sum(known, Decimal(0)) if known else None


def _sum(lines: Sequence[Row], column: str) -> int:
    return sum(int(line[column] or 0) for line in lines)
