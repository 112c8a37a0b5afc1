"""The cost section of an explanation (collector/server/explain_cost.py) as text: each figure with where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Found = Mapping[str, Any]
Pair = tuple[str, str]


def cost(found: Found, sampling: Found) -> Iterator[str]:
    """What the call cost, step by step, and what would change it."""
    yield "cost"
    estimated = ", an estimate" if found["is_estimated"] else ""
    rows = [("status", f"{found['status'] or '–'}: {found['means']}{estimated}")]
    if found["contradiction"]:
        rows.append(("", found["contradiction"]))
    rows += _amounts(found)
    rows += _card(found["card"], "rate card") if found["card"] else _unknown_card(found)
    rows += _whose(found)
    rows.append(("sampling", sampling["means"]))
    yield from aligned(rows)
    yield from _arithmetic(found)
    yield from _changes(found["would_change"])
    if len(found["history"]) > 1 or any(one["is_void"] for one in found["history"]):
        yield "  charges, oldest first"
        yield from (f"    {_charge(one)}" for one in found["history"])


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows of as many cells as each other, indented; the last cell is as long as it is."""
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    for *cells, last in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        yield "  " + "  ".join([*padded, last]).rstrip()


def usd(amount: str | None) -> str:
    """An amount to its last digit."""
    return "unknown" if amount is None else f"{_number(amount)} USD"


def _amounts(found: Found) -> list[Pair]:
    named = {
        "effective_cost_usd": "cost",
        "list_cost_usd": "list price",
        "saved_cost_usd": "saved by a cache",
        "reported_cost_usd": "the emitter reported",
    }
    return [(name, usd(found[key])) for key, name in named.items() if found[key] is not None]


def _card(card: Found, title: str) -> list[Pair]:
    """The card, from when to when it holds, and on whose word."""
    until = _moment(card["holds_to"]) or "further notice"
    variant = "" if card["variant"] == "standard" else f", {card['variant']}"
    window = card["window"] and f", from minute {card['window'][0]} to {card['window'][1]} of the UTC day"
    source = ", ".join(
        filter(
            None,
            (
                card["source"],
                card["source_version"],
                card["checked_on"] and f"checked {card['checked_on']}",
            ),
        )
    )
    recorded = ", ".join(
        filter(None, (_moment(card["recorded_at"]), card["recorded_by"] and f"by {card['recorded_by']}"))
    )
    tier = _tier(card)
    told = [
        (title, f"{card['rate_card']}, in {card['currency']}{variant}{window or ''}"),
        ("  holds", f"from {_moment(card['holds_from'])} up to {until}, UTC"),
        ("  tier", tier),
        ("  source", f"{card['layer']}: {source or 'none given'}"),
        ("  recorded", recorded or "with the shipped price book"),
    ]
    return told + ([("  note", card["note"])] if card["note"] else [])


def _tier(card: Found) -> str:
    """Which context tier's rates these are, and why."""
    bounds = [f"above {card['above_tokens']:,}"] if card["above_tokens"] else []
    bounds += [f"up to {card['up_to_tokens']:,}"] if card["up_to_tokens"] is not None else []
    if not bounds:
        return "the only one"
    return f"{' and '.join(bounds)} input tokens; the call has {card['input_tokens'] or 0:,}, cached ones included"


def _unknown_card(found: Found) -> list[Pair]:
    return [("rate card", f"{found['rate_card']}, which is not recorded here")] if found["rate_card"] else []


def _whose(found: Found) -> list[Pair]:
    rows: list[Pair] = []
    if found["price_book"]:
        rows.append(("price book", found["price_book"]))
    if found["billed_to"]:
        whose = (
            "our account" if found["billed_to"] == "us" else "the customer's own account: it costs us nothing"
        )
        rows.append(("billed to", whose))
    if tenant := found["tenant"]:
        rows.append(("tenant", _tenant(tenant)))
    return rows


