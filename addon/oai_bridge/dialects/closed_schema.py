"""JSON schemas for structured output, which has few keywords and no open objects (TRANSLATION.md 1.2).

Which keywords: Anthropic's documentation of structured outputs, and the anthropic SDK 2.12, which writes schemas so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ..plain import jsontext
from .json_schema import COMBINATIONS, Schema, checked, definition, mapping, sequence, strings, with_defs

OPTIONAL_LIMIT = 24  # properties that may be left out, in all schemas of a request together
UNION_LIMIT = 16  # likewise places with several types

_TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
_STRUCTURE = {"properties", "items", "enum", "const", *COMBINATIONS}
_UNTOLD = ("$schema", "$id", "$comment", "$defs", "definitions")


@dataclass(frozen=True, slots=True)
class Closed:
    """A schema for structured output. `optional` and `unions` count against the limits. `exact` is false where the
    client's schema allowed properties that it doesn't name: this one does not."""

    schema: Schema
    optional: int
    unions: int
    exact: bool


def closed(schema: object, param: str = "schema") -> Closed | None:
    """The schema in the keywords that structured output has, the others told in `description`; `None` for one that
    can't be said so: recursive, a reference to elsewhere, any value, an open map.

    Raises `InvalidRequest` with `param` for a schema that is nested too deeply.
    """
    if not isinstance(schema, Mapping):
        return None
    root = with_defs(checked(schema, param))
    closer = _Closer(mapping(root.get("$defs")))
    try:
        definitions = {name: closer.node(value, name) for name, value in closer.definitions.items()}
        node = closer.node(root, None)
        TopologicalSorter(closer.uses).prepare()
    except (_Inexpressible, CycleError):
        return None
    if definitions:
        node = {"$defs": definitions, **node}
    return Closed(node, closer.optional, closer.unions, closer.exact)


def output_schema(schema: object, param: str = "schema") -> Schema | None:
    """What `output_config.format` takes for the schema; `None` where it can't be said or is beyond the limits."""
    found = closed(schema, param)
    if found is None or found.optional > OPTIONAL_LIMIT or found.unions > UNION_LIMIT:
        return None
    return found.schema


class _Inexpressible(Exception):
    """Structured output has no words for it."""


class _Closer:
    """Writes the nodes of one schema; `uses` says which definition refers to which."""

    __slots__ = ("definitions", "exact", "optional", "unions", "uses")

    def __init__(self, definitions: Schema) -> None:
        self.definitions = definitions
        self.uses: dict[str, list[str]] = {name: [] for name in definitions}
        self.optional = 0
        self.unions = 0
        self.exact = True

    def node(self, schema: object, within: str | None) -> Schema:
        """`within` is the definition that the schema stands in; `None`: it stands in no definition."""
        if not isinstance(schema, dict):
            raise _Inexpressible  # true and false: anything, nothing
        rest = {key: value for key, value in schema.items() if key not in _UNTOLD}
        told = {key: text for key in ("description", "title") if isinstance(text := rest.pop(key, None), str)}
        found = self._reference(rest, within) or self._combined(rest, within) or _literals(rest)
        if found is None:
            found = self._typed(rest, within)
        texts = [text for text in (told.get("description"), found.get("description")) if text]
        found |= told
        if rest:
            rules = ", ".join(f"{key}: {jsontext.write(value).decode()}" for key, value in rest.items())
            texts.append(f"{{{rules}}}")
        if texts:
            found["description"] = "\n\n".join(texts)
        return found

    def _reference(self, rest: Schema, within: str | None) -> Schema | None:
        if "$ref" not in rest:
            return None
        name = definition(rest["$ref"])
        if name not in self.definitions or _STRUCTURE & rest.keys():
            raise _Inexpressible
        if within is not None:
            self.uses[within].append(name)
        rest.pop("type", None)
        return {"$ref": rest.pop("$ref")}

    def _combined(self, rest: Schema, within: str | None) -> Schema | None:
        words = [word for word in COMBINATIONS if word in rest]
        if not words:
            return None
        branches = sequence(rest.pop(words[0]))
        if not branches or _STRUCTURE & rest.keys():
            raise _Inexpressible
        rest.pop("type", None)
        rest.pop("additionalProperties", None)
        if words[0] != "allOf":
            self.unions += 1
            return {"anyOf": [self.node(branch, within) for branch in branches]}
        if len(branches) > 1:  # closed objects exclude each other's properties
            raise _Inexpressible
        return self.node(branches[0], within)

    def _typed(self, rest: Schema, within: str | None) -> Schema:
        kinds = _kinds(rest)
        self.unions += len(kinds) > 1
        found: Schema = {"type": kinds if len(kinds) > 1 else kinds[0]}
        if "object" in kinds:
            found |= self._object(rest, within)
        if "array" in kinds:
            if "items" in rest:
                found["items"] = self.node(rest.pop("items"), within)
            if type(rest.get("minItems")) is int and rest["minItems"] in (0, 1):
                found["minItems"] = rest.pop("minItems")
        if "string" in kinds and isinstance(rest.get("format"), str) and rest["format"] in _FORMATS:
            found["format"] = rest.pop("format")
        return found

    def _object(self, rest: Schema, within: str | None) -> Schema:
        properties, others = rest.pop("properties", {}), rest.pop("additionalProperties", True)
        required = strings(given := rest.pop("required", []))
        if others is not False:
            self.exact = False
            if not properties or others not in (True, {}):  # a map: closed it would be empty
                raise _Inexpressible
        if not isinstance(properties, dict) or required != given or not properties.keys() >= set(required):
            raise _Inexpressible
        self.optional += len(properties) - len(required)
        found: Schema = {"properties": {name: self.node(value, within) for name, value in properties.items()}}
        if required:
            found["required"] = required
        return {**found, "additionalProperties": False}


def _kinds(rest: Schema) -> list[str]:
    """The types, which some schemas leave to their other keywords to tell."""
    implied = "object" if "properties" in rest else "array" if "items" in rest else None
    given = rest.pop("type", implied)
    kinds = given if isinstance(given, list) else [given]
    if not kinds or not all(isinstance(kind, str) and kind in _TYPES for kind in kinds):
        raise _Inexpressible
    return list(dict.fromkeys(kinds))


def _literals(rest: Schema) -> Schema | None:
    """`enum` and `const` of plain values: they imply the type."""
    found: Schema = {}
    if (values := sequence(rest.get("enum"))) and not any(isinstance(value, list | dict) for value in values):
        found["enum"] = rest.pop("enum")
    if "const" in rest and not isinstance(rest["const"], list | dict):
        found["const"] = rest.pop("const")
    if not found:
        return None
    rest.pop("type", None)
    return found
