"""A store of many calls, made once and kept: the demo through the real doors, then its calls many times over by SQL.

Ten million calls through the doors would take most of an hour on a small machine. A copy differs from its original in what tells
calls apart (ids, moment, conversation, one user in twenty) and in nothing else, so shapes and shares stay those of the demo.
Only calls are copied: a copied call has no parent, a trace of the demo itself is whole.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path

import duckdb

from store import rollups
from store.backends import file
from store.projects import DEMO_PROJECT
from tests.servers import STEELYARD, start_server

SEED_CALLS = 50_000
_MEMORY_MB = 6_000
_COPIED = """
insert into spans by name
select
    * exclude (moved, copy) replace (
        cast(md5(cast(trace_id as varchar) || copy) as uuid) as trace_id,
        hash(span_id, copy) as span_id,
        null as parent_span_id,
        cast(moved as date) as day,
        moved as started_at,
        received_at + (moved - started_at) as received_at,
        session_id || '-' || copy as session_id,
        user_id || '-' || (copy % 20) as user_id,
        request_id || '-' || copy as request_id,
        response_id || '-' || copy as response_id
    )
from (
    -- Within the hour before the original: a day keeps its shape.
    select *, started_at - to_milliseconds(hash(span_id, copy, 1) % 3600000) as moved
    from seed_calls
    cross join (select unnest(generate_series(1, $copies)) as copy)
    where day = $day
)
order by moved
"""


@dataclass(frozen=True)
class BigStore:
    """`data` is a data directory that a server can start on; its calls end at `until` (UTC without a zone)."""

    data: Path
    n_calls: int
    until: datetime


def big_store(folder: Path, n_calls: int) -> BigStore:
    """The store in this folder, made there first when it is not, or is of another size."""
    note, data = folder / f"store-of-{n_calls}.json", folder / f"data-{n_calls}"
    if not note.exists():
        began_at = time.monotonic()
        _say(f"making a store of {n_calls:,} calls in {data}; it is kept for the next time")
        _load_demo(data)
        made = _multiplied(data / "store.duckdb", n_calls)
        note.write_text(json.dumps({"n_calls": made.n_calls, "until": made.until.isoformat()}), "utf-8")
        _say(f"made in {time.monotonic() - began_at:.0f} s")
    told = json.loads(note.read_text("utf-8"))
    return BigStore(data, int(told["n_calls"]), datetime.fromisoformat(told["until"]))


def _load_demo(data: Path) -> None:
    with start_server(data) as server:
        asked = [str(STEELYARD), "demo", "--data", str(data), "--no-open", "--calls", str(SEED_CALLS)]
        subprocess.run(asked, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        server.wait_until_committed()


def _multiplied(path: Path, n_calls: int) -> BigStore:
    with (
        closing(file.open_for_writing(path, memory_limit_mb=_MEMORY_MB)) as connection,
        closing(file.cursor(connection)) as session,
    ):
        seed = f"from spans where project = '{DEMO_PROJECT}' and role = 'call'"
        session.execute(f"create temp table seed_calls as select * {seed}")
        [(n_seed,)] = session.execute("select count(*) from seed_calls").fetchall()
        copies = ceil(n_calls / n_seed) - 1
        # A day after the other, each in the order of its time, as telemetry arrives: what reading by time prunes depends on it.
        for (day,) in session.execute("select distinct day from seed_calls order by day").fetchall():
            session.execute(_COPIED, {"day": day, "copies": copies})
            if day.weekday() == 0:
                _say(f"  up to {day}")
        _roll_everything(session)
        session.execute("checkpoint")
        [(n_made, until)] = session.execute(f"select count(*), max(started_at) {seed}").fetchall()
    return BigStore(path.parent, n_made, until)


def _roll_everything(session: duckdb.DuckDBPyConnection) -> None:
    """As the server's upkeep does; copies came past the commit that would have told it."""
    rollups.open_days(session, "(select distinct project, day from spans)")
    for piece in rollups.due(session, datetime.now(UTC).replace(tzinfo=None)):
        rollups.roll(session, piece)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
