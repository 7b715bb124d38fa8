"""The body of an HTTP response, as an archive keeps it, into the bytes of the page.

Archives keep bodies as they came over the wire, or undone with the headers left in place. So a body that is not what
its headers say is taken as it stands.
"""

import re
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


def unwrap(body: bytes, transfer: str | None, content: str | None, limit: int) -> bytes:
    """``body`` without the codings that the two headers name, at most ``limit`` + 1 bytes of it.

    >>> unwrap(b"3\\r\\nabc\\r\\n0\\r\\n\\r\\n", "chunked", None, 100)
    b'abc'
    >>> unwrap(b"as it stands", "chunked", "gzip", 100)
    b'as it stands'
    """
    if transfer and "chunked" in transfer.lower():
        body = unchunk(body)
    for coding in reversed((content or "").lower().split(",")):
        undo = _CODINGS.get(coding.strip())
        if undo:
            body = undo(body, limit + 1)
    return body


def unchunk(body: bytes) -> bytes:
    """A chunked body in one piece; as it stands, if it is not chunked. The end may be missing."""
    parts: list[bytes] = []
    at = 0
    while size := _SIZE.match(body, at):
        length = int(size[1], 16)
        if not length:
            return b"".join(parts)
        parts.append(body[size.end() : size.end() + length])
        at = size.end() + length
        at += 2 if body.startswith(b"\r\n", at) else body.startswith(b"\n", at)
    return b"".join(parts) if parts and at >= len(body) else body


def _gunzip(body: bytes, most: int) -> bytes:
    return _inflate(body, most, 47) if body.startswith(b"\x1f\x8b") else body


def _undeflate(body: bytes, most: int) -> bytes:
    inflated = _inflate(body, most, 15)
    return inflated if inflated is not body else _inflate(body, most, -15)


def _inflate(body: bytes, most: int, bits: int) -> bytes:
    with suppress(zlib.error):
        return zlib.decompressobj(bits).decompress(body, most) or body
    return body


def _unbrotli(body: bytes, most: int) -> bytes:
    from io import BytesIO

    with suppress(ImportError, OSError):
        from fastwarc.stream_io import BrotliReader

        found: bytes = BrotliReader(BytesIO(body)).read(most)
        return found or body
    return body


_CODINGS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _undeflate,
    "br": _unbrotli,
}
