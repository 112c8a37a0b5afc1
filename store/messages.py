"""What was said in a call: the captured bodies of table `contents`, whichever emitter sent them, as messages. Pure.

Instrumentations write one conversation in a dozen ways (docs/conventions.md), and some in two at once: of several only the
first below is read, so that nothing is said twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A row of the query `span_contents`.
Body = Mapping[str, Any]

_SYSTEM = "gen_ai.system_instructions"
# Whole conversations as JSON, and conversations as an attribute a message, the ones that tell most first.
_INPUTS = (
    "gen_ai.input.messages",
    "llm.input_messages.",
    "gen_ai.prompt.",
    "gen_ai.prompt",
    "ai.prompt.messages",
    "ai.prompt",
    "langfuse.observation.input",
    "input.value",
)
_OUTPUTS = (
    "gen_ai.output.messages",
    "llm.output_messages.",
    "gen_ai.completion.",
    "gen_ai.completion",
    "ai.response.text",
    "langfuse.observation.output",
    "output.value",
)
# gen_ai.prompt.0.content, llm.input_messages.1.message.content, llm.output_messages.0.message.contents.0.message_content.text
_NUMBERED = re.compile(
    r"(\d+)\.(?:message\.)?(role|content|contents\.\d+\.message_content\.text|(?:tool_calls\.\d+\.)?(?:tool_call\.)?function(?:_call)?\.(?:name|arguments))"
)
_VARIABLES = ("gen_ai.prompt.variable.", "traceloop.prompt.template_variables.")
_VARIABLES_AS_JSON = ("llm.prompt_template.variables",)


@dataclass(frozen=True)
class Message:
    """One message: who spoke (system, user, assistant, tool, …) and what."""

    role: str
    text: str


@dataclass(frozen=True)
class Said:
    """A call's messages. `keys` are the attributes that they were read from; `variables` filled the prompt's template."""

    asked: tuple[Message, ...] = ()
    answered: tuple[Message, ...] = ()
    variables: Mapping[str, object] | None = None
    keys: frozenset[str] = frozenset()


def said_in(bodies: Sequence[Body]) -> Said:
    """The messages in the captured bodies of one call; what is no message there is left out."""
    by_key: dict[str, str] = {}
    for body in bodies:
        by_key.setdefault(body["key"], body["body"])
    asked, asked_keys = _first(by_key, _INPUTS, "user")
    answered, answered_keys = _first(by_key, _OUTPUTS, "assistant")
    instructions = _whole(by_key[_SYSTEM], "system") if _SYSTEM in by_key else []
    variables, variable_keys = _variables(by_key)
    keys = asked_keys | answered_keys | variable_keys | ({_SYSTEM} if instructions else set())
    return Said((*instructions, *asked), tuple(answered), variables, frozenset(keys))


def _first(by_key: Mapping[str, str], families: Sequence[str], role: str) -> tuple[list[Message], set[str]]:
    for family in families:
        if family.endswith("."):
            keys = {
                key for key in by_key if key.startswith(family) and _NUMBERED.fullmatch(key[len(family) :])
            }
            # A tool is named before what it is asked.
            in_order = sorted(keys, key=lambda key: key.replace("arguments", "~"))
            found = _numbered({key[len(family) :]: by_key[key] for key in in_order}, role)
        else:
            keys = {family} & by_key.keys()
            found = _whole(by_key[family], role) if keys else []
        if found:
            return found, keys
    return [], set()


def _numbered(parts: Mapping[str, str], role: str) -> list[Message]:
    """Messages that were taken apart: `0.role`, `0.content`, `1.message.content`, …"""
    roles: dict[int, str] = {}
    texts: dict[int, list[str]] = {}
    for key, text in parts.items():
        hit = _NUMBERED.fullmatch(key)
        if hit is None:
            continue
        if hit[2] == "role":
            roles[int(hit[1])] = text
        else:
            texts.setdefault(int(hit[1]), []).append(text)
    return [Message(roles.get(number, role), "\n".join(texts[number])) for number in sorted(texts)]


def _whole(body: str, role: str) -> list[Message]:
    """The messages of one body; what is JSON of no known form is one message as it stands, an answer in JSON for example."""
    value = _json(body)
    try:
        found = _messages(value, role)
    except RecursionError:
        found = []
    return found or ([Message(role, body)] if value and body.strip() else [])


def _messages(value: Any, role: str) -> list[Message]:
    """Messages in JSON that an API, an SDK or an instrumentation wrote; text that is no JSON is one message."""
    match value:
        case str():
            return [Message(role, value)] if value.strip() else []
        case list():
            return [message for one in value for message in _messages(one, role)]
        case {"messages": list() as inner}:
            return _messages(inner, role)
        case {"choices": list() as choices}:
            return [message for choice in choices for message in _messages(_part(choice, "message"), role)]
        case {"output": list() as items}:
            return _messages(items, role)
        case {"input": str() | list() as inner}:
            return _messages(inner, role)
        case dict():
            text = "\n".join(_texts(value))
            return [Message(str(value.get("role") or role), text)] if text.strip() else []
        case _:
            return []


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    """The parts of one message as text: what was written, and what tools were asked and answered."""
    for name in ("content", "parts", "text", "tool_calls", "response", "result"):
        value = message.get(name)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (text for one in value for text in _part_text(one))
        elif value is not None:
            yield json.dumps(value, ensure_ascii=False)
    yield from _tool_call(message)


def _part_text(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        yield from _texts(part)


def _tool_call(part: Mapping[str, Any]) -> Iterator[str]:
    call = part.get("function") if isinstance(part.get("function"), dict) else part
    if not isinstance(call, Mapping):
        return
    name = call.get("name") or call.get("toolName")
    arguments = call.get("arguments", call.get("input"))
    if name and arguments is not None:
        told = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        yield f"{name}({told})"


def _part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _variables(by_key: Mapping[str, str]) -> tuple[dict[str, object] | None, set[str]]:
    """What filled the prompt's template, where the instrumentation says so."""
    for family in _VARIABLES:
        keys = {key for key in by_key if key.startswith(family) and key != family}
        if keys:
            return {key[len(family) :]: by_key[key] for key in sorted(keys)}, keys
    for key in _VARIABLES_AS_JSON:
        value = _json(by_key.get(key, ""))
        if isinstance(value, dict) and value:
            return value, {key}
    return None, set()


def _json(text: str) -> Any:
    """The JSON that a body is; the text itself when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
