"""`steelyard query`: the named queries that the pages use."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from commands.connect import connect, source_options
from commands.output import Format, format_option, print_rows, text_table
from store.catalog import named_queries


@click.command("query", short_help="Run a named query; without a name, list them.")
@click.argument("name", required=False)
@click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the query; repeatable."
)
@source_options
@format_option
def command(
    name: str | None, params: tuple[str, ...], project: str, data: Path | None, output_format: Format
) -> None:
    """Run a named query; without a name, list them.

    \b
    Example:
      steelyard query
      steelyard query spend_month --param month=2026-10-01 --format csv
    """
    if name is None:
        listed = [
            [query.name, ", ".join(param.name for param in query.params), query.purpose]
            for query in named_queries().values()
        ]
        sys.stdout.write(text_table(["query", "parameters", "purpose"], listed))
        return
    given = dict(_pair(param) for param in params)
    with connect(data) as reader:
        print_rows(reader.query(name, project=project, **given), output_format)


def _pair(param: str) -> tuple[str, str]:
    name, separator, value = param.partition("=")
    if not separator or not name:
        raise click.UsageError(f"--param {param!r}: write it as NAME=VALUE, for example --param limit=20")
    return name, value
