"""`steelyard spend --report`: the month as one HTML file, of the same numbers as the page and the command."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from commands.spent import Asked, Row
from dashboard.insight.asking import Ask
from dashboard.report import Asked as AskedOfReport
from dashboard.report import as_html
from errors import UserError
from store.reader import Reader, rows


def write_report(reader: Reader, asked: Asked, path: Path) -> None:
    """Write the report. Raises click.UsageError and UserError."""
    if len(asked.by) > 1:
        raise click.UsageError(
            "--report has a table for one dimension: name one in --by, for example --by team"
        )
    only: Mapping[str, str] = {asked.only: asked.value} if asked.only else {}
    text = as_html(
        _asking(reader),
        AskedOfReport(
            asked.project,
            date.fromisoformat(f"{asked.month}-01"),
            asked.by[0],
            only,
            lambda query: _params(asked),
        ),
        datetime.now(UTC).replace(tzinfo=None),
    )
    _write(path, text)
    print(f"steelyard: the report of {asked.month} is in {path}", file=sys.stderr)


def _params(asked: Asked) -> Mapping[str, str]:
    return {"dimension": asked.only, "dimension_value": asked.value} if asked.only else {}


def _asking(reader: Reader) -> Ask:
    def ask(name: str, project: str, /, **params: str | int | datetime | None) -> Sequence[Row]:
        return rows(
            reader.query(name, project=project, **{key: _text(value) for key, value in params.items()})
        )

    return ask


def _text(value: Any) -> str | None:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}Z"
    return None if value is None else str(value)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as trouble:
        raise UserError(
            f"the report cannot be written to {path}: {trouble.strerror}. Name a file in a folder that you may write to."
        ) from trouble
