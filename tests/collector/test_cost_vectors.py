"""Costs worked by hand from the vendors' published prices, as the committed books have them (USD per million): each call
is sent as OTLP the way its SDK sends it, stored, and read back from `calls`.

A to D are the golden vectors. A number here is never copied from output: the arithmetic stands beside it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.collector.cost_vectors import GOLDEN, Vector
from tests.collector.cost_vectors_anthropic_others import ANTHROPIC_AND_BEDROCK, OTHERS
from tests.collector.cost_vectors_openai_google import GOOGLE_VECTORS, OPENAI_AND_AZURE
from tests.collector.cost_vectors_subtle import SUBTLE, UNKNOWN
from tests.collector.sending import Sent, request
from tests.stores import open_store

VECTORS = [*GOLDEN, *OPENAI_AND_AZURE, *ANTHROPIC_AND_BEDROCK, *GOOGLE_VECTORS, *OTHERS, *SUBTLE, *UNKNOWN]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `calls` says of each vector, by its claim: all of them stored in one commit."""
    # Of different lengths: calls of one model that start and end together, without ids, may be one call told twice.
    sent = {
        vector.claim: Sent(
            vector.scope,
            vector.attributes,
            name=vector.name,
            at=vector.started_at,
            kind=vector.kind,
            duration_ms=1_000 + 100 * number,
        )
        for number, vector in enumerate(VECTORS)
    }
    assert len(sent) == len(VECTORS)
    with open_store(tmp_path_factory.mktemp("vectors")) as store:
        store.send(
            *(
                request(one, **dict(vector.resource))
                for vector, one in zip(VECTORS, sent.values(), strict=True)
            )
        )
        store.commit()
        rows = {row["trace_id"]: row for row in store.rows("select * from calls")}
    return {claim: rows.get(one.trace_id.hex(), {}) for claim, one in sent.items()}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.claim for vector in VECTORS])
def test_a_call_costs_what_the_published_prices_say(vector: Vector, calls: dict[str, dict[str, Any]]) -> None:
    row = calls[vector.claim]
    usd = None if vector.usd is None else Decimal(vector.usd)
    found = (row["cost_status"], row["list_cost_usd"], row["effective_cost_usd"], row["cost_estimated"])
    assert found == (vector.status, usd, usd, vector.is_estimated)
