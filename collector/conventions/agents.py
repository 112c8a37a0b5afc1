"""What coding agents' telemetry is: log events of which some stand for one request to a model each.

Coding agents (Claude Code, Codex CLI, Gemini CLI) describe their model calls as log events, not as GenAI
spans. A family module is data: which events are calls, and where each canonical column is found. One row is
made per call event; the agents' metrics count the same tokens again and are never added, and spans that some
of them can send beside the events are context, not calls, so each request is counted once.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.conventions.columns import FromAttributes


@dataclass(frozen=True)
class CallEvent:
    """A log event that reports one finished request to a model.

    `where` lists attributes and the texts that each must have one of (None: the attribute is absent);
    `requires` is an attribute without which the event is something else.
    """

    name: str
    failed: bool = False
    where: tuple[tuple[str, tuple[str | None, ...]], ...] = ()
    requires: str | None = None


@dataclass(frozen=True)
class AgentFamily:
    """One coding agent's events as calls."""

    emitter: str
    event_prefix: str  # of every event of the family
    provider: str
    calls: tuple[CallEvent, ...]
    # Columns of a decoded span, and these: duration_ms, conversation, prompt, speed, total_tokens, error_text.
    mapping: tuple[FromAttributes, ...]
    # Canonical input is everything the model read, output everything it wrote: the columns to add up.
    input_is: tuple[str, ...] = ("input_tokens",)
    output_is: tuple[str, ...] = ("output_tokens",)
    usage_semantics: str = "inclusive"  # what the emitter's own input count means


# The scope of Claude Code's events; its event names come without the family's prefix in `event.name`.
UNPREFIXED_SCOPES = {"com.anthropic.claude_code": "claude_code."}

# An account before an installation: who uses coding agents asks who spent what. E-mail addresses are not stored.
PERSON = FromAttributes(
    "user_id", ("user.account_uuid", "user.account_id", "user.id", "enduser.id", "installation.id"), "text"
)

# What the error text of a request without an HTTP status is about, most telling first. The text is not stored.
ERROR_WORDS = (
    (r"(?i)time.?d? ?.?out", "timeout"),
    (r"(?i)abort|cancel", "cancelled"),
    (r"(?i)connect|ECONN|ENOTFOUND|socket|network|fetch failed", "connection"),
    (r"(?i)rate.?limit|quota|exhausted", "rate_limit"),
    (r"(?i)overloaded|unavailable|internal server|server had an error|bad gateway", "server"),
)
