"""How commands print rows: data to stdout in the asked format, everything else to stderr.

json is one array of objects: DECIMAL as string, times ISO-8601 with Z, NULL as null.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

import click
import pyarrow as pa
import pyarrow.parquet as pq

from store.execute import is_truncated

_AMOUNT = re.compile(r"[-−]?\$?[\d,]+(\.\d+)?( %)?")

Format = Literal["table", "json", "csv", "parquet"]


def format_option(command: Callable[..., None]) -> Callable[..., None]:
    """`--format table|json|csv|parquet`."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(get_args(Format)),
        default="table",
        show_default=True,
        help="How to print the rows.",
    )(command)


def print_rows(table: pa.Table, output_format: Format) -> None:
    """The rows on stdout; on stderr, when the cap cut them."""
    if is_truncated(table):
        print(
            f"steelyard: only the first {table.num_rows:,} rows; add a LIMIT or narrow the query",
            file=sys.stderr,
        )
    match output_format:
        case "json":
            sys.stdout.write(json.dumps([_jsonable(row) for row in _rows(table)], indent=1) + "\n")
        case "csv":
            sys.stdout.write(_csv(table))
        case "parquet":
            _write_parquet(table)
        case "table":
            sys.stdout.write(text_table(table.column_names, [list(row.values()) for row in _rows(table)]))


def text_table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns aligned: text left, numbers right; NULL as a dash, because an empty cell could be text."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [
        max(len(header), *(len(row[at]) for row in cells), 0) if cells else len(header)
        for at, header in enumerate(headers)
    ]
    numeric = [bool(rows) and all(_reads_as_number(row[at]) for row in rows) for at in range(len(headers))]

    def line(values: Sequence[str]) -> str:
        padded = (
            value.rjust(width) if right else value.ljust(width)
            for value, width, right in zip(values, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip() + "\n"

    rule = ["-" * width for width in widths]
    return line(headers) + line(rule) + "".join(line(row) for row in cells)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (dict, list)):
        return json.dumps(value, default=_plain)
    return "".join(char if char.isprintable() else "·" for char in str(value))


def _reads_as_number(value: Any) -> bool:
    """A number, or text that stands for one in a column of them: an amount, a count, nothing, `unknown`."""
    if value is None or isinstance(value, (int, float, Decimal)):
        return not isinstance(value, bool)
    return isinstance(value, str) and (value in ("", "–", "unknown") or _AMOUNT.fullmatch(value) is not None)


def _jsonable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat() + "Z"
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case float() if value != value or value in (float("inf"), float("-inf")):
            return None
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case tuple():
            return [_plain(item) for item in value]
        case bytes():
            return value.hex()
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _csv(table: pa.Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.column_names)
    for row in _rows(table):
        writer.writerow([_csv_field(value) for value in row.values()])
    return text.getvalue()


def _csv_field(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(_plain(value))
    return "" if value is None else _plain(value)


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    """A MAP, such as `dims`, is a dict: names and values, not pairs."""
    return table.to_pylist(maps_as_pydicts="lossy")  # type: ignore[no-any-return]


def _write_parquet(table: pa.Table) -> None:
    if sys.stdout.isatty():
        raise click.UsageError("parquet is binary: send it to a file with `> rows.parquet`")
    pq.write_table(table, sys.stdout.buffer)
