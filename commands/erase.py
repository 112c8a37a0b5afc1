"""`steelyard erase`: everything of one tenant or one user, with a receipt."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from ulid import ULID

from commands.output import text_table
from commands.owner import Owner, owner
from errors import ConfigError, ServerError
from store.reader import ServerReader, rows

_COLUMNS = (
    "erasure_id, scope, subject_sha256, requested_at, applied_at, physically_removed_at, "
    "cast(removed as varchar) as removed, cast(copies as varchar) as copies"
)


@click.command("erase", short_help="Remove everything of one tenant or one user, with a receipt.")
@click.option("--project", help="The project to erase in.")
@click.option("--tenant", help="The tenant to erase.")
@click.option("--user", help="The user to erase.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--now", "rewrite_now", is_flag=True, help="Rewrite the file at once instead of within a day.")
@click.option("--status", metavar="ID", help="Print the receipt of an earlier erasure.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard).")
def command(
    project: str | None,
    tenant: str | None,
    user: str | None,
    dry_run: bool,
    yes: bool,
    rewrite_now: bool,
    status: str | None,
    data: Path | None,
) -> None:
    """Remove everything of one tenant or one user, with a receipt. What arrives later is stored again.

    \b
    Example:
      steelyard erase --project default --user alice@example.com --dry-run
      steelyard erase --project default --user alice@example.com
      steelyard erase --status 01KAHZ0Q3W9V6T4N8R2M5C7D1E
      steelyard erase --now
    """
    with owner(data) as server:
        if status is not None:
            sys.stdout.write(_receipt(server, status))
        elif tenant or user:
            _erase(server, *_whom(project, tenant, user), dry_run=dry_run, yes=yes)
        elif not rewrite_now:
            raise click.UsageError("name --tenant or --user, --status ID, or --now")
        if rewrite_now and not dry_run:
            server.client.admin("rewrite", {})
            print(
                "steelyard: the server rewrites the store's file now, if anything erased is still in it; "
                "--status ID says when that is done",
                file=sys.stderr,
            )


def _whom(project: str | None, tenant: str | None, user: str | None) -> tuple[str, str, str]:
    if project is None:
        raise click.UsageError("name the --project: a tenant or a user is erased in one project")
    if tenant and user:
        raise click.UsageError("name --tenant or --user, one of them")
    return (project, "tenant", tenant) if tenant else (project, "user", user or "")


def _erase(server: Owner, project: str, scope: str, subject: str, *, dry_run: bool, yes: bool) -> None:
    found = rows(ServerReader(server.client).query("erasure_preview", project=project, **{scope: subject}))
    sys.stdout.write(f"Of {scope} {subject!r} in project {project!r}:\n\n")
    sys.stdout.write(
        text_table(["table", "rows"], [[row["table_name"], f"{row['n_rows']:,}"] for row in found])
    )
    if dry_run:
        print("\nNothing was removed (--dry-run).")
        return
    if not yes:
        click.confirm("\nRemove them? This cannot be undone", abort=True)
    erasure_id = str(ULID())
    erasure = {
        "erasure_id": erasure_id,
        "scope": scope,
        f"{scope}_id": subject,
        "requested_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    server.post_records("erasures", [erasure], project=project)
    sys.stdout.write("\n" + _receipt(server, erasure_id))


def _receipt(server: Owner, erasure_id: str) -> str:
    if not erasure_id.isalnum():
        raise ConfigError(f"{erasure_id!r} is not the id of an erasure, such as {ULID()}")
    reader = ServerReader(server.client)
    found = rows(reader.sql(f"select project, {_COLUMNS} from erasures where erasure_id = '{erasure_id}'"))
    if not found:
        raise ServerError(
            f"there is no receipt of erasure {erasure_id} (yet). If it was requested just now, the store is behind: "
            f"run `steelyard doctor`, then `steelyard erase --status {erasure_id}`."
        )
    return "\n".join(_lines(found[0], server.data_dir())) + "\n"


def _lines(receipt: Mapping[str, Any], data: Path | None) -> list[str]:
    removed = json.loads(receipt["removed"] or "{}")
    gone = receipt["physically_removed_at"]
    shown = (
        ", ".join(f"{n_rows:,} {table}" for table, n_rows in removed.items() if n_rows)
        or "nothing was stored"
    )
    return [
        f"Erasure {receipt['erasure_id']}",
        f"  project              {receipt['project']}",
        f"  of one               {receipt['scope']}, SHA-256 with the erasure's id {receipt['subject_sha256'] or '–'}",
        f"  requested            {_time(receipt['requested_at'])}",
        f"  out of every query   {_time(receipt['applied_at'])}",
        f"  rows                 {shown}",
        "  amounts              kept in the ledger, put together by day and rate card, without ids",
        f"  out of the file      {_time(gone) if gone else 'not yet: when the file is rewritten (--now does it)'}",
        *_copies(json.loads(receipt["copies"] or "[]"), data),
    ]


def _copies(names: Sequence[str], data: Path | None) -> list[str]:
    """Backups, exports and quarantined segments of that time that are still there, or may be."""
    left = [name for name in names if data is None or (data / name).exists()]
    if not left:
        return [
            "  copies of that time  none left beside the store; what was copied elsewhere is yours to delete"
        ]
    return [
        "  copies of that time  these still hold the rows until you delete them:",
        *(f"                         {name}" for name in left),
    ]


def _time(moment: datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
