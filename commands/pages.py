"""The dashboard's process: what it is started with, and whether people can sign in to it as the settings say."""

from __future__ import annotations

import socket
from importlib.util import find_spec

from collector.settings import CollectorSettings
from collector.visitors import SIGN_IN_VARIABLE, SignIn
from errors import ConfigError

_HOW = "See docs/sign-in.md."


def sign_in_of(settings: CollectorSettings) -> SignIn:
    """How people sign in, as the dashboard's process takes it up."""
    return SignIn(
        method=settings.dashboard_sign_in,
        users=settings.dashboard_users,
        user_header=settings.dashboard_user_header,
        proxies=settings.dashboard_proxies,
        oidc_file=str(settings.dashboard_oidc.absolute()) if settings.dashboard_oidc else "",
    )


def check(settings: CollectorSettings) -> None:
    """Refuse settings with which the pages would be open to everybody, or to nobody. Raises ConfigError."""
    method = settings.dashboard_sign_in
    if settings.is_dashboard_public and method == "none":
        raise ConfigError(
            f"dashboard_host = {settings.dashboard_address} opens the pages to other machines, and nobody has to sign in. "
            "Set dashboard_sign_in to key (access keys), oidc or proxy, for example STEELYARD_DASHBOARD_SIGN_IN=key, or "
            f"leave dashboard_host out. {_HOW}"
        )
    if method in ("oidc", "proxy") and not settings.dashboard_users:
        raise ConfigError(
            f"dashboard_sign_in = {method} needs dashboard_users, which says what each person may see; without it nobody "
            f'gets in. For example: STEELYARD_DASHBOARD_USERS={{"ana@example.com": {{"role": "admin"}}}}. {_HOW}'
        )
    if method == "oidc":
        _check_oidc(settings)


def _check_oidc(settings: CollectorSettings) -> None:
    if settings.dashboard_oidc is None or not settings.dashboard_oidc.is_file():
        raise ConfigError(
            f"dashboard_sign_in = oidc needs dashboard_oidc, a file with the client's id and secret, and "
            f"{settings.dashboard_oidc or 'none'} is not one. For example: "
            f"STEELYARD_DASHBOARD_OIDC=/etc/steelyard/oidc.toml. {_HOW}"
        )
    if find_spec("authlib") is None:
        raise ConfigError(
            "dashboard_sign_in = oidc needs the package authlib: pip install 'steelyard[oidc]', then start again."
        )


def arguments(settings: CollectorSettings) -> list[str]:
    """Those of `python -m dashboard.serve`. Anybody on the machine can list them."""
    given = {
        "--log-format": settings.log_format,
        "--address": settings.dashboard_address,
        "--port": str(settings.dashboard),
        "--api-url": settings.api_url,
    }
    if settings.dashboard_has_tls:
        given |= {"--tls-cert": str(settings.tls_cert), "--tls-key": str(settings.tls_key)}
    return ["--supervised", *(word for pair in given.items() for word in pair)]


def environment(settings: CollectorSettings, local_token: str) -> dict[str, str]:
    """What nobody else may see, and the key with which it reads for those who sign in.

    Who types in an access key is answered with that key: then the pages have none of their own, and whatever is
    wrong with them, nobody sees more than their key lets them.
    """
    own = "" if settings.dashboard_sign_in == "key" else local_token
    pinned = {"STEELYARD_CERTIFICATE": str(settings.tls_cert.absolute())} if settings.tls_cert else {}
    return {
        SIGN_IN_VARIABLE: sign_in_of(settings).handed_down(),
        "STEELYARD_API_KEY": own,
        # Where what people save is sent.
        "STEELYARD_OTLP_URL": settings.receiver_url,
        **pinned,
    }


def url_for_people(settings: CollectorSettings) -> str:
    """Where people open the pages: by this machine's name when they listen on every address."""
    address = settings.dashboard_address
    return settings.dashboard_url_at(socket.gethostname() if address in ("0.0.0.0", "::") else address)
