"""The month as one HTML file that needs nothing else: no script, no picture, no font, no address of another host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path

from dashboard import formats
from dashboard.formats import count, money, share
from dashboard.insight.asking import Ask, Row
from dashboard.insight.attention import of_whom
from dashboard.insight.budgets import Position, positions
from dashboard.insight.forecast import WRONG_WHEN, Forecast
from dashboard.report import words
from dashboard.report.course import drawn
from dashboard.report.markup import amounts, section, table
from dashboard.report.month import MOST_ROWS, Asked, Month, bounds, gather
from dashboard.report.words import Line
from store.projects import DEMO_PROJECT

_CSS = Path(__file__).parent / "report.css"
# What else a month is told by, beside what it was asked for by.
_ALSO_BY = ("model", "prompt_name")


def as_html(ask: Ask, asked: Asked, now: datetime) -> str:
    """The report of a month, as of `now` (UTC). Asks about a dozen queries."""
    month = gather(ask, asked, now)
    also = [_by(ask, month, name) for name in _ALSO_BY if name != asked.by]
    # All of them, where the page shows those of one dimension.
    held = positions(ask, asked.project, asked.month, now) if not asked.narrowing else _own(month)
    title = f"Spend of {formats.month_name(month.first)}, project {formats.shortened(asked.project)}"
    body = "".join(
        (
            _header(title, month),
            _figures(month),
            section("Spend so far against the budget", drawn(month), _method(month)),
            section("Budgets", _budgets(held)) if held else "",
            *(section(_title(one), _rows(one)) for one in (month, *also)),
            section("What the amounts are", amounts("amount", words.amounts(month))),
            section("Unit costs", amounts("unit cost", words.unit_costs(month))),
            section("In no amount", amounts("calls", words.not_in_them(month)) + _unpriced(ask, month)),
            _footer(month),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>\n{_CSS.read_text('utf-8')}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _by(ask: Ask, month: Month, dimension: str) -> Month:
    """The same calls in other rows."""
    asked = replace(month.asked, by=dimension)
    rows = ask(
        "spend_month",
        asked.project,
        month=asked.month.isoformat(),
        by=dimension,
        limit=MOST_ROWS,
        **asked.params("spend_month"),
    )
    return replace(month, asked=asked, rows=rows)


def _own(month: Month) -> Sequence[Position]:
    return [month.whole] if month.whole else []


def _header(title: str, month: Month) -> str:
    of = words.narrowed(month)
    since, until = bounds(month.first)
    newest = month.totals["last_started_at"]
    about = [
        f"Only {of}" if of else "All calls",
        f"{since:%Y-%m-%d} to {until:%Y-%m-%d}, UTC, the last day not included",
        f"data up to {formats.moment_exact(newest)}" if newest else "no calls",
    ]
    if month.asked.project == DEMO_PROJECT:
        about.append("demo data, generated and not measured")
    return f'<header><h1>{escape(title)}</h1><p class="about">{escape(" · ".join(about))}</p></header><main>'


def _figures(month: Month) -> str:
    totals = month.totals
    value, note = words.foretold(month)
    told = [
        Line("cost", money(totals["cost_usd"]), f"{count(totals['n_calls'])} calls"),
        _beside_last_month(month),
        Line("month comes to", value, note),
        _budget(month.whole),
        *list(words.unit_costs(month))[:2],
        Line("saved by caching", money(totals["saved_usd"]), f"{count(totals['n_cache_hits'])} hits"),
        Line(
            "unpriced",
            count(totals["n_unpriced"]),
            f"{share(totals['n_unpriced'], totals['n_calls'])} of calls",
        ),
    ]
    boxes = (
        f"<div><dt>{escape(line.name)}</dt><dd>{escape(line.value)}</dd><dd>{escape(line.note)}</dd></div>"
        for line in told
    )
    return f'<dl class="figures">{"".join(boxes)}</dl>'


def _beside_last_month(month: Month) -> Line:
    same_days = month.same_days(month.daily)
    change = formats.change("spend", *same_days) if same_days else None
    return Line(
        "against the month before",
        change.text if change else formats.UNKNOWN,
        "whole months" if month.is_over else "by complete days",
    )


def _budget(position: Position | None) -> Line:
    if position is None:
        return Line("budget", formats.UNKNOWN, "none set for these calls")
    return Line(
        "budget", money(position.budget.monthly_usd), f"{position.state}: {words.share_used(position)} used"
    )


def _method(month: Month) -> str:
    found = month.forecast
    if not isinstance(found, Forecast):
        return f"No forecast: {found.reason}."
    return f"Forecast by {found.method}. {WRONG_WHEN}" if found.path else ""


def _title(month: Month) -> str:
    return f"By {formats.dimension(month.asked.by)}"


def _rows(month: Month) -> str:
    """Every row with the total; the rest of a long table as one line."""
    by = month.asked.by
    lines = [_cells(words.group(row["value"], by), row, month) for row in month.rows]
    if month.others:
        lines.append(_cells(f"all other {formats.dimensions(by)}", month.others, month))
    total = _cells("Total", month.totals, month)
    headers = (
        formats.dimension(by),
        "spend",
        "share",
        "calls",
        "tokens",
        "$ / 1k calls",
        "list price",
        "saved",
        "unpriced",
    )
    return table(headers, lines, total=total)


def _cells(name: str, row: Row, month: Month) -> list[str]:
    return [
        name,
        money(row["cost_usd"]),
        words.share_of_usd(row["cost_usd"], month.totals["cost_usd"]),
        count(row["n_calls"]),
        formats.short_count(row["tokens"]),
        money(formats.usd_per_thousand(row["cost_usd"], row["n_priced"])),
        money(row["list_cost_usd"]),
        money(row["saved_usd"]),
        count(row["n_unpriced"]) if row["n_unpriced"] else formats.UNKNOWN,
    ]


def _budgets(held: Sequence[Position]) -> str:
    headers = ("budget of", "budget", "spent", "used", "month comes to", "state", "exceeded on")
    return table(headers, [_budget_line(one) for one in held])


def _budget_line(one: Position) -> list[str]:
    found, budget = one.forecast, one.budget
    return [
        of_whom(budget.dimension or "", budget.value),
        money(budget.monthly_usd),
        money(one.spent_usd),
        words.share_used(one),
        money(found.expected_usd) if isinstance(found, Forecast) else formats.UNKNOWN,
        one.state,
        f"{one.exceeds_on:%d %b}" if one.exceeds_on else formats.UNKNOWN,
    ]


def _unpriced(ask: Ask, month: Month) -> str:
    if not month.totals["n_unpriced"] or len(month.asked.narrowing) > 1:
        return ""
    since, until = bounds(month.first)
    found = ask(
        "unpriced_models",
        month.asked.project,
        since=since,
        until=until,
        **month.asked.params("unpriced_models"),
    )
    lines = [
        [
            formats.model(row["model"]),
            count(row["n_calls"]),
            formats.short_count(row["tokens"]),
            row["provider"] or "no provider",
        ]
        for row in found
    ]
    return table(("model without a price", "calls", "tokens", "provider"), lines)


def _footer(month: Month) -> str:
    made = f"made on {formats.moment_exact(month.now)}"
    return f"</main><footer>{escape(' · '.join((*words.reconciled(month), made, 'times in UTC')))}</footer>"
