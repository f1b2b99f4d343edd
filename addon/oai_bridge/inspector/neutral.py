"""Texts without what tells whose they are: projects, accounts, e-mails and ids become those of the golden cases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from ..plain.redaction import redact

_ID = re.compile(
    r"\b(?P<prefix>(?:msg|toolu|srvtoolu|tooluse|call|req|resp|rs|gen|file|fc|chatcmpl)[_-])"
    r"(?:vrtx_|bdrk_)?(?=[A-Za-z]*\d)[A-Za-z0-9]{12,}"
    r"|(?<![A-Za-z0-9])(?!00000000-0000-4000-8000-)"  # those are the cases' own
    r"(?P<uuid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})(?![A-Za-z0-9])"
)
_NUMBER = re.compile(  # of a project of Google's or an account of AWS's, where it is named so
    r"(?P<name>(?<![^\W_])(?:project|account|containerInfo)(?:[ _-]?(?:number|id))?[\\\"'\s:=#]{1,8})\d{9,15}(?!\w)",
    re.IGNORECASE,
)
_PATTERNS = (
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"), "someone@example.com"),
    (re.compile(r"(?:(?<=projects/)|(?<=[?&]project=))[^/\s\"'\\?&]+"), "p"),
    (_NUMBER, r"\g<name>123456789012"),
    (re.compile(r"(?<=:)\d{12}(?=:)"), "123456789012"),  # the account in an ARN
    (
        re.compile(
            r"(?P<kind>(?<=:123456789012:)(?:user|role|group|federated-user)|\bassumed-role)/[\w+=,.@/-]*[\w+=@/-]"
        ),
        r"\g<kind>/someone",
    ),
    (re.compile(r"(?<![\w-])[\w-]{1,63}(?=\.(?:openai|services\.ai|cognitiveservices)\.azure\.com)"), "mine"),
    (re.compile(r"\buser_[0-9a-f]{32,}"), "someone"),
)
_TELLING = re.compile(r"(?=.*[\d-]).{6,}", re.DOTALL)  # a name that can't be a word of the chat
_ESCAPE = re.compile(r"(\\+(?:u[0-9a-fA-F]{4}|[bfnrt]))")
_LINE_END = re.compile(r"(\r\n|\r|\n)")
_HALF = re.compile("[\ud800-\udfff]")


class Neutral:
    """Says the same for the same, over all texts of an exchange. `names` are those of accounts, such as a project;
    `people` what a request's fields call its user."""

    def __init__(self, names: Iterable[str] = (), people: Iterable[str] = ()) -> None:
        self._ids: dict[str, str] = {}
        telling = [re.escape(name) for name in names if _TELLING.fullmatch(name)]
        self._names = re.compile(rf"(?<![\w-])(?:{'|'.join(telling)})(?![\w-])") if telling else None
        self._people = [name for name in people if name]

    def text(self, text: str) -> str:
        """JSON, or any text. JSON keeps its meaning but for the strings in it, and JSON in those does so as well."""
        try:
            value = json.loads(text, object_pairs_hook=_object)
            if not isinstance(value, dict | list | str):
                return self._prose(text)
            neutral = self.value(value)
        except (ValueError, RecursionError):
            return self._prose(text)
        return text if neutral == value else json_line(neutral)

    def stream(self, text: str) -> str:
        """Server-sent events, the data of each line as `text` has it."""
        return "".join(
            f"data:{' ' * line.startswith('data: ')}{self.text(line[5:].removeprefix(' '))}"
            if line.startswith("data:")
            else self._prose(line)
            for line in _LINE_END.split(text)
        )

    def value(self, value: Any, name: str = "") -> Any:
        """A JSON value, of the field `name`. Raises `RecursionError` for those that are nested too deeply."""
        if isinstance(value, dict):
            return {self.text(key): self.value(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, name) for item in value]
        if isinstance(value, str):
            return self._string(value, name)
        if type(value) is int and _NUMBER.fullmatch(f"{name}: {value}"):
            return 123456789012
        return value

    def _string(self, value: str, name: str) -> str:
        """What a field is called may tell what is in it."""
        if value in self._people:
            return "someone"
        if _NUMBER.fullmatch(f"{name}: {value}"):
            return "123456789012"
        field = f"{name}: "
        if redact(field) == field and redact(field + "anything") != field + "anything":
            value = redact(field + value).removeprefix(field)
        return self.text(value)

    def _prose(self, text: str) -> str:
        """Text that is no JSON; pieces of JSON may be in it, whose escapes belong to no word."""
        for name in self._people:
            text = text.replace(f'"{name}"', '"someone"')
        pieces = _ESCAPE.split(redact(self._unnamed(text)))
        if len(pieces) > 1:
            pieces[::2] = [redact(self._unnamed(piece)) for piece in pieces[::2]]
        pieces[::2] = map(_piece, pieces[::2])
        return "".join(pieces)

    def _unnamed(self, text: str) -> str:
        text = _ID.sub(self._id, text)
        return self._names.sub("p", text) if self._names else text

    def _id(self, found: re.Match[str]) -> str:
        if found[0] not in self._ids:
            number = len(self._ids) + 1
            prefix = found["prefix"]
            self._ids[found[0]] = f"{prefix}{number}" if prefix else f"00000000-0000-4000-8000-{number:012d}"
        return self._ids[found[0]]


def _piece(text: str) -> str:
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def json_line(value: Any) -> str:
    """A JSON value as text that UTF-8 can hold."""
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if _HALF.search(text) else text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Only one whose names differ: of two values the last counts, but the first would stay in the text."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("A name stands twice in an object.")
    return value
