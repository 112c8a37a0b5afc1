"""Who reaches the pages at all, before Streamlit sees a request; and the way back to a link after a sign-in.

Pure ASGI, so that the websocket, on which everything is shown, passes here too.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.settings import is_public_host
from collector.visitors import SignIn

# The supervisor asks it from this machine, whoever the proxies are.
_HEALTH = "/_stcore/health"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOGIN, _CALLBACK = "/auth/login", "/oauth2callback"
_COOKIE = "steelyard_back_to"
_COOKIE_SECONDS = 900
_MOST_CHARACTERS = 2_000
# One slash, then no second: `//evil.example` is another host. Nothing that ends a header or a cookie.
_PATH = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]*")


class Doorman:
    """Refuses whoever must not reach the pages: 403 with the reason, before anything is shown."""

    def __init__(self, app: ASGIApp, sign_in: SignIn) -> None:
        self._app = app
        self._sign_in = sign_in
        self._proxies = [ipaddress.ip_network(proxy) for proxy in sign_in.proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] == _HEALTH:
            await self._app(scope, receive, send)
            return
        why = self._refusal(scope)
        if why is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(f"Steelyard: {why}\n", 403)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        match self._sign_in.method:
            case "none":
                return _not_local(headers)
            case "proxy":
                return self._not_proxied(scope, headers)
            case _:
                return None

    def _not_proxied(self, scope: Scope, headers: Headers) -> str | None:
        """Whoever comes past the proxy could call himself what he likes."""
        peer = (scope.get("client") or ("",))[0]
        if not _is_within(peer, self._proxies):
            return "this page is reached through its proxy only (setting dashboard_proxies)."
        # A proxy that adds its header beside the one that a browser sent has not said which is true.
        if len(headers.getlist(self._sign_in.user_header)) > 1:
            return f"the header {self._sign_in.user_header} came twice; the proxy must replace what a browser sends."
        return None


def _not_local(headers: Headers) -> str | None:
    """Without a sign-in only this machine: no proxy that brings others, no web page that calls itself 127.0.0.1."""
    if by := next((name for name in _FORWARDED if name in headers), None):
        return (
            f"this page has no sign-in, and the request came through a proxy ({by}). Set dashboard_sign_in "
            "(docs/sign-in.md)."
        )
    host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    if is_public_host(host):
        return "this page has no sign-in, so it answers to 127.0.0.1 and localhost only (docs/sign-in.md)."
    return None


def _is_within(peer: str, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    # A socket for both families writes IPv4 as ::ffff:10.0.0.5.
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped.version == network.version and mapped in network for network in networks)


class BackToLink:
    """After a sign-in at the provider Streamlit opens the first page; this brings people to the link that they came by.

    The link is the Referer of the request that leaves for the provider: a path of our own, kept in a cookie meanwhile.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in (_LOGIN, _CALLBACK):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        link = _came_by(headers) if scope["path"] == _LOGIN else _kept(headers)

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start" and link is not None:
                _change(MutableHeaders(scope=message), scope["path"], link)
            await send(message)

        await self._app(scope, receive, send_on)


def _change(headers: MutableHeaders, path: str, link: str) -> None:
    if path == _LOGIN:
        kept, age = quote(link, safe=""), _COOKIE_SECONDS
    else:
        kept, age = "", 0
        if headers.get("location") == "/":
            headers["location"] = link
    headers.append("set-cookie", f"{_COOKIE}={kept}; Path={_CALLBACK}; Max-Age={age}; HttpOnly; SameSite=Lax")


def _came_by(headers: Headers) -> str | None:
    """The page that the request came from, when it is one of ours."""
    referer = urlsplit(headers.get("referer", ""))
    if referer.netloc != headers.get("host"):
        return None
    link = referer.path + (f"?{referer.query}" if referer.query else "")
    return link if _is_link(link) else None


def _kept(headers: Headers) -> str | None:
    link = unquote(cookie_parser(headers.get("cookie", "")).get(_COOKIE, ""))
    return link if _is_link(link) else None


def _is_link(link: str) -> bool:
    return len(link) <= _MOST_CHARACTERS and _PATH.fullmatch(link) is not None
