"""Segments that could not be stored: what of them may be kept waits here for a person, and not for ever.

A raw segment holds prompts. So a segment comes here record by record, each as `clean` leaves it; what cannot be
cleaned is not kept, only how long it was and its SHA-256, in a JSON file beside the segment. That file is there for
every segment, also when nothing of it could be kept (the segment is then empty), so either tells that it is here.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collector.spool.segments import (
    QUARANTINE,
    NotASegmentError,
    Record,
    Segment,
    encode,
    header_of,
    read_segment,
)

# The record without what nobody asked to keep, or None when that cannot be told.
Clean = Callable[[Record], Record | None]


@dataclass(frozen=True)
class Quarantined:
    """What became of a segment."""

    path: Path
    n_records: int  # kept, cleaned
    n_dropped: int  # whole, but not readable: not kept


def keep(path: Path, reason: str, clean: Clean, only: Sequence[Record] | None = None) -> Quarantined:
    """Move a segment out of the spool into quarantine. `reason` is kept: it must not quote the segment.

    With `only`, the other records of it are stored already: the segment that is kept is another one then, so that it
    is not taken for stored when somebody puts it back.

    A crash on the way leaves the segment where it was, and the next call does it again. Raises FileNotFoundError.
    """
    folder = path.parent / QUARANTINE
    folder.mkdir(mode=0o700, exist_ok=True)
    kept_as = folder / path.name
    about = {"segment": path.name, "reason": reason, "quarantined_at": datetime.now(UTC).isoformat()}
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as failed:
        # What cannot be read can be neither cleaned nor committed; it must not stand in the way of the others.
        _note(kept_as, {**about, "not_readable": failed.strerror})
        path.rename(kept_as)
        return Quarantined(kept_as, 0, 0)
    segment = _segment(path)
    kept, dropped = _cleaned(segment.records if only is None else only, clean)
    said = {
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "records_kept": len(kept),
        "records_damaged": segment.n_damaged,
        "bytes_torn": segment.torn_bytes,
        "records_not_kept": dropped,
    }
    _note(kept_as, about | said)
    batch_id = segment.batch_id if only is None else f"{uuid.uuid4()}-1"
    header = header_of(batch_id) if batch_id else b""
    _write(kept_as, header + b"".join(encode(record) for record in kept))
    path.unlink()
    return Quarantined(kept_as, len(kept), len(dropped))


def quarantined(spool_dir: Path) -> list[Path]:
    """The segments in quarantine, oldest first."""
    return sorted((spool_dir / QUARANTINE).glob("*.seg"))


def expire_quarantine(spool_dir: Path, now: datetime, quarantine_days: int) -> int:
    """Delete what is older than `quarantine_days`; returns how many segments. `now` has a time zone."""
    oldest = (now - timedelta(days=quarantine_days)).timestamp()
    n_expired = 0
    for path in _files(spool_dir / QUARANTINE):
        try:
            if path.stat().st_ctime <= oldest:
                path.unlink()
                n_expired += path.suffix == ".seg"
        except (FileNotFoundError, IsADirectoryError, PermissionError):
            continue  # deleted by hand meanwhile, or nothing that was put here by us
    return n_expired


def _segment(path: Path) -> Segment:
    """The segment; one without records and batch id when the file is none."""
    try:
        return read_segment(path)
    except NotASegmentError:
        return Segment("", [], torn_bytes=path.stat().st_size)


def _cleaned(records: Sequence[Record], clean: Clean) -> tuple[list[Record], list[dict[str, Any]]]:
    kept, dropped = [], []
    for record in records:
        cleaned = clean(record)
        if cleaned is not None:
            kept.append(cleaned)
        else:
            dropped.append(_about(record))
    return kept, dropped


def _about(record: Record) -> dict[str, Any]:
    """A record that is not kept, for whoever looks for what is missing."""
    return {
        "signal": record.signal,
        "project": record.project,
        "key_id": record.key_id,
        "received_at_us": record.received_at_us,
        "bytes": len(record.body),
        "sha256": hashlib.sha256(record.body).hexdigest(),
    }


def _files(folder: Path) -> Iterator[Path]:
    return folder.glob("*") if folder.is_dir() else iter(())


def _note(segment: Path, about: dict[str, Any]) -> None:
    _write(segment.with_suffix(".json"), json.dumps(about, indent=2).encode())


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by us alone."""
    unfinished = path.with_name(f".{path.name}.tmp")
    fd = os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    unfinished.rename(path)
