"""What is stored although nobody asked for content: short, and without credentials.

Keys that carry content are dropped by name (`content.py`). This is for the rest: attributes of other names, names of
spans and events, status messages. A long free text under a name that nobody has seen yet is content too.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from collector.privacy.redact import scrub_secrets, scrub_text

# Ids, names, models, addresses and settings are shorter; prompts are longer.
KEPT_MAX_CHARACTERS = 256


def kept_values(values: pa.Array, *, may_be_long: pa.Array | None = None) -> pa.Array:
    """Texts that may be stored: credentials replaced, and what is too long named by its length only.

    `may_be_long` marks the values under keys that hold numbers only (`is_numbers_only`). NULL stays NULL.
    """
    return shorten_unknown(scrub_secrets(values), may_be_long=may_be_long)


def shorten_unknown(values: pa.Array, *, may_be_long: pa.Array | None = None) -> pa.Array:
    """Texts longer than KEPT_MAX_CHARACTERS replaced by "(N characters, not stored)"."""
    # Bytes first: they are at hand, and no text has more characters than bytes.
    if not (pc.max(pc.binary_length(values)).as_py() or 0) > KEPT_MAX_CHARACTERS:
        return values
    lengths = pc.utf8_length(values)
    too_long = pc.greater(lengths, KEPT_MAX_CHARACTERS)
    if may_be_long is not None:
        too_long = pc.and_not(too_long, may_be_long)
    stated = pc.binary_join_element_wise("(", lengths.cast(pa.string()), " characters, not stored)", "")
    return pc.if_else(too_long, stated, values)


def kept_error(error: BaseException) -> str:
    """An exception for logs and `rejects`: its type and first line, without what it quotes ("Could not convert string '…'")."""
    first_line = (str(error).splitlines() or [""])[0]
    # Greedy: what is quoted may hold quotes.
    unquoted = re.sub(r"""(['"`]).*\1""", "'…'", first_line)
    return scrub_text(f"{type(error).__name__}: {unquoted}"[:300]) if unquoted else type(error).__name__
