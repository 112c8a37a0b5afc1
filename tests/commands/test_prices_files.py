"""Files of prices: what the manual shows is read, and what is wrong in one is told with its place."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from commands.prices.files import read_file
from errors import ConfigError

MANUAL = Path(__file__).parents[2] / "docs" / "prices.md"
CARD = '[[card]]\nprovider = "acme"\nmodel = "m"\nvalid_from = 2026-10-01\n'


def a_file(where: Path, name: str, text: str) -> Path:
    path = where / name
    path.write_text(text)
    return path


def shown_in_the_manual(language: str) -> str:
    [block] = re.findall(rf"```{language}\n(.*?)```", MANUAL.read_text("utf-8"), re.S)
    return str(block)


def test_the_toml_file_of_the_manual_is_read(tmp_path: Path) -> None:
    found = read_file(a_file(tmp_path, "prices.toml", shown_in_the_manual("toml")))
    assert [(one.where, one.kind) for one in found] == [
        ("card 1", "rate_cards"),
        ("card 2", "rate_cards"),
        ("agreement 1", "agreements"),
        ("fx_rate 1", "fx_rates"),
    ]
    assert found[0].row["rates"] == [
        {"unit": "uncached_input", "tier_from_tokens": 0, "per_million": "0.10"},
        {"unit": "cached_input", "tier_from_tokens": 0, "per_million": "0.05"},
        {"unit": "output", "tier_from_tokens": 0, "per_million": "0.40"},
        {"unit": "uncached_input", "tier_from_tokens": 200_000, "per_million": "0.20"},
    ]
    assert found[0].row["checked_on"] == "2026-10-02"
    assert found[1].row["valid_from"] == "2026-10-01T00:00:00Z"
    assert (found[2].row["multiplier"], found[3].row["usd_per_unit"]) == ("0.85", "1.0832")


def test_the_csv_file_of_the_manual_is_read_with_its_tiers_in_one_card(tmp_path: Path) -> None:
    flat, tiered = read_file(a_file(tmp_path, "prices.csv", shown_in_the_manual("csv")))
    assert [len(one.row["rates"]) for one in (flat, tiered)] == [3, 6]
    assert (tiered.where, tiered.row["rates"][3]) == (
        "line 3",
        {"unit": "uncached_input", "tier_from_tokens": 200_000, "per_million": "2.50"},
    )
    assert flat.row["source"] == "prices.csv"
    assert re.fullmatch(r"prices\.csv [0-9a-f]{12}", flat.row["source_version"])


def test_numbers_keep_every_digit_that_was_written(tmp_path: Path) -> None:
    for name, text in (
        ("p.toml", f"{CARD}per_million = {{ output = 0.123456, request = 7 }}"),
        (
            "p.json",
            '[{"provider": "acme", "model": "m", "valid_from": "2026-10-01", "rates": '
            '[{"unit": "output", "per_million": 0.123456}, {"unit": "request", "per_million": 7}]}]',
        ),
    ):
        [entry] = read_file(a_file(tmp_path, name, text))
        assert [rate["per_million"] for rate in entry.row["rates"]] == ["0.123456", "7"]


def test_a_file_without_a_beginning_takes_the_one_that_is_named(tmp_path: Path) -> None:
    text = "provider,model,output\nacme,m,1\n"
    [entry] = read_file(a_file(tmp_path, "p.csv", text), datetime(2026, 10, 1))  # noqa: DTZ001 - UTC
    assert entry.row["valid_from"] == "2026-10-01T00:00:00Z"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("p.toml", f"{CARD}per_million = {{ output = 1 }}\nprize = 2", "card 1: 'prize' is not known. There may be: provider"),
        ("p.toml", f"{CARD}per_million = {{ tokens = 1 }}", "card 1: per_million has the unit 'tokens', not one of input"),
        ("p.toml", f"{CARD}per_million = {{ output = true }}", "card 1: output is True, not a price such as 2.50"),
        ("p.toml", f"{CARD}per_million = 1", "card 1: per_million is 1, not a table of units"),
        ("p.toml", f"{CARD}per_million_above_many = {{ output = 1 }}", "is 'many', not a whole number"),
        ("p.toml", f"{CARD}graduated = true\nper_million = {{ output = 1 }}", "card 1: graduated tiers are not charged"),
        ("p.toml", f'{CARD}layer = "snapshot"\nper_million = {{ output = 1 }}', "not one of import, override, agreement"),
        ("p.toml", f'{CARD}card_key = "1"\nper_million = {{ output = 1 }}', "'card_key' is not known"),
        ("p.toml", CARD, "card 1: `rates` must be a list"),
        ("p.toml", "[[cards]]", "has 'cards' at its top. There may be: card, agreement, fx_rate"),
        ("p.toml", "card = 1", "'card' must be a list"),
        ("p.toml", "card = ", "Invalid value"),
        ("p.toml", "", "has no prices"),
        ("p.json", "[1]", "card 1 is Decimal('1'), not a table"),
        ("p.json", "{", "Expecting property name"),
        ("p.csv", "provider,model\nacme\n", "line 2 has 1 cells, but there are 2 columns"),
        ("p.csv", "model,model\n", "names a column twice"),
        ("p.csv", "provider,model,valid_from,tier_from_tokens,output\n" + "a,m,2026-10-01,0,1\n" * 2, "again in line 3"),
        ("p.csv", "currency,usd_per_unit,valid_from\nEUR,x,2026-10-01\n", "line 2: `usd_per_unit` is 'x', not decimal(18,9)"),
        ("p.xlsx", "", "is not one of .toml, .csv, .json"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_file(a_file(tmp_path, name, text))
    assert told in str(refused.value)


def test_every_mistake_of_a_file_is_counted(tmp_path: Path) -> None:
    lines = "".join(f"acme,m{number},2026-10-01,dear\n" for number in range(12))
    with pytest.raises(ConfigError) as refused:
        read_file(a_file(tmp_path, "p.csv", f"provider,model,valid_from,output\n{lines}"))
    assert "line 2: `per_million` of output is 'dear'" in str(refused.value)
    assert "and 2 more" in str(refused.value)
