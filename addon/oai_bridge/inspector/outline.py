"""Any JSON as an outline that people can read: like YAML, long texts as blocks, data in base64 by its type and size."""

from __future__ import annotations

import re
from typing import Any

from .figures import size
from .paper import Paper
from .turns import json_of

_SHORT = 72  # characters of a text that stands beside its name
_BLOB = 256  # characters from which text in base64's letters is data
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*,(?P<data>.*)", re.DOTALL)
_BEGINNINGS = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi0": "application/pdf",
}
_DEPTH = 60  # levels; deeper ones are written as JSON


def blob(text: str) -> str | None:
    """Data in base64, or a `data:` URL, as its type and size, such as `<image/png, 12 kB>`; `None` for other text."""
    kind = None
    if text.startswith("data:") and (match := _DATA_URL.match(text)):
        kind, text = match["type"] or "text/plain", match["data"]
    elif len(text) < _BLOB or not _BASE64.fullmatch(text):
        return None
    kind = kind or next((kind for beginning, kind in _BEGINNINGS.items() if text.startswith(beginning)), "base64")
    return f"<{kind}, {size(len(text) * 3 // 4)}>"


def outline(paper: Paper, value: Any, indent: str = "", limit: int = 100_000) -> None:
    """`value` onto `paper`; of a text with more than `limit` characters the beginning and the end."""
    _Outline(paper, limit).put(value, indent)


class _Outline:
    def __init__(self, paper: Paper, limit: int) -> None:
        self._paper = paper
        self._limit = limit

    def put(self, value: Any, indent: str) -> None:
        """A value of its own, on lines of its own."""
        if isinstance(value, dict | list) and value and not self._is_deep(indent):
            named = isinstance(value, dict)
            for lead, one in ((f"{key}:", value[key]) if named else ("-", key) for key in value):
                if self._paper.is_full:
                    self._paper.leave_out(len(lead) + len(json_of(one)))
                else:
                    self._item(lead, one, indent)
        else:
            self._item("", value, indent)

    def _item(self, lead: str, value: Any, indent: str) -> None:
        before = f"{indent}{lead} " if lead else indent
        if isinstance(value, str):
            self._string(before, value, f"{indent}  ")
        elif isinstance(value, dict) and value and lead == "-" and not self._is_deep(indent):
            first, *rest = value.items()  # beside the dash
            self._item(f"- {first[0]}:", first[1], indent)
            for key, one in rest:
                self._item(f"{key}:", one, f"{indent}  ")
        elif isinstance(value, dict | list) and value and not self._is_deep(indent):
            self._paper.line(before)
            self.put(value, f"{indent}  ")
        else:
            self._paper.text(before + json_of(value), limit=self._limit)

    def _string(self, before: str, text: str, indent: str) -> None:
        if (data := blob(text)) is not None:
            self._paper.line(before + data)
        elif len(text) <= _SHORT and "\n" not in text and "\r" not in text:
            self._paper.line(before + json_of(text))
        else:
            self._paper.line(f"{before}|")
            self._paper.text(text, indent, self._limit)

    def _is_deep(self, indent: str) -> bool:
        return len(indent) > 2 * _DEPTH
