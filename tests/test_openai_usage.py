"""OpenAI's token counts, of chats, vectors and pictures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.openai_usage import read_usage
from oai_bridge.events import Usage
from tests.support.openai_streams import GEMINI_USAGE, USAGE


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (USAGE, Usage(16, 9, 4, 0, 3)),
        ({**USAGE, "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 6}}, Usage(9, 9, 5, 6, 3)),
        ({**USAGE, "prompt_tokens_details": None, "completion_tokens_details": None}, Usage(20, 9)),
        (GEMINI_USAGE, Usage(27, 549, reasoning=504)),
        ({"prompt_tokens": 8, "total_tokens": 8}, Usage(8)),
        ({"prompt_tokens": 1, "completion_tokens": 1}, Usage(1, 1)),
        ({"input_tokens": 10, "output_tokens": 40, "total_tokens": 50, "input_tokens_details": {}}, Usage(10, 40)),
        ({"prompt_tokens": 5.0, "completion_tokens": "6", "total_tokens": -1}, Usage(5)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50, "cache_write_tokens": 7}}, Usage(0, 0, 5)),
        ({"prompt_tokens": 10**12, "completion_tokens": 10**12 - 1}, Usage(0, 10**12 - 1)),
        ({}, Usage()),
        (None, None),
        ([], None),
        (7, None),
    ],
)
def test_what_is_told_is_counted(told: Any, usage: Usage | None) -> None:
    assert read_usage(told) == usage


@pytest.mark.parametrize(
    ("tier", "told"), [("priority", "priority"), ("default", "default"), ("auto", None), (None, None), ([], None)]
)
def test_the_tier_that_was_given_is_kept(tier: Any, told: Any) -> None:
    assert read_usage(USAGE, tier) == Usage(16, 9, 4, 0, 3, told)


_NAMES = [*USAGE, "input_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens"]
_ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=6),
    max_leaves=12,
)


@given(_ODD, _ODD)
def test_anything_is_survived(told: Any, tier: Any) -> None:
    usage = read_usage(told, tier)
    assert (usage is not None) is isinstance(told, dict)
    if usage:
        assert min(usage.input, usage.output, usage.cache_read, usage.cache_write) >= 0
