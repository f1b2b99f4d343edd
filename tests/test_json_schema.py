"""Schemas of all makes as the input of a tool: what is repaired, what is kept, and what no client can break."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.json_schema import has_alternatives, is_object, tool_schema
from oai_bridge.errors import InvalidRequest

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
NOTHING = {"type": "object", "properties": {}}
KEYS = [
    *("type", "properties", "required", "items", "anyOf", "oneOf", "allOf", "$ref", "$defs", "definitions", "enum"),
    *("const", "format", "minItems", "minimum", "description", "additionalProperties", "title", "$id", "x", "y"),
]
VALUES = ["object", "string", "array", "#/$defs/x", "#/$defs/y", "#/definitions/x", "#", "date", "https://a.b/c"]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=25,
)


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, [], "x", 7, True, {"properties": None}])
def test_a_tool_without_parameters_takes_an_empty_object(schema: object) -> None:
    assert tool_schema(schema) == NOTHING


@pytest.mark.parametrize("kind", [None, "string", ["object", "null"], 3, {}])
def test_the_top_is_an_object(kind: object) -> None:
    assert tool_schema({"type": kind, "properties": {"a": TEXT}}) == {"type": "object", "properties": {"a": TEXT}}


def test_additional_properties_and_enum_level_keys_stay() -> None:
    """Portkey drops `additionalProperties` and every key beside an enum."""
    schema = {
        "type": "object",
        "description": "What to do",
        "properties": {
            "unit": {"type": "string", "enum": ["c", "f"], "description": "The unit", "default": "c", "x-order": 1},
            "more": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "required": ["unit"],
        "additionalProperties": False,
        "minProperties": 1,
        "x-vendor": [1, {"a": None}],
    }
    assert tool_schema(schema) == schema


def test_words_about_the_schema_itself_go() -> None:
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://a.b/c", **NOTHING}
    assert tool_schema(schema) == NOTHING


def test_definitions_become_defs_and_references_follow() -> None:
    """But a property called `definitions`, and text that only looks like a reference, stay."""
    schema = {
        "type": "object",
        "properties": {
            "definitions": {"$ref": "#/definitions/A%20b"},
            "list": {"type": "array", "items": {"anyOf": [{"$ref": "#/definitions/B"}, {"type": "null"}]}},
            "$ref": {"const": "#/definitions/B", "default": {"$ref": "#/definitions/B"}},
        },
        "definitions": {"A b": {"additionalProperties": {"$ref": "#/definitions/B"}}, "B": TEXT},
    }
    assert tool_schema(schema) == {
        "type": "object",
        "properties": {
            "definitions": {"$ref": "#/$defs/A%20b"},
            "list": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/B"}, {"type": "null"}]}},
            "$ref": {"const": "#/definitions/B", "default": {"$ref": "#/definitions/B"}},
        },
        "$defs": {"A b": {"additionalProperties": {"$ref": "#/$defs/B"}}, "B": TEXT},
    }


@pytest.mark.parametrize(
    "place",
    [
        *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
        *("prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
        *("anyOf", "oneOf", "allOf"),
    ],
)
def test_references_follow_wherever_a_schema_may_stand(place: str) -> None:
    def tool(word: str) -> dict[str, Any]:
        reference = {"$ref": f"#/{word}/A"}
        held = {"one": {place: reference}, "list": {place: [reference]}}
        return {"type": "object", "properties": held, word: {"A": TEXT}}

    assert tool_schema(tool("definitions")) == tool("$defs")


@pytest.mark.parametrize("place", ["dependencies", "dependentSchemas", "patternProperties", "properties"])
def test_references_follow_under_names(place: str) -> None:
    def tool(word: str) -> dict[str, Any]:
        return {"type": "object", "properties": {"a": {place: {"b": {"$ref": f"#/{word}/A"}}}}, word: {"A": TEXT}}

    assert tool_schema(tool("definitions")) == tool("$defs")


def test_both_words_for_definitions_together() -> None:
    schema = {"definitions": {"A": TEXT, "B": TEXT}, "$defs": {"B": NUMBER}}
    assert tool_schema(schema)["$defs"] == {"A": TEXT, "B": NUMBER}


A = {"type": "object", "properties": {"a": TEXT, "both": TEXT}, "required": ["a", "both"]}
B = {"type": "object", "properties": {"b": TEXT, "both": TEXT}, "required": ["b", "both"]}
ALL = {"a": TEXT, "both": TEXT, "b": TEXT}
CAT = {"properties": {"kind": {"const": "cat"}}, "required": ["kind"], "additionalProperties": False}
DOG = {"properties": {"kind": {"const": "dog"}}, "required": ["kind"], "additionalProperties": False}
EITHER = {"anyOf": [{"const": "cat"}, {"const": "dog"}]}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"anyOf": [A, B]}, {"properties": ALL, "required": ["both"]}, id="anyOf"),
        pytest.param({"oneOf": [A, B]}, {"properties": ALL, "required": ["both"]}, id="oneOf"),
        pytest.param({"allOf": [A, B]}, {"properties": ALL, "required": ["a", "both", "b"]}, id="allOf"),
        pytest.param(
            {**A, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"properties": A["properties"], "required": ["a", "both"]},
            id="only required differs",
        ),
        pytest.param(
            {"oneOf": [CAT, DOG]},
            {"properties": {"kind": EITHER}, "required": ["kind"], "additionalProperties": False},
            id="conflict of alternatives",
        ),
        pytest.param(
            {"properties": {"kind": TEXT}, "oneOf": [CAT, {**DOG, "additionalProperties": True}]},
            {"properties": {"kind": {"allOf": [TEXT, EITHER]}}, "required": ["kind"]},
            id="conflict with the base",
        ),
        pytest.param({"anyOf": [A, {"type": "null"}]}, {k: A[k] for k in ("properties", "required")}, id="or null"),
        pytest.param({"anyOf": [{"anyOf": [A, B]}, B]}, {"properties": ALL, "required": ["both"]}, id="nested"),
        pytest.param({"anyOf": [{"type": "string"}, 3, None]}, {"properties": {}}, id="no object at all"),
        pytest.param({"anyOf": None, "oneOf": {}, "allOf": 3}, {"properties": {}}, id="no lists"),
        pytest.param({"anyOf": [A, {}]}, {"properties": A["properties"]}, id="or anything"),
    ],
)
def test_alternatives_at_the_top_become_one_object(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    """Anthropic: "input_schema does not support oneOf, allOf, or anyOf at the top level"."""
    assert tool_schema(schema) == {"type": "object", **expected}
    assert has_alternatives(schema)


def test_alternatives_further_down_stay() -> None:
    schema = {"type": "object", "properties": {"a": {"oneOf": [A, B]}}}
    assert tool_schema(schema) == schema
    assert not has_alternatives(schema)


def test_alternatives_behind_a_reference_are_at_the_top_too() -> None:
    assert has_alternatives({"$ref": "#/definitions/A", "definitions": {"A": {"oneOf": [A, B]}}})
    assert not has_alternatives({"$ref": "#/$defs/A", "$defs": {"A": A}})


def test_references_at_the_top_are_followed() -> None:
    """pydantic and zod-to-json-schema put a named schema into the definitions and refer to it."""
    named = {**A, "title": "Args"}
    schema = {"$ref": "#/definitions/Args", "description": "Mine", "definitions": {"Args": named}}
    assert tool_schema(schema) == {**named, "description": "Mine", "$defs": {"Args": named}}
    union = {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B~1~0"}], "$defs": {"A": A, "B/~": B}}
    assert tool_schema(union)["properties"] == ALL
    beside = {"$ref": "#/$defs/A", "properties": {"b": TEXT}, "$defs": {"A": A}}
    assert tool_schema(beside)["properties"] == {"b": TEXT, **A["properties"]}
    assert tool_schema(beside | {"allOf": [CAT]})["properties"] == {"b": TEXT, **CAT["properties"], **A["properties"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}},
        {"$ref": "#/$defs/A", "properties": {}, "$defs": {"A": {"$ref": "#/$defs/A", "properties": {}}}},
        {"anyOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, A]}}},
        {"allOf": [{"$ref": "#/$defs/A"}], "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}},
        {"allOf": [{"$ref": "#/$defs/missing"}, {"$ref": 3}, {"$ref": "https://a.b/c"}]},
        {"$ref": "#/$defs/A", "$defs": [1]},
    ],
)
def test_references_that_lead_nowhere_or_in_circles(schema: dict[str, Any]) -> None:
    assert tool_schema(schema)["type"] == "object"


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param(nested(100), id="deep"),
        pytest.param(nested(3000), id="deeper"),
        pytest.param({"enum": [nested(200)]}, id="deep in a value"),
        pytest.param(
            {
                "$ref": "#/$defs/0",
                "$defs": {str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}]} for i in range(5000)},
            },
            id="a long way",
        ),
        pytest.param(
            {
                "allOf": [{"$ref": "#/$defs/0"}],
                "$defs": {str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}] * 2} for i in range(40)},
            },
            id="doubled 40 times",
        ),
        pytest.param(
            {
                "allOf": [{"$ref": "#/$defs/0"}],
                "$defs": {
                    **{str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}]} for i in range(40)},
                    "40": {"properties": {f"p{i}": TEXT for i in range(20000)}},
                },
            },
            id="much carried far",
        ),
        pytest.param(
            {
                "allOf": [{"$ref": "#/$defs/0"}],
                "$defs": {
                    **{str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}]} for i in range(40)},
                    "40": {"required": [f"p{i}" for i in range(60000)]},
                },
            },
            id="many names carried far",
        ),
    ],
)
def test_schemas_beyond_all_bounds_are_refused_by_name(schema: dict[str, Any]) -> None:
    started = time.process_time()
    with pytest.raises(InvalidRequest) as refused:
        tool_schema(schema, "tools[3]")
    assert refused.value.param == "tools[3]"
    assert "nested more than" in refused.value.message or "too large to merge" in refused.value.message
    assert time.process_time() - started < 5


@pytest.mark.parametrize("key", ["$ref", "allOf", "anyOf", "oneOf"])
def test_alternatives_lie_in_each_other_as_deep_as_references_lead(key: str) -> None:
    """Each way is as long as the others: a hundred levels, the first and the last included."""

    def chain(levels: int) -> dict[str, Any]:
        def to(level: int) -> dict[str, Any]:
            name = {"$ref": f"#/$defs/{level}"}
            return name if key == "$ref" else {key: [name]}

        end = {"properties": {"a": TEXT}}
        return {"allOf": [to(0)], "$defs": {**{str(level): to(level + 1) for level in range(levels)}, str(levels): end}}

    step = 1 if key == "$ref" else 2  # the alternative, and the reference in it
    levels = (100 - 2) // step - 1
    assert tool_schema(chain(levels))["properties"] == {"a": TEXT}
    with pytest.raises(InvalidRequest, match="too large to merge"):
        tool_schema(chain(levels + 2))


def test_an_alternative_that_may_be_an_object_is_one() -> None:
    both = {"anyOf": [{"type": ["object", "null"], "properties": {"a": TEXT}}, {"type": ["string", "null"]}]}
    assert tool_schema(both)["properties"] == {"a": TEXT}


def test_a_deep_schema_within_the_bounds_is_kept() -> None:
    schema = {**NOTHING, **nested(98)}
    assert tool_schema(schema) == schema


def test_large_schemas_take_linear_time() -> None:
    """Quadratic, this would take minutes."""
    many = {f"p{i}": {"anyOf": [TEXT, {"$ref": f"#/definitions/d{i}"}]} for i in range(50_000)}
    schema = {"properties": many, "required": list(many), "definitions": {f"d{i}": NUMBER for i in range(50_000)}}
    alternatives = {"oneOf": [{"properties": {"kind": {"const": i}}, "required": ["kind"]} for i in range(20_000)]}
    started = time.process_time()
    assert len(tool_schema(schema)["properties"]) == 50_000
    assert len(tool_schema(alternatives)["properties"]["kind"]["anyOf"]) == 20_000
    assert time.process_time() - started < 5


@settings(max_examples=500, deadline=None)
@given(schema=ANY_JSON)
def test_any_json_becomes_an_object_schema_and_stays_as_it_was(schema: Any) -> None:
    before = copy.deepcopy(schema)
    repaired = tool_schema(schema)
    assert schema == before
    assert repaired["type"] == "object"
    assert isinstance(repaired["properties"], dict)
    assert isinstance(repaired.get("required", []), list)
    assert not repaired.keys() & {"anyOf", "oneOf", "allOf", "$schema", "$id"}
    assert is_object(repaired)
    is_object(schema)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (A, True),
        ({"properties": {}}, True),
        ({"type": "array", "properties": {}}, False),
        ({"anyOf": [A, {"$ref": "#/$defs/B"}], "$defs": {"B": B}}, True),
        ({"$ref": "#/$defs/B", "$defs": {"B": B}}, True),
        ({}, False),
        ({"type": "array", "items": A}, False),
        ({"type": ["object", "null"]}, False),
        ({"anyOf": [A, {"type": "null"}]}, False),
        ({"anyOf": []}, False),
        ({"$ref": "#/$defs/B", "$defs": {"B": TEXT}}, False),
        (None, False),
    ],
)
def test_what_is_sure_to_be_an_object(schema: object, expected: bool) -> None:
    assert is_object(schema) is expected
