"""The store server's process: `python -m collector.server SETTINGS_JSON FD…`, started by the supervisor."""

from __future__ import annotations

import importlib.abc
import sys
from collections.abc import Sequence
from types import ModuleType

from collector.observe import logs
from collector.processes.lifeline import follow_parent
from collector.settings import CollectorSettings
from errors import DataDirError


class _WithoutPandas(importlib.abc.MetaPathFinder):
    """Arrow and DuckDB load pandas wherever it is installed, as it is for the dashboard: 35 MB that nothing here uses."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("the store server runs without pandas", name=fullname)


def main() -> None:
    """Open the store, then commit and answer until told to stop."""
    # Two threads take turns at every statement and every step of decoding: the usual 5 ms are a long wait for that.
    sys.setswitchinterval(0.001)
    settings = CollectorSettings.taken_up(sys.argv[1])
    logs.configure(settings.log_format, settings.log_level)
    follow_parent()
    sys.meta_path.insert(0, _WithoutPandas())
    # Here and not above: Arrow asks for pandas at the first array that is made, which is while this loads.
    from collector.server.store_server import StoreServer

    try:
        server = StoreServer(settings)
    except DataDirError as refused:
        logs.of("store server").error("store_not_opened", str(refused))
        sys.exit(1)
    server.run([int(fd) for fd in sys.argv[2:]])


if __name__ == "__main__":
    main()
