"""`steelyard export`: the tables as files, one per table and month."""

from __future__ import annotations

import re
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from commands.backup import move
from commands.owner import owner

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("export", short_help="Write the tables as Parquet or CSV files, one per month.")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="Put it there (default: exports/)."
)
@click.option(
    "--format", "file_format", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True
)
@click.option("--project", help="Only this project (default: all).")
@click.option("--month", metavar="YYYY-MM", help="Only this UTC month.")
@click.option("--since", type=_DAY, metavar="YYYY-MM-DD", help="From this UTC day.")
@click.option("--until", type=_DAY, metavar="YYYY-MM-DD", help="Up to and without this UTC day.")
@click.option("--tables", help="Only these tables, with commas between.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard).")
def command(
    to: Path | None,
    file_format: str,
    project: str | None,
    month: str | None,
    since: Any,
    until: Any,
    tables: str | None,
    data: Path | None,
) -> None:
    """Write the tables as Parquet or CSV files, one per month. The folder is all that is printed to stdout.

    \b
    Example:
      steelyard export --month 2026-10 --tables spans,charges
      steelyard export --project default --format csv --to ./october
    """
    first, after = _range(month, since and since.date(), until and until.date())
    asked = {
        "format": file_format,
        "project": project,
        "since": first and first.isoformat(),
        "until": after and after.isoformat(),
        "tables": [name.strip() for name in tables.split(",")] if tables else [],
    }
    with owner(data) as server:
        done = server.client.admin("export", asked)
    folder = Path(done["folder"])
    if to is not None:
        folder = move(folder, to)
    files = done["manifest"]["files"]
    print(folder)
    print(f"steelyard: {sum(one['rows'] for one in files):,} rows in {len(files)} files", file=sys.stderr)


def _range(month: str | None, since: date | None, until: date | None) -> tuple[date | None, date | None]:
    """Half-open, in UTC days."""
    if month is None:
        return since, until
    if since or until:
        raise click.UsageError("give --month, or --since and --until, not both")
    if not _MONTH.fullmatch(month):
        raise click.UsageError(f"--month {month!r}: write it as YYYY-MM, for example --month 2026-10")
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=32)).replace(day=1)
