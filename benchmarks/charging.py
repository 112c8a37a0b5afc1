"""What charging costs: `python -m benchmarks.charging`.

Charges a million calls by 12,000 dated prices with context tiers, the way a commit does: from spans in memory to a table of
charges. Beside it, in the same run and with the same calls: the floor (one hash join of the calls with a table of prices and
one sum, which finds no date, tier or status), `genai-prices` a call (when it is installed), and the fixed cost of a small commit.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec

import duckdb
import numpy as np
import pyarrow as pa

from collector.commit.charging import charge_into
from pricing.book import load_book
from pricing.cards import Agreement, Card, FxRate, PriceRecords, Rate
from pricing.prices import prices_of
from pricing.units import COUNTS
from store.terms import Terms

BUDGET_SECONDS = 3.0
N_MODELS, N_DATES, TIERS = 1_000, 6, (0, 4_000)  # 12,000 prices of five units each
UNITS = ("uncached_input", "cached_input", "cache_write", "output", "reasoning")
FIRST_DAY, N_DAYS = datetime(2026, 1, 1), 330  # noqa: DTZ001 - UTC, as the store has it
FLOOR = """
    select sum((calls.input_tokens::decimal(19, 0) * prices.rate)::decimal(38, 12))
    from calls
    join prices using (model_key)
