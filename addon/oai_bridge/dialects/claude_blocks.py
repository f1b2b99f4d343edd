"""What a message holds, as content blocks of Anthropic's Messages API: texts, pictures, files, thoughts, arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..errors import InvalidRequest
from ..notes import Notes
from ..openai.chat import Document, Image, Message, Office, Part, RedactedThought, SignedThinking, Text, Ttl
from ..plain.jsontext import deeper_than

Block = dict[str, Any]

THOUGHTS = ("thinking", "redacted_thinking")  # the types of block that must come back as they were

_DEPTH = 100  # levels of JSON: far from where encoders give up, far beyond what tools take


def text_block(text: str) -> Block:
    """A text, which must not be blank: the API refuses those."""
    return {"type": "text", "text": text}


def empty_file(title: str | None) -> str:
    """What stands for a text file with nothing in it, so that the model can say so."""
    return f"[file {title}: empty]" if title else "[file: empty]"


def content_blocks(message: Message, names: bool, notes: Notes) -> list[Block]:
    """What a message says: texts that are not blank, and the pictures and files of users and tools. `names` puts the
    name of who speaks before it. The mark of a part that says nothing moves to the part before it; `message.cache` is
    left to the caller. Raises `InvalidRequest` for a part that nobody fetched."""
    blocks: list[Block] = []
    for part in message.parts:
        if block := _part_block(part, message, notes):
            blocks.append(block)
        mark(blocks, part.cache)
    if names and blocks and message.role != "tool" and (name := (message.name or "").strip()):
        _sign(blocks, name)
    return blocks


def mark(blocks: Sequence[Block], ttl: Ttl | None) -> None:
    """Asks for the prompt up to and with the last of `blocks` to be cached, if `ttl` says so."""
    if ttl and blocks and blocks[-1]["type"] not in THOUGHTS:  # the API takes no mark on those
        blocks[-1]["cache_control"] = cache_control(ttl)


def cache_control(ttl: Ttl) -> Block:
    """Five minutes is what the API takes for granted."""
    return {"type": "ephemeral"} if ttl == "5m" else {"type": "ephemeral", "ttl": ttl}


def extend(blocks: list[Block], more: Sequence[Block]) -> None:
    """Claude reads blocks without anything between them, so that the later text brings its own blank line: the earlier
    one stays as it was, and with it the cache."""
    if blocks and more and blocks[-1]["type"] == more[0]["type"] == "text":
        more = [more[0] | {"text": "\n\n" + more[0]["text"]}, *more[1:]]
    blocks += more


def tagged(blocks: Sequence[Block]) -> Block:
    """Texts of the system as one that can stand in a user's turn."""
    block = text_block(f"<system>{''.join(block['text'] for block in blocks)}</system>")
    marks = [block["cache_control"] for block in blocks if "cache_control" in block]
    return block | {"cache_control": marks[-1]} if marks else block


def thought_blocks(thoughts: Sequence[SignedThinking | RedactedThought]) -> list[Block]:
    """Thoughts in their order, to the letter: the seal is for exactly this text."""
    return [
        {"type": "redacted_thinking", "data": thought.data}
        if isinstance(thought, RedactedThought)
        else {"type": "thinking", "thinking": thought.thinking, "signature": thought.signature}
        for thought in thoughts
    ]


def input_of(arguments: str, notes: Notes) -> dict[str, Any]:
    """The object that a call's arguments stand for, whatever they are: nothing and null are `{}`, another value is
    `{"value": …}`, and what is no JSON (or more than anybody can read) is `{"_raw": "<the text>"}`."""
    if not arguments or arguments.isspace():
        return {}
    try:
        value = msgspec.json.decode(arguments)
    except (ValueError, RecursionError):
        value = None
        usable = False
    else:
        usable = not (arguments.count("[") + arguments.count("{") > _DEPTH and deeper_than(_DEPTH, value))
    if not usable:
        notes.add("rewrote:tool_arguments", "The arguments of a tool call are no JSON; they were sent as `_raw`.")
        return {"_raw": arguments}
    if isinstance(value, dict):
        return value
    if value is None:
        return {}
    notes.add("rewrote:tool_arguments", "The arguments of a tool call are no object; they were sent as `value`.")
    return {"value": value}


def _part_block(part: Part, message: Message, notes: Notes) -> Block | None:
    match part:
        case Text(text):
            return text_block(text) if text and not text.isspace() else None
        case Image(media_type, data):
            block: Block = {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
        case Document("text/plain", data, title) if not data or data.isspace():
            block = text_block(empty_file(title))  # the API takes empty texts nowhere
        case Document(media_type, data, title) | Office(media_type, data, _, title):  # Office's for Converse alone
            kind = "text" if media_type == "text/plain" else "base64"
            block = {"type": "document", "source": {"type": kind, "media_type": media_type, "data": data}}
            if title:
                block["title"] = title
        case _ if message.role in ("user", "tool"):
            raise InvalidRequest("This file was not fetched. Send it as a data URL.", param=part.param)
        case _:
            block = {"type": "file"}
    if message.role in ("user", "tool"):
        return block
    field, kind = f"messages[{message.index}].content", "document" if isinstance(part, Document) else block["type"]
    notes.dropped(field, f"This model takes no {kind}s from the {message.role}.", code=f"{message.role}_{kind}")
    return None


def _sign(blocks: list[Block], name: str) -> None:
    """Puts the name before the first text, or before everything where there are pictures and files only."""
    first = next((block for block in blocks if block["type"] == "text"), None)
    if first is None:
        blocks.insert(0, text_block(f"{name}:"))
    elif not first["text"].startswith(f"{name}:"):
        first["text"] = f"{name}: {first['text']}"
