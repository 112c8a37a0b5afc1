"""Spans of a commit in the shape that pricing/charge.sql charges."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from store.terms import Terms

# What decides about a price: when one of these changes, the call is charged again.
PRICED = (
    "provider",
    "model_requested",
    "model_answered",
    "service_tier",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "cache_hit",
)
_IDS = ("row", "project", "trace_id", "span_id", "started_at")


def priceable(spans: pa.Table, terms: Terms) -> pa.Table:
    """The calls among these spans, each with the key of its model in the price book."""
    calls = spans.filter(pc.equal(spans.column("role"), "call"))
    names = [name for name in PRICED if name not in ("provider", "model_requested", "model_answered")]
    return pa.table(
        {name: calls.column(name) for name in (*_IDS, *names)}
        | {
            "day": calls.column("started_at").cast(pa.date32(), safe=False),
            "model_key": _model_keys(calls, terms),
            "status": pc.if_else(calls.column("failed"), "error", "ok"),
        }
    )


def _model_keys(calls: pa.Table, terms: Terms) -> pa.Array:
    """The book's key of each call's model, NULL where it knows none: asked once for each name that occurs."""
    names = [
        calls.column(name).combine_chunks() for name in ("provider", "model_answered", "model_requested")
    ]
    joined = pc.binary_join_element_wise(*names, "\x1f", null_handling="replace", null_replacement="\x00")
    codes = joined.dictionary_encode().indices.to_numpy()
    _, first = np.unique(codes, return_index=True)
    triples = zip(*(name.take(pa.array(first)).to_pylist() for name in names), strict=True)
    keys = [terms.prices.book.resolve_call(*triple) for triple in triples]
    of_code = np.zeros(len(first), dtype=np.int64)
    of_code[codes[first]] = np.arange(len(first))
    return pa.array(keys, pa.string()).take(pa.array(of_code[codes]))
