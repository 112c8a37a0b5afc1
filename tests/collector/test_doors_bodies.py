"""Bodies are decompressed up to the limit and not a byte further, and large or damaged requests are read in pieces."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.receiver import otlp, pieces
from collector.receiver.bodies import decompress, zstd
from collector.receiver.requests import PIECEWISE_FROM_BYTES
from tests.captures import trace_captures
from tests.spans import a_call, export

LIMIT = 1_000_000
MEGABYTE = 1_000_000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "GZIP ": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": raw_deflate,
    "Deflate": zlib.compress,
    "zstd": zstd.compress,
    "identity": bytes,
    "none": bytes,
    "": bytes,
}


@pytest.mark.parametrize("encoding", ENCODERS)
@settings(max_examples=30, deadline=None)
@given(body=st.binary(max_size=3000), times=st.integers(1, 200))
def test_what_was_compressed_comes_back(encoding: str, body: bytes, times: int) -> None:
    assert decompress(ENCODERS[encoding](body * times), encoding, LIMIT) == body * times


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress], ids=["gzip", "zstd"])
def test_several_members_are_one_body(pack: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if pack is gzip.compress else "zstd"
    large = bytes(range(256)) * 2000
    body = b"".join(map(pack, (b"one", b"", large, b"two")))
    assert decompress(body, encoding, LIMIT) == b"one" + large + b"two"


def test_padding_after_the_last_member_is_no_member() -> None:
    assert decompress(gzip.compress(b"one") + bytes(1000), "gzip", LIMIT) == b"one"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_the_limit_holds_for_the_decompressed_body(encoding: str) -> None:
    assert len(decompress(ENCODERS[encoding](bytes(LIMIT)), encoding, LIMIT)) == LIMIT
    with pytest.raises(otlp.TooLargeError):
        decompress(ENCODERS[encoding](bytes(LIMIT + 1)), encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_takes_no_more_memory_than_the_limit(encoding: str) -> None:
    bomb = ENCODERS[encoding](bytes(50 * MEGABYTE))
    tracemalloc.start()
    with pytest.raises(otlp.TooLargeError):
        decompress(bomb, encoding, LIMIT)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 6 * LIMIT


def test_a_thousand_empty_members_are_an_attack() -> None:
    with pytest.raises(otlp.BadRequestError, match="members"):
        decompress(gzip.compress(b"", mtime=0) * 5000, "gzip", LIMIT)


def test_a_zstd_window_larger_than_decoders_must_take_is_refused() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    packer = zstd.ZstdCompressor(options=options)
    body = packer.compress(b"x" * 1000) + packer.flush()
    with pytest.raises(otlp.BadRequestError, match="zstd body is damaged"):
        decompress(body, "zstd", LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_body_cut_short_is_refused(encoding: str) -> None:
    whole = ENCODERS[encoding](bytes(range(256)) * 40)
    for end in range(1, len(whole)):
        with pytest.raises(otlp.BadRequestError):
            decompress(whole[:end], encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "deflate,gzip", "br", "compress", "x" * 5000])
def test_other_encodings_are_named_in_the_refusal(encoding: str) -> None:
    with pytest.raises(otlp.UnsupportedError, match="content-encoding") as refused:
        decompress(b"", encoding, LIMIT)
    assert len(str(refused.value)) < 300


def test_pieces_say_the_same_as_the_whole() -> None:
    for capture in trace_captures():
        if capture.media == otlp.PROTOBUF:
            whole = otlp.read_traces(capture.body, otlp.PROTOBUF)
            assert pieces.read_pieces(capture.body, otlp.TRACES) == whole, capture.name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.booleans(), max_size=6), max_size=5))
def test_pieces_leave_out_what_the_whole_leaves_out(scopes: list[list[bool]]) -> None:
    request = otlp.TRACES.request()
    for number, sound in enumerate(scopes):
        block = request.resource_spans.add(schema_url="u")
        scope_block = block.scope_spans.add(schema_url="v")
        scope_block.scope.name = f"scope {number}"
        scope_block.spans.extend(a_call() if good else Span(name="no ids") for good in sound)
    body = request.SerializeToString()
    whole = otlp.read_traces(body, otlp.PROTOBUF)
    kept, n_items, faults = pieces.read_pieces(body, otlp.TRACES)
    assert n_items == whole.n_items == sum(map(sum, scopes))
    assert faults == whole.faults
    assert otlp.TRACES.request.FromString(kept) == otlp.TRACES.request.FromString(whole.body)


def test_a_large_request_stays_as_it_came() -> None:
    body = export(*(a_call(note="x" * 2000) for _ in range(2000)))
    assert len(body) > PIECEWISE_FROM_BYTES
    read = otlp.read_traces(body, otlp.PROTOBUF)
    assert (read.n_items, read.body is body) == (2000, True)


def test_a_text_that_is_not_utf8_costs_its_span_and_no_other() -> None:
    body = export(a_call(note="good"), a_call(note="HERE"), a_call()).replace(b"HERE", b"\xff\xfe\xfd\xfc")
    read = otlp.read_traces(body, otlp.PROTOBUF)
    assert (read.n_items, read.faults.n_items) == (2, 1)
    assert "UTF-8" in read.faults.reasons()
    assert b"good" in otlp.TRACES.request.FromString(read.body).SerializeToString()


def test_a_resource_that_cannot_be_read_costs_its_spans() -> None:
    body = export(a_call(), a_call(), where="HERE").replace(b"HERE", b"\xff\xfe\xfd\xfc") + export(a_call())
    read = otlp.read_traces(body, otlp.PROTOBUF)
    assert (read.n_items, read.faults.n_items) == (1, 2)


@pytest.mark.parametrize(
    "body", [b"\x0a\x00" * 700_000, b"\x0a\x03\x12\x01\x12" * 700_000], ids=["blocks", "torn"]
)
def test_endless_empty_messages_are_refused_before_memory_is_spent_on_them(body: bytes) -> None:
    with pytest.raises(otlp.BadRequestError):
        otlp.read_traces(body, otlp.PROTOBUF)


def test_a_span_of_endless_empty_attributes_is_refused_alone() -> None:
    bomb = b"\x4a\x00" * 600_000
    span = a_call().SerializeToString() + bomb
    request = otlp.TRACES.request()
    request.resource_spans.add().scope_spans.add().spans.append(a_call())
    request.resource_spans[0].scope_spans[0].scope.name = "s" * 10
    scope_block = b"\x12" + varint(len(span)) + span
    block = b"\x12" + varint(len(scope_block)) + scope_block
    body = request.SerializeToString() + b"\x0a" + varint(len(block)) + block
    read = otlp.read_traces(body, otlp.PROTOBUF)
    assert (read.n_items, read.faults.n_items) == (1, 1)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def test_a_log_record_keeps_its_place_when_its_ids_are_none() -> None:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    records.add(time_unix_nano=1, trace_id=b"short", span_id=bytes(8))
    records.add(time_unix_nano=2, trace_id=b"t" * 16, span_id=b"s" * 8)
    records.add(time_unix_nano=2**63)
    read = otlp.read_export(request.SerializeToString(), otlp.PROTOBUF, otlp.LOGS)
    kept = ExportLogsServiceRequest.FromString(read.body).resource_logs[0].scope_logs[0].log_records
    assert [(one.trace_id, one.span_id) for one in kept] == [(b"", b""), (b"t" * 16, b"s" * 8)]
    assert (read.n_items, read.faults.n_items) == (2, 1)


def test_a_metric_point_without_a_time_is_refused() -> None:
    request = ExportMetricsServiceRequest()
    points = request.resource_metrics.add().scope_metrics.add().metrics.add(name="m").gauge.data_points
    points.add(time_unix_nano=0)
    points.add(time_unix_nano=5, as_int=1)
    points.add(time_unix_nano=2**63)
    read = otlp.read_export(request.SerializeToString(), otlp.PROTOBUF, otlp.METRICS)
    assert (read.n_items, read.faults.n_items) == (1, 2)


@pytest.mark.parametrize("start", [0, 2**63, 2**64 - 1])
def test_a_span_that_starts_outside_of_time_is_refused(start: int) -> None:
    call = a_call()
    call.start_time_unix_nano = start
    read = otlp.read_traces(export(call, a_call()), otlp.PROTOBUF)
    assert (read.n_items, read.faults.reasons()) == (1, "invalid start time: 1 (service test, scope tests)")
