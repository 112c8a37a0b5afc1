"""The time to the first token, and a carrier's duration, in nanoseconds from what emitters say in four ways."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.decode.found import Found

_NUMBER = pa.float64()
# A hundred days: what is longer is no time of a call, and 2**63 nanoseconds are 292 years.
_LONGEST_NS = 100 * 86_400 * 10**9
# An emitter that counts in seconds does not wait so long for a first token.
_SURELY_MS = 100.0


def times(found: Found, started_ns: npt.NDArray[np.int64], duration_ns: pa.Array) -> None:
    """Fill `ttft_ns` and `carrier_duration_ns`."""
    for column, ns_per_unit in (("ttft_s", 1e9), ("ttft_ms", 1e6)):
        if column in found:
            _fill(found, "ttft_ns", column, pc.multiply(found.get(column, _NUMBER), ns_per_unit))
    if "ttft_s_or_ms" in found:
        _fill(
            found, "ttft_ns", "ttft_s_or_ms", _of_unsaid_unit(found.get("ttft_s_or_ms", _NUMBER), duration_ns)
        )
    if "ttft_at" in found:
        _fill(found, "ttft_ns", "ttft_at", _since(found.get("ttft_at", pa.string()), started_ns))
    if "carrier_duration_s" in found:
        seconds = found.get("carrier_duration_s", _NUMBER)
        _fill(found, "carrier_duration_ns", "carrier_duration_s", pc.multiply(seconds, 1e9))


def _fill(found: Found, column: str, source: str, nanoseconds: pa.Array) -> None:
    """Times that can be, from a working column."""
    sane = pc.and_(pc.greater_equal(nanoseconds, 0), pc.less(nanoseconds, _LONGEST_NS))
    known = pc.if_else(sane, nanoseconds, pa.scalar(None, _NUMBER))
    found.fill(column, pc.round(known).cast(pa.int64()), found.origins(source))


def _of_unsaid_unit(values: pa.Array, duration_ns: pa.Array) -> pa.Array:
    """Strands means milliseconds and OpenLIT seconds under one name: whole and large, or longer than the span, is the first."""
    duration_s = pc.divide(duration_ns.cast(_NUMBER, safe=False), 1e9)
    is_large = pc.and_(pc.equal(pc.floor(values), values), pc.greater_equal(values, _SURELY_MS))
    is_longer = pc.fill_null(pc.greater(values, duration_s), fill_value=False)
    return pc.multiply(values, pc.if_else(pc.or_(is_large, is_longer), 1e6, 1e9))


def _since(texts: pa.Array, started_ns: npt.NDArray[np.int64]) -> pa.Array:
    """Nanoseconds from the start to a time in ISO 8601; NULL for what is no time."""
    moments = pa.array([_moment_ns(text) for text in texts.to_pylist()], pa.int64())
    return pc.subtract(
        moments.cast(_NUMBER, safe=False), pa.array(started_ns, pa.int64()).cast(_NUMBER, safe=False)
    )


def _moment_ns(text: str | None) -> int | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is None:
        return None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
