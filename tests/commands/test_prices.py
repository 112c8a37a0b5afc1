"""`steelyard prices`: looking at what models cost, and setting prices of one's own, on a real server."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from collector.keys import add_key
from tests.commands.test_reading import Ran, Steelyard, steelyard
from tests.servers import Server, start_server
from tests.spans import a_call, export

__all__ = ["steelyard"]  # the fixture

PRICES = """
checked_on = 2026-10-02
source = "https://acme.example/prices"

[[card]]
provider = "acme"
model = "acme-8b"
valid_from = 2026-10-01
currency = "EUR"
per_million = { input = 0.10, cached_input = "0.05", output = 0 }
per_million_above_200000 = { input = 0.20 }
region_multipliers = { eu = 1.1 }

[[card]]
provider = "openai"
model = "gpt-4.1"
variant = "flex"
valid_from = 2026-10-01
per_million = { input = 200, output = 800 }

[[agreement]]
agreement = "2026-17"
provider = "acme"
multiplier = 0.85
valid_from = 2026-10-01

[[fx_rate]]
currency = "EUR"
usd_per_unit = 1.0832
valid_from = 2026-10-01
source = "ECB"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("prices") / "data") as running:
        yield running


@pytest.fixture
def prices(steelyard: Steelyard, server: Server) -> Steelyard:
    """`steelyard prices`, on the server."""

    def run(*words: str, data: Path | None = None) -> Ran:
        return steelyard("prices", *words, data=data or server.data_dir)

    return run


def listed(prices: Steelyard, *words: str, data: Path | None = None) -> list[dict[str, Any]]:
    ran = prices("list", "--format", "json", *words, data=data)
    assert ran.returncode == 0, ran.stderr
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def done(ran: Ran) -> Ran:
    assert ran.returncode == 0, ran.stderr
    return ran


def cost_of(server: Server, **call: Any) -> dict[str, Any]:
    """What one more call costs, and by which card."""
    server.post("/v1/traces", export(a_call(trace_id=call.pop("trace_id"), **call)))
    server.wait_until_committed()
    [newest] = server.rows(
        "select list_cost_usd, effective_cost_usd, cost_status, rate_card from calls order by started_at desc limit 1"
    )
    return newest


def test_the_list_says_what_holds_and_where_it_is_from(prices: Steelyard) -> None:
    [card] = listed(
        prices, "--provider", "OpenAI", "--model", "openai/gpt-4o-2024-05-13", "--at", "2026-10-01"
    )[:1]
    assert (card["state"], card["layer"], card["currency"]) == ("in force", "snapshot", "USD")
    assert (card["uncached_input_per_million"], card["output_per_million"]) == ("5.000000", "15.000000")
    assert card["source"].startswith("https://")
    assert card["recorded_by"].startswith("book genai-prices")
    table = done(prices("list", "--model", "gpt-4o-2024-05-13")).stdout
    assert "openai/gpt-4o-2024-05-13" in table and "5.00" in table


def test_an_override_holds_for_the_next_call_and_takes_over_what_it_does_not_name(
    prices: Steelyard, server: Server
) -> None:
    ran = done(
        prices(
            "override",
            "openai",
            "gpt-4o",
            "--input",
            "2.25",
            "--from",
            "2026-10-01",
            "--note",
            "contract",
            "--by",
            "kim",
        )
    )
    assert "displaces openai/gpt-4o@1970-01-01" in ran.stdout
    assert "taken over from openai/gpt-4o@1970-01-01: cached_input, output" in ran.stdout
    assert "`steelyard reprice --since 2026-10-01 --dry-run`" in ran.stderr
    # 1,000 x 2.25 + 100 x 10.00, per million
    assert cost_of(server, trace_id=b"1" * 16) == {
        "list_cost_usd": Decimal("0.003250000000"),
        "effective_cost_usd": Decimal("0.003250000000"),
        "cost_status": "priced",
        "rate_card": "openai/gpt-4o@2026-10-01",
    }
    shown = done(prices("show", "gpt-4o-2024-08-06")).stdout
    assert "openai/gpt-4o@2026-10-01  (in force)" in shown
    assert "by kim, layer override" in shown
    assert "note       contract" in shown
    done(prices("withdraw", "openai/gpt-4o@2026-10-01"))
    assert cost_of(server, trace_id=b"2" * 16)["list_cost_usd"] == Decimal("0.0035")
    assert "withdrawn" in done(prices("show", "openai/gpt-4o")).stdout


