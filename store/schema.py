"""The store's tables: numbered forward migrations, and the views over them.

A file from a newer Steelyard is refused with the way out; one from an older is backed up, then migrated.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import duckdb

from errors import DataDirError


@dataclass(frozen=True)
class Migration:
    """One numbered step forward."""

    version: int
    name: str
    sql: str


def migrations() -> list[Migration]:
    """Every migration in order; the file name is `NNNN_what_it_does.sql`."""
    found = [
        Migration(int(path.name[:4]), path.name[5:-4], path.read_text("utf-8"))
        for path in files("store").joinpath("migrations").iterdir()
        if re.fullmatch(r"\d{4}_\w+\.sql", path.name)
    ]
    return sorted(found, key=lambda migration: migration.version)


def latest_version() -> int:
    """The schema version this program writes."""
    return migrations()[-1].version


def schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The version of the attached store; 0 for an empty one."""
    try:
        return int(_meta(connection, "schema_version") or 0)
    # Not asked of information_schema.tables, which binds every view of the store first, for 20 ms.
    except duckdb.CatalogException:
        return 0


def migrate(connection: duckdb.DuckDBPyConnection, path: Path, adapt: Callable[[str], str] = str) -> None:
    """Bring the attached store to the latest version, each step in its own transaction.

    `adapt` turns the shared SQL into the backend's own, where it has something to add.
    """
    at = schema_version(connection)
    if at > latest_version():
        raise DataDirError(
            f"{path} was written by a newer Steelyard (schema {at}; this one knows {latest_version()}). "
            "Upgrade Steelyard, or point --data at another directory."
        )
    pending = [migration for migration in migrations() if migration.version > at]
    if at and pending:
        _back_up(connection, path, at)
    for migration in pending:
        _apply(connection, migration, adapt(migration.sql))
    _create_views(connection, anyway=bool(pending))
    if pending:
        connection.execute("checkpoint")


def _create_views(connection: duckdb.DuckDBPyConnection, *, anyway: bool) -> None:
    """(Re)create the views and macros: they are code, not data.

    To bind them all takes a start 90 ms, so those that this very text made over these very tables are left alone.
    """
    texts = [
        path.read_text("utf-8")
        for path in sorted(files("store").joinpath("views").iterdir(), key=lambda path: path.name)
        if path.name.endswith(".sql")
    ]
    fingerprint = hashlib.sha256("\n".join([duckdb.__version__, *texts]).encode()).hexdigest()
    if not anyway and _meta(connection, "views") == fingerprint:
        return
    for text in texts:
        connection.execute(text)
    _set_meta(connection, "views", fingerprint)


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration, sql: str) -> None:
    connection.execute("begin transaction")
    try:
        connection.execute(sql)
        _set_meta(connection, "schema_version", str(migration.version))
        connection.execute("commit")
    except duckdb.Error:
        connection.execute("rollback")
        raise


def _meta(connection: duckdb.DuckDBPyConnection, key: str) -> str | None:
    row = connection.execute("select value from meta where key = ?", [key]).fetchone()
    return row[0] if row else None


def _set_meta(connection: duckdb.DuckDBPyConnection, key: str, value: str) -> None:
    connection.execute("delete from meta where key = ?", [key])
    connection.execute("insert into meta values (?, ?)", [key, value])


def _back_up(connection: duckdb.DuckDBPyConnection, path: Path, version: int) -> None:
    connection.execute("checkpoint")
    backups = path.parent / "backups"
    backups.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    final = backups / f"{path.stem}.schema-{version}.{stamp}.duckdb"
    # Under another name until it is whole: a backup that a crash cut short must not look like one.
    part = final.with_suffix(".part")
    shutil.copyfile(path, part)
    part.chmod(0o600)
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.rename(final)
