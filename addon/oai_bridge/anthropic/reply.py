"""Claude's own answers passed on as they came, whole or in pieces, to a client that speaks Anthropic's Messages API.

The cloud's bytes are the client's; what is read out of them beside is for the record and for the one proper ending.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from ..backends.base import Dialect
from ..errors import StreamBroken
from ..events import Event, Failure, Ping, Start
from ..plain.jsontext import read_any, read_repaired, write
from .errors import error_event

_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)


def pass_on(body: bytes, events: Iterable[Event], observe: Callable[[Event], None]) -> bytes:
    """A whole answer as it came, after `observe` has seen its `events`; raises the error of a `Failure`."""
    for event in events:
        observe(event)
        if isinstance(event, Failure):
            raise event.error
    return body


class PassedStream:
    """Dialect and writer of one streamed answer: what `feed` reads, `write` writes as it came, with the type of its
    JSON for the event's name.

    Give it to a `Transcript` as both. Nothing is written before `message_start`, since a failure before is an HTTP
    error; a failure after becomes Anthropic's error event.
    """

    def __init__(self, dialect: Dialect, request_id: str) -> None:
        """`dialect` reads the cloud's stream, for a `Reading` that keeps nothing, so that it never pauses: asking for
        more is the client's business here. `request_id` stands in an error event."""
        self._dialect = dialect
        self._request_id = request_id
        self._begun = False
        self._frame = b""
        self._last: Event = Ping()  # of the frame: with it the frame is written

    def feed(self, message: bytes) -> list[Event]:
        """The events of one JSON message; a `Ping` where they are none, since each frame goes on."""
        events = self._dialect.feed(message) or [Ping()]
        self._begun = self._begun or any(isinstance(event, Start) for event in events)
        try:
            self._frame = _frame(message) if self._begun else b""
        except (ValueError, RecursionError):
            events = [Failure(StreamBroken("The cloud sent something that is not JSON; try again."))]
        self._last = events[-1]
        return events

    def whole(self, body: bytes) -> list[Event]:
        """As the dialect does; `write` makes a stream of it, since the client waits for one."""
        events = self._dialect.whole(body)
        self._last = events[-1]
        if not isinstance(self._last, Failure):
            self._frame = b"".join(_frame(write(event)) for event in _in_pieces(read_any(body)))
        return events

    def resume(self) -> None:
        """As the dialect does."""
        self._dialect.resume()

    def end(self) -> list[Event]:
        """As the dialect does."""
        return self._dialect.end()

    def write(self, event: Event) -> bytes:
        """The frame with its last event, nothing with those before."""
        if isinstance(event, Failure):
            return error_event(event.error, self._request_id)
        return self._frame if event is self._last else b""


def _frame(message: bytes) -> bytes:
    """The server-sent event; empty for a message without a fit type. Half surrogates are replaced: they are rare and
    not every client can read them. Raises `ValueError` or `RecursionError` for what is no JSON."""
    try:
        value = msgspec.json.decode(message)
    except (ValueError, RecursionError):
        message = read_repaired(message)
        value = msgspec.json.decode(message)
    name = value.get("type") if isinstance(value, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return b""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), message.replace(b"\n", b"\ndata: "))


def _in_pieces(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a stream that adds up to `message`."""
    yield {"type": "message_start", "message": message | {"content": [], "stop_reason": None, "stop_sequence": None}}
    for index, block in enumerate(message.get("content") or ()):
        begun, deltas = _begun(block)
        yield {"type": "content_block_start", "index": index, "content_block": begun}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = {field: message[field] for field in ("stop_reason", "stop_sequence", "stop_details") if field in message}
    yield {"type": "message_delta", "delta": ending, "usage": message.get("usage")}
    yield {"type": "message_stop"}


def _begun(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as it starts, and what is added to it: many clients show nothing but what is added."""
    match block:
        case {"type": "text", "text": text}:
            return block | {"text": ""}, [{"type": "text_delta", "text": text}]
        case {"type": "thinking", "thinking": thinking}:
            added = [{"type": "thinking_delta", "thinking": thinking}]
            if "signature" in block:
                added.append({"type": "signature_delta", "signature": block["signature"]})
            return block | {"thinking": "", "signature": ""}, added
        case {"type": "tool_use" | "server_tool_use", "input": given}:
            return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": write(given).decode()}]
    return block, []
