"""A chat's messages for a door that speaks OpenAI's language: what only other APIs have goes, or becomes OpenAI's.

Fields as in `openai/types/chat/*_message_param.py`; Google's `extra_content` as in "Using OpenAI libraries" of Vertex
AI. Anthropic's blocks come where front ends leave them in an OpenAI body.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest
from ..models.passed import Cloud
from ..notes import Notes

_WHO = ("role", "name")
_FIELDS = (*_WHO, "content", "refusal", "audio", "tool_calls", "function_call", "tool_call_id")
_CALL_FIELDS = ("id", "type", "function", "custom")
_THOUGHTS = ("thinking", "redacted_thinking", "reasoning")
_TEXTS = ("text", "input_text", "output_text")
_NOT_IN_A_NAME = re.compile(r"[\s<|\\/>]+")  # OpenAI's pattern is ^[^\s<|\\/>]+$
_NAME_LENGTH = 64  # characters


def passed_messages(body: Mapping[str, Any], name: str, cloud: Cloud, notes: Notes) -> list[dict[str, Any]]:
    """The field `messages`, with Anthropic's `system` before them; `name` is the cloud's own for the model. Raises
    `InvalidRequest`. What is left out without a note has no meaning for the model, or is its own earlier thought."""
    given = body.get("messages")
    if not isinstance(given, list) or not given:
        raise InvalidRequest("`messages` must be a list with at least one message.", param="messages")
    for index, message in enumerate(given):
        if not isinstance(message, dict):
            raise InvalidRequest(
                'A message must be an object such as {"role": "user", "content": …}.', param=f"messages[{index}]"
            )
    reader = _Reader(name, cloud)
    messages = [reader.message(message, f"messages[{index}].content") for index, message in enumerate(given)]
    if system := body.get("system"):
        messages.insert(0, reader.message({"role": "system", "content": system}, "system"))
    if not reader.gemini:
        return messages
    filled = [message for message in messages if _says_something(message)]
    if not filled or len(filled) == len(messages):
        return messages
    notes.add("dropped:empty_messages", "Gemini refuses messages with nothing in them; they were left out.")
    return filled


class _Reader:
    """`gemini`: Google's own model, which takes any file where OpenAI has pictures."""

    def __init__(self, name: str, cloud: Cloud) -> None:
        self.gemini = name.startswith("google/")
        self._cloud = cloud
        self._more = () if cloud != "vertex" else ("extra_content",) if self.gemini else ("reasoning_content",)

    def message(self, message: dict[str, Any], at: str) -> dict[str, Any]:
        """As it goes out; `at` is where its content stands in the client's request."""
        kept = {
            field: value
            for field, value in message.items()
            if field in _FIELDS or field in self._more
            if value is not None or field == "content"
        }
        role = kept.get("role")
        if role == "developer" and self._cloud == "vertex":
            kept["role"] = "system"
        if isinstance(content := kept.get("content"), list):
            parts = [self._part(part, f"{at}[{index}]") for index, part in enumerate(content)]
            kept["content"] = [part for part in parts if part is not None] or ""
        if isinstance(calls := kept.get("tool_calls"), list):
            kept["tool_calls"] = [self._call(call) for call in calls]
            if not calls:
                del kept["tool_calls"]
        if "name" in kept:
            _name(kept, self._cloud)
        return kept

    def _call(self, call: Any) -> Any:
        """Clients that put a stream together leave its `index` in."""
        if not isinstance(call, dict):
            return call
        return {field: value for field, value in call.items() if field in _CALL_FIELDS or field in self._more}

    def _part(self, part: Any, at: str) -> dict[str, Any] | None:
        if isinstance(part, str):
            return {"type": "text", "text": part}
        if not isinstance(part, dict):
            raise InvalidRequest('A content part must be an object such as {"type": "text", "text": …}.', param=at)
        match part:
            case {"type": str(kind)} if kind in _THOUGHTS:
                return None
            case {"type": "text", "text": ""} if self.gemini:
                return None
            case {"type": "image", "source": source}:
                return _picture(_address(source, None, f"{at}.source"))
            case {"type": "document", "source": source}:
                return self._document(part, source, f"{at}.source")
            case {"type": "image_url", "image_url": str(url)}:
                return _picture(url)
            case {"type": "file", "file": {"file_data": str(data)}} if self.gemini:
                return _picture(data if data.startswith("data:") else f"data:application/pdf;base64,{data}")
        kept = {field: value for field, value in part.items() if field not in ("cache_control", "citations")}
        if not self.gemini:
            kept.pop("extra_content", None)
        if kept.get("type") in _TEXTS:
            kept["type"] = "text"
        return kept

    def _document(self, part: Mapping[str, Any], source: Any, at: str) -> dict[str, Any]:
        match source:
            case {"type": "text", "data": str(text)}:
                return {"type": "text", "text": text}
            case {"type": "url"} if not self.gemini:
                raise InvalidRequest(
                    "A file can't be named by its address here; send the file itself.",
                    param=at,
                    code="unsupported_value",
                )
        address = _address(source, "application/pdf", at)
        if self.gemini:
            return _picture(address)
        title = part.get("title")
        name = title if isinstance(title, str) and title else "document.pdf"
        return {"type": "file", "file": {"filename": name, "file_data": address}}


def _name(message: dict[str, Any], cloud: Cloud) -> None:
    """Who speaks in a group chat, in letters that OpenAI allows. Bedrock refuses it beside a tool's result."""
    name = message.pop("name")
    if cloud == "bedrock" and message.get("role") == "tool":
        return
    if isinstance(name, str):
        name = _NOT_IN_A_NAME.sub("_", name.strip())[:_NAME_LENGTH]
    if name:
        message["name"] = name


def _picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def _address(source: Any, usual: str | None, at: str) -> str:
    """A `source` of Anthropic's as a URL; `usual` is the media type where it names none."""
    match source:
        case {"type": "url", "url": str(url)}:
            return url
        case {"type": "base64", "media_type": str(kind), "data": str(data)} if kind:
            return f"data:{kind};base64,{data}"
        case {"type": "base64", "data": str(data)} if usual:
            return f"data:{usual};base64,{data}"
    raise InvalidRequest('`source` must be {"type": "base64", "media_type": …, "data": …}.', param=at)


def _says_something(message: Mapping[str, Any]) -> bool:
    return bool(message.get("role") == "tool" or any(value for field, value in message.items() if field not in _WHO))
