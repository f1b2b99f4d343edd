"""What Claude demands of JSON schemas: valid ones for tools, closed and simple ones for structured outputs.

Vendor sources: JSON Schema draft 2020-12; Anthropic's structured outputs ("JSON Schema limitations") and errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}
ONE = {
    *("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties"),
}
MANY = {"allOf", "anyOf", "oneOf", "prefixItems"}
NAMED = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
COUNTS = {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
TEXTS = {"$ref", "$schema", "$id", "title", "description", "format", "pattern"}

CLOSED_KEYS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "allOf", "$ref"),
    *("$defs", "definitions", "$schema", "title", "description", "default", "format", "minItems", "pattern"),
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
UNSUPPORTED_PATTERN = re.compile(r"\(\?[=!<]|\\[bB1-9]")  # lookaround, word boundaries, back-references
MAX_OPTIONAL = 24
MAX_UNIONS = 16


def invalid(schema: Any) -> Iterator[str]:
    """Where a schema breaks draft 2020-12 or refers to what is not there."""
    for where, part in _parts(schema):
        if isinstance(part, bool):
            continue
        if not isinstance(part, dict):
            yield f"{where or 'the schema'} is no schema"
            continue
        for key, value in part.items():
            if not _well_formed(key, value):
                yield f"{where}/{key} is malformed"
        if isinstance(part.get("$ref"), str) and _target(schema, part["$ref"]) is None:
            yield f"{where}/$ref leads nowhere"


def unclosed(schema: Any) -> Iterator[str]:
    """Why a valid schema can't be compiled into a grammar."""
    closings = set[str]()
    for where, part in _parts(schema):
        at = where or "the schema"
        if not isinstance(part, dict):
            if where not in closings:
                yield f"{at}: boolean schemas are not supported"
            continue
        closings.add(f"{where}/additionalProperties")
        kind = part.get("type", "untyped")
        for key in part.keys() - CLOSED_KEYS:
            yield f"{at}: For '{kind}' type, property '{key}' is not supported"
        is_object = "object" in (kind if isinstance(kind, list) else [kind]) or "properties" in part
        if is_object and part.get("additionalProperties") is not False:
            yield f"{at}: For 'object' type, 'additionalProperties' must be explicitly set to false"
        if not part.keys() & {"type", "enum", "const", "anyOf", "allOf", "$ref"}:
            yield f"{at}: Schema must have a 'type', 'anyOf', 'allOf', 'enum', 'const' or '$ref'"
        if part.get("format", "date") not in FORMATS:
            yield f"{at}: For 'string' type, format '{part['format']}' is not supported"
        if part.get("minItems", 0) not in (0, 1):
            yield f"{at}: For 'array' type, 'minItems' values other than 0 or 1 are not supported"
        if UNSUPPORTED_PATTERN.search(part.get("pattern", "")):
            yield f"{at}: For 'string' type, the pattern is not supported"
        if any(isinstance(value, dict | list) for value in part.get("enum", ())):
            yield f"{at}: Enum values must be strings, numbers, booleans or null"
        if any("$ref" in item for item in part.get("allOf", ()) if isinstance(item, dict)):
            yield f"{at}: 'allOf' with '$ref' is not supported"
    if _recursive(schema):
        yield "Recursive schemas are not supported"
    yield from excess([schema])


def excess(schemas: Sequence[Any]) -> Iterator[str]:
    """Why valid schemas can't be compiled together, be each of them simple."""
    parts = [part for schema in schemas for _, part in _parts(schema) if isinstance(part, dict)]
    optional = sum(len(part.get("properties", {}).keys() - set(part.get("required", ()))) for part in parts)
    unions = sum("anyOf" in part or isinstance(part.get("type"), list) for part in parts)
    if optional > MAX_OPTIONAL:
        yield f"Schemas contains too many optional parameters ({optional}). The limit is {MAX_OPTIONAL}."
    if unions > MAX_UNIONS:
        yield f"Schemas contains too many parameters with union types ({unions}). The limit is {MAX_UNIONS}."


def _parts(schema: Any) -> Iterator[tuple[str, Any]]:
    """A schema and all schemas in it, each with its JSON pointer."""
    waiting = [("", schema)]
    while waiting:
        where, part = waiting.pop()
        yield where, part
        waiting += reversed(list(_children(where, part)))


def _children(where: str, part: Any) -> Iterator[tuple[str, Any]]:
    for key, value in part.items() if isinstance(part, dict) else ():
        if key in ONE:
            yield f"{where}/{key}", value
        elif key in MANY and isinstance(value, list):
            yield from ((f"{where}/{key}/{index}", item) for index, item in enumerate(value))
        elif key in NAMED and isinstance(value, dict):
            yield from ((f"{where}/{key}/{name}", item) for name, item in value.items())


def _well_formed(key: str, value: Any) -> bool:
    if key == "type":
        kinds = value if isinstance(value, list) else [value]
        return bool(kinds) and all(isinstance(kind, str) and kind in TYPES for kind in kinds)
    if key in MANY:
        return isinstance(value, list) and bool(value)
    if key in NAMED:
        return isinstance(value, dict)
    if key == "required":
        return isinstance(value, list) and all(isinstance(name, str) for name in value) and _unique(value)
    if key == "enum":
        return isinstance(value, list)
    if key in NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if key in COUNTS:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if key == "uniqueItems":
        return isinstance(value, bool)
    return isinstance(value, str) if key in TEXTS else True


def _unique(values: list[str]) -> bool:
    return len(set(values)) == len(values)


def _target(schema: Any, ref: str) -> Any:
    """What a `$ref` means; `None` when there is no such thing, or it lies elsewhere."""
    if not ref.startswith("#"):
        return None
    found = schema
    for step in ref[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            found = found[int(name)] if name.isdigit() and int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, dict) else None
    return found


def _recursive(schema: Any) -> bool:
    """Whether a `$ref` leads back to itself, on whatever way."""
    goals: dict[str, set[str]] = {}
    for name in {part["$ref"] for _, part in _parts(schema) if isinstance(part, dict) and "$ref" in part}:
        within = _parts(_target(schema, name))
        goals[name] = {part["$ref"] for _, part in within if isinstance(part, dict) and "$ref" in part}
    for name, direct in goals.items():
        reached, waiting = set[str](), list(direct)
        while waiting:
            goal = waiting.pop()
            if goal not in reached:
                reached.add(goal)
                waiting += goals.get(goal, ())
        if name in reached:
            return True
    return False
