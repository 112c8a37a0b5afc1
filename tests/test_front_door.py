"""The front door: light, complete in its help, and honest in its exit codes."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import steelyard
from commands.doctor import OUR_PACKAGES
from tests.front_door import front_door
from tests.servers import STEELYARD, free_ports

ROOT = Path(__file__).parent.parent
ALL = {name: line for group in steelyard.COMMANDS.values() for name, line in group.items()}


@pytest.mark.parametrize("name", ALL)
def test_the_line_in_help_is_the_commands_own(name: str) -> None:
    command = importlib.import_module(f"commands.{name}").command
    assert command.name == name
    assert command.get_short_help_str(limit=200) == ALL[name]


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help_with_an_example(name: str) -> None:
    helped = front_door(name, "--help")
    assert helped.returncode == 0
    assert f"steelyard {name}" in helped.stdout
    assert "Example:" in helped.stdout


def test_help_loads_neither_store_nor_pages() -> None:
    asked = "import sys, steelyard; sys.argv = ['steelyard', '--help']; steelyard.main(); print(sorted(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    for heavy in (
        "duckdb",
        "pyarrow",
        "streamlit",
        "pandas",
        "numpy",
        "httpx",
        "pydantic",
        "opentelemetry",
        "pricing",
    ):
        assert f"'{heavy}'" not in printed


@pytest.mark.parametrize(
    "words", [["upp"], ["--nope"], ["sql"], ["sql", "--format", "xml", "select 1"], ["eval", "run"], ["gate"]]
)
def test_a_typo_ends_with_3(words: list[str]) -> None:
    ran = front_door(*words)
    assert ran.returncode == 3
    assert "Traceback" not in ran.stderr


def test_the_installed_script_ends_with_the_code_of_the_front_door() -> None:
    for words, code in ((["--version"], 0), (["upp"], 3)):
        assert subprocess.run([STEELYARD, *words], capture_output=True, check=False).returncode == code


def test_a_crash_ends_with_3_and_keeps_its_traceback() -> None:
    broken = "import sys, steelyard; steelyard.cli.main = lambda **_: 1 / 0; sys.exit(steelyard.main())"
    ran = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True, check=False)
    assert ran.returncode == 3
    assert "ZeroDivisionError" in ran.stderr


def test_no_other_distribution_claims_our_names() -> None:
    claimed = importlib.metadata.packages_distributions()
    for name in OUR_PACKAGES:
        assert set(claimed.get(name, [])) <= {"steelyard"}, name


def test_the_error_tree_and_the_front_door_import_nothing_heavy_of_ours() -> None:
    # They are modules, not packages, so the layer contract cannot see them.
    # What others import of `pricing` is loaded on use, and named for type checkers only.
    for name, allowed in (("errors", set()), ("steelyard", {"errors", "commands", "pricing"})):
        tree = ast.parse((ROOT / f"{name}.py").read_text("utf-8"))
        imported = {
            (node.module if isinstance(node, ast.ImportFrom) else alias.name).partition(".")[0]  # type: ignore[union-attr]
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        assert imported & set(OUR_PACKAGES) <= allowed


def test_ctrl_c_stops_it_even_when_a_script_started_it_in_the_background(tmp_path: Path) -> None:
    def ignore_ctrl_c() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell without job control does for `command &`

    words = [STEELYARD, "collect", "--data", tmp_path / "data"]
    ports = free_ports(3)
    words += ["--otlp-http", str(ports[0]), "--api", str(ports[1]), "--otlp-grpc", str(ports[2])]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, preexec_fn=ignore_ctrl_c) as running:
        assert running.stderr is not None
        assert "Steelyard is running" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
