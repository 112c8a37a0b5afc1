"""Saved views and queries: what may be stored, how it gets there from a page, and what opens them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from collector.configure import load_settings
from collector.keys import read_local_token
from collector.narrowing import Narrowing
from commands import pages
from dashboard import saved, source, visitor
from dashboard.places import PLACES, Place
from dashboard.saved.menu import address_keys, address_of
from dashboard.visitor import Visitor
from errors import ServerError
from store.reader import FileReader, rows
from store.record_checks import saved_problems
from store.records import KINDS, problems
from tests.dashboard.data import A_SAVED_QUERY, A_SAVED_VIEW, HOSTILE, NOW, a_call, a_store
from tests.dashboard.test_pages import visit, words
from tests.servers import Server, start_server

__all__ = ["visit"]

A_VIEW = {"saved_key": "01K", "kind": "view", "name": "errors", "status": "set", "page": "traces"}
A_QUERY = {"saved_key": "01K", "kind": "query", "name": "spend", "status": "set", "statement": "select 1"}
SPEND, TRACES = (next(place for place in PLACES if place.path == path) for path in ("spend", "traces"))


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (A_VIEW | {"address": {"tenant": "acme", "from": "2026-11-01T00:00"}}, ""),
        (A_QUERY | {"chart": {"kind": "bar", "x": "day"}}, ""),
        (A_VIEW | {"status": "removed", "page": None}, ""),
        (A_VIEW | {"kind": "page"}, "not `view` or `query`"),
        (A_VIEW | {"status": "gone"}, "not `set` or `removed`"),
        (A_VIEW | {"name": " "}, "`name` is not 1 to 80 characters"),
        (A_VIEW | {"name": "two\nlines"}, "`name` is not 1 to 80 characters"),
        (A_VIEW | {"name": "x" * 81}, "`name` is not 1 to 80 characters"),
        (A_VIEW | {"page": None}, "not the path of a page"),
        (A_VIEW | {"page": "//evil.example"}, "not the path of a page"),
        (A_VIEW | {"page": "spend?x=1"}, "not the path of a page"),
        (A_VIEW | {"address": []}, "`address` is not an object"),
        (A_VIEW | {"address": {"sql-text": "x"}}, "`address` has 'sql-text'"),
        (A_VIEW | {"address": {"tenant": 5}}, "`address` has 'tenant'"),
        (A_VIEW | {"address": {"tenant": "x" * 501}}, "`address` has 'tenant'"),
        (A_VIEW | {"address": {f"k{n}": "" for n in range(61)}}, "`address` is not an object of at most 60"),
        (A_QUERY | {"statement": None}, "`statement` is not 1 to 100,000 characters"),
        (A_QUERY | {"statement": "x" * 100_001}, "`statement` is not 1 to 100,000 characters"),
        (A_QUERY | {"chart": {"kind": 1}}, "`chart` is not an object of texts"),
        (A_QUERY | {"chart": {"x": "x" * 2_001}}, "`chart` is too long"),
    ],
)
def test_only_what_a_page_can_open_is_stored(record: Mapping[str, Any], told: str) -> None:
    assert problems(KINDS["saved"], [record]) == []
    found = "; ".join(saved_problems([record], "default"))
    assert told in found if told else found == ""


def test_of_a_name_the_last_record_counts_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    records = [
        A_SAVED_VIEW,
        A_SAVED_VIEW | {"saved_key": "01L", "received_at": NOW, "address": '{"tenant": "globex"}'},
        A_SAVED_VIEW | {"saved_key": "01M", "kind": "query", "statement": "select 1", "page": None},
        A_SAVED_QUERY,
        A_SAVED_QUERY | {"saved_key": "01N", "received_at": NOW, "status": "removed"},
    ]
    reader = FileReader(a_store(tmp_path / "store.duckdb", saved=records))
    found = rows(reader.query("saved"))
    assert [(row["kind"], row["name"], row["address"]) for row in found] == [
        ("query", "Acme, month", '{"tenant": "acme"}'),
        ("view", "Acme, month", '{"tenant": "globex"}'),
    ]
    assert len(rows(reader.query("saved", kind="view"))) == 1
    reader.close()


@pytest.mark.parametrize(
    ("place", "state", "address"),
    [
        (TRACES, {"range": "7d", "tenant": None, "project": "demo", "month": "2026-11"}, {}),
        (
            TRACES,
            {"range": "30d", "tenant": "acme", "status": "errors"},
            {"range": "30d", "tenant": "acme", "status": "errors"},
        ),
        # What the page does not show says nothing of it; a value is nothing without its dimension, nor bounds without `custom`.
        (TRACES, {"range": "24h", "from": "2026-11-01", "value": "search", "run": "01K"}, {"range": "24h"}),
        (
            TRACES,
            {"range": "custom", "from": "2026-11-01T00:00", "dim": "team", "value": "search"},
            {"range": "custom", "from": "2026-11-01T00:00", "dim": "team", "value": "search"},
        ),
        # The newest month is whatever month is the newest when it is opened.
        (SPEND, {"month": "2026-11", "by": "team"}, {"by": "team"}),
        (SPEND, {"month": "2026-10"}, {"month": "2026-10"}),
    ],
)
def test_a_view_is_what_its_page_shows_and_was_chosen(
    place: Place, state: Mapping[str, object], address: Mapping[str, str]
) -> None:
    nothing_chosen = dict.fromkeys(address_keys(place)) | {"range": "7d", "month": "2026-11"}
    assert address_of(place, state, nothing_chosen) == address


def a_page_with_the_menu() -> None:
    """The entry script, as far as the menu needs it, on the page Traces."""
    import streamlit as st

    from dashboard.filters import toolbar
    from dashboard.places import PLACES
    from dashboard.saved.menu import menu

    here = next(place for place in PLACES if place.path == "traces")
    others = [st.Page(lambda: None, title=place.title, url_path=place.path) for place in PLACES]
    st.navigation([st.Page(lambda: None, title="Here", url_path="", default=True), *others])
    chosen = toolbar(here.title, here.shows, here.own, here.own)
    menu(here, chosen, PLACES)
    st.text(chosen.described)


def test_the_menu_opens_views_of_its_page_in_place_and_links_to_those_of_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    views = [
        A_SAVED_VIEW,
        A_SAVED_VIEW | {"saved_key": "01V", "name": HOSTILE[0], "page": "traces", "recorded_by": HOSTILE[2]},
        A_SAVED_VIEW | {"saved_key": "01W", "name": "of a page that is no more", "page": "gone"},
        # What no page asks for is left out: a view sets filters and nothing else.
        A_SAVED_VIEW
        | {
            "saved_key": "01X",
            "name": "errors",
            "page": "traces",
            "address": '{"tenant": "globex", "month": "2020-01"}',
        },
    ]
    store = a_store(tmp_path / "store.duckdb", spans=[a_call(), a_call(tenant_id="globex")], saved=views)
    monkeypatch.setenv("STEELYARD_STORE_FILE", str(store))
    monkeypatch.setattr(source, "now", lambda: NOW)
    app = AppTest.from_function(a_page_with_the_menu, default_timeout=60)
    app.query_params.update(tenant="acme", range="24h")
    app.run()
    assert not app.exception
    assert [text.value for text in app.text] == ["tenant acme"]
    (link,) = app.get("page_link")
    assert link.proto.label == "Acme, month"
    assert "tenant=acme" in link.proto.query_string
    assert "<script>" not in "".join(button.label for button in app.button)
    app.button(key="saved-open-errors").click().run()
    assert not app.exception
    assert [text.value for text in app.text] == ["tenant globex"]
    assert (app.session_state["range"], app.session_state["month"]) == ("7d", "2026-11")
    assert "These pages were started without a receiver" in words(app)
    st.cache_data.clear()
    st.cache_resource.clear()


def test_whoever_may_not_save_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_one(**given: Any) -> str:
        who = Visitor(name="bo", **given)
        monkeypatch.setattr(visitor, "current", lambda: who)
        return "" if saved.may_keep() else saved.why_not()

    engineer = {"role": "engineer", "rights": frozenset({"save"})}
    monkeypatch.delenv("STEELYARD_STORE_FILE", raising=False)
    monkeypatch.setenv("STEELYARD_OTLP_URL", "http://127.0.0.1:1")
    assert as_one(**engineer) == ""
    assert "one of the roles engineer, finance and admin" in as_one(role="viewer", rights=frozenset())
    assert "you see a part of it" in as_one(**engineer, is_bound_within=True)
    monkeypatch.delenv("STEELYARD_OTLP_URL")
    assert "started without a receiver" in as_one(**engineer)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A collector of which the dashboard is a visitor like any other."""
    data = tmp_path_factory.mktemp("saved") / "steelyard"
    with start_server(data, env={"STEELYARD_REQUIRE_KEYS": "true"}) as running:
        yield running


