"""The receiver's process: `python -m collector.receiver SETTINGS_JSON FD…`, started by the supervisor."""

from __future__ import annotations

import sys

from collector.processes.lifeline import follow_parent
from collector.processes.listening import serve
from collector.receiver.app import Receiver
from collector.settings import CollectorSettings
from collector.spool.segments import seal_orphans


def main() -> None:
    """Seal what a dead receiver left open, then take telemetry until told to stop."""
    settings = CollectorSettings.model_validate_json(sys.argv[1])
    follow_parent()
    seal_orphans(settings.spool_dir)
    serve(Receiver(settings).app(), [int(fd) for fd in sys.argv[2:]], graceful_s=5)


if __name__ == "__main__":
    main()
