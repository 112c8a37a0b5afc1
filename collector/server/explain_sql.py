"""The SQL of explanations: one statement a file in `collector/server/sql/`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `collector/server/sql/explain_<name>.sql`."""
    return files("collector.server").joinpath("sql", f"explain_{name}.sql").read_text("utf-8")
