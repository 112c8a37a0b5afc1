"""Whether a request may come in: its key, checked against the key file as it is now.

One policy for every door (OTLP/HTTP, OTLP/gRPC, records, read API). A key that is presented is always checked.
Without one, only programs on this machine come in, and only while the collector listens on this machine alone.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.keys import (
    EVERY_PROJECT,
    LOCAL_KEY_ID,
    TOKEN_PREFIX,
    Caller,
    Key,
    KeyFileError,
    key_file,
    key_id_of,
    read_keys,
    read_local_token,
    token_hash,
)
from collector.narrowing import BeyondError, Narrowing, UnreadableError, narrowed
from collector.observe import logs
from collector.settings import CollectorSettings
from store.projects import DEFAULT_PROJECT, PROJECT_HEADER, is_project
from store.wire import AS_HEADER

# How long a revoked key may go on working: well under the second that is promised.
LOOK_EVERY_S = 0.25
CHALLENGE = {"www-authenticate": 'Bearer realm="steelyard", Basic realm="steelyard"'}

_log = logs.of("access keys")

# Set by proxies: such a request is not from a program on this machine, whatever address it comes from.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
# No token has this hash: what an unknown id is compared with, so that it takes as long as a known one.
_NO_HASH = token_hash("")
_HOW = (
    "Send one as `Authorization: Bearer sy_…`; `steelyard keys add --role ROLE --project NAME` on the collector's "
    "machine makes one."
)


class AccessError(Exception):
    """The request is refused; the text is for the caller and holds nothing of a key."""


class UnauthenticatedError(AccessError):
    """No key where one is needed, or a key that is none: 401."""


class ForbiddenError(AccessError):
    """A key that is good, but not for this: 403."""


class NotAProjectError(AccessError):
    """A project header that cannot name a project: 400."""


class NotNarrowedError(NotAProjectError):
    """A header that says whom the request is for, and cannot be read: 400, never answered as if it were not there."""


class KeysUnreadableError(AccessError):
    """Our own trouble with the key file: 503, because on a 401 an exporter would drop its data for ever."""


@dataclass(frozen=True)
class _Signature:
    """What changes when a file is replaced."""

    mtime_ns: int
    inode: int
    size: int


class Keyring:
    """The keys of one data directory, as fresh as a quarter of a second, and who comes in without one."""

    def __init__(self, data: Path, *, host: str, is_public: bool, require_keys: bool) -> None:
        self._data = data
        self._host = host
        self._is_public = is_public
        self._require_keys = require_keys
        token = read_local_token(data)
        self._owner_hash = token_hash(token) if token else None
        self._keys: dict[str, Key] = {}
        self._problem: str | None = None
        self._signature: _Signature | None = None
        self._looked_at = float("-inf")

    @classmethod
    def of(cls, settings: CollectorSettings) -> Keyring:
        return cls(
            settings.data,
            host=settings.host,
            is_public=settings.is_public,
            require_keys=settings.require_keys,
        )

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who sends a request with these headers (names in lower case), narrowed when they say so.

        Raises an AccessError.
        """
        caller = self._sender(headers)
        asked = headers.get(AS_HEADER)
        return caller if asked is None else _narrowed(caller, asked, headers.get(PROJECT_HEADER))

    def _sender(self, headers: Mapping[str, str]) -> Caller:
        named = headers.get(PROJECT_HEADER)
        if named is not None and not is_project(named):
            raise NotAProjectError(
                f"{PROJECT_HEADER}: {named[:100]!r} is not a project name; use 1 to 64 of a-z, 0-9, '-' and '_'"
            )
        token = presented(headers)
        if token is not None and self._is_owners(token):
            return Caller(named or DEFAULT_PROJECT, LOCAL_KEY_ID)
        self._refresh()
        if self._problem:
            raise KeysUnreadableError("the collector cannot read its access keys; its own messages say why")
        if token is None or (
            self._lets_keyless_in() and not self._keys and not token.startswith(TOKEN_PREFIX)
        ):
            # With no keys at all, what else a client has set for another collector is nobody's business here.
            self._check_keyless(headers)
            return Caller(named or DEFAULT_PROJECT)
        return _bound(self._checked(token), named)

    def _is_owners(self, token: str) -> bool:
        return self._owner_hash is not None and hmac.compare_digest(self._owner_hash, token_hash(token))

    def _checked(self, token: str) -> Key:
        """The key of this token; an unknown id and a wrong secret take the same time and get the same words."""
        if not token.startswith(TOKEN_PREFIX):
            raise UnauthenticatedError(f"what was sent is not a Steelyard access key. {_HOW}")
        key = self._keys.get(key_id_of(token))
        is_right = hmac.compare_digest(key.hash if key else _NO_HASH, token_hash(token))
        if key is None or not is_right:
            raise UnauthenticatedError(f"this access key is not known to this collector. {_HOW}")
        if key.revoked_at:
            raise UnauthenticatedError(f"access key {key.key_id} was revoked at {key.revoked_at}. {_HOW}")
        return key

    def _lets_keyless_in(self) -> bool:
        return not (self._is_public or self._require_keys)

    def _check_keyless(self, headers: Mapping[str, str]) -> None:
        if self._is_public:
            raise UnauthenticatedError(
                f"an access key is needed: this collector listens on {self._host}. {_HOW}"
            )
        if self._require_keys:
            raise UnauthenticatedError(f"an access key is needed (setting require_keys). {_HOW}")
        if by := next((name for name in _FORWARDED if name in headers), None):
            raise UnauthenticatedError(
                f"an access key is needed: the request came through a proxy ({by}), not from this machine. {_HOW}"
            )

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        signature = _signature(key_file(self._data))
        if signature == self._signature and self._problem is None:
            return
        try:
            self._keys = {key.key_id: key for key in read_keys(self._data)}
        except KeyFileError as unusable:
            if self._problem != str(unusable):
                _log.error("keys_unreadable", str(unusable))
            self._problem = str(unusable)
        else:
            # What was seen before it was read: a change between the two is then seen the next time.
            self._signature, self._problem = signature, None


