"""Clocks jump and requests come twice: segments keep the order they arrived in, and every span is stored once."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.spool import segments
from collector.spool.segments import Record, SpoolWriter, encode, read_segment, sealed_segments
from tests.servers import Server
from tests.spans import USAGE_OUT, a_call, export
from tests.stores import Store, gpt_4o_book, open_store

HOUR_NS = 3600 * 10**9
YEAR_2200_NS = 7_258_118_400 * 10**9


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "data", gpt_4o_book()) as opened:
        yield opened


class Clock:
    """The wall clock of the spool, to be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 1_790_000_000 * 10**9
        monkeypatch.setattr(segments.time, "time_ns", lambda: self.now_ns)


def put(spool_dir: Path, writer: SpoolWriter, *bodies: bytes) -> None:
    """A sealed segment for each body."""
    for body in bodies:
        writer.append([encode(Record(1, "traces", "default", body))])
        writer.seal()


def bodies(spool_dir: Path) -> list[bytes]:
    """What the committer would read, in its order."""
    return [record.body for path in sealed_segments(spool_dir) for record in read_segment(path).records]


@pytest.mark.parametrize(
    "jump_ns", [-HOUR_NS, HOUR_NS, -1, 0], ids=["back", "forward", "a moment", "standing"]
)
def test_segments_keep_their_order_when_the_clock_jumps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_ns: int
) -> None:
    clock = Clock(monkeypatch)
    writer = SpoolWriter(tmp_path, segment_max_bytes=10**6)
    put(tmp_path, writer, b"1", b"2")
    clock.now_ns += jump_ns
    put(tmp_path, writer, b"3", b"4")
    assert bodies(tmp_path) == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("jump_ns", [-HOUR_NS, HOUR_NS], ids=["back", "forward"])
def test_a_receiver_started_again_under_another_clock_comes_after_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_ns: int
) -> None:
    clock = Clock(monkeypatch)
    for number in range(5):
        put(tmp_path, SpoolWriter(tmp_path, segment_max_bytes=10**6), str(number).encode())
        clock.now_ns += jump_ns
    assert bodies(tmp_path) == [b"0", b"1", b"2", b"3", b"4"]


def test_two_receivers_at_the_same_moment_never_share_a_name_or_a_batch_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)  # which stands still
    writers = [SpoolWriter(tmp_path, segment_max_bytes=10**6) for _ in range(20)]
    for writer, _ in itertools.product(writers, range(5)):
        put(tmp_path, writer, b"x")
    paths = sealed_segments(tmp_path)
    assert len(paths) == 100
    assert len({read_segment(path).batch_id for path in paths}) == 100


def test_an_erasure_removes_what_came_before_it_though_the_clock_was_set_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    store.send(export(a_call()), project="demo")
    store.spool.seal()
    clock.now_ns -= HOUR_NS
    erasure = b'[{"erasure_id": "01K0000000000000000000000A", "scope": "project"}]'
    store.send(erasure, project="demo", signal="records/erasures")
    after = a_call()
    store.send(export(after), project="demo")
    store.commit()
    assert [row["id"] for row in store.rows("select printf('%016x', span_id) as id from spans")] == [
        after.span_id.hex()
    ]


