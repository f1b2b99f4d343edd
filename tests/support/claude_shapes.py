"""Reading JSON that may be of any shape: what is not of the shape asked for counts as not there."""

from __future__ import annotations

from typing import Any


def listed(value: Any) -> list[Any]:
    """A list as it is; of anything else, nothing."""
    return value if isinstance(value, list) else []


def word(value: Any, key: str) -> str | None:
    """The string under this key of an object."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def blocks_of(message: Any) -> list[Any]:
    """A message's blocks; a string is the text block that it stands for."""
    content = message.get("content") if isinstance(message, dict) else None
    return [{"type": "text", "text": content}] if isinstance(content, str) else listed(content)
