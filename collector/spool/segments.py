"""The spool: telemetry that is acknowledged and not yet committed, as files on disk.

A receiver appends records to an open segment and fsyncs before it answers. A segment rolls by age or size:
`<name>.open` becomes `<name>.seg`, which the store server commits whole and then deletes. The receiver's
uuid and the segment's number are its `batch_id`, stored in the commit, so a segment is committed once
however often it is tried. A torn tail (power loss, kill) was never acknowledged: it is cut, not guessed.

    segment = header record*
    header  = magic "SYSP" | version u16 | receiver uuid 16 | sequence u64 | crc32c u32 of all before
    record  = length u32 | crc32c u32 | payload
    payload = received_at_us u64 | signal, encoding, key id, project, tenant, environment: (u16 length, utf-8) | body
    (little-endian)

Format 1, of the releases up to 0.1.0, had no tenant and no environment in a record; it is still read.

Raw bodies hold prompts even when nothing of them is stored: files are 0600 and live for seconds.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

FORMAT_VERSION = 2
# How many texts stand before the body, by format version.
_TEXTS = {1: 4, 2: 6}
# Segments that could not be committed wait here, below the spool, for a person.
QUARANTINE = "quarantine"
_MAGIC = b"SYSP"
_HEADER = struct.Struct("<4sH16sQ")
_CRC = struct.Struct("<I")
_FRAME = struct.Struct("<II")
_RECEIVED_AT = struct.Struct("<Q")
_TEXT = struct.Struct("<H")
_HEADER_BYTES = _HEADER.size + _CRC.size
_SEGMENT_NAME = re.compile(r"\d{14}-[0-9a-f]{32}-\d{8}\.")


@dataclass(frozen=True)
class Record:
    """One accepted request: what came, when, for whom."""

    received_at_us: int
    signal: str  # traces | rejects | records/<kind>
    project: str
    body: bytes
    encoding: str = "protobuf"
    key_id: str = ""
    # What the access key is bound to; "" where it is not.
    tenant: str = ""
    environment: str = ""


@dataclass(frozen=True)
class Segment:
    """A sealed segment's content.

    `torn_bytes` is what a crash left behind the last whole record; `n_damaged` counts records between whole ones
    that the disk did not give back as they were written.
    """

    batch_id: str
    records: list[Record]
    torn_bytes: int
    n_damaged: int = 0


class NotASegmentError(Exception):
    """The file is not a segment this version can read."""


def encode(record: Record) -> bytes:
    """The record as it stands in a segment."""
    payload = b"".join(
        (
            _RECEIVED_AT.pack(record.received_at_us),
            *(
                _text(value)
                for value in (
                    record.signal,
                    record.encoding,
                    record.key_id,
                    record.project,
                    record.tenant,
                    record.environment,
                )
            ),
            record.body,
        )
    )
    return _FRAME.pack(len(payload), google_crc32c.value(payload)) + payload


def read_segment(path: Path) -> Segment:
    """Every whole record of a segment, in order of arrival; raises NotASegmentError on a foreign file."""
    content = path.read_bytes()
    version, batch_id = _read_header(path, content)
    records: list[Record] = []
    whole, n_damaged, n_since = _HEADER_BYTES, 0, 0
    for end, payload in _frames(content):
        if payload is None:
            n_since += 1
            continue
        records.append(_decode(payload, _TEXTS[version]))
        whole, n_damaged, n_since = end, n_damaged + n_since, 0
    return Segment(batch_id, records, torn_bytes=len(content) - whole, n_damaged=n_damaged)


def header_of(batch_id: str) -> bytes:
    """The header of a segment of this version with that batch id."""
    receiver, _, sequence = batch_id.rpartition("-")
    header = _HEADER.pack(_MAGIC, FORMAT_VERSION, uuid.UUID(receiver).bytes, int(sequence))
    return header + _CRC.pack(google_crc32c.value(header))


def sealed_segments(spool_dir: Path) -> list[Path]:
    """Segments ready to commit, oldest first."""
    return sorted(path for path in spool_dir.glob("*.seg"))


def spool_bytes(spool_dir: Path) -> int:
    """Bytes that wait to be committed."""
    total = 0
    with os.scandir(spool_dir) as entries:
        for entry in entries:
            if entry.name.endswith((".seg", ".open")):
                try:
                    total += entry.stat().st_size
                except FileNotFoundError:
                    continue  # committed and deleted while we looked
    return total


class SpoolWriter:
    """The one writer of one receiver's segments; not thread-safe, owned by a single thread."""

    def __init__(self, spool_dir: Path, *, segment_max_bytes: int) -> None:
        self._dir = spool_dir
        self._segment_max_bytes = segment_max_bytes
        self._receiver = uuid.uuid4()
        self._sequence = 0
        # A clock that was set back, now or while nothing ran, must not put new segments before older ones that
        # wait: an erasure would come before what it erases.
        self._named_ms = _newest_name_ms(spool_dir) + 1
        self._fd: int | None = None
        self._open_path: Path | None = None
        self._size = 0
        self.opened_at_monotonic = 0.0

    @property
    def has_open_segment(self) -> bool:
        return self._fd is not None

    def append(self, encoded: Sequence[bytes]) -> Path:
        """Write the records and fsync them; returns the name the segment will have once sealed.

        Raises OSError when the disk does not take them; the segment then holds nothing of them
        that anyone was told is safe.
        """
        if self._fd is None:
            self._open_segment()
        assert self._fd is not None and self._open_path is not None
        data = b"".join(encoded)
        sealed = self._open_path.with_suffix(".seg")
        try:
            _write_all(self._fd, data)
            os.fsync(self._fd)
        except OSError:
            # After a failed write or fsync the kernel may have dropped pages: leave this file alone
            # (what was acknowledged before is safe in it) and start another one next time.
            self._abandon()
            raise
        self._size += len(data)
        if self._size >= self._segment_max_bytes:
            self.seal()
        return sealed

    def seal(self) -> None:
        """Hand the open segment to the store server."""
        if self._fd is None or self._open_path is None:
            return
        fd, path = self._fd, self._open_path
        self._fd = self._open_path = None
        path.rename(path.with_suffix(".seg"))
        os.close(fd)

    def _open_segment(self) -> None:
        self._sequence += 1
        # The time first, so that names sort in order of arrival across receivers and restarts.
        self._named_ms = max(self._named_ms, time.time_ns() // 1_000_000)
        name = f"{self._named_ms:014d}-{self._receiver.hex}-{self._sequence:08d}.open"
        path = self._dir / name
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(fd).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "another receiver took the new segment for an orphan")
            _write_all(fd, header_of(f"{self._receiver}-{self._sequence}"))
            _fsync_dir(self._dir)
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        self._fd, self._open_path, self._size = fd, path, _HEADER_BYTES
        self.opened_at_monotonic = time.monotonic()

    def _abandon(self) -> None:
        size = self._size
        fd, path = self._fd, self._open_path
        self._fd = self._open_path = None
        assert fd is not None and path is not None
        try:
            os.ftruncate(fd, size)  # gives back the space of what was not acknowledged
            os.fsync(fd)
        finally:
            path.rename(path.with_suffix(".seg"))
            os.close(fd)


