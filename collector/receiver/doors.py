"""The OTLP/HTTP doors: what stands between a connection and the intake, for traces, logs and metrics alike.

A plain ASGI function: a framework's request, response and routing cost as much as everything else that a
request of one span needs. Source of the rules: OpenTelemetry protocol specification, OTLP/HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from collector.keyring import CHALLENGE
from collector.keys import Caller
from collector.receiver import otlp
from collector.receiver.callers import Callers
from collector.receiver.cors import Cors, Headers
from collector.receiver.incoming import ClientGoneError, InFlight, Share, TooMuchAtOnceError, read_body
from collector.receiver.intake import Intake
from collector.receiver.refusals import UNAVAILABLE, UNIMPLEMENTED, BadRequestError, UnauthenticatedError
from collector.settings import CollectorSettings
from collector.spool.groupcommit import SpoolFullError

# Exporters wait about eight seconds in all, and give up at once on a longer Retry-After.
RETRY_AFTER_S = "2"

_RETRY: Headers = [(b"retry-after", RETRY_AFTER_S.encode())]
_CHALLENGE: Headers = [(name.encode(), value.encode()) for name, value in CHALLENGE.items()]


@dataclass(frozen=True)
class _Answer:
    """One answer, before the headers that every answer has."""

    status: int
    body: bytes
    media: str
    headers: Headers = field(default_factory=list)


class Doors:
    """Takes what is sent to …/v1/traces, …/v1/logs and …/v1/metrics, and hands everything else on to `others`."""

    def __init__(
        self,
        settings: CollectorSettings,
        intake: Intake,
        callers: Callers,
        in_flight: InFlight,
        others: ASGIApp,
    ) -> None:
        self._limit = settings.body_max_bytes
        self._intake = intake
        self._callers = callers
        self._in_flight = in_flight
        self._others = others
        self._cors = Cors(settings.cors_origins)
        self._take: dict[otlp.SignalName, Callable[[bytes, str, Caller], Awaitable[bytes]]] = {
            "traces": intake.traces,
            "logs": intake.logs,
            "metrics": intake.metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        signal = signal_of(scope["path"]) if scope["type"] == "http" else None
        if signal is None:
            await self._others(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get("origin")
        try:
            answer = await self._answer(scope["method"], signal, headers, receive)
        except ClientGoneError:
            return
        await _send(send, answer, self._cors.answer_headers(origin))

    async def _answer(
        self, method: str, signal: otlp.SignalName, headers: dict[str, str], receive: Receive
    ) -> _Answer:
        if method != "POST":
            return self._not_a_post(method, headers)
        media, caller, share = otlp.PROTOBUF, Caller(), self._in_flight.request()
        try:
            media = otlp.media_type(headers.get("content-type", ""))
            caller = self._callers.of(headers)  # before the body: nobody else may send 64 MiB
            with share:
                body = await self._body(receive, headers, share)
                return _Answer(200, await self._take[signal](body, media, caller), media)
        except BadRequestError as refused:
            await self._intake.refuse(signal, refused, _about(headers), caller)
            challenge = _CHALLENGE if isinstance(refused, UnauthenticatedError) else []
            said = otlp.error_answer(str(refused), media, refused.code)
            return _Answer(refused.status_code, said, media, challenge)
        except (SpoolFullError, TooMuchAtOnceError, OSError, MemoryError) as busy:
            return _Answer(503, otlp.error_answer(explain(busy), media, UNAVAILABLE), media, _RETRY)

    async def _body(self, receive: Receive, headers: dict[str, str], share: Share) -> bytes:
        """The body without its content encoding."""
        body = await read_body(receive, headers, self._limit, share)
        encoding = headers.get("content-encoding")
        if encoding is None:
            return body
        plain = await self._intake.aside(len(body) * 8, otlp.decompress, body, encoding, self._limit)
        share.grow_to(len(plain))
        return plain

    def _not_a_post(self, method: str, headers: dict[str, str]) -> _Answer:
        origin = headers.get("origin")
        if method == "OPTIONS" and origin is not None and self._cors.allows(origin):
            return _Answer(204, b"", "", self._cors.preflight_headers())
        if method == "OPTIONS":
            return _Answer(403 if origin else 204, b"", "", [(b"allow", b"POST, OPTIONS")])
        said = otlp.error_answer(f"telemetry is sent by POST, not by {method}", otlp.JSON, UNIMPLEMENTED)
        return _Answer(405, said, otlp.JSON, [(b"allow", b"POST, OPTIONS")])


def signal_of(path: str) -> otlp.SignalName | None:
    """The signal that a path takes, behind any prefix: /v1/traces, /api/public/otel/v1/traces/."""
    _, version, name = ("/" + path).rstrip("/").rpartition("/v1/")
    if not version:
        return None
    return next((signal for signal in otlp.SHAPES if signal == name), None)


def explain(busy: Exception) -> str:
    """Our own trouble, in words for the sender."""
    if isinstance(busy, OSError) and busy.errno:
        return f"the disk did not take it: {busy.strerror}"
    return str(busy) or "there is no memory for this now; send again"


def _about(headers: dict[str, str]) -> str:
    """What came, without anything of its content."""
    kind = headers.get("content-type", "no content type")[:100]
    size = headers.get("content-length", "unknown")[:20]
    return f"{kind!r}, {size} bytes"


async def _send(send: Send, answer: _Answer, more: Headers) -> None:
    headers = [(b"content-length", str(len(answer.body)).encode()), *answer.headers, *more]
    if answer.media:
        headers.append((b"content-type", answer.media.encode()))
    if answer.status == 204:
        headers = headers[1:]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
