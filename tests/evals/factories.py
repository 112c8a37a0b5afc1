"""Small real things for the tests of evals, with defaults for all a claim does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from evals.gate import CaseScore
from evals.golden import Case
from evals.suite import Rules
from tests.front_door import Done
from tests.front_door import front_door as run_here
from tests.gateway.standin import unused_port

STEELYARD = Path(sys.executable).with_name("steelyard")
EXAMPLE = Path(__file__).parents[2] / "examples" / "summarize-document"


def rules(**changes) -> Rules:
    return Rules(**({"metric": "exact_match", "margin": 0.05} | changes))


def scores(values: Sequence[float | None] | str, clusters: Sequence[str] | None = None) -> list[CaseScore]:
    """Scores by case; in a text, 1 is right, 0 wrong and - missing."""
    given = [None if v == "-" else float(v) for v in values] if isinstance(values, str) else list(values)
    names = clusters or [f"c{i}" for i in range(len(given))]
    return [
        CaseScore(f"c{i}", cluster, score)
        for i, (cluster, score) in enumerate(zip(names, given, strict=True))
    ]


def a_case(expected: object = "yes", case_id: str = "c1", **given: object) -> Case:
    return Case(case_id, given, expected, case_id, "hash")


def a_suite(folder: Path, *, cases: int = 4, model_answers: str = "one", **changes: object) -> Path:
    """A suite of questions that expect `one`, and prompts that the fake model answers from the document."""
    answer = f"<document>{model_answers}</document>\n---user---\n"
    (folder / "v1.md").write_text(f"{answer}Copy verbatim: {{{{question}}}}\n")
    (folder / "v2.md").write_text(f"{answer}Verbatim, please: {{{{question}}}}\n")
    lines = [
        json.dumps({"id": f"c{i:03}", "input": {"question": f"q{i}"}, "expected": "one"})
        for i in range(cases)
    ]
    (folder / "golden.jsonl").write_text("\n".join(lines))
    suite: Mapping[str, object] = {
        "suite": "tiny",
        "prompt": "v2.md",
        "baseline": "v1.md",
        "golden": "golden.jsonl",
        "provider": "fake",
        "model": "m",
        "scorers": [{"scorer": "exact_match"}],
        "gate": {"metric": "exact_match", "margin": 0.05},
        **changes,
    }
    path = folder / "suite.yaml"
    path.write_text(json.dumps({key: value for key, value in suite.items() if value is not None}))
    return path


def environment(**changes: str) -> dict[str, str]:
    """An environment in which no receiver and no key can be found by accident."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "STEELYARD_", "OPENAI_"))}
    # Bytecode is kept between subprocesses even where the environment says not to: it halves their start.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / "steelyard-tests-pycache")
    return kept | {"STEELYARD_OTLP_URL": f"http://127.0.0.1:{unused_port()}"} | changes


def steelyard(*arguments: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the installed script, as CI does."""
    command = [str(STEELYARD), *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment(**env), capture_output=True, text=True, timeout=60, check=False
    )


def front_door(*arguments: object, cwd: Path, **env: str) -> Done:
    """The same in this process, through the script's own entry point: for claims not about processes."""
    return run_here(*arguments, cwd=cwd, env=environment(**env))


def only_run(cwd: Path) -> Path:
    [folder] = (cwd / "runs").iterdir()
    return folder
