from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dashboard import formats


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("1758.742", "$1,758.74"),
        ("0", "$0.00"),
        ("0.42", "$0.42"),
        ("0.995", "$1.00"),
        ("0.042", "$0.042"),
        ("0.00042", "$0.00042"),
        ("0.000000000001", "$0.0000000000010"),
        ("-3.5", "−$3.50"),
        ("12345678901234567890.12", "$12,345,678,901,234,567,890.12"),
    ],
)
def test_money_is_in_cents_unless_cents_would_hide_it(usd: str, text: str) -> None:
    assert formats.money(Decimal(usd)) == text


def test_an_amount_that_is_not_known_is_a_dash_and_never_zero() -> None:
    assert formats.money(None) == "–"


@pytest.mark.parametrize(
    ("usd", "status", "text"),
    [
        ("0.002111", "priced", "$0.002111"),
        ("0.0000004", "priced", "$0.00000040"),
        ("1.5", "priced", "$1.50"),
        ("0", "cache_hit", "cache hit"),
        ("0", "free", "free"),
        (None, "unpriced_model", "unpriced"),
        (None, "unpriced_unit", "unpriced"),
        (None, "conflict", "unpriced"),
        (None, "no_usage", "no usage"),
        (None, None, "unknown"),
    ],
)
def test_a_call_without_an_amount_says_why(usd: str | None, status: str | None, text: str) -> None:
    assert formats.call_cost(None if usd is None else Decimal(usd), status) == text


def test_a_unit_cost_stays_decimal() -> None:
    assert formats.usd_per_thousand(Decimal("2.50"), 500) == Decimal("5")
    assert formats.usd_per_thousand(None, 500) is None
    assert formats.usd_per_thousand(Decimal("1"), 0) is None


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, "–"),
        (420_000, "420 µs"),
        (850_000_000, "850 ms"),
        (999_600_000, "1.00 s"),
        (3_890_000_000, "3.89 s"),
        (59_996_000_000, "1 min 00 s"),
        (125_000_000_000, "2 min 05 s"),
        (3_599_400_000_000, "59 min 59 s"),
        (6_423_000_000_000, "1 h 47 min"),
        (48 * 3_600 * 10**9, "2 d 00 h"),
    ],
)
def test_a_duration_is_written_in_the_unit_people_say(ns: int | None, text: str) -> None:
    assert formats.duration(ns) == text


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 4, "25.0 %"),
        (177, 10_000, "1.77 %"),
        (1, 1_000_000, "< 0.01 %"),
        (999_999, 1_000_000, "> 99.99 %"),
        (0, 0, "–"),
        (None, 5, "–"),
    ],
)
def test_a_share_never_rounds_some_to_none_nor_most_to_all(part: int | None, whole: int, text: str) -> None:
    assert formats.share(part, whole) == text


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (None, "–"),
        (950, "950"),
        (9_999, "9,999"),
        (12_400, "12.4k"),
        (426_900_000, "426.9M"),
        (999_999, "1.0M"),
    ],
)
def test_a_short_count_has_at_most_four_digits(n: int | None, text: str) -> None:
    assert formats.short_count(n) == text


@pytest.mark.parametrize(
    ("metric", "now", "before", "text", "judgement"),
    [
        ("error_rate", 0.02, 0.01, "+100.0%", "bad"),
        ("error_rate", 0.01, 0.02, "−50.0%", "good"),
        ("p95", 1.04, 1.0, "+4.0%", "neither"),  # within noise
        ("spend", Decimal("30"), Decimal("10"), "+200.0%", "neither"),  # growth is not a fault
        ("requests", 2_000, 10, "×200", "neither"),
        ("p50", 1.0, 1.0, "0.0%", "neither"),
    ],
)
def test_a_change_is_judged_by_the_metrics_direction_and_only_beyond_noise(
    metric: str, now: float, before: float, text: str, judgement: str
) -> None:
    assert formats.change(metric, now, before) == formats.Change(text, judgement)  # type: ignore[arg-type]


