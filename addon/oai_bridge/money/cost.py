"""What an answer costs: its tokens and the model's rates, by cloud and region, in USD. What isn't known is `None`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import structs

from ..events import Usage
from ..models.facts import Facts, Prices, Rates
from ..models.spellings import bedrock_name

_MILLION = 1_000_000
_GLOBAL = "global"  # the region, and the profile, that have the lowest rates


@dataclass(frozen=True, slots=True)
class Cost:
    """USD for each kind of token."""

    input: float = 0.0
    cache_write: float = 0.0
    cache_read: float = 0.0
    output: float = 0.0

    @property
    def total(self) -> float:
        return self.input + self.cache_write + self.cache_read + self.output


def prices_at(facts: Facts, cloud: str, region: str, model: str) -> Prices | None:
    """The model's prices where it was asked; `model` is the cloud's name of it. Outside a cloud's global endpoint
    (Vertex AI) or profile (Bedrock) newer models have a surcharge."""
    prices: Prices | None = getattr(facts, "prices", None)
    surcharge: float = getattr(facts, f"{cloud}_regional_surcharge", 0)
    if prices is None or not surcharge:
        return prices
    if cloud == "bedrock" and (named := bedrock_name(model)):
        if named.is_arn and named.profile is None:
            return None  # an application's own profile may be of either kind
        region = named.profile or region
    if region == _GLOBAL:
        return prices
    long = prices.long_context
    raised = _raised(prices, 1 + surcharge)
    return structs.replace(raised, long_context=_raised(long, 1 + surcharge) if long else None)


def rates_for(usage: Usage, prices: Prices | None) -> Rates | None:
    """The rates for an answer with this usage: a long prompt has others, a service tier with unlisted ones has none."""
    if prices is None or usage.tier == "priority":
        return None
    long = prices.long_context
    return long if long and (usage.longest or usage.prompt) > long.over else prices


def cost_of(usage: Usage, prices: Prices | None) -> Cost | None:
    """`None` where a rate that is needed isn't known."""
    rates = rates_for(usage, prices)
    if rates is None:
        return None
    short = usage.cache_write - usage.cache_write_1h
    parts = [
        _paid(usage.input, rates.input),
        _paid(short, rates.cache_write_5m),
        _paid(usage.cache_write_1h, rates.cache_write_1h),
        _paid(usage.cache_read, rates.cache_read),
        _paid(usage.output, rates.output),
    ]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    fresh, written_short, written_long, read, output = known
    return Cost(fresh, written_short + written_long, read, output)


def _paid(tokens: int, rate: float | None) -> float | None:
    if not tokens:
        return 0.0
    return None if rate is None else tokens * rate / _MILLION


def _raised[R: Rates](rates: R, factor: float) -> R:
    fields = {name: getattr(rates, name) for name in Rates.__struct_fields__}
    raised: dict[str, Any] = {name: rate * factor for name, rate in fields.items() if rate is not None}
    return structs.replace(rates, **raised)
