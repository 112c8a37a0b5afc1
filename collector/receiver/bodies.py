"""Content encodings: the body as it was before it was compressed, never more of it than the limit.

zlib-ng instead of the standard zlib: gzip otherwise costs as much as reading the protobuf in it (1.1 GB/s
against 0.5 GB/s out, measured on the captured payloads).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Protocol, cast

from zlib_ng import zlib_ng

from collector.receiver.refusals import BadRequestError, TooLargeError, UnsupportedError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Compressed input goes in by pieces of this size, so that what follows a member is never copied at length.
_PIECE_BYTES = 64 * 1024
# Several gzip members or zstd frames are one body; thousands of empty ones are an attack on our time.
_MAX_MEMBERS = 1000
# RFC 8878 asks every decoder to take windows of 8 MB, and lets it refuse larger ones.
_ZSTD_WINDOW_LOG = 23

_DAMAGED = (cast("type[Exception]", zlib_ng.error), zstd.ZstdError)


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its content encoding. `limit` is in bytes and holds for the result.

    Raises UnsupportedError, TooLargeError, or BadRequestError for a damaged body.
    """
    match encoding.strip().lower():
        case "" | "identity" | "none":
            return body
        case "gzip" | "x-gzip":
            return _inflate(body, "gzip", _gzip, limit)
        case "deflate":
            return _inflate(body, "deflate", _zlib if _has_zlib_header(body) else _raw_deflate, limit)
        case "zstd":
            return _inflate(body, "zstd", _zstd, limit)
        case listed if "," in listed:
            raise UnsupportedError(f"content-encoding {listed[:100]!r} lists several encodings; use one")
        case unknown:
            raise UnsupportedError(
                f"content-encoding {unknown[:100]!r} is not supported; use gzip, deflate, zstd or none"
            )


def _inflate(body: bytes, name: str, start: Callable[[], _Decompressor], limit: int) -> bytes:
    plain: list[bytes] = []
    size, n_members, member = 0, 0, None
    try:
        for piece in _pieces(body):
            while piece:
                if member is None:
                    if not piece.strip(b"\0"):
                        break  # padding after the last member
                    member, n_members = start(), n_members + 1
                plain.append(member.decompress(piece, limit + 1 - size))
                size += len(plain[-1])
                if size > limit:
                    raise TooLargeError(f"the body is over {limit} bytes after decompression")
                if n_members > _MAX_MEMBERS:
                    raise BadRequestError(f"the {name} body has more than {_MAX_MEMBERS} members")
                piece, member = (member.unused_data, None) if member.eof else (b"", member)
    except _DAMAGED as broken:
        raise BadRequestError(f"the {name} body is damaged: {broken}") from None
    if member is not None:
        raise BadRequestError(f"the {name} body is cut short")
    return b"".join(plain)


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[at : at + _PIECE_BYTES] for at in range(0, len(body), _PIECE_BYTES))


def _has_zlib_header(body: bytes) -> bool:
    """RFC 1950. `deflate` means this, but many senders leave the header away."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2], "big") % 31 == 0


def _gzip() -> _Decompressor:
    return zlib_ng.decompressobj(wbits=31)


def _zlib() -> _Decompressor:
    return zlib_ng.decompressobj(wbits=15)


def _raw_deflate() -> _Decompressor:
    return zlib_ng.decompressobj(wbits=-15)


def _zstd() -> _Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})
