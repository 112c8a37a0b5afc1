"""A file of prices (TOML, CSV or JSON) as records, each with the place that it is from."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from commands.moments import moment, wire
from errors import ConfigError
from pricing.units import UNITS
from store.record_checks import CHECKS
from store.records import KINDS, problems

# What a file calls the records of each kind.
KEYS = {"card": "rate_cards", "agreement": "agreements", "fx_rate": "fx_rates"}
PER_MILLION = "per_million"
ABOVE = "per_million_above_"
UNIT_NAMES = {"input": "uncached_input", **{unit: unit for unit in UNITS}}
_MISTAKES_SHOWN = 10
# Said once for the whole file.
_FOR_ALL = ("source", "source_version", "checked_on", "currency", "valid_from", "note", "layer")
_TIMES = ("valid_from", "valid_to")
_NOT_FROM_FILES = ("card_key", "agreement_key", "fx_key", "recorded_by", "approves")


@dataclass(frozen=True)
class Entry:
    """A record as the wire has it, without a key and who recorded it; `where` in the file it stands."""

    where: str
    kind: str
    row: Mapping[str, Any]


def read_file(path: Path, starts: datetime | None = None) -> list[Entry]:
    """The records of the file; `starts`: for those without `valid_from`.

    Raises ConfigError that says of every record what is wrong with it.
    """
    content = _content(path)
    given = {
        "source": path.name,
        "source_version": f"{path.name} {hashlib.sha256(content).hexdigest()[:12]}",
        "valid_from": starts,
        "layer": "import",
    }
    found: list[Entry] = []
    wrong: list[str] = []
    for where, key, stanza in _stanzas(path, content):
        try:
            entry = Entry(where, KEYS[key], _row(KEYS[key], stanza, given))
        except ValueError as mistake:
            wrong.append(f"{where}: {mistake}")
        else:
            mistakes = _problems(entry)
            wrong += [f"{where}: {mistake}" for mistake in mistakes]
            found += [] if mistakes else [entry]
    if wrong:
        more = f"\n  and {len(wrong) - _MISTAKES_SHOWN} more" if len(wrong) > _MISTAKES_SHOWN else ""
        raise ConfigError(f"{path}: nothing was recorded.\n  " + "\n  ".join(wrong[:_MISTAKES_SHOWN]) + more)
    if not found:
        raise ConfigError(f"{path} has no prices. docs/prices.md shows what a file looks like.")
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as refused:
        raise ConfigError(f"{path} cannot be read: {refused.strerror}") from None


def _stanzas(path: Path, content: bytes) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(where, what it is: a key of KEYS, what it says)"""
    try:
        text = content.decode("utf-8-sig")
        match path.suffix.lower():
            case ".csv":
                yield from _of_csv(path, text)
            case ".json":
                document = json.loads(text, parse_float=Decimal, parse_int=Decimal)
                yield from _of_document(path, {"card": document} if isinstance(document, list) else document)
            case ".toml":
                yield from _of_document(path, tomllib.loads(text, parse_float=Decimal))
            case other:
                raise ConfigError(
                    f"{path}: {other or 'a file without an ending'} is not one of .toml, .csv, .json"
                )
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, csv.Error) as broken:
        raise ConfigError(f"{path}: {broken}") from None


