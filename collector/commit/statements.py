"""The committer's SQL: one statement a file in `collector/commit/sql/`, with its reasons inside."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `collector/commit/sql/<name>.sql`."""
    return files("collector.commit").joinpath("sql", f"{name}.sql").read_text("utf-8")


def load_statements() -> None:
    """Read every statement: an installation that lacks one must say so at its start, and not blame a segment."""
    for path in files("collector.commit").joinpath("sql").iterdir():
        if path.name.endswith(".sql"):
            statement(path.name.removesuffix(".sql"))
