"""What the store may hold of a trace or an answer, told without asking it: nearly every span is of a new one.

Bloom filters in memory: "no" is certain, "maybe" is looked up. They know all that was stored since `covered_from`; what
is older is always looked up. Only right while this process is the only one that writes to the store.
"""

from __future__ import annotations

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
_FIRST_KEYS, _MOST_KEYS = 200_000, 12_000_000
# Odd, and with bits all over: each part of an id moves every bit of the sum.
_MIX = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64
)


class Seen:
    """The ids of what is stored; nothing is known until `load`."""

    def __init__(self) -> None:
        self._covered_from_us: int | None = None
        self._traces, self._answers, self._repeated = _Filters(), _Filters(), _Filters()

    def load(self, session: duckdb.DuckDBPyConnection) -> None:
        """Learn what was stored lately."""
        since = _since(session)
        rows = session.sql(statement("seen_since"), params={"since": since}).to_arrow_table()
        raw = rows.column("trace_bytes").combine_chunks().cast(pa.binary(16))
        self.add(rows.set_column(0, "trace_id", pa.ExtensionArray.from_storage(pa.uuid(), raw)))
        self._covered_from_us = int(since.replace(tzinfo=UTC).timestamp() * 1e6)

    def add(self, spans: pa.Table) -> None:
        """These spans are stored, or will be."""
        self._traces.add(_trace_keys(spans))
        keys = _answer_keys(spans)[1]
        known = self._answers.may_have(keys)
        once, n_times = np.unique(keys, return_counts=True)
        self._repeated.add(np.concatenate([keys[known], once[n_times > 1]]))
        self._answers.add(keys)
        if self._traces.n_keys > _MOST_KEYS:
            # Starting afresh forgets: until the margins have passed everything is looked up.
            self._traces, self._answers, self._repeated = _Filters(), _Filters(), _Filters()
            self._covered_from_us = int(datetime.now(UTC).timestamp() * 1e6)

    def may_hold_trace(self, spans: pa.Table, first_us: Rows) -> Flags:
        """Of which spans other spans of the trace may be stored that began at `first_us` or later."""
        return self._is_older(first_us) | self._traces.may_have(_trace_keys(spans))

    def may_hold_answer(self, spans: pa.Table, first_us: Rows) -> Flags:
        """Of which spans other calls with the same response id may be stored."""
        rows, keys = _answer_keys(spans)
        found = np.zeros(spans.num_rows, dtype=np.bool_)
        found[rows] = self._is_older(first_us[rows]) | self._answers.may_have(keys)
        return found

    def may_repeat(self, spans: pa.Table, first_us: Rows) -> Flags:
        """Of which stored spans further calls with the same response id may be stored."""
        rows, keys = _answer_keys(spans)
        found = np.zeros(spans.num_rows, dtype=np.bool_)
        found[rows] = self._is_older(first_us[rows]) | self._repeated.may_have(keys)
        return found

    def _is_older(self, first_us: Rows) -> Flags:
        if self._covered_from_us is None:
            return np.ones(len(first_us), dtype=np.bool_)
        return first_us < self._covered_from_us


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


def _trace_keys(spans: pa.Table) -> Keys:
    storage = storage_of(spans.column("trace_id").combine_chunks())
    halves = np.frombuffer(storage.buffers()[1], np.uint64, 2 * len(storage), storage.offset * 16).reshape(
        -1, 2
    )
    keys: Keys = (
        (halves[:, 0] * _MIX[0])
        ^ (halves[:, 1] * _MIX[1])
        ^ _hashes(spans.column("project").combine_chunks())
    )
    return keys


def _answer_keys(spans: pa.Table) -> tuple[Rows, Keys]:
    """(the rows that have a response id, a key of each)"""
    answers = spans.column("response_id").combine_chunks()
    rows = np.flatnonzero(answers.is_valid().to_numpy(zero_copy_only=False))
    taken = pa.array(rows)
    projects = spans.column("project").combine_chunks().take(taken)
    return rows, _hashes(answers.take(taken)) ^ _hashes(projects) * _MIX[2]


def _hashes(texts: pa.Array) -> Keys:
    """Python's own hash of each text: salted for each process, so that nobody can aim at it."""
    encoded = texts.dictionary_encode()
    of_code = np.fromiter(map(hash, encoded.dictionary.to_pylist()), np.int64, len(encoded.dictionary))
    found: Keys = of_code.astype(np.uint64)[encoded.indices.to_numpy(zero_copy_only=False)]
    return found


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
