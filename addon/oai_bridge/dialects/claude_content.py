"""A turn of Claude, put together again from the pieces of its stream, in the blocks that can be sent back."""

from __future__ import annotations

from typing import Any

from ..plain.jsontext import read_any
from .claude_wire import Delta

Block = dict[str, Any]


class Content:
    """`start` and `take` as the pieces come, `blocks` at the end. A block may be of any kind."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._pieces: list[dict[str, list[str]]] = []  # of each block: field → what was added to it
        self._citations: list[list[Any]] = []  # of each block, likewise
        self._open: dict[int, int] = {}  # the stream's index of a block → ours

    def start(self, index: int, block: Block) -> None:
        """A block begins, with all that it holds already."""
        self._open[index] = len(self._blocks)
        self._blocks.append(dict(block))
        self._pieces.append({})
        self._citations.append([])

    def take(self, index: int, delta: Delta, message: bytes) -> None:
        """A piece of a block; `message` is what the delta was read from."""
        if (at := self._open.get(index)) is None:
            return
        match delta.type:
            case "text_delta":
                self._add(at, "text", delta.text)
            case "thinking_delta":
                self._add(at, "thinking", delta.thinking)
            case "signature_delta":
                self._add(at, "signature", delta.signature)
            case "input_json_delta":
                self._add(at, "input", delta.partial_json)
            case "citations_delta":
                self._citations[at].append(delta.citation)
            case _:
                fields = read_any(message)["delta"]
                self._blocks[at] |= {field: value for field, value in fields.items() if field != "type"}

    def next_request(self) -> None:
        """The turn goes on in another stream, whose indexes begin at 0 again."""
        self._open.clear()

    def blocks(self) -> tuple[Block, ...]:
        """The turn so far, without blank texts: Claude writes them, but doesn't take them back."""
        whole = (self._whole(at) for at in range(len(self._blocks)))
        return tuple(block for block in whole if block.get("type") != "text" or _has_text(block))

    def _whole(self, at: int) -> Block:
        block = self._blocks[at]
        added = {field: _joined(block.get(field), field, pieces) for field, pieces in self._pieces[at].items()}
        if self._citations[at]:
            begun = block.get("citations")
            added["citations"] = [*(begun if isinstance(begun, list) else []), *self._citations[at]]
        return block | added

    def _add(self, at: int, field: str, piece: str | None) -> None:
        if piece:
            self._pieces[at].setdefault(field, []).append(piece)


def _has_text(block: Block) -> bool:
    text = block.get("text")
    return isinstance(text, str) and bool(text.strip())


def _joined(begun: Any, field: str, pieces: list[str]) -> Any:
    text = "".join(pieces)
    if field != "input":
        return begun + text if isinstance(begun, str) else text
    try:
        value = read_any(text.encode())
    except (ValueError, RecursionError):
        value = None  # cut at max_tokens in the middle
    return value if isinstance(value, dict) else {}
