"""Fuzz targets for framing: decoders are total, say the same for any split, and make nothing up."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from collections.abc import Iterable
from typing import Any, Protocol

from oai_bridge.dialects.bedrock_frames import ConverseDecoder, InvokeDecoder
from oai_bridge.errors import BridgeError
from oai_bridge.plain.jsontext import JsonError, deeper_than, encodable, one_line, read, read_any, read_repaired, write
from oai_bridge.wire.eventstream import EventStreamDecoder, Message
from oai_bridge.wire.frames import FrameError
from oai_bridge.wire.inflate import inflate
from oai_bridge.wire.sse import SseDecoder
from tests.support.cases import ALL, TESTS, streams
from tests.support.fuzz_targets import Target, cut, picked

LIMIT = 2000  # bytes of a body


class _Decoder(Protocol):
    def feed(self, chunk: bytes) -> list[Any]: ...
    def close(self) -> list[Any]: ...


def decoded(decoder: _Decoder, pieces: Iterable[bytes]) -> list[Any]:
    """All that comes out. Errors are told apart by their words: each is an object of its own."""
    found = [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.close()
    assert decoder.feed(b"data: x\n\n") == [] == decoder.close(), "something comes after the end"
    assert not any(isinstance(frame, FrameError | BridgeError) for frame in found[:-1]), "an error is the last frame"
    return [(type(frame), str(frame)) if isinstance(frame, BridgeError) else frame for frame in found]


def check_sse(data: bytes) -> None:
    limit = picked(data, (8 * 1024 * 1024, 200))
    frames = decoded(SseDecoder(limit), [data])
    assert decoded(SseDecoder(limit), cut(data)) == frames
    for frame in frames:
        if isinstance(frame, bytes):
            assert frame.strip(b"\n") and all(line in data for line in frame.split(b"\n"))
            assert len(frame) <= limit


def sealed(data: bytes) -> bytes:
    """The frames with checksums that are right, as far as their lengths are, so that what is in them counts."""
    out, at = bytearray(data), 0
    while at + 16 <= len(out):
        length = int.from_bytes(out[at : at + 4])
        out[at + 8 : at + 12] = struct.pack(">I", zlib.crc32(out[at : at + 8]))
        if not 16 <= length <= len(out) - at:
            break
        out[at + length - 4 : at + length] = struct.pack(">I", zlib.crc32(out[at : at + length - 4]))
        at += length
    return bytes(out)


def check_eventstream(data: bytes) -> None:
    for stream in (data, sealed(data)):
        frames = decoded(EventStreamDecoder(), [stream])
        assert decoded(EventStreamDecoder(), cut(stream)) == frames
        for frame in frames:
            if isinstance(frame, Message):
                assert frame.payload in stream
                assert all(isinstance(value, bool | int | bytes | str) for value in frame.headers.values())


def check_invoke(data: bytes) -> None:
    stream = sealed(data)
    frames = decoded(InvokeDecoder(), [stream])
    assert decoded(InvokeDecoder(), cut(stream)) == frames


def check_converse(data: bytes) -> None:
    stream = sealed(data)
    frames = decoded(ConverseDecoder(), [stream])
    assert decoded(ConverseDecoder(), cut(stream)) == frames
    for frame in frames:
        if isinstance(frame, bytes):
            assert len(json.loads(frame.decode("utf-8", "replace"))) == 1  # what nobody reads need not be UTF-8


ENCODINGS = {b"g": "gzip", b"d": "deflate", b"i": "identity", b"n": None, b"b": "br", b"G": " GZIP "}
"""The encoding that a body is said to have, by its first byte."""


def check_inflate(data: bytes) -> None:
    encoding, body = ENCODINGS.get(data[:1], "gzip"), data[1:]
    try:
        plain = inflate(body, encoding, LIMIT)
    except BridgeError as refused:
        assert 400 <= refused.status <= 415 and refused.message
        return
    assert len(plain) <= LIMIT
    if encoding in ("gzip", " GZIP "):
        assert zlib.decompressobj(31).decompress(body) == plain
    elif encoding == "deflate":
        assert zlib.decompressobj().decompress(body) == plain
    else:
        assert plain == body


def check_jsontext(data: bytes) -> None:
    try:
        value = read(data)
    except JsonError as refused:
        assert str(refused).endswith(".") and encodable(str(refused))
        assert refused.path is None or refused.path
    else:
        assert json.loads(data) == value and read_any(data) == value
        again = write(value)
        assert read(again) == value and read(one_line(again)) == value
        assert not any(mark in one_line(again) for mark in (b"\xe2\x80\xa8", b"\xe2\x80\xa9"))
        assert deeper_than(0, value) is isinstance(value, dict | list)
        assert deeper_than(1, value) is (isinstance(value, dict | list) and any_inside(value))
    try:
        value = read_any(data)
    except (ValueError, RecursionError):
        return
    assert read_any(read_repaired(data)) == value


def any_inside(value: Any) -> bool:
    """Whether a list or an object lies in another one."""
    inner = value.values() if isinstance(value, dict) else value
    return any(isinstance(one, dict | list) for one in inner)


def bodies() -> list[bytes]:
    """The requests of all golden cases."""
    return [file.read_bytes() for case in ALL if (file := case.folder / "client.json").exists()]


def _of(*kinds: str) -> list[bytes]:
    return [stream for kind in kinds for stream in streams(kind).values()]


def _frames() -> list[bytes]:
    files = sorted((TESTS / "vectors" / "aws-eventstream").rglob("*"))
    return [file.read_bytes() for file in files if file.is_file() and file.suffix != ".json"]


def _compressed() -> list[bytes]:
    found = [body for body in bodies() if len(body) < 2 * LIMIT][:60]
    return [
        *(b"g" + gzip.compress(body, mtime=0) for body in found[::2]),
        *(b"d" + zlib.compress(body) for body in found[1::2]),
        *(kind + found[0] for kind in (b"i", b"n", b"b")),
        b"g" + gzip.compress(bytes(10**6), mtime=0),
    ]


_JSON = [
    b'{"a":[1,2.5,-0,1e5,true,false,null,"\\u00e9\\ud83d\\ude00\\n"],"\xc3\xa9":{"b":[[]]}}',
    b'["\\ud83d"]',
    b'{"a":{"b":NaN}}',
    b"[1e400]",
    b"\xef\xbb\xbf{}",
    b'"\xe2\x80\xa8"',
    b"123456789012345678901234567890",
    b'{"a":1,"a":2}',
]

TARGETS = (
    Target("sse", "bytes", lambda: _of("vertex", "azure", "gemini"), check_sse),
    Target("eventstream", "bytes", lambda: [*_frames(), *_of("bedrock", "converse")], check_eventstream),
    Target("invoke", "bytes", lambda: _of("bedrock"), check_invoke),
    Target("converse", "bytes", lambda: _of("converse"), check_converse),
    Target("inflate", "bytes", _compressed, check_inflate),
    Target("jsontext", "bytes", lambda: [*_JSON, *bodies()], check_jsontext),
)
