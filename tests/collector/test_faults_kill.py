"""Processes are killed at random moments under load: nothing acknowledged is lost, doubled or torn.

A few rounds run with the suite. For hundreds of them, on every door:

    STEELYARD_FAULT_ROUNDS=300 python -m pytest -q -s tests/collector/test_faults_kill.py

The seed of the moments is printed with a failure; STEELYARD_FAULT_SEED repeats it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.commit.crashloop import MARKER
from tests.load import DOORS, Sender, assert_stored_once, sending_to
from tests.servers import Server, start_server
from tests.spans import a_call, export

ROUNDS = int(os.environ.get("STEELYARD_FAULT_ROUNDS", "2"))
SEED = int(os.environ.get("STEELYARD_FAULT_SEED", str(time.time_ns())))
RECEIVER, STORE_SERVER = "collector.receiver", "collector.server"
# A commit of this many spans takes long enough to be met in its middle.
LARGE = 3_000


def kill(server: Server, *modules: str) -> None:
    """SIGKILL all of them at one moment."""
    pids = [server.pid_of(module) for module in modules]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until(happened: Callable[[], bool], what: str, patience_s: float = 60.0) -> None:
    """Look again and again: the moment is short."""
    give_up_at = time.monotonic() + patience_s
    while not happened():
        time.sleep(0.001)
        assert time.monotonic() < give_up_at, f"never seen: {what}"


@pytest.fixture(scope="module")
def rolling_often(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Small segments: more of them, and more moments between two of them."""
    data = tmp_path_factory.mktemp("rolling") / "data"
    with start_server(data, env={"STEELYARD_SEGMENT_MAX_AGE_MS": "50"}) as running:
        yield running


@pytest.mark.parametrize(
    "modules",
    [(RECEIVER,), (STORE_SERVER,), (RECEIVER, STORE_SERVER)],
    ids=["receiver", "store server", "both at once"],
)
def test_a_kill_at_any_moment_loses_doubles_and_tears_nothing(
    rolling_often: Server, modules: tuple[str, ...]
) -> None:
    moments = random.Random(SEED)
    print(f"STEELYARD_FAULT_SEED={SEED}")
    with sending_to(rolling_often, DOORS) as senders:
        for _ in range(ROUNDS):
            kill(rolling_often, *modules)
            time.sleep(moments.uniform(0.0, 0.5))
            for sender in senders:
                sender.wait_for(40)
    assert_stored_once(rolling_often, senders, patience_s=120.0 + 5 * ROUNDS)


def test_the_supervisor_killed_under_load_and_started_again_loses_nothing(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    print(f"STEELYARD_FAULT_SEED={SEED}")
    senders: list[Sender] = []
    for _ in range(max(1, ROUNDS // 10)):
        with start_server(tmp_path / "data") as server, sending_to(server, DOORS[:2]) as now:
            senders += now
            time.sleep(moments.uniform(0.0, 0.3))
            os.kill(server.process.pid, signal.SIGKILL)
    with start_server(tmp_path / "data") as server:
        assert_stored_once(server, senders)


def n_stored(server: Server) -> int:
    """Spans, none of them twice."""
    [found] = server.rows("select count(*) as n_spans, count(distinct span_id) as n_ids from spans")
    assert found["n_spans"] == found["n_ids"]
    n_spans: int = found["n_spans"]
    return n_spans


def test_a_kill_in_the_middle_of_a_commit_stores_all_of_it_once(server: Server) -> None:
    for _ in range(max(1, ROUNDS // 10)):
        stored_before = n_stored(server)
        assert server.post("/v1/traces", export(*(a_call() for _ in range(LARGE))))[0] == 200
        until(lambda: (server.data_dir / "spool" / MARKER).exists(), "a commit in progress")
        time.sleep(0.05)
        kill(server, STORE_SERVER)
        server.wait_until_committed(60.0)
        assert n_stored(server) == stored_before + LARGE


def test_a_kill_between_the_commit_and_the_deletion_of_its_segment_stores_nothing_twice(
    server: Server,
) -> None:
    spool = server.data_dir / "spool"
    stored_before, batches_before = n_stored(server), n_batches(server)
    # A copy that comes back is a segment whose deletion a kill prevented: batch id stored, file still there.
    os.kill(server.pid_of(STORE_SERVER), signal.SIGSTOP)
    server.post("/v1/traces", export(*(a_call() for _ in range(500))))
    until(lambda: any(spool.glob("*.seg")), "a sealed segment")
    [segment] = spool.glob("*.seg")
    content = segment.read_bytes()
    os.kill(server.pid_of(STORE_SERVER), signal.SIGCONT)
    server.wait_until_committed()
    assert n_batches(server) == batches_before + 1
    kill(server, STORE_SERVER)
    segment.write_bytes(content)
    server.wait_until_committed()
    assert n_stored(server) == stored_before + 500
    assert n_batches(server) == batches_before + 1
    assert server.value("select sum(n_spans) from batches") == stored_before + 500


def n_batches(server: Server) -> int:
    count: int = server.value("select count(*) from batches")
    return count


def test_a_kill_during_a_checkpoint_loses_nothing(server: Server) -> None:
    stored_before = n_stored(server)
    server.post("/v1/traces", export(*(a_call() for _ in range(LARGE))))
    server.wait_until_committed()
    before = _file_state(server)
    until(lambda: _file_state(server) != before, "a checkpoint", 30.0)
    kill(server, STORE_SERVER)
    assert n_stored(server) == stored_before + LARGE


def _file_state(server: Server) -> tuple[int, int]:
    """What only a checkpoint changes while nothing arrives: it writes the log's rows into the file."""
    found = (server.data_dir / "store.duckdb").stat()
    return found.st_size, found.st_mtime_ns
