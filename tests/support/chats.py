"""Chats written down in few words, their translation into Claude's turns, and what the API would say to those."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec

from oai_bridge.dialects.claude_blocks import Block
from oai_bridge.dialects.claude_tools import ToolNames
from oai_bridge.dialects.claude_turns import Turn, put_ends_right, turns_of
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Document, Image, Message, Part, Role, SignedThinking, Text, ToolCall
from oai_bridge.settings.values import Claude

CLAUDE = Claude()
PNG = Image("image/png", "iVBORw0KGgo=")
PDF = Document("application/pdf", "JVBERi0=", "a.pdf")
THOUGHT = SignedThinking("hm ", "sig")
IMAGE_BLOCK = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
PDF_SOURCE = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
THINKING = {"type": "thinking", "thinking": "hm ", "signature": "sig"}
NO_RESULT = {"content": "[no result]", "is_error": True}


def message(role: Role, *parts: Part | str, name: str | None = None, **fields: Any) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts), name, 0, **fields)


def user(*parts: Part | str, **fields: Any) -> Message:
    return message("user", *parts, **fields)


def system(*parts: Part | str, **fields: Any) -> Message:
    return message("system", *parts, **fields)


def assistant(*parts: Part | str, **fields: Any) -> Message:
    return message("assistant", *parts, **fields)


def calls(*ids: str | None, text: str = "", name: str = "f", arguments: str = "{}", **fields: Any) -> Message:
    """An assistant's message with a call for each id."""
    return assistant(*([text] if text else []), calls=tuple(ToolCall(name, arguments, id) for id in ids), **fields)


def result(call_id: str | None, *parts: Part | str, **fields: Any) -> Message:
    return message("tool", *parts, call_id=call_id, **fields)


def numbered(messages: Iterable[Message]) -> tuple[Message, ...]:
    return tuple(replace(one, index=index) for index, one in enumerate(messages))


def nothing_remembered(turns: Sequence[Turn], message: Message) -> None:
    return None


def translated(
    messages: Iterable[Message],
    *,
    inline: bool = True,
    prefill: bool = True,
    claude: Claude = CLAUDE,
    notes: Notes | None = None,
    recall: Any = nothing_remembered,
) -> list[Turn]:
    """The turns of all `messages`, whole, as a request has them."""
    chat, notes = numbered(messages), notes or Notes()
    names = ToolNames((), [call.name for one in chat for call in one.calls])
    turns = turns_of(chat, names, inline=inline, settings=claude, notes=notes, recall=recall)
    put_ends_right(turns, prefill=prefill, model="the-model", settings=claude, notes=notes)
    return turns


def told(messages: Iterable[Message], **fields: Any) -> list[str]:
    """The codes of what was changed."""
    notes = Notes()
    translated(messages, notes=notes, **fields)
    return [note.code for note in notes]


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def use(id: str, name: str = "f", **input: Any) -> Block:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def answer(id: str, content: Any = None, **fields: Any) -> Block:
    return {"type": "tool_result", "tool_use_id": id, **({} if content is None else {"content": content}), **fields}


def short(turns: Iterable[Turn]) -> list[tuple[str, list[Any]]]:
    """Turns as `(role, blocks)`, texts as they are."""
    return [
        (turn.role, [block["text"] if block.keys() == {"type", "text"} else block for block in turn.blocks])
        for turn in turns
    ]


def faults(turns: Sequence[Turn], *, inline: bool, prefill: bool) -> list[str]:
    """What Anthropic's Messages API would refuse (its reference: messages, tool use, prompt caching, thinking)."""
    found = []
    roles = [turn.role for turn in turns]
    if not roles or roles[0] != "user":
        found.append("the first turn is not the user's")
    if roles[-1:] == ["assistant"] and not prefill:
        found.append("the last turn is the assistant's")
    found += ["two turns of one role" for one, other in pairwise(roles) if one == other]
    for before, role, after in zip([None, *roles], roles, [*roles[1:], None], strict=False):
        if role == "system" and not (inline and before == "user" and after in ("assistant", None)):
            found.append("a system turn where there may be none")
    ids: list[str] = []
    for turn, following in zip(turns, [*turns[1:], Turn("user", [])], strict=True):
        kinds = [block["type"] for block in turn.blocks]
        found += [] if kinds else ["an empty turn"]
        used = [block["id"] for block in turn.blocks if block["type"] == "tool_use"]
        results = [block.get("tool_use_id") for block in following.blocks if block["type"] == "tool_result"]
        if used != results or [block["type"] for block in following.blocks[: len(used)]] != ["tool_result"] * len(used):
            found.append(f"calls {used} have results {results} after them")
        ids += used
        own = {"assistant": {"text", "tool_use", "thinking", "redacted_thinking"}, "system": {"text"}}.get(turn.role)
        found += [f"{kind} from the {turn.role}" for kind in kinds if kind not in (own or kinds)]
        found += ["thinking from the user" for kind in kinds if turn.role == "user" and "think" in kind]
        found += ["thinking at a turn's end" for kind in kinds[-1:] if "think" in kind]
        found += [
            "a mark on thinking" for block in turn.blocks if "think" in block["type"] and "cache_control" in block
        ]
        texts = [block["text"] for block in turn.blocks if block["type"] == "text"]
        found += ["a blank text" for words in texts if not words or words.isspace()]
    found += [f"the id {id!r}" for id in ids if not re.fullmatch("[a-zA-Z0-9_-]{1,64}", id)]
    if len(set(ids)) != len(ids):
        found.append("an id twice")
    if roles[-1:] == ["assistant"] and (last := turns[-1].blocks[-1]["text"]) != last.rstrip():
        found.append("white space at the end")
    msgspec.json.encode([turn.blocks for turn in turns])
    return found
