"""TLS by certificate files: checked before anything starts, and read again when they are renewed."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collector.observe import logs
from collector.settings import CollectorSettings
from errors import ConfigError
from store.trust import exactly

_log = logs.of("tls")

# How soon a renewed certificate is served.
LOOK_EVERY_S = 10.0
# OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which the ssl module does not name: to read the dates of an expired one.
_NO_CHECK_TIME = 0x200000


@dataclass(frozen=True)
class Certificate:
    """A certificate file and its key, and until when it holds (UTC)."""

    cert: Path
    key: Path
    valid_from: datetime
    valid_until: datetime


def certificate(settings: CollectorSettings) -> Certificate | None:
    """The pair of files of the settings, checked; None without TLS. Raises ConfigError that says what is wrong."""
    if settings.tls_cert is None and settings.tls_key is None:
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        given, missing = ("tls_key", "tls_cert") if settings.tls_cert is None else ("tls_cert", "tls_key")
        raise ConfigError(
            f"setting {given} is given and {missing} is not; TLS needs both. "
            f"For example: STEELYARD_{missing.upper()}=/etc/steelyard/tls.{missing[4:].replace('cert', 'crt')}"
        )
    found = _read(settings.tls_cert, settings.tls_key)
    now = datetime.now(UTC)
    if now > found.valid_until:
        raise ConfigError(f"{found.cert} expired on {found.valid_until:%Y-%m-%d %H:%M} UTC. Renew it.")
    if now < found.valid_from:
        raise ConfigError(
            f"{found.cert} is not valid before {found.valid_from:%Y-%m-%d %H:%M} UTC. Check the clock, or use another."
        )
    return found


def server_context(settings: CollectorSettings) -> ssl.SSLContext | None:
    """What an HTTP server serves TLS with, kept up to date with the files; None without TLS."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    newest = _Newest(settings.tls_cert, settings.tls_key)
    threading.Thread(target=newest.follow, name="certificate", daemon=True).start()
    return newest.context


def _loaded(cert: Path, key: Path) -> ssl.SSLContext:
    for setting, path in (("tls_cert", cert), ("tls_key", key)):
        try:
            path.read_bytes()
        except OSError as refused:
            raise ConfigError(
                f"setting {setting} = {str(path)!r} cannot be read: {refused.strerror}. Name a PEM file that this "
                "user may read."
            ) from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except ssl.SSLError as wrong:
        raise ConfigError(_explain(cert, key, wrong)) from None
    return context


def _no_passphrase() -> str:
    """Nobody is there to type one when a server starts."""
    return ""


def _explain(cert: Path, key: Path, wrong: ssl.SSLError) -> str:
    if wrong.reason == "KEY_VALUES_MISMATCH":
        return f"{key} (tls_key) is not the private key of {cert} (tls_cert). Name the pair that was issued together."
    if b"ENCRYPTED" in key.read_bytes():
        return (
            f"{key} (tls_key) has a passphrase. Store it without one: `openssl pkey -in {key} -out tls.key`."
        )
    return f"{cert} and {key} cannot be used for TLS: {wrong.reason or wrong}. Both must be PEM files."


def _read(cert: Path, key: Path) -> Certificate:
    """What the certificate says of itself, by a handshake in memory: what is served is what is checked."""
    shown = _handshake(_loaded(cert, key), cert)
    return Certificate(cert, key, _time(shown["notBefore"]), _time(shown["notAfter"]))


def _handshake(serving: ssl.SSLContext, cert: Path) -> dict[str, Any]:
    asking = exactly(cert)
    asking.verify_flags = ssl.VerifyFlags(asking.verify_flags | _NO_CHECK_TIME)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = asking.wrap_bio(to_client, to_server)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    try:
        for side in (client, server, client, server):
            _step(side)
    except ssl.SSLError as refused:
        raise ConfigError(
            f"{cert} (tls_cert) cannot serve TLS: {getattr(refused, 'verify_message', None) or refused.reason}."
        ) from None
    return dict(client.getpeercert() or {})


def _step(side: ssl.SSLObject) -> None:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


class _Newest:
    """The pair of files as it is now, for each connection that begins.

    A renewed pair gets a context of its own, which a handshake is switched to when it begins. Loading it into the
    one in use would race with the handshakes of the server's thread (seen: a crash inside OpenSSL).
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self._seen = _stamps(cert, key)
        self._newest = _loaded(cert, key)
        self.context = _loaded(cert, key)
        self.context.sni_callback = self._switch

    def _switch(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._newest

    def follow(self) -> None:
        """Look at the files for ever; a pair that cannot be served is reported, and the old one stays."""
        while True:
            time.sleep(LOOK_EVERY_S)
            now = _stamps(self._cert, self._key)
            if now == self._seen:
                continue
            self._seen = now
            try:
                self._newest = _loaded(self._cert, self._key)
            except (ConfigError, OSError) as broken:
                _log.error("certificate_refused", f"the old certificate stays in use: {broken}")


def _stamps(*paths: Path) -> list[int]:
    """When each was last written; 0 while it is being replaced."""
    stamps = []
    for path in paths:
        try:
            stamps.append(path.stat().st_mtime_ns)
        except OSError:
            stamps.append(0)
    return stamps
