"""The words of the status page in each language, and which of them a browser wants."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from ..plain import jsontext

LANGUAGES: Final[Mapping[str, str]] = {"en": "en", "zh": "zh-Hans"}
"""Those that there are words for, the one for all others first, and how HTML calls them."""


@cache
def words(language: str) -> Mapping[str, str]:
    """All words of one of the `LANGUAGES`, by names that are the same in each."""
    table: dict[str, str] = jsontext.read(files(__package__).joinpath(f"{language}.json").read_bytes())
    return table


def language_of(accept_language: str | None) -> str:
    """The one of the `LANGUAGES` that an Accept-Language header prefers."""
    best, most = next(iter(LANGUAGES)), 0.0
    for part in (accept_language or "").split(","):
        tag, *parameters = (piece.strip().lower() for piece in part.split(";"))
        language = tag.partition("-")[0]
        quality = next((_number(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
        if language in LANGUAGES and quality > most:
            best, most = language, quality
    return best


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
