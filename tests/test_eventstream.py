"""AWS's event stream: framing as AWS has it and botocore reads it, the same for any split, bounded, total, linear."""

from __future__ import annotations

import base64
import json
import random
import struct
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.wire.eventstream import EventStreamDecoder, Message
from oai_bridge.wire.frames import FrameError
from tests.support import aws_frames
from tests.support.aws_frames import Header, converse_frame, event_frame, frame
from tests.support.aws_vectors import GENERATED, OFFICIAL, RECORDED, generated_frames, recorded_frames
from tests.support.splits import bytewise, everywhere, in_two


def messages(pieces: Iterable[bytes], limit: int = 100_000) -> list[Message | FrameError]:
    decoder = EventStreamDecoder(limit)
    return [*(message for piece in pieces for message in decoder.feed(piece)), *decoder.close()]


def by_botocore(stream: bytes) -> list[Message]:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [Message(message.headers, message.payload) for message in buffer]


def sealed(encoded: bytes, payload: bytes = b"", length: int | None = None, headers: int | None = None) -> bytes:
    """A message with any bytes as headers, and any lengths, whose checksums are right."""
    length = 16 + len(encoded) + len(payload) if length is None else length
    prelude = struct.pack(">II", length, len(encoded) if headers is None else headers)
    message = prelude + struct.pack(">I", crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", crc32(message))


# -- recorded, and AWS's own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in (OFFICIAL / "encoded" / "positive").iterdir()))
def test_official_messages(name: str) -> None:
    stream = (OFFICIAL / "encoded" / "positive" / name).read_bytes()
    told = json.loads((OFFICIAL / "decoded" / "positive" / name).read_text())
    encoded = {aws_frames.BYTES, aws_frames.UUID}
    headers: dict[str, Any] = {}
    for header in told["headers"]:
        value = header["value"]
        if header["type"] == aws_frames.STRING:
            value = base64.b64decode(value).decode()
        headers[header["name"]] = base64.b64decode(value) if header["type"] in encoded else value
    expected = [Message(headers, base64.b64decode(told["payload"]))]
    for pieces in ([stream], bytewise(stream), *in_two(stream)):
        assert messages(pieces) == expected


@pytest.mark.parametrize("name", sorted(path.name for path in (OFFICIAL / "encoded" / "negative").iterdir()))
def test_official_garbage(name: str) -> None:
    stream = (OFFICIAL / "encoded" / "negative" / name).read_bytes()
    part = (OFFICIAL / "decoded" / "negative" / name).read_text().split()[0]
    what = {
        "Prelude": "the checksum of a message's beginning is wrong",
        "Message": "the checksum of a message is wrong",
    }
    for pieces in ([stream], bytewise(stream), *in_two(stream)):
        assert messages([*pieces, frame({})]) == [FrameError(what[part])]


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.name)
def test_recorded_streams(file: Path) -> None:
    stream = file.read_bytes()
    expected = messages([stream])
    told = recorded_frames(file)
    assert [(message.headers, json.loads(message.payload)) for message in expected if isinstance(message, Message)] == [
        (each["headers"], each["payload"]) for each in told
    ]
    assert len(expected) == len(told)
    for pieces in (bytewise(stream), *everywhere(stream)):
        assert messages(pieces) == expected


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.name)
def test_the_tests_own_encoder_writes_as_bedrock_does(file: Path) -> None:
    written = b"".join(event_frame(told["headers"][":event-type"], told["payload"]) for told in recorded_frames(file))
    assert written == file.read_bytes()


@pytest.mark.parametrize("file", GENERATED, ids=lambda file: file.name)
def test_generated_streams(file: Path) -> None:
    stream = file.read_bytes()
    expected = [Message(told["headers"], told["body"].encode()) for told in generated_frames(file)]
    for pieces in ([stream], bytewise(stream), *in_two(stream)):
        assert messages(pieces) == expected


# -- any message ------------------------------------------------------------------------------------------------------


def integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


