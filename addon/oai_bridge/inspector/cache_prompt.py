"""A body that went to a cloud, as its prompt cache sees it: segments in the order tools, system prompt, messages.

The order is that of Anthropic's "Prompt caching" and of Amazon's "Prompt caching for faster model inference"; it is
taken for OpenAI's protocol, too. A body may be in any of the three protocols: their blocks don't look alike, so that
no word on which one it is has to be given. Total: what has another shape than it should is a segment of JSON, or none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Final, Literal

Part = Literal["tools", "system", "messages"]
Kind = Literal["text", "image", "document", "other"]

MINUTES: Final = 300
"""Seconds that what is cached lives after its last use, without a `ttl`."""
HOUR: Final = 3600
"""The same with `ttl: 1h`."""

_MARKS = {"cache_control", "prompt_cache_breakpoint"}  # where the cache is told to end: no part of the prompt
_TEXT_FIELDS = {"type", "text", *_MARKS}  # of a block that is nothing but text
_FIELDS = {"role", "content", "tool_calls", *_MARKS}  # of a message
_LONG = 200  # characters from which an address is one that holds a file, and a setting is remembered by its digest
_ALL_BITS = 2**64 - 1  # of a hash, which may be negative
_MOST_SEGMENTS = 20_000  # of a prompt that is compared
_NAME = 60  # characters of a tool's name and of a role that are shown
_IMAGE_TOKENS = 1500.0  # about; a large picture of Claude's
_DOCUMENT_CHARACTERS = 40  # of base64 that make about one token in a PDF
_BYTES_PER_TOKEN = 4.0
_KINDS: Mapping[object, Kind] = {
    **dict.fromkeys(("image", "image_url", "input_image"), "image"),
    **dict.fromkeys(("document", "file", "input_file"), "document"),
}
# What empties the cache when it changes though the text stays the same, and where each protocol has it. Anthropic's
# "Prompt caching" names the choice of a tool, thinking and speed, its "Structured outputs" the format of the answer;
# effort belongs to thinking. In OpenAI's protocol the format's schema comes before the system prompt.
_SETTINGS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("tool choice", (("tool_choice",), ("toolConfig", "toolChoice"))),
    ("thinking", (("thinking",), ("additionalModelRequestFields", "thinking"))),
    ("thinking", (("additionalModelRequestFields", "reasoningConfig"),)),
    ("effort", (("output_config", "effort"), ("outputConfig", "effort"))),
    ("effort", (("additionalModelRequestFields", "output_config", "effort"),)),
    ("answer format", (("output_config", "format"), ("outputConfig", "textFormat"), ("response_format",))),
    ("speed", (("speed",), ("additionalModelRequestFields", "speed"))),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the prompt: a tool, or a block of the system prompt or of a message.

    `text` is the text itself, else JSON, in which a picture or file is a short stand-in with its digest. `where` is for
    people. `message` counts from 1; 0 where it is in none. `tokens` is a rough estimate. `ttl` is how many seconds the
    prompt up to here is to be cached, `None` without a cache point.
    """

    part: Part
    kind: Kind
    text: str
    where: str
    tokens: float
    role: str = ""
    message: int = 0
    name: str = ""
    ttl: int | None = None

    def same_as(self, other: Segment) -> bool:
        """Whether they are the same to the cache where all before them was."""
        return (self.text, self.role, self.message, self.part, self.kind) == (
            *(other.text, other.role, other.message, other.part, other.kind),
        )

    @property
    def key(self) -> tuple[str, str]:
        """What the segment says, wherever it stands. Joining blocks adds white space to the one before."""
        return self.role, self.text.rstrip()


@dataclass(frozen=True, slots=True)
class Prompt:
    """`settings` are those that matter to the cache, by their names for people, as JSON."""

    segments: tuple[Segment, ...]
    settings: Mapping[str, str] = field(default_factory=dict)

    def part(self, part: Part) -> list[Segment]:
        return [segment for segment in self.segments if segment.part == part]

    @property
    def points(self) -> list[int]:
        """The indexes of the segments with a cache point on them."""
        return [index for index, segment in enumerate(self.segments) if segment.ttl is not None]

    @property
    def tokens(self) -> float:
        return sum(segment.tokens for segment in self.segments)


def read_prompt(body: Mapping[str, Any]) -> Prompt | None:
    """`None` where it holds none, or is nested too deep. Without segments where there are too many of them to be
    compared."""
    if sum(_counts(body)) > _MOST_SEGMENTS:
        return Prompt(())
    try:
        segments = [*_tools(body), *_system(body), *_messages(body)]
        settings = _settings(body)
    except RecursionError:
        return None
    if not segments:
        return None
    if (ttl := _ttl(body)) is not None:  # for the whole prompt, which Anthropic's own protocol knows
        segments[-1] = replace(segments[-1], ttl=ttl)
    return Prompt(tuple(segments), settings)


def _counts(body: Mapping[str, Any]) -> Iterator[int]:
    """How many segments there can be, of each list."""
    yield from map(len, _tool_lists(body))
    yield len(_listed(body.get("system")))
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        yield len(_content(message)) if isinstance(message, dict) else 1


