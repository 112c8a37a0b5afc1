"""The server that runs on a data directory of this machine, and the right of the directory's owner to use it.

Light on purpose (no Arrow, no database): the eval commands import it.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from collector.datadir import ServerAddress, running_server
from collector.keys import read_local_token
from errors import ConfigError
from evals.borrow import named_store
from evals.outbox import Receiver
from store.remote import StoreClient
from store.trust import Verification, exactly

API_KEY = "STEELYARD_API_KEY"
_TOML = Path("steelyard.toml")


@dataclass(frozen=True)
class LocalServer:
    """The server of a data directory, as a command of the directory's owner reaches it."""

    receiver_url: str
    api_url: str
    verify: Verification
    api_key: str | None = field(repr=False)

    def client(self, *, timeout_s: float = 60.0) -> StoreClient:
        return StoreClient(self.api_url, api_key=self.api_key, timeout_s=timeout_s, verify=self.verify)


def local_server(data: Path, address: ServerAddress, *, as_owner: bool = False) -> LocalServer:
    """With $STEELYARD_API_KEY when it is set, else with the token that only the owner of the directory can read.

    `as_owner` turns that round, for what only the owner may do.
    """
    keys = (os.environ.get(API_KEY), read_local_token(data))
    return LocalServer(
        address.receiver_url,
        address.api_url,
        exactly(Path(address.certificate)) if address.certificate else False,
        next(filter(None, reversed(keys) if as_owner else keys), None),
    )


def eval_receiver(project: str | None) -> Receiver:
    """Where a run's calls and records go: what the environment names, else the server that runs here.

    Raises ConfigError.
    """
    named = Receiver.from_environment(project)
    here = None if named.is_named else server_here(usual_directory())
    if here is None:
        return named
    return Receiver(here.receiver_url, project, here.api_key, here.verify)


def eval_store() -> StoreClient:
    """Where a stored baseline is looked up: what the environment names, else the server that runs here."""
    here = None if os.environ.get("STEELYARD_URL") else server_here(usual_directory())
    return here.client() if here else named_store()


def server_here(data: Path) -> LocalServer | None:
    """The server that runs on this data directory now, if one does."""
    address = running_server(data)
    return local_server(data, address) if address else None


def usual_directory() -> Path:
    """The data directory of commands that have no flag for it, as `load_settings` finds it."""
    named = os.environ.get("STEELYARD_DATA")
    if named is None and _TOML.is_file():
        try:
            named = tomllib.loads(_TOML.read_text("utf-8")).get("data")
        except (ValueError, OSError) as wrong:
            raise ConfigError(f"{_TOML} is not valid TOML: {wrong}") from None
    return Path(named or ".steelyard").expanduser().absolute()