TYPED: st.SearchStrategy[Header] = st.one_of(
    st.just((aws_frames.TRUE, True)),
    st.just((aws_frames.FALSE, False)),
    st.tuples(st.just(aws_frames.BYTE), integers(8)),
    st.tuples(st.just(aws_frames.SHORT), integers(16)),
    st.tuples(st.just(aws_frames.INTEGER), integers(32)),
    st.tuples(st.just(aws_frames.LONG), integers(64)),
    st.tuples(st.just(aws_frames.BYTES), st.binary(max_size=300)),
    st.text(max_size=20),
    st.tuples(st.just(aws_frames.TIMESTAMP), integers(64)),
    st.tuples(st.just(aws_frames.UUID), st.binary(min_size=16, max_size=16)),
)
HEADERS = st.dictionaries(st.text(max_size=20), TYPED, max_size=6)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(HEADERS, st.binary(max_size=100)), max_size=4), st.data())
def test_any_messages_are_read_as_botocore_reads_them(given: list[tuple[dict[str, Header], bytes]], data: Any) -> None:
    stream = b"".join(frame(headers, payload) for headers, payload in given)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]
    values = [
        {name: value[1] if isinstance(value, tuple) else value for name, value in each.items()} for each, _ in given
    ]
    expected = [Message(headers, payload) for headers, (_, payload) in zip(values, given, strict=True)]
    assert by_botocore(stream) == expected, "the tests' own encoder"
    assert messages(pieces) == messages(bytewise(stream)) == expected


def test_a_message_is_out_with_its_last_byte() -> None:
    decoder = EventStreamDecoder()
    first, second = frame({"a": "1"}, b"one"), frame({"a": "2"}, b"two")
    assert decoder.feed(first[:-1]) == decoder.feed(b"") == []
    assert decoder.feed(first[-1:] + second[:5]) == [Message({"a": "1"}, b"one")]
    assert decoder.feed(second[5:] + first) == [Message({"a": "2"}, b"two"), Message({"a": "1"}, b"one")]
    assert decoder.close() == decoder.feed(first) == []


def test_a_value_ends_where_the_next_name_begins() -> None:
    encoded = b"\1a\x09" + b"u" * 16 + b"\1b\7\0\1c\1d\x08" + bytes(7) + b"\2"
    assert messages([sealed(encoded)]) == [Message({"a": b"u" * 16, "b": "c", "d": 2}, b"")]


def test_messages_with_the_same_headers_share_them() -> None:
    first, second = messages([converse_frame("a", {}) + converse_frame("a", {"b": 1})])
    assert isinstance(first, Message) and isinstance(second, Message)
    assert first.headers is second.headers
    with pytest.raises(TypeError):
        first.headers[":event-type"] = "b"  # type: ignore[index]  # it is read only


# -- garbage ----------------------------------------------------------------------------------------------------------


def test_a_cut_is_told_wherever_it_is() -> None:
    one = frame({"a": "b"}, b"payload")
    whole = Message({"a": "b"}, b"payload")
    for end in range(1, len(one)):
        assert messages([one + one[:end]]) == [whole, FrameError("the stream ends in the middle of a message")]
    assert messages([one + one]) == [whole, whole]
    assert messages([]) == messages([b""]) == []


TOO_LARGE = FrameError("a message of the stream is larger than 100000 bytes")
IMPOSSIBLE = FrameError("the lengths of a message are impossible")
UNREADABLE = FrameError("the headers of a message can't be read")


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (sealed(b"", length=100_001)[:12], TOO_LARGE),
        (sealed(b"", length=2**32 - 1, headers=2**32 - 1)[:12], TOO_LARGE),
        (sealed(b"", length=15)[:12], IMPOSSIBLE),
        (sealed(b"", length=0)[:12], IMPOSSIBLE),
        (sealed(b"", length=20, headers=5)[:12], IMPOSSIBLE),
        (sealed(b"\0"), UNREADABLE),
        (sealed(b"\1a"), UNREADABLE),  # ends before the type
        (sealed(b"\5a\0"), UNREADABLE),  # the name is longer than all headers
        (sealed(b"\1a\x0a"), UNREADABLE),  # no such type
        (sealed(b"\1a\xff\0"), UNREADABLE),
        (sealed(b"\1\xff\0"), UNREADABLE),  # a name that is not UTF-8
        (sealed(b"\1a\7\0\1\xff"), UNREADABLE),  # a text that is not UTF-8
        (sealed(b"\1a\7\0"), UNREADABLE),  # a length that is cut
        (sealed(b"\1a\7\0\2x", b"payload"), UNREADABLE),  # longer than all headers: the payload is none
        (sealed(b"\1a\4\0\0\0", b"payload"), UNREADABLE),
        (sealed(b"\1a\x09" + bytes(15), b"payload"), UNREADABLE),
        (sealed(b"\1a\0\1a\1"), FrameError("a header is there twice")),
        (b"HTTP/1.1 200 OK\r\n\r\n", FrameError("the checksum of a message's beginning is wrong")),
    ],
)
def test_garbage_is_told_once_after_what_was_whole(stream: bytes, error: FrameError) -> None:
    good = frame({"a": "b"}, b"payload")
    for pieces in ([good + stream + good], bytewise(good + stream + good)):
        assert messages([*pieces, good]) == [Message({"a": "b"}, b"payload"), error]


