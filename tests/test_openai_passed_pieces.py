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

LOGPROBS = {"content": [{"token": "a", "logprob": -0.5}]}
USUAL = {
    **{field: st.sampled_from(["x", None]) for field in ("id", "object", "model", "service_tier", "obfuscation")},
    "usage": st.none(),
}
OF_A_CHOICE: dict[str, st.SearchStrategy[Any]] = {
    "logprobs": st.sampled_from([None, LOGPROBS]),
    "content_filter_results": st.just({"hate": {}}),
}
ROLE = {"role": st.just("assistant")}


def a_chunk(*choices: st.SearchStrategy[Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"choices": st.tuples(*choices)}, optional={**USUAL, **more})


def a_choice(
    content: st.SearchStrategy[Any], index: int | None = 0, **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    delta = st.fixed_dictionaries({"content": content}, optional=ROLE)
    return st.fixed_dictionaries({"index": st.just(index), "delta": delta}, optional={**OF_A_CHOICE, **more})


HELLO = a_choice(st.sampled_from(["Hello", "\u2028"]))
ODD = st.sampled_from(["", "\ud83d", None, 7])
CHUNKS = st.one_of(
    a_chunk(HELLO),
    a_chunk(a_choice(st.just("<reasoning>So.</reasoning>"))),
    a_chunk(HELLO, usage=st.just({"prompt_tokens": 5}), error=st.none(), created=st.just(7)),
    a_chunk(a_choice(ODD, finish_reason=st.sampled_from(["", "stop", 7]))),
    a_chunk(a_choice(st.just("Hello"), index=1)),
    a_chunk(a_choice(st.just("Hello"), index=None)),
    a_chunk(HELLO, a_choice(st.just("Hello"), index=1)),
    a_chunk(prompt_filter_results=st.just([{"prompt_index": 0}])),
)


@pytest.mark.parametrize("cloud", ["azure", "vertex", "bedrock"])
@given(stream=st.lists(CHUNKS, min_size=2, max_size=6), to=st.sampled_from([TO, ASKED]))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_the_short_way_and_the_long_way_lead_to_the_same(cloud: Cloud, stream: list[Any], to: ReplyTo) -> None:
    """A field that nobody knows makes each chunk one that has to be looked at."""
    short: list[Event] = []
    long: list[Event] = []
    out = read([sse(*stream)], transcript(to, cloud, short))
    other = read([sse(*({**each, "x": 0} for each in stream))], transcript(to, cloud, long))
    assert chunks(out) == [{name: it for name, it in each.items() if name != "x"} for each in chunks(other)]
    assert short == long
