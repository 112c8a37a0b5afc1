"""Static files in fewer bytes: the first visit takes 9 MB of scripts, half of it Plotly, and a third of that compressed.

Streamlit leaves this to a proxy, because compressing again for every visitor costs CPU. Here each file is compressed
once and kept: their names carry the hash of their content, so one that is kept is never out of date.
"""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FOLDER = "/static/"
_TEXTS = (".js", ".css")
# Smaller ones would save a packet at most.
_SMALLEST_BYTES = 1_000
# Level 9 takes three times as long as 6 for 1 % less.
_LEVEL = 6


@dataclass(frozen=True)
class _Answer:
    start: Message
    body: bytes

    async def tell(self, send: Send) -> None:
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})


class CompressedAssets:
    """ASGI middleware: scripts and style sheets compressed once, for whoever accepts gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, _Answer] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _can_be_compressed(scope):
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        answer = self._kept.get(path)
        if answer is None:
            answer = await self._asked(scope, receive)
            if answer.start["status"] == 200 and len(answer.body) >= _SMALLEST_BYTES:
                # In a thread: Plotly takes 150 ms, in which no page would be answered.
                answer = await asyncio.to_thread(_compressed, answer)
                self._kept[path] = answer
        await answer.tell(send)

    async def _asked(self, scope: Scope, receive: Receive) -> _Answer:
        """The whole answer of the app behind."""
        starts: list[Message] = []
        parts: list[bytes] = []

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                starts.append(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, take)
        return _Answer(starts[0], b"".join(parts))


def _can_be_compressed(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].endswith(_TEXTS):
        return False
    headers = Headers(scope=scope)
    # A part of a file, and a question whether it changed, are answered by whoever has it.
    asks_for_less = any(name in headers for name in ("range", "if-none-match", "if-modified-since"))
    return (
        _FOLDER in scope["path"]
        and "gzip" in headers.get("accept-encoding", "").lower()
        and not asks_for_less
    )


def _compressed(answer: _Answer) -> _Answer:
    body = gzip.compress(answer.body, _LEVEL, mtime=0)
    headers = MutableHeaders(raw=list(answer.start["headers"]))
    headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    headers.add_vary_header("Accept-Encoding")
    # It is of the bytes uncompressed.
    if "etag" in headers:
        del headers["etag"]
    return _Answer({**answer.start, "headers": headers.raw}, body)
