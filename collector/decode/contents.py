"""Message bodies of captured projects, found among the attributes, events and status messages of a batch of spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.decode.attributes import Attributes
from collector.privacy.content import is_content, names_credential
from collector.privacy.contents import captured, contents_table
from collector.privacy.policy import ContentPolicy

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Owners:
    """The spans (or log records) that bodies belong to, one row each."""

    project: pa.Array
    trace_id: pa.Array
    span_id: pa.Array
    occurred_at: pa.Array
    received_at: pa.Array
    batch_id: pa.Array

    @classmethod
    def of(cls, columns: Mapping[str, pa.Array], occurred_at: str) -> Owners:
        """From decoded columns; `occurred_at` names the one that says when it was."""
        same = ("project", "trace_id", "span_id", "received_at", "batch_id")
        return cls(occurred_at=columns[occurred_at], **{name: columns[name] for name in same})


@dataclass(frozen=True)
class Bodies:
    """Texts, each with its key and the row of its owner."""

    source: str  # span | event | log | status
    keys: pa.Array
    owners: Indices
    texts: pa.Array
    occurred_at: pa.Array | None = None  # when that is not when the owner started


def is_capturable(key: str) -> bool:
    """Whether an attribute holds content that may be stored when somebody asked for it; credentials never may."""
    return is_content(key) and not names_credential(key)


def of_attributes(source: str, attributes: Attributes) -> Bodies:
    """The content attributes."""
    keys, rows, texts = attributes.texts(is_capturable)
    return Bodies(source, keys, rows, texts)


def of_events(attributes: Attributes, owners: Indices, occurred_at: pa.Array) -> Bodies:
    """The content attributes of events; of each event the row of its span, and when it happened."""
    keys, events, texts = attributes.texts(is_capturable)
    return Bodies("event", keys, owners[events], texts, occurred_at.take(pa.array(events)))


def captured_contents(policy: ContentPolicy, owners: Owners, found: Sequence[Bodies]) -> pa.Table | None:
    """The rows of table `contents`; None when nothing is captured."""
    wanted = captured(policy, owners.project).to_numpy(zero_copy_only=False)
    tables = [_rows(policy, owners, bodies, wanted) for bodies in found]
    kept = [table for table in tables if table.num_rows]
    return pa.concat_tables(kept) if kept else None


def captures_any(policy: ContentPolicy, projects: Sequence[str]) -> bool:
    """Whether content of one of these projects is stored."""
    return any(policy.captures(project) for project in set(projects))


def _rows(policy: ContentPolicy, owners: Owners, bodies: Bodies, wanted: npt.NDArray[np.bool_]) -> pa.Table:
    is_wanted = wanted[bodies.owners]
    taken = pa.array(bodies.owners[is_wanted])
    started_at = owners.occurred_at.take(taken)
    occurred_at = started_at if bodies.occurred_at is None else bodies.occurred_at.filter(pa.array(is_wanted))
    return contents_table(
        policy,
        project=owners.project.take(taken),
        day=started_at.cast(pa.date32(), safe=False),
        trace_id=owners.trace_id.take(taken),
        span_id=owners.span_id.take(taken),
        occurred_at=pc.coalesce(occurred_at, started_at),
        received_at=owners.received_at.take(taken),
        batch_id=owners.batch_id.take(taken),
        source=bodies.source,
        key=bodies.keys.filter(pa.array(is_wanted)),
        body=bodies.texts.filter(pa.array(is_wanted)),
    )
