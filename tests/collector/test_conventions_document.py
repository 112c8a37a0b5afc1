"""docs/conventions.md and docs/usage.md say what the code does: they are checked where they list."""

from __future__ import annotations

import re
from pathlib import Path

from collector.conventions import otel_current
from collector.conventions.columns import FromAttributes
from collector.conventions.families import FAMILIES
from pricing.units import COUNTS

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = (DOCS / "conventions.md").read_text("utf-8")
USAGE = (DOCS / "usage.md").read_text("utf-8")


def test_every_family_is_in_the_table_at_its_precedence() -> None:
    listed = {}
    for first, last, names in re.findall(
        r"^\| (\d+)(?:–(\d+))? \| ((?:`\w+`(?:, )?)+) \|", DOCUMENT, re.MULTILINE
    ):
        for name in re.findall(r"\w+", names):
            listed[name] = range(int(first), int(last or first) + 1)
    assert listed.keys() == {family.name for family in FAMILIES}
    assert [one.name for one in FAMILIES if one.precedence not in listed[one.name]] == []


def test_every_role_is_explained() -> None:
    roles = {"context", "duplicate", *(role for family in FAMILIES for _, role in family.roles)}
    roles |= {family.otherwise for family in FAMILIES}
    assert roles == set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))


def test_every_attribute_that_a_price_depends_on_is_named_where_it_is_explained() -> None:
    priced = {
        *COUNTS,
        "service_tier",
        "service_tier_said",
        "service_tier_requested",
        "region",
        "host_provider",
    }
    priced |= {"key_owner", "cached_image_input_tokens", "client_region", "address"}
    keys = {
        key
        for entry in otel_current.MAPPING
        if isinstance(entry, FromAttributes) and entry.column in priced
        for key in entry.keys
    }
    assert len(keys) > 20
    assert sorted(key for key in keys if f"`{key}`" not in USAGE) == []
