"""Every page, run by Streamlit itself on a real store file, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import source
from dashboard.places import PLACES
from tests.dashboard.data import (
    HOSTILE,
    NOW,
    RATE_CARD,
    RUN_ID,
    a_call,
    a_failed_call,
    a_run,
    a_store,
    a_verdict,
    an_unpriced_call,
)

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
# The first page answers at `/`.
PAGES = ("", *(place.path for place in PLACES[1:]))
# What the entry script does is the same on every page: a page of a range, and one of a month.
SOME_PAGES = ("reliability", "spend")
Visit = Callable[..., AppTest]


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Open a page on a store file: `visit(store, "spend", month="2026-11")`; no exception may show."""

    def open_page(store: Path, page: str = "", **query: str) -> AppTest:
        monkeypatch.setenv("STEELYARD_STORE_FILE", str(store))
        app = AppTest.from_file(str(APP), default_timeout=60)
        # AppTest switches between page files only; ours are functions, known by the hash of their path.
        app._page_hash = calc_hash(page)
        app.query_params.update(query)
        app.run()
        assert not app.exception, app.exception
        return app

    monkeypatch.setattr(source, "now", lambda: NOW)
    _forget()
    yield open_page
    _forget()


def _forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def table(app: AppTest, *columns: str) -> Any:
    """The first table that has these columns."""
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def words(app: AppTest) -> str:
    shown = (*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.code)
    return "\n".join(element.value for element in shown).replace("\\", "")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Five calls of November: three priced, one failed without a tenant, one unpriced."""
    return a_store(
        tmp_path / "store.duckdb",
        spans=[
            a_call(list_cost_usd=Decimal("1000.50")),
            a_call(list_cost_usd=Decimal("758.242"), duration_ns=950_000_000),
            a_call(tenant_id="globex", list_cost_usd=Decimal("0.0000031")),
            a_failed_call(tenant_id=None),
            an_unpriced_call(tenant_id="initech"),
        ],
        rate_cards=[RATE_CARD],
    )


@pytest.fixture(scope="module")
def bare_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One call and one run, of which almost nothing is known."""
    unknown = dict.fromkeys(
        (
            "tenant_id",
            "provider",
            "model_requested",
            "model_answered",
            "service_name",
            "duration_ns",
            "rate_card",
            "emitter",
            "input_tokens",
            "output_tokens",
            "list_cost_usd",
        )
    ) | {"cost_status": "no_usage"}
    run = {"project": "default", "run_id": RUN_ID, "suite": "s", "started_at": NOW}
    path = tmp_path_factory.mktemp("bare") / "store.duckdb"
    return a_store(path, spans=[a_call(**unknown)], runs=[run])


@pytest.fixture(scope="module")
def hostile_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that people and programs name, named so that it would be markup where it is not taken as text."""
    calls = [
        a_call(tenant_id=text, model_answered=text, service_name=text, prompt_name=text, session_id=text)
        for text in HOSTILE
    ]
    calls += [an_unpriced_call(tenant_id=text, model_answered=text, provider=text) for text in HOSTILE]
    runs = [
        a_run(run_id=f"{RUN_ID}{n}", prompt_name=text, suite=text, golden_set=text, commit_sha=text)
        for n, text in enumerate(HOSTILE)
    ]
    verdicts = [
        a_verdict(
            run_id=f"{RUN_ID}{n}",
            reason=text,
            metric=text,
            method=text,
            checks=[{"name": text, "observed": text}],
        )
        for n, text in enumerate(HOSTILE)
    ]
    path = tmp_path_factory.mktemp("hostile") / "store.duckdb"
    return a_store(path, spans=calls, runs=runs, verdicts=verdicts)


class TestEveryPage:
    @pytest.mark.parametrize("page", PAGES)
    def test_works_with_one_row_of_which_almost_nothing_is_known(
        self, visit: Visit, bare_store: Path, page: str
    ) -> None:
        visit(bare_store, page, run=RUN_ID)

    @pytest.mark.parametrize("page", PAGES)
    def test_shows_hostile_text_as_text(self, visit: Visit, hostile_store: Path, page: str) -> None:
        n = PAGES.index(page) % len(HOSTILE)
        narrowed = {"tenant": HOSTILE[n], "run": f"{RUN_ID}{n}", "session": HOSTILE[n]}
        for asked in ({}, narrowed):
            app = visit(hostile_store, page, **asked)
            rendered = "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))
            for markup in ("<script>", "$x^2$", "**bold**", "[l](http"):
                assert markup not in rendered, f"{markup} reaches Markdown on /{page}"

    @pytest.mark.parametrize("page", SOME_PAGES)
    def test_says_which_values_of_the_link_are_unknown(self, visit: Visit, mixed: Path, page: str) -> None:
        app = visit(
            mixed,
            page,
            range="5h",
            tenant="nobody",
            model="<b>",
            month="1999-01",
            project="elsewhere",
            **{"env": "moon", "prompt": "none", "from": "yesterday"},
        )
        said = words(app)
        for name, value in (
            ("range", "5h"),
            ("tenant", "nobody"),
            ("model", "<b>"),
            ("month", "1999-01"),
            ("project", "elsewhere"),
            ("env", "moon"),
            ("prompt", "none"),
            ("from", "yesterday"),
        ):
            assert f"The link asks for {name} **{value}**, which is not known here" in said

    @pytest.mark.parametrize("page", SOME_PAGES)
    def test_marks_demo_data(self, visit: Visit, tmp_path: Path, page: str) -> None:
        store = a_store(tmp_path / "store.duckdb", spans=[a_call(project="demo"), a_call()])
        banner = "Demo data – generated, not measured. Remove it with `steelyard demo --remove`"
        assert [warning.value for warning in visit(store, page, project="demo").warning] == [banner]
        assert not visit(store, page).warning

    @pytest.mark.parametrize("page", SOME_PAGES)
    def test_without_a_store_says_where_it_looked_and_what_to_do(
        self, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
    ) -> None:
        monkeypatch.setenv("STEELYARD_URL", "http://127.0.0.1:1")
        monkeypatch.setattr(source, "is_server", lambda: True)
        monkeypatch.setattr(source, "where", lambda: "http://127.0.0.1:1")
        app = visit(tmp_path / "none", page)
        assert "The store does not answer" in words(app)
        assert "http://127.0.0.1:1" in words(app)
        assert "steelyard up" in words(app)


def test_no_module_of_the_dashboard_hides_a_package_of_ours() -> None:
    """Streamlit puts `dashboard/` first on the path: `import store` would find a `dashboard/store.py`."""
    root = APP.parents[1]
    ours = {path.name for path in root.iterdir() if (path / "__init__.py").exists()} | {"errors", "steelyard"}
    assert not ours & {path.stem for path in APP.parent.iterdir()}
