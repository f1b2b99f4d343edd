"""What was said in a chat, of OpenAI's API or Anthropic's, in one form: messages with their parts, tools, an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """`cache` is the time that the cache point after it asks for, such as `5m`; `None` where there is none."""

    text: str
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Thinking:
    """`text` is empty where the model keeps its thoughts to itself; `sealed`: with a signature."""

    text: str
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, a document or a sound. `source` is a URL, a file's id or its name; `size` in bytes, if it is here."""

    kind: str
    type: str = ""
    source: str = ""
    size: int | None = None
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; `arguments` as JSON text, or free text."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gave back."""

    call_id: str
    parts: tuple[Part, ...]
    name: str = ""
    is_error: bool = False
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """A kind of part that has no name here, as it is."""

    kind: str
    value: Any


Part = Text | Thinking | Media | Call | Result | Other


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    parts: tuple[Part, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    schema: Any
    cache: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request. `parameters` are all fields but messages and tools, in the client's order; `problem` says why there
    are no more messages than these."""

    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, as far as it is there. `parts` in the order in which they came; `choice` counts from 0 where several
    were asked for. `error` is the error's message; `whole` says that the answer came to its end."""

    parts: tuple[Part, ...] = ()
    finish_reason: str | None = None
    stop_sequence: str | None = None
    model: str = ""
    id: str = ""
    usage: Mapping[str, Any] | None = None
    error: str = ""
    whole: bool = False
    choice: int = 0
