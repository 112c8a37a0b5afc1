"""Senders that behave as exporters do, and count what was acknowledged: what a fault must not lose."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.servers import Server
from tests.spans import a_call, export

SPANS_PER_REQUEST = 10
DOORS = ("protobuf", "json", "gzip", "grpc")
_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
# What an exporter sends again after; anything else drops the batch, so none of our trouble may answer it.
_HTTP_AGAIN = {429, 502, 503, 504}
_GRPC_AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}
_AGAIN_AFTER_S = 0.02
# Between two requests of one sender: there is always one under way somewhere, and the machine is not full of senders.
_PAUSE_S = 0.005


class Sender:
    """Sends on one connection until told to stop, each request until it is acknowledged."""

    def __init__(self, server: Server, door: str = "protobuf") -> None:
        self._door = door
        self._way = _GrpcWay(server) if door == "grpc" else _HttpWay(server, *_ENCODINGS[door])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sender-{door}")
        self.acked: set[str] = set()
        self.refused: Counter[str] = Counter()
        self.dropped: str | None = None  # an answer after which an exporter gives up

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._way.close()
        assert self.dropped is None, f"{self._door}: {self.dropped}, after which an exporter drops its batch"

    def wait_for(self, n_more: int, patience_s: float = 60.0) -> None:
        """Until that many more spans are acknowledged."""
        goal, give_up_at = len(self.acked) + n_more, time.monotonic() + patience_s
        while len(self.acked) < goal:
            assert time.monotonic() < give_up_at and self.dropped is None, (
                f"{self._door}: {len(self.acked)} of {goal} spans acknowledged; refused: {self.refused}; {self.dropped}"
            )
            time.sleep(0.01)

    def wait_until_refused(self, patience_s: float = 60.0) -> None:
        """Until the server has said at least once that it takes nothing now."""
        give_up_at = time.monotonic() + patience_s
        while not self.refused:
            assert time.monotonic() < give_up_at and self.dropped is None, self.dropped
            time.sleep(0.01)

    def _run(self) -> None:
        while not self._stop.is_set():
            spans = [a_call() for _ in range(SPANS_PER_REQUEST)]
            if self._until_acked(export(*spans)):
                self.acked |= {span.span_id.hex() for span in spans}
            self._stop.wait(_PAUSE_S)

    def _until_acked(self, body: bytes) -> bool:
        while True:
            answer, again = self._way.send(body)
            if answer == "ok":
                return True
            self.refused[answer] += 1
            if not again:
                self.dropped = answer
                self._stop.set()
            if self._stop.wait(_AGAIN_AFTER_S):
                return False


@contextlib.contextmanager
def sending_to(
    server: Server, doors: Sequence[str] = ("protobuf",), warm_up: int = 100
) -> Iterator[list[Sender]]:
    """A sender on each of these doors, all of them at work."""
    with contextlib.ExitStack() as running:
        senders = [running.enter_context(Sender(server, door)) for door in doors]
        for sender in senders:
            sender.wait_for(warm_up)
        yield senders


def assert_stored_once(server: Server, senders: Sequence[Sender], patience_s: float = 60.0) -> None:
    """0 lost, 0 doubled, 0 torn: every acknowledged span is there, none twice, each with its call's values."""
    server.wait_until_committed(patience_s)
    rows = server.rows(
        "select printf('%016x', span_id) as id, input_tokens = 1000 and output_tokens = 100 and role = 'call' "
        "and model_answered = 'gpt-4o' and list_cost_usd is not null as whole from spans"
    )
    stored = [row["id"] for row in rows]
    acked = set[str]().union(*(sender.acked for sender in senders))
    assert acked, "nothing was acknowledged: this run says nothing"
    lost = acked - set(stored)
    assert not lost, f"{len(lost)} of {len(acked)} acknowledged spans are lost"
    assert len(stored) == len(set(stored)), f"{len(stored) - len(set(stored))} spans are stored twice"
    assert all(row["whole"] for row in rows), "a span lacks some of its values"
    assert server.value("select count(*) - count(distinct batch_id) from batches") == 0
    assert not list((server.data_dir / "spool" / "quarantine").glob("*")), "a good segment was set aside"


class _HttpWay:
    """One kept-alive connection; a new one when it broke."""

    def __init__(self, server: Server, headers: Mapping[str, str], encode: Callable[[bytes], bytes]) -> None:
        self._host = server.receiver_url.removeprefix("http://")
        self._headers, self._encode = dict(headers), encode
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes) -> tuple[str, bool]:
        """("ok" or the answer, whether an exporter sends it again)"""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            self._connection.request("POST", "/v1/traces", self._encode(body), self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as broken:
            self.close()  # no answer: stored or not, an exporter sends it again
            return type(broken).__name__, True
        return ("ok" if answer.status == 200 else str(answer.status)), answer.status in _HTTP_AGAIN

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class _GrpcWay:
    """One channel, which connects again by itself."""

    def __init__(self, server: Server) -> None:
        options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
        self._channel = grpc.insecure_channel(server.grpc_target, options)
        self._call: Callable[..., bytes] = self._channel.unary_unary(_EXPORT)

    def send(self, body: bytes) -> tuple[str, bool]:
        """("ok" or the status, whether an exporter sends it again)"""
        try:
            self._call(body, timeout=30)
        except grpc.RpcError as failed:
            status = failed.code()
            return status.name, status in _GRPC_AGAIN
        return "ok", False

    def close(self) -> None:
        self._channel.close()


def as_json(body: bytes) -> bytes:
    """An export request in OTLP/JSON, ids in hex as the protocol asks."""
    document = MessageToDict(ExportTraceServiceRequest.FromString(body), use_integers_for_enums=True)
    _base64_ids_to_hex(document)
    return json.dumps(document).encode()


def _base64_ids_to_hex(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _base64_ids_to_hex(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("traceId", "spanId", "parentSpanId"):
                node[key] = base64.b64decode(value).hex()
            else:
                _base64_ids_to_hex(value)


_PROTOBUF = {"content-type": "application/x-protobuf"}
_ENCODINGS: dict[str, tuple[Mapping[str, str], Callable[[bytes], bytes]]] = {
    "protobuf": (_PROTOBUF, bytes),
    "json": ({"content-type": "application/json"}, as_json),
    "gzip": ({**_PROTOBUF, "content-encoding": "gzip"}, gzip.compress),
}
