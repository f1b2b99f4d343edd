"""Converse's answers as they come over the wire: strict about what an answer is made of, lenient about all the rest.

Shapes as `ConverseStreamOutput` and `ConverseResponse` in botocore's model of bedrock-runtime. What is not named here
(padding, metrics, traces, citations, pictures, kinds of blocks to come) is skipped; what only adds to an answer is
`Any`, so that an odd value there is no reason to lose the answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..plain.jsontext import read_any


class _Shape(msgspec.Struct, rename="camel"):
    pass


class ToolUse(_Shape):
    """A call: its beginning, a piece of its arguments (`input` is JSON text then), or all of it. `type` is that of
    Bedrock's own tools."""

    tool_use_id: str | None = None
    name: str | None = None
    input: Any = None
    type: str | None = None


class ReasoningText(_Shape):
    text: str | None = None
    signature: str | None = None


class Reasoning(_Shape):
    """A piece of a thought (`text` or `signature`), or all of it (`reasoning_text`); `redacted_content` is base64."""

    text: str | None = None
    signature: str | None = None
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class CitedText(_Shape):
    text: str | None = None


class Cited(_Shape):
    """A text with its sources, which are skipped."""

    content: list[CitedText] = []


class Block(_Shape):
    """A block of an answer, its beginning or a piece of it: one field is set, or none for a kind that isn't known."""

    text: str | None = None
    tool_use: ToolUse | None = None
    reasoning_content: Reasoning | None = None
    citations_content: Cited | None = None


class BlockEvent(_Shape):
    content_block_index: int = 0
    start: Block | None = None
    delta: Block | None = None


class MessageStop(_Shape):
    stop_reason: str | None = None


class Metadata(_Shape):
    usage: Any = None
    service_tier: Any = None


class StreamMessage(_Shape):
    """One event, under its name."""

    message_start: Any = None
    content_block_start: BlockEvent | None = None
    content_block_delta: BlockEvent | None = None
    content_block_stop: BlockEvent | None = None
    message_stop: MessageStop | None = None
    metadata: Metadata | None = None


class Message(_Shape):
    content: list[Block]


class Output(_Shape):
    message: Message


class Answer(_Shape):
    """An answer in one piece."""

    output: Output
    stop_reason: str | None = None
    usage: Any = None
    service_tier: Any = None


_read_stream = msgspec.json.Decoder(StreamMessage).decode
_read_answer = msgspec.json.Decoder(Answer).decode


def read_stream(message: bytes) -> StreamMessage:
    """One message of a stream. Raises `ValueError` or `RecursionError`."""
    try:
        return _read_stream(message)
    except (ValueError, RecursionError):
        return msgspec.convert(read_any(message), StreamMessage)


def read_answer(body: bytes) -> Answer:
    """An answer in one piece. Raises `ValueError` or `RecursionError`."""
    try:
        return _read_answer(body)
    except (ValueError, RecursionError):
        return msgspec.convert(read_any(body), Answer)
