"""A large or damaged protobuf request, read in pieces of bounded size instead of as one message.

Only the outer levels (see shapes) are walked here, by hand; what is below goes to google.protobuf, some items
at a time. So a body of 64 MB never holds the interpreter for long, hostile bytes never become gigabytes of
messages, and an item that cannot be read, say for a text that is not UTF-8, is refused alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from collector.receiver.faults import Faults, Origin, origin_of
from collector.receiver.refusals import BadRequestError, TooLargeError
from collector.receiver.shapes import Shape
from collector.receiver.wire_format import (
    Field,
    NotProtobufError,
    bytes_field,
    fields,
    holds_more_messages,
)

_RUN_BYTES = 256 * 1024
# No telemetry has this many items in the bytes of one request: such a body is made to cost us time.
_MAX_PARTS = 500_000
# The same for what one item larger than a run may hold, at a hundred bytes of memory each.
_MAX_MESSAGES_IN_AN_ITEM = 250_000
_BLOCK = 1  # the field number of blocks in a request
_BELOW = 2  # the field number of scope blocks in a block, and of items in a scope block


class _Run(NamedTuple):
    """Items that stand side by side in the body."""

    start: int
    end: int
    n_items: int


def read_pieces(body: bytes, shape: Shape) -> tuple[bytes, int, Faults]:
    """(the bytes to store, how many items they hold, what was refused); raises BadRequestError."""
    walk = _Walk(body, shape)
    try:
        kept = walk.request()
    except NotProtobufError as broken:
        raise BadRequestError(f"the body is not a valid {shape.request.DESCRIPTOR.name}: {broken}") from None
    return body if kept is None else kept, walk.n_items, walk.faults


class _Walk:
    """One reading of one request. What reads a part returns the bytes that stay of it; None when all of it does."""

    def __init__(self, body: bytes, shape: Shape) -> None:
        self._body = body
        self._shape = shape
        self._n_parts = 0
        self.n_items = 0
        self.faults = Faults()

    def request(self) -> bytes | None:
        head, blocks = self._split(0, len(self._body), _BLOCK)
        if _parsed(self._shape.request, head) is None:
            raise NotProtobufError("a field that cannot be read")
        return self._together(head, _BLOCK, blocks, [self._block(block) for block in blocks])

    def _block(self, block: Field) -> bytes | None:
        head, below = self._split(block.value, block.end, _BELOW)
        message = _parsed(self._shape.block, head)
        if message is None:
            n_lost = sum(len(self._split(child.value, child.end, _BELOW)[1]) for child in below)
            self.faults.add(Counter({"unreadable resource": max(1, n_lost)}), Origin("", ""))
            return b""
        kept = [self._scope_block(child, message.resource) for child in below]
        return self._together(head, _BELOW, below, kept)

    def _scope_block(self, block: Field, resource: Any) -> bytes | None:
        head, items = self._split(block.value, block.end, _BELOW)
        message = _parsed(self._shape.scope_block, head)
        if message is None:
            self.faults.add(Counter({"unreadable scope": max(1, len(items))}), origin_of(resource))
            return b""
        reasons: Counter[str] = Counter()
        runs = _runs(items)
        kept = [self._run(run, reasons) for run in runs]
        if reasons:
            self.faults.add(reasons, origin_of(resource, message.scope))
        if all(one is None for one in kept):
            return None
        return head + b"".join(
            self._body[run.start : run.end] if one is None else one
            for run, one in zip(runs, kept, strict=True)
        )

    def _run(self, run: _Run, reasons: Counter[str]) -> bytes | None:
        if self._is_a_bomb(run):
            reasons[f"more than {_MAX_MESSAGES_IN_AN_ITEM} values in one item"] += 1
            return b""
        piece = _parsed(self._shape.scope_block, self._body[run.start : run.end])
        if piece is None:
            return self._one_by_one(run, reasons)
        pruned = self._shape.prune(piece)
        reasons.update(pruned.reasons)
        self.n_items += pruned.n_items - pruned.reasons.total()
        kept: bytes | None = piece.SerializeToString() if pruned.changed else None
        return kept

    def _one_by_one(self, run: _Run, reasons: Counter[str]) -> bytes | None:
        if run.n_items == 1:
            reasons["unreadable, not valid protobuf or UTF-8"] += 1
            return b""
        alone = [_Run(item.start, item.end, 1) for item in fields(self._body, run.start, run.end)]
        kept = [self._run(one, reasons) for one in alone]
        return b"".join(
            self._body[one.start : one.end] if stays is None else stays
            for one, stays in zip(alone, kept, strict=True)
        )

    def _is_a_bomb(self, run: _Run) -> bool:
        if run.n_items > 1 or run.end - run.start < _RUN_BYTES:
            return False
        item = self._shape.scope_block.DESCRIPTOR
        try:
            return holds_more_messages(self._body, run.start, run.end, item, _MAX_MESSAGES_IN_AN_ITEM)
        except NotProtobufError:
            return False  # google.protobuf will say so

    def _split(self, start: int, end: int, below: int) -> tuple[bytes, list[Field]]:
        """(the message's own fields, the fields of the level below)"""
        own: list[bytes] = []
        children: list[Field] = []
        for field in fields(self._body, start, end):
            self._n_parts += 1
            if self._n_parts > _MAX_PARTS:
                raise TooLargeError(f"the body holds more than {_MAX_PARTS} items; send fewer at a time")
            if field.is_bytes and field.number == below:
                children.append(field)
            else:
                own.append(self._body[field.start : field.end])
        return b"".join(own), children

    def _together(
        self, head: bytes, number: int, children: Sequence[Field], kept: Sequence[bytes | None]
    ) -> bytes | None:
        if all(one is None for one in kept):
            return None
        return head + b"".join(
            self._body[child.start : child.end] if one is None else bytes_field(number, one)
            for child, one in zip(children, kept, strict=True)
            if one != b""
        )


def _runs(items: Sequence[Field]) -> list[_Run]:
    """Neighbouring items together, up to the size of a run; an item larger than that is alone."""
    runs: list[_Run] = []
    for item in items:
        last = runs[-1] if runs else None
        if last is not None and last.end == item.start and item.end - last.start <= _RUN_BYTES:
            runs[-1] = _Run(last.start, item.end, last.n_items + 1)
        else:
            runs.append(_Run(item.start, item.end, 1))
    return runs


def _parsed(message: Any, data: bytes) -> Any:
    """The message, None when the bytes are none."""
    try:
        return message.FromString(data)
    except DecodeError:
        return None
