"""JSON schemas of any make as the input of a tool: repaired where Claude would refuse them (TRANSLATION.md 1.1).

Schemas come from clients and may be any JSON at all. Nothing that is given is changed; what needs no change is shared
with the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ..errors import InvalidRequest
from ..plain import jsontext

Schema = dict[str, Any]

_DEPTH = 100  # levels of JSON
_MERGED = 2_000_000  # bytes of properties that are compared while alternatives become one
_VISIT = 20  # what it costs to look at an alternative, in such bytes
COMBINATIONS = ("anyOf", "oneOf", "allOf")
_HOLD_SCHEMAS = {  # one schema, or a list of them
    *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not"),
    *("prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties", *COMBINATIONS),
}
_NAME_SCHEMAS = {"$defs", "dependencies", "dependentSchemas", "patternProperties", "properties"}


def tool_schema(schema: object, param: str = "parameters") -> Schema:
    """What `input_schema` may be: an object at the top, with no alternatives beside it.

    Alternatives at the top are merged into one object that allows what each of them allows, and mixtures. Raises
    `InvalidRequest` with `param` for a schema that is nested too deeply or has too much to merge.
    """
    root = _root(schema, param)
    if root.keys().isdisjoint(COMBINATIONS):
        shape = _Shape(mapping(root.get("properties")), strings(root.get("required")))
    else:
        shape = _Merger(mapping(root.get("$defs")), param).shape(root) or _Shape({}, [])
    kept = {key: value for key, value in root.items() if key not in COMBINATIONS}
    repaired = {**kept, "type": "object", "properties": shape.properties}
    if shape.required or "required" in root:
        repaired["required"] = shape.required
    if shape.closed:
        repaired["additionalProperties"] = False
    return repaired


def has_alternatives(schema: object, param: str = "parameters") -> bool:
    """Whether the top level, or what it refers to, has alternatives, which `tool_schema` merges."""
    return not _root(schema, param).keys().isdisjoint(COMBINATIONS)


def is_object(schema: object, param: str = "schema") -> bool:
    """Whether all that fits the schema is an object, as far as its top level and its alternatives there tell."""
    root = _root(schema, param)
    branches = [branch for key in COMBINATIONS for branch in sequence(root.get(key))]
    return _says_object(root) or (bool(branches) and all(_says_object(_target(branch, root)) for branch in branches))


# -- any schema -------------------------------------------------------------------------------------------------------


def checked(schema: Mapping[str, Any], param: str) -> Schema:
    """A copy of the top level, once the whole is known to be shallow enough for functions that call themselves."""
    if jsontext.deeper_than(_DEPTH, schema):
        raise InvalidRequest(f"The JSON schema is nested more than {_DEPTH} levels deep. Make it flatter.", param=param)
    return dict(schema)


def with_defs(root: Schema) -> Schema:
    """With `$defs` for `definitions`, the word of older drafts, in the references too."""
    if not isinstance(definitions := root.get("definitions"), dict):
        return root
    others = {key: value for key, value in root.items() if key != "definitions"}
    renamed: Schema = _renamed({**others, "$defs": {**definitions, **mapping(root.get("$defs"))}})
    return renamed


def _renamed(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    renamed: Schema = {}
    for key, value in schema.items():
        if key == "$ref" and isinstance(value, str) and value.startswith("#/definitions/"):
            renamed[key] = "#/$defs/" + value.removeprefix("#/definitions/")
        elif key in _HOLD_SCHEMAS:
            renamed[key] = [_renamed(item) for item in value] if isinstance(value, list) else _renamed(value)
        elif key in _NAME_SCHEMAS and isinstance(value, dict):
            renamed[key] = {name: _renamed(item) for name, item in value.items()}
        else:
            renamed[key] = value
    return renamed


def definition(reference: object) -> str | None:
    """The name of the definition that a `$ref` means; `None` for any other place."""
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        return None
    return unquote(reference.removeprefix("#/$defs/")).replace("~1", "/").replace("~0", "~")


def mapping(value: object) -> Schema:
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def strings(value: object) -> list[str]:
    return list(dict.fromkeys(name for name in sequence(value) if isinstance(name, str)))


# -- the input of a tool ----------------------------------------------------------------------------------------------


def _root(schema: object, param: str) -> Schema:
    """The top level, with what a reference there means in its place."""
    if not isinstance(schema, Mapping):
        return {}
    root = with_defs(checked(schema, param))
    for _ in range(_DEPTH):
        if (target := _target(root, root)) is root:
            break
        others = {key: value for key, value in root.items() if key != "$ref"}
        if "properties" in others and "properties" in target:
            others["allOf"] = [*sequence(others.get("allOf")), target]
            root = others
        else:
            root = {**target, **others}
    return {key: value for key, value in root.items() if key not in ("$schema", "$id")}


def _target(schema: object, root: Schema) -> Schema:
    """What the reference of a schema means, one step far; the schema itself where it has none to a definition."""
    found = mapping(schema)
    name = definition(found.get("$ref"))
    return found if name is None else mapping(mapping(root.get("$defs")).get(name))


def _says_object(schema: Schema) -> bool:
    return schema.get("type") == "object" or ("type" not in schema and "properties" in schema)


def _may_be_object(schema: object) -> bool:
    kind = mapping(schema).get("type", "object")
    return kind == "object" or "object" in sequence(kind)


@dataclass(slots=True)
class _Shape:
    """What a schema says about the properties of an object. `closed`: there are no others."""

    properties: Schema
    required: list[str]
    closed: bool = False


class _Merger:
    """Makes one shape of alternatives within alternatives and references, with a bound on the work: definitions that
    refer to each other twice would grow without end."""

    __slots__ = ("_definitions", "_left", "_param")

    def __init__(self, definitions: Schema, param: str) -> None:
        self._definitions = definitions
        self._param = param
        self._left = _MERGED

    def shape(self, schema: object, within: frozenset[str] = frozenset(), depth: int = 0) -> _Shape | None:
        """`None` for a reference to what it stands in. `depth` counts the calls of this method in each other."""
        self._spend(_VISIT if depth < _DEPTH else self._left + 1)
        here = mapping(schema)
        closes = here.get("additionalProperties") is False
        parts: list[_Shape | None] = [_Shape(mapping(here.get("properties")), strings(here.get("required")), closes)]
        if (name := definition(here.get("$ref"))) is not None:
            if name in within:
                return None
            parts.append(self.shape(self._definitions.get(name), within | {name}, depth + 1))
        parts += [self.shape(branch, within, depth + 1) for branch in sequence(here.get("allOf"))]
        for key in ("anyOf", "oneOf"):
            branches = [
                self.shape(branch, within, depth + 1) for branch in sequence(here.get(key)) if _may_be_object(branch)
            ]
            parts.append(self._one_of([branch for branch in branches if branch]))
        return self._all_of([part for part in parts if part])

    def _all_of(self, shapes: list[_Shape]) -> _Shape:
        properties = self._joined("allOf", shapes)
        required = list(dict.fromkeys(name for shape in shapes for name in shape.required))
        return _Shape(properties, required, any(shape.closed for shape in shapes))

    def _one_of(self, shapes: list[_Shape]) -> _Shape | None:
        if not shapes:
            return None
        properties = self._joined("anyOf", shapes)
        everywhere = set(shapes[0].required).intersection(*(shape.required for shape in shapes[1:]))
        required = [name for name in shapes[0].required if name in everywhere]
        return _Shape(properties, required, all(shape.closed for shape in shapes))

    def _joined(self, word: str, shapes: Iterable[_Shape]) -> Schema:
        """The properties of all; one that they describe in several ways has these under `word`."""
        ways: dict[str, dict[bytes, Any]] = {}
        for shape in shapes:
            self._spend(len(shape.required))
            for name, schema in shape.properties.items():
                text = jsontext.write(schema)
                self._spend(len(text))
                ways.setdefault(name, {}).setdefault(text, schema)
        return {
            name: next(iter(found.values())) if len(found) == 1 else {word: list(found.values())}
            for name, found in ways.items()
        }

    def _spend(self, work: int) -> None:
        self._left -= work
        if self._left < 0:
            message = "The alternatives at the top of the JSON schema are too large to merge. Put them into a property."
            raise InvalidRequest(message, param=self._param)
