"""What is new in each call of a conversation, from the bodies that were captured. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboard.source import Row
from store.messages import Message, said_in

Role = Literal["system", "user", "assistant", "tool"]
_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_ANSWERS = ("output", "completion", "choice", "response")


@dataclass(frozen=True)
class Said:
    """One message of a call."""

    role: Role
    text: str


@dataclass(frozen=True)
class Exchange:
    """What is new in a call: the messages that its answer is to, and the answer."""

    place: int  # of the call in its conversation
    said: tuple[Said, ...]
    n_earlier: int  # messages before them that the call repeats
    n_redactions: int
    n_cut_characters: int


def exchanges(bodies: Sequence[Row]) -> list[Exchange]:
    """One for each call that has a body, in the order of the calls. `bodies` as `session_contents` gives them."""
    places = dict.fromkeys(body["place"] for body in bodies)
    return [_exchange(place, [body for body in bodies if body["place"] == place]) for place in places]


def _exchange(place: int, bodies: Sequence[Row]) -> Exchange:
    call = said_in(bodies)
    if not call.keys:
        return _as_they_are(place, bodies)
    asked = [_said(message) for message in call.asked]
    fresh = _since_the_last_answer(asked)
    return Exchange(
        place,
        (*fresh, *(_said(message) for message in call.answered)),
        len(asked) - len(fresh),
        *_left_out(bodies),
    )


def _as_they_are(place: int, bodies: Sequence[Row]) -> Exchange:
    """Bodies that no emitter is known to write messages in."""
    told = (
        Said("assistant" if any(word in body["key"] for word in _ANSWERS) else "user", body["body"])
        for body in bodies
        if body["body"]
    )
    return Exchange(place, tuple(told), 0, *_left_out(bodies))


def _left_out(bodies: Sequence[Row]) -> tuple[int, int]:
    """Places that were blanked out, and characters that were not stored."""
    return (
        sum(body["n_redactions"] or 0 for body in bodies),
        sum(body["n_cut_characters"] or 0 for body in bodies),
    )


def _said(message: Message) -> Said:
    return Said(_ROLES.get(message.role.lower(), "user"), message.text)


def _since_the_last_answer(said: Sequence[Said]) -> list[Said]:
    """A call repeats the conversation so far; new is what follows the model's last word."""
    last = max((place for place, one in enumerate(said) if one.role == "assistant"), default=-1)
    # A system message that opens the conversation is told once, with its first call.
    return list(said[last + 1 :])
