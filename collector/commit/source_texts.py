"""Where the columns of spans are from: a text of half a kilobyte that thousands of spans share, stored once."""

from __future__ import annotations

from hashlib import blake2b

import duckdb
import pyarrow as pa

from collector.commit.statements import registered, statement


class SourceTexts:
    """The table `span_sources`, and which of its rows are known to be there."""

    def __init__(self) -> None:
        self._stored: set[str] = set()

    def ids(self, session: duckdb.DuckDBPyConnection, texts: pa.Array) -> pa.Array:
        """The id of each text; NULL stays NULL. Texts that are not stored yet are."""
        encoded = texts.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        ids = [blake2b(text.encode(), digest_size=8).hexdigest() for text in distinct]
        unknown = {
            number: text for number, text in zip(ids, distinct, strict=True) if number not in self._stored
        }
        if unknown:
            self._store(session, unknown)
        return pa.array(ids, pa.string()).take(encoded.indices)

    def _store(self, session: duckdb.DuckDBPyConnection, texts: dict[str, str]) -> None:
        """Store what is not there. Only what was found is remembered: what is stored now may yet be taken back."""
        named = pa.table(
            {"sources_id": pa.array(texts, pa.string()), "sources": pa.array(texts.values(), pa.string())}
        )
        with registered(session, named=named):
            found = session.execute(statement("stored_sources")).fetchall()
            self._stored.update(number for (number,) in found)
            if not texts.keys() <= self._stored:
                session.execute(statement("store_sources")).fetchall()
