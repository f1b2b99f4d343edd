"""Single fields of a JSON object from a client: the value in its Python type, or a 400 that names the place.

`at` is the place of the object, empty for the body itself; a field that is missing or null is not set.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import Any

from ..errors import InvalidRequest
from ..notes import Notes

NEUTRAL: tuple[Any, ...] = (None, False, 0, "", [], {})
"""Values by which a field asks for nothing: front ends send many fields always."""


def place(at: str, field: str) -> str:
    """The place of a field, such as `messages[0].name`."""
    return f"{at}.{field}" if at else field


def tell_unknown(value: Mapping[str, Any], at: str, known: Container[str], notes: Notes) -> None:
    """Tells the fields of an object that are not `known` and ask for something. Their names may be any text, so that no
    code of a note has them."""
    for field, given in value.items():
        if field not in known and given not in NEUTRAL:
            named = place(at, field[:64])
            notes.dropped(named, f"The field {named!r} is unknown here.", code="unknown")


def boolean(value: Mapping[str, Any], field: str, at: str = "", default: bool = False) -> bool:
    """True or false, nothing that only looks so."""
    given = value.get(field)
    if given is None or isinstance(given, bool):
        return default if given is None else given
    raise InvalidRequest(f"`{field}` must be true or false.", param=place(at, field))


def number(value: Mapping[str, Any], field: str, at: str = "") -> float | None:
    """A finite number, also as a numeric string, which front ends with text fields send."""
    given = value.get(field)
    if given is None or given == "":
        return None
    try:
        found = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if math.isfinite(found):
        return found
    raise InvalidRequest(f"`{field}` must be a number.", param=place(at, field))


def positive(found: float | None) -> int | None:
    """A count; front ends write 0 or -1 for "not set"."""
    return int(found) if found is not None and found >= 1 else None


def text(value: Mapping[str, Any], field: str, at: str = "") -> str | None:
    """A string; an empty one is not set."""
    given = value.get(field)
    if given is None or isinstance(given, str):
        return given or None
    raise InvalidRequest(f"`{field}` must be a string.", param=place(at, field))


def mapping(value: Mapping[str, Any], field: str, at: str = "") -> dict[str, Any] | None:
    """A JSON object, as it is. An empty value of another type is not set: PHP writes `[]` for an empty object."""
    given = value.get(field)
    if isinstance(given, dict):
        return given
    if not given:
        return None
    raise InvalidRequest(f"`{field}` must be an object.", param=place(at, field))
