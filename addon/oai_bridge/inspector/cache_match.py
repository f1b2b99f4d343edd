"""A request beside an earlier one of its conversation: what of it could have been read from the cache, and was not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..events import Usage
from ..models.facts import Rates
from .cache_changes import Reason, changes
from .cache_compare import Difference, first_difference, repeated_tokens, same_keys, same_segments
from .cache_prompt import MINUTES, Prompt

Caching = Literal["points", "automatic", "none"]
"""How a model's prompts are cached: up to the cache points in the body, as Claude's; by themselves, as OpenAI's and
Gemini's; not at all."""

_USUAL_MINIMUM = 1024  # tokens: most models', where theirs is not known
_INEXACT = 0.05  # share of the tokens that an estimate may be wrong by
_LEAST_INEXACT = 50  # tokens
_AUTOMATIC_INEXACT = 256  # tokens: OpenAI's caches go in steps of 128, and leave out the last one
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A request to the cloud that has been answered.

    `at` is when it was sent, `answered` when the first byte of the answer came, if that is known, both in Unix seconds.
    `place` is the cloud's name and region, such as `vertex/us-east5`, `credential` the name of what let it in, `model`
    the cloud's name of the model. `body` is what went out. `min_tokens`: shorter prompts aren't cached.
    """

    client: str
    at: float
    place: str
    credential: str
    model: str
    body: Mapping[str, Any] = field(repr=False)
    usage: Usage
    rates: Rates | None = None
    min_tokens: int | None = None
    caching: Caching = "points"
    answered: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A request, its body as a prompt."""

    sent: Sent
    prompt: Prompt

    @property
    def cache(self) -> tuple[str, str, str]:
        """What caches are kept apart by."""
        return self.sent.model, self.sent.place, self.sent.credential

    @property
    def cached(self) -> int:
        """How many tokens of it the next request can read."""
        usage = self.sent.usage
        match self.sent.caching:
            case "points":
                return usage.cache_read + usage.cache_write if self.prompt.points else 0
            case "automatic":
                return usage.prompt if usage.prompt >= (self.sent.min_tokens or _USUAL_MINIMUM) else 0
            case "none":
                return 0

    @property
    def cached_segments(self) -> int:
        """How many segments of it those tokens are."""
        if self.sent.caching == "automatic":
            return len(self.prompt.segments)
        return max(self.prompt.points, default=-1) + 1

    @property
    def ttl(self) -> int:
        """Seconds that what is cached lives after its last use; the shortest, where points differ. What is cached by
        itself goes after some minutes: Microsoft's "Prompt caching" says five to ten."""
        ttls = [segment.ttl for segment in self.prompt.segments if segment.ttl is not None]
        return min(ttls, default=MINUTES) if self.sent.caching == "points" else MINUTES

    def tokens_of(self, estimate: float) -> int:
        """A part of the prompt in the cloud's tokens, from their rough estimate."""
        whole = self.prompt.tokens
        return round(estimate * self.sent.usage.prompt / whole) if self.sent.usage.prompt and whole else round(estimate)


