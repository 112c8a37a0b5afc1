"""Exact match: the output, or one key of a JSON output, equals what the case expects.

Options: `field` (compare this key of the output, which must be a JSON object and nothing else),
`strip` (ignore white space around, default true), `casefold` (ignore case, default false).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from errors import SuiteError
from evals.golden import Case
from evals.scorers import Score
from evals.sections import Section

VERSION = 1


def scorer(options: Section) -> ExactMatch:
    return ExactMatch(
        field=options.optional_text("field", "field: category"),
        strip=options.flag("strip", True),
        casefold=options.flag("casefold", False),
    )


@dataclass(frozen=True)
class ExactMatch:
    """Scores 1 or 0."""

    field: str | None = None
    strip: bool = True
    casefold: bool = False

    @property
    def pin(self) -> object:
        return [self.field, self.strip, self.casefold]

    def score(self, case: Case, output: str) -> Score:
        """Raises SuiteError when the case expects nothing: that would be a gate on air."""
        expected = self._expected(case)
        if self.field is None:
            return self._compare(output, expected)
        try:
            answer = json.loads(output)
        except ValueError:
            return Score(0, "the output is not JSON")
        if not isinstance(answer, dict):
            return Score(0, "the output is not a JSON object")
        if self.field not in answer:
            return Score(0, f"the output has no `{self.field}`")
        return self._compare(answer[self.field], expected)

    def _expected(self, case: Case) -> object:
        expected = case.expected
        if self.field is not None and isinstance(expected, dict):
            expected = expected.get(self.field)
        if expected is None:
            key = f' with the key "{self.field}"' if self.field else ""
            raise SuiteError(
                f"case {case.case_id!r}: exact_match needs `expected`{key}, and the case has none. Add it."
            )
        return expected

    def _compare(self, actual: object, expected: object) -> Score:
        right = self._plain(actual) == self._plain(expected) and isinstance(actual, bool) == isinstance(
            expected, bool
        )
        return Score(1) if right else Score(0, f"`{self.field or 'output'}` differs from what is expected")

    def _plain(self, value: object) -> object:
        if not isinstance(value, str):
            return value
        text = value.strip() if self.strip else value
        return text.casefold() if self.casefold else text
