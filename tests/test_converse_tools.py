"""Tools and the answer's form in Converse's words, for the models that have them and those that don't."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.converse_chats import (
    FORM,
    JSON,
    LOOP,
    OTHER,
    SCHEMA,
    TOOL,
    Body,
    body,
    codes,
    translated,
)

NAMED = {"type": "function", "function": {"name": "weather"}}
ALONE = {"disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("model", "fields", "choice", "passed", "told"),
    [
        ("nova-pro", {}, None, None, []),
        ("nova-pro", {"tool_choice": "auto"}, None, None, []),
        ("nova-pro", {"tool_choice": "required"}, {"any": {}}, None, []),
        ("nova-pro", {"tool_choice": NAMED}, {"tool": {"name": "weather"}}, None, []),
        ("nova-pro", {"parallel_tool_calls": False}, None, None, ["dropped:parallel_tool_calls"]),
        ("llama-3-3-70b", {"tool_choice": "required"}, None, None, ["dropped:tool_choice"]),
        ("mistral-large-2407", {"tool_choice": NAMED}, {"any": {}}, None, ["rewrote:tool_choice"]),
        ("claude-sonnet-4-5", {"tool_choice": "required"}, {"any": {}}, None, []),
        ("claude-sonnet-4-5", {"tool_choice": NAMED}, {"tool": {"name": "weather"}}, None, []),
        ("claude-sonnet-4-5", {"parallel_tool_calls": False}, None, {"type": "auto", **ALONE}, []),
        (
            "claude-sonnet-4-5",
            {"tool_choice": NAMED, "parallel_tool_calls": False},
            None,
            {"type": "tool", "name": "weather", **ALONE},
            [],
        ),
    ],
)
def test_the_choice_among_tools(model: str, fields: Body, choice: Any, passed: Any, told: list[str]) -> None:
    fields = {"tools": [OTHER, TOOL], **fields}
    found = body(model, **fields)
    names = [tool["toolSpec"]["name"] for tool in found["toolConfig"]["tools"]]
    assert names == (["weather"] if told == ["rewrote:tool_choice"] else ["time", "weather"])
    assert found["toolConfig"].get("toolChoice") == choice
    assert found.get("additionalModelRequestFields", {}).get("tool_choice") == passed
    assert codes(model, **fields) == told


def test_tools_that_are_not_to_be_called_stay_at_home() -> None:
    assert "toolConfig" not in body("nova-pro", tools=[TOOL], tool_choice="none")
    assert "toolConfig" not in body("claude-sonnet-4-5", tools=[TOOL], tool_choice="none")


def test_unless_the_history_has_calls() -> None:
    fields: Body = {"messages": LOOP, "tools": [TOOL], "tool_choice": "none"}
    claudes = body("claude-sonnet-4-5", **fields)
    assert claudes["additionalModelRequestFields"] == {"tool_choice": {"type": "none"}}
    assert len(claudes["toolConfig"]["tools"]) == 1
    assert "toolChoice" not in body("nova-pro", **fields)["toolConfig"]
    assert codes("nova-pro", **fields) == ["rewrote:tool_choice"]


def test_names_are_shorter_than_claudes_own_may_be() -> None:
    long = {"type": "function", "function": {"name": "w" * 100}}
    found = translated("nova-pro", tools=[long])
    (tool,) = found.body["toolConfig"]["tools"]
    assert tool["toolSpec"]["name"] == "w" * 64
    assert found.reading.names == {"w" * 64: "w" * 100}


def test_a_strict_tool() -> None:
    schema = SCHEMA | {"additionalProperties": False}
    tool = {"type": "function", "function": {"name": "weather", "parameters": schema, "strict": True}}
    (sent,) = body("qwen3-235b", tools=[tool])["toolConfig"]["tools"]
    assert sent["toolSpec"]["strict"] is True
    assert codes("nova-pro", tools=[tool]) == ["dropped:strict"]


# -- the answer's form ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["claude-opus-4-8", "qwen3-235b"])
def test_a_form_is_converses_own_where_the_model_has_it(model: str) -> None:
    form = body(model, response_format=JSON)["outputConfig"]["textFormat"]
    schema = form["structure"]["jsonSchema"]
    assert form["type"] == "json_schema"
    assert (json.loads(schema["schema"]), schema["name"]) == (FORM, "an_answer_")


@pytest.mark.parametrize("model", ["nova-pro", "claude-3-5-haiku"])
def test_a_form_is_else_a_hidden_tools(model: str) -> None:
    found = translated(model, response_format=JSON)
    assert found.reading.answer_tool == "json_tool_call"
    assert found.body["toolConfig"]["toolChoice"] == {"tool": {"name": "json_tool_call"}}
    assert "additionalModelRequestFields" not in found.body


def test_a_hidden_tool_is_the_only_one_where_none_can_be_named() -> None:
    only = translated("mistral-large-2407", messages=LOOP, response_format=JSON).body["toolConfig"]
    assert [tool["toolSpec"]["name"] for tool in only["tools"]] == ["json_tool_call"]
    assert only["toolChoice"] == {"any": {}}


@pytest.mark.parametrize(("model", "stream"), [("llama-3-3-70b", False), ("mistral-large-2407", True)])
def test_a_form_is_else_an_instruction(model: str, stream: bool) -> None:
    last = body(model, response_format=JSON, stream=stream)["system"][-1]["text"]
    assert last.startswith("Respond with JSON only") and json.dumps(FORM, separators=(",", ":")) in last
