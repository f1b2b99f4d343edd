"""What the client says about tools, in the words of Anthropic's Messages API (TRANSLATION.md 1.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..models.catalog import Cloud, ModelFacts
from ..notes import Notes
from ..openai.chat import ChatRequest, JsonFormat, Tool, ToolChoice, WebSearch
from .claude_blocks import Block, cache_control
from .closed_schema import OPTIONAL_LIMIT, UNION_LIMIT, Closed, closed
from .json_schema import has_alternatives, tool_schema

_SUFFIX_ROOM = 8  # characters: "_9999999"
_AUTO = ToolChoice("auto")
_SEARCH = "web_search"  # the API allows no other name
_SEARCHES = {"low": 1, "medium": 5, "high": 10}  # as litellm has it


class ToolNames:
    """Tool names that the cloud accepts (`^[a-zA-Z0-9_-]{1,limit}$`), one for each of the client's.

    A valid name stays as it is. Another is made valid, with a suffix `_2`, `_3` … where that is taken. `names` are of
    the definitions, and the valid ones choose first; `history` are of earlier calls and take what is free then, in
    order, so that a longer chat never renames what a shorter one had. `reserved` names belong to the cloud.
    """

    __slots__ = ("_back", "_cloud", "_limit", "_numbers", "_taken")

    def __init__(
        self, names: Iterable[str], history: Iterable[str] = (), *, reserved: Iterable[str] = (), limit: int = 128
    ) -> None:
        self._limit = limit
        self._taken = set(reserved)
        self._numbers: dict[str, int] = {}
        self._cloud: dict[str, str] = {}
        for name in (*sorted(names, key=lambda name: self._valid(name) != name), *history):
            if name not in self._cloud:
                self._cloud[name] = cloud = self.free(name)
                self._taken.add(cloud)
        self._back = MappingProxyType({cloud: name for name, cloud in self._cloud.items() if cloud != name})

    def cloud(self, name: str) -> str:
        """The cloud's name of a tool, given the client's; it must be one of those given at the start."""
        return self._cloud[name]

    @property
    def back(self) -> Mapping[str, str]:
        """The cloud's name to the client's, where they differ."""
        return self._back

    def free(self, name: str) -> str:
        """The name itself, or what comes nearest to it among the valid names that no tool has."""
        valid = self._valid(name)
        if valid not in self._taken:
            return valid
        # All suffixed names of one stem count on from each other: linear, however many collide.
        stem = valid[: self._limit - _SUFFIX_ROOM]
        number = self._numbers.get(stem, 2)
        while (candidate := f"{stem}_{number}") in self._taken:
            number += 1
        self._numbers[stem] = number
        return candidate

    def _valid(self, name: str) -> str:
        valid = re.sub(r"[^a-zA-Z0-9_-]", "_", name)[: self._limit]
        # Of a name in Chinese only underscores would be left.
        return valid if valid == name != "" or valid.strip("_") else "tool"


@dataclass(frozen=True, slots=True)
class Tools:
    """`definitions` and `choice` (`None`: left out) are the fields `tools` and `tool_choice` of the body. `custom`:
    the client's names of the tools that take free text."""

    definitions: list[Block]
    choice: dict[str, Any] | None
    custom: frozenset[str]


def names_of(chat: ChatRequest, cloud: Cloud, limit: int = 128) -> ToolNames:
    """The names of all tools that the chat defines or has called."""
    reserved = [_SEARCH] if chat.web_search and cloud != "bedrock" else []
    return ToolNames((tool.name for tool in chat.tools), _called(chat), reserved=reserved, limit=limit)


def tools_of(
    chat: ChatRequest, names: ToolNames, facts: ModelFacts, cloud: Cloud, *, forced: bool, notes: Notes
) -> Tools:
    """The tools of a request. `forced`: whether the model may be made to call one, now and with its thinking.

    The chat's tools have different names, and its choice is among them. Raises `InvalidRequest` for a schema that is
    nested too deeply or has too much to merge.
    """
    search = _search(chat.web_search, cloud, notes) if chat.web_search else []
    if not chat.tools:
        stubs = [_stub(name) for name in dict.fromkeys(map(names.cloud, _called(chat)))]
        if stubs:
            notes.add("added:tools", "The chat has calls of tools that it doesn't define; the model got their names.")
        # The search could not be used with "none".
        return Tools([*stubs, *search], {"type": "none"} if stubs and not search else None, frozenset())
    offered = _offered(chat, notes)
    choice = _choice(chat, names, forced, notes)
    if search and choice == {"type": "none"}:
        notes.dropped("web_search_options", "The tool choice `none` rules out the web search too.")
    if any(names.cloud(tool.name) != tool.name for tool in offered):
        notes.add("rewrote:tool_name", "The model knows a tool by another name; its calls have the one that was given.")
    room = _strict_room(chat.format) if cloud in facts.structured_output else None
    definitions = _definitions(offered, names, room, notes)
    custom = frozenset(tool.name for tool in offered if tool.custom)
    return Tools([*definitions, *search], choice, custom)


