"""The record of one exchange: what went to the cloud and came back, as plain data for `flow.metadata`, without secrets.

mitmproxy saves metadata with the flow, so that it may hold only strings, numbers, bytes, lists and dicts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..credentials.base import Outbound
from ..errors import BridgeError
from ..events import (
    CustomCall,
    Event,
    RedactedThinking,
    Signature,
    Stop,
    Text,
    Thinking,
    ToolArguments,
    ToolStart,
    Usage,
    UsageReport,
)
from ..models.facts import Prices, Rates
from ..money.cost import Cost, cost_of, rates_for
from ..money.worst import Worst
from ..notes import Notes
from ..plain.redaction import forms_of
from .cache_match import Caching, Sent
from .steady import steady

KEY = "bridge"
"""Where the record stands in `flow.metadata`."""
CLIENT = "bridge_client"
"""Where the name of the client stands there."""

_BODY_LIMIT = 4 * 1024 * 1024  # bytes kept of each body; the sizes are told
_LIMIT = 3 * _BODY_LIMIT  # bytes kept of all attempts together

_NOTHING_SENT = Outbound("", "", {}, b"")
_WIDE = 4  # letters of English that take as many tokens as one of another script
_BINARY = b"\0"  # how a frame of AWS's event stream begins, and no text


def one_line(text: str) -> str:
    """`text` with control characters escaped: others' words can't fake lines of the log, or colour them."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _weight(text: str) -> int:
    """Its letters, as far as they make tokens: one of Chinese takes about a whole one."""
    return len(text) * (1 if text.isascii() else _WIDE)


@dataclass(slots=True)
class Attempt:
    """One request to the cloud, and what came of it. Times are Unix time in seconds."""

    outbound: Outbound
    credential: str
    letting_in: tuple[str, ...]
    secrets: tuple[str, ...] = field(repr=False)
    sent: float
    body_size: int = 0
    connected: float | None = None  # seconds that its own connection took, 0: it was kept, None: not known
    answered: float | None = None
    status: int | None = None
    error: str | None = None
    unsure: bool = False  # it failed, but the cloud may have worked on it, and be paid
    reply: bytearray = field(default_factory=bytearray)
    reply_size: int = 0
    forgotten: bool = False

    def forget(self) -> int:
        """Keeps nothing of what was sent and came but the sizes; returns how many bytes that were."""
        kept = len(self.outbound.body) + len(self.reply)
        self.outbound = replace(self.outbound, body=b"")
        self.reply.clear()
        self.forgotten = True
        return kept

    @property
    def may_have_run(self) -> bool:
        """The cloud has worked on it, or may have: an answer came, or nobody has waited for it."""
        unheard = bool(self.outbound.url) and self.status is None and self.error is None
        return self.status == 200 or self.unsure or unheard

    def to_metadata(self, *, bodies: bool = True) -> dict[str, Any]:
        reply = bytes(self.reply) if bodies else b""
        for secret in self.secrets:  # in case something out there echoes what it was sent
            for form in forms_of(secret):
                reply = reply.replace(form, b"***")
        return {
            "method": self.outbound.method,
            "url": self.outbound.url,
            "headers": {**self.outbound.headers, **dict.fromkeys(self.letting_in, "***")},
            "body": self.outbound.body.decode("utf-8", "replace") if bodies else "",
            "body_size": self.body_size,
            "credential": self.credential,
            "sent": self.sent,
            "connected": self.connected,
            "answered": self.answered,
            "status": self.status,
            "error": self.error,
            "may_have_run": self.unsure,
            "reply": reply if reply.startswith(_BINARY) else reply.decode("utf-8", "replace"),
            "reply_size": self.reply_size,
        }


