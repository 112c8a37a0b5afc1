"""Canonical columns that no attribute holds as they are wanted: names under one spelling, totals, times, errors.

Only of a span by itself; what its neighbours change is settled later. Each step works on whole columns, and costs
nothing where what it is about does not occur. What is not known stays NULL.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from collector.decode import (
    derive_errors,
    derive_interrupted,
    derive_names,
    derive_sampling,
    derive_times,
    derive_usage,
    derive_where,
)
from collector.decode.canonical import Spans
from collector.decode.classify import Classified
from collector.decode.found import Found, true

# More than what a call can cost: DECIMAL(18, 12) holds up to a million.
_MOST_USD = 1e6


def derive(
    found: Found, spans: Spans, classified: Classified, duration_ns: pa.Array, failed: pa.Array
) -> None:
    """Fill in and put right what the tables found, in place."""
    has_failed = true(failed)
    derive_names.names(found, has_failed)
    derive_where.where(found)
    derive_usage.usage(found, spans.conditions, classified)
    derive_times.times(found, spans.started_ns, duration_ns)
    derive_sampling.sampling(found, spans.trace_states)
    is_about_a_call = classified.is_role("call", "carrier")
    derive_errors.errors(found, spans, has_failed & is_about_a_call)
    derive_interrupted.interrupted(found, spans, is_about_a_call, has_failed)
    if "reported_cost_usd" in found:
        usd = found.get("reported_cost_usd", pa.float64())
        sane = pc.and_(pc.greater_equal(usd, 0), pc.less(usd, _MOST_USD))
        found.keep_only("reported_cost_usd", true(sane))
