"""JSON schema: the output is one JSON document that satisfies a schema (draft 2020-12 unless it names one).

Option: `schema`, the path of the schema file. Chatter or code fences around the JSON fail, as they would
fail the program that reads it. A schema that refers to another file or address is refused: judging an
output must not fetch anything.
"""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema.exceptions import SchemaError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for

from errors import SuiteError
from evals.golden import Case
from evals.scorers import Score
from evals.sections import Section

VERSION = 1


def scorer(options: Section) -> JsonSchema:
    return JsonSchema(options.path("schema", "schema: schema.json"))


class JsonSchema:
    """Scores 1 or 0."""

    def __init__(self, path: Path) -> None:
        self.pin: object = _read(path)
        self._validator = _validator(self.pin, path)

    def score(self, case: Case, output: str) -> Score:
        try:
            answer = json.loads(output)
        except ValueError:
            return Score(0, "the output is not JSON")
        problem = best_match(self._validator.iter_errors(answer))
        if problem is None:
            return Score(1)
        # The validator's message quotes the output; its place and keyword do not.
        return Score(0, f"{problem.json_path} violates `{problem.validator}`")


def _read(path: Path) -> object:
    try:
        schema: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SuiteError(f"{path}: no such schema. Create it, or correct `schema` in the suite.") from None
    except (OSError, ValueError) as failed:
        raise SuiteError(f"{path}: not a JSON schema ({failed}).") from failed
    return schema


def _validator(schema: object, path: Path) -> Validator:
    if not isinstance(schema, dict):
        raise SuiteError(f'{path}: a schema is a JSON object. Example: {{"type": "object"}}')
    if outside := _outside_reference(schema):
        raise SuiteError(
            f"{path}: `$ref` {outside!r} leaves the file. Put the definition under `$defs` and use #/$defs/…"
        )
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as failed:
        raise SuiteError(f"{path}: not a valid JSON schema: {failed.json_path}: {failed.message}") from failed
    return kind(schema)


def _outside_reference(schema: object) -> str | None:
    """The first `$ref` that points outside this document."""
    if isinstance(schema, dict):
        ref = schema.get("$ref")
        if isinstance(ref, str) and not ref.startswith("#"):
            return ref
        parts = list(schema.values())
    else:
        parts = schema if isinstance(schema, list) else []
    return next((found for part in parts if (found := _outside_reference(part))), None)
