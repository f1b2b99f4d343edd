"""Chats as Converse takes them: each field that is not as in Claude's own API."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.dialects.claude_memory import TurnMemory
from oai_bridge.dialects.converse_reply import ConverseStream
from oai_bridge.errors import InvalidRequest
from oai_bridge.events import Said
from oai_bridge.notes import Notes
from oai_bridge.plain.jsontext import write
from oai_bridge.settings.values import Bedrock, Claude, Guardrail
from tests.support.converse_chats import (
    CALL,
    HI,
    RESULT,
    TOOL,
    Body,
    body,
    codes,
    extra,
    facts_of,
    translated,
)

# -- fields -----------------------------------------------------------------------------------------------------------


def test_what_the_operator_set_is_in_the_body() -> None:
    bedrock = Bedrock(guardrail=Guardrail("abc1", "3"), service_tier="flex")
    found = body("nova-pro", bedrock=bedrock)
    assert found["guardrailConfig"] == {"guardrailIdentifier": "abc1", "guardrailVersion": "3"}
    assert found["serviceTier"] == {"type": "flex"}
    assert not body("nova-pro").keys() & {"guardrailConfig", "serviceTier"}


def test_neither_model_nor_stream_stand_in_the_body() -> None:
    found = translated("nova-pro", stream=True)
    assert found.body.keys() == {"messages", "inferenceConfig"}
    assert found.betas == ()


@pytest.mark.parametrize(
    ("user", "told"), [("an id/7", {"user_id": "an id/7"}), ("x!y", {"user_id": "x_y"}), (None, None)]
)
def test_the_user_is_metadata_where_it_may_be_told(user: str | None, told: Any) -> None:
    assert body("nova-pro", settings=Claude(send_user=True), user=user).get("requestMetadata") == told
    assert "requestMetadata" not in body("nova-pro", user=user)


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("nova-pro", {"temperature": 1.0, "topP": 1.0}),
        ("llama-3-3-70b", {"temperature": 1.0, "topP": 1.0}),
        ("claude-sonnet-4-5", {"temperature": 1.0}),
        ("claude-opus-4-8", {}),
        ("kimi-k3", {}),
    ],
)
def test_sampling(model: str, sent: Any) -> None:
    found = body(model, temperature=1.0, top_p=1.0)["inferenceConfig"]
    assert {key: found[key] for key in ("temperature", "topP") if key in found} == sent


def test_a_temperature_of_openais_range_is_clamped() -> None:
    assert body("nova-pro", temperature=1.7)["inferenceConfig"]["temperature"] == 1
    assert codes("nova-pro", temperature=1.7) == ["clamped:temperature"]


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("claude-sonnet-4-5", {"top_k": 5}),
        ("mistral-7b", {"top_k": 5}),
        ("nova-lite", {"inferenceConfig": {"topK": 5}}),
        ("llama-3-3-70b", {}),
    ],
)
def test_top_k_goes_where_the_vendor_has_it(model: str, sent: Any) -> None:
    assert extra(model, top_k=5) == sent
    assert codes(model, top_k=5) == ([] if sent else ["dropped:top_k"])


# -- thinking ---------------------------------------------------------------------------------------------------------

ADAPTIVE = {"thinking": {"type": "adaptive", "display": "summarized"}}


@pytest.mark.parametrize(
    ("model", "wish", "sent"),
    [
        ("claude-sonnet-4-5", {"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("claude-opus-4-8", {"reasoning_effort": "low"}, ADAPTIVE),
        (
            "nova-2-lite",
            {"reasoning_effort": "low"},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
        ),
        (
            "nova-2-lite",
            {"reasoning_effort": "max"},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
        ),
        (
            "nova-2-lite",
            {"thinking": {"type": "adaptive"}},
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}},
        ),
        ("nova-2-lite", {"reasoning_effort": "none"}, {"reasoningConfig": {"type": "disabled"}}),
        ("nova-2-lite", {}, {}),
        ("gpt-oss-120b", {"reasoning_effort": "high"}, {"reasoning_effort": "high"}),
        ("gpt-oss-120b", {"reasoning_effort": "none"}, {"reasoning_effort": "low"}),
        ("gpt-oss-120b", {"thinking": {"type": "enabled", "budget_tokens": 4000}}, {"reasoning_effort": "medium"}),
        ("kimi-k3", {"reasoning_effort": "medium"}, {"reasoning": {"effort": "high"}}),
        ("deepseek-r1", {"reasoning_effort": "high"}, {}),
        ("llama-3-3-70b", {"thinking": True}, {}),
    ],
)
def test_thinking_is_asked_for_in_the_vendors_words(model: str, wish: Any, sent: Any) -> None:
    assert extra(model, **wish) == sent


@pytest.mark.parametrize(
    ("wish", "field"),
    [({"reasoning_effort": "none"}, "reasoning_effort"), ({"thinking": {"type": "disabled"}}, "thinking")],
)
def test_a_model_that_has_no_switch_for_it(wish: Body, field: str) -> None:
    assert extra("kimi-k2.5", **wish) == {}
    assert codes("kimi-k2.5", **wish) == [f"clamped:{field}"]


def test_claudes_effort_is_converses_own() -> None:
    assert body("claude-opus-4-8", reasoning_effort="low")["outputConfig"] == {"effort": "low"}
    assert "outputConfig" not in body("gpt-oss-120b", reasoning_effort="low")


def test_other_vendors_models_take_the_rest_while_they_think() -> None:
    found = body("nova-2-lite", reasoning_effort="low", temperature=0.3, tools=[TOOL], tool_choice="required")
    assert found["inferenceConfig"]["temperature"] == 0.3
    assert found["toolConfig"]["toolChoice"] == {"any": {}}


def test_nova_takes_no_limits_while_it_thinks_hard() -> None:
    hard: Body = {"reasoning_effort": "high", "temperature": 0.3, "top_p": 0.3, "max_tokens": 5000}
    assert "inferenceConfig" not in body("nova-2-lite", **hard)
    told = ["dropped:temperature", "dropped:top_p", "dropped:max_tokens"]
    assert codes("nova-2-lite", **hard) == told
    assert codes("nova-2-lite", reasoning_effort="high") == []


def test_the_operators_cap_is_worth_more_than_hard_thinking() -> None:
    found = body("nova-2-lite", settings=Claude(max_output_tokens=5000), reasoning_effort="high")
    assert found["inferenceConfig"] == {"maxTokens": 5000}
    assert found["additionalModelRequestFields"]["reasoningConfig"]["maxReasoningEffort"] == "medium"


def test_no_thoughts_go_back_to_a_model_that_refuses_them() -> None:
    thoughts = [{"type": "thinking", "thinking": "Hm", "signature": "c2VhbA=="}]
    messages = [HI, CALL | {"thinking_blocks": thoughts}, RESULT]
    content = body("nova-2-lite", messages=messages, tools=[TOOL], reasoning_effort="low")["messages"][1]["content"]
    assert [next(iter(block)) for block in content] == ["text", "toolUse"]


def test_a_redacted_thought_of_another_make_stays_here() -> None:
    thoughts = [{"type": "redacted_thinking", "data": "no base64!"}]
    fields: Body = {"messages": [HI, CALL | {"thinking_blocks": thoughts}, RESULT], "tools": [TOOL]}
    content = body("claude-opus-4-8", **fields)["messages"][1]["content"]
    assert [next(iter(block)) for block in content] == ["text", "toolUse"]
    assert codes("claude-opus-4-8", **fields) == ["dropped:thinking_blocks"]


def test_a_remembered_turn_comes_back_as_it_was_written() -> None:
    memory = TurnMemory()
    model = "claude-opus-4-8"
    first = translated(model, memory=memory, tools=[TOOL])
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "seal"}}}
    turn = [
        thought,
        {"text": "Well"},
        {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Rome"}}},
    ]
    answer = {"output": {"message": {"role": "assistant", "content": turn}}, "stopReason": "tool_use", "usage": {}}
    (said,) = (event for event in ConverseStream(first.reading).whole(write(answer)) if isinstance(event, Said))
    memory.remember(facts_of(model).id, first.prefix, said.content)
    call = {"id": "tooluse_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}}
    back = {"role": "assistant", "content": "Well", "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "tooluse_1", "content": "Sunny."}
    second = translated(model, memory=memory, messages=[HI, back, result], tools=[TOOL])
    assert second.body["messages"][1]["content"] == turn


def test_another_vendors_ids_stay_as_they_are() -> None:
    call = {"id": "functions.weather:0", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [HI, {"role": "assistant", "tool_calls": [call]}, RESULT | {"tool_call_id": "functions.weather:0"}]
    used = body("kimi-k2.5", messages=messages, tools=[TOOL])["messages"][1]["content"][0]["toolUse"]
    assert used["toolUseId"] == "functions.weather:0"
    assert codes("claude-opus-4-8", messages=messages, tools=[TOOL]) == ["rewrote:tool_call_id"]


# -- system prompts ---------------------------------------------------------------------------------------------------

SYSTEM = {"role": "system", "content": "Be kind."}


def test_a_system_prompt_is_the_first_users_text_where_the_model_has_none() -> None:
    found = body("mistral-7b", messages=[SYSTEM, SYSTEM, HI], response_format={"type": "json_object"})
    assert "system" not in found
    prompt, said = found["messages"][0]["content"]
    assert prompt["text"].startswith("<system>Be kind.\n\nBe kind.\n\nRespond with a single JSON object")
    assert said == {"text": "\n\nHi"}
    assert codes("mistral-7b", messages=[SYSTEM, HI]) == ["rewrote:system"]


def test_a_system_message_amid_the_chat() -> None:
    messages = [HI, SYSTEM, {"role": "assistant", "content": "Hello"}, HI]
    roles = [message["role"] for message in body("claude-opus-4-8", messages=messages)["messages"]]
    assert roles == ["user", "system", "assistant", "user"]
    assert body("nova-pro", messages=messages)["messages"][0]["content"][-1] == {
        "text": "\n\n<system>Be kind.</system>"
    }


# -- strict settings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        ("llama-3-3-70b", {"top_k": 5}, "top_k"),
        ("qwen3-235b", {"stop": "END"}, "stop"),
        ("nova-pro", {"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
        ("nova-pro", {"anthropic_beta": ["context-1m-2025-08-07"]}, "anthropic_beta"),
        ("nova-pro", {"context_management": {"edits": []}}, "context_management"),
        ("llama-3-3-70b", {"cache_control": {"type": "ephemeral"}}, "cache_control"),
        ("deepseek-r1", {"tools": [TOOL]}, "tools"),
        ("llama-3-3-70b", {"tools": [TOOL], "stream": True}, "tools"),
        ("nova-2-lite", {"reasoning_effort": "high", "temperature": 0.5}, "temperature"),
    ],
)
def test_strict_settings_refuse_what_would_be_dropped(model: str, fields: Body, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        translated(model, Notes(strict=True), **fields)
    assert (refused.value.param, refused.value.code) == (param, "unsupported_parameter")
    assert codes(model, **fields) == [f"dropped:{param}"]
