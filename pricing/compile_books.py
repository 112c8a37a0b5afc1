"""Compile the committed price books from the genai-prices package: `python -m pricing.compile_books`.

genai-prices (MIT, https://github.com/pydantic/genai-prices) is a maintained snapshot of the vendors' pages,
but it takes 360 µs a call and forgets history: so it is a source read at build time, never an engine. This and
`compile_windows` are all that imports it, and a test holds the committed books equal to what it writes.

What becomes of genai-prices' shapes:

- Dated prices become one card per start date. Without a date the card is valid from 1970-01-01 and says
  `history = "undated"`: the price is known, the day it began is not.
- Request variants (batch, flex, priority, fast) become cards of their own, whole: genai-prices' partial
  overrides are laid over the standard price of the same day.
- Of conditional prices the last in the list that is active holds. A time-of-day window becomes a card of its own
  beside the standard price of each day on which it still holds so, in minutes of the UTC day; where dated prices came
  after the first, nobody says whether the window is as old as that, and the earlier cards say `estimated`.
- Units that the `calls` contract does not meter (pages, characters, hours of audio, video tokens, cached image
  tokens, file searches) are named in `not_metered`. Where they decide what a call costs, the card says `estimated`,
  or, if video is what the model is bought for (output), has no output rate, so the call stays unpriced.
- A model without any price keeps its match rule and gets no card: dropping the rule would let the next,
  broader rule price it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path
from typing import TypeAlias

from genai_prices import __version__ as genai_prices_version
from genai_prices import types as genai
from genai_prices.data_snapshot import get_snapshot

from pricing.book_text import HEADER, Stanza, Window, card, text, text_list
from pricing.units import STANDARD

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
    "cache_audio_read_mtok": "cached_audio_input",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
}
# USD per 1,000; the books say per million, like everything else.
COUNT_UNITS = {"requests_kcount": "requests", "web_searches_kcount": "web_searches"}
# Not `search_type`: a response does not tell it, so a search costs the standard rate.
VARIANT_KEYS = ("processing", "service_tier", "speed")
VARIANTS = ("batch", "fast", "flex", "priority")

# Google lists one price for text, image, video and audio unless it names another of its own. Elsewhere
# a missing audio price is a gap in the data (gpt-4o-audio-preview has text prices only), so it stays a gap.
ONE_PRICE_FOR_ALL = "gemini-"
OWN_OR_TEXT = (
    ("audio_input", "input_audio_mtok", "uncached_input"),
    ("cached_audio_input", "input_audio_mtok", "cached_input"),
    ("image_input", "input_image_mtok", "uncached_input"),
    ("audio_output", "output_audio_mtok", "output"),
)
# What these put out are images: their output price is that of image tokens.
MAKES_IMAGES = ("gpt-image-", "chatgpt-image")
# Its models search on every request, and its fee per request depends on how much of the web is read.
PERPLEXITY = "perplexity"
# How AWS names the models of others: `anthropic.claude-…`, after a profile's `global.` or our source's `regional.`.
AWS = "aws"
AWS_PROFILES = ("global", "regional")
# DeepSeek's peak hours (https://api-docs.deepseek.com/zh-cn/updates, since 17 August 2026); no source has their days.
PEAK_HOURS = ((60, 240), (360, 600))
NOT_EVERY_DAY = (
    "peak hours leave out weekends and Chinese public holidays, which this price does not tell apart"
)
OLD_WINDOW = "the source does not say since when this hour of the day has its own price"


def compile_books() -> dict[str, str]:
    """The text of every book by file name, the same for the same genai-prices."""
    providers = {provider.id: provider for provider in get_snapshot().providers}
    return {f"{name}.toml": _book(providers[name]) for name in PROVIDERS}


def _book(provider: genai.Provider) -> str:
    source_version = f"genai-prices {genai_prices_version}"
    fallbacks = [name for name in provider.fallback_model_providers or [] if name in PROVIDERS]
    lines = [HEADER.format(name=provider.name, source_version=source_version)]
    lines += [
        f"provider = {text(provider.id)}",
        f"falls_back_to = {text_list(fallbacks)}",
        "# of every card below",
        'currency = "USD"',
        f"source = {text((provider.pricing_urls or [''])[0])}",
        f"source_version = {text(source_version)}",
        f"checked_on = {CHECKED_ON}",
    ]
    for model in provider.models:
        lines += ["", "[[model]]", f"name = {text(model.id)}", f"match = {_match(model.match)}"]
        if maker := _maker(provider.id, model.id):
            lines.append(f"model_provider = {text(maker)}")
        for stanza in _stanzas(provider.id, model):
            lines += card(stanza)
    return "\n".join(lines) + "\n"


def _maker(provider: str, model: str) -> str | None:
    """Whose model it is, where AWS sells it."""
    if provider != AWS:
        return None
    maker, *rest = [part for part in model.split(".") if part not in AWS_PROFILES]
    return maker if rest else None


# From genai-prices' conditional prices to dated cards


def _stanzas(provider: str, model: genai.ModelInfo) -> Iterator[Stanza]:
    conditional = _conditional(model)
    variants = [v for v in model.price_variants or [] if _variant(v) and _has_price(v.prices)]
    if variants and _windows(conditional):
        raise ValueError(f"{model.id}: variants beside a window; the compiler has no rule for it yet")
    for variant in (STANDARD, *VARIANTS):
        own = [v for v in variants if _variant(v) == variant]
        for day in _starts(conditional, own, variant):
            if prices := _in_force(conditional, day, None) | _overrides(own, day):
                yield _stanza(provider, model.id, variant, day, prices)
    yield from _in_windows(provider, model.id, conditional)


def _in_windows(provider: str, model: str, conditional: Sequence[genai.ConditionalPrice]) -> Iterator[Stanza]:
    starts = _starts(conditional, (), STANDARD)
    for day, window in product(starts, _windows(conditional)):
        prices = _in_force(conditional, day, window)
        if prices != _in_force(conditional, day, None):
            stanza = _stanza(provider, model, STANDARD, day, prices, window)
            yield stanza if day == starts[-1] else replace(stanza, estimated=OLD_WINDOW)


def _conditional(model: genai.ModelInfo) -> list[genai.ConditionalPrice]:
    if isinstance(model.prices, list):
        return model.prices
    return [genai.ConditionalPrice(prices=model.prices)]


def _starts(
    conditional: Sequence[genai.ConditionalPrice], own: Sequence[genai.PriceVariant], variant: str
) -> list[date]:
    """The days on which the variant gets another price: its own and, under partial overrides, the standard's."""
    starts = sorted({_start(c) for c in conditional} | {_start(v) for v in own})
    return [day for day in starts if variant == STANDARD or any(_start(v) <= day for v in own)]


