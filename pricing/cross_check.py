"""Hold our price books against a second source: what both price and do not agree on, as a Markdown report.

    python -m pricing.cross_check --source NAME DAY FILE [--source NAME DAY FILE] > docs/price-disagreements.md

A file is data that somebody else keeps, read and never run: LiteLLM's `model_prices_and_context_window.json`, the
`api.json` of models.dev, or models.dev with its history as the package model-prices has it. DAY is the day it was
taken; both sides are compared as of then. Names are resolved as those of telemetry are, so that a name that our rules
take for another model shows up here too. Rates that differ by less than 1 % are the same, rounded.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from pricing.book import Book, load_book
from pricing.cards import PriceRecords
from pricing.layout import Layout, lay_out
from pricing.units import STANDARD

SAME = Decimal("0.01")
MOST_NAMES = 3  # on one line of the report


@dataclass(frozen=True)
class Rate:
    """What a source says a million of a unit costs, in USD, once the total input exceeds `above_tokens`."""

    provider: str
    model: str
    variant: str
    above_tokens: int
    unit: str
    per_million: Decimal


@dataclass(frozen=True)
class Compared:
    """One rate of theirs beside ours; None = our card of that model and variant prices no such unit."""

    book: str
    model_key: str
    theirs: Rate
    ours: Decimal | None

    @property
    def agrees(self) -> bool:
        return (
            self.ours is not None
            and abs(self.ours - self.theirs.per_million) <= SAME * self.theirs.per_million
        )


def compare(rates: Iterator[Rate], book: Book, layout: Layout, at: datetime) -> Iterator[Compared]:
    """Every rate of a model and variant that we price too. A zero of theirs says nothing: it stands for unknown as well."""
    for rate in dict.fromkeys(rates):
        key = book.resolve(rate.provider, rate.model) if rate.per_million else None
        segment = layout.find(key, rate.variant, at) if key else None
        if key and segment and segment.card.rates:
            ours = segment.sheet_for(rate.above_tokens + 1).rates.get(rate.unit)
            yield Compared(key.split("/")[0], key, rate, ours)


# Reading


def read(document: Mapping[str, Any], at: datetime) -> Iterator[Rate]:
    """The rates in force at a time, by whichever of the three shapes the document has."""
    if "prices" in document and "schema" in document:
        return _from_history(document["prices"], at)
    if any("models" in entry for entry in document.values()):
        return _from_models_dev(document)
    return _from_litellm(document)


LITELLM_UNITS = {
    "input_cost_per_token": "uncached_input",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "cache_read_input_audio_token_cost": "cached_audio_input",
    "output_cost_per_audio_token": "audio_output",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
}
_LITELLM_KEY = re.compile(
    rf"({'|'.join(sorted(LITELLM_UNITS, key=len, reverse=True))})(?:_above_(\d+)k_tokens)?(?:_(batches|flex|priority))?"
)
LITELLM_PROVIDERS = {
    "cohere_chat": "cohere",
    "vertex_ai-anthropic_models": "vertex_ai",
    "vertex_ai-language-models": "vertex_ai",
}


def _from_litellm(document: Mapping[str, Any]) -> Iterator[Rate]:
    for name, entry in document.items():
        provider = LITELLM_PROVIDERS.get(entry.get("litellm_provider"), entry.get("litellm_provider"))
        model = name.removeprefix(f"{entry.get('litellm_provider')}/").removeprefix(f"{provider}/")
        # `azure/eu/gpt-4o`, `bedrock/us-east-1/…`: prices of single regions.
        if not provider or (provider.startswith(("azure", "bedrock")) and "/" in model):
            continue
        for key, usd in entry.items():
            if (match := _LITELLM_KEY.fullmatch(key)) and isinstance(usd, Decimal | int):
                unit, thousands, tier = match.groups()
                variant = {None: STANDARD, "batches": "batch"}.get(tier, tier)
                yield Rate(
                    provider,
                    model,
                    variant,
                    int(thousands or 0) * 1000,
                    LITELLM_UNITS[unit],
                    _round(usd * 1_000_000),
                )


MODELS_DEV_UNITS = {
    "input": "uncached_input",
    "cache_read": "cached_input",
    "cache_write": "cache_write",
    "output": "output",
    "reasoning": "reasoning",
    "input_audio": "audio_input",
    "output_audio": "audio_output",
}
VARIANTS = (STANDARD, "batch", "fast", "flex", "priority")


def _from_models_dev(document: Mapping[str, Any]) -> Iterator[Rate]:
    for provider, entry in document.items():
        for model, said in entry["models"].items():
            cost = said.get("cost") or {}
            yield from _units(provider, model, STANDARD, 0, cost)
            yield from _units(provider, model, STANDARD, 200_000, cost.get("context_over_200k") or {})


def _from_history(prices: Mapping[str, Any], at: datetime) -> Iterator[Rate]:
    for provider, models in prices.items():
        for model, modes in models.items():
            for variant in modes.keys() & set(VARIANTS):
                begun = [one for one in modes[variant] if one["start"] is None or _utc(one["start"]) <= at]
                rates = begun[-1]["rates"] or {}
                yield from _units(provider, model, variant, 0, rates)
                for tier in rates.get("tiers", ()):
                    yield from _units(provider, model, variant, tier["above"], tier)


def _units(provider: str, model: str, variant: str, above: int, said: Mapping[str, Any]) -> Iterator[Rate]:
    for name, unit in MODELS_DEV_UNITS.items():
        if isinstance(said.get(name), Decimal | int):
            yield Rate(provider, model, variant, above, unit, _round(said[name]))


def _round(usd: Decimal | int) -> Decimal:
    """Six digits, as a rate has them: these files carry what is left of floating point."""
    return round(Decimal(usd), 6)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


# Writing


def report(sources: Sequence[tuple[str, date, Sequence[Compared]]], book: Book) -> Iterator[str]:
    yield "# Where our prices and others' differ"
    yield ""
    yield f"Our books are {book.version}. A source that disagrees may be wrong, late, or right: each line is a question, and"
    yield "`steelyard prices override` is the answer to one that matters to you. Made by `python -m pricing.cross_check`;"
    yield "USD per million, those of our card of that day first. Zeros of a source are left out: it writes them for unknown too."
    if against := _all_against_us([compared for _, _, compared in sources]):
        yield from ("", "## All of them against us", "", *_table(against))
    for name, day, compared in sources:
        yield from ("", f"## {name}, as of {day}", "")
        yield from _summary(compared)
        yield from ("", *_table(compared))


def _all_against_us(sources: Sequence[Sequence[Compared]]) -> list[Compared]:
    """Where several sources price the same, and each says the same other number than we do."""
    said: dict[tuple[str, str, int, str], list[Compared]] = {}
    for compared in sources if len(sources) > 1 else ():
        for key, those in groupby(sorted(compared, key=_place), key=_place):
            said.setdefault(key, []).extend(dict.fromkeys(replace(one, theirs=_named(one)) for one in those))
    return [
        those[0]
        for those in said.values()
        if len(those) == len(sources) and len(set(those)) == 1 and not those[0].agrees
    ]


def _place(one: Compared) -> tuple[str, str, int, str]:
    return one.model_key, one.theirs.variant, one.theirs.above_tokens, one.theirs.unit


def _named(one: Compared) -> Rate:
    """Their rate under our names, to be held against what another source says."""
    return replace(one.theirs, provider=one.book, model=one.model_key.partition("/")[2])


def _table(compared: Sequence[Compared]) -> Iterator[str]:
    yield from ("| book | model | ours → theirs |", "| --- | --- | --- |")
    for (owner, difference), names in _differences(compared).items():
        yield f"| {owner} | {_some(names)} | {difference} |"


def _differences(compared: Sequence[Compared]) -> dict[tuple[str, str], list[str]]:
    """Names by book and what differs, so that the many names of one model take one line."""
    found: dict[tuple[str, str], list[str]] = {}
    differing = sorted((one for one in compared if not one.agrees), key=_by_model)
    for (owner, _, model), lines in groupby(differing, key=_model):
        difference = "; ".join(dict.fromkeys(_difference(one) for one in lines))
        found.setdefault((owner, difference), []).append(model)
    return found


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def _summary(compared: Sequence[Compared]) -> Iterator[str]:
    yield "| book | models in both | of them differ | rates in both | of them differ |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for owner in (*sorted({one.book for one in compared}), "all"):
        here = [one for one in compared if owner in (one.book, "all")]
        off = [one for one in here if not one.agrees]
        models, models_off = ({one.theirs.model for one in some} for some in (here, off))
        yield f"| {owner} | {len(models):,} | {len(models_off):,} | {len(here):,} | {len(off):,} |"


def _model(one: Compared) -> tuple[str, str, str]:
    return one.book, one.model_key, one.theirs.model


def _by_model(one: Compared) -> tuple[Any, ...]:
    return (
        *_model(one),
        one.theirs.variant != STANDARD,
        one.theirs.variant,
        one.theirs.above_tokens,
        one.theirs.unit,
    )


def _difference(one: Compared) -> str:
    theirs = one.theirs
    said = [theirs.unit, *([theirs.variant] if theirs.variant != STANDARD else [])]
    said += [f"above {theirs.above_tokens:,}"] if theirs.above_tokens else []
    ours = "no rate" if one.ours is None else _plain(one.ours)
    return f"{' '.join(said)} {ours} → {_plain(theirs.per_million)}"


def _plain(usd: Decimal) -> str:
    return f"{usd.normalize():f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pricing.cross_check", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--source", nargs=3, action="append", required=True, metavar=("NAME", "DAY", "FILE"))
    book = load_book()
    layout = lay_out(PriceRecords(cards=book.cards))
    sources = []
    for name, day, path in parser.parse_args().source:
        at = datetime.combine(date.fromisoformat(day), time())
        document = json.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal)
        sources.append((name, at.date(), list(compare(read(document, at), book, layout, at))))
    print("\n".join(report(sources, book)))


if __name__ == "__main__":
    main()
