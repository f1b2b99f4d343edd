"""The clients and caps of config.yaml, as written -> values, or a `ConfigError` that names the place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .account_lists import models_named
from .clients import Caps, Client
from .config_schema import ClientEntry, SpendingSection
from .values import WORD, ConfigError, shown

_NAME_LENGTH = 40  # characters
_MOST = {"usd": 1_000_000, "tokens": 1_000_000_000_000}
_RATE_MOST = 1_000_000


def clients_named(where: str, given: Sequence[str | ClientEntry]) -> tuple[Client, ...]:
    """Each with a name of its own: a bare key is called by its place, from 1."""
    clients = []
    for index, one in enumerate(given):
        place = f"{where}[{index}]"
        entry = one if isinstance(one, ClientEntry) else ClientEntry(key=one)
        clients.append(
            Client(
                name=_name(place, entry.name or f"key {index + 1}"),
                key=_key(where if isinstance(one, str) else f"{place}.key", entry.key),
                models=models_named(place, entry.models),
                requests_per_minute=_rate(f"{place}.requests_per_minute", entry.requests_per_minute),
                caps=caps_named(place, entry),
            )
        )
    for what, of in _UNIQUE.items():
        values = [of(client) for client in clients]
        for index, value in enumerate(values):
            if value in values[:index]:
                raise ConfigError(f"{where}[{index}] has the {what} of another client: give each one of its own.")
    return tuple(clients)


_UNIQUE: dict[str, Callable[[Client], str]] = {"name": lambda one: one.name, "key": lambda one: one.key}


def caps_named(where: str, given: ClientEntry | SpendingSection) -> Caps:
    """The caps of one client, or of all together."""
    names = Caps.__slots__
    return Caps(**{name: cap(f"{where}.{name}", getattr(given, name)) for name in names})


def cap(where: str, given: float | None) -> Any:
    """A cap in USD or tokens, by the setting's name; `None` where there is none."""
    most = _MOST["usd" if ".usd" in where else "tokens"]
    if given is None or 0 < given <= most:  # false of NaN
        return given
    raise ConfigError(
        f"{where} must be above 0 and at most {most}, not {shown(given, WORD)}; leave it empty for no cap."
    )


def _name(where: str, text: str) -> str:
    name = text.strip()
    if not name or not name.isprintable() or len(name) > _NAME_LENGTH:
        raise ConfigError(f"{where}.name must be a short name for this client, of at most {_NAME_LENGTH} characters.")
    return name


def _key(where: str, key: str | None) -> str:
    if key is None:
        raise ConfigError(f"{where} is missing: give this client a key.")
    if not key or not all("!" <= char <= "~" for char in key):
        raise ConfigError(f"{where} must hold keys of ASCII letters, digits and signs without spaces; change them.")
    return key


def _rate(where: str, given: int | None) -> int | None:
    if given is None or 1 <= given <= _RATE_MOST:
        return given
    raise ConfigError(f"{where} must be a whole number from 1 to {_RATE_MOST}, not {shown(given, WORD)}.")
