"""Signing in to the pages: with an access key, through a proxy, at an identity provider; and what each then sees."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from playwright.sync_api import expect, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest
from websockets.sync.client import connect

from collector import keys
from collector.keys import read_local_token
from collector.visitors import SIGN_IN_VARIABLE, SignIn, check_users
from dashboard import oidc, visitor
from errors import ConfigError
from tests.dashboard.identity_provider import CLIENT_ID, CLIENT_SECRET, provider
from tests.dashboard.serving import serving
from tests.servers import STEELYARD, Server, free_ports, start_server
from tests.spans import a_call, export

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
USERS = {
    "Ana@example.com": {"role": "admin"},
    "bo@hooli.example": {"role": "viewer", "project": "search", "tenant": "hooli"},
}
KNOWN_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector that asks for keys, with calls of hooli and of acme."""
    data = tmp_path_factory.mktemp("sign-in") / "steelyard"
    with start_server(data, env={"STEELYARD_REQUIRE_KEYS": "true"}) as running:
        owner = read_local_token(data) or ""
        for tenant in ("hooli", "acme", "acme"):
            sent = running.post(
                "/v1/traces", export(a_call(tenant__id=tenant)), x_api_key=owner, x_steelyard_project="search"
            )
            assert sent[0] == 200
        running.wait_until_committed()
        yield running


def of_users(name: str) -> str | None:
    found = SignIn("oidc", USERS).whom(name)
    return found.header() if found else None


def test_a_name_is_looked_up_whatever_its_case_and_a_stranger_is_nobody() -> None:
    assert of_users("ana@EXAMPLE.com") == "role=admin"
    assert of_users("bo@hooli.example") == "role=viewer&project=search&tenant=hooli"
    assert of_users("eve@example.com") is None
    anybody = SignIn("oidc", {**USERS, "*": {"role": "viewer", "project": "search"}})
    assert (found := anybody.whom("eve@example.com")) and found.project == "search"
    assert anybody.whom("*") is None


def test_what_is_handed_down_is_what_was_set() -> None:
    given = SignIn("proxy", USERS, "X-User", ("10.0.0.0/8",), "/etc/oidc.toml")
    assert SignIn.taken_up(given.handed_down()) == given
    assert SignIn.taken_up(None) == SignIn.taken_up("") == SignIn()


