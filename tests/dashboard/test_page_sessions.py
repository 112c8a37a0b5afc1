"""Sessions: the list, one conversation with what was said and what was cut short, and what an id leads to."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dashboard.charts import context_growth
from dashboard.views.sessions import windows
from dashboard.views.sessions.messages import Said, exchanges
from store.reader import FileReader, rows
from tests.dashboard.data import HOSTILE, NOW, SPAN_ID, TRACE_ID, a_call, a_content, a_failed_call, a_store
from tests.dashboard.test_pages import Visit, metrics, table, visit, words

__all__ = ["visit"]

START = NOW - timedelta(hours=3)
LOOSE_TRACE = "f" * 32


def a_turn(minutes: float, session: str = "talk", **given: Any) -> dict[str, Any]:
    at = {"started_at": START + timedelta(minutes=minutes), "trace_id": f"{int(minutes) + 1:032x}"}
    return a_call(**at | {"session_id": session, "user_id": "ada", "span_id": int(minutes) + 1} | given)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of ada a conversation of four calls; of eve one that was captured and one that is hostile; a call of none."""
    spans = [
        a_turn(0, input_tokens=1_000, output_tokens=100, response_id="resp-1"),
        a_turn(
            10, input_tokens=2_000, output_tokens=100, finish_reason="length", list_cost_usd=Decimal("0.5")
        ),
        a_turn(
            20, input_tokens=120_000, output_tokens=100, cached_input_tokens=100_000, response_id="shared"
        ),
        a_failed_call(started_at=START + timedelta(minutes=30), session_id="talk", user_id="ada"),
        a_turn(40, "said", user_id="eve", trace_id=TRACE_ID, span_id=int(SPAN_ID, 16)),
        a_turn(50, HOSTILE[0], user_id=HOSTILE[2], tenant_id=HOSTILE[1], prompt_name=HOSTILE[2]),
        a_call(trace_id=LOOSE_TRACE, response_id="loose", started_at=START),
        a_turn(60, "elsewhere", project="other"),
    ]
    messages = [
        {"role": "system", "parts": [{"type": "text", "content": "Be kind."}]},
        {
            "role": "user",
            "parts": [{"type": "text", "content": f"Where is my parcel? {HOSTILE[0]} {HOSTILE[2]}"}],
        },
    ]
    contents = [
        a_content(body=json.dumps(messages), n_redactions=2),
        a_content(key="gen_ai.output.messages", body="At the depot.", n_cut_characters=7),
    ]
    path = tmp_path_factory.mktemp("sessions") / "store.duckdb"
    return a_store(path, spans=spans, contents=contents)


def test_the_list_says_what_the_query_says_and_sums_up_to_it(visit: Visit, store: Path) -> None:
    app = visit(store, "sessions")
    reader = FileReader(store)
    whole = {"since": "2026-11-14T00:00:00Z", "until": "2026-11-22T00:00:00Z"}
    (totals,) = rows(reader.query("session_totals", **whole))
    found = rows(reader.query("sessions", **whole, limit="10"))
    reader.close()
    shown = table(app, "session")
    assert list(shown["session"]) == [row["session_id"] for row in found] == [HOSTILE[0], "said", "talk"]
    assert list(shown["cost_usd"]) == [row["cost_usd"] for row in found]
    assert sum(row["cost_usd"] for row in found) == totals["cost_usd"]
    assert sum(row["n_calls"] for row in found) == totals["n_calls"] == 6
    assert shown["flags"].iloc[2] == "✂ 1 cut, ▲ 1 near window"
    figures = metrics(app)
    assert (figures["Conversations"], figures["Cost"]) == ("3", "$0.51")
    assert (figures["With a failed call"], figures["Cut short"]) == ("33.3 %", "33.3 %")
    assert "1 calls name no conversation and are not here" in words(app)


def test_a_conversation_is_shown_whole_with_what_was_cut_short_and_how_to_capture_what_was_said(
    visit: Visit, store: Path
) -> None:
    app = visit(store, "sessions", session="talk", range="1h")
    calls = table(app, "place")
    assert list(calls["place"]) == [1, 2, 3, 4]
    assert list(calls["cost"]) == ["$0.003500", "$0.500000", "$0.003500", "no usage"]
    assert list(calls["cut"].fillna("")) == ["", "▲ ended at a token limit", "▲ near the model's window", ""]
    figures = metrics(app)
    assert figures["Calls"] == "4"
    assert figures["Largest context"] == "120.1k"
    assert figures["Cut short"] == "▲ 2"
    said = words(app)
    assert "STEELYARD_CAPTURE_PROJECTS=default" in said
    assert "user ada · tenant acme" in said


def test_what_was_said_is_shown_as_text_beside_what_it_cost(visit: Visit, store: Path) -> None:
    app = visit(store, "sessions", session="said")
    html = "\n".join(element.proto.body for element in app.get("html"))
    assert "Be kind." in html
    assert "At the depot." in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>" not in html
    assert "call 1 · gpt-4o-2024-08-06 · 1,000 → 100 tokens · $0.003500" in words(app)
    assert "2 places blanked out · 7 characters not stored" in words(app)


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("ada", "Conversations of the user ada."),
        ("said", "## said"),
        ("resp-1", "The conversation of the response **resp-1**."),
        ("loose", "The response **loose** is known, but its calls name no conversation."),
        ("nobody", "No user, conversation, response, request, trace or span is called **nobody**"),
    ],
)
def test_an_id_of_any_kind_leads_to_its_conversations(visit: Visit, store: Path, who: str, told: str) -> None:
    said = words(visit(store, "sessions", who=who))
    assert told in said.replace("**ada**", "ada")


