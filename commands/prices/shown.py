"""`steelyard prices show`: everything that was ever recorded about the price of one model."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from commands.connect import connect
from commands.moments import shown
from commands.prices import words
from commands.prices.known import data_option, find_model, known_prices, now
from commands.prices.states import Stand, stands
from pricing.names import Rule
from pricing.prices import Prices

_MOST_NAMES = 12


@click.command("show")
@click.argument("model")
@click.option("--provider", help="Who bills for it, when several have a model of this name.")
@data_option
def show(model: str, provider: str | None, data: Path | None) -> None:
    """Everything recorded about a model's price: the names that mean it, and every card with who, when and from where.

    \b
    Example:
      steelyard prices show gpt-4o
      steelyard prices show claude-sonnet-4-5 --provider aws
    """
    with connect(data) as reader:
        prices = known_prices(reader)
    key = find_model(prices, provider, model)
    cards = [stand for stand in stands(prices, now()) if stand.card.model_key == key]
    lines = [key, "", "names in telemetry", *(f"  {name}" for name in _names(prices, key)), ""]
    lines += [line for stand in cards for line in _card(stand)] or ["no price was ever recorded\n"]
    sys.stdout.write("\n".join(lines).rstrip() + "\n")


def _names(prices: Prices, key: str) -> Iterator[str]:
    """Who means this model, in words: rules of the books, and names that records brought."""
    local = prices.book.local
    for (provider, name), meant in local.exact.items():
        if meant == key:
            yield f"{name!r} of {provider} (recorded)"
    for provider, beginnings in local.beginnings.items():
        for beginning, meant in beginnings:
            if meant == key:
                yield f"{beginning + '*'!r} of {provider} (recorded)"
    seller, _, rest = key.partition("/")
    book = prices.book.providers.get(seller)
    for owner in (book, *(prices.book.providers[name] for name in (book.falls_back_to if book else ()))):
        for model in owner.models if owner else ():
            if rest in (model.name, f"{owner.provider if owner else ''}/{model.name}"):
                yield f"{_rule(model.rule)}, of {seller}"


def _rule(rule: Rule) -> str:
    parts = [
        *(repr(name) for name in rule.equals[:_MOST_NAMES]),
        *([f"{len(rule.equals) - _MOST_NAMES} more names"] if len(rule.equals) > _MOST_NAMES else []),
        *(f"{beginning + '*'!r}" for beginning in rule.starts_with),
        *(f"{'*' + end!r}" for end in rule.ends_with),
        *(f"{'*' + part + '*'!r}" for part in rule.contains),
        *(f"/{pattern.pattern}/" for pattern in rule.regex),
        *(["(" + " and ".join(_rule(part) for part in rule.all) + ")"] if rule.all else []),
    ]
    return " or ".join(parts)


def _card(stand: Stand) -> Iterator[str]:
    card = stand.card
    yield f"{card.rate_card}  ({stand.state})"
    yield f"  rates      {words.rates(card)}  ({card.currency}; tokens by the million)"
    if card.variant != "standard" or card.window:
        yield f"  applies    to {words.variant(card)}"
    if card.region_multipliers:
        yield f"  regions    {words.regions(card)}"
    yield f"  valid      {words.times(card.valid_from, card.valid_to)}{_holds(stand)}"
    yield f"  source     {_source(stand)}"
    yield f"  recorded   {shown(card.recorded_at)} by {card.recorded_by or 'nobody known'}, layer {card.layer}"
    if card.name_pattern:
        yield f"  names      {card.name_pattern}"
    if card.estimated_because:
        yield f"  estimated  {card.estimated_because}"
    if card.note:
        yield f"  note       {card.note}"
    yield from _said(stand)
    yield ""


def _holds(stand: Stand) -> str:
    card = stand.card
    if stand.holds_from is None or (stand.holds_from, stand.holds_to) == (card.valid_from, card.valid_to):
        return ""
    return f"; other cards leave it {words.times(stand.holds_from, stand.holds_to)}"


def _source(stand: Stand) -> str:
    card = stand.card
    said = [card.source, card.source_version, f"checked on {card.checked_on}" if card.checked_on else None]
    return ", ".join(part for part in said if part) or "not said"


def _said(stand: Stand) -> Iterator[str]:
    card, said = stand.card, stand.said
    if card.held_because:
        yield f"  held       {card.held_because}"
    if said is not None:
        verb = "withdrawn" if said.withdraws else "approved "
        note = f": {said.note}" if said.note else ""
        yield f"  {verb}  {shown(said.recorded_at)} by {said.recorded_by or 'nobody known'}{note}"
    elif card.held_because:
        yield f"             `steelyard prices approve '{card.rate_card}'` puts it in force"
