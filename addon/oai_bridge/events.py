"""The internal language: what any model's answer is made of, between any upstream dialect and any client format.

An answer is `Start`, then any run of `Text`, `Thinking`, `Signature`, `RedactedThinking`, `ToolStart`,
`ToolArguments`, `CustomCall` and `Citation`, with `UsageReport`s anywhere, then exactly one ending: `Stop` or
`Failure`. `Pause` stands where the cloud wants to be asked to go on. `Ping` may come at any time and means nothing but
"still there".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import BridgeError

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `input` is what was neither read from nor written to a cache; `cache_write_1h` is the part
    of `cache_write` that is kept for an hour; `reasoning` is a part of `output`, `None` where the cloud doesn't tell.
    `tier` is the service that was given, and is paid for; `longest` the prompt of the largest request, where several
    make one answer."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int | None = None
    tier: Literal["default", "priority"] | None = None
    cache_write_1h: int = 0
    longest: int = field(default=0, compare=False)

    @property
    def prompt(self) -> int:
        """All tokens of the prompt, cached or not: OpenAI's `prompt_tokens`."""
        return self.input + self.cache_read + self.cache_write


@dataclass(frozen=True, slots=True)
class Start:
    """The answer has begun. `id` is the upstream's message id, `model` the name it gives itself."""

    id: str
    model: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str


@dataclass(frozen=True, slots=True)
class Signature:
    """The end of a thought, and the seal without which it can't be sent back; "" where the cloud gave none."""

    signature: str


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    data: str


@dataclass(frozen=True, slots=True)
class ToolStart:
    """A call to the client's tool. `index` counts the calls of this answer from 0."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolArguments:
    """A piece of the call's arguments, as JSON text."""

    index: int
    json: str


@dataclass(frozen=True, slots=True)
class CustomCall:
    """A call to the client's tool that takes free text, always whole. `index` counts with those of `ToolStart`."""

    index: int
    id: str
    name: str
    input: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A source on the web of the text from `start` to `end`, in characters of the whole answer's text."""

    url: str
    title: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Said:
    """The turn as the model wrote it so far, in the cloud's own blocks, what stood before an earlier `Pause` included.
    Comes right before `Pause` and `Stop`, and only where the request's `Reading` asks for it."""

    content: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """The cloud paused the turn in the middle (its own tools take long). To go on, send back what was `Said`."""


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What is known of the tokens so far; a later report replaces an earlier one."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Stop:
    """The answer is whole. `refusal` is the explanation where the model refused, `upstream_reason` the cloud's own word
    for why it stopped; `guessed`: that word is none that is known."""

    reason: FinishReason
    stop_sequence: str | None = None
    refusal: str | None = None
    upstream_reason: str | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The answer is not whole and won't be."""

    error: BridgeError


@dataclass(frozen=True, slots=True)
class Ping:
    pass


Event = (
    Start
    | Text
    | Thinking
    | Signature
    | RedactedThinking
    | ToolStart
    | ToolArguments
    | CustomCall
    | Citation
    | Said
    | UsageReport
    | Pause
    | Stop
    | Failure
    | Ping
)