def _settings(body: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, paths in _SETTINGS:
        for path in paths:
            value: Any = body
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                found[name] = text if len(text := _json(value)) <= _LONG else _stand_in(text)
    return found


def _tools(body: Mapping[str, Any]) -> Iterator[Segment]:
    segments: list[Segment] = []
    for tool in chain.from_iterable(_tool_lists(body)):
        if (point := _point(tool)) is not None:
            _mark_last(segments, point)
            continue
        text = _json(_plain(tool))
        name = _tool_name(tool)
        where = f"tool {len(segments) + 1}" + (f" `{name}`" if name else "")
        segments.append(Segment("tools", "other", text, where, _text_tokens(text), name=name, ttl=_ttl(tool)))
    return iter(segments)


def _tool_lists(body: Mapping[str, Any]) -> list[list[Any]]:
    config = body.get("toolConfig")
    lists = (config.get("tools") if isinstance(config, dict) else None, body.get("tools"), body.get("functions"))
    return [tools for tools in lists if isinstance(tools, list)]


def _tool_name(tool: Any) -> str:
    if isinstance(tool, dict):
        for holder in (tool, tool.get("function"), tool.get("toolSpec")):
            if isinstance(holder, dict) and isinstance(name := holder.get("name"), str):
                return name[:_NAME]
    return ""


def _system(body: Mapping[str, Any]) -> list[Segment]:
    return _blocks(body.get("system"), "system", "system prompt", "", 0)


def _messages(body: Mapping[str, Any]) -> Iterator[Segment]:
    messages = body.get("messages")
    part: Part = "system"
    for number, message in enumerate(messages if isinstance(messages, list) else (), 1):
        given = message if isinstance(message, dict) else {"content": message}
        role = given["role"][:_NAME] if isinstance(given.get("role"), str) else ""
        if role not in ("system", "developer"):
            part = "messages"
        where = f"message {number} ({role})" if role else f"message {number}"
        segments = _blocks(_content(given), part, where, role, number)
        if segments and (ttl := _ttl(given)) is not None:
            segments[-1] = replace(segments[-1], ttl=ttl)
        yield from segments


def _content(message: Mapping[str, Any]) -> list[Any]:
    """All that it says, in OpenAI's protocol its calls, too."""
    calls = message.get("tool_calls")
    others = {key: message[key] for key in message if key not in _FIELDS}  # names, ids
    return [
        *_listed(message.get("content")),
        *(calls if isinstance(calls, list) else ()),
        *([others] if others else ()),
    ]


def _listed(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [] if content is None else [content]


def _blocks(content: Any, part: Part, where: str, role: str, message: int) -> list[Segment]:
    blocks = _listed(content)
    alone = sum(_point(block) is None for block in blocks) == 1
    segments: list[Segment] = []
    for block in blocks:
        if (point := _point(block)) is not None:
            _mark_last(segments, point)
            continue
        kind, text = _said(block)
        place = where if alone else f"{where}, block {len(segments) + 1}"
        segments.append(
            Segment(part, kind, text, place, _tokens(kind, text, block), role, message, ttl=_nested_ttl(block))
        )
    return segments


def _point(block: Any) -> Mapping[str, Any] | None:
    """A block of Converse that is a cache point and nothing else. Its `ttl` is that of Amazon's `CachePointBlock`."""
    point = block.get("cachePoint") if isinstance(block, dict) else None
    return point if isinstance(point, dict) else None


def _mark_last(segments: list[Segment], point: Mapping[str, Any]) -> None:
    if segments:
        segments[-1] = replace(segments[-1], ttl=_seconds(point))


def _ttl(holder: Any) -> int | None:
    if isinstance(holder, dict):
        for mark in _MARKS:
            if isinstance(point := holder.get(mark), dict) and point:
                return _seconds(point)
    return None


def _seconds(point: Mapping[str, Any]) -> int:
    return HOUR if point.get("ttl") == "1h" else MINUTES


def _nested_ttl(block: Any) -> int | None:
    """The point on a block, or on one inside a tool's result."""
    if (ttl := _ttl(block)) is None and isinstance(block, dict) and isinstance(inner := block.get("content"), list):
        return next((found for one in reversed(inner) if (found := _ttl(one)) is not None), None)
    return ttl


def _said(block: Any) -> tuple[Kind, str]:
    if isinstance(block, str):
        return "text", block
    if not isinstance(block, dict):
        return "other", _json(block)
    if isinstance(text := block.get("text"), str) and block.keys() <= _TEXT_FIELDS:
        return "text", text
    names = (block.get("type"), *block)  # Converse has the kind as the key of what it holds
    kind: Kind = next((_KINDS[name] for name in names if isinstance(name, str) and name in _KINDS), "other")
    return kind, _json(_plain(block))


def _tokens(kind: Kind, text: str, block: Any) -> float:
    match kind:
        case "image":
            return _IMAGE_TOKENS
        case "document":
            return max(_text_tokens(text), sum(map(len, _files(block))) / _DOCUMENT_CHARACTERS)
        case _:
            return _text_tokens(text)


def _text_tokens(text: str) -> float:
    """UTF-8 gives Chinese, of which a letter is about a token, three times the bytes of English."""
    return (len(text) if text.isascii() else len(text.encode("utf-8", "replace"))) / _BYTES_PER_TOKEN


def _files(value: Any) -> Iterator[str]:
    """The files that a block holds."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if _is_file(value, key, inner):
                yield inner
            else:
                yield from _files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files(inner)


def _is_file(holder: Mapping[str, Any], key: str, value: Any) -> bool:
    if not isinstance(value, str):
        return False
    return (
        key == "bytes"
        or (key == "data" and holder.get("type") == "base64")
        or (len(value) > _LONG and value.startswith("data:"))
    )


def _plain(value: Any) -> Any:
    """Without cache points, and with short stand-ins for files."""
    if isinstance(value, dict):
        return {
            key: _stand_in(inner) if _is_file(value, key, inner) else _plain(inner)
            for key, inner in value.items()
            if key not in _MARKS
        }
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _stand_in(data: str) -> str:
    """Two of one process tell whether their data are the same: nothing slower is needed."""
    return f"{len(data)} characters, digest {hash(data) & _ALL_BITS:016x}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
