"""Texts without what tells whose they are: projects, accounts, e-mails and ids become those of the golden cases."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..redaction import redact

_ID = re.compile(
    r"\b(?P<prefix>(?:msg|toolu|srvtoolu|tooluse|call|req|resp|rs|gen|file|fc|chatcmpl)[_-])"
    r"(?:vrtx_|bdrk_)?(?=[A-Za-z]*\d)[A-Za-z0-9]{12,}"
    r"|(?<![A-Za-z0-9])(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})(?![A-Za-z0-9])"
)
_PATTERNS = (
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"), "someone@example.com"),
    (re.compile(r"(?<=projects/)[^/\s\"'\\?&]+"), "p"),
    (re.compile(r"(?<=:)\d{12}(?=:)"), "123456789012"),  # the account in an ARN
    (re.compile(r"(?<![\w-])[\w-]{1,63}(?=\.(?:openai|services\.ai|cognitiveservices)\.azure\.com)"), "mine"),
    (re.compile(r"\buser_[0-9a-f]{32,}"), "someone"),
)
_TELLING = re.compile(r"(?=.*[\d-]).{6,}", re.DOTALL)  # a name that can't be a word of the chat


class Neutral:
    """Says the same for the same, over all texts of an exchange. `names` are those of accounts, such as a project;
    `people` what a request's fields call its user."""

    def __init__(self, names: Iterable[str] = (), people: Iterable[str] = ()) -> None:
        self._ids: dict[str, str] = {}
        self._names = [name for name in names if _TELLING.fullmatch(name)]
        self._people = [name for name in people if name]

    def text(self, text: str) -> str:
        """JSON, or any text."""
        for name in self._people:
            text = text.replace(f'"{name}"', '"someone"')
        text = _ID.sub(self._id, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        for name in self._names:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "p", text)
        return redact(text)

    def _id(self, found: re.Match[str]) -> str:
        if found[0] not in self._ids:
            number = len(self._ids) + 1
            prefix = found["prefix"]
            self._ids[found[0]] = f"{prefix}{number}" if prefix else f"00000000-0000-4000-8000-{number:012d}"
        return self._ids[found[0]]
