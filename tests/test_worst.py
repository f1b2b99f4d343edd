"""worst.py: the estimates are never below what a request can cost, and never nothing for what has run."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.claude_memory import TurnMemory
from oai_bridge.dialects.claude_request import claude_body
from oai_bridge.events import Usage
from oai_bridge.models.catalog import Catalog
from oai_bridge.models.facts import ModelFacts
from oai_bridge.models.passed import PassedFacts
from oai_bridge.money.cost import Cost, cost_of, prices_at
from oai_bridge.money.worst import Counted, Worst, counted, worst_of, worst_of_all
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Effort
from oai_bridge.openai.request import parse_chat
from oai_bridge.settings.values import Bedrock, Claude, Config, OpenAI
from tests.claude_request.chats import MODELS
from tests.support.catalogue import known

CATALOG = Catalog()
UNKNOWN = PassedFacts(id="mine", name="mine", owner="me")


def model(name: str) -> ModelFacts:
    found = CATALOG.find(name)
    assert found is not None
    return found


SONNET = model("claude-sonnet-4-5")
PRICES = SONNET.prices


def worst(body: dict[str, Any], facts: Any = SONNET, size: int = 3000, **settings: Any) -> Worst:
    return worst_of(facts, "vertex", size, body, Config(**settings))


def test_the_whole_prompt_is_written_and_the_answer_as_long_as_it_may() -> None:
    found = worst({"max_tokens": 1000})
    assert (found.prompt, found.output, found.tokens) == (1001, 1000, 2001)
    assert found.usd_of_prompt == pytest.approx(1001 * 6 * 1.1 / 1e6)  # a regional endpoint's surcharge
    assert found.usd == pytest.approx((1001 * 6 + 1000 * 15) * 1.1 / 1e6)


@pytest.mark.parametrize(
    ("body", "room"),
    [
        ({"max_completion_tokens": 7, "max_tokens": 9}, 7),
        ({"max_tokens": "12"}, 12),
        ({}, 16_384),
        ({"max_tokens": 0}, 16_384),
        ({"max_tokens": 1e300}, 16_384),
        ({"max_tokens": True}, 1),
        ({"max_tokens": [3]}, 16_384),
        ({"max_tokens": 10**6}, 64_000),  # the model's own limit
        ({"max_tokens": 100, "reasoning_effort": "high"}, 32_868),
        ({"max_tokens": 100, "thinking": {"budget_tokens": 2000}}, 2100),
        ({"max_tokens": 100, "thinking": "?"}, 32_868),
    ],
)
def test_room_of_a_translated_chat(body: dict[str, Any], room: int) -> None:
    assert worst(body).output == room


@pytest.mark.parametrize("cap", [None, 5000])
@pytest.mark.parametrize("asked", [{}, {"max_tokens": 1}, {"max_tokens": 16_400}, {"max_tokens": 10**6}])
@pytest.mark.parametrize(
    "wish",
    [
        {},
        *({"reasoning_effort": effort} for effort in get_args(Effort)),
        *({"thinking": {"type": "enabled", "budget_tokens": budget}} for budget in (1, 2000, 30_000, 10**6)),
        *({"thinking": {"type": "adaptive"}}, {"thinking": True}, {"output_config": {"effort": "max"}}),
    ],
)
def test_no_chat_is_given_more_room_than_was_thought(
    wish: dict[str, Any], asked: dict[str, Any], cap: int | None
) -> None:
    claude = Claude(max_output_tokens=cap)
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **wish, **asked}
    for model in MODELS:
        facts = known(model)
        chat = parse_chat(body, Notes(), claude)
        sent = claude_body(chat, facts, claude, Notes(), cloud="vertex", sampling=True, memory=TurnMemory()).body
        assert worst_of(facts, "vertex", 100, body, Config(claude=claude)).output >= sent["max_tokens"]


def test_room_elsewhere() -> None:
    assert worst({}, claude=Claude(max_output_tokens=50)).output == 50
    assert worst({"max_tokens": 100, "n": 4}, UNKNOWN).output == 400
    assert worst({}, UNKNOWN).output == 16_384 and worst({}, UNKNOWN, openai=OpenAI(max_output_tokens=9)).output == 9
    assert worst({}, PassedFacts(id="v", name="v", owner="me", kind="embedding")).output == 0


def test_a_prompt_is_no_longer_than_the_model_can_read() -> None:
    assert worst({}, size=10**9).prompt == SONNET.context
    assert worst({}, UNKNOWN, size=300).prompt == 101


def test_vectors_are_of_many_texts() -> None:
    facts = PassedFacts(id="v", name="v", owner="me", kind="embedding", context=8192)
    assert worst({}, facts, size=300_000).prompt == 100_001


def test_who_is_served_first_pays_more() -> None:
    usual, first = worst({"max_tokens": 10}), worst({"max_tokens": 10, "service_tier": "priority"})
    assert usual.usd and first.usd == pytest.approx(2 * usual.usd)
    set_so = Config(bedrock=Bedrock(service_tier="priority"))
    there = [worst_of(SONNET, cloud, 3000, {"max_tokens": 10}, set_so).usd for cloud in ("bedrock", "vertex")]
    assert there == [pytest.approx(first.usd), pytest.approx(usual.usd)]
    usage = Usage(1000, 100, tier="priority")
    found = counted(usual, usage, cost_of(usage, PRICES), PRICES, seen=0, reply_size=0)
    assert found == Counted(pytest.approx(2 * (1000 * 3 + 100 * 15) / 1e6), 1100)


def test_no_price_is_no_zero() -> None:
    assert worst({}, UNKNOWN).usd is None and worst({}, UNKNOWN).usd_of_prompt is None
    both = worst_of_all([Worst(1, 2), Worst(3, 1, 0.5, 0.75)])
    assert both == Worst(3, 2, 0.5, 0.75) and worst_of_all([Worst(1, 2)]).usd is None


def test_a_profile_of_unknown_kind_has_no_price() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
    catalog = Catalog({"claude-opus-4-8": {"bedrock": arn}})
    facts = catalog.find("claude-opus-4-8")
    assert facts and worst_of(facts, "bedrock", 10, {}, Config()).usd is None


@given(
    st.sampled_from(["claude-sonnet-4-5", "claude-opus-4-8", "claude-haiku-5-5", "claude-sonnet-4"]),
    st.sampled_from(["global", "us-east5"]),
    st.integers(0, 3_000_000),
    st.integers(1, 64_000),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_no_answer_costs_more(name: str, region: str, size: int, room: int, shares: tuple[float, float]) -> None:
    facts, (written, read) = model(name), shares
    found = worst_of(facts, "vertex", size, {"max_tokens": room}, Config())
    fresh, stored = int(found.prompt * written), int((found.prompt - int(found.prompt * written)) * read)
    usage = Usage(fresh, min(room, found.output), found.prompt - fresh - stored, stored, cache_write_1h=stored)
    cost = cost_of(usage, prices_at(facts, "vertex", region, facts.id))
    assert cost and found.usd and cost.total <= found.usd * (1 + 1e-9)


# -- what caps count of what isn't wholly known ------------------------------------------------------------------------

WORST = worst({"max_tokens": 1000})


def test_what_was_seen_counts() -> None:
    cost = Cost(input=0.003, output=0.000015)
    found = counted(WORST, Usage(1000, 1), cost, PRICES, seen=350, reply_size=9000)
    assert found == Counted(pytest.approx(cost.total + 99 * 15 / 1e6), 1100)
    of_bytes = counted(WORST, Usage(1000, 1), cost, PRICES, seen=0, reply_size=400)
    assert of_bytes == found  # its text was hidden


def test_of_which_nothing_is_known_the_prompt_counts_at_least() -> None:
    assert WORST.usd_of_prompt
    assert counted(WORST, Usage(), None, PRICES, seen=0, reply_size=0) == Counted(WORST.usd_of_prompt, WORST.prompt)
    assert counted(WORST, Usage(), None, None, seen=35, reply_size=0) == Counted(0, WORST.prompt + 10)


@given(
    st.builds(Usage, st.integers(0, 5000), st.integers(0, 2000)),
    st.booleans(),
    st.integers(0, 10**6),
    st.integers(0, 10**7),
)
def test_between_what_is_known_and_the_worst(usage: Usage, known: bool, seen: int, size: int) -> None:
    assert PRICES and WORST.usd
    cost = cost_of(usage, PRICES) if known and usage != Usage() else None  # a record has none without tokens
    found = counted(WORST, usage, cost, PRICES, seen=seen, reply_size=size)
    least = cost.total if cost else 0.0
    assert least <= found.usd <= max(least, WORST.usd) and found.usd > 0
    assert usage.prompt + usage.output <= found.tokens <= max(usage.prompt + usage.output, WORST.tokens)
