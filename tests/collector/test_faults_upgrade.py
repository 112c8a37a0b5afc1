"""What the previous release left behind is taken over whole, and a kill in the middle of that costs nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from collector.spool.segments import FORMAT_VERSION, Record, read_segment, sealed_segments
from store.schema import latest_version
from tests.servers import start_server
from tests.spans import a_call, export
from tests.stores import open_store

RELEASE = Path(__file__).parents[1] / "fixtures" / "releases" / "0.1.0-schema-1.tar.xz"
ROUNDS = max(3, int(os.environ.get("STEELYARD_FAULT_ROUNDS", "3")) // 10)
SEED = int(os.environ.get("STEELYARD_FAULT_SEED", str(time.time_ns())))
_OPEN = "import sys; from pathlib import Path; from store.backends import file; file.open_for_writing(Path(sys.argv[1]))"


@pytest.fixture
def old_data(tmp_path: Path) -> Path:
    """The data directory of release 0.1.0, one segment waiting in its spool."""
    with tarfile.open(RELEASE) as packed:
        # As the argument `filter`, which Python 3.11.2 does not know yet.
        packed.extraction_filter = getattr(tarfile, "data_filter", None)
        packed.extractall(tmp_path)
    return tmp_path / "data"


def test_a_segment_of_the_previous_format_is_read(old_data: Path) -> None:
    [path] = sealed_segments(old_data / "spool")
    assert path.read_bytes()[4:6] == (1).to_bytes(2, "little")
    assert FORMAT_VERSION > 1
    segment = read_segment(path)
    assert segment.torn_bytes == 0
    assert [record.signal for record in segment.records] == ["traces", "records/runs"]
    assert {(record.project, record.tenant, record.environment) for record in segment.records} == {
        ("default", "", "")
    }
    assert all(isinstance(record, Record) and record.body for record in segment.records)


def test_what_the_previous_release_acknowledged_is_committed_by_this_one(old_data: Path) -> None:
    with open_store(old_data) as store:
        n_spans, n_runs = store.value("select count(*) from spans"), store.value("select count(*) from runs")
        store.commit()
        assert store.value("select count(*) from spans") == n_spans + 1
        assert store.value("select count(*) from runs") == n_runs + 1
        assert store.quarantined() == []


def test_a_server_started_on_the_previous_release_serves_it_and_goes_on(old_data: Path) -> None:
    with start_server(old_data) as server:
        assert server.post("/v1/traces", export(a_call()))[0] == 200
        server.wait_until_committed()
        assert (
            server.value("select count(*) from calls where started_at > now()::timestamp - interval 1 day")
            >= 1
        )
        assert server.value("select value from meta where key = 'schema_version'") == str(latest_version())


def test_a_kill_during_the_migration_costs_nothing_whenever_it_comes(old_data: Path, tmp_path: Path) -> None:
    moments = random.Random(SEED)
    print(f"STEELYARD_FAULT_SEED={SEED}")
    original = (old_data / "store.duckdb").read_bytes()
    for _ in range(ROUNDS):
        _migrate_and_kill(old_data, moments.uniform(0.0, 0.1))
    with open_store(old_data) as store:
        assert store.value("select value from meta where key = 'schema_version'") == str(latest_version())
        store.commit()
        assert store.quarantined() == []
    backups = list((old_data / "backups").glob("*.duckdb"))
    assert original in {backup.read_bytes() for backup in backups}


def _migrate_and_kill(data: Path, after_s: float) -> None:
    """SIGKILL so long after the backup began, which is the first thing that a migration does."""
    n_backups = len(list((data / "backups").iterdir()))
    process = subprocess.Popen(
        [sys.executable, "-c", _OPEN, str(data / "store.duckdb")], cwd=Path(__file__).parents[2]
    )
    while process.poll() is None and len(list((data / "backups").iterdir())) == n_backups:
        time.sleep(0.001)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