def test_a_slip_of_the_finger_is_held_until_it_is_approved(prices: Steelyard, server: Server) -> None:
    given = {
        "trace_id": b"3" * 16,
        "gen_ai__request__model": "gpt-4o-mini",
        "gen_ai__response__model": "gpt-4o-mini",
    }
    ran = done(prices("override", "openai", "gpt-4o-mini", "--input", "15", "--from", "2026-10-01"))
    assert "held: uncached_input would cost 15.00 USD a million after 0.15 USD" in ran.stderr
    assert cost_of(server, **given)["rate_card"] == "openai/gpt-4o-mini@1970-01-01"
    [held] = [row for row in listed(prices, "--all", "--model", "gpt-4o-mini") if row["state"] == "held"]
    done(prices("approve", held["rate_card"], "--note", "it is right"))
    assert cost_of(server, **given | {"trace_id": b"4" * 16})["rate_card"] == held["rate_card"]
    assert "is not held (in force)" in prices("approve", held["rate_card"]).stderr


def test_names_of_ones_own_are_priced_and_zero_is_free(prices: Steelyard, server: Server) -> None:
    ran = done(
        prices(
            *("override", "openai", "gpt-4o-tuned", "--match", "ft:gpt-4o*"),
            *("--input", "3.75", "--output", "15", "--from", "2026-01-01"),
        )
    )
    assert "for calls that name it 'gpt-4o-tuned' or 'ft:gpt-4o*'" in ran.stdout
    tuned = cost_of(server, trace_id=b"5" * 16, gen_ai__response__model="ft:gpt-4o-2024-08-06:acme::9x")
    # 1,000 x 3.75 + 100 x 15, per million
    assert (tuned["list_cost_usd"], tuned["rate_card"]) == (
        Decimal("0.00525"),
        "openai/gpt-4o-tuned@2026-01-01",
    )
    done(prices("override", "my-vllm", "llama-4", "--input", "0", "--output", "0", "--from", "2026-01-01"))
    own = {"gen_ai__provider__name": "my-vllm", "gen_ai__response__model": "llama-4"}
    free = cost_of(server, trace_id=b"6" * 16, **own)
    assert (free["list_cost_usd"], free["cost_status"]) == (Decimal(0), "free")


