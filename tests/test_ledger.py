"""ledger.py and its page: sums add up, and what isn't known is told, never 0."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.cost import Cost
from oai_bridge.events import Usage
from oai_bridge.inspector.usage_page import usage_page
from oai_bridge.ledger import Ledger, Line

NAMES = st.sampled_from(["a", "b", "c"])


def some() -> Ledger:
    ledger = Ledger()
    ledger.add("2026-11-27", "sonnet", "key 1", Usage(100, 20, 1000), Cost(0.5), failed=False, unpriced=False)
    ledger.add("2026-11-28", "sonnet", "key 2", Usage(100, 20), Cost(0.25), failed=False, unpriced=False)
    ledger.add("2026-11-28", "mine", "key 1", Usage(7, 3), None, failed=False, unpriced=True)
    ledger.add("2026-11-28", "opus", "key 1", Usage(), None, failed=True, unpriced=False)
    return ledger


def test_sums_by_day_model_and_client() -> None:
    ledger = some()
    assert ledger.sums("day") == {
        "2026-11-27": Line(1, 0, 1100, 1000, 20, 0.5),
        "2026-11-28": Line(3, 1, 107, 0, 23, 0.25, 1),
    }
    assert list(ledger.sums("model")) == ["sonnet", "mine", "opus"]
    assert ledger.sums("client")["key 2"] == Line(1, 0, 100, 0, 20, 0.25)
    assert ledger.sums("client", "2026-11-28") == {
        "key 2": Line(1, 0, 100, 0, 20, 0.25),
        "key 1": Line(2, 1, 7, 0, 3, 0.0, 1),
    }


@given(st.lists(st.tuples(NAMES, NAMES, NAMES, st.integers(0, 10**6))))
def test_every_view_has_the_same_total(given: list[tuple[str, str, str, int]]) -> None:
    ledger = Ledger()
    for day, model, client, count in given:
        ledger.add(day, model, client, Usage(count, count), Cost(count), failed=False, unpriced=False)
    for sums in (ledger.sums("day"), ledger.sums("model"), ledger.sums("client")):
        assert sum(line.prompt for line in sums.values()) == ledger.total.prompt == sum(one[3] for one in given)
        assert sum(line.requests for line in sums.values()) == len(given)


def test_names_without_end_take_no_memory_without_end() -> None:
    ledger = Ledger()
    for number in range(12_000):
        ledger.add("d", f"model {number}", "c", Usage(1), None, failed=False, unpriced=True)
    assert ledger.total.requests == 12_000
    assert len(ledger.sums("model")) == 10_001 and ledger.sums("model")["other"].requests == 2000
    assert usage_page(ledger).count("\n") < 80


def test_the_page() -> None:
    page = usage_page(some())
    assert page.startswith("by day ")
    (row,) = [line for line in page.splitlines() if line.startswith("sonnet")]
    assert row.split() == ["sonnet", "2", "0", "1.2k", "1k", "40", "$0.75"]
    assert "unknown for 1" in next(line for line in page.splitlines() if line.startswith("mine"))
    assert page.splitlines()[-1].split() == [
        "since",
        "the",
        "start",
        "4",
        "1",
        "1.2k",
        "1k",
        "43",
        *["$0.75", "+", "unknown", "for", "1"],
    ]
    assert max(map(len, page.splitlines())) < 110


def test_an_empty_page() -> None:
    assert usage_page(Ledger()) == "No cloud was asked since the start."


def test_hostile_names() -> None:
    ledger = Ledger()
    ledger.add("d", "m\n\x1b[31m" + "x" * 500, "", Usage(1), None, failed=False, unpriced=True)
    assert "\x1b" not in usage_page(ledger) and "unknown " in usage_page(ledger)
