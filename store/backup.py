"""Backups: a folder with a copy of the store, a manifest that says what it holds, and the access keys' hashes.

The copy is made by `COPY FROM DATABASE` from one snapshot, so writers go on while it is made, and it holds the
live rows only: nothing that was erased before. The spool is not in it; what it holds is committed or will be.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from errors import DataDirError
from store.schema import latest_version, schema_version

MANIFEST = "manifest.json"
STORE = "store.duckdb"
KEYS = "keys.json"
_FORMAT = 1
_COPY = "backup_copy"
_CHUNK_BYTES = 4_000_000


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `rows` per table; `sha256` of the store file, in hex."""

    format: int
    created_at: str  # ISO-8601, UTC
    steelyard_version: str
    duckdb_version: str
    schema_version: int
    store_bytes: int
    sha256: str
    rows: dict[str, int]
    has_keys: bool


def make(
    session: duckdb.DuckDBPyConnection, data: Path, storage_version: str, steelyard_version: str
) -> tuple[Path, Manifest]:
    """Write a backup of the attached store into `backups/` of its data directory: the folder, and its manifest.

    Raises duckdb.Error or OSError, such as for a full disk; nothing is left behind then.
    """
    now = datetime.now(UTC)
    final = data / "backups" / f"steelyard-{now:%Y%m%dT%H%M%S%f}Z"
    part = final.with_suffix(".part")
    part.mkdir(mode=0o700, parents=True)
    try:
        rows, version = _copy(session, part / STORE, storage_version)
        has_keys = (data / KEYS).exists()
        if has_keys:
            shutil.copyfile(data / KEYS, part / KEYS)
        manifest = Manifest(
            format=_FORMAT,
            created_at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            steelyard_version=steelyard_version,
            duckdb_version=duckdb.__version__,
            schema_version=version,
            store_bytes=(part / STORE).stat().st_size,
            sha256=_sha256(part / STORE),
            rows=rows,
            has_keys=has_keys,
        )
        (part / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n", "utf-8")
        for path in (*part.iterdir(), part):
            path.chmod(0o700 if path.is_dir() else 0o600)
            _onto_disk(path)
        part.rename(final)
        _onto_disk(final.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return final, manifest


def verify(backup: Path) -> Manifest:
    """The manifest of a backup whose store file is what it says; raises DataDirError when it is not."""
    manifest = read_manifest(backup)
    if manifest.schema_version > latest_version():
        raise DataDirError(
            f"{backup} was made by a newer Steelyard ({manifest.steelyard_version}, schema {manifest.schema_version}; this "
            f"one knows {latest_version()}). Restore it with that version or a later one."
        )
    store = backup / STORE
    if not store.is_file():
        raise DataDirError(f"{store} is missing: the backup is not whole. Take another backup.")
    found = _sha256(store)
    if found != manifest.sha256:
        raise DataDirError(
            f"{store} is damaged: its SHA-256 is {found[:12]}…, its manifest says {manifest.sha256[:12]}…. "
            "Take another backup."
        )
    return manifest


def read_manifest(backup: Path) -> Manifest:
    """What the backup says of itself, unchecked; raises DataDirError when it is none."""
    try:
        document = json.loads((backup / MANIFEST).read_text("utf-8"))
        manifest = Manifest(**document)
    except FileNotFoundError:
        raise DataDirError(
            f"{backup} is not a backup: it has no {MANIFEST}. Name a folder that `steelyard backup` made."
        ) from None
    except (OSError, ValueError, TypeError) as wrong:
        raise DataDirError(f"{backup / MANIFEST} cannot be read: {wrong}. Take another backup.") from None
    if manifest.format != _FORMAT:
        raise DataDirError(f"{backup} has backup format {manifest.format}; this Steelyard reads {_FORMAT}.")
    return manifest


def put_back(backup: Path, data: Path) -> None:
    """Copy a verified backup's files into the data directory, each whole or not at all."""
    for name in (STORE, KEYS):
        source = backup / name
        if not source.exists():
            continue
        part = data / f".{name}.restoring"
        shutil.copyfile(source, part)
        part.chmod(0o600)
        _onto_disk(part)
        part.rename(data / name)
    _onto_disk(data)


def _copy(
    session: duckdb.DuckDBPyConnection, target: Path, storage_version: str
) -> tuple[dict[str, int], int]:
    session.execute(f"attach '{_quoted(target)}' as {_COPY} (storage_version '{storage_version}')")
    try:
        # One statement, so one snapshot: a commit is in the copy whole or not at all.
        session.execute(f"copy from database store to {_COPY}")
        session.execute(f"checkpoint {_COPY}")
        session.execute(f"use {_COPY}")
        tables = session.execute(
            f"select table_name from duckdb_tables() where database_name = '{_COPY}' order by table_name"
        ).fetchall()
        rows = {table: _count(session, table) for (table,) in tables}
        return rows, schema_version(session)
    finally:
        session.execute("use store")
        session.execute(f"detach {_COPY}")


def _count(session: duckdb.DuckDBPyConnection, table: str) -> int:
    [(n_rows,)] = session.execute(f"select count(*) from {table}").fetchall()
    return int(n_rows)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _onto_disk(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("'", "''")
