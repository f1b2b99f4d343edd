"""Reads a client's request, of OpenAI's API or Anthropic's, into what was said. Total: any bytes give a prompt.

Fields as in `openai/types/chat/completion_create_params.py` and `anthropic/types/message_create_params.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..jsontext import read_any, write
from .spoken import Call, Media, Message, Other, Part, Prompt, Result, Text, Thinking, Tool

_TYPE = re.compile(r"data:([\w.+-]+/[\w.+-]+)")
_IN_MESSAGES = ("messages", "system", "tools", "functions")
_MEDIA = {
    "image": "picture",
    "document": "document",
    "file": "document",
    "image_url": "picture",
    "input_audio": "sound",
}


def prompt_of(body: bytes) -> Prompt:
    """The prompt in a request's JSON."""
    try:
        value = read_any(body)
    except (ValueError, RecursionError):
        return Prompt(problem="The request is no JSON.")
    if not isinstance(value, dict):
        return Prompt(problem="The request is no JSON object.")
    messages = value.get("messages")
    given = messages if isinstance(messages, list) else []
    system = [{"role": "system", "content": value["system"]}] if value.get("system") else []
    return Prompt(
        tuple(message_of(one) for one in (*system, *given)),
        tuple(tool for field in ("tools", "functions") for tool in _tools(value.get(field))),
        {name: one for name, one in value.items() if name not in _IN_MESSAGES},
        "" if isinstance(messages, list) else "The request has no list of messages.",
    )


def message_of(value: Any) -> Message:
    """A message of a request, or the one in an answer that came in one piece."""
    if not isinstance(value, dict):
        return Message("?", (Other("message", value),))
    role, name = _text(value.get("role")) or "?", _text(value.get("name"))
    parts = tuple(_message_parts(value))
    if role in ("tool", "function"):
        return Message(role, (Result(_text(value.get("tool_call_id")), parts, name, cache=_cache(value)),))
    return Message(role, parts, name)


def _message_parts(value: Mapping[str, Any]) -> Iterator[Part]:
    for thinking in (value.get("reasoning_content"), value.get("reasoning")):
        if isinstance(thinking, str) and thinking:
            yield Thinking(thinking)
            break
    parts = list(parts_of(value.get("content")))
    if parts and (cache := _cache(value)) and isinstance(parts[-1], Text):
        parts[-1] = Text(parts[-1].text, cache)
    yield from parts
    if isinstance(refusal := value.get("refusal"), str) and refusal:
        yield Other("refusal", refusal)
    calls = value.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        yield call_of(call)
    if isinstance(value.get("function_call"), dict):
        yield call_of({"function": value["function_call"]})


def call_of(call: Any) -> Part:
    """One of OpenAI's `tool_calls`."""
    if not isinstance(call, dict):
        return Other("tool_call", call)
    function = call.get("function") or call.get("custom")
    if not isinstance(function, dict):
        return Other("tool_call", call)
    arguments = function.get("arguments", function.get("input", ""))
    return Call(_text(function.get("name")), _json(arguments), _text(call.get("id")))


def parts_of(content: Any) -> Iterator[Part]:
    """The parts of a message's `content`: a text, or a list of blocks."""
    if isinstance(content, str):
        if content:
            yield Text(content)
    elif isinstance(content, list):
        for block in content:
            yield Text(block) if isinstance(block, str) else part_of(block)
    elif content is not None:
        yield part_of(content)


def part_of(block: Any) -> Part:
    """A content part of OpenAI's, or a content block of Anthropic's."""
    if not isinstance(block, dict):
        return Other("part", block)
    kind = _text(block.get("type"))
    match kind:
        case "text" | "input_text" | "output_text" if isinstance(block.get("text"), str):
            return Text(block["text"], _cache(block))
        case "thinking" if isinstance(block.get("thinking"), str):
            return Thinking(block["thinking"], bool(block.get("signature")))
        case "redacted_thinking":
            return Thinking("", sealed=True)
        case "image" | "document" | "image_url" | "file" | "input_audio":
            return _media(kind, block)
        case "tool_use" | "server_tool_use":
            return Call(_text(block.get("name")), _json(block.get("input", {})), _text(block.get("id")))
        case "tool_result":
            return Result(
                _text(block.get("tool_use_id")),
                tuple(parts_of(block.get("content"))),
                is_error=block.get("is_error") is True,
                cache=_cache(block),
            )
    return Other(kind or "part", block)


def _media(kind: str, block: Mapping[str, Any]) -> Media:
    source = block.get("source") or block.get(kind)
    if isinstance(source, str):
        source = {"url": source}
    source = source if isinstance(source, dict) else {}
    data = source.get("data") or source.get("file_data")
    url = _text(source.get("url"))
    name = _text(block.get("title")) or _text(source.get("filename")) or _text(source.get("file_id"))
    if url.startswith("data:"):
        data, url = url, ""
    declared = _text(source.get("media_type")) or _text(source.get("format"))
    size = None
    if isinstance(data, str):
        if found := _TYPE.match(data):
            declared = found[1]
        inside = data[data.find(",") + 1 :] if data.startswith("data:") else data
        size = len(inside) if source.get("type") == "text" else len(inside) * 3 // 4
    return Media(_MEDIA[kind], declared, url or name, size, _cache(block))


def _tools(tools: Any) -> Iterator[Tool]:
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict):
            yield Tool("?", "", tool)
            continue
        inner = tool.get("function") or tool.get("custom")
        inner = inner if isinstance(inner, dict) else tool
        schema = inner.get("parameters", inner.get("input_schema"))
        name = _text(inner.get("name")) or _text(tool.get("type")) or "?"
        yield Tool(name, _text(inner.get("description")), schema, _cache(tool))


def _cache(value: Mapping[str, Any]) -> str | None:
    """The life of a cache point that stands on something, as both APIs write it."""
    for name in ("cache_control", "prompt_cache_breakpoint"):
        if isinstance(mark := value.get(name), dict):
            return _text(mark.get("ttl")) or "5m"
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _json(value: Any) -> str:
    return value if isinstance(value, str) else write(value).decode("utf-8", "replace")
