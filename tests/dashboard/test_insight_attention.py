"""Needs attention: what each finding says, in which order, and that a real store's trouble is found with its evidence."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dashboard.insight import attention
from dashboard.insight.anomalies import Anomaly
from dashboard.insight.asking import Row
from dashboard.insight.attention import Item, Link
from dashboard.insight.budgets import positions
from dashboard.insight.gathered import gather
from dashboard.pipeline import Trouble
from store.backends import file
from store.reader import FileReader, rows
from tests.dashboard.data import A_BUDGET, HELD_CARD, NOW, RATE_CARD, a_run, a_store, a_verdict

TODAY = datetime(2026, 11, 21)  # noqa: DTZ001 - UTC, as the store has it
HOUR = timedelta(hours=1)
DOWN_AT = TODAY + 9 * HOUR


def an_anomaly(**given: Any) -> Anomaly:
    """Half of one provider's calls failed in the last three hours."""
    usual: dict[str, Any] = {
        "metric": "errors", "dimension": "provider", "value": "anthropic", "began_at": DOWN_AT, "ended_at": NOW,
        "is_ongoing": True, "observed": 0.5, "expected": 0.012, "excess": 488.0, "n_calls": 1_000, "n_errors": 500,
        "score": 20.0, "confidence": "high", "n_days": 35,
    }  # fmt: skip
    return Anomaly(**usual | given)


@pytest.mark.parametrize(
    ("given", "severity", "title", "detail"),
    [
        ({}, "critical", "provider anthropic: 50 % of calls failed", "since 21 Nov 09:00 · 500 of 1,000 calls, usually 1.2 %"),
        ({"is_ongoing": False, "ended_at": DOWN_AT + HOUR}, "warning", "50 % of calls failed", "21 Nov 09:00 to 10:00"),
        ({"confidence": "low"}, "notice", "50 % of calls failed", "confidence low, by 35 days before"),
        (
            {"metric": "spend", "dimension": "tenant_id", "value": "hooli", "observed": 26.0, "expected": 10.0},
            "warning", "tenant hooli: 2.6× the usual spend", "$26.00, usually $10.00",
        ),
        (
            {"metric": "latency", "dimension": "model", "value": "m", "observed": 4.2e9, "expected": 1.4e9},
            "warning", "model m: 3.0× the usual latency", "p95 4.20 s, usually 1.40 s",
        ),
        (
            {"metric": "volume", "dimension": "", "value": "", "observed": 0.0, "expected": 900.0, "excess": -900.0},
            "critical", "all calls: no requests", "0 requests, usually 900",
        ),
        (
            {"metric": "volume", "dimension": "tenant_id", "value": "", "observed": 90.0, "expected": 300.0, "excess": -210.0},
            "warning", "no tenant: requests at 30 % of the usual", "90 requests, usually 300",
        ),
    ],
)  # fmt: skip
def test_an_anomaly_says_what_when_and_what_is_usual(
    given: dict[str, Any], severity: str, title: str, detail: str
) -> None:
    [item] = attention.of_anomalies([an_anomaly(**given)], NOW)
    assert item.severity == severity
    assert title in item.title
    assert detail in item.detail
    if given.get("metric") == "spend":
        assert item.link == Link("spend", {"month": "2026-11", "tenant": "hooli"})
    else:
        assert item.link.window == (DOWN_AT, given.get("ended_at", NOW))
        assert item.link.page == ("traces" if given.get("metric") == "volume" else "reliability")


def test_a_surge_that_costs_is_told_as_spend_only() -> None:
    of = {"dimension": "tenant_id", "value": "hooli"}
    found = [
        an_anomaly(metric="spend", observed=26.0, expected=10.0, **of),
        an_anomaly(metric="volume", observed=2_600.0, expected=1_000.0, excess=1_600.0, **of),
    ]
    assert [item.kind for item in attention.of_anomalies(found, NOW)] == ["spend"]


