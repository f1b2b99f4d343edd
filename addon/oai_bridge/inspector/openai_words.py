"""A request's messages and tools in OpenAI's format: what is in it stays, Anthropic's blocks are translated plainly.

JSON values in and out. Total.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .turns import json_of, read_tool, string

_MARKS = ("cache_control", "prompt_cache_breakpoint")
_OPENAI = ("text", "image_url", "input_audio", "file", "refusal")
_THOUGHTS = ("thinking", "redacted_thinking")


def openai_messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request's body, a system prompt that stands in a field of its own before them."""
    system, given = body.get("system"), body.get("messages")
    messages = [{"role": "system", "content": system}] if system else []
    messages += [message for message in given if isinstance(message, dict)] if isinstance(given, list) else []
    return [translated for message in messages for translated in _messages(message)]


def openai_tools(body: Mapping[str, Any]) -> list[Any]:
    """Its tools; the older `functions` as tools, too."""
    found: list[Any] = []
    for field in ("tools", "functions"):
        given = body.get(field)
        found += map(_tool, given) if isinstance(given, list) else []
    return found


def _tool(value: Any) -> Any:
    if not isinstance(value, dict) or "function" in value or "custom" in value:
        return value
    tool = read_tool(value, "")
    if tool.kind != "function":
        return _unmarked(value)  # one of Anthropic's own, for which there is no other word
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": value.get("input_schema", value.get("parameters")),
    }
    return {"type": "function", "function": {name: item for name, item in function.items() if item not in (None, "")}}


def _messages(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A message; results of tools that stand in it become messages of their own before it."""
    content = message.get("content")
    if not isinstance(content, list):
        yield _unmarked(message)
        return
    blocks = [block if isinstance(block, dict) else {"type": "text", "text": str(block)} for block in content]
    for block in blocks:
        if block.get("type") == "tool_result":
            yield {
                "role": "tool",
                "tool_call_id": string(block.get("tool_use_id")),
                "content": _content(block.get("content")),
            }
    calls = [_call(block) for block in blocks if block.get("type") == "tool_use"]
    thoughts = "".join(string(block.get("thinking")) for block in blocks if block.get("type") in _THOUGHTS)
    said = [block for block in blocks if block.get("type") not in ("tool_result", "tool_use", *_THOUGHTS)]
    if not said and not calls and not thoughts and blocks:
        return  # there were results alone
    translated = {**_unmarked(message), "content": _content(said) if said else None}
    if calls:
        translated["tool_calls"] = [*(_list(message.get("tool_calls"))), *calls]
    if thoughts:
        translated["reasoning_content"] = thoughts
    yield translated


def _content(value: Any) -> Any:
    """Content as text where it is one text, else as parts."""
    if not isinstance(value, list):
        return value if value is None or isinstance(value, str) else json_of(value)
    parts = [_part(block) if isinstance(block, dict) else {"type": "text", "text": str(block)} for block in value]
    return parts[0]["text"] if len(parts) == 1 and parts[0].keys() == {"type", "text"} else parts


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    kind, title = string(block.get("type")), string(block.get("title"))
    if kind in _OPENAI:
        return _unmarked(block)
    match block:
        case {"type": "image" | "document", "source": {"type": "text", "data": str(text)}}:
            return {"type": "text", "text": text}
        case {"type": "image" | "document", "source": {"data": str(data), **source}}:
            url = f"data:{string(source.get('media_type')) or 'application/octet-stream'};base64,{data}"
            if kind == "image":
                return {"type": "image_url", "image_url": {"url": url}}
            return {"type": "file", "file": {"filename": title or "document.pdf", "file_data": url}}
        case {"type": "image", "source": {"url": str(url)}}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "image" | "document", "source": {"file_id": str(id)}}:
            return {"type": "file", "file": {"file_id": id}}
    return {"type": "text", "text": f"[{kind or 'content'}] {json_of(block)}"}


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    arguments = block.get("input")
    function = {
        "name": string(block.get("name")),
        "arguments": arguments if isinstance(arguments, str) else json_of(arguments or {}),
    }
    return {"id": string(block.get("id")), "type": "function", "function": function}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _unmarked(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item for name, item in value.items() if name not in _MARKS}
