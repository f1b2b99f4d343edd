"""Schemas for structured output: what they become, what has no words there, and the SDK's own writer as an oracle.

The deliberate differences from the anthropic SDK's `transform_schema`, each with a test below: rules in a description
are JSON, not Python's `str`; keys beside a `$ref` are told; a list of types is taken, a missing type inferred; one
`allOf` is unwrapped; `definitions` count as `$defs`; `$schema`, `$id` and `$comment` go. And there is no result, where
the SDK's would allow less than was meant or be refused: open maps, several `allOf`, two kinds of alternatives at once,
alternatives beside `properties`, `required` names without a property, recursion, references to elsewhere.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from anthropic.lib._parse._transform import transform_schema
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.closed_schema import Closed, closed, output_schema
from oai_bridge.errors import InvalidRequest
from tests.test_json_schema import ANY_JSON, nested

TEXT = {"type": "string"}
OPEN = {"type": "object", "properties": {"a": TEXT}, "required": ["a"]}
A = {**OPEN, "additionalProperties": False}
EMPTY = {"type": "object", "properties": {}, "additionalProperties": False}
NAMES = st.sampled_from(["a", "b", "c", "type", "properties", "enum", "$ref", "definitions", "$defs"])


# -- the SDK as an oracle ---------------------------------------------------------------------------------------------


def with_texts(schemas: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    texts = st.fixed_dictionaries({}, optional={"description": st.text("ab \n", min_size=1), "title": st.text("ab")})
    return st.builds(lambda schema, told: {**told, **schema}, schemas, texts)


def rules(*names: str, **others: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(names, st.integers(0, 5)), **others})


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
FORMAT = st.sampled_from(["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"])
LEAVES = st.one_of(
    st.builds(merged, st.just({"type": "string"}), rules("minLength", "maxLength", format=FORMAT)),
    st.builds(merged, st.sampled_from([{"type": "integer"}, {"type": "number"}]), rules("minimum", "multipleOf")),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"$ref": "#/$defs/d1"}, {"$ref": "#/$defs/d2"}]),
    st.builds(lambda values: {"type": "string", "enum": values}, st.lists(PLAIN, min_size=1, max_size=3)),
    st.builds(lambda value: {"const": value}, PLAIN),
)


def objects(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda properties, needed, closing: {
            "type": "object",
            "properties": properties,
            **({"required": list(properties)[:needed]} if needed else {}),
            **closing,
        },
        st.dictionaries(NAMES, inner, min_size=1, max_size=3),
        st.integers(0, 3),
        st.sampled_from([{}, {"additionalProperties": True}, {"additionalProperties": False}]),
    )


def branches(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    arrays = st.builds(
        lambda item, counts: {"type": "array", "items": item, **counts},
        inner,
        st.sampled_from([{}, {"maxItems": 9}, {"minItems": 0}, {"minItems": 1}, {"maxItems": 9, "minItems": 2}]),
    )
    unions = st.builds(
        lambda word, schemas: {word: schemas},
        st.sampled_from(["anyOf", "oneOf"]),
        st.lists(inner, min_size=1, max_size=3),
    )
    return st.one_of(with_texts(objects(inner)), with_texts(arrays), with_texts(unions))


def without_reference(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "null"} if "$ref" in schema else schema


BOTH_AGREE = st.recursive(with_texts(LEAVES).map(lambda s: {"$ref": s["$ref"]} if "$ref" in s else s), branches)
DEFINED = st.builds(
    lambda schema, leaf: {**schema, "$defs": {"d1": {"anyOf": [{"$ref": "#/$defs/d2"}, TEXT]}, "d2": leaf}},
    BOTH_AGREE,
    LEAVES.map(without_reference),
)


@settings(max_examples=500, deadline=None)
@given(schema=DEFINED)
def test_the_sdk_writes_the_same(schema: dict[str, Any]) -> None:
    before = copy.deepcopy(schema)
    found = closed(schema)
    assert schema == before
    assert found is not None
    assert found.schema == transform_schema(copy.deepcopy(schema))


# -- cases ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param(OPEN, A, id="closed"),
        pytest.param({"oneOf": [OPEN, {"type": "null"}]}, {"anyOf": [A, {"type": "null"}]}, id="oneOf"),
        pytest.param(
            {"type": "string", "description": "Why", "pattern": "^a", "default": None},
            {"type": "string", "description": 'Why\n\n{pattern: "^a", default: null}'},
            id="rules are told as JSON",
        ),
        pytest.param({**TEXT, "format": "iban"}, {**TEXT, "description": '{format: "iban"}'}, id="unknown format"),
        pytest.param({"type": "integer", "format": "date"}, {"type": "integer", "description": '{format: "date"}'}),
        pytest.param(
            {"type": "array", "minItems": True},
            {"type": "array", "description": "{minItems: true}"},
            id="minItems true",
        ),
        pytest.param({"type": ["string", "null"], "format": "date"}, {"type": ["string", "null"], "format": "date"}),
        pytest.param({**A, "type": ["object", "null"]}, {**A, "type": ["object", "null"]}, id="object or null"),
        pytest.param(
            {"type": "object", "oneOf": [OPEN, A], "additionalProperties": False}, {"anyOf": [A, A]}, id="types around"
        ),
        pytest.param({"type": ["string"]}, TEXT, id="list of one type"),
        pytest.param({"type": ["string", "null"], "enum": ["a", None]}, {"enum": ["a", None]}, id="enum of two types"),
        pytest.param({"type": "object", "enum": [{}]}, None, id="enum of objects"),
        pytest.param({"properties": {"a": TEXT}, "required": ["a"]}, A, id="object by its properties"),
        pytest.param({"items": TEXT}, {"type": "array", "items": TEXT}, id="array by its items"),
        pytest.param(
            {"$ref": "#/$defs/A", "description": "One", "maxLength": 3, "$defs": {"A": TEXT}},
            {"$ref": "#/$defs/A", "description": "One\n\n{maxLength: 3}", "$defs": {"A": TEXT}},
            id="beside a reference",
        ),
        pytest.param(
            {"$ref": "#/$defs/A", "type": "string", "$defs": {"A": TEXT}},
            {"$ref": "#/$defs/A", "$defs": {"A": TEXT}},
            id="a type beside a reference",
        ),
        pytest.param(
            {"allOf": [{"$ref": "#/$defs/A"}], "description": "One", "$defs": {"A": TEXT}},
            {"$ref": "#/$defs/A", "description": "One", "$defs": {"A": TEXT}},
            id="one allOf",
        ),
        pytest.param(
            {"allOf": [{**TEXT, "minLength": 1, "description": "In"}], "description": "Out", "maxLength": 3},
            {**TEXT, "description": "Out\n\nIn\n\n{minLength: 1}\n\n{maxLength: 3}"},
            id="one allOf with rules",
        ),
        pytest.param(
            {"$ref": "#/definitions/A", "definitions": {"A": TEXT}},
            {"$ref": "#/$defs/A", "$defs": {"A": TEXT}},
            id="definitions",
        ),
        pytest.param({**A, "$schema": "s", "$id": "i", "$comment": "c"}, A, id="words about the schema itself"),
        pytest.param({**A, "patternProperties": {"^x": {}}}, {**A, "description": '{patternProperties: {"^x":{}}}'}),
        pytest.param({"type": "object", "additionalProperties": False}, EMPTY, id="an empty object"),
        pytest.param({"type": "object"}, None, id="any object"),
        pytest.param({"type": "object", "additionalProperties": TEXT}, None, id="a map"),
        pytest.param({**OPEN, "additionalProperties": TEXT}, None, id="a map beside properties"),
        pytest.param({**A, "required": ["b"]}, None, id="required without a property"),
        pytest.param({**A, "required": [1]}, None, id="required no names"),
        pytest.param({**A, "required": None}, None, id="required null"),
        pytest.param({**A, "properties": []}, None, id="properties no object"),
        pytest.param({}, None, id="anything"),
        pytest.param({**A, "properties": {"a": {}}}, None, id="anything below"),
        pytest.param({**A, "properties": {"a": True}}, None, id="true"),
        pytest.param({"type": "any"}, None, id="no such type"),
        pytest.param({"type": []}, None, id="no type"),
        pytest.param({"type": [{}]}, None, id="type no name"),
        pytest.param({"allOf": [A, OPEN]}, None, id="several allOf"),
        pytest.param({"anyOf": [A], "oneOf": [A]}, None, id="two kinds of alternatives"),
        pytest.param({**A, "anyOf": [{"required": ["a"]}]}, None, id="alternatives beside properties"),
        pytest.param({"anyOf": []}, None, id="no alternatives"),
        pytest.param({"anyOf": {}}, None, id="alternatives no list"),
        pytest.param({"$ref": "#"}, None, id="recursive root"),
        pytest.param({"$ref": "#/properties/a", "properties": {"a": TEXT}}, None, id="path reference"),
        pytest.param({"$ref": "https://a.b/c"}, None, id="reference to elsewhere"),
        pytest.param({"$ref": "#/$defs/A", "$defs": {}}, None, id="reference to nothing"),
        pytest.param({"$ref": None}, None, id="no reference"),
        pytest.param({"$ref": "#/$defs/A", "enum": ["a"], "$defs": {"A": TEXT}}, None, id="enum beside a reference"),
        pytest.param(None, None, id="null"),
        pytest.param([A], None, id="a list"),
    ],
)
def test_output_schema(schema: Any, expected: dict[str, Any] | None) -> None:
    assert output_schema(schema) == expected


FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")


@pytest.mark.parametrize("format", [*FORMATS, "idn-email"])
def test_formats_that_anthropic_names_are_kept(format: str) -> None:
    """As in Anthropic's "Structured outputs", supported string formats."""
    found = output_schema({"type": "string", "format": format})
    kept = {"format": format} if format in FORMATS else {"description": f'{{format: "{format}"}}'}
    assert found == {"type": "string", **kept}


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean", "null"])
def test_every_type_has_its_word(kind: str) -> None:
    assert output_schema({"type": kind}) == {"type": kind}


