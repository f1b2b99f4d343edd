"""Tools and the choice among them, in OpenAI's newer and older words and in Anthropic's."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Tool, ToolChoice
from oai_bridge.openai.messages import Context
from oai_bridge.openai.tools import allows_parallel, read_choice, read_tools, uses_functions

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
EPHEMERAL = {"type": "ephemeral"}


def function(name: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def tools(*given: Any) -> tuple[Tool, ...]:
    return read_tools({"tools": list(given)}, Context(Notes()))


def told(body: dict[str, Any]) -> list[str]:
    notes = Notes()
    read_tools(body, Context(notes))
    return [note.code for note in notes]


AT = "tools[0].function"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (function("f"), Tool("f", None, None, AT)),
        (function("f", description="Adds.", parameters=SCHEMA), Tool("f", "Adds.", SCHEMA, AT)),
        (function("f", description="", parameters={}, strict=None), Tool("f", None, {}, AT)),
        (function("f", description=None, parameters=None, strict=True), Tool("f", None, None, AT, strict=True)),
        (function("名 前"), Tool("名 前", None, None, AT)),
        ({**function("f"), "cache_control": EPHEMERAL}, Tool("f", None, None, AT, cache="5m")),
        (function("f", cache_control={**EPHEMERAL, "ttl": "1h"}), Tool("f", None, None, AT, cache="1h")),
        ({"type": None, **function("f")["function"]}, Tool("f", None, None, "tools[0]")),
        # the Responses API's shape
        ({"type": "function", "name": "f", "parameters": SCHEMA}, Tool("f", None, SCHEMA, "tools[0]")),
        # Anthropic's shape
        ({"name": "f", "description": "Adds.", "input_schema": SCHEMA}, Tool("f", "Adds.", SCHEMA, "tools[0]")),
        ({"type": "custom", "name": "f", "input_schema": SCHEMA}, Tool("f", None, SCHEMA, "tools[0]")),
        # what belongs into the function stands beside it
        (
            {**function("f", parameters=SCHEMA), "description": "Adds.", "strict": True},
            Tool("f", "Adds.", SCHEMA, AT, strict=True),
        ),
        (
            {**function("f", description="Adds.", strict=False), "description": "Other.", "strict": True},
            Tool("f", "Adds.", None, AT),
        ),
        # free text
        (
            {"type": "custom", "custom": {"name": "sql", "description": "Asks.", "format": {"type": "text"}}},
            Tool("sql", "Asks.", None, "tools[0].custom", custom=True),
        ),
        ({"type": "custom", "custom": {"name": "sql"}}, Tool("sql", None, None, "tools[0].custom", custom=True)),
        ({"type": "custom", "name": "sql", "format": None}, Tool("sql", None, None, "tools[0]", custom=True)),
    ],
)
def test_a_tool(given: dict[str, Any], expected: Tool) -> None:
    assert tools(given) == (expected,)


@pytest.mark.parametrize(
    ("field", "value"), [("defer_loading", True), ("input_examples", [{"a": 1}]), ("eager_input_streaming", True)]
)
def test_what_a_tool_of_anthropics_loses_is_told(field: str, value: Any) -> None:
    own = {"name": "f", "input_schema": SCHEMA}
    for given, param in [
        (own | {field: value}, f"tools[0].{field}"),
        (function("f", **{field: value}), f"{AT}.{field}"),
        (function("f") | {field: value}, f"tools[0].{field}"),
    ]:
        assert told({"tools": [given]}) == [f"dropped:{field}"]
        with pytest.raises(InvalidRequest) as caught:
            read_tools({"tools": [given]}, Context(Notes(strict=True)))
        assert caught.value.param == param
    for idle in (None, False, []):
        assert told({"tools": [own | {field: idle}]}) == []


def test_older_functions() -> None:
    body: dict[str, Any] = {"functions": [{"name": "f", "description": "Adds.", "parameters": SCHEMA}], "tools": []}
    assert uses_functions(body)
    assert read_tools(body, Context(Notes())) == (Tool("f", "Adds.", SCHEMA, "functions[0]"),)


def test_a_custom_tool_is_no_older_function() -> None:
    """Its call has no form in which clients of the older functions could read it."""
    with pytest.raises(InvalidRequest) as refused:
        read_tools({"functions": [{"name": "f"}, {"type": "custom", "name": "g"}]}, Context(Notes()))
    assert refused.value.param == "functions[1]"


def test_tools_win_over_functions() -> None:
    body = {"tools": [function("f")], "functions": [{"name": "g"}]}
    assert not uses_functions(body)
    assert [tool.name for tool in read_tools(body, Context(Notes()))] == ["f"]
    assert told(body) == ["dropped:functions"]


@pytest.mark.parametrize("body", [{}, {"tools": None}, {"tools": []}, {"tools": [], "functions": None}])
def test_no_tools(body: dict[str, Any]) -> None:
    assert read_tools(body, Context(Notes())) == ()
    assert not uses_functions(body)


@pytest.mark.parametrize(
    "kind", ["web_search", "web_search_20250305", "mcp", "code_interpreter", "computer_use_preview"]
)
def test_tools_of_other_servers_are_dropped_and_told(kind: str) -> None:
    body = {"tools": [{"type": kind, "name": "x"}, function("f")]}
    assert [tool.param for tool in read_tools(body, Context(Notes()))] == ["tools[1].function"]
    assert told(body) == ["dropped:tool"]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ("x", "tools"),
        ({"name": "f"}, "tools"),
        (["x"], "tools[0]"),
        ([{}], "tools[0].name"),
        ([{"type": 5}], "tools[0].type"),
        ([{"type": ["function"]}], "tools[0].type"),
        ([{"type": "function", "function": "f"}], "tools[0].function"),
        ([{"type": "function", "function": None}], "tools[0].function"),
        ([function("f"), function("")], "tools[1].function.name"),
        ([function(None)], "tools[0].function.name"),
        ([function("f", description=5)], "tools[0].function.description"),
        ([function("f", parameters="{}")], "tools[0].function.parameters"),
        ([function("f", parameters=[1])], "tools[0].function.parameters"),
        ([{"name": "f", "input_schema": "x"}], "tools[0].input_schema"),
        ([function("f", strict="yes")], "tools[0].function.strict"),
        ([function("f") | {"strict": "yes"}], "tools[0].strict"),
        ([function("f") | {"description": 5}], "tools[0].description"),
        ([function("f", cache_control=5)], "tools[0].function.cache_control"),
        ([function("f"), function("g"), {"name": "f", "input_schema": {}}], "tools[2].name"),
        ([{"type": "custom", "custom": {"name": "q", "format": {"type": "grammar"}}}], "tools[0].custom.format"),
        ([{"type": "custom", "custom": {"name": "q", "format": "lark"}}], "tools[0].custom.format"),
    ],
)
def test_the_place_of_a_fault_is_named(given: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_tools({"tools": given}, Context(Notes()))
    assert caught.value.param == param


def test_schemas_are_not_walked() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"properties": deep}
    assert tools(function("f", parameters=deep))[0].parameters is deep
    while deep:
        deep = deep.pop("properties")  # Python itself frees such a value by recursion


# -- the choice -------------------------------------------------------------------------------------------------------

TOOLS = tools(function("f"), function("g"), {"type": "custom", "custom": {"name": "sql"}})


def allowed(**fields: Any) -> dict[str, Any]:
    return {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [function("f")], **fields}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("", None),
        ({}, None),
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ("any", ToolChoice("required")),
        (function("g"), ToolChoice("named", "g")),
        ({"type": "function", "name": "g"}, ToolChoice("named", "g")),
        ({"type": "custom", "custom": {"name": "sql"}}, ToolChoice("named", "sql")),
        ({"type": "custom", "name": "sql"}, ToolChoice("named", "sql")),
        ({"type": "tool", "name": "f", "disable_parallel_tool_use": True}, ToolChoice("named", "f")),
        ({"type": "any"}, ToolChoice("required")),
        ({"type": "auto"}, ToolChoice("auto")),
        ({"type": "none"}, ToolChoice("none")),
        (allowed(), ToolChoice("auto", allowed=("f",))),
        (allowed(mode=None), ToolChoice("auto", allowed=("f",))),
        (
            allowed(
                mode="required", tools=[function("g"), {"type": "custom", "custom": {"name": "sql"}}, function("g")]
            ),
            ToolChoice("required", allowed=("g", "sql")),
        ),
        (allowed(tools=[{"type": "mcp", "server_label": "x"}, function("f")]), ToolChoice("auto", allowed=("f",))),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("required", allowed=("f",)),
        ),
    ],
)
def test_a_choice(choice: Any, expected: ToolChoice | None) -> None:
    assert read_choice({"tool_choice": choice}, TOOLS, Notes(strict=True)) == expected


@pytest.mark.parametrize(
    ("choice", "param"),
    [
        ("f", "tool_choice"),
        (["f"], "tool_choice"),
        (True, "tool_choice"),
        ({"type": "web_search"}, "tool_choice.type"),
        ({"type": ["function"]}, "tool_choice.type"),
        ({"function": {"name": "f"}}, "tool_choice.type"),
        (function("nobody"), "tool_choice.function.name"),
        (function(5), "tool_choice.function.name"),
        ({"type": "function"}, "tool_choice.name"),
        ({"type": "function", "function": "f"}, "tool_choice.function"),
        ({"type": "tool", "name": "nobody"}, "tool_choice.name"),
        ({"type": "custom", "custom": {"name": "f"}}, "tool_choice.custom.name"),
        ({"type": "custom", "custom": {"name": "nobody"}}, "tool_choice.custom.name"),
        ({"type": "allowed_tools", "allowed_tools": []}, "tool_choice.allowed_tools"),
        (allowed(mode="none"), "tool_choice.allowed_tools.mode"),
        (allowed(mode=["auto"]), "tool_choice.allowed_tools.mode"),
        (allowed(tools=None), "tool_choice.allowed_tools.tools"),
        (allowed(tools=[]), "tool_choice.allowed_tools.tools"),
        (allowed(tools=["f"]), "tool_choice.allowed_tools.tools[0]"),
        (allowed(tools=[function("f"), function("nobody")]), "tool_choice.allowed_tools.tools[1].function.name"),
        (allowed(tools=[{"type": "mcp"}]), "tool_choice.allowed_tools.tools"),
        ({"type": "allowed_tools", "tools": [{"type": "function"}]}, "tool_choice.tools[0].name"),
    ],
)
def test_a_choice_that_can_not_be_made(choice: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_choice({"tool_choice": choice}, TOOLS, Notes(strict=True))
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ({"name": "g"}, ToolChoice("named", "g")),
        (None, None),
    ],
)
def test_an_older_choice(choice: Any, expected: ToolChoice | None) -> None:
    assert read_choice({"function_call": choice, "tool_choice": None}, TOOLS, Notes(strict=True)) == expected


@pytest.mark.parametrize(
    ("choice", "param"),
    [
        ("f", "function_call"),
        ({"name": "nobody"}, "function_call.name"),
        ({"type": "function"}, "function_call.name"),
    ],
)
def test_an_older_choice_that_can_not_be_made(choice: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_choice({"function_call": choice}, TOOLS, Notes(strict=True))
    assert caught.value.param == param


@pytest.mark.parametrize("field", ["tool_choice", "function_call"])
@pytest.mark.parametrize(
    ("choice", "told"),
    [
        *((choice, False) for choice in (None, "", {}, "auto", "none", {"type": "auto"}, {"type": "none"})),
        *((choice, True) for choice in ("required", "any", function("f"), {"name": "f"}, allowed(), "nonsense", 5)),
    ],
)
def test_without_tools_there_is_no_choice(field: str, choice: Any, told: bool) -> None:
    notes = Notes()
    assert read_choice({field: choice}, (), notes) is None
    assert [note.code for note in notes] == ([f"dropped:{field}"] if told else [])


@pytest.mark.parametrize(
    ("body", "parallel"),
    [
        ({}, True),
        ({"parallel_tool_calls": None}, True),
        ({"parallel_tool_calls": True}, True),
        ({"parallel_tool_calls": False}, False),
        ({"tool_choice": "auto"}, True),
        ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": False}}, True),
        ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, False),
        ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}, "parallel_tool_calls": True}, False),
    ],
)
def test_several_calls_at_once(body: dict[str, Any], parallel: bool) -> None:
    assert allows_parallel(body) is parallel


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"tool_choice": {"disable_parallel_tool_use": 1}}, "tool_choice.disable_parallel_tool_use"),
    ],
)
def test_what_is_no_word_on_several_calls(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        allows_parallel(body)
    assert caught.value.param == param
