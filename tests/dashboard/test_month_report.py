"""The facts of a month, by hand, and the report that is made of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commands import spend
from dashboard import formats
from dashboard.insight.asking import Ask
from dashboard.report import Asked, as_html, bounds, gather, month, words
from dashboard.source import Row, _texts
from dashboard.views.spend.table import columns
from store.reader import FileReader, rows
from tests.dashboard.data import (
    A_BUDGET,
    HOSTILE,
    NOW,
    RATE_CARD,
    a_call,
    a_correction,
    a_failed_call,
    a_store,
    an_unpriced_call,
)

NOVEMBER = date(2026, 11, 1)


class Read(HTMLParser):
    """What a page of HTML says: its text, its tags, and what its attributes name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self.named, self.values = "", [""], [""], [""]
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.named += [name for name, _ in attrs]
        self.values += [value or "" for _, value in attrs]


def asking(reader: FileReader, asked: list[str] | None = None) -> Ask:
    def ask(name: str, project: str, /, **params: Any) -> Sequence[Row]:
        if asked is not None:
            asked.append(name)
        return rows(reader.query(name, project=project, **_texts(params)))

    return ask


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """November: $8 listed and $6 paid of two users and of nobody, one success among them on a customer's account; a failure
    that cost $1, an unpriced call, a failure without usage. October: $2."""
    own_key = {"list_cost_usd": Decimal(2), "effective_cost_usd": Decimal(0), "billed_to": "customer"}
    at_the_edge = datetime.fromisoformat("2026-10-31T23:59:59")
    return a_store(
        tmp_path_factory.mktemp("report") / "store.duckdb",
        spans=[
            a_call(user_id="u1", list_cost_usd=Decimal(3), reported_cost_usd=Decimal("2.9")),
            a_call(user_id="u2", list_cost_usd=Decimal(1), tenant_id="globex"),
            a_call(
                list_cost_usd=Decimal(1),
                status="error",
                tenant_id="globex",
                started_at=datetime.fromisoformat("2026-11-01"),
            ),
            a_call(user_id="u2", tenant_id="hooli", **own_key),
            a_call(list_cost_usd=Decimal(1), tenant_id=HOSTILE[0]),
            an_unpriced_call(user_id="u3", tenant_id=HOSTILE[2]),
            a_failed_call(tenant_id=None),
            a_call(list_cost_usd=Decimal(2), started_at=at_the_edge),
        ],
        rate_cards=[RATE_CARD],
        corrections=[a_correction()],
        periods=[{"project": "default", "month": date(2026, 10, 1), "status": "closed", "recorded_at": NOW}],
        budgets=[
            A_BUDGET | {"monthly_usd": Decimal(5)},
            A_BUDGET | {"budget_key": "01KG", "dimension": "tenant_id", "dimension_value": "globex"},
        ],
    )


@pytest.fixture(scope="module")
def reader(store: Path) -> Iterator[FileReader]:
    found = FileReader(store)
    yield found
    found.close()


