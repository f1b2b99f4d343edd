"""Claude's tool calls, piece by piece, as the client's own: counted, under its names, in the form that it asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..events import CustomCall, Event, Text, ToolArguments, ToolStart
from ..plain.jsontext import read_any, write
from .claude_wire import Block
from .reading import Reading


@dataclass(slots=True)
class Call:
    """A call that has begun. `given` is the input that its block began with, until arguments come; `pieces` are the
    arguments of a call that is told whole."""

    kind: Literal["function", "custom", "answer"]
    index: int
    id: str
    name: str
    given: Any
    pieces: list[str] = field(default_factory=list)


class Calls:
    """`start`, `arguments` and `end` of each call. `count` is how many the client has seen: Claude's own indexes count
    texts and thoughts too. `answered` says that the hidden answer tool was called, whose arguments are a text."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.count = 0
        self.answered = False

    def start(self, block: Block) -> tuple[Call | None, list[Event]]:
        """A `tool_use` block begins; `None` for a call that nobody is to know of."""
        id, cloud, given = block.id or "", block.name or "", {} if block.input is None else block.input
        if cloud == self._reading.answer_tool:
            if self.answered:
                return None, []  # one JSON is an answer, two are none
            self.answered = True
            return Call("answer", -1, id, cloud, given), []
        name, index = self._reading.names.get(cloud, cloud), self.count
        self.count += 1
        if name in self._reading.custom:
            return Call("custom", index, id, name, given), []
        return Call("function", index, id, name, given), [ToolStart(index, id, name)]

    def arguments(self, call: Call, json: str) -> list[Event]:
        """A piece of the arguments."""
        call.given = None
        match call.kind:
            case "function":
                return [ToolArguments(call.index, json)]
            case "answer":
                return [Text(json)]
            case "custom":
                call.pieces.append(json)
        return []

    def end(self, call: Call) -> list[Event]:
        """The block ends. Arguments that came whole with its start, or none at all, are told now."""
        rest = self.arguments(call, write(call.given).decode()) if call.given is not None else []
        if call.kind == "custom":
            return [CustomCall(call.index, call.id, call.name, _free_text("".join(call.pieces)))]
        return rest


def _free_text(arguments: str) -> str:
    """What the model wrote into the one property of a custom tool; the arguments as they are, should they be cut."""
    try:
        value = read_any(arguments.encode())
    except (ValueError, RecursionError):
        value = None
    text = value.get("input") if isinstance(value, dict) else None
    return text if isinstance(text, str) else arguments
