"""Which price holds when: cards, agreements and exchange rates laid out."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing.cards import Agreement, Card, FxRate, PriceRecords
from pricing.layout import Layout, lay_out, variant_of
from tests.pricing.charging import EVER, NOON, a_card, prices, utc

JUNE, JULY, AUGUST = utc("2026-06-01"), utc("2026-07-01"), utc("2026-08-01")


def card(name: str, valid_from: datetime = EVER, **columns: Any) -> Card:
    """A card of `acme/m` that is known by its name."""
    return a_card({"uncached_input": "1"}, rate_card=name, valid_from=valid_from, **columns)


def holds(layout: Layout, at: datetime = NOON, terms_of: str = "") -> str | None:
    found = layout.find("acme/m", "standard", at, terms_of)
    return found.card.rate_card if found else None


def agreement(name: str, multiplier: str | None = "0.9", **columns: Any) -> Agreement:
    given = {"valid_from": utc("1970-01-01"), "multiplier": multiplier and Decimal(multiplier)} | columns
    return Agreement(name, **given)


def test_a_card_holds_until_the_next_begins() -> None:
    layout = lay_out(prices(card("new", JULY), card("old")))
    assert (holds(layout, utc("2026-06-30T23:59:59.999999")), holds(layout, JULY)) == ("old", "new")


def test_a_card_for_one_month_gives_way_to_the_one_before() -> None:
    layout = lay_out(prices(card("always"), card("july", JULY, valid_to=AUGUST)))
    assert [holds(layout, at) for at in (JUNE, JULY, AUGUST)] == ["always", "july", "always"]


@pytest.mark.parametrize(("lower", "higher"), [("snapshot", "import"), ("import", "override")])
def test_the_higher_layer_holds_even_when_the_lower_began_later(lower: Any, higher: Any) -> None:
    layout = lay_out(prices(card("own", layer=higher), card("shipped", JULY, layer=lower)))
    assert holds(layout, AUGUST) == "own"


def test_a_correction_is_a_card_with_the_same_start_recorded_later() -> None:
    wrong, right = card("m@1", recorded_at=JUNE), card("m@1#2", recorded_at=JULY)
    assert holds(lay_out(prices(right, wrong))) == "m@1#2"
    assert holds(lay_out(prices(right, wrong), known_at=JUNE)) == "m@1"  # what was known in June
    assert holds(lay_out(prices(right, wrong), known_at=utc("2026-05-01"))) is None


def test_a_held_card_is_in_force_once_it_is_approved() -> None:
    held = card("m@1", held_because="8 times the card in force", recorded_at=JUNE)
    records = prices(card("m@0"), held, card("approval", approves="m@1", layer="override", recorded_at=JULY))
    assert holds(lay_out(records)) == "m@1"
    assert holds(lay_out(records, known_at=JUNE)) == "m@0"


def test_a_withdrawn_card_never_held() -> None:
    withdrawal = card("w", withdraws="m@1", layer="override", recorded_at=JULY)
    records = prices(card("m@0"), card("m@1", JUNE, recorded_at=JUNE), withdrawal)
    assert holds(lay_out(records)) == "m@0"
    assert holds(lay_out(records, known_at=JUNE)) == "m@1"


@pytest.mark.parametrize(
    ("time", "found"), [("00:29", "day"), ("00:30", "night"), ("16:29", "night"), ("16:30", "day")]
)
def test_a_window_holds_within_its_minutes_of_each_day(time: str, found: str) -> None:
    layout = lay_out(prices(card("day"), card("night", window=(30, 990))))
    assert holds(layout, utc(f"2026-11-20T{time}:59")) == found


@pytest.mark.parametrize(
    ("time", "found"), [("22:59", "day"), ("23:00", "night"), ("04:59", "night"), ("05:00", "day")]
)
def test_a_window_may_go_past_midnight(time: str, found: str) -> None:
    layout = lay_out(prices(card("day"), card("night", window=(23 * 60, 5 * 60))))
    assert holds(layout, utc(f"2026-11-20T{time}")) == found


def test_a_windowed_card_alone_leaves_the_rest_of_the_day_without_a_price() -> None:
    layout = lay_out(prices(card("night", window=(0, 60))))
    assert (holds(layout, utc("2026-11-20T00:30")), holds(layout, utc("2026-11-20T01:00"))) == ("night", None)


def test_a_later_card_for_the_whole_day_ends_the_window_before_it() -> None:
    layout = lay_out(prices(card("night", window=(0, 60)), card("flat", JULY)))
    assert holds(layout, utc("2026-11-20T00:30")) == "flat"


def test_of_agreements_the_closest_to_the_call_counts() -> None:
    records = prices(
        card("m"),
        agreements=[
            agreement("all"), agreement("provider", provider="acme"), agreement("model", model_key="acme/m"),
            agreement("tenant", tenant_id="umbrella"), agreement("other", provider="other"),
        ],
    )  # fmt: skip
    layout = lay_out(records)
    names = {
        whose: found.agreement_name
        for whose in ("", "umbrella")
        if (found := layout.find("acme/m", "standard", NOON, whose))
    }
    assert names == {"": "model", "umbrella": "tenant"}
    assert [layout.terms_of(tenant) for tenant in ("umbrella", "initech", None)] == ["umbrella", "", ""]


def test_an_agreement_holds_from_its_day_to_its_end_and_until_it_is_withdrawn() -> None:
    agreed = agreement(
        "d", agreement_key="1", valid_from=JUNE, valid_to=AUGUST, model_key="acme/m", recorded_at=JUNE
    )
    gone = Agreement("", JUNE, withdraws="1", recorded_at=JULY)

    def name(records: PriceRecords, at: datetime, **known: Any) -> str | None:
        found = lay_out(records, **known).find("acme/m", "standard", at)
        return found.agreement_name if found else "no card"

    both = prices(card("m"), agreements=[agreed, gone])
    within = [name(prices(card("m"), agreements=[agreed]), at) for at in (utc("2026-05-31"), JULY, AUGUST)]
    assert within == [None, "d", None]
    assert (name(both, JULY), name(both, JULY, known_at=JUNE)) == (None, "d")


def test_cards_of_an_agreement_make_contract_prices_and_no_list_price() -> None:
    records = prices(card("list"), card("ours", layer="agreement"))
    assert holds(lay_out(records)) == "list"
    assert holds(lay_out(records, kind="contract")) == "ours"


def test_a_card_in_another_currency_is_cut_where_the_exchange_rate_changes() -> None:
    rates = [
        FxRate("EUR", Decimal("1.1"), JUNE), FxRate("EUR", Decimal("1.2"), JULY, recorded_at=JULY),
        FxRate("EUR", Decimal("1.3"), JULY, recorded_at=AUGUST), FxRate("GBP", Decimal("1.5"), utc("1970-01-01")),
    ]  # fmt: skip
    layout = lay_out(prices(card("m", currency="EUR"), fx_rates=rates))
    converted = [
        found.fx and found.fx.usd_per_unit
        for at in (utc("2026-05-31"), JUNE, JULY)
        if (found := layout.find("acme/m", "standard", at))
    ]
    assert converted == [None, Decimal("1.1"), Decimal("1.3")]


def test_a_region_is_priced_by_its_own_name_only() -> None:
    regional = card("m", region_multipliers={"us": Decimal("1.1"), "us-gov": Decimal("1.3")})
    [segment] = lay_out(prices(regional)).segments("acme/m", "standard")
    regions = ["US", "us-east-1", "us-gov-west-1", "use", "eu-west-1", "global", None]
    multipliers = [segment.region_multiplier(region) for region in regions]
    assert multipliers == [Decimal("1.1"), None, None, None, None, None, None]


@pytest.mark.parametrize(("tier", "variant"), [(None, "standard"), (" Auto ", "standard"), ("Flex", "flex")])
def test_a_service_tier_names_a_variant(tier: str | None, variant: str) -> None:
    assert variant_of(tier) == variant


MOMENTS = [utc(f"2026-{month:02}-01") for month in range(1, 13)]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_two_segments_hold_at_once_and_the_best_card_holds(data: st.DataObject) -> None:
    """Against the rule read aloud: of the cards for a moment the highest layer, the last start, the window, the last said."""
    cards = [
        card(
            f"m#{number}",
            data.draw(st.sampled_from(MOMENTS)),
            valid_to=data.draw(st.none() | st.sampled_from(MOMENTS)),
            layer=data.draw(st.sampled_from(["snapshot", "import", "override"])),
            window=data.draw(st.none() | st.sampled_from([(0, 600), (540, 1200), (1380, 60)])),
            recorded_at=data.draw(st.sampled_from(MOMENTS)),
        )
        for number in range(data.draw(st.integers(1, 6)))
    ]
    layout = lay_out(prices(*cards, agreements=[agreement("d", valid_from=MOMENTS[5])]))
    for at in data.draw(st.lists(st.datetimes(MOMENTS[0], MOMENTS[-1]), min_size=5, max_size=5)):
        minute = at.hour * 60 + at.minute
        there = [
            one for one in layout.segments("acme/m", "standard")
            if one.valid_from <= at and (one.valid_to is None or at < one.valid_to)
            and one.from_minute <= minute < one.to_minute
        ]  # fmt: skip
        best = max(
            (one for one in cards if _is_about(one, at)),
            key=lambda one: (
                ["snapshot", "import", "override"].index(one.layer), one.valid_from, one.window is not None,
                one.recorded_at, one.rate_card,
            ),
            default=None,
        )  # fmt: skip
        assert [one.card for one in there] == ([] if best is None else [best])


def _is_about(one: Card, at: datetime) -> bool:
    if at < one.valid_from or (one.valid_to is not None and at >= one.valid_to):
        return False
    first, last = one.window or (0, 1440)
    minute = at.hour * 60 + at.minute
    return first <= minute < last if first < last else not last <= minute < first
