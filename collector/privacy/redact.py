"""Redaction over columns: every finding becomes `[redacted:NAME]`.

A column is first searched as one run of bytes: 2 to 4 ns a byte, and nothing else when nothing is found. Only
texts that may hold something go through the patterns one by one. The expressions are RE2, compiled once: pyarrow
runs the same ones but compiles them in every call, 3 ms each, as much as a whole batch costs here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2

from collector.observe import logs
from collector.privacy.analyzer import Analyzer, Findings
from collector.privacy.patterns import CREDENTIALS, PERSONAL, SECRET, Checked, Pattern
from errors import ConfigError

_MARK = b"[redacted:"
_log = logs.of("store server")


class Redactor:
    """Takes out of texts what its patterns find, and what an analyser of the user's own finds."""

    def __init__(
        self,
        builtin: Sequence[str],
        own_patterns: Mapping[str, str] | None = None,
        analyzer: Analyzer | None = None,
    ) -> None:
        """`builtin` names entries of the built-in patterns; raises ConfigError on an own pattern that cannot be used."""
        chosen = [pattern for pattern in (*CREDENTIALS, *PERSONAL) if pattern.name in builtin]
        # Secrets by themselves: they have most of the patterns, and most texts that hold something hold none.
        self._builtin = _Scan(
            [one for one in chosen if one.name == SECRET], [one for one in chosen if one.name != SECRET]
        )
        self._own = _Scan([_own(name, regex) for name, regex in (own_patterns or {}).items()])
        self._analyzer = analyzer

    def redact(self, texts: pa.Array) -> tuple[pa.Array, pa.Array]:
        """(the texts with every finding replaced, how many there were in each as int64). NULL stays NULL, with 0."""
        redacted, counts = self._builtin.clean(texts)
        redacted, own_counts = self._own.clean_one_by_one(redacted)
        counts += own_counts
        if self._analyzer is not None:
            redacted, found_counts = _analyzed(redacted, self._analyzer)
            counts += found_counts
        return redacted, pa.array(counts)


def scrub_secrets(texts: pa.Array) -> pa.Array:
    """The texts without credentials: for what is stored although nobody asked for content.

    Takes plain or dictionary-encoded strings and returns the type it was given; the very same array when it holds none.
    """
    if pa.types.is_dictionary(texts.type):
        scrubbed, _ = _SECRETS.clean(texts.dictionary)
        return (
            texts if scrubbed is texts.dictionary else pa.DictionaryArray.from_arrays(texts.indices, scrubbed)
        )
    if not _repeats(texts):
        return _SECRETS.clean(texts)[0]
    encoded = texts.dictionary_encode()
    scrubbed, _ = _SECRETS.clean(encoded.dictionary)
    return texts if scrubbed is encoded.dictionary else scrubbed.take(encoded.indices)


def scrub_text(text: str) -> str:
    """One text without credentials."""
    # Attribute keys come here one by one, thousands of new ones at worst: no array is made for one that is clean.
    if not _SECRETS.may_hold_any(text):
        return text
    scrubbed: str = scrub_secrets(pa.array([text], pa.string()))[0].as_py()
    return scrubbed


def mark(name: str) -> str:
    """What stands where something was redacted."""
    return f"[redacted:{name}]"


