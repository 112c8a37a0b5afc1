"""Which service a call was given, where it ran, and whose key paid: one word each, a step for each distinct one said.

The answer goes before what an application says of its calls, and that before what was asked for: a request for priority
may be served at the standard tier. But for a batch: an answer names the tier that the request would have had.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.conventions.hosts import CLOUDS, HOST_OF_PROVIDER, place_of
from collector.conventions.tiers import SERVICE_TIERS, STANDARD_TIERS
from collector.decode.attributes import Mask
from collector.decode.found import Found, true

_TEXT = pa.string()
_NOWHERE = ("", "not_available", "unknown", "none")
_OWNERS = ("us", "customer")
_TIERS = ("service_tier", "service_tier_said", "service_tier_requested")


def where(found: Found) -> None:
    """Fill `service_tier`, `host_provider`, `region` and `key_owner`, in place."""
    _tiers(found)
    _hosts(found)
    _rename(found, "region", _region)
    _rename(found, "key_owner", _owner)


def _tiers(found: Found) -> None:
    for column in _TIERS:
        _rename(found, column, _tier)
    if "service_tier_said" in found:
        said = found.get("service_tier_said", _TEXT)
        answered = pc.coalesce(found.get("service_tier", _TEXT), STANDARD_TIERS[0])
        is_batch = true(pc.and_(pc.equal(said, "batch"), pc.is_in(answered, pa.array(STANDARD_TIERS))))
        _replace(found, "service_tier", said, is_batch, "service_tier_said")
    for column in _TIERS[1:]:
        if column in found:
            found.fill("service_tier", found.get(column, _TEXT), found.origins(column))
    if "speed" in found:
        speed = pc.utf8_lower(found.get("speed", _TEXT))
        answered = pc.coalesce(found.get("service_tier", _TEXT), STANDARD_TIERS[0])
        is_fast = true(pc.and_(pc.equal(speed, "fast"), pc.is_in(answered, pa.array(STANDARD_TIERS))))
        _replace(found, "service_tier", speed, is_fast, "speed")


def _replace(found: Found, column: str, values: pa.Array, mask: Mask, of: str) -> None:
    """These rows' values, from another column, over what stands there."""
    if mask.any():
        kept = found.get(column, _TEXT)
        origins = np.where(mask, found.origins(of), found.origins(column))
        found.put(column, pc.if_else(pa.array(mask), values, kept), origins)


def _hosts(found: Found) -> None:
    _rename(found, "host_provider", lambda said: said.strip().lower() or None)
    if "address" in found:
        encoded = found.get("address", _TEXT).dictionary_encode()
        places = [_place_of(address) for address in encoded.dictionary.to_pylist()]
        for number, column in enumerate(("host_provider", "region")):
            values = pa.array([place[number] for place in places], _TEXT)
            if values.null_count < len(values):
                found.fill(column, values.take(encoded.indices), found.origins("address"))
    providers = found.get("provider", _TEXT).dictionary_encode()
    clouds = pa.array([HOST_OF_PROVIDER.get(name) for name in providers.dictionary.to_pylist()], _TEXT)
    if clouds.null_count < len(clouds):
        found.fill("host_provider", clouds.take(providers.indices), "the provider's name")
    if "client_region" in found and "host_provider" in found:
        # Elsewhere it is where the application runs, which is nothing to the provider.
        in_cloud = pc.is_in(found.get("host_provider", _TEXT), pa.array(CLOUDS))
        regions = pc.if_else(in_cloud, found.get("client_region", _TEXT), pa.scalar(None, _TEXT))
        found.fill("region", regions, found.origins("client_region"))


@lru_cache(maxsize=8_192)
def _place_of(address: str | None) -> tuple[str | None, str | None]:
    return place_of(address)


def _tier(said: str) -> str | None:
    name = said.strip().lower()
    return SERVICE_TIERS.get(name, name) or None


def _region(said: str) -> str | None:
    name = said.strip().lower()
    return None if name in _NOWHERE else name


def _owner(said: str) -> str | None:
    name = said.strip().lower()
    return name if name in _OWNERS else None


def _rename(found: Found, column: str, rule: Callable[[str], str | None]) -> None:
    """What the rule makes of each distinct value; None is a value that says nothing."""
    if column not in found:
        return
    encoded = found.get(column, _TEXT).dictionary_encode()
    before = encoded.dictionary.to_pylist()
    after = [rule(said) for said in before]
    if after != before:
        found.put(column, pa.array(after, _TEXT).take(encoded.indices))
        found.keep_only(column, true(found.get(column, _TEXT).is_valid()))