@pytest.mark.parametrize(
    ("users", "why"),
    [
        ({"ana": {"role": "root"}}, "ana: role is 'root', not one of viewer, engineer, finance, admin"),
        ({"ana": {"role": "ingest"}}, "not one of viewer"),
        ({"ana": {}}, "role is None"),
        ({"ana": {"role": "viewer", "tenant": "hooli"}}, "name that too"),
        ({"ana": {"role": "viewer", "project": ""}}, "project is empty"),
        ({"ana": {"role": "viewer", "projekt": "x"}}, "there is no 'projekt'"),
        ({"ana": {"role": "admin", "project": "x", "tenant": "y"}}, "a project only"),
        ({"ana": {"role": "viewer"}, "ANA": {"role": "admin"}}, "there twice"),
    ],
)
def test_a_user_who_cannot_be_meant_is_refused(users: dict[str, dict[str, str]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_users(users)


@pytest.mark.parametrize(
    ("set_to", "why"),
    [
        ({"DASHBOARD_HOST": "0.0.0.0"}, "nobody has to sign in. Set dashboard_sign_in to key"),
        ({"DASHBOARD_HOST": "0.0.0.0", "DASHBOARD_SIGN_IN": "proxy"}, "needs dashboard_users"),
        (
            {"DASHBOARD_SIGN_IN": "oidc", "DASHBOARD_USERS": '{"*": {"role": "viewer"}}'},
            "needs dashboard_oidc",
        ),
        ({"DASHBOARD_SIGN_IN": "oidc", "DASHBOARD_USERS": '{"a": {"role": "x"}}'}, "role is 'x'"),
        ({"DASHBOARD_PROXIES": "10.0.0.1/24"}, "has host bits set"),
    ],
)
def test_pages_that_everybody_or_nobody_could_open_are_not_started(
    tmp_path: Path, set_to: dict[str, str], why: str
) -> None:
    ports = [str(port) for port in free_ports(4)]
    flags = ("--otlp-http", "--otlp-grpc", "--api", "--dashboard")
    argv = [str(STEELYARD), "up", "--data", str(tmp_path / "data")]
    argv += [word for pair in zip(flags, ports, strict=True) for word in pair]
    env = {**os.environ, **{f"STEELYARD_{name}": value for name, value in set_to.items()}}
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert (ended.returncode, why in ended.stderr) == (3, True), ended.stderr
    assert "Traceback" not in ended.stderr


def test_started_by_itself_it_neither_opens_to_others_nor_signs_in_on_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dashboard.serve", "--port", str(free_ports(1)[0])]
    env = {**os.environ, SIGN_IN_VARIABLE: SignIn("proxy", USERS).handed_down()}
    for arguments, given, why in (
        (["--address", "0.0.0.0"], {**os.environ, SIGN_IN_VARIABLE: ""}, "opens the pages to other machines"),
        (["--store-file", str(tmp_path / "store.duckdb")], env, "has no read API"),
    ):
        ended = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=60, check=False, env=given
        )
        assert (ended.returncode, why in ended.stderr) == (3, True), ended.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("client_id = 'a'", "does not say client_secret"),
        ("not toml", "not valid TOML"),
        ("{all}\nsecret = 'x'", "there is no secret"),
        ("{all}\ncookie_secret = 'short-one'", "fewer than 32"),
        ("{wrong}", "the path /oauth2callback"),
    ],
)
def test_an_unusable_client_file_is_said_without_its_secrets(tmp_path: Path, text: str, why: str) -> None:
    every = (
        "client_id = 'a'\nclient_secret = 'hush-hush'\nserver_metadata_url = 'https://x'\nredirect_uri = '{}'"
    )
    path = tmp_path / "oidc.toml"
    text = text.replace("{all}", every.format("https://p/oauth2callback")).replace(
        "{wrong}", every.format("https://p/")
    )
    path.write_text(text)
    with pytest.raises(ConfigError, match=why) as refused:
        oidc.secrets(SignIn("oidc", USERS, oidc_file=str(path)))
    assert "hush" not in str(refused.value) and "short-one" not in str(refused.value)


