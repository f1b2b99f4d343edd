"""Lets a request in as far as the caps on spending allow, before any credential is touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..directory import Way
from ..errors import SpendingLimit
from ..inspector.record import Record
from ..models.facts import ModelFacts
from ..money.worst import Worst, worst_of, worst_of_all
from .services import Services


async def let_in(
    services: Services, client: str, record: Record, ways: Sequence[Way], *, body: Mapping[str, Any], size: int
) -> tuple[Way, ...]:
    """The ways that may be asked for the client's `body` of `size` bytes. Raises `SpendingLimit` where a cap is
    reached, or where it can't be kept since nobody knows the price; a fallback without one is left out."""
    books = services.books
    if record.free or record.unpaid:
        await books.let_in(record.request_id, client, None)
        return tuple(ways)
    worst = _each(services, ways, body, size)
    if books.budget.needs_prices(client):
        if worst[ways[0]].usd is None:
            raise _unpriced(ways[0])
        worst = {way: one for way, one in worst.items() if one.usd is not None}
    record.worst = worst_of_all(worst.values())
    await books.let_in(record.request_id, client, record.worst)
    return tuple(worst)


def grew(services: Services, record: Record, ways: Sequence[Way], *, body: Mapping[str, Any], size: int) -> None:
    """A request that was let in has become one of `size` bytes by what it names by URL: it counts as such."""
    if record.worst is not None:
        record.worst = worst_of_all(_each(services, ways, body, size).values())
        services.books.budget.grow(record.request_id, record.worst)


def _each(services: Services, ways: Sequence[Way], body: Mapping[str, Any], size: int) -> dict[Way, Worst]:
    return {way: worst_of(way.facts, way.door.backend.name, size, body, services.config) for way in dict.fromkeys(ways)}


def _unpriced(way: Way) -> SpendingLimit:
    own = isinstance(way.facts, ModelFacts)
    prices = "give its prices in models.overrides, " if own else ""
    return SpendingLimit(
        f"What {way.facts.id} costs at {way.door.backend.name} isn't known here, and a cap in USD is to be kept: in "
        f"config.yaml, {prices}set caps in tokens instead, or let it run uncounted with spending.unpriced: allow.",
        code="price_unknown",
        param="model",
    )
