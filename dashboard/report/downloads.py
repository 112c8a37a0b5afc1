"""The rows of a month as files: those of the query, every one, with exact decimals."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from store.reader import rows

# What a row is of, whatever it was grouped by; a file has it under the dimension's own name.
_GENERIC = ("tenant_id", "value", "value_2")


def named(found: pa.Table, by: str) -> pa.Table:
    """The answer of `spend_month` with the dimension under its own name, as `steelyard spend --format csv` prints it."""
    amounts = found.drop_columns(list(_GENERIC))
    return pa.table([found["value"], *amounts.columns], names=[by, *amounts.column_names])


def as_parquet(table: pa.Table) -> bytes:
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


def as_csv(table: pa.Table) -> bytes:
    """Exact decimals; an empty field for what is not known."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=table.column_names, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _field(value) for name, value in row.items()} for row in rows(table))
    return text.getvalue().encode()


def _field(value: object) -> object:
    # A spreadsheet would run a tenant called `=cmd()` as a formula; a leading apostrophe keeps it text.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return f"{value:f}" if isinstance(value, Decimal) else value
