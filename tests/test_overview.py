"""overview.py: the last requests are kept, with links where mitmweb has them, and the ledger's sums are cut by days."""

from __future__ import annotations

import time

import pytest

from oai_bridge.money.entry import Entry
from oai_bridge.money.ledger import Key, Ledger, Line
from oai_bridge.pages import Checked, Used
from oai_bridge.pages.overview import Overview, usage_of
from tests.support.page_parts import SNAPSHOT

NOON = time.mktime((2026, 3, 2, 12, 0, 0, 0, 0, -1))


def entry(number: int) -> Entry:
    return Entry(f"req_{number}", 0.0, 0.0, "local")


def test_the_last_requests_the_newest_first() -> None:
    overview = Overview()
    for number in range(60):
        overview.ended(f"flow {number}", entry(number))
    recent = overview.details(SNAPSHOT, Ledger(), Checked(), "", lambda flow: True).recent
    assert [one.entry.id for one in recent] == [f"req_{number}" for number in reversed(range(10, 60))]


@pytest.mark.parametrize(("web", "links"), [("http://127.0.0.1:8081", ["", "flow 0"]), ("", ["", ""])])
def test_a_link_leads_to_what_mitmweb_has(web: str, links: list[str]) -> None:
    overview = Overview()
    for number in range(2):
        overview.ended(f"flow {number}", entry(number))
    details = overview.details(SNAPSHOT, Ledger(), Checked(), web, lambda flow: flow == "flow 0")
    assert [one.flow for one in details.recent] == links and details.web == web


def test_the_ledgers_days_and_this_month_and_today() -> None:
    ledger = Ledger()
    for day, model, client, usd in (
        ("2026-02-28", "old", "a", 4.0),
        ("2026-03-01", "m", "a", 2.0),
        ("2026-03-02", "m", "b", 1.0),
    ):
        ledger.add(Key(day, model, client), Line(1, prompt=10, output=5, cost=usd))
    ledger.add(Key("2026-03-02", "new", "b"), Line(1, 1, prompt=3, cached=3, unpriced=1, usd=0.25, tokens=8))
    usage = usage_of(ledger, NOON)
    assert usage.today == "2026-03-02"
    assert {day: used.usd for day, used in usage.days.items()} == {
        "2026-02-28": 4.0,
        "2026-03-01": 2.0,
        "2026-03-02": 1.0,
    }
    assert usage.month == Used(3, 23, 3, 10, 3.0, 1, 0.25, 8)
    assert {name: used.usd for name, used in usage.models.items()} == {"m": 3.0, "new": 0.0}
    assert {name: used.usd for name, used in usage.clients.items()} == {"a": 2.0, "b": 1.0}
    assert usage.clients_today == {"b": Used(2, 13, 3, 5, 1.0, 1, 0.25, 8)}


def test_of_a_proxy_that_has_just_started_nothing_is_told() -> None:
    usage = usage_of(Ledger(), NOON)
    assert (usage.days, usage.month, usage.models) == ({}, Used(), {})
