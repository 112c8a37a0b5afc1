"""Export requests as they stand on the wire, ready to store: protobuf bytes of the items that can be.

A request is parsed before it is acknowledged: a client must learn of bad bytes now, for it will not send
them again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from google.protobuf.message import DecodeError, EncodeError

from collector.receiver.answers import JSON
from collector.receiver.faults import Faults, origin_of
from collector.receiver.pieces import read_pieces
from collector.receiver.refusals import BadRequestError
from collector.receiver.requests_json import read_json
from collector.receiver.shapes import Shape

# From this size on a body is read in pieces: google.protobuf holds the interpreter for a whole message,
# about 4 ms a megabyte, and a message can take forty times the memory of its bytes.
PIECEWISE_FROM_BYTES = 1024 * 1024


class Export(NamedTuple):
    """One export request: the protobuf bytes to store, how many items they hold, and what was refused."""

    body: bytes
    n_items: int
    faults: Faults


def read_export(body: bytes, media: str, shape: Shape) -> Export:
    """Parse and check one export request. Raises BadRequestError when it is none."""
    if media == JSON:
        request, faults = read_json(body, shape)
        try:
            return _checked(request, shape, faults)
        except EncodeError:
            raise BadRequestError("the body holds values that are nested too deep") from None
    if len(body) < PIECEWISE_FROM_BYTES:
        try:
            return _checked(shape.request.FromString(body), shape, Faults(), body)
        except DecodeError:
            pass  # by pieces, so that one item's fault costs no other
    return Export(*read_pieces(body, shape))


def _checked(request: Any, shape: Shape, faults: Faults, body: bytes | None = None) -> Export:
    """What of the request can be stored; `body` is its bytes, where there are any."""
    n_items, n_refused, changed = 0, 0, body is None
    for block in getattr(request, shape.blocks):
        for scope_block in getattr(block, shape.scope_blocks):
            pruned = shape.prune(scope_block)
            n_items += pruned.n_items
            changed |= pruned.changed
            if pruned.reasons:
                n_refused += pruned.reasons.total()
                faults.add(pruned.reasons, origin_of(block.resource, scope_block.scope))
    kept = request.SerializeToString() if changed or body is None else body
    return Export(kept, n_items - n_refused, faults)
