"""Where the prompt is cached: the breakpoints that a client set, made legal, or those that are best without any.

A breakpoint is a block with `cache_control`. The API reads them in the order tools, system, messages, takes at most
four, and refuses one hour after five minutes. Vendor source: Anthropic's "Prompt caching".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..models.facts import Cloud, ModelFacts
from ..notes import Notes
from ..openai.chat import Ttl
from .claude_blocks import THOUGHTS, Block, cache_control

_Place = tuple[list[Any], int]  # a list of blocks and an index in it

_MOST = 4
_PARTS = ("tools", "system", "messages")  # in the API's order


def make_legal(body: dict[str, Any], notes: Notes) -> None:
    """Takes away the oldest points of the messages, then of the rest, that are too many, and shortens the hours that
    come too late. Changes lists of `body`, no blocks."""
    groups = [list(_marked(body, key)) for key in _PARTS]
    front, late = groups[0] + groups[1], groups[2]
    if (excess := len(front) + len(late) - _MOST) > 0:
        notes.dropped("cache_control", f"There may be {_MOST} cache breakpoints; the oldest of {excess + _MOST} went.")
        for blocks, index in (late + front)[:excess]:
            blocks[index] = {key: value for key, value in blocks[index].items() if key != "cache_control"}
        late, front = late[excess:], front[max(0, excess - len(late)) :]
    short = False
    for blocks, index in front + late:
        if not _is_for_an_hour(blocks[index]):
            short = True
        elif short:
            blocks[index] = blocks[index] | {"cache_control": cache_control("5m")}
            notes.add("clamped:cache_control", "A cache breakpoint of 1 hour after one of 5 minutes became one of 5.")


def fit_hours(body: dict[str, Any], facts: ModelFacts, cloud: Cloud, notes: Notes) -> None:
    """Shortens the hours of a model that Bedrock keeps a prompt of for five minutes only: it refuses them. Looks at the
    parts in which the model can have points. Changes lists of `body`, no blocks."""
    if cloud != "bedrock" or facts.bedrock_cache_1h:
        return
    for key in facts.cache_points:
        for blocks, index in _marked(body, key):
            if _is_for_an_hour(blocks[index]):
                blocks[index] = blocks[index] | {"cache_control": cache_control("5m")}
                notes.add("clamped:cache_control", "On Bedrock this model's cache lasts for 5 minutes.")


def count_points(body: dict[str, Any]) -> int:
    return sum(1 for key in _PARTS for _ in _marked(body, key))


def place_automatic(body: dict[str, Any], ttl: Ttl, min_tokens: int | None) -> None:
    """Sets points after the tools, the system prompt and the last two turns of the user, so that each request reads
    what the one before it wrote. Where `body` has points already, only after the user's last turn, if there is room:
    so does Anthropic's own automatic mode, and for five minutes where one of those is, since the API refuses an hour
    after that. Does nothing where the prompt can't have `min_tokens` tokens, below which nothing is cached. Changes
    lists of `body`, no blocks."""
    points = count_points(body)
    if points >= _MOST or not _reaches(body, min_tokens or 0):
        return
    if not all(_is_for_an_hour(blocks[index]) for key in _PARTS for blocks, index in _marked(body, key)):
        ttl = "5m"
    turns = [(turn, "content") for turn in body["messages"] if turn.get("role") == "user"]
    for holder, key in turns[-1:] if points else [(body, "tools"), (body, "system"), *turns[-2:]]:
        if (text := holder.get(key)) and isinstance(text, str):
            holder[key] = [{"type": "text", "text": text}]
        blocks = holder.get(key) or []
        last = next((index for index in reversed(range(len(blocks))) if _can_bear(blocks[index])), None)
        if last is not None and not blocks[last].get("cache_control"):
            blocks[last] = blocks[last] | {"cache_control": cache_control(ttl)}


def _is_for_an_hour(block: Block) -> bool:
    control = block["cache_control"]
    return isinstance(control, dict) and control.get("ttl") == "1h"


def _can_bear(block: Block) -> bool:
    """The API refuses a point on thinking, on an empty text and on a tool that is not loaded at first."""
    if block.get("type") in THOUGHTS or block.get("defer_loading"):
        return False
    return block.get("type") != "text" or bool(block.get("text"))


def _marked(body: dict[str, Any], key: str) -> Iterator[_Place]:
    """The places of the points in a part of the body, in its order, those inside tool results included."""
    value = body.get(key)
    lists = [turn.get("content") for turn in value or []] if key == "messages" else [value]
    for blocks in lists:
        if isinstance(blocks, list):
            yield from _in(blocks)


def _in(blocks: list[Any]) -> Iterator[_Place]:
    for index, block in enumerate(blocks):
        if isinstance(block, dict):
            if block.get("type") == "tool_result" and isinstance(block.get("content"), list):
                yield from _in(block["content"])
            if block.get("cache_control"):
                yield blocks, index


def _reaches(body: dict[str, Any], tokens: int) -> bool:
    """Whether the prompt may have that many tokens: none is shorter than a byte. Looks no further than it must."""
    waiting = [body.get("tools"), body.get("system"), body["messages"]]
    while tokens > 0 and waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.keys()
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            tokens -= len(value) if len(value) >= tokens else len(value.encode("utf-8", "replace"))
        else:
            tokens -= 1
    return tokens <= 0
