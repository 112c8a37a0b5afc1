"""What the report is made of: sections, and tables whose figures stand under each other. All text is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from dashboard import formats
from dashboard.report.words import Line

_FIGURE = ' class="number"'
_WRITTEN_FIGURE = re.compile(rf"{formats.UNKNOWN}|[<> ]*{formats.MINUS}?\$?[\d.,]+[kMBT]?( %)?")


def section(title: str, content: str, note: str = "") -> str:
    """`content` is HTML, `title` and `note` are text."""
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{content}{said}</section>"


def amounts(of: str, lines: Iterable[Line]) -> str:
    return table((of, "value", "what it is"), [[line.name, line.value, line.note] for line in lines])


def table(
    headers: Sequence[str], lines: Iterable[Sequence[str]], *, total: Sequence[str] | None = None
) -> str:
    """Columns with a figure in every line stand to the right."""
    lines = [list(line) for line in lines]
    numeric = [
        place > 0 and all(_is_figure(line[place]) for line in (*lines, *([total] if total else [])))
        for place in range(len(headers))
    ]

    def cells(tag: str, line: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{_FIGURE if right else ''}>{escape(text)}</{tag}>"
            for text, right in zip(line, numeric, strict=True)
        )

    body = "".join(f"<tr>{cells('td', line)}</tr>" for line in lines)
    last = f'<tr class="total">{cells("td", total)}</tr>' if total else ""
    return f'<div class="wide"><table><thead><tr>{cells("th", headers)}</tr></thead><tbody>{body}{last}</tbody></table></div>'


def _is_figure(text: str) -> bool:
    return _WRITTEN_FIGURE.fullmatch(text) is not None
