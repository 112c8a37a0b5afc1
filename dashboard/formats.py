"""How a value is written on a page. Pure: a value in, text out.

Unknown is a word or an en dash, never a zero. Money stays Decimal until it is text. Text that came in with
telemetry passes `plain` on its way into Markdown, so that a tenant called `$x^2$` or `<script>` is shown as
such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from store.dimensions import short_name

UNKNOWN = "–"
MINUS = "−"

# The word shown where a call has no amount, by its `cost_status`.
COST_WORDS: Mapping[str, str] = {
    "priced": "priced",
    "free": "free",
    "cache_hit": "cache hit",
    "unpriced_model": "unpriced",
    "unpriced_unit": "unpriced",
    "conflict": "unpriced",
    "no_usage": "no usage",
}


def money(usd: Decimal | None) -> str:
    """An amount in US dollars: cents, or two significant digits where cents would hide the amount."""
    if usd is None:
        return UNKNOWN
    return _signed(usd, "$" + _decimals(abs(usd), at_least=2))


def call_cost(usd: Decimal | None, cost_status: str | None) -> str:
    """What one call cost, in US dollars to the millionth; a word when it has no amount."""
    if usd is None:
        return COST_WORDS.get(cost_status or "", "unknown")
    if usd == 0 and cost_status in ("free", "cache_hit"):
        return COST_WORDS[cost_status]
    return _signed(usd, "$" + _decimals(abs(usd), at_least=6 if abs(usd) < 1 else 2))


def sampling_note(n_sampled: int, n_calls: int, estimated_usd: Decimal | None) -> str:
    """What a sum is when calls of it stand for others that were never sent; empty when none does."""
    if not n_sampled:
        return ""
    real = "unknown" if estimated_usd is None else f"about {money(estimated_usd)} (estimate)"
    return f"{count(n_sampled)} of {count(n_calls)} calls were sampled; real spend is {real}."


def coverage(totals: Mapping[str, Any]) -> str:
    """How much of a sum is known: the share of its calls, and of their tokens, that have a cost."""
    of_calls = share(totals["n_priced"], totals["n_calls"])
    return f"{of_calls} of calls, {share(totals['priced_tokens'], totals['tokens'])} of tokens"


def beside(totals: Mapping[str, Any]) -> str:
    """The list price where it is not what is paid, and what customers pay themselves; empty where neither differs."""
    said = []
    if totals["list_cost_usd"] != totals["cost_usd"]:
        said.append(f"{money(totals['list_cost_usd'])} at list prices")
    if totals["n_customer_billed"]:
        billed = money(totals["customer_billed_usd"])
        said.append(
            f"{billed} of that on customers' own accounts ({count(totals['n_customer_billed'])} calls)"
        )
    return ", ".join(said) + "." if said else ""


def rates(row: Mapping[str, Any]) -> str:
    """The shares of its calls that a service sends, as `sampled_services` has them: 10 %, or 10 % to 50 %."""
    low, high = (f"{100 * row[name]:.3g} %" for name in ("lowest_rate", "highest_rate"))
    return low if low == high else f"{low} to {high}"


def usd_per_thousand(usd: Decimal | None, n: int) -> Decimal | None:
    """US dollars per 1,000 of `n`; None when not known. Not in SQL, where `/` leaves DECIMAL for DOUBLE."""
    return None if usd is None or n == 0 else usd * 1000 / n


def count(n: int | None) -> str:
    return UNKNOWN if n is None else f"{n:,}"


def short_count(n: int | None) -> str:
    """A count in at most four digits: 950, 12.4k, 426.9M."""
    if n is None:
        return UNKNOWN
    for size, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if abs(n) >= size * 0.99995:
            return f"{n / size:.1f}{letter}" if abs(n) >= 10_000 else f"{n:,}"
    return str(n)


def share(part: int | None, whole: int | None) -> str:
    """`part` of `whole` in per cent. Rounding never makes some into none, nor most into all."""
    if part is None or not whole:
        return UNKNOWN
    percent = 100 * part / whole
    if 0 < percent < 0.01:
        return "< 0.01 %"
    if 99.99 < percent < 100:
        return "> 99.99 %"
    digits = 2 if percent < 10 or 99 < percent < 100 else 1
    return f"{percent:.{0 if percent in (0, 100) else digits}f} %"


def duration(ns: int | None) -> str:
    """A duration: 850 ms, 3.89 s, 2 min 05 s, 1 h 47 min, 3 d 02 h."""
    if ns is None:
        return UNKNOWN
    if ns < 1_000_000:
        return f"{ns / 1_000:.0f} µs"
    if ns < 999_500_000:
        return f"{ns / 1_000_000:.0f} ms"
    if ns < 59_995_000_000:
        return f"{ns / 1_000_000_000:.2f} s"
    minutes, seconds = divmod(round(ns / 1_000_000_000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24:02d} h"


def size(n_bytes: int | None) -> str:
    """A size in at most three digits and a unit of a thousand: 0 B, 850 kB, 1.24 GB."""
    if n_bytes is None:
        return UNKNOWN
    for unit_bytes, unit in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if n_bytes >= unit_bytes:
            amount = n_bytes / unit_bytes
            return f"{amount:.{2 if amount < 10 else 1 if amount < 100 else 0}f} {unit}"
    return f"{n_bytes} B"


def moment(at: datetime | None) -> str:
    """A UTC time to the minute; the page says once that times are UTC."""
    return UNKNOWN if at is None else f"{at:%d %b %H:%M}"


def moment_exact(at: datetime | None) -> str:
    return UNKNOWN if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def month_name(month: date) -> str:
    return f"{month:%Y-%m}"


def age(at: datetime | None, now: datetime) -> str:
    """How long ago, in words of one unit."""
    if at is None:
        return "never"
    seconds = (now - at) / timedelta(seconds=1)
    if seconds < 0:
        return "just now"
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {word} ago"
    return f"{int(seconds)} s ago"


def points(score: float | None, *, sign: bool = True) -> str:
    """A difference of scores (0 to 1) in points (0 to 100): `−7.1`."""
    if score is None:
        return UNKNOWN
    text = f"{abs(100 * score):.1f}"
    if float(text) == 0:
        return text
    return (MINUS if score < 0 else "+" if sign else "") + text


def interval(low: float | None, high: float | None) -> str:
    return UNKNOWN if low is None or high is None else f"[{points(low)}, {points(high)}]"


def score(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def version(content_hash: str | None) -> str:
    """The first 7 digits of a content hash; a short name stays whole."""
    text = (content_hash or "").removeprefix("sha256:")
    return text[:7] if len(text) > 16 or re.fullmatch(r"[0-9a-f]{8,}", text) else text or UNKNOWN


def dimension(name: str) -> str:
    """A dimension in words: `tenant_id` is a tenant, `cost_centre` a cost centre."""
    return short_name(name).replace("_", " ")


def dimensions(name: str) -> str:
    """Several of them."""
    word = dimension(name)
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return word if word.endswith("s") else f"{word}s"


def in_dimension(value: str | None, name: str) -> str:
    """A value of a dimension; the words when there is none."""
    if name == "model":
        return model(value)
    return shortened(value) if value else f"no {dimension(name)}"


def no_value(dimension_name: str) -> str:
    """The words by which calls without a value in a dimension are chosen."""
    return "(no model named)" if dimension_name == "model" else f"(no {dimension(dimension_name)})"


def tenant(tenant_id: str | None) -> str:
    return shortened(tenant_id) if tenant_id else "no tenant"


def model(name: str | None) -> str:
    return shortened(name) if name else "no model named"


def shortened(text: str, at_most: int = 48) -> str:
    """One line of at most so many characters; what was left out shows as an ellipsis."""
    line = re.sub(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+", " ", text)
    return line if len(line) <= at_most else line[: at_most - 1] + "…"


def plain(text: str) -> str:
    """Text as it is, for a place that renders Markdown (with its maths, HTML, emoji codes and directives)."""
    # Markdown makes a link of a bare address, whatever is escaped; a word joiner inside it prevents that.
    unlinked = re.sub(r"(?<=:)(?=//)|(?<=www)(?=\.)", "\u2060", text)
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])", r"\\\1", unlinked)


def plain_html(text: str) -> str:
    """Text as it is, for a place that renders a little HTML, as Plotly's labels do."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


