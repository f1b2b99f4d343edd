"""Claude's own answers passed on as they came, whole or in pieces, to a client that speaks Anthropic's Messages API.

The cloud's bytes are the client's; what is read out of them beside is for the record and for the one proper ending.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import msgspec

from ..backends.base import Dialect
from ..errors import StreamBroken
from ..events import Event, Failure, Ping, Start
from ..jsontext import read_repaired
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
        """As the dialect does."""
        return self._dialect.whole(body)

    def resume(self) -> None:
        """As the dialect does."""
        self._dialect.resume()

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
