"""`steelyard prices approve` and `withdraw`: what counts of what is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from ulid import ULID

from commands.owner import owner
from commands.prices import words
from commands.prices.known import by_option, data_option, known_prices, note_option, now, recorder
from commands.prices.plan import reprice_hint
from commands.prices.sent import say, send_cards, send_plain
from commands.prices.states import Stand, stands
from errors import ConfigError
from pricing.cards import Agreement
from pricing.holding import counting_agreements
from pricing.prices import Prices
from store.reader import ServerReader


@click.command("approve")
@click.argument("card")
@note_option
@by_option
@data_option
def approve(card: str, note: str | None, recorded_by: str | None, data: Path | None) -> None:
    """Put a held price in force.

    \b
    Example:
      steelyard prices approve 'openai/gpt-4o@2026-10-01#2' --note "checked against the invoice"
    """
    with owner(data) as server:
        stand = _stand(known_prices(ServerReader(server.client)), card)
        if stand.state != "held":
            raise ConfigError(f"{card} is not held ({stand.state}): there is nothing to approve")
        say(
            f"{card}: {words.rates(stand.card)} {stand.card.currency}; held because {stand.card.held_because}"
        )
        send_cards(server, [_record({"approves": card}, note, recorder(recorded_by))])
    begins = "in force" if stand.card.valid_from <= now() else "to come"
    say(f"{card} is approved, {begins}")
    if hint := reprice_hint([stand.card]):
        say(hint)


@click.command("withdraw")
@click.argument("card")
@note_option
@by_option
@data_option
def withdraw(card: str, note: str | None, recorded_by: str | None, data: Path | None) -> None:
    """Take back a price (or an agreement, by its name): it never counts any more, and stays on record.

    \b
    Example:
      steelyard prices withdraw 'openai/gpt-4o@2026-10-01' --note "typing error"
    """
    with owner(data) as server:
        prices = known_prices(ServerReader(server.client))
        who = recorder(recorded_by)
        if agreements := _agreements(prices, card):
            said = {"note": note, "recorded_by": who}
            rows = [
                {"agreement_key": str(ULID()), "withdraws": one.agreement_key, **said} for one in agreements
            ]
            send_plain(server, "agreements", rows)
            since = min(one.valid_from for one in agreements)
            say(
                f"agreement {card} is withdrawn. Stored calls keep what they were charged. What they would cost now: "
                f"`steelyard reprice --since {since:%Y-%m-%d} --dry-run`"
            )
            return
        stand = _stand(prices, card)
        if stand.state == "withdrawn":
            raise ConfigError(f"{card} is withdrawn already: there is nothing to do")
        _, after = send_cards(server, [_record({"withdraws": card}, note, who)])
    say(f"{card} is withdrawn; {_instead(after, stand)}")
    if stand.state != "held" and (hint := reprice_hint([stand.card])):
        say(hint)


def _record(what: dict[str, str], note: str | None, who: str) -> dict[str, Any]:
    return {"card_key": str(ULID()), **what, "note": note, "recorded_by": who}


def _stand(prices: Prices, card: str) -> Stand:
    found = next((one for one in stands(prices, now()) if one.card.rate_card == card), None)
    if found is None:
        raise ConfigError(
            f"there is no rate card {card!r}. `steelyard prices list --all` and `steelyard prices show MODEL` show their ids."
        )
    return found


def _agreements(prices: Prices, name: str) -> list[Agreement]:
    """The records of an agreement that count."""
    return [one for one in counting_agreements(prices.records.agreements) if one.agreement == name]


def _instead(prices: Prices, stand: Stand) -> str:
    """What holds from now on where the withdrawn card did."""
    card = stand.card
    at = max(card.valid_from, now()) if card.valid_to is None else card.valid_from
    holds = prices.list_layout.find(card.model_key, card.variant, at)
    return "nothing holds in its place" if holds is None else f"{holds.card.rate_card} holds in its place"