def _newest_name_ms(spool_dir: Path) -> int:
    """The latest time that a waiting segment is named by; 0 when none waits."""
    waiting = [*spool_dir.glob("*.seg"), *spool_dir.glob("*.open")]
    return max((int(path.name[:14]) for path in waiting if _SEGMENT_NAME.match(path.name)), default=0)


def seal_orphans(spool_dir: Path) -> int:
    """Seal what receivers that died left open: cut the torn tail, keep every whole record.

    A living receiver holds a lock on its open segment, so it is never touched. Returns how many.
    """
    sealed = 0
    for path in sorted(spool_dir.glob("*.open")):
        try:
            fd = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            continue  # its receiver sealed it meanwhile
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            continue
        try:
            if path.exists():
                _seal_orphan(fd, path)
                sealed += 1
        finally:
            os.close(fd)
    return sealed


def _seal_orphan(fd: int, path: Path) -> None:
    content = path.read_bytes()
    whole = max((end for end, payload in _frames(content) if payload is not None), default=_HEADER_BYTES)
    if whole == _HEADER_BYTES or len(content) < _HEADER_BYTES:
        path.unlink()  # it died before a record was whole: nothing in it was acknowledged
        return
    os.ftruncate(fd, whole)
    os.fsync(fd)
    path.rename(path.with_suffix(".seg"))
    _fsync_dir(path.parent)


def _frames(content: bytes) -> Iterator[tuple[int, bytes | None]]:
    """(end offset, payload) of every record, None for a damaged payload; stops where a record is cut short.

    A damaged record costs itself only: its length tells where the next one begins. When the length is what was damaged,
    nothing behind it passes its check sum, and all of it counts as the torn end.
    """
    at = _HEADER_BYTES
    while at + _FRAME.size <= len(content):
        length, crc = _FRAME.unpack_from(content, at)
        end = at + _FRAME.size + length
        if end > len(content):
            return
        payload = content[at + _FRAME.size : end]
        yield end, payload if google_crc32c.value(payload) == crc else None
        at = end


def _read_header(path: Path, content: bytes) -> tuple[int, str]:
    """(format version, batch id)"""
    if len(content) < _HEADER_BYTES:
        raise NotASegmentError(f"{path.name}: shorter than a segment header")
    magic, version, receiver, sequence = _HEADER.unpack_from(content)
    (crc,) = _CRC.unpack_from(content, _HEADER.size)
    if magic != _MAGIC or crc != google_crc32c.value(content[: _HEADER.size]):
        raise NotASegmentError(f"{path.name}: not a spool segment")
    if version not in _TEXTS:
        raise NotASegmentError(
            f"{path.name}: spool format {version}, this version reads up to {FORMAT_VERSION}"
        )
    return version, f"{uuid.UUID(bytes=receiver)}-{sequence}"


def _decode(payload: bytes, n_texts: int) -> Record:
    (received_at_us,) = _RECEIVED_AT.unpack_from(payload)
    at = _RECEIVED_AT.size
    texts = []
    for _ in range(n_texts):
        (length,) = _TEXT.unpack_from(payload, at)
        at += _TEXT.size
        texts.append(payload[at : at + length].decode())
        at += length
    signal, encoding, key_id, project, *bound = texts
    return Record(received_at_us, signal, project, payload[at:], encoding, key_id, *bound)


def _text(value: str) -> bytes:
    raw = value.encode()
    return _TEXT.pack(len(raw)) + raw


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _fsync_dir(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
