"""A request body without its Content-Encoding, and without the surprise of one that grows a thousandfold."""

from __future__ import annotations

import zlib

from ..errors import InvalidRequest, TooLarge, UnsupportedMedia

_WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def inflate(body: bytes, encoding: str | None, limit: int) -> bytes:
    """The plain bytes, at most `limit` of them; raises `TooLarge`, `InvalidRequest` or `UnsupportedMedia`."""
    encoding = (encoding or "identity").strip().lower()
    if encoding in ("", "identity"):
        if len(body) > limit:
            raise TooLarge(limit)
        return body
    if encoding not in _WINDOWS:
        raise UnsupportedMedia("This Content-Encoding is not understood; send the body plain or as gzip.")
    reader = zlib.decompressobj(_WINDOWS[encoding])
    try:
        plain = reader.decompress(body, limit + 1)
    except zlib.error:
        raise InvalidRequest(f"The body is not valid {encoding}; send it plain.", code="invalid_encoding") from None
    if len(plain) > limit:
        raise TooLarge(limit)
    if not reader.eof:
        raise InvalidRequest(f"The {encoding} body is cut off; send it again.", code="invalid_encoding")
    return plain
