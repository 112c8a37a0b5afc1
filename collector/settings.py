"""Everything about a collector that can be set: read once in the entry point, then passed down.

To add a setting, add a field: its type, default, description, example and bounds are all there is to it, and
`collector.configure` reads it from flags, environment and steelyard.toml. A check that bounds cannot say goes there.
This module loads nothing, because every process has it: reading and checking takes 15 MB of libraries.
"""

from __future__ import annotations

import ipaddress
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from collector.retention import Retention

MEGABYTE = 1_000_000
# What can be redacted from captured content without a pattern of one's own (collector/privacy/patterns.py).
BUILTIN_REDACTIONS = ("secret", "email", "phone", "card", "iban")
EVERY_PROJECT = "*"
# Only the dashboard's process needs it, and gets it in another way.
_ABOUT_PEOPLE = ("dashboard_users",)
DEFAULT_DATA_DIR = Path(".steelyard")


def _setting(default: Any, description: str, *, example: object = None, **bounds: int) -> Any:
    """One setting. `bounds` are ge, le and min_length; without an example the default is one."""
    metadata = {"description": description, "example": example, "bounds": bounds}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class CollectorSettings:
    """One collector: where its data is, where it listens, and how much it takes."""

    data: Path = _setting(DEFAULT_DATA_DIR, "the data directory")
    host: str = _setting("127.0.0.1", "the address everything listens on", min_length=1)
    otlp_http: int = _setting(4318, "OTLP/HTTP port", ge=1, le=65535)
    otlp_grpc: int = _setting(4317, "OTLP/gRPC port", ge=1, le=65535)
    api: int = _setting(4319, "read API port", ge=1, le=65535)
    dashboard: int = _setting(8501, "dashboard port", ge=1, le=65535)
    # OpenTelemetry recommends 64 MiB as the default limit of one request, before and after decompression.
    body_max_bytes: int = _setting(64 * 1024 * 1024, "largest request body", ge=1024)
    inflight_max_bytes: int = _setting(
        256 * 1024 * 1024, "bytes of all request bodies that are being read at once", ge=1024 * 1024
    )
    cors_origins: tuple[str, ...] = _setting(
        ("local",),
        "web pages that may send telemetry; local = those of this machine, '*' = all",
        example="local,https://app.example.com",
    )
    spool_max_bytes: int = _setting(2_000 * MEGABYTE, "telemetry waiting to be committed", ge=MEGABYTE)
    # What must stay free on the disk for the store to commit what is already acknowledged.
    disk_reserve_bytes: int = _setting(64 * MEGABYTE, "free disk space below which new data is refused", ge=0)
    segment_max_bytes: int = _setting(8 * MEGABYTE, "size at which a spool segment rolls", ge=1024)
    segment_max_age_ms: int = _setting(200, "age at which a spool segment rolls", ge=10, le=10_000)
    store_memory_mb: int = _setting(2048, "memory limit of the store", ge=256)
    # Access: see docs/keys.md. Beyond this machine keys are always required.
    require_keys: bool = _setting(False, "refuse programs on this machine without a key as well")
    tls_cert: Path | None = _setting(
        None, "TLS certificate file (PEM, with its chain)", example="/etc/steelyard/tls.crt"
    )
    tls_key: Path | None = _setting(
        None, "the private key of tls_cert (PEM, without a passphrase)", example="/etc/steelyard/tls.key"
    )
    tls_ca: Path | None = _setting(
        None, "what commands trust instead of the system's authorities", example="/etc/steelyard/ca.crt"
    )
    log_format: Literal["auto", "text", "json"] = _setting(
        "auto", "lines for people or for machines; auto = text on a terminal, else json"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "what is logged at least")
    # Who sees the pages: see docs/sign-in.md.
    dashboard_sign_in: Literal["none", "key", "oidc", "proxy"] = _setting(
        "none", "how people sign in to the pages; none = this machine only"
    )
    dashboard_host: str | None = _setting(
        None, "the address the pages listen on; default: host when there is a sign-in", example="10.0.0.5"
    )
    dashboard_users: Mapping[str, Mapping[str, str]] = _setting(
        {},
        "what each person may see; '*' = whoever else signs in",
        example='{"ana@example.com": {"role": "admin"}, "*": {"role": "viewer", "project": "search"}}',
    )
    dashboard_oidc: Path | None = _setting(
        None, "file with the OIDC client (TOML)", example="/etc/steelyard/oidc.toml"
    )
    dashboard_user_header: str = _setting(
        "X-Forwarded-User", "header in which the proxy names who signed in", example="X-Auth-Request-Email"
    )
    dashboard_proxies: tuple[str, ...] = _setting(
        ("127.0.0.1", "::1"), "addresses the proxy comes from", example="127.0.0.1,10.0.0.0/24"
    )
    # Privacy: see docs/privacy.md. Nothing of what people and models wrote is stored unless a project is named here.
    capture_projects: tuple[str, ...] = _setting(
        (), "projects whose message content is stored, redacted; '*' = all", example="support,search"
    )
    capture_max_characters: int = _setting(
        200_000, "longest stored body; what is beyond is cut and counted", ge=100, le=10_000_000
    )
    redact_builtin: tuple[str, ...] = _setting(
        BUILTIN_REDACTIONS, "what to redact from captured content", example="secret,email"
    )
    redact_patterns: Mapping[str, str] = _setting(
        {}, "your own patterns: name -> regular expression", example='{"ticket": "TICKET-[0-9]+"}'
    )
    redact_analyzer: str | None = _setting(
        None, "your own analyser: package.module:callable", example="my_company.pii:find"
    )
    # See docs/dimensions.md.
    dimensions: Mapping[str, tuple[str, ...]] = _setting(
        {},
        "whom calls are for and what else to group them by: name -> attribute keys",
        example='{"tenant": ["app.customer_id"], "team": ["resource:team"]}',
    )
    quarantine_days: int = _setting(7, "how long a segment that could not be stored is kept", ge=0, le=3650)
    retention: Retention = _setting(
        Retention(), "how long each table is kept: see docs/operations.md", example='{"contents_days": 30}'
    )

    def handed_down(self) -> str:
        """As one argument for the processes that the supervisor starts."""
        return json.dumps(self.plain())

    def plain(self) -> dict[str, Any]:
        """Every setting as JSON has it, but for who the people are: arguments can be listed by anybody on the machine."""
        return {name: _plain(value) for name, value in vars(self).items() if name not in _ABOUT_PEOPLE}

    @classmethod
    def taken_up(cls, text: str) -> CollectorSettings:
        """What `handed_down` gave, unchecked: it was checked when it was read."""
        types = typing.get_type_hints(cls)
        return cls(**{name: _typed(value, types[name]) for name, value in json.loads(text).items()})

    @property
    def store_path(self) -> Path:
        return self.data / "store.duckdb"

    @property
    def spool_dir(self) -> Path:
        return self.data / "spool"

    @property
    def is_public(self) -> bool:
        """Whether others than programs on this machine can reach what listens."""
        return is_public_host(self.host)

    @property
    def local_host(self) -> str:
        """Where programs on this machine reach what listens on `host`."""
        return _local(self.host)

    @property
    def receiver_url(self) -> str:
        return self.url(self.local_host, self.otlp_http)

    @property
    def grpc_url(self) -> str:
        return self.url(self.local_host, self.otlp_grpc)

    @property
    def api_url(self) -> str:
        return self.url(self.local_host, self.api)

    @property
    def dashboard_address(self) -> str:
        """Where the pages listen: without a sign-in on this machine only, unless another address is named."""
        if self.dashboard_host is not None:
            return self.dashboard_host
        return "127.0.0.1" if self.is_public and self.dashboard_sign_in == "none" else self.host

    @property
    def is_dashboard_public(self) -> bool:
        return is_public_host(self.dashboard_address)

    @property
    def dashboard_has_tls(self) -> bool:
        """Only for others: a certificate is for the machine's name, and this machine's own browsers ask 127.0.0.1."""
        return self.is_dashboard_public and self.tls_cert is not None

    @property
    def dashboard_url(self) -> str:
        """Where programs on this machine reach the pages."""
        return self.dashboard_url_at(_local(self.dashboard_address))

    def dashboard_url_at(self, host: str) -> str:
        return f"{'https' if self.dashboard_has_tls else 'http'}://{_in_url(host)}:{self.dashboard}"

    def url(self, host: str, port: int) -> str:
        """The address of a port of the receiver or the read API, as `host` is called where it is used."""
        return f"{'https' if self.tls_cert else 'http'}://{_in_url(host)}:{port}"


def is_public_host(host: str) -> bool:
    """Whether others than programs on this machine reach what listens there."""
    return host != "localhost" and not _is_loopback(host)


def _local(host: str) -> str:
    """Where this machine reaches what listens on the host."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return value.plain() if isinstance(value, Retention) else value


def _typed(value: Any, kind: Any) -> Any:
    if kind is Retention:
        return Retention.read(value)
    if value is not None and (kind is Path or Path in typing.get_args(kind)):
        return Path(value)
    if isinstance(value, dict):
        return {name: _typed(part, type(part)) for name, part in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
