"""`steelyard keys`: who may send to a collector and read from it."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pyarrow as pa

from collector import datadir, keys
from collector.configure import load_settings
from collector.keys import Key, KeyFileError
from collector.roles import ROLES
from collector.settings import CollectorSettings
from commands.output import Format, format_option, print_rows
from errors import DataDirError

_LISTED = pa.schema(
    [
        (name, pa.string())
        for name in (
            "key_id",
            "name",
            "role",
            "project",
            "tenant",
            "environment",
            "ends_in",
            "created_at",
            "revoked_at",
        )
    ]
)
_TO_SEND = 'export OTEL_EXPORTER_OTLP_HEADERS="x-api-key=<the key>"'
_TO_LOOK = "export STEELYARD_API_KEY=<the key>, or type it in where the pages ask for one"
_data_option = click.option(
    "--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard)."
)


@click.group("keys", short_help="Make, list and revoke access keys.")
def command() -> None:
    """Make, list and revoke access keys. A running collector follows within a second.

    \b
    Example:
      steelyard keys add --role ingest --project search-team
    """


@command.command("add")
@click.option(
    "--role",
    required=True,
    metavar="|".join(ROLES),
    help="ingest sends; viewer, engineer and finance look; admin does both and more (docs/keys.md).",
)
@click.option("--project", required=True, help="The project it is bound to; '*' = every one, for admin only.")
@click.option("--tenant", default="", help="Only this tenant's data.")
@click.option("--environment", default="", help="Only this environment's data.")
@click.option("--name", default="", help="Who or what it is for.")
@_data_option
def add(role: str, project: str, tenant: str, environment: str, name: str, data: Path | None) -> None:
    """Make a key. It is printed once, alone, on stdout; the data directory keeps only its hash.

    \b
    Example:
      steelyard keys add --role ingest --project search-team --name "search, production"
      KEY=$(steelyard keys add --role viewer --project search-team)
    """
    settings = load_settings({"data": data})
    _make_room(settings)
    key, token = keys.add_key(
        settings.data, role=role, project=project, tenant=tenant, environment=environment, name=name
    )
    bound = [f"project {key.project}"]
    bound += [f"{what} {text}" for what, text in (("tenant", tenant), ("environment", environment)) if text]
    _say(f"key {key.key_id}: role {key.role}, {', '.join(bound)}. This is the only time it is shown:")
    click.echo(token)
    _say(f"Use it with: {_TO_SEND if key.role == 'ingest' else _TO_LOOK}")
    _say(f"Revoke it with: steelyard keys revoke {key.key_id}")


@command.command("list")
@_data_option
@format_option
def list_keys(data: Path | None, output_format: Format) -> None:
    """List the keys, the revoked ones too. Never the keys themselves: those are nowhere.

    \b
    Example:
      steelyard keys list
      steelyard keys list --format json
    """
    settings = load_settings({"data": data})
    try:
        known = keys.read_keys(settings.data)
    except KeyFileError as unusable:
        raise DataDirError(str(unusable)) from None
    if not known:
        _say(f"{settings.data} has no keys. Make one with `steelyard keys add --role ingest --project NAME`.")
    print_rows(pa.Table.from_pylist([_row(key) for key in known], _LISTED), output_format)


@command.command("revoke")
@click.argument("key_id", metavar="KEY_ID")
@_data_option
def revoke(key_id: str, data: Path | None) -> None:
    """Revoke a key for ever; who still uses it is refused within a second.

    \b
    Example:
      steelyard keys revoke k7m2x9qwtp
    """
    key = keys.revoke_key(load_settings({"data": data}).data, key_id)
    _say(f"key {key.key_id} (role {key.role}, project {key.project}) is revoked.")


def _make_room(settings: CollectorSettings) -> None:
    """Keys can be made before the first start."""
    if not settings.data.exists():
        datadir.prepare(settings.data)


def _row(key: Key) -> dict[str, str | None]:
    return {
        "key_id": key.key_id,
        "name": key.name or None,
        "role": key.role,
        "project": key.project,
        "tenant": key.tenant or None,
        "environment": key.environment or None,
        "ends_in": key.hint,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _say(line: str) -> None:
    print(f"steelyard: {line}", file=sys.stderr)