@pytest.mark.parametrize(
    ("dimension", "value", "params"),
    [
        ("tenant_id", "hooli & sons", {"tenant": "hooli & sons"}),
        ("environment", "prod", {"env": "prod"}),
        ("provider", "anthropic", {"dim": "provider", "value": "anthropic"}),
        ("cost_centre", "4711", {"dim": "cost_centre", "value": "4711"}),
        ("tenant_id", "", {"tenant": "(no tenant)"}),
        ("model", "", {"model": "(no model named)"}),
        ("", "", {}),
    ],
)
def test_a_link_narrows_the_page_to_the_calls_it_is_about(
    dimension: str, value: str, params: dict[str, str]
) -> None:
    assert attention.address_of(dimension, value) == params


def test_the_worst_comes_first_and_of_equals_the_heavier() -> None:
    def an_item(severity: Any, kind: Any, weight: float = 0.0) -> Item:
        return Item(severity, kind, f"{severity} {kind} {weight}", "", Link("setup"), weight)

    wanted = [
        an_item("critical", "budget"),
        an_item("warning", "errors", 9),
        an_item("warning", "errors", 6),
        an_item("warning", "held_price"),
        an_item("notice", "ingest"),
    ]
    assert attention.in_order(wanted[::-1]) == wanted


def test_only_the_newest_verdict_of_a_suite_and_prompt_counts() -> None:
    def a_row(run_id: str, verdict: str | None, prompt: str = "p") -> Row:
        return {
            "run_id": run_id, "suite": "s", "prompt_name": prompt, "verdict": verdict, "reason": "fell by 7 points",
            "candidate_version": "v2", "decided_at": NOW,
        }  # fmt: skip

    runs = [
        a_row("5", None),
        a_row("4", "PASS"),
        a_row("3", "FAIL"),
        a_row("2", "FAIL", "q"),
        a_row("1", "INCONCLUSIVE", "r"),
    ]
    found = list(attention.of_gates(runs))
    assert [(item.severity, item.title, item.link) for item in found] == [
        ("warning", "Gate blocked: q v2", Link("gates", {"run": "2"})),
        ("notice", "Gate undecided: r v2", Link("gates", {"run": "1"})),
    ]


def test_trouble_of_the_collector_and_what_it_refused_lead_to_setup() -> None:
    trouble = [Trouble("error", "The receiver does not answer.", "It is started again by itself.")]
    rejected = [
        {"reason": "no trace id", "n_refusals": 2, "n_items": 30},
        {"reason": "not OTLP", "n_refusals": 5, "n_items": None},
    ]
    [down] = attention.of_trouble(trouble)
    [refused] = attention.of_rejects(rejected, (TODAY, NOW))
    assert (down.severity, down.title, down.link) == (
        "critical",
        "The receiver does not answer.",
        Link("setup"),
    )
    assert refused.title == "7 requests refused or not readable, 30 items"
    assert refused.detail == "since 21 Nov 00:00 · mostly: no trace id"


