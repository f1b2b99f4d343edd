"""A client's request, OpenAI's or Anthropic's, as the inspector shows it. Total: garbage has its troubles told."""

from __future__ import annotations

from typing import Any

from ..plain.jsontext import JsonError, read, read_any
from .spoken import Api, Message, Prompt, Tool
from .turns import read_content, read_message, read_tool, string

_READ = ("model", "stream", "messages", "system", "tools", "functions")


def read_prompt(body: bytes, api: Api) -> Prompt:
    """The chat in a request's body, whose content-encoding is undone."""
    try:
        value = read_any(body)
    except (ValueError, RecursionError):
        return Prompt(api, troubles=(_trouble(body),))
    if not isinstance(value, dict):
        return Prompt(api, troubles=("The body is no JSON object.",))
    troubles: list[str] = []
    return Prompt(
        api=api,
        model=string(value.get("model")),
        stream=value.get("stream") is True,
        messages=(*_system(value), *_messages(value, troubles)),
        tools=(*_tools(value, "tools", troubles), *_tools(value, "functions", troubles)),
        parameters={name: item for name, item in value.items() if name not in _READ},
        troubles=tuple(troubles),
    )


def _trouble(body: bytes) -> str:
    """Why a body can't be read."""
    try:
        read(body)
    except JsonError as error:
        return str(error)
    return "The body can't be read."


def _system(body: dict[str, Any]) -> tuple[Message, ...]:
    """The system prompt that stands in a field of its own."""
    if not (given := body.get("system")):
        return ()
    marked = read_message({"content": given}, "system", "system")
    return (Message("system", read_content(given), "system", cached=marked.cached),)


def _messages(body: dict[str, Any], troubles: list[str]) -> tuple[Message, ...]:
    given = _list(body, "messages", troubles)
    if not given and not troubles:
        troubles.append("There are no `messages`.")
    return tuple(read_message(item, f"messages[{index}]") for index, item in enumerate(given))


def _tools(body: dict[str, Any], field: str, troubles: list[str]) -> tuple[Tool, ...]:
    return tuple(read_tool(item, f"{field}[{index}]") for index, item in enumerate(_list(body, field, troubles)))


def _list(body: dict[str, Any], field: str, troubles: list[str]) -> list[Any]:
    value = body.get(field)
    if value is not None and not isinstance(value, list):
        troubles.append(f"`{field}` is no list.")
    return value if isinstance(value, list) else []
