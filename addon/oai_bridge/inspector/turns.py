"""One message, one block, one tool of a body, in OpenAI's words or Anthropic's, as the inspector shows them. Total.

Front ends leave Anthropic's blocks in OpenAI's bodies, so that both are read everywhere. Base64 is not decoded: it is
megabytes, and its length tells the size.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from ..plain.jsontext import write
from .spoken import Call, Media, Message, Other, Part, Refusal, Result, Text, Thinking, Tool

_NESTING = 8  # results in results; deeper ones are kept as JSON
_MARKS = ("cache_control", "prompt_cache_breakpoint")
_SILENT = ("role", "name", "content", "type", "id", "index", *_MARKS)
_DATA_HEAD = 256  # characters of a data: URL that can name its type
_TEXTS = ("text", "input_text", "output_text")
_EMPTY: tuple[Any, ...] = (None, "", [], {})
_THOUGHTS = ("thinking_blocks", "reasoning_details")  # two names for the same
_THOUGHT_TEXTS = ("reasoning_content", "reasoning")


def read_message(value: Any, at: str, role: str = "") -> Message:
    """Any JSON value as a message; `role` is that of a message that tells none, `at` its place."""
    if not isinstance(value, dict):
        return Message(role, (Other("message", json_of(value)),), at)
    role = string(value.get("role")) or role
    name = string(value.get("name"))
    cached = _marked(value)
    if role in ("tool", "function"):
        answered = Result(
            string(value.get("tool_call_id")), name, read_content(value.get("content")), value.get("is_error") is True
        )
        return Message(role, (answered, *_others(value, ("tool_call_id", "is_error"))), at, name, cached)
    return Message(role, tuple(_parts(value)), at, name, cached)


def read_content(value: Any, nesting: int = 0) -> tuple[Part, ...]:
    """The field `content`: a text, or a list of blocks; nothing for null."""
    blocks = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(part for block in blocks for part in _pieces(block, nesting))


def read_tool(value: Any, at: str) -> Tool:
    """A tool of OpenAI's (`{"type": "function", "function": {…}}`), an older function, or one of Anthropic's."""
    given = value if isinstance(value, dict) else {}
    kind = string(given.get("type")) or "function"
    inner = given.get(kind)
    told = inner if isinstance(inner, dict) else given
    schema = next((told[field] for field in ("parameters", "input_schema", "format") if field in told), None)
    if "description" not in told and schema is None:  # a cloud's own tool is nothing but its settings
        schema = {name: item for name, item in told.items() if name not in ("type", "name", *_MARKS)} or None
    return Tool(
        name=string(told.get("name")) or string(given.get("server_label")),
        kind="function" if kind == "custom" and "input_schema" in told else kind,
        description=string(told.get("description")),
        schema="" if schema is None else json_of(schema),
        at=at,
        cached=_marked(given) or _marked(told),
    )


def string(value: Any) -> str:
    """The value if it is a text, else none."""
    return value if isinstance(value, str) else ""


def json_of(value: Any) -> str:
    """JSON on one line."""
    try:
        return write(value).decode()
    except (ValueError, OverflowError, RecursionError):  # what is read as JSON, but can't be written
        return '"…"'


# -- a message --------------------------------------------------------------------------------------------------------


def _parts(message: Mapping[str, Any]) -> Iterator[Part]:
    """In the order in which a model says them: thoughts, content, calls; then what else there is."""
    read = ("tool_calls", "function_call", "refusal", *_THOUGHTS, *_THOUGHT_TEXTS)
    yield from _thoughts(message)
    yield from read_content(message.get("content"))
    if refusal := string(message.get("refusal")):
        yield Refusal(refusal)
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        yield _call(call)
    if not isinstance(calls, list) and calls is not None:
        yield Other("tool_calls", json_of(calls))
    if older := message.get("function_call"):
        yield _named_call(older, "arguments") or Other("function_call", json_of(older))
    yield from _others(message, read)


def _thoughts(message: Mapping[str, Any]) -> tuple[Part, ...]:
    """Those with their seals, which come with the text beside; the text alone where the seals have none."""
    sealed = next((read_content(given) for field in _THOUGHTS if isinstance(given := message.get(field), list)), ())
    if any(isinstance(part, Thinking) and part.text for part in sealed):
        return sealed
    text = next((text for field in _THOUGHT_TEXTS if (text := string(message.get(field)))), "")
    return (Thinking(text), *sealed) if text else sealed


def _others(message: Mapping[str, Any], read: tuple[str, ...]) -> Iterator[Other]:
    """The fields that are neither read nor empty."""
    for field, value in message.items():
        if field not in read and field not in _SILENT and value not in _EMPTY:
            yield Other(field, json_of(value))


def _marked(value: Mapping[str, Any], nesting: int = 0) -> bool:
    """Whether there is a cache mark in a message or block."""
    if any(value.get(mark) for mark in _MARKS):
        return True
    content = value.get("content")
    blocks = content if isinstance(content, list) and nesting < _NESTING else []
    return any(_marked(block, nesting + 1) for block in blocks if isinstance(block, dict))


# -- calls ------------------------------------------------------------------------------------------------------------


def _call(value: Any) -> Part:
    """`{"id", "type": "function", "function": {…}}`, or of the type custom, whose input is free text."""
    call = None
    match value:
        case {"type": "custom", "custom": inner}:
            call = _named_call(inner, "input", value.get("id"), custom=True)
        case {"function": inner}:
            call = _named_call(inner, "arguments", value.get("id"))
    return call or Other("tool_call", json_of(value))


def _named_call(call: Any, field: str, id: Any = None, custom: bool = False) -> Part | None:
    """A call whose arguments stand in `field`, as text or as the object itself."""
    if not isinstance(call, dict):
        return None
    given = call.get(field)
    arguments = given if isinstance(given, str) else "" if given is None else json_of(given)
    return Call(string(id), string(call.get("name")), arguments, custom)


# -- blocks -----------------------------------------------------------------------------------------------------------


def _pieces(value: Any, nesting: int) -> Iterator[Part]:
    """A block, and the sources that a text names."""
    yield _block(value, nesting)
    if isinstance(value, dict) and value.get("type") in _TEXTS and (sources := value.get("citations")):
        yield Other("citations", json_of(sources))


def _block(value: Any, nesting: int) -> Part:
    if isinstance(value, str):
        return Text(value)
    if not isinstance(value, dict):
        return Other("content", json_of(value))
    kind = string(value.get("type"))
    if kind == "tool_result" and nesting < _NESTING:
        content = read_content(value.get("content"), nesting + 1)
        return Result(string(value.get("tool_use_id")), "", content, value.get("is_error") is True)
    read = _BLOCKS.get(kind)
    return (read(value) if read else None) or Other(kind or "content", json_of(value))


def _text(value: Mapping[str, Any]) -> Part | None:
    text = value.get("text")
    return Text(text) if isinstance(text, str) else None


def _refusal(value: Mapping[str, Any]) -> Part | None:
    text = value.get("refusal")
    return Refusal(text) if isinstance(text, str) else None


def _thought(value: Mapping[str, Any]) -> Part | None:
    """Anthropic's, or one of OpenRouter's `reasoning_details`."""
    text = value.get("thinking", value.get("text", value.get("summary")))
    return Thinking(text, signed=bool(value.get("signature"))) if isinstance(text, str) else None


def _redacted(value: Mapping[str, Any]) -> Part | None:
    return Thinking("", redacted=True, signed=bool(value.get("data")))


def _tool_use(value: Mapping[str, Any]) -> Part | None:
    return _named_call(value, "input", value.get("id"))


def _url(kind: str, value: Mapping[str, Any]) -> Part | None:
    """`{"type": "image_url", "image_url": {"url": …}}`, or with the URL right in the field."""
    given = value.get(f"{kind}_url")
    url = given.get("url") if isinstance(given, dict) else given
    return _from_text(url, kind, "", "") if isinstance(url, str) else None


def _input_audio(value: Mapping[str, Any]) -> Part | None:
    match value.get("input_audio"):
        case {"data": str(data), **rest}:
            form = string(rest.get("format"))
            return _from_text(data, "audio", f"audio/{form}" if form else "", "")
    return None


def _file(value: Mapping[str, Any]) -> Part | None:
    match value.get("file"):
        case {"file_data": str(data), **rest} if data:
            return _from_text(data, "file", "", string(rest.get("filename")))
        case {"file_id": str(id), **rest}:
            return Media("file", source=id, name=string(rest.get("filename")))
    return None


def _source(value: Mapping[str, Any]) -> Part | None:
    """Anthropic's pictures and documents."""
    kind, name = string(value.get("type")), string(value.get("title"))
    match value.get("source"):
        case {"type": "text", "data": str(text), **rest}:
            size = len(text.encode("utf-8", "replace"))
            return Media(kind, string(rest.get("media_type")) or "text/plain", size, "", name, _digest(text), text)
        case {"data": str(data), **rest}:
            return _from_text(data, kind, string(rest.get("media_type")), name)
        case {"url": str(url)}:
            return _from_text(url, kind, "", name)
        case {"file_id": str(id)}:
            return Media(kind, source=id, name=name)
    return None


