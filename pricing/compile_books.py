"""Compile the committed price books from the genai-prices package: `python -m pricing.compile_books`.

genai-prices (MIT, https://github.com/pydantic/genai-prices) is a maintained snapshot of the vendors' pages,
but it takes 360 µs a call and forgets history: so it is a source read at build time, never an engine. This is
the one module that imports it, and a test holds the committed books equal to what it writes.

What becomes of genai-prices' shapes:

- Dated prices become one card per start date. Without a date the card is valid from 1970-01-01 and says
  `history = "undated"`: the price is known, the day it began is not.
- Request variants (batch, flex, priority, fast) become cards of their own, whole: genai-prices' partial
  overrides are laid over the standard price of the same day.
- Time-of-day windows are left out; the cards of such a model say `estimated`.
- Units that the `calls` contract does not meter (searches, pages, characters, hours of audio, image and video
  tokens) are named in `not_metered`. Where they decide what a call costs, the card says `estimated`, or, if
  image or video is what the model is bought for (output), has no output rate, so the call stays unpriced.
- A model without any price keeps its match rule and gets no card: dropping the rule would let the next,
  broader rule price it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from genai_prices import __version__ as genai_prices_version
from genai_prices import types as genai
from genai_prices.data_snapshot import get_snapshot

BOOKS = Path(__file__).parent / "books"

# Who is billed directly; moonshotai because Azure's rules fall back to it.
PROVIDERS = (
    "anthropic", "aws", "azure", "cohere", "deepseek", "fireworks", "google", "groq", "mistral", "moonshotai",
    "openai", "perplexity", "together", "x-ai",
)  # fmt: skip

# genai-prices 0.2.3 ships no per-price check date, so the cards carry the day this snapshot was taken.
CHECKED_ON = date(2026, 11, 21)
UNDATED = date(1970, 1, 1)

TOKEN_UNITS = {
    "input_mtok": "uncached_input",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
}
REQUESTS = "requests_kcount"  # USD per 1,000 requests; the books say per million, like everything else
# Not `search_type`: it prices searches, which nobody meters.
VARIANT_KEYS = ("processing", "service_tier", "speed")
VARIANTS = ("batch", "fast", "flex", "priority")

# Google lists one price for text, image, video and audio unless it names an audio price of its own. Elsewhere
# a missing audio price is a gap in the data (gpt-4o-audio-preview has text prices only), so it stays a gap.
ONE_PRICE_FOR_AUDIO = "gemini-"
AUDIO = (
    ("audio_input", "input_audio_mtok", "uncached_input"),
    ("audio_output", "output_audio_mtok", "output"),
)
# Perplexity's models search on every request, so leaving searches out always makes the cost too low.
ALWAYS_SEARCHES = "perplexity"

HEADER = """\
# Prices of {name}, compiled by `python -m pricing.compile_books` from {source_version}.
# Do not edit: a test holds this file equal to the compiler's output.
# Rules are tried from top to bottom, the first match wins. A rate is USD per million, as decimal text;
# `..._above_N` replaces it for the whole request once its total input exceeds N tokens. Cached or written
# tokens without a rate cost `uncached_input`, reasoning tokens without one `output`.
# `history = "undated"`: the price is known, the day it began is not (genai-prices has no date for it).
# Left out: time-of-day windows, and every unit named in `not_metered`.
"""


@dataclass(frozen=True)
class Stanza:
    """One dated card as it will be written: USD per million by tier threshold (0 = base) and unit."""

    variant: str
    valid_from: date
    dated: bool
    rates: dict[int, dict[str, Decimal]]
    usd_per_million_requests: Decimal | None = None
    not_metered: list[str] = field(default_factory=list)
    estimated: str | None = None


def compile_books() -> dict[str, str]:
    """The text of every book by file name, the same for the same genai-prices."""
    providers = {provider.id: provider for provider in get_snapshot().providers}
    return {f"{name}.toml": _book(providers[name]) for name in PROVIDERS}


def _book(provider: genai.Provider) -> str:
    source_version = f"genai-prices {genai_prices_version}"
    fallbacks = [name for name in provider.fallback_model_providers or [] if name in PROVIDERS]
    lines = [HEADER.format(name=provider.name, source_version=source_version)]
    lines += [
        f"provider = {_text(provider.id)}",
        f"falls_back_to = {_list(fallbacks)}",
        "# of every card below",
        'currency = "USD"',
        f"source = {_text((provider.pricing_urls or [''])[0])}",
        f"source_version = {_text(source_version)}",
        f"checked_on = {CHECKED_ON}",
    ]
    for model in provider.models:
        lines += ["", "[[model]]", f"name = {_text(model.id)}", f"match = {_match(model.match)}"]
        for stanza in _stanzas(provider.id, model):
            lines += _card(stanza)
    return "\n".join(lines) + "\n"


# From genai-prices' conditional prices to dated cards


def _stanzas(provider: str, model: genai.ModelInfo) -> Iterator[Stanza]:
    dated = [c for c in _conditional(model) if not isinstance(c.constraint, genai.TimeOfDateConstraint)]
    windows = len(dated) < len(_conditional(model))
    variants = [v for v in model.price_variants or [] if _variant(v) and _has_price(v.prices)]
    for variant in ("standard", *VARIANTS):
        own = [v for v in variants if _variant(v) == variant]
        starts = sorted({_start(c) for c in dated} | {_start(v) for v in own})
        if variant != "standard":
            starts = [day for day in starts if any(_start(v) <= day for v in own)]
        for day in starts:
            prices = _in_force(dated, day) | _overrides(own, day)
            if prices:
                yield _stanza(provider, model.id, variant, day, prices, windows)


def _conditional(model: genai.ModelInfo) -> list[genai.ConditionalPrice]:
    if isinstance(model.prices, list):
        return model.prices
    return [genai.ConditionalPrice(prices=model.prices)]


def _start(priced: genai.ConditionalPrice | genai.PriceVariant) -> date:
    constraint = priced.constraint
    if constraint is None:
        return UNDATED
    if isinstance(constraint, genai.StartDateConstraint):
        start: date = constraint.start_date
        return start
    raise ValueError(f"{priced}: a variant with a time-of-day window; the compiler has no rule for it yet")


def _variant(variant: genai.PriceVariant) -> str | None:
    if len(variant.when) != 1:
        raise ValueError(f"{variant}: more than one condition; the compiler has no rule for it yet")
    [(key, value)] = variant.when.items()
    return value if key in VARIANT_KEYS and value in VARIANTS else None


Price: TypeAlias = Decimal | genai.TieredPrices


def _prices(prices: genai.ModelPrice) -> dict[str, Price]:
    return {key: price for key, price in vars(prices).items() if price is not None}


def _has_price(prices: genai.ModelPrice) -> bool:
    return any(key in TOKEN_UNITS for key in _prices(prices))


def _in_force(dated: Sequence[genai.ConditionalPrice], day: date) -> dict[str, Price]:
    """The last price that has begun, as genai-prices picks it (list order, not date order)."""
    begun = [_prices(conditional.prices) for conditional in dated if _start(conditional) <= day]
    return begun[-1] if begun else {}


def _overrides(variants: Sequence[genai.PriceVariant], day: date) -> dict[str, Price]:
    """Per price key the first variant that has begun, as genai-prices picks it."""
    overrides: dict[str, Price] = {}
    for variant in variants:
        if _start(variant) <= day:
            overrides = _prices(variant.prices) | overrides
    return overrides


def _stanza(
    provider: str, model: str, variant: str, day: date, prices: Mapping[str, Price], windows: bool
) -> Stanza:
    rates: dict[int, dict[str, Decimal]] = {0: {}}
    for key, unit in TOKEN_UNITS.items():
        if (price := prices.get(key)) is not None:
            for threshold, usd_per_million in _tiers(price):
                rates.setdefault(threshold, {})[unit] = usd_per_million
    if {"output_image_mtok", "output_video_mtok"} & prices.keys():
        for tier in rates.values():
            tier.pop("output", None)
    if model.startswith(ONE_PRICE_FOR_AUDIO):
        for tier in rates.values():
            for own, price_key, text in AUDIO:
                if text in tier and price_key not in prices:
                    tier[own] = tier[text]
    fee = prices.get(REQUESTS)
    if isinstance(fee, genai.TieredPrices):
        raise ValueError(f"{provider}: a tiered price per request; the compiler has no rule for it yet")
    not_metered = sorted(_unit_name(key) for key in prices if key not in TOKEN_UNITS and key != REQUESTS)
    return Stanza(
        variant=variant,
        valid_from=day,
        dated=day != UNDATED,
        rates=rates,
        usd_per_million_requests=None if fee is None else fee * 1000,
        not_metered=not_metered,
        estimated=_why_estimated(provider, prices, windows),
    )


def _tiers(price: Price) -> Iterator[tuple[int, Decimal]]:
    if isinstance(price, Decimal):
        yield 0, price
        return
    yield 0, price.base
    for tier in price.tiers:
        yield tier.start, tier.price


def _unit_name(price_key: str) -> str:
    for scaled, plain in (("_mtok", ""), ("_kcount", ""), ("_kpages", "_pages"), ("_mchars", "_characters")):
        if price_key.endswith(scaled):
            return price_key.removesuffix(scaled) + plain
    return price_key


def _why_estimated(provider: str, prices: Mapping[str, Price], windows: bool) -> str | None:
    if windows:
        return "the price varies by time of day; this is the price outside the windows"
    if provider == ALWAYS_SEARCHES and "web_searches_kcount" in prices:
        return "searches are billed apart and not metered"
    if {"input_image_mtok", "input_video_mtok"} & prices.keys():
        return "image or video input has its own rate and is not metered apart"
    if "output_citation_mtok" in prices:
        return "citation tokens are billed apart and not metered"
    return None


# Writing TOML


def _card(card: Stanza) -> Iterator[str]:
    yield "[[model.card]]"
    if card.variant != "standard":
        yield f"variant = {_text(card.variant)}"
    yield f"valid_from = {card.valid_from}"
    if not card.dated:
        yield 'history = "undated"'
    for threshold, tier in sorted(card.rates.items()):
        above = f"_above_{threshold}" if threshold else ""
        rates = ", ".join(f"{unit} = {_text(_decimal(rate))}" for unit, rate in tier.items())
        yield f"usd_per_million_tokens{above} = {{{rates}}}"
    if card.usd_per_million_requests is not None:
        yield f"usd_per_million_requests = {_text(_decimal(card.usd_per_million_requests))}"
    if card.not_metered:
        yield f"not_metered = {_list(card.not_metered)}"
    if card.estimated:
        yield f"estimated = {_text(card.estimated)}"


def _decimal(rate: Decimal) -> str:
    if rate < 0 or rate != round(rate, 6):
        raise ValueError(f"a rate of {rate} USD per million does not fit DECIMAL(18,6)")
    plain = format(rate, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _match(rule: genai.MatchLogic) -> str:
    """A match rule as an inline table: any listed text matches; `all` holds rules that must all match."""
    clauses: dict[str, list[str]] = {}
    for clause in rule.or_ if isinstance(rule, genai.ClauseOr) else [rule]:
        if isinstance(clause, genai.ClauseAnd):
            if "all" in clauses:
                raise ValueError(f"{rule}: two conjunctions in one rule; the book format has no such rule")
            clauses["all"] = [_match(part) for part in clause.and_]
        else:
            [(kind, text)] = vars(clause).items()
            clauses.setdefault(kind, []).append(_text(text))
    return "{" + ", ".join(f"{kind} = [{', '.join(texts)}]" for kind, texts in clauses.items()) + "}"


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(_text(text) for text in texts)}]"


def _text(text: str) -> str:
    """A TOML string; literal quotes where they spare a regex its doubled backslashes."""
    return f"'{text}'" if "\\" in text and "'" not in text else json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    for name, text in compile_books().items():
        (BOOKS / name).write_text(text, encoding="utf-8")
        print(f"wrote {BOOKS / name}: {text.count('[[model.card]]')} cards")
