"""A golden case out of a call that really happened: its captured input, and what was answered as what is expected.

A case needs an input that a prompt can be filled with. Best are the variables of the prompt's template; else the last thing
that the user wrote is `input`, with the conversation before it as `messages`. Where nothing was captured the application's
own attributes may do, and the draft says so. What was answered is no truth: whoever adds the case looks at it first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from errors import SuiteError
from store.messages import Message, Said, said_in

Row = Mapping[str, Any]

# Attributes of instrumentations and hosts: what they say is no input of a prompt.
_NOT_OURS = re.compile(
    r"(?:gen_ai|llm|ai|http|url|net|network|server|client|service|telemetry|process|host|os|container|k8s|cloud|faas|"
    r"deployment|otel|exception|error|code|thread|rpc|db|messaging|langfuse|traceloop|openinference|input|output|metadata|"
    r"litellm|logfire|agent|tool|session|user|tenant|enduser|steelyard|aws|gcp|azure|openai|embedding|graph|span|operation)"
    r"(?:\..*|_.*)?"
)
_NO_NAME = re.compile(r"\W+")


@dataclass(frozen=True)
class Draft:
    """A line of a golden set, and what whoever adds it should know."""

    case: Mapping[str, object]
    notes: tuple[str, ...]

    @property
    def line(self) -> str:
        """The case as JSON on one line, without its end."""
        return json.dumps(self.case, ensure_ascii=False)


def draft(call: Row, contents: Sequence[Row], attributes: Sequence[Row]) -> Draft:
    """The case that a call makes: rows of `trace_spans`, `span_contents` and `span_attributes`.

    Raises SuiteError with the reason and the way out when there is nothing to make one of.
    """
    said = said_in(contents)
    _refuse_what_was_cut(call, contents, said)
    given, notes = _input(call, said, attributes)
    case: dict[str, object] = {"id": f"call-{call['span_id']}", "input": given}
    expected = _expected(said)
    if expected is None:
        notes.append("No answer was captured, so the case expects nothing: add `expected` by hand.")
    else:
        case["expected"] = expected
        notes.append("`expected` is what was answered, right or wrong: correct it before you trust it.")
    if cluster := _cluster(call):
        case["cluster"] = cluster
    if n_redactions := sum(row["n_redactions"] for row in contents if row["key"] in said.keys):
        notes.append(f"Places redacted before storage, and so in the case: {n_redactions}.")
    return Draft(case, tuple(notes))


def _refuse_what_was_cut(call: Row, contents: Sequence[Row], said: Said) -> None:
    cut = [row for row in contents if row["key"] in said.keys and row["n_cut_characters"]]
    if cut:
        raise SuiteError(
            f"span {call['span_id']}: {cut[0]['n_cut_characters']:,} characters of {cut[0]['key']} were not stored, so a case "
            "of it would not be what was asked. Take another call, or raise capture_max_characters for those to come."
        )


def _input(call: Row, said: Said, attributes: Sequence[Row]) -> tuple[dict[str, object], list[str]]:
    if said.variables:
        return {_name(key): value for key, value in said.variables.items()}, []
    if said.asked:
        return _conversation(said.asked), []
    own = {
        _name(row["key"]): _value(row)
        for row in attributes
        if row["place"] == "span" and not _NOT_OURS.fullmatch(row["key"])
    }
    if not own:
        raise SuiteError(
            f"span {call['span_id']}: nothing that was said in this call is stored, and it has no attributes of your own, so "
            "there is no input to make a case of. Keep content of its project (STEELYARD_CAPTURE_PROJECTS, see docs/privacy.md) "
            "for calls to come, or write the case by hand."
        )
    return own, ["Nothing that was said is stored: `input` holds the attributes that your application set."]


def _conversation(asked: Sequence[Message]) -> dict[str, object]:
    """The last message of the user as `input`, the others as `messages`; not the instructions, which are the prompt's."""
    turns = [message for message in asked if message.role not in ("system", "developer")] or list(asked)
    last = max((place for place, turn in enumerate(turns) if turn.role == "user"), default=len(turns) - 1)
    others = [{"role": turn.role, "content": turn.text} for place, turn in enumerate(turns) if place != last]
    return {"input": turns[last].text} | ({"messages": others} if others else {})


def _expected(said: Said) -> object:
    """What was answered: JSON as JSON, so that a scorer can compare a field of it; else the text."""
    text = "\n".join(message.text for message in said.answered).strip()
    if not text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _cluster(call: Row) -> str | None:
    """Cases of one conversation, or of one user, are not independent. By a hash: a golden set is kept where many read it."""
    for what in ("session", "user"):
        if said := call[f"{what}_id"]:
            return f"{what}-{hashlib.sha256(str(said).encode()).hexdigest()[:8]}"
    return None


def _name(key: str) -> str:
    """A variable as prompts name them: `app.order` is `app_order`."""
    name = _NO_NAME.sub("_", key).strip("_") or "value"
    return name if name.isidentifier() else f"_{name}"


def _value(row: Row) -> object:
    """An attribute's value as JSON has it."""
    if row["kind"] == "string" or row["value"] is None:
        return row["value"]
    try:
        return json.loads(row["value"])
    except ValueError:
        return row["value"]
