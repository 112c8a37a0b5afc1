"""Which two versions are set side by side, and what they differ by. Pure: rows in, rows out.

Every interval is the gate's: the one that its verdict stored, else made by the very functions that the gate
decides with. A second statistic beside a verdict would sooner or later contradict it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboard.source import Row
from errors import SuiteError
from evals.decision import check_comparable
from evals.statistics import CONFIDENCE, Interval, interval_of_mean, tango_interval

# A prefix of a content hash that is shorter than this names nothing.
_LEAST_OF_A_HASH = 4


@dataclass(frozen=True)
class Comparison:
    """`run`, whose candidate is B, against A: the run's own baseline, or the candidate of the run `against`."""

    run: Row
    against: Row | None = None

    @property
    def a(self) -> str | None:
        version: str | None = (
            self.against["candidate_version"] if self.against else self.run["baseline_version"]
        )
        return version

    @property
    def b(self) -> str | None:
        version: str | None = self.run["candidate_version"]
        return version

    @property
    def is_judged(self) -> bool:
        """Whether the gate has decided about just these two."""
        return self.against is None and self.run["verdict"] is not None

    @property
    def params(self) -> dict[str, str | None]:
        """What queries of a run's two sides are asked with."""
        return {"run_id": self.run["run_id"], "against_run_id": self.against and self.against["run_id"]}


@dataclass(frozen=True)
class Difference:
    """What the two sides differ by on one scorer. Shares of 1; `interval` is None where none can be given."""

    metric: str
    difference: float | None
    interval: Interval | None
    baseline_mean: float | None
    candidate_mean: float | None
    n_paired: int
    n_better: int
    n_worse: int
    margin: float | None = None  # only of the metric that gates
    confidence: float = CONFIDENCE

    @property
    def side(self) -> int:
        """1 when the whole interval is above zero, −1 when below, 0 when it covers zero or is not known."""
        if self.interval is None:
            return 0
        return 1 if self.interval.low > 0 else -1 if self.interval.high < 0 else 0


def versions_of(runs: Sequence[Row]) -> list[str]:
    """Every version that a run has answers of, those of the newest run first."""
    found = [run[side] for run in runs for side in ("candidate_version", "baseline_version")]
    return list(dict.fromkeys(version for version in found if version))


def version_named(text: str | None, versions: Sequence[str]) -> str | None:
    """The version that a link names, whole or by the beginning of its hash; None when that is none or several."""
    if not text or text in versions:
        return text or None
    close = [version for version in versions if version.startswith(text)]
    return close[0] if len(close) == 1 and len(text) >= _LEAST_OF_A_HASH else None


def newest(runs: Sequence[Row]) -> Comparison | None:
    """What a page begins with: the newest run that compares, else the newest. `runs` come newest first."""
    found = next((run for run in runs if run["baseline_version"]), next(iter(runs), None))
    return Comparison(found) if found else None


def between(runs: Sequence[Row], a: str | None, b: str | None) -> Comparison | None:
    """The newest run of B against A; else B's newest run against A's, where both may be compared.

    Either may be left open. None when nothing sets the two side by side.
    """
    for run in runs:
        if (b is None or run["candidate_version"] == b) and (a is None or run["baseline_version"] == a):
            return Comparison(run)
    after = [run for run in runs if run["candidate_version"] == b]
    before = [run for run in runs if run["candidate_version"] == a]
    pairs = ((run, other) for run in after for other in before if _are_comparable(run, other))
    return next((Comparison(run, other) for run, other in pairs), None)


def _are_comparable(run: Row, other: Row) -> bool:
    """Whether the gate would take the other run for a baseline, as far as the store knows."""
    if run["status"] != "finished" or run["golden_set"] != other["golden_set"]:
        return False
    try:
        check_comparable(run, other, Path())
    except SuiteError:
        return False
    return True


def differences(compared: Comparison, rows: Sequence[Row]) -> list[Difference]:
    """One for each scorer, the one that gates first. `rows` as `run_differences` gives them."""
    gating = compared.run["metric"]
    found = [
        _stored(compared.run, row) if compared.is_judged and row["metric"] == gating else _made(row)
        for row in rows
    ]
    return sorted(found, key=lambda one: one.metric != gating)


def _stored(run: Row, row: Row) -> Difference:
    """As the verdict has it, whatever the results would give today."""
    low, high = run["interval_low"], run["interval_high"]
    return Difference(
        metric=row["metric"],
        difference=run["difference"],
        interval=None if low is None or high is None else Interval(low, high),
        baseline_mean=run["baseline_mean"],
        candidate_mean=run["candidate_mean"],
        n_paired=row["n_paired"],
        n_better=run["n_better"] or 0,
        n_worse=run["n_worse"] or 0,
        margin=run["margin"],
        confidence=run["confidence"] or CONFIDENCE,
    )


def _made(row: Row) -> Difference:
    return Difference(
        metric=row["metric"],
        difference=row["difference"],
        interval=_interval(row),
        baseline_mean=row["baseline_mean"],
        candidate_mean=row["candidate_mean"],
        n_paired=row["n_paired"],
        n_better=row["n_better"],
        n_worse=row["n_worse"],
    )


def _interval(row: Row) -> Interval:
    """As `evals.evidence.difference_interval` makes it of every case, from what the store sums up of them."""
    if row["is_pass_fail"]:
        return tango_interval(row["n_better"], row["n_worse"], row["n_paired"])
    return interval_of_mean(row["difference"], row["deviation"], row["n_units"])


def forest_row(one: Difference, label: str) -> Mapping[str, Any]:
    """As `charts.forest` wants it."""
    return {
        "label": label,
        "difference": one.difference,
        "interval_low": one.interval and one.interval.low,
        "interval_high": one.interval and one.interval.high,
        "margin": one.margin,
        "n_paired": one.n_paired,
    }
