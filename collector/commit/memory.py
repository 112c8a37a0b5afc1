"""What a committer remembers of the store between commits, so that it need not ask."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from collector.commit.related import prepare_session
from collector.commit.seen import Seen
from collector.commit.source_texts import SourceTexts


@dataclass(frozen=True)
class Memory:
    """Empty, it knows nothing, and everything is looked up."""

    seen: Seen = field(default_factory=Seen)
    source_texts: SourceTexts = field(default_factory=SourceTexts)

    @classmethod
    def of(cls, session: duckdb.DuckDBPyConnection) -> Memory:
        """With what was stored lately, for a session that is to commit."""
        prepare_session(session)
        memory = cls()
        memory.seen.load(session)
        return memory
