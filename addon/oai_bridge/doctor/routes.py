"""Does a model answer? The cheapest real call by each door of an account, made as the proxy itself makes calls."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..backends import Account
from ..credentials.base import Credential
from ..directory import Directory, Door
from ..exchanges import Incoming, Services, exchange
from ..inspector.record import Record
from ..models.catalog import Catalog
from ..models.facts import Facts
from ..money.books import Books
from ..plain.jsontext import write
from ..routing import Route
from ..settings.clients import Spending
from ..settings.traffic import Failover, Limits, Queueing, Timeouts
from ..settings.values import Config
from ..waiting.gate import Gate
from ..waiting.pool import Pool
from ..waiting.rates import Rates

SECTIONS: Mapping[Account, str] = {"google": "vertex", "aws": "bedrock", "azure": "azure", "foundry": "foundry"}
"""Where each kind of account stands in the settings."""
_AT_MOST = 4  # models that are tried at a door until one is there
_OUTPUT, _THINKING_OUTPUT = 16, 256  # tokens; who thinks first needs some for that
_ASKED = "Hi"
_HOUSES = {"vertex": "google", "bedrock": "amazon"}  # whose own models there need no agreement with somebody else


@dataclass(frozen=True, slots=True)
class Trial:
    """A call that is worth a try: what for, of which model."""

    kind: Literal["count_tokens", "chat", "embeddings"]
    facts: Facts

    @property
    def is_free(self) -> bool:
        return self.kind == "count_tokens"

    def body(self) -> dict[str, Any]:
        """The least that can be asked."""
        if self.kind == "embeddings":
            return {"model": self.facts.id, "input": _ASKED}
        body: dict[str, Any] = {"model": self.facts.id, "messages": [{"role": "user", "content": _ASKED}]}
        if self.kind == "chat":
            thinks = getattr(self.facts, "reasoning", False) is True
            body["max_tokens"] = _THINKING_OUTPUT if thinks else _OUTPUT
        return body


def narrowed(
    services: Services, catalog: Catalog, kind: Account, index: int, credential: Credential, *, limit: float
) -> Services:
    """The services for one account and nobody else: one attempt, no queue, no caps, no names of the user's own; its
    pool is a fresh one, so that nothing rests by what is found out here."""
    config = services.config
    for name, section in SECTIONS.items():
        accounts = config.accounts[name][index : index + 1] if name == kind else ()
        config = replace(config, **{section: replace(getattr(config, section), accounts=accounts)})
    config = replace(
        config,
        answer_test_message=False,
        strict=False,
        aliases={},
        fallbacks={},
        models=(),
        clients=(),
        spending=Spending(),
        failover=Failover(attempts=1, resend=False, rest=False),
        queue=Queueing(),
        limits=Limits(),
        timeouts=Timeouts(connect=limit, first_byte=limit, idle=limit, total=limit, heartbeat=0),
    )
    return replace(
        services,
        config=config,
        directory=Directory(config, catalog),
        credentials={name: [credential] if name == kind else [] for name in SECTIONS},
        gate=Gate(Pool(rest=False), config.queue, config.limits),
        rates=Rates(None),
        books=Books(config, services.clock),
    )


def trials(config: Config, directory: Directory, credential: Credential) -> Iterator[tuple[Door, list[Trial]]]:
    """For each door with chats what is worth a try, the best first: nothing where the account has no model there. A
    door for vectors counts where there is no other; pictures are never asked for, they cost too much. `config` is the
    user's own, with the names that he has chosen; `directory` is that of the one account."""
    found = {door: _models(config, door, credential) for door in directory.doors}
    chats = {door: [one for one in models if one.kind == "chat"] for door, models in found.items()}
    for door, models in chats.items():
        if "chat" in door.entry.duties and (models or not any(chats.values())):
            vectors = [] if models else [one for one in found[door] if one.kind == "embedding"]
            tried = [Trial(_kind(directory, facts), facts) for facts in models[:_AT_MOST]]
            yield door, [*tried, *(Trial("embeddings", facts) for facts in vectors[:1])]


async def ask(services: Services, door: Door, trial: Trial, *, free: bool) -> Record:
    """Makes the call; the record tells what came of it. `free`: whoever answers takes no money."""
    record = Record(f"req_{uuid.uuid4().hex}", services.clock, free=free, unpaid=trial.is_free)
    incoming = Incoming(Route(trial.kind, path=door.entry.path), write(trial.body()))
    async with aclosing(exchange(services, incoming, record).answer()) as pieces:
        async for _ in pieces:
            pass
    return record


def _models(config: Config, door: Door, credential: Credential) -> list[Facts]:
    """The door's models that the account has: those that the user has listed, else all that are. Those of the cloud
    itself, which nobody has to ask for, come first, and of these the cheapest."""
    backend = door.backend
    listed: Sequence[Facts] = backend.listed()
    if config.models:
        named = [backend.find(config.aliases.get(name, name)) for name in config.models]
        listed = [facts for facts in named if facts and (backend.has(facts) or not listed)]
    return sorted(
        (facts for facts in listed if credential.serves(facts.id)), key=lambda facts: _order(facts, backend.name)
    )


def _kind(directory: Directory, facts: Facts) -> Literal["count_tokens", "chat"]:
    if facts.owner != "anthropic":
        return "chat"
    counts = (door for door in directory.doors if "count_tokens" in door.entry.duties)
    return "count_tokens" if any(door.backend.has(facts) for door in counts) else "chat"


def _order(facts: Facts, cloud: str) -> tuple[bool, float]:
    prices = getattr(facts, "prices", None)
    own = facts.owner == _HOUSES.get(cloud) and not facts.id.endswith("-maas")  # these have to be enabled
    return not own, math.inf if prices is None else prices.input + 2 * prices.output
