"""Recorded answers: which one fits a request, whether it is whole, and into which pieces its stream is cut.

Pure: what was recorded comes in as values, from wherever it was saved.
"""

from __future__ import annotations

import hashlib
import re
from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ..answer import BrokenAnswer, Head
from ..errors import BridgeError
from ..plain import jsontext
from ..routing import Route
from ..wire.inflate import inflate
from ..wire.sse import SseDecoder

_BLANK_LINE = re.compile(rb"(?<=\n\n)|(?<=\r\r)|(?<=\r\n\r\n)")
_PIECES = 200  # of a stream at most: with a pause of 20 ms between them the longest takes 4 s


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as it was sent: its `body` follows the `head`, whole or as a stream of events."""

    head: Head
    body: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: the `value` of its JSON, `None` if it is none, and a `digest` that is the same for the
    same JSON, whatever the order of its keys and its blanks, and whether `stream` is false or left out."""

    value: Any
    digest: bytes

    @property
    def streamed(self) -> bool:
        return isinstance(self.value, dict) and bool(self.value.get("stream"))


def read_request(body: bytes, encoding: str | None, limit: int) -> Asked:
    """A request by its body, of which at most `limit` bytes are unpacked; `encoding` is the Content-Encoding."""
    try:
        value = jsontext.read_any(inflate(body, encoding, limit))
        plain = value
        if isinstance(value, dict) and not value.get("stream"):
            plain = {name: item for name, item in value.items() if name != "stream"}
        return Asked(value, hashlib.sha256(msgspec.json.encode(plain, order="sorted")).digest())
    except (BridgeError, ValueError, RecursionError):
        return Asked(None, hashlib.sha256(b"bytes " + body).digest())


def key_of(route: Route, asked: Asked, headers: Sequence[str | None] = (), *, any_content: bool = False) -> Hashable:
    """What is the same for requests that one answer fits: the route, what is asked, and the values of those `headers`
    that count. With `any_content` all that is asked on a route is the same, but for whether it is to be streamed."""
    return route.kind, route.path, *headers, asked.streamed if any_content else asked.digest


def recorded(status: int, reason: str, headers: Iterable[tuple[str, str]], body: bytes) -> Recorded | None:
    """What was answered; `None` for what is no whole answer that can be sent again: a stream without its ending, a
    status without a body."""
    kept = [(name, value) for name, value in headers if name.lower() not in ("content-length", "transfer-encoding")]
    told = "".join(letter if " " <= letter <= "~" else "?" for letter in reason)
    try:
        head = Head(status, tuple(kept), None, told)
        if not is_stream(head):
            return Recorded(Head(status, (*kept, ("content-length", str(len(body)))), None, told), body)
    except BrokenAnswer:
        return None
    return Recorded(head, body) if _is_whole(body) else None


def is_stream(head: Head) -> bool:
    """Whether the body is a stream of events."""
    kinds = [value for name, value in head.headers if name.lower() == "content-type"]
    return bool(kinds) and kinds[0].partition(";")[0].strip().lower() == "text/event-stream"


def pieces_of(answer: Recorded) -> list[bytes]:
    """The body in the pieces in which it is sent: a stream event by event, several in each piece of a long one."""
    if not is_stream(answer.head):
        return [answer.body] if answer.body else []
    events = [event for event in _BLANK_LINE.split(answer.body) if event]
    each = -(-len(events) // _PIECES) or 1
    return [b"".join(events[start : start + each]) for start in range(0, len(events), each)]


def _is_whole(stream: bytes) -> bool:
    """Whether the last thing that a stream says is an ending: of OpenAI's kind, of Anthropic's, or the one error."""
    decoder = SseDecoder(max(len(stream), 1))
    messages = [*decoder.feed(stream), *decoder.close()]
    last = messages[-1] if messages else b""
    if last == b"[DONE]":
        return True
    try:
        said = jsontext.read_any(last) if isinstance(last, bytes) else None
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and ("error" in said or said.get("type") == "message_stop")


class Turns[T]:
    """What was recorded, by the key of its request. Of several under one key each has its turn, in the order in which
    they were recorded, and then the first again."""

    def __init__(self, entries: Iterable[tuple[Hashable, T]] = ()) -> None:
        self._entries: dict[Hashable, deque[T]] = {}
        for key, entry in entries:
            self._entries.setdefault(key, deque()).append(entry)

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def take(self, key: Hashable, *, once: bool = False) -> T | None:
        """The one whose turn it is; `None` if there is none. `once`: it is given this time and never again."""
        waiting = self._entries.get(key)
        if not waiting:
            return None
        entry = waiting.popleft()
        if not once:
            waiting.append(entry)
        return entry
