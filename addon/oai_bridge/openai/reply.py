"""Events to what an OpenAI client reads: a stream of chunks, or one completion.

Both keep one rule: an answer ends once, either whole (`finish_reason`, then `[DONE]`) or as an error.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import BridgeError
from ..events import (
    Citation,
    CustomCall,
    Event,
    Failure,
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
from ..plain.jsontext import one_line, write
from .shapes import REASONING_FIELDS, annotation, custom_call, redacted_thought, signed_thought, usage_object


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """What an answer repeats of its request, and the form in which the client wants it. `model` is the client's own
    name for it, `created` in Unix seconds.

    `legacy_functions`: a call is told as `function_call`, and the first one alone. `thinking_blocks`: thoughts are told
    with their signatures, too, so that they can be sent back. `reasoning_field`: where their text goes.
    """

    model: str
    created: int
    request_id: str
    include_usage: bool = False
    legacy_functions: bool = False
    thinking_blocks: bool = False
    reasoning_field: Literal["reasoning_content", "reasoning", "both"] = "reasoning_content"


def error_event(error: BridgeError) -> bytes:
    """The one error event of a broken stream. `choices` is there since SillyTavern reads it in every event."""
    return b"data: %s\n\n" % one_line(write({"error": error.to_object(), "choices": []}))


def _completion_id(start: Start | None, to: ReplyTo) -> str:
    return f"chatcmpl-{start.id if start and start.id else to.request_id}"


def _finish_reason(stop: Stop, to: ReplyTo) -> str:
    return "function_call" if to.legacy_functions and stop.reason == "tool_calls" else stop.reason


class ChunkWriter:
    """Writes events as `chat.completion.chunk`s in server-sent events, in the order of OpenAI's streams."""

    def __init__(self, to: ReplyTo) -> None:
        self._to = to
        self._usage = Usage()
        self._thought: list[str] = []  # since the last signature
        self._entries = Counter[str]()  # of lists that come one by one
        self._reasoning = b"{%s}" % b",".join(
            b'"%s":%%(text)b' % name.encode() for name in REASONING_FIELDS[to.reasoning_field]
        )
        self._head = b""  # `data: {"id": …, "choices": [{"index": 0, "delta": `: the same in every chunk
        self._tail = b',"usage":null' if to.include_usage else b""
        self._rest = b',"logprobs":null,"finish_reason":null}]%s}\n\n' % self._tail  # after each delta but the last
        self._ended = False

    def write(self, event: Event) -> bytes:
        """The bytes for one event, often none. After the ending there are no more."""
        if self._ended:
            return b""
        match event:
            case Text(text):
                return self._chunk(b'{"content":%s}' % write(text))
            case Thinking(text):
                if self._to.thinking_blocks:
                    self._thought.append(text)
                return self._chunk(self._reasoning % {b"text": write(text)})
            case ToolArguments(index, json):
                return self._arguments(index, json)
            case ToolStart():
                return self._call(event)
            case CustomCall(index):
                return self._chunk(write({"tool_calls": [{"index": index, **custom_call(event)}]}))
            case Signature(signature) if self._to.thinking_blocks:
                return self._signed(signature)
            case RedactedThinking() if self._to.thinking_blocks:
                return self._entry("thinking_blocks", redacted_thought(event))
            case Citation():
                return self._entry("annotations", annotation(event))
            case UsageReport(usage):
                self._usage = usage
            case Start() if not self._head:
                return self._begin(event)
            case Ping():
                return b": ping\n\n"
            case Stop():
                return self._finish(event)
            case Failure(error):
                self._ended = True
                return error_event(error)
        return b""

    def _begin(self, start: Start | None) -> bytes:
        to = self._to
        base = write(
            {
                "id": _completion_id(start, to),
                "object": "chat.completion.chunk",
                "created": to.created,
                "model": to.model,
            }
        )
        self._head = b'data: %s,"choices":[{"index":0,"delta":' % one_line(base)[:-1]
        return self._chunk(b'{"role":"assistant","content":""}')

    def _call(self, start: ToolStart) -> bytes:
        function = {"name": start.name, "arguments": ""}
        if not self._to.legacy_functions:
            call = {"index": start.index, "id": start.id, "type": "function", "function": function}
            return self._chunk(write({"tool_calls": [call]}))
        return b"" if start.index else self._chunk(write({"function_call": function}))

    def _arguments(self, index: int, json: str) -> bytes:
        if not self._to.legacy_functions:
            return self._chunk(write({"tool_calls": [{"index": index, "function": {"arguments": json}}]}))
        return b"" if index else self._chunk(write({"function_call": {"arguments": json}}))

    def _signed(self, signature: str) -> bytes:
        thinking, self._thought = "".join(self._thought), []
        return self._entry("thinking_blocks", signed_thought(thinking, signature)) if signature else b""

    def _entry(self, field: str, entry: dict[str, Any]) -> bytes:
        """One more entry of a list. OpenAI's SDK puts the chunks' lists together by the entries' `index`."""
        self._entries[field] += 1
        return self._chunk(write({field: [{"index": self._entries[field] - 1, **entry}]}))

    def _chunk(self, delta: bytes) -> bytes:
        first = b"" if self._head else self._begin(None)
        return first + self._head + one_line(delta) + self._rest

    def _finish(self, stop: Stop) -> bytes:
        first = b"" if self._head else self._begin(None)
        ending = b'"finish_reason":"%s"' % _finish_reason(stop, self._to).encode()
        if stop.stop_sequence is not None:
            ending += b',"stop_sequence":%s' % one_line(write(stop.stop_sequence))
        tier = b',"service_tier":"%s"' % self._usage.tier.encode() if self._usage.tier else b""
        delta = b"{}" if stop.refusal is None else one_line(write({"refusal": stop.refusal}))
        last = b'%s%s%s,"logprobs":null,%s}]%s%s}\n\n' % (first, self._head, delta, ending, tier, self._tail)
        if self._to.include_usage:
            usage = one_line(write(usage_object(self._usage)))
            last += b'%s,"choices":[]%s,"usage":%s}\n\n' % (self._head.partition(b',"choices":')[0], tier, usage)
        self._ended = True
        return last + b"data: [DONE]\n\n"


