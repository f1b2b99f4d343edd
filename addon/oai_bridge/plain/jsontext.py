"""JSON in and out: strict about what clients send, forgiving about what clouds send, readable by every client."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

_HALF = re.compile("[\ud800-\udfff]")
_PATH_LIMIT = 300  # characters

write = msgspec.json.encode
"""A value as UTF-8 JSON."""


class JsonError(ValueError):
    """The text is not JSON that can be honoured. `path` is the field, such as `messages[0].content`, where known."""

    def __init__(self, reason: str, path: str | None = None) -> None:
        super().__init__(reason)
        self.path = path


class _Constant(str):
    """Stands for `NaN` or `Infinity`, which JSON does not have."""


def read(raw: bytes) -> Any:
    """Decodes strictly; raises `JsonError`."""
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError) as error:
        raise _diagnosis(raw, error) from None


def read_repaired(raw: bytes) -> bytes:
    """The same JSON with half surrogates replaced by `?`; raises `ValueError` or `RecursionError` if it is no JSON.

    JavaScript and Python servers escape a half surrogate when they cut a text in the middle of an emoji.
    """
    return json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "replace")


def read_any(raw: bytes) -> Any:
    """Any JSON, half surrogates included. Raises `ValueError` or `RecursionError`."""
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return msgspec.json.decode(read_repaired(raw))


def one_line(encoded: bytes) -> bytes:
    """Encoded JSON without raw U+2028 and U+2029, which end a line for some readers (SillyTavern's among them)."""
    if b"\xe2\x80" in encoded:
        return encoded.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return encoded


def encodable(text: str) -> str:
    """The text without half surrogates: it may quote what a client sent, and UTF-8 can't hold those."""
    return text.encode("utf-8", "replace").decode()


def deeper_than(levels: int, value: Any) -> bool:
    """Whether lists and objects lie in each other more than `levels` deep. Looks at one level after the other, since
    recursion is what fails on such values."""
    level: list[Any] = [[value]]
    for _ in range(levels + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, Mapping) else outer)
            if isinstance(inner, Mapping | list)
        ]
        if not level:
            return False
    return True


def _diagnosis(raw: bytes, error: Exception) -> JsonError:
    """Why `raw` was refused. Slow, and only for texts that were refused."""
    if isinstance(error, RecursionError):
        return JsonError("The JSON is nested too deeply.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        return JsonError(f"The body is not UTF-8 (byte {problem.start}); send JSON encoded as UTF-8.")
    try:
        value = json.loads(text.removeprefix("\ufeff"), parse_constant=_Constant)
        found = _unusable(value)
    except RecursionError:
        return JsonError("The JSON is nested too deeply.")
    except ValueError as problem:
        return JsonError(f"The body is not valid JSON: {problem}.")
    if found is None:
        return JsonError(f"The body is not valid JSON: {error}.")
    path, what = found
    path = path.removeprefix(".")[:_PATH_LIMIT]
    return JsonError(f"{what} at {path or 'the top level'} is not allowed in JSON.", path or None)


def _unusable(value: Any) -> tuple[str, str] | None:
    """Where Python's own reader is more tolerant than JSON: `(path, what stands there)`. Each level of the path but
    the first begins with a dot or a bracket."""
    if isinstance(value, _Constant):
        return "", str(value)
    if isinstance(value, str):
        return ("", "Half of a surrogate pair (a broken emoji)") if _HALF.search(value) else None
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return "", "A number out of range"
    if isinstance(value, dict):
        for key, item in value.items():
            if found := _unusable(key):
                return found
            if found := _unusable(item):
                return f".{key}{found[0]}", found[1]
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if found := _unusable(item):
                return f"[{index}]{found[0]}", found[1]
    return None
