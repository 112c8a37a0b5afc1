"""How canonical columns are found on a span: the words that convention tables are written in.

A table is data: each entry names one column, where its value stands and how to read it. Tables are applied to a whole
batch at once, one vectorised step per key that occurs. Of several entries for one column the first that has a value
counts; "" is no value, and neither are null and NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reading = Literal["text", "count", "number", "flag", "first_text"]
Role = Literal["call", "carrier", "wrapper", "context"]


@dataclass(frozen=True)
class FromAttributes:
    """One canonical column: the first of `keys` that has a value, read as `reading`.

    text: any scalar as text, "" is no value · count: int, double or numeric text as BIGINT · number: as DOUBLE ·
    flag: bool or "true"/"false" in any case · first_text: first element of an array, or of a JSON text of one (or a
    scalar) as text.
    """

    column: str
    keys: tuple[str, ...]
    reading: Reading
    # An identifier that takes more room than all else a span says: where a text came from stays in the attributes, the
    # text itself is in the column only.
    moved: bool = False


@dataclass(frozen=True)
class FromDocument:
    """A value inside a text that is a document (JSON, or a Python literal): the first of `paths` that has a value.

    `key` is the attribute; a path is member names with dots between them, and numbers for elements
    ("prompt_tokens_details.cached_tokens", "generations.0.id"), or `name=value` for the first element that says so, in any
    case ("promptTokensDetails.modality=AUDIO.tokenCount").
    """

    column: str
    key: str
    paths: tuple[str, ...]
    reading: Reading


@dataclass(frozen=True)
class FromPattern:
    """What the first group of a regular expression (RE2) matches in an attribute's text, or in the span's own.

    `key` is an attribute, or SPAN_NAME or STATUS_MESSAGE. Only for texts that cannot be read in another way.
    """

    column: str
    key: str
    pattern: str
    reading: Reading


@dataclass(frozen=True)
class FromEvent:
    """Seconds from the start of the span to its first event of this name."""

    column: str
    event: str


@dataclass(frozen=True)
class FromEventAttributes:
    """An attribute of the last event of this name that has one of `keys` (strands says why a model stopped in its
    `gen_ai.choice` event only)."""

    column: str
    event: str
    keys: tuple[str, ...]
    reading: Reading


@dataclass(frozen=True)
class Counted:
    """How often a regular expression occurs: in the text of the first of `keys` that is there; or among the span's
    attribute names, where `of_names` is set (flattened messages: one attribute per tool call; no such name is not
    known, not zero)."""

    column: str
    pattern: str
    keys: tuple[str, ...] = ()
    of_names: bool = False


SPAN_NAME = "(span name)"
STATUS_MESSAGE = "(status message)"


@dataclass(frozen=True)
class Is:
    """A condition on a span; all parts that are given must hold.

    has: at least one of these attributes is there · lacks: none of these is · value: (key, texts): the attribute's text
    is one of these · scope, span_name: regular expressions (RE2) that match from the start · kinds: span kinds ·
    failed: the span's status is an error, or is none.
    """

    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    value: tuple[str, tuple[str, ...]] | None = None
    scope: str | None = None
    span_name: str | None = None
    kinds: tuple[str, ...] = ()
    failed: bool | None = None


@dataclass(frozen=True)
class Always:
    """A value that is known without being said: of every call (or carrier) of the family, or of those that fit a condition."""

    column: str
    value: str | bool
    when: Is | None = None


@dataclass(frozen=True)
class Unsaid:
    """A column that spans of this condition do not say, whatever stands in its attribute: LiteLLM's own call id as the
    id of a response that never came. It wins over every other entry, those of other tables too."""

    column: str
    when: Is


Entry = (
    FromAttributes | FromDocument | FromPattern | FromEvent | FromEventAttributes | Counted | Always | Unsaid
)

# Columns that tables may fill and that no table of the store has: the canonical ones are derived from them
# (collector/decode/derive.py). Those named again below are worth less than the canonical column that a table fills itself.
WORKING_COLUMNS: dict[str, Reading] = {
    "model": "text",  # the one that answered, on success; the one asked for, on failure
    "ttft_s": "number",
    "ttft_ms": "number",
    "ttft_s_or_ms": "number",  # the unit is not said: by size and the span's own duration
    "ttft_at": "text",  # a time as ISO 8601
    "error_code": "text",  # a status or a provider's word for the error
    "total_tokens": "count",  # tells whether input and output leave something out
    "cached_image_input_tokens": "count",  # of the cached and of the image input
    "text_input_tokens": "count",  # where an emitter takes each modality out of the total, and the rest is nothing
    "text_output_tokens": "count",
    "citation_tokens": "count",  # read by the provider's own search, and not in the input (Perplexity)
    # Which service a call was given: `service_tier` is the answer's word; these are worth less, in this order.
    "service_tier_said": "text",  # by whoever instruments the application
    "service_tier_requested": "text",
    "speed": "text",  # "fast" is a tier of its own (Anthropic)
    "address": "text",  # of the server: a host name or a URL
    "client_region": "text",  # a client's setting: where a call runs only at a host that the client chose the region of
    "carrier_duration_s": "number",  # a carrier's, of the call that it is about
    "sample_rate": "number",  # at most 1: the share that was kept; more: one in so many
    "sampler_type": "text",
    "sampler_param": "number",
}
# Values under one name each are in `names.py`: PROVIDERS (what emitters call them -> canonical name, lower case; a name
# with dots is also looked up without its last parts, so "openai" serves "openai.chat"), FRAMEWORKS (no providers),
# MODEL_PREFIXES ((start of a model's name, provider), longest first), OPERATIONS, FINISH_REASONS (lower case -> canonical)
# and ERROR_CLASSES ((RE2 pattern, class), first that is found in an error's type).


@dataclass(frozen=True)
class Family:
    """One family of emitters: which spans are its own, which of those are model calls, and where it says what.

    A span belongs to the first family, by `precedence`, of which one mark fits. What the family's own table does not
    find is looked for in the tables of OpenTelemetry GenAI, current names first, then old ones.
    """

    name: str
    precedence: int
    marks: tuple[Is, ...]
    # The first that fits; `otherwise` where none does. A wrapper may sum up the usage of its calls and is never billed;
    # a carrier brings usage and duration for a call that has a span of its own.
    roles: tuple[tuple[Is, Role], ...]
    mapping: tuple[Entry, ...]
    otherwise: Role = "wrapper"
    # The SDK of this provider itself: its spans stand beside those of any instrumentation for the same call.
    native_of: str | None = None
    # A span for each attempt of one logical request, failed ones first, side by side under one parent.
    has_span_per_attempt: bool = False
    # Whose input count leaves out what was read from and written to the cache (and output what was reasoned); and whose
    # is known to have it, from captures or the emitter's own documentation. Other spans are taken by the convention.
    input_excludes_cache: tuple[Is, ...] = ()
    input_includes_cache: tuple[Is, ...] = ()
    output_excludes_reasoning: tuple[Is, ...] = ()
