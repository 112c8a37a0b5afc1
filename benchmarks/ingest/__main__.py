"""`python -m benchmarks.ingest`: see benchmarks/README.md."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks.ingest import floor, report
from benchmarks.ingest.load import LoadSpec
from benchmarks.ingest.run import run
from benchmarks.ingest.subjects import Subject, phoenix, steelyard


@dataclass(frozen=True)
class Case:
    """One kind of traffic."""

    about: str
    spans_per_request: int
    connections: int
    spans_per_second: float | None = None
    content_bytes: int = 0


CASES = {
    "bulk": Case("512 spans a request on 4 connections, as fast as it goes", 512, 4),
    "small": Case("1 span a request on 200 connections, as fast as it goes", 1, 200),
    "capture": Case("bulk with 1 KB of prompt and 1 KB of answer a call, kept", 512, 4, None, 1000),
    "rate10k": Case("10,000 spans a second in requests of 64: latency and freshness", 64, 4, 10_000),
}


@click.command()
@click.option("--case", "case_name", type=click.Choice(list(CASES)), default="bulk", show_default=True)
@click.option("--seconds", type=float, default=60.0, show_default=True, help="How long the load lasts.")
@click.option("--spans-per-request", type=int, help="Instead of the case's own.")
@click.option("--connections", type=int, help="Instead of the case's own.")
@click.option("--rate", type=float, metavar="SPANS/S", help="A fixed rate instead of the case's own.")
@click.option("--peer", type=click.Choice(["phoenix"]), help="Measure this server instead of ours.")
@click.option("--peer-python", type=click.Path(path_type=Path), help="The peer's Python interpreter.")
@click.option("--data", type=click.Path(path_type=Path), help="Where the fresh data directory is made.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def main(
    case_name: str,
    seconds: float,
    spans_per_request: int | None,
    connections: int | None,
    rate: float | None,
    peer: str | None,
    peer_python: Path | None,
    data: Path | None,
    form: str,
) -> None:
    """Measure what a fresh `steelyard collect` takes, stores and shows.

    \b
    Example:
      python -m benchmarks.ingest --case bulk --seconds 60
    """
    case = CASES[case_name]
    n_spans = spans_per_request or case.spans_per_request
    with tempfile.TemporaryDirectory(prefix="steelyard-benchmark-", dir=data) as room:
        found_floor = floor.measure(n_spans, case.content_bytes, Path(room))
        with _subject(peer, peer_python, Path(room) / "data", capture=bool(case.content_bytes)) as subject:
            spec = LoadSpec(
                host="127.0.0.1",
                port=subject.otlp_port,
                seconds=seconds,
                connections=connections or case.connections,
                spans_per_request=n_spans,
                spans_per_second=rate or case.spans_per_second,
                content_bytes=case.content_bytes,
            )
            print(f"{subject.name}, {case_name}: {case.about}; {seconds:g} s", file=sys.stderr)
            measured = run(subject, spec)
        # Stopped: the store is closed, and with that checkpointed.
        found = report.rows(
            measured, found_floor, seconds=seconds, disk_bytes=_bytes_of_store(subject.data_dir)
        )
    print(report.as_table(found) if form == "table" else report.as_json(measured, found))


@contextmanager
def _subject(peer: str | None, python: Path | None, data: Path, *, capture: bool) -> Iterator[Subject]:
    if peer == "phoenix":
        with phoenix(data, python) as server:
            yield server
    else:
        with steelyard(data, {"STEELYARD_CAPTURE_PROJECTS": "default"} if capture else {}) as own:
            yield own


def _bytes_of_store(data: Path) -> int:
    return sum(
        path.stat().st_size for path in data.iterdir() if path.suffix in (".duckdb", ".db", ".wal", ".db-wal")
    )


if __name__ == "__main__":
    main()
