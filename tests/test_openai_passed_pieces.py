"""openai/passed.py: most chunks go a shorter way than others, and no client and no record can tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oai_bridge.events import Event
from oai_bridge.models.passed import Cloud
from oai_bridge.openai.reply import ReplyTo
from tests.support.openai_streams import sse
from tests.test_openai_passed import ASKED, TO, chunks, read, transcript

PIECES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"choices": st.just([])},
    optional={
        **{field: st.sampled_from(["x", None, 7]) for field in ("id", "object", "created", "model", "obfuscation")},
        **{field: st.sampled_from(["x", None]) for field in ("service_tier", "system_fingerprint")},
        "usage": st.sampled_from([None, {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}]),
        "prompt_filter_results": st.just([{"prompt_index": 0}]),
        "error": st.none(),
    },
)
CHOICES = st.fixed_dictionaries(
    {
        "delta": st.fixed_dictionaries(
            {"content": st.sampled_from(["Hello", "", "\u2028", "<reasoning>So.</reasoning>", "\ud83d", None, 7])},
            optional={"role": st.sampled_from(["assistant", None]), "refusal": st.none()},
        )
    },
    optional={
        "index": st.sampled_from([0, 1, None, True]),
        "logprobs": st.sampled_from([None, {"content": [{"token": "a", "logprob": -0.5}]}]),
        "finish_reason": st.sampled_from([None, "", "stop"]),
        "content_filter_results": st.just({"hate": {"filtered": False}}),
    },
)


@pytest.mark.parametrize("cloud", ["azure", "vertex", "bedrock"])
@given(told=st.lists(st.tuples(PIECES, st.lists(CHOICES, max_size=2)), max_size=6), to=st.sampled_from([TO, ASKED]))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_the_short_way_and_the_long_way_lead_to_the_same(cloud: Cloud, told: list[Any], to: ReplyTo) -> None:
    """A field that nobody knows makes each chunk one that has to be looked at."""
    stream = [{**head, "choices": choices} for head, choices in told]
    short: list[Event] = []
    long: list[Event] = []
    out = read([sse(*stream)], transcript(to, cloud, short))
    other = read([sse(*({**each, "x": 0} for each in stream))], transcript(to, cloud, long))
    assert chunks(out) == [{name: it for name, it in each.items() if name != "x"} for each in chunks(other)]
    assert short == long
