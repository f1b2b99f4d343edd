"""The answer of a model on Bedrock's Converse, whole or in pieces, as events: put into Claude's words and read as such.

Vendor source: "Converse" and "ConverseStream" in AWS's API reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..errors import BridgeError, StreamBroken
from ..events import Event, Failure
from ..plain.jsontext import write
from .aws_errors import error_from_aws
from .claude_reply import ClaudeStream
from .claude_wire import Block as ClaudeBlock
from .claude_wire import Delta, Head, StreamEvent
from .cloud_errors import AWS, in_place_of_answer
from .converse_wire import Answer, Block, BlockEvent, Reasoning, StreamMessage, ToolUse, read_answer, read_stream
from .reading import Reading

_Told = tuple[StreamEvent, bytes]
"""An event in Claude's words and, where a block begins, its JSON."""

_AS_SENT = Reading()
_COUNTS = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadInputTokens": "cache_read_input_tokens",
    "cacheWriteInputTokens": "cache_creation_input_tokens",
}
_TIERS = {"default": "standard", "priority": "priority"}  # Claude's words for them


class ConverseStream:
    """The messages of one answer, in order, to events: `feed` those of a stream, or `whole` an answer in one piece.
    Total: whatever comes in, events come out.

    The tokens are told in a message of their own, after the one with the stop reason. The answer ends when both have
    come, or with the stream where the tokens are missing.
    """

    def __init__(self, reading: Reading = _AS_SENT) -> None:
        self._claude = ClaudeStream(reading, AWS)
        self._kinds: dict[int, str] = {}  # of the blocks that have begun
        self._stopped = self._counted = self._ended = False

    def feed(self, message: bytes) -> list[Event]:
        """The events of one message of a stream: `{"<event type>": {…}}`."""
        if self._ended:
            return []
        try:
            return self._events(self._message(read_stream(message)))
        except (ValueError, RecursionError):
            return self._fail(StreamBroken("Bedrock sent something that is not part of a Converse stream; try again."))

    def whole(self, body: bytes) -> list[Event]:
        """The events of an answer that came in one piece; an error object, or anything else, as a `Failure`."""
        if self._ended:
            return []
        try:
            return self._events(self._answer(read_answer(body)))
        except (ValueError, RecursionError):
            return self._fail(in_place_of_answer(body, error_from_aws(None, {}, body)))

    def resume(self) -> None:
        """After a `Pause`: what comes next is the answer to another request and goes on with the same answer."""
        self._claude.resume()
        self._kinds.clear()
        self._stopped = self._counted = self._ended = False

    def end(self) -> list[Event]:
        """The stream has ended, and with it an answer whose stop reason has come."""
        return self._events(self._end()) if self._stopped and not self._ended else []

    def _events(self, told: Iterable[_Told]) -> list[Event]:
        return [event for one, message in told for event in self._claude.take(one, message)]

    def _fail(self, error: BridgeError) -> list[Event]:
        self._ended = True
        return [Failure(error)]

    # -- in Claude's words --------------------------------------------------------------------------------------------

    def _answer(self, answer: Answer) -> Iterator[_Told]:
        yield StreamEvent("message_start", message=Head()), b""
        for index, block in enumerate(answer.output.message.content):
            if (whole := _whole(block)) is not None:
                yield self._begin(index, whole)
                yield StreamEvent("content_block_stop", index), b""
        yield _counted(answer.usage, answer.service_tier), b""
        yield StreamEvent("message_delta", delta=Delta(stop_reason=answer.stop_reason)), b""
        yield from self._end()

    def _message(self, message: StreamMessage) -> Iterator[_Told]:
        if message.content_block_delta is not None:
            yield from self._piece(message.content_block_delta)
        elif message.content_block_start is not None:
            index, start = message.content_block_start.content_block_index, message.content_block_start.start
            if start is not None and start.tool_use is not None and start.tool_use.type is None:
                yield self._begin(index, _call(start.tool_use, {}))
        elif message.content_block_stop is not None:
            index = message.content_block_stop.content_block_index
            self._kinds.pop(index, None)
            yield StreamEvent("content_block_stop", index), b""
        elif message.message_start is not None:
            yield StreamEvent("message_start", message=Head()), b""
        elif message.message_stop is not None:
            self._stopped = True
            yield StreamEvent("message_delta", delta=Delta(stop_reason=message.message_stop.stop_reason)), b""
        elif message.metadata is not None:
            self._counted = True
            yield _counted(message.metadata.usage, message.metadata.service_tier), b""
        if self._stopped and self._counted:
            yield from self._end()

    def _piece(self, event: BlockEvent) -> Iterator[_Told]:
        """Only calls are announced: texts and thoughts begin with their first piece."""
        index, delta = event.content_block_index, event.delta
        if delta is None:
            return
        if delta.text is not None:
            yield from self._added(index, {"type": "text", "text": ""}, Delta("text_delta", text=delta.text))
        elif delta.tool_use is not None and isinstance(delta.tool_use.input, str):
            yield (
                StreamEvent(
                    "content_block_delta", index, delta=Delta("input_json_delta", partial_json=delta.tool_use.input)
                ),
                b"",
            )
        elif delta.reasoning_content is not None:
            yield from self._thought(index, delta.reasoning_content)

    def _thought(self, index: int, piece: Reasoning) -> Iterator[_Told]:
        begun = {"type": "thinking", "thinking": "", "signature": ""}
        if piece.text is not None:
            yield from self._added(index, begun, Delta("thinking_delta", thinking=piece.text))
        elif piece.signature is not None:
            yield from self._added(index, begun, Delta("signature_delta", signature=piece.signature))
        elif piece.redacted_content is not None:
            yield self._begin(index, {"type": "redacted_thinking", "data": piece.redacted_content})

    def _added(self, index: int, begun: dict[str, Any], delta: Delta) -> Iterator[_Told]:
        if self._kinds.get(index) != begun["type"]:
            yield self._begin(index, begun)
        yield StreamEvent("content_block_delta", index, delta=delta), b""

    def _begin(self, index: int, block: dict[str, Any]) -> _Told:
        self._kinds[index] = block["type"]
        event = StreamEvent("content_block_start", index, content_block=msgspec.convert(block, ClaudeBlock))
        return event, write({"content_block": block})

    def _end(self) -> Iterator[_Told]:
        self._ended = True
        yield StreamEvent("message_stop"), b""


