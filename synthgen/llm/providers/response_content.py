"""Reads the content of a response up to a limit, before and after it is unpacked: a server may send without end.

Not covered: brotli and zstandard, which are not asked for.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp

__all__ = ["ACCEPTED", "TooLargeError", "read_content", "unpacked"]

ACCEPTED = "gzip, deflate"
_GZIP, _ZLIB, _BARE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class TooLargeError(Exception):
    """A response has more bytes than allowed. `beginning` is what was read."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__("the response is too large")
        self.beginning = beginning


async def read_content(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the content of a response that its client has not unpacked.

    Raises TooLargeError above `limit` bytes, ValueError for content that is not packed as its header says, and the
    client's own errors.
    """
    length = response.content_length
    if length is not None and length <= limit:
        content = await response.read()
    else:
        parts, size = [], 0
        async for part in response.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > limit:
                response.close()
                raise TooLargeError(b"".join(parts)[:limit])
        content = b"".join(parts)
    packed = response.headers.get("content-encoding")
    return unpacked(content, packed, limit) if packed else content


def unpacked(content: bytes, encodings: str, limit: int) -> bytes:
    """Return content without the encodings of a header; those that are unknown are passed over. Raises as `read_content`."""
    for encoding in reversed(encodings.lower().split(",")):
        match encoding.strip():
            case "gzip" | "x-gzip":
                content = _inflated(content, _GZIP, limit)
            case "deflate":  # by its standard with a header, which some servers leave out
                content = _inflated(content, _ZLIB if content[:1] and content[0] & 0x0F == zlib.DEFLATED else _BARE, limit)
    return content


def _inflated(content: bytes, wbits: int, limit: int) -> bytes:
    parts, room = [], limit + 1
    while content:  # of gzip, several may follow each other
        unpacker = zlib.decompressobj(wbits)
        try:
            part = unpacker.decompress(content, room)
        except zlib.error as error:
            raise ValueError(f"its content is not packed as its header says: {error}") from None
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise TooLargeError(b"".join(parts)[:limit])
        if not unpacker.eof:
            raise ValueError("its packed content breaks off")
        content = unpacker.unused_data if wbits == _GZIP else b""
    return b"".join(parts)
