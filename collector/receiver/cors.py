"""Which web pages may send telemetry from a browser: the OTLP doors only, never the door for records."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Pages served on this machine, whatever their port: a developer's own.
LOCAL = "local"
_LOCAL_ORIGIN = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")

Headers = list[tuple[bytes, bytes]]

_ALLOWED_HEADERS = (
    "content-type, content-encoding, authorization, x-api-key, api-key, x-steelyard-project, "
    "traceparent, tracestate, baggage, x-requested-with"
)
# How long a browser need not ask again: Chromium's own limit.
_MAX_AGE_S = 7200


class Cors:
    """The origins that are allowed: `local`, `*`, or exact ones such as https://app.example.com."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)

    def allows(self, origin: str) -> bool:
        return (
            "*" in self._origins
            or origin in self._origins
            or (LOCAL in self._origins and _LOCAL_ORIGIN.fullmatch(origin) is not None)
        )

    def answer_headers(self, origin: str | None) -> Headers:
        """What every answer to a request of this origin carries, so that the page may read it."""
        if origin is None:
            return []
        if not self.allows(origin):
            return [(b"vary", b"Origin")]
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", b"retry-after"),
            (b"vary", b"Origin"),
        ]

    def preflight_headers(self) -> Headers:
        """What an allowed page may send, beside the headers of every answer."""
        return [
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", _ALLOWED_HEADERS.encode()),
            (b"access-control-max-age", str(_MAX_AGE_S).encode()),
        ]
