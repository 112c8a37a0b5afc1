"""Two answers side by side, and where their texts are found. Pure.

The store has an answer's text only where its messages were captured; the folder of the run always has it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher

from dashboard.source import Row

# Of one answer: beyond it a comparison by words would take seconds.
MOST_CHARACTERS = 20_000
# Attributes that hold what a model said; everything else captured of a call went in, or describes it.
_SAID = re.compile(r"output|completion|answer|response|choice")
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def captured_answer(contents: Iterable[Row]) -> str | None:
    """What the model said, of the captured messages of one span; None when none of them is an answer."""
    said = [row["body"] for row in contents if row["body"] and _SAID.search(row["key"])]
    return "\n".join(said) or None


def journal_answers(lines: Iterable[bytes], span_ids: Sequence[str | None]) -> dict[str, str]:
    """Answers by the id of their span, out of the lines of a run's journal; what cannot be read is passed over."""
    wanted = [span_id for span_id in span_ids if span_id]
    found: dict[str, str] = {}
    for line in lines:
        # Most lines are of other cases; to look is a hundred times cheaper than to parse.
        if not any(span_id.encode() in line for span_id in wanted):
            continue
        entry = _entry(line)
        if entry.get("span_id") in wanted and isinstance(entry.get("output"), str):
            found[str(entry["span_id"])] = str(entry["output"])
    return found


def _entry(line: bytes) -> Mapping[str, object]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def readable(before: str, after: str) -> tuple[str, str]:
    """Two JSON texts with a line for each value, so that they are compared value by value; other texts as they are."""
    # Where only one of them is JSON its lines are compared with the other's own.
    with suppress(ValueError):
        before, after = _by_value(before), _by_value(after)
    return before[:MOST_CHARACTERS], after[:MOST_CHARACTERS]


def _by_value(text: str) -> str:
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False)


def side_by_side(before: str, after: str) -> str:
    """Two texts as an HTML table, line beside line; what differs has a sign and a colour, word by word."""
    rows = "".join(_table_row(*pair) for pair in _pairs(before.splitlines(), after.splitlines()))
    return f'<table class="diff"><thead><tr><th>A, baseline</th><th>B, candidate</th></tr></thead><tbody>{rows}</tbody></table>'


def _pairs(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str | None, str | None]]:
    """The lines of both beside each other; None where one has no such line."""
    for kind, a, a_end, b, b_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from zip(before[a:a_end], after[b:b_end], strict=True)
            continue
        for step in range(max(a_end - a, b_end - b)):
            yield (
                before[a + step] if a + step < a_end else None,
                after[b + step] if b + step < b_end else None,
            )


def _table_row(before: str | None, after: str | None) -> str:
    if before == after:
        text = html.escape(before or "")
        return f"<tr><td>{text}</td><td>{text}</td></tr>"
    left, right = _words(before or "", after or "")
    return f"<tr>{_cell('gone', '−', before, left)}{_cell('come', '+', after, right)}</tr>"


def _cell(kind: str, sign: str, line: str | None, marked: str) -> str:
    return "<td></td>" if line is None else f'<td class="{kind}">{sign} {marked}</td>'


def _words(before: str, after: str) -> tuple[str, str]:
    """Both lines with the words marked that the other does not have."""
    words_before, words_after = _WORDS.findall(before), _WORDS.findall(after)
    left, right = [], []
    matcher = SequenceMatcher(None, words_before, words_after, autojunk=False)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        left.append(_marked(words_before[a:a_end], "del", kind))
        right.append(_marked(words_after[b:b_end], "ins", kind))
    return "".join(left), "".join(right)


def _marked(words: Sequence[str], tag: str, kind: str) -> str:
    text = html.escape("".join(words))
    return text if kind == "equal" or not text else f"<{tag}>{text}</{tag}>"
