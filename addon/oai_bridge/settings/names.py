"""Looks settings up by name: in the environment first, then in a `.env` file; the former may be another program's."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .texts import QUOTES, is_placeholder
from .values import ConfigError

# Where the example files of tutorials hold stand-ins.
_STAND_IN_NAMES = """
    ADMIN_KEY ANTHROPIC_FOUNDRY_API_KEY ANTHROPIC_FOUNDRY_BASE_URL ANTHROPIC_FOUNDRY_RESOURCE ANTHROPIC_KEY
    ANTHROPIC_VERTEX_PROJECT_ID AWS_ACCESS_KEY_ID AWS_BEARER_TOKEN_BEDROCK AWS_CREDENTIALS AWS_PROFILE
    AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AZURE_CREDENTIALS AZURE_OPENAI_API_KEY AZURE_OPENAI_ENDPOINT FIREBASE_KEY
    GCP_CREDENTIALS GOOGLE_CLOUD_PROJECT GOOGLE_SHEETS_KEY GOOGLE_SHEETS_SPREADSHEET_ID OPENAI_KEY PROXY_KEY
"""
_STAND_INS = frozenset(_STAND_IN_NAMES.split())
# In the environment they are some other program's and not read: a machine that happens to have them names nothing here.
_EVERYBODYS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "NODE_ENV"})

_NEAR = 0.87  # how alike two names are (1: the same) of which one is a slip for the other: a letter, an `_API` less


@dataclass(frozen=True, slots=True)
class Value:
    """What stands under a name. `where` is for messages: `PORT in .env`."""

    text: str = field(repr=False)
    where: str
    folder: Path | None  # what a relative path in it is relative to; None: the working directory

    @property
    def is_ours(self) -> bool:
        """Whether it stands in `.env`; what stands in the environment may be there for another program."""
        return self.folder is not None


class Names:
    """Looks names up in both places. Values lose the quotes that some tools leave around them."""

    def __init__(self, environment: Mapping[str, str], dotenv: Mapping[str, str], folder: Path) -> None:
        """`folder` is where the `.env` file is."""
        ours = {name: text for name, text in environment.items() if name not in _EVERYBODYS}
        self._sources: tuple[tuple[Mapping[str, str], str, Path | None], ...] = (
            (ours, "the environment", None),
            (dotenv, ".env", folder),
        )
        self._known: set[str] = set()

    def all(self, name: str) -> Iterator[Value]:
        """Its values, that of the environment first; what is empty or a placeholder is none."""
        self._known.add(name)
        for source, title, folder in self._sources:
            text = _unquoted(source.get(name, ""))
            if text and not _is_stand_in(name, text):
                yield Value(text, f"{name} in {title}", folder)

    def get(self, *names: str) -> Value | None:
        """The first that is set, any of the names in the environment before any in `.env`."""
        found = [value for name in names for value in self.all(name)]
        return min(found, key=lambda value: value.folder is not None, default=None)

    def lower_first(self, name: str) -> Value | None:
        """For the names that exist in both cases: the lower-case one wins, as in curl."""
        return self.get(name, name.upper())

    def set_names(self) -> set[str]:
        """The names that are set to something in either place."""
        return {name for source, _, _ in self._sources for name, text in source.items() if _unquoted(text)}

    def slips(self) -> dict[str, str]:
        """Names in `.env` that nobody has asked for, but for one that reads nearly the same; and that one."""
        dotenv = self._sources[1][0]
        known = sorted(self._known - dotenv.keys())
        near = {
            name: difflib.get_close_matches(name.upper(), known, n=1, cutoff=_NEAR)
            for name, text in dotenv.items()
            if name not in self._known and _unquoted(text)
        }
        return {name: found[0] for name, found in near.items() if found}

    def placeholders(self) -> set[str]:
        """The names that still hold an example's stand-in."""
        return {name for source, _, _ in self._sources for name, text in source.items() if _is_stand_in(name, text)}


def checked[T](check: Callable[[str, str], T], value: Value | None, problems: list[str]) -> T | ConfigError | None:
    """The value of a cloud's own name, put right. What is wrong with one in `.env` is added to `problems`; with one in
    the environment it is the result, since nobody may need that value: `sound` raises it for who does."""
    if value is None:
        return None
    try:
        return check(value.where, value.text)
    except ConfigError as error:
        if not value.is_ours:
            return error
        problems.append(str(error))
        return None


def sound[T](value: T | ConfigError) -> T:
    """A value of `checked` for one who needs it; raises what is wrong with it."""
    if isinstance(value, ConfigError):
        raise ConfigError(str(value))
    return value


def unused(cloud: str, others: bool, error: ConfigError) -> str:
    """What is told when a cloud's own names make no account of it; `others`: whether it has accounts all the same."""
    return f"{'Ignored' if others else f'{cloud} stays off'}, since {error}"


def _is_stand_in(name: str, text: str) -> bool:
    return name in _STAND_INS and is_placeholder(_unquoted(text))


def _unquoted(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in QUOTES
    return text[1:-1].strip() if quoted else text
