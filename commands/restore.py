"""`steelyard restore`: a backup becomes the store of a data directory."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from collector import datadir
from collector.configure import load_settings
from commands.backup import told
from errors import DataDirError
from store import backup

_OF_THE_STORE = ("store.duckdb", "store.duckdb.wal", "keys.json", "spool", "rewrite")


@click.command("restore", short_help="Put a backup into a data directory.")
@click.argument("folder", metavar="BACKUP", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--replace", is_flag=True, help="Keep the store that is there aside, and restore.")
@click.option("--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard).")
def command(folder: Path, replace: bool, data: Path | None) -> None:
    """Put a backup into a data directory. Refused while a server runs there, and where a store is already.

    \b
    Example:
      steelyard restore .steelyard/backups/steelyard-20261121T213000000000Z --data /var/lib/steelyard
    """
    os.umask(0o077)
    settings = load_settings({"data": data})
    manifest = backup.verify(folder)
    datadir.prepare(settings.data)
    lock = datadir.lock(settings.data, datadir.ServerAddress(os.getpid(), "", "", None))
    try:
        if _holds_a_store(settings.data):
            if not replace:
                raise DataDirError(
                    f"{settings.data} holds a store already. Name another directory with --data DIR, or give --replace "
                    "to keep that store aside and restore."
                )
            aside = _put_aside(settings.data)
            print(f"steelyard: the store that was there is kept in {aside}", file=sys.stderr)
        datadir.prepare(settings.data)
        backup.put_back(folder, settings.data)
    finally:
        os.close(lock)
    sys.stderr.write(told(manifest))
    print(f"steelyard: what was erased after {manifest.created_at} is in it: erase it again", file=sys.stderr)
    if manifest.has_keys:
        print(
            "steelyard: access keys are as they were then: one revoked since is valid again (`steelyard keys list`)",
            file=sys.stderr,
        )
    print(settings.data)


def _holds_a_store(data: Path) -> bool:
    """A store, or accepted telemetry that would be committed into the restored one."""
    return (data / "store.duckdb").exists() or any((data / "spool").glob("*.seg"))


def _put_aside(data: Path) -> Path:
    aside = data / "backups" / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z"
    aside.mkdir(mode=0o700)
    for name in _OF_THE_STORE:
        if (data / name).exists():
            (data / name).rename(aside / name)
    return aside