"""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="What charging costs.")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(argv)
    calls = some_calls(options.calls)
    session = duckdb.connect(config={"threads": options.threads})
    print(f"{options.calls:,} calls, {N_MODELS * N_DATES * len(TIERS):,} prices, {options.threads} threads")
    terms = some_terms()
    took = _best(lambda: charge_into(session, calls, terms))
    _say("charged", took, options.calls, f"must be under {BUDGET_SECONDS:g} s for a million")
    _say_priced(session)
    adjusted = some_terms(everything=True)
    took = _best(lambda: charge_into(session, calls, adjusted))
    _say("with everything", took, options.calls, "in EUR, with a region's multiplier and a discount each")
    _say_priced(session)
    session.register("calls", calls)
    session.register("prices", pa.table({"model_key": _model_keys(), "rate": _decimals(N_MODELS)}))
    _say("floor", _best(lambda: session.execute(FLOOR).fetchall()), options.calls, "a hash join and a sum")
    _say_genai_prices()
    _say_small_commit(session, calls.slice(0, 200), terms)


def some_terms(*, everything: bool = False) -> Terms:
    """`everything`: each price also depends on an exchange rate, a region and an agreement."""
    cards = tuple(_card(key, number, everything) for key in _model_keys() for number in range(N_DATES))
    records = PriceRecords(cards)
    if everything:
        agreement = Agreement("discount", FIRST_DAY, multiplier=Decimal("0.85"))
        records = PriceRecords(cards, (agreement,), (FxRate("EUR", Decimal("1.0831"), FIRST_DAY),))
    return Terms(prices_of(load_book(), records))


def some_calls(n: int) -> pa.Table:
    """Calls as `charging.priceable` leaves them: each model alike often, at any time of eleven months."""
    rng = np.random.default_rng(7)
    input_tokens = rng.integers(100, 10_000, n)
    ids = np.zeros((n, 2), dtype=">u8")
    ids[:, 1] = np.arange(n)
    started_us = (
        np.datetime64(FIRST_DAY, "us").astype(np.int64) + rng.integers(0, N_DAYS * 86_400, n) * 1_000_000
    )
    counts = {
        "input_tokens": input_tokens,
        "cached_input_tokens": input_tokens // 3,
        "cache_write_tokens": input_tokens // 5,
        "output_tokens": rng.integers(10, 1_000, n),
        "reasoning_tokens": rng.integers(0, 10, n),
    }
    texts = {
        "project": "default",
        "status": "ok",
        "billed_to": "us",
        "region": "eu-west-1",
        "service_tier": None,
        "tenant_id": None,
    }
    return pa.table(
        {name: pa.repeat(pa.scalar(text, pa.string()), n) for name, text in texts.items()}
        | {name: pa.nulls(n, pa.int64()) for name in COUNTS}
        | counts
        | {
            "row": np.arange(n),
            "trace_id": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), n, [None, pa.py_buffer(ids.tobytes())]
            ),
            "span_id": np.arange(n, dtype=np.uint64),
            "started_at": pa.array(started_us).cast(pa.timestamp("us")),
            "model_key": pa.array(_model_keys()).take(pa.array(rng.integers(0, N_MODELS, n))),
            "usage_source": pa.nulls(n, pa.string()),
            "cache_hit": pa.nulls(n, pa.bool_()),
            "reported_cost_usd": pa.nulls(n, pa.float64()),
        }
    )


def _model_keys() -> list[str]:
    return [f"vendor-{number % 20}/model-{number}" for number in range(N_MODELS)]


def _card(model_key: str, number: int, everything: bool) -> Card:
    provider, _, model = model_key.partition("/")
    valid_from = FIRST_DAY + timedelta(days=number * N_DAYS // N_DATES)
    rates = tuple(
        Rate(unit, above, Decimal(f"{1 + number + at}.{25 if above else 10}"))
        for at, unit in enumerate(UNITS)
        for above in TIERS
    )
    return Card(
        f"{model_key}@{valid_from:%Y-%m-%d}",
        model_key,
        provider,
        model,
        valid_from,
        currency="EUR" if everything else "USD",
        rates=rates,
        region_multipliers={"eu": Decimal("1.1")} if everything else {},
    )


def _decimals(n: int) -> pa.Array:
    return pa.array([Decimal(f"0.0000{number % 90 + 10}") for number in range(n)], pa.decimal128(18, 12))


@dataclass(frozen=True)
class Took:
    """Seconds of the clock, and of this process on all cores: on a busy machine only these can be compared."""

    wall: float
    cpu: float


def _best(run: Callable[[], object], repeats: int = 3) -> Took:
    """The fastest run: the others were disturbed."""
    found = []
    for _ in range(repeats):
        began, cpu_began = time.perf_counter(), time.process_time()
        run()
        found.append(Took(time.perf_counter() - began, time.process_time() - cpu_began))
    return min(found, key=lambda took: took.wall)


def _say(what: str, took: Took, n: int, note: str) -> None:
    print(
        f"{what:16} {took.wall:7.3f} s {took.cpu:7.3f} s of CPU {took.wall / n * 1e6:8.2f} µs a call   {note}"
    )


def _say_priced(session: duckdb.DuckDBPyConnection) -> None:
    """What came of it: a benchmark of calls that found no price would be worth nothing."""
    rows = session.execute(
        "select cost_status, count(*), sum(list_cost_usd), sum(effective_cost_usd) from charged group by all"
    ).fetchall()
    for status, n_calls, listed, effective in rows:
        print(f"{'':16} {n_calls:,} {status}: {listed} USD by list, {effective} effective")


def _say_genai_prices() -> None:
    if find_spec("genai_prices") is None:
        print("genai-prices      is not installed (`pip install genai-prices` to compare)")
        return
    from genai_prices import Usage, calc_price  # type: ignore[import-not-found,unused-ignore] # an optional peer

    usage, n = Usage(input_tokens=10_000, cache_read_tokens=8_000, output_tokens=1_000), 1_000
    took = _best(lambda: [calc_price(usage, model_ref="gpt-4o", provider_id="openai") for _ in range(n)])
    _say("genai-prices", took, n, f"one call at a time, {n:,} of them")


def _say_small_commit(session: duckdb.DuckDBPyConnection, calls: pa.Table, terms: Terms) -> None:
    charge_into(session, calls, terms)
    began, repeats = time.process_time(), 30
    for _ in range(repeats):
        charge_into(session, calls, terms)
    cpu_ms = (time.process_time() - began) / repeats * 1_000
    print(f"small commit     {cpu_ms:8.1f} ms of CPU for {calls.num_rows} calls: planning, nearly all of it")


if __name__ == "__main__":
    main()
