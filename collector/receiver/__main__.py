"""The receiver's process: `python -m collector.receiver SETTINGS_JSON FD…`, started by the supervisor."""

from __future__ import annotations

import sys

from collector.observe import logs
from collector.processes.lifeline import follow_parent
from collector.processes.serving import serve
from collector.receiver.app import Receiver
from collector.receiver.connection import Connection, make_room_for_connections
from collector.receiver.observe import counted
from collector.settings import CollectorSettings
from collector.spool.segments import seal_orphans
from collector.tls import server_context


def main() -> None:
    """Seal what a dead receiver left open, then take telemetry until told to stop."""
    settings = CollectorSettings.taken_up(sys.argv[1])
    logs.configure(settings.log_format, settings.log_level)
    follow_parent()
    seal_orphans(settings.spool_dir)
    app = counted(Receiver(settings).app())
    make_room_for_connections()
    fds = [int(fd) for fd in sys.argv[2:]]
    serve(app, fds, graceful_s=5, tls=server_context(settings), connection=Connection)


if __name__ == "__main__":
    main()
