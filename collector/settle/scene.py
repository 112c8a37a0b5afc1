"""The spans that are settled together, and what every rule asks of them."""

from __future__ import annotations

import re
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.families import NATIVE
from collector.settle.forest import Flags, Forest, Rows, codes, joint, storage_of

# A snapshot's date, or a channel: names with and without it are one model to a provider.
_SNAPSHOT = re.compile(r"([-@:](20\d{2}-?\d{2}-?\d{2}|latest|v\d+(:\d+)?|\d{3,4}))+$")

# Two counts of one answer differ by less than the larger of these: a few tokens, or this share of the count.
_NEARLY_TOKENS = 10
_NEARLY = 0.1


class Scene:
    """Spans, a row each, as they say it themselves (columns of a decoded span)."""

    def __init__(self, spans: pa.Table) -> None:
        self.spans = spans.combine_chunks()
        self.n_rows = spans.num_rows
        role = self.column("role")
        self.is_call = _flags(pc.equal(role, "call"))
        self.is_carrier = _flags(pc.equal(role, "carrier"))
        self.forest = Forest(*(self.column(n) for n in ("project", "trace_id", "span_id", "parent_span_id")))

    def column(self, name: str) -> pa.Array:
        """One column, in one piece."""
        chunked = self.spans.column(name)
        if chunked.num_chunks == 1:
            return chunked.chunk(0)
        return pa.array([], chunked.type) if not chunked.num_chunks else chunked.combine_chunks()

    def has(self, name: str) -> Flags:
        """Which spans say something in this column."""
        valid: Flags = self.column(name).is_valid().to_numpy(zero_copy_only=False)
        return valid

    @cached_property
    def rank(self) -> Rows:
        """A number for each span by its ids: between equals it decides, and not the order of arrival."""
        span_ids = self.column("span_id").to_numpy(zero_copy_only=False)
        storage = storage_of(self.column("trace_id"))
        halves = np.frombuffer(
            storage.buffers()[1], np.uint64, 2 * len(storage), storage.offset * 16
        ).reshape(-1, 2)
        found = np.empty(self.n_rows, dtype=np.int64)
        found[np.lexsort((halves[:, 1], halves[:, 0], span_ids))] = np.arange(self.n_rows)
        return found

    @cached_property
    def start_us(self) -> Rows:
        found: Rows = self.column("started_at").cast(pa.int64()).to_numpy(zero_copy_only=False)
        return found

    @cached_property
    def end_us(self) -> Rows:
        durations = self.column("duration_ns").fill_null(0).to_numpy(zero_copy_only=False)
        found: Rows = self.start_us + durations // 1000
        return found

    @cached_property
    def is_native(self) -> Flags:
        return _flags(pc.is_in(self.column("emitter"), value_set=pa.array(sorted(NATIVE), pa.string())))

    @cached_property
    def has_failed(self) -> Flags:
        return _flags(self.column("failed"))

    @cached_property
    def has_usage(self) -> Flags:
        return self.has("input_tokens") | self.has("output_tokens")

    @cached_property
    def service(self) -> Rows:
        """A number for each (project, service)."""
        return joint(self.forest.project, codes(self.column("service_name")))

    @cached_property
    def instrumentation(self) -> Rows:
        """A number for each (project, service, scope): two spans of one instrumentation are two calls."""
        return joint(self.service, codes(self.column("scope_name")))

    @cached_property
    def models(self) -> tuple[Rows, Rows]:
        """The model asked for and the one that answered, without dates and provider prefixes; -1 where not said."""
        asked, answered = (
            self.column(name).dictionary_encode() for name in ("model_requested", "model_answered")
        )
        names = {
            base: number
            for number, base in enumerate(
                {_base(name) for one in (asked, answered) for name in one.dictionary.to_pylist()}
            )
        }
        return _numbers(asked, names), _numbers(answered, names)

    def alike(self, one: Rows, other: Rows) -> Flags:
        """Of pairs of rows: whether they name one model. Who names none contradicts nobody."""
        asked, answered = self.models
        named_one = (asked[one] >= 0) | (answered[one] >= 0)
        named_other = (asked[other] >= 0) | (answered[other] >= 0)
        same = np.zeros(len(one), dtype=np.bool_)
        for left in (asked, answered):
            for right in (asked, answered):
                same |= (left[one] == right[other]) & (left[one] >= 0)
        return same | ~named_one | ~named_other

    def answered_unlike(self, one: Rows, other: Rows) -> Flags:
        """Of pairs of rows: whether both say how much was answered, and it can not be one answer. Only the output is told
        alike by everybody, and that nearly: some add what the start of a stream counted.
        """
        counted = self.has("output_tokens")
        output = self.column("output_tokens").fill_null(0).to_numpy(zero_copy_only=False)
        apart = np.abs(output[one] - output[other])
        unlike: Flags = apart > np.maximum(_NEARLY_TOKENS, _NEARLY * np.maximum(output[one], output[other]))
        return counted[one] & counted[other] & unlike


def _flags(values: pa.Array) -> Flags:
    found: Flags = pc.fill_null(values, fill_value=False).to_numpy(zero_copy_only=False)
    return found


def _base(name: str) -> str:
    return _SNAPSHOT.sub("", name.strip().lower().rsplit("/", 1)[-1])


def _numbers(encoded: pa.DictionaryArray, names: dict[str, int]) -> Rows:
    of_code = np.array(
        [names[_base(name)] for name in encoded.dictionary.to_pylist()] or [-1], dtype=np.int64
    )
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.where(indices < 0, -1, of_code[indices])
