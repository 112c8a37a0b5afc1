"""Whatever bytes come in, the receiver answers in the caller's own type, never with a 5xx, and stays as it was.

The parsers are fuzzed in this process, by the thousand; a real server gets a smaller share of the same bytes.
For a longer run: STEELYARD_FUZZ_S=600 pytest tests/collector/test_fuzz_receiver.py (also STEELYARD_FUZZ_SEED).
"""

from __future__ import annotations

import gzip
import http.client
import json
import os
import random
import time
import zlib
from collections.abc import Callable, Iterator

import psutil
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.receiver import otlp
from collector.receiver.bodies import decompress
from collector.receiver.pieces import read_pieces
from tests.captures import FOLDER
from tests.servers import Server
from tests.spans import a_call, export

FUZZ_S = float(os.environ.get("STEELYARD_FUZZ_S", "4"))
SEED = int(os.environ.get("STEELYARD_FUZZ_SEED", "20261121"))
LIMIT = 1_000_000
# A hostile body may cost some parsing, but no answer may take this long on any machine.
SLOW_S = 20.0
RESPONSES = {
    "traces": ExportTraceServiceResponse,
    "logs": ExportLogsServiceResponse,
    "metrics": ExportMetricsServiceResponse,
}
NASTY = [
    *(bytes([byte]) for byte in (0, 1, 0x0A, 0x12, 0x7F, 0x80, 0xFF)),
    b"\xff" * 9 + b"\x01",
    b"\xff" * 10,
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"1e999",
    b"-1",
    b"NaN",
    b"\\ud83d",
    b"[" * 300,
    b'{"arrayValue":{"values":[' * 40,
    str(2**64).encode(),
    b"\xed\xa0\x80",
]


def corpus() -> list[tuple[str, str, bytes]]:
    """(signal, content type, body) of what real SDKs sent, the small ones."""
    found = []
    for path in sorted(FOLDER.glob("*/*")):
        signal = next((name for name in ("logs", "metrics") if f".{name}" in path.suffixes), "traces")
        media = {".pb": otlp.PROTOBUF, ".json": otlp.JSON}.get(path.suffix)
        if media and path.stat().st_size < 30_000:
            found.append((signal, media, path.read_bytes()))
    return found


def mutated(body: bytes, pick: random.Random) -> bytes:
    """The body after one to eight injuries."""
    for _ in range(pick.choice((1, 1, 2, 8))):
        at, end = sorted((pick.randrange(len(body) + 1), pick.randrange(len(body) + 1)))
        injury = pick.randrange(6)
        if injury == 0 and body:
            at = min(at, len(body) - 1)
            body = body[:at] + bytes([body[at] ^ 1 << pick.randrange(8)]) + body[at + 1 :]
        elif injury == 1:
            body = body[:at] + pick.choice(NASTY) + body[at:]
        elif injury == 2:
            body = body[:at] + body[end:]
        elif injury == 3:
            body = body[:at] + body[at:end] * 2 + body[end:]
        elif injury == 4:
            body = body[:at]
        else:
            nasty = pick.choice(NASTY)
            body = body[:at] + nasty + body[at + len(nasty) :]
        body = body[:200_000]
    return body


def hostile_bodies(seed: int) -> Iterator[tuple[str, str, bytes]]:
    pick, sound = random.Random(seed), corpus()
    while True:
        signal, media, body = pick.choice(sound)
        yield signal, media, mutated(body, pick)


def for_a_while(
    work: Callable[[str, str, bytes], None], seconds: float, seed: int, at_least: int = 50
) -> int:
    """How many bodies were tried."""
    give_up_at = time.monotonic() + seconds
    for n_tried, hostile in enumerate(hostile_bodies(seed)):
        if time.monotonic() > give_up_at and n_tried >= at_least:
            return n_tried
        began_at = time.monotonic()
        work(*hostile)
        assert time.monotonic() - began_at < SLOW_S, hostile
    raise AssertionError("unreachable")


