"""What a client and a model say to each other, in one shape for OpenAI's API and Anthropic's, made to be shown.

It is read out of the client's own bytes by `prompts` and `replies`, which lose nothing that a person may look for: what
has no shape here is kept as `Other`. Texts are as they were sent, control characters included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..events import Usage

Api = Literal["openai", "anthropic"]

_PATHS: Mapping[tuple[str, ...], Api] = {("chat", "completions"): "openai", ("messages",): "anthropic"}


def api_of(path: str) -> Api | None:
    """Whose API a chat's path, a request target of any form, belongs to; `None` if this is no chat's."""
    parts = tuple(part for part in path.partition("?")[0].split("/") if part)
    return next((api for tail, api in _PATHS.items() if parts[-len(tail) :] == tail), None)


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """A thought; one that is `redacted` has no text to read. `signed`: it can be sent back."""

    text: str
    redacted: bool = False
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or file. `media_type` is as declared, `size` in bytes where the data is in the body, `source` the URL
    or id of what is elsewhere. `digest` (8 hex digits) tells two from each other. `text` is what a plain text says."""

    kind: str
    media_type: str = ""
    size: int | None = None
    source: str = ""
    name: str = ""
    digest: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a tool. `arguments` is JSON as it was sent, or free text where the tool is `custom`."""

    id: str
    name: str
    arguments: str
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool said. `name` is told with OpenAI's older functions alone."""

    call_id: str
    name: str
    parts: tuple[Part, ...]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    text: str


@dataclass(frozen=True, slots=True)
class Other:
    """A block or a field without a shape here: its type or name, and its JSON on one line."""

    name: str
    json: str


Part = Text | Thinking | Media | Call | Result | Refusal | Other


@dataclass(frozen=True, slots=True)
class Message:
    """`role` is as it was sent, `at` its place in the body, such as `messages[3]`. A message of OpenAI's roles tool and
    function is one `Result`. `cached`: there is a cache mark in it."""

    role: str
    parts: tuple[Part, ...]
    at: str
    name: str = ""
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """`kind` is function, custom or one of Anthropic's own; `schema` is JSON on one line, empty if there is none."""

    name: str
    kind: str
    description: str
    schema: str
    at: str
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request. A system prompt that has a field of its own is the first message. `parameters` are the other fields
    as they were sent, `troubles` sentences about what could not be read."""

    api: Api
    model: str = ""
    stream: bool = False
    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    index: int
    message: Message
    finish_reason: str = ""
    stop_sequence: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, as far as it came. `whole`: up to its proper end and without an error. `error` is what the error page
    or the stream's last event says."""

    api: Api
    streamed: bool = False
    id: str = ""
    model: str = ""
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    error: str = ""
    whole: bool = False
    troubles: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What the model said in its first choice."""
        return "".join(part.text for part in self._parts if isinstance(part, Text))

    @property
    def thinking(self) -> str:
        """What it thought there."""
        return "".join(part.text for part in self._parts if isinstance(part, Thinking))

    @property
    def _parts(self) -> tuple[Part, ...]:
        return self.choices[0].message.parts if self.choices else ()


def characters(parts: Iterable[Part]) -> int:
    """The length of what is text in them: media count nothing, calls with their names."""
    return sum(map(_length, parts))


def _length(part: Part) -> int:
    match part:
        case Text(text) | Refusal(text) | Thinking(text) | Media(text=text):
            return len(text)
        case Call(name=name, arguments=arguments):
            return len(name) + len(arguments)
        case Result(parts=parts):
            return characters(parts)
        case Other(json=json):
            return len(json)
