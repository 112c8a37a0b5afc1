"""The address of a page: what it asks for, what of that is not known here, and how other pages are addressed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from dashboard import formats

# What every page understands, besides the fields of pages' own (`own.py`).
EVERYWHERE = (
    "project",
    "range",
    "from",
    "to",
    "env",
    "tenant",
    "model",
    "prompt",
    "dim",
    "value",
    "by",
    "month",
)
# Streamlit's own.
_NOT_OURS = ("embed", "embed_options")


def moment_in(text: str | None) -> datetime | None:
    """The UTC time that an address or a person names (a day is its beginning); None when it names none that can be read."""
    if not text:
        return None
    with suppress(ValueError):
        at = datetime.fromisoformat(text.strip())
        in_utc = at.astimezone(UTC) if at.tzinfo else at
        return in_utc.replace(second=0, microsecond=0, tzinfo=None)
    return None


def moment_text(at: datetime) -> str:
    """A UTC time as an address has it."""
    return f"{at:%Y-%m-%dT%H:%M}"


def between(since: datetime, until: datetime) -> dict[str, str]:
    """The part of an address that shows just this window."""
    return {"range": "custom", "from": moment_text(since), "to": moment_text(until)}


def unknown_values(asked: Mapping[str, str], known: Mapping[str, Collection[str]]) -> list[tuple[str, str]]:
    """What the address names that is not there, as (key, value)."""
    wrong = [(key, asked[key]) for key in known if asked.get(key) and asked[key] not in known[key]]
    return wrong + [
        (key, asked[key]) for key in ("from", "to") if asked.get(key) and moment_in(asked[key]) is None
    ]


def unknown_keys(asked: Mapping[str, str], of_page: Collection[str]) -> list[str]:
    """Keys of the address that this page does not read: mistyped, mostly."""
    return [key for key in asked if key not in (*EVERYWHERE, *_NOT_OURS, *of_page)]


def what_is_unknown(
    asked: Mapping[str, str], known: Mapping[str, Collection[str]], of_page: Collection[str]
) -> list[str]:
    """A sentence, as Markdown, for everything in the address that this page shows without."""
    said = [
        f"The link asks for {key} **{formats.plain(formats.shortened(value))}**, which is not known here. Shown without it."
        for key, value in unknown_values(asked, known)
    ]
    return said + [
        f"The link has **{formats.plain(formats.shortened(key))}**, which this page does not read. Shown without it."
        for key in unknown_keys(asked, of_page)
    ]
