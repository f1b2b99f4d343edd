"""Content-Encoding: undone, with a limit that a bomb can't pass."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from oai_bridge.errors import BridgeError, InvalidRequest, TooLarge, UnsupportedMedia
from oai_bridge.wire.inflate import inflate

BODY = b'{"model": "claude"}' * 10
LIMIT = len(BODY)
PACKED = gzip.compress(BODY, mtime=0)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, None),
        (BODY, ""),
        (BODY, " Identity "),
        (PACKED, "gzip"),
        (zlib.compress(BODY), "deflate"),
        (PACKED + b"trailing", "gzip"),
    ],
    ids=["none", "empty", "identity", "gzip", "deflate", "trailing"],
)
def test_the_plain_bytes_come_out(body: bytes, encoding: str | None) -> None:
    assert inflate(body, encoding, LIMIT) == BODY
    with pytest.raises(TooLarge):
        inflate(body, encoding, LIMIT - 1)


@pytest.mark.parametrize(
    ("body", "encoding", "error"),
    [
        (PACKED[:-1], "gzip", InvalidRequest),
        (PACKED[:20], "gzip", InvalidRequest),
        (b"", "gzip", InvalidRequest),
        (BODY, "gzip", InvalidRequest),
        (PACKED, "deflate", InvalidRequest),
        (PACKED[:-8] + bytes(8), "gzip", InvalidRequest),
        (BODY, "br", UnsupportedMedia),
        (BODY, "gzip, gzip", UnsupportedMedia),
    ],
    ids=["cut", "cut_early", "empty", "plain", "gzip_as_deflate", "wrong_sum", "brotli", "twice"],
)
def test_what_is_broken_or_unknown(body: bytes, encoding: str, error: type[BridgeError]) -> None:
    with pytest.raises(error):
        inflate(body, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_does_not_go_off(encoding: str) -> None:
    zeros = bytes(64 * 1024 * 1024)
    bomb = gzip.compress(zeros) if encoding == "gzip" else zlib.compress(zeros)
    del zeros
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            inflate(bomb, encoding, 100_000)
        assert tracemalloc.get_traced_memory()[1] < 5 * 100_000
    finally:
        tracemalloc.stop()
