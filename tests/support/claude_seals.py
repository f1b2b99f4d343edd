"""The signatures of thinking: issued with what the model thought, checked when the thought comes back.

A signature seals the model, the conversation before the thought, the thought before it and its own text. What stood
before are the tools, the system prompt and the messages, without `cache_control`; a string counts as the one text block
that it stands for, and neighbouring messages of one role as one.
Vendor source: Anthropic's "Prefix checks on thinking blocks" and its errors page.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.claude_models import Model
from tests.support.claude_shapes import blocks_of, word

THINKING = ("thinking", "redacted_thinking")
_SIZE = 12  # bytes of each of the seal's five parts
_MODEL, _PREFIX, _BEFORE, _TEXT, _WHOLE = range(5)
_NONE = bytes(_SIZE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a thought stands. `before` is the signature (or data) of the thought before it."""

    where: str
    prefix: bytes
    before: str


class Seals:
    """One cloud's signatures; another cloud's are not known to it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def issue(self, model: Model, body: Mapping[str, Any], said: Sequence[Mapping[str, Any]], text: str) -> str:
        """Signs what is thought after `said`, in an answer to `body`."""
        message = {"role": "assistant", "content": [*said, {"type": "thinking", "thinking": text, "signature": ""}]}
        *_, (place, _) = thoughts(body, [*body["messages"], message])
        parts = [self._part(part) for part in (model.id.encode(), place.prefix)]
        parts += [self._part(place.before.encode()) if place.before else _NONE, self._part(text.encode())]
        return base64.b64encode(b"".join([*parts, self._part(*parts)])).decode()

    def faults(self, model: Model, body: Mapping[str, Any]) -> Iterator[str]:
        """What is wrong with the thoughts in a body's history, in the API's words."""
        for place, block in thoughts(body, body["messages"]):
            redacted = block["type"] == "redacted_thinking"
            seal, text = (block["data"], "") if redacted else (block["signature"], block["thinking"])
            if why := self._fault(model, place, seal, text):
                yield f"{place.where}: {why}"

    def _fault(self, model: Model, place: Place, seal: str, text: str) -> str | None:
        try:
            raw = base64.b64decode(seal, validate=True)
        except ValueError:
            raw = b""
        parts = [raw[start : start + _SIZE] for start in range(0, len(raw), _SIZE)]
        if len(parts) != 5 or parts[_WHOLE] != self._part(*parts[:_WHOLE]):
            return "Invalid `signature` in `thinking` block"
        if parts[_TEXT] != self._part(text.encode()):
            return (
                "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These "
                "blocks must remain as they were in the original response."
            )
        if not model.bound:
            return None
        if parts[_MODEL] != self._part(model.id.encode()):
            return "Invalid `signature` in `thinking` block. The block was produced by a different model."
        moved = place.before and parts[_BEFORE] != self._part(place.before.encode())
        if moved or parts[_PREFIX] != self._part(place.prefix):
            return (
                "Invalid `signature` in `thinking` block. The block is bound to a different conversation. Remove the "
                'block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block".'
            )
        return None

    def _part(self, *parts: bytes) -> bytes:
        return hmac.digest(self._key, b"".join(parts), "sha256")[:_SIZE]


def thoughts(body: Mapping[str, Any], messages: Sequence[Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """All well-formed thoughts in a history, each with its place."""
    seen = hashlib.sha256(_canonical(body.get("tools") or []) + _canonical(blocks_of({"content": body.get("system")})))
    role, before = "", ""
    for at, message in enumerate(messages):
        if word(message, "role") != role:
            role = word(message, "role") or ""
            seen.update(role.encode("utf-8", "replace"))
        for index, block in enumerate(blocks_of(message)):
            if word(block, "type") not in THINKING:
                seen.update(_canonical(block))
                continue
            fields = ("data",) if block["type"] == "redacted_thinking" else ("thinking", "signature")
            if all(isinstance(block.get(field), str) for field in fields):
                yield Place(f"messages.{at}.content.{index}", seen.digest(), before), block
                before = block[fields[-1]]


def _canonical(value: Any) -> bytes:
    return json.dumps(_bare(value), sort_keys=True).encode() + b"\n"


def _bare(value: Any) -> Any:
    """Without what does not count as a change: cache points, and fields that are null."""
    if isinstance(value, list):
        return [_bare(item) for item in value]
    if isinstance(value, dict):
        return {key: _bare(item) for key, item in value.items() if key != "cache_control" and item is not None}
    return value
