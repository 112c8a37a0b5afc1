"""Erasure: the rows of a project, of one tenant or of one user, taken from every table in one transaction.

After the commit no query shows them; the store's file holds their bytes until it is rewritten (`store.rewrite`).
Which spans go is the macro `erasure_spans`; what names the erased one elsewhere goes by its own columns.

Of the ledger the amounts stay and the ids go: the official charges of the erased calls are put together by day,
rate card and status into rows under a fresh trace id that leads nowhere. So finance's totals do not move, and
sum(charges) = sum(calls) + what erasures put together, to the last digit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import duckdb

from store import rollups

Scope = Literal["project", "tenant", "user"]

# The rows of each table that go with `erased_spans` and `erased_traces`, or name the erased one themselves.
_OF_SPANS = (
    "trace_id in (from erased_traces) or exists (select 1 from erased_spans as erased "
    "where erased.trace_id = {table}.trace_id and erased.span_id = {table}.span_id)"
)
# A metric point has no column for its user, and a log record may carry another id of them: any attribute counts.
_OF_ATTRIBUTES = (
    "$user is not null and (list_contains(json_extract_string(attributes, '$.*'), $user) "
    "or list_contains(json_extract_string(resource, '$.*'), $user))"
)
_NAMES_SUBJECT = (
    "(tenant_id = $tenant or (dimension = 'tenant_id' and dimension_value = $tenant) "
    "or (dimension = 'user_id' and dimension_value = $user))"
)
_GOES = {
    "contents": _OF_SPANS,
    "log_records": f"tenant_id = $tenant or user_id = $user or ({_OF_ATTRIBUTES}) or {_OF_SPANS}",
    "metric_points": f"tenant_id = $tenant or ({_OF_ATTRIBUTES})",
    "scores": f"response_id in (select response_id from erased_spans where response_id is not null) or {_OF_SPANS}",
    "tenants": "tenant_id = $tenant",
    "attribution_rules": f"{_NAMES_SUBJECT} or withdraws in "
    f"(select rule_id from attribution_rules where project = $project and ({_NAMES_SUBJECT}))",
    "budgets": "(dimension = 'tenant_id' and dimension_value = $tenant) or (dimension = 'user_id' and dimension_value = $user)",
    "saved": "saved_names(name, address, statement, $tenant) or saved_names(name, address, statement, $user)",
}
_AMOUNTS = (
    "uncached_input_usd",
    "cached_input_usd",
    "cache_write_usd",
    "cache_write_1h_usd",
    "output_usd",
    "reasoning_usd",
    "audio_input_usd",
    "audio_output_usd",
    "cached_audio_input_usd",
    "image_input_usd",
    "image_output_usd",
    "web_searches_usd",
    "request_usd",
    "list_cost_usd",
    "effective_cost_usd",
    "reported_cost_usd",
    "saved_cost_usd",
)
# A repricing says what it was about. One under way finds nothing more by this name, and nobody can be called so.
_FORGET_IN_RUNS = """
    update pricing_runs
    set scope = json_merge_patch(scope, '{"tenant_id": "(erased)"}'), note = null
    where project = $project and json_extract_string(scope, '$.tenant_id') = $tenant
