"""Dimensions: which attributes say whom a call was for, and by what else it can be grouped. Plain data, the `dimensions`
setting.

    [dimensions]
    tenant = ["app.customer_id", "resource:service.namespace"]
    feature = ["app.feature"]
    team = ["resource:team", "baggage:team"]

The five names of `COLUMNS` get keys that go before those of the conventions; any other name is a dimension of one's own.
A key is a span attribute, `resource:KEY` an attribute of the resource, `baggage:KEY` what the baggage processors of the
SDKs copy to spans: the attributes `KEY` and `baggage.KEY`. Of several the first with a value counts, the span's before the
resource's. Which keys are refused because they hold content is in `collector.privacy.dimensions`: it needs libraries.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collector.settings import CollectorSettings
from store.dimensions import BUILT_IN, is_dimension_name

# The name in the setting -> the canonical column that its keys are for.
COLUMNS: Mapping[str, str] = {
    "tenant": "tenant_id",
    "user": "user_id",
    "session": "session_id",
    "feature": "feature",
    "environment": "environment",
}
MOST_CUSTOM = 16
MOST_KEYS = 8
# No convention has a longer key.
_LONGEST_KEY = 200
_RESOURCE, _BAGGAGE = "resource:", "baggage:"
_EXAMPLE = 'team = ["resource:team", "app.team"]'
# What the queries name already: columns of the view `calls`, and of what `steelyard spend` prints beside a dimension.
# A test holds it against both.
# fmt: off
TAKEN = frozenset((
    "agent_name", "attempt", "audio_input_tokens", "audio_output_tokens", "cache_hit", "cache_write_1h_tokens",
    "cache_write_tokens", "cached_input_tokens", "case_id", "cost_estimated", "cost_status", "dims", "duration_ns",
    "effective_cost_usd", "emitter", "environment", "error_class", "error_type", "feature", "finish_reason", "host_provider",
    "http_status", "input_tokens", "list_cost_usd", "model_answered", "model_requested", "operation", "output_tokens",
    "parent_span_id", "project", "prompt_name", "prompt_version", "provider", "rate_card", "reasoning_tokens", "region",
    "reported_cost_usd", "request_id", "response_hash", "response_id", "run_id", "safety_decision", "sampling_rate",
    "saved_cost_usd", "service_name", "service_tier", "session_id", "span_id", "started_at", "status", "stream", "tenant_id",
    "tool_calls", "trace_id", "agreement", "attributed_by", "billed_to", "cached_audio_input_tokens", "image_input_tokens",
    "image_output_tokens", "usage_confidence", "web_searches", "ttft_ns", "usage_semantics", "usage_source", "user_id",
    "cost_usd", "estimated_calls", "estimated_cost_usd", "n_calls", "n_errors", "n_no_usage", "n_priced", "n_sampled",
    "n_unpriced", "saved_usd", "unpriced_models", "value", "value_2", "customer_billed_usd", "n_customer_billed",
    "n_reported", "priced_tokens", "tokens",
))
# fmt: on


@dataclass(frozen=True)
class Dimensions:
    """The keys of each dimension, span attributes and resource attributes apart; nothing is configured by default."""

    # Canonical column -> keys, to be looked at before the conventions' own.
    of_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    of_columns_resource: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Name of a dimension of one's own -> keys. Both have every name, in the order of the setting.
    custom: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    custom_resource: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, setting: Mapping[str, Sequence[str]]) -> Dimensions:
        """From the `dimensions` setting. Raises ValueError that names the dimension, the key and what it may be."""
        own = [name for name in setting if name not in COLUMNS]
        for name in own:
            _refuse_wrong_name(name)
        if len(own) > MOST_CUSTOM:
            raise ValueError(
                f"{len(own)} dimensions of your own are more than {MOST_CUSTOM}: leave out {own[-1]}"
            )
        for name, keys in setting.items():
            _refuse_wrong_keys(name, keys)
        return cls(
            {COLUMNS[name]: _of_span(keys) for name, keys in setting.items() if name in COLUMNS},
            {COLUMNS[name]: _of_resource(keys) for name, keys in setting.items() if name in COLUMNS},
            {name: _of_span(setting[name]) for name in own},
            {name: _of_resource(setting[name]) for name in own},
        )

    def keys_of(self, column: str) -> tuple[str, ...]:
        """Span attributes that give this canonical column before those of the conventions; none for other columns."""
        return self.of_columns.get(column, ())

    def resource_keys_of(self, column: str) -> tuple[str, ...]:
        """Resource attributes that give this canonical column when nothing nearer does."""
        return self.of_columns_resource.get(column, ())

    @property
    def names(self) -> tuple[str, ...]:
        """The dimensions of one's own."""
        return tuple(self.custom)


def dimensions_of(settings: CollectorSettings) -> Dimensions:
    """Raises ValueError as `Dimensions.read` does; settings that were loaded are checked already."""
    return Dimensions.read(settings.dimensions)


def _of_span(keys: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for key in keys:
        if key.startswith(_BAGGAGE):
            carried = key.removeprefix(_BAGGAGE)
            found += [carried, f"baggage.{carried}"]
        elif not key.startswith(_RESOURCE):
            found.append(key)
    return tuple(dict.fromkeys(found))


def _of_resource(keys: Sequence[str]) -> tuple[str, ...]:
    of_resource = [key.removeprefix(_RESOURCE) for key in keys if key.startswith(_RESOURCE)]
    return tuple(dict.fromkeys(of_resource))


def _refuse_wrong_name(name: str) -> None:
    meant = next((short for short in COLUMNS if COLUMNS[short] == name), None)
    if meant:
        raise ValueError(f'{name} is written {meant} here, such as {meant} = ["app.{meant}"]')
    if name in TAKEN | BUILT_IN.keys() | set(BUILT_IN.values()):
        raise ValueError(
            f"{name} is what the queries call something else; choose another name, such as my_{name}"
        )
    if not is_dimension_name(name):
        raise ValueError(
            f"the name {name!r} is not made of 1 to 40 of a-z, 0-9 and '_', a letter first; write it as in {_EXAMPLE}"
        )


def _refuse_wrong_keys(name: str, keys: Sequence[str]) -> None:
    if not 1 <= len(keys) <= MOST_KEYS:
        raise ValueError(f"{name} has {len(keys)} keys, not 1 to {MOST_KEYS}; write it as in {_EXAMPLE}")
    for key in keys:
        if (
            not key.removeprefix(_RESOURCE).removeprefix(_BAGGAGE)
            or len(key) > _LONGEST_KEY
            or re.search(r"\s", key)
        ):
            raise ValueError(
                f"{name}: {key!r} is not an attribute key of 1 to {_LONGEST_KEY} characters without spaces; write it as in "
                f"{_EXAMPLE}"
            )
        _refuse_misspelt_prefix(name, key)


def _refuse_misspelt_prefix(name: str, key: str) -> None:
    """`ressource:team` would be an attribute that nobody sends, and the dimension would stay empty without a word."""
    prefix, colon, rest = key.partition(":")
    close = difflib.get_close_matches(prefix.lower(), ("resource", "baggage"), n=1, cutoff=0.8)
    if colon and close and f"{prefix}:" not in (_RESOURCE, _BAGGAGE):
        raise ValueError(
            f"{name}: {key!r} begins with {prefix}:, which is not known; write {close[0]}:{rest}"
        )
