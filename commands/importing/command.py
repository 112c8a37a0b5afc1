"""The command: find out what the file is, send its calls, say what became of every row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from commands.importing import mapping, projection, reading, report
from commands.importing.mapping import Resolved
from commands.importing.presets import PRESETS
from commands.importing.reading import Source
from commands.importing.rejects import Rejects
from commands.importing.spans import Tally, Writer
from commands.sending import Errand, Refused, running_receiver, send_traces
from errors import ConfigError
from evals.outbox import Receiver

# A store that is busy with what it has: history can wait, where live telemetry can not.
_ERRAND = Errand("the imported calls", "`steelyard import`", patience_s=600.0)


@click.command(
    "import", short_help="Import calls from a file: CSV, JSON lines or Parquet, or another tool's export."
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "preset",
    type=click.Choice(list(PRESETS)),
    help="Whose export it is (else seen by its columns).",
)
@click.option(
    "--map", "maps", metavar="NAME=COLUMN", multiple=True, help="Which column means what; repeat it."
)
@click.option("--mapping", "mapping_file", type=click.Path(path_type=Path), help="A TOML file of the same.")
@click.option("--delimiter", help="What separates the columns of a CSV file (else seen by its header).")
@click.option(
    "--dry-run", is_flag=True, help="Send nothing: show the mapping, the first rows, what cannot be read."
)
@click.option(
    "--rejects", type=click.Path(path_type=Path), help="Write the rows that are left out to this CSV file."
)
@click.option(
    "--with-content", is_flag=True, help="Send prompts and answers too; the collector's settings decide."
)
@click.option(
    "--project", envvar="STEELYARD_PROJECT", help="Project to import into (default: default, or the key's)."
)
@click.option("--data", type=click.Path(path_type=Path), help="Data directory (default ./.steelyard).")
def command(
    file: Path,
    preset: str | None,
    maps: tuple[str, ...],
    mapping_file: Path | None,
    delimiter: str | None,
    dry_run: bool,
    rejects: Path | None,
    with_content: bool,
    project: str | None,
    data: Path | None,
) -> None:
    """Import calls from a file, so that history stands beside what arrives from now on.

    The file is CSV, JSON (lines or an array) or Parquet, gzipped or not: an export of Langfuse, LiteLLM or Helicone, or
    any table with a mapping of its columns. Importing a file again adds nothing. A running server is needed.

    \b
    Example:
      steelyard import observations.jsonl
      steelyard import usage.csv --map started_at=ts --map model_requested=llm --map input_tokens=in --dry-run
    """
    wanted = mapping.read_wanted(preset, maps, mapping_file)
    _check_delimiter(delimiter)
    db = reading.connect()
    source = reading.open_source(db, file, delimiter)
    job = Job(db, source, mapping.resolve(db, source, wanted), with_content)
    report.say_what_it_is(source, job.resolved)
    receiver = None if dry_run else running_receiver(data, project)
    with Rejects(rejects, job.resolved.columns) as left_out:
        job.run(receiver, left_out)


def _check_delimiter(delimiter: str | None) -> None:
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise ConfigError(f"--delimiter {delimiter!r} is not one character. Example: --delimiter ';'")


@dataclass(frozen=True)
class Job:
    """One file and what its columns mean."""

    db: duckdb.DuckDBPyConnection
    source: Source
    resolved: Resolved
    with_content: bool

    def run(self, receiver: Receiver | None, left_out: Rejects) -> None:
        """Send the calls of the file; without a receiver only look at them. Raises ConfigError when there are none."""
        if self.resolved.preset:
            self.db.execute(self.resolved.preset.macros)
        try:
            before = self._look_ahead()
            tally, refused = self._go_through(receiver, left_out, before)
        except duckdb.Error as unreadable:
            raise reading.unreadable_file(self.source.path, unreadable) from None
        report.say_what_became(tally, left_out, before.n_repeated_ids, receiver, refused)

    def _look_ahead(self) -> Before:
        """One pass over the keys alone: equal rows without an id are told apart by how many stood before them."""
        hashes: list[npt.NDArray[np.uint64]] = []
        are_ids: list[npt.NDArray[np.bool_]] = []
        for batch in self._stream(projection.keys(self.source, self.resolved)):
            hashes.append(batch.column(0).to_numpy())
            are_ids.append(batch.column(1).to_numpy(zero_copy_only=False))
        if not hashes:
            return Before(0, 0, frozenset())
        # Nine bytes a row, where a GROUP BY of as many texts needs a hundred.
        every, is_id = np.concatenate(hashes), np.concatenate(are_ids)
        return Before(len(every), len(_repeats(every[is_id])), frozenset(_repeats(every[~is_id]).tolist()))

    def _go_through(
        self, receiver: Receiver | None, left_out: Rejects, before: Before
    ) -> tuple[Tally, Refused]:
        sent = projection.attributes(self.resolved, with_content=self.with_content)
        writer = Writer(self.resolved.name, self._origin(), sent, before.repeated, left_out.tell)
        tally = Tally()
        refused = Refused()
        if receiver:
            with report.progress(tally, before.n_rows) as shown:
                refused = send_traces(receiver, shown(writer.requests(self._batches(), tally)), _ERRAND)
        else:
            report.show(self.resolved, sent, writer.calls(self._batches(), tally))
        if self.source.kind == "CSV":
            for line, why in reading.rejected_lines(self.db):
                left_out.tell_line(line, why)
        return tally, refused

    def _origin(self) -> str:
        named = self.resolved.name
        return named if named != mapping.UNNAMED else self.source.path.name

    def _batches(self) -> Iterator[pa.RecordBatch]:
        return self._stream(projection.projection(self.source, self.resolved, with_content=self.with_content))

    def _stream(self, select: str) -> Iterator[pa.RecordBatch]:
        # Of a relation: a statement that is executed keeps all of its rows.
        yield from self.db.sql(select).to_arrow_reader(reading.ROWS_AT_ONCE)


def _repeats(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Every occurrence of a value but its first."""
    ordered = np.sort(hashes)
    later: npt.NDArray[np.uint64] = ordered[1:][ordered[1:] == ordered[:-1]]
    return later


@dataclass(frozen=True)
class Before:
    """What was found out before the first row is sent."""

    n_rows: int
    n_repeated_ids: int
    repeated: frozenset[int]  # hashes of the keys of equal rows without an id