def test_a_change_from_nothing_is_no_change() -> None:
    assert formats.change("spend", Decimal(1), None) is None
    assert formats.change("error_rate", 0.1, 0.0) is None


@pytest.mark.parametrize(
    ("score", "text"), [(-0.071, "−7.1"), (0.02, "+2.0"), (0.0004, "0.0"), (-0.0004, "0.0"), (None, "–")]
)
def test_a_difference_is_written_in_points_with_its_sign(score: float | None, text: str) -> None:
    assert formats.points(score) == text


def test_plain_text_survives_markdown() -> None:
    assert formats.plain("$x^2$ <b> `c` :red[x]") == r"\$x^2\$ \<b\> \`c\` \:red\[x\]"


def test_an_address_in_plain_text_is_no_link() -> None:
    assert "://" not in formats.plain("see https://evil.example or www.evil.example")
    assert "www." not in formats.plain("www.evil.example").replace("\\", "")


def test_a_long_or_multi_line_name_becomes_one_short_line() -> None:
    assert formats.shortened("a\nb\x00c") == "a b c"
    assert formats.shortened("x" * 60) == "x" * 47 + "…"
    assert "\u202e" not in formats.shortened("abc\u202edef")


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("a" * 64, "aaaaaaa"),
        ("sha256:" + "b" * 64, "bbbbbbb"),
        ("v4", "v4"),
        ("9f3c2ab0", "9f3c2ab"),
        (None, "–"),
        ("", "–"),
    ],
)
def test_a_content_hash_is_cut_and_a_name_is_not(version: str | None, text: str) -> None:
    assert formats.version(version) == text


def test_an_age_is_told_in_one_unit() -> None:
    now = datetime.fromisoformat("2026-11-21T12:00")
    ages = [
        formats.age(now - timedelta(seconds=12), now),
        formats.age(now - timedelta(hours=25), now),
    ]
    assert ages == ["12 s ago", "1 d ago"]
    assert formats.age(None, now) == "never"
    assert formats.age(now + timedelta(seconds=5), now) == "just now"


@pytest.mark.parametrize(
    ("name", "one", "many"),
    [
        ("tenant_id", "tenant", "tenants"),
        ("cost_centre", "cost centre", "cost centres"),
        ("country", "country", "countries"),
        ("day_of_week", "day of week", "day of weeks"),
        ("plans", "plans", "plans"),
        ("survey", "survey", "surveys"),
    ],
)
def test_a_dimension_is_told_in_words(name: str, one: str, many: str) -> None:
    assert (formats.dimension(name), formats.dimensions(name)) == (one, many)


def test_a_call_without_a_value_says_so_in_words() -> None:
    assert formats.in_dimension(None, "cost_centre") == "no cost centre"
    assert formats.in_dimension("", "model") == "no model named"


def test_sampling_is_told_only_where_there_is_any() -> None:
    assert formats.sampling_note(0, 5, Decimal(1)) == ""
    told = formats.sampling_note(1_200, 3_000, Decimal("99.5"))
    assert told == "1,200 of 3,000 calls were sampled; real spend is about $99.50 (estimate)."
    assert formats.sampling_note(1, 1, None) == "1 of 1 calls were sampled; real spend is unknown."


def test_rates_are_a_share_or_a_range_of_shares() -> None:
    assert formats.rates({"lowest_rate": 0.1, "highest_rate": 0.1}) == "10 %"
    assert formats.rates({"lowest_rate": 0.0001, "highest_rate": 0.125}) == "0.01 % to 12.5 %"


def test_coverage_is_of_calls_and_of_tokens() -> None:
    totals = {"n_priced": 9, "n_calls": 10, "priced_tokens": 100, "tokens": 400}
    assert formats.coverage(totals) == "90.0 % of calls, 25.0 % of tokens"
