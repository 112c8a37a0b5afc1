"""SQL: a SELECT is run once, its rows are those of the store, and what is wrong is told; queries are saved and opened."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import streamlit as st

from dashboard import source, visitor
from dashboard.charts import answer_figure
from dashboard.filters import RANGES, Filters, window
from dashboard.report.downloads import as_csv, as_parquet
from dashboard.views.sql.answer import MOST_ROWS, ROWS_A_PAGE
from dashboard.views.sql.schema import as_statement, values_of
from dashboard.visitor import Visitor
from errors import QueryError
from store.catalog import named_queries
from store.execute import run_select
from store.reader import FileReader
from tests.dashboard.data import A_SAVED_QUERY, HOSTILE, NOW, a_call, a_store
from tests.dashboard.test_pages import Visit, table, visit, words

__all__ = ["visit"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    calls = [
        a_call(list_cost_usd=Decimal("1.5")),
        a_call(tenant_id=HOSTILE[2], started_at=NOW - timedelta(days=1)),
    ]
    saved = [
        A_SAVED_QUERY,
        A_SAVED_QUERY | {"name": HOSTILE[0], "saved_key": "01KH", "recorded_by": HOSTILE[2]},
    ]
    path = tmp_path_factory.mktemp("sql") / "store.duckdb"
    return a_store(path, spans=calls, saved=saved)


@pytest.fixture
def some(store: Path) -> Iterator[FileReader]:
    reader = FileReader(store)
    yield reader
    reader.close()


def test_what_is_run_answers_with_the_rows_of_the_store(visit: Visit, store: Path, some: FileReader) -> None:
    app = visit(store, "sql")
    assert "Run the query to see its rows." in words(app)
    app.button(key="sql-run").click().run()
    assert not app.exception
    statement = app.text_area[0].value
    assert table(app, "0", "1", "2").values.tolist() == [
        list(row.values()) for row in some.sql(statement).to_pylist()
    ]
    assert "project = 'default'" in statement
    app.text_area[0].set_value(
        'select tenant_id as "**t**", null as nothing, 1 as a, 2 as a from calls order by 1'
    )
    app.button(key="sql-run").click().run()
    shown = table(app, "0", "3")
    assert shown["0"].tolist() == [HOSTILE[2], "acme"]
    assert (shown["2"].tolist(), shown["3"].tolist()) == ([1, 1], [2, 2])
    assert "2 rows in" in words(app)


def test_what_is_wrong_is_told_as_the_store_says_it(visit: Visit, store: Path) -> None:
    app = visit(store, "sql")
    for statement, told in (
        ("select nonsense from calls", 'Referenced column "nonsense" not found'),
        ("drop table spans", "only a single SELECT is allowed here"),
        ("selec", "does not parse"),
        ("", "only a single SELECT"),
    ):
        app.text_area[0].set_value(statement)
        app.button(key="sql-run").click().run()
        assert not app.exception
        assert told in words(app) or not statement


def test_a_saved_query_opens_with_its_figure_by_its_address(visit: Visit, store: Path) -> None:
    app = visit(store, "sql", saved="calls a day")
    assert app.text_area[0].value == A_SAVED_QUERY["statement"]
    assert app.button_group(key="sql-kind").value == "bar"
    assert len(app.get("plotly_chart")) == 1
    assert "saved 18 Nov 12:30 by ada" in words(app)
    # Another choice of figure is of what was answered before: nothing is run again.
    app.text_area[0].set_value("select 1")
    app.button_group(key="sql-kind").set_value("line").run()
    assert "2 rows in" in words(app)
    assert "of the text before it was changed" in words(app)
    hostile = visit(store, "sql", saved=HOSTILE[0])
    rendered = "\n".join(element.value for element in (*hostile.markdown, *hostile.caption))
    assert "<script>" not in rendered
    assert "**bold**" not in rendered
    assert "There is no saved query **nobody**" in words(visit(store, "sql", saved="nobody"))


def test_more_rows_than_are_taken_are_said_and_shown_by_the_page(visit: Visit, store: Path) -> None:
    app = visit(store, "sql")
    app.text_area[0].set_value(f"select range as n, 'r' || range as name from range({MOST_ROWS + 1})")
    app.button(key="sql-run").click().run()
    assert "There are more rows: these are the first 10,000." in words(app)
    assert len(table(app, "0", "1")) == ROWS_A_PAGE == 100


def test_a_named_query_is_put_into_the_editor_with_the_range_of_the_page(visit: Visit, store: Path) -> None:
    app = visit(store, "sql", saved="calls a day")
    app.selectbox(key="sql-named").set_value("window_totals").run()
    app.button(key="sql-insert").click().run()
    text = app.text_area[0].value
    assert "'default'" in text
    assert "timestamp '2026-11-14 12:00:00'" in text
    assert "$" not in text.replace("'$.", "")


def a_page(**given: Any) -> Filters:
    nothing = dict.fromkeys(
        ("environment", "tenant_id", "model", "prompt_name", "dimension", "dimension_value", "by"), None
    )
    return Filters(
        project="default",
        window=window(RANGES["7d"], NOW),
        range_name="7d",
        own={},
        month=date(2026, 11, 1),
        models_in_order=[],
        **nothing | given,
    )


def test_every_named_query_runs_as_the_editor_gets_it(some: FileReader) -> None:
    failed = {}
    for query in named_queries().values():
        statement = as_statement(query, values_of(query.params, a_page()))
        try:
            run_select(some._connection, statement, max_rows=5)
        except QueryError as wrong:
            failed[query.name] = str(wrong)
    assert failed == {}


@pytest.mark.parametrize(
    "who",
    [
        Visitor(role="viewer", rights=frozenset({"query", "contents"})),
        # The right alone is not enough: SQL sees every project.
        Visitor(role="engineer", rights=frozenset({"query", "sql"}), project="search"),
    ],
    ids=["viewer", "engineer of a project"],
)
def test_who_may_not_use_sql_is_told_and_asks_nothing(
    visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch, who: Visitor
) -> None:
    monkeypatch.setattr(visitor, "current", lambda: who)
    monkeypatch.setattr(source, "select", None)
    app = visit(store, "sql")
    assert "SQL sees every project" in words(app)
    assert not app.text_area


def test_files_hold_every_row_with_exact_decimals() -> None:
    answered = pa.table({"usd": [Decimal("0.000000000012"), None], "tenant": ["=cmd()", "acme"]})
    assert list(csv.reader(io.StringIO(as_csv(answered).decode())))[1:] == [
        ["0.000000000012", "'=cmd()"],
        ["", "acme"],
    ]
    assert pq.read_table(io.BytesIO(as_parquet(answered))).equals(answered)


def test_a_figure_of_an_answer_keeps_its_order_and_its_gaps() -> None:
    rows = [
        {"name": HOSTILE[0], "usd": Decimal("2.5")},
        {"name": None, "usd": None},
        {"name": "2024-01", "usd": 1},
    ]
    picture = answer_figure("bar", rows, "name", "usd")
    (bars,) = picture.figure.data
    assert list(bars.y) == [2.5, None, 1.0]
    assert list(bars.x) == ["&lt;script&gt;alert(1)&lt;/script&gt;", "–", "2024-01"]
    assert picture.figure.layout.xaxis.type == "category"
    assert picture.rows[1] == {"name": "–", "usd": "–"}
    at = [{"at": datetime(2026, 11, day), "n": day} for day in range(1, 4)]  # noqa: DTZ001
    assert answer_figure("line", at, "at", "n").figure.layout.xaxis.type == "date"
    assert len(answer_figure("line", at * 200, "at", "n").figure.data[0].x) == 300


def test_another_visitor_of_the_same_session_sees_no_answer_of_the_one_before(
    visit: Visit, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit(store, "sql", saved="calls a day")
    assert app.dataframe[0].value.shape == (2, 2)
    monkeypatch.setattr(visitor, "current", lambda: Visitor(name="bo", api_key="sy_other"))
    app.run()
    assert "Run the query to see its rows." in words(app)
    st.cache_data.clear()
