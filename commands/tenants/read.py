"""`steelyard tenants list` and `show`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from commands.connect import connect, source_options
from commands.moments import MOMENT, shown, wire
from commands.output import Format, format_option, print_rows, text_table
from commands.tenants.rule_words import rule_lines
from dashboard.formats import count, money
from errors import QueryError
from store.reader import Reader, rows

Row = Mapping[str, Any]
NO_TENANT = "(no tenant)"
_FIELDS = ("name", "owner", "cost_centre", "plan", "billed_to")


@click.command("list", short_help="Every tenant that records or telemetry name, with its spend.")
@click.option("--at", type=MOMENT, metavar="TIME", help="What records said at this time (default: now).")
@click.option("--since", type=MOMENT, metavar="TIME", help="Count calls from here on.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Count calls up to, not including, here.")
@source_options
@format_option
def list_tenants(
    at: datetime | None,
    since: datetime | None,
    until: datetime | None,
    project: str,
    data: Path | None,
    output_format: Format,
) -> None:
    """Every tenant: those that records describe, those that only telemetry names, and the calls of none.

    \b
    Example:
      steelyard tenants list
      steelyard tenants list --since 2026-10-01 --until 2026-11-01 --format csv
    """
    times = {"at": wire(at), "since": wire(since), "until": wire(until)}
    given = {name: text for name, text in times.items() if text is not None}
    with connect(data) as reader:
        table = reader.query("tenants", project=project, **given)
    if output_format != "table":
        print_rows(table, output_format)
    elif not table.num_rows:
        sys.stdout.write(f"No tenants and no calls in project {project}.\n")
    else:
        headers = [
            "tenant",
            "name",
            "owner",
            "cost centre",
            "plan",
            "billed to",
            "first seen",
            "calls",
            "cost",
        ]
        sys.stdout.write(text_table(headers, [_line(row) for row in rows(table)]))


def _line(row: Row) -> list[Any]:
    told = [row[name] for name in _FIELDS]
    first_seen = f"{row['first_seen']:%Y-%m-%d}" if row["first_seen"] else None
    cost = money(row["cost_usd"]) if row["n_priced"] or not row["n_calls"] else "unknown"
    return [row["tenant_id"] or NO_TENANT, *told, first_seen, count(row["n_calls"]), cost]


@click.command("show", short_help="One tenant: its records, calls and rules.")
@click.argument("tenant")
@source_options
def show(tenant: str, project: str, data: Path | None) -> None:
    """One tenant: what is recorded of it, when and by whom; its calls, and the rules that give it calls.

    \b
    Example:
      steelyard tenants show acme
    """
    with connect(data) as reader:
        sys.stdout.write(_described(reader, project, tenant))


def _described(reader: Reader, project: str, tenant: str) -> str:
    found = rows(reader.query("tenants", project=project, tenant_id=tenant)) if tenant else []
    rules = rows(reader.query("tenant_rules", project=project, tenant_id=tenant))
    if not found and not rules:
        raise QueryError(
            f"project {project} has no tenant {tenant!r}: no record, no rule and no call names it. "
            "`steelyard tenants list` shows all there are."
        )
    records = rows(reader.query("tenant_records", project=project, tenant_id=tenant))
    parts = [*map(_now, found), _recorded(records)]
    if rules:
        parts.append("Calls that rules give it:\n\n" + rule_lines(rules))
    return "\n".join(parts)


def _now(row: Row) -> str:
    account = {"customer": "the customer's own provider account", "us": "our provider accounts"}
    calls = f"{count(row['n_calls'])} calls, {money(row['cost_usd'])}"
    if row["first_seen"]:
        calls += f", the first on {shown(row['first_seen'])} UTC"
    told = [
        ("name", row["name"]),
        ("owner", row["owner"]),
        ("cost centre", row["cost_centre"]),
        ("plan", row["plan"]),
        ("billed to", account[row["billed_to"] or "us"]),
        ("calls", calls),
        ("by rules", f"{count(row['n_attributed'])} of them" if row["n_attributed"] else None),
    ]
    lines = [f"  {name:<12} {value or '–'}" for name, value in told if value or name != "by rules"]
    return "\n".join([f"Tenant {row['tenant_id']}", *lines, ""])


def _recorded(records: list[Row]) -> str:
    if not records:
        return "Nothing is recorded of it: `steelyard tenants set` does that.\n"
    lines = [
        [
            shown(record["valid_from"], "the beginning"),
            *(_told(record[name]) for name in _FIELDS),
            record["note"],
            f"{record['received_at']:%Y-%m-%d %H:%M:%S}",
            record["recorded_by"],
        ]
        for record in records
    ]
    headers = ["from", "name", "owner", "cost centre", "plan", "billed to", "note", "recorded (UTC)", "by"]
    return "Recorded, a dash where a record says nothing and an earlier one holds on:\n\n" + text_table(
        headers, lines
    )


def _told(text: str | None) -> str | None:
    return "(none)" if text == "" else text