def test_a_file_is_shown_recorded_and_known_the_second_time(
    prices: Steelyard, server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(PRICES)
    planned = done(prices("import", str(file), "--dry-run"))
    assert "4 would be recorded" in planned.stderr
    assert server.value("select count(*) from agreements") == 0
    ran = done(prices("import", str(file), "--by", "kim"))
    assert "4 recorded, 0 were recorded already" in ran.stderr
    assert "held: openai/gpt-4.1+flex@2026-10-01" in ran.stderr
    again = done(prices("import", str(file)))
    assert "0 recorded, 4 were recorded already" in again.stderr
    call = {"gen_ai__provider__name": "acme", "gen_ai__response__model": "acme-8b", "trace_id": b"7" * 16}
    cost = cost_of(server, **call)
    # 1,000 x 0.10 EUR per million at 1.0832 USD, and 15 % off
    assert cost["list_cost_usd"] == Decimal("0.00010832")
    assert cost["effective_cost_usd"] == Decimal("0.000092072")
    [row] = server.rows(
        "select source, checked_on, recorded_by from rate_cards where rate_card = 'acme/acme-8b@2026-10-01'"
    )
    assert (row["source"], str(row["checked_on"]), row["recorded_by"]) == (
        "https://acme.example/prices",
        "2026-10-02",
        "kim",
    )
    done(prices("withdraw", "2026-17"))
    later = cost_of(server, **call | {"trace_id": b"8" * 16})
    assert later["effective_cost_usd"] == later["list_cost_usd"]
    assert "1 recorded, 3 were recorded already" in done(prices("import", str(file))).stderr


def test_nothing_of_a_file_is_recorded_when_a_line_of_it_is_wrong(
    prices: Steelyard, server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(
        "provider,model,valid_from,input,output\n"
        "openai,gpt-4o,2026-10-01,2.5,10\n"
        "openai,o3,2026-13-01,2,8\n"
        ",o3,2026-10-01,2,8\n"
        "openai,o3,2026-10-01,1.1234567,8\n"
    )
    before = server.value("select count(*) from rate_cards")
    ran = prices("import", str(file))
    assert ran.returncode == 3
    assert [line.split(":")[0].strip() for line in ran.stderr.splitlines()[1:]] == [
        "line 3",
        "line 4",
        "line 5",
    ]
    assert server.value("select count(*) from rate_cards") == before


def test_a_diff_says_what_a_file_would_change(prices: Steelyard, tmp_path: Path) -> None:
    file = tmp_path / "vendor.json"
    card = {"provider": "openai", "model": "gpt-4-turbo", "per_million": {"input": 12.5, "output": 30}}
    file.write_text(json.dumps([card, card | {"model": "no-such", "per_million": {"input": 1}}]))
    ran = done(prices("diff", str(file), "--format", "csv"))
    found = {(row["model_key"], row["unit"]): row for row in csv.DictReader(io.StringIO(ran.stdout))}
    changed = found["openai/gpt-4-turbo", "uncached_input"]
    assert (changed["in_force"], changed["in_file"], changed["change"]) == (
        "10.000000",
        "12.500000",
        "+25.0%",
    )
    assert ("openai/gpt-4-turbo", "output") not in found
    assert found["openai/no-such", "uncached_input"]["change"] == "new"
    assert "2 of 2 cards differ" in ran.stderr


def test_a_price_to_come_is_listed_as_such_and_asks_for_no_repricing(prices: Steelyard) -> None:
    ran = done(prices("override", "openai", "gpt-3.5-turbo", "--input", "0.4", "--from", "2031-01-01"))
    assert "to come" in ran.stderr and "reprice" not in ran.stderr
    [future] = [
        row for row in listed(prices, "--model", "openai/gpt-3.5-turbo") if row["layer"] == "override"
    ]
    assert (future["state"], future["valid_from"]) == ("future", "2031-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("override", "openai", "gpt-4o", "--from", "2026-10-01"), "name a price"),
        (("override", "openai", "gpt-4o", "--input", "cheap", "--from", "2026-10-01"), "is not a price"),
        (("override", "openai", "gpt-4o", "--input", "1"), "--from"),
        (
            ("override", "google", "gemini-2.5-pro", "--input", "1", "--from", "2026-10-01"),
            "depends on how long the input is",
        ),
        (("show", "no-such-model"), "no price book and no record names a model"),
        (("approve", "openai/gpt-4o@2001-01-01"), "there is no rate card"),
        (("withdraw", "openai/gpt-4o@2001-01-01"), "there is no rate card"),
        (("import", "no-such.toml"), "cannot be read"),
    ],
)
def test_a_mistake_is_told_in_words(prices: Steelyard, words: tuple[str, ...], told: str) -> None:
    ran = prices(*words)
    assert (ran.returncode, told in ran.stderr, "Traceback" in ran.stderr) == (3, True, False), ran.stderr


def test_only_an_admin_key_sets_prices_and_its_id_is_on_record(server: Server) -> None:
    card = {
        "card_key": "by-key",
        "provider": "acme",
        "model": "by-key",
        "valid_from": "2026-10-01T00:00:00Z",
        "layer": "override",
        "rates": [{"unit": "output", "per_million": "1"}],
        "recorded_by": "kim",
    }
    keys = {role: add_key(server.data_dir, role=role, project="default") for role in ("ingest", "admin")}
    answers = {
        role: server.post(
            "/api/v1/records/rate_cards?wait=commit",
            json.dumps(card).encode(),
            "application/json",
            authorization=f"Bearer {token}",
        )[0]
        for role, (_, token) in keys.items()
    }
    assert answers == {"ingest": 403, "admin": 200}
    by = server.value("select recorded_by from rate_cards where card_key = 'by-key'")
    assert by == f"kim (key {keys['admin'][0].key_id})"
