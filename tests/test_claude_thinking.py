"""Effort, thinking and room: every wish becomes something that the model takes, and nearly what was wished for."""

from __future__ import annotations

import json
from itertools import product
from typing import Any, Literal, get_args

import pytest

from oai_bridge.dialects.claude_thinking import Plan, forget_thoughts, plan_of, thoughts_lost
from oai_bridge.errors import InvalidRequest
from oai_bridge.models.catalog import Cloud, ModelFacts
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import ChatRequest, Effort, ThinkingWish
from oai_bridge.settings.values import Claude
from tests.support import claude_models
from tests.support.catalogue import DATA, known
from tests.support.claude_thinking_rules import effort_faults, setting_faults

MODELS = [*json.loads(DATA.read_bytes())["models"], "claude-saga-9"]
WISHES: list[ThinkingWish | None] = [
    None,
    ThinkingWish("enabled"),
    *(ThinkingWish("enabled", budget) for budget in (1, 1024, 5000, 16_000, 31_999, 10**6)),
    ThinkingWish("enabled", 2000, "omitted"),
    ThinkingWish("adaptive"),
    ThinkingWish("adaptive", display="omitted"),
    ThinkingWish("disabled"),
    ThinkingWish("between_tools"),
]
EFFORTS: list[Effort | None] = [None, *get_args(Effort)]


def plan(
    model: str | ModelFacts,
    effort: Effort | None = None,
    wish: ThinkingWish | None = None,
    *,
    output_effort: Effort | None = None,
    max_tokens: int | None = None,
    cap: int | None = None,
    cloud: Cloud = "foundry",
    lost: bool = False,
    notes: Notes | None = None,
) -> Plan:
    facts = known(model) if isinstance(model, str) else model
    chat = ChatRequest("name", (), effort=effort, thinking=wish, output_effort=output_effort, max_tokens=max_tokens)
    return plan_of(chat, facts, Claude(max_output_tokens=cap), notes or Notes(), cloud=cloud, lost=lost)


def body_of(plan: Plan) -> dict[str, Any]:
    """What the plan makes of a body."""
    body: dict[str, Any] = {"max_tokens": plan.max_tokens}
    if plan.thinking is not None:
        body["thinking"] = plan.thinking
    if plan.effort is not None:
        body["output_config"] = {"effort": plan.effort}
    return body


def told(notes: Notes) -> list[str]:
    return [note.code for note in notes]


@pytest.mark.parametrize("model", MODELS)
def test_every_wish_gives_a_legal_body(model: str) -> None:
    """BAG answers 400 to an effort without max_tokens; LiteLLM and others send budgets that are not below max_tokens;
    efforts went to claude-haiku-4-5, which knows none (claude-code#52312, litellm#18241)."""
    facts = known(model)
    judge = claude_models.model(facts.vertex)
    assert judge is not None
    for effort, output_effort, wish, lost in product(EFFORTS, (None, "low", "max"), WISHES, (False, True)):
        for max_tokens, cap in (
            (None, None),
            (1, None),
            (1500, None),
            (20_000, 2000),
            (10**6, None),
            (None, 1024),
            (9, 4100),
        ):
            found = plan(
                facts,
                effort,
                wish,
                output_effort=output_effort,
                max_tokens=max_tokens,
                cap=cap,
                cloud="vertex",
                lost=lost,
            )
            body = body_of(found)
            if cap is None or cap >= 2048:
                thought = (found.thinking or {}).get("budget_tokens", 0)
                assert found.max_tokens - thought >= min(max_tokens or 1024, 1024)
            config = body.get("output_config", {})
            assert 1 <= found.max_tokens <= min(judge.max_output, cap or judge.max_output)
            if model != "claude-mythos-preview":  # Vertex does not serve it any more
                assert [*setting_faults(body, judge, ()), *effort_faults(config, body, judge, ())] == []


@pytest.mark.parametrize(("model", "effort"), product(MODELS, EFFORTS))
def test_bedrock_has_ceilings_of_its_own(model: str, effort: Effort | None) -> None:
    facts = known(model)
    found = plan(facts, effort, cloud="bedrock").effort
    assert found is None or found in facts.effort
    assert found != "max" or facts.bedrock_effort_ceiling in (None, "max")


