"""What the pages stand on: the store, and who looks at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import formats, pieces, pipeline, source, visitor
from dashboard.formats import count, plain

Fact = tuple[str, str]

# What each right lets people do, in words.
_RIGHTS: Mapping[str, str] = {
    "query": "numbers, calls and evals",
    "contents": "captured messages",
    "sql": "SQL of their own",
    "pipeline": "the state of the collector",
    "administer": "prices, tenants, erasures and settings",
}
_NOBODY_SIGNS_IN = (
    "Nobody signs in here: the pages answer on this machine only, and whoever sits at it sees everything."
)


def store(project: str, health: Mapping[str, object], extent: source.Row) -> None:
    """What the store holds, and what its server says of itself."""
    with pieces.card("The store", f"project {project}", height="content"):
        if health and (health.get("status") != "ok" or health.get("problem")):
            st.error(plain(str(health.get("problem") or health.get("status"))), icon=":material/error:")
        _table(
            facts(project, health, extent),
            "store",
            "Facts about the store: what it holds, how long, and versions.",
        )


def facts(project: str, health: Mapping[str, object], extent: source.Row) -> list[Fact]:
    """In words; nothing is said of a server when a file is read."""
    state = source.pipeline(project)
    held = [
        (
            "holds",
            f"{count(extent['n_spans'])} spans, {count(extent['n_calls'])} of them model calls; "
            f"{count(extent['n_runs'])} eval runs",
        ),
        (
            "calls from",
            f"{formats.moment_exact(extent['first_started_at'])} to {formats.moment_exact(extent['last_started_at'])}",
        ),
    ]
    said = [
        ("data directory", "{data_dir}"),
        ("versions", "DuckDB {duckdb_version}, schema {schema_version}"),
    ]
    known = defaultdict(lambda: formats.UNKNOWN, {name: str(value) for name, value in health.items()})
    of_server = [(name, text.format_map(known)) for name, text in said] if health else []
    return held + (pipeline.facts(state) if state else []) + of_server


def who_looks() -> None:
    """As whom the pages are read now, and what that shows."""
    visiting, method = visitor.current(), visitor.sign_in().method
    with pieces.card("Who looks", height="content"):
        if method == "none":
            st.markdown(_NOBODY_SIGNS_IN)
            st.markdown(
                "For others: `STEELYARD_DASHBOARD_SIGN_IN=key`, an identity provider, or a proxy (docs/sign-in.md)."
            )
            return
        _table(
            [
                ("signed in as", visiting.name),
                ("role", visiting.described),
                ("may see", ", ".join(word for right, word in _RIGHTS.items() if right in visiting.rights)),
            ],
            "who",
            "Who is signed in, in which role, and what that shows.",
        )


def _table(shown: Sequence[Fact], key: str, alt: str) -> None:
    pieces.table(
        [{"fact": name, "value": formats.shortened(value, 160)} for name, value in shown],
        {},
        {
            "fact": st.column_config.TextColumn("what", width=115),
            "value": st.column_config.TextColumn("value", width=400),
        },
        alt=alt,
        key=key,
    )