@pytest.mark.parametrize("beside", [{"properties": {}}, {"items": TEXT}, {"enum": [1]}, {"const": 1}, {"oneOf": []}])
def test_nothing_that_builds_stands_beside_a_reference_or_alternatives(beside: dict[str, Any]) -> None:
    assert output_schema({**A, "properties": {"a": {"$ref": "#/$defs/T", **beside}}, "$defs": {"T": TEXT}}) is None
    assert output_schema({**A, "properties": {"a": {"anyOf": [TEXT], **beside}}}) is None


@pytest.mark.parametrize(("least", "kept"), [(0, True), (1, True), (2, False)])
def test_an_array_may_have_to_have_an_item(least: int, kept: bool) -> None:
    found = output_schema({"type": "array", "items": TEXT, "minItems": least})
    assert found is not None and (found.get("minItems") == least) is kept


@pytest.mark.parametrize(
    "definitions",
    [
        {"A": {"anyOf": [{"$ref": "#/$defs/A"}, TEXT]}},
        {"A": {"allOf": [{"$ref": "#/$defs/A"}]}},
        {"A": {"type": "array", "items": {"$ref": "#/$defs/B"}}, "B": {"properties": {"a": {"$ref": "#/$defs/A"}}}},
    ],
)
def test_recursive_schemas_have_no_words(definitions: dict[str, Any]) -> None:
    assert output_schema({"$ref": "#/$defs/A", "$defs": definitions}) is None


