"""The embedded backend: one DuckDB file with one owner.

DuckDB lets a single process open a file that somebody writes, so the store server owns it and everyone
else asks the store server; a command opens the file itself, read-only, only when no server runs.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from errors import DataDirError
from store import rewrite
from store.schema import latest_version, migrate, schema_version

# Files stay readable by DuckDB 1.5.5, for which alone the scale-out extensions exist.
STORAGE_VERSION = "v1.5.0"
# A commit under load has more rows than this: whole row groups go straight to the file, compressed, where smaller
# commits pass through the write-ahead log and a checkpoint first (15 of 34 us a span). Half of DuckDB's own size; a
# quarter takes a tenth more room on disk.
ROW_GROUP_ROWS = 61_440


def open_for_writing(path: Path, *, memory_limit_mb: int = 2048) -> duckdb.DuckDBPyConnection:
    """Attach the store, creating or migrating it, and lock the engine down.

    After this no SQL can reach another file, the network, an extension, a Python variable, or a setting.
    """
    rewrite.swap_in(path, lambda one: _attach(one, read_only=False))
    connection = _attach(path, read_only=False)
    migrate(connection, path, _adapted)
    rooms = [path.parent / room for room in ("exports", "backups", rewrite.ROOM, "tmp")]
    allowed = ", ".join(f"'{_quoted(room)}/'" for room in rooms)
    _run(
        connection,
        f"set memory_limit = '{memory_limit_mb}MB'",
        # What is not checkpointed is in memory: 64 MB of log are 60,000 spans and 100 MB there. Four times as much
        # made the server grow to 500 MB, and saved no time (150 commits of 2,000 spans).
        "set checkpoint_threshold = '64MB'",
        f"set temp_directory = '{_quoted(path.parent / 'tmp')}'",
        f"set allowed_directories = [{allowed}]",
    )
    _lock_down(connection)
    return connection


def open_for_reading(path: Path) -> duckdb.DuckDBPyConnection:
    """Attach an existing store read-only; raises DataDirError when it cannot be read now."""
    if not path.exists():
        raise DataDirError(
            f"there is no store at {path}. Start one with `steelyard up`, or name it with --data DIR "
            "or $STEELYARD_DATA."
        )
    connection = _attach(path, read_only=True)
    if (at := schema_version(connection)) < latest_version():
        connection.close()
        raise DataDirError(
            f"{path} was written by an older Steelyard (schema {at}; this one reads {latest_version()}). Start "
            "`steelyard collect` on its data directory once: that keeps a backup and brings it up to date."
        )
    _lock_down(connection)
    return connection


def open_for_backup(path: Path) -> duckdb.DuckDBPyConnection:
    """Attach an existing store read-only, for who writes a copy of it; raises DataDirError."""
    return _attach(path, read_only=True)


def cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A further session on the same store, for one thread."""
    session = connection.cursor()
    session.execute("use store")
    return session


def _attach(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    # An in-memory instance that attaches the file: only the ATTACH differs between backends, and the
    # session's own temporary tables never touch the store.
    connection = duckdb.connect(":memory:")
    options = (
        "read_only" if read_only else f"storage_version '{STORAGE_VERSION}', row_group_size {ROW_GROUP_ROWS}"
    )
    try:
        connection.execute(f"attach '{_quoted(path)}' as store ({options})")
    except duckdb.IOException as refused:
        connection.close()
        raise DataDirError(_why_not(path, refused)) from refused
    except duckdb.Error as broken:
        connection.close()
        raise DataDirError(
            f"{path} cannot be opened as a Steelyard store: {broken}. Restore a backup from "
            f"{path.parent / 'backups'}, or point --data at another directory."
        ) from broken
    connection.execute("use store")
    connection.execute("set timezone = 'UTC'")
    return connection


def _adapted(ddl: str) -> str:
    """The shared table definitions, with what a DuckDB file can add to them."""
    # Left to itself DuckDB takes DICT_FSST for JSON, which is four times as large as ZSTD.
    return ddl.replace("/*text-compressed*/", "using compression zstd")


def _lock_down(connection: duckdb.DuckDBPyConnection) -> None:
    _run(
        connection,
        "set autoinstall_known_extensions = false",
        "set autoload_known_extensions = false",
        "set python_enable_replacements = false",
        "set enable_external_access = false",
        "set lock_configuration = true",
    )


def _run(connection: duckdb.DuckDBPyConnection, *statements: str) -> None:
    for statement in statements:
        connection.execute(statement)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("'", "''")


def _why_not(path: Path, refused: duckdb.IOException) -> str:
    text = str(refused)
    if "lock" in text.lower():
        return (
            f"{path} is open in another process. Stop it (Ctrl-C in its terminal), or talk to its store "
            "server by setting STEELYARD_URL."
        )
    if "permission" in text.lower() or "read-only" in text.lower():
        return f"{path} cannot be opened: permission denied. Give this user read and write access to it."
    return f"{path} cannot be opened: {text.splitlines()[0]}"
