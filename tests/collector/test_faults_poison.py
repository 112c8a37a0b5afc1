"""Segments that are damaged, foreign, odd or deadly: what can be stored is, what cannot is set aside and said.

The strange spans come from hypothesis; STEELYARD_FAULT_ROUNDS sets how many examples it draws.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.commit.crashloop import MARKER, SET_ASIDE_AFTER
from collector.spool.segments import QUARANTINE, Record, encode, read_segment
from tests import hostile
from tests.servers import start_server
from tests.spans import USAGE_IN, USAGE_OUT, a_call, any_value, export
from tests.stores import Store, gpt_4o_book, open_store

EXAMPLES = int(os.environ.get("STEELYARD_FAULT_ROUNDS", "12"))
MOST = 2**63 - 1


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all of them: what one leaves behind must not harm the next either."""
    with open_store(tmp_path_factory.mktemp("hostile") / "data", gpt_4o_book()) as opened:
        yield opened


class SetAside:
    """What a store set aside since this was made."""

    def __init__(self, store: Store) -> None:
        self._store, self._before, self._n_said_before = store, set(store.quarantined()), self._n_said(store)

    @property
    def names(self) -> list[str]:
        return [name for name in self._store.quarantined() if name not in self._before]

    @property
    def n_segments_said(self) -> int:
        """Rows among the rejects that tell of a segment."""
        return self._n_said(self._store) - self._n_said_before

    @staticmethod
    def _n_said(store: Store) -> int:
        count: int = store.value("select count(*) from rejects where signal = 'segment'")
        return count


@pytest.fixture
def aside(store: Store) -> SetAside:
    return SetAside(store)


def are_stored(store: Store, *spans: Span) -> list[bool]:
    """Of each whether it is there."""
    ids = [int.from_bytes(span.span_id, "big") for span in spans]
    among = ", ".join(map(str, ids))
    stored = {row["span_id"] for row in store.rows(f"select span_id from spans where span_id in ({among})")}
    return [one in stored for one in ids]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(strange=st.lists(hostile.spans(), min_size=1, max_size=16))
def test_whatever_valid_otlp_holds_is_stored(store: Store, strange: list[Span]) -> None:
    aside = SetAside(store)
    store.send(export(*strange))
    store.commit()
    assert aside.names == []
    assert all(are_stored(store, *strange))


