"""Who serves a model: a route and the name that a client uses in, a door and what is known of the model out."""

from __future__ import annotations

import difflib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .backends import REGISTRY, Account, Entry
from .backends.base import Backend
from .errors import Forbidden, NotFound
from .models.catalog import Catalog
from .models.facts import Facts
from .routing import PATHS, Route, base_of
from .settings.clients import Client
from .settings.values import Config, ConfigError, shown

_SHOWN = 3  # names in an error


@dataclass(frozen=True, slots=True)
class Door:
    """One way to a cloud: the backend, what it does and where, and whose credentials it needs."""

    backend: Backend[Any, Any]
    entry: Entry

    @property
    def account(self) -> Account:
        return self.entry.account


@dataclass(frozen=True, slots=True)
class Way:
    """A door, and the model behind it that is asked: `facts` are of the kind that the door's backend is for."""

    door: Door
    facts: Any


@dataclass(frozen=True, slots=True)
class Listed:
    """A name that is offered, and the model behind it; `None` where nobody has one (a user's own list can be wrong)."""

    name: str
    facts: Facts | None
    alias: bool = False


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A door that takes the name. `known`: the model is there for certain, else it may be; `owned`: the name is of that
    cloud's own spelling; `exact`: it is the one that the cloud's list has."""

    door: Door
    facts: Facts
    known: bool
    owned: bool
    exact: bool


class Directory:
    """The doors that the settings open, in the registry's order, and the models behind them."""

    def __init__(self, config: Config, catalog: Catalog) -> None:
        self._config = config
        self.doors = tuple(
            Door(entry.make(config, catalog), entry)
            for entry in REGISTRY
            if config.accounts[entry.account] or (config.demo and entry.demo)
        )
        self._check_fallbacks()

    def find(self, route: Route, name: str, client: Client | None = None) -> tuple[Door, Facts]:
        """The door that answers a request for `name` on `route`; raises `NotFound` with the names that come close, of
        those that the `client` may use."""
        candidates = self._candidates(route, name)
        able = [one for one in candidates if route.kind in one.door.entry.duties]
        if able and (able[0].known or not any(one.known for one in candidates)):
            return able[0].door, able[0].facts
        raise self.unknown(route, name, client)

    def ways(self, route: Route, name: str, client: Client | None = None) -> tuple[Way, ...]:
        """The way that `find` finds, and those of the model's fallbacks that can do the same, on whatever cloud they
        are, as far as the `client` may use them; raises `NotFound` as `find` does, and `Forbidden`."""
        first = Way(*self.find(route, name, client))
        if client is not None and not self._may_use(client, name, first.facts.id):
            raise Forbidden(
                f"The client {client.name} may not use this model: choose one of {', '.join(client.models)}, or change "
                "its models in server.client_keys in config.yaml.",
                param="model",
                code="model_not_allowed",
            )
        names = (name, self._config.aliases.get(name, name), first.facts.id)
        fallbacks = next((self._config.fallbacks[one] for one in names if one in self._config.fallbacks), ())
        ways = {first: None}
        for fallback in fallbacks:
            with suppress(NotFound):  # it is there, but not for this kind of request
                way = Way(*self.find(Route(route.kind), fallback))
                if client is None or self._may_use(client, fallback, way.facts.id):
                    ways[way] = None
        return tuple(ways)

    def look_up(self, route: Route, name: str) -> Facts | None:
        """What is known of a model, whatever it can do; `None` where nobody has it."""
        candidates = self._candidates(route, name)
        return candidates[0].facts if candidates else None

    def listed(self, route: Route, client: Client | None = None) -> tuple[Listed, ...]:
        """What is offered on a route, each name once: the user's own list, or else Claude's models before the others,
        and the aliases at the end. Of the user's words a cloud's path has those that the cloud has, and a `client` is
        offered what it may use."""
        doors = self._at(route)
        models: dict[str, Facts | None] = {}
        if not self._config.models:
            listed = {facts.id: facts for door in reversed(doors) for facts in door.backend.listed()}
            order = dict.fromkeys(facts.id for door in doors for facts in door.backend.listed())
            models |= {id: listed[id] for id in sorted(order, key=lambda id: listed[id].owner != "anthropic")}
        for name in (*self._config.models, *self._config.aliases):
            facts = self.look_up(route, name)
            if facts or route.path is None:
                models[name] = facts
        return tuple(
            Listed(name, facts, name in self._config.aliases)
            for name, facts in models.items()
            if client is None or self._may_use(client, name, facts.id if facts else name)
        )

    def example(self) -> str | None:
        """A model to try a chat with at the first door's path; `None` where none is listed."""
        listed = self.listed(Route("models", path=self.doors[0].entry.path))
        return next((one.name for one in listed if one.facts and one.facts.kind == "chat"), None)

    def _may_use(self, client: Client, name: str, id: str) -> bool:
        """By the model's id, or by an alias: other spellings are the client's own, and prove nothing."""
        return client.may_use(id, *((name,) if name in self._config.aliases else ()))

    def _check_fallbacks(self) -> None:
        """Raises `ConfigError` for a fallback that nobody has, which would be noticed too late. The demo has none."""
        for name, fallbacks in self._config.fallbacks.items():
            for fallback in fallbacks if not self._config.demo else ():
                if self.look_up(Route("models"), fallback) is None:
                    raise ConfigError(
                        f"models.fallbacks: {shown(fallback)}, for {shown(name)}, is served by no cloud that is "
                        "configured; correct the name, or configure its cloud."
                    )

    def _at(self, route: Route) -> list[Door]:
        """The doors of a path; raises `NotFound` where the settings open none."""
        doors = [door for door in self.doors if route.path in (None, door.entry.path)]
        if doors:
            return doors
        cloud = next(entry.cloud for entry in REGISTRY if entry.path == route.path)
        raise NotFound(
            f"No credential for {cloud} is configured; README.md shows how to set one.", code="cloud_not_configured"
        )

    def _candidates(self, route: Route, name: str) -> list[_Candidate]:
        """The doors that have the model, the best first: those that are known to have it, and of these the cloud whose
        very own spelling the name is, then who calls it so. What nobody is known to have is rather a Claude, if it is
        called so, than somebody's deployment. `cloud/name` asks one cloud alone."""
        doors, wanted = self._at(route), self._config.aliases.get(name, name)
        cloud, _, rest = wanted.partition("/")
        if rest and any(door.backend.name == cloud for door in self.doors):
            doors, wanted = [door for door in doors if door.backend.name == cloud], rest
        found = [
            _Candidate(door, facts, door.backend.has(facts), door.backend.owns(wanted), facts.id == wanted)
            for door in doors
            if (facts := door.backend.find(wanted)) is not None
        ]
        return sorted(
            found,
            key=lambda one: (
                not one.known,
                not one.owned,
                not one.known and one.facts.owner != "anthropic",
                not one.exact,
            ),
        )

    def unknown(self, route: Route, name: str, client: Client | None = None) -> NotFound:
        """The error for a model that nobody serves there, or not to the `client`, with the names that come close."""
        candidates = self._candidates(route, name)
        if candidates and route.kind in PATHS:  # the first of them can something else
            base = base_of(self._config.prefix, route.path)
            paths = " and ".join(f"{base}/{PATHS[duty]}" for duty in candidates[0].door.entry.duties)
            return NotFound(f"This model is served at {paths}, not here.", param="model", code="model_not_found")
        found = next(iter(self._candidates(Route(route.kind), name) if route.path else ()), None)
        if found and found.known and (client is None or self._may_use(client, name, found.facts.id)):
            base = base_of(self._config.prefix, found.door.entry.path)
            message = f"This model is not served here: take {base} for the base URL's path, or {base_of('', None)}."
            return NotFound(message, param="model", code="model_not_found")
        names = [one.name for one in self.listed(route, client)]
        close = ", ".join(difflib.get_close_matches(name[:100], names)) or ", ".join(names[:_SHOWN])
        hint = f"Close to it: {close}." if close else "Name a deployment of yours."
        return NotFound(f"There is no model of this name here. {hint}", param="model", code="model_not_found")
