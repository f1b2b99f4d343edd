"""Claude's messages as they come over the wire: strict about what an answer is made of, lenient about all the rest.

Shapes as in Anthropic's "Messages" and "Streaming" pages and `anthropic/types`. What only adds to an answer (usage,
details, citations) is `Any` here, so that an odd value there is no reason to lose the answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..plain.jsontext import read_any

_EVENTS = {  # what an answer is made of; a ping is no part of it and may hold anything
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
}
_BLOCKS = {"text", "thinking", "redacted_thinking", "tool_use"}
_DELTAS = {"text_delta", "thinking_delta", "signature_delta", "input_json_delta"}


class Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    input: Any = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    citations: Any = None


class Delta(msgspec.Struct):
    """A piece of a block, or the `delta` of `message_delta`."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None


class Head(msgspec.Struct):
    """What `message_start` says of the message."""

    id: str | None = None
    model: str | None = None
    usage: Any = None


class StreamEvent(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: Head | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: Any = None
    error: Any = None
    metrics: Any = msgspec.field(default=None, name="amazon-bedrock-invocationMetrics")
    guardrail: Any = msgspec.field(default=None, name="amazon-bedrock-guardrailAction")


class Message(msgspec.Struct):
    """An answer in one piece."""

    type: str = ""
    id: str | None = None
    model: str | None = None
    content: list[Block] = []
    usage: Any = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None
    guardrail: Any = msgspec.field(default=None, name="amazon-bedrock-guardrailAction")


_read_event = msgspec.json.Decoder(StreamEvent).decode


def read_event(message: bytes) -> StreamEvent:
    """One message of a stream. A block or a delta of a kind that this program doesn't know comes with its type alone,
    whatever its fields are; so does an event. Raises `ValueError` or `RecursionError`."""
    try:
        return _read_event(message)
    except (ValueError, RecursionError):
        value = read_any(message)
    if isinstance(value, dict):
        if value.get("type") == "error" or _is_new(value, _EVENTS):
            return StreamEvent(value["type"])
        for key, known in (("content_block", _BLOCKS), ("delta", _DELTAS)):
            if _is_new(value.get(key), known):
                value[key] = {"type": value[key]["type"]}
    return msgspec.convert(value, StreamEvent)


def read_message(body: bytes) -> tuple[Message, list[dict[str, Any]]]:
    """An answer in one piece, and its blocks with all that they hold. Raises `ValueError` or `RecursionError`."""
    value = read_any(body)
    content = value.get("content") if isinstance(value, dict) else None
    if isinstance(content, list):
        value["content"] = [{"type": block["type"]} if _is_new(block, _BLOCKS) else block for block in content]
    return msgspec.convert(value, Message), content or []


def _is_new(value: Any, known: set[str]) -> bool:
    """Whether a JSON object says that it is of another kind than the known ones."""
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind not in known
