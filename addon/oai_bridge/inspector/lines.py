"""Text of others made fit for a screen: control characters escaped, lines broken at a width in columns. Linear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_HARMFUL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)  # not the joiners U+200C and U+200D, which belong to words and emoji
_WORD = re.compile(r"\S+|\s+")


def escaped(text: str) -> str:
    """`text` without what moves a terminal's cursor, colours it, turns the direction of writing or can't be seen; lines
    stay."""
    return _HARMFUL.sub(lambda found: repr(found[0])[1:-1], text.replace("\r\n", "\n").replace("\t", "    "))


def columns(text: str) -> int:
    """How wide it is on a screen: East Asian letters are twice as wide, marks above letters have no width."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


@lru_cache(4096)
def _columns(letter: str) -> int:
    return 0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def wrapped(text: str, width: int) -> Iterator[str]:
    """The lines of `text`, the long ones broken at blanks, or within a word that is longer than a line."""
    for line in text.split("\n"):
        if columns(line) <= width:
            yield line
        else:
            yield from _broken(line, width)


def _broken(line: str, width: int) -> Iterator[str]:
    held, used = "", 0
    for word in _WORD.findall(line):
        for piece in _pieces(word, width):
            size = columns(piece)
            if used + size > width and used:
                yield held.rstrip()
                held, used = "", 0
                if piece.isspace():
                    continue
            held += piece
            used += size
    if held.strip():
        yield held.rstrip()


def _pieces(word: str, width: int) -> Iterator[str]:
    """A word, in pieces that fit into a line."""
    start = used = 0
    for place, letter in enumerate(word):
        size = _columns(letter)
        if used + size > width:
            yield word[start:place]
            start, used = place, 0
        used += size
    yield word[start:]
