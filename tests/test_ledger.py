"""ledger.py and its page: sums add up, and what isn't known is told, never 0."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.events import Usage
from oai_bridge.inspector.usage_page import usage_page
from oai_bridge.money.cost import Cost
from oai_bridge.money.entry import Entry
from oai_bridge.money.ledger import Key, Ledger, Line, day_of, first_held, summed
from oai_bridge.money.worst import Counted

NAMES = st.sampled_from(["a", "b", "c"])
DAYS = st.sampled_from(["2026-10-31", "2026-11-01", "2026-11-28"])
TODAY = "2026-11-28"


def some() -> Ledger:
    ledger = Ledger()
    ledger.add(Key("2026-11-27", "sonnet", "key 1", "vertex"), Line(1, 0, 1100, 1000, 20, 0.5, 0, 0.5, 1120))
    ledger.add(Key(TODAY, "sonnet", "key 2", "vertex"), Line(1, 0, 100, 0, 20, 0.25, 0, 0.25, 120))
    ledger.add(Key(TODAY, "mine", "key 1", "azure"), Line(1, 0, 7, 0, 3, 0, 1, 0, 10))
    ledger.add(Key(TODAY, "opus", "key 1", "bedrock"), Line(1, 1))
    return ledger


def test_sums_by_day_model_client_and_cloud() -> None:
    ledger = some()
    assert ledger.sums("day") == {
        "2026-11-27": Line(1, 0, 1100, 1000, 20, 0.5, 0, 0.5, 1120),
        TODAY: Line(3, 1, 107, 0, 23, 0.25, 1, 0.25, 130),
    }
    assert list(ledger.sums("model")) == ["sonnet", "mine", "opus"]
    assert list(ledger.sums("cloud", since=TODAY)) == ["vertex", "azure", "bedrock"]
    assert ledger.sums("client")["key 2"] == Line(1, 0, 100, 0, 20, 0.25, 0, 0.25, 120)
    assert ledger.total(since=TODAY).requests == 3


def test_what_was_spent() -> None:
    ledger = some()
    assert (ledger.spent("key 1", "2026-11").usd, ledger.spent("key 1", TODAY).tokens) == (0.5, 10)
    assert (ledger.spent(None, "2026-11").tokens, ledger.spent("nobody", "2026-11")) == (1250, Line())


def test_an_entry_is_summed_up() -> None:
    cost, usage = Cost(0.1, 0.2, 0.3, 0.4), Usage(1, 20, 300, 4000)
    entry = Entry("r", 1_795_860_000.0, 1, "me", "vertex", model="m", usage=usage, cost=cost, counted=Counted(1, 4321))
    key, line = summed(entry)
    assert key == Key(day_of(entry.began), "m", "me", "vertex") and key.day.startswith("2026-11-2")
    assert line == Line(1, 0, 4301, 300, 20, 1.0, 0, 1, 4321)
    assert summed(Entry("r", 0.0, 1, "me", error="e", unpriced=True))[1] == Line(1, 1, unpriced=1)


def test_which_days_are_held() -> None:
    assert first_held("2026-11-28") == "2026-10-28" and first_held("2026-12-31") == "2026-11-30"
    assert first_held("2026-03-01") == "2026-01-29"
    ledger = some()
    ledger.forget(TODAY)
    assert list(ledger.sums("day")) == [TODAY] and ledger.spent("key 1", "2026-11").usd == 0


@given(st.lists(st.tuples(DAYS, NAMES, NAMES, NAMES, st.integers(0, 10**6))))
def test_every_view_has_the_same_total(given: list[tuple[str, str, str, str, int]]) -> None:
    ledger = Ledger()
    for *key, count in given:
        ledger.add(Key(*key), Line(1, 0, count, 0, count, count, 0, count, 2 * count))
    whole = ledger.total()
    assert whole.prompt == sum(one[4] for one in given) and whole.requests == len(given)
    for sums in (ledger.sums("day"), ledger.sums("model"), ledger.sums("client"), ledger.sums("cloud")):
        assert sum(line.prompt for line in sums.values()) == whole.prompt
    assert sum(ledger.spent(client, "2026").usd for client in "abc") == whole.usd
    assert sum(ledger.spent(None, month).usd for month in ("2026-10", "2026-11")) == whole.usd


def test_names_without_end_take_no_memory_without_end() -> None:
    ledger = Ledger()
    for number in range(12_000):
        ledger.add(Key(TODAY, f"model {number}", "c"), Line(1, prompt=1, unpriced=1, tokens=1))
    assert ledger.total().requests == 12_000
    assert len(ledger.sums("model")) == 10_001 and ledger.sums("model")["other"].requests == 2000
    assert ledger.spent("c", TODAY).tokens == 12_000  # caps know it all the same
    assert usage_page(ledger, TODAY).count("\n") < 90


def test_the_page() -> None:
    lines = usage_page(some(), TODAY).splitlines()
    assert lines[0].split()[:4] == ["requests", "to", "clouds", "requests"]
    assert lines[1].split() == ["today", "3", "1", "107", "0", "23", *["$0.25", "+", "unknown", "for", "1"]]
    assert lines[2].split()[:3] == ["this", "month", "4"] and lines[3].startswith("since 2026-11-27 ")
    (row,) = [line for line in lines if line.startswith("sonnet")]
    assert row.split() == ["sonnet", "2", "0", "1.2k", "1k", "40", "$0.75"]
    assert "unknown for 1" in next(line for line in lines if line.startswith("mine"))
    assert [line.split()[1] for line in lines if line.startswith("by ")] == ["day", "model", "client", "cloud"]
    assert max(map(len, lines)) < 110


def test_an_empty_page() -> None:
    assert usage_page(Ledger(), TODAY) == "No cloud was asked yet."


def test_hostile_names() -> None:
    ledger = Ledger()
    ledger.add(Key(TODAY, "m\n\x1b[31m" + "x" * 500, ""), Line(1, unpriced=1))
    assert "\x1b" not in usage_page(ledger, TODAY) and "unknown " in usage_page(ledger, TODAY)
