"""Access keys: who a caller is, what a key is bound to, and the file that keeps them.

`keys.json` in the data directory holds a hash of each key, never the key. It is replaced as a whole by a rename,
so a reader sees the old list or the new one; revoked keys stay listed, so that a log line that names one can
still be understood. The receiver reads it without the database (see `collector.keyring`).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from collector.roles import ROLES, Right, Role, rights_of
from errors import ConfigError, DataDirError
from store.projects import DEFAULT_PROJECT, is_project

# The one project name that is none: every project, for an admin key only.
EVERY_PROJECT = "*"
# What every token begins with, so that a scanner finds one that leaked: sy_<role>_<key id>_<64 hex digits>.
TOKEN_PREFIX = "sy_"
# The id of the token that the owner of the data directory has: never in keys.json.
LOCAL_KEY_ID = "local"

_FILE = "keys.json"
_LOCAL_TOKEN = "local.token"
_FORMAT = 1
# Without letters that are read as others; 10 of them are 50 bits, enough to never collide.
_ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_ID_LENGTH = 10
_MOST_TEXT = 128


@dataclass(frozen=True)
class Caller:
    """Whom data comes from or goes to. The default is the owner of the data directory: a program on this
    machine where no key is needed, or whoever holds the local token."""

    project: str = DEFAULT_PROJECT
    key_id: str = ""
    # What the key is bound to beside its project; "" where it is not.
    tenant: str = ""
    environment: str = ""
    role: Role | Literal["owner"] = "owner"
    # Whether the project is a wall for this caller, or only the one asked for.
    every_project: bool = True
    # The role that a request is narrowed to (collector.narrowing); "" where it is not.
    acting_as: str = ""

    def may(self, right: Right) -> bool:
        """Whether the key has the right, and whoever the request is for as well."""
        return right in rights_of(self.role) and (not self.acting_as or right in rights_of(self.acting_as))

    @property
    def described(self) -> str:
        """For messages: which key of which role, and for whom; never the key."""
        who = f"access key {self.key_id}" if self.key_id else "a program on this machine"
        for_whom = f" for a visitor of the role {self.acting_as!r}" if self.acting_as else ""
        return f"{who} (role {self.role!r}){for_whom}"

    @property
    def is_keyless(self) -> bool:
        return not self.key_id


class KeyFileError(Exception):
    """keys.json is there and cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Key:
    """One line of keys.json. `hash` is SHA-256 of the whole token, in hex."""

    key_id: str
    name: str
    role: Role
    project: str
    tenant: str
    environment: str
    hint: str  # the token's last four characters, to tell keys apart
    created_at: str  # ISO-8601, UTC
    revoked_at: str | None
    hash: str = field(repr=False)


def token_hash(token: str) -> str:
    """How a token is kept.

    Plain SHA-256 is right here: a token has 256 random bits, which nobody can try out, so the salt and the slow
    hash that protect guessable passwords would only cost every request a hundred milliseconds.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def key_id_of(token: str) -> str:
    """The id that a token names; "" when it is not formed like one."""
    parts = token.split("_", 3)
    return parts[2] if len(parts) == 4 and token.startswith(TOKEN_PREFIX) else ""


def read_keys(data: Path) -> list[Key]:
    """Every key of the data directory, oldest first; none when there is no file. Raises KeyFileError."""
    path = data / _FILE
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as refused:
        raise KeyFileError(
            f"{path} cannot be read: {refused.strerror}. Give the collector's user its file back (mode 0600)."
        ) from None
    except ValueError:
        raise KeyFileError(f"{path} is damaged: it is not JSON. {_restore(path)}") from None
    return _keys(path, document)


def key_file(data: Path) -> Path:
    return data / _FILE


def add_key(
    data: Path, *, role: str, project: str, tenant: str = "", environment: str = "", name: str = ""
) -> tuple[Key, str]:
    """Make a key and store its hash: the key, and its token, which is nowhere else. Raises ConfigError."""
    role = _checked_role(role)
    _check_binding(role, project, tenant, environment, name)
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    token = f"{TOKEN_PREFIX}{role}_{key_id}_{secrets.token_hex(32)}"
    key = Key(
        key_id, name, role, project, tenant, environment, token[-4:], _now(), None, hash=token_hash(token)
    )
    with _changing(data) as keys:
        keys.append(key)
    return key, token


def revoke_key(data: Path, key_id: str) -> Key:
    """Revoke a key; raises ConfigError when there is none of that id, or it is revoked already."""
    with _changing(data) as keys:
        at = next((at for at, key in enumerate(keys) if key.key_id == key_id), None)
        if at is None:
            raise ConfigError(
                f"{key_file(data)} has no key {_shown_id(key_id)}. `steelyard keys list` shows the ids."
            )
        if keys[at].revoked_at:
            raise ConfigError(f"key {key_id} is revoked already, since {keys[at].revoked_at}; nothing to do.")
        keys[at] = replace(keys[at], revoked_at=_now())
        return keys[at]


def write_local_token(data: Path) -> str:
    """A fresh token for the owner of the data directory, who may do everything: whoever can read this file can
    read the store beside it as well."""
    token = f"{TOKEN_PREFIX}admin_{LOCAL_KEY_ID}_{secrets.token_hex(32)}"
    _replace(data / _LOCAL_TOKEN, token + "\n")
    return token


def read_local_token(data: Path) -> str | None:
    """The owner's token, if a server was started here and this user may read it."""
    try:
        return (data / _LOCAL_TOKEN).read_text("ascii").strip() or None
    except (OSError, ValueError):
        return None


