"""Answers in JSON: which of the three ways is taken, and what the model is given."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from anthropic.types import OutputConfigParam, ToolParam
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from oai_bridge.dialects.claude_format import Format, format_of
from oai_bridge.dialects.claude_tools import ToolNames
from oai_bridge.errors import InvalidRequest
from oai_bridge.models.catalog import Cloud
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import JsonFormat
from tests.support.catalogue import known
from tests.test_json_schema import ANY_JSON, nested

NEW = "claude-opus-4-7"  # structured output on Vertex and Foundry
OLD = "claude-opus-4-1"  # none
CONFIG: TypeAdapter[Any] = TypeAdapter(OutputConfigParam)
TOOL: TypeAdapter[Any] = TypeAdapter(ToolParam)
OPEN = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
RECURSIVE = {**OPEN, "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"items": {"$ref": "#/$defs/A"}}}}
LIST = {"type": "array", "items": {"type": "string"}}


def made(
    wish: JsonFormat | None,
    *,
    model: str = NEW,
    cloud: Cloud = "vertex",
    forced: bool = True,
    has_tools: bool = False,
    names: tuple[str, ...] = (),
    notes: Notes | None = None,
) -> Format:
    """The format, of which one part at most is set; what is, fits the types of Anthropic's SDK."""
    told = Notes(strict=True) if notes is None else notes
    found = format_of(wish, ToolNames(names), known(model), cloud, forced=forced, has_tools=has_tools, notes=told)
    assert [found.output_format, found.tool, found.instruction].count(None) == (3 if wish is None else 2)
    if found.output_format:
        CONFIG.validate_python({"format": found.output_format})
    if found.tool:
        TOOL.validate_python(found.tool)
    return found


def way(found: Format) -> str:
    return "native" if found.output_format else "tool" if found.tool else "told" if found.instruction else "nothing"


@pytest.mark.parametrize(
    ("schema", "fields", "expected"),
    [
        pytest.param(OPEN, {}, "native", id="native"),
        pytest.param(OPEN, {"has_tools": True, "forced": False}, "native", id="native with tools"),
        pytest.param(LIST, {}, "native", id="native list"),
        pytest.param(OPEN, {"cloud": "bedrock"}, "tool", id="a cloud without it"),
        pytest.param(OPEN, {"model": OLD}, "tool", id="a model without it"),
        pytest.param(OPEN, {"model": OLD, "forced": False}, "told", id="can't be forced"),
        pytest.param(OPEN, {"model": OLD, "has_tools": True}, "told", id="has other tools"),
        pytest.param(LIST, {"model": OLD}, "told", id="no object"),
        pytest.param(RECURSIVE, {}, "tool", id="recursive"),
        pytest.param(RECURSIVE, {"has_tools": True}, "told", id="recursive with tools"),
        pytest.param({}, {}, "told", id="anything"),
        pytest.param({"type": "object"}, {}, "tool", id="a map"),
        pytest.param(None, {}, "told", id="json_object"),
        pytest.param(None, {"model": OLD}, "told", id="json_object, old"),
    ],
)
def test_the_surest_way_is_taken(schema: dict[str, Any] | None, fields: dict[str, Any], expected: str) -> None:
    notes = Notes(strict=True)
    assert way(made(JsonFormat(schema), notes=notes, **fields)) == expected
    assert [note.code for note in notes] == ([] if expected == "native" else ["rewrote:response_format"])


def test_no_wish_is_nothing() -> None:
    assert made(None) == Format()


def test_structured_output_gets_the_closed_schema() -> None:
    closed = {
        "type": "object",
        "properties": {"a": {"type": "string", "description": "{minLength: 2}"}},
        "additionalProperties": False,
    }
    assert made(JsonFormat(OPEN)).output_format == {"type": "json_schema", "schema": closed}


def test_the_hidden_tool_gets_the_schema_repaired() -> None:
    tool = made(JsonFormat({**OPEN, "$schema": "s", "definitions": {}}), model=OLD).tool
    assert tool is not None
    assert tool.pop("description")
    assert tool == {"name": "json_tool_call", "input_schema": {**OPEN, "$defs": {}}}


def test_the_hidden_tool_takes_no_name_of_the_chat() -> None:
    tool = made(JsonFormat(OPEN), model=OLD, names=("json_tool_call", "json_tool_call_2")).tool
    assert tool is not None
    assert tool["name"] == "json_tool_call_3"


def test_the_instruction_holds_the_schema_as_it_was_given() -> None:
    schema = {"type": "array", "items": {"const": "é\u2028"}}
    told = made(JsonFormat(schema), model=OLD).instruction
    assert told is not None
    assert json.loads(told[told.index("{") :]) == schema


def test_json_mode_is_one_sentence() -> None:
    told = made(JsonFormat()).instruction
    assert told is not None
    assert told.startswith("Respond with a single JSON object only")


@pytest.mark.parametrize("model", [NEW, OLD])
@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize("levels", [100, 3000])
def test_a_schema_that_is_too_deep_is_refused_by_name(model: str, forced: bool, levels: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        made(JsonFormat(nested(levels)), model=model, forced=forced)
    assert refused.value.param == "response_format.json_schema.schema"
    with pytest.raises(InvalidRequest) as refused:
        made(JsonFormat(nested(levels), param="output_config.format.schema"), model=model, forced=forced)
    assert refused.value.param == "output_config.format.schema"


def test_alternatives_that_are_too_many_are_refused_by_name() -> None:
    doubled = {str(i): {"type": "object", "allOf": [{"$ref": f"#/$defs/{i + 1}"}] * 2} for i in range(40)}
    with pytest.raises(InvalidRequest) as refused:
        made(JsonFormat({"allOf": [{"$ref": "#/$defs/0"}], "$defs": doubled}), model=OLD)
    assert refused.value.param == "response_format.json_schema.schema"


@settings(max_examples=300, deadline=None)
@given(
    schema=st.dictionaries(st.sampled_from(["type", "properties", "anyOf", "items", "$ref"]), ANY_JSON),
    model=st.sampled_from([NEW, OLD]),
    forced=st.booleans(),
    has_tools=st.booleans(),
)
def test_any_schema_has_a_way_and_stays_as_it_was(
    schema: dict[str, Any], model: str, forced: bool, has_tools: bool
) -> None:
    before = copy.deepcopy(schema)
    assert way(made(JsonFormat(schema), model=model, forced=forced, has_tools=has_tools)) != "nothing"
    assert schema == before
