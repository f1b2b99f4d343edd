"""Reads what a client got, of OpenAI's API or Anthropic's, whole or as a stream, also while it comes. Total.

Fields as in `openai/types/chat/chat_completion_chunk.py` and `anthropic/types/raw_message_stream_event.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..jsontext import read_any
from ..wire.sse import SseDecoder
from .asked import message_of, part_of
from .spoken import Call, Other, Part, Reply, Text, Thinking

_DONE = b"[DONE]"


def replies_of(body: bytes, *, is_stream: bool) -> tuple[Reply, ...]:
    """The answers in a response's body, one for each choice; at least one."""
    if not is_stream:
        return _whole(body)
    stream = _Stream()
    decoder = SseDecoder()
    for frame in (*decoder.feed(body), *decoder.close()):
        if isinstance(frame, bytes):
            stream.add(frame)
    return stream.replies()


def _whole(body: bytes) -> tuple[Reply, ...]:
    value = _json(body)
    if not isinstance(value, dict):
        return (Reply((Text(body.decode("utf-8", "replace")),)) if body else Reply(),)
    if error := _error_in(value):
        return (Reply(error=error, whole=True),)
    head: dict[str, Any] = {"model": _text(value.get("model")), "id": _text(value.get("id")), "whole": True}
    usage = value["usage"] if isinstance(value.get("usage"), dict) else None
    choices = value.get("choices")
    if isinstance(choices, list):
        found = [choice for choice in choices if isinstance(choice, dict)]
        return tuple(
            Reply(
                message_of(choice.get("message")).parts,
                _text(choice.get("finish_reason")) or None,
                usage=usage,
                choice=number,
                **head,
            )
            for number, choice in enumerate(found)
        ) or (Reply(usage=usage, **head),)
    if isinstance(value.get("content"), list):
        stop = _text(value.get("stop_sequence")) or None
        parts = message_of(value).parts
        return (Reply(parts, _text(value.get("stop_reason")) or None, stop, usage=usage, **head),)
    return (Reply((Other("answer", value),), usage=usage, **head),)


@dataclass(slots=True)
class _Growing:
    """A part that still grows."""

    kind: str
    name: str = ""
    id: str = ""
    pieces: list[str] = field(default_factory=list)
    start: dict[str, Any] = field(default_factory=dict)  # Anthropic's block, as it began
    sealed: bool = False

    def part(self) -> Part:
        text = "".join(self.pieces)
        match self.kind:
            case "text":
                return Text(text)
            case "thinking":
                return Thinking(text, self.sealed)
            case "call":
                return Call(self.name, text, self.id)
            case "refusal":
                return Other("refusal", text)
        return part_of(self.start)


class _Choice:
    """One answer of a stream, growing."""

    def __init__(self) -> None:
        self.parts: list[_Growing] = []
        self.calls: dict[Any, _Growing] = {}  # by OpenAI's index
        self.blocks: dict[Any, _Growing] = {}  # by Anthropic's
        self.finish_reason: str | None = None
        self.stop_sequence: str | None = None

    def grow(self, kind: str, text: str) -> None:
        """More of the last part, if it is of this kind, or a new one."""
        if not self.parts or self.parts[-1].kind != kind:
            self.parts.append(_Growing(kind))
        self.parts[-1].pieces.append(text)


