"""Server-sent events: framing as the standard has it, the same for any split, bounded, total."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.wire.sse import Frame, FrameError, SseDecoder
from tests.support.splits import bytewise, in_two


def frames(pieces: list[bytes], limit: int = 1000) -> list[Frame]:
    decoder = SseDecoder(limit)
    return [*(frame for piece in pieces for frame in decoder.feed(piece)), *decoder.close()]


@pytest.mark.parametrize(
    ("stream", "messages"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:a\r\n\r\ndata: b\r\rdata:  c\n\r\n", [b"a", b"b", b" c"]),
        (b"data: a\ndata: b\ndata:\ndata\n\n", [b"a\nb\n\n"]),
        (b"data: a\r\ndata: b\r\n\r\n", [b"a\nb"]),
        (b"data: a\r\n\ndata: b\n\n", [b"a", b"b"]),
        (b"\n\xef\xbb\xbfdata: a\n\n", []),
        (b"event: x\nid: 1\nretry: 2\n: comment\ndata: a \nunknown: b\n\n", [b"a "]),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
        (b"dat: a\n\ndata a\n\n: \n\nevent: ping\n\ndata:\n\ndata\n\n\n\n", []),
        (b"data: a", [b"a"]),
        (b"data: a\r", [b"a"]),
        (b"data: a\n\ndata: b\ndata: c\n", [b"a", b"b\nc"]),
        (b"data: \xff\0\xe2\x80\xa8\x85\x0b\x0c\x1c\n\n", [b"\xff\0\xe2\x80\xa8\x85\x0b\x0c\x1c"]),
        (b"", []),
    ],
)
def test_framing(stream: bytes, messages: list[bytes]) -> None:
    for pieces in ([stream], bytewise(stream), *in_two(stream)):
        assert frames(pieces) == messages


def test_a_message_is_out_with_its_blank_line() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\r") == [b"a"], "a CR ends the line; the LF that may follow need not be waited for"
    assert decoder.feed(b"\n") == []
    assert decoder.feed(b"data: b\n\n") == [b"b"]


@pytest.mark.parametrize(
    ("stream", "whole"),
    [
        (b"data: 123456789012\n\n", True),
        (b"data: 1234567890123\n\n", False),
        (b"data: 1\ndata: 2\n: x\n\n", True),
        (b"data: 1\ndata: 2\n: 345\n\n", False),
        (b": 3456789012345678\n" * 9 + b"data: 1\n\n", True),
        (b"data: 1\n\n" * 9, True),
        (b"data: 1\n\ndata: 123456789012\n\n", True),
        (b"x" * 19, False),
    ],
)
def test_the_limit_is_the_same_for_any_split(stream: bytes, whole: bool) -> None:
    for pieces in ([stream], bytewise(stream), *in_two(stream)):
        got = frames([*pieces, b"\n\ndata: 2\n\n"], limit=18)
        errors = [frame for frame in got if isinstance(frame, FrameError)]
        assert bool(errors) is not whole
        assert got[-1] == (b"2" if whole else FrameError("a message of the stream is larger than 18 bytes"))
        assert len(errors) <= 1


def test_a_line_without_an_end_is_refused_before_it_is_held() -> None:
    decoder = SseDecoder(18)
    assert [len(decoder.feed(b"x")) for _ in range(20)] == [0] * 18 + [1, 0]
    assert decoder.feed(b"\n\ndata: 1\n\n") == decoder.close() == []


def test_a_message_may_have_8_mb() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"x" * 8 * 1024 * 1024) == []
    assert decoder.feed(b"x") == [FrameError("a message of the stream is larger than 8388608 bytes")]


def test_nothing_comes_after_the_end() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a") == [] and decoder.close() == [b"a"]
    assert decoder.feed(b"data: b\n\n") == decoder.close() == []


def reference(stream: bytes) -> list[bytes]:
    """The same by the standard's grammar, all at once."""
    stream = stream.removeprefix(b"\xef\xbb\xbf")
    messages = []
    for event in re.split(rb"(?:^|(?<=[\r\n]))(?:\r\n|\n|\r)", re.sub(rb"\r\n", b"\n", stream)):
        values = re.findall(rb"^data(?::[ ]?([^\r\n]*))?$", event.replace(b"\r", b"\n"), re.MULTILINE)
        if any(values):
            messages.append(b"\n".join(values))
    return messages


FRAMING = [b"\n", b"\r", b"\r\n", b"\n\n", b"data", b"data:", b"data: ", b":", b"event: a", b"\xef\xbb\xbf"]


def stream_of(recipe: bytes) -> list[bytes]:
    """Pieces of a stream, each of which begins with a byte that says what it is: a word of the framing, or so many of
    the bytes that follow. One draw for all takes a fraction of the time of one for each."""
    pieces, rest = [], recipe
    while rest:
        kind, rest = rest[0], rest[1:]
        size = kind % 7 if kind >= 128 else 0
        pieces.append(rest[:size] if kind >= 128 else FRAMING[kind % len(FRAMING)])
        rest = rest[size:]
    return pieces


@settings(max_examples=500, deadline=None)
@given((st.binary(max_size=20) | st.binary(min_size=20, max_size=60)).map(stream_of))
def test_any_bytes_are_read_as_the_standard_says(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    assert frames(pieces) == frames(bytewise(stream)) == frames([stream]) == reference(stream)
