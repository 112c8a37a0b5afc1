"""The SQL of repricing: one statement a file in `collector/repricing/sql/`, with its reasons inside."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `collector/repricing/sql/<name>.sql`."""
    return files("collector.repricing").joinpath("sql", f"{name}.sql").read_text("utf-8")
