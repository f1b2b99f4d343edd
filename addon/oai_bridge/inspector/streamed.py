"""A stream of server-sent events put together to the JSON that the same answer has in one piece. Total and linear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..plain.jsontext import read_any
from ..wire.frames import Frame
from ..wire.sse import SseDecoder
from .spoken import Api

_DONE = b"[DONE]"
_LAST = ("done", "message_stop")
_WHOLE = ("id", "type", "role", "name")  # texts that come in one piece; all others of a delta are pieces
_WORDLESS = "An error without a message."
_NESTING = 8  # objects in a delta; no API has more than four


@dataclass(frozen=True, slots=True)
class Joined:
    """`value` is a chat.completion or one of Anthropic's messages, `error` what an error event says, `ended` whether
    the stream's last word came, `troubles` sentences about what could not be read."""

    value: Mapping[str, Any]
    error: str = ""
    ended: bool = False
    troubles: tuple[str, ...] = ()


def join_stream(body: bytes, api: Api) -> Joined:
    """All that came of a stream, which may be cut anywhere."""
    joint: _Joint = _Chunks() if api == "openai" else _Events()
    error, ended, unread = "", False, 0
    for message, whole in _messages(body):
        event = _event(message)
        if event is None:
            unread += whole
            continue
        error = error or error_of(event)
        ended = ended or event.get("type") in _LAST
        joint.take(event)
    told = f"{unread} event{'s' if unread > 1 else ''} of the stream could not be read."
    return Joined(joint.value(), error, ended, (told,) if unread else ())


def error_of(value: Mapping[str, Any]) -> str:
    """What an error object says, in either API's shape; empty if there is none."""
    match value.get("error"):
        case {"message": str(message)} | str(message) if message:
            return message
        case dict() as error if error:
            return _WORDLESS
    return _WORDLESS if value.get("type") == "error" else ""


def _event(message: Frame) -> dict[str, Any] | None:
    """The object that an event's data is."""
    if message == _DONE:
        return {"type": "done"}
    try:
        event = read_any(message) if isinstance(message, bytes) else None
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _messages(body: bytes) -> Iterator[tuple[Frame, bool]]:
    """The data of each event, and whether all of it is there."""
    decoder = SseDecoder()
    for message in decoder.feed(body):
        yield message, True
    for message in decoder.close():
        yield message, False


class _Joint(Protocol):
    def take(self, event: Mapping[str, Any]) -> None: ...

    def value(self) -> dict[str, Any]: ...


# -- OpenAI's chunks --------------------------------------------------------------------------------------------------


class _Pieces(list[str]):
    """A text that is still coming."""


class _Entries(dict[Any, Any]):
    """A list that is still coming, by its entries' `index`."""


class _Chunks:
    def __init__(self) -> None:
        self._top: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._deltas: dict[int, dict[str, Any]] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        for name, value in event.items():
            if name not in ("choices", "error", "type") and value is not None:
                self._top[name] = value
        choices = event.get("choices")
        for place, choice in enumerate(choices if isinstance(choices, list) else []):
            if isinstance(choice, dict):
                self._choice(choice, place)

    def _choice(self, choice: Mapping[str, Any], place: int) -> None:
        number = choice.get("index")
        index = number if isinstance(number, int) else place
        told = self._choices.setdefault(index, {"index": index})
        told |= {name: value for name, value in choice.items() if name not in ("index", "delta") and value is not None}
        merged = self._deltas.setdefault(index, {})
        if isinstance(delta := choice.get("delta"), dict):
            _merge(merged, delta)

    def value(self) -> dict[str, Any]:
        choices = [
            {**self._choices[index], "message": _settled(self._deltas[index])} for index in sorted(self._choices)
        ]
        return {**self._top, "choices": choices}


def _merge(into: dict[Any, Any], delta: Mapping[str, Any], nesting: int = 0) -> None:
    """As OpenAI's SDKs put deltas together: texts and lists grow, what else there is replaces what was."""
    for name, value in delta.items():
        held = into.get(name)
        match value:
            case str() if name not in _WHOLE:
                if not isinstance(held, _Pieces):
                    held = into[name] = _Pieces()
                held.append(value)
            case dict() if nesting < _NESTING:
                if type(held) is not dict:
                    held = into[name] = {}
                _merge(held, value, nesting + 1)
            case list() if nesting < _NESTING:
                if not isinstance(held, _Entries):
                    held = into[name] = _Entries()
                _merge_list(held, value, nesting + 1)
            case None | "" if held:
                pass
            case _:
                into[name] = value


def _merge_list(into: _Entries, entries: list[Any], nesting: int) -> None:
    for entry in entries:
        index = entry.get("index") if isinstance(entry, dict) else None
        key = index if isinstance(index, int) else ("", len(into))
        if isinstance(entry, dict):
            held = into.setdefault(key, {})
            _merge(held, {name: value for name, value in entry.items() if name != "index"}, nesting)
        else:
            into[key] = entry


def _settled(value: Any) -> Any:
    """What has come, as plain JSON."""
    if isinstance(value, _Pieces):
        return "".join(value)
    if isinstance(value, _Entries):
        return [_settled(entry) for entry in value.values()]
    if isinstance(value, dict):
        return {name: _settled(item) for name, item in value.items()}
    return value


# -- Anthropic's events -----------------------------------------------------------------------------------------------


class _Events:
    def __init__(self) -> None:
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[Any, dict[str, Any]] = {}
        self._pieces: dict[Any, dict[str, list[str]]] = {}  # of the texts of each block

    def take(self, event: Mapping[str, Any]) -> None:
        index = event.get("index")
        index = index if isinstance(index, int) else 0
        match event:
            case {"type": "message_start", "message": dict() as message}:
                self._message |= message
                self._count(message)
            case {"type": "content_block_start", "content_block": dict() as block}:
                self._blocks[index] = dict(block)
                self._pieces[index] = {}
            case {"type": "content_block_delta", "delta": dict() as delta}:
                self._delta(index, delta)
            case {"type": "message_delta"}:
                if isinstance(told := event.get("delta"), dict):
                    self._message |= told
                self._count(event)

    def _count(self, told: Mapping[str, Any]) -> None:
        if isinstance(usage := told.get("usage"), dict):
            self._usage |= {name: value for name, value in usage.items() if value is not None}

    def _delta(self, index: int, delta: dict[str, Any]) -> None:
        block = self._blocks.setdefault(index, {"type": "text"})
        pieces = self._pieces.setdefault(index, {})
        for name, value in delta.items():
            if name == "citation":
                if not isinstance(block.get("citations"), list):
                    block["citations"] = []
                block["citations"].append(value)
            elif name != "type" and isinstance(value, str):
                pieces.setdefault(name, []).append(value)
            elif name != "type":
                block[name] = value

    def value(self) -> dict[str, Any]:
        if not self._message and not self._blocks:
            return {}
        content = [self._block(index) for index in sorted(self._blocks)] or self._message.get("content")
        return {**self._message, "content": content, "usage": self._usage}

    def _block(self, index: int) -> dict[str, Any]:
        block = dict(self._blocks[index])
        for name, pieces in self._pieces[index].items():
            text = "".join(pieces)
            if name == "partial_json":
                block["input"] = _parsed(text)
            else:
                begun = block.get(name)
                block[name] = (begun if isinstance(begun, str) else "") + text
        return block


def _parsed(text: str) -> Any:
    """The input of a call; as text where it is not whole."""
    try:
        return read_any(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return text
