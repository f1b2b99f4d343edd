"""Claude's answer, whole or in pieces, as events (Anthropic Messages API, also behind Vertex, Bedrock and Foundry)."""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import StreamBroken
from ..events import (
    Event,
    Failure,
    FinishReason,
    Ping,
    RedactedThinking,
    Signature,
    Start,
    Stop,
    Text,
    Thinking,
    ToolArguments,
    ToolStart,
    Usage,
    UsageReport,
)
from ..jsontext import read_repaired, write
from .claude_errors import error_from_body

_FINISH: dict[str | None, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "compaction": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class _Tokens(msgspec.Struct):
    """`usage`. Every number may be missing or null; in a stream later numbers replace earlier ones."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens_details: dict[str, Any] | None = None
    iterations: list[_Tokens] | None = None


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    input: Any = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class _Delta(msgspec.Struct):
    """A piece of a block, or the `delta` of `message_delta`."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None


class _Message(msgspec.Struct):
    type: str = ""
    id: str | None = None
    model: str | None = None
    content: list[_Block] = []
    usage: _Tokens | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: dict[str, Any] | None = None


class _StreamEvent(msgspec.Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: _Tokens | None = None
    error: Any = None


_read_event = msgspec.json.Decoder(_StreamEvent).decode
_EVENTS = {
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
}
_BLOCKS = {"text", "thinking", "redacted_thinking", "tool_use"}
_DELTAS = {"text_delta", "thinking_delta", "signature_delta", "input_json_delta"}


class ClaudeStream:
    """The messages of one stream, in order, to events. Total: whatever comes in, events come out.

    `Stop` comes with `message_stop` and not before, so that a stream that is cut after its stop reason can still end
    as the failure it is.
    """

    def __init__(self) -> None:
        self._started = False
        self._ended = False
        self._tokens = _Tokens()
        self._stop = _Delta()
        self._tools = 0  # tool calls so far; Claude's own block indexes count texts too
        self._open: dict[int, tuple[int, Any]] = {}  # block index → (our index, the start's input) until arguments come

    def feed(self, message: bytes) -> list[Event]:
        """The events of one JSON message."""
        if self._ended:
            return []
        try:
            events = self._translate(_decode(message), message)
        except (ValueError, RecursionError):
            events = [Failure(StreamBroken("The cloud sent something that is not part of a Claude stream; try again."))]
        if events and isinstance(events[-1], (Stop, Failure)):
            self._ended = True
        return events

    def _translate(self, event: _StreamEvent | None, message: bytes) -> list[Event]:
        if event is None:
            return []
        match event.type:
            case "content_block_delta" if event.delta is not None:
                return self._delta(event.index, event.delta)
            case "content_block_start" if event.content_block is not None:
                return self._block(event.index, event.content_block)
            case "content_block_stop":
                return self._block_end(event.index)
            case "message_start" if not self._started:
                self._started = True
                start = event.message or _Message()
                return [Start(start.id or "", start.model or ""), *self._usage(start.usage)]
            case "message_delta":
                if event.delta is not None and event.delta.stop_reason is not None:
                    self._stop = event.delta
                return self._usage(event.usage)
            case "message_stop" if self._started:
                return [_stop(self._stop.stop_reason, self._stop.stop_sequence, self._stop.stop_details, self._tools)]
            case "message_stop":
                return [Failure(StreamBroken("The cloud ended its answer before it began; try again."))]
            case "ping":
                return [Ping()]
            case kind if kind == "error" or event.error is not None:  # Google's own errors have no type
                return [Failure(error_from_body(None, message))]
        return []

    def _usage(self, tokens: _Tokens | None) -> list[Event]:
        if tokens is None:
            return []
        for field in _Tokens.__struct_fields__:
            if (value := getattr(tokens, field)) is not None:
                setattr(self._tokens, field, value)
        return [UsageReport(_usage(self._tokens))]

    def _block(self, index: int, block: _Block) -> list[Event]:
        match block.type:
            case "tool_use":
                self._open[index] = (self._tools, {} if block.input is None else block.input)
                self._tools += 1
                return [ToolStart(self._tools - 1, block.id or "", block.name or "")]
            case "text" if block.text:
                return [Text(block.text)]
            case "thinking" if block.thinking:
                return [Thinking(block.thinking)]
            case "redacted_thinking":
                return [RedactedThinking(block.data or "")]
        return []

    def _delta(self, index: int, delta: _Delta) -> list[Event]:
        match delta.type:
            case "text_delta" if delta.text:
                return [Text(delta.text)]
            case "thinking_delta" if delta.thinking:
                return [Thinking(delta.thinking)]
            case "signature_delta" if delta.signature:
                return [Signature(delta.signature)]
            case "input_json_delta" if delta.partial_json and index in self._open:
                call, _ = self._open[index]
                self._open[index] = (call, None)
                return [ToolArguments(call, delta.partial_json)]
        return []

    def _block_end(self, index: int) -> list[Event]:
        """Arguments that came whole with the block's start, or none at all, are told when the block ends."""
        call, given = self._open.pop(index, (-1, None))
        return [ToolArguments(call, write(given).decode())] if given is not None else []


def events_of_message(body: bytes) -> list[Event]:
    """A whole Messages answer as events; an error object, or anything else, as a `Failure`."""
    try:
        message = _read_message(body)
    except (ValueError, RecursionError):
        return [Failure(error_from_body(None, body))]
    if message.type != "message":
        return [Failure(error_from_body(None, body))]
    events: list[Event] = [Start(message.id or "", message.model or "")]
    tools = 0
    for block in message.content:
        match block.type:
            case "text":
                events.append(Text(block.text or ""))
            case "thinking":
                events += [Thinking(block.thinking or ""), Signature(block.signature or "")]
            case "redacted_thinking":
                events.append(RedactedThinking(block.data or ""))
            case "tool_use":
                events.append(ToolStart(tools, block.id or "", block.name or ""))
                events.append(ToolArguments(tools, write(block.input or {}).decode()))
                tools += 1
    events.append(UsageReport(_usage(message.usage or _Tokens())))
    events.append(_stop(message.stop_reason, message.stop_sequence, message.stop_details, tools))
    return events


def _read_message(body: bytes) -> _Message:
    """The message without the blocks of a kind that this program doesn't know, whatever their fields are."""
    value = _read_any(body)
    content = value.get("content") if isinstance(value, dict) else None
    if isinstance(content, list):
        value["content"] = [block for block in content if not _is_new(block, _BLOCKS)]
    return msgspec.convert(value, _Message)


def _decode(message: bytes) -> _StreamEvent | None:
    """The message; `None` where it, its block or its delta is of a kind that this program doesn't know, whatever the
    fields are."""
    try:
        return _read_event(message)
    except (ValueError, RecursionError):
        value = _read_any(message)
    if isinstance(value, dict):
        if value.get("type") == "error":
            return _StreamEvent("error")
        block, delta = value.get("content_block"), value.get("delta")
        if _is_new(value, _EVENTS) or _is_new(block, _BLOCKS) or _is_new(delta, _DELTAS):
            return None
    return msgspec.convert(value, _StreamEvent)


def _read_any(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return msgspec.json.decode(read_repaired(raw))


def _is_new(value: Any, known: set[str]) -> bool:
    """Whether a JSON object says that it is of another kind than the known ones."""
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind not in known


def _usage(tokens: _Tokens) -> Usage:
    parts = tokens.iterations or [tokens]
    details = tokens.output_tokens_details or {}
    reasoning = details.get("thinking_tokens")
    return Usage(
        input=sum(part.input_tokens or 0 for part in parts),
        output=sum(part.output_tokens or 0 for part in parts),
        cache_read=sum(part.cache_read_input_tokens or 0 for part in parts),
        cache_write=sum(part.cache_creation_input_tokens or 0 for part in parts),
        reasoning=reasoning if isinstance(reasoning, int) else None,
    )


def _stop(reason: str | None, sequence: str | None, details: dict[str, Any] | None, tools: int) -> Stop:
    finish = _FINISH.get(reason, "stop")
    if finish == "tool_calls" and not tools:
        finish = "stop"  # the cloud's own tools only: the client has nothing to answer
    refusal = None
    if reason == "refusal":
        explanation, category = (details or {}).get("explanation"), (details or {}).get("category")
        refusal = str(explanation or f"The model refused this request ({category or 'no reason given'}).")
    return Stop(finish, sequence, refusal)
