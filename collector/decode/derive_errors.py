"""Why a call failed: the HTTP status, what its library calls the error, and one of a few classes.

Emitters name the same 429 in ten ways. In this order: the HTTP status, a code beside it, a number for a type, the name of
the type, a status in the text of the error, which is read here and never stored, and last the text's own words.
Only failed calls are looked at, and of each distinct text it is asked once: pyarrow would compile each expression anew
for every batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import re2

from collector.conventions import names
from collector.conventions.agents import ERROR_WORDS
from collector.decode.attributes import Indices, Mask
from collector.decode.canonical import Spans
from collector.decode.found import Found, Origins, true
from collector.privacy.kept import kept_values

_STATUS_MESSAGE, _EXCEPTION_MESSAGE = "status message", "event exception: exception.message"
# (name of a place, what stands there, a text for each failed call)
Texts = Sequence[tuple[str, pa.Array]]
_TEXT, _COUNT = pa.string(), pa.int64()
_STATUS = re2.compile(r"^([1-5]\d\d)$")
# "Error code: 429", "'code': 429" (Google), "429 Rate limit reached" (OpenAI's JavaScript SDK).
_STATUS_IN_TEXT = re2.compile(
    r"(?i)(?:^|(?:error code|status[ _]?code|http status|['\"]code)['\"]?\s*[:=]?\s*)([45]\d\d)\b"
)
# "openai.RateLimitError: Error code: 429 - …", as SDKs describe a status.
_TYPE_IN_TEXT = re2.compile(r"^([A-Za-z_][A-Za-z0-9_.]{2,100}(?:Error|Exception|Timeout))(?::|\(|$)")
_CLASSES = tuple((re2.compile(pattern), name) for pattern, name in names.ERROR_CLASSES)
_WORDS = tuple((re2.compile(pattern), name) for pattern, name in ERROR_WORDS)
# Words further behind may be a prompt's.
_WORDS_WITHIN_CHARACTERS = 120
# A status or a type stands at the beginning; a stack trace behind it is not searched.
_LOOKED_AT_CHARACTERS = 4_000


def errors(found: Found, spans: Spans, is_failed_call: Mask) -> None:
    """Fill `http_status`, `error_type` and `error_class`; NULL for what did not fail."""
    _drop_impossible_statuses(found)
    rows = np.flatnonzero(is_failed_call)
    texts = _error_texts(spans, rows, is_failed_call) if len(rows) else []
    if texts:
        _status(found, rows, texts)
        _type(found, spans, rows, texts)
    class_errors(found, is_failed_call, texts)


def class_errors(found: Found, is_failed_call: Mask, texts: Texts = ()) -> None:
    """Fill `error_class`; a status that is none and the type of a success are dropped."""
    _drop_impossible_statuses(found)
    found.keep_only("error_type", is_failed_call)
    rows = np.flatnonzero(is_failed_call)
    if len(rows):
        _class(found, rows)
        for place, text in texts:
            _fill(found, "error_class", rows, _in_words(text), place)
        _fill(found, "error_class", rows, pa.array(["other"] * len(rows), _TEXT), "nothing known")


def _drop_impossible_statuses(found: Found) -> None:
    if "http_status" in found:
        status = found.get("http_status", _COUNT)
        found.keep_only(
            "http_status", true(pc.and_(pc.greater_equal(status, 100), pc.less_equal(status, 599)))
        )


def class_of(status: int | None, kind: str | None, *, is_quoted: bool = False) -> tuple[str | None, str]:
    """(the class of an error, None when nothing tells; which of `http_status` and `error_type` told)

    A status that is quoted in a text may be of something else, so the name of the type goes before it.
    """
    by_type = _class_of_type(kind) if kind else None
    by_status = _class_of_status(status) if status is not None else None
    # Providers refuse content with a plain 400: the name goes before any status.
    if by_status and by_type != "content_filter" and not (is_quoted and by_type):
        return by_status, "http_status"
    return by_type, "error_type"


def _class_of_status(status: int) -> str | None:
    exact = {429: "rate_limit", 408: "timeout", 504: "timeout", 401: "auth", 403: "auth"}.get(status)
    return exact or ("server" if status >= 500 else "bad_request" if status >= 400 else None)


@lru_cache(maxsize=4_096)
def _class_of_type(kind: str) -> str | None:
    return next((name for pattern, name in _CLASSES if pattern.search(kind)), None)


def _status(found: Found, rows: Indices, texts: Texts) -> None:
    for column in ("error_code", "error_type"):
        if column in found:
            said = found.get(column, _TEXT).take(pa.array(rows))
            _fill(
                found, "http_status", rows, _searched(said, _STATUS, int, _COUNT), found.origins(column)[rows]
            )
    for place, text in texts:
        _fill(found, "http_status", rows, _searched(text, _STATUS_IN_TEXT, int, _COUNT), place)


def _type(found: Found, spans: Spans, rows: Indices, texts: Texts) -> None:
    taken = pa.array(rows)
    if len(spans.events):
        kinds = spans.events.exception_types().take(taken)
        _fill(found, "error_type", rows, kinds, "event exception: exception.type")
    for place, text in texts:
        _fill(found, "error_type", rows, kept_values(_searched(text, _TYPE_IN_TEXT, str, _TEXT)), place)
    if "error_code" in found:
        codes = found.get("error_code", _TEXT).take(taken)
        _fill(found, "error_type", rows, codes, found.origins("error_code")[rows])


def _class(found: Found, rows: Indices) -> None:
    taken = pa.array(rows)
    statuses = found.get("http_status", _COUNT).take(taken).to_pylist()
    kinds = found.get("error_type", _TEXT).take(taken).to_pylist()
    quoting = [found.place(name) for name in (_STATUS_MESSAGE, _EXCEPTION_MESSAGE)]
    is_quoted = np.isin(found.origins("http_status")[rows], quoting).tolist()
    told = [
        class_of(status, kind, is_quoted=quoted)
        for status, kind, quoted in zip(statuses, kinds, is_quoted, strict=True)
    ]
    by_status = np.array([column == "http_status" for _, column in told], dtype=np.bool_)
    places = np.where(by_status, found.origins("http_status")[rows], found.origins("error_type")[rows])
    _fill(found, "error_class", rows, pa.array([name for name, _ in told], _TEXT), places)


def _in_words(texts: pa.Array) -> pa.Array:
    """What the beginning of an error's text is about, NULL for what it does not say."""
    encoded = pc.utf8_slice_codeunits(texts, 0, _WORDS_WITHIN_CHARACTERS).dictionary_encode()
    told = [
        next((name for pattern, name in _WORDS if pattern.search(text)), None)
        for text in encoded.dictionary.to_pylist()
    ]
    return pa.array(told, _TEXT).take(encoded.indices)


