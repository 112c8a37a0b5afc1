"""What the store may hold of a trace or an answer, told without asking it: nearly every span is of a new one.

Bloom filters in memory: "no" is certain, "maybe" is looked up. They know all that was stored since `covered_from`; what
is older is always looked up. Only right while this process is the only one that writes to the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from collector.commit.statements import statement
from collector.settle.forest import Flags, Rows, storage_of

Keys = npt.NDArray[np.uint64]
# Read at the start: what a span that comes now could be related to.
_LOOK_BACK = timedelta(hours=2)
_MOST_LOADED_ROWS = 3_000_000
# Of 25,000 answers one is "maybe" for nothing.
_BITS_PER_KEY, _N_PROBES = 24, 8
_FIRST_KEYS, _MOST_KEYS = 200_000, 24_000_000
# Clocks of senders are this far off, and no more; what is further off is looked up.
_SKEW_US = 5 * 60 * 1_000_000
# Odd, and with bits all over: each part of an id moves every bit of the sum.
_MIX = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64
)


@dataclass(frozen=True)
class Ids:
    """What a table of spans is looked up by: worked out once, because hashing texts is most of the work."""

    traces: Keys
    answered: Rows  # the rows that have a response id
    answers: Keys  # of those rows
    start_us: Rows

    @classmethod
    def of(cls, spans: pa.Table) -> Ids:
        """Of spans with trace_id, project, response_id and started_at."""
        projects = _hashes(spans.column("project").combine_chunks())
        answers = spans.column("response_id").combine_chunks()
        answered = np.flatnonzero(answers.is_valid().to_numpy(zero_copy_only=False))
        keys = _hashes(answers.take(pa.array(answered))) ^ projects[answered] * _MIX[2]
        start_us = spans.column("started_at").cast(pa.int64()).to_numpy()
        return cls(_trace_keys(spans, projects), answered, keys, start_us)


class Seen:
    """The ids of what is stored; nothing is known until `load`."""

    def __init__(self) -> None:
        self._covered_from_us: int | None = None
        self._generations = [_Generation()]

    def load(self, session: duckdb.DuckDBPyConnection) -> None:
        """Learn what was stored lately."""
        since = _since(session)
        rows = session.sql(statement("seen_since"), params={"since": since}).to_arrow_table()
        raw = rows.column("trace_bytes").combine_chunks().cast(pa.binary(16))
        self.add(Ids.of(rows.append_column("trace_id", pa.ExtensionArray.from_storage(pa.uuid(), raw))))
        self._covered_from_us = int(since.replace(tzinfo=UTC).timestamp() * 1e6)

    def add(self, ids: Ids) -> None:
        """These spans are stored, or will be."""
        newest = self._generations[-1]
        newest.traces.add(np.unique(ids.traces))
        once, n_times = np.unique(ids.answers, return_counts=True)
        known = self._any(once, lambda one: one.answers)
        newest.repeated.add(once[known | (n_times > 1)])
        newest.answers.add(once)
        if newest.n_keys > _MOST_KEYS // 2:
            # The older half is forgotten: what began before the newer half is looked up from now on.
            self._generations = [newest, _Generation()]
            self._covered_from_us = newest.began_us + _SKEW_US

    def may_hold_trace(self, ids: Ids) -> Flags:
        """Of which spans other spans of the trace may be stored."""
        return self._is_unknown(ids.start_us) | self._any(ids.traces, lambda one: one.traces)

    def may_hold_answer(self, ids: Ids) -> Flags:
        """Of which spans other calls with the same response id may be stored."""
        return self._of_answers(ids, self._any(ids.answers, lambda one: one.answers))

    def may_repeat(self, ids: Ids) -> Flags:
        """Of which stored spans further calls with the same response id may be stored."""
        return self._of_answers(ids, self._any(ids.answers, lambda one: one.repeated))

    def _of_answers(self, ids: Ids, known: Flags) -> Flags:
        found = np.zeros(len(ids.start_us), dtype=np.bool_)
        found[ids.answered] = self._is_unknown(ids.start_us[ids.answered]) | known
        return found

    def _any(self, keys: Keys, part: Callable[[_Generation], _Filters]) -> Flags:
        found = np.zeros(len(keys), dtype=np.bool_)
        for generation in self._generations:
            found |= part(generation).may_have(keys)
        return found

    def _is_unknown(self, start_us: Rows) -> Flags:
        """Which spans began when the filters know nothing: too long ago, or in a future that a wild clock tells of."""
        if self._covered_from_us is None:
            return np.ones(len(start_us), dtype=np.bool_)
        return (start_us < self._covered_from_us) | (start_us > _now_us() + _SKEW_US)


class _Generation:
    """What was stored since a moment."""

    def __init__(self) -> None:
        self.began_us = _now_us()
        self.traces, self.answers, self.repeated = _Filters(), _Filters(), _Filters()

    @property
    def n_keys(self) -> int:
        return self.traces.n_keys + self.answers.n_keys


class _Filters:
    """Bloom filters, each twice as large as the one before it."""

    def __init__(self) -> None:
        self._bits: list[npt.NDArray[np.uint8]] = []
        self._room = 0
        self._next_keys = _FIRST_KEYS
        self.n_keys = 0

    def add(self, keys: Keys) -> None:
        while len(keys):
            if not self._room:
                self._room, self._next_keys = self._next_keys, self._next_keys * 2
                self._bits.append(np.zeros(self._room * _BITS_PER_KEY // 8, dtype=np.uint8))
            now, keys = keys[: self._room], keys[self._room :]
            for number in range(_N_PROBES):
                place = _probe(now, number, self._bits[-1])
                np.bitwise_or.at(self._bits[-1], place >> 3, np.uint8(1) << (place & 7).astype(np.uint8))
            self._room -= len(now)
            self.n_keys += len(now)

    def may_have(self, keys: Keys) -> Flags:
        found = np.zeros(len(keys), dtype=np.bool_)
        for bits in self._bits:
            left = np.flatnonzero(~found)
            for number in range(_N_PROBES):
                place = _probe(keys[left], number, bits)
                # Most are told apart by the first probe or two.
                left = left[(bits[place >> 3] >> (place & 7).astype(np.uint8)) & 1 == 1]
                if not len(left):
                    break
            found[left] = True
        return found


def _probe(keys: Keys, number: int, bits: npt.NDArray[np.uint8]) -> Rows:
    """Which bit of a filter the keys stand for, at the given one of the probes."""
    step = (keys * _MIX[3]) >> np.uint64(20) | np.uint64(1)
    mixed = (keys ^ keys >> np.uint64(31)) * _MIX[0] >> np.uint64(8)
    found: Rows = ((mixed + np.uint64(number) * step) % np.uint64(len(bits) * 8)).astype(np.int64)
    return found


def _trace_keys(spans: pa.Table, projects: Keys) -> Keys:
    storage = storage_of(spans.column("trace_id").combine_chunks())
    halves = np.frombuffer(storage.buffers()[1], np.uint64, 2 * len(storage), storage.offset * 16).reshape(
        -1, 2
    )
    keys: Keys = (halves[:, 0] * _MIX[0]) ^ (halves[:, 1] * _MIX[1]) ^ projects
    return keys


def _hashes(texts: pa.Array) -> Keys:
    """Python's own hash of each text: salted for each process, so that nobody can aim at it."""
    encoded = texts.dictionary_encode()
    of_code = np.fromiter(map(hash, encoded.dictionary.to_pylist()), np.int64, len(encoded.dictionary))
    found: Keys = of_code.astype(np.uint64)[encoded.indices.to_numpy(zero_copy_only=False)]
    return found


def _now_us() -> int:
    return time.time_ns() // 1000


def _since(session: duckdb.DuckDBPyConnection) -> datetime:
    """From when on what is stored can be learned: two hours ago, or less where that is too much."""
    now = datetime.now(UTC).replace(tzinfo=None)
    back = _LOOK_BACK
    while back > timedelta(minutes=1):
        [[n_rows]] = session.execute(
            "select count(*) from spans where started_at >= ?", [now - back]
        ).fetchall()
        if n_rows <= _MOST_LOADED_ROWS:
            return now - back
        back /= 2
    return now
