"""An OTLP/JSON export request as a protobuf message, without the items that cannot be read.

Each level is read without the one below it, so that what is wrong in one item costs no other.
"""

from __future__ import annotations

import gc
import json
from collections import Counter
from functools import cache
from typing import Any

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from pydantic_core import from_json

from collector.receiver.faults import Faults, Origin, origin_of
from collector.receiver.json_values import UnreadableError, fields_of, read_fields
from collector.receiver.refusals import BadRequestError
from collector.receiver.shapes import METRICS, Shape

# What google.protobuf's constructors and our own reading raise for a value that its field cannot hold.
_WRONG_VALUE = (ValueError, TypeError)
_POINTS = "data_points"
_DATA_KINDS = [field.name for field in Metric.DESCRIPTOR.oneofs_by_name["data"].fields]


def read_json(body: bytes, shape: Shape) -> tuple[Any, Faults]:
    """The request's message, and what could not be read of it; raises BadRequestError when it is no request at all."""
    document = _document(body) if body else {}
    try:
        nodes = _children(document, shape.blocks)
    except UnreadableError as wrong:
        raise BadRequestError(f"the body is not an OTLP/JSON export request: {wrong}") from None
    request, faults = shape.request(), Faults()
    for node in nodes:
        _read_block(getattr(request, shape.blocks), node, shape, faults)
    return request, faults


def _read_block(blocks: Any, node: Any, shape: Shape, faults: Faults) -> None:
    n_before = len(blocks)
    try:
        block = blocks.add(**read_fields(fields_of(shape.block.DESCRIPTOR, shape.scope_blocks), node))
        below = _children(node, shape.scope_blocks)
    except _WRONG_VALUE as wrong:
        del blocks[n_before:]
        n_lost = sum(_count_items(child, shape) for child in _children_if_any(node, shape.scope_blocks))
        faults.add(Counter({f"unreadable resource, {_why(wrong)}": max(1, n_lost)}), Origin("", ""))
        return
    for child in below:
        _read_scope(block, child, shape, faults)


def _read_scope(block: Any, node: Any, shape: Shape, faults: Faults) -> None:
    scope_blocks = getattr(block, shape.scope_blocks)
    n_before = len(scope_blocks)
    reasons: Counter[str] = Counter()
    try:
        scope_block = scope_blocks.add(
            **read_fields(fields_of(shape.scope_block.DESCRIPTOR, shape.items), node)
        )
        below = _children(node, shape.items)
    except _WRONG_VALUE as wrong:
        del scope_blocks[n_before:]
        reasons[f"unreadable scope, {_why(wrong)}"] = max(1, _count_items(node, shape))
        faults.add(reasons, origin_of(block.resource))
        return
    items = getattr(scope_block, shape.items)
    if shape is METRICS:
        for child in below:
            _read_metric(items, child, reasons)
    else:
        _add_readable(items, below, shape.item, reasons)
    if reasons:
        faults.add(reasons, origin_of(block.resource, scope_block.scope))


def _read_metric(metrics: Any, node: Any, reasons: Counter[str]) -> None:
    n_before = len(metrics)
    try:
        below = _points(node)
        metric = metrics.add(**read_fields(fields_of(Metric.DESCRIPTOR), _without_points(node)))
    except _WRONG_VALUE as wrong:
        del metrics[n_before:]
        reasons[f"unreadable metric, {_why(wrong)}"] += max(1, _count_points(node))
        return
    kind = metric.WhichOneof("data")
    if kind is not None:
        data = getattr(metric, kind)
        _add_readable(data.data_points, below, _POINT_CLASSES[kind], reasons)


def _add_readable(items: Any, nodes: list[Any], item: Any, reasons: Counter[str]) -> None:
    fields = fields_of(item.DESCRIPTOR)
    for at, node in enumerate(nodes):
        nodes[at] = None  # a large document goes bit by bit: all at once, that holds everybody up
        n_before = len(items)
        try:
            items.add(**read_fields(fields, node))
        except _WRONG_VALUE as wrong:
            del items[n_before:]
            reasons[f"unreadable, {_why(wrong)}"] += 1


def _document(body: bytes) -> Any:
    """The JSON document; at most 200 levels deep."""
    try:
        return _decoded(body)
    except ValueError as broken:
        try:
            return _decoded(_mended(body))
        except (ValueError, RecursionError):
            raise BadRequestError(f"the body is not valid JSON: {broken}") from None


def _decoded(body: bytes) -> Any:
    # The collector would go over the growing document again and again: 0.8 s instead of 0.3 s at 34 MB, in which
    # no other thread runs, as this call holds the interpreter.
    was_on = gc.isenabled()
    gc.disable()
    try:
        return from_json(body)
    finally:
        if was_on:
            gc.enable()


def _mended(body: bytes) -> bytes:
    """JSON that some writers make and a strict reader refuses: half an emoji where a text was cut, a byte-order mark."""
    return json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")


def _children(node: Any, field: str) -> list[Any]:
    """The elements of a list; none when it is absent or null. Raises UnreadableError when it is something else."""
    if type(node) is not dict:
        raise UnreadableError("something else where an object belongs")
    found = node.get(_camel(field))
    if found is None:
        found = node.get(field)
    if found is None:
        return []
    if type(found) is not list:
        raise UnreadableError(f"`{_camel(field)}` is not a list")
    return found


def _children_if_any(node: Any, field: str) -> list[Any]:
    try:
        return _children(node, field)
    except UnreadableError:
        return []


def _points(node: Any) -> list[Any]:
    kind = _data_kind(node)
    return _children(node[kind], _POINTS) if kind else []


def _without_points(node: Any) -> Any:
    kind = _data_kind(node)
    if not kind:
        return node
    data = {name: value for name, value in node[kind].items() if name not in (_POINTS, _camel(_POINTS))}
    return {**node, kind: data}


def _data_kind(node: Any) -> str:
    """The name under which a metric's node has its data."""
    if type(node) is not dict:
        raise UnreadableError("something else where an object belongs")
    named = (name for kind in _DATA_KINDS for name in (_camel(kind), kind))
    return next((name for name in named if node.get(name) is not None), "")


def _count_items(node: Any, shape: Shape) -> int:
    items = _children_if_any(node, shape.items)
    return sum(map(_count_points, items)) if shape is METRICS else len(items)


def _count_points(node: Any) -> int:
    try:
        return len(_points(node))
    except UnreadableError:
        return 0


@cache
def _camel(field: str) -> str:
    first, *rest = field.split("_")
    return first + "".join(map(str.capitalize, rest))


def _why(wrong: Exception) -> str:
    """google.protobuf's own messages quote the value, which is nobody's business."""
    return str(wrong) if isinstance(wrong, UnreadableError) else "a value that its field cannot hold"


_POINT_CLASSES = {
    kind.name: kind.message_type.fields_by_name[_POINTS].message_type._concrete_class
    for kind in Metric.DESCRIPTOR.oneofs_by_name["data"].fields
}
