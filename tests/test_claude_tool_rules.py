"""The judge of tools: right definitions, choices and histories pass, and each wrong one is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.claude_models import Model, model
from tests.support.claude_rules import faults
from tests.support.cloud_client import BODY

OLD, MID, NEW = (
    Model("claude-sonnet-4-5", (4, 5)),
    Model("claude-opus-4-6", (4, 6)),
    Model("claude-opus-5-5", (5, 5)),
)
CLOSED = {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}
LOOK = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def tool(**changes: Any) -> dict[str, Any]:
    return {"tools": [LOOK | changes]}


def schema(**changes: Any) -> dict[str, Any]:
    return tool(input_schema={"type": "object"} | changes)


def judged(changes: dict[str, Any], facts: Model = MID) -> list[str]:
    return faults(BODY | changes, facts, streamed=False)


@pytest.mark.parametrize(
    ("changes", "facts"),
    [
        (tool(), OLD),
        (tool(name="a" * 128, cache_control={"type": "ephemeral"}, type="custom"), OLD),
        (tool(strict=True, input_schema=CLOSED), MID),
        (tool(strict=False), OLD),
        (schema(properties={"a.b-c_9": {"$ref": "#/$defs/A"}}, **{"$defs": {"A": {"type": ["string", "null"]}}}), OLD),
        (schema(properties={"a": {"anyOf": [{"type": "string"}, True]}}, required=["a"]), OLD),
        ({"tools": [LOOK, LOOK | {"name": "Look"}]}, OLD),
        ({"tools": [SEARCH | {"max_uses": 5, "allowed_domains": ["a.com"]}]}, OLD),
        ({"tools": [SEARCH | {"user_location": {"type": "approximate", "city": "Paris", "country": "FR"}}]}, NEW),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, OLD),
        (tool() | {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, NEW),
        (tool() | {"tool_choice": {"type": "none"}}, NEW),
        (tool() | {"tool_choice": {"type": "any"}}, MID),
        (tool() | {"tool_choice": {"type": "tool", "name": "look"}}, Model("claude-fable-5", (5, 0))),
        (tool() | {"tool_choice": {"type": "any"}}, Model("claude-haiku-5-5", (5, 5))),
    ],
)
def test_takes_right_tools(changes: dict[str, Any], facts: Model) -> None:
    assert judged(changes, facts) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tools": {}}, "tools: Input should be a valid list"),
        ({"tools": ["look"]}, "tools.0: Input should be a valid dictionary"),
        ({"tools": [{"type": "function", "function": LOOK}]}, "tools.0: Input tag 'function'"),
        (tool(name="look up"), "tools.0.custom.name: String should match pattern"),
        (tool(name="a" * 129), "tools.0.custom.name: String should match pattern"),
        (tool(name=""), "tools.0.custom.name: String should match pattern"),
        (tool(description=None), "tools.0.custom.description: Input should be a valid string"),
        (tool(parameters={}), "tools.0.custom.parameters: Extra inputs are not permitted"),
        (tool(strict="yes"), "tools.0.custom.strict: Input should be a valid boolean"),
        (tool(input_schema=None), "tools.0.custom.input_schema: Field required"),
        (tool(input_schema={}), "tools.0.custom.input_schema.type: Input should be 'object'"),
        (schema(type="array"), "tools.0.custom.input_schema.type: Input should be 'object'"),
        (schema(anyOf=[{"type": "object"}]), "does not support oneOf, allOf, or anyOf at the top level"),
        (schema(properties={"a b": {}}), "Property keys should match pattern"),
        (schema(properties={"a": {"type": "text"}}), "JSON schema is invalid. It must match JSON Schema draft 2020-12"),
        (tool(strict=True), "'additionalProperties' must be explicitly set to false"),
        ({"tools": [LOOK, LOOK]}, "tools: Tool names must be unique."),
        (
            {"tools": [LOOK, SEARCH | {"name": "look"}]},
            "tools.1.web_search_20250305.name: Input should be 'web_search'",
        ),
        ({"tools": [SEARCH | {"max_uses": 0}]}, "max_uses: Input should be greater than 0"),
        ({"tools": [SEARCH | {"max_results": 1}]}, "max_results: Extra inputs are not permitted"),
        ({"tools": [SEARCH | {"allowed_domains": ["a"], "blocked_domains": ["b"]}]}, "Only one of `allowed_domains`"),
        ({"tools": [SEARCH | {"blocked_domains": [1]}]}, "blocked_domains: Input should be a valid list of strings"),
        (
            {"tools": [SEARCH | {"user_location": {"city": "Paris"}}]},
            "user_location.type: Input should be 'approximate'",
        ),
        (
            {"tools": [SEARCH | {"user_location": {"type": "approximate", "approximate": {}}}]},
            "approximate: Extra inputs",
        ),
        ({"tools": [{"type": "bash_20250124", "name": "sh"}]}, "tools.0.bash_20250124.name: Input should be 'bash'"),
        ({"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}, "Input tag 'web_fetch_20250910'"),
        ({"tools": [LOOK | {"name": f"t{n}", "strict": True, "input_schema": CLOSED} for n in range(21)]}, "Too many"),
        (tool() | {"tool_choice": "auto"}, "tool_choice: Input tag None does not match"),
        (tool() | {"tool_choice": {"type": "required"}}, "tool_choice: Input tag 'required' does not match"),
        (
            tool() | {"tool_choice": {"type": "none", "disable_parallel_tool_use": True}},
            "none.disable_parallel_tool_use",
        ),
        (tool() | {"tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}}, "valid boolean"),
        (tool() | {"tool_choice": {"type": "tool", "name": "see"}}, "Tool 'see' not found in provided tools"),
        ({"tools": [], "tool_choice": {"type": "auto"}}, "tool_choice: may only be specified while providing `tools`"),
        (
            tool() | {"tool_choice": {"type": "any"}, "thinking": {"type": "adaptive"}},
            "Thinking may not be enabled when tool_choice forces tool use.",
        ),
    ],
)
def test_refuses_wrong_tools(changes: dict[str, Any], why: str) -> None:
    found = judged(changes)
    assert any(why in fault for fault in found), found


@pytest.mark.parametrize("id", ["claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-2", "claude-unheard-of"])
@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "look"}])
def test_the_newest_cannot_be_forced(id: str, choice: dict[str, Any]) -> None:
    facts = model(id)
    assert facts is not None
    (found,) = judged(tool() | {"tool_choice": choice}, facts)
    assert "does not support forced tool use" in found


@pytest.mark.parametrize("facts", [OLD, Model("claude-3-haiku", (3, 0))])
def test_strict_needs_structured_outputs(facts: Model) -> None:
    (found,) = judged({"tools": [LOOK | {"strict": True, "input_schema": CLOSED}]}, facts)
    assert found == "tools.0.custom.strict: Extra inputs are not permitted"


# Calls and results


def use(id: Any = "toolu_1", **changes: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "look", "input": {}} | changes


def result(id: Any = "toolu_1", **changes: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id} | changes


def text(value: str = "x") -> dict[str, Any]:
    return {"type": "text", "text": value}


def talk(*turns: list[dict[str, Any]]) -> dict[str, Any]:
    """The turns after the user's first one, the assistant's and the user's by turns."""
    roles = [("assistant", "user")[index % 2] for index in range(len(turns))]
    first = {"role": "user", "content": "Hi"}
    later = [{"role": role, "content": content} for role, content in zip(roles, turns, strict=True)]
    return tool() | {"messages": [first, *later]}


PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
SERVER = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}


@pytest.mark.parametrize(
    "changes",
    [
        talk([text(), use()], [result()]),
        talk([use("a"), use("b")], [result("b", content="x"), result("a", content=[text(), PNG]), text()]),
        talk([use()], [result(is_error=True, content="")], [use("toolu_2")], [result("toolu_2")]),
        talk([use(caller={"type": "direct"})], [result(cache_control={"type": "ephemeral"})], [text()], [text()]),
        talk([SERVER, FOUND, text()], [text()]),
        talk([text(), SERVER]),
        talk([SERVER, FOUND, text("It "), SERVER | {"id": "srvtoolu_2"}]),
    ],
)
def test_takes_paired_calls_and_paused_turns(changes: dict[str, Any]) -> None:
    assert judged(changes) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            talk([use()], [text()]),
            "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after",
        ),
        (talk([use()], [text(), result()]), "immediately after: toolu_1"),
        (talk([use("a"), use("b")], [result("a")]), "immediately after: b."),
        (talk([use("a"), use("b")], [result("a"), text(), result("b")]), "immediately after: b."),
        (talk([use()], [text()], [text()], [result()]), "messages.4.content.0: unexpected `tool_use_id`"),
        (talk([text()], [result()]), "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: t"),
        (talk([use()], [result(), result()]), "each tool_use must have a single result"),
        (talk([use()]), "messages.1: `tool_use` ids were found without"),
        (talk([use()], [result()], [use()], [result()]), "messages: `tool_use` ids must be unique: toolu_1"),
        (talk([use("a b")], [result("a b")]), "tool_use.id: String should match pattern"),
        (talk([use(None)], [result(None)]), "tool_result.tool_use_id: String should match pattern"),
        (talk([use(name="look up")], [result()]), "tool_use.name: String should match pattern"),
        (talk([use(input="{}")], [result()]), "tool_use.input: Input should be a valid dictionary"),
        (talk([use(type="tool_use", index=0)], [result()]), "tool_use.index: Extra inputs"),
        (talk([use()], [result(content=None)]), "tool_result.content: Input should be a valid string or list"),
        (talk([use()], [result(is_error="no")]), "tool_result.is_error: Input should be a valid boolean"),
        (talk([use()], [result(content=[text("")])]), "content.0: text content blocks must be non-empty"),
        (talk([use()], [result(content=[use("b")])]), "`tool_use` blocks are not permitted here"),
        (talk([use()], [result(content=["x"])]), "Input tag None"),
        (talk([result()], [text()]), "`tool_result` blocks are not permitted in assistant turns"),
        (talk([use()], [result()]) | {"tools": []}, "blocks must define tools"),
        (talk([SERVER], [text()]), "messages.1: `server_tool_use` ids were found without a result: srvtoolu_1"),
        (talk([FOUND], [text()]), "`web_search_tool_result` without a corresponding `server_tool_use` block"),
        (talk([SERVER, FOUND | {"content": "x"}], [text()]), "web_search_tool_result.content: Input should be"),
        (talk([text()]), "does not support assistant message prefill"),
    ],
)
def test_refuses_unpaired_calls(changes: dict[str, Any], why: str) -> None:
    found = judged(changes)
    assert any(why in fault for fault in found), found
