"""What the tests of `steelyard import` share: the command, run in this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from commands.importing.command import command
from errors import UserError
from tests.servers import Server

FILES = Path(__file__).parent.parent / "fixtures" / "imports"


@dataclass(frozen=True)
class Ran:
    """What the command did; as the front door ends it, a mistake of the user is a 3."""

    returncode: int
    stdout: str
    stderr: str


def run_import(
    server: Server, content: str | Path, *words: str, project: str = "default", name: str = "calls.csv"
) -> Ran:
    """Import a file, or a text as a file of this name, into a project of the server."""
    file = content if isinstance(content, Path) else server.data_dir.with_name(name)
    if isinstance(content, str):
        file.write_text(content, "utf-8")
    done = CliRunner().invoke(
        command, [str(file), "--data", str(server.data_dir), "--project", project, *words]
    )
    if isinstance(done.exception, UserError):
        return Ran(3, done.stdout, f"{done.stderr}steelyard: {done.exception}")
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)