# -- definitions ------------------------------------------------------------------------------------------------------


def _called(chat: ChatRequest) -> list[str]:
    return [call.name for message in chat.messages for call in message.calls]


def _stub(name: str) -> Block:
    """The API wants a definition for the calls of the history, be it an empty one."""
    description = "Was called earlier in this chat and is not available any more."
    return {"name": name, "description": description, "input_schema": tool_schema(None)}


def _offered(chat: ChatRequest, notes: Notes) -> list[Tool]:
    """The tools that may be called."""
    if chat.tool_choice is None or chat.tool_choice.allowed is None:
        return list(chat.tools)
    allowed = set(chat.tool_choice.allowed)
    offered = [tool for tool in chat.tools if tool.name in allowed]
    if len(offered) < len(chat.tools):
        detail = "Only the allowed tools were sent. The prompt cache holds as long as these stay the same."
        notes.add("rewrote:tool_choice", detail)
    return offered


def _definitions(tools: Iterable[Tool], names: ToolNames, room: _StrictRoom | None, notes: Notes) -> list[Block]:
    """`room`: what strict tools have, where there are any."""
    definitions: list[Block] = []
    for tool in tools:
        given = _free_text() if tool.custom else tool.parameters
        schema = tool_schema(given, tool.param)
        if merged := has_alternatives(given, tool.param):
            detail = "The alternatives at the top of a tool's schema were merged into one object, which may mix them."
            notes.add("rewrote:tool_schema", detail)
        definition: Block = {"name": names.cloud(tool.name)}
        if tool.description and not tool.description.isspace():
            definition["description"] = tool.description
        definition["input_schema"] = schema
        if tool.strict:
            checked = _checked(schema, tool.param, room) if room and not merged else None
            if checked is not None:
                definition |= {"input_schema": checked, "strict": True}
            else:
                detail = "A tool's arguments can't be checked strictly by this model and cloud, or with this schema."
                notes.dropped(f"{tool.param}.strict", detail, code="strict")
        if tool.cache:
            definition["cache_control"] = cache_control(tool.cache)
        definitions.append(definition)
    return definitions


def _checked(schema: Block, param: str, room: _StrictRoom) -> Block | None:
    """The schema that a strict tool has, if it can have one; it takes its room."""
    found = closed(schema, param)
    # A type that an `enum` implies is left out, but a tool's schema has to say that it is an object.
    if found is None or not found.exact or found.schema.get("type") != "object":
        return None
    if not room.tools or not room.take(found):
        return None
    room.tools -= 1
    return found.schema


def _free_text() -> Block:
    return {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


@dataclass(slots=True)
class _StrictRoom:
    """What one request has left of Anthropic's limits, which hold for strict tools and the answer's schema together."""

    tools: int = 20
    optional: int = OPTIONAL_LIMIT
    unions: int = UNION_LIMIT

    def take(self, schema: Closed) -> bool:
        if schema.optional > self.optional or schema.unions > self.unions:
            return False
        self.optional -= schema.optional
        self.unions -= schema.unions
        return True


def _strict_room(answer: JsonFormat | None) -> _StrictRoom:
    """What the answer's schema leaves to the tools; it goes first, since it is what the client reads."""
    room = _StrictRoom()
    if answer and (found := closed(answer.schema, answer.param)):
        room.take(found)
    return room


def _search(wish: WebSearch, cloud: Cloud, notes: Notes) -> list[Block]:
    if cloud == "bedrock":
        notes.dropped("web_search_options", "Bedrock has no web search.")
        return []
    tool: Block = {"type": "web_search_20250305", "name": _SEARCH, "max_uses": _SEARCHES[wish.context_size]}
    if place := {key: value for key, value in (wish.location or {}).items() if value}:
        tool["user_location"] = {"type": "approximate", **place}
    return [tool]


# -- choice -----------------------------------------------------------------------------------------------------------


def _choice(chat: ChatRequest, names: ToolNames, forced: bool, notes: Notes) -> dict[str, Any] | None:
    """`tool_choice`; `None` for "auto" without more, which is what the API does by itself."""
    wish = chat.tool_choice or _AUTO
    if wish.mode == "none":
        return {"type": "none"}
    choice: dict[str, Any] = {"type": "auto"}
    if wish.mode in ("required", "named") and not forced:
        detail = "This model can't be made to call a tool, at least not while it thinks; the choice is left to it."
        notes.dropped("function_call" if chat.legacy_functions else "tool_choice", detail, code="tool_choice")
    elif wish.mode == "required":
        choice = {"type": "any"}
    elif wish.mode == "named" and wish.name is not None:
        choice = {"type": "tool", "name": names.cloud(wish.name)}
    if chat.legacy_functions or not chat.parallel_tool_calls:
        choice["disable_parallel_tool_use"] = True
    return choice if choice != {"type": "auto"} else None
