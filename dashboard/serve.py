"""Serve the dashboard: `python -m dashboard.serve --port 8501 --api-url http://127.0.0.1:4319`.

With `--supervised` the process ends when its standard input does: the supervisor holds the other end of the
pipe, so the dashboard never outlives it, however it dies.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from collector.observe import logs
from collector.processes.lifeline import follow_parent
from errors import ConfigError, UserError

if TYPE_CHECKING:
    from streamlit import App

APP = Path(__file__).parent / "app.py"


def main(argv: list[str] | None = None) -> int:
    given = _arguments(argv)
    try:
        _check_port(given.address, given.port)
    except UserError as mistake:
        print(f"steelyard: {mistake}", file=sys.stderr)
        return 3
    if given.store_file:
        os.environ["STEELYARD_STORE_FILE"] = str(given.store_file)
    else:
        os.environ.pop("STEELYARD_STORE_FILE", None)
        os.environ["STEELYARD_URL"] = given.api_url
    if given.supervised:
        follow_parent()
    logs.configure(given.log_format)
    _serve(given.address, given.port)
    return 0


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard.serve", description="Serve the Steelyard dashboard."
    )
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--address", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument("--api-url", default="http://127.0.0.1:4319", help="the store server's read API")
    parser.add_argument(
        "--store-file", type=Path, help="read this store file instead; no server may run on it"
    )
    parser.add_argument("--log-format", default="auto", choices=("auto", "text", "json"))
    parser.add_argument("--supervised", action="store_true", help="end when standard input does")
    return parser.parse_args(argv)


def _check_port(address: str, port: int) -> None:
    """Refuse a taken port: Streamlit by itself would move on to the next, and nobody would find the page."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as taken:
            raise ConfigError(
                f"the dashboard cannot listen on {address}:{port} ({taken.strerror}). Stop what runs there, "
                "or choose another port, for example --port 8502."
            ) from taken


def _serve(address: str, port: int) -> None:
    # Here and not above, so that a taken port is told at once and not after seconds of imports.
    import streamlit as st

    from dashboard.theme import OPTIONS

    # `App.run` takes the first argument for the script whose folder holds more settings; ours are all here.
    sys.argv = [str(APP)]
    st.App(APP, lifespan=_warmed).run(config={**OPTIONS, "server.address": address, "server.port": port})


@asynccontextmanager
async def _warmed(app: App) -> AsyncIterator[None]:
    """Load what the pages need (Plotly, Arrow, pandas: 2 s of CPU) before the port opens.

    Whoever opens the first page does not wait for it.
    """
    import dashboard.views  # noqa: F401

    logs.adopt("streamlit", "uvicorn")
    yield


if __name__ == "__main__":
    sys.exit(main())
