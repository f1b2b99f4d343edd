"""The text of a `.env` file: the assignments in it, and what in it its writer can't have meant."""

from __future__ import annotations

import re
from collections import Counter

_ASSIGNMENT = re.compile(
    r"""
    ^[ \t]*(?:export[ \t]+)?([\w.-]+)(?:[ \t]*=|:[ \t])[ \t]*          # NAME=  or, as Node's dotenv allows, NAME: \x20
    (?:
        (?:'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|`([^`]*)`)[ \t]*(?:\#.*)?$   # quoted: may span lines
        |((?:[^\#\n]|(?<![ \t])\#)*)                                   # bare: up to the line's end or a comment
    )
    """,
    re.MULTILINE | re.VERBOSE,
)
_NAME = re.compile(r"[A-Z_]{1,40}")  # of what may be shown: the last line of a torn key reads like an assignment, too
_SHOWN = 3  # lines that are told by number


def parse_dotenv(text: str) -> dict[str, str]:
    """The assignments of a `.env` file; the last of a name counts, lines that are none are skipped.

    As dotenv libraries read it (`export`, three kinds of quotes, values over several lines, comments), except that
    `\\n` and other escapes stay as they are: the reader of a private key undoes them.
    """
    return {match[1]: _value(match) for match in _ASSIGNMENT.finditer(_plain(text))}


def oddities(text: str) -> list[str]:
    """Sentences on lines that assign nothing, and on names that stand twice. No value is told."""
    text = _plain(text)
    found = list(_ASSIGNMENT.finditer(text))
    told = []
    if stray := _stray(text, found):
        numbers = ", ".join(map(str, stray[:_SHOWN]))
        more = f" and {len(stray) - _SHOWN} more" if len(stray) > _SHOWN else ""
        told.append(
            f"Ignored in .env, line {numbers}{more}: not of the form NAME=value, with an ordinary = and nothing before "
            "the name."
        )
    for name, times in Counter(match[1] for match in found if _value(match)).items():
        if times > 1 and _NAME.fullmatch(name):
            several = "; several accounts go on one line, with commas between" if name.endswith("_CREDENTIALS") else ""
            told.append(f"{name} stands in .env {times} times, and only the last one counts{several}.")
    return told


def _stray(text: str, found: list[re.Match[str]]) -> list[int]:
    """The numbers of the lines outside of `found` that are neither empty nor comments."""
    starts = [0, *(match.end() for match in found)]
    ends = [*(match.start() for match in found), len(text)]
    stray = []
    for start, end in zip(starts, ends, strict=True):
        first = text.count("\n", 0, start) + 1
        for number, line in enumerate(text[start:end].split("\n"), first):
            if line.strip() and not line.lstrip().startswith("#"):
                stray.append(number)
    return stray


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


def _value(match: re.Match[str]) -> str:
    return next(form for form in match.groups()[1:] if form is not None).strip()
