"""`steelyard tenants set` and `import`: records that describe tenants from a moment on."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from ulid import ULID

from commands.moments import MOMENT, shown, today, wire
from commands.output import text_table
from commands.owner import owner
from commands.repriced import whoami
from commands.tenants.csv_file import FIELDS, Described, read_csv
from commands.tenants.options import recording_options
from store.reader import Reader, ServerReader, rows
from store.record_checks import BILLED_TO
from store.tenants import EVER

Row = Mapping[str, Any]

# The query of tenants also counts calls; told so, it counts none, and reads none.
_AFTER_ALL_CALLS = "9999-01-01T00:00:00Z"


@click.command("set", short_help="Record what a tenant is from a moment on.")
@click.argument("tenant")
@click.option("--name", help="Its name.")
@click.option("--owner", "owned_by", metavar="WHO", help="Who answers for its spend.")
@click.option("--cost-centre", help="Where its spend is booked.")
@click.option("--plan", help="What it has bought.")
@click.option(
    "--billed-to", type=click.Choice(BILLED_TO), help="Whose provider account its calls are billed to."
)
@click.option(
    "--from",
    "starts",
    type=MOMENT,
    metavar="TIME",
    help="From when on (default: the beginning for a tenant without records, else today).",
)
@recording_options
def set_tenant(
    tenant: str,
    name: str | None,
    owned_by: str | None,
    cost_centre: str | None,
    plan: str | None,
    billed_to: str | None,
    starts: datetime | None,
    note: str | None,
    recorded_by: str | None,
    project: str,
    data: Path | None,
) -> None:
    """Record what a tenant is from a moment on; what is not given stays as it is, '' = no more.

    \b
    Example:
      steelyard tenants set acme --name "Acme Inc." --owner kim@example.com --cost-centre 4711 --plan pro
      steelyard tenants set acme --billed-to customer --from 2026-10-01
    """
    told = {"name": name, "owner": owned_by, "cost_centre": cost_centre, "plan": plan, "billed_to": billed_to}
    fields = {field: text for field, text in told.items() if text is not None}
    if not tenant:
        raise click.UsageError("calls without a tenant have no record; name a tenant")
    if not fields:
        raise click.UsageError(f"say what {tenant} is: --name, --owner, --cost-centre, --plan or --billed-to")
    with owner(data) as server:
        reader = ServerReader(server.client)
        described = Described(tenant, starts or _start(reader, project, tenant), note, fields)
        server.post_records("tenants", [_record(described, recorded_by)], project=project)
        since = shown(described.starts, "the beginning")
        _say(f"tenant {tenant} of project {project}, from {since} on: {_in_words(fields)}")
        _say_what_stays(reader, project, [described])


@click.command("import", short_help="Record tenants from a CSV file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from", "starts", type=MOMENT, metavar="TIME", help="From when on, for lines without valid_from."
)
@click.option("--dry-run", is_flag=True, help="Show what would be recorded, and stop.")
@recording_options
def import_tenants(
    file: Path,
    starts: datetime | None,
    dry_run: bool,
    note: str | None,
    recorded_by: str | None,
    project: str,
    data: Path | None,
) -> None:
    """Record tenants from a CSV file; an empty cell says nothing, and lines that change nothing are left out.

    The first line names the columns: tenant_id, and of name, owner, cost_centre, plan, billed_to (us or customer),
    valid_from and note those that you have. Nothing is recorded when a line is wrong.

    \b
    Example:
      steelyard tenants import tenants.csv --dry-run
      steelyard tenants import tenants.csv --from 2026-10-01
    """
    lines = read_csv(file, note)
    with owner(data) as server:
        reader = ServerReader(server.client)
        news = _news(reader, project, _dated(reader, project, lines, starts))
        if news:
            shown_lines = [
                [one.tenant_id, shown(one.starts, "the beginning"), _in_words(one.fields)] for one in news
            ]
            sys.stdout.write(text_table(["tenant", "from", "recorded"], shown_lines) + "\n")
        if not dry_run:
            server.post_records("tenants", [_record(one, recorded_by) for one in news], project=project)
        verb = "would be recorded (--dry-run)" if dry_run else "recorded"
        _say(f"{len(news)} of {len(lines)} tenants {verb}; {len(lines) - len(news)} say nothing new")
        if not dry_run:
            _say_what_stays(reader, project, news)


def _start(reader: Reader, project: str, tenant: str) -> datetime | None:
    """From when on, when nobody says it: what is first told of a tenant was always so, a change begins today."""
    return today() if tenant in _described_tenants(reader, project) else None


def _dated(
    reader: Reader, project: str, lines: Sequence[Described], starts: datetime | None
) -> list[Described]:
    """The lines, each with its beginning: its own, the one for all, or as for a single tenant."""
    known = _described_tenants(reader, project)
    usual = [starts or (today() if line.tenant_id in known else None) for line in lines]
    return [
        line if line.starts or start is None else line.starting(start)
        for line, start in zip(lines, usual, strict=True)
    ]


def _news(reader: Reader, project: str, lines: Sequence[Described]) -> list[Described]:
    """Of each line what records do not say already at the moment from which it holds."""
    said = {at: _said(reader, project, at) for at in {line.starts for line in lines}}
    cut = [line.without(said[line.starts].get(line.tenant_id, {})) for line in lines]
    return [line for line in cut if line.fields]


def _said(reader: Reader, project: str, at: datetime | None) -> dict[str, Mapping[str, str | None]]:
    """What records say at a moment, by tenant."""
    no_calls = {"since": _AFTER_ALL_CALLS}
    found: Sequence[Row] = rows(reader.query("tenants", project=project, at=wire(at or EVER), **no_calls))
    return {row["tenant_id"]: {field: row[field] for field in FIELDS} for row in found}


def _described_tenants(reader: Reader, project: str) -> set[str]:
    found: Sequence[Row] = rows(reader.query("tenants", project=project, since=_AFTER_ALL_CALLS))
    return {row["tenant_id"] for row in found if row["n_records"]}


def _record(described: Described, recorded_by: str | None) -> dict[str, Any]:
    return {
        "tenant_key": str(ULID()),
        "tenant_id": described.tenant_id,
        "valid_from": wire(described.starts),
        **described.fields,
        "note": described.note,
        "recorded_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "recorded_by": recorded_by or whoami(),
    }


def _in_words(fields: Mapping[str, str]) -> str:
    return ", ".join(f"{field.replace('_', ' ')} {text or '(none)'}" for field, text in fields.items())


def _say_what_stays(reader: Reader, project: str, news: Sequence[Described]) -> None:
    """Who is billed decides about costs, and stored calls keep what they were charged."""
    billed = {one.tenant_id: one.starts for one in news if "billed_to" in one.fields}
    if not billed:
        return
    found: Sequence[Row] = rows(reader.query("tenants", project=project))
    for row in found:
        tenant, last_seen = row["tenant_id"], row["last_seen"]
        if tenant in billed and last_seen and last_seen >= (billed[tenant] or EVER):
            since = f" --since {shown(billed[tenant])}" if billed[tenant] else ""
            _say(
                f"stored calls of {tenant} keep what they were charged until "
                f"`steelyard reprice --project {project} --tenant {tenant}{since}`"
            )


def _say(line: str) -> None:
    print(f"steelyard: {line}", file=sys.stderr)
