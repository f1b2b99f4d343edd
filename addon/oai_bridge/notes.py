"""What translation changed: each drop, merge, clamp or rewrite, told in one place and shown wherever a user looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .errors import InvalidRequest

_HEADER_LIMIT = 1000  # bytes of the response header; the record keeps everything


@dataclass(frozen=True, slots=True)
class Note:
    """One change. `code` is short ASCII such as `dropped:seed`, `detail` a sentence for people."""

    code: str
    detail: str


class Notes:
    """Collects the changes of one request. With `strict`, what would be dropped is a 400 instead."""

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self._notes: dict[Note, None] = {}

    def dropped(self, field: str, detail: str, code: str | None = None) -> None:
        """A field of the request that the model can't honour; raises `InvalidRequest` when strict. `code` stands for a
        field whose name is the client's own text."""
        if self.strict:
            message = f"{detail} Remove the field, or set `strict: false` to have it dropped."
            raise InvalidRequest(message, param=field, code="unsupported_parameter")
        self.add(f"dropped:{code or field}", detail)

    def add(self, code: str, detail: str) -> None:
        """A change that keeps the meaning."""
        self._notes[Note(code, detail)] = None

    def __iter__(self) -> Iterator[Note]:
        return iter(self._notes)

    def header(self) -> str:
        """The codes for `x-bridge-notes`: each once, at most 1 kB, with `...` where some are left out."""
        codes = list(dict.fromkeys(note.code for note in self._notes))
        text = ", ".join(codes)
        while len(text) > _HEADER_LIMIT:
            codes.pop()
            text = ", ".join([*codes, "..."])
        return text
