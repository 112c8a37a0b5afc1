"""A collector as it is out of the box, on this machine alone: no key, no questions, and no open door to the network."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from tests.servers import Server
from tests.spans import a_call, export


def ask(server: Server, **headers: str) -> tuple[int, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        f"{server.api_url}/api/v1/sql",
        b'{"sql": "select 1 as one"}',
        {"content-type": "application/json", **named},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_a_program_on_this_machine_needs_no_key(server: Server) -> None:
    assert server.post("/v1/traces", export(a_call())) == (200, b"")
    assert ask(server) == (200, '[{"one": 1}]')


def test_what_is_still_set_for_another_product_does_no_harm(server: Server) -> None:
    assert server.post("/v1/traces", export(a_call()), authorization="Basic cGstbGY6c2stbGY=")[0] == 200
    assert ask(server, authorization="Bearer dummy")[0] == 200


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "x_real_ip", "via"])
def test_what_came_through_a_proxy_needs_a_key(server: Server, header: str) -> None:
    status, body = server.post("/v1/traces", export(a_call()), **{header: "203.0.113.9"})
    assert status == 401
    assert b"came through a proxy" in body
    status, said = ask(server, **{header: "203.0.113.9"})
    assert status == 401
    assert "steelyard keys add" in json.loads(said)["detail"]


def test_a_web_page_under_a_rebound_name_is_refused_for_every_question(server: Server) -> None:
    for path in ("/api/v1/health", "/api/v1/queries"):
        request = urllib.request.Request(server.api_url + path, headers={"host": "evil.example:4319"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)
        assert refused.value.code == 400
