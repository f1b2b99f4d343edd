"""Who may ask here, and how much each may use: the clients of the settings, and the caps on what is spent."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

LOCAL = "local"
"""The one client where no key is asked for: whoever is on this machine."""


@dataclass(frozen=True, slots=True)
class Caps:
    """The most that may be used in a day or a month of this machine's calendar; `None`: no cap."""

    usd_per_day: float | None = None
    usd_per_month: float | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None


@dataclass(frozen=True, slots=True)
class Spending:
    """The caps for all clients together. `unpriced`: what becomes of a request whose price isn't known while a cap in
    USD is to be kept."""

    caps: Caps = Caps()
    unpriced: Literal["refuse", "allow"] = "refuse"


@dataclass(frozen=True, slots=True)
class Client:
    """One who has a key. `models` are patterns such as `claude-*` of what it may ask for, empty: everything;
    `requests_per_minute` is None where the one for all counts."""

    name: str
    key: str = field(repr=False)
    models: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    caps: Caps = Caps()

    @property
    def is_limited(self) -> bool:
        """Whether it may not have everything, or not at will."""
        return bool(self.models) or self.requests_per_minute is not None or self.caps != Caps()

    def may_use(self, *names: str) -> bool:
        """Whether it may ask for a model that has these names."""
        return not self.models or any(fnmatchcase(name, pattern) for name in names for pattern in self.models)
