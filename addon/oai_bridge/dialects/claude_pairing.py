"""Tool calls of the history and their results: which belongs to which, and under which id the cloud knows them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from ..notes import Notes
from ..openai.chat import Message, Ttl
from .claude_blocks import Block, extend, mark, text_block

_LONGEST = 64  # characters
_KEPT = 40  # characters of an id that had to be changed: the hash, underscores and a number fit behind them

Said = tuple[Message, list[Block]]
"""A message and what it says."""


class CallIds:
    """Ids for the calls of one conversation: as the API takes them (`^[a-zA-Z0-9_-]+$`, on Bedrock at most 64
    characters), each once. They hang on what came before alone, so that a longer chat keeps those of a shorter one.
    `marks` are other characters that an id may have."""

    def __init__(self, marks: str = "") -> None:
        self._invalid = re.compile(f"[^a-zA-Z0-9_{re.escape(marks)}-]")
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._taken

    def take(self, wanted: str) -> str:
        """`wanted` if it is valid and free, else what comes nearest to it."""
        stem = found = self._valid(wanted)
        while found in self._taken:
            self._numbers[stem] = number = self._numbers.get(stem, 1) + 1
            found = self._valid(f"{stem}_{number}")
        self._taken.add(found)
        return found

    def _valid(self, call_id: str) -> str:
        if 0 < len(call_id) <= _LONGEST and not self._invalid.search(call_id):
            return call_id
        seal = sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{self._invalid.sub('_', call_id[:_KEPT])}_{seal}"


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    answered: bool = False
    failed: bool = False
    cache: Ttl | None = None
    blocks: list[Block] = field(default_factory=list)


class OpenCalls:
    """The calls of one assistant turn, and what was said about them before the next."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}

    def knows(self, client_id: str | None) -> bool:
        """Whether a call with this id of the client's is among them."""
        return client_id in self._by_id

    def add(self, call_id: str, client_id: str | None, name: str) -> None:
        """`call_id` is the cloud's, `client_id` (`None`: not given) and `name` are the client's."""
        call = _Call(call_id, name)
        self._calls.append(call)
        if client_id:
            self._by_id[client_id] = call

    def sort(self, said: Sequence[Said], notes: Notes) -> list[Said]:
        """Takes the results that answer these calls out of what was said after them, and gives back the rest, in which
        other results stand as a user's words. A result without an id goes to the first call without an answer, of the
        same tool where it names one; a legacy function's result to no other tool's."""
        taken = self._take_named(said)
        taken |= self._take_nameless(said)
        rest: list[Said] = []
        for place, (message, blocks) in enumerate(said):
            if place not in taken:
                rest.append((message, _as_words(message, blocks, notes) if message.role == "tool" else blocks))
            elif rest:
                notes.add("moved:tool_result", "A tool's result was moved up to stand directly after its call.")
        return rest

    def results(self, notes: Notes) -> list[Block]:
        """A result for each call, in the calls' order: the API wants them all, directly after the calls."""
        return [_result(call, notes) for call in self._calls]

    def _take_named(self, said: Sequence[Said]) -> set[int]:
        taken = set()
        for place, (message, blocks) in enumerate(said):
            if message.role == "tool" and message.call_id in self._by_id:
                _answer(self._by_id[message.call_id], message, blocks)
                taken.add(place)
        return taken

    def _take_nameless(self, said: Sequence[Said]) -> set[int]:
        taken = set()
        waiting = deque(self._calls)
        by_name: dict[str | None, deque[_Call]] = {}
        for call in self._calls:
            by_name.setdefault(call.name, deque()).append(call)
        for place, (message, blocks) in enumerate(said):
            if message.role == "tool" and not message.call_id:
                answered = _first_open(by_name.get(message.name))
                if answered is None and not message.legacy:
                    answered = _first_open(waiting)
                if answered is not None:
                    _answer(answered, message, blocks)
                    taken.add(place)
        return taken


def _first_open(calls: deque[_Call] | None) -> _Call | None:
    while calls and calls[0].answered:
        calls.popleft()
    return calls[0] if calls else None


def _answer(call: _Call, message: Message, blocks: Sequence[Block]) -> None:
    """The API caches a result as a whole, so that the marks of its parts are its own."""
    call.answered = True
    call.failed |= message.failed
    call.cache = message.cache or next((part.cache for part in message.parts[::-1] if part.cache), call.cache)
    extend(call.blocks, [{key: value for key, value in block.items() if key != "cache_control"} for block in blocks])


def _result(call: _Call, notes: Notes) -> Block:
    result: Block = {"type": "tool_result", "tool_use_id": call.id}
    if not call.answered:
        notes.add("added:tool_result", "A tool call has no result; it was given one that says so.")
        return result | {"content": "[no result]", "is_error": True}
    match call.blocks:
        case []:
            pass
        case [{"type": "text", "text": text}]:
            result["content"] = text
        case blocks:
            result["content"] = blocks
    if call.failed:
        result["is_error"] = True
    mark([result], call.cache)
    return result


def _as_words(message: Message, blocks: Sequence[Block], notes: Notes) -> list[Block]:
    notes.add("rewrote:tool_result", "A tool's result without its call directly before it became the user's text.")
    words = ("tool result", message.name, message.call_id, "(failed)" if message.failed else None)
    head = f"[{' '.join(word for word in words if word)}]"
    if blocks and blocks[0]["type"] == "text":
        return [blocks[0] | {"text": f"{head}\n{blocks[0]['text']}"}, *blocks[1:]]
    return [text_block(head), *blocks]
