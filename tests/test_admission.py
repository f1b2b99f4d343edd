"""exchanges/admission.py: who is let in, with which ways, and what is held for it."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from oai_bridge.directory import Door, Way
from oai_bridge.errors import SpendingLimit
from oai_bridge.exchanges.admission import let_in
from oai_bridge.inspector.record import Record
from oai_bridge.models.catalog import Catalog
from oai_bridge.models.passed import PassedFacts
from oai_bridge.money.books import Books
from oai_bridge.settings.clients import Caps, Spending
from oai_bridge.settings.values import Config

USD, TOKENS = Caps(usd_per_day=1), Caps(tokens_per_day=10)


class Backend:
    def __init__(self, name: str) -> None:
        self.name = name


def way(facts: Any, cloud: str = "vertex") -> Way:
    door: Any = Door(Backend(cloud), None)  # type: ignore[arg-type]  # nothing else is asked of it
    return Way(door, facts)


SONNET, OPUS = (way(Catalog().find(name)) for name in ("claude-sonnet-4-5", "claude-opus-4-8"))
UNPRICED, NEW = way(PassedFacts(id="mine", name="mine", owner="me"), "azure"), way(Catalog().find("claude-opus-99"))


def services(spending: Spending) -> Any:
    config = Config(spending=spending)
    return SimpleNamespace(config=config, books=Books(config, time.time))


async def enter(made: Any, *ways: Any, record: Record | None = None) -> tuple[Any, ...]:
    record = record or Record("req_1")
    return await let_in(made, "anna", record, ways, body={"max_tokens": 100}, size=300)


async def test_the_dearest_way_is_held() -> None:
    made, record = services(Spending(USD)), Record("req_1")
    assert await enter(made, SONNET, OPUS, record=record) == (SONNET, OPUS)
    assert "req_1" in made.books.budget and record.worst and record.worst.usd
    alone = Record("req_2")
    await enter(made, SONNET, record=alone)
    assert alone.worst and alone.worst.usd and alone.worst.usd < record.worst.usd


async def test_without_a_price_under_a_cap_in_usd() -> None:
    made = services(Spending(USD))
    assert await enter(made, SONNET, UNPRICED) == (SONNET,)  # the fallback is left out
    for first, has in ((UNPRICED, False), (NEW, True)):
        with pytest.raises(SpendingLimit) as told:
            await enter(made, first, SONNET, record=Record("new"))
        assert told.value.code == "price_unknown" and ("models.overrides" in told.value.message) is has
    assert "new" not in made.books.budget
    for spending in (Spending(USD, "allow"), Spending(TOKENS), Spending()):
        assert await enter(services(spending), UNPRICED, SONNET) == (UNPRICED, SONNET)


@pytest.mark.parametrize("kind", ["free", "unpaid"])
async def test_what_nobody_is_paid_for_is_always_let_in(kind: str) -> None:
    made = services(Spending(Caps(usd_per_day=1e-9, tokens_per_day=1)))
    for number in range(3):
        record = Record(f"req_{number}", **{kind: True})
        assert await enter(made, UNPRICED, record=record) == (UNPRICED,)
        assert record.worst is None
    await enter(made, SONNET, record=Record("paid"))
    with pytest.raises(SpendingLimit, match="requests that run may cost up to"):
        await enter(made, SONNET, record=Record("second"))
