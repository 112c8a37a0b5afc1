"""Finding the store for a command: a server where one runs, else the file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from collector.datadir import ServerAddress, running_server
from collector.settings import DEFAULT_DATA_DIR, load_settings
from collector.spool import spool_bytes
from errors import ServerError
from store.reader import FileReader, Reader, ServerReader
from store.remote import DEFAULT_API_URL, DEFAULT_RECEIVER_URL, StoreClient


@dataclass(frozen=True)
class Found:
    """Where a command's data comes from. `address` is None when no server runs."""

    reader: Reader
    data: Path
    address: ServerAddress | None


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """The flags of every command that reads: which store, which project."""
    for option in (
        click.option("--project", default="default", show_default=True, help="Project to read."),
        click.option(
            "--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard)."
        ),
    ):
        command = option(command)
    return command


def connect(data: Path | None = None) -> Found:
    """A reader on the store that the user means, strongest wish first: --data, $STEELYARD_URL, what runs here.

    Reads the file itself only when no server runs on it, and says so; raises UserError when there is nothing.
    """
    named_url = os.environ.get("STEELYARD_URL")
    settings = load_settings({"data": data})
    if named_url and data is None:
        return Found(_server(named_url), settings.data, None)
    here = running_server(settings.data)
    if here is not None:
        return Found(_server(here.api_url), settings.data, here)
    chosen = data is not None or settings.data != DEFAULT_DATA_DIR.absolute()
    if not chosen and _answers(DEFAULT_API_URL):
        address = ServerAddress(0, DEFAULT_RECEIVER_URL, DEFAULT_API_URL, None)
        return Found(_server(DEFAULT_API_URL), settings.data, address)
    reader = FileReader(settings.store_path)
    waiting = spool_bytes(settings.spool_dir) if settings.spool_dir.exists() else 0
    note = f"; {waiting} bytes wait in its spool: `steelyard up` commits them" if waiting else ""
    print(f"steelyard: no server runs; reading {settings.store_path}{note}", file=sys.stderr)
    return Found(reader, settings.data, None)


def _server(url: str) -> ServerReader:
    return ServerReader(StoreClient(url, api_key=os.environ.get("STEELYARD_API_KEY")))


def _answers(url: str) -> bool:
    client = StoreClient(url, timeout_s=1.0)
    try:
        client.health()
    except ServerError:
        return False
    finally:
        client.close()
    return True
