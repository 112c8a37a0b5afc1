"""`steelyard golden`: golden sets, from calls that really happened."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from commands.connect import connect, source_options
from errors import QueryError, SuiteError
from evals import captured, golden
from store.reader import Reader, rows

Row = Mapping[str, Any]

_COMPARE = " Compare the id with the column span_id of `calls` (`steelyard query latest_calls`)."
# More than any trace has: the call may be its last span.
_ALL_SPANS = "100000"


@click.group("golden", short_help="Golden sets: add a call that happened as a case.")
def command() -> None:
    """Golden sets: add a call that happened as a case.

    \b
    Example:
      steelyard golden add --from-span 00f067aa0ba902b7 --set golden.jsonl
    """


@command.command("add")
@click.option(
    "--from-span", "span_id", metavar="SPAN", required=True, help="The call: 16 hexadecimal digits."
)
@click.option("--trace", "trace_id", metavar="ID", help="Its trace, where several have a span with this id.")
@click.option(
    "--set",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The golden set, JSON lines; made where there is none.",
)
@source_options
def add(span_id: str, trace_id: str | None, path: Path, project: str, data: Path | None) -> None:
    """Add a call as a case: its captured input, and what was answered as what is expected.

    Needs a project whose content is captured (docs/privacy.md), or attributes of your own. Prints the line that was added; a call
    that is there already is not added again.

    \b
    Example:
      steelyard query latest_calls
      steelyard golden add --from-span 00f067aa0ba902b7 --set golden.jsonl
    """
    with connect(data) as reader:
        made = _draft(reader, project, span_id.strip().lower(), trace_id)
    golden.append(path, made.line)
    click.echo(made.line)
    for note in made.notes:
        click.echo(note, err=True)


def _draft(reader: Reader, project: str, span_id: str, trace_id: str | None) -> captured.Draft:
    trace_id = trace_id or _trace_of(reader, project, span_id)
    spans = _rows(reader, "trace_spans", project, trace_id=trace_id, limit=_ALL_SPANS)
    call = next((span for span in spans if span["span_id"] == span_id), None)
    if call is None:
        raise QueryError(f"trace {trace_id} of project {project} has no span {span_id}.{_COMPARE}")
    if call["role"] != "call":
        raise SuiteError(
            f"span {span_id} is no call of a model (its role is {call['role']}), so it has no answer to expect. Name the call "
            f"itself: `steelyard explain {span_id}` says which one it belongs to."
        )
    asked = {"trace_id": trace_id, "span_id": span_id}
    contents = _rows(reader, "span_contents", project, **asked)
    return captured.draft(call, contents, _rows(reader, "span_attributes", project, **asked))


def _trace_of(reader: Reader, project: str, span_id: str) -> str:
    """The one trace with this span. Raises QueryError when there is none, or several."""
    found = [row for row in _rows(reader, "find_calls", project, id=span_id) if row["kind"] == "span_id"]
    if not found:
        raise QueryError(f"project {project} has no span {span_id[:100]!r}.{_COMPARE}")
    if found[0]["n_traces"] > 1:
        raise QueryError(
            f"{found[0]['n_traces']} traces have a span {span_id}. Name one of them with --trace."
        )
    return str(found[0]["trace_id"])


def _rows(reader: Reader, name: str, project: str, **params: str) -> list[Row]:
    return rows(reader.query(name, project=project, **params))
