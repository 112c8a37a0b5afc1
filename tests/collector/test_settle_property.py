"""Generated traffic with known truth, in any order and in any company: one row per call, and the same rows each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.collector.test_settle_scenes import NATIVE, OPENLLMETRY, call, sent, span
from tests.spans import USAGE_IN, USAGE_OUT
from tests.stores import Store, open_store


@dataclass
class Traffic:
    """Requests of one span each, and how many calls they are."""

    bodies: list[bytes] = field(default_factory=list)
    n_calls: int = 0

    def add(self, *bodies: bytes, n_calls: int = 0) -> None:
        self.bodies += bodies
        self.n_calls += n_calls


def claude_calls(traffic: Traffic, rnd: random.Random, prefix: str, at_ms: int) -> None:
    """Calls that come twice: by an instrumentation, and by the SDK as a child or as a root of another trace."""
    for number in range(rnd.randint(1, 3)):
        name, ms = f"{prefix}{number}", rnd.randint(20, 400)
        said: dict[str, Any] = {"gen_ai__provider__name": "anthropic", "gen_ai__response__id": f"msg_{name}"}
        outer = call(f"o{name}", at_ms=at_ms, ms=ms, **said)
        inner = call(f"n{name}", parent=rnd.choice([outer, None]), at_ms=at_ms + 1, ms=ms - 2, **said)
        traffic.add(sent(outer, OPENLLMETRY), sent(inner, NATIVE), n_calls=1)
        at_ms += rnd.choice([0, 1, 30])


def agents(traffic: Traffic, rnd: random.Random, prefix: str, at_ms: int) -> None:
    """An agent that sums up its calls and alone knows whose they are, with calls and tools below it."""
    root = span(
        f"r{prefix}", at_ms=at_ms, ms=900, gen_ai__operation__name="invoke_agent", tenant__id=rnd.choice("ab")
    )
    traffic.add(sent(root))
    for number in range(rnd.randint(1, 3)):
        step = span(f"s{prefix}{number}", parent=root, at_ms=at_ms + 1, ms=800)
        leaf = call(f"l{prefix}{number}", parent=rnd.choice([root, step]), at_ms=at_ms + 2 + number, ms=50)
        traffic.add(sent(step), sent(leaf), n_calls=1)


def twins(traffic: Traffic, rnd: random.Random, prefix: str, at_ms: int) -> None:
    """Real calls at one moment, alike in everything but their ids."""
    failed: dict[str, Any] = rnd.choice([{}, {"failed": True, USAGE_IN: None, USAGE_OUT: None}])
    for number in range(rnd.randint(2, 3)):
        traffic.add(sent(call(f"t{prefix}{number}", at_ms=at_ms, **failed)), n_calls=1)


def streams(traffic: Traffic, rnd: random.Random, prefix: str, at_ms: int) -> None:
    """Requests whose usage comes later, with another span."""
    nothing: dict[str, Any] = {USAGE_IN: None, USAGE_OUT: None, "logfire__span_type": "span"}
    for number in range(rnd.randint(1, 3)):
        name, lasts_ms = f"{prefix}{number}", rnd.randint(50, 300)
        request = call(f"q{name}", at_ms=at_ms, ms=8, **nothing)
        carrier = call(
            f"c{name}", at_ms=at_ms + 9 + lasts_ms, ms=0, logfire__span_type="log", duration=lasts_ms / 1000
        )
        carrier.name = "streaming response from 'gpt-4o' took 0.10s"
        traffic.add(sent(request, "logfire.openai"), sent(carrier, "logfire.openai"), n_calls=1)
        at_ms += rnd.choice([0, 2, 500])


def generated(seed: int) -> Traffic:
    rnd = random.Random(seed)
    traffic = Traffic()
    for number in range(rnd.randint(2, 4)):
        make = rnd.choice([claude_calls, agents, twins, streams])
        make(traffic, rnd, f"{seed % 97}{'abcde'[number]}", rnd.randint(0, 3_000))
    return traffic


def settled(store: Store, batches: list[list[bytes]]) -> list[dict[str, Any]]:
    """All calls, after these commits."""
    for table in ("spans", "charges"):
        store.session.execute(f"delete from {table}")
    for batch in batches:
        store.send(*batch)
        store.commit()
    newest = "select * from charges qualify row_number() over (partition by trace_id, span_id order by seq desc) = 1"
    assert store.value(f"select sum(list_cost_usd) from ({newest})") == store.value(
        "select sum(list_cost_usd) from calls"
    )
    # Everything but the times of arrival.
    return store.rows("select * from calls order by trace_id, span_id")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(tmp_path_factory.mktemp("property")) as opened:
        yield opened


@given(seed=st.integers(0, 10_000), shuffle=st.integers(0, 10_000), n_commits=st.integers(2, 4))
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
def test_any_order_and_any_batches_settle_to_the_same_calls(
    store: Store, seed: int, shuffle: int, n_commits: int
) -> None:
    traffic = generated(seed)
    at_once = settled(store, [traffic.bodies])
    assert len(at_once) == traffic.n_calls
    rnd = random.Random(shuffle)
    again = [*traffic.bodies, *rnd.sample(traffic.bodies, len(traffic.bodies) // 3)]
    rnd.shuffle(again)
    batches: list[list[bytes]] = [[] for _ in range(n_commits)]
    for body in again:
        rnd.choice(batches).append(body)
    assert settled(store, [batch for batch in batches if batch]) == at_once
