"""The text of a price book: TOML, the same for the same prices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from pricing.units import STANDARD

HEADER = """\
# Prices of {name}, compiled by `python -m pricing.compile_books` from {source_version}.
# Do not edit: a test holds this file equal to the compiler's output.
# Rules are tried from top to bottom, the first match wins. A rate is USD per million, as decimal text;
# `..._above_N` replaces it for the whole request once its total input exceeds N tokens. Cached, written and image
# input tokens without a rate cost `uncached_input`, reasoning tokens without one `output`.
# `history = "undated"`: the price is known, the day it began is not (genai-prices has no date for it).
# `utc_window` confines a card to these hours of each day. Left out: every unit named in `not_metered`.
"""

Window: TypeAlias = tuple[int, int]  # minutes of the UTC day: from, to


@dataclass(frozen=True)
class Stanza:
    """One dated card as it will be written: USD per million by tier threshold (0 = base) and unit."""

    variant: str
    valid_from: date
    dated: bool
    rates: dict[int, dict[str, Decimal]]
    usd_per_million_counted: dict[str, Decimal]
    window: Window | None = None
    not_metered: list[str] = field(default_factory=list)
    estimated: str | None = None


def card(stanza: Stanza) -> Iterator[str]:
    yield "[[model.card]]"
    if stanza.variant != STANDARD:
        yield f"variant = {text(stanza.variant)}"
    yield f"valid_from = {stanza.valid_from}"
    if not stanza.dated:
        yield 'history = "undated"'
    if stanza.window:
        yield f"utc_window = {text('-'.join(_clock(minute) for minute in stanza.window))}"
    for threshold, tier in sorted(stanza.rates.items()):
        above = f"_above_{threshold}" if threshold else ""
        rates = ", ".join(f"{unit} = {text(_decimal(rate))}" for unit, rate in tier.items())
        yield f"usd_per_million_tokens{above} = {{{rates}}}"
    for unit, rate in stanza.usd_per_million_counted.items():
        yield f"usd_per_million_{unit} = {text(_decimal(rate))}"
    if stanza.not_metered:
        yield f"not_metered = {text_list(stanza.not_metered)}"
    if stanza.estimated:
        yield f"estimated = {text(stanza.estimated)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _decimal(rate: Decimal) -> str:
    if rate < 0 or rate != round(rate, 6):
        raise ValueError(f"a rate of {rate} USD per million does not fit DECIMAL(18,6)")
    plain = format(rate, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def text_list(texts: Sequence[str]) -> str:
    return f"[{', '.join(text(value) for value in texts)}]"


def text(value: str) -> str:
    """A TOML string; literal quotes where they spare a regex its doubled backslashes."""
    return f"'{value}'" if "\\" in value and "'" not in value else json.dumps(value, ensure_ascii=False)