def _start(priced: genai.ConditionalPrice | genai.PriceVariant) -> date:
    constraint = priced.constraint
    if isinstance(constraint, genai.StartDateConstraint):
        start: date = constraint.start_date
        return start
    if isinstance(priced, genai.PriceVariant) and constraint is not None:
        raise ValueError(
            f"{priced}: a variant with a time-of-day window; the compiler has no rule for it yet"
        )
    return UNDATED


def _windows(conditional: Sequence[genai.ConditionalPrice]) -> list[Window]:
    windows = [window for c in conditional if (window := _window(c))]
    for window, following in pairwise(sorted(windows)):
        if window[1] > following[0] or following[1] < following[0]:
            raise ValueError(f"{windows}: windows that overlap; the compiler has no rule for it yet")
    return windows


def _window(priced: genai.ConditionalPrice) -> Window | None:
    constraint = priced.constraint
    if not isinstance(constraint, genai.TimeOfDateConstraint):
        return None
    for clock in (constraint.start_time, constraint.end_time):
        if clock.utcoffset() or clock.second:
            raise ValueError(
                f"{priced}: a window that is not in whole minutes of UTC; the compiler has no rule for it yet"
            )
    start, end = constraint.start_time, constraint.end_time
    return start.hour * 60 + start.minute, end.hour * 60 + end.minute


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


