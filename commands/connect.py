"""Finding the store for a command: a server where one runs, else the file."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import duckdb

from collector.configure import load_settings
from collector.settings import DEFAULT_DATA_DIR, CollectorSettings
from collector.spool.segments import spool_bytes
from commands.local import API_KEY, server_here
from errors import QueryError, ServerError
from store.backends import file
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


@contextlib.contextmanager
def client_or_file(data: Path | None = None) -> Iterator[StoreClient | duckdb.DuckDBPyConnection]:
    """As `connect`, for what is more than queries: the server's client, or the file opened read-only."""
    settings = load_settings({"data": data})
    opened = _server(settings, data) or file.open_for_reading(settings.store_path)
    if isinstance(opened, duckdb.DuckDBPyConnection):
        _say_that_it_is_the_file(settings)
    try:
        yield opened
    finally:
        opened.close()


def _reader(data: Path | None) -> Reader:
    settings = load_settings({"data": data})
    if client := _server(settings, data):
        return ServerReader(client)
    reader = FileReader(settings.store_path)
    _say_that_it_is_the_file(settings)
    return reader


def _server(settings: CollectorSettings, data: Path | None) -> StoreClient | None:
    """The server that the user means, None where none runs."""
    named_url = os.environ.get("STEELYARD_URL")
    if named_url and data is None:
        return _client(named_url, settings)
    if here := server_here(settings.data):
        return here.client()
    is_usual_place = data is None and settings.data == DEFAULT_DATA_DIR.absolute()
    if is_usual_place and _answers(DEFAULT_API_URL):
        return _client(DEFAULT_API_URL, settings)
    return None


def _say_that_it_is_the_file(settings: CollectorSettings) -> None:
    waiting = spool_bytes(settings.spool_dir) if settings.spool_dir.exists() else 0
    note = f"; {waiting} bytes wait in its spool: `steelyard up` commits them" if waiting else ""
    print(f"steelyard: no server runs; reading {settings.store_path}{note}", file=sys.stderr)


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
