"""What a request may cost at most, and what caps count of it once it has ended: estimates that are rather too high."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..events import Usage
from ..models.facts import Facts, ModelFacts, Prices, Rates
from ..settings.values import Config
from .cost import Cost, prices_at

_BYTES = 3  # of a body for a token of its prompt
_LETTERS = 3.5  # of an answer for a token
_REPLY_BYTES = 4  # of the cloud's answer for a token, where none of its text was seen
_ROOM_TO_THINK = 16_384  # tokens that a chat may be given that doesn't say how many it wants
_LEAST_THOUGHT, _MOST_THOUGHT = 1024, 32_768  # tokens of thinking, which come on top of the answer's
_THINKS = ("reasoning_effort", "reasoning", "thinking", "output_config")
_OUTPUT = 16_384  # tokens of an answer of whose model nothing is known
_PACE = 100  # tokens that a model may make in a second of which nothing is heard
_PRIORITY = 2  # times the price, which isn't in the list
_CHOICES = 128  # OpenAI's limit
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Worst:
    """Tokens of the prompt and of the answer, and USD for the prompt and for both: `None` where no price is known."""

    prompt: int = 0
    output: int = 0
    usd_of_prompt: float | None = None
    usd: float | None = None

    @property
    def tokens(self) -> int:
        return self.prompt + self.output


@dataclass(frozen=True, slots=True)
class Counted:
    """What caps count of a request."""

    usd: float = 0.0
    tokens: int = 0


def worst_of(facts: Facts, cloud: str, size: int, body: Mapping[str, Any], config: Config) -> Worst:
    """Of a client's `body`, which has `size` bytes, in the cloud's dearest region: as if the whole prompt were written
    to the cache, and the answer had all the room that it may have. What several attempts may cost is not in it."""
    prompt = size // _BYTES + 1
    if facts.kind != "embedding":  # which has many prompts
        prompt = min(prompt, facts.context or size)
    output = _room(facts, body, config)
    name = getattr(facts, cloud, None) or facts.id
    prices = prices_at(facts, cloud, "", name)
    if prices is None:
        return Worst(prompt, output)
    rates = _dearest(prices, prompt)
    times = _PRIORITY / _MILLION if _is_priority(cloud, body, config) else 1 / _MILLION
    usd_of_prompt = prompt * max(_known(rates.input, rates.cache_write_5m, rates.cache_write_1h)) * times
    return Worst(prompt, output, usd_of_prompt, usd_of_prompt + output * rates.output * times)


def worst_of_all(each: Iterable[Worst]) -> Worst:
    """Of a request that any of several models may answer. What has no price counts as nothing beside what has one."""
    found = list(each)
    return Worst(
        max(one.prompt for one in found),
        max(one.output for one in found),
        max(_known(*(one.usd_of_prompt for one in found)), default=None),
        max(_known(*(one.usd for one in found)), default=None),
    )


def counted(
    worst: Worst | None,
    usage: Usage,
    cost: Cost | None,
    prices: Prices | None,
    *,
    seen: int,
    reply_size: int,
    silent: float = 0.0,
) -> Counted:
    """Of a request that was worked on, but whose usage or price isn't wholly known: what is known, and beside it what
    the answer must have come to so far. `seen` are its letters, `reply_size` its bytes, `silent` the seconds before
    anything of it came. No more than the worst, if that is known, and never less than what is known."""
    output = max(usage.output, (round(seen / _LETTERS) or reply_size // _REPLY_BYTES) + int(silent * _PACE))
    prompt = usage.prompt or (worst.prompt if worst else 0)
    least, tokens = usage.prompt + usage.output, prompt + output
    tokens = max(least, min(tokens, worst.tokens)) if worst else tokens
    known = cost.total if cost else 0.0
    if prices is None:
        return Counted(known, tokens)
    rates = _dearest(prices, prompt)
    if usage.tier == "priority":
        return Counted((usage.prompt * rates.input + output * rates.output) * _PRIORITY / _MILLION, tokens)
    rate = rates.output / _MILLION
    of_prompt = (worst.usd_of_prompt if worst else None) or 0.0
    usd = known + (output - usage.output) * rate if cost else of_prompt + output * rate
    if worst is not None and worst.usd is not None:
        usd = max(known, min(usd, worst.usd))
    return Counted(usd, tokens)


def _room(facts: Facts, body: Mapping[str, Any], config: Config) -> int:
    """Tokens of all answers that the request asks for together."""
    if facts.kind == "embedding":
        return 0
    asked = _count(body, "max_completion_tokens") or _count(body, "max_tokens")
    if not isinstance(facts, ModelFacts):
        limits = (asked, facts.max_output, config.openai.max_output_tokens)
        return min(_known(*limits), default=_OUTPUT) * min(_count(body, "n") or 1, _CHOICES)
    room = asked or config.claude.default_max_tokens
    if any(body.get(field) for field in _THINKS):
        thinking = body.get("thinking")
        budget = _count(thinking, "budget_tokens") if isinstance(thinking, Mapping) else None
        room += max(budget, _LEAST_THOUGHT) if budget else _MOST_THOUGHT
    if not asked and facts.thinking != "none":
        room = max(room, _ROOM_TO_THINK)
    return min(_known(room, facts.max_output, config.claude.max_output_tokens))


def _is_priority(cloud: str, body: Mapping[str, Any], config: Config) -> bool:
    """Whether it is to be served before others, which costs more."""
    own = config.bedrock.service_tier if cloud == "bedrock" else None
    return (body.get("service_tier") or own) == "priority"


def _dearest(prices: Prices, prompt: int) -> Rates:
    long = prices.long_context
    return long if long and prompt > long.over else prices


def _count(given: Mapping[str, Any], field: str) -> int | None:
    """A count as a client may write it; `None` for what is none, which the translation will tell."""
    value = given.get(field)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    return int(value) if isinstance(value, int | float) and 1 <= value < 1e9 else None


def _known[T: (int, float)](*values: T | None) -> list[T]:
    return [value for value in values if value is not None]
