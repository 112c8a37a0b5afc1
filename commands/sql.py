"""`steelyard sql`: one read-only SELECT."""

from __future__ import annotations

from pathlib import Path

import click

from commands.connect import connect
from commands.output import Format, format_option, print_rows


@click.command("sql", short_help="Run one read-only SELECT.")
@click.argument("statement")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard).")
@format_option
def command(statement: str, data: Path | None, output_format: Format) -> None:
    """Run one read-only SELECT. The view to query is `calls`: one row per model call.

    \b
    Example:
      steelyard sql 'select tenant_id, count(*), sum(list_cost_usd) from calls group by tenant_id'
      steelyard sql --format json "select * from trace('5b8aa5a2d2c872e8321cf37308d69df2')"
    """
    with connect(data) as reader:
        print_rows(reader.sql(statement), output_format)