@pytest.fixture
def reading(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The dashboard's process as `steelyard up` starts it."""
    monkeypatch.delenv("STEELYARD_STORE_FILE", raising=False)
    monkeypatch.setenv("STEELYARD_URL", server.api_url)
    monkeypatch.setenv("STEELYARD_OTLP_URL", server.receiver_url)
    monkeypatch.setenv("STEELYARD_API_KEY", read_local_token(server.data_dir) or "")
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.mark.usefixtures("reading")
def test_what_is_saved_is_there_at_once_and_gone_when_it_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    finance = visitor.of_name("fin@example.com", Narrowing("finance", "search"))
    monkeypatch.setattr(visitor, "current", lambda: finance)
    assert saved.listed("search", "view") == []
    saved.keep("search", "view", "Hooli, 30 days", page="spend", address={"tenant": HOSTILE[0]})
    (found,) = saved.listed("search", "view")
    assert (found.name, found.page, found.recorded_by) == ("Hooli, 30 days", "spend", "fin@example.com")
    assert found.address == {"tenant": HOSTILE[0]}
    saved.keep("search", "query", "one", statement="select 1", chart={"kind": "bar", "x": "a", "y": "a"})
    one = saved.find("search", "query", "one")
    assert one is not None and one.chart == {"kind": "bar", "x": "a", "y": "a"}
    saved.remove("search", "view", "Hooli, 30 days")
    assert saved.listed("search", "view") == []


@pytest.mark.usefixtures("reading")
@pytest.mark.parametrize(
    ("who", "project", "told"),
    [
        (Narrowing("viewer", "search"), "search", "saves nothing for others"),
        (Narrowing("engineer", "search", "hooli"), "search", "for a whole project"),
        (Narrowing("admin", "search"), "billing", "binds to 'search'"),
    ],
    ids=["viewer", "of a tenant", "elsewhere"],
)
def test_who_may_not_save_is_refused_by_the_receiver_whatever_the_page_does(
    monkeypatch: pytest.MonkeyPatch, who: Narrowing, project: str, told: str
) -> None:
    monkeypatch.setattr(visitor, "current", lambda: visitor.of_name("bo", who))
    with pytest.raises(ServerError, match=told):
        saved.keep(project, "view", "mine", page="spend")


def test_the_pages_of_a_running_collector_know_where_to_send(server: Server) -> None:
    settings = load_settings({"data": server.data_dir, "otlp_http": 4999})
    assert pages.environment(settings, "token")[source.RECEIVER_VARIABLE] == "http://127.0.0.1:4999"
