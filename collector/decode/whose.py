"""Whom a call was for, where the access key, the owner's configuration or the resource says it, not a convention."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from collector.conventions import otel_current
from collector.conventions.dimensions import COLUMNS, Dimensions
from collector.decode.attributes import Attributes, Indices
from collector.decode.columns import DIMENSION, RESOURCE_DIMENSION
from collector.decode.found import Found

NO_DIMENSIONS = Dimensions()
_KEY = "access key"


def configured(
    found: Found, attributes: Attributes, dimensions: Dimensions, of_request: Mapping[str, pa.Array]
) -> None:
    """What goes before every convention: the tenant and environment that the key is bound to, and configured attributes."""
    # A key that is bound to a tenant cannot book on another's account, whatever the telemetry says.
    for column, bound in (("tenant_id", "key_tenant_id"), ("environment", "key_environment")):
        if of_request[bound].null_count < found.n_rows:
            found.fill(column, of_request[bound], _KEY)
    wanted = {column: dimensions.keys_of(column) for column in COLUMNS.values()}
    wanted |= {f"{DIMENSION}{name}": keys for name, keys in dimensions.custom.items()}
    for column, keys in wanted.items():
        for key in keys:
            values = attributes.read(key, "text")
            if values is not None:
                found.fill(column, values, key)


def from_resource(
    found: Found, attributes: Attributes, resource_of_span: Indices, dimensions: Dimensions
) -> None:
    """What serves where no span says it nearer; the environment is the resource's own to say."""
    taken = pa.array(resource_of_span)
    for column, keys in resource_keys(dimensions).items():
        for key in keys:
            values = attributes.read(key, "text")
            if values is not None:
                found.fill(column, values.take(taken), f"resource {key}")


def resource_keys(dimensions: Dimensions) -> dict[str, tuple[str, ...]]:
    """Of each column that a resource may fill the keys, configured ones first."""
    wanted = {f"resource_{column}": dimensions.resource_keys_of(column) for column in COLUMNS.values()}
    wanted["environment"] = wanted.pop("resource_environment")
    wanted |= {f"{RESOURCE_DIMENSION}{name}": keys for name, keys in dimensions.custom_resource.items()}
    for entry in otel_current.RESOURCE_MAPPING:
        wanted[entry.column] = (*wanted.get(entry.column, ()), *entry.keys)
    return wanted