SUMMARIZED = {"type": "adaptive", "display": "summarized"}


BINDING = {"prefix_mismatch_behavior": "error"}
UNBOUND = "dropped:thinking.block_binding"


def bound(kind: Literal["adaptive", "disabled", "between_tools"]) -> ThinkingWish:
    return ThinkingWish(kind, binding=BINDING)


def budget(tokens: int) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": tokens}


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "level", "notes"),
    [
        ("claude-3-haiku", "high", None, None, ["dropped:reasoning_effort"]),
        ("claude-3-haiku", "none", None, None, []),
        ("claude-haiku-4-5", "minimal", budget(1024), None, []),
        ("claude-haiku-4-5", "low", budget(1024), None, []),
        ("claude-haiku-4-5", "medium", budget(4096), None, []),
        ("claude-opus-4-5", "high", budget(16384), None, []),
        ("claude-haiku-4-5", "max", budget(32768), None, []),
        ("claude-haiku-4-5", "none", None, None, []),
        ("claude-opus-4-6", "minimal", SUMMARIZED, "low", ["clamped:reasoning_effort"]),
        ("claude-opus-4-6", "low", SUMMARIZED, "low", []),
        ("claude-opus-4-6", "xhigh", SUMMARIZED, "max", ["clamped:reasoning_effort"]),
        ("claude-opus-4-6", "none", None, None, []),
        ("claude-opus-4-7", "xhigh", SUMMARIZED, "xhigh", []),
        ("claude-opus-4-7", "none", {"type": "disabled"}, None, []),
        ("claude-opus-5", "none", {"type": "disabled"}, None, []),
        ("claude-sonnet-5-5", "max", SUMMARIZED, "max", []),
        ("claude-sonnet-5-5", "none", {"type": "between_tools"}, None, []),
        ("claude-opus-5-5", "medium", SUMMARIZED, "medium", []),
        ("claude-opus-5-5", "none", None, "low", ["clamped:reasoning_effort"]),
        ("claude-saga-9", "high", SUMMARIZED, "high", []),
    ],
)
def test_reasoning_effort(model: str, effort: Effort, thinking: Any, level: str | None, notes: list[str]) -> None:
    telling = Notes()
    found = plan(model, effort, notes=telling)
    assert (found.thinking, found.effort, told(telling)) == (thinking, level, notes)


@pytest.mark.parametrize(
    ("model", "wish", "thinking", "level", "notes"),
    [
        ("claude-3-haiku", ThinkingWish("enabled", 2000), None, None, ["dropped:thinking"]),
        ("claude-haiku-4-5", ThinkingWish("enabled", 2000), budget(2000), None, []),
        ("claude-haiku-4-5", ThinkingWish("enabled", 5), budget(1024), None, ["clamped:thinking"]),
        ("claude-haiku-4-5", ThinkingWish("adaptive"), budget(16384), None, ["rewrote:thinking"]),
        ("claude-haiku-4-5", ThinkingWish("disabled"), None, None, []),
        ("claude-opus-4-6", ThinkingWish("enabled", 2000), budget(2000), None, []),
        ("claude-opus-4-6", ThinkingWish("adaptive"), SUMMARIZED, None, []),
        ("claude-opus-4-7", ThinkingWish("enabled", 1024), SUMMARIZED, "low", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled", 2047), SUMMARIZED, "low", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled", 2048), SUMMARIZED, "medium", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled", 8191), SUMMARIZED, "medium", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled", 8192), SUMMARIZED, "high", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled", 16_000), SUMMARIZED, "high", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled", 24_575), SUMMARIZED, "high", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled", 24_576), SUMMARIZED, "xhigh", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled", 31_999), SUMMARIZED, "xhigh", ["rewrote:thinking"]),
        ("claude-opus-4-7", ThinkingWish("enabled"), SUMMARIZED, None, ["rewrote:thinking"]),
        ("claude-opus-4-8", ThinkingWish("disabled"), {"type": "disabled"}, None, []),
        ("claude-opus-4-8", ThinkingWish("between_tools"), {"type": "disabled"}, None, ["rewrote:thinking"]),
        ("claude-sonnet-5-5", ThinkingWish("disabled"), {"type": "between_tools"}, None, ["rewrote:thinking"]),
        ("claude-sonnet-5-5", ThinkingWish("between_tools"), {"type": "between_tools"}, None, []),
        ("claude-fable-5-2", ThinkingWish("disabled"), None, "low", ["dropped:thinking"]),
        ("claude-opus-5-5", bound("adaptive"), SUMMARIZED | {"block_binding": BINDING}, None, []),
        ("claude-sonnet-5-5", bound("between_tools"), {"type": "between_tools"}, None, [UNBOUND]),
        ("claude-opus-5-5", bound("disabled"), None, "low", ["dropped:thinking", UNBOUND]),
        ("claude-opus-4-8", bound("adaptive"), SUMMARIZED, None, [UNBOUND]),
    ],
)
def test_thinking(model: str, wish: ThinkingWish, thinking: Any, level: str | None, notes: list[str]) -> None:
    telling = Notes()
    found = plan(model, wish=wish, notes=telling)
    assert (found.thinking, found.effort, told(telling)) == (thinking, level, notes)