@dataclass(frozen=True, slots=True)
class Match:
    """`before` is `None` where nothing before is like it; `other`: it belongs to another conversation. `same` counts
    the segments at the beginning. Of `expected`, the tokens that could have been read, `prefix` are in that beginning;
    they are `exact` where the cloud told them. `missed` is `None` where the cloud didn't tell what it read."""

    now: Known
    before: Known | None
    other: bool
    same: int = 0
    difference: Difference | None = None
    changes: Sequence[Reason] = ()
    expected: int = 0
    prefix: int = 0
    exact: bool = False

    @property
    def missed(self) -> int | None:
        usage = self.now.sent.usage
        if not usage.prompt:
            return None
        missed = self.expected - usage.cache_read
        return missed if missed > self._tolerance else 0

    @property
    def prefix_missed(self) -> bool:
        """Whether not even the beginning that stayed the same was read, so that the cache itself was empty."""
        return not self.prefix or self.now.sent.usage.cache_read < self.prefix - self._tolerance

    @property
    def _tolerance(self) -> float:
        if self.now.sent.caching == "automatic":
            return max(_AUTOMATIC_INEXACT, self.expected * _INEXACT)
        return 0 if self.exact else max(_LEAST_INEXACT, self.expected * _INEXACT)

    @property
    def cost(self) -> float | None:
        """USD that the missed tokens cost more than reading them would have; `None`: not known. Where no cache was
        asked for, less what writing the new part would have cost more, but never less than 0."""
        rates, missed = self.now.sent.rates, self.missed
        if missed is None or rates is None or rates.cache_read is None:
            return None
        usage = self.now.sent.usage
        if self.now.sent.caching == "points" and not self.now.prompt.points:
            extra = (usage.prompt - missed) * ((rates.cache_write_5m or rates.input) - rates.input)
            return max(0.0, missed * (rates.input - rates.cache_read) - extra) / _MILLION
        written = min(missed, usage.cache_write)
        cost = (missed - written) * (rates.input - rates.cache_read)
        if written:
            rate = rates.cache_write_5m if self._written_for() == MINUTES else rates.cache_write_1h
            if rate is None:
                return None
            cost += written * (rate - rates.cache_read)
        return cost / _MILLION

    def _written_for(self) -> int:
        """The `ttl` of what was written anew: that of the first point after the difference."""
        segments = self.now.prompt.segments
        ttls = [segment.ttl for segment in segments[self.same :] if segment.ttl is not None]
        return ttls[0] if ttls else self.now.ttl


def matched(now: Known, before: Known | None, *, other: bool) -> Match:
    """`before` is the request that `now` is compared with. Another conversation shares its beginning only."""
    if before is None:
        return Match(now, None, other)
    same = same_segments(before.prompt, now.prompt)
    difference = first_difference(before.prompt, now.prompt, same)
    found = [] if other else changes(before.prompt, now.prompt)
    end = before.cached_segments
    if any(reason.code == "moved_with_depth" and reason.normal for reason in found):
        end = min(end, _messages_part(before.prompt, now.prompt))
    costly = any(not reason.normal for reason in found)
    after = repeated_tokens(before.prompt, now.prompt, _start(before, same), end) if costly else 0.0
    expected, prefix, exact = _expected(now, before, same, difference, after)
    return Match(now, before, other, same, difference, found, expected, prefix, exact)


def _expected(
    now: Known, before: Known, same: int, difference: Difference | None, after: float
) -> tuple[int, int, bool]:
    """`(tokens that could have been read, those of them in the same beginning, whether the cloud told them)`. `after`
    is an estimate of what comes again after that beginning."""
    prompt, end = now.prompt, before.cached_segments
    most = now.sent.usage.prompt
    if now.sent.caching == "points" and not prompt.points:
        return _without_points(now, before, same)
    if not before.cached or not now.cached_segments:
        return 0, 0, True
    if same >= end:
        told = min(before.cached, most)
        return told, told, True
    prefix = sum(segment.tokens for segment in prompt.segments[: _start(before, same)])
    if before.sent.caching == "automatic" and difference:
        prefix += difference.same_tokens
    limit = min(before.cached, most)
    return min(now.tokens_of(prefix + after), limit), min(now.tokens_of(prefix), limit), False


def _start(before: Known, same: int) -> int:
    """How many of the same segments can be read."""
    if before.sent.caching == "points":
        return max((point + 1 for point in before.prompt.points if point < same), default=0)
    return same


def _messages_part(before: Prompt, now: Prompt) -> int:
    """How many segments of `before` stand before the first message that is another one, as a note at the end: what
    comes from there on could not have been read, whatever else is different."""
    messages = before.part("messages")
    return len(before.segments) - len(messages) + same_keys(messages, now.part("messages"))


def _without_points(now: Known, before: Known, same: int) -> tuple[int, int, bool]:
    """What could have been read, had both been asked to be cached."""
    tokens = now.tokens_of(sum(segment.tokens for segment in now.prompt.segments[:same]))
    late = now.sent.at - before.sent.at > MINUTES
    if late or before.cache != now.cache or tokens < (now.sent.min_tokens or _USUAL_MINIMUM):
        return 0, 0, True
    return tokens, tokens, False
