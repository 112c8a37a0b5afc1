"""What a call cost and why: the card, each step of the arithmetic, whose bill it is, and every charge that it ever had."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from collector.server.explain_change import changes_of
from collector.server.explain_price import (
    Basis,
    Factors,
    Line,
    basis_of,
    counted,
    lines_of,
    multiplied,
    plain,
    total_of,
)
from collector.server.explain_reprice import Repriced
from pricing.cards import Agreement
from pricing.prices import Prices
from pricing.units import UNITS

Row = Mapping[str, Any]

_STATUSES = {
    "priced": "priced by its rate card",
    "free": "every rate of its card is an explicit zero",
    "cache_hit": "answered from the gateway's cache; nothing was billed",
    "no_usage": "not known: no count of tokens was sent",
    "conflict": "not known: the counts contradict each other",
    "unpriced_model": "not known: the price book has no card for this model at that time",
    "unpriced_unit": "not known: the card has no rate for a kind of token that was counted",
}
_TOLD = ("cost_status", "list_cost_usd", "effective_cost_usd", "rate_card", "pricing_run", "recorded_at")
_OF_CARD = (
    *(
        "rate_card",
        "model_key",
        "provider",
        "model",
        "model_provider",
        "variant",
        "currency",
        "layer",
        "window",
    ),
    *("source", "source_version", "checked_on", "recorded_at", "recorded_by", "note", "estimated_because"),
)
_OF_AGREEMENT = (
    *("agreement", "provider", "model_key", "multiplier", "valid_from", "valid_to", "source", "note"),
    *("recorded_at", "recorded_by"),
)


@dataclass(frozen=True)
class Facts:
    """What an explanation of a cost goes by, beside the call's row and its charges.

    `may_see` says of a card's or an agreement's name whether the caller may: what is agreed with a provider is not for the
    tenants. `rule` is the one that says whom the call is for, `repriced` what it would cost now.
    """

    prices: Prices
    may_see: Callable[[str], bool]
    rule: Row | None
    closed_at: Any
    repriced: Repriced | None


def cost_of(row: Row, charges: Sequence[Row], facts: Facts) -> dict[str, Any]:
    """`amounts` are USD by kind of token, of the charge that counts; `history` is every charge, the oldest first."""
    official = charges[-1] if charges else None
    counts = official if official is not None and official["cost_status"] != "void" else None
    status = row["cost_status"]
    basis = basis_of(row, counts["recorded_at"] if counts else None, facts.prices) if status else None
    used = counted(row) if status else {}
    worked_out = _worked_out(row, counts, basis, used, facts) if basis and not isinstance(used, str) else None
    return {
        "status": status,
        "means": "no call, no cost" if status is None else _STATUSES.get(status, status),
        "is_estimated": row["cost_estimated"],
        "list_cost_usd": row["list_cost_usd"],
        "effective_cost_usd": row["effective_cost_usd"],
        "saved_cost_usd": row["saved_cost_usd"],
        "rate_card": row["rate_card"],
        "reported_cost_usd": row["reported_cost_usd"],
        "price_book": counts and counts["price_book"],
        "billed_to": row["billed_to"],
        "amounts": {unit: usd for unit in UNITS if counts and (usd := counts[f"{unit}_usd"]) is not None},
        "card": basis and _card(basis, row),
        "arithmetic": worked_out,
        "contradiction": used if isinstance(used, str) and status == "conflict" else None,
        "tenant": _tenant(row, facts.rule) if status else None,
        "would_change": changes_of(row, basis, used, facts.prices, facts.repriced, facts.closed_at)
        if status
        else [],
        "history": [
            {
                "seq": one["seq"],
                "supersedes": one["supersedes"],
                "is_void": one["cost_status"] == "void",
                "is_official": one is official,
                **{name: one[name] for name in _TOLD},
            }
            for one in charges
        ],
    }


def disagreement(row: Row, charges: Sequence[Row]) -> tuple[Any, Any] | None:
    """(what the row says the call cost, what its last charge says), where the two are not the same."""
    charged = charges[-1]["list_cost_usd"] if charges else None
    return None if row["list_cost_usd"] == charged else (row["list_cost_usd"], charged)


def _card(basis: Basis, row: Row) -> dict[str, Any]:
    return {name: getattr(basis.card, name) for name in _OF_CARD} | {
        "holds_from": basis.holds_from,
        "holds_to": basis.holds_to,
        "above_tokens": basis.sheet.above_tokens,
        "up_to_tokens": basis.sheet.up_to_tokens,
        "input_tokens": row["input_tokens"],
    }


def _worked_out(row: Row, charge: Row | None, basis: Basis, used: Any, facts: Facts) -> dict[str, Any]:
    """Each step from the counts to what is paid. `is_exact`: the steps give to the last digit what was charged."""
    factors = Factors.of(charge, basis.card)
    lines = lines_of(used, basis, factors)
    total = total_of(lines)
    effective = _effective(row, charge, used, total, basis, facts)
    charged = row["saved_cost_usd"] if row["cost_status"] == "cache_hit" else row["list_cost_usd"]
    is_exact = charged is None or (
        total == charged and effective.get("usd") in (None, row["effective_cost_usd"])
    )
    return {
        "lines": [line.as_dict() for line in lines],
        "list_cost_usd": total,
        "sum": _sum(lines, total),
        "region": row["region"] if factors.region is not None else None,
        "region_multiplier": factors.region,
        "fx_rate": factors.fx_rate,
        "fx_source": charge and charge["fx_source"],
        "effective": effective,
        "is_exact": is_exact,
    }


def _sum(lines: Sequence[Line], total: Decimal | None) -> str | None:
    """`0.0025 + 0.01 = 0.0125`."""
    used = [line.amount_usd for line in lines if line.count and line.amount_usd is not None]
    return None if total is None or not used else f"{' + '.join(map(plain, used))} = {plain(total)}"


def _effective(
    row: Row, charge: Row | None, used: Any, total: Decimal | None, basis: Basis, facts: Facts
) -> dict[str, Any]:
    """How the list price becomes what is paid: `usd`, `because`, the `arithmetic`, and the `agreement` it rests on."""
    if charge is None or total is None:
        return {}
    if row["cost_status"] == "cache_hit":
        return {"usd": Decimal(0), "because": "nothing was billed: the gateway's cache answered"}
    if row["billed_to"] == "customer":
        return {"usd": Decimal(0), "because": "the provider bills the customer's own account"}
    agreement, multiplier = charge["agreement"], charge["agreement_multiplier"]
    if agreement is None:
        return {"usd": total, "because": "no agreement applies: the list price"}
    if not facts.may_see(agreement):
        return {"because": "by an agreement that this access key does not see"}
    contract = _by_contract(row, charge, used, basis, facts.prices)
    if multiplier is None:
        return {"because": f"prices agreed on: {agreement}"} | contract
    usd, of = multiplied(total, multiplier), total
    if usd != row["effective_cost_usd"] and contract.get("usd") is not None:
        of, usd = contract["usd"], multiplied(contract["usd"], multiplier)
    return {
        "usd": usd,
        "because": f"agreement {agreement}",
        "arithmetic": f"{plain(of)} × {plain(multiplier)} = {plain(usd)}",
        "agreement": _agreement(row, agreement, multiplier, facts.prices),
    }


def _by_contract(row: Row, charge: Row, used: Any, basis: Basis, prices: Prices) -> dict[str, Any]:
    """The arithmetic by a card that was agreed on with the provider; empty where there is none."""
    at, tenant = row["started_at"], row["attributed_tenant_id"] or row["tenant_id"]
    layout = prices.contract_layout
    found = layout and layout.find(basis.card.model_key, basis.card.variant, at, layout.terms_of(tenant))
    if not layout or not found or found.card.layer != "agreement":
        return {}
    agreed = Basis(
        found.card, found.sheet_for(row["input_tokens"] or 0), found.card.valid_from, found.card.valid_to
    )
    fx_rate = found.fx.usd_per_unit if found.fx else None
    lines = lines_of(
        used, agreed, Factors(found.region_multiplier(row["region"]), found.card.currency, fx_rate)
    )
    total = total_of(lines)
    return {
        "usd": total,
        "lines": [line.as_dict() for line in lines],
        "arithmetic": _sum(lines, total),
        "card": _card(agreed, row),
    }


def _agreement(row: Row, name: str, multiplier: Decimal, prices: Prices) -> dict[str, Any] | None:
    """The record of that name that held, the last one recorded."""

    def fits(one: Agreement) -> bool:
        begun = one.valid_from <= row["started_at"] and (
            one.valid_to is None or row["started_at"] < one.valid_to
        )
        return one.agreement == name and one.multiplier == multiplier and begun

    found = [one for one in prices.records.agreements if fits(one)]
    return {field: getattr(found[-1], field) for field in _OF_AGREEMENT} if found else None


def _tenant(row: Row, rule: Row | None) -> dict[str, Any]:
    """Whom the call is for: what telemetry said, and the rule that goes before it."""
    return {
        "tenant_id": row["attributed_tenant_id"] or row["tenant_id"],
        "said": row["tenant_id"],
        "attributed_by": row["attributed_by"],
        "rule": rule,
    }
