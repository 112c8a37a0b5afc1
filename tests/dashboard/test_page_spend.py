"""Spend: what the page says of a month equals what its queries say, whatever it is narrowed to and whoever is open."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dashboard import source, visitor
from dashboard.report.downloads import as_csv, as_parquet, named
from dashboard.views.spend import budgets, panel
from errors import NotSignedInError
from store.reader import FileReader
from tests.dashboard.data import (
    A_BUDGET,
    HOSTILE,
    NOW,
    RATE_CARD,
    a_call,
    a_failed_call,
    a_store,
    an_unpriced_call,
)
from tests.dashboard.test_pages import Visit, metrics, table, visit, words

__all__ = ["visit"]

MONTH = "2026-11-01"


def a_budget(usd: int, of: str | None = None, dimension: str = "tenant_id") -> dict[str, Any]:
    whose = {"dimension": dimension, "dimension_value": of} if of else {}
    return A_BUDGET | whose | {"budget_key": f"01K{dimension}{of}", "monthly_usd": Decimal(usd)}


def of_acme(day: date, usd: str) -> dict[str, Any]:
    at = datetime.combine(day, datetime.min.time()) + timedelta(hours=9)
    return a_call(started_at=at, list_cost_usd=Decimal(usd), environment="prod")


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Acme: 10 dollars on each of eleven days of November, 5 on the same days of October. Globex: 20 dollars, of two
    features. Calls of nobody and of initech that cost nothing that is known."""
    days = [date(2026, 11, n) for n in range(10, 21)]
    of_globex = {
        "tenant_id": "globex",
        "environment": "dev",
        "user_id": "u1",
        "started_at": NOW - timedelta(days=1),
    }
    other_model = {"model_requested": "gpt-5", "model_answered": "gpt-5"}
    return a_store(
        tmp_path_factory.mktemp("spend") / "store.duckdb",
        spans=[
            *(of_acme(day, "10") for day in days),
            *(of_acme(day.replace(month=10), "5") for day in days),
            a_call(list_cost_usd=Decimal("12.5"), feature="chat", **of_globex),
            a_call(list_cost_usd=Decimal("7.5"), feature="search", **other_model, **of_globex),
            a_failed_call(tenant_id=None),
            an_unpriced_call(tenant_id="initech"),
        ],
        rate_cards=[RATE_CARD],
        budgets=[
            a_budget(1000),
            a_budget(100, "acme"),
            a_budget(22, "globex"),
            a_budget(5, "search", "feature"),
        ],
    )


@pytest.fixture(scope="module")
def reader(spent: Path) -> Iterator[FileReader]:
    found = FileReader(spent)
    yield found
    found.close()


def test_the_numbers_of_the_page_are_those_of_the_queries_and_the_rows_sum_to_them(
    visit: Visit, spent: Path, reader: FileReader
) -> None:
    app = visit(spent, "spend")
    (totals,) = reader.query("month_totals", month=MONTH).to_pylist()
    rows = table(app, "per_thousand", "daily")
    total, tenants = rows.iloc[-1], rows.iloc[:-1]
    shown = metrics(app)
    assert totals["cost_usd"] == 130  # 11 × 10 + 12.5 + 7.5
    assert (shown["Month to date"], shown["Budget"], shown["Unpriced calls"]) == ("$130.00", "$1,000.00", "1")
    assert shown["Per 1,000 calls"] == "$10,000.00"  # 130 for 13 calls
    assert (
        sum(usd for usd in tenants["cost_usd"] if usd is not None) == total["cost_usd"] == totals["cost_usd"]
    )
    assert tenants["n_calls"].sum() == total["n_calls"] == 15
    said = words(app)
    assert "4 rows sum to $130.00, 15 calls · UTC month 2026-11-01 00:00 to 2026-12-01 00:00" in said
    assert "price book genai-prices 0.2.3 (checked 2026-11-12)" in said
    assert "data up to 2026-11-21 11:30 UTC" in said


def test_each_row_says_where_its_budget_stands_how_its_days_went_and_how_that_compares(
    visit: Visit, spent: Path
) -> None:
    app = visit(spent, "spend")
    rows = table(app, "status", "used").set_index("name")
    assert list(rows["status"].fillna("")) == ["✕ over", "◐ past soft", "", "", "✓ on track"]
    assert rows.loc["acme"]["used"] == pytest.approx(110)
    assert round(rows.loc["globex"]["used"], 1) == 90.9  # 20 of 22, and one day is too few to foretell
    assert list(rows.loc["acme"]["daily"]) == [0.0] * 9 + [10.0] * 11 + [0.0]  # up to today
    # Eleven days of 10 against the same eleven of 5; globex has nothing to compare with.
    assert list(rows["change"].fillna("")) == ["+100.0%", "", "", "", "+136.4%"]
    assert "(no tenant)" in rows.index
    # A budget of another dimension is a click away.
    assert [button.label for button in app.button if button.key == "budgets-by-feature"] == [
        "1 budget by feature"
    ]
    app.button(key="budgets-by-feature").click().run()
    assert list(table(app, "status", "used")["name"])[:2] == ["(no feature)", "chat"]


