"""Counting tokens: cached ones belong to the prompt, later numbers replace earlier ones, odd ones are not told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.claude_usage import Tally
from oai_bridge.events import Usage


def tallied(*told: Any) -> Usage:
    tally = Tally()
    for usage in told:
        tally.tell(usage)
    return tally.usage


CACHED = {"input_tokens": 3, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 200, "output_tokens": 4}


def test_the_prompt_counts_what_the_cache_holds() -> None:
    """any-llm#622, langchain#32818, litellm#11789, rust-genai#129: `prompt_tokens` without the cache's."""
    usage = tallied(CACHED)
    assert usage == Usage(input=3, output=4, cache_read=1000, cache_write=200)
    assert usage.prompt == 1203


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ([None], Usage()),
        ([{}, "x", 5, []], Usage()),
        ([{"input_tokens": None, "output_tokens": "7"}], Usage()),
        ([{"input_tokens": True, "output_tokens": -1}], Usage()),
        ([{"input_tokens": 5.0, "output_tokens": 1.5}], Usage(5)),
        ([{"input_tokens": 43, "output_tokens": 1}, {"input_tokens": 61, "output_tokens": 9}], Usage(61, 9)),
        ([{"input_tokens": 43}, {"input_tokens": None}, {"input_tokens": "x"}], Usage(43)),
        ([{"output_tokens_details": {"thinking_tokens": 0}}], Usage(reasoning=0)),
        ([{"output_tokens_details": {"thinking_tokens": 7}}, {"output_tokens_details": 5}], Usage(reasoning=7)),
        ([{"output_tokens_details": {"thinking_tokens": "7"}}], Usage()),
        (
            [{"input_tokens": 1, "iterations": [{"input_tokens": 2}, "x", {"input_tokens": 3, "output_tokens": 4}]}],
            Usage(5, 4),
        ),
        ([{"input_tokens": 1, "iterations": []}, {"iterations": "x"}], Usage(1)),
        ([{"service_tier": "standard"}], Usage(tier="default")),
        ([{"service_tier": "priority"}, {"service_tier": None}], Usage(tier="priority")),
        ([{"service_tier": "priority"}, {"service_tier": "batch"}], Usage(tier="priority")),
        ([{"service_tier": "batch"}], Usage()),
        ([{"service_tier": ["standard"]}], Usage()),
    ],
)
def test_what_is_told(told: list[Any], usage: Usage) -> None:
    assert tallied(*told) == usage


HOUR = {"cache_creation_input_tokens": 100, "cache_creation": {"ephemeral_1h_input_tokens": 60}}


@pytest.mark.parametrize(
    ("told", "hour"),
    [
        (HOUR, 60),
        ({**HOUR, "cache_creation": {"ephemeral_1h_input_tokens": 900}}, 100),
        ({**HOUR, "cache_creation": "x"}, 0),
        ({**HOUR, "iterations": [{"cache_creation_input_tokens": 100}]}, 60),
        ({"iterations": [HOUR, HOUR]}, 120),
    ],
)
def test_what_is_cached_for_an_hour_is_told(told: dict[str, Any], hour: int) -> None:
    assert tallied(told).cache_write_1h == hour


def test_the_longest_prompt_of_several_is_told() -> None:
    tally = Tally()
    tally.tell(CACHED)
    tally.next_request()
    tally.tell({"input_tokens": 5})
    assert (tally.usage.prompt, tally.usage.longest) == (1208, 1203)
    assert tallied({"iterations": [{"input_tokens": 2}, {"input_tokens": 3}]}).longest == 3


def test_the_requests_of_one_answer_add_up() -> None:
    tally = Tally()
    tally.tell(CACHED | {"output_tokens_details": {"thinking_tokens": 2}, "iterations": [{"input_tokens": 9}]})
    tally.next_request()
    assert tally.usage == Usage(9, reasoning=2), "the first alone, so far"
    tally.tell(CACHED)
    tally.tell({"output_tokens": 5})
    assert tally.usage == Usage(12, 5, 1000, 200, 2)
    tally.next_request()
    tally.tell({"output_tokens_details": {"thinking_tokens": 1}})
    assert tally.usage == Usage(12, 5, 1000, 200, 3)


METRICS = {"inputTokenCount": 16, "outputTokenCount": 21, "cacheReadInputTokenCount": 5, "invocationLatency": 738}


def test_bedrocks_metrics_count_only_where_nothing_else_does() -> None:
    tally = Tally()
    tally.tell({"service_tier": "standard"})
    assert tally.tell_metrics(METRICS) and tally.usage == Usage(16, 21, 5, tier="default")
    tally = Tally()
    tally.tell({"output_tokens": 0})
    assert not tally.tell_metrics(METRICS) and tally.usage == Usage()
    assert not any(Tally().tell_metrics(odd) for odd in (None, "x", {}, {"inputTokenCount": "16"}))


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*CACHED, "thinking_tokens"]), inner),
    max_leaves=4,
)
FIELDS = st.sampled_from([*CACHED, "iterations", "output_tokens_details", "service_tier"])


@given(st.lists(st.dictionaries(FIELDS, ODD) | ODD, max_size=3))
def test_whatever_is_told_is_counted_in_whole_numbers(told: list[Any]) -> None:
    usage = tallied(*told)
    counts = (usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning or 0)
    assert all(type(count) is int and count >= 0 for count in counts)