_BLOCKS: Mapping[str, Callable[[Mapping[str, Any]], Part | None]] = {
    **dict.fromkeys(_TEXTS, _text),
    "refusal": _refusal,
    "thinking": _thought,
    "reasoning.text": _thought,
    "reasoning.summary": _thought,
    "redacted_thinking": _redacted,
    "reasoning.encrypted": _redacted,
    "tool_use": _tool_use,
    "image_url": partial(_url, "image"),
    "video_url": partial(_url, "video"),
    "input_audio": _input_audio,
    "file": _file,
    "image": _source,
    "document": _source,
}


# -- pictures and files -----------------------------------------------------------------------------------------------


def _from_text(data: str, kind: str, media_type: str, name: str) -> Media:
    """What base64, a `data:` URL or an address stands for."""
    data = data.strip()
    scheme = data[:8].partition(":")[0].lower()
    if scheme in ("http", "https"):
        return Media(kind, media_type, source=data, name=name)
    if scheme == "data":
        head, _, data = data.partition(",")
        media_type = head[len("data:") : _DATA_HEAD].partition(";")[0].strip() or media_type
        if "base64" not in head.lower():
            return Media(kind, media_type, _percent_size(data), "", name, _digest(data))
    return Media(kind, media_type, _base64_size(data), "", name, _digest(data))


def _base64_size(data: str) -> int:
    """Of the bytes that it encodes, also with line breaks in it or without its padding."""
    signs = len(data) - sum(map(data.count, "\r\n =")) if data else 0
    return signs * 3 // 4


def _percent_size(data: str) -> int:
    return len(data.encode("utf-8", "replace")) - 2 * data.count("%")


def _digest(data: str) -> str:
    return f"{zlib.crc32(data.encode('utf-8', 'replace')):08x}"