"""
# So many calls are put together in one row at most: their sum must fit the column of one call.
_CALLS_IN_ONE_CHARGE = 10_000


@dataclass(frozen=True)
class Erasure:
    """One request to erase, as it came through the spool."""

    erasure_id: str
    project: str
    scope: Scope
    subject: str | None  # the tenant's or the user's id; None for a whole project
    requested_at: datetime | None  # UTC without a zone
    received_at: datetime

    @classmethod
    def of_record(cls, project: str, record: Mapping[str, Any], received_at: datetime) -> Erasure:
        """From a record of the kind `erasures` that the receiver has checked."""
        scope = cast(Scope, record["scope"])
        asked = record.get("requested_at")
        return cls(
            erasure_id=str(record["erasure_id"]),
            project=project,
            scope=scope,
            subject=None if scope == "project" else str(record[f"{scope}_id"]),
            requested_at=datetime.fromisoformat(asked).replace(tzinfo=None) if asked else None,
            received_at=received_at.replace(tzinfo=None),
        )


def subject_sha256(erasure_id: str, scope: str, subject: str) -> str:
    """What a receipt keeps of whom it is about: whoever knows the id can check it, nobody can read it."""
    return hashlib.sha256(f"{erasure_id}\x1f{scope}\x1f{subject}".encode()).hexdigest()


def erase(session: duckdb.DuckDBPyConnection, erasure: Erasure) -> Mapping[str, int]:
    """Take the rows and write the receipt, in the caller's transaction; rows removed per table.

    An erasure is a point in the order of arrival: one that is known already takes nothing again.
    """
    seen = session.execute("select 1 from erasures where erasure_id = ? limit 1", [erasure.erasure_id])
    if seen.fetchone() is not None:
        return {}
    is_whole = erasure.scope == "project"
    removed = _project(session, erasure.project) if is_whole else _subject(session, erasure)
    _write_receipt(session, erasure, removed)
    return removed


def _project(session: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
    """Every row of the project but the receipts of its erasures."""
    tables = session.execute(
        "select distinct table_name from information_schema.columns "
        "where column_name = 'project' and table_catalog = current_database() and table_name <> 'erasures' "
        "and table_name in (select table_name from information_schema.tables where table_type = 'BASE TABLE')"
    ).fetchall()
    counted = {
        table: _changed(session, f"delete from {table} where project = ?", [name]) for (table,) in tables
    }
    return {
        table: n_rows for table, n_rows in sorted(counted.items()) if n_rows and table not in rollups.TABLES
    }


def _subject(session: duckdb.DuckDBPyConnection, erasure: Erasure) -> dict[str, int]:
    whom = {
        "project": erasure.project,
        "tenant": erasure.subject if erasure.scope == "tenant" else None,
        "user": erasure.subject if erasure.scope == "user" else None,
    }
    session.execute(
        "create or replace temp table erased_spans as from erasure_spans($project, $tenant, $user)", whom
    )
    session.execute(
        "create or replace temp table erased_traces as select distinct trace_id from erased_spans where whole_trace"
    )
    try:
        removed = {
            "charges": _anonymise_charges(session, erasure),
            "corrections": _anonymise_corrections(session, erasure),
        }
        for table, goes in _GOES.items():
            named = {name: value for name, value in whom.items() if f"${name}" in goes or name == "project"}
            sql = f"delete from {table} where project = $project and ({goes.format(table=table)})"
            removed[table] = _changed(session, sql, named)
        days = session.execute("select distinct day from erased_spans").fetchall()
        rollups.forget_days(session, erasure.project, [day for (day,) in days], has_calls=True)
        session.execute(_FORGET_IN_RUNS, {"project": erasure.project, "tenant": whom["tenant"]})
        removed["spans"] = _changed(
            session,
            "delete from spans using erased_spans as erased where spans.project = ? and spans.day = erased.day "
            "and spans.trace_id = erased.trace_id and spans.span_id = erased.span_id",
            [erasure.project],
        )
    finally:
        # Temporary tables of this session spill to disk: what is erased must not linger there.
        session.execute("drop table if exists erased_spans")
        session.execute("drop table if exists erased_traces")
    return removed


def _anonymise_charges(session: duckdb.DuckDBPyConnection, erasure: Erasure) -> int:
    """The amounts of the erased calls, put together without their ids; returns how many rows that were."""
    session.execute(
        "create or replace temp table erased_charges as select charges.* from charges "
        "semi join erased_spans using (trace_id, span_id) where project = ?",
        [erasure.project],
    )
    n_rows = _changed(
        session,
        "delete from charges using erased_spans as erased where charges.project = ? "
        "and charges.trace_id = erased.trace_id and charges.span_id = erased.span_id",
        [erasure.project],
    )
    sums = ", ".join(f"cast(sum({amount}) as decimal(18, 12)) as {amount}" for amount in _AMOUNTS)
    session.execute(
        f"""
        insert into charges by name
        with official as (
            from erased_charges qualify row_number() over (partition by trace_id, span_id order by seq desc) = 1
        ),
        known as (
            select *, row_number() over (partition by day, rate_card) // {_CALLS_IN_ONE_CHARGE} as part
            from official
            where list_cost_usd is not null
        )
        select
            project, day, uuid() as trace_id, cast(0 as ubigint) as span_id, 1 as seq,
            $run as pricing_run, rate_card, cost_status, cost_estimated, billed_to, {sums}, currency, $now as recorded_at
        from known
        group by project, day, rate_card, cost_status, cost_estimated, billed_to, currency, part
        """,
        {"run": f"erasure {erasure.erasure_id}", "now": _now()},
    )
    session.execute("drop table erased_charges")
    return n_rows


def _anonymise_corrections(session: duckdb.DuckDBPyConnection, erasure: Erasure) -> int:
    """The differences that were booked for the erased calls, put together as their charges are; how many rows that were."""
    tenant = erasure.subject if erasure.scope == "tenant" else None
    goes = (
        "project = $project and (tenant_id = $tenant or exists (select 1 from erased_spans as erased "
        "where erased.trace_id = corrections.trace_id and erased.span_id = corrections.span_id))"
    )
    whom = {"project": erasure.project, "tenant": tenant}
    session.execute(
        f"create or replace temp table erased_corrections as select * from corrections where {goes}", whom
    )
    n_rows = _changed(session, f"delete from corrections where {goes}", whom)
    session.execute(
        f"""
        insert into corrections by name
        with numbered as (
            select *, row_number() over (partition by pricing_run, day, rate_card) // {_CALLS_IN_ONE_CHARGE} as part
            from erased_corrections
        )
        select
            project, pricing_run, day, booked_month, uuid() as trace_id, cast(0 as ubigint) as span_id, provider, model,
            cost_status, rate_card,
            cast(sum(list_delta_usd) as decimal(18, 12)) as list_delta_usd,
            cast(sum(effective_delta_usd) as decimal(18, 12)) as effective_delta_usd,
            max(recorded_at) as recorded_at
        from numbered
        group by project, pricing_run, day, booked_month, provider, model, cost_status, rate_card, part
        """
    )
    session.execute("drop table erased_corrections")
    return n_rows


def _write_receipt(session: duckdb.DuckDBPyConnection, erasure: Erasure, removed: Mapping[str, int]) -> None:
    subject = erasure.subject
    session.execute(
        "insert into erasures by name select $project as project, $received_at as received_at, $erasure_id as erasure_id, "
        "$scope as scope, $requested_at as requested_at, $subject_sha256 as subject_sha256, "
        "cast($removed as json) as removed, cast($copies as json) as copies, $applied_at as applied_at",
        {
            "project": erasure.project,
            "received_at": erasure.received_at,
            "erasure_id": erasure.erasure_id,
            "scope": erasure.scope,
            "requested_at": erasure.requested_at,
            "subject_sha256": subject and subject_sha256(erasure.erasure_id, erasure.scope, subject),
            "removed": json.dumps(dict(removed)),
            "copies": json.dumps(_copies(session)),
            "applied_at": _now(),
        },
    )


def _copies(session: duckdb.DuckDBPyConnection) -> list[str]:
    """Backups, exports and unreadable segments beside the store: an erasure does not reach into them."""
    row = session.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchone()
    if row is None or row[0] is None:
        return []
    data = Path(row[0]).parent
    rooms = (data / "backups", data / "exports", data / "spool" / "quarantine")
    return [str(path.relative_to(data)) for room in rooms if room.is_dir() for path in sorted(room.iterdir())]


def _changed(session: duckdb.DuckDBPyConnection, sql: str, params: Any) -> int:
    row = session.execute(sql, params).fetchone()
    return int(row[0]) if row else 0


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
