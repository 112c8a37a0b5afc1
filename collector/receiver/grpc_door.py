"""OTLP/gRPC: the three Export calls and the standard health check, over the same spool as HTTP.

A message stays bytes: it is parsed once, by the intake, and what is stored is what came over the wire. grpc bounds
its size before and after decompression.

A call is handled as a stream of one message, which is the same on the wire: so its sender is known before the
message is read, and a message that does not end is given up. That costs 0.05 ms of CPU a call, measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from collector.keys import Caller
from collector.observe import taking
from collector.receiver.answers import PROTOBUF
from collector.receiver.callers import Callers
from collector.receiver.doors import RETRY_AFTER_S, explain
from collector.receiver.incoming import InFlight, TooMuchAtOnceError
from collector.receiver.intake import Intake
from collector.receiver.otlp import SignalName
from collector.receiver.refusals import BadRequestError
from collector.spool.groupcommit import SpoolFullError

# Exporters give a call 10 s: a message that takes longer has nobody who waits for its answer.
READ_PATIENCE_S = 20.0
# How large a message is, up to 64 MiB, is known when it is there. When so many are on their way, another one makes
# the slowest of them hurry.
MESSAGES_READ_AT_ONCE = 16
HURRY_S = 2.0
# What a call ends with travels in headers, of which clients take 8 KB.
_MESSAGE_MAX_CHARS = 500

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_SERVING = b"\x08\x01"  # HealthCheckResponse{status: SERVING}

Take = Callable[[bytes, str, Caller], Awaitable[bytes]]
# In quotes: only the type stubs know parameters.
Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


@dataclass(frozen=True)
class Refusal:
    """How a call ends that stores nothing."""

    code: grpc.StatusCode
    message: str
    is_temporary: bool = False

    def trailers(self) -> tuple[tuple[str, bytes], ...]:
        """RetryInfo where the sender should come again, and only there: it is what makes a code retryable."""
        if not self.is_temporary:
            return ()
        retry = RetryInfo(retry_delay=Duration(seconds=int(RETRY_AFTER_S)))
        packed = AnyMessage()
        packed.Pack(retry)
        status = Status(code=self.code.value[0], message=self.message, details=[packed])
        return (
            ("grpc-status-details-bin", status.SerializeToString()),
            # Where Python's exporter looks for it.
            ("google.rpc.retryinfo-bin", retry.SerializeToString()),
        )


class Calls(grpc.GenericRpcHandler):
    """Every call that this server knows; grpc itself answers UNIMPLEMENTED to the others."""

    def __init__(self, callers: Callers, intake: Intake, in_flight: InFlight) -> None:
        self._callers = callers
        self._intake = intake
        self._in_flight = in_flight
        self._reading: dict[asyncio.Timeout, None] = {}  # the oldest first
        exports = {
            "opentelemetry.proto.collector.trace.v1.TraceService": self._export("traces", intake.traces),
            "opentelemetry.proto.collector.logs.v1.LogsService": self._export("logs", intake.logs),
            "opentelemetry.proto.collector.metrics.v1.MetricsService": self._export(
                "metrics", intake.metrics
            ),
        }
        self._handlers = {f"/{service}/Export": handler for service, handler in exports.items()}
        self._handlers["/grpc.health.v1.Health/Check"] = _health_check(["", *exports])

    def service(self, details: grpc.HandlerCallDetails) -> Handler | None:
        return self._handlers.get(details.method)

    def _export(self, signal: SignalName, take: Take) -> Handler:
        async def export(messages: AsyncIterator[bytes], context: Context) -> bytes:
            began_at = time.monotonic()
            with taking.in_flight():
                outcome = await self._outcome(signal, take, context)
            code = outcome.code if isinstance(outcome, Refusal) else grpc.StatusCode.OK
            taking.answered("grpc", signal, code.name, time.monotonic() - began_at)
            if isinstance(outcome, Refusal):
                await context.abort(outcome.code, outcome.message, outcome.trailers())
            return outcome

        return grpc.stream_unary_rpc_method_handler(export)

    async def _outcome(self, signal: SignalName, take: Take, context: Context) -> bytes | Refusal:
        """The response's bytes, or why there is none."""
        caller = Caller()
        try:
            caller = self._callers.of(_headers(context))
            message = await self._message(context)
            with self._in_flight.request() as share:
                share.grow_to(len(message))
                return await take(message, PROTOBUF, caller)
        except BadRequestError as refused:
            await self._intake.refuse(signal, refused, "OTLP/gRPC", caller)
            return Refusal(_CODES[refused.code], str(refused)[:_MESSAGE_MAX_CHARS])
        except (SpoolFullError, TooMuchAtOnceError, OSError, MemoryError) as busy:
            return Refusal(grpc.StatusCode.UNAVAILABLE, explain(busy)[:_MESSAGE_MAX_CHARS], is_temporary=True)

    async def _message(self, context: Context) -> bytes:
        """The one message of a call. Raises BadRequestError when it does not come, TooMuchAtOnceError when it is slow."""
        self._hurry_the_slowest()
        patience = asyncio.timeout(READ_PATIENCE_S)
        try:
            async with patience:
                self._reading[patience] = None
                message: Any = await context.read()
        except TimeoutError:
            raise TooMuchAtOnceError("the message did not arrive in time; send again") from None
        finally:
            self._reading.pop(patience, None)
        if message is grpc.aio.EOF:
            raise BadRequestError("there is no message, or one over the limit")
        return bytes(message)

    def _hurry_the_slowest(self) -> None:
        """Keep the messages that may grow in memory few, and never let a slow sender hold up a quick one."""
        if len(self._reading) < MESSAGES_READ_AT_ONCE:
            return
        slowest = next(iter(self._reading))
        del self._reading[slowest]
        hurry_at = asyncio.get_running_loop().time() + HURRY_S
        if not slowest.expired() and hurry_at < (slowest.when() or 0):
            slowest.reschedule(hurry_at)


def _headers(context: Context) -> Mapping[str, str]:
    """The metadata of a call, whose names are in lower case as gRPC demands; what is not text is left out."""
    return {name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)}


def _health_check(services: list[str]) -> Handler:
    """grpc.health.v1, as far as probes use it: one known service a request, "" for the whole server."""
    known = {_health_request(service) for service in services}

    async def check(request: bytes, context: Context) -> bytes:
        if request not in known:
            await context.abort(grpc.StatusCode.NOT_FOUND, "this server has no such service")
        return _SERVING

    return grpc.unary_unary_rpc_method_handler(check)


def _health_request(service: str) -> bytes:
    """HealthCheckRequest{service}: a message of one text, not worth a package of its own."""
    name = service.encode()
    return bytes([0x0A, len(name)]) + name if name else b""
