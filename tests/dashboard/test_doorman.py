"""Who reaches the pages at all, and where a sign-in leads back to: the two doors, without Streamlit behind them."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from collector.visitors import SignIn
from dashboard.doorman import BackToLink, Doorman

PROXIED = SignIn("proxy", {"*": {"role": "viewer"}}, proxies=("10.0.0.0/24", "127.0.0.1"))


async def page(request: Request) -> Response:
    return PlainTextResponse("the page")


async def stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


async def login(request: Request) -> Response:
    return RedirectResponse("https://login.example.com/authorize", 302)


async def callback(request: Request) -> Response:
    return RedirectResponse("/", 302)


APP = Starlette(
    routes=[
        Route("/", page),
        Route("/_stcore/health", page),
        WebSocketRoute("/_stcore/stream", stream),
        Route("/auth/login", login),
        Route("/oauth2callback", callback),
    ]
)


def asked(
    sign_in: SignIn, *, host: str = "localhost:8501", peer: str = "127.0.0.1", path: str = "/", **headers: str
) -> int:
    """The status of the page."""
    client = TestClient(Doorman(APP, sign_in), f"http://{host}", client=(peer, 50_000))
    return client.get(
        path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ).status_code


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "127.8.8.8"])
def test_without_a_sign_in_this_machine_looks(host: str) -> None:
    assert asked(SignIn(), host=host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8501", "10.0.0.5:8501", "127.0.0.1.evil.example", "steelyard"]
)
def test_without_a_sign_in_a_name_that_is_not_this_machines_is_refused(host: str) -> None:
    assert asked(SignIn(), host=host) == 403
    assert asked(SignIn("key"), host=host) == 200


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "via", "x_real_ip"])
def test_without_a_sign_in_nobody_comes_through_a_proxy(header: str) -> None:
    assert asked(SignIn(), **{header: "10.1.1.1"}) == 403
    assert asked(SignIn("key"), **{header: "10.1.1.1"}) == 200


def test_past_the_proxy_nobody_comes_in_whatever_he_calls_himself() -> None:
    assert asked(PROXIED, peer="10.0.0.7", x_forwarded_user="ana") == 200
    assert asked(PROXIED, peer="::ffff:10.0.0.7", x_forwarded_user="ana") == 200
    for stranger in ("10.0.1.7", "192.168.0.9", "::1", "testclient", ""):
        assert asked(PROXIED, peer=stranger, x_forwarded_user="ana", x_forwarded_for="10.0.0.7") == 403
    assert asked(PROXIED, peer="192.168.0.9", path="/_stcore/health") == 200


def test_a_name_that_came_twice_is_nobodys() -> None:
    client = TestClient(Doorman(APP, PROXIED), client=("10.0.0.7", 50_000))
    twice = [("X-Forwarded-User", "admin"), ("X-Forwarded-User", "ana")]
    assert client.get("/", headers=twice).status_code == 403


def test_the_websocket_passes_the_same_door() -> None:
    client = TestClient(Doorman(APP, SignIn()))
    with client.websocket_connect("ws://localhost/_stcore/stream"):
        pass
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://evil.example/_stcore/stream"):
        pass


def came_back_to(referer: str | None) -> str:
    """Where somebody ends who signed in from this page."""
    client = TestClient(BackToLink(APP), "https://pages.example.com", follow_redirects=False)
    left = client.get("/auth/login", headers={"referer": referer} if referer else {})
    assert left.headers["location"] == "https://login.example.com/authorize"
    assert "HttpOnly" in left.headers.get("set-cookie", "HttpOnly")
    back = client.get("/oauth2callback?code=1&state=2")
    assert "steelyard_back_to" not in client.cookies
    return str(back.headers["location"])


@pytest.mark.parametrize(
    "link", ["/spend?month=2026-11&tenant=hooli", "/", "/traces?id=4a%2Fb&q=%22a%22;%20b"]
)
def test_a_sign_in_leads_back_to_the_link_that_it_began_at(link: str) -> None:
    assert came_back_to(f"https://pages.example.com{link}") == link


@pytest.mark.parametrize(
    "referer",
    [
        None,
        "https://evil.example/spend",
        "https://pages.example.com//evil.example/spend",
        "https://pages.example.com/\\evil.example",
        "https://pages.example.com/" + "x" * 3_000,
        "https://pages.example.com.evil.example/spend",
    ],
)
def test_but_never_to_another_host(referer: str | None) -> None:
    assert came_back_to(referer) == "/"


@pytest.mark.parametrize(
    "planted", ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2Fa%0D%0AX-Evil%3A%201"]
)
def test_a_planted_cookie_leads_nowhere_else(planted: str) -> None:
    client = TestClient(BackToLink(APP), "https://pages.example.com", follow_redirects=False)
    back = client.get("/oauth2callback", headers={"cookie": f"steelyard_back_to={planted}"})
    assert back.headers["location"] == "/"
    assert "x-evil" not in back.headers
