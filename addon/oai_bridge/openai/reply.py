"""Events to what an OpenAI client reads: a stream of chunks, or one completion.

Both keep one rule: an answer ends once, either whole (`finish_reason`, then `[DONE]`) or as an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import BridgeError
from ..events import (
    Event,
    Failure,
    Ping,
    Start,
    Stop,
    Text,
    Thinking,
    ToolArguments,
    ToolStart,
    Usage,
    UsageReport,
)
from ..jsontext import one_line, write


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """What an answer repeats of its request. `model` is the client's own name for it, `created` in Unix seconds."""

    model: str
    created: int
    request_id: str
    include_usage: bool = False


def usage_object(usage: Usage) -> dict[str, Any]:
    """OpenAI's `usage`: the prompt counts cached tokens too; reasoning is told only where the cloud tells it."""
    value: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
    }
    if usage.reasoning is not None:
        value["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return value


def error_event(error: BridgeError) -> bytes:
    """The one error event of a broken stream. `choices` is there since SillyTavern reads it in every event."""
    return b"data: %s\n\n" % one_line(write({"error": error.to_object(), "choices": []}))


def _completion_id(start: Start | None, to: ReplyTo) -> str:
    return f"chatcmpl-{start.id if start and start.id else to.request_id}"


class ChunkWriter:
    """Writes events as `chat.completion.chunk`s in server-sent events, in the order of OpenAI's streams."""

    def __init__(self, to: ReplyTo) -> None:
        self._to = to
        self._usage = Usage()
        self._head = b""  # `data: {"id": …, "choices": [{"index": 0, "delta": `: the same in every chunk
        self._tail = b',"usage":null' if to.include_usage else b""
        self._ended = False

    def write(self, event: Event) -> bytes:
        """The bytes for one event, often none. After the ending there are no more."""
        if self._ended:
            return b""
        match event:
            case Text(text):
                return self._chunk(b'{"content":%s}' % write(text))
            case Thinking(text):
                return self._chunk(b'{"reasoning_content":%s}' % write(text))
            case ToolArguments(index, json):
                return self._chunk(write({"tool_calls": [{"index": index, "function": {"arguments": json}}]}))
            case ToolStart(index, id, name):
                call = {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
                return self._chunk(write({"tool_calls": [call]}))
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

    def _chunk(self, delta: bytes, ending: bytes = b'"finish_reason":null') -> bytes:
        first = b"" if self._head else self._begin(None)
        return b'%s%s%s,"logprobs":null,%s}]%s}\n\n' % (first, self._head, one_line(delta), ending, self._tail)

    def _finish(self, stop: Stop) -> bytes:
        ending = b'"finish_reason":"%s"' % stop.reason.encode()
        if stop.stop_sequence is not None:
            ending += b',"stop_sequence":%s' % one_line(write(stop.stop_sequence))
        delta = b"{}" if stop.refusal is None else write({"refusal": stop.refusal})
        last = self._chunk(delta, ending)
        if self._to.include_usage:
            usage = one_line(write(usage_object(self._usage)))
            last += b'%s,"choices":[],"usage":%s}\n\n' % (self._head.partition(b',"choices":')[0], usage)
        self._ended = True
        return last + b"data: [DONE]\n\n"


class Completion:
    """Gathers events into one `chat.completion`."""

    def __init__(self, to: ReplyTo) -> None:
        self._to = to
        self._start: Start | None = None
        self._texts: list[str] = []
        self._thoughts: list[str] = []
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
            case ToolStart(index, id, name):
                self._calls[index] = {"id": id, "type": "function", "function": {"name": name}}
                self._arguments[index] = []
            case ToolArguments(index, json):
                self._arguments[index].append(json)
            case UsageReport(usage):
                self._usage = usage
            case Stop():
                return self._body(event)
            case Failure(error):
                raise error
        return None

    def _body(self, stop: Stop) -> bytes:
        for index, call in self._calls.items():
            call["function"]["arguments"] = "".join(self._arguments[index]) or "{}"
        text = "".join(self._texts)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": text if text or not self._calls else None,
            "refusal": stop.refusal,
        }
        if thoughts := "".join(self._thoughts):
            message["reasoning_content"] = thoughts
        if self._calls:
            message["tool_calls"] = list(self._calls.values())
        choice: dict[str, Any] = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": stop.reason,
        }
        if stop.stop_sequence is not None:
            choice["stop_sequence"] = stop.stop_sequence
        return write(
            {
                "id": _completion_id(self._start, self._to),
                "object": "chat.completion",
                "created": self._to.created,
                "model": self._to.model,
                "choices": [choice],
                "usage": usage_object(self._usage),
            }
        )
