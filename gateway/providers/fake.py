"""A small deterministic model that runs in this process: no network, no key, no cost.

It is an extractive engine that follows what the prompt says, so a better prompt really scores better and
a sloppier one worse. The same messages, model and parameters always give the same answer.

What it reads:

* The *document*: the text between `<document>` and `</document>`, else the last user message.
* The *instructions*: everything else.

What it obeys:

* "JSON" in the instructions: it answers one JSON object. The keys are the back-quoted words that start a list
  item ("- `summary`: …"); the rest of the item says what goes into that key.
* "one of: invoice, incident" in an item: it picks the label whose words occur most often in the document. A
  label's words are the label itself and the hints in brackets after it: "one of: invoice (amount due, VAT),
  incident". No hit at all: the first label.
* "verbatim" in an item: it copies the document's first sentence. Without it, it rephrases the sentence for
  about four documents in ten.
* "date" in an item: it gives the first date of the document, as YYYY-MM-DD when the item asks for that and
  else as it is written; null when there is none.
* "no commentary" or "only JSON": without either, it wraps about three answers in ten in chatter.
* `max_tokens`: it stops there, with finish reason `length`.

Which documents get rephrased or wrapped is decided by a hash of the model's name and the document.
Tokens are counted as four characters each, which is what English costs on average.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

from gateway.call import Completion, Request, Usage

if TYPE_CHECKING:
    from gateway.providers import Options

CHARACTERS_PER_TOKEN = 4
REPHRASED_SHARE = 0.4
CHATTY_SHARE = 0.3

_DOCUMENT = re.compile(r"<document>\s*(.*?)\s*</document>", re.DOTALL)
_KEY_ITEM = re.compile(r"^\s*[-*]\s+`(\w+)`(.*)$", re.MULTILINE)
_LABELS = re.compile(r"one of:\s*([^.;]+)", re.IGNORECASE)
_LABEL = re.compile(r"\s*([\w-]+)\s*(?:\(([^)]*)\))?\s*(?:,|$)")
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b|\b\d{1,2} [A-Z][a-z]+ \d{4}\b")


class Provider:
    """The fake model. It takes the same options as any provider and needs none of them."""

    name = "fake"

    def __init__(self, options: Options) -> None:
        pass

    async def complete(self, request: Request) -> Completion:
        """Answer at once; it never fails."""
        # A real provider yields to the event loop here; without that, one worker would run every case.
        await asyncio.sleep(0)
        asked = "\n".join(message.content for message in request.messages)
        text, finish_reason = _within(_answer(asked, request), request.params.get("max_tokens"))
        identity = json.dumps([asked, request.model, dict(request.params)], sort_keys=True)
        return Completion(
            text=text,
            usage=Usage(input_tokens=_tokens(asked), output_tokens=_tokens(text)),
            model_answered=request.model,
            response_id=f"fake-{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
            finish_reason=finish_reason,
        )

    async def aclose(self) -> None:
        """Nothing to release."""


def _answer(asked: str, request: Request) -> str:
    found = _DOCUMENT.findall(asked)
    document = found[-1] if found else request.messages[-1].content
    instructions = _DOCUMENT.sub("", asked) if found else "\n".join(m.content for m in request.messages[:-1])
    seed = f"{request.model}\n{document}"
    if "json" not in instructions.lower():
        return _sentence(instructions, document, seed)
    keys = _KEY_ITEM.findall(instructions) or [("summary", instructions)]
    answer = json.dumps({key: _value(rule, document, seed) for key, rule in keys}, ensure_ascii=False)
    quiet = re.search(r"no commentary|only json", instructions, re.IGNORECASE)
    if quiet or _draw(seed, "chatter") >= CHATTY_SHARE:
        return answer
    return f"Sure, here is what I found:\n```json\n{answer}\n```\nLet me know if you need anything else!"


def _value(rule: str, document: str, seed: str) -> str | None:
    if labels := _LABEL.findall("".join(_LABELS.findall(rule)[:1])):
        return _label(labels, document)
    if re.search(r"\bdate\b", rule, re.IGNORECASE):
        return _date(rule, document)
    return _sentence(rule, document, seed)


def _label(labels: list[tuple[str, str]], document: str) -> str:
    """The label with most hits; of equals, the first the prompt lists."""
    words = document.lower()

    def hits(labelled: tuple[str, str]) -> int:
        label, hints = labelled
        terms = [label, *filter(None, re.split(r"\s*,\s*", hints))]
        return sum(words.count(term.lower()) for term in terms)

    return max(labels, key=hits)[0]


def _date(rule: str, document: str) -> str | None:
    found = _DATE.search(document)
    if found is None:
        return None
    if "YYYY-MM-DD" not in rule or found[0][:4].isdigit():
        return found[0]
    try:
        return datetime.strptime(found[0], "%d %B %Y").date().isoformat()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return found[0]


def _sentence(rule: str, document: str, seed: str) -> str:
    found = _SENTENCE.search(document)
    sentence = " ".join((found[0] if found else document).split())
    if "verbatim" in rule.lower() or _draw(seed, "rephrase") >= REPHRASED_SHARE:
        return sentence
    return f"In short: {sentence[:1].lower()}{sentence[1:].rstrip('.!?')}."


def _within(text: str, max_tokens: object) -> tuple[str, str]:
    if isinstance(max_tokens, int) and _tokens(text) > max_tokens:
        return text[: max_tokens * CHARACTERS_PER_TOKEN], "length"
    return text, "stop"


def _draw(seed: str, what: str) -> float:
    """A number in [0, 1) that this input always gets."""
    return int.from_bytes(hashlib.sha256(f"{what}\n{seed}".encode()).digest()[:6]) / 2**48


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