def _whole(block: Block) -> dict[str, Any] | None:
    """A block of an answer in one piece; `None` for a kind that nobody is to know of."""
    if block.text is not None:
        return {"type": "text", "text": block.text}
    if block.tool_use is not None:
        return _call(block.tool_use, block.tool_use.input) if block.tool_use.type is None else None
    if block.citations_content is not None:
        return {"type": "text", "text": "".join(part.text or "" for part in block.citations_content.content)}
    thought = block.reasoning_content
    if thought is not None and thought.reasoning_text is not None:
        text = thought.reasoning_text
        return {"type": "thinking", "thinking": text.text or "", "signature": text.signature or ""}
    if thought is not None and thought.redacted_content is not None:
        return {"type": "redacted_thinking", "data": thought.redacted_content}
    return None


def _call(call: ToolUse, given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.tool_use_id or "", "name": call.name or "", "input": given}


def _counted(usage: Any, tier: Any) -> StreamEvent:
    if not isinstance(usage, dict):
        return StreamEvent("message_delta")
    counts = {ours: usage.get(theirs) for theirs, ours in _COUNTS.items()}
    details = usage.get("cacheDetails")
    hour = sum(
        count
        for one in (details if isinstance(details, list) else ())
        if isinstance(one, dict) and one.get("ttl") == "1h" and type(count := one.get("inputTokens")) is int
    )
    counts["cache_creation"] = {"ephemeral_1h_input_tokens": hour}
    kind = tier.get("type") if isinstance(tier, dict) else None
    if isinstance(kind, str):
        counts["service_tier"] = _TIERS.get(kind)
    return StreamEvent("message_delta", usage=counts)