def test_no_bytes_get_more_from_the_parsers_than_a_refusal() -> None:
    def work(signal: str, media: str, body: bytes) -> None:
        shape = otlp.SHAPES[signal]  # type: ignore[index]
        try:
            read = otlp.read_export(body, media, shape)
        except otlp.BadRequestError as refused:
            assert otlp.error_answer(str(refused), media)
            return
        # What is stored can be read again, and is sound: nothing more is refused of it.
        again = otlp.read_export(read.body, otlp.PROTOBUF, shape)
        assert (again.n_items, bool(again.faults)) == (read.n_items, False)
        assert otlp.export_answer(shape.signal, read.faults, media) is not None

    assert for_a_while(work, FUZZ_S, SEED) > 0


def test_pieces_take_no_bytes_that_the_whole_refuses_and_the_other_way_round() -> None:
    def work(signal: str, media: str, body: bytes) -> None:
        shape = otlp.SHAPES[signal]  # type: ignore[index]
        if media != otlp.PROTOBUF:
            return
        try:
            kept, n_items, faults = read_pieces(body, shape)
        except otlp.BadRequestError:
            return
        if not any("unreadable" in reason for reason in faults.by_reason()):
            whole = otlp.read_export(body, otlp.PROTOBUF, shape)
            assert (n_items, faults) == (whole.n_items, whole.faults)
        shape.request.FromString(kept)

    assert for_a_while(work, FUZZ_S / 2, SEED + 1) > 0


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_no_bytes_get_more_from_the_decompressors_than_a_refusal(encoding: str) -> None:
    from tests.collector.test_doors_bodies import ENCODERS

    def work(_signal: str, _media: str, body: bytes) -> None:
        pick = random.Random(body[:64])
        try:
            plain = decompress(mutated(ENCODERS[encoding](body), pick), encoding, LIMIT)
        except otlp.BadRequestError:
            return
        assert len(plain) <= LIMIT

    assert for_a_while(work, FUZZ_S / 6, SEED + 2) > 0


def test_a_real_server_answers_hostile_bytes_in_their_own_type_and_stays_small(server: Server) -> None:
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(server.receiver_url.rsplit(":", 1)[1]), timeout=30
    )
    receiver = psutil.Process(server.pid_of("collector.receiver"))
    seen: set[int] = set()

    def work(signal: str, media: str, body: bytes) -> None:
        pick = random.Random(body[:64])
        packed, headers = _packed(body, pick)
        connection.request("POST", f"/v1/{signal}", packed, {"content-type": media, **headers})
        answer = connection.getresponse()
        said = answer.read()
        seen.add(answer.status)
        assert answer.status in (200, 400, 413, 415), (answer.status, said)
        assert answer.headers["content-type"] == media
        _check_answer(answer.status, signal, media, said)

    for_a_while(work, FUZZ_S / 8, SEED + 3)
    before_bytes = receiver.memory_info().rss
    for_a_while(work, FUZZ_S / 4, SEED + 4)
    assert seen >= {200, 400}
    assert receiver.memory_info().rss - before_bytes < 100_000_000
    assert receiver.pid == server.pid_of("collector.receiver")
    call = a_call()
    assert server.post("/v1/traces", export(call)) == (200, b"")
    server.wait_until_committed()
    assert server.value(f"select count(*) from calls where span_id = '{call.span_id.hex()}'") == 1
    assert not list((server.data_dir / "spool" / "quarantine").glob("*"))


def _packed(body: bytes, pick: random.Random) -> tuple[bytes, dict[str, str]]:
    match pick.randrange(5):
        case 0:
            return gzip.compress(body), {"content-encoding": "gzip"}
        case 1:
            return mutated(gzip.compress(body), pick), {"content-encoding": "gzip"}
        case 2:
            return zlib.compress(body), {"content-encoding": "deflate"}
        case _:
            return body, {}


def _check_answer(status: int, signal: str, media: str, said: bytes) -> None:
    if media == otlp.JSON:
        document = json.loads(said)
        assert document == {} or "partialSuccess" in document or document["code"] > 0
    elif status == 200:
        RESPONSES[signal].FromString(said)
    else:
        assert Status.FromString(said).message
