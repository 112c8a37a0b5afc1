"""Files as streams of text columns: CSV, JSON (lines, an array, or pages of an API) and Parquet, gzipped or not.

DuckDB reads them batch by batch, so a file may be larger than memory; what kind of file it is says its first bytes, not
its name.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb

from errors import ConfigError

MEMORY_LIMIT = "384MB"
ROWS_AT_ONCE = 4_096
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_DELIMITERS = ",;\t|"
_PEEK_BYTES = 256 * 1024
# One JSON object, or one page of an API: prompts are long. Twice as much is held while reading.
_MOST_OBJECT_BYTES = 48 * 1024 * 1024
_MOST_LINE_BYTES = 16 * 1024 * 1024  # of CSV; the reader holds several
_SAMPLED_ROWS = 2_000


@dataclass(frozen=True)
class Source:
    """A file that can be scanned again and again.

    `scan` is the FROM clause, `columns` the names at its top level with the expression of each as text (of JSON the names
    alone, and only those that its first rows have). `row_text` is the expression of a whole row.
    """

    path: Path
    kind: Literal["CSV", "JSON", "Parquet"]
    scan: str
    columns: dict[str, str]
    row_text: str


def open_source(db: duckdb.DuckDBPyConnection, path: Path, delimiter: str | None) -> Source:
    """What the file is and what columns it has. Raises ConfigError when it cannot be read as any kind, or is empty."""
    try:
        head, packed = _peek(path)
    except (OSError, EOFError) as refused:
        raise ConfigError(
            f"{path} cannot be read: {getattr(refused, 'strerror', None) or refused}."
        ) from None
    if not head.strip():
        raise ConfigError(f"{path} is empty: nothing to import.")
    try:
        if head.startswith(_PARQUET):
            return _parquet(db, path)
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
            return _json(db, path, packed)
        return _csv(path, head, packed, delimiter)
    except duckdb.Error as unreadable:
        raise unreadable_file(path, unreadable) from None


def unreadable_file(path: Path, why: duckdb.Error) -> ConfigError:
    """DuckDB's complaint in one line, without the rows that it quotes."""
    first = str(why).strip().splitlines()[0][:300]
    return ConfigError(f"{path} cannot be read any further: {first}")


def connect() -> duckdb.DuckDBPyConnection:
    """A database in memory that reads in order, with little memory, and knows the macros."""
    db = duckdb.connect()
    db.execute(f"set threads = 1; set memory_limit = '{MEMORY_LIMIT}'; set timezone = 'UTC'")
    # It would make joins of the longer IN lists, which keep the rows of a whole file in memory (60,000 of Langfuse's
    # found no room), and plan for 0.6 s where 0.1 are enough.
    db.execute("set disabled_optimizers = 'in_clause'")
    # No statement here needs to spill, and none must leave files where the command was started.
    db.execute("set temp_directory = ''")
    db.execute((Path(__file__).parent / "macros.sql").read_text("utf-8"))
    return db


def text(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def json_path(parts: Sequence[str]) -> str:
    """The path to a member of a member of … a document; numbers name elements."""
    quoted = (
        f"[{part}]" if part.isdecimal() else '."' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for part in parts
    )
    return "$" + "".join(quoted)


def _peek(path: Path) -> tuple[bytes, bool]:
    """(the first bytes, unpacked; whether the file is gzipped)"""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    with gzip.open(path) if packed else path.open("rb") as file:
        return file.read(_PEEK_BYTES), packed


def _compression(packed: bool) -> str:
    return "'gzip'" if packed else "'none'"


def _csv(path: Path, head: bytes, packed: bool, delimiter: str | None) -> Source:
    # The header is read here, not guessed by a sniffer: one that is confused by a ragged row skips what it dislikes.
    try:
        top = head.decode("utf-8-sig")
    except UnicodeDecodeError as broken:
        if broken.start < len(head) - 4:  # else a character that the peek cut in two
            raise ConfigError(
                f"{path} is not UTF-8 (byte {broken.start}). Save it as UTF-8 and import it again."
            ) from None
        top = head[: broken.start].decode("utf-8-sig")
    first_line = top.lstrip("\r\n").partition("\n")[0]
    separator = delimiter or max(_DELIMITERS, key=first_line.count)
    names = [name.strip() for name in next(csv.reader(io.StringIO(top), delimiter=separator), [])]
    named = [name or f"column {at + 1}" for at, name in enumerate(names)]
    if twice := {name for name in named if named.count(name) > 1}:
        raise ConfigError(f"{path} has more than one column {sorted(twice)[0]!r}. Rename all but one.")
    types = ", ".join(f"{text(name)}: 'VARCHAR'" for name in named)
    scan = (
        f"read_csv({text(str(path))}, auto_detect = false, header = true, delim = {text(separator)}, quote = '\"', "
        f"escape = '\"', columns = {{{types}}}, compression = {_compression(packed)}, store_rejects = true, "
        f"max_line_size = {_MOST_LINE_BYTES}, buffer_size = {_MOST_LINE_BYTES})"
    )
    columns = {name: identifier(name) for name in named}
    row_text = (
        "concat_ws(chr(31), " + ", ".join(f"coalesce({one}, chr(30))" for one in columns.values()) + ")"
    )
    return Source(path, "CSV", scan, columns, row_text)


def _json(db: duckdb.DuckDBPyConnection, path: Path, packed: bool) -> Source:
    objects = (
        f"read_json_objects({text(str(path))}, ignore_errors = true, compression = {_compression(packed)}, "
        f"maximum_object_size = {_MOST_OBJECT_BYTES})"
    )
    # What APIs answer: {"data": [rows], …}.
    first = db.execute(
        f"select coalesce(json_type(json, '$.data') = 'ARRAY', false) from {objects} where json is not null limit 1"
    ).fetchall()
    if not first:
        raise ConfigError(f"{path} holds no JSON object that can be read.")
    is_page = first[0][0]
    scan = f"(select unnest(json_extract(json, '$.data[*]')) as json from {objects})" if is_page else objects
    first_rows = f"select json from {scan} where json_type(json) = 'OBJECT' limit {_SAMPLED_ROWS}"
    keys = db.execute(f"select distinct unnest(json_keys(json)) from ({first_rows})").fetchall()
    names = sorted(key[0] for key in keys)
    return Source(path, "JSON", scan, dict.fromkeys(names, ""), "json::varchar")


def _parquet(db: duckdb.DuckDBPyConnection, path: Path) -> Source:
    scan = f"read_parquet({text(str(path))})"
    described = db.execute(f"describe select * from {scan}").fetchall()
    columns = {name: _parquet_text(name, kind) for name, kind, *_ in described}
    return Source(path, "Parquet", f"{scan} as whole", columns, "to_json(whole)::varchar")


def _parquet_text(name: str, kind: str) -> str:
    is_nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))
    return f"to_json({identifier(name)})::varchar" if is_nested else f"{identifier(name)}::varchar"


def rejected_lines(db: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, str]]:
    """(line, why) of the lines of a CSV file that do not have its columns, once the file was read."""
    found = "select line, min(error_message) from reject_errors group by line order by line"
    for line, why in db.execute(found).fetchall():
        yield int(line), str(why).strip().splitlines()[0]
