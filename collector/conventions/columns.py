"""What a convention is: a table of canonical columns and the attributes they come from.

A convention module is data: `MAPPING` names, per canonical column, the attribute keys in order of precedence
and how to read the value. It is applied to a whole batch at once, one vectorised step per key that occurs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reading = Literal["text", "count", "number", "flag", "first_text"]


@dataclass(frozen=True)
class FromAttributes:
    """One canonical column: the first of `keys` that has a value, read as `reading`.

    text: any scalar as text, "" is no value · count: int, double or numeric text as BIGINT · number: as DOUBLE ·
    flag: bool or "true"/"false" in any case · first_text: first element of an array (or a scalar) as text.
    """

    column: str
    keys: tuple[str, ...]
    reading: Reading
    # An identifier that takes more room than all else a span says: where a text came from stays in the attributes, the
    # text itself is in the column only.
    moved: bool = False