def test_the_reasoning_is_shown_to_who_asks_for_it_cliproxyapi_2803_docker_agent_3415() -> None:
    """CLIProxyAPI#2803, docker-agent#3415: since 4.7 the text is empty unless `display` is `summarized`."""
    assert plan("claude-opus-4-7", "high").thinking == SUMMARIZED
    assert plan("claude-opus-4-7", wish=ThinkingWish("adaptive", display="omitted")).thinking == {
        "type": "adaptive",
        "display": "omitted",
    }


def test_who_says_nothing_gets_the_models_own_way() -> None:
    for model in MODELS:
        found = plan(model)
        assert (found.thinking, found.effort, found.betas) == (None, None, ())


# -- effort ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "cloud", "effort", "level", "betas"),
    [
        ("claude-opus-4-8", "vertex", "xhigh", "xhigh", ()),
        ("claude-opus-4-5", "bedrock", "low", "low", ("effort-2025-11-24",)),
        ("claude-opus-4-5", "foundry", "max", "high", ("effort-2025-11-24",)),
        ("claude-opus-4-5", "vertex", "low", None, ()),
        ("claude-haiku-4-5", "vertex", "low", None, ()),
        ("claude-opus-4-8", "bedrock", "max", "xhigh", ()),
    ],
)
def test_anthropics_own_effort_says_nothing_of_thinking(
    model: str, cloud: Cloud, effort: Effort, level: str | None, betas: tuple[str, ...]
) -> None:
    notes = Notes()
    found = plan(model, output_effort=effort, cloud=cloud, notes=notes)
    assert (found.thinking, found.effort, found.betas) == (None, level, betas)
    code = "dropped" if level is None else "clamped"
    assert told(notes) == ([] if level == effort else [f"{code}:output_config.effort"])


def test_a_budget_of_ones_own_comes_before_openais_effort() -> None:
    found = plan("claude-opus-4-6", "low", wish=ThinkingWish("enabled", 20_000))
    assert (found.thinking, found.effort) == (budget(20_000), None)


def test_anthropics_own_effort_comes_before_openais() -> None:
    found = plan("claude-opus-4-8", "low", output_effort="high")
    assert (found.thinking, found.effort) == (SUMMARIZED, "high")


def test_where_there_are_budgets_only_the_effort_becomes_one() -> None:
    """Claude Code sends adaptive thinking with an effort to every model."""
    notes = Notes()
    found = plan("claude-haiku-4-5", wish=ThinkingWish("adaptive"), output_effort="medium", notes=notes)
    assert (found.thinking, found.effort, told(notes)) == (budget(4096), None, ["rewrote:thinking"])


@pytest.mark.parametrize("model", ["claude-opus-5", "claude-haiku-5-5", "claude-sonnet-5-5"])
def test_some_efforts_do_not_go_with_thinking_switched_off(model: str) -> None:
    notes = Notes()
    assert plan(model, "none", output_effort="max", notes=notes).effort == "high"
    assert told(notes) == ["clamped:output_config.effort"]
    assert plan("claude-opus-4-8", "none", output_effort="max").effort == "max"


