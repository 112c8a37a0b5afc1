"""What a run will do, settled and checked before anything is paid for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from errors import SuiteError
from evals.borrow import find_baseline, named_store
from evals.decision import check_comparable
from evals.folder import RunFolder
from evals.golden import GoldenSet, subset
from evals.golden import load as load_golden
from evals.results import Variant
from evals.statistics import smallest_margin
from evals.suite import Rules, Suite, check_must_pass, only
from evals.words import size
from prompts import template
from prompts.template import Prompt
from store.remote import StoreClient

# The share of cases that flips by chance between two runs of one prompt. Unknown before the first runs;
# one in twenty is what temperature 0 on a hosted model gives on short tasks.
SUPPOSED_FLIPS = 0.05


@dataclass(frozen=True)
class Choices:
    """What the command line may choose; None leaves the suite's own."""

    candidate: Path | None = None
    baseline: str | None = None
    provider: str | None = None
    model: str | None = None
    most_cases: int | None = None
    runs: Path = Path("runs")
    project: str | None = None
    # Where a baseline that is not here is looked up.
    store: Callable[[], StoreClient] = named_store


@dataclass(frozen=True)
class Plan:
    """One run, settled. At most one of `baseline` (an arm to run) and `baseline_run` (stored) is set."""

    suite: Suite
    rules: Rules
    golden: GoldenSet
    candidate: Prompt
    baseline: Prompt | None
    baseline_run: RunFolder | None
    provider: str
    model: str

    @property
    def arms(self) -> dict[Variant, Prompt]:
        arms: dict[Variant, Prompt] = {"candidate": self.candidate}
        return arms | {"baseline": self.baseline} if self.baseline else arms

    @property
    def requests(self) -> int:
        return len(self.golden.cases) * len(self.arms)


def make(suite: Suite, choices: Choices) -> Plan:
    """Settle a run. Raises SuiteError for whatever is missing or contradicts itself."""
    golden = load_golden(suite.golden)
    rules = check_must_pass(suite.rules, golden)
    if choices.most_cases is not None:
        golden = subset(golden, choices.most_cases, always=rules.must_pass)
        rules = only(rules, golden)
    baseline, baseline_run = _baseline(suite, choices)
    plan = Plan(
        suite=suite,
        rules=rules,
        golden=golden,
        candidate=template.load(choices.candidate or suite.prompt, suite.name),
        baseline=baseline,
        baseline_run=baseline_run,
        provider=choices.provider or suite.provider,
        model=choices.model or suite.model,
    )
    if baseline_run:
        check_comparable(_pins(plan), baseline_run.read_run()["run"], baseline_run.path)
    return plan


def _pins(plan: Plan) -> dict[str, str]:
    return {"provider": plan.provider, "model": plan.model, "scorers_hash": plan.suite.scorers_hash}


def _baseline(suite: Suite, choices: Choices) -> tuple[Prompt | None, RunFolder | None]:
    """A prompt to run beside the candidate, a stored run, or neither."""
    if choices.baseline is None:
        return (template.load(suite.baseline, suite.name) if suite.baseline else None), None
    if Path(choices.baseline).is_file():
        return template.load(Path(choices.baseline), suite.name), None
    try:
        return None, find_baseline(choices.baseline, choices.runs, choices.project, choices.store)
    except SuiteError as none:
        raise SuiteError(f"--baseline {none} A prompt file is a baseline too.") from None


def power_line(plan: Plan) -> str:
    """What this many cases can show, said before the money is spent."""
    rules, n = plan.rules, len({case.cluster for case in plan.golden.cases})
    unit = "cases" if n == len(plan.golden.cases) else "clusters"
    if rules.claim == "these_cases":
        return f"these {n} {unit} are judged as they are: the verdict says nothing about others."
    smallest = smallest_margin(n, SUPPOSED_FLIPS)
    line = f"with these {n} {unit} the smallest margin you can gate is about {size(smallest)}"
    if rules.margin < smallest:
        return f"{line}: at the suite's {size(rules.margin)} expect INCONCLUSIVE unless it got better."
    return f"{line}; the suite's is {size(rules.margin)}."
