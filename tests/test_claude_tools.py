"""Tools on the way to Claude: their names both ways, their definitions, and which of them the model may call."""

from __future__ import annotations

import copy
import re
import time
from typing import Any

import pytest
from anthropic.types import ToolChoiceParam, ToolUnionParam
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from oai_bridge.dialects.claude_tools import ToolNames, Tools, names_of, tools_of
from oai_bridge.errors import InvalidRequest
from oai_bridge.models.catalog import Cloud
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import ChatRequest, JsonFormat, Message, Text, Tool, ToolCall, ToolChoice, WebSearch
from tests.support.catalogue import known
from tests.test_json_schema import ANY_JSON, nested

NEW = "claude-opus-4-7"  # structured output on Vertex and Foundry
OLD = "claude-opus-4-1"  # none
NONE = {"type": "object", "properties": {}}
STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
DEFINITIONS: TypeAdapter[Any] = TypeAdapter(list[ToolUnionParam])
CHOICE: TypeAdapter[Any] = TypeAdapter(ToolChoiceParam | None)
HELLO = Message("user", (Text("Hello"),), None, 0)


def tool(name: str = "f", parameters: dict[str, Any] | None = None, **fields: Any) -> Tool:
    return Tool(name, fields.pop("description", None), parameters, fields.pop("param", "tools[0]"), **fields)


def called(*names: str) -> tuple[Message, ...]:
    """A chat in which these tools were called."""
    calls = tuple(ToolCall(name, "{}", f"id{index}") for index, name in enumerate(names))
    return HELLO, Message("assistant", (), None, 1, calls=calls)


def made(
    chat: ChatRequest, *, model: str = NEW, cloud: Cloud = "vertex", forced: bool = True, notes: Notes | None = None
) -> Tools:
    """The tools of the chat, which fit the types of Anthropic's SDK."""
    notes = Notes() if notes is None else notes
    tools = tools_of(chat, names_of(chat, cloud), known(model), cloud, forced=forced, notes=notes)
    DEFINITIONS.validate_python(tools.definitions)
    CHOICE.validate_python(tools.choice)
    return tools


def asked(*tools: Tool, **fields: Any) -> ChatRequest:
    return ChatRequest("m", fields.pop("messages", (HELLO,)), tools=tools, **fields)


def codes(notes: Notes) -> list[str]:
    return [note.code for note in notes]


# -- names ------------------------------------------------------------------------------------------------------------

LONG = "a" * 130


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["f", "get_weather", "A-1", "_"], ["f", "get_weather", "A-1", "_"]),
        (["a.b", "a b", "a_b", "a:b"], ["a_b_2", "a_b_3", "a_b", "a_b_4"]),
        (["a.b", "a_b_2", "a_b"], ["a_b_3", "a_b_2", "a_b"]),
        (["查询天气", "查询", "天气_now", "🌦", ""], ["tool", "tool_2", "___now", "tool_3", "tool_4"]),
        ([LONG, LONG + "b", "a" * 128], ["a" * 120 + "_2", "a" * 120 + "_3", "a" * 128]),
        (["a\n", "a"], ["a_", "a"]),
        (["X查", "_X_查"], ["X_", "_X__"]),
        (["a.b", "a.b"], ["a_b", "a_b"]),
    ],
)
def test_names_collide_after_sanitising(names: list[str], expected: list[str]) -> None:
    """Translators that only replace characters send one name for two tools, or none that Claude takes."""
    mapped = ToolNames(names)
    assert [mapped.cloud(name) for name in names] == expected
    assert mapped.back == {cloud: name for name, cloud in zip(names, expected, strict=True) if cloud != name}


NAMES = st.lists(
    st.text("ab_.查", max_size=3) | st.sampled_from(["a_2", "a__2", "tool", "tool_2", "a" * 70]), max_size=12
)


@given(names=NAMES, history=NAMES, later=NAMES, limit=st.sampled_from([64, 128]))
def test_names_are_valid_unique_and_stable(names: list[str], history: list[str], later: list[str], limit: int) -> None:
    """A call that appears later in the chat renames nothing: the prompt's cache would break."""
    mapped = ToolNames(names, history, limit=limit)
    clouds = {name: mapped.cloud(name) for name in [*names, *history]}
    assert all(re.fullmatch(rf"[a-zA-Z0-9_-]{{1,{limit}}}", cloud) for cloud in clouds.values())
    assert len(set(clouds.values())) == len(clouds)
    assert all(clouds[name] == name for name in names if re.fullmatch(rf"[a-zA-Z0-9_-]{{1,{limit}}}", name))
    assert {mapped.back.get(cloud, cloud): cloud for cloud in clouds.values()} == clouds
    assert mapped.free("a.b") not in clouds.values()
    longer = ToolNames(names, [*history, *later], limit=limit)
    assert {name: longer.cloud(name) for name in clouds} == clouds