# -- room --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fields", "max_tokens", "notes"),
    [
        ("claude-haiku-4-5", {}, 8192, []),
        ("claude-opus-5", {}, 16384, []),
        ("claude-opus-5", {"effort": "none"}, 8192, []),
        ("claude-sonnet-5-5", {"effort": "none"}, 16384, []),
        ("claude-opus-4-8", {"effort": "high"}, 16384, []),
        ("claude-haiku-4-5", {"effort": "low"}, 16384, []),
        ("claude-haiku-4-5", {"effort": "high"}, 24576, []),
        ("claude-haiku-4-5", {"effort": "medium", "max_tokens": 300}, 4396, ["raised:max_tokens"]),
        ("claude-haiku-4-5", {"effort": "medium", "max_tokens": 4096}, 8192, ["raised:max_tokens"]),
        ("claude-haiku-4-5", {"effort": "medium", "max_tokens": 4097}, 5120, ["raised:max_tokens"]),
        ("claude-haiku-4-5", {"effort": "medium", "max_tokens": 5119}, 5120, ["raised:max_tokens"]),
        ("claude-haiku-4-5", {"effort": "medium", "max_tokens": 5120}, 5120, []),
        ("claude-haiku-4-5", {"effort": "low", "max_tokens": 100}, 1124, ["raised:max_tokens"]),
        ("claude-haiku-4-5", {"wish": ThinkingWish("enabled", 16_000)}, 24_192, []),
        ("claude-haiku-4-5", {"effort": "medium", "max_tokens": 100, "cap": 4196}, 4196, ["raised:max_tokens"]),
        ("claude-haiku-4-5", {"effort": "low", "max_tokens": 1500, "cap": 1500}, 1500, ["small:max_tokens"]),
        (
            "claude-haiku-4-5",
            {"effort": "low", "max_tokens": 2000, "cap": 1500},
            1500,
            ["clamped:max_tokens", "small:max_tokens"],
        ),
        ("claude-haiku-4-5", {"effort": "max", "max_tokens": 32_768}, 64_000, ["raised:max_tokens"]),
        ("claude-opus-4-8", {"effort": "high", "max_tokens": 300}, 300, ["small:max_tokens"]),
        ("claude-opus-5", {"max_tokens": 300}, 300, ["small:max_tokens"]),
        ("claude-opus-5", {"max_tokens": 2048}, 2048, []),
        ("claude-opus-5", {"effort": "none", "max_tokens": 300}, 300, []),
        ("claude-opus-4-8", {"max_tokens": 300}, 300, []),
        ("claude-haiku-4-5", {"max_tokens": 100_000}, 64_000, ["clamped:max_tokens"]),
        ("claude-haiku-4-5", {"max_tokens": 5000, "cap": 4000}, 4000, ["clamped:max_tokens"]),
        ("claude-haiku-4-5", {"effort": "medium", "max_tokens": 300, "cap": 4400}, 4396, ["raised:max_tokens"]),
        ("claude-opus-5", {"max_tokens": 1500, "cap": 1000}, 1000, ["clamped:max_tokens", "small:max_tokens"]),
    ],
)
def test_the_room(model: str, fields: Any, max_tokens: int, notes: list[str]) -> None:
    """Rather more room than less thinking; litellm and others cut the budget, or send one that is too large."""
    telling = Notes()
    assert plan(model, notes=telling, **fields).max_tokens == max_tokens
    assert told(telling) == notes
    assert all(f"to {max_tokens}" in note.detail or f"of {max_tokens}" in note.detail for note in telling)


@pytest.mark.parametrize(
    ("cap", "thinking", "notes"),
    [
        (20_000, budget(16384), []),
        (16_384, budget(8192), ["clamped:thinking"]),
        (17_408, budget(16384), []),
        (1500, budget(1024), ["clamped:thinking", "small:max_tokens"]),
        (1024, None, ["dropped:reasoning_effort"]),
    ],
)
def test_the_operators_cap_comes_first(cap: int, thinking: Any, notes: list[str]) -> None:
    telling = Notes()
    found = plan("claude-haiku-4-5", "high", cap=cap, notes=telling)
    assert (found.thinking, found.max_tokens, told(telling)) == (thinking, min(cap, 24576), notes)


