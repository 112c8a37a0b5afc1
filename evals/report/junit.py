"""JUnit XML: the gate is a test, and so is every case.

Only what decides fails: the gate on FAIL, a must-pass case that does not pass. An INCONCLUSIVE gate and a
missing answer are errors, not failures, so a CI page tells "worse" from "not judged". Other wrong answers
pass here; their number is what the gate is about.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evals.decision import Decision, ScoredCase

# What XML 1.0 cannot hold even escaped; ids and details come from users' files and servers.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(decision: Decision) -> str:
    suite = Element(
        "testsuite", name=_clean(decision.run["suite"]), timestamp=decision.decided_at.rstrip("Z")
    )
    _gate(suite, decision)
    for case in decision.cases:
        _case(suite, decision, case)
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _gate(suite: Element, decision: Decision) -> None:
    verdict = decision.verdict
    test = SubElement(suite, "testcase", classname=_clean(f"{decision.run['suite']}.gate"), name="gate")
    if verdict.outcome != "PASS":
        tag = "failure" if verdict.outcome == "FAIL" else "error"
        SubElement(test, tag, message=_clean(verdict.reason), type=verdict.outcome)
    SubElement(test, "system-out").text = _clean("\n".join((verdict.reason, *decision.notes)))


def _case(suite: Element, decision: Decision, case: ScoredCase) -> None:
    test = SubElement(
        suite, "testcase", classname=_clean(f"{decision.run['suite']}.case"), name=_clean(case.case_id)
    )
    if case.candidate is None:
        SubElement(test, "error", message=_clean(case.detail), type=_clean(case.error_class or "missing"))
    elif case.candidate != 1 and case.case_id in decision.verdict.rules.must_pass:
        SubElement(test, "failure", message=_clean(case.detail), type="must_pass")
    elif case.detail:
        SubElement(test, "system-out").text = _clean(case.detail)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