def test_a_row_of_the_link_is_open_and_taken_apart_as_the_link_says(visit: Visit, spent: Path) -> None:
    app = visit(spent, "spend", open="globex", split="feature")
    assert metrics(app)["Month to date"] == "$130.00"  # of all: only the panel is of globex
    parts = table(app, "per_thousand", "bar")
    assert list(parts["name"]) == ["chat", "search"]
    assert list(parts["cost_usd"]) == [Decimal("12.5"), Decimal("7.5")]
    assert "**$20.00** · 15.4 % of the month's spend · 2 calls · ◐ past soft: 91 % of $22.00 used" in words(
        app
    )
    app.button(key="spend-narrow").click().run()
    assert metrics(app)["Month to date"] == "$20.00"
    assert metrics(app)["Budget"] == "$22.00"
    assert set(table(app, "per_thousand", "daily")["name"]) == {"gpt-4o-2024-08-06", "gpt-5", "Total"}
    assert app.session_state["tenant"] == "globex"
    assert app.session_state["open"] is None


def test_a_page_can_be_narrowed_by_everything_at_once_and_stays_the_sum_of_its_rows(
    visit: Visit, spent: Path, reader: FileReader
) -> None:
    app = visit(
        spent, "spend", env="dev", tenant="globex", model="gpt-5", dim="feature", value="search", by="user"
    )
    only = {"environment": "dev", "tenant_id": "globex", "model": "gpt-5"}
    feature = {"dimension": "feature", "dimension_value": "search"}
    (totals,) = reader.query("month_totals", month=MONTH, **only, **feature).to_pylist()
    assert totals["cost_usd"] == Decimal("7.5")
    assert metrics(app)["Month to date"] == "$7.50"
    assert metrics(app)["Budget"] == "–"  # those that there are hold for more calls than these
    assert list(table(app, "per_thousand", "daily")["name"]) == ["u1", "Total"]


def test_a_month_that_is_over_is_whole_and_beside_the_one_before(visit: Visit, spent: Path) -> None:
    app = visit(spent, "spend", month="2026-10", open="nobody")
    assert metrics(app)["Cost of the month"] == "$55.00"
    assert metrics(app)["Forecast for the month"] == "$55.00"
    assert len(table(app, "daily").iloc[0]["daily"]) == 31
    assert "No calls of tenant nobody in 2026-10." in words(app)


def test_hostile_text_stays_text_in_what_is_open(visit: Visit, tmp_path: Path) -> None:
    spans = [a_call(tenant_id=text, model_answered=text, feature=text) for text in HOSTILE]
    app = visit(a_store(tmp_path / "store.duckdb", spans=spans), "spend", open=HOSTILE[2])
    rendered = "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))
    assert "**bold**" not in rendered and "[l](http" not in rendered
    (_, parts) = [frame.value for frame in app.dataframe]
    assert list(parts["name"]) == [HOSTILE[2]]


def test_a_month_without_calls_of_the_filter_names_the_filter(visit: Visit, spent: Path) -> None:
    app = visit(spent, "spend", env="dev", tenant="acme")
    assert "No calls match environment dev, tenant acme in 2026-11" in words(app)


@pytest.fixture(scope="module")
def every_row(reader: FileReader) -> pa.Table:
    return named(reader.query("spend_month", month=MONTH), "tenant_id")


class TestFiles:
    def test_csv_and_parquet_sum_to_the_cost_of_the_month(self, every_row: pa.Table) -> None:
        written = list(csv.DictReader(io.StringIO(as_csv(every_row).decode())))
        assert [row["tenant_id"] for row in written] == ["acme", "globex", "initech", ""]
        assert [row["cost_usd"] for row in written] == ["110.000000000000", "20.000000000000", "", ""]
        read = pq.read_table(io.BytesIO(as_parquet(every_row)))
        assert read.schema.field("cost_usd").type == pa.decimal128(38, 12)
        assert sum(usd for usd in read["cost_usd"].to_pylist() if usd is not None) == 130

    def test_a_formula_in_a_tenants_name_stays_text_in_a_spreadsheet(self) -> None:
        written = as_csv(pa.table({"tenant_id": ["=cmd()"], "cost_usd": [Decimal(-1)]}))
        assert written == b"tenant_id,cost_usd\r\n'=cmd(),-1\r\n"

    def test_are_made_in_another_thread_as_whoever_looked_at_the_page(
        self, spent: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("STEELYARD_STORE_FILE", str(spent))
        ask, answers = source.for_later(), []
        thread = threading.Thread(
            target=lambda: answers.append(ask("spend_month", "default", month=date(2026, 11, 1)))
        )
        thread.start()
        thread.join(30)
        assert answers[0].num_rows == 4
        # With a sign-in, and nobody signed in, there is nobody to ask as.
        monkeypatch.setattr(visitor, "sign_in", lambda: type("SignIn", (), {"method": "keys"})())
        with pytest.raises(NotSignedInError):
            source.for_later()


def test_a_value_that_is_not_there_has_the_words_that_the_filters_have() -> None:
    assert [panel.shown(None, by) for by in ("tenant_id", "model", "team")] == [
        "(no tenant)",
        "(no model named)",
        "(no team)",
    ]


def test_the_note_of_the_budgets_tells_the_worst_first(reader: FileReader) -> None:
    class Standing:
        def __init__(self, state: str) -> None:
            self.state = state

    found: Any = [Standing(state) for state in ("on track", "over", "on track")]
    assert budgets.told(found) == "1 over, 2 on track"
