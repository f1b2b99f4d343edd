"""JSON schemas as clients write them, by hand or with a generator: hypothesis strategies. All are valid."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

KEYS = st.sampled_from(["a", "city", "unit", "x-y", "node.id", "Node", "type", "properties", "items", "required"])
"""Names of properties, keywords of JSON schema among them."""

_LEAVES: list[Schema] = [
    {"type": "string"},
    {"type": "string", "description": "A city.", "minLength": 1, "maxLength": 9},
    {"type": "string", "enum": ["C", "F"], "default": "C"},
    {"type": "string", "enum": ["C", None], "nullable": True},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "binary", "pattern": "^(?=a)\\b.*$"},
    {"type": "integer", "minimum": 0, "exclusiveMaximum": 10},
    {"type": "number", "multipleOf": 0.5, "examples": [1, 1.5]},
    {"type": "boolean", "title": "Whether"},
    {"type": "null"},
    {"type": ["string", "null"], "description": ""},
    {"const": "city", "type": "string"},
    {"const": {"deep": []}},
    {"enum": [1, "a", None, {"b": 1}]},
    {"enum": []},
    {},
    {"description": "Anything."},
    {"type": "array"},
    {"type": "array", "items": {}},
    {"type": "object"},
    {"type": "object", "properties": {}},
    {"type": "object", "properties": {}, "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "string"}},
    {"type": "object", "patternProperties": {"^x": {"type": "string"}}},
    {"properties": {"a": {"type": "string"}}},
    {"items": {"type": "string"}},
    {"not": {"type": "null"}},
    {"if": {"type": "string"}, "then": {"minLength": 1}, "else": True},
]
_NAMES = ["Node", "City", "a/b~c d"]
_REFERENCES: list[Schema] = [
    {"$ref": "#/$defs/Node"},
    {"$ref": "#/$defs/City", "description": "Where."},
    {"$ref": "#/$defs/a~1b~0c d", "default": None},
    {"$ref": "#"},
]


def _object(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    def built(properties: dict[str, Schema], required: int, beside: Schema) -> Schema:
        names = list(properties)[:required]
        return {"type": "object", "properties": properties, **({"required": names} if names else {}), **beside}

    beside = st.sampled_from([{}, {}, {"additionalProperties": False}, {"additionalProperties": True}, {"title": "A"}])
    return st.builds(built, st.dictionaries(KEYS, inner, max_size=4), st.integers(0, 4), beside)


def _around(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    several = st.lists(inner, min_size=1, max_size=3)
    counts = st.sampled_from([{}, {"minItems": 1}, {"minItems": 2, "maxItems": 3, "uniqueItems": True}])
    return st.one_of(
        _object(inner),
        _object(inner),
        st.builds(lambda item, beside: {"type": "array", "items": item, **beside}, inner, counts),
        st.builds(lambda items: {"type": "array", "prefixItems": items, "items": False}, several),
        st.builds(
            lambda word, branches, beside: {word: branches, **beside},
            st.sampled_from(["anyOf", "anyOf", "oneOf", "allOf"]),
            several,
            st.sampled_from([{}, {"description": "One of them."}, {"type": "object"}]),
        ),
    )


_PLAIN = st.recursive(st.sampled_from(_LEAVES), _around, max_leaves=5)
_REFERRING = st.recursive(st.sampled_from([*_LEAVES[:6], *_REFERENCES]), _around, max_leaves=5)


_ROOTS = _object(_REFERRING) | _around(_REFERRING)


@st.composite
def _with_definitions(draw: st.DrawFn) -> Schema:
    """Definitions that may refer to each other, and to themselves; older drafts have another word for them."""
    root = draw(_ROOTS)
    definitions = {name: draw(_REFERRING) for name in _NAMES}
    if draw(st.booleans()):
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": definitions}
    return _in_old_words({**root, "definitions": definitions, "$schema": "http://json-schema.org/draft-07/schema#"})


def _in_old_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_old_words(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_old_words(item) for item in value]
    return value.replace("#/$defs/", "#/definitions/") if isinstance(value, str) else value


def _wide(optional: int) -> Schema:
    properties = {f"p{number}": {"type": ["string", "null"]} for number in range(9)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties)[optional:],
        "additionalProperties": False,
    }


WIDE = st.sampled_from([0, 4, 9]).map(_wide)
"""Of those that are to be compiled no request may have many."""
SCHEMAS = st.one_of(*[_object(_PLAIN)] * 4, _around(_PLAIN), _PLAIN, _with_definitions(), WIDE)
"""Mostly objects at the top."""
