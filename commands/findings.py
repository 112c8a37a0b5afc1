"""What `steelyard doctor` looks at beside the installation: files, certificate, the running pipeline, and the data's times."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collector.settings import CollectorSettings
from collector.tls import certificate
from errors import ConfigError
from store.reader import Reader, rows

# Data is stored within a second.
LAG_MAX_S = 10.0
RENEW_BEFORE = timedelta(days=14)
CLOCKS_APART_MAX = timedelta(minutes=5)
CONNECT_PATIENCE_S = 2.0
# What only the owner may read: message content on its way, keys, the store.
_PRIVATE = (".", "spool", "keys.json", "local.token")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `advice` is empty when it is well."""

    what: str
    found: str
    advice: str = ""


def modes(data: Path) -> Finding:
    """Whether others on this machine can read what is in the data directory."""
    open_ones = [path for name in _PRIVATE if (path := data / name).exists() and _mode(path) & 0o077]
    if not open_ones:
        return Finding("file modes", "only this user can read the data directory")
    shown = ", ".join(f"{path} ({_mode(path):o})" for path in open_ones)
    return Finding(
        "file modes", "others on this machine may read it", f"close {shown}: chmod go= {open_ones[0]}"
    )


def tls(settings: CollectorSettings, now: datetime) -> Iterator[Finding]:
    """The certificate, when one is set. `now` is UTC."""
    try:
        found = certificate(settings)
    except ConfigError as wrong:
        yield Finding("certificate", "cannot be used", str(wrong))
        return
    if found is not None:
        due = found.valid_until - now < RENEW_BEFORE
        yield Finding(
            "certificate",
            f"{found.cert}, valid until {found.valid_until:%Y-%m-%d}",
            "renew it; a new file in its place is served within seconds" if due else "",
        )


def pipeline(state: Mapping[str, Any], now: datetime) -> Iterator[Finding]:
    """The running collector, from /api/v1/pipeline. `now` is UTC."""
    yield _port(state["endpoints"]["grpc"])
    for name, process in state["processes"].items():
        reasons = "; ".join(process["reasons"])
        if process["up"] is not None:
            yield Finding(name, "ready" if not reasons else "up" if process["up"] else "silent", reasons)
    yield _restarts(state["processes"], now)
    yield _lag(state)


def _port(grpc_url: str) -> Finding:
    where = urlsplit(grpc_url)
    try:
        socket.create_connection((where.hostname or "", where.port or 0), CONNECT_PATIENCE_S).close()
    except OSError as refused:
        return Finding(
            "gRPC port",
            f"{grpc_url} does not answer",
            f"{refused.strerror or refused}; another program may hold port {where.port}, choose one with --otlp-grpc PORT",
        )
    return Finding("gRPC port", f"{grpc_url} answers")


def _restarts(processes: Mapping[str, Any], now: datetime) -> Finding:
    counted = {name: process for name, process in processes.items() if process["restarts"]}
    found = ", ".join(
        f"{name} {process['restarts']} (last {process['last_end']}, {process['last_end_at']})"
        for name, process in counted.items()
    )
    recent = [
        name
        for name, process in counted.items()
        if now - datetime.fromisoformat(process["last_end_at"]) < timedelta(days=1)
    ]
    advice = f"what was printed when the {recent[0]} ended says why" if recent else ""
    return Finding("restarts", found or "none since the start", advice)


def _lag(state: Mapping[str, Any]) -> Finding:
    waiting_s = state["oldest_waiting_s"]
    if waiting_s is None:
        return Finding("lag", "nothing waits to be stored")
    slow = waiting_s > LAG_MAX_S
    return Finding(
        "lag",
        f"the oldest data has been waiting for {waiting_s:.1f} s",
        "more comes in than is stored, or the store cannot take it: see `store server` above" if slow else "",
    )


def rejects(reader: Reader, now: datetime) -> Finding:
    """What was refused in the last day. `now` is UTC."""
    found = rows(
        reader.sql(
            "select count(*) as n, cast(sum(n_items) as bigint) as items, max(received_at) as newest from rejects "
            f"where received_at >= {_moment(now - timedelta(days=1))}"
        )
    )[0]
    if not found["n"]:
        return Finding("rejects", "none in the last day")
    items = f", {found['items']:,} items" if found["items"] is not None else ""
    return Finding(
        "rejects",
        f"{found['n']:,} in the last day{items}, newest {found['newest']} UTC",
        "`steelyard query rejects_by_reason` and the Setup page say why and where from",
    )


def clocks(reader: Reader, now: datetime) -> Finding:
    """Whether the clock of this machine and those of the senders agree, from the spans of the last day. `now` is UTC."""
    found = rows(
        reader.sql(
            "select count(*) as spans, max(received_at) as newest, "
            f"count(*) filter (started_at > received_at + interval {CLOCKS_APART_MAX.seconds} second) as ahead "
            f"from spans where received_at >= {_moment(now - timedelta(days=1))}"
        )
    )[0]
    newest = found["newest"]
    if isinstance(newest, datetime) and newest.replace(tzinfo=UTC) > now + CLOCKS_APART_MAX:
        return Finding(
            "clock",
            f"the newest span was received at {newest} UTC, which is still to come",
            "the clock of this machine was set back; set it right, and let a time service keep it so",
        )
    if found["ahead"]:
        return Finding(
            "clock",
            f"{found['ahead']:,} of {found['spans']:,} spans of the last day began after they were received",
            "a sender's clock is more than 5 minutes ahead, or this one is behind: compare them with a time service",
        )
    return Finding("clock", f"agrees with {found['spans']:,} spans of the last day")


def quarantine(folder: Path, kept_days: int, now: datetime) -> Iterator[Finding]:
    """Segments that could not be stored, and how long they have been there. `now` is UTC."""
    kept = sorted(path.stat().st_ctime for path in folder.glob("*.seg"))
    if kept:
        age = now - datetime.fromtimestamp(kept[0], UTC)
        yield Finding(
            "quarantine",
            f"{len(kept):,} segments could not be stored, the oldest {age.days} days ago; deleted after {kept_days}",
            f"the JSON file beside each in {folder} says why; after an upgrade move the segment into {folder.parent} "
            "to try again; of projects without capture it comes back without content",
        )


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _moment(at: datetime) -> str:
    return f"timestamp '{at:%Y-%m-%d %H:%M:%S}'"
