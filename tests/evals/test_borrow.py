"""A baseline that only the store has is as good as one whose folder is here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.front_door import Done, front_door
from tests.servers import Server

SUITE = Path(__file__).parent.parent.parent / "examples" / "summarize-document" / "suite.yaml"
TERSE = SUITE.parent / "prompts" / "v3-terse.md"


def steelyard(server: Server, where: Path, *words: str | Path) -> Done:
    """As CI runs it, in this process: an environment with nothing in it but where the server is."""
    env = {"PATH": "", "STEELYARD_URL": server.api_url, "STEELYARD_OTLP_URL": server.receiver_url}
    return front_door(*words, cwd=where, env=env)


def test_ci_gates_against_a_released_run_whose_folder_is_elsewhere(server: Server, tmp_path: Path) -> None:
    laptop, ci = tmp_path / "laptop", tmp_path / "ci"
    laptop.mkdir()
    ci.mkdir()
    assert steelyard(server, laptop, "eval", "run", SUITE).returncode == 0
    [released] = (laptop / "runs").iterdir()
    here = steelyard(server, ci, "eval", "run", SUITE, "--candidate", TERSE, "--baseline", released)
    there = steelyard(server, ci, "eval", "run", SUITE, "--candidate", TERSE, "--baseline", released.name)
    assert (here.returncode, there.returncode) == (1, 1), there.stderr
    verdicts = [json.loads(path.read_text()) for path in sorted((ci / "runs").glob("*/verdict.json"))]
    assert verdicts[0]["difference"] == verdicts[1]["difference"]
    assert verdicts[1]["baseline_run_id"] == released.name
    # The calls and the records of every run reached the store on the way.
    assert server.value("select count(*) from verdicts") == 3
    assert server.value("select count(distinct run_id) from calls where run_id is not null") == 3
    assert server.value("select count(*) from calls where cost_status <> 'free'") == 0


@pytest.mark.parametrize("name", ["01NOSUCHRUN", "../elsewhere"])
def test_a_run_that_nobody_has_is_undecided_and_says_where_it_was_looked_for(
    server: Server, tmp_path: Path, name: str
) -> None:
    ran = steelyard(server, tmp_path, "eval", "run", SUITE, "--baseline", name)
    assert ran.returncode == 3
    assert "Nor from the store" in ran.stderr
    assert "Traceback" not in ran.stderr
