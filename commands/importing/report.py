"""What the command says: what the file is taken for, how far it is, and what became of every row."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import click

from commands.importing.canonical import CANONICAL, Canonical
from commands.importing.mapping import Resolved
from commands.importing.projection import ROW_COLUMNS
from commands.importing.reading import Source
from commands.importing.rejects import Rejects, rows_of
from commands.importing.spans import Row, Tally
from commands.output import text_table
from commands.sending import Refused
from errors import ConfigError
from evals.outbox import Receiver

_SHOWN_ROWS = 3
_PROGRESS_EVERY_S = 0.5


def say_what_it_is(source: Source, resolved: Resolved) -> None:
    """What the file is taken for."""
    if resolved.preset:
        how = "by its columns" if resolved.was_detected else "as told"
        _say(f"{source.path.name}: {source.kind}, read as an export of {resolved.preset.name} ({how})")
    else:
        _say(f"{source.path.name}: {source.kind}, read by its mapping")


@contextlib.contextmanager
def progress(tally: Tally, n_rows: int) -> Iterator[Callable[[Iterable[bytes]], Iterator[bytes]]]:
    """Shows on a terminal how far the requests that pass through it are."""
    began_at = time.monotonic()
    shown_at = began_at

    def passing(bodies: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal shown_at
        for body in bodies:
            yield body
            if sys.stderr.isatty() and time.monotonic() - shown_at > _PROGRESS_EVERY_S:
                shown_at = time.monotonic()
                speed = tally.n_rows / (shown_at - began_at)
                click.echo(
                    f"\r{tally.n_rows:,} of {n_rows:,} rows, {speed:,.0f} a second ", err=True, nl=False
                )

    try:
        yield passing
    finally:
        if shown_at != began_at:
            click.echo(err=True)


def show(resolved: Resolved, sent: Sequence[Canonical], calls: Iterator[Row]) -> None:
    """The mapping and the first rows as they would be stored, on stdout; goes through all the rows."""
    click.echo(text_table(("name", "from"), _sources(resolved)))
    first = list(islice(calls, _SHOWN_ROWS))
    if first:
        names = [*ROW_COLUMNS, *(one.name for one in sent)]
        shown = [(name, *values) for name, *values in zip(names, *map(_stored, first), strict=True)]
        known = [
            row for row in shown if row[0] not in _NOT_SHOWN and any(value is not None for value in row[1:])
        ]
        click.echo(text_table(("stored as", *(f"call {n + 1}" for n in range(len(first)))), known))
    for _ in calls:
        pass


_NOT_SHOWN = ("key", "key_hash", "problem", "problem_value", "unread", "skipped")


def _sources(resolved: Resolved) -> list[tuple[str, str]]:
    computed = resolved.preset.computed if resolved.preset else {}
    table = [
        (name, " or ".join(columns))
        for name, columns in resolved.columns.items()
        if name not in resolved.constants
    ]
    table += [(name, "computed by the preset") for name in computed if name not in resolved.columns]
    table += [(name, f"always {value!r}") for name, value in resolved.constants.items()]
    order = [*CANONICAL]
    return sorted(table, key=lambda row: order.index(row[0]) if row[0] in CANONICAL else len(order))


def _stored(row: Row) -> list[Any]:
    """The row with its times as times."""
    values = list(row)
    values[ROW_COLUMNS.index("started_us")] = _time(row[ROW_COLUMNS.index("started_us")])
    ended_ns = row[ROW_COLUMNS.index("ended_ns")]
    values[ROW_COLUMNS.index("ended_ns")] = None if ended_ns is None else _time(ended_ns // 1_000)
    return [value if not isinstance(value, str) or len(value) <= 40 else value[:39] + "…" for value in values]


def _time(us: int) -> str:
    return f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def say_what_became(
    tally: Tally, left_out: Rejects, n_repeated_ids: int, receiver: Receiver | None, refused: Refused
) -> None:
    """What became of every row. Raises ConfigError when not one of them was a call that could be read."""
    n_calls = tally.n_spans - refused.n_spans
    notes = _notes(tally, left_out, n_repeated_ids, refused)
    if n_calls <= 0:
        raise ConfigError("nothing was imported.\n" + ("\n".join(notes) or "The file has no rows."))
    done = "would be imported" if receiver is None else f"imported through {receiver.url}"
    where = f", project {receiver.project}" if receiver and receiver.project else ""
    for note in notes:
        _say(note)
    _say(
        f"{n_calls:,} {'call' if n_calls == 1 else 'calls'} from {_day(tally.first_us)} to {_day(tally.last_us)} {done}{where}"
    )


def _notes(tally: Tally, left_out: Rejects, n_repeated_ids: int, refused: Refused) -> list[str]:
    notes = left_out.summary()
    if tally.skipped:
        n = tally.skipped.total()
        are = "is no model call" if n == 1 else "are no model calls"
        notes.append(f"{rows_of(n)} skipped, which {are}: {_counted(tally.skipped)}")
    for column, n in tally.unread.most_common():
        notes.append(f"{rows_of(n)} with a {column} that is no JSON: what stands inside of it is missing")
    if n_repeated_ids:
        notes.append(
            f"{rows_of(n_repeated_ids)} with the id of a row before: of the same time, they are one call"
        )
    if refused.n_spans:
        notes.append(f"{refused.n_spans:,} calls were refused by the receiver: {refused.why}")
    return notes


def _counted(counter: Counter[str]) -> str:
    shown = [f"{name} {n:,}" for name, n in counter.most_common(8)]
    return ", ".join(shown) + (", …" if len(counter) > 8 else "")


def _day(us: int | None) -> str:
    return "?" if us is None else f"{datetime.fromtimestamp(us / 1e6, UTC):%Y-%m-%d}"


def _say(words: str) -> None:
    click.echo(words, err=True)