class Completion:
    """Gathers events into one `chat.completion`."""

    def __init__(self, to: ReplyTo) -> None:
        self._to = to
        self._start: Start | None = None
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._thought: list[str] = []  # since the last signature
        self._blocks: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._arguments: dict[int, list[str]] = {}
        self._usage = Usage()

    def add(self, event: Event) -> bytes | None:
        """Takes one event; with `Stop` the whole body comes back. Raises the error of a `Failure`."""
        match event:
            case Start():
                self._start = event
            case Text(text):
                self._texts.append(text)
            case Thinking(text):
                self._thoughts.append(text)
                self._thought.append(text)
            case Signature(signature):
                if signature:
                    self._blocks.append(signed_thought("".join(self._thought), signature))
                self._thought = []
            case RedactedThinking():
                self._blocks.append(redacted_thought(event))
            case ToolStart(index, id, name):
                self._calls[index] = {"id": id, "type": "function", "function": {"name": name}}
                self._arguments[index] = []
            case ToolArguments(index, json):
                self._arguments[index].append(json)
            case CustomCall(index):
                self._calls[index] = custom_call(event)
            case Citation():
                self._annotations.append(annotation(event))
            case UsageReport(usage):
                self._usage = usage
            case Stop():
                return self._body(event)
            case Failure(error):
                raise error
        return None

    def _message(self, refusal: str | None) -> dict[str, Any]:
        for index, pieces in self._arguments.items():
            self._calls[index]["function"]["arguments"] = "".join(pieces) or "{}"
        calls = [self._calls[index] for index in sorted(self._calls)]
        text = "".join(self._texts)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": text if text or not calls else None,
            "refusal": refusal,
        }
        if thoughts := "".join(self._thoughts):
            message |= dict.fromkeys(REASONING_FIELDS[self._to.reasoning_field], thoughts)
        if self._blocks and self._to.thinking_blocks:
            message["thinking_blocks"] = self._blocks
        if self._annotations:
            message["annotations"] = self._annotations
        if calls and self._to.legacy_functions:
            message["function_call"] = calls[0]["function"]
        elif calls:
            message["tool_calls"] = calls
        return message

    def _body(self, stop: Stop) -> bytes:
        choice: dict[str, Any] = {
            "index": 0,
            "message": self._message(stop.refusal),
            "logprobs": None,
            "finish_reason": _finish_reason(stop, self._to),
        }
        if stop.stop_sequence is not None:
            choice["stop_sequence"] = stop.stop_sequence
        tier = {"service_tier": self._usage.tier} if self._usage.tier else {}
        return write(
            {
                "id": _completion_id(self._start, self._to),
                "object": "chat.completion",
                "created": self._to.created,
                "model": self._to.model,
                "choices": [choice],
                **tier,
                "usage": usage_object(self._usage),
            }
        )
