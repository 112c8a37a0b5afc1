"""Which columns of a file mean what: from a preset, a mapping file, flags, and columns that bear our own names."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from commands.importing.canonical import ALIASES, ATTRIBUTE_PREFIX, CANONICAL, canonical
from commands.importing.presets import PRESETS, Preset
from commands.importing.reading import Source, json_path, text
from errors import ConfigError

# Part of every id, so it must not change: rows of a mapping without a name.
UNNAMED = "import"
# What sources call the operations that are model calls. A row of another operation is no call and is skipped.
CALL_OPERATIONS = {
    "chat": "chat",
    "chat_completion": "chat",
    "chat.completion": "chat",
    "completion": "chat",
    "acompletion": "chat",
    "message": "chat",
    "messages": "chat",
    "llm": "chat",
    "generation": "chat",
    "responses": "responses",
    "aresponses": "responses",
    "generate_content": "generate_content",
    "agenerate_content": "generate_content",
    "text_completion": "text_completion",
    "atext_completion": "text_completion",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "aembedding": "embeddings",
}


@dataclass(frozen=True)
class Wanted:
    """What the user said, before the file is looked at."""

    preset: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  # canonical name -> column or path
    constants: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True)
class Resolved:
    """What was found: per canonical name the columns or paths that have it, the first with a value counting."""

    name: str
    columns: Mapping[str, tuple[str, ...]]
    constants: Mapping[str, str]
    own: frozenset[str]  # what the user gave a column
    preset: Preset | None
    was_detected: bool  # the preset, from the columns of the file

    @property
    def operations(self) -> Mapping[str, str]:
        return self.preset.operations if self.preset and self.preset.operations else CALL_OPERATIONS


def read_wanted(preset: str | None, flags: Sequence[str], file: Path | None) -> Wanted:
    """The mapping that flags and a mapping file ask for; a flag wins. Raises ConfigError."""
    said = _read_file(file) if file else Wanted()
    given: dict[str, str] = {}
    for flag in flags:
        name, equals, column = (part.strip() for part in flag.partition("="))
        if not (name and equals and column):
            raise ConfigError(
                f"--map {flag!r} is not canonical=column. Example: --map input_tokens=prompt_tokens"
            )
        given[_known(name, "--map")] = column
    constants = {name: value for name, value in said.constants.items() if name not in given}
    return replace(said, preset=preset or said.preset, columns={**said.columns, **given}, constants=constants)


def _read_file(file: Path) -> Wanted:
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise ConfigError(
            f"the mapping {file} cannot be read: {getattr(wrong, 'strerror', None) or wrong}."
        ) from None
    if unknown := set(content) - {"name", "from", "columns", "constants"}:
        raise ConfigError(
            f"{file}: {sorted(unknown)[0]!r} is not part of a mapping. It has name, from, [columns] and [constants]."
        )
    tables = {table: content.get(table, {}) for table in ("columns", "constants")}
    for table, entries in tables.items():
        if not isinstance(entries, dict):
            raise ConfigError(f"{file}: [{table}] must be a table of canonical = value.")
    preset = content.get("from")
    if preset is not None and preset not in PRESETS:
        raise ConfigError(f"{file}: from = {preset!r} is not a preset. There are {', '.join(PRESETS)}.")
    return Wanted(
        preset,
        {_known(name, f"{file}: [columns]"): str(column) for name, column in _flat(tables["columns"])},
        {_known(name, f"{file}: [constants]"): str(value) for name, value in _flat(tables["constants"])},
        str(content["name"]) if "name" in content else None,
    )


def _flat(table: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            raise ConfigError(
                f'[{name}] in a mapping: write names with dots in quotes, "{ATTRIBUTE_PREFIX}app.region".'
            )
        yield name, value


def _known(name: str, where: str) -> str:
    if canonical(name) is None:
        raise ConfigError(
            f"{where}: {name!r} is not a name that calls have. {_near(name, [*CANONICAL, *ALIASES])} "
            f"Any other column can be kept as an attribute: {ATTRIBUTE_PREFIX}{name}=…"
        )
    return ALIASES.get(name, name)


def resolve(db: duckdb.DuckDBPyConnection, source: Source, wanted: Wanted) -> Resolved:
    """The mapping for this file. Raises ConfigError when a column is not there, or nothing says when calls began."""
    detected = None
    if wanted.preset is None and "started_at" not in wanted.columns:
        detected = next((name for name, preset in PRESETS.items() if preset.fits(source.columns)), None)
    chosen = wanted.preset or detected
    preset = PRESETS[chosen] if chosen else None
    own = {name: _existing(db, source, name, column) for name, column in wanted.columns.items()}
    columns = _of_preset(source, preset) if preset else _same_names(source)
    constants = {name: value for name, value in wanted.constants.items() if name not in own}
    columns = {name: found for name, found in columns.items() if name not in constants} | own
    if "started_at" not in columns:
        raise ConfigError(_no_start(source, preset))
    return Resolved(
        wanted.name or chosen or UNNAMED,
        columns,
        constants,
        frozenset(own),
        preset,
        chosen is not None and chosen == detected,
    )


def _of_preset(source: Source, preset: Preset) -> Mapping[str, tuple[str, ...]]:
    """The entries of the preset that this file has. Rows of JSON may have members that its first rows lack."""
    has = {
        name: tuple(column for column in columns if source.kind == "JSON" or _split(source, column))
        for name, columns in preset.columns.items()
    }
    return {name: columns for name, columns in has.items() if columns}


def _same_names(source: Source) -> Mapping[str, tuple[str, ...]]:
    """Columns that bear a canonical name mean it."""
    found = {ALIASES.get(column, column): (column,) for column in source.columns if canonical(column)}
    return found | {column: (column,) for column in source.columns if column in CANONICAL}


def _existing(db: duckdb.DuckDBPyConnection, source: Source, name: str, column: str) -> tuple[str, ...]:
    if _split(source, column) or _is_deep_in_json(db, source, column):
        return (column,)
    raise ConfigError(
        f"{source.path.name} has no column {column!r} for {name}. {_near(column, source.columns)}"
        + _perhaps_delimiter(source)
    )


def _is_deep_in_json(db: duckdb.DuckDBPyConnection, source: Source, column: str) -> bool:
    if source.kind != "JSON":
        return False
    root = json_path([column.split(".")[0]])
    found = db.execute(
        f"select 1 from {source.scan} where json_exists(json, {text(root)}) limit 1"
    ).fetchall()
    return bool(found)


def _split(source: Source, column: str) -> tuple[str, tuple[str, ...]] | None:
    """(a column of the file, the path inside of it); None when there is no such column."""
    parts = column.split(".")
    for n in range(len(parts), 0, -1):
        root = ".".join(parts[:n])
        if root in source.columns:
            return root, tuple(parts[n:])
    return None


def locate(source: Source, column: str) -> tuple[str, tuple[str, ...]]:
    """(a column of the file, the path inside of it), for a column of a resolved mapping."""
    root, *path = column.split(".")
    return _split(source, column) or (root, tuple(path))


def _no_start(source: Source, preset: Preset | None) -> str:
    if preset:
        needed = " or ".join(preset.columns["started_at"])
        return (
            f"{source.path.name} has no column {needed}, so it is no {preset.name} export. {_listed(source)}"
        )
    return (
        f"{source.path.name}: no column says when a call began. Name it with --map started_at=COLUMN (and others: "
        f"model_requested, input_tokens, …), or a preset with --from {'|'.join(PRESETS)}. {_listed(source)}"
        + _perhaps_delimiter(source)
    )


def _near(name: str, known: Iterable[str]) -> str:
    """The names that are most like this one, or all of them."""
    by_lower = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    return (
        f"Near it: {', '.join(by_lower[one] for one in close)}."
        if close
        else f"There are: {_some(by_lower.values())}."
    )


def _listed(source: Source) -> str:
    return f"Its columns: {_some(source.columns)}."


def _some(names: Iterable[str]) -> str:
    shown = [name if len(name) <= 60 else name[:57] + "…" for name in names]
    return ", ".join(shown[:40]) + (f" and {len(shown) - 40} more" if len(shown) > 40 else "")


def _perhaps_delimiter(source: Source) -> str:
    if source.kind == "CSV" and len(source.columns) == 1:
        return " It has one column only: name what separates them with --delimiter, if something else does."
    return ""
