"""The internal language: what any model's answer is made of, between any upstream dialect and any client format.

An answer is `Start`, then any run of `Text`, `Thinking`, `Signature`, `RedactedThinking`, `ToolStart` and
`ToolArguments`, with `UsageReport`s anywhere, then exactly one ending: `Stop` or `Failure`. `Ping` may come at any time
and means nothing but "still there".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .errors import BridgeError

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `input` is what was neither read from nor written to a cache; `reasoning` is a part of
    `output`, `None` where the cloud doesn't tell."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int | None = None

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
    """The seal of the thinking before it, without which it can't be sent back."""

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
class UsageReport:
    """What is known of the tokens so far; a later report replaces an earlier one."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Stop:
    """The answer is whole. `refusal` is the explanation where the model refused."""

    reason: FinishReason
    stop_sequence: str | None = None
    refusal: str | None = None


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
    | UsageReport
    | Stop
    | Failure
    | Ping
)
