"""Providers, models, operations and finish reasons under one name each. A step for each distinct one, not for each span."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions import names as known
from collector.decode.attributes import Mask
from collector.decode.found import Found

_COLUMNS = ("provider", "model_requested", "model_answered")
_TEXT = pa.string()


def names(found: Found, has_failed: Mask) -> None:
    """Put the names of a batch right, in place."""
    _either_model(found, has_failed)
    _providers_and_models(found)
    _rename(found, "operation", known.OPERATIONS)
    _rename(found, "finish_reason", known.FINISH_REASONS)


def provider_name(said: str | None) -> str | None:
    """The provider under its one name; None for what is no provider but a framework."""
    name = (said or "").strip().lower()
    if not name or name in known.FRAMEWORKS:
        return None
    # "google.vertex.chat", then "google.vertex", then "google": the most telling name that is known.
    start = name
    while start:
        if start in known.PROVIDERS:
            return known.PROVIDERS[start]
        start = start.rpartition(".")[0]
    return name


def provider_of_model(model: str | None) -> str | None:
    """Who makes a model of this name."""
    name = (model or "").lower()
    return next((provider for start, provider in known.MODEL_PREFIXES if name.startswith(start)), None)


def model_name(said: str | None, provider: str | None) -> str | None:
    """The model without what some put in front of it: Gemini's "models/", and its own provider's name."""
    name = (said or "").removeprefix("models/")
    prefix, slash, rest = name.partition("/")
    return (rest if slash and rest and provider_name(prefix) == provider else name) or None


@lru_cache(maxsize=8_192)
def _settled(
    said: str | None, requested: str | None, answered: str | None
) -> tuple[str | None, str | None, str | None, bool]:
    """(provider, model asked for, model that answered, whether the provider is only known by the model)"""
    provider, is_from_model = provider_name(said), False
    if provider is None:
        model = requested or answered
        provider = _prefix_provider(model) or provider_of_model(model_name(model, None))
        is_from_model = provider is not None
    return provider, model_name(requested, provider), model_name(answered, provider), is_from_model


def _prefix_provider(model: str | None) -> str | None:
    """ "openai/gpt-4o" names a provider; "meta-llama/Llama-3" does not."""
    prefix, slash, _ = (model or "").partition("/")
    return known.PROVIDERS.get(prefix.lower()) if slash else None


def _either_model(found: Found, has_failed: Mask) -> None:
    """A name that is the answering model's on success and the wanted one's on failure."""
    if "model" not in found:
        return
    either, origins = found.get("model", _TEXT), found.origins("model")
    for column, where in (("model_requested", has_failed), ("model_answered", ~has_failed)):
        found.fill(column, pc.if_else(pa.array(where), either, pa.scalar(None, _TEXT)), origins)


def _providers_and_models(found: Found) -> None:
    codes = np.zeros(found.n_rows, dtype=np.int64)
    distinct: list[list[str | None]] = []
    for column in _COLUMNS:
        encoded = found.get(column, _TEXT).dictionary_encode(null_encoding="encode")
        distinct.append(encoded.dictionary.to_pylist())
        codes = codes * max(len(distinct[-1]), 1) + encoded.indices.to_numpy(zero_copy_only=False)
    numbers, which = np.unique(codes, return_inverse=True)
    settled = [_settled(*_names_of(int(number), distinct)) for number in numbers]
    for place, column in enumerate(_COLUMNS):
        values = pa.array([row[place] for row in settled], _TEXT)
        if column in found or values.null_count < len(values):
            found.put(column, values.take(pa.array(which)), _origins(found, column, settled, which))


def _names_of(number: int, distinct: list[list[str | None]]) -> tuple[str | None, str | None, str | None]:
    """The names that a combination's number stands for."""
    number, answered = divmod(number, max(len(distinct[2]), 1))
    provider, requested = divmod(number, max(len(distinct[1]), 1))
    return distinct[0][provider], distinct[1][requested], distinct[2][answered]


def _origins(
    found: Found,
    column: str,
    settled: list[tuple[str | None, str | None, str | None, bool]],
    which: npt.NDArray[np.int64],
) -> npt.NDArray[np.int16]:
    origins = found.origins(column)
    has_value = np.array([row[_COLUMNS.index(column)] is not None for row in settled], dtype=np.bool_)
    if column == "provider":
        is_from_model = np.array([row[3] for row in settled], dtype=np.bool_)
        if is_from_model.any():
            origins = np.where(is_from_model[which], np.int16(found.place("the model's name")), origins)
    return origins if has_value.all() else np.where(has_value[which], origins, np.int16(0))


def _rename(found: Found, column: str, canonical: Mapping[str, str]) -> None:
    """The names of a column as the table has them, others as they are."""
    if column in found:
        found.put(column, _mapped(found.get(column, _TEXT), lambda name: canonical.get(name.lower(), name)))


def _mapped(values: pa.Array, rule: Callable[[str], str | None]) -> pa.Array:
    encoded = values.dictionary_encode()
    before = encoded.dictionary.to_pylist()
    after = [rule(name) for name in before]
    return values if after == before else pa.array(after, _TEXT).take(encoded.indices)