class TestTheFactsOfAMonth:
    def test_are_five_or_six_queries(self, reader: FileReader) -> None:
        asked: list[str] = []
        gather(asking(reader, asked), Asked("default", NOVEMBER), NOW)
        assert sorted(asked) == ["budgets", "month_basis", "month_totals", "spend_days", "spend_month"]

    def test_say_what_one_thing_costs(self, reader: FileReader) -> None:
        found = gather(asking(reader), Asked("default", NOVEMBER), NOW)
        told = {line.name: (line.value, line.note) for line in words.unit_costs(found)}
        # $6 for five calls with a cost, of which four succeeded; users' calls came to $4, and u3's has no price.
        assert told["per 1,000 calls"] == ("$1,200.00", "5 calls with a known cost")
        assert told["per successful call"] == ("$1.50", "4 successes, what failures cost included")
        assert told["per user"] == ("$2.00", "2 users, named in 66.7 % of spend")

    def test_say_whether_the_month_is_closed_and_what_is_booked_in_it(self, reader: FileReader) -> None:
        october = gather(asking(reader), Asked("default", date(2026, 10, 1)), NOW)
        november = gather(asking(reader), Asked("default", NOVEMBER), NOW)
        assert "closed on 2026-11-21 12:30 UTC" in list(words.reconciled(october))
        assert "$0.20 of corrections of closed months are booked in it and in no amount above" in list(
            words.reconciled(november)
        )

    def test_have_a_column_for_what_differs_and_none_for_what_is_all_the_same(
        self, reader: FileReader
    ) -> None:
        october = gather(asking(reader), Asked("default", date(2026, 10, 1)), NOW)
        november = gather(asking(reader), Asked("default", NOVEMBER), NOW)
        only_now = set(columns(november)) - set(columns(october))
        assert only_now == {"n_unpriced", "list_cost_usd", "reported_cost_usd"}

    def test_count_the_same_calls_as_everybody_does(self, reader: FileReader) -> None:
        found = gather(asking(reader), Asked("default", NOVEMBER), NOW)
        told = {line.name: line.value for line in words.amounts(found)}
        assert told == {
            "effective cost": "$6.00",
            "at list prices": "$8.00",
            "reported by emitters": "$2.90",
            "on customers' accounts": "$2.00",
            "saved by caching": "–",
            "corrections": "$0.20",
        }
        assert {line.name: line.value for line in words.not_in_them(found)} == {
            "unpriced calls": "1",
            "calls without usage": "1",
        }

    def test_show_a_budget_only_of_exactly_the_calls_that_are_shown(self, reader: FileReader) -> None:
        def budgets_of(narrowing: dict[str, str]) -> tuple[Decimal | None, list[str]]:
            def params(query: str) -> dict[str, str]:
                names = {"tenant_id": "tenant_id", "environment": "environment"}
                return {names[name]: value for name, value in narrowing.items()}

            found = gather(asking(reader), Asked("default", NOVEMBER, "tenant_id", narrowing, params), NOW)
            whole = found.whole.budget.monthly_usd if found.whole else None
            return whole, [one.budget.value for one in found.budgets]

        assert budgets_of({}) == (5, ["globex"])
        assert budgets_of({"tenant_id": "globex"}) == (100, [])
        assert budgets_of({"tenant_id": "globex", "environment": ""}) == (None, [])

    def test_tell_the_rest_of_a_long_table_as_one_row(
        self, reader: FileReader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(month, "MOST_ROWS", 2)
        monkeypatch.setattr(month, "_NAMED", 1)
        asked: list[str] = []
        found = gather(asking(reader, asked), Asked("default", NOVEMBER), NOW)
        others = found.others
        assert [row["value"] for row in found.rows] == ["acme", "globex"]
        assert others is not None
        assert (others["n_calls"], others["cost_usd"], others["n_customer_billed"]) == (4, 1, 1)
        assert words.sum_of_rows(found) == found.totals["cost_usd"] == 6
        # The days of globex are among those of all others, so its budget asks for them.
        assert [(one.budget.value, one.spent_usd) for one in found.budgets] == [("globex", 2)]
        assert "budget_days" in asked

    def test_do_not_take_others_of_whom_no_cost_is_known_for_free(
        self, tmp_path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(month, "MOST_ROWS", 1)
        spans = [a_call(), an_unpriced_call(tenant_id="initech")]
        reader = FileReader(a_store(tmp_path / "store.duckdb", spans=spans))
        found = gather(asking(reader), Asked("default", NOVEMBER), NOW)
        assert found.others is not None
        assert (found.others["n_unpriced"], found.others["cost_usd"]) == (1, None)

    def test_compare_complete_days_with_the_same_days_of_the_month_before(self, reader: FileReader) -> None:
        found = gather(asking(reader), Asked("default", NOVEMBER), NOW)
        days = {date(2026, 10, 20): 1, date(2026, 10, 21): 100, date(2026, 11, 20): 4, date(2026, 11, 21): 50}
        amounts = {day: Decimal(usd) for day, usd in days.items()}
        assert found.same_days(amounts) == (4, 1)
        first = gather(asking(reader), Asked("default", NOVEMBER), datetime(2026, 11, 1, 9))  # noqa: DTZ001
        assert first.same_days(amounts) is None


@pytest.mark.parametrize(
    ("first", "until"), [(date(2026, 2, 1), "2026-03-01"), (date(2026, 12, 1), "2027-01-01")]
)
def test_a_month_ends_where_the_next_begins(first: date, until: str) -> None:
    assert f"{bounds(first)[1]:%Y-%m-%d}" == until


@pytest.fixture(scope="module")
def page(reader: FileReader) -> str:
    return as_html(asking(reader), Asked("default", NOVEMBER), NOW)


class TestTheReport:
    def test_needs_nothing_but_itself(self, page: str) -> None:
        read = Read(page)
        assert not {"script", "link", "img", "iframe", "object", "a"} & set(read.tags)
        assert not [name for name in read.named if name in ("src", "href", "srcset") or name.startswith("on")]
        css = re.findall("<style>(.*?)</style>", page, re.DOTALL)
        assert not re.search(r"url\(|@import|//", "".join(css + read.values))

    def test_shows_names_from_telemetry_as_text(self, page: str) -> None:
        assert HOSTILE[0] in Read(page).text
        assert "<script" not in page

    def test_has_the_numbers_of_the_queries(self, page: str, reader: FileReader) -> None:
        (totals,) = rows(reader.query("month_totals", month=NOVEMBER.isoformat()))
        said = Read(page).text
        assert f"{formats.money(totals['cost_usd'])}" == "$6.00"
        assert re.search(r"Total\n\$6\.00\n100\.0 %\n7\n", said)  # of the table by tenant
        assert re.search(r"globex\n\$2\.00\n33\.3 %\n2\n", said)
        assert re.search(r"all calls\n\$5\.00\n\$6\.00\n120 %\n\$6[\d.]+\nover\n", said)  # of the budgets
        assert re.search(r"acme-finetune\n1\n", said)  # of the models without a price
        assert "rows sum to $6.00, 7 calls" in said
        assert "price book genai-prices 0.2.3 (checked 2026-11-12)" in said
        assert "2026-11-01 00:00 to 2026-12-01 00:00" in said

    def test_of_a_month_without_calls_is_a_page_as_well(self, reader: FileReader) -> None:
        said = Read(as_html(asking(reader), Asked("default", date(2025, 1, 1)), NOW)).text
        assert "no calls" in said and "Total" in said

    def test_draws_where_the_month_is_going_with_its_band_and_its_budget(self, tmp_path: Path) -> None:
        days = [NOW - timedelta(days=n) for n in range(1, 16)]
        spans = [a_call(started_at=day, list_cost_usd=Decimal(10)) for day in days]
        made = a_store(
            tmp_path / "store.duckdb", spans=spans, budgets=[A_BUDGET | {"monthly_usd": Decimal(400)}]
        )
        page = as_html(asking(FileReader(made)), Asked("default", NOVEMBER), NOW)
        assert page.count("<polyline") == 3 and page.count("<polygon") == 1  # no month before
        # 150 so far; the rest of the 21st, and nine days of 10.
        assert "Spend by day, $150.00 so far, forecast $244.79, budget $400.00." in page
        heights = [
            float(y) for y in re.findall(r",(\d+\.\d)", "".join(re.findall(r'points="([^"]+)"', page)))
        ]
        assert heights and all(0 <= y <= 260 for y in heights)


class TestTheCommand:
    def test_writes_the_report_of_the_calls_that_are_asked_for(self, store: Path, tmp_path: Path) -> None:
        written = tmp_path / "november.html"
        ran = self._run(store, "--where", "tenant=globex", "--report", str(written))
        assert (ran.exit_code, ran.stdout) == (0, "")
        assert "Only tenant globex" in Read(written.read_text("utf-8")).text

    def test_says_what_is_wrong_with_the_file_or_the_grouping(self, store: Path, tmp_path: Path) -> None:
        nowhere = str(tmp_path / "none" / "november.html")
        assert "cannot be written to" in str(self._run(store, "--report", nowhere).exception)
        both = self._run(store, "--by", "tenant,model", "--report", str(tmp_path / "november.html"))
        assert "name one in --by" in both.stderr

    def _run(self, store: Path, *words: str) -> Any:
        given = ["--month", "2026-11", "--data", str(store.parent), *words]
        return CliRunner().invoke(spend.command, given)