# 200 calls an hour at 4 cents for 41 days; from 21 November 09:00 on a third of anthropic's fail, and a self-hosted model
# that nobody has priced answers ten an hour.
TRAFFIC = """
    insert into spans by name
    select
        'default' as project,
        cast(moment as date) as day,
        uuid() as trace_id,
        cast(n * 1000 + hour as ubigint) as span_id,
        moment as started_at,
        moment as received_at,
        cast(1e9 + 1e7 * (n % 50) as bigint) as duration_ns,
        'call' as role,
        case when provider = 'anthropic' and moment >= $down and n % 3 = 0 then 'error' else 'ok' end as status,
        provider,
        case when n >= 190 then 'acme-8b' else provider || '-model' end as model_answered,
        case when n % 4 = 0 then 'hooli' else 'acme' end as tenant_id,
        100 as input_tokens,
        case when n >= 190 then 'unpriced_model' else 'priced' end as cost_status,
        cast(case when n < 190 then 0.04 end as decimal(18, 12)) as effective_cost_usd
    from (
        select
            n,
            hour,
            case when n % 2 = 0 then 'anthropic' else 'openai' end as provider,
            $since + to_hours(cast(hour as integer)) + to_seconds(n * 10) as moment
        from range(200) as calls(n), range(41 * 24 + 12) as hours(hour)
    )
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = a_store(
        tmp_path_factory.mktemp("troubled") / "store.duckdb",
        budgets=[
            A_BUDGET | {"monthly_usd": Decimal(6_000)},
            A_BUDGET | {"budget_key": "2", "dimension": "tenant_id", "dimension_value": "hooli", "monthly_usd": Decimal(700)},
            A_BUDGET | {"budget_key": "3", "dimension": "tenant_id", "dimension_value": "acme", "monthly_usd": Decimal(4_000)},
            A_BUDGET | {"budget_key": "4", "dimension": "tenant_id", "dimension_value": "nobody"},
        ],
        runs=[a_run()],
        verdicts=[a_verdict()],
        rate_cards=[RATE_CARD, HELD_CARD],
    )  # fmt: skip
    with closing(file.open_for_writing(path)) as connection:
        connection.execute(TRAFFIC, {"down": DOWN_AT, "since": TODAY - timedelta(days=41)})
    reader = FileReader(path)

    def ask(name: str, project: str, /, **params: str | int | datetime | None) -> Sequence[Row]:
        texts = {key: None if value is None else str(value) for key, value in params.items()}
        return rows(reader.query(name, project=project, **texts))

    yield ask
    reader.close()


def test_budgets_stand_where_the_known_costs_of_their_calls_put_them(troubled: Any) -> None:
    """20 days and 12 hours of November at 190 priced calls an hour: 492 hours; hooli has 48 of each hour."""
    found = {one.budget.value: one for one in positions(troubled, "default", date(2026, 11, 1), NOW)}
    assert list(found) == ["hooli", "acme", "", "nobody"]  # the worst first
    assert found[""].spent_usd == 492 * 190 * Decimal("0.04")
    assert found["hooli"].spent_usd == 492 * 48 * Decimal("0.04")
    assert found[""].n_unpriced == 492 * 10
    assert {value: one.state for value, one in found.items()} == {
        "hooli": "over",  # $944.64 of $700
        "acme": "will exceed",  # 720 hours of the month at $5.68 are $4,090 of $4,000
        "": "on track",  # 720 hours at $7.60 are $5,472 of $6,000
        "nobody": "on track",
    }
    assert found["acme"].exceeds_on == date(2026, 11, 30)  # 704 hours
    assert found["nobody"].spent_usd == 0


def test_everything_that_is_wrong_is_found_once_with_its_evidence(troubled: Any) -> None:
    found = gather(troubled, "default", NOW)
    assert [item.kind for item in found][:2] == ["errors", "budget"]
    by_kind = {item.kind: item for item in found}
    assert by_kind["errors"].title == "provider anthropic: 34 % of calls failed"
    assert by_kind["errors"].link == Link(
        "reliability", {"dim": "provider", "value": "anthropic"}, (DOWN_AT, TODAY + 12 * HOUR)
    )
    assert by_kind["unpriced"].title == "1 model without a price"
    assert by_kind["gate"].link == Link("gates", {"run": a_run()["run_id"]})
    assert by_kind["held_price"].title == "1 price waiting for approval"
    budgets = [item.title for item in found if item.kind == "budget"]
    assert budgets[0] == "Budget of tenant hooli: exceeded"
    assert {item.kind for item in found} == {"errors", "budget", "unpriced", "gate", "held_price"}
    assert sum(item.kind == "errors" for item in found) == 1


def test_an_empty_store_needs_no_attention(tmp_path: Path) -> None:
    with closing(FileReader(a_store(tmp_path / "store.duckdb"))) as reader:

        def ask(name: str, project: str, /, **params: Any) -> Sequence[Row]:
            return rows(
                reader.query(name, project=project, **{key: str(value) for key, value in params.items()})
            )

        assert gather(ask, "default", NOW) == []


def test_the_findings_need_no_pages() -> None:
    asked = (
        "import sys, dashboard.insight.gathered; print('streamlit' in sys.modules, 'pandas' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert printed == "False False\n"
