"""Which place gave each column of each span, as one JSON text a span: few different ones, each written once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from collector.decode.found import Found

Codes = npt.NDArray[np.int64]
# Numbers of combinations stay below it while one more column is counted in.
_MOST = 2**62


@dataclass(frozen=True)
class Ruling:
    """Of each span the family and the rule that said what it is: the number of each, and the texts by number."""

    family_of: npt.NDArray[Any]
    families: Sequence[str | None]
    rule_of: npt.NDArray[Any]
    rules: Sequence[str]


def sources(found: Found, columns: Sequence[str], ruling: Ruling) -> pa.Array:
    """JSON per span: `family`, `rule`, and of each of the columns that has a value the place that it is from."""
    said = [column for column in columns if column in found]
    parts = [found.origins(column) for column in said]
    which, first = _combinations([ruling.family_of, ruling.rule_of, *parts])
    places = found.place_names()
    texts = [
        _text(
            ruling.families[ruling.family_of[row]],
            ruling.rules[ruling.rule_of[row]],
            {column: places[part[row]] for column, part in zip(said, parts, strict=True) if part[row]},
        )
        for row in first
    ]
    return pa.array(texts, pa.string()).take(pa.array(which))


def _text(family: str | None, rule: str, places: dict[str, str]) -> str:
    return json.dumps({"family": family, "rule": rule, **places}, ensure_ascii=False, separators=(",", ":"))


def _combinations(parts: Sequence[npt.NDArray[Any]]) -> tuple[Codes, Codes]:
    """(the number of each row's combination, a row of each combination)"""
    combined = np.zeros(len(parts[0]), dtype=np.int64)
    n_combined = 1
    for part in parts:
        counts = np.bincount(part)
        present = np.flatnonzero(counts)
        if len(present) < 2:
            continue
        if n_combined * len(present) >= _MOST:
            combined = np.unique(combined, return_inverse=True)[1]
            n_combined = int(combined.max()) + 1
        dense = np.cumsum(counts > 0) - 1
        combined = combined * len(present) + dense[part]
        n_combined *= len(present)
    _, first, which = np.unique(combined, return_index=True, return_inverse=True)
    return which, first