ODD = {
    "counts that overflow when added": a_call(**{USAGE_IN: MOST, USAGE_OUT: MOST}),
    "the most negative counts": a_call(**{USAGE_IN: -MOST - 1, USAGE_OUT: -MOST - 1}),
    "counts that are no numbers": a_call(**{USAGE_IN: float("nan"), USAGE_OUT: float("inf")}),
    "a NUL character": a_call(gen_ai__request__model="a\x00b", session__id="\x00", note="\x00"),
    "a hundred thousand attributes": a_call(**{f"key-{number}": number for number in range(100_000)}),
    "ten megabytes of text": a_call(note="x" * 10_000_000),
    "the same key five times": Span(
        trace_id=b"k" * 16,
        span_id=b"same-key",
        start_time_unix_nano=10**18,
        attributes=[KeyValue(key="k", value=any_value(n)) for n in (1, "two", 3.0, True, None)],
    ),
    "an empty key": a_call(**{"": "nothing"}),
    "a time to first token of centuries": a_call(**{"gen_ai.response.time_to_first_chunk": 1e300}),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_span_is_stored_and_its_neighbours_with_it(store: Store, aside: SetAside, name: str) -> None:
    neighbours = [a_call(), a_call()]
    store.send(export(neighbours[0], ODD[name], neighbours[1]))
    store.commit()
    assert aside.names == []
    assert all(are_stored(store, *neighbours, ODD[name]))


def garbage_records() -> list[bytes]:
    """Records whose check sums are right and whose bodies no decoder reads."""
    return [
        encode(Record(1, "traces", "default", b"\xff" * 50)),
        encode(Record(1, "traces", "default", b"\x0a\xff\xff\xff\x7f")),
        encode(Record(1, "records/runs", "default", b"{not json", "json")),
        encode(Record(1, "records/unknown-kind", "default", b"[{}]", "json")),
        encode(Record(1, "records/runs", "default", b'[{"run_id": 5, "started_at": "never"}]', "json")),
        encode(Record(2**63, "rejects", "default", b"[]", "json")),
    ]


@pytest.mark.parametrize("number", range(len(garbage_records())))
def test_a_segment_with_a_garbage_record_is_set_aside_and_the_rest_goes_on(store: Store, number: int) -> None:
    before, after = a_call(), a_call()
    store.segment(export(before))
    store.spool.append([garbage_records()[number]])
    store.spool.seal()
    store.segment(export(after))
    store.commit()
    assert all(are_stored(store, before, after))
    assert not list(store.spool_dir.glob("*.seg"))


def test_damage_in_the_middle_of_a_segment_costs_the_damaged_record_only_and_is_said(
    store: Store, aside: SetAside
) -> None:
    spans = [a_call() for _ in range(3)]
    segment = store.segment(*(export(span) for span in spans))
    content = bytearray(segment.read_bytes())
    content[content.index(spans[1].span_id)] ^= 0xFF
    segment.write_bytes(content)
    store.commit()
    assert are_stored(store, *spans) == [True, False, True]
    assert aside.n_segments_said == 1


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 4096, b"SYSP", b"SYSP\x63\x00" + b"x" * 100, os.urandom(5000)]
)
def test_a_file_that_is_no_segment_is_set_aside_said_and_does_not_stop_the_rest(
    store: Store, aside: SetAside, content: bytes
) -> None:
    name = f"{zlib.crc32(content):014}-foreign"  # older than any segment of ours
    (store.spool_dir / f"{name}.seg").write_bytes(content)
    call = a_call()
    store.send(export(call))
    store.commit()
    assert are_stored(store, call) == [True]
    assert any(one.startswith(name) for one in aside.names)
    assert aside.n_segments_said == 1


