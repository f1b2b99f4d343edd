"""What all exchanges share, what each of them answers, and what the status page tells of those who wait and rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..backends import Account
from ..credentials.base import Credential
from ..directory import Directory
from ..money.books import Books
from ..outward.fetch import Fetcher
from ..outward.upstream import UpstreamClient
from ..pages import Queued
from ..routing import Route
from ..settings.values import Config
from ..waiting.gate import Gate
from ..waiting.rates import Rates
from ..waiting.verdict import Trouble

Credentials = Mapping[Account, Sequence[Credential]]
"""Who pays, for each kind of account."""


@dataclass(frozen=True, slots=True)
class Services:
    """What all exchanges share. `clock` gives Unix seconds."""

    config: Config
    directory: Directory
    credentials: Credentials
    gate: Gate
    rates: Rates
    upstream: UpstreamClient
    fetcher: Fetcher
    books: Books
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Incoming:
    """The client's request: `body` as it came, `encoding` its Content-Encoding, `betas` what its anthropic-beta
    headers list; `client` is the same for all requests of one client, and no secret."""

    route: Route
    body: bytes
    encoding: str | None = None
    betas: tuple[str, ...] = ()
    client: str = ""


def queues_of(services: Services) -> dict[str, Queued]:
    """Who waits now, by what stands for a cloud in paths."""
    gate = services.gate
    families = {"-".join(door.entry.path) for door in services.directory.doors}
    return {family: Queued(gate.waiting(family), gate.estimate(family)) for family in families}


def rests_of(services: Services) -> dict[str, dict[str | None, Trouble]]:
    """The credentials that don't serve now, by label, and for which model; `None` stands for all of them. Names that
    are not offered are left out: they may be anything that a client has asked for. The times are Unix time."""
    offered = {one.facts.id for one in services.directory.listed(Route("models")) if one.facts}
    found: dict[str, dict[str | None, Trouble]] = {}
    now = services.clock()
    for one in (one for every in services.credentials.values() for one in every):
        rests = services.gate.rests(one)
        told = {
            model: replace(trouble, until=now + trouble.until)
            for model, trouble in rests.items()
            if model is None or model in offered
        }
        if told:
            found[one.label] = told
    return found