def _narrowed(caller: Caller, asked: str, named: str | None) -> Caller:
    try:
        found = narrowed(caller, Narrowing.read(asked))
    except UnreadableError as wrong:
        raise NotNarrowedError(f"{AS_HEADER}: {wrong}") from None
    except BeyondError as beyond:
        raise ForbiddenError(f"{AS_HEADER}: {beyond}") from None
    if named is not None and named != found.project:
        raise ForbiddenError(
            f"{PROJECT_HEADER} says {named!r}, {AS_HEADER} binds to {found.project!r}; send the same"
        )
    return found


def _bound(key: Key, named: str | None) -> Caller:
    """The caller of a good key; raises ForbiddenError when it names a project that is not the key's."""
    if key.project == EVERY_PROJECT:
        return Caller(named or DEFAULT_PROJECT, key.key_id, role=key.role)
    if named is not None and named != key.project:
        raise ForbiddenError(
            f"{PROJECT_HEADER} says {named!r}, but access key {key.key_id} belongs to project {key.project!r}; "
            "leave the header out, or use a key of the other project"
        )
    return Caller(key.project, key.key_id, key.tenant, key.environment, key.role, every_project=False)


def presented(headers: Mapping[str, str]) -> str | None:
    """The key that came with a request: the first that looks like one of ours, else the first of all."""
    found = list(_candidates(headers))
    ours = (token for token in found if token.startswith(TOKEN_PREFIX))
    return next(ours, found[0] if found else None)


def _candidates(headers: Mapping[str, str]) -> Iterator[str]:
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, rest = authorization.strip().partition(" ")
        yield _of_basic(rest) if scheme.lower() == "basic" else rest.strip() or scheme
    for name in ("x-api-key", "api-key"):
        value = headers.get(name)
        if value is not None:
            yield value.strip()


def _of_basic(encoded: str) -> str:
    """The key in `Basic base64(public:secret)`: the secret, whatever the public part says (Langfuse's form)."""
    try:
        public, _, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return ""
    return secret or public


def _signature(path: Path) -> _Signature | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError:
        return _Signature(-1, -1, -1)  # there, perhaps: reading it says what is wrong
    return _Signature(found.st_mtime_ns, found.st_ino, found.st_size)
