"""Command lines that mend a missing or doubtful price, for whoever tells of one.

Names of providers and models come from outside and are quoted for a shell: a line is there to be pasted.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

IMPORT_PRICES = "steelyard prices import FILE"
# The option of `steelyard prices override` for a unit; the others are their names with dashes.
_OPTIONS = {"uncached_input": "--input"}


def override(
    provider: str, model: str, units: Sequence[str], since: datetime, *, variant: str | None = None
) -> str:
    """Gives a model a price of one's own; `units` are those whose rates are to be filled in."""
    words = ["steelyard prices override", shlex.quote(provider), shlex.quote(model)]
    words += [f"--variant {shlex.quote(variant)}"] if variant else []
    words += [f"{_OPTIONS.get(unit) or '--' + unit.replace('_', '-')} RATE" for unit in units]
    return " ".join([*words, f"--from {since:%Y-%m-%d}"])


def approve(rate_card: str) -> str:
    """Puts a held card in force."""
    return f"steelyard prices approve {shlex.quote(rate_card)}"


def show(model_key: str) -> str:
    """Lists every card of a model, with who recorded it."""
    return f"steelyard prices show {shlex.quote(model_key)}"


def reprice(project: str, when: str, model: str | None, *options: str) -> str:
    """Charges stored calls again. `when` is `--month 2026-10` or `--since 2026-10-01`."""
    words = ["steelyard reprice", when]
    words += [f"--model {shlex.quote(model)}"] if model else []
    return " ".join([*words, *options, *_of_project(project)])


def explain(project: str, span_id: str) -> str:
    """Tells one call from the counts to the dollars."""
    return " ".join(["steelyard explain", span_id, *_of_project(project)])


def _of_project(project: str) -> list[str]:
    return [] if project == "default" else [f"--project {shlex.quote(project)}"]