@pytest.fixture
def with_keys(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Open the pages as they are where people type in a key."""
    monkeypatch.setenv("STEELYARD_URL", server.api_url)
    monkeypatch.setenv("STEELYARD_API_KEY", "")
    monkeypatch.delenv("STEELYARD_STORE_FILE", raising=False)
    monkeypatch.setenv(SIGN_IN_VARIABLE, SignIn("key").handed_down())

    def forget() -> None:
        visitor.sign_in.cache_clear()
        st.cache_data.clear()
        st.cache_resource.clear()

    forget()
    yield lambda: AppTest.from_file(str(APP), default_timeout=60).run()
    forget()


def sign_in(app: AppTest, key: str) -> AppTest:
    app.text_input[0].set_value(key)
    return app.button[0].click().run()


def everything(app: AppTest) -> str:
    """All that was sent to the browser."""
    return str(app._tree.get("__")) + "".join(
        str(element.proto) for element in app.main if hasattr(element, "proto")
    )


def test_with_a_key_somebody_sees_what_the_key_may_until_it_is_revoked(
    server: Server, with_keys: Callable[..., AppTest]
) -> None:
    made, token = keys.add_key(server.data_dir, role="viewer", project="search", tenant="hooli")
    app = with_keys()
    assert (len(app.metric), len(app.text_input)) == (0, 1)
    for wrong, why in (
        ("dummy", "those begin with"),
        ("sy_viewer_x_y", "not known here"),
        ("sy_é", "that no key has"),
    ):
        sign_in(app, wrong)
        assert (why in app.error[0].value, len(app.metric)) == (True, 0)
    ingest = keys.add_key(server.data_dir, role="ingest", project="search")[1]
    give_up_at = time.monotonic() + KNOWN_WITHIN_S
    while "reads nothing" not in sign_in(app, ingest).error[0].value and time.monotonic() < give_up_at:
        pass
    assert "reads nothing" in app.error[0].value
    sign_in(app, token)
    assert not app.error
    assert app.metric
    shown = {name.value for name in app.caption}
    assert any(f"key {made.key_id}" in text and "tenant hooli" in text for text in shown)
    tenants = next(box for box in app.selectbox if box.key == "tenant")
    assert tenants.options == ["hooli"]
    assert token not in everything(app)
    keys.revoke_key(server.data_dir, made.key_id)
    give_up_at = time.monotonic() + KNOWN_WITHIN_S
    while app.metric and time.monotonic() < give_up_at:
        st.cache_data.clear()
        app.run()
    assert "Signed out" in app.warning[0].value
    assert not app.metric


def frames(url: str, **headers: str) -> list[ForwardMsg]:
    """What one run of the first page sends to a browser that connects with these headers."""
    found = []
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    address = url.replace("http", "ws") + "/_stcore/stream"
    with connect(address, subprotocols=["streamlit"], additional_headers=named, max_size=None) as websocket:
        asked = BackMsg()
        asked.rerun_script.query_string = "project=search"
        websocket.send(asked.SerializeToString())
        while not found or found[-1].WhichOneof("type") != "script_finished":
            message = ForwardMsg()
            message.ParseFromString(websocket.recv(timeout=60, decode=False))
            found.append(message)
    return found


def said(messages: list[ForwardMsg]) -> bytes:
    return b"".join(message.SerializeToString() for message in messages)


def test_behind_a_proxy_everybody_sees_what_is_theirs_and_no_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = read_local_token(server.data_dir) or ""
    monkeypatch.setenv("STEELYARD_API_KEY", owner)
    monkeypatch.setenv(SIGN_IN_VARIABLE, SignIn("proxy", USERS, "X-User").handed_down())
    with serving("--api-url", server.api_url) as (url, _):
        ana = said(frames(url, x_user="ana@example.com"))
        # At once after her, so that nothing that was kept for one is shown to another.
        bo = said(frames(url, x_user="bo@hooli.example"))
        assert b"viewer, project search, tenant hooli" in bo
        assert b"acme" in ana and b"acme" not in bo
        for refused, why in (
            ({"x_user": "eve@example.com"}, b"may not look"),
            ({}, b"does not say who you are"),
        ):
            eve = said(frames(url, **refused))
            assert why in eve
            assert b"hooli" not in eve and b"acme" not in eve
        assert owner.encode() not in ana


@pytest.mark.browser
def test_at_an_identity_provider_the_link_that_was_opened_survives_the_sign_in(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chromium_path: str
) -> None:
    monkeypatch.setenv("STEELYARD_API_KEY", read_local_token(server.data_dir) or "")
    (port,) = free_ports(1)
    with provider(email="bo@hooli.example", email_verified=True) as identity:
        client = tmp_path / "oidc.toml"
        client.write_text(
            f'client_id = "{CLIENT_ID}"\nclient_secret = "{CLIENT_SECRET}"\n'
            f'server_metadata_url = "{identity.url}/.well-known/openid-configuration"\n'
            f'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
        )
        signing = SignIn("oidc", USERS, oidc_file=str(client))
        monkeypatch.setenv(SIGN_IN_VARIABLE, signing.handed_down())
        with serving("--api-url", server.api_url, port=port) as (url, _), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page()
            page.set_default_timeout(30_000)
            expect.set_options(timeout=30_000)
            link = f"{url}/spend?by=model"
            page.goto(link)
            page.get_by_role("button", name="Sign in").click()
            expect(page.locator("h1")).to_have_text("Spend")
            expect(page.get_by_text("viewer, project search, tenant hooli")).to_be_visible()
            assert page.url == link
            assert "acme" not in page.content()
            cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
            assert "steelyard_back_to" not in cookies
            assert all(
                cookie["httpOnly"] for name, cookie in cookies.items() if name.startswith("_streamlit_user")
            )
            identity.claims |= {"email": "ana@example.com", "email_verified": False}
            page.get_by_role("button", name="Sign out").click()
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_text("is not verified")).to_be_visible()
            browser.close()
