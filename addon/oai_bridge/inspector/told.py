"""A record read back from `flow.metadata`: of a chat that runs or has ended, or of a file that anybody may have made.

What is missing has a default, so that files of earlier versions can be read.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, ValidationError, convert, field

from ..events import Usage
from ..money.cost import Cost


class ToldAttempt(Struct, frozen=True):
    """One request to a cloud, as `record.Attempt` writes it."""

    method: str = ""
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    body_size: int = 0
    credential: str = ""
    sent: float | None = None
    connected: float | None = None
    answered: float | None = None
    status: int | None = None
    error: str | None = None
    may_have_run: bool = False
    reply: Any = ""
    reply_size: int = 0

    @property
    def reply_bytes(self) -> bytes:
        """What came back, as far as it was kept."""
        return self.reply if isinstance(self.reply, bytes) else str(self.reply).encode("utf-8", "replace")

    @property
    def was_sent(self) -> bool:
        """Whether there was a request at all: a token may not have been had."""
        return bool(self.url)


class ToldNote(Struct, frozen=True):
    code: str = ""
    detail: str = ""


class ToldError(Struct, frozen=True):
    """OpenAI's error object."""

    message: str = ""
    type: str | None = None
    code: str | int | None = None
    param: str | None = None


class ToldTiming(Struct, frozen=True):
    """Unix seconds, `queued` excepted."""

    began: float = 0.0
    queued: float = 0.0
    first_byte: float | None = None
    first_token: float | None = None
    ended: float | None = None


class _Tokens(Struct, frozen=True):
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int | None = None


class _Dollars(Struct, frozen=True):
    input: float = 0.0
    cache_write: float = 0.0
    cache_read: float = 0.0
    output: float = 0.0


class Told(Struct, frozen=True):
    """A record, as `Record.to_metadata` writes it."""

    request_id: str = ""
    upstream_request_id: str | None = None
    client: str = ""
    route: str | None = None
    model: str | None = None
    upstream_model: str | None = None
    attempts: tuple[ToldAttempt, ...] = ()
    notes: tuple[ToldNote, ...] = ()
    tokens: _Tokens = field(name="usage", default=_Tokens())
    dollars: _Dollars | None = field(name="cost", default=None)
    rates: dict[str, float | None] | None = None
    finish_reason: str | None = None
    upstream_reason: str | None = None
    error: ToldError | None = None
    timing: ToldTiming = ToldTiming()
    cache: dict[str, Any] | None = None

    @property
    def usage(self) -> Usage:
        tokens = self.tokens
        return Usage(
            tokens.input,
            tokens.output,
            tokens.cache_read,
            tokens.cache_write,
            tokens.reasoning,
            cache_write_1h=tokens.cache_write_1h,
        )

    @property
    def cost(self) -> Cost | None:
        """`None`: not known."""
        paid = self.dollars
        return Cost(paid.input, paid.cache_write, paid.cache_read, paid.output) if paid else None

    @property
    def first_token_after(self) -> float | None:
        """Seconds from the request to the first word."""
        first = self.timing.first_token or self.timing.first_byte
        return None if first is None else first - self.timing.began

    @property
    def tokens_per_second(self) -> float | None:
        """Of the output, once its first word was there; `None` where it came in one piece, or too few came."""
        first, ended = self.timing.first_token, self.timing.ended
        if first is None or ended is None or ended - first < 0.05 or not self.tokens.output:
            return None
        return self.tokens.output / (ended - first)


def told(metadata: Any) -> Told | None:
    """The record that stands in a flow's metadata; `None` where there is none that can be read."""
    if not isinstance(metadata, dict):
        return None
    try:
        return convert(metadata, Told)
    except (ValidationError, RecursionError):
        return None