class _Scan:
    """Some patterns, compiled, and the search for texts that any of them may match."""

    def __init__(self, *groups: Sequence[Pattern | Checked]) -> None:
        self._groups = [_Group(patterns) for patterns in groups if patterns]
        hints = [_hint(pattern) for patterns in groups for pattern in patterns]
        self._anywhere = _any_of(hints)

    def clean(self, texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        """(the texts with every finding replaced, how many in each); the very same array when there are none."""
        return self._cleaned(texts, self._suspects(texts)) if self._groups else _untouched(texts)

    def may_hold_any(self, text: str) -> bool:
        """False only when no pattern matches the text."""
        return bool(self._groups) and self._anywhere.search(text.encode()) is not None

    def clean_one_by_one(self, texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        """As `clean`, for patterns that may look at the beginning or end of a text."""
        return self._cleaned(texts, _rows(texts)) if self._groups else _untouched(texts)

    def _suspects(self, texts: pa.Array) -> Iterator[tuple[int, bytes]]:
        """(row, text) where the joined texts match. The next search begins at the next text, not behind the match."""
        data, starts = _joined(texts)
        at = 0
        while (found := self._anywhere.search(data, at)) is not None:
            row = int(np.searchsorted(starts, found.start(), side="right")) - 1
            at = int(starts[row + 1])
            yield row, bytes(data[starts[row] : at - 1])
            if row + 1 == len(texts):
                return

    def _cleaned(
        self, texts: pa.Array, suspects: Iterator[tuple[int, bytes]]
    ) -> tuple[pa.Array, npt.NDArray[np.int64]]:
        changed: dict[int, bytes] = {}
        _, counts = _untouched(texts)
        for row, text in suspects:
            if (cleaned := self._applied(text)) != text:
                changed[row] = cleaned
                counts[row] = cleaned.count(_MARK) - text.count(_MARK)
        return _with(texts, changed), counts

    def _applied(self, text: bytes) -> bytes:
        for group in self._groups:
            text = group.applied(text)
        return text


class _Group:
    """Patterns that one search tells to be absent."""

    def __init__(self, patterns: Sequence[Pattern | Checked]) -> None:
        self._hint = _any_of([_hint(pattern) for pattern in patterns])
        self._steps = [_Step(pattern) for pattern in patterns]

    def applied(self, text: bytes) -> bytes:
        if self._hint.search(text) is None:
            return text
        for step in self._steps:
            text = step.applied(text)
        return text


class _Step:
    """One pattern, compiled."""

    def __init__(self, pattern: Pattern | Checked) -> None:
        self._pattern = pattern
        self._hint = _compiled(_hint(pattern))
        if isinstance(pattern, Pattern):
            self._regex = _compiled(pattern.regex, captures=True)
            self._becomes = pattern.becomes.format(mark(pattern.name)).encode()

    def applied(self, text: bytes) -> bytes:
        if self._hint.search(text) is None:
            return text
        if isinstance(self._pattern, Pattern):
            replaced: bytes = self._regex.sub(self._becomes, text)
            return replaced
        return _checked(text.decode(errors="replace"), self._pattern).encode()


def _checked(text: str, pattern: Checked) -> str:
    spans = (pattern.find(candidate) for candidate in pattern.candidate.finditer(text))
    return _cut_out(text, [(*span, pattern.name) for span in spans if span is not None])


def _analyzed(texts: pa.Array, analyzer: Analyzer) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """What the user's own analyser finds; NULL and empty texts are not shown to it."""
    shown = list(_rows(texts))
    given = [text.decode() for _, text in shown]
    findings = _findings(analyzer, given)
    changed: dict[int, bytes] = {}
    _, counts = _untouched(texts)
    for (row, raw), text, found in zip(shown, given, findings, strict=True):
        cleaned = _cut_out(text, found).encode()
        if cleaned != raw:
            changed[row] = cleaned
            counts[row] = cleaned.count(_MARK) - raw.count(_MARK)
    return _with(texts, changed), counts


def _findings(analyzer: Analyzer, texts: list[str]) -> Sequence[Findings]:
    """The analyser's findings; when it fails all of every text, for what was not looked at must not be stored."""
    try:
        findings = analyzer(texts) if texts else []
        if len(findings) == len(texts):
            return findings
        why = f"it answered {len(findings)} lists of findings for {len(texts)} texts"
    except Exception as failed:  # noqa: BLE001 - foreign code: a prompt it cannot take must not stop the others
        why = type(failed).__name__
    _log.error(
        "analyzer_failed", f"redact_analyzer failed ({why}); {len(texts)} texts are stored as redacted whole"
    )
    return [[(0, len(text), "not-analyzed")] for text in texts]


def _cut_out(text: str, findings: Findings) -> str:
    pieces, done = [], 0
    for start, end, name in sorted(findings):
        if start < done or end <= start or end > len(text):
            continue  # inside one that is cut out already, or not a part of this text
        pieces += [text[done:start], mark(re.sub(r"[^a-z0-9_-]", "-", name.lower()))]
        done = end
    return "".join((*pieces, text[done:]))


def _rows(texts: pa.Array) -> Iterator[tuple[int, bytes]]:
    """(row, text) of every text that is not empty."""
    offsets, data = _bytes_of(texts)
    for row in np.flatnonzero(np.diff(offsets)):
        yield int(row), bytes(data[offsets[row] : offsets[row + 1]])


def _joined(texts: pa.Array) -> tuple[memoryview, npt.NDArray[np.int64]]:
    """(all texts, a line each; where each begins, and where one more would)

    The line breaks are what ends a match at the end of its text: without them, one column of keys is one match.
    """
    filled = texts.fill_null("") if texts.null_count else texts
    lists = pa.LargeListArray.from_arrays(pa.array([0, len(filled)], pa.int64()), filled)
    data = memoryview(pc.binary_join(lists, "\n")[0].as_buffer())
    lengths = pc.binary_length(filled).to_numpy(zero_copy_only=False)
    starts = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64) + np.arange(1, len(filled) + 1)))
    return data, starts