@pytest.mark.parametrize(
    ("max_tokens", "thinking", "room", "notes"),
    [
        (None, budget(2050), 4100, ["clamped:thinking"]),
        (4100, budget(2050), 4100, ["clamped:thinking"]),
        (9000, budget(2050), 4100, ["clamped:thinking", "clamped:max_tokens"]),
        (100, budget(2050), 2150, ["clamped:thinking", "raised:max_tokens"]),
        (4, budget(4096), 4100, ["raised:max_tokens"]),
    ],
)
def test_a_budget_never_takes_the_answers_room(
    max_tokens: int | None, thinking: Any, room: int, notes: list[str]
) -> None:
    telling = Notes()
    found = plan("claude-haiku-4-5", "medium", cap=4100, max_tokens=max_tokens, notes=telling)
    assert (found.thinking, found.max_tokens, told(telling)) == (thinking, room, notes)


def test_strict_refuses_what_cannot_be_had() -> None:
    with pytest.raises(InvalidRequest) as caught:
        plan("claude-3-haiku", "high", notes=Notes(strict=True))
    assert caught.value.param == "reasoning_effort"
    with pytest.raises(InvalidRequest) as caught:
        plan("claude-opus-5-5", wish=ThinkingWish("disabled"), notes=Notes(strict=True))
    assert caught.value.param == "thinking"


# -- lost thinking -----------------------------------------------------------------------------------------------------

ASK = ("user", [{"type": "text", "text": "Hi"}])
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "seal"}
CALL = {"type": "tool_use", "id": "a", "name": "t", "input": {}}
WORD = {"type": "text", "text": "Well"}
RESULT = ("user", [{"type": "tool_result", "tool_use_id": "a"}, WORD])


def said(*blocks: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    return "assistant", list(blocks)


@pytest.mark.parametrize(
    ("turns", "lost"),
    [
        ([], False),
        ([ASK], False),
        ([ASK, said(CALL), RESULT], True),
        ([ASK, said(WORD, CALL), RESULT], True),
        ([ASK, said(THOUGHT, CALL), RESULT], False),
        ([ASK, said({"type": "redacted_thinking", "data": "x"}, CALL), RESULT], False),
        ([ASK, said(CALL), RESULT, said(WORD), ASK], False),
        ([ASK, said(CALL), RESULT, said(THOUGHT, CALL), RESULT], True),
        ([ASK, said(THOUGHT, CALL), RESULT, said(CALL), RESULT], False),  # Claude thinks once in a run
        ([ASK, said(CALL), RESULT, ASK, said(THOUGHT, CALL), RESULT], False),
        ([ASK, ("system", [WORD]), said(CALL), RESULT, ("system", [WORD])], True),
        ([ASK, said(WORD)], False),
    ],
)
def test_lost_thoughts(turns: Any, lost: bool) -> None:
    assert thoughts_lost(turns) is lost


def test_a_budget_needs_the_thoughts_adaptive_thinking_does_not() -> None:
    """litellm#15601, openai-agents-python#678, opencode#3077: "Expected `thinking` or `redacted_thinking`, but found
    `tool_use`" when an OpenAI client sends the calls back without the thinking."""
    notes = Notes()
    assert plan("claude-haiku-4-5", "high", lost=True, notes=notes).thinking is None
    assert told(notes) == ["dropped:reasoning_effort"]
    assert plan("claude-opus-4-6", wish=ThinkingWish("enabled", 2000), lost=True).thinking == SUMMARIZED
    assert plan("claude-opus-4-8", "high", lost=True).thinking == SUMMARIZED


def test_thoughts_are_forgotten_wherever_they_stand() -> None:
    """Were they forgotten in the last run only, they would be back with the user's next message, and the prompt would
    not be the one that is cached."""
    turns = [ASK, said(THOUGHT, CALL), RESULT, said(WORD), ASK, said(THOUGHT, CALL), RESULT]
    forget_thoughts(turns)
    assert turns == [ASK, said(CALL), RESULT, said(WORD), ASK, said(CALL), RESULT]
