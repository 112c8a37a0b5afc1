"""The demo's eval history, as data: which suites ran on which versions, and how the versions really differ.

Only behaviour is told here (how many cases a version wins or loses); every verdict is the gate's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from commands.demo.story import (
    CONTRACT_SUMMARY,
    GPT,
    GPT_MINI,
    HAIKU,
    SONNET,
    SQL_COPILOT,
    SUPPORT_REPLY,
    TICKET_TRIAGE,
    Model,
    Prompt,
)
from evals.suite import Rules


@dataclass(frozen=True)
class Change:
    """What a version does to the cases of the version before it."""

    mends: float  # share of the wrong cases that come out right
    breaks: float  # share of the right cases that come out wrong
    breaks_must_pass: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """One run: a candidate against the version that was live, some days before the edition ends."""

    candidate: str
    baseline: str | None
    days_ago: float
    n_cases: int
    unanswered: float = 0.0  # share of the cases that the provider failed in both arms


@dataclass(frozen=True)
class SuiteHistory:
    """One suite with its golden set and everything that was ever run on it."""

    name: str
    prompt: Prompt
    model: Model
    rules: Rules
    topics: tuple[str, ...]  # case ids are topic-01, topic-02, …
    right_at_first: float  # share of cases that the first version gets right
    wrong_detail: str  # why a wrong case is wrong, in the scorer's words
    changes: Mapping[str, Change]
    evaluations: tuple[Evaluation, ...]
    cases_per_cluster: int = 1
    output_tokens: float = field(default=200)  # median


SUITES = (
    SuiteHistory(
        name="support-reply",
        prompt=SUPPORT_REPLY,
        model=GPT_MINI,
        rules=Rules(
            "resolves_ticket", margin=0.05, floor=0.8, must_pass=("refund-late-01", "cancel-account-01")
        ),
        topics=(
            "refund-late",
            "cancel-account",
            "password-reset",
            "plan-upgrade",
            "invoice-copy",
            "sso-setup",
        ),
        right_at_first=0.89,
        wrong_detail="the reply does not name the next step",
        changes={
            "v2": Change(mends=0.4, breaks=0.015),
            "v3": Change(mends=0.3, breaks=0.01),
            "v4": Change(mends=0.1, breaks=0.12),
        },
        evaluations=(
            Evaluation("v1", None, 88, 240),
            Evaluation("v2", "v1", 66.4, 240),
            Evaluation("v3", "v2", 31.5, 240),
            Evaluation("v4", "v3", 4.6, 240),
        ),
        output_tokens=190,
    ),
    SuiteHistory(
        name="contract-summary",
        prompt=CONTRACT_SUMMARY,
        model=SONNET,
        rules=Rules("key_facts", margin=0.06, floor=0.7, must_pass=("nda-mutual-01", "lease-office-01")),
        topics=("nda-mutual", "lease-office", "msa-vendor", "employment", "licence-software"),
        right_at_first=0.84,
        wrong_detail="the termination date is not in the summary",
        changes={
            "v2": Change(mends=0.6, breaks=0.01),
            "v3": Change(mends=0.2, breaks=0.01, breaks_must_pass=("lease-office-01",)),
        },
        evaluations=(
            Evaluation("v1", None, 86, 150),
            Evaluation("v2", "v1", 26.5, 150),
            Evaluation("v3", "v2", 1.3, 150),
        ),
        cases_per_cluster=3,  # three questions about each contract
        output_tokens=520,
    ),
    SuiteHistory(
        name="sql-copilot",
        prompt=SQL_COPILOT,
        model=GPT,
        rules=Rules("same_rows", margin=0.04, must_pass=("revenue-by-region-01",)),
        topics=("revenue-by-region", "churned-customers", "top-products", "late-orders", "cohort-retention"),
        right_at_first=0.78,
        wrong_detail="the query returns other rows than the reference",
        changes={"v2": Change(mends=0.4, breaks=0.025), "v3": Change(mends=0.15, breaks=0.02)},
        evaluations=(
            Evaluation("v2", "v1", 58.5, 260),
            # Too few cases to tell: the reason says how many would do, and the next run has them.
            Evaluation("v3", "v2", 19.2, 50),
            Evaluation("v3", "v2", 17.6, 260),
        ),
        output_tokens=640,
    ),
    SuiteHistory(
        name="ticket-triage",
        prompt=TICKET_TRIAGE,
        model=HAIKU,
        rules=Rules(
            "exact_label", margin=0.05, floor=0.8, must_pass=("outage-report-01", "double-charge-01")
        ),
        topics=("outage-report", "double-charge", "feature-request", "how-to", "account-locked"),
        right_at_first=0.9,
        wrong_detail="the label differs from the expected one",
        changes={"v2": Change(mends=0.4, breaks=0.01), "v3": Change(mends=0.2, breaks=0.005)},
        evaluations=(
            Evaluation("v2", "v1", 44.5, 200),
            Evaluation("v3", "v2", 9.4, 200),
            # The weekly control run fell into the incident: nothing was judged, and nothing is red.
            Evaluation("v3", "v3", 0, 200, unanswered=0.34),
        ),
        output_tokens=24,
    ),
)
