"""Read the settings: from flags, `STEELYARD_*` environment variables and `steelyard.toml`, in that order of strength.

What can be set is in `collector.settings`; here is how it is read and checked. By hand and not with a validation
library: the supervisor would keep its 16 MB for as long as it runs, and every command would load it for 0.17 s.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from collector.conventions.dimensions import Dimensions
from collector.retention import Retention
from collector.settings import BUILTIN_REDACTIONS, EVERY_PROJECT, CollectorSettings
from collector.visitors import check_header_name, check_proxies, check_users
from errors import ConfigError
from store.projects import is_project

_TOML = Path("steelyard.toml")
_PREFIX = "STEELYARD_"
_TRUTH = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off"), False)
_FIELDS = {field.name: field for field in dataclasses.fields(CollectorSettings)}
_TYPES = typing.get_type_hints(CollectorSettings)


def load_settings(flags: Mapping[str, Any] | None = None) -> CollectorSettings:
    """The settings of this process; flags that are None were not given. Raises ConfigError that names the key."""
    of_flags = {name: value for name, value in (flags or {}).items() if value is not None}
    given = {**_of_file(), **_of_environment(), **of_flags}
    read, wrong = {}, []
    for name, value in given.items():
        if name not in _FIELDS:
            continue
        try:
            read[name] = _checked(name, _as_typed(value, _TYPES[name]))
        except ValueError as mistake:
            wrong.append(_explain(name, value, str(mistake)))
    if wrong:
        raise ConfigError("\n".join(wrong))
    settings = CollectorSettings(**read)
    return dataclasses.replace(settings, data=settings.data.expanduser().absolute())


def _of_file() -> Mapping[str, Any]:
    try:
        found = tomllib.loads(_TOML.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as wrong:
        raise ConfigError(f"{_TOML} is not valid TOML: {wrong}") from None
    if unknown := [name for name in found if name not in _FIELDS]:
        close = difflib.get_close_matches(unknown[0], _FIELDS, n=1)
        meant = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(_FIELDS)}."
        raise ConfigError(f"{_TOML}: there is no setting {unknown[0]}. {meant}")
    return found


def _of_environment() -> Mapping[str, str]:
    named = {name.upper(): value for name, value in os.environ.items()}
    return {name: named[key] for name in _FIELDS if (key := f"{_PREFIX}{name.upper()}") in named}


def _as_typed(given: Any, kind: Any) -> Any:
    """A value of the setting's type from what a flag, the environment (text) or TOML has. Raises ValueError."""
    if typing.get_origin(kind) is types.UnionType:  # of a type and None, which is how "not set" is written
        return None if given == "" else _as_typed(given, typing.get_args(kind)[0])
    origin = typing.get_origin(kind) or kind
    if origin is Literal:
        return _choice(given, typing.get_args(kind))
    return _READERS[kind if kind in _READERS else origin](given)


def _choice(given: Any, choices: tuple[str, ...]) -> str:
    if given in choices:
        return str(given)
    raise ValueError(f"is none of {', '.join(choices)}")


def _number(given: Any) -> int:
    text = str(given).strip()
    if isinstance(given, bool | float) or not re.fullmatch(r"[+-]?[0-9][0-9_]*", text):
        raise ValueError("is not a whole number")
    return int(text)


