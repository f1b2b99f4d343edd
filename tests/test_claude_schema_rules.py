"""The judge of JSON schemas: what draft 2020-12 allows, and what can be compiled into a grammar."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.claude_schema_rules import invalid, unclosed


def closed(**properties: Any) -> dict[str, Any]:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({}, None),
        (True, None),
        ({"type": ["string", "null"], "minLength": 1, "x-note": 5}, None),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"items": {"$ref": "#"}}}}, None),
        ({"properties": {"a/b": {"$ref": "#/properties/a~1b"}}}, None),
        ("string", "the schema is no schema"),
        ({"type": "text"}, "/type is malformed"),
        ({"type": []}, "/type is malformed"),
        ({"required": ["a", "a"]}, "/required is malformed"),
        ({"required": True}, "/required is malformed"),
        ({"properties": []}, "/properties is malformed"),
        ({"properties": {"a": None}}, "/properties/a is no schema"),
        ({"properties": {"a": {"items": [{}]}}}, "/properties/a/items is no schema"),
        ({"anyOf": []}, "/anyOf is malformed"),
        ({"anyOf": [1]}, "/anyOf/0 is no schema"),
        ({"minimum": "1"}, "/minimum is malformed"),
        ({"exclusiveMinimum": True}, "/exclusiveMinimum is malformed"),
        ({"minItems": -1}, "/minItems is malformed"),
        ({"enum": "a"}, "/enum is malformed"),
        ({"description": None}, "/description is malformed"),
        ({"$ref": "#/definitions/A"}, "/$ref leads nowhere"),
        ({"$ref": "https://example.com/a.json"}, "/$ref leads nowhere"),
    ],
)
def test_valid_schemas(schema: Any, where: str | None) -> None:
    assert list(invalid(schema)) == ([] if where is None else [where])


@pytest.mark.parametrize(
    "schema",
    [
        closed(),
        closed(a={"type": "string", "format": "date"}, b={"enum": ["x", 1, None]}, c={"const": True}),
        closed(a={"type": "array", "items": closed(b={"type": "integer"}), "minItems": 1}),
        closed(a={"anyOf": [{"type": "string"}, {"type": "null"}]}, b={"type": "string", "pattern": "^a+$"}),
        {"$ref": "#/$defs/A", "$defs": {"A": closed(a={"$ref": "#/$defs/B"}), "B": {"type": "string"}}},
    ],
)
def test_closed_schemas(schema: Any) -> None:
    assert list(unclosed(schema)) == []


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "object"}, "the schema: For 'object' type, 'additionalProperties' must be explicitly set to false"),
        (
            closed(a=closed() | {"additionalProperties": True}),
            "/properties/a: For 'object' type, 'additionalProperties'",
        ),
        (closed(a={"type": "integer", "maximum": 3}), "For 'integer' type, property 'maximum' is not supported"),
        (closed(a={"type": "string", "minLength": 1}), "For 'string' type, property 'minLength' is not supported"),
        (closed(a={"oneOf": [{"type": "string"}], "type": "string"}), "property 'oneOf' is not supported"),
        (closed(a={"type": "string", "format": "regex"}), "format 'regex' is not supported"),
        (closed(a={"type": "string", "pattern": "^(?!x)"}), "the pattern is not supported"),
        (
            closed(a={"type": "array", "items": {"type": "string"}, "minItems": 2}),
            "'minItems' values other than 0 or 1",
        ),
        (closed(a={"enum": [{}]}), "Enum values must be strings"),
        (closed(a={"description": "anything"}), "Schema must have a 'type'"),
        (closed(a=True), "boolean schemas are not supported"),
        (closed(a={"allOf": [{"$ref": "#/$defs/A"}]}) | {"$defs": {"A": closed()}}, "'allOf' with '$ref'"),
        (closed(a={"$ref": "#"}), "Recursive schemas are not supported"),
        (
            closed(a={"$ref": "#/$defs/A"})
            | {"$defs": {"A": closed(b={"$ref": "#/$defs/B"}), "B": closed(a={"$ref": "#/$defs/A"})}},
            "Recursive schemas are not supported",
        ),
        (closed(**{f"a{n}": {"type": "string"} for n in range(25)}) | {"required": []}, "optional parameters (25)"),
        (closed(**{f"a{n}": {"type": ["string", "null"]} for n in range(17)}), "with union types (17)"),
    ],
)
def test_schemas_that_are_not_closed(schema: Any, why: str) -> None:
    (found,) = unclosed(schema)
    assert why in found


@pytest.mark.parametrize("name", ["properties", "additionalProperties", "items"])
def test_a_property_may_be_called_as_a_keyword(name: str) -> None:
    assert list(unclosed(closed(**{name: closed(**{name: {"type": "string"}})}))) == []
