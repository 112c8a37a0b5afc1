"""The store server's process: `python -m collector.server SETTINGS_JSON FD…`, started by the supervisor."""

from __future__ import annotations

import sys

from collector.processes.lifeline import follow_parent
from collector.server.store_server import StoreServer
from collector.settings import CollectorSettings
from errors import DataDirError


def main() -> None:
    """Open the store, then commit and answer until told to stop."""
    settings = CollectorSettings.model_validate_json(sys.argv[1])
    follow_parent()
    try:
        server = StoreServer(settings)
    except DataDirError as refused:
        sys.exit(f"store server: {refused}")
    server.run([int(fd) for fd in sys.argv[2:]])


if __name__ == "__main__":
    main()