def test_a_mistake_in_our_own_package_blames_no_segment(
    store: Store, aside: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement file that is missing, SQL that is wrong: the segments wait until it is repaired."""
    call = a_call()
    store.send(export(call))
    store.spool.seal()
    for mistake in ("select no_such_column from no_such_table", "select cast('x' as integer)", "selec"):
        with monkeypatch.context() as patched:
            patched.setattr("collector.commit.store_spans.statement", lambda name, sql=mistake: sql)
            with pytest.raises(Exception):  # noqa: B017 - which one is the committer's affair
                store.committer.commit_waiting()
        assert aside.names == []
        assert len(list(store.spool_dir.glob("*.seg"))) == 1
    store.reopen()
    store.commit()
    assert are_stored(store, call) == [True]


def test_a_missing_statement_file_blames_no_segment(
    store: Store, aside: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise FileNotFoundError(name)

    call = a_call()
    store.send(export(call))
    store.spool.seal()
    with monkeypatch.context() as patched:
        patched.setattr("collector.commit.store_spans.statement", missing)
        with pytest.raises(Exception):  # noqa: B017
            store.committer.commit_waiting()
    assert aside.names == []
    assert len(list(store.spool_dir.glob("*.seg"))) == 1
    store.reopen()
    store.commit()
    assert are_stored(store, call) == [True]


# A process that commits for every line it is told, each a fork of one that has everything imported and nothing open.
_COMMIT_ALL = """
import os, sys
from pathlib import Path
from tests.stores import gpt_4o_book, open_store
gpt_4o_book()
for _ in sys.stdin.buffer.raw:
    pid = os.fork()
    if pid == 0:
        with open_store(Path(sys.argv[1]), gpt_4o_book()) as store:
            store.commit()
        os._exit(0)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@contextlib.contextmanager
def committing(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Who starts processes that commit everything."""
    command = [sys.executable, "-c", _COMMIT_ALL, str(data)]
    ends = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], bufsize=0, **ends) as parent:  # type: ignore[call-overload]
        yield parent


def commit_until_killed_over(parent: subprocess.Popen[bytes], spool: Path, segment: Path) -> int:
    """A process that commits, killed as the kernel kills for memory: as soon as it has begun with that segment.

    Returns its exit code: -9, or 0 when it finished without ever having begun with it.
    """
    assert parent.stdin and parent.stdout
    marker = spool / MARKER
    left_by_the_one_before = _content(marker)
    parent.stdin.write(b"\n")
    pid = int(parent.stdout.readline())
    give_up_at = time.monotonic() + 60
    while not select.select([parent.stdout], [], [], 0.002)[0]:
        assert time.monotonic() < give_up_at
        now = _content(marker)
        if now != left_by_the_one_before and segment.name in now.partition('"deaths"')[0]:
            os.kill(pid, signal.SIGKILL)
            break
    return int(parent.stdout.readline())


def _content(marker: Path) -> str:
    try:
        return marker.read_text("utf-8")
    except FileNotFoundError:
        return ""


def test_a_segment_that_kills_the_process_is_set_aside_and_its_neighbours_are_stored(tmp_path: Path) -> None:
    data = tmp_path / "data"
    neighbours = [a_call(), a_call()]
    with open_store(data, gpt_4o_book()) as store:
        store.segment(export(neighbours[0]))
        deadly = store.segment(export(*(a_call() for _ in range(2000))))
        store.segment(export(neighbours[1]))
    with committing(data) as parent:
        codes = [commit_until_killed_over(parent, deadly.parent, deadly) for _ in range(SET_ASIDE_AFTER)]
        assert codes == [-signal.SIGKILL] * SET_ASIDE_AFTER
        assert commit_until_killed_over(parent, deadly.parent, deadly) == 0
    with open_store(data, gpt_4o_book()) as store:
        assert all(are_stored(store, *neighbours))
        assert store.value("select count(*) from spans") == 2
        assert any(name.startswith(deadly.stem) for name in store.quarantined())
        assert store.value("select batch_id from rejects") == deadly.stem
        assert not list(store.spool_dir.glob("*.seg"))


def test_quarantine_is_announced_on_stderr_and_by_the_server(tmp_path: Path) -> None:
    with start_server(tmp_path / "data") as server:
        (tmp_path / "data" / "spool" / "00000000000001-foreign.seg").write_bytes(
            b"not a segment at all, but long"
        )
        call = a_call()
        server.post("/v1/traces", export(call))
        server.wait_until_committed()
        assert server.value(f"select count(*) from calls where span_id = '{call.span_id.hex()}'") == 1
        assert "00000000000001-foreign.seg cannot be stored" in server.said()
        assert server.value("select count(*) from rejects where signal = 'segment'") == 1


def test_one_bad_record_is_set_aside_and_the_others_of_its_segment_are_stored(
    store: Store, aside: SetAside
) -> None:
    good = [a_call(), a_call()]
    store.send(export(good[0]), b"not OTLP at all", export(good[1]))
    store.commit()
    assert all(are_stored(store, *good))
    [kept] = [name for name in aside.names if name.endswith(".seg")]
    # The record is not readable, so nothing of it is kept but what it was.
    about = json.loads((store.spool_dir / QUARANTINE / kept).with_suffix(".json").read_text("utf-8"))
    assert [one["bytes"] for one in about["records_not_kept"]] == [len(b"not OTLP at all")]


def test_a_record_that_was_set_aside_can_be_put_back_without_being_taken_for_stored(
    store: Store, aside: SetAside
) -> None:
    # No such kind of record in this version: it cannot be stored, and is readable.
    store.spool.append([encode(Record(1, "records/of_tomorrow", "default", b'[{"a": 1}]', "json"))])
    store.send(export(a_call()))
    store.commit()
    [name] = [name for name in aside.names if name.endswith(".seg")]
    kept = read_segment(store.spool_dir / QUARANTINE / name)
    assert kept.batch_id not in {row["batch_id"] for row in store.rows("from batches")}
    assert [record.signal for record in kept.records] == ["records/of_tomorrow"]