class _Stream:
    """The events of a stream, one after the other."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._model = self._id = self._error = ""
        self._usage: dict[str, Any] = {}
        self._done = False

    def add(self, frame: bytes) -> None:
        if frame == _DONE:
            self._done = True
            return
        value = _json(frame)
        if not isinstance(value, dict):
            return
        if error := _error_in(value):
            self._error = self._error or error
        elif isinstance(value.get("choices"), list):
            self._chunk(value)
        else:
            self._event(value)

    def replies(self) -> tuple[Reply, ...]:
        whole = self._done and not self._error
        choices = [self._choices[key] for key in sorted(self._choices)] or [_Choice()]
        return tuple(
            Reply(
                tuple(part.part() for part in choice.parts),
                choice.finish_reason,
                choice.stop_sequence,
                self._model,
                self._id,
                self._usage or None,
                self._error,
                whole,
                number,
            )
            for number, choice in enumerate(choices)
        )

    # -- OpenAI's chunks ----------------------------------------------------------------------------------------------

    def _chunk(self, value: dict[str, Any]) -> None:
        self._model, self._id = _text(value.get("model")) or self._model, _text(value.get("id")) or self._id
        if isinstance(value.get("usage"), dict):
            self._usage = value["usage"]
        for told in value["choices"]:
            if not isinstance(told, dict):
                continue
            index = told.get("index")
            choice = self._choices.setdefault(index if isinstance(index, int) else 0, _Choice())
            choice.finish_reason = _text(told.get("finish_reason")) or choice.finish_reason
            delta = told.get("delta")
            if isinstance(delta, dict):
                self._delta(choice, delta)

    def _delta(self, choice: _Choice, delta: dict[str, Any]) -> None:
        thinking = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        for kind, text in (
            ("thinking", thinking),
            ("text", _text(delta.get("content"))),
            ("refusal", _text(delta.get("refusal"))),
        ):
            if text:
                choice.grow(kind, text)
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._call(choice, str(call.get("index")), call.get("function") or call.get("custom"), call)
        if isinstance(delta.get("function_call"), dict):
            self._call(choice, "function_call", delta["function_call"], {})

    def _call(self, choice: _Choice, index: str, function: Any, call: dict[str, Any]) -> None:
        if index not in choice.calls:
            choice.calls[index] = _Growing("call")
            choice.parts.append(choice.calls[index])
        growing = choice.calls[index]
        growing.id = growing.id or _text(call.get("id"))
        if isinstance(function, dict):
            growing.name = growing.name or _text(function.get("name"))
            growing.pieces.append(_text(function.get("arguments")) or _text(function.get("input")))

    # -- Anthropic's events -------------------------------------------------------------------------------------------

    def _event(self, value: dict[str, Any]) -> None:
        choice = self._choices.setdefault(0, _Choice())
        match value.get("type"):
            case "message_start":
                message = value.get("message")
                message = message if isinstance(message, dict) else {}
                self._model, self._id = _text(message.get("model")), _text(message.get("id"))
                self._count(message.get("usage"))
            case "content_block_start":
                self._begin(choice, str(value.get("index")), value.get("content_block"))
            case "content_block_delta" if isinstance(value.get("delta"), dict):
                self._add_to(choice, str(value.get("index")), value["delta"])
            case "message_delta":
                delta = value.get("delta")
                if isinstance(delta, dict):
                    choice.finish_reason = _text(delta.get("stop_reason")) or choice.finish_reason
                    choice.stop_sequence = _text(delta.get("stop_sequence")) or choice.stop_sequence
                self._count(value.get("usage"))
            case "message_stop":
                self._done = True

    def _begin(self, choice: _Choice, index: str, block: Any) -> None:
        block = block if isinstance(block, dict) else {}
        match block.get("type"):
            case "text":
                growing = _Growing("text", pieces=[_text(block.get("text"))])
            case "thinking":
                growing = _Growing("thinking", pieces=[_text(block.get("thinking"))])
            case "tool_use" | "server_tool_use":
                growing = _Growing("call", _text(block.get("name")), _text(block.get("id")))
            case _:
                growing = _Growing("block", start=block)
        choice.blocks[index] = growing
        choice.parts.append(growing)

    def _add_to(self, choice: _Choice, index: str, delta: dict[str, Any]) -> None:
        if (growing := choice.blocks.get(index)) is None:
            return
        for name in ("text", "thinking", "partial_json"):
            growing.pieces.append(_text(delta.get(name)))
        growing.sealed = growing.sealed or bool(delta.get("signature"))

    def _count(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self._usage |= {name: count for name, count in usage.items() if count is not None}


def _error_in(value: dict[str, Any]) -> str:
    """The message of an error object; "" where there is none."""
    error = value.get("error")
    if isinstance(error, dict):
        return _text(error.get("message")) or "an error without a message"
    return error if isinstance(error, str) else ""


def _json(text: bytes) -> Any:
    try:
        return read_any(text)
    except (ValueError, RecursionError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
