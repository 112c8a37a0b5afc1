"""An analyser of the user's own, named in `redact_analyzer`: what patterns cannot find (names of people, addresses).

It is a callable `package.module:callable` that takes a list of texts and answers, for each, a list of
(start, end, name) in characters. It runs in the store server, on captured content only, after the patterns.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, cast

from errors import ConfigError

# One list of findings per text: (start, end, name), in characters.
Findings = Sequence[tuple[int, int, str]]
Analyzer = Callable[[list[str]], Sequence[Findings]]

_PROBE = "A text without anything in it."


def load_analyzer(dotted: str) -> Analyzer:
    """The analyser of this name, tried once. Raises ConfigError that says what is missing."""
    module_name, colon, name = dotted.partition(":")
    if not colon or not module_name or not name:
        raise _refused(dotted, "is not of the form package.module:callable")
    try:
        found: Any = getattr(importlib.import_module(module_name), name)
    except ImportError as missing:
        raise _refused(
            dotted,
            f"cannot be imported ({missing}); install its package into Steelyard's own environment",
        ) from None
    except AttributeError:
        raise _refused(dotted, f"the module {module_name} has no {name!r}") from None
    if not callable(found):
        raise _refused(dotted, "is not callable")
    analyzer = cast(Analyzer, found)
    _try(dotted, analyzer)
    return analyzer


def _try(dotted: str, analyzer: Analyzer) -> None:
    try:
        findings = analyzer([_PROBE])
        well_formed = len(findings) == 1 and all(
            isinstance(start, int) and isinstance(end, int) and isinstance(name, str)
            for start, end, name in findings[0]
        )
    except Exception as failed:  # noqa: BLE001 - foreign code: whatever it raises, it cannot be used
        raise _refused(dotted, f"failed on a first text ({type(failed).__name__}: {failed})") from None
    if not well_formed:
        raise _refused(dotted, "must answer, for each text, a list of (start, end, name)")


def _refused(dotted: str, why: str) -> ConfigError:
    return ConfigError(
        f"setting redact_analyzer = {dotted!r}: {why}. For example: STEELYARD_REDACT_ANALYZER=my_company.pii:find"
    )
