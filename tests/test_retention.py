"""inspector/retention.py: the oldest go first, what must stay stays, and none is looked at for each that comes."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.inspector.retention import Bounds, Retention, Standing, weight


class Held:
    """What a list of flows would hold, and how often it was asked."""

    def __init__(self, bounds: Bounds, standing: Mapping[str, Standing] | None = None) -> None:
        self.retention = Retention(bounds)
        self.standing = standing or {}
        self.ids: list[str] = []
        self.asked = 0

    def look(self, id: str) -> Standing:
        self.asked += 1
        return self.standing.get(id, "free")

    def add(self, id: str, size: int = 1) -> list[str]:
        self.retention.came(id)
        self.retention.ended(id, size)
        self.ids.append(id)
        dropped = self.retention.surplus(self.look)
        self.ids = [id for id in self.ids if id not in dropped]
        return dropped


def names(*numbers: int) -> list[str]:
    return [str(number) for number in numbers]


def test_the_oldest_go_beyond_the_count_and_a_tenth_more() -> None:
    held = Held(Bounds(flows=20))
    assert [held.add(id) for id in names(*range(20))] == [[]] * 20
    assert held.add("20") == names(0, 1, 2)
    assert [held.add(id) for id in names(21, 22)] == [[]] * 2
    assert held.add("23") == names(3, 4, 5)
    assert len(held.ids) == 18


def test_the_oldest_go_beyond_the_size() -> None:
    held = Held(Bounds(size=1000))
    assert [held.add(id, 250) for id in names(*range(4))] == [[]] * 4
    assert held.add("4", 10) == ["0"]
    assert held.add("5", 900) == names(1, 2, 3, 4)


def test_the_last_one_is_never_let_go() -> None:
    held = Held(Bounds(flows=1, size=10))
    assert held.add("0", 5000) == []
    assert held.add("1", 5000) == ["0"]
    assert held.ids == ["1"]


def test_without_bounds_none_goes_and_none_is_asked() -> None:
    held = Held(Bounds())
    assert all(held.add(str(number), 10**9) == [] for number in range(100))
    assert held.asked == 0


def test_what_must_stay_stays_and_the_next_oldest_go() -> None:
    held = Held(Bounds(flows=20), dict.fromkeys(names(0, 2, 5), "kept"))
    for number in range(20):
        assert held.add(str(number)) == []
    assert held.add("20") == names(1, 3, 4)
    held.standing = {}
    assert [held.add(id) for id in names(21, 22, 23)][-1] == names(0, 2, 5), "they are the oldest still"


def test_many_that_must_stay_leave_room_for_new_ones() -> None:
    held = Held(Bounds(flows=20), dict.fromkeys(names(*range(100)), "kept"))
    for number in range(100):
        held.add(str(number))
    dropped = [held.add(str(number)) for number in range(100, 110)]
    assert held.ids[:100] == names(*range(100))
    assert held.ids[-1] == "109"
    assert sum(not ids for ids in dropped) >= 5, "not each new one is the end of the one before"


def test_what_somebody_removed_does_not_count() -> None:
    held = Held(Bounds(flows=20), dict.fromkeys(names(*range(10)), "gone"))
    assert not any(held.add(str(number)) for number in range(30))
    assert held.add("30") == names(10, 11, 12)


def test_a_flow_that_is_asked_again_is_the_newest() -> None:
    held = Held(Bounds(flows=20))
    for number in range(20):
        held.add(str(number))
    held.retention.came("0")
    held.retention.ended("0", 1)
    assert held.add("20") == names(1, 2, 3)


def test_a_size_is_counted_once() -> None:
    held = Held(Bounds(size=1000))
    for _ in range(50):
        assert held.add("0", 900) == []
    held.retention.ended("0", 100)
    assert held.add("1", 900) == []


def test_what_never_came_is_none_of_ours() -> None:
    held = Held(Bounds(flows=2, size=10))
    for number in range(100):
        held.retention.ended(str(number), 1000)
    assert held.retention.surplus(held.look) == []
    assert held.asked == 0


@pytest.mark.parametrize("marked", [0, 500, 2000])
def test_looking_through_costs_each_flow_the_same_however_many_there_are(marked: int) -> None:
    held = Held(Bounds(flows=1000), dict.fromkeys(names(*range(marked)), "kept"))
    retention = held.retention
    for number in range(6000):
        retention.came(str(number))
        retention.surplus(held.look)
    assert held.asked < 6000 * 11 * (1 + marked / 1000)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 400), st.sampled_from(["free", "kept", "gone"]))))
def test_bounds_hold_for_what_may_go(flows: list[tuple[int, int, Standing]]) -> None:
    held = Held(Bounds(flows=10, size=1000), {})
    sizes: dict[str, int] = {}
    for number, size, standing in flows:
        held.standing = {**held.standing, str(number): standing}
        if str(number) in held.ids:
            held.ids.remove(str(number))
        sizes[str(number)] = size
        dropped = held.add(str(number), size)
        assert all(held.standing[id] == "free" for id in dropped)
        assert str(number) not in dropped
    if all(standing == "free" for _, _, standing in flows):
        assert len(held.ids) <= 10
        assert sum(sizes[id] for id in held.ids) <= 1000 or len(held.ids) == 1


def test_weight_is_what_texts_and_bytes_take() -> None:
    wide = "é" * 10 + "你好" * 1000  # two bytes for each letter
    assert weight(wide) == sys.getsizeof(wide) > 4000
    assert weight({"a": [b"x" * 1000, (wide, 5, None)], "b": {}}) == weight(wide) + weight(b"x" * 1000)
    nested: list[object] = []
    for _ in range(10_000):
        nested = [nested]
    assert weight(nested) == 0
