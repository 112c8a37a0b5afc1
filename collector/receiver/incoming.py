"""A request's body on its way in: bounded in bytes, alone and together with all others that are on their way.

How long a body may take is the connection's business (see connection).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from starlette.types import Receive

from collector.receiver.refusals import TooLargeError
from collector.settings import MEGABYTE

# Smaller bodies are not counted: who holds a lot of large ones must not keep everyone else out, and the
# number of connections bounds these.
_FREE_BYTES = 64 * 1024


class TooMuchAtOnceError(Exception):
    """The bodies on their way fill the memory they may have; the client should come again in a moment."""


class ClientGoneError(Exception):
    """The client hung up before its request was whole: there is nobody to answer."""


class InFlight:
    """The bytes of all bodies between their arrival and their answer."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0

    def request(self) -> Share:
        """One request's share, given back when the `with` block ends."""
        return Share(self)

    def take(self, n_bytes: int) -> None:
        """Raises TooMuchAtOnceError when there is no room for so many more."""
        if self._n_bytes + n_bytes > self._max_bytes:
            raise TooMuchAtOnceError(
                f"requests of {self._n_bytes // MEGABYTE} MB are being read, of {self._max_bytes // MEGABYTE} MB that may be"
                " at once (setting inflight_max_bytes); send again"
            )
        self._n_bytes += n_bytes

    def give_back(self, n_bytes: int) -> None:
        self._n_bytes -= n_bytes


class Share:
    """What one request holds of the bytes in flight."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._held_bytes = 0

    def __enter__(self) -> Share:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in_flight.give_back(self._held_bytes)

    def grow_to(self, n_bytes: int) -> None:
        """The request holds so many bytes now; raises TooMuchAtOnceError."""
        if n_bytes > _FREE_BYTES and n_bytes > self._held_bytes:
            self._in_flight.take(n_bytes - self._held_bytes)
            self._held_bytes = n_bytes


async def read_body(receive: Receive, headers: Mapping[str, str], limit: int, share: Share) -> bytes:
    """The body as it came. Raises TooLargeError, before reading it where its length is announced,
    TooMuchAtOnceError and ClientGoneError."""
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise TooLargeError(f"the body is over {limit} bytes")
    chunks: list[bytes] = []
    n_bytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        n_bytes += len(chunk)
        if n_bytes > limit:
            raise TooLargeError(f"the body is over {limit} bytes")
        share.grow_to(n_bytes)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
