"""How much a stream came to that broke off before anybody said: its chunks counted, its texts measured.

Providers bill what they had read and written by then. Only of calls that say no usage, whose answer had begun and had not
ended; what is estimated stands apart until settling knows that no other span of the call has the true counts. Texts are
looked at before they are dropped, and only their length is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.interrupted import (
    ANSWER_TEXTS,
    BROKEN_OFF,
    CHARACTERS_PER_TOKEN,
    CHUNK_EVENTS,
    REQUEST_TEXTS,
    WRITTEN,
)
from collector.decode import documents
from collector.decode.attributes import Mask
from collector.decode.canonical import Spans
from collector.decode.found import Found, true

Counts = npt.NDArray[np.int64]
_PLACE = f"{CHARACTERS_PER_TOKEN} characters a token"
# Beyond it a document is no conversation; Python's own stack is finite.
_DEEPEST = 64


def interrupted(found: Found, spans: Spans, is_call: Mask, has_failed: Mask) -> None:
    """Fill `estimated_input_tokens` and `estimated_output_tokens` of calls that broke off."""
    silent = is_call & ~_has(found, "input_tokens") & ~_has(found, "output_tokens")
    if not silent.any():
        return
    chunks = _chunks(spans, silent)
    is_stream = true(found.get("stream", pa.bool_())) | _has(found, "ttft_ns") | (chunks > 0)
    has_begun = _has(found, "ttft_ns") | _has(found, "response_id") | (chunks > 0)
    broke_off = silent & is_stream & has_begun & (has_failed | ~_has_ended(found))
    if not broke_off.any():
        return
    _fill(found, "estimated_output_tokens", np.where(broke_off, chunks, 0), "chunk events, counted")
    for column, texts in (
        ("estimated_input_tokens", REQUEST_TEXTS),
        ("estimated_output_tokens", ANSWER_TEXTS),
    ):
        for keys in texts:
            among = broke_off & ~_has(found, column)
            if any(key in spans.attributes for key in keys):
                _fill(found, column, _tokens(spans, keys, among), f"{' + '.join(keys)}, {_PLACE}")


def _has_ended(found: Found) -> Mask:
    """Which answers came to an end of the model's own."""
    reasons = found.get("finish_reason", pa.string())
    return true(pc.and_(reasons.is_valid(), pc.invert(pc.is_in(reasons, pa.array(BROKEN_OFF)))))


def _chunks(spans: Spans, among: Mask) -> Counts:
    total = np.zeros(len(among), dtype=np.int64)
    for name in CHUNK_EVENTS:
        total += spans.events.count(name, among)
    # An SDK keeps 128 events a span: what it dropped of a stream were chunks like the others.
    return total + np.where(total > 0, spans.dropped_events, 0) if spans.dropped_events is not None else total


def _tokens(spans: Spans, keys: Sequence[str], among: Mask) -> Counts:
    """Of each span the tokens that the texts under these keys may be; 0 where there is none."""
    characters = np.zeros(len(among), dtype=np.int64)
    for key in keys:
        if key in spans.attributes:
            owners, texts = spans.attributes.whole_texts(key, among)
            encoded = texts.dictionary_encode()
            lengths = np.array([_length_of(text) for text in encoded.dictionary.to_pylist()], dtype=np.int64)
            known = encoded.indices.is_valid().to_numpy(zero_copy_only=False)
            codes = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
            characters[owners[known]] += lengths[codes[known]]
    return -(-characters // CHARACTERS_PER_TOKEN)


def _length_of(text: str | None) -> int:
    """The characters of a text, or of what was written in a document."""
    document = documents.read(text)
    if isinstance(document, dict | list):
        return _written(document, is_written=False)
    return len(text or "")


def _written(node: Any, *, is_written: bool, depth: int = 0) -> int:
    if isinstance(node, str):
        if node[:1] in ("{", "[") and isinstance(inside := documents.read(node), dict | list):
            return _written(inside, is_written=is_written, depth=depth + 1) if depth < _DEEPEST else 0
        # A picture or a sound within the text is not read as text.
        return len(node) if is_written and not node.startswith("data:") else 0
    if depth >= _DEEPEST:
        return 0
    if isinstance(node, dict):
        return sum(
            _written(value, is_written=str(name).lower() in WRITTEN, depth=depth + 1)
            for name, value in node.items()
        )
    if isinstance(node, list | tuple):
        return sum(_written(value, is_written=is_written, depth=depth + 1) for value in node)
    return 0


def _fill(found: Found, column: str, numbers: Counts, place: str) -> None:
    if (known := numbers > 0).any():
        found.fill(column, pa.array(numbers, pa.int64(), mask=~known), place)


def _has(found: Found, column: str) -> Mask:
    return true(found.get(column, pa.int64()).is_valid())
