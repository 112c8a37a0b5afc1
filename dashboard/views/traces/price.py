"""Why a call costs what it costs: the rule that counts it, the card, every step of the arithmetic, what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from dashboard import formats, pieces, source
from dashboard.formats import count, plain
from dashboard.source import Row
from dashboard.views.traces.facts import Fact, facts_table
from errors import QueryError

# An explanation, or a part of one, as collector/server/explain.py makes it: amounts and times are text.
Found = Mapping[str, Any]


def draw(project: str, trace_id: str, span: Row) -> None:
    try:
        found = source.explain(project, trace_id, span["span_id"])
    except QueryError as refused:
        st.info(plain(str(refused)), icon=":material/help:")
        return
    if found is None:
        _from_a_file(span)
        return
    cost = found["cost"]
    st.markdown(f"**{headline(cost)}**")
    facts_table(list(amounts(cost)), "What the call costs, by whose word.", key="amounts")
    _arithmetic(cost)
    facts_table(list(standing(found)), "Which card and which rules the cost rests on.", key="standing")
    _what_would_change_it(cost["would_change"])
    _charges(cost["history"])
    if not found["check"]["is_same"]:
        st.warning(plain(found["check"]["means"]), icon=":material/warning:")


def _from_a_file(span: Row) -> None:
    st.caption(
        "This page reads a file, and the steps of a price are worked out by a store server. For this call they are printed by:"
    )
    st.code(f"steelyard explain {span['span_id']} --data DIRECTORY", language="bash")


def headline(cost: Found) -> str:
    """The amount, and in a few words why it is what it is; Markdown."""
    amount = exact(cost["effective_cost_usd"])
    estimated = ", an estimate" if cost["is_estimated"] else ""
    return f"{plain(amount)} :gray[· {plain(cost['means'] + estimated)}]"


def amounts(cost: Found) -> Iterator[Fact]:
    if cost["contradiction"]:
        yield "contradiction", cost["contradiction"]
    if cost["list_cost_usd"] != cost["effective_cost_usd"]:
        yield "list price", exact(cost["list_cost_usd"])
    if cost["saved_cost_usd"] is not None:
        yield "saved by a cache", exact(cost["saved_cost_usd"])
    if cost["reported_cost_usd"] is not None:
        yield "the emitter reported", exact(cost["reported_cost_usd"])
    if cost["billed_to"] == "customer":
        yield "billed to", "the customer's own account: it costs us nothing"


def lines(worked_out: Found) -> list[dict[str, str]]:
    """A row a kind of token that was counted, as text."""
    return [
        {
            "unit": line["unit"].replace("_", " "),
            "count": count(line["count"]),
            "rate": formats.UNKNOWN if line["per_million"] is None else trimmed(line["per_million"]),
            "amount": exact(line["amount_usd"]),
            "arithmetic": line["arithmetic"]
            + ("" if line["priced_as"] == line["unit"] else f" (at the rate of {line['priced_as']})"),
        }
        for line in worked_out["lines"]
        if line["count"]
    ]


def standing(found: Found) -> Iterator[Fact]:
    """The card, and the chain of rules by which the span is a call of this tenant."""
    cost, role = found["cost"], found["role"]
    yield from card(cost["card"]) if cost["card"] else _without_card(cost)
    effective = (cost["arithmetic"] or {}).get("effective") or {}
    if effective:
        yield "list price to cost", effective.get("arithmetic") or effective["because"]
    if effective.get("agreement"):
        yield "agreement", _agreement(effective["agreement"])
    yield "price book", cost["price_book"] or ""
    yield "counted as", f"{role['role']}: {role['means']}"
    yield "by the rule", f"{role['family_rule'] or 'none recorded'} (family {role['family'] or 'none'})"
    yield "settled", role["because"] or ""
    yield "folded into it", ", ".join(f"span {one['span_id']}" for one in found["folded"] if "span_id" in one)
    yield "tenant", tenant(cost["tenant"]) if cost["tenant"] else ""
    yield "sampling", found["sampling"]["means"]
    yield "doubt", found["doubt"]["means"] if found["doubt"] else ""


def card(one: Found) -> Iterator[Fact]:
    variant = "" if one["variant"] == "standard" else f", {one['variant']}"
    yield "rate card", f"{one['rate_card']}, in {one['currency']}{variant}"
    since, until = moment(one["holds_from"]) or "ever", moment(one["holds_to"]) or "further notice"
    yield "holds", f"from {since} up to {until}, UTC"
    yield "tier", tier(one)
    checked = f"checked {one['checked_on']}" if one["checked_on"] else ""
    yield "source", ", ".join(filter(None, (one["layer"], one["source"], one["source_version"], checked)))
    yield "note", one["note"] or ""


def tier(one: Found) -> str:
    """Which tier's rates by length of the input these are; empty where there is only one."""
    bounds = [f"above {count(one['above_tokens'])}"] if one["above_tokens"] else []
    bounds += [f"up to {count(one['up_to_tokens'])}"] if one["up_to_tokens"] is not None else []
    return f"{' and '.join(bounds)} input tokens; the call has {count(one['input_tokens'])}" if bounds else ""


