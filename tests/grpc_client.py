"""A gRPC client that sends plain bytes, as a careless or hostile program would."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from tests.servers import Server

SERVICES = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
TRACES, LOGS, METRICS = (f"/{service}/Export" for service in SERVICES.values())


@contextlib.contextmanager
def channel(target: str) -> Iterator[grpc.Channel]:
    """A connection without a limit of its own on what it sends."""
    with grpc.insecure_channel(target, options=[("grpc.max_send_message_length", -1)]) as opened:
        yield opened


def call(server: Server, body: bytes, method: str = TRACES, **options: Any) -> bytes:
    """One call; the response's bytes."""
    with channel(server.grpc_target) as opened:
        answer: bytes = opened.unary_unary(method)(body, timeout=60, **options)
    return answer


def refused(server: Server, body: bytes, method: str = TRACES, **options: Any) -> grpc.RpcError:
    """The error of a call that must not succeed."""
    with pytest.raises(grpc.RpcError) as caught:
        call(server, body, method, **options)
    return caught.value


def retry_delay_s(error: grpc.RpcError) -> float | None:
    """What RetryInfo says; None without one."""
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for detail in Status.FromString(value).details:
                info = RetryInfo()
                if detail.Unpack(info):
                    return info.retry_delay.ToTimedelta().total_seconds()
    return None
