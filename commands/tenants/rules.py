"""`steelyard tenants rules`, `attribute` and `withdraw`: whom calls are for, by dated rules, stored calls included."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from ulid import ULID

from commands import repriced
from commands.connect import connect, source_options
from commands.dimensions import narrowed
from commands.moments import MOMENT, shown, wire
from commands.output import Format, format_option, print_rows
from commands.owner import Owner, owner
from commands.repriced import Outcome, Preview
from commands.tenants.options import recording_options, showing_first
from commands.tenants.rule_words import rule_lines, where
from errors import QueryError
from store.pricing_scope import PricingScope
from store.reader import Reader, ServerReader, rows


@click.command("rules", short_help="The attribution rules and what each decides about.")
@click.option("--tenant", help="Only rules that give calls to this tenant.")
@source_options
@format_option
def list_rules(tenant: str | None, project: str, data: Path | None, output_format: Format) -> None:
    """The attribution rules, withdrawn ones too, and the calls that each decides about.

    \b
    Example:
      steelyard tenants rules
      steelyard tenants rules --tenant acme --format json
    """
    given = {} if tenant is None else {"tenant_id": tenant}
    with connect(data) as reader:
        table = reader.query("tenant_rules", project=project, **given)
    if output_format != "table":
        print_rows(table, output_format)
    elif not table.num_rows:
        sys.stdout.write(f"No attribution rules in project {project}.\n")
    else:
        sys.stdout.write(rule_lines(rows(table)))


@click.command("attribute", short_help="Give calls to a tenant, stored ones too; shows first what moves.")
@click.option("--tenant", required=True, help="Whom the calls are for.")
@click.option(
    "--where",
    "condition",
    required=True,
    metavar="NAME=VALUE",
    help="Calls with this value in a dimension; `NAME=` = calls without one.",
)
@click.option(
    "--from", "starts", type=MOMENT, metavar="TIME", help="Calls that started here or later (default: all)."
)
@click.option(
    "--to",
    "ends",
    type=MOMENT,
    metavar="TIME",
    help="Calls that started before (default: all that will come).",
)
@showing_first
@recording_options
def attribute(
    tenant: str,
    condition: str,
    starts: datetime | None,
    ends: datetime | None,
    dry_run: bool,
    yes: bool,
    note: str | None,
    recorded_by: str | None,
    project: str,
    data: Path | None,
) -> None:
    """Give calls to a tenant: those that are stored and those that come. Shows first what moves.

    Calls that name a tenant keep it, unless the rule is about the tenant itself (--where tenant=NAME).

    \b
    Example:
      steelyard tenants attribute --tenant acme --where service=billing-bot --from 2026-09-01 --dry-run
      steelyard tenants attribute --tenant acme --where tenant=acme-old --note "renamed"
    """
    if not tenant:
        raise click.UsageError("--tenant is empty: name whom the calls are for")
    if starts is not None and ends is not None and ends <= starts:
        raise click.UsageError(f"--to {shown(ends)} is not after --from {shown(starts)}")
    with owner(data) as server:
        chosen = narrowed(ServerReader(server.client), project, condition)
        dates = {"valid_from": wire(starts), "valid_to": wire(ends)}
        rule = _record({"tenant_id": tenant, **chosen, **dates}, note, recorded_by)
        period = f"from {shown(starts, 'the beginning')} " + (f"up to {shown(ends)}" if ends else "on")
        print(f"Calls where {condition} are for {tenant}, {period}.\n")
        _apply(server, project, rule, PricingScope(starts, ends), dry_run=dry_run, yes=yes)


@click.command("withdraw", short_help="Withdraw an attribution rule; shows first what moves.")
@click.argument("rule_id", metavar="RULE")
@showing_first
@recording_options
def withdraw(
    rule_id: str,
    dry_run: bool,
    yes: bool,
    note: str | None,
    recorded_by: str | None,
    project: str,
    data: Path | None,
) -> None:
    """Withdraw an attribution rule: its calls are whose they were without it. Shows first what moves.

    \b
    Example:
      steelyard tenants withdraw 01KAHZ0Q3W9V6T4N8R2M5C7D1E --dry-run
    """
    with owner(data) as server:
        rule = _in_force(ServerReader(server.client), project, rule_id)
        withdrawal = {"tenant_id": rule["tenant_id"], "withdraws": rule_id}
        scope = PricingScope(rule["valid_from"], rule["valid_to"], tenant_id=rule["tenant_id"])
        condition = where(rule["dimension"], rule["dimension_value"])
        print(f"Without the rule that calls where {condition} are for {rule['tenant_id']}:\n")
        _apply(server, project, _record(withdrawal, note, recorded_by), scope, dry_run=dry_run, yes=yes)


def _in_force(reader: Reader, project: str, rule_id: str) -> Mapping[str, Any]:
    """The rule of that id. Raises QueryError when there is none, or none any more."""
    known: Sequence[Mapping[str, Any]] = rows(reader.query("tenant_rules", project=project))
    found = [row for row in known if row["rule_id"] == rule_id]
    if not found:
        raise QueryError(f"project {project} has no rule {rule_id!r}. `steelyard tenants rules` lists them.")
    if found[0]["status"] != "in_force":
        raise QueryError(f"rule {rule_id} is withdrawn already, since {shown(found[0]['withdrawn_at'])} UTC.")
    return found[0]


def _record(rule: Mapping[str, Any], note: str | None, recorded_by: str | None) -> dict[str, Any]:
    return {
        "rule_id": str(ULID()),
        **rule,
        "note": note,
        "recorded_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "recorded_by": recorded_by or repriced.whoami(),
    }


def _apply(
    server: Owner, project: str, rule: Mapping[str, Any], scope: PricingScope, *, dry_run: bool, yes: bool
) -> None:
    """Show what the record would move; unless that is all, store it and let stored calls follow."""
    found = repriced.preview(server, project, scope, [rule])
    sys.stdout.write(_report(found))
    if dry_run:
        print("\nNothing was recorded (--dry-run).")
        return
    if not yes:
        click.confirm("\nRecord it?", abort=True)
    server.post_records("attribution_rules", [rule], project=project)
    name = rule.get("withdraws") or rule["rule_id"]
    print(f"\nRule {name} is {'withdrawn' if rule.get('withdraws') else 'in force'}.")
    if found.n_changed:
        outcome = repriced.run(
            server, project, scope, note=f"attribution rule {name}", by=rule["recorded_by"]
        )
        print(_told(outcome))


def _told(outcome: Outcome) -> str:
    """What became of the stored calls."""
    if outcome.n_calls is None:
        return f"Pricing run {outcome.pricing_run} {outcome.note}"
    corrected = f", {outcome.n_corrected:,} of closed months corrected" if outcome.n_corrected else ""
    return f"Pricing run {outcome.pricing_run}: {outcome.n_calls:,} calls looked at, {outcome.n_changed:,} changed{corrected}."


def _report(found: Preview) -> str:
    if not found.n_changed:
        return (
            f"None of {found.n_calls:,} stored calls of that time changes; the rule is for calls that come.\n"
        )
    before, after = (
        sum((getattr(one, f"list_{when}_usd") or Decimal(0) for one in found.differences), Decimal(0))
        for when in ("before", "after")
    )
    text = repriced.report(found)
    if before != after:
        text += "Not only tenants change: prices were recorded since some of these calls were charged, and apply too.\n"
    return text
