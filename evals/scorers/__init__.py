"""Scorers by name: a file here is one. A scorer looks at a case and a model's output and gives a score.

Each module offers `scorer(options) -> Scorer`, which reads its options from the suite and refuses bad ones,
and `VERSION`, raised whenever the same output could get another score: runs with different versions are
never compared.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Protocol

from evals.golden import Case
from evals.sections import Section


@dataclass(frozen=True, slots=True)
class Score:
    """`value` is from 0 (wrong) to 1 (right). `detail` says why, without quoting the output."""

    value: float
    detail: str = ""


class Scorer(Protocol):
    """One verb. `pin` is everything in the options that decides a score, for comparing runs."""

    pin: object

    def score(self, case: Case, output: str) -> Score: ...


def names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str, options: Section) -> tuple[Scorer, object]:
    """A scorer and what pins it: its name, version and options."""
    module = importlib.import_module(f"{__name__}.{name}")
    scorer: Scorer = module.scorer(options)
    return scorer, [name, module.VERSION, scorer.pin]
