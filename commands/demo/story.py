"""The demo world, as data: who calls, through which service, which models, which prompts, what went wrong.

Nothing here is measured. It is a story with the shapes that real traffic has (a long tail of tenants, days
and weeks that breathe, versions that roll out, one bad afternoon), so that every page has something to say.
All times are relative to the moment at which the edition ends; all shares are relative weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Self

DAYS = 90
SEED = 7

# Stamped on the resource of every demo span; a changed story is a new edition, and replaces the old one.
EDITION_ATTRIBUTE = "steelyard.demo"
STORY_VERSION = 1
_NAME = re.compile(r"story (\d+), seed (\d+), (\d+) calls, until (\S+)Z")


@dataclass(frozen=True)
class Edition:
    """What makes two loads the same demo: equal editions produce equal bytes, so a reload adds nothing."""

    calls: int
    until: datetime  # UTC, whole seconds
    seed: int = SEED
    story: int = STORY_VERSION

    @property
    def since(self) -> datetime:
        return self.until - timedelta(days=DAYS)

    @property
    def name(self) -> str:
        until = f"{self.until:%Y-%m-%dT%H:%M:%S}Z"
        return f"story {self.story}, seed {self.seed}, {self.calls} calls, until {until}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The edition that `name` names, or None for any other text."""
        found = _NAME.search(text)
        if found is None:
            return None
        story, seed, calls = (int(number) for number in found.groups()[:3])
        until = datetime.fromisoformat(found[4]).replace(tzinfo=UTC)
        return cls(calls=calls, until=until, seed=seed, story=story)


@dataclass(frozen=True)
class Model:
    """One model as its provider sells it. Names are what an SDK would put on the span."""

    provider: str
    requested: str
    answered: str
    first_token_ms: float  # median
    ms_per_output_token: float
    reasoning_share: float = 0.0  # of the output tokens
    writes_cache: bool = False  # bills tokens written to its prompt cache
    in_price_book: bool = True


SONNET = Model("anthropic", "claude-sonnet-4-6", "claude-sonnet-4-6", 900, 13, writes_cache=True)
HAIKU = Model("anthropic", "claude-haiku-4-5", "claude-haiku-4-5-20251001", 420, 6, writes_cache=True)
GPT = Model("openai", "gpt-5.4", "gpt-5.4-2026-03-05", 1100, 11, reasoning_share=0.45)
GPT_MINI = Model("openai", "gpt-5.4-mini", "gpt-5.4-mini-2026-03-17", 480, 6, reasoning_share=0.15)
GEMINI_FLASH = Model("gcp.gemini", "gemini-3.5-flash", "gemini-3.5-flash", 520, 5, reasoning_share=0.3)
GEMINI_LITE = Model("gcp.gemini", "gemini-2.5-flash", "gemini-2.5-flash", 350, 4)
EMBEDDING = Model("openai", "text-embedding-3-small", "text-embedding-3-small", 90, 0)
SELF_HOSTED = Model("self-hosted", "acme-internal-8b", "acme-internal-8b", 160, 9, in_price_book=False)
MODELS = (SONNET, HAIKU, GPT, GPT_MINI, GEMINI_FLASH, GEMINI_LITE, EMBEDDING, SELF_HOSTED)


@dataclass(frozen=True)
class Version:
    """A prompt version and the day its roll-out began, in days before the edition ends (None: never)."""

    version: str
    live_days_ago: float | None
    input_factor: float = 1.0  # on the input tokens of the first version
    note: str = ""


@dataclass(frozen=True)
class Prompt:
    name: str
    versions: tuple[Version, ...]  # oldest first


ROLLOUT = timedelta(days=3)  # a new version takes this long from no traffic to all of it

SUPPORT_REPLY = Prompt(
    "support-reply",
    (
        Version("v1", DAYS),
        Version("v2", 66, 1.1, "asks one clarifying question"),
        Version("v3", 31, 1.05, "cites the help article"),
        Version("v4", None, 0.7, "shorter system prompt"),
    ),
)
CONTRACT_SUMMARY = Prompt(
    "contract-summary",
    (
        Version("v1", DAYS),
        Version("v2", 26, 2.7, "adds three worked examples to the prompt"),
        Version("v3", None, 1.4, "one worked example"),
    ),
)
SQL_COPILOT = Prompt(
    "sql-copilot",
    (
        Version("v1", DAYS),
        Version("v2", 58, 1.3, "whole schema in the prompt"),
        Version("v3", 17, 0.8, "only the tables that matter"),
    ),
)
TICKET_TRIAGE = Prompt(
    "ticket-triage",
    (
        Version("v1", DAYS),
        Version("v2", 44, 1.2, "two more labels"),
        Version("v3", 9, 1.2, "labels explained"),
    ),
)
SEARCH_ANSWER = Prompt("search-answer", (Version("v1", DAYS), Version("v2", 37, 1.15, "quotes its sources")))
PROMPTS = (SUPPORT_REPLY, CONTRACT_SUMMARY, SQL_COPILOT, TICKET_TRIAGE, SEARCH_ANSWER)


@dataclass(frozen=True)
class Workload:
    """One thing that the product does with a model, and how its calls look."""

    feature: str
    service: str
    share: float  # of all requests, before tenants bend it
    models: Mapping[Model, float]
    input_tokens: float  # medians
    output_tokens: float
    prompt: Prompt | None = None
    operation: Literal["chat", "embeddings"] = "chat"
    route: str | None = None  # a plain HTTP server span is the parent
    agent: str | None = None  # an invoke_agent span is the parent, with one to three calls under it
    gateway: bool = True  # goes through a gateway that numbers attempts and caches answers
    streamed: float = 0.0  # shares of the calls from here on
    without_usage: float = 0.0  # of the streams: nobody asked for usage
    cached_input: float = 0.0  # that read the provider's prompt cache
    cache_hits: float = 0.0  # that the gateway answered from its own cache


