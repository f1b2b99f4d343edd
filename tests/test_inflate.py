"""Content-Encoding: undone, with a limit that a bomb can't pass."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from oai_bridge.errors import InvalidRequest, TooLarge, UnsupportedMedia
from oai_bridge.wire.inflate import inflate

BODY = b'{"model": "claude"}' * 10
LIMIT = len(BODY)
PACKED = gzip.compress(BODY, mtime=0)
CUT, BROKEN, UNKNOWN = "is cut off", "is not valid (gzip|deflate)", "is not understood"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, None),
        (BODY, ""),
        (BODY, " "),
        (BODY, " Identity "),
        (PACKED, "gzip"),
        (zlib.compress(BODY), "deflate"),
        (PACKED + b"trailing", "gzip"),
    ],
    ids=["none", "empty", "blank", "identity", "gzip", "deflate", "trailing"],
)
def test_the_plain_bytes_come_out(body: bytes, encoding: str | None) -> None:
    assert inflate(body, encoding, LIMIT) == BODY
    with pytest.raises(TooLarge):
        inflate(body, encoding, LIMIT - 1)


@pytest.mark.parametrize(
    ("body", "encoding", "words"),
    [
        (PACKED[:-1], "gzip", CUT),
        (PACKED[:20], "gzip", CUT),
        (b"", "gzip", CUT),
        (BODY, "gzip", BROKEN),
        (PACKED, "deflate", BROKEN),
        (zlib.compress(BODY), "gzip", BROKEN),
        (PACKED[:-8] + bytes(8), "gzip", BROKEN),
        (BODY, "br", UNKNOWN),
        (BODY, "gzip, gzip", UNKNOWN),
    ],
    ids=["cut", "cut_early", "empty", "plain", "gzip_as_deflate", "deflate_as_gzip", "wrong_sum", "brotli", "twice"],
)
def test_what_is_broken_or_unknown(body: bytes, encoding: str, words: str) -> None:
    with pytest.raises(UnsupportedMedia if words == UNKNOWN else InvalidRequest, match=words) as caught:
        inflate(body, encoding, LIMIT)
    assert caught.value.code == ("unsupported_media_type" if words == UNKNOWN else "invalid_encoding")


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