def tenant(one: Found) -> str:
    """Whom the call is for, and who says so."""
    name = one["tenant_id"] or "none (unallocated)"
    if not one["attributed_by"]:
        return f"{name}, as telemetry said it" if one["tenant_id"] else name
    said = f"telemetry said {one['said']}" if one["said"] else "telemetry said none"
    return f"{name}, by rule {one['attributed_by']}; {said}"


def exact(amount: str | None) -> str:
    """An amount in US dollars to its last digit."""
    return "not known" if amount is None else f"${trimmed(amount)}"


def trimmed(number: str) -> str:
    """A decimal number without the zeros at its end."""
    return f"{Decimal(number).normalize():,f}"


def moment(text: str | None) -> str:
    """`2026-10-01T00:00:00Z` as `2026-10-01`, with the time of day unless it is midnight; cards of ever begin in 1970."""
    if text is None or text.startswith("1970-01-01"):
        return ""
    day, _, clock = text.removesuffix("Z").partition("T")
    return day if clock.startswith("00:00:00") else f"{day} {clock[:5]}"


def _without_card(cost: Found) -> Iterator[Fact]:
    if cost["rate_card"]:
        yield "rate card", f"{cost['rate_card']}, which is not recorded here"


def _agreement(one: Found) -> str:
    until = moment(one["valid_to"]) or "further notice"
    return f"{one['agreement']}, from {moment(one['valid_from']) or 'ever'} up to {until}, {one['source'] or 'no source given'}"


def _arithmetic(cost: Found) -> None:
    worked_out = cost["arithmetic"]
    if not worked_out or not lines(worked_out):
        return
    currency = cost["card"]["currency"]
    pieces.table(
        lines(worked_out),
        {},
        {
            "unit": st.column_config.TextColumn("tokens of", width=120),
            "count": st.column_config.TextColumn("count", width=70, alignment="right"),
            "rate": st.column_config.TextColumn(f"{currency} / 1M", width=70, alignment="right"),
            "amount": st.column_config.TextColumn("US dollars", width=92, alignment="right"),
            "arithmetic": st.column_config.TextColumn("how", width=230),
        },
        alt="Each kind of token of the call with its count, its rate, and what it comes to.",
        key=f"lines-{cost['rate_card']}",
    )
    factors = list(_factors(worked_out))
    total = worked_out["sum"]
    if total:
        factors.insert(0, f"{'would have cost' if cost['status'] == 'cache_hit' else 'list price'} {total}")
    if not worked_out["is_exact"]:
        factors.append("this does not give what was charged: the card is not what it was; see the charges")
    if factors:
        st.caption(plain("; ".join(factors)))


def _factors(worked_out: Found) -> Iterator[str]:
    if worked_out["region_multiplier"] is not None:
        yield f"region {worked_out['region']}: × {trimmed(worked_out['region_multiplier'])}"
    if worked_out["fx_rate"] is not None:
        yield f"exchange rate {trimmed(worked_out['fx_rate'])}, {worked_out['fx_source'] or 'no source given'}"


def _what_would_change_it(changes: Sequence[Found]) -> None:
    if not changes:
        return
    with st.expander("What would change it", icon=":material/tune:"):
        for one in changes:
            st.markdown(plain(one["says"]))
            for command in one["commands"]:
                st.code(command, language="bash", wrap_lines=True)


def _charges(history: Sequence[Found]) -> None:
    """Every charge that the call ever had, where there was more than one."""
    if len(history) < 2 and not any(one["is_void"] for one in history):
        return
    pieces.table(
        [
            {
                "seq": one["seq"],
                "recorded": moment(one["recorded_at"]),
                "charge": "void" if one["is_void"] else exact(one["effective_cost_usd"]),
                "because": "at arrival"
                if one["pricing_run"] in (None, "ingest")
                else f"repricing {one['pricing_run']}",
                "counts": "✓ counts" if one["is_official"] and not one["is_void"] else "",
            }
            for one in history
        ],
        {},
        {
            "seq": st.column_config.NumberColumn("#", width=30),
            "recorded": st.column_config.TextColumn("recorded, UTC", width=120),
            "charge": st.column_config.TextColumn("charge", width=92, alignment="right"),
            "because": st.column_config.TextColumn("by", width=200),
            "counts": st.column_config.TextColumn("which", width=70),
        },
        alt="The charges of the call, oldest first.",
        key="charges",
    )