def _tenant(tenant: Found) -> str:
    name = tenant["tenant_id"] or "none (unallocated)"
    if not tenant["attributed_by"]:
        return f"{name}, as telemetry said it" if tenant["tenant_id"] else name
    said = f"telemetry said {tenant['said']}" if tenant["said"] else "telemetry said none"
    rule = tenant["rule"]
    if rule is None:
        return f"{name}, by rule {tenant['attributed_by']}, which is not recorded any more; {said}"
    begins, ends = _moment(rule["valid_from"]) or "ever", _moment(rule["valid_to"])
    within = f"from {begins}" + (f" up to {ends}" if ends else " on")
    by = f", recorded by {rule['recorded_by']}" if rule["recorded_by"] else ""
    withdrawn = "; withdrawn since" if rule["is_withdrawn"] else ""
    value = rule["dimension_value"] or "(none)"
    return (
        f"{name}, by rule {rule['rule_id']} ({rule['dimension']} = {value}, {within}{by}{withdrawn}); {said}"
    )


def _arithmetic(found: Found) -> Iterator[str]:
    worked_out = found["arithmetic"]
    if worked_out is None:
        return
    yield f"  arithmetic, rates per million in {found['card']['currency']}"
    rows = _lines(worked_out["lines"])
    if worked_out["sum"]:
        name = "would have cost" if found["status"] == "cache_hit" else "list price"
        rows.append((name, worked_out["sum"]))
    effective = worked_out["effective"]
    if effective:
        told = effective.get("arithmetic")
        rows.append(("cost", f"{told}, {effective['because']}" if told else effective["because"]))
    yield from (f"  {line}" for line in aligned(rows))
    yield from _factors(worked_out)
    yield from _agreement(effective)
    if not worked_out["is_exact"]:
        yield "    this does not give what was charged: the card or its rates are not what they were; see the charges"


def _lines(lines: Sequence[Found]) -> list[Pair]:
    def told(line: Found) -> str:
        same = line["priced_as"] == line["unit"]
        return f"{line['arithmetic']}" + ("" if same else f" (at the rate of {line['priced_as']})")

    return [(line["unit"], told(line)) for line in lines if line["count"]]


def _factors(worked_out: Found) -> Iterator[str]:
    if worked_out["region_multiplier"] is not None:
        yield f"    region {worked_out['region']}: × {_number(worked_out['region_multiplier'])}"
    if worked_out["fx_rate"] is not None:
        yield f"    exchange rate {_number(worked_out['fx_rate'])}: {worked_out['fx_source'] or 'no source given'}"


def _agreement(effective: Found) -> Iterator[str]:
    if lines := effective.get("lines"):
        yield "    as agreed"
        yield from (f"    {line}" for line in aligned(_lines(lines)))
        yield from (f"    {line}" for line in aligned(_card(effective["card"], "card")))
    if agreement := effective.get("agreement"):
        until = _moment(agreement["valid_to"]) or "further notice"
        by = f", recorded by {agreement['recorded_by']}" if agreement["recorded_by"] else ""
        yield (
            f"    agreement {agreement['agreement']}: from {_moment(agreement['valid_from'])} up to {until}, "
            f"{agreement['source'] or 'no source given'}{by}"
        )


def _changes(changes: Sequence[Found]) -> Iterator[str]:
    if not changes:
        return
    yield "  what would change it"
    for one in changes:
        yield f"    {one['says']}"
        yield from (f"      {command}" for command in one["commands"])


def _charge(one: Found) -> str:
    what = "void" if one["is_void"] else f"{one['cost_status']} {usd(one['effective_cost_usd'])}"
    if one["list_cost_usd"] != one["effective_cost_usd"]:
        what += f" ({usd(one['list_cost_usd'])} at list prices)"
    supersedes = f", in place of {one['supersedes']}" if one["supersedes"] is not None else ""
    run = "" if one["pricing_run"] in (None, "ingest") else f", by repricing {one['pricing_run']}"
    official = ", counts" if one["is_official"] and not one["is_void"] else ""
    return f"{one['seq']}  {one['recorded_at']}  {what}{supersedes}{run}{official}"


def _moment(text: str | None) -> str:
    """`2026-10-01T00:00:00Z` as `2026-10-01`, with the time of day unless it is midnight; undated cards begin in 1970."""
    if text is None:
        return ""
    day, _, clock = text.removesuffix("Z").partition("T")
    if day == "1970-01-01":
        return "the beginning"
    return day if clock.startswith("00:00:00") else f"{day} {clock[:5]}"


def _number(amount: str) -> str:
    return amount.rstrip("0").rstrip(".") if "." in amount else amount