def test_headers_are_bounded_as_aws_bounds_them() -> None:
    largest, over = bytes([1, 97, 6]), bytes([1, 98, 6])
    value = struct.pack(">H", 65535) + bytes(65535)
    encoded = largest + value + over + value  # 131,072 bytes are 128 KB
    assert len(encoded) == 131_080
    assert messages([sealed(encoded)], limit=2**20) == [IMPOSSIBLE]
    fitting = largest + value + over + struct.pack(">H", 65527) + bytes(65527)
    assert messages([sealed(fitting)], limit=2**20) == [Message({"a": bytes(65535), "b": bytes(65527)}, b"")]


def test_a_message_may_have_8_mb() -> None:
    largest = 8 * 1024 * 1024
    assert EventStreamDecoder().feed(sealed(b"", length=largest)[:12]) == []
    over = EventStreamDecoder().feed(sealed(b"", length=largest + 1)[:12])
    assert over == [FrameError("a message of the stream is larger than 8388608 bytes")]


@pytest.mark.parametrize(("size", "whole"), [(84, True), (85, False)])
def test_the_limit_is_that_of_a_whole_message(size: int, whole: bool) -> None:
    stream = frame({}, bytes(size))
    for pieces in ([stream], bytewise(stream)):
        assert isinstance(messages(pieces, limit=100)[0], Message) is whole
    assert EventStreamDecoder(limit=100).feed(stream[:12]) == ([] if whole else messages([stream], limit=100))


def damaged(dice: random.Random) -> bytes:
    """Half of them have right checksums, so that what is behind those is reached."""
    headers: dict[str, Header] = {":event-type": "chunk", "n": (aws_frames.LONG, 5), "b": (aws_frames.BYTES, b"12")}
    stream = frame(headers, b'{"bytes":"e30="}')
    start, end = (12, len(stream) - 16) if (resealed := dice.random() < 0.5) else (0, len(stream))
    part = bytearray(stream[start:end])
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(part) + 1)
        match dice.randrange(4):
            case 0:
                part[at : at + 1] = dice.randbytes(1)
            case 1:
                del part[at : at + dice.randint(1, 20)]
            case 2:
                part[at:at] = dice.randbytes(dice.randint(1, 20))
            case 3:
                part[at:at] = part[: dice.randint(1, 20)]
    return sealed(bytes(part), b"payload") if resealed else bytes(part)


def test_thousands_of_damaged_streams_end_in_a_message_or_an_error() -> None:
    dice = random.Random(5)
    good = frame({"a": "b"}, b"payload")
    seen = set()
    for _ in range(6000):
        stream = good + damaged(dice) + good
        cut = dice.randrange(len(stream))
        out = messages([stream[:cut], stream[cut:]])
        assert out[0] == Message({"a": "b"}, b"payload")
        assert not any(isinstance(message, FrameError) for message in out[:-1])
        assert out == messages([stream])
        seen.add(out[-1].reason if isinstance(out[-1], FrameError) else "")
    assert len(seen) >= 6, "many kinds of damage are reached, and some that does no harm"


def in_sevens(stream: bytes) -> list[bytes]:
    return [stream[start : start + 7] for start in range(0, len(stream), 7)]


# -- time -------------------------------------------------------------------------------------------------------------

FRAMES = converse_frame("contentBlockDelta", {"delta": {"text": "word"}}) * 100


@pytest.mark.parametrize(
    "pieces",
    [
        lambda times: [FRAMES * times],
        lambda times: bytewise(FRAMES[: len(FRAMES) // 20] * times),
        lambda times: bytewise(frame({}, bytes(10_000 * times))),
        lambda times: in_sevens(frame({}, bytes(10_000 * times))),
    ],
    ids=["many in one piece", "many in single bytes", "a large one in single bytes", "a large one in small pieces"],
)
def test_64_times_the_bytes_take_about_64_times_the_time(pieces: Callable[[int], list[bytes]]) -> None:
    def seconds(times: int) -> float:
        given = pieces(times)
        best = 1e9
        for _ in range(3):
            begun = time.process_time()
            assert messages(given, limit=10**6)
            best = min(best, time.process_time() - begun)
        return best

    assert seconds(64) < 160 * seconds(1)
