"""`steelyard explain`: why one call is what it is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Literal

import click
import duckdb

from collector.server.explain import asked_for, explain
from commands.connect import client_or_file, source_options
from commands.explained import as_text
from pricing.book import load_book
from store import terms
from store.backends import file


@click.command(
    "explain", short_help="Why a call is what it is: the attribute, span and rule behind each column."
)
@click.argument("span_id", metavar="SPAN")
@click.option("--trace", "trace_id", metavar="ID", help="Its trace, where several have a span with this id.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For a person, or all of it.",
)
@source_options
def command(
    span_id: str,
    trace_id: str | None,
    output_format: Literal["text", "json"],
    project: str,
    data: Path | None,
) -> None:
    """Why a call is what it is: the attribute, span and rule behind each column.

    SPAN is the id of any stored span, 16 hexadecimal digits: also of one that was not counted. Of a call's cost it shows the
    rates with their source and validity, the arithmetic to the last digit, and what would change it.

    \b
    Example:
      steelyard query latest_calls
      steelyard explain 00f067aa0ba902b7
    """
    with client_or_file(data) as found:
        if isinstance(found, duckdb.DuckDBPyConnection):
            explained = _from_file(found, project, span_id, trace_id)
        else:
            explained = found.explain(span_id, trace_id=trace_id, project=project)
    if output_format == "json":
        sys.stdout.write(json.dumps(explained, indent=1, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(as_text(explained))


def _from_file(
    connection: duckdb.DuckDBPyConnection, project: str, span_id: str, trace_id: str | None
) -> dict[str, Any]:
    asked = asked_for(project, span_id, trace_id)
    with file.cursor(connection) as seen, file.cursor(connection) as whole:
        return explain(seen, whole, asked, terms.load(whole, load_book()))
