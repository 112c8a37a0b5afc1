"""What logs and metrics have in common: resource, scope and request around each item, an item a row.

OTLP wraps every signal in the same three layers with the same field numbers (resource 1, scopes 2; scope 1,
items 2). Read with a schema that leaves the innermost messages as bytes, one pass serves both signals, and
each item's bytes are at hand as its sender wrote them: log records have no id, so those bytes are their identity,
together with `origin`, which stands for the bytes of the resource and the scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import ptars
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2

from collector.conventions.columns import FromAttributes
from collector.conventions.dimensions import Dimensions
from collector.decode.attributes import Attributes
from collector.decode.parse import parse
from collector.decode.requests import Request, request_columns
from collector.decode.whose import NO_DIMENSIONS, resource_keys
from collector.privacy.kept import kept_values

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Envelope:
    """The items of some requests, and of each item what stood around it (`columns`, one value an item)."""

    items: pa.BinaryArray
    columns: dict[str, pa.Array]


def unwrap(requests: Sequence[Request], dimensions: Dimensions = NO_DIMENSIONS) -> Envelope:
    """Every item of the requests. Raises ValueError on bytes that are not OTLP."""
    batch = parse(_REQUEST, [request.body for request in requests])
    resources = batch.column(0)
    scopes = pc.list_flatten(resources).field("scopes")
    items = pc.list_flatten(scopes).field("items")
    scope_of_item = parents(items)
    resource_of_item = parents(scopes)[scope_of_item]
    request_of_item = parents(resources)[resource_of_item]
    raw_scopes = pc.list_flatten(scopes).field("scope")
    raw_resources = pc.list_flatten(resources).field("resource")
    columns = _scope_columns(raw_scopes, scope_of_item) | _resource_columns(
        raw_resources, resource_of_item, dimensions
    )
    resource_hash = _hashes(raw_resources).take(pa.array(resource_of_item))
    scope_hash = _hashes(raw_scopes).take(pa.array(scope_of_item))
    columns["origin"] = pc.binary_join_element_wise(resource_hash, scope_hash, b"")
    columns |= request_columns(requests, request_of_item)
    return Envelope(pc.list_flatten(items), columns)


def parents(lists: pa.ListArray) -> Indices:
    """Of each element the row of the list that holds it."""
    indices: Indices = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    return indices


def timestamps(nanoseconds: pa.Array) -> pa.Array:
    """OTLP times (ns since 1970, 0 = not given) as UTC timestamps in microseconds."""
    numbers = nanoseconds.to_numpy(zero_copy_only=False)
    return pa.array((numbers // 1000).astype(np.int64), pa.timestamp("us"), mask=numbers == 0)


def first_text(*texts: pa.Array) -> pa.Array:
    """Per row the first text that is neither NULL nor empty."""
    return pc.coalesce(
        *(pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text) for text in texts)
    )


def _hashes(raw: pa.BinaryArray) -> pa.Array:
    """Eight bytes for each value; a Python step for each distinct one, and a sender has one resource."""
    distinct = raw.dictionary_encode()
    found = [blake2b(value, digest_size=8).digest() for value in distinct.dictionary.to_pylist()]
    return pa.array(found, pa.binary()).take(distinct.indices)


def _scope_columns(raw: pa.BinaryArray, scope_of_item: Indices) -> dict[str, pa.Array]:
    scopes = _SCOPE.array_to_record_batch(raw)
    taken = pa.array(scope_of_item)
    return {
        "scope_name": kept_values(first_text(scopes.column("name"))).take(taken),
        "scope_version": kept_values(first_text(scopes.column("version"))).take(taken),
    }


def _resource_columns(
    raw: pa.BinaryArray, resource_of_item: Indices, dimensions: Dimensions
) -> dict[str, pa.Array]:
    attributes = Attributes(_RESOURCE.array_to_record_batch(raw).column("attributes"))
    taken = pa.array(resource_of_item)
    columns = {
        column: attributes.column(FromAttributes(column, keys, "text")).take(taken)
        for column, keys in resource_keys(dimensions).items()
    }
    return columns | {"resource": attributes.as_json().take(taken)}


def _envelope_schema() -> FileDescriptor:
    """The three layers, with resource, scope and items as bytes."""
    schema = FileDescriptorProto(name="steelyard/envelope.proto", package="steelyard", syntax="proto3")
    scope = schema.message_type.add(name="Scope")
    _add_field(scope.field.add(name="scope", number=1))
    _add_field(scope.field.add(name="items", number=2), repeated=True)
    resource = schema.message_type.add(name="Resource")
    _add_field(resource.field.add(name="resource", number=1))
    _add_field(resource.field.add(name="scopes", number=2), repeated=True, message="Scope")
    request = schema.message_type.add(name="Request")
    _add_field(request.field.add(name="resources", number=1), repeated=True, message="Resource")
    pool = DescriptorPool()
    pool.Add(schema)
    found: FileDescriptor = pool.FindFileByName(schema.name)
    return found


def _add_field(field: FieldDescriptorProto, *, repeated: bool = False, message: str | None = None) -> None:
    field.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    field.type = FieldDescriptorProto.TYPE_MESSAGE if message else FieldDescriptorProto.TYPE_BYTES
    if message:
        field.type_name = f".steelyard.{message}"


_SCHEMA = _envelope_schema()
_REQUEST = ptars.HandlerPool([_SCHEMA]).get_for_message(_SCHEMA.message_types_by_name["Request"])
_RESOURCE = ptars.HandlerPool([resource_pb2.DESCRIPTOR]).get_for_message(resource_pb2.Resource.DESCRIPTOR)
_SCOPE = ptars.HandlerPool([common_pb2.DESCRIPTOR]).get_for_message(
    common_pb2.InstrumentationScope.DESCRIPTOR
)
