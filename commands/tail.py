"""`steelyard tail`: the newest calls, as they arrive."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from commands.connect import connect, source_options
from commands.dimensions import narrowed, where_option
from dashboard.formats import call_cost
from store.reader import Reader, rows

LOOK_EVERY_S = 1.0
# A call is stored when it ends, so one that started minutes ago may still be new: look back this far.
MOST_ROWS = 500


@click.command("tail", short_help="Print the newest calls, and follow them as they arrive.")
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, MOST_ROWS),
    default=10,
    show_default=True,
    help="How many to begin with.",
)
@click.option("--no-follow", is_flag=True, help="Print what there is, then stop.")
@where_option
@source_options
def command(count: int, no_follow: bool, where: str | None, project: str, data: Path | None) -> None:
    """Print the newest calls, and follow them as they arrive. Ctrl-C stops.

    \b
    Example:
      steelyard tail
      steelyard tail -n 50 --no-follow
      steelyard tail --where tenant=acme
    """
    with connect(data) as reader:
        asked = narrowed(reader, project, where)
        seen = _print_new(reader, project, asked, set(), at_most=count)
        if not seen and not no_follow:
            print("steelyard: no calls yet; waiting for the first", file=sys.stderr)
        with contextlib.suppress(KeyboardInterrupt):
            while not no_follow:
                time.sleep(LOOK_EVERY_S)
                seen = _print_new(reader, project, asked, seen)


def _print_new(
    reader: Reader, project: str, asked: Mapping[str, str | None], seen: set[str], *, at_most: int = MOST_ROWS
) -> set[str]:
    """Print the calls that were not there before, oldest first; returns all that are there now."""
    newest = rows(reader.query("latest_calls", project=project, limit=str(MOST_ROWS), **asked))
    unseen = [call for call in newest if _id(call) not in seen]
    for call in reversed(unseen[:at_most]):
        print(_line(call), flush=True)
    return {_id(call) for call in newest}


def _id(call: Mapping[str, Any]) -> str:
    return f"{call['trace_id']}{call['span_id']}"


def _line(call: Mapping[str, Any]) -> str:
    started: datetime = call["started_at"]
    duration_ms = "–" if call["duration_ns"] is None else f"{call['duration_ns'] / 1e6:,.0f} ms"
    tokens = f"{_known(call['input_tokens'])} in {_known(call['output_tokens'])} out"
    outcome = call["error_class"] if call["status"] == "error" else _cost(call)
    return (
        f"{started:%Y-%m-%d %H:%M:%S}  {call['tenant_id'] or '–':<16}  {call['model'] or '–':<28}  "
        f"{tokens:<22}  {duration_ms:>10}  {outcome}"
    )


def _cost(call: Mapping[str, Any]) -> str:
    cost: Decimal | None = call["cost_usd"]
    return str(call["cost_status"]) if cost is None else call_cost(cost, call["cost_status"])


def _known(tokens: int | None) -> str:
    return "–" if tokens is None else f"{tokens:,}"