def _truth(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if str(given).strip().lower() not in _TRUTH:
        raise ValueError("is neither true nor false")
    return _TRUTH[str(given).strip().lower()]


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError("is not a text")
    return given


def _path(given: Any) -> Path:
    if not isinstance(given, str | Path):
        raise ValueError("is not a path")
    return Path(given)


def _texts(given: Any) -> tuple[str, ...]:
    """The environment has `a,b`, steelyard.toml has a list."""
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("is not a list of texts")
    return tuple(name for part in parts if (name := part.strip()))


def _table(given: Any) -> Mapping[str, Any]:
    """The environment has a JSON object, steelyard.toml has a table."""
    try:
        table = json.loads(given) if isinstance(given, str) else given
    except ValueError as broken:
        raise ValueError(f"is not a JSON object of names and values ({broken})") from None
    if not isinstance(table, Mapping):
        raise ValueError("is not a table of names and values")
    return table


def _table_of_texts(given: Any) -> Mapping[str, str]:
    return {name: _text(value) for name, value in _table(given).items()}


def _table_of_lists(given: Any) -> Mapping[str, tuple[str, ...]]:
    table = _table(given)
    wrong = [name for name, values in table.items() if not isinstance(values, str | list | tuple)]
    if wrong:
        raise ValueError(f'{wrong[0]} is not a list of texts, such as {wrong[0]} = ["app.{wrong[0]}"]')
    return {name: _texts(values) for name, values in table.items()}


def _table_of_tables(given: Any) -> Mapping[str, Mapping[str, str]]:
    return {name: _table_of_texts(value) for name, value in _table(given).items()}


_READERS: Mapping[Any, Callable[[Any], Any]] = {
    int: _number,
    bool: _truth,
    str: _text,
    Path: _path,
    tuple: _texts,
    Mapping: _table_of_texts,
    Mapping[str, tuple[str, ...]]: _table_of_lists,
    Mapping[str, Mapping[str, str]]: _table_of_tables,
    Retention: lambda given: given if isinstance(given, Retention) else Retention.read(_table(given)),
}


def _checked(name: str, value: Any) -> Any:
    """The value when it is within the setting's bounds and passes its own check. Raises ValueError."""
    bounds = _FIELDS[name].metadata["bounds"]
    least, most = bounds.get("ge"), bounds.get("le")
    if least is not None and (value < least or (most is not None and value > most)):
        raise ValueError(f"is not {f'from {least} to {most}' if most is not None else f'{least} or more'}")
    if "min_length" in bounds and len(value) < bounds["min_length"]:
        raise ValueError("is empty")
    if name in _CHECKS:
        _CHECKS[name](value)
    return value


def _project_names(names: tuple[str, ...]) -> None:
    for name in names:
        if name != EVERY_PROJECT and not is_project(name):
            raise ValueError(
                f"{name!r} is not a project name: 1 to 64 of a-z, 0-9, '-' and '_', or '*' for all"
            )


def _origins(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in ("local", "*") and not re.fullmatch(r"https?://[^/\s]+", name):
            raise ValueError(
                f"{name!r} is not an origin (scheme, host and port, no path), nor `local` or `*`"
            )


def _known_redactions(names: tuple[str, ...]) -> None:
    for name in names:
        if name not in BUILTIN_REDACTIONS:
            raise ValueError(f"there is no {name!r}. There are: {', '.join(BUILTIN_REDACTIONS)}")


def _pattern_names(patterns: Mapping[str, str]) -> None:
    for name in patterns:
        if not re.fullmatch(r"[a-z0-9_-]{1,40}", name):
            raise ValueError(f"the name {name!r} is not made of 1 to 40 of a-z, 0-9, '-' and '_'")
        if name in BUILTIN_REDACTIONS:
            raise ValueError(f"{name!r} is the name of a built-in redaction; choose another")


# What types and bounds cannot say, by setting. Each raises ValueError.
_CHECKS: Mapping[str, Callable[[Any], object]] = {
    "capture_projects": _project_names,
    "cors_origins": _origins,
    "dashboard_proxies": check_proxies,
    "dashboard_user_header": check_header_name,
    "dashboard_users": check_users,
    "dimensions": Dimensions.read,
    "redact_builtin": _known_redactions,
    "redact_patterns": _pattern_names,
}


def _explain(name: str, given: Any, why: str) -> str:
    field = _FIELDS[name]
    example = field.default if field.metadata["example"] is None else field.metadata["example"]
    return f"setting {name} = {given!r}: {why}. For example: {_PREFIX}{name.upper()}={example}"
