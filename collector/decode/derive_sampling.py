"""Which share of its like a span was kept of, as the samplers that kept it say; NULL when nothing was left out.

OpenTelemetry's consistent probability sampling puts a rejection threshold into the trace state, `ot=th:c`: up to
fourteen hexadecimal digits of a 56-bit number, zeros on the right left out; the probability is 1 - threshold / 2**56.
Older SDKs say `ot=p:3` for one in 2**3. Other samplers set attributes: a share, or one in how many.
Source: opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling, read November 2026.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from collector.decode.found import Found

_RATE = pa.float64()
_OT = re.compile(r"(?:^|,)\s*ot=([^,]*)")
_THRESHOLD = re.compile(r"(?:^|;)th:([0-9a-f]{1,14})(?:;|$)")
_POWER = re.compile(r"(?:^|;)p:([0-9]{1,2})(?:;|$)")
# No sampler keeps less than one in a billion; a lower share is a mistake that would multiply costs.
_LEAST = 1e-9


def sampling(found: Found, trace_states: pa.Array) -> None:
    """Fill `sampling_rate`: a share above 0 and below 1."""
    if (pc.max(pc.binary_length(trace_states)).as_py() or 0) > 0:
        encoded = trace_states.dictionary_encode()
        rates = pa.array([rate_of(state) for state in encoded.dictionary.to_pylist()], _RATE)
        found.fill("sampling_rate", _share(rates.take(encoded.indices)), "tracestate")
    if "sample_rate" in found:
        said = found.get("sample_rate", _RATE)
        shares = pc.if_else(pc.greater(said, 1), pc.divide(1.0, said), said)
        found.fill("sampling_rate", _share(shares), found.origins("sample_rate"))
    if "sampler_param" in found:
        is_share = pc.equal(found.get("sampler_type", pa.string()), "probabilistic")
        shares = pc.if_else(is_share, found.get("sampler_param", _RATE), pa.scalar(None, _RATE))
        found.fill("sampling_rate", _share(shares), found.origins("sampler_param"))


def rate_of(trace_state: str | None) -> float | None:
    """The probability that a W3C trace state says, None when it says none."""
    ot = _OT.search(trace_state or "")
    if ot is None:
        return None
    if threshold := _THRESHOLD.search(ot[1]):
        return 1 - int(threshold[1].ljust(14, "0"), 16) / 2**56
    if power := _POWER.search(ot[1]):
        return 2.0 ** -int(power[1])
    return None


def _share(rates: pa.Array) -> pa.Array:
    sane = pc.and_(pc.greater_equal(rates, _LEAST), pc.less(rates, 1))
    return pc.if_else(sane, rates, pa.scalar(None, _RATE))
