"""Blocks of Anthropic's Messages API as those of Bedrock's Converse.

Vendor source: `ContentBlock`, `DocumentBlock` and `ToolResultContentBlock` in AWS's API reference.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from ..models.facts import ModelFacts
from ..notes import Notes
from .claude_blocks import Block

_NO_NAME = re.compile(r"[^A-Za-z0-9()\[\]-]+")  # what a document's name may not have, spaces between words excepted
_NAME_LIMIT = 190  # characters: a number fits behind
_EMPTY = "[no output]"  # the text of a result that says nothing: an empty one is refused


class ConverseBlocks:
    """The blocks of one request, in their order. Documents have a name each, once."""

    def __init__(self, facts: ModelFacts, notes: Notes) -> None:
        self._facts = facts
        self._notes = notes
        self._names: set[str] = set()  # of documents, in lower case
        self._numbers: dict[str, int] = {}  # behind a name that others had already

    def system(self, blocks: Iterable[Block]) -> list[Block]:
        return [one for block in blocks for one in ({"text": block["text"]}, *self._point(block, "system"))]

    def tools(self, definitions: Iterable[Block]) -> list[Block]:
        return [one for tool in definitions for one in (_tool(tool), *self._point(tool, "tools"))]

    def turn(self, blocks: Sequence[Block]) -> list[Block]:
        """The blocks of a message; results stand before all others."""
        answers = any(block["type"] == "tool_result" for block in blocks)
        front: list[Block] = []
        moved: list[Block] = []
        rest: list[Block] = []
        for block in blocks:
            # Nova, which takes no point among the tools, takes none beside their results, either.
            caches = not answers or "tools" in self._facts.cache_points
            point = self._point(block, "messages") if caches else []
            if block["type"] == "tool_result":
                result, media = self._result(block)
                front += [result, *point]
                moved += media
            elif (one := self._block(block)) is not None:
                rest += [one, *point]
        content = [*front, *moved, *rest]
        if (documents := [one["document"] for one in content if "document" in one]) and not _has_text(content):
            content.append({"text": f"[file {documents[-1]['name']}]"})  # the API wants a text beside it
        return content

    def _block(self, block: Block) -> Block | None:
        match block:
            case {"type": "image", "source": {"media_type": kind, "data": data}}:
                return {"image": {"format": kind.removeprefix("image/"), "source": {"bytes": data}}}
            case {"type": "document", "source": {"media_type": kind, "data": data}}:
                name = self._name(block.get("title") or "document")
                form = kind.removeprefix("application/")  # of Office's files it is the ending already
                return {"document": {"format": form, "name": name, "source": {"bytes": data}}}
            case {"type": "redacted_thinking", "data": data} if not _is_base64(data):
                self._notes.add("dropped:thinking_blocks", "A redacted thought is not one of Bedrock's.")
                return None
        return spoken(block)

    def _result(self, block: Block) -> tuple[Block, list[Block]]:
        """A tool's result, and what the model takes outside of results only."""
        given = block.get("content") or []
        parts = [{"type": "text", "text": given}] if isinstance(given, str) else given
        content = [one for part in parts if (one := self._block(part)) is not None]
        media: list[Block] = []
        if not self._facts.rich_results:
            media = [one for one in content if "text" not in one]
            content = [one for one in content if "text" in one]
        result: Block = {"toolUseId": block["tool_use_id"], "content": content or [{"text": _EMPTY}]}
        if block.get("is_error") and self._facts.rich_results:
            result["status"] = "error"
        return {"toolResult": result}, media

    def _point(self, block: Block, part: Literal["tools", "system", "messages"]) -> list[Block]:
        mark = block.get("cache_control")
        if not mark or part not in self._facts.cache_points:
            return []
        hour = {"ttl": "1h"} if mark.get("ttl") == "1h" else {}
        return [{"cachePoint": {"type": "default", **hour}}]

    def _name(self, title: str) -> str:
        """A name for a document: letters, digits, hyphens, brackets and single spaces, and no other's."""
        stem = name = _NO_NAME.sub(" ", title)[:_NAME_LIMIT].strip() or "document"
        while name.lower() in self._names:
            self._numbers[stem.lower()] = number = self._numbers.get(stem.lower(), 1) + 1
            name = f"{stem} ({number})"
        self._names.add(name.lower())
        return name


def spoken(block: Block) -> Block | None:
    """A block of the model's own: words, calls, thoughts; `None` for another kind."""
    match block:
        case {"type": "text", "text": text}:
            return {"text": text}
        case {"type": "tool_use", "id": call_id, "name": name, "input": given}:
            return {"toolUse": {"toolUseId": call_id, "name": name, "input": given}}
        case {"type": "thinking", "thinking": text, "signature": seal}:
            return {"reasoningContent": {"reasoningText": {"text": text, **({"signature": seal} if seal else {})}}}
        case {"type": "redacted_thinking", "data": data}:
            return {"reasoningContent": {"redactedContent": data}}
    return None


def _is_base64(data: str) -> bool:
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        return False
    return True


def _has_text(content: Sequence[Block]) -> bool:
    return any("text" in block for block in content)


def _tool(tool: Block) -> Block:
    spec: dict[str, Any] = {key: tool[key] for key in ("name", "description", "strict") if key in tool}
    return {"toolSpec": spec | {"inputSchema": {"json": tool["input_schema"]}}}