Direction = Literal["lower is better", "higher is better", "neither"]

# Whether a rise is good news. Spend and traffic are neither: growth is not a fault.
DIRECTIONS: Mapping[str, Direction] = {
    "requests": "neither",
    "spend": "neither",
    "tokens": "neither",
    "users": "neither",
    "cost_per_thousand": "lower is better",
    "error_rate": "lower is better",
    "retry_rate": "lower is better",
    "failover_rate": "lower is better",
    "unpriced_share": "lower is better",
    "truncated_share": "lower is better",
    "p50": "lower is better",
    "p95": "lower is better",
    "p99": "lower is better",
    "ttft": "lower is better",
    "availability": "higher is better",
    "cache_share": "higher is better",
    "tokens_per_s": "higher is better",
    "score": "higher is better",
}

# Below this a change against the previous period is taken for noise and stays grey.
NOISE = 0.05
# The 97.5th percentile of the normal distribution: 5 % two-sided.
_Z_95 = 1.96


@dataclass(frozen=True)
class Change:
    """A change against the previous period: its text, and whether it is good, bad or neither."""

    text: str
    judgement: Literal["good", "bad", "neither"]


def change(metric: str, now: Decimal | float | None, before: Decimal | float | None) -> Change | None:
    """How a metric moved, relative to before; None when there is nothing to compare with."""
    if now is None or not before:
        return None
    ratio = float(now) / float(before) - 1
    sign = MINUS if ratio < -0.0005 else "+" if ratio > 0.0005 else ""
    text = f"{sign}{abs(ratio):.1%}" if abs(ratio) < 9.995 else f"×{1 + ratio:,.0f}"
    direction = DIRECTIONS[metric]
    if abs(ratio) < NOISE or direction == "neither":
        return Change(text, "neither")
    return Change(text, "bad" if (ratio > 0) == (direction == "lower is better") else "good")


