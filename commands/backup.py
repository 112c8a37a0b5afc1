"""`steelyard backup`: a copy of the store, while it is written or at rest."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from collector import datadir
from collector.configure import load_settings
from collector.settings import CollectorSettings
from collector.spool.segments import spool_bytes
from commands.owner import owner
from errors import ConfigError, DataDirError
from store import backup
from store.backends import file


@click.command("backup", short_help="Copy the store, while it is written or at rest.")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="Put it there (default: backups/)."
)
@click.option("--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard).")
def command(to: Path | None, data: Path | None) -> None:
    """Copy the store, while it is written or at rest. The path of the backup is all that is printed to stdout.

    \b
    Example:
      steelyard backup
      steelyard backup --to /mnt/backups
    """
    os.umask(0o077)
    settings = load_settings({"data": data})
    is_ours = not os.environ.get("STEELYARD_URL") or data is not None
    if is_ours and datadir.running_server(settings.data) is None:
        folder = _of_file(settings)
    else:
        with owner(data) as server:
            folder = Path(server.client.admin("backup", {})["folder"])
    if to is not None:
        folder = move(folder, to)
    print(folder)
    if folder.is_dir():
        sys.stderr.write(told(backup.read_manifest(folder)))


def told(manifest: backup.Manifest) -> str:
    """What a backup holds, for a person."""
    held = ", ".join(f"{n_rows:,} {table}" for table, n_rows in manifest.rows.items() if n_rows) or "no rows"
    keys = "; the access keys' hashes" if manifest.has_keys else ""
    return (
        f"steelyard: of {manifest.created_at}, Steelyard {manifest.steelyard_version}, schema "
        f"{manifest.schema_version}, {manifest.store_bytes:,} bytes\nsteelyard: {held}{keys}\n"
    )


def move(folder: Path, to: Path) -> Path:
    """A finished backup or export to where the user wants it; raises ConfigError when it is on another machine."""
    if not folder.is_dir():
        raise ConfigError(f"it is at {folder} on the server's machine; --to works on that machine only")
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Under another name until it is whole: the way may lead to another disk.
    part = to / f".{folder.name}.part"
    shutil.move(folder, part)
    return part.rename(to / folder.name)


def _of_file(settings: CollectorSettings) -> Path:
    """No server runs: the store is copied by us, under the lock of its directory."""
    if not settings.store_path.exists():
        raise DataDirError(f"there is no store at {settings.store_path}. Name it with --data DIR.")
    lock = datadir.lock(settings.data, datadir.ServerAddress(os.getpid(), "", "", None))
    try:
        waiting = spool_bytes(settings.spool_dir) if settings.spool_dir.is_dir() else 0
        if waiting:
            raise DataDirError(
                f"{waiting:,} bytes of accepted telemetry wait in {settings.spool_dir} and would not be in the backup. "
                "Start `steelyard collect`, which commits them, and run `steelyard backup` beside it."
            )
        connection: Any = file.open_for_backup(settings.store_path)
        try:
            folder, _ = backup.make(connection, settings.data, file.STORAGE_VERSION, version("steelyard"))
        finally:
            connection.close()
        return folder
    finally:
        os.close(lock)
