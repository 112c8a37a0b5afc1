"""The dimensions that a command is asked to group or filter by: checked, so that a typo is not an empty answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from collector.configure import load_settings
from collector.conventions.dimensions import dimensions_of
from store.dimensions import BUILT_IN, dimension_named, short_name
from store.reader import Reader, rows


def where_option(command: Callable[..., None]) -> Callable[..., None]:
    """`--where NAME=VALUE`."""
    return click.option(
        "--where",
        metavar="NAME=VALUE",
        help="Only calls with this value in a dimension; `NAME=` = calls without one.",
    )(command)


def known_dimension(reader: Reader, project: str, name: str) -> str:
    """The dimension as the queries call it. Raises UsageError that lists what there is."""
    found = dimension_named(name.strip())
    if found in BUILT_IN:
        return found
    own = _own(reader, project)
    if found in own:
        return found
    there_is = ", ".join((*map(short_name, BUILT_IN), *own))
    raise click.UsageError(
        f"there is no dimension {name!r} in project {project}. There are: {there_is}. One of your own is a line in "
        'steelyard.toml: [dimensions] team = ["app.team"]'
    )


def narrowed(reader: Reader, project: str, where: str | None) -> dict[str, str | None]:
    """The parameters of a query for `--where NAME=VALUE`. Raises UsageError."""
    if where is None:
        return {}
    name, separator, value = where.partition("=")
    if not separator or not name:
        raise click.UsageError(f"--where {where!r}: write it as NAME=VALUE, for example --where tenant=acme")
    return {"dimension": known_dimension(reader, project, name), "dimension_value": value}


def _own(reader: Reader, project: str) -> Sequence[str]:
    """What is configured here, and what calls have: the server may be elsewhere, and settings change."""
    seen = [
        str(row["dimension"])
        for row in rows(reader.query("dimension_names", project=project))
        if row["kind"] == "custom"
    ]
    return tuple(dict.fromkeys((*dimensions_of(load_settings()).names, *seen)))