@dataclass(slots=True)
class Record:
    """Filled by the exchange while it runs; `to_metadata` at any time."""

    request_id: str
    clock: Callable[[], float] = field(default_factory=steady)
    began: float = 0.0
    queued: float = 0.0  # seconds in the queue
    first_byte: float | None = None
    first_token: float | None = None
    ended: float | None = None
    client: str = ""
    free: bool = False  # whoever answers takes no money: it is the demo
    unpaid: bool = False  # what is asked for costs nothing anywhere: a count of tokens
    model: str | None = None
    upstream_model: str | None = None
    route: str | None = None
    family: str | None = None  # what stands for the cloud in paths, such as gcp-claude
    notes: Notes = field(default_factory=Notes)
    usage: Usage = field(default_factory=Usage)
    prices: Prices | None = None  # of the model where it was asked last
    worst: Worst | None = None  # what it may cost at most
    seen: int = 0  # letters of the answer, those of other scripts than Latin as several
    caching: Caching = "points"
    cache_minimum: int | None = None  # tokens of a prompt below which that model caches nothing
    stop: Stop | None = None
    error: BridgeError | None = None
    upstream_request_id: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    _said: Mapping[str, Any] = field(default_factory=dict, repr=False)  # by the last body that was sent
    _held: deque[Attempt] = field(default_factory=deque)  # those that are not forgotten, the oldest first
    _kept: int = 0  # bytes of them

    def __post_init__(self) -> None:
        self.began = self.clock()

    def sending(
        self, outbound: Outbound, credential: str, letting_in: tuple[str, ...] = (), secrets: tuple[str, ...] = ()
    ) -> Attempt:
        """A request goes out with the headers `letting_in` beside its own; of them only the names are kept. `secrets`
        are what the answer must not show."""
        self.upstream_model = outbound.model
        self._said = outbound.value
        kept = replace(outbound, body=outbound.body[:_BODY_LIMIT], value={})
        attempt = Attempt(kept, credential, letting_in, secrets, self.clock(), len(outbound.body))
        self.attempts.append(attempt)
        self._held.append(attempt)
        self._keep(len(kept.body))
        return attempt

    def not_sent(self, credential: str, error: str) -> None:
        """An attempt that ended before any request was made, since nothing let it in."""
        self.attempts.append(Attempt(_NOTHING_SENT, credential, (), (), self.clock(), error=error))

    def answered(
        self, attempt: Attempt, status: int, upstream_request_id: str | None, connected: float | None = None
    ) -> None:
        """The headers of the cloud's answer are in; `connected` as in `Attempt`."""
        attempt.status = status
        attempt.answered = self.clock()
        attempt.connected = connected
        self.upstream_request_id = upstream_request_id

    def received(self, attempt: Attempt, chunk: bytes) -> None:
        """A piece of the cloud's answer, as it came."""
        if self.first_byte is None and attempt.status == 200:
            self.first_byte = self.clock()
        attempt.reply_size += len(chunk)
        if not attempt.forgotten:
            piece = chunk[: _BODY_LIMIT - len(attempt.reply)]
            attempt.reply += piece
            self._keep(len(piece))

    def _keep(self, size: int) -> None:
        """So many bytes more are kept; for them the oldest attempts are forgotten, the last one never."""
        self._kept += size
        while self._kept > _LIMIT and len(self._held) > 1:
            self._kept -= self._held.popleft().forget()

    def saw(self, event: Event) -> None:
        """An event of the answer."""
        match event:
            case Text(text) | Thinking(text):
                self._tell(text)
            case ToolStart(name=text) | CustomCall(input=text):
                self._tell(text)
            case ToolArguments(json=text) | Signature(text) | RedactedThinking(text):
                self.seen += _weight(text)
            case UsageReport(usage):
                self.usage = usage
            case Stop(reason, guessed=guessed):
                self.stop = event
                if guessed:
                    told = f'The cloud ended its answer with a word that is not known here; it is told as "{reason}".'
                    self.notes.add("unknown:finish_reason", told)

    def _tell(self, text: str) -> None:
        self.seen += _weight(text)
        if self.first_token is None:
            self.first_token = self.clock()

    @property
    def cost(self) -> Cost | None:
        """`None` where nothing is known of it: no tokens were told, or the model's prices aren't known."""
        if not self.usage.prompt + self.usage.output:
            return None
        return Cost() if self.free else cost_of(self.usage, self.prices)

    def sent(self) -> Sent | None:
        """What the cache coach looks at: the request that was answered; `None` where there is none."""
        attempt = self.attempts[-1] if self.attempts else None
        if attempt is None or attempt.status != 200 or not self.usage.prompt:
            return None
        return Sent(
            self.client,
            attempt.sent,
            self.route or "",
            attempt.credential,
            self.upstream_model or "",
            self._said,
            self.usage,
            rates_for(self.usage, self.prices),
            self.cache_minimum,
            self.caching,
            self.first_byte,
        )

    @property
    def asked(self) -> bool:
        """Whether there was a request to a cloud at all."""
        return any(attempt.outbound.url for attempt in self.attempts)

    @property
    def worked(self) -> bool:
        """Whether a cloud has worked on it, or may have, and is paid for that."""
        return not self.unpaid and any(attempt.may_have_run for attempt in self.attempts)

    def to_metadata(self, *, bodies: bool = True) -> dict[str, Any]:
        """As plain data, for `flow.metadata`; without `bodies` at little cost, for who looks often."""
        cost, rates = self.cost, rates_for(self.usage, self.prices)
        return {
            "request_id": self.request_id,
            "upstream_request_id": self.upstream_request_id,
            "client": self.client,
            "route": self.route,
            "model": self.model,
            "upstream_model": self.upstream_model,
            "attempts": [attempt.to_metadata(bodies=bodies) for attempt in self.attempts],
            "notes": [{"code": note.code, "detail": note.detail} for note in self.notes],
            "usage": {
                "input": self.usage.input,
                "output": self.usage.output,
                "cache_read": self.usage.cache_read,
                "cache_write": self.usage.cache_write,
                "cache_write_1h": self.usage.cache_write_1h,
                "reasoning": self.usage.reasoning,
            },
            "cost": cost and {**asdict(cost), "total": cost.total},
            "rates": rates and {name: getattr(rates, name) for name in Rates.__struct_fields__},
            "finish_reason": self.stop.reason if self.stop else None,
            "upstream_reason": self.stop.upstream_reason if self.stop else None,
            "error": self.error.to_object() if self.error else None,
            "cache": None,  # what the cache coach says, once it has looked
            "timing": {
                "began": self.began,
                "queued": self.queued,
                "first_byte": self.first_byte,
                "first_token": self.first_token,
                "ended": self.ended,
            },
        }
