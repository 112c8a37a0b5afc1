"""The server that a command of the store's owner talks to: with the right to erase, back up and export."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.configure import load_settings
from collector.datadir import running_server
from commands.local import API_KEY, local_server
from errors import ServerError
from store.remote import StoreClient, post_records
from store.trust import Verification, verification

# A backup or an export of a large store takes its time.
JOB_PATIENCE_S = 6 * 3600.0


@dataclass(frozen=True)
class Owner:
    """One server, and what it takes to write to it as its owner."""

    client: StoreClient
    receiver_url: str
    api_key: str | None
    verify: Verification

    def post_records(self, kind: str, rows: Sequence[Mapping[str, object]], *, project: str) -> None:
        """Send records and return when they are committed."""
        post_records(self.receiver_url, kind, rows, project=project, api_key=self.api_key, verify=self.verify)

    def data_dir(self) -> Path | None:
        """The server's data directory, if it is on this machine."""
        named = self.client.health().get("data_dir")
        found = Path(str(named)) if named else None
        return found if found is not None and found.is_dir() else None


@contextlib.contextmanager
def owner(data: Path | None) -> Iterator[Owner]:
    """The server that the user means: --data, $STEELYARD_URL, or what runs here. Raises ServerError when none does."""
    found = _owner(data)
    try:
        yield found
    finally:
        found.client.close()


def _owner(data: Path | None) -> Owner:
    settings = load_settings({"data": data})
    named_url = os.environ.get("STEELYARD_URL")
    if named_url and data is None:
        verify = verification(named_url, authorities=settings.tls_ca)
        key = os.environ.get(API_KEY)
        client = StoreClient(named_url, api_key=key, timeout_s=JOB_PATIENCE_S, verify=verify)
        return Owner(client, str(client.health().get("receiver_url")), key, verify)
    address = running_server(settings.data)
    if address is None:
        raise ServerError(
            f"no server runs on {settings.data}. Start one with `steelyard up` or `steelyard collect`, or set STEELYARD_URL."
        )
    here = local_server(settings.data, address, as_owner=True)
    client = here.client(timeout_s=JOB_PATIENCE_S)
    return Owner(client, here.receiver_url, here.api_key, here.verify)