def remove_local_token(data: Path) -> None:
    (data / _LOCAL_TOKEN).unlink(missing_ok=True)


@contextlib.contextmanager
def _changing(data: Path) -> Iterator[list[Key]]:
    """The keys, to be changed and stored; two commands at once take turns."""
    folder = os.open(data, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        try:
            keys = read_keys(data)
        except KeyFileError as damaged:
            raise DataDirError(str(damaged)) from None
        yield keys
        document = {"version": _FORMAT, "keys": [asdict(key) for key in keys]}
        _replace(key_file(data), json.dumps(document, indent=1) + "\n")
    finally:
        os.close(folder)


def _replace(path: Path, text: str) -> None:
    """Write a private file as a whole, durably, or leave the old one as it is. Raises DataDirError."""
    new = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            owner = path.parent.stat()
            if os.geteuid() == 0 and owner.st_uid != 0:
                # `sudo steelyard keys add` for a service: its own user must be able to read the file.
                os.fchown(fd, owner.st_uid, owner.st_gid)
            file.write(text)
            file.flush()
            os.fsync(fd)
        new.replace(path)
    except OSError as refused:
        raise DataDirError(
            f"{path} cannot be written: {refused.strerror}. Make the directory writable for this user."
        ) from None


def _keys(path: Path, document: Any) -> list[Key]:
    version = document.get("version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > _FORMAT:
        raise KeyFileError(f"{path} was written by a newer Steelyard (format {version}). Upgrade this one.")
    try:
        keys = [Key(**entry) for entry in document["keys"]]
    except (TypeError, KeyError):
        raise KeyFileError(f"{path} is damaged: its entries are not keys. {_restore(path)}") from None
    if not all(_is_sound(key) for key in keys):
        raise KeyFileError(f"{path} is damaged: an entry is not a key. {_restore(path)}")
    return keys


def _is_sound(key: Key) -> bool:
    texts = (key.key_id, key.name, key.tenant, key.environment, key.hash)
    return (
        all(isinstance(text, str) for text in texts)
        and key.role in ROLES
        and len(key.hash) == 64
        and (key.revoked_at is None or isinstance(key.revoked_at, str))
        and isinstance(key.project, str)
        and (is_project(key.project) or (key.project == EVERY_PROJECT and key.role == "admin"))
    )


def _restore(path: Path) -> str:
    return f"Until it is repaired every key is refused; restore it from a backup, or move it away ({path})."


def _checked_role(role: str) -> Role:
    if role not in ROLES:
        raise ConfigError(f"--role {role!r} is not a role. Roles: {', '.join(ROLES)}. Example: --role ingest")
    return role


def _check_binding(role: Role, project: str, tenant: str, environment: str, name: str) -> None:
    if project == EVERY_PROJECT and role != "admin":
        raise ConfigError(f"--project '*' is for admin keys; a key of role {role} is bound to one project.")
    if project != EVERY_PROJECT and not is_project(project):
        raise ConfigError(
            f"--project {project!r} cannot name a project: 1 to 64 of a-z, 0-9, '-' and '_'. "
            "Example: --project search-team"
        )
    if role == "admin" and (tenant or environment):
        raise ConfigError("an admin key is bound to a project only; leave out --tenant and --environment.")
    for flag, text in (("--tenant", tenant), ("--environment", environment), ("--name", name)):
        if len(text) > _MOST_TEXT or not text.isprintable():
            raise ConfigError(f"{flag}: use at most {_MOST_TEXT} printable characters.")


def _shown_id(key_id: str) -> str:
    """An id as it may be repeated: somebody who pastes the whole token must not find it on the screen again."""
    return repr(key_id_of(key_id) or key_id[:_ID_LENGTH])


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def active(keys: Sequence[Key]) -> list[Key]:
    """Those that are not revoked."""
    return [key for key in keys if key.revoked_at is None]