def test_reserved_names_are_nobody_elses() -> None:
    mapped = ToolNames(["web_search", "web search"], ["web_search_2"], reserved=["web_search"])
    assert mapped.cloud("web_search") == "web_search_2"
    assert mapped.cloud("web search") == "web_search_3"
    assert mapped.cloud("web_search_2") == "web_search_2_2"


@pytest.mark.parametrize(
    "names",
    [
        [f"a{chr(0x4E00 + index)}" for index in range(20_000)],
        [*(f"a__{index}" for index in range(20_000)), *(f"a_{chr(0x4E00 + index)}" for index in range(20_000))],
        ["b" * 120 + f"{index:08}" for index in range(20_000)]
        + ["b" * 120 + f"{index:08}." for index in range(20_000)],
    ],
)
def test_many_colliding_names_take_linear_time(names: list[str]) -> None:
    started = time.process_time()
    mapped = ToolNames(names)
    assert len({mapped.cloud(name) for name in names}) == len(names)
    assert time.process_time() - started < 5


# -- definitions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (tool(), {"name": "f", "input_schema": NONE}),
        (tool(description=""), {"name": "f", "input_schema": NONE}),
        (tool(description=" \n"), {"name": "f", "input_schema": NONE}),
        (tool(description="Does f"), {"name": "f", "description": "Does f", "input_schema": NONE}),
        (tool("a.b", STRICT), {"name": "a_b", "input_schema": STRICT}),
        (tool(LONG), {"name": "a" * 128, "input_schema": NONE}),
        (tool(cache="5m"), {"name": "f", "input_schema": NONE, "cache_control": {"type": "ephemeral"}}),
        (tool(cache="1h"), {"name": "f", "input_schema": NONE, "cache_control": {"type": "ephemeral", "ttl": "1h"}}),
    ],
)
def test_definition(given: Tool, expected: dict[str, Any]) -> None:
    """Portkey sends an empty description, which Claude refuses."""
    assert made(asked(given)) == Tools([expected], None, frozenset())


def test_a_custom_tool_takes_free_text() -> None:
    tools = made(asked(tool("run.it", custom=True), tool("g")))
    schema = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    assert tools.definitions[0] == {"name": "run_it", "input_schema": schema}
    assert tools.custom == {"run.it"}


def test_what_became_of_names_and_schemas_is_told() -> None:
    notes = Notes(strict=True)
    made(asked(tool("a.b", {"anyOf": [STRICT]}), tool("g")), notes=notes)
    assert codes(notes) == ["rewrote:tool_name", "rewrote:tool_schema"]