def _in_force(
    conditional: Sequence[genai.ConditionalPrice], day: date, window: Window | None
) -> dict[str, Price]:
    """The last price that has begun, within the window or outside of all, as genai-prices picks it (list order)."""
    active = [_prices(c.prices) for c in conditional if _start(c) <= day and _window(c) in (None, window)]
    return active[-1] if active else {}


def _overrides(variants: Sequence[genai.PriceVariant], day: date) -> dict[str, Price]:
    """Per price key the first variant that has begun, as genai-prices picks it."""
    overrides: dict[str, Price] = {}
    for variant in variants:
        if _start(variant) <= day:
            overrides = _prices(variant.prices) | overrides
    return overrides


def _stanza(
    provider: str,
    model: str,
    variant: str,
    day: date,
    prices: Mapping[str, Price],
    window: Window | None = None,
) -> Stanza:
    known = TOKEN_UNITS.keys() | COUNT_UNITS.keys()
    return Stanza(
        variant=variant,
        valid_from=day,
        dated=day != UNDATED,
        rates=_rates(model, prices),
        usd_per_million_counted={
            unit: _per_million(key, prices[key]) for key, unit in COUNT_UNITS.items() if key in prices
        },
        window=window,
        not_metered=sorted(_unit_name(key) for key in prices if key not in known),
        estimated=_why_estimated(provider, prices, window),
    )


def _rates(model: str, prices: Mapping[str, Price]) -> dict[int, dict[str, Decimal]]:
    """USD per million tokens by tier threshold and unit, what a vendor's list implies filled in."""
    rates: dict[int, dict[str, Decimal]] = {0: {}}
    for key, unit in TOKEN_UNITS.items():
        if (price := prices.get(key)) is not None:
            for threshold, usd_per_million in _tiers(price):
                rates.setdefault(threshold, {})[unit] = usd_per_million
    for tier in rates.values():
        if "output_video_mtok" in prices:
            tier.pop("output", None)
        if model.startswith(ONE_PRICE_FOR_ALL):
            tier |= {
                own: tier[other]
                for own, price_key, other in OWN_OR_TEXT
                if other in tier and price_key not in prices
            }
        if model.startswith(MAKES_IMAGES) and "output_image_mtok" not in prices and "output" in tier:
            tier["image_output"] = tier["output"]
    return rates


def _per_million(key: str, per_thousand: Price) -> Decimal:
    if isinstance(per_thousand, genai.TieredPrices):
        raise ValueError(f"a tiered price for {key}; the compiler has no rule for it yet")
    return per_thousand * 1000


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


def _why_estimated(provider: str, prices: Mapping[str, Price], window: Window | None) -> str | None:
    if "output_citation_mtok" in prices:
        return "citation tokens are billed apart and not metered"
    if provider == PERPLEXITY and "requests_kcount" in prices:
        return "the fee per request depends on the size of the search; this is the highest"
    if provider == PERPLEXITY and "web_searches_kcount" in prices:
        return "searches are billed apart: a call that does not report them costs more than this"
    if window in PEAK_HOURS:
        return NOT_EVERY_DAY
    if "input_video_mtok" in prices:
        return "video input has its own rate and is not metered apart"
    return None


def _match(rule: genai.MatchLogic) -> str:
    """A match rule as an inline table: any listed text matches; `all` holds rules that must all match."""
    clauses: dict[str, list[str]] = {}
    for clause in rule.or_ if isinstance(rule, genai.ClauseOr) else [rule]:
        if isinstance(clause, genai.ClauseAnd):
            if "all" in clauses:
                raise ValueError(f"{rule}: two conjunctions in one rule; the book format has no such rule")
            clauses["all"] = [_match(part) for part in clause.and_]
        else:
            [(kind, said)] = vars(clause).items()
            clauses.setdefault(kind, []).append(text(said))
    return "{" + ", ".join(f"{kind} = [{', '.join(texts)}]" for kind, texts in clauses.items()) + "}"


if __name__ == "__main__":
    for name, book in compile_books().items():
        (BOOKS / name).write_text(book, encoding="utf-8")
        print(f"wrote {BOOKS / name}: {book.count('[[model.card]]')} cards")
