"""The client at the identity provider, from a file of its own: its secret is no setting, which others could list."""

from __future__ import annotations

import secrets as random
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from collector.visitors import SignIn
from errors import ConfigError

_NEEDED = ("client_id", "client_secret", "server_metadata_url", "redirect_uri")
_FURTHER = ("cookie_secret", "client_kwargs")
_LEAST_SECRET = 32


def secrets(sign_in: SignIn) -> dict[str, Any] | None:
    """What Streamlit's `st.login` reads, None without a provider. Raises ConfigError, which never repeats a value."""
    if sign_in.method != "oidc":
        return None
    path = Path(sign_in.oidc_file)
    found = _read(path)
    if missing := [name for name in _NEEDED if not isinstance(found.get(name), str) or not found[name]]:
        raise ConfigError(
            f"{path} does not say {missing[0]}. It needs {', '.join(_NEEDED)}; see docs/sign-in.md."
        )
    if unknown := [name for name in found if name not in (*_NEEDED, *_FURTHER)]:
        raise ConfigError(f"{path}: there is no {unknown[0]}. There are: {', '.join((*_NEEDED, *_FURTHER))}.")
    if urlsplit(found["redirect_uri"]).path != "/oauth2callback":
        raise ConfigError(
            f"{path}: redirect_uri must be the address of the pages with the path /oauth2callback, for example "
            "https://steelyard.example.com/oauth2callback."
        )
    # Without one of its own everybody signs in again after a restart, which is safe.
    found.setdefault("cookie_secret", random.token_hex(_LEAST_SECRET))
    if len(str(found["cookie_secret"])) < _LEAST_SECRET:
        raise ConfigError(
            f"{path}: cookie_secret has fewer than {_LEAST_SECRET} characters; `openssl rand -hex 32` makes one."
        )
    return {"auth": found}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as refused:
        raise ConfigError(
            f"{path} cannot be read: {refused.strerror}. It is the setting dashboard_oidc."
        ) from None
    except ValueError:
        raise ConfigError(f"{path} is not valid TOML; see docs/sign-in.md for one that is.") from None
