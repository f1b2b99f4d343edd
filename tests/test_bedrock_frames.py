"""Bedrock's two kinds of streams as messages: recorded ones, exceptions wherever they come, garbage, any damage."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.dialects.bedrock_frames import ConverseDecoder, InvokeDecoder
from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.errors import CloudError
from oai_bridge.events import Failure, Stop, Text
from oai_bridge.wire.frames import Frame, FrameError
from tests.support.aws_frames import (
    converse_frame,
    error_frame,
    event_frame,
    exception_frame,
    frame,
    invoke_frame,
    invoke_frames,
)
from tests.support.aws_vectors import GENERATED, RECORDED, generated_frames, recorded_frames
from tests.support.splits import TROUBLE, bytewise, everywhere, in_two

New = Callable[[], InvokeDecoder | ConverseDecoder]


def read(new: New, pieces: Iterable[bytes]) -> list[Frame]:
    decoder = new()
    return [*(message for piece in pieces for message in decoder.feed(piece)), *decoder.close()]


def told(error: Frame) -> tuple[int, str | None, bool | None]:
    assert isinstance(error, CloudError)
    return error.status, error.code, error.retry


def shown(frames: list[Frame]) -> list[object]:
    """The frames as values that can be compared."""
    return [(*told(each), each.message) if isinstance(each, CloudError) else each for each in frames]


# -- whole streams ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.name)
def test_recorded_streams(file: Path) -> None:
    stream, frames = file.read_bytes(), recorded_frames(file)
    new: New
    if "chunk" in frames[0]:
        new, expected = InvokeDecoder, [each["chunk"] for each in frames]
    else:
        new, expected = ConverseDecoder, [{each["headers"][":event-type"]: each["payload"]} for each in frames]
    messages = read(new, [stream])
    assert [json.loads(message) for message in messages if isinstance(message, bytes)] == expected
    assert len(messages) == len(expected)
    for pieces in (bytewise(stream), *everywhere(stream)):
        assert read(new, pieces) == messages


def test_a_recorded_answer_of_claude_is_whole() -> None:
    (file,) = (file for file in RECORDED if "completion_streaming" in file.name)
    claude = ClaudeStream()
    messages = read(InvokeDecoder, [file.read_bytes()])
    events = [event for message in messages if isinstance(message, bytes) for event in claude.feed(message)]
    assert isinstance(events[-1], Stop)
    assert "".join(event.text for event in events if isinstance(event, Text)).startswith("Why ")


EXCEPTIONS = {
    "internalServerException": (500, None, None),
    "modelStreamErrorException": (503, "model_error", None),
    "modelTimeoutException": (504, "timeout", None),
    "serviceUnavailableException": (503, "service_unavailable", None),
    "throttlingException": (429, "rate_limit_exceeded", None),
    "validationException": (400, None, False),
    "InternalError": (500, None, None),
}


@pytest.mark.parametrize("file", GENERATED, ids=lambda file: file.name)
def test_generated_streams(file: Path) -> None:
    """As botocore reads them, and nothing after an error."""
    stream = file.read_bytes()
    for pieces in ([stream], bytewise(stream), *in_two(stream)):
        messages = read(InvokeDecoder, [*pieces, invoke_frame({"type": "message_stop"})])
        for expected, message in zip(generated_frames(file), messages, strict=False):
            if expected["status_code"] == 200:
                assert message == base64.b64decode(json.loads(expected["body"])["bytes"])
                continue
            headers = expected["headers"]
            assert told(message) == EXCEPTIONS[headers.get(":exception-type") or headers[":error-code"]]
            assert message is messages[-1]
        fails = generated_frames(file)[-1]["status_code"] != 200
        assert len(messages) == len(generated_frames(file)) + (not fails)


@pytest.mark.parametrize("new", [InvokeDecoder, ConverseDecoder])
@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (exception_frame("throttlingException", "Too many tokens."), (429, "rate_limit_exceeded", None)),
        (exception_frame("brandNewException", "New."), (502, "upstream_error", None)),
        (
            exception_frame(
                "validationException", "The model returned the following errors: prompt is too long: 2 > 1"
            ),
            (400, "context_length_exceeded", False),
        ),
        (exception_frame("modelStreamErrorException", "No.", originalStatusCode=500), (500, "model_error", None)),
        (error_frame("ThrottlingException", "Too many tokens."), (429, "rate_limit_exceeded", None)),
        (error_frame("BrandNew", "New."), (502, "upstream_error", None)),
        (error_frame("", ""), (502, "upstream_error", None)),
        (frame({":message-type": "exception"}, b""), (502, "upstream_error", None)),
        (frame({":message-type": "exception", ":exception-type": (5, 7)}, b"[]"), (502, "upstream_error", None)),
        (
            frame({":message-type": "exception", ":exception-type": "throttlingException"}, b"plain text"),
            (429, "rate_limit_exceeded", None),
        ),
        (frame({":message-type": "error"}, b"{}"), (502, "upstream_error", None)),
    ],
)
def test_an_error_is_the_last_of_a_stream(new: New, last: bytes, expected: tuple[int, str | None, bool | None]) -> None:
    first = event_frame("chunk", {"bytes": "e30="})
    for pieces in (
        [first + last + first + last],
        bytewise(first + last + first),
        [first, last[:20], last[20:], first[:9]],
    ):
        messages = read(new, pieces)
        assert isinstance(messages[0], bytes)
        assert told(messages[1]) == expected
        assert len(messages) == 2


def test_the_words_of_an_error_are_the_clouds() -> None:
    (exception,) = read(InvokeDecoder, [exception_frame("serviceUnavailableException", "Too many connections.")])
    (error,) = read(ConverseDecoder, [error_frame("InternalError", "An internal server error occurred")])
    (plain,) = read(ConverseDecoder, [frame({":message-type": "exception"}, b"plain text")])
    assert shown([exception, error, plain]) == [
        (503, "service_unavailable", None, "Too many connections. Try again in a minute."),
        (500, None, None, "An internal server error occurred. The cloud failed; try again."),
        (
            502,
            "upstream_error",
            None,
            "The cloud told an error without words that can be shown. "
            "Try again; if it stays, look at the answer in mitmweb.",
        ),
    ]


# -- events -----------------------------------------------------------------------------------------------------------


def test_what_is_no_chunk_is_skipped_by_invoke() -> None:
    stream = (
        event_frame("initial-response", {})
        + event_frame("brandNew", {"bytes": "e30="})
        + frame({":message-type": "event"}, b"garbage")
        + frame({":message-type": "event", ":event-type": (5, 1)}, b"garbage")
        + frame({})
        + invoke_frames([{"type": "ping"}])
    )
    assert read(InvokeDecoder, [stream]) == [b'{"type":"ping"}']


def test_converse_names_each_event() -> None:
    stream = (
        converse_frame("messageStart", {"role": "assistant"})
        + event_frame("brandNew", {"a": [1]})
        + event_frame('a"b', {})
        + frame({":message-type": "event"}, b"garbage")
        + frame({":message-type": "brand new", ":event-type": "messageStop"}, b"{}")
    )
    messages = read(ConverseDecoder, [stream])
    start, *others = (json.loads(message) for message in messages if isinstance(message, bytes))
    assert start["messageStart"].pop("p")
    assert [start, *others] == [
        {"messageStart": {"role": "assistant"}},
        {"brandNew": {"a": [1]}},
        {'a"b': {}},
        {"messageStop": {}},
    ]
    assert len(messages) == 4


def test_half_an_emoji_is_no_garbage() -> None:
    payload = rb'{"delta":{"text":"a\ud83d"}}'
    (message,) = read(ConverseDecoder, [frame({":event-type": "contentBlockDelta"}, payload)])
    assert json.loads(message) == {"contentBlockDelta": {"delta": {"text": "a?"}}}


GARBAGE = FrameError("the payload of an event is not what Bedrock promises")


@pytest.mark.parametrize(
    ("new", "payload"),
    [
        *(
            (new, payload)
            for new in (InvokeDecoder, ConverseDecoder)
            for payload in (b"", b"{", b"[]", b"7", b"null", b'"a"')
        ),
        *((new, b'{"bytes":' * 5000) for new in (InvokeDecoder, ConverseDecoder)),
        (InvokeDecoder, b"{}"),
        (InvokeDecoder, b'{"bytes":null}'),
        (InvokeDecoder, b'{"bytes":7}'),
        (InvokeDecoder, b'{"bytes":"e3"}'),  # not padded
        (InvokeDecoder, b'{"bytes":"!!!!"}'),
        (ConverseDecoder, b'{},"messageStop":{}'),
        (ConverseDecoder, b"{}{}"),
        (ConverseDecoder, b'{"a":NaN}'),
    ],
)
def test_garbage_in_a_right_frame(new: New, payload: bytes) -> None:
    good = event_frame("chunk", {"bytes": "e30="})
    first, *rest = read(new, [good + frame({":event-type": "chunk"}, payload) + good])
    assert isinstance(first, bytes)
    assert rest == [GARBAGE]


@pytest.mark.parametrize("new", [InvokeDecoder, ConverseDecoder])
def test_a_cut_in_a_frame_is_told_once(new: New) -> None:
    good = event_frame("chunk", {"bytes": "e30="})
    decoder = new()
    assert len(decoder.feed(good + good[:50])) == 1
    assert decoder.close() == [FrameError("the stream ends in the middle of a message")]
    assert decoder.close() == decoder.feed(good) == []


# -- damage -----------------------------------------------------------------------------------------------------------

PIECES = [*TROUBLE, b"e30=", b'"bytes"', b"{}", b"[]", b"\xf0\x9f", b"[" * 50]


def damaged(dice: random.Random, payload: bytes) -> bytes:
    for _ in range(dice.randint(0, 2)):
        at = dice.randrange(len(payload) + 1)
        payload = payload[:at] + dice.choice(PIECES) + payload[at + dice.choice([0, 0, 1, 9]) :]
    return payload


@pytest.mark.parametrize(
    ("new", "kind", "value"),
    [
        (InvokeDecoder, "chunk", {"bytes": "eyJ0eXBlIjoicGluZyJ9", "p": "abc"}),
        (ConverseDecoder, "contentBlockDelta", {"delta": {"text": "wörd"}, "contentBlockIndex": 0, "p": "abc"}),
    ],
)
def test_thousands_of_damaged_streams_have_at_most_one_error(new: New, kind: str, value: dict[str, Any]) -> None:
    dice = random.Random(7)
    payload = json.dumps(value).encode()
    seen: set[type] = set()
    for _ in range(3000):
        headers = {
            ":event-type": dice.choice([kind, kind, "x"]),
            ":exception-type": dice.choice(["throttlingException", ""]),
            ":message-type": dice.choice(["event", "event", "event", "exception", "error", ""]),
        }
        stream = b"".join(frame(headers, damaged(dice, payload)) for _ in range(3))
        if dice.random() < 0.3:
            stream = damaged(dice, stream)
        at = dice.randrange(len(stream) + 1)
        messages = read(new, [stream[:at], stream[at:]])
        assert all(isinstance(message, bytes) for message in messages[:-1])
        assert shown(read(new, [stream])) == shown(messages)
        seen |= set(map(type, messages))
    assert seen == {bytes, FrameError, CloudError}


def test_an_error_of_anthropic_inside_is_the_dialects_to_tell() -> None:
    inner = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    (message,) = read(InvokeDecoder, [invoke_frame(inner)])
    assert isinstance(message, bytes)
    (failure,) = ClaudeStream().feed(message)
    assert isinstance(failure, Failure)
    assert told(failure.error) == (503, "overloaded", None)
