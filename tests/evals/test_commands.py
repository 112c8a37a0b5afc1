"""The installed script: exit codes, run folders, delivery. What CI sees."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from commands import eval as eval_command
from commands import gate as gate_command
from commands import links
from evals.outbox import Receiver
from steelyard import COMMANDS
from store.records import KINDS, problems
from tests.evals.factories import EXAMPLE, STEELYARD, a_suite, environment, front_door, only_run, steelyard
from tests.gateway import standin
from tests.gateway.standin import serving, unused_port

SUITE = EXAMPLE / "suite.yaml"


# --- verdicts and exit codes ---


def test_the_examples_candidate_passes_and_exits_0(tmp_path: Path):
    done = steelyard("eval", "run", SUITE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\nPASS  category moved +5.9 points" in done.stdout
    assert json.loads((only_run(tmp_path) / "verdict.json").read_text())["verdict"] == "PASS"


def test_the_examples_terse_prompt_fails_and_exits_1(tmp_path: Path):
    done = steelyard("eval", "run", SUITE, "--candidate", EXAMPLE / "prompts/v3-terse.md", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "\nFAIL  " in done.stdout


def test_a_dozen_cases_are_inconclusive_and_exit_2(tmp_path: Path):
    done = steelyard("eval", "run", SUITE, "--cases", 12, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "would decide" in done.stdout


def test_report_only_exits_0_and_stores_what_it_would_have_said(tmp_path: Path):
    done = front_door("eval", "run", SUITE, "--cases", 12, "--report-only", cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads((only_run(tmp_path) / "verdict.json").read_text())["verdict"] == "INCONCLUSIVE"


MISTAKES = [
    (["eval", "run", "none.yaml"], "no such suite"),
    (["eval", "run", SUITE, "--modle", "m"], "No such option"),
    (["eval", "run"], "Missing argument"),
    (["eval", "rnu", SUITE], "No such command"),
    (["eval", "run", SUITE, "--candidate", "none.md"], "no such prompt file"),
    (["eval", "run", SUITE, "--baseline", "01NOTHING"], "no run of that id"),
    (["eval", "run", SUITE, "--provider", "openai"], "OPENAI_API_KEY"),
    (["eval", "run", SUITE, "--project", "Not a name"], "cannot name a project"),
    (["gate", "01NOTHING"], "no run folder"),
]


@pytest.mark.parametrize(("arguments", "says"), MISTAKES)
def test_a_mistake_exits_3_with_words_and_no_traceback_and_leaves_no_folder(
    tmp_path: Path, arguments: list, says: str
):
    done = front_door(*arguments, cwd=tmp_path)
    assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (3, True, False)
    assert not (tmp_path / "runs").exists()


def test_bad_yaml_exits_3(tmp_path: Path):
    (tmp_path / "s.yaml").write_text("a: [")
    done = front_door("eval", "run", "s.yaml", cwd=tmp_path)
    assert (done.returncode, "not valid YAML" in done.stderr) == (3, True)


def test_a_crash_exits_3_and_keeps_its_traceback(tmp_path: Path):
    (tmp_path / "broken.py").write_text(
        "class P:\n    name = 'p'\n    def __init__(self, options): pass\n"
        "    async def aclose(self): pass\n    async def complete(self, request): raise ZeroDivisionError\n"
    )
    done = steelyard("eval", "run", a_suite(tmp_path), "--provider", "broken:P", cwd=tmp_path)
    assert (done.returncode, "ZeroDivisionError" in done.stderr) == (3, True)
    assert not (only_run(tmp_path) / "verdict.json").exists()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_exits_3_keeps_the_answers_and_says_how_far_it_got(
    tmp_path: Path, signal_number: int
):
    with serving(*[standin.completion("one")] * 5, default=standin.hang) as server:
        suite = a_suite(tmp_path, cases=20, provider="openai", base_url=server.url, concurrency=1)
        run = subprocess.Popen(
            [STEELYARD, "eval", "run", suite],
            cwd=tmp_path,
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        while len(server.script.seen) < 6:  # five answered, one hanging
            assert run.poll() is None
            time.sleep(0.01)
        os.kill(run.pid, signal_number)
        _, errors = run.communicate(timeout=20)
    assert run.returncode == 3
    assert "interrupted after 5 of 40 answers" in errors and "Traceback" not in errors
    folder = only_run(tmp_path)
    assert len((folder / "journal.jsonl").read_text().splitlines()) == 5
    assert json.loads((folder / "run.json").read_text())["run"]["status"] == "interrupted"
    assert front_door("gate", folder, cwd=tmp_path).returncode == 3


def test_an_outage_is_inconclusive_and_never_a_verdict_about_the_prompt(tmp_path: Path):
    url = f"http://127.0.0.1:{unused_port()}"
    suite = a_suite(tmp_path, provider="openai", base_url=url, max_attempts=1, must_pass=["c001"])
    done = front_door("eval", "run", suite, cwd=tmp_path)
    assert done.returncode == 2
    assert "Infrastructure: 4 of 4 candidate and 4 of 4 baseline answers are missing" in done.stdout


def test_a_server_that_recovers_is_retried_to_a_verdict(tmp_path: Path):
    flaky = [standin.refused(500), standin.refused(429, retry_after="0"), standin.truncated, standin.reset]
    with serving(*flaky, default=standin.completion("one")) as server:
        suite = a_suite(tmp_path, cases=60, provider="openai", base_url=server.url)
        done = front_door("eval", "run", suite, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(server.script.seen) == 124  # 120 answers and four that failed


# --- gate, baselines ---


def a_run(tmp_path: Path, *arguments: object) -> Path:
    """Run the tiny suite into ./runs; returns the new folder."""
    before = set((tmp_path / "runs").glob("*"))
    front_door("eval", "run", tmp_path / "suite.yaml", *arguments, cwd=tmp_path)
    [folder] = set((tmp_path / "runs").glob("*")) - before
    return folder


def test_gate_decides_again_from_the_folder_and_keeps_every_verdict(tmp_path: Path):
    a_suite(tmp_path, cases=60)
    folder = a_run(tmp_path)
    done = front_door("gate", folder.name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verdicts = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text().splitlines()]
    assert len({v["verdict_id"] for v in verdicts}) == 2


def test_a_run_folder_is_a_baseline_wherever_it_lies(tmp_path: Path):
    a_suite(tmp_path, cases=60)
    released = a_run(tmp_path).rename(tmp_path / "released")
    a_suite(tmp_path, cases=60, baseline=None, model_answers="two")
    done = front_door("eval", "run", "suite.yaml", "--baseline", released, cwd=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "100.0 % -> 0.0 %" in done.stdout


def test_gate_compares_any_two_runs(tmp_path: Path):
    a_suite(tmp_path, cases=60, baseline=None)
    good = a_run(tmp_path)
    a_suite(tmp_path, cases=60, baseline=None, model_answers="two")
    bad = a_run(tmp_path)
    assert front_door("gate", bad.name, "--baseline", good.name, cwd=tmp_path).returncode == 1
    assert front_door("gate", good, "--baseline", bad, cwd=tmp_path).returncode == 0


def test_gate_without_a_baseline_uses_the_recorded_one(tmp_path: Path):
    a_suite(tmp_path, cases=60, baseline=None)
    good = a_run(tmp_path)
    folder = a_run(tmp_path, "--baseline", good)
    assert front_door("gate", folder, cwd=tmp_path).returncode == 0
    assert json.loads((folder / "verdict.json").read_text())["baseline_run_id"] == good.name


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "m2"}, "its model is m, not m2"),
        ({"scorers": [{"scorer": "exact_match", "casefold": True}]}, "scorers"),
    ],
)
def test_a_baseline_of_another_model_or_scorer_is_refused_before_spending(
    tmp_path: Path, change: dict, says: str
):
    a_suite(tmp_path, baseline=None)
    other = a_run(tmp_path)
    a_suite(tmp_path, baseline=None, **change)
    done = front_door("eval", "run", "suite.yaml", "--baseline", other, cwd=tmp_path)
    assert (done.returncode, says in done.stderr) == (3, True)
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_when_the_golden_set_changed_the_common_cases_are_compared_and_it_says_so(tmp_path: Path):
    a_suite(tmp_path, cases=70, baseline=None)
    older = a_run(tmp_path)
    a_suite(tmp_path, cases=60, baseline=None)
    done = front_door("eval", "run", "suite.yaml", "--baseline", older, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "comparison is on the 60 cases" in done.stdout


def test_without_a_baseline_a_floor_alone_decides(tmp_path: Path):
    suite = a_suite(
        tmp_path, cases=60, baseline=None, gate={"metric": "exact_match", "margin": 0.05, "floor": 0.9}
    )
    assert front_door("eval", "run", suite, cwd=tmp_path).returncode == 0


# --- what is said and written ---


def test_the_power_of_the_run_is_told_before_the_first_request(tmp_path: Path):
    done = front_door("eval", "run", SUITE, "--cases", 20, cwd=tmp_path)
    assert "with these 20 cases the smallest margin you can gate is about" in done.stderr


def test_junit_and_markdown_are_written(tmp_path: Path):
    front_door("eval", "run", SUITE, "--candidate", EXAMPLE / "prompts/v3-terse.md", cwd=tmp_path)
    suite = ElementTree.parse(only_run(tmp_path) / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("errors")) == ("69", "0")  # 68 cases and the gate
    failed = {test.get("name") for test in suite.iter("testcase") if test.find("failure") is not None}
    assert "gate" in failed and failed - {"gate"} <= {
        "invoice-reminder",
        "incident-billing",
        "contract-nda",
        "support-cancel",
    }
    assert (only_run(tmp_path) / "report.md").read_text().startswith("### ❌ FAIL: summarize-document")


def test_missing_answers_are_errors_in_junit(tmp_path: Path):
    suite = a_suite(tmp_path, provider="openai", base_url=f"http://127.0.0.1:{unused_port()}", max_attempts=1)
    front_door("eval", "run", suite, cwd=tmp_path)
    report = ElementTree.parse(only_run(tmp_path) / "junit.xml").getroot()[0]
    assert (report.get("failures"), report.get("errors")) == ("0", "5")


def test_help_lines_are_the_front_doors():
    lines = COMMANDS["Evals and gates"]
    assert eval_command.command.get_short_help_str(200) == lines["eval"]
    assert gate_command.command.get_short_help_str(200) == lines["gate"]


# --- delivery ---


def test_calls_and_records_reach_the_receiver_and_have_the_stores_shapes(tmp_path: Path):
    with serving(default=standin.answer(200, b"{}")) as server:
        done = front_door(
            "eval", "run", a_suite(tmp_path), "--project", "demo", cwd=tmp_path, STEELYARD_OTLP_URL=server.url
        )
    pages = [
        f"http://127.0.0.1:8501/{page}?run={only_run(tmp_path).name}&project=demo"
        for page in ("gates", "evals")
    ]
    assert done.stdout.splitlines()[-2:] == pages
    by_kind: dict[str, list] = {}
    for seen in server.script.seen:
        assert seen.headers["x-steelyard-project"] == "demo"
        if seen.path.startswith("/api/v1/records/"):
            by_kind.setdefault(seen.path.removeprefix("/api/v1/records/").split("?")[0], []).extend(seen.json)
    assert {kind: len(rows) for kind, rows in by_kind.items()} == {
        "prompt_versions": 2, "golden_sets": 1, "results": 8, "runs": 1, "verdicts": 1,
    }  # fmt: skip
    for kind, rows in by_kind.items():
        assert problems(KINDS[kind], rows) == []
        assert not {key for row in rows for key in row} - set(KINDS[kind].fields)
    assert spans_in(server) == 8


def test_the_pages_of_a_run_are_on_the_dashboard_that_the_environment_names(monkeypatch: pytest.MonkeyPatch):
    receiver = Receiver("https://collector.example:4318", "default")
    monkeypatch.delenv(links.DASHBOARD_URL, raising=False)
    gate, cases, hint = links.of_run("01K", receiver).splitlines()
    assert (gate, cases) == ("/gates?run=01K", "/evals?run=01K")
    assert "STEELYARD_DASHBOARD_URL" in hint
    monkeypatch.setenv(links.DASHBOARD_URL, "https://steelyard.example/")
    assert links.of_run("01K", receiver).splitlines() == [
        "https://steelyard.example/gates?run=01K",
        "https://steelyard.example/evals?run=01K",
    ]


def spans_in(server: standin.Server) -> int:
    bodies = [seen.body for seen in server.script.seen if seen.path == "/v1/traces"]
    exports = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    return sum(len(scope.spans) for e in exports for r in e.resource_spans for scope in r.scope_spans)


def test_without_a_receiver_the_run_works_and_says_how_to_send_it_later(tmp_path: Path):
    suite = a_suite(tmp_path, cases=60)
    done = front_door("eval", "run", suite, cwd=tmp_path)
    assert done.returncode == 0
    assert "no receiver listens" in done.stderr and "steelyard gate" in done.stderr
    with serving(default=standin.answer(200, b"{}")) as server:
        later = front_door("gate", only_run(tmp_path), cwd=tmp_path, STEELYARD_OTLP_URL=server.url)
    assert (later.returncode, spans_in(server)) == (0, 120)
    assert not (only_run(tmp_path) / "unsent_spans").exists()


def test_the_next_run_delivers_what_an_older_one_could_not(tmp_path: Path):
    suite = a_suite(tmp_path)
    front_door("eval", "run", suite, cwd=tmp_path)
    with serving(default=standin.answer(200, b"{}")) as server:
        done = front_door("eval", "run", suite, cwd=tmp_path, STEELYARD_OTLP_URL=server.url)
        again = front_door("eval", "run", suite, cwd=tmp_path, STEELYARD_OTLP_URL=server.url)
    assert "older runs delivered too: 1" in done.stderr and "older" not in again.stderr
    assert spans_in(server) == 24


def test_a_receiver_that_refuses_records_does_not_change_the_verdict(tmp_path: Path):
    with serving(default=standin.answer(500, b"{}")) as server:
        done = front_door(
            "eval", "run", a_suite(tmp_path, cases=60), cwd=tmp_path, STEELYARD_OTLP_URL=server.url
        )
    assert done.returncode == 0
    assert "not all delivered" in done.stderr and "Traceback" not in done.stderr
    assert "/gates?run=" not in done.stdout


def test_no_send_sends_nothing(tmp_path: Path):
    with serving(default=standin.answer(200, b"{}")) as server:
        front_door("eval", "run", a_suite(tmp_path), "--no-send", cwd=tmp_path, STEELYARD_OTLP_URL=server.url)
    assert server.script.seen == []


def test_the_key_is_written_nowhere(tmp_path: Path):
    with serving(default=standin.refused(401)) as server:
        suite = a_suite(tmp_path, provider="openai", base_url=server.url)
        done = front_door("eval", "run", suite, cwd=tmp_path, OPENAI_API_KEY="sk-very-secret")
    assert done.returncode == 2 and "sk-very-secret" not in done.stdout + done.stderr
    assert not [f for f in only_run(tmp_path).iterdir() if b"sk-very-secret" in f.read_bytes()]