def change_of_share(metric: str, now: tuple[int, int], before: tuple[int, int]) -> Change | None:
    """How a share moved, given as (part, whole) now and before: grey as well when so few calls could do so by chance.

    Two-proportion z-test with pooled variance, two-sided at 5 % (Fleiss, Statistical Methods for Rates and Proportions,
    2.3). It takes calls as independent: failures that come in one outage are not, and then it is too sure.
    """
    (part, whole), (part_before, whole_before) = now, before
    if not whole or not whole_before:
        return None
    moved = change(metric, part / whole, part_before / whole_before)
    pooled = (part + part_before) / (whole + whole_before)
    variance = pooled * (1 - pooled) * (1 / whole + 1 / whole_before)
    difference = part / whole - part_before / whole_before
    if moved and difference**2 <= _Z_95**2 * variance:
        return Change(moved.text, "neither")
    return moved


def _decimals(amount: Decimal, at_least: int) -> str:
    """`amount` with at least so many decimals, and as many as two significant digits need."""
    if amount == 0 or amount >= 1:
        return f"{_rounded(amount, at_least):,.{at_least}f}"
    digits = max(at_least, 1 - amount.adjusted())
    return f"{_rounded(amount, digits):,.{digits}f}"


def _rounded(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def _signed(usd: Decimal, text: str) -> str:
    return MINUS + text if usd < 0 else text
