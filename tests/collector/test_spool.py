"""The spool's file format: whole records survive, torn ones are cut, and the format of today stays readable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.spool.segments import (
    NotASegmentError,
    Record,
    SpoolWriter,
    encode,
    read_segment,
    seal_orphans,
    sealed_segments,
)

RECORD = Record(1_700_000_000_000_000, "traces", "default", b"body")


def a_spool(tmp_path: Path, *records: Record) -> SpoolWriter:
    writer = SpoolWriter(tmp_path, segment_max_bytes=1_000_000)
    writer.append([encode(record) for record in records])
    return writer


def test_a_sealed_segment_gives_back_what_was_put_in(tmp_path: Path) -> None:
    a_spool(tmp_path, RECORD, Record(1, "records/runs", "demo", b"[]", "json", "key-1")).seal()
    [path] = sealed_segments(tmp_path)
    segment = read_segment(path)
    assert segment.records == [RECORD, Record(1, "records/runs", "demo", b"[]", "json", "key-1")]
    assert segment.torn_bytes == 0


def test_segments_are_private(tmp_path: Path) -> None:
    a_spool(tmp_path, RECORD).seal()
    assert sealed_segments(tmp_path)[0].stat().st_mode & 0o777 == 0o600


@given(cut=st.integers(min_value=1, max_value=80))
def test_a_torn_tail_is_cut_and_every_whole_record_kept(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    spool = tmp_path_factory.mktemp("spool")
    writer = a_spool(spool, RECORD, RECORD)
    [path] = spool.glob("*.open")
    whole = path.read_bytes()
    one = len(encode(RECORD))
    path.write_bytes(whole[: -min(cut, 2 * one)])
    os.close(writer._fd or 0)  # its process died: the lock on the segment is gone with it
    seal_orphans(spool)
    kept = [record for path in sealed_segments(spool) for record in read_segment(path).records]
    assert kept == [RECORD] * (2 - -(-min(cut, 2 * one) // one))


def test_a_damaged_record_ends_the_segment_before_it(tmp_path: Path) -> None:
    a_spool(tmp_path, RECORD, RECORD).seal()
    [path] = sealed_segments(tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 0xFF
    path.write_bytes(content)
    segment = read_segment(path)
    assert segment.records == [RECORD]
    assert segment.torn_bytes == len(encode(RECORD))


def test_the_open_segment_of_a_living_receiver_is_not_touched(tmp_path: Path) -> None:
    writer = a_spool(tmp_path, RECORD)
    assert seal_orphans(tmp_path) == 0
    writer.append([encode(RECORD)])
    writer.seal()
    assert len(read_segment(sealed_segments(tmp_path)[0]).records) == 2


def test_a_segment_rolls_when_it_is_full(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, segment_max_bytes=100)
    for _ in range(3):
        writer.append([encode(RECORD)])
    writer.seal()
    assert len(sealed_segments(tmp_path)) == 2


def test_batch_ids_differ_between_segments_and_receivers(tmp_path: Path) -> None:
    for _ in range(2):
        writer = SpoolWriter(tmp_path, segment_max_bytes=10)
        writer.append([encode(RECORD)])
        writer.append([encode(RECORD)])
    batch_ids = {read_segment(path).batch_id for path in sealed_segments(tmp_path)}
    assert len(batch_ids) == 4


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 200])
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.seg"
    path.write_bytes(content)
    with pytest.raises(NotASegmentError):
        read_segment(path)
