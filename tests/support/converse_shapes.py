"""Whether a JSON body is what AWS's own service model says of Converse's input: types, unions, enums, lengths, ranges.

botocore's validator leaves patterns, enums, maxima and unions to the server, so that all of it is checked here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

_NUMBERS = {"integer": int, "long": int, "float": (int, float), "double": (int, float)}
_CHECKED = 4096  # base64 characters at either end of a picture or file


@cache
def input_shape(operation: str = "Converse") -> StructureShape:
    """The input of `Converse` or `ConverseStream`."""
    service = botocore.session.Session().get_service_model("bedrock-runtime")
    shape = service.operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    return shape


def shape_faults(body: Any, operation: str = "Converse") -> list[str]:
    """What of a body, without the model's id, is not of the operation's shape."""
    shape = input_shape(operation)
    members = {name: member for name, member in shape.members.items() if member.serialization.get("location") != "uri"}
    return list(_structure("", body, members, [], union=False))


def _value(where: str, value: Any, shape: Shape) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        if not shape.is_document_type:
            yield from _structure(where, value, shape.members, shape.required_members, union=shape.is_tagged_union)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            yield f"{where}: expected a list"
            return
        yield from _range(where, len(value), shape)
        for index, item in enumerate(value):
            yield from _value(f"{where}[{index}]", item, shape.member)
    elif isinstance(shape, MapShape):
        if not isinstance(value, dict):
            yield f"{where}: expected an object"
            return
        yield from _range(where, len(value), shape)
        for key, item in value.items():
            yield from _value(f"{where} (key)", key, shape.key)
            yield from _value(f"{where}.{key}", item, shape.value)
    else:
        yield from _scalar(where, value, shape)


def _structure(where: str, value: Any, members: Any, required: list[str], *, union: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where or 'body'}: expected an object"
        return
    for key in value.keys() - set(members):
        yield f"{where}.{key}: extraneous key is not permitted"
    for key in set(required) - value.keys():
        yield f"{where}.{key}: required key not found"
    if union and len(value) != 1:
        yield f"{where}: exactly one of {', '.join(members)} must be set"
    for key, item in value.items():
        if key in members:
            yield from _value(f"{where}.{key}" if where else key, item, members[key])


def _scalar(where: str, value: Any, shape: Shape) -> Iterator[str]:
    kind = shape.type_name
    if kind in _NUMBERS:
        if not isinstance(value, _NUMBERS[kind]) or isinstance(value, bool):
            yield f"{where}: expected a number"
        else:
            yield from _range(where, value, shape)
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield f"{where}: expected true or false"
    elif not isinstance(value, str):
        yield f"{where}: expected a string"
    elif kind == "blob":
        if not _is_base64(value):
            yield f"{where}: not base64"
        elif len(value) < shape.metadata.get("min", 0):
            yield f"{where}: is empty"
    else:
        yield from _range(where, len(value), shape)
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            yield f"{where}: {value!r} does not match {pattern}"
        enum = getattr(shape, "enum", None)
        if enum and value not in enum:
            yield f"{where}: {value!r} is none of {', '.join(enum)}"


def _range(where: str, number: float, shape: Shape) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if (low is not None and number < low) or (high is not None and number > high):
        yield f"{where}: {number} is not between {low} and {high}"


def _is_base64(value: str) -> bool:
    if len(value) % 4:
        return False
    try:
        base64.b64decode(value[:_CHECKED], validate=True)
        base64.b64decode(value[-_CHECKED:], validate=True)
    except ValueError:
        return False
    return True
