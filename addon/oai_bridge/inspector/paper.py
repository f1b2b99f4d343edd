"""Lines for mitmproxy's viewers: wrapped, with control characters escaped, and never more than somebody can read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .lines import escaped, wrapped

WIDTH = 84  # columns; mitmweb wraps nothing, and half of an ordinary screen has no more
LIMIT = 600_000  # characters of a page
_GAP = " "  # a blank line has no height in mitmweb
_BREAKS = re.compile(r"\r\n|\n|\r")
_AROUND = 4  # a cut text keeps so many times more of its beginning than of its end


def shortened(text: str, limit: int) -> tuple[str, int, str]:
    """The beginning, the number of characters that are left out, and the end; all of it where it is short enough."""
    if len(text) <= limit:
        return text, 0, ""
    end = limit // (_AROUND + 1)
    return text[: limit - end], len(text) - limit, text[len(text) - end :] if end else ""


class Paper:
    """Takes lines until it is full; `str()` gives the page, which says if something is left out."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._lines: list[str] = []
        self._left = limit
        self._unseen = 0

    @property
    def is_full(self) -> bool:
        return self._left <= 0

    def leave_out(self, characters: int) -> None:
        """So many are not shown."""
        self._unseen += characters

    def line(self, text: str = "") -> None:
        """One line as it is, but for control characters."""
        if self.is_full:
            self._unseen += len(text)
            return
        shown = escaped(text).rstrip(" \n").replace("\n", "\\n")[: self._left]
        self._unseen += max(len(text) - self._left, 0)
        self._lines.append(shown or _GAP)
        self._left -= len(shown) + 1

    def gap(self) -> None:
        """A blank line, one at most between two others."""
        if self._lines and self._lines[-1] != _GAP:
            self.line()

    def heading(self, text: str, aside: str = "") -> None:
        """A line that begins a section, with words at its right end."""
        self.gap()
        dashes = WIDTH - len(text) - len(aside) - 6
        self.line(f"── {text} {'─' * max(dashes, 2)}" + (f" {aside}" if aside else ""))

    def text(self, text: str, indent: str = "", limit: int = LIMIT) -> None:
        """Text with its own line breaks, wrapped; of more than `limit` characters the beginning and the end."""
        head, left_out, tail = shortened(text, limit)
        self._block(head, indent)
        if left_out and self.is_full:
            self.leave_out(left_out + len(tail))
        elif left_out:
            self.line(f"{indent}[… {left_out:,} characters are left out here …]")
            self._block(tail, indent)

    def table(self, rows: Iterable[tuple[str, str]], indent: str = "") -> None:
        """Names and values in two columns."""
        given = [(name, value) for name, value in rows if value]
        column = max((len(name) for name, _ in given), default=0) + 2
        for name, value in given:
            lead = f"{indent}{name:<{column}}"
            for line in self._lines_of(value, WIDTH - len(lead)):
                self.line(lead + line)
                lead = " " * len(lead)

    def _block(self, text: str, indent: str) -> None:
        for line in self._lines_of(text, WIDTH - len(indent)):
            self.line(indent + line)

    def _lines_of(self, text: str, width: int) -> Iterator[str]:
        start = 0
        while start <= len(text):
            if self.is_full:  # no more work on what nobody will see
                self._unseen += len(text) - start
                return
            match = _BREAKS.search(text, start)
            end = match.start() if match else len(text)
            if end - start > self._left:
                self._unseen += end - start - self._left
                piece = text[start : start + self._left]
            else:
                piece = text[start:end]
            yield from wrapped(escaped(piece), max(width, 20))
            start = match.end() if match else len(text) + 1

    def __str__(self) -> str:
        page = "\n".join(self._lines)
        if self._unseen:
            page += f"\n[… {self._unseen:,} characters more are not shown: the page is full …]"
        return page
