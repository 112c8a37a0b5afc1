"""What somebody means who types in an id: a user, a conversation, or a call of one."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard import source
from dashboard.formats import count

# The kinds that `find_calls` tells, in the order in which one is believed, in words.
_KINDS = {
    "session_id": "conversation",
    "user_id": "user",
    "response_id": "response",
    "request_id": "request",
    "span_id": "span",
    "trace_id": "trace",
}


@dataclass(frozen=True)
class Meant:
    """What was found under an id; nothing at first."""

    kind: str = ""  # in words
    session_id: str | None = None  # the conversation to open
    user_id: str | None = None  # whose conversations to list
    trace_id: str | None = None
    n_sessions: int = 0  # that a trace is part of

    @property
    def is_of_no_session(self) -> bool:
        return bool(self.kind) and self.session_id is None and self.user_id is None

    def described(self, named: str) -> str:
        """In words, as Markdown; `named` is the id as it is shown."""
        if self.user_id is not None:
            return f"Conversations of the user {named}."
        of = f", one of the {count(self.n_sessions)} that its trace is part of" if self.n_sessions > 1 else ""
        return f"The conversation of the {self.kind} {named}{of}."


def meaning(project: str, asked: str) -> Meant:
    """What this id is, wherever in time."""
    found = {row["kind"]: row for row in source.read("find_calls", project, id=asked)}
    kind = next((kind for kind in _KINDS if kind in found), None)
    match kind:
        case None:
            return Meant()
        case "session_id":
            return Meant(_KINDS[kind], session_id=found[kind]["id"])
        case "user_id":
            return Meant(_KINDS[kind], user_id=found[kind]["id"])
        case _:
            trace_id = found[kind]["trace_id"]
            sessions = source.read("sessions_of", project, trace_id=trace_id)
            first = sessions[0]["session_id"] if sessions else None
            return Meant(_KINDS[kind], session_id=first, trace_id=trace_id, n_sessions=len(sessions))
