"""`steelyard prices import`: cards, agreements and exchange rates from a file, all of them or none."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from ulid import ULID

from commands.moments import MOMENT
from commands.output import text_table
from commands.owner import owner
from commands.prices import words
from commands.prices.files import Entry, read_file
from commands.prices.known import by_option, data_option, known_prices, now, recorder
from commands.prices.plan import Planned, planned, reprice_hint
from commands.prices.sent import say, send_cards, send_plain
from pricing.cards import Card
from pricing.holding import counting_agreements
from pricing.prices import Prices
from store.columns import stored
from store.reader import ServerReader
from store.records import KINDS


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "starts", type=MOMENT, help="From when on (UTC), for prices without valid_from.")
@click.option("--dry-run", is_flag=True, help="Show what would be recorded, and stop.")
@by_option
@data_option
def import_prices(
    file: Path, starts: datetime | None, dry_run: bool, recorded_by: str | None, data: Path | None
) -> None:
    """Record prices, agreements and exchange rates from a TOML, CSV or JSON file.

    What is recorded already is left out; nothing is recorded when anything in the file is wrong. What is not plausible is
    held until `steelyard prices approve`. docs/prices.md shows the files.

    \b
    Example:
      steelyard prices import prices.toml --dry-run
      steelyard prices import october.csv --from 2026-10-01
    """
    entries = read_file(file, starts)
    who = recorder(recorded_by)
    with owner(data) as server:
        prices = known_prices(ServerReader(server.client))
        # Exchange rates first: a card in their currency is judged by them.
        rates = _news(prices, entries, "fx_rates", who)
        agreements = _news(prices, entries, "agreements", who)
        plans = planned(prices, [one.row for one in entries if one.kind == "rate_cards"], who)
        cards = [plan for plan in plans if plan.is_news]
        sys.stdout.write(_listing(cards, agreements, rates))
        n_news = len(cards) + len(agreements) + len(rates)
        n_known = len(entries) - n_news
        if dry_run:
            say(f"{n_news} would be recorded, {n_known} are recorded already (--dry-run: nothing was done)")
            return
        send_plain(server, "fx_rates", rates)
        send_plain(server, "agreements", agreements)
        stored_cards = send_cards(server, [plan.row for plan in cards])[0] if cards else []
    say(f"{n_news} recorded, {n_known} were recorded already")
    _say_held(stored_cards)
    in_force = [card for card in stored_cards if not card.held_because]
    if hint := reprice_hint(in_force):
        say(hint)


def _news(prices: Prices, entries: Sequence[Entry], kind: str, who: str) -> list[dict[str, Any]]:
    """The agreements or exchange rates that are not recorded, as the wire has them."""
    agreements = counting_agreements(prices.records.agreements)
    known = agreements if kind == "agreements" else prices.records.fx_rates
    fields = {
        name: field
        for name, field in KINDS[kind].fields.items()
        if name not in (KINDS[kind].key, "recorded_by")
    }
    compared = [name for name in fields if name not in ("source", "note")]
    said = {tuple(getattr(one, name) for name in compared) for one in known}
    return [
        {**one.row, KINDS[kind].key: str(ULID()), "recorded_by": who}
        for one in entries
        if one.kind == kind
        and tuple(stored(one.row.get(name), fields[name]) for name in compared) not in said
    ]


def _listing(
    cards: Sequence[Planned], agreements: Sequence[Mapping[str, Any]], rates: Sequence[Mapping[str, Any]]
) -> str:
    parts = []
    if cards:
        headers = ["model", "variant", "holds", "million tokens", "instead of", "state"]
        parts.append(text_table(headers, [_line(plan) for plan in cards]))
    if agreements:
        headers = ["agreement", "of", "for", "× list price", "from"]
        parts.append(
            text_table(
                headers,
                [
                    [
                        row.get("agreement") or f"withdraws {row.get('withdraws')}",
                        row.get("model_key") or row.get("provider") or "every provider",
                        row.get("tenant_id") or "everybody",
                        row.get("multiplier"),
                        row.get("valid_from"),
                    ]
                    for row in agreements
                ],
            )
        )
    if rates:
        told = [[row["currency"], row["usd_per_unit"], row["valid_from"], row["source"]] for row in rates]
        parts.append(text_table(["currency", "USD for one", "from", "source"], told))
    return "\n".join(parts)


def _line(plan: Planned) -> list[str | None]:
    card = plan.card
    currency = "" if card.currency == "USD" else f" {card.currency}"
    before = {one.card.rate_card: one.card for one in plan.displaces}
    state = "held" if plan.held_because else "future" if card.valid_from > now() else "in force"
    return [
        card.model_key,
        words.variant(card),
        words.times(card.valid_from, card.valid_to),
        words.rates(card) + currency,
        ", ".join(before) or "no price",
        state,
    ]


def _say_held(cards: Sequence[Card]) -> None:
    for card in cards:
        if card.held_because:
            say(
                f"held: {card.rate_card}: {card.held_because}. `steelyard prices approve '{card.rate_card}'` puts it in force"
            )
