"""When a segment cannot be stored: which of its records it is."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from collector.commit.transaction import try_groups
from collector.commit.unpack import SpoolFile, groups
from collector.decode.rules import Rules
from collector.spool.segments import Record
from store.terms import Terms


def culprits(
    session: duckdb.DuckDBPyConnection,
    terms: Terms,
    rules: Rules,
    one: SpoolFile,
    not_its_fault: tuple[type[BaseException], ...],
) -> list[Record]:
    """The records that cannot be stored alone; all of them when each can, and only together they cannot.

    Each is tried in a transaction that is taken back. Raises what is `not_its_fault`.
    """
    found = [
        record for record in one.segment.records if _fails(session, terms, rules, one, record, not_its_fault)
    ]
    return found or list(one.segment.records)


def without(one: SpoolFile, records: list[Record]) -> SpoolFile:
    """The segment less these records."""
    rest = [record for record in one.segment.records if not any(record is left_out for left_out in records)]
    return replace(one, segment=replace(one.segment, records=rest))


def _fails(
    session: duckdb.DuckDBPyConnection,
    terms: Terms,
    rules: Rules,
    one: SpoolFile,
    record: Record,
    not_its_fault: tuple[type[BaseException], ...],
) -> bool:
    alone = replace(one, segment=replace(one.segment, records=[record]))
    try:
        try_groups(session, groups([alone], rules), terms)
    except not_its_fault:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, this record does it
        return True
    return False