def _of_document(path: Path, document: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """A TOML or JSON document: `card`, `agreement` and `fx_rate` are lists, whatever else holds for all of them."""
    if not isinstance(document, dict):
        raise ConfigError(f"{path} must be a list of cards, or have the keys {', '.join(KEYS)}")
    for_all = {name: value for name, value in document.items() if name in _FOR_ALL}
    unknown = set(document) - set(for_all) - set(KEYS)
    if unknown:
        raise ConfigError(
            f"{path} has {sorted(unknown)[0]!r} at its top. There may be: {', '.join([*KEYS, *_FOR_ALL])}"
        )
    for key in KEYS:
        stanzas = document.get(key, [])
        if not isinstance(stanzas, list):
            raise ConfigError(f"{path}: {key!r} must be a list ([[{key}]] in TOML)")
        for number, stanza in enumerate(stanzas, start=1):
            where = f"{key} {number}"
            if not isinstance(stanza, dict):
                raise ConfigError(f"{path}: {where} is {stanza!r}, not a table")
            fields = KINDS[KEYS[key]].fields
            yield (
                where,
                key,
                {name: value for name, value in for_all.items() if name in fields} | dict(stanza),
            )


def _of_csv(path: Path, text: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """A line is a card, or a tier of the card above it; of agreements or exchange rates when the columns are theirs."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    header = [name.strip().lower() for name in lines[0][1]] if lines else []
    if len(set(header)) < len(header):
        raise ConfigError(f"{path}: the first line names a column twice")
    key = "fx_rate" if "usd_per_unit" in header else "agreement" if "agreement" in header else "card"
    for number, cells in lines[1:]:
        if len(cells) != len(header):
            raise ConfigError(
                f"{path}: line {number} has {len(cells)} cells, but there are {len(header)} columns"
            )
    told = [
        (number, {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()})
        for number, cells in lines[1:]
    ]
    yield from _cards_of_lines(told) if key == "card" else ((f"line {n}", key, row) for n, row in told)


def _cards_of_lines(
    lines: Sequence[tuple[int, Mapping[str, str]]],
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The lines with the units' columns put together; lines of one card differ in `tier_from_tokens` only."""
    cards: dict[tuple[tuple[str, str], ...], tuple[str, dict[str, Any]]] = {}
    for number, line in lines:
        tier = line.get("tier_from_tokens", "0")
        units = {name: cell for name, cell in line.items() if name in UNIT_NAMES}
        about = {name: cell for name, cell in line.items() if name not in {*units, "tier_from_tokens"}}
        where, card = cards.setdefault(tuple(sorted(about.items())), (f"line {number}", dict(about)))
        tiered = PER_MILLION if tier == "0" else f"{ABOVE}{tier}"
        if tiered in card:
            card[f"the same tier again in line {number}"] = ""
        card[tiered] = units
    for where, card in cards.values():
        yield where, "card", card


def _row(kind: str, stanza: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The stanza as the wire has it. Raises ValueError that says what is wrong."""
    fields = KINDS[kind].fields
    said = {name: value for name, value in given.items() if name in fields} | dict(stanza)
    row: dict[str, Any] = {}
    rates: list[dict[str, Any]] = []
    for name, value in said.items():
        if kind == "rate_cards" and name.startswith(PER_MILLION):
            rates += _rates(name, value)
        elif name == "graduated":
            raise ValueError(
                "graduated tiers are not charged, only those that the whole request moves to: write the price above a "
                f"threshold for the whole request, as {ABOVE}200000"
            )
        elif name not in fields or name in _NOT_FROM_FILES:
            raise ValueError(f"{name!r} is not known. There may be: {', '.join(_known(kind))}")
        elif value is not None:
            row[name] = _value(name, value, str(fields[name]))
    if rates:
        row["rates"] = [*row.get("rates", ()), *rates]
    return row


def _known(kind: str) -> list[str]:
    names = [name for name in KINDS[kind].fields if name not in _NOT_FROM_FILES]
    return [*names, PER_MILLION, f"{ABOVE}<tokens>"] if kind == "rate_cards" else names


def _rates(name: str, units: Any) -> Iterator[dict[str, Any]]:
    """`per_million = {input = "2.50"}`, `per_million_above_200000 = {input = "5.00"}`."""
    tier = 0 if name == PER_MILLION else _count(name.removeprefix(ABOVE), name)
    if not isinstance(units, dict):
        raise ValueError(f"{name} is {units!r}, not a table of units and prices")
    for unit, per_million in units.items():
        if unit not in UNIT_NAMES:
            raise ValueError(f"{name} has the unit {unit!r}, not one of {', '.join(UNIT_NAMES)}")
        yield {"unit": UNIT_NAMES[unit], "tier_from_tokens": tier, "per_million": _decimal(unit, per_million)}


def _value(name: str, value: Any, field: str) -> Any:
    if name in _TIMES:
        return wire(_moment(name, value))
    if field == "date" and isinstance(value, date):
        return value.isoformat()
    if field == "integer":
        return _count(value, name)
    if field.startswith("decimal"):
        return _decimal(name, value)
    if name == "rates" and isinstance(value, list):
        return [_rate(rate) for rate in value]
    if name == "region_multipliers" and isinstance(value, (str, dict)):
        return _multipliers(value)
    return value


def _rate(rate: Any) -> Any:
    """As it stands, with numbers as the wire has them; what else may be wrong with it is found later."""
    if not isinstance(rate, dict):
        return rate
    said = {"unit": UNIT_NAMES.get(str(rate.get("unit")), rate.get("unit"))}
    tier = rate.get("tier_from_tokens") or 0
    return {
        **rate,
        **said,
        "tier_from_tokens": _count(tier, "tier_from_tokens"),
        "per_million": _decimal(str(said["unit"]), rate.get("per_million")),
    }


def _multipliers(value: str | Mapping[str, Any]) -> dict[str, str]:
    """A table, or in CSV `us=1.1 eu=1.1`."""
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split()]
        value = {region: factor for region, _, factor in pairs}
    return {region: _decimal(region, factor) for region, factor in value.items()}


def _moment(name: str, value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - UTC, as the store has it
    try:
        return moment(str(value))
    except ValueError as wrong:
        raise ValueError(f"{name}: {wrong}") from None


def _count(value: Any, name: str) -> int:
    try:
        number = Decimal(str(value))
        if isinstance(value, bool) or number != int(number):
            raise InvalidOperation
        return int(number)
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"{name} is {value!r}, not a whole number") from None


def _decimal(name: str, value: Any) -> str:
    """A price as text with every digit that it was written with; whether it fits is found later."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return f"{Decimal(value):f}"
    if isinstance(value, str) and value:
        return value
    raise ValueError(f"{name} is {value!r}, not a price such as 2.50")


def _problems(entry: Entry) -> list[str]:
    """What the receiver would refuse."""
    row = {**entry.row, KINDS[entry.kind].key: "-"}
    wrong = problems(KINDS[entry.kind], [row]) or CHECKS[entry.kind]([row], "default")
    return [text.removeprefix("record 0: ") for text in wrong]