def test_a_long_chain_of_definitions() -> None:
    chain: dict[str, Any] = {str(i): {"type": "array", "items": {"$ref": f"#/$defs/{i + 1}"}} for i in range(20_000)}
    assert output_schema({"$ref": "#/$defs/0", "$defs": {**chain, "20000": TEXT}}) is not None
    assert output_schema({"$ref": "#/$defs/0", "$defs": {**chain, "20000": {"$ref": "#/$defs/0"}}}) is None


def optional(count: int) -> dict[str, Any]:
    return {**A, "properties": {f"p{i}": TEXT for i in range(count)}, "required": []}


def unions(count: int, union: dict[str, Any]) -> dict[str, Any]:
    properties = {f"p{i}": union for i in range(count)}
    return {**A, "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "within"),
    [
        (optional(24), True),
        (optional(25), False),
        (unions(16, {"type": ["string", "null"]}), True),
        (unions(17, {"type": ["string", "null"]}), False),
        (unions(16, {"anyOf": [TEXT, {"type": "null"}]}), True),
        (unions(17, {"oneOf": [TEXT, {"type": "null"}]}), False),
        (unions(40, TEXT), True),
    ],
)
def test_limits(schema: dict[str, Any], within: bool) -> None:
    """Anthropic: "Schemas contains too many optional parameters", "… parameters with union types"."""
    assert (output_schema(schema) is not None) is within


@pytest.mark.parametrize(
    ("schema", "expected"), [(A, True), (OPEN, False), ({**A, "properties": {"a": OPEN}}, False), ({}, False)]
)
def test_exact_changes_nothing_that_the_schema_allows(schema: dict[str, Any], expected: bool) -> None:
    found = closed(schema)
    assert bool(found and found.exact) is expected


def test_the_count_of_what_is_limited() -> None:
    schema = {**A, "properties": {"a": TEXT, "b": {"type": ["string", "null"]}, "c": OPEN}}
    assert closed(schema) == Closed(
        {**A, "properties": {"a": TEXT, "b": {"type": ["string", "null"]}, "c": A}}, optional=2, unions=1, exact=False
    )


@pytest.mark.parametrize("levels", [100, 3000])
def test_a_schema_that_is_too_deep_is_refused_by_name(levels: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        output_schema(nested(levels), "response_format")
    assert refused.value.param == "response_format"


def test_a_deep_schema_within_the_bounds() -> None:
    schema: dict[str, Any] = TEXT
    for _ in range(98):
        schema = {"type": "array", "items": schema}
    assert output_schema(schema) == schema


def nodes(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", [])]
    for node in [*below, *([schema["items"]] if "items" in schema else [])]:
        yield from nodes(node)


@settings(max_examples=1000, deadline=None)
@given(schema=ANY_JSON)
def test_any_json_has_closed_words_or_none_and_stays_as_it_was(schema: Any) -> None:
    before = copy.deepcopy(schema)
    found = output_schema(schema)
    assert schema == before
    for node in nodes(found or TEXT):
        assert node.keys() <= {
            *("type", "properties", "required", "additionalProperties", "items", "minItems", "anyOf", "enum", "const"),
            *("format", "$ref", "$defs", "description", "title"),
        }
        assert node.keys() & {"type", "anyOf", "enum", "const", "$ref"}
        if "object" in (node.get("type"), *(node["type"] if isinstance(node.get("type"), list) else ())):
            assert node["additionalProperties"] is False
            assert node["properties"].keys() >= set(node.get("required", []))
