"""A prompt file: text with `{{variable}}` placeholders, optionally split into messages.

A line that is exactly `---system---`, `---user---` or `---assistant---` starts a message with that role;
a file without such a line is one user message. A version is a hash of the content, so a prompt that was
measured can never change under its name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from errors import SuiteError

Role = Literal["system", "user", "assistant"]

_ROLE_LINE = re.compile(r"^---(system|user|assistant)---[ \t]*$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{([^{}\n]*)\}\}")


@dataclass(frozen=True)
class Message:
    """One message of a chat request."""

    role: Role
    content: str


@dataclass(frozen=True)
class Prompt:
    """One immutable version of a prompt. `version` is 12 hex digits of the content's SHA-256."""

    name: str
    version: str
    path: str
    text: str
    messages: tuple[Message, ...]
    variables: tuple[str, ...]

    def render(self, values: Mapping[str, object], *, case_id: str) -> tuple[Message, ...]:
        """The messages with every placeholder filled. Text goes in as it is, anything else as JSON.

        One pass: braces inside a value are data, never a placeholder. Raises SuiteError when the case lacks
        a variable, naming the file, the line and what the case has.
        """
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise SuiteError(
                f"{self.path}: line {_line_of(self.text, missing[0])} uses {{{{{missing[0]}}}}}, which case "
                f"{case_id!r} does not have. Its input has: {', '.join(values) or 'nothing'}. "
                "Rename the placeholder or add the key to the case's `input`."
            )
        return tuple(
            Message(m.role, _PLACEHOLDER.sub(lambda hit: _text(values, hit), m.content))
            for m in self.messages
        )


def load(path: Path, name: str) -> Prompt:
    """Read a prompt file. Raises SuiteError when it is missing, empty or not UTF-8."""
    try:
        # The version must not depend on the platform that checked the file out.
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise SuiteError(
            f"{path}: no such prompt file. Create it, or correct the path in the suite."
        ) from None
    except (OSError, UnicodeDecodeError) as failed:
        raise SuiteError(
            f"{path}: cannot be read as UTF-8 text ({failed}). Save the prompt as UTF-8."
        ) from failed
    return parse(text, name=name, path=str(path))


def parse(text: str, *, name: str, path: str) -> Prompt:
    """A prompt from its text; `path` is only for messages to the user."""
    messages = _messages(text)
    if not any(message.content for message in messages):
        raise SuiteError(
            f"{path}: the prompt is empty. Write at least one line, for example: Summarize {{{{document}}}}"
        )
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Prompt(name, version, path, text, messages, _variables(text, path))


def _messages(text: str) -> tuple[Message, ...]:
    """Split at the role lines; text before the first one is a user message when it says anything."""
    before, *rest = _ROLE_LINE.split(text)
    opening = [Message("user", before.strip())] if before.strip() or not rest else []
    roles: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
    return (*opening, *(Message(roles[r], c.strip()) for r, c in zip(rest[::2], rest[1::2], strict=True)))


def _variables(text: str, path: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for hit in _PLACEHOLDER.finditer(text):
        name = hit[1].strip()
        if not name.isidentifier():
            raise SuiteError(
                f"{path}: line {text.count(chr(10), 0, hit.start()) + 1}: {hit[0]!r} is not a placeholder. "
                "Write a variable as {{document}}: letters, digits and underscores."
            )
        found[name] = None
    return tuple(found)


def _line_of(text: str, variable: str) -> int:
    hit = next(h for h in _PLACEHOLDER.finditer(text) if h[1].strip() == variable)
    return text.count("\n", 0, hit.start()) + 1


def _text(values: Mapping[str, object], hit: re.Match[str]) -> str:
    value = values[hit[1].strip()]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