WORKLOADS = (
    Workload(
        "support chat", "support-agent", 0.30, {GPT_MINI: 0.8, HAIKU: 0.2}, 1800, 190, SUPPORT_REPLY,
        agent="support-agent", streamed=0.9, cached_input=0.55,
    ),
    Workload(
        "ticket triage", "ticket-triage", 0.22, {HAIKU: 0.65, GEMINI_LITE: 0.35}, 620, 24, TICKET_TRIAGE,
        route="/tickets/triage", cache_hits=0.16,
    ),
    Workload(
        "contract summary", "doc-summary", 0.12, {SONNET: 1.0}, 7400, 520, CONTRACT_SUMMARY,
        route="/contracts/summary", streamed=0.2, cached_input=0.3,
    ),
    Workload(
        "sql copilot", "sql-copilot", 0.11, {GPT: 0.85, SONNET: 0.15}, 4200, 640, SQL_COPILOT,
        route="/copilot/query", streamed=0.7, cached_input=0.4,
    ),
    Workload(
        "search answer", "search", 0.11, {GEMINI_FLASH: 0.7, GPT_MINI: 0.3}, 2900, 230, SEARCH_ANSWER,
        route="/search/answer", gateway=False, streamed=1.0, without_usage=0.12,
    ),
    Workload("search index", "search", 0.10, {EMBEDDING: 1.0}, 900, 0, operation="embeddings", gateway=False),
    Workload("pii scrub", "pii-scrub", 0.04, {SELF_HOSTED: 1.0}, 700, 310, gateway=False),
)  # fmt: skip


@dataclass(frozen=True)
class Tenant:
    name: str
    share: float  # of all requests: a Pareto tail
    users: int
    favours: Mapping[str, float] = field(default_factory=dict)  # feature -> factor on its share


TENANTS = (
    Tenant("hooli", 0.300, 160, {"support chat": 1.6}),
    Tenant("globex", 0.170, 90, {"sql copilot": 2.0}),
    # Nearly all of its spend is one prompt: the step on the day that v2 goes live is plain to see.
    Tenant("initech", 0.120, 40, {"contract summary": 5.0, "sql copilot": 0.3, "support chat": 0.4}),
    Tenant("acme", 0.085, 60, {"pii scrub": 6.0}),
    Tenant("umbrella", 0.065, 45),
    Tenant("vandelay", 0.052, 30, {"search answer": 2.5, "search index": 2.5}),
    Tenant("soylent", 0.043, 28),
    Tenant("wonka", 0.036, 22, {"ticket triage": 2.0}),
    Tenant("tyrell", 0.031, 18, {"sql copilot": 3.0}),
    Tenant("cyberdyne", 0.026, 15),
    Tenant("duff", 0.022, 12),
    Tenant("oscorp", 0.019, 9),
    Tenant("gringotts", 0.014, 6, {"contract summary": 3.0}),
    Tenant("dunder-mifflin", 0.009, 4),
)
WITHOUT_TENANT = 0.01  # of the requests: somebody forgot the attribute
STAGING = 0.04  # of the requests


@dataclass(frozen=True)
class Failure:
    """One way in which an attempt fails, as an SDK reports it."""

    error_type: str
    http_status: int | None
    share: float
    median_ms: float
    retried: bool


FAILURES = (
    Failure("RateLimitError", 429, 0.46, 90, retried=True),
    Failure("APITimeoutError", None, 0.14, 30_000, retried=True),
    Failure("InternalServerError", 500, 0.12, 700, retried=True),
    Failure("ServiceUnavailableError", 503, 0.10, 400, retried=True),
    Failure("BadRequestError", 400, 0.11, 120, retried=False),
    Failure("ContentFilterFinishReasonError", None, 0.07, 900, retried=False),
)
OUTAGE_FAILURES = (
    Failure("ServiceUnavailableError", 503, 0.65, 2_500, retried=True),
    Failure("APITimeoutError", None, 0.35, 30_000, retried=True),
)
ERROR_SHARE = 0.013  # of the attempts, outside the incident
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Incident:
    """An afternoon on which one provider was down for two calls in five."""

    provider: str
    days_ago: int
    starts_at_hour_utc: float
    lasts: timedelta
    error_share: float
    slower: float  # factor on the time to first token of the calls that did succeed

    def begins(self, until: datetime) -> datetime:
        day = (until - timedelta(days=self.days_ago)).replace(hour=0, minute=0, second=0, microsecond=0)
        return day + timedelta(hours=self.starts_at_hour_utc)

    def covers(self, at: datetime, until: datetime) -> bool:
        begins = self.begins(until)
        return begins <= at < begins + self.lasts


INCIDENT = Incident("anthropic", 3, 12.5, timedelta(hours=3.5), error_share=0.4, slower=2.2)


def busyness(at: datetime, edition: Edition) -> float:
    """How much traffic a moment has, relative to others: more each week, less at night and at weekends."""
    age = (at - edition.since) / timedelta(days=DAYS)
    growth = 0.6 + 0.8 * age
    weekday = 0.4 if at.weekday() >= 5 else 1.0
    return growth * weekday * _HOURS[at.hour]


_HOURS: Sequence[float] = (
    0.30, 0.26, 0.24, 0.24, 0.28, 0.40, 0.60, 0.95, 1.40, 1.70, 1.80, 1.75,
    1.60, 1.75, 1.85, 1.80, 1.65, 1.40, 1.10, 0.90, 0.75, 0.60, 0.48, 0.38,
)  # fmt: skip