def _error_texts(spans: Spans, rows: Indices, among: Mask) -> Texts:
    """The beginning of each text that quotes the error."""
    texts = [(_STATUS_MESSAGE, spans.status_messages.take(pa.array(rows)))]
    owners, said = spans.events.whole_texts("exception.message", among)
    if len(owners):
        texts.append((_EXCEPTION_MESSAGE, said.take(_last_of(owners, rows))))
    return [(place, pc.utf8_slice_codeunits(text, 0, _LOOKED_AT_CHARACTERS)) for place, text in texts]


def _last_of(owners: Indices, rows: Indices) -> pa.Array:
    """Of each row the place of its last owner's entry."""
    places = {int(owner): place for place, owner in enumerate(owners)}
    return pa.array([places.get(int(row)) for row in rows], pa.int64())


def _searched(texts: pa.Array, pattern: Any, kind: Callable[[str], Any], wanted: pa.DataType) -> pa.Array:
    """What the first group of the pattern is in each text."""
    encoded = texts.dictionary_encode()
    matches = [pattern.search(text) for text in encoded.dictionary.to_pylist()]
    return pa.array([kind(match.group(1)) if match else None for match in matches], wanted).take(
        encoded.indices
    )


def _fill(found: Found, column: str, rows: Indices, values: pa.Array, place: str | Origins) -> None:
    """Fill a column at some rows."""
    if values.null_count == len(values):
        return
    slots = np.full(found.n_rows, -1, dtype=np.int64)
    slots[rows] = np.arange(len(rows))
    if not isinstance(place, str):
        spread = np.zeros(found.n_rows, dtype=np.int16)
        spread[rows] = place
        place = spread
    found.fill(column, values.take(pa.array(slots, mask=slots < 0)), place)