def test_spans_received_under_a_clock_that_went_back_are_stored(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [1_790_000_000 * 10**6, 1_790_000_000 * 10**6 - 3600 * 10**6, 1]
    for moment in moments:
        store.spool.append([encode(Record(moment, "traces", "default", export(a_call())))])
        store.spool.seal()
    store.commit()
    assert store.value("select count(*) from calls") == len(moments)


@pytest.mark.parametrize("fuller_first", [True, False])
@pytest.mark.parametrize("apart", ["one request", "one segment", "one commit", "two commits"])
def test_two_bodies_of_one_span_become_the_fuller_one_in_either_order(
    store: Store, apart: str, fuller_first: bool
) -> None:
    trace, span, at = os.urandom(16), os.urandom(8), time.time_ns()
    fuller = a_call(trace_id=trace, span_id=span, started_ns=at, **{USAGE_OUT: 700})
    poorer = a_call(trace_id=trace, span_id=span, started_ns=at, **{USAGE_OUT: 7})
    first, second = (fuller, poorer) if fuller_first else (poorer, fuller)
    if apart == "one request":
        store.send(export(first, second))
    elif apart == "one segment":
        store.send(export(first), export(second))
    else:
        store.segment(export(first))
        if apart == "two commits":
            store.commit()
        store.segment(export(second))
    store.commit()
    assert store.rows("select output_tokens from spans") == [{"output_tokens": 700}]
    # The ledger agrees with the span: only the charge of the body that stayed is in force.
    assert store.value(
        "select sum(c.list_cost_usd) from charges c where not exists (from charges d where d.supersedes = c.seq)"
    ) == store.value("select sum(list_cost_usd) from spans")


def test_one_request_sent_fifty_times_at_once_is_stored_once(server: Server) -> None:
    spans = [a_call(session__id="fifty") for _ in range(100)]
    body = export(*spans)
    with ThreadPoolExecutor(50) as senders:
        answers = list(senders.map(lambda _: server.post("/v1/traces", body)[0], range(50)))
    assert set(answers) == {200}
    server.wait_until_committed()
    assert server.value("select count(*) from spans where session_id = 'fifty'") == 100
    assert server.value("select count(distinct span_id) from spans where session_id = 'fifty'") == 100


WILD = {
    "1970": a_call(started_ns=1, duration_ms=0),
    "year 2200": a_call(started_ns=YEAR_2200_NS),
    "2262, the last nanosecond": Span(
        trace_id=b"w" * 16, span_id=b"wild-max", start_time_unix_nano=2**63 - 1, end_time_unix_nano=2**63 - 1
    ),
    "end before start": Span(
        trace_id=b"w" * 16, span_id=b"wild-end", start_time_unix_nano=10**18, end_time_unix_nano=10**18 - 1
    ),
    "end beyond int64": Span(
        trace_id=b"w" * 16, span_id=b"wild-u64", start_time_unix_nano=10**18, end_time_unix_nano=2**64 - 1
    ),
    "no end": Span(trace_id=b"w" * 16, span_id=b"wild-no-", start_time_unix_nano=10**18),
}


def test_wild_clocks_are_stored_beside_sane_ones_and_unknown_durations_are_null(store: Store) -> None:
    sane = [a_call() for _ in range(20)]
    store.send(export(*sane, *WILD.values()))
    store.commit()
    assert store.quarantined() == []
    assert store.value("select count(*) from spans") == len(sane) + len(WILD)
    unknown = store.rows("select span_id from spans where duration_ns is null")
    assert {row["span_id"].to_bytes(8, "big") for row in unknown} == {
        WILD[name].span_id for name in ("end before start", "end beyond int64", "no end")
    }


def test_a_start_that_no_clock_can_show_is_refused_and_the_rest_of_the_request_taken(server: Server) -> None:
    good = a_call(session__id="beside-wild")
    zero = Span(trace_id=b"w" * 16, span_id=b"wild-000", start_time_unix_nano=0)
    beyond = Span(trace_id=b"w" * 16, span_id=b"wild-b64", start_time_unix_nano=2**63)
    status, answer = server.post("/v1/traces", export(good, zero, beyond))
    assert status == 200
    assert b"2 spans" in answer
    server.wait_until_committed()
    assert server.value("select count(*) from spans where session_id = 'beside-wild'") == 1


def test_a_batch_with_hundreds_of_wild_clocks_is_stored_in_seconds(store: Store) -> None:
    day_ns = 24 * HOUR_NS
    for _ in range(2):  # the second time every one of them has a rival to be looked for
        store.send(
            export(
                *(
                    a_call(trace_id=b"t" * 16, span_id=i.to_bytes(8, "big"), started_ns=1 + i * 10 * day_ns)
                    for i in range(1, 301)
                )
            )
        )
        started = time.monotonic()
        store.commit()
        assert time.monotonic() - started < 30
    assert store.value("select count(*) from spans") == 300
