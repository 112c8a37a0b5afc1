"""docs/conventions.md says what the code does: it is checked where it lists."""

from __future__ import annotations

import re
from pathlib import Path

from collector.conventions.families import FAMILIES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text("utf-8")


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