@pytest.mark.parametrize(
    ("model", "cloud", "parameters", "strict"),
    [
        (NEW, "vertex", STRICT, True),
        (NEW, "bedrock", STRICT, False),
        (OLD, "vertex", STRICT, False),
        (NEW, "vertex", {**STRICT, "additionalProperties": True}, False),
        (NEW, "vertex", {"anyOf": [STRICT, STRICT]}, False),
        (NEW, "vertex", {"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [STRICT, STRICT]}}}, False),
        (NEW, "vertex", {**STRICT, "$ref": "https://a.b/c"}, False),
        (NEW, "vertex", {**STRICT, "const": {"a": "b"}}, True),
        (NEW, "vertex", {"type": "string", "enum": ["a", "b"]}, False),
        (NEW, "vertex", None, False),
    ],
)
def test_strict(model: str, cloud: Cloud, parameters: dict[str, Any] | None, strict: bool) -> None:
    notes = Notes()
    (definition,) = made(asked(tool("f", parameters, strict=True)), model=model, cloud=cloud, notes=notes).definitions
    assert definition.get("strict", False) is strict
    assert ("dropped:strict" in codes(notes)) is not strict


def test_rules_that_strict_tools_have_no_words_for_are_told_to_the_model() -> None:
    """Anthropic: "For 'string' type, property 'maxLength' is not supported"."""
    limited = {**STRICT, "properties": {"a": {"type": "string", "maxLength": 3}}}
    (definition,) = made(asked(tool("f", limited, strict=True))).definitions
    assert definition["input_schema"] == {
        **STRICT,
        "properties": {"a": {"type": "string", "description": "{maxLength: 3}"}},
    }
    assert made(asked(tool("f", limited))).definitions[0]["input_schema"] == limited


def wide(optional: int) -> dict[str, Any]:
    return {**STRICT, "properties": {f"p{index}": {"type": "null"} for index in range(optional)}, "required": []}


def mixed(unions: int) -> dict[str, Any]:
    properties = {f"p{index}": {"type": ["string", "null"]} for index in range(unions)}
    return {**STRICT, "properties": properties, "required": [*properties]}


@pytest.mark.parametrize(
    ("schemas", "strict"),
    [
        ([mixed(17), mixed(10), mixed(6), mixed(1), STRICT], [False, True, True, False, True]),
        ([STRICT] * 21, [True] * 20 + [False]),
        ([wide(20), wide(5), wide(4), wide(1), STRICT], [True, False, True, False, True]),
    ],
)
def test_the_limits_are_of_all_strict_tools_together(schemas: list[dict[str, Any]], strict: list[bool]) -> None:
    """Anthropic: "Too many strict tools", "Schemas contains too many optional parameters"."""
    tools = [tool(f"f{index}", schema, strict=True) for index, schema in enumerate(schemas)]
    assert [one.get("strict", False) for one in made(asked(*tools)).definitions] == strict


@pytest.mark.parametrize(
    ("model", "answer", "strict"),
    [
        (NEW, wide(20), [False, True]),
        (NEW, wide(25), [True, True]),  # too wide for structured output: it is told as text
        (NEW, {"type": "array"}, [True, True]),
        (NEW, None, [True, True]),
        (OLD, wide(20), [False, False]),
    ],
)
def test_the_answers_schema_counts_with_those_of_strict_tools(
    model: str, answer: dict[str, Any] | None, strict: list[bool]
) -> None:
    """Anthropic counts "across all strict tool schemas and JSON output schemas"."""
    chat = asked(tool("f", wide(5), strict=True), tool("g", wide(4), strict=True), format=JsonFormat(answer))
    assert [one.get("strict", False) for one in made(chat, model=model).definitions] == strict


def test_a_strict_configuration_refuses_what_would_be_dropped() -> None:
    with pytest.raises(InvalidRequest) as refused:
        made(asked(tool("f", STRICT, strict=True, param="tools[4]")), model=OLD, notes=Notes(strict=True))
    assert refused.value.param == "tools[4].strict"


@pytest.mark.parametrize("levels", [100, 3000])
def test_a_schema_that_is_too_deep_is_refused_by_name(levels: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        made(asked(tool("f", nested(levels), param="tools[4]")))
    assert refused.value.param == "tools[4]"


@settings(max_examples=300, deadline=None)
@given(parameters=st.dictionaries(st.sampled_from(["type", "properties", "anyOf", "$ref", "required"]), ANY_JSON))
def test_any_schema_makes_a_definition_and_stays_as_it_was(parameters: dict[str, Any]) -> None:
    before = copy.deepcopy(parameters)
    (definition,) = made(asked(tool("f", parameters, strict=True))).definitions
    assert parameters == before
    assert definition["input_schema"]["type"] == "object"


# -- choice -----------------------------------------------------------------------------------------------------------

AUTO, ANY, OFF = {"type": "auto"}, {"type": "any"}, {"type": "none"}
ONE = {"type": "tool", "name": "a_b"}
SINGLE = {"disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("wish", "fields", "expected"),
    [
        (None, {}, None),
        (ToolChoice("auto"), {}, None),
        (ToolChoice("none"), {}, OFF),
        (ToolChoice("required"), {}, ANY),
        (ToolChoice("named", "a.b"), {}, ONE),
        (None, {"parallel_tool_calls": False}, AUTO | SINGLE),
        (ToolChoice("none"), {"parallel_tool_calls": False}, OFF),
        (ToolChoice("required"), {"parallel_tool_calls": False}, ANY | SINGLE),
        (ToolChoice("named", "a.b"), {"legacy_functions": True}, ONE | SINGLE),
        (None, {"legacy_functions": True}, AUTO | SINGLE),
    ],
)
def test_choice(wish: ToolChoice | None, fields: dict[str, Any], expected: dict[str, Any] | None) -> None:
    notes = Notes(strict=True)
    tools = made(asked(tool("a.b"), tool("g"), tool_choice=wish, **fields), notes=notes)
    assert tools.choice == expected
    assert [one["name"] for one in tools.definitions] == ["a_b", "g"]
    assert codes(notes) == ["rewrote:tool_name"]


@pytest.mark.parametrize(
    "wish", [ToolChoice("required"), ToolChoice("named", "f"), ToolChoice("required", None, ("f",))]
)
@pytest.mark.parametrize(("parallel", "expected"), [(True, None), (False, AUTO | SINGLE)])
def test_a_model_that_can_not_be_forced_is_left_the_choice(
    wish: ToolChoice, parallel: bool, expected: dict[str, Any] | None
) -> None:
    notes = Notes()
    chat = asked(tool("f"), tool_choice=wish, parallel_tool_calls=parallel)
    assert made(chat, forced=False, notes=notes).choice == expected
    assert codes(notes) == ["dropped:tool_choice"]
    with pytest.raises(InvalidRequest) as refused:
        made(chat, forced=False, notes=Notes(strict=True))
    assert refused.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("allowed", "mode", "left", "choice", "told"),
    [
        (("c", "a"), "auto", ["a", "c"], None, ["rewrote:tool_choice"]),
        (("b",), "required", ["b"], ANY, ["rewrote:tool_choice"]),
        (("c", "b", "a"), "required", ["a", "b", "c"], ANY, []),
    ],
)
def test_allowed_tools(
    allowed: tuple[str, ...], mode: Any, left: list[str], choice: dict[str, Any] | None, told: list[str]
) -> None:
    notes = Notes(strict=True)
    tools = made(asked(*map(tool, "abc"), tool_choice=ToolChoice(mode, None, allowed)), notes=notes)
    assert [one["name"] for one in tools.definitions] == left
    assert tools.choice == choice
    assert codes(notes) == told


@pytest.mark.parametrize("wish", [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")])
def test_no_choice_is_sent_without_tools(wish: ToolChoice | None) -> None:
    """Portkey sends `tool_choice: null` without tools, which is a 400."""
    notes = Notes(strict=True)
    assert made(asked(tool_choice=wish, parallel_tool_calls=False), notes=notes) == Tools([], None, frozenset())
    assert codes(notes) == []


# -- history without tools --------------------------------------------------------------------------------------------


def test_tools_must_be_defined_with_history() -> None:
    """Anthropic and Bedrock ("toolConfig must be defined") refuse calls in the history of a chat without tools; litellm
    adds a dummy tool then. The client offers none, so that none may be called."""
    notes = Notes(strict=True)
    tools = made(asked(messages=called("g", "a.b", "g")), notes=notes)
    assert [(one["name"], one["input_schema"]) for one in tools.definitions] == [("g", NONE), ("a_b", NONE)]
    assert tools.choice == OFF
    assert codes(notes) == ["added:tools"]


def test_calls_of_tools_that_are_not_defined_any_more_need_no_stub() -> None:
    assert [one["name"] for one in made(asked(tool("f"), messages=called("g"))).definitions] == ["f"]


def test_names_in_the_history_only_are_mapped_too() -> None:
    names = names_of(asked(tool("a.b"), messages=called("a_b", "a b")), "vertex")
    assert [names.cloud(name) for name in ("a.b", "a_b", "a b")] == ["a_b", "a_b_2", "a_b_3"]
    assert names.back == {"a_b": "a.b", "a_b_2": "a_b", "a_b_3": "a b"}


# -- web search -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cloud", ["vertex", "foundry"])
@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (WebSearch(), {"max_uses": 5}),
        (WebSearch("low"), {"max_uses": 1}),
        (
            WebSearch("high", {"city": "Bonn", "country": "DE", "region": ""}),
            {"max_uses": 10, "user_location": {"type": "approximate", "city": "Bonn", "country": "DE"}},
        ),
        (WebSearch("high", {"city": ""}), {"max_uses": 10}),
    ],
)
def test_web_search(cloud: Cloud, wish: WebSearch, expected: dict[str, Any]) -> None:
    tools = made(asked(tool("f"), web_search=wish), cloud=cloud, notes=Notes(strict=True))
    search = {"type": "web_search_20250305", "name": "web_search", **expected}
    assert tools.definitions == [{"name": "f", "input_schema": NONE}, search]
    assert made(asked(web_search=wish), cloud=cloud) == Tools([search], None, frozenset())


def test_bedrock_has_no_web_search() -> None:
    notes = Notes()
    chat = asked(tool("web_search"), web_search=WebSearch())
    assert [one.get("type", one["name"]) for one in made(chat, cloud="bedrock", notes=notes).definitions] == [
        "web_search"
    ]
    assert codes(notes) == ["dropped:web_search_options"]


def test_a_tool_of_the_client_may_be_called_web_search_too() -> None:
    chat = asked(tool("web_search"), web_search=WebSearch(), tool_choice=ToolChoice("named", "web_search"))
    tools = made(chat)
    assert [one["name"] for one in tools.definitions] == ["web_search_2", "web_search"]
    assert tools.choice == {"type": "tool", "name": "web_search_2"}
    assert names_of(chat, "vertex").back == {"web_search_2": "web_search"}
    assert names_of(asked(tool("web_search")), "vertex").cloud("web_search") == "web_search"


def test_the_search_stays_possible_in_a_chat_with_calls_and_without_tools() -> None:
    tools = made(asked(messages=called("g"), web_search=WebSearch()))
    assert [one["name"] for one in tools.definitions] == ["g", "web_search"]
    assert tools.choice is None


def test_a_search_that_the_choice_rules_out_is_told() -> None:
    notes = Notes()
    assert made(asked(tool("f"), web_search=WebSearch(), tool_choice=ToolChoice("none")), notes=notes).choice == OFF
    assert codes(notes) == ["dropped:web_search_options"]
