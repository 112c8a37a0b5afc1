"""Storing what somebody records about prices: each record once, numbered, and held when it is not plausible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from pricing.cards import Card, PriceRecords, Rate
from pricing.plausible import why_held
from pricing.units import STANDARD
from store import prices
from store.columns import columns, naive, received, stored
from store.records import KINDS, Kind


@dataclass(frozen=True)
class Recorded:
    """How many records were new, and rows of `rejects` for those that name a card that is not there."""

    n_new: int
    refused: list[Mapping[str, Any]] = field(default_factory=list)


def record(session: duckdb.DuckDBPyConnection, kind: str, rows: Sequence[Mapping[str, Any]]) -> Recorded:
    """Store records of a kind of PRICE_KINDS, well-formed (price_checks.py). The caller owns the transaction."""
    if kind == "rate_cards":
        return _record_cards(session, rows)
    return Recorded(_record_plain(session, KINDS[kind], rows))


def _record_plain(session: duckdb.DuckDBPyConnection, kind: Kind, rows: Sequence[Mapping[str, Any]]) -> int:
    vouched = [{**row, "recorded_by": _who(row)} for row in rows]
    incoming = pa.table({"recorded_at": received(rows), **columns(kind.fields, vouched)})
    session.register("incoming_records", incoming)
    try:
        added = session.execute(
            f"""
            insert into {kind.table} by name
            select * from incoming_records as fresh
            where not exists (from {kind.table} as known where known.{kind.key} = fresh.{kind.key})
            qualify row_number() over (partition by {kind.key} order by recorded_at) = 1
            """
        ).fetchone()
    finally:
        session.unregister("incoming_records")
    return int(added[0]) if added else 0


def _record_cards(session: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]]) -> Recorded:
    known = _Known(prices.records(session))
    refused: list[Mapping[str, Any]] = []
    for row in rows:
        if row["card_key"] in known.keys:
            continue
        named = row.get("approves") or row.get("withdraws")
        if named is None:
            known.add(card_of(row))
        elif (meant := known.by_id.get(named)) is None:
            refused.append(_reject(row, f"there is no rate card {named!r}"))
        elif row.get("withdraws"):
            known.add(replace(prices.withdrawal(meant), **_recording(row)))
        elif meant.held_because is None or named in known.approved:
            refused.append(_reject(row, f"rate card {named!r} does not wait for approval"))
        else:
            known.add(replace(prices.approval(meant), **_recording(row)))
    prices.append(session, known.added)
    return Recorded(len(known.added), refused)


class _Known:
    """The cards so far: those of the store, and those of the records before the present one."""

    def __init__(self, records: PriceRecords) -> None:
        cards = records.cards
        self.by_id = {card.rate_card: card for card in cards}
        self.keys = {card.card_key for card in cards}
        self.approved = {card.approves for card in cards}
        self.added: list[Card] = []
        self._of_model: dict[str, list[Card]] = {}
        self._fx_rates = records.fx_rates
        self._numbers = prices.Numbers(self.by_id)
        for card in cards:
            self._of_model.setdefault(card.model_key, []).append(card)

    def add(self, card: Card) -> None:
        """Number the card and say whether it may hold."""
        card = self._numbers.named(card)
        of_model = self._of_model.setdefault(card.model_key, [])
        if card.approves is None and card.withdraws is None:
            card = replace(card, held_because=why_held(card, of_model, self._fx_rates))
        of_model.append(card)
        self.by_id[card.rate_card] = card
        self.keys.add(card.card_key)
        self.approved.add(card.approves)
        self.added.append(card)


def card_of(row: Mapping[str, Any]) -> Card:
    """The card that a well-formed record is; without an id, which the store gives."""
    minutes = (row.get("from_minute"), row.get("to_minute"))
    return Card(
        rate_card="",
        model_key=row.get("model_key") or f"{row['provider']}/{row['model']}",
        provider=row["provider"],
        model=row["model"],
        valid_from=_moment(row, "valid_from"),
        valid_to=_moment(row, "valid_to"),
        variant=row.get("variant") or STANDARD,
        currency=row.get("currency") or "USD",
        rates=tuple(_rate(rate) for rate in row["rates"]),
        layer=row["layer"],
        model_provider=row.get("model_provider"),
        name_pattern=row.get("name_pattern"),
        window=None if None in minutes else (int(minutes[0] or 0), int(minutes[1] or 0)),
        region_multipliers={
            region: Decimal(factor) for region, factor in (row.get("region_multipliers") or {}).items()
        },
        estimated_because=row.get("estimated_because"),
        source=row.get("source"),
        source_version=row.get("source_version"),
        checked_on=stored(row.get("checked_on"), "date"),
        **_recording(row),
    )


def _recording(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "card_key": row["card_key"],
        "note": row.get("note"),
        "recorded_at": naive(row["received_at"]),
        "recorded_by": _who(row),
    }


def _who(row: Mapping[str, Any]) -> str | None:
    """Who says to have recorded it, with the access key that vouches for it; the owner of the data directory has none."""
    key_id, says = row.get("key_id"), row.get("recorded_by")
    return f"{says or '?'} (key {key_id})" if key_id else says


def _rate(rate: Mapping[str, Any]) -> Rate:
    return Rate(rate["unit"], rate.get("tier_from_tokens") or 0, Decimal(rate["per_million"]))


def _moment(row: Mapping[str, Any], name: str) -> Any:
    moment: datetime | None = stored(row.get(name), "time")
    return moment


def _reject(row: Mapping[str, Any], reason: str) -> Mapping[str, Any]:
    return {
        "reject_id": row["card_key"],
        "signal": "records/rate_cards",
        "reason": reason,
        "n_items": 1,
        "received_at": row["received_at"],
    }
