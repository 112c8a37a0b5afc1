"""The collector's state in words: what GET /api/v1/pipeline says, as figures, warnings and facts for the Setup page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from dashboard import formats
from dashboard.formats import count, size

Document = Mapping[str, Any]

# Data is stored within a second; what waits this long is worth a look, and this much of the spool as well.
SLOW_S = 10.0
FULL_SHARE = 0.5
_LITTLE_DISK = 4  # times the reserve below which new data is refused


@dataclass(frozen=True)
class Figure:
    """One number of the strip at the top, and what it stands on."""

    label: str
    value: str
    note: str


@dataclass(frozen=True)
class Trouble:
    """What is wrong and what to do about it."""

    level: Literal["error", "warning"]
    what: str
    advice: str


def figures(state: Document, now: datetime) -> list[Figure]:
    """The pipeline from left to right: in, waiting, stored, room. `now` is UTC without a zone."""
    spool, waiting_s = state["spool"], state["oldest_waiting_s"]
    names = ("receiver", "store server")
    silent = [name for name in names if not state["processes"][name]["up"]]
    busy = [name for name in names if state["processes"][name]["reasons"]]
    received = _moment(state["newest_received_at"])
    return [
        Figure(
            "Receiver and store",
            "✕ down" if silent else "▲ look below" if busy else "✓ up",
            restarts(state),
        ),
        Figure(
            "Oldest waiting",
            "none" if waiting_s is None else lag(waiting_s),
            f"newest stored came {formats.age(received, now)}"
            if received
            else "nothing stored since the start",
        ),
        Figure(
            "Waiting to be stored",
            size(spool["bytes"]),
            f"{formats.share(spool['bytes'], spool['limit_bytes'])} of {size(spool['limit_bytes'])}",
        ),
        Figure(
            "Commits, last minute",
            count(state["commits_last_minute"]),
            f"{formats.short_count(state['rows_last_minute'])} rows",
        ),
        Figure(
            "Disk free",
            size(state["disk"]["free_bytes"]),
            f"store {size(state['store']['file_bytes'])}, log {size(state['store']['wal_bytes'] or 0)}",
        ),
    ]


def troubles(state: Document) -> Iterator[Trouble]:
    """What needs a person, the worst first."""
    for name, process in state["processes"].items():
        if process["up"] is False:
            yield Trouble(
                "error",
                f"The {name} does not answer.",
                "It is started again by itself; what `steelyard up` prints says why it ends.",
            )
        for reason in process["reasons"] if process["up"] else []:
            yield Trouble("error", f"The {name} cannot do its work now: {reason}.", _advice(reason))
    disk = state["disk"]
    if disk["free_bytes"] < _LITTLE_DISK * disk["reserve_bytes"]:
        yield Trouble(
            "warning",
            f"The disk has {size(disk['free_bytes'])} free.",
            f"Below {size(disk['reserve_bytes'])} new data is refused. Free some, or keep less (retention).",
        )
    spool = state["spool"]
    if spool["bytes"] > FULL_SHARE * spool["limit_bytes"] or (state["oldest_waiting_s"] or 0) > SLOW_S:
        yield Trouble(
            "warning",
            f"{size(spool['bytes'])} wait to be stored, the oldest for {lag(state['oldest_waiting_s'] or 0)}.",
            "More comes in than is stored, or the store was away. At the limit senders are told to come again.",
        )
    kept = state["quarantine"]
    if kept["segments"]:
        why = "; ".join(kept["reasons"])
        yield Trouble(
            "warning",
            f"{_of_segments(kept['segments'])} ({size(kept['bytes'])}) could not be stored"
            + (f": {why}." if why else "."),
            f"What may be kept of it is in {kept['directory']} for {kept['kept_days']} days, without message content. "
            "After an upgrade, move a file from there into the spool to try again; or delete it.",
        )


def facts(state: Document) -> list[tuple[str, str]]:
    """What is set, in words."""
    return [
        ("message content", "captured, redacted" if state["captures_content"] else "not stored"),
        *kept_for(state["retention_days"]),
        (
            "access",
            "an access key is needed"
            if state["access"]["keys_required"]
            else "programs on this machine, without a key",
        ),
    ]


def kept_for(days_by_table: Mapping[str, int | None]) -> list[tuple[str, str]]:
    """Retention, with the tables that are kept equally long together: the longest first."""
    by_days: dict[int | None, list[str]] = {}
    for table, days in days_by_table.items():
        by_days.setdefault(days, []).append(table.replace("_", " "))
    ordered = sorted(by_days, key=lambda days: (days is not None, -(days or 0)))
    return [
        ("kept for ever" if days is None else f"kept {count(days)} days", ", ".join(by_days[days]))
        for days in ordered
    ]


def restarts(state: Document) -> str:
    """How often processes had to be started again, and the last end of one."""
    counted = {name: process for name, process in state["processes"].items() if process["restarts"]}
    if not counted:
        return "no restarts"
    return ", ".join(f"{name} restarted {process['restarts']}×" for name, process in counted.items())


def lag(seconds: float) -> str:
    return formats.duration(int(seconds * 1e9))


def _of_segments(n: int) -> str:
    return "1 segment" if n == 1 else f"{count(n)} segments"


def _advice(reason: str) -> str:
    if "disk" in reason or "spool" in reason:
        return "Senders are told to come again meanwhile. Make room on the disk, or raise the limit in the settings."
    return "It tries again by itself. If this stays, `steelyard doctor` looks closer."


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
