"""OpenAI's own answers passed on, whole or in pieces, to a client that speaks OpenAI's API.

What the cloud said is the client's (logprobs, several choices, content filters …), but for what clients stumble over:
each answer has the client's own name for the model, one id, `choices` everywhere and one proper ending. What is read
out of it beside is for the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import Decoder

from ..dialects.openai_stream import DONE, OpenAiStream, choices_of, finish_reason
from ..dialects.openai_tags import OPENING, unmark, untag
from ..events import Event, Failure, FinishReason, Ping, Stop
from ..models.passed import Cloud
from ..plain.jsontext import one_line, read_any, write
from .reply import ReplyTo, error_event
from .shapes import REASONING_FIELDS

_REASONS: tuple[str | None, ...] = (None, "function_call", *get_args(FinishReason))
_REASONING = ("reasoning_content", "reasoning")
_OF_THE_STREAM = ("id", "object", "created", "model", "service_tier", "system_fingerprint")
"""What a chunk says of the whole answer."""
_OF_A_CHUNK = (*_OF_THE_STREAM, "choices", "usage", "obfuscation")


class _Delta(Struct, forbid_unknown_fields=True):
    content: str
    role: str | UnsetType = UNSET


class _Choice(Struct, forbid_unknown_fields=True):
    index: Literal[0]
    delta: _Delta
    logprobs: Any = UNSET
    finish_reason: None = None
    content_filter_results: Any = UNSET


class _Piece(Struct, kw_only=True, forbid_unknown_fields=True):
    """A chunk as nearly all are, with text of the first choice alone, so that nothing in it has to be put right: read
    and written so, it costs a third."""

    id: Any = UNSET
    object: Any = UNSET
    created: Any = UNSET
    model: Any = UNSET
    service_tier: Any = UNSET
    system_fingerprint: Any = UNSET
    choices: tuple[_Choice]
    usage: UnsetType | None = UNSET
    obfuscation: Any = UNSET


_PIECE = Decoder(_Piece)


def pass_completion(body: bytes, to: ReplyTo, cloud: Cloud, observe: Callable[[Event], None]) -> bytes:
    """A whole answer, after `observe` has seen its events; raises the error of a `Failure`."""
    value = _read(body)
    _untag(value, "message", cloud)
    dialect = OpenAiStream(cloud)
    for event in dialect.whole(body) if value is None else dialect.completion(value):
        observe(event)
        if isinstance(event, Failure):
            raise event.error
    value.pop("error", None)  # null: a client may take the key itself for an error
    choices = choices_of(value)
    for choice in choices:
        _put_right(choice, "message", to)
        choice["message"] = {"role": "assistant", "content": None, **choice["message"]}
        choice["finish_reason"] = choice["finish_reason"] or "stop"
    head = {
        "id": _id_of(value) or f"chatcmpl-{to.request_id}",
        "object": "chat.completion",
        "created": _created_of(value) or to.created,
        "model": to.model,
    }
    return write({**value, **head, "choices": choices})


class PassedStream:
    """Dialect and writer of one streamed answer: what `feed` reads, `write` writes, with its last event.

    Give it to a `Transcript` as both. Nothing is written before the first choice, since a failure before is an HTTP
    error. What a chunk without choices says (Azure begins with one on the prompt) goes with the next one; tokens are
    told at the end, to a client that asked for them, wherever the cloud told them.
    """

    def __init__(self, to: ReplyTo, cloud: Cloud) -> None:
        self._dialect = OpenAiStream(cloud)
        self._to = to
        self._cloud = cloud
        self._head = {
            "id": f"chatcmpl-{to.request_id}",
            "object": "chat.completion.chunk",
            "created": to.created,
            "model": to.model,
        }
        self._begun = False
        self._closing: dict[str, Any] = {}  # what the last chunk says beside the usage
        self._usage: dict[str, Any] | None = None
        self._carried: dict[str, Any] = {}
        self._spoken: set[int] = set()  # choices whose role has been told
        self._frame = b""
        self._last: Event = Ping()  # of the frame: with it the frame is written

    def feed(self, message: bytes) -> list[Event]:
        """The events of one message; a `Ping` where they are none, since each chunk goes on."""
        if message.startswith(DONE):
            return self._ready(self._dialect.done(), b"")
        if self._begun and (events := self._piece(message)):
            return events
        value = _read(message)
        _untag(value, "delta", self._cloud)
        events = self._dialect.chunk(value)
        failed = bool(events) and isinstance(events[-1], Failure)
        return self._ready(events, self._chunk(value) if isinstance(value, dict) and not failed else b"")

    def whole(self, body: bytes) -> list[Event]:
        """As the dialect does; `write` makes a stream of it, since the client waits for one."""
        value = _read(body)
        _untag(value, "message", self._cloud)
        events = self._dialect.whole(body) if value is None else self._dialect.completion(value)
        if isinstance(events[-1], Failure):
            return self._ready(events, b"")
        return self._ready(events, b"".join(self._chunk(chunk) for chunk in _in_pieces(value)))

    def end(self) -> list[Event]:
        """As the dialect does."""
        return self._ready(self._dialect.end(), b"")

    def resume(self) -> None:
        """As the dialect does."""
        self._dialect.resume()

    def write(self, event: Event) -> bytes:
        """The frame with its last event, nothing with those before."""
        match event:
            case Failure(error):
                return error_event(error)
            case Stop():
                return b"%s%sdata: [DONE]\n\n" % (self._frame, self._tail())
        return self._frame if event is self._last else b""

    def _ready(self, events: list[Event], frame: bytes) -> list[Event]:
        events = events or ([Ping()] if frame else [])
        self._frame = frame
        self._last = events[-1] if events else Ping()
        return events

    def _piece(self, message: bytes) -> list[Event] | None:
        """The events of a message that is no more than such a piece; of others `None`, and nothing is done."""
        try:
            piece = _PIECE.decode(message)
        except (ValueError, RecursionError):
            return None
        delta = piece.choices[0].delta
        text = delta.content
        if self._carried or not text or text.startswith(OPENING):
            return None
        if delta.role is not UNSET:
            if 0 not in self._spoken:
                return None
            delta.role = UNSET
        piece.id, piece.object, piece.created, piece.model = self._head.values()
        piece.usage = None if self._to.include_usage else UNSET
        return self._ready(self._dialect.text(text), b"data: %s\n\n" % one_line(write(piece)))

    def _chunk(self, value: dict[str, Any]) -> bytes:
        """The chunk as an event of the stream, or nothing where it has no choices."""
        choices = choices_of(value)
        value.pop("error", None)  # null: a client may take the key itself for an error
        usage = value.pop("usage", None)
        if isinstance(usage, dict):
            self._usage = usage
            self._closing = {field: value[field] for field in _OF_THE_STREAM if field in value}
        if not choices:
            if usage is None or self._to.include_usage:  # else it came because the proxy asked for it
                self._carried |= {field: told for field, told in value.items() if told and field not in _OF_A_CHUNK}
            return b""
        for choice in choices:
            _put_right(choice, "delta", self._to)
            if choice["index"] in self._spoken:  # Gemini tells it each time, and OpenAI's SDK puts them all together
                choice["delta"].pop("role", None)
            elif "role" in choice["delta"]:
                self._spoken.add(choice["index"])
        value["choices"] = choices
        if self._carried:
            value, self._carried = {**self._carried, **value}, {}
        return self._event(value)

    def _tail(self) -> bytes:
        """What is to be told after the last choice."""
        wanted = self._to.include_usage and self._usage is not None
        if not wanted and not self._carried:
            return b""
        return self._event({**self._closing, **self._carried, "choices": []}, self._usage if wanted else None)

    def _event(self, value: dict[str, Any], usage: dict[str, Any] | None = None) -> bytes:
        """`value` as one event, with the head of this stream and the `usage`."""
        if not self._begun:  # what the first one is called, all are
            self._begun = True
            self._head["id"] = _id_of(value) or self._head["id"]
            self._head["created"] = _created_of(value) or self._head["created"]
        value |= self._head
        if self._to.include_usage:
            value["usage"] = usage
        return b"data: %s\n\n" % one_line(write(value))


def _read(message: bytes) -> Any:
    """JSON decoded, `None` for what is none."""
    try:
        return read_any(message)
    except (ValueError, RecursionError):
        return None


def _untag(value: Any, kind: str, cloud: Cloud) -> None:
    if cloud == "azure":
        return
    for choice in choices_of(value):
        if isinstance(message := choice.get(kind), dict):
            if cloud == "bedrock":
                untag(message)
            elif kind == "delta":
                unmark(message)


def _put_right(choice: dict[str, Any], kind: str, to: ReplyTo) -> None:
    """A choice with all that clients rely on; `kind` is `delta` or `message`. The asynchronous filter of Azure and the
    blocking one of Gemini send none."""
    message = choice.get(kind)
    if not isinstance(message, dict):
        choice[kind] = message = {}
    if type(choice.get("index")) is not int:
        choice["index"] = 0
    reason = choice.setdefault("finish_reason", None)
    if reason not in _REASONS:
        choice["finish_reason"] = finish_reason(reason) if reason and isinstance(reason, str) else None
    if "reasoning_content" in message or "reasoning" in message:
        thoughts = [message.pop(field) for field in _REASONING if isinstance(message.get(field), str)]
        if thoughts:
            message |= dict.fromkeys(REASONING_FIELDS[to.reasoning_field], thoughts[0])


def _id_of(value: dict[str, Any]) -> str | None:
    found = value.get("id")
    return found if isinstance(found, str) and found else None


def _created_of(value: dict[str, Any]) -> int | None:
    found = value.get("created")
    return found if type(found) is int and found > 0 else None


def _in_pieces(completion: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of a stream that adds up to `completion`."""
    head = {field: completion[field] for field in _OF_THE_STREAM if field in completion}
    yield {field: told for field, told in completion.items() if field not in ("choices", "usage")}
    for choice in choices_of(completion):
        message = choice.pop("message", None)
        delta = {"role": "assistant", **(message if isinstance(message, dict) else {})}
        calls = delta.get("tool_calls")
        if isinstance(calls, list):
            told = [call for call in calls if isinstance(call, dict)]
            delta["tool_calls"] = [{**call, "index": index} for index, call in enumerate(told)]
        yield {**head, "choices": [{**choice, "delta": delta, "finish_reason": None}]}
        last = {"index": choice.get("index"), "finish_reason": choice.get("finish_reason") or "stop"}
        yield {**head, "choices": [last]}
    yield {**head, "choices": [], "usage": completion.get("usage")}
