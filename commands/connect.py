"""Finding the store for a command: a server where one runs, else the file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from collector.configure import load_settings
from collector.settings import DEFAULT_DATA_DIR, CollectorSettings
from collector.spool.segments import spool_bytes
from commands.local import API_KEY, server_here
from errors import QueryError, ServerError
from store.reader import FileReader, Reader, ServerReader
from store.remote import DEFAULT_API_URL, StoreClient
from store.trust import verification


def source_options(command: Callable[..., None]) -> Callable[..., None]:
    """The flags of every command that reads: which store, which project."""
    for option in (
        click.option(
            "--project",
            default="default",
            show_default=True,
            envvar="STEELYARD_PROJECT",
            help="Project to read.",
        ),
        click.option(
            "--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard)."
        ),
    ):
        command = option(command)
    return command


@contextlib.contextmanager
def connect(data: Path | None = None) -> Iterator[Reader]:
    """A reader on the store that the user means, strongest wish first: --data, $STEELYARD_URL, what runs here.

    Reads the file itself only when no server runs on it, and says so; raises UserError when there is nothing.
    """
    reader = _reader(data)
    try:
        yield reader
    finally:
        reader.close()


def _reader(data: Path | None) -> Reader:
    settings = load_settings({"data": data})
    named_url = os.environ.get("STEELYARD_URL")
    if named_url and data is None:
        return ServerReader(_client(named_url, settings))
    if here := server_here(settings.data):
        return ServerReader(here.client())
    is_usual_place = data is None and settings.data == DEFAULT_DATA_DIR.absolute()
    if is_usual_place and _answers(DEFAULT_API_URL):
        return ServerReader(_client(DEFAULT_API_URL, settings))
    reader = FileReader(settings.store_path)
    waiting = spool_bytes(settings.spool_dir) if settings.spool_dir.exists() else 0
    note = f"; {waiting} bytes wait in its spool: `steelyard up` commits them" if waiting else ""
    print(f"steelyard: no server runs; reading {settings.store_path}{note}", file=sys.stderr)
    return reader


def _client(url: str, settings: CollectorSettings) -> StoreClient:
    """A server that was named, wherever it is: the token of a data directory here is not for it."""
    verify = verification(url, authorities=settings.tls_ca)
    return StoreClient(url, api_key=os.environ.get(API_KEY), verify=verify)


def _answers(url: str) -> bool:
    client = StoreClient(url, timeout_s=1.0)
    try:
        client.health()
    except ServerError:
        return False
    except QueryError:
        return True  # it refuses us, so it is there
    finally:
        client.close()
    return True
