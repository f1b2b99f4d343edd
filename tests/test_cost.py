"""cost.py: tokens times rates, by kind of token, cloud and region; what isn't known is None, never 0."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert, structs

from oai_bridge.events import Usage
from oai_bridge.models.catalog import Catalog
from oai_bridge.models.facts import LongContext, ModelFacts, Prices
from oai_bridge.models.passed import azure_facts, find_on_bedrock, find_on_vertex
from oai_bridge.money.cost import Cost, cost_of, prices_at, rates_for

PRICES = Prices(input=3, output=15, cache_write_5m=3.75, cache_write_1h=6, cache_read=0.3)
LONG = structs.replace(PRICES, long_context=LongContext(over=200_000, input=6, output=22.5))
COUNTS = st.integers(0, 10_000_000)


def sonnet() -> ModelFacts:
    found = Catalog({}).find("claude-sonnet-4-6")
    assert found is not None
    return structs.replace(found, prices=PRICES, vertex_regional_surcharge=0.1, bedrock_regional_surcharge=0.2)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (Usage(input=1_000_000), Cost(input=3)),
        (Usage(output=1_000), Cost(output=0.015)),
        (Usage(cache_read=1_000_000), Cost(cache_read=0.3)),
        (Usage(cache_write=1_000_000), Cost(cache_write=3.75)),
        (Usage(cache_write=1_000_000, cache_write_1h=1_000_000), Cost(cache_write=6)),
        (Usage(cache_write=1_000_000, cache_write_1h=500_000), Cost(cache_write=1.875 + 3)),
        (Usage(output=1_000, reasoning=900), Cost(output=0.015)),  # thinking is a part of the output
        (Usage(output=1_000, tier="default"), Cost(output=0.015)),
        (Usage(), Cost()),
    ],
)
def test_each_kind_of_token_has_its_rate(usage: Usage, cost: Cost) -> None:
    assert cost_of(usage, PRICES) == cost
    assert cost.total == pytest.approx(sum((cost.input, cost.cache_write, cost.cache_read, cost.output)))


@pytest.mark.parametrize(
    ("usage", "prices"),
    [
        (Usage(1), None),
        (Usage(output=1, tier="priority"), PRICES),
        (Usage(cache_read=1), Prices(input=1, output=1)),
        (Usage(cache_write=1), Prices(input=1, output=1, cache_write_1h=1)),
        (Usage(cache_write=1, cache_write_1h=1), Prices(input=1, output=1, cache_write_5m=1)),
    ],
)
def test_a_rate_that_is_not_known_makes_the_cost_unknown(usage: Usage, prices: Prices | None) -> None:
    assert cost_of(usage, prices) is None


def test_a_rate_that_is_not_needed_need_not_be_known() -> None:
    assert cost_of(Usage(input=1_000_000), Prices(input=1, output=1)) == Cost(input=1)


def test_a_long_prompt_has_the_rates_of_long_prompts_for_all_its_tokens() -> None:
    assert cost_of(Usage(200_000), LONG) == Cost(input=pytest.approx(0.6))
    assert cost_of(Usage(150_000, 1_000_000, 0), LONG) == Cost(input=pytest.approx(0.45), output=15)
    assert cost_of(Usage(200_001, 1_000_000), LONG) == Cost(input=pytest.approx(1.200006), output=22.5)
    assert cost_of(Usage(1, cache_read=200_000), LONG) is None  # the prompt is what the cache holds, too
    assert rates_for(Usage(200_001), LONG) is LONG.long_context


@pytest.mark.parametrize(
    ("cloud", "region", "model", "rate"),
    [
        ("vertex", "global", "claude-sonnet-4-6", 3),
        ("vertex", "us-east5", "claude-sonnet-4-6", 3.3),
        ("vertex", "eu", "claude-sonnet-4-6", 3.3),
        ("bedrock", "us-east-1", "global.anthropic.claude-sonnet-4-6", 3),
        ("bedrock", "us-east-1", "us.anthropic.claude-sonnet-4-6", 3.6),
        ("bedrock", "us-east-1", "anthropic.claude-sonnet-4-6", 3.6),
        ("foundry", "my-resource", "my-deployment", 3),
        ("azure", "global", "x", 3),
    ],
)
def test_some_regions_cost_more(cloud: str, region: str, model: str, rate: float) -> None:
    found = prices_at(sonnet(), cloud, region, model)
    assert found is not None and found.input == pytest.approx(rate)
    assert found.cache_read == pytest.approx(rate / 10)


def test_long_prompts_cost_more_there_as_well() -> None:
    found = prices_at(structs.replace(sonnet(), prices=LONG), "vertex", "us-east5", "x")
    assert found is not None and found.long_context is not None
    assert (found.long_context.input, found.long_context.over) == (pytest.approx(6.6), 200_000)
    assert found.long_context.cache_read is None


def test_several_requests_of_one_answer_are_no_long_prompt() -> None:
    usage = Usage(300_000, longest=100_000)
    assert rates_for(usage, LONG) is LONG and rates_for(Usage(300_000), LONG) is LONG.long_context


@pytest.mark.parametrize(
    ("model", "rate"),
    [
        ("arn:aws:bedrock:us-east-1:1:inference-profile/global.anthropic.claude-sonnet-4-6", 3),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-6", 3.6),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123", None),
    ],
)
def test_an_arn_tells_its_profile_or_nothing(model: str, rate: float | None) -> None:
    found = prices_at(sonnet(), "bedrock", "us-east-1", model)
    assert (found and found.input) == (rate and pytest.approx(rate))


def test_models_that_are_passed_on_have_prices_too() -> None:
    gemini, oss = find_on_vertex("gemini-3.5-flash"), find_on_bedrock("gpt-oss-120b")
    assert gemini and prices_at(gemini, "vertex", "us-central1", gemini.name) == gemini.prices
    assert oss and prices_at(oss, "bedrock", "us-east-1", oss.name)
    assert prices_at(azure_facts("mine", "mine"), "azure", "r", "mine") is None


@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
def test_more_tokens_never_cost_less(fresh: int, output: int, read: int, written: int, more: int) -> None:
    prices: Any = convert({"input": 3, "output": 15, "cache_write_5m": 3.75, "cache_read": 0.3}, Prices)
    less = cost_of(Usage(fresh, output, read, written), prices)
    for usage in (Usage(fresh + more, output, read, written), Usage(fresh, output + more, read, written)):
        cost = cost_of(usage, prices)
        assert less is not None and cost is not None and cost.total >= less.total
