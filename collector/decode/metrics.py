"""OTLP metric requests to Arrow: a row per data point of any kind, without a Python loop over points.

Name-agnostic: what a metric means is for whoever queries it. Metrics repeat what spans say, so they stand in a
table of their own and are never added to the tokens of calls. Exemplars are left out: they hold attributes that
the metric was told to drop, and ids of spans that are stored anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import ptars
import pyarrow as pa
import pyarrow.compute as pc
from opentelemetry.proto.metrics.v1 import metrics_pb2

from collector.conventions.columns import FromAttributes
from collector.conventions.dimensions import Dimensions
from collector.decode.attributes import Attributes
from collector.decode.envelope import Indices, first_text, parents, timestamps, unwrap
from collector.decode.json_text import as_json, join_runs
from collector.decode.requests import Request
from collector.decode.values import Values
from collector.decode.whose import NO_DIMENSIONS
from collector.privacy.kept import kept_values

_METRICS = ptars.HandlerPool([metrics_pb2.DESCRIPTOR]).get_for_message(metrics_pb2.Metric.DESCRIPTOR)
_TENANT = FromAttributes("tenant_id", ("tenant.id", "tenant", "organization.id"), "text")
_NO_RECORDED_VALUE = 1  # a point's flag: the series exists, its value at that time does not
_TEMPORALITIES = pa.array([None, "delta", "cumulative"])
_NO_TEXT = pa.scalar(None, pa.string())
_NO_NUMBER = pa.scalar(None, pa.float64())

# And `series`, every attribute as it came, with `origin`: what tells two series apart, and is not stored.
SCHEMA = pa.schema(
    {
        "project": pa.string(),
        "received_at": pa.timestamp("us"),
        "batch_id": pa.string(),
        "occurred_at": pa.timestamp("us"),
        "said_at": pa.timestamp("us"),  # the point's own time: what identifies it; NULL when it has none
        "started_at": pa.timestamp("us"),
        "metric_name": pa.string(),
        "unit": pa.string(),
        "kind": pa.string(),
        "temporality": pa.string(),
        "is_monotonic": pa.bool_(),
        "value": pa.float64(),
        "count": pa.int64(),
        "sum": pa.float64(),
        "min": pa.float64(),
        "max": pa.float64(),
        "buckets": pa.json_(pa.string()),
        "no_recorded_value": pa.bool_(),
        "attributes": pa.json_(pa.string()),
        "scope_name": pa.string(),
        "scope_version": pa.string(),
        "service_name": pa.string(),
        "environment": pa.string(),
        "tenant_id": pa.string(),
        "resource": pa.json_(pa.string()),
    }
)


def decode(requests: Sequence[Request], dimensions: Dimensions = NO_DIMENSIONS) -> pa.Table | None:
    """Every data point of the requests, None when they hold none. Raises ValueError on bytes that are not OTLP."""
    envelope = unwrap(requests, dimensions)
    metrics = _METRICS.array_to_record_batch(envelope.items)
    tenant = replace(_TENANT, keys=(*dimensions.keys_of("tenant_id"), *_TENANT.keys))
    found = [_points(kind, metrics, envelope.columns, tenant) for kind in _VALUES]
    tables = [table for table in found if table is not None]
    return pa.concat_tables(tables) if tables else None


def _points(
    kind: str, metrics: pa.RecordBatch, around: dict[str, pa.Array], tenant: FromAttributes
) -> pa.Table | None:
    """The points of the metrics of one kind; None when there are none."""
    data = metrics.column(kind)
    lists = pc.struct_field(data, "data_points")
    metric_of_point = parents(lists)
    if not len(metric_of_point):
        return None
    taken = pa.array(metric_of_point)
    points = pc.list_flatten(lists)
    columns = {name: values.take(taken) for name, values in around.items()}
    columns |= {
        "metric_name": kept_values(metrics.column("name")).take(taken),
        "unit": kept_values(first_text(metrics.column("unit"))).take(taken),
        "kind": pa.array([kind], pa.string()).take(pa.array(metric_of_point * 0)),
        "temporality": _temporality(data, metric_of_point),
        "is_monotonic": _member(data, "is_monotonic", pa.bool_()).take(taken),
        "no_recorded_value": pc.not_equal(pc.bit_wise_and(points.field("flags"), _NO_RECORDED_VALUE), 0),
    }
    columns |= _times(points, columns["received_at"]) | _identity(points, columns, tenant)
    columns |= _VALUES[kind](points)
    found = [columns.get(field.name, pa.nulls(len(taken), field.type)) for field in SCHEMA]
    identity = {"origin": columns["origin"], "series": _series(points.field("attributes"))}
    return pa.table(dict(zip(SCHEMA.names, found, strict=True)) | identity)


def _times(points: pa.StructArray, received_at: pa.Array) -> dict[str, pa.Array]:
    said_at = timestamps(points.field("time_unix_nano"))
    return {
        "said_at": said_at,
        "occurred_at": pc.coalesce(said_at, received_at),
        "started_at": timestamps(points.field("start_time_unix_nano")),
    }


def _identity(
    points: pa.StructArray, columns: dict[str, pa.Array], tenant: FromAttributes
) -> dict[str, pa.Array]:
    """Whose series it is."""
    attributes = Attributes(points.field("attributes"))
    tenants = (columns["key_tenant_id"], attributes.column(tenant), columns["resource_tenant_id"])
    return {
        "attributes": attributes.as_json(),
        "tenant_id": pc.coalesce(*tenants),
        "environment": pc.coalesce(columns["key_environment"], columns["environment"]),
    }


def _series(lists: pa.ListArray) -> pa.ListArray:
    """Every attribute of a point as one text, those that are not stored too: what tells its series from another."""
    entries = pc.list_flatten(lists)
    values = Values(entries.field("value")).as_text(np.arange(len(entries)))
    texts = pc.binary_join_element_wise(entries.field("key"), pc.fill_null(values, ""), "\x1f")
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), texts)


def _temporality(data: pa.StructArray, metric_of_point: Indices) -> pa.Array:
    codes = _member(data, "aggregation_temporality", pa.int32()).take(pa.array(metric_of_point))
    known = pc.and_(pc.greater(codes, 0), pc.less_equal(codes, 2))
    return _TEMPORALITIES.take(pc.if_else(pc.fill_null(known, fill_value=False), codes, 0))


def _member(data: pa.StructArray, name: str, kind: pa.DataType) -> pa.Array:
    """A member that some kinds of metric have and others lack."""
    has = data.type.get_field_index(name) >= 0
    return pc.struct_field(data, name) if has else pa.nulls(len(data), kind)


def _number(points: pa.StructArray) -> dict[str, pa.Array]:
    whole = points.field("as_int").cast(pa.float64(), safe=False)
    return {"value": _recorded(points, pc.coalesce(points.field("as_double"), whole))}


def _histogram(points: pa.StructArray) -> dict[str, pa.Array]:
    bounds, counts = points.field("explicit_bounds"), points.field("bucket_counts")
    buckets = pc.binary_join_element_wise('{"bounds":', _list(bounds), ',"counts":', _list(counts), "}", "")
    return _distribution(points) | {"buckets": as_json(buckets)}


def _exponential_histogram(points: pa.StructArray) -> dict[str, pa.Array]:
    buckets = pc.binary_join_element_wise(
        '{"scale":',
        points.field("scale").cast(pa.string()),
        ',"zero_count":',
        points.field("zero_count").cast(pa.string()),
        ',"zero_threshold":',
        _json_numbers(points.field("zero_threshold")),
        ',"positive":',
        _exponential_buckets(points.field("positive")),
        ',"negative":',
        _exponential_buckets(points.field("negative")),
        "}",
        "",
    )
    return _distribution(points) | {"buckets": as_json(buckets)}


def _summary(points: pa.StructArray) -> dict[str, pa.Array]:
    lists = points.field("quantile_values")
    quantiles = pc.list_flatten(lists)
    pairs = pc.binary_join_element_wise(
        "[",
        _json_numbers(quantiles.field("quantile")),
        ",",
        _json_numbers(quantiles.field("value")),
        "]",
        "",
    )
    joined = join_runs(pairs, pc.list_value_length(lists).to_numpy(zero_copy_only=False))
    counted = {
        "count": points.field("count").cast(pa.int64(), safe=False),
        "sum": _recorded(points, points.field("sum")),
    }
    return counted | {"buckets": as_json(pc.binary_join_element_wise('{"quantiles":[', joined, "]}", ""))}


def _distribution(points: pa.StructArray) -> dict[str, pa.Array]:
    columns = {name: _recorded(points, points.field(name)) for name in ("sum", "min", "max")}
    return columns | {"count": points.field("count").cast(pa.int64(), safe=False)}


def _recorded(points: pa.StructArray, numbers: pa.Array) -> pa.Array:
    """The numbers, NULL where the point says that it has none."""
    missing = pc.not_equal(pc.bit_wise_and(points.field("flags"), _NO_RECORDED_VALUE), 0)
    return pc.if_else(missing, _NO_NUMBER, numbers)


def _exponential_buckets(buckets: pa.StructArray) -> pa.Array:
    texts = pc.binary_join_element_wise(
        '{"offset":',
        pc.struct_field(buckets, "offset").cast(pa.string()),
        ',"counts":',
        _list(pc.struct_field(buckets, "bucket_counts")),
        "}",
        "",
    )
    return pc.coalesce(pc.if_else(buckets.is_valid(), texts, _NO_TEXT), "null")


def _list(lists: pa.ListArray) -> pa.Array:
    """A JSON array of numbers per row."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    joined = join_runs(_json_numbers(pc.list_flatten(lists)), lengths)
    return pc.binary_join_element_wise("[", joined, "]", "")


def _json_numbers(numbers: pa.Array) -> pa.Array:
    """JSON text of numbers; infinity and NaN, which JSON does not have, as strings."""
    texts = numbers.cast(pa.string())
    if not pa.types.is_floating(numbers.type):
        return texts
    return pc.if_else(pc.is_finite(numbers), texts, pc.binary_join_element_wise('"', texts, '"', ""))


# By the field of a metric that holds its points: also the name of the kind in the store.
_VALUES: dict[str, Callable[[pa.StructArray], dict[str, pa.Array]]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential_histogram,
    "summary": _summary,
}
