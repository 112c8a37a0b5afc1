"""`steelyard prices override`: a price of your own for one model, before whatever the books say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from commands.moments import MOMENT, wire
from commands.owner import owner
from commands.prices import words
from commands.prices.known import (
    billing_name,
    by_option,
    data_option,
    known_prices,
    model_key_of,
    note_option,
    now,
    recorder,
)
from commands.prices.plan import in_words, planned, reprice_hint
from commands.prices.sent import say, send_cards
from errors import ConfigError
from pricing.cards import Card
from pricing.prices import Prices
from pricing.units import STANDARD, UNITS
from store.price_checks import RATE_DIGITS, RATE_PLACES, card_problems
from store.reader import ServerReader
from store.records import is_decimal


class Price(click.ParamType[str]):
    """A price for a million, as text with every digit that was typed."""

    name = "USD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Fails with a usage error that gives an example."""
        if not is_decimal(str(value), RATE_DIGITS, RATE_PLACES):
            self.fail(
                f"{value!r} is not a price for a million, such as 2.50 (at most {RATE_PLACES} places)",
                param,
                ctx,
            )
        return str(value)


def _price_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--input`, `--cached-input`, `--output` and so on: one for every unit."""
    for unit in reversed(UNITS):
        name = words.unit_name(unit).replace("_", "-")
        option = click.option(
            f"--{name}",
            unit,
            type=Price(),
            help=_HELP.get(unit, f"For a million {unit.replace('_', ' ')} tokens."),
        )
        command = option(command)
    return command


_HELP = {
    "uncached_input": "For a million input tokens; 0 = free.",
    "cached_input": "For a million input tokens read from the cache.",
    "cache_write": "For a million tokens written to the cache.",
    "cache_write_1h": "For a million tokens written to the cache for an hour.",
    "output": "For a million output tokens.",
    "web_searches": "For a million searches that the provider runs.",
    "request": "For a million calls.",
}


@click.command("override")
@click.argument("provider")
@click.argument("model")
@_price_options
@click.option(
    "--from", "starts", type=MOMENT, required=True, help="From when on (UTC); may be past or future."
)
@click.option(
    "--to", "ends", type=MOMENT, help="Up to, not including, this time; then what held before holds again."
)
@click.option(
    "--variant",
    default=STANDARD,
    show_default=True,
    help="The service tier it is for: batch, flex, priority.",
)
@click.option("--currency", help="Of the prices (default: USD); it needs a recorded exchange rate.")
@click.option(
    "--match",
    "pattern",
    metavar="NAME",
    help="Calls of this model name are meant; `*` at its end for all that begin so.",
)
@click.option("--only", is_flag=True, help="Only the named prices: take none over from the present ones.")
@click.option("--dry-run", is_flag=True, help="Show what it would do, and stop.")
@note_option
@by_option
@data_option
def override(
    provider: str,
    model: str,
    starts: datetime,
    ends: datetime | None,
    variant: str,
    currency: str | None,
    pattern: str | None,
    only: bool,
    dry_run: bool,
    note: str | None,
    recorded_by: str | None,
    data: Path | None,
    **given: str | None,
) -> None:
    """Set a model's price from a moment on, before whatever the books and imports say.

    Prices that are not named stay as they are at that moment. What is not plausible (negative, a factor of 5 from the
    present price) is held until `steelyard prices approve`.

    \b
    Example:
      steelyard prices override openai gpt-4o --input 2.25 --output 9 --from 2026-10-01 --note "contract 2026-17"
      steelyard prices override my-vllm llama-4 --input 0 --output 0 --from 2026-01-01
      steelyard prices override openai gpt-4o-tuned --match 'ft:gpt-4o*' --input 3.75 --output 15 --from 2026-10-01
    """
    rates = {unit: price for unit, price in given.items() if price is not None}
    if not rates:
        raise click.UsageError("name a price, such as --input 2.50 --output 10; 0 is free")
    with owner(data) as server:
        prices = known_prices(ServerReader(server.client))
        key = model_key_of(prices, provider, model, is_own=pattern is not None)
        before = None if only else _before(prices, key, variant, starts, currency)
        row = {
            "provider": billing_name(prices, provider),
            "model": model,
            "model_key": key,
            "variant": variant,
            "currency": currency or (before.currency if before else "USD"),
            "valid_from": wire(starts),
            "valid_to": wire(ends),
            "rates": [*_rates(rates), *_taken_over(before, rates)],
            "layer": "override",
            "name_pattern": pattern,
            "region_multipliers": _regions(before),
            "source": "steelyard prices override",
            "note": note,
        }
        _check(row)
        [plan] = planned(prices, [row], recorder(recorded_by))
        print("\n".join(in_words(prices, plan)))
        if before is not None and (kept := _taken_over(before, rates)):
            names = ", ".join(words.unit_name(one["unit"]) for one in kept)
            print(f"  taken over from {before.rate_card}: {names}")
        if dry_run:
            say("nothing was recorded (--dry-run)")
            return
        [card], _ = send_cards(server, [plan.row])
    _say_what_became(card)


def _check(row: dict[str, Any]) -> None:
    if wrong := card_problems([row], "default"):
        raise click.UsageError("; ".join(text.removeprefix("record 0: ") for text in wrong))


def _before(prices: Prices, key: str, variant: str, starts: datetime, currency: str | None) -> Card | None:
    """The card whose other prices stay. Raises ConfigError when that cannot be told."""
    segments = prices.list_layout.segments(key, variant)
    there = [
        one.card
        for one in segments
        if one.valid_from <= starts and (one.valid_to is None or starts < one.valid_to)
    ]
    cards = list({card.rate_card: card for card in there}.values())
    if not cards:
        return None
    why = None
    if len(cards) > 1 or cards[0].window:
        why = "its price depends on the time of day"
    elif any(rate.tier_from_tokens for rate in cards[0].rates):
        why = "its price depends on how long the input is"
    elif currency not in (None, cards[0].currency):
        why = f"its present price is in {cards[0].currency}"
    if why:
        raise ConfigError(
            f"{key} {variant}: {why} ({', '.join(card.rate_card for card in cards)}). Add --only to replace it by the prices "
            "that you name, or write the whole card in a file: `steelyard prices import FILE` (docs/prices.md)."
        )
    return cards[0]


def _rates(given: dict[str, str]) -> list[dict[str, Any]]:
    return [{"unit": unit, "tier_from_tokens": 0, "per_million": price} for unit, price in given.items()]


def _taken_over(before: Card | None, given: dict[str, str]) -> list[dict[str, Any]]:
    """What the present card says of units that are not named."""
    return [
        {"unit": one.unit, "tier_from_tokens": 0, "per_million": f"{one.per_million:f}"}
        for one in (before.rates if before else ())
        if one.unit not in given
    ]


def _regions(before: Card | None) -> dict[str, str] | None:
    found = {
        region: f"{factor:f}" for region, factor in (before.region_multipliers if before else {}).items()
    }
    return found or None


def _say_what_became(card: Card) -> None:
    if card.held_because:
        say(
            f"recorded as {card.rate_card}, and held: {card.held_because}. `steelyard prices approve '{card.rate_card}'` "
            f"puts it in force, `steelyard prices withdraw '{card.rate_card}'` takes it back"
        )
        return
    begins = "in force" if card.valid_from <= now() else "to come"
    say(
        f"recorded as {card.rate_card}, {begins}. `steelyard prices withdraw '{card.rate_card}'` takes it back"
    )
    if hint := reprice_hint([card]):
        say(hint)
