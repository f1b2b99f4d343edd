"""Claude's messages from the wire: odd extras are no reason to lose an answer, odd essentials are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.dialects.claude_wire import Block, Delta, Head, Message, StreamEvent, read_event, read_message
from oai_bridge.plain.jsontext import read_any


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"type": "ping", "index": 1, "new": 5}, StreamEvent("ping", 1)),
        ({"type": "ping", "index": "x", "delta": 5}, StreamEvent("ping")),
        ({"type": "new", "index": "x", "delta": 5}, StreamEvent("new")),
        ({"type": "error", "error": "x", "message": 5}, StreamEvent("error")),
        (
            {"type": "content_block_start", "index": 2, "content_block": {"type": "new", "text": 5}},
            StreamEvent("content_block_start", 2, content_block=Block("new")),
        ),
        (
            {"type": "content_block_delta", "delta": {"type": "new_delta", "text": 5}},
            StreamEvent("content_block_delta", delta=Delta("new_delta")),
        ),
        (
            {"type": "message_start", "message": {"content": 5, "usage": 5}},
            StreamEvent("message_start", message=Head(usage=5)),
        ),
        ({"type": "message_delta", "usage": "x"}, StreamEvent("message_delta", usage="x")),
        (
            {"type": "message_delta", "delta": {"stop_details": 5}},
            StreamEvent("message_delta", delta=Delta(stop_details=5)),
        ),
        ({"type": "message_stop", "amazon-bedrock-invocationMetrics": 5}, StreamEvent("message_stop", metrics=5)),
    ],
)
def test_an_event(message: Any, event: StreamEvent) -> None:
    assert read_event(raw(message)) == event


@pytest.mark.parametrize(
    "message",
    [
        [],
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": 5}},
        {"type": "content_block_start", "content_block": {"type": "tool_use", "name": 5}},
        {"type": "content_block_stop", "index": "x"},
        {"type": "message_delta", "delta": {"stop_reason": 5}},
    ],
)
def test_what_is_essential_must_be_right(message: Any) -> None:
    with pytest.raises(ValueError, match="xpected"):
        read_event(raw(message))


def test_half_surrogates_are_survived() -> None:
    assert read_event(b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"a\\ud83d"}}').delta == Delta(
        "text_delta", "a?"
    )
    assert read_any(b'["\\ud83d"]') == ["?"]


def test_a_whole_message_keeps_its_blocks_as_they_came() -> None:
    new, text = {"type": "new", "text": 5, "more": [1]}, {"type": "text", "text": "Hi", "citations": None, "more": 1}
    message, blocks = read_message(raw({"type": "message", "content": [new, text], "usage": 5}))
    assert message == Message("message", content=[Block("new"), Block("text", text="Hi")], usage=5)
    assert blocks == [new, text]


@pytest.mark.parametrize(
    "body", [[], "x", {"content": 5}, {"content": ["x"]}, {"content": [{"type": "text", "text": 5}]}]
)
def test_what_is_no_message(body: Any) -> None:
    with pytest.raises(ValueError, match="xpected"):
        read_message(raw(body))
