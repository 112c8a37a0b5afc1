"""Serve the dashboard: `python -m dashboard.serve --port 8501 --api-url http://127.0.0.1:4319`.

With `--supervised` the process ends when its standard input does: the supervisor holds the other end of the
pipe, so the dashboard never outlives it, however it dies.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from collector.observe import logs
from collector.processes.lifeline import follow_parent
from collector.settings import is_public_host
from collector.visitors import PROXY_USER, SIGN_IN_VARIABLE, SignIn
from dashboard import oidc
from dashboard.compression import CompressedAssets
from dashboard.doorman import BackToLink, Doorman
from errors import ConfigError, UserError

if TYPE_CHECKING:
    from streamlit import App

APP = Path(__file__).parent / "app.py"


def main(argv: list[str] | None = None) -> int:
    given = _arguments(argv)
    try:
        sign_in = SignIn.taken_up(os.environ.get(SIGN_IN_VARIABLE))
        _check_who_gets_in(sign_in, given)
        secrets = oidc.secrets(sign_in)
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
    _serve(given, sign_in, secrets)
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
    parser.add_argument("--tls-cert", type=Path, help="serve https with this certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, help="and its private key (PEM)")
    parser.add_argument("--log-format", default="auto", choices=("auto", "text", "json"))
    parser.add_argument("--supervised", action="store_true", help="end when standard input does")
    return parser.parse_args(argv)


def _check_who_gets_in(sign_in: SignIn, given: argparse.Namespace) -> None:
    if sign_in.method == "none" and is_public_host(given.address):
        raise ConfigError(
            f"--address {given.address} opens the pages to other machines, and nobody has to sign in. Start them with "
            "`steelyard up` and dashboard_sign_in = key, oidc or proxy (docs/sign-in.md), or stay on 127.0.0.1."
        )
    if sign_in.method != "none" and given.store_file:
        raise ConfigError(
            "--store-file has no read API that could hold each visitor to what is theirs; leave out the sign-in and "
            "stay on this machine, or start a server on the file."
        )


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


def _serve(given: argparse.Namespace, sign_in: SignIn, secrets: Mapping[str, Any] | None) -> None:
    # Here and not above, so that a taken port is told at once and not after seconds of imports.
    import streamlit as st

    from dashboard.theme import OPTIONS

    # `App.run` takes the first argument for the script whose folder holds more settings; ours are all here.
    sys.argv = [str(APP)]
    # The peer of a connection is who it is, not what a header says: the doorman asks whether it is the proxy.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    app = st.App(APP, lifespan=_warmed, middleware=_middleware(sign_in), secrets=secrets)
    app.run(config={**OPTIONS, **_listening(given), **_identity(sign_in)})


def _listening(given: argparse.Namespace) -> dict[str, Any]:
    found = {"server.address": given.address, "server.port": given.port}
    if given.tls_cert:
        found |= {"server.sslCertFile": str(given.tls_cert), "server.sslKeyFile": str(given.tls_key)}
    return found


def _identity(sign_in: SignIn) -> dict[str, Any]:
    # The name of the header is Streamlit's own default elsewhere; without a proxy nobody's header is believed.
    return {
        "server.trustedUserHeaders": {sign_in.user_header: PROXY_USER} if sign_in.method == "proxy" else {}
    }


def _middleware(sign_in: SignIn) -> list[Middleware]:
    found = [Middleware(Doorman, sign_in=sign_in), Middleware(CompressedAssets)]
    return [*found, Middleware(BackToLink)] if sign_in.method == "oidc" else found


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