def test_hostile_names_are_text_and_an_unknown_conversation_is_said(visit: Visit, store: Path) -> None:
    app = visit(store, "sessions", session=HOSTILE[0], order="oldest")
    rendered = "\n".join(element.value for element in (*app.markdown, *app.caption, *app.info))
    for markup in ("<script>", "$x^2$", "**bold**", "[l](http"):
        assert markup not in rendered
    assert "The link asks for order **oldest**, which is not known here" in words(app)
    gone = words(visit(store, "sessions", session="gone", from_row="nonsense"))
    assert "There is no conversation of this id in project default." in gone


def test_without_conversations_the_page_says_how_to_name_them_or_what_emptied_it(
    visit: Visit, tmp_path: Path
) -> None:
    loose = a_store(tmp_path / "loose.duckdb", spans=[a_call(), a_call(tenant_id="globex")])
    assert "None of the 2 calls in this range names a conversation." in words(visit(loose, "sessions"))
    assert "No calls match tenant globex" in words(visit(loose, "sessions", tenant="globex"))
    assert "No calls match this range" in words(visit(a_store(tmp_path / "empty.duckdb"), "sessions"))


def test_a_list_of_more_than_a_page_is_turned_by_its_address(visit: Visit, tmp_path: Path) -> None:
    spans = [a_turn(n / 10, f"s{n:03d}") for n in range(103)]
    app = visit(a_store(tmp_path / "store.duckdb", spans=spans), "sessions", from_row="100")
    assert list(table(app, "session")["session"]) == ["s002", "s001", "s000"]
    assert "101 to 103 of 103, newest first" in words(app)
    app.button(key="sessions-back").click().run()
    assert len(table(app, "session")) == 100
    assert "1 to 100 of 103" in words(app)


def test_a_conversation_of_which_almost_nothing_is_known_has_no_zero_in_it(
    visit: Visit, tmp_path: Path
) -> None:
    unknown = dict.fromkeys(
        ("tenant_id", "provider", "model_requested", "model_answered", "duration_ns", "input_tokens", "output_tokens",
         "list_cost_usd", "rate_card")
    )  # fmt: skip
    call = a_call(session_id="bare", project="demo", **unknown | {"cost_status": "no_usage"})
    app = visit(a_store(tmp_path / "store.duckdb", spans=[call]), "sessions", session="bare", project="demo")
    assert table(app, "place")[["cost", "model"]].values.tolist() == [["no usage", "no model named"]]
    figures = metrics(app)
    assert (figures["Cost"], figures["Largest context"], figures["Cut short"]) == ("–", "–", "none seen")
    assert "the model's window is not known" in [metric.proto.delta_description for metric in app.metric]
    assert table(app, "session")["cost_usd"].isna().all()


def a_body(place: int, body: str, key: str = "gen_ai.input.messages") -> dict[str, Any]:
    return {"place": place, "body": body, "key": key, "n_redactions": 0, "n_cut_characters": None}


def test_of_a_call_only_what_is_new_since_the_last_answer_is_told() -> None:
    history = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "response": 4}]},
        {"role": "human", "content": "And now?"},
    ]
    (exchange,) = exchanges([a_body(2, json.dumps(history)), a_body(2, "Nothing.", "gen_ai.output.messages")])
    assert exchange.n_earlier == 2
    assert exchange.said == (
        Said("tool", "4"),
        Said("user", "And now?"),
        Said("assistant", "Nothing."),
    )


@pytest.mark.parametrize(
    ("key", "body", "said"),
    [
        ("gen_ai.prompt", "just text", Said("user", "just text")),
        ("gen_ai.system_instructions", '["Be", "brief"]', Said("system", "Be")),
        ("gen_ai.completion", "[1", Said("assistant", "[1")),
        (
            "gen_ai.input.messages",
            '[{"role": "user", "content": null}]',
            Said("user", '[{"role": "user", "content": null}]'),
        ),
        ("codex.user_prompt", "Fix it", Said("user", "Fix it")),
        ("app.response.text", "Done", Said("assistant", "Done")),
        ("gen_ai.input.messages", "42", Said("user", "42")),
        ("gen_ai.input.messages", '[{"role": 7, "parts": [{"content": "x"}]}]', Said("user", "x")),
    ],
)
def test_a_body_that_is_no_list_of_messages_is_shown_as_it_is(key: str, body: str, said: Said) -> None:
    assert exchanges([a_body(1, body, key)])[0].said[0] == said


def test_the_context_figure_adds_up_and_draws_the_window_where_it_is_near(store: Path) -> None:
    reader = FileReader(store)
    turns = rows(
        reader.query("session_turns", session_id="talk", windows=windows.as_parameter(["gpt-4o-2024-08-06"]))
    )
    reader.close()
    picture = context_growth(turns)
    cached, rest, output = picture.figure.data[:3]
    assert [sum(parts) for parts in zip(cached.y, rest.y, output.y, strict=True)] == [1_100, 2_100, 120_100]
    assert [shape.y0 for shape in picture.figure.layout.shapes] == [128_000]
    assert [row["cut short"] for row in picture.rows] == [
        "–",
        "ended at a token limit",
        "near the model's window",
        "–",
    ]
    assert context_growth([]).rows == []


def test_the_windows_of_models_are_told_where_they_are_known() -> None:
    assert json.loads(windows.as_parameter(["gpt-4o", "acme-finetune", ""]) or "") == {"gpt-4o": 128_000}
    assert windows.as_parameter(["acme-finetune"]) is None
