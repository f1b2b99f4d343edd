"""Claude's turns as it wrote them, for clients that lose the thinking: remembered for a while, given back verbatim.

Claude wants the thinking of a turn with tool calls back, unchanged, together with the tools' results; it is bound to
the model and, in newer ones, to everything that stood before it. OpenAI's format has no place for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

from ..openai.chat import ToolCall
from ..plain.jsontext import write
from .claude_blocks import THOUGHTS, Block

_OVERHEAD = 512  # bytes for the key of a turn and its place in the table
_EXACT = 2**53  # up to here a float is the whole number that it looks like


class TurnLike(Protocol):
    """A turn of the conversation in Claude's terms."""

    @property
    def role(self) -> str: ...
    @property
    def blocks(self) -> Sequence[Mapping[str, Any]]: ...


def digest(turns: Sequence[TurnLike], before: bytes = b"") -> bytes:
    """32 bytes that stand for the turns, whatever is to be cached of them. `before` is the digest of what comes before
    them, so that `digest(a + b) == digest(b, digest(a))` and a growing conversation is read once; `before` itself where
    there are no turns. Linear in the turns' size."""
    for turn in turns:
        content = [_without_cache(block) for block in turn.blocks]
        hashed = blake2b(before, digest_size=32)
        hashed.update(msgspec.json.encode([turn.role, content], order="deterministic"))
        before = hashed.digest()
    return before


class TurnMemory:
    """The turns that were used last, at most `size` bytes of them.

    Remembered are turns with thinking and tool calls; nothing else has to be sent back as it was.
    """

    def __init__(self, size: int = 32 * 1024 * 1024) -> None:
        self._room = self._size = size  # bytes: left, and at most
        self._turns: OrderedDict[tuple[str, bytes, str], bytes] = OrderedDict()  # as JSON; the one used last is last

    def remember(self, model: str, prefix: bytes, content: Sequence[Mapping[str, Any]]) -> None:
        """Keeps a turn in Claude's own blocks. `prefix` is the digest of what the model was sent."""
        if not any(block.get("type") in THOUGHTS for block in content):
            return
        first = next((block.get("id") for block in content if block.get("type") == "tool_use"), None)
        written = write(content)
        if not isinstance(first, str) or len(written) + _OVERHEAD > self._size:
            return
        self._forget((model, prefix, first))
        self._turns[model, prefix, first] = written
        self._room -= len(written) + _OVERHEAD
        while self._room < 0:
            self._forget(next(iter(self._turns)))

    def recall(self, model: str, prefix: bytes, calls: Sequence[ToolCall], text: str) -> list[Block] | None:
        """The turn's blocks, fresh for the caller, if the client's history still tells the same turn: written by the
        same model after the same prefix, with the same calls (ids, names as the cloud knows them, arguments equal as
        JSON) and the same text, but for white space around it. `None` otherwise."""
        if not calls:
            return None
        key = (model, prefix, calls[0].id or "")
        if (written := self._turns.get(key)) is None:
            return None
        blocks: list[Block] = msgspec.json.decode(written)
        used = [block for block in blocks if block.get("type") == "tool_use"]
        if len(used) != len(calls) or not all(map(_is_call, used, calls)) or _text(blocks).strip() != text.strip():
            return None
        self._turns.move_to_end(key)
        return blocks

    def _forget(self, key: tuple[str, bytes, str]) -> None:
        if (written := self._turns.pop(key, None)) is not None:
            self._room += len(written) + _OVERHEAD


def _without_cache(block: Mapping[str, Any]) -> Block:
    """The block, and the blocks in a tool result, without their `cache_control`."""
    bare = {key: value for key, value in block.items() if key != "cache_control"}
    if isinstance(content := bare.get("content"), list):
        bare["content"] = [_without_cache(part) if isinstance(part, dict) else part for part in content]
    return bare


def _text(blocks: Sequence[Block]) -> str:
    return "".join(block["text"] for block in blocks if block.get("type") == "text")


def _is_call(used: Block, call: ToolCall) -> bool:
    if (used.get("id"), used.get("name")) != (call.id, call.name):
        return False
    try:
        return _canonical(write(used.get("input"))) == _canonical(call.arguments.strip().encode() or b"{}")
    except (ValueError, RecursionError):
        return False


def _whole(number: str) -> float:
    """JavaScript knows no `1.0`: it sends `1` back."""
    value = float(number)
    return int(value) if abs(value) < _EXACT and value.is_integer() else value


_decode = msgspec.json.Decoder(float_hook=_whole).decode


def _canonical(raw: bytes) -> bytes:
    """The same bytes for equal JSON values."""
    return msgspec.json.encode(_decode(raw), order="deterministic")