def _bytes_of(texts: pa.Array) -> tuple[npt.NDArray[np.int32], memoryview]:
    """(where each text begins and the last ends, the bytes of all)"""
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return np.zeros(len(texts) + 1, dtype=np.int32), memoryview(b"")
    bounds = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return bounds, memoryview(data)[: int(bounds[-1])]


def _untouched(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    return texts, np.zeros(len(texts), dtype=np.int64)


def _with(texts: pa.Array, changed: Mapping[int, bytes]) -> pa.Array:
    """The texts with these rows replaced."""
    if not changed:
        return texts
    rows = sorted(changed)
    mask = np.zeros(len(texts), dtype=np.bool_)
    mask[rows] = True
    replacements = pa.array([changed[row] for row in rows], pa.binary()).cast(pa.string())
    return pc.replace_with_mask(texts, pa.array(mask), replacements)


def _repeats(texts: pa.Array) -> bool:
    """Whether finding the distinct values is worth it: it costs more than searching them, where most differ."""
    sample = texts.slice(len(texts) // 2, 500)
    return len(texts) > 500 and pc.count_distinct(sample).as_py() * 2 < len(sample)


def _own(name: str, regex: str) -> Pattern:
    try:
        matches_nothing = _compiled(regex).search(b"") is not None
    except re2.error as wrong:
        raise _unusable(name, regex, f"not a regular expression of RE2 ({_said(wrong)})") from None
    if matches_nothing:
        raise _unusable(name, regex, "matches the empty text, so it would match everywhere")
    return Pattern(name, regex)


def _unusable(name: str, regex: str, why: str) -> ConfigError:
    return ConfigError(
        f"setting redact_patterns, {name} = {regex!r}: {why}. "
        'For example: STEELYARD_REDACT_PATTERNS={"ticket": "TICKET-[0-9]+"}'
    )


def _said(wrong: Exception) -> str:
    said = wrong.args[0] if wrong.args else wrong
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)


def _hint(pattern: Pattern | Checked) -> str:
    return pattern.hint or pattern.regex if isinstance(pattern, Pattern) else pattern.hint


def _any_of(hints: Sequence[str]) -> Any:
    return _compiled("|".join(f"(?:{_loosened(hint)})" for hint in hints))


def _loosened(regex: str) -> str:
    """Matches wherever `regex` does, with fewer states: long counts are what makes an expression big."""
    return re.sub(r"\{(\d+)(?:,\d*)?\}", lambda counts: f"{{{min(int(counts[1]), 12)},}}", regex)


def _compiled(regex: str, *, captures: bool = False) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not captures
    options.max_mem = 32 << 20
    return re2.compile(regex, options)


_SECRETS = _Scan(CREDENTIALS)
