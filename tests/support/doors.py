"""How an answer of Claude's goes out by a door: as it is, or in the door's own words and frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from tests.support.behaviours import Stream
from tests.support.claude_streams import events_of


class Door(Protocol):
    """One answer on its way out. Both ways start from what Anthropic's own API would have sent."""

    @property
    def content_type(self) -> str:
        """That of a stream; an answer in one piece is JSON."""

    def stream(self, events: Iterable[bytes]) -> Iterator[bytes]:
        """The events of Anthropic's stream, one by one, as this door sends them; what is no event goes out as it is."""

    def whole(self, message: bytes) -> bytes: ...


class Plain:
    """Anthropic's own words."""

    content_type = "text/event-stream; charset=utf-8"

    def stream(self, events: Iterable[bytes]) -> Iterator[bytes]:
        yield from events

    def whole(self, message: bytes) -> bytes:
        return message


PLAIN = Plain()


def through(door: Door, answer: Stream) -> Stream:
    """The answer as it goes out by this door."""
    if answer.raw:
        return answer
    body = answer.body

    def pieces() -> Iterator[bytes]:
        whole = (body,) if isinstance(body, bytes) else body()
        return door.stream(event for piece in whole for event in events_of(piece))

    return replace(
        answer,
        body=b"".join(pieces()) if isinstance(body, bytes) else pieces,
        message=None if answer.message is None else door.whole(answer.message),
    )
