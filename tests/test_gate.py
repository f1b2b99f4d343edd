"""gate.py: every request is let in once or told why not; nobody is forgotten, and nobody is passed over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from oai_bridge.errors import BridgeError, Busy
from oai_bridge.waiting.pool import Candidate
from oai_bridge.waiting.verdict import ANSWERED
from tests.support.pools import accounts, bad, in_fake_time, run
from tests.support.streets import HOUSES, PLANS, House, Plan, Street, loop, soon


@in_fake_time
async def test_who_finds_the_way_free_does_not_wait() -> None:
    house, (a,) = House(length=0), accounts("a")
    for _ in range(5):
        await house.enter([a])
    assert house.now == 0 and house.pool.out == 5 and house.gate.waiting("f") == 0


@in_fake_time
async def test_a_place_that_comes_free_is_the_next_ones_at_once() -> None:
    house, (a,) = House(concurrent=1), accounts("a")
    permit = await house.enter([a])
    waiting = [house.coming([a], name) for name in "xyz"]
    await soon()
    assert house.gate.waiting("f") == 3 and house.pool.out == 1
    for task in waiting:
        house.gate.release(permit)
        assert house.pool.out == 1  # nobody who comes now can be faster
        await soon()
        permit = task.result()
    assert house.log == ["x@0", "y@0", "z@0"]
    assert house.gate.waiting("f") == 0


@in_fake_time
async def test_who_rests_is_waited_for_no_longer_than_it_rests() -> None:
    house, (a,) = House(), accounts("a")
    await house.rests(a, bad("cooling", 20))
    tasks = [house.coming([a], "x", within=21), house.coming([a], "y", within=23)]
    house.gate.release(await tasks[0])
    await tasks[1]
    assert house.log == ["x@20", "y@20"]  # the second when the first has left without news


@in_fake_time
async def test_good_news_let_all_in_at_once() -> None:
    house, (a,) = House(), accounts("a")
    await house.rests(a, bad("cooling", 20))
    tasks = [house.coming([a], name) for name in "xyyy"]
    house.gate.settle(await tasks[0], ANSWERED)
    await asyncio.gather(*tasks)
    assert house.log == ["x@20", "y@20", "y@20", "y@20"]


@in_fake_time
async def test_whoever_comes_back_first_is_enough() -> None:
    house, wanted = House(), accounts("ab")
    await house.rests(wanted[0], bad("broken"))
    await asyncio.sleep(10)
    await house.rests(wanted[1], bad("cooling", 100))
    assert (await house.enter(wanted)).candidate is wanted[0]
    assert house.now == 30


@pytest.mark.parametrize(
    ("rest", "within", "timeout", "expected"),
    [
        (60, 59, 120, ("rate_limit_exceeded", 60, 0)),
        (60, 1000, 59, ("rate_limit_exceeded", 60, 0)),
        (1e9, 1000, 120, ("rate_limit_exceeded", 3600, 0)),
        (60, 61, 61, None),
    ],
)
@in_fake_time
async def test_waiting_that_can_not_help_is_refused_at_once_with_the_truth(
    rest: float, within: float, timeout: float, expected: tuple[str, float, float] | None
) -> None:
    house, (a,) = House(timeout=timeout), accounts("a")
    await house.rests(a, bad("cooling", rest))
    if expected is None:
        await house.enter([a], within=within)
        assert house.now == rest
    else:
        assert await house.refused(house.enter([a], within=within)) == expected
        await asyncio.sleep(expected[1])
        assert await house.enter([a], within=0.5)


@in_fake_time
async def test_who_waits_is_refused_as_soon_as_it_is_no_use_any_more() -> None:
    house, (a,) = House(), accounts("a")
    first = await house.enter([a])
    second = await house.enter([a])
    house.gate.settle(first, bad("cooling", 5))
    waiting = asyncio.create_task(house.refused(house.enter([a], within=30)))
    await asyncio.sleep(2)
    house.gate.settle(second, bad("cooling", 600))
    assert await waiting == ("rate_limit_exceeded", 600, 2)


@in_fake_time
async def test_who_can_not_be_served_hears_what_the_cloud_said() -> None:
    house, (a,) = House(), accounts("a")
    await house.rests(a, bad("denied", message="Not you."))
    for _ in range(2):
        with pytest.raises(BridgeError, match="has just refused all accounts") as raised:
            await house.enter([a], tried=[a])
        assert "Not you." not in raised.value.message  # that was for another request
    assert house.now == 0


@in_fake_time
async def test_where_nobody_may_wait_the_queue_is_full() -> None:
    house, (a,) = House(length=0, concurrent=1), accounts("a")
    await house.enter([a])
    assert await house.refused(house.enter([a])) == ("queue_full", 1, 0)
    house, (a,) = House(length=0), accounts("a")
    await house.rests(a, bad("cooling", 7))
    assert await house.refused(house.enter([a])) == ("queue_full", 7, 0)


@in_fake_time
async def test_a_full_queue_is_told_with_a_wait_that_is_long_enough() -> None:
    house, (a,) = House(length=2), accounts("a")
    await house.rests(a, bad("cooling", 40))
    waiting = [house.coming([a], "x"), house.coming([a], "x")]
    await asyncio.sleep(10)
    assert await house.refused(house.enter([a])) == ("queue_full", 30, 0)
    await asyncio.sleep(25)
    assert await house.refused(house.enter([a])) == ("queue_full", 35, 0)  # those who wait have waited that long
    waiting[0].cancel()
    await soon()
    waiting.append(house.coming([a], "y"))
    await soon()
    assert house.gate.waiting("f") == 2
    house.gate.settle(await waiting[1], ANSWERED)
    await waiting[2]


@in_fake_time
async def test_nobody_waits_longer_than_the_queue_lets_him() -> None:
    house, (a,) = House(concurrent=1, timeout=15), accounts("a")
    await house.enter([a])
    assert await house.refused(house.enter([a])) == ("queue_timeout", 15, 15)
    assert await house.refused(house.enter([a], within=4)) == ("queue_timeout", 4, 4)
    waiting = house.coming([a], "x")
    await asyncio.sleep(12)
    assert await house.refused(house.enter([a], within=2)) == ("queue_timeout", 14, 2)
    with pytest.raises(Busy):
        await waiting


@in_fake_time
async def test_a_request_that_comes_back_has_its_place_already() -> None:
    """Neither the queue's length nor its time turns it away, only its own deadline does."""
    house, (a,) = House(concurrent=1, length=0, timeout=1), accounts("a")
    visit = house.gate.visit("x", "f")
    house.gate.release(await house.enter([a], visit=visit))
    permit = await house.enter([a])
    task = house.coming([a], "x", visit=visit, tried={a: 0.0})
    await asyncio.sleep(10)
    assert visit.waited == 0 and not task.done()
    house.gate.release(permit)
    house.gate.release(await task)
    assert visit.waited == 10


@in_fake_time
async def test_a_request_that_comes_back_goes_before_its_clients_later_ones() -> None:
    house, (a,) = House(concurrent=1), accounts("a")
    visit = house.gate.visit("x", "f")
    permit = await house.enter([a], visit=visit)
    later = house.coming([a], "x")
    await soon()
    again = house.coming([a], "x", visit=visit)
    await soon()
    house.gate.release(permit)
    house.gate.release(await again)
    await later


@in_fake_time
async def test_who_comes_when_the_loop_is_late_does_not_pass_those_who_wait() -> None:
    house, (a,) = House(), accounts("a")
    await house.rests(a, bad("cooling", 5))
    waiting = house.coming([a], "x")
    await soon()
    loop().now += 5  # somebody was busy, and the gate's alarm is overdue
    await asyncio.gather(house.coming([a], "y"), waiting)
    assert house.log == ["x@5", "y@7"]


@in_fake_time
async def test_those_who_wait_for_another_model_are_in_nobodys_way() -> None:
    house, (a,) = House(length=3, concurrent=1), accounts("a")
    other = Candidate(a.credential, "other")
    await house.rests(a, bad("cooling", 50))
    waiting = [house.coming([a], name) for name in "xy"]
    await soon()
    permit = await house.enter([other], "x")
    assert house.now == 0
    third = house.coming([other], "x")
    await soon()
    house.gate.release(permit)
    await third
    assert house.log == ["x@0"]
    house.gate.release(third.result())
    house.gate.release(await waiting[1])  # the other client has just had a turn
    house.gate.release(await waiting[0])


@pytest.mark.parametrize(
    ("come", "served"),
    [("aaabbc", "abcaba"), ("yyyyyyxx", "yxyxyyyy"), ("nxyyyyyyx", "xyxyyyyy"), ("nyyyyyyxx", "xyxyyyyy")],
)
@in_fake_time
async def test_clients_take_turns_whatever_else_they_wait_for(come: str, served: str) -> None:
    """`n` is a request of x for another model, which rests."""
    house, (a,) = House(concurrent=1), accounts("a")
    other = Candidate(a.credential, "other")
    await house.rests(other, bad("cooling", 100))
    permit = await house.enter([a])
    tasks = [house.coming([other], "x") if name == "n" else house.coming([a], name) for name in come]
    await soon()
    for _ in served:
        house.gate.release(permit)
        await soon()
        (permit,) = house.pool._out
    assert "".join(entry[0] for entry in house.log) == served
    house.gate.release(permit)
    await asyncio.gather(*tasks)


@in_fake_time
async def test_who_leaves_leaves_nothing_behind() -> None:
    house, (a,) = House(concurrent=1), accounts("a")
    permit = await house.enter([a])
    tasks = [house.coming([a], name) for name in "xyz"]
    await soon()
    tasks[0].cancel()
    house.gate.release(permit)  # its turn comes at the same moment
    await soon()
    assert tasks[0].cancelled() and house.log == ["y@0"]
    house.gate.release(tasks[1].result())
    tasks[2].cancel()  # it has its permit, and does not know it yet
    await soon()
    assert tasks[2].cancelled() and house.pool.out == 0 and house.gate.waiting("f") == 0


@in_fake_time
async def test_who_has_just_left_does_not_go_and_find_out() -> None:
    house, (a,) = House(), accounts("a")
    await house.rests(a, bad("cooling", 5))
    leaving, waiting = house.coming([a], "x"), house.coming([a], "y")
    loop().call_later(5, leaving.cancel)  # before the gate's own alarm of the same moment
    await waiting
    assert house.log == ["y@5"]


@in_fake_time
async def test_it_tells_who_waits_and_for_how_long_and_who_rests() -> None:
    house, (a,) = House(concurrent=1), accounts("a")
    await house.rests(a, bad("broken"))
    told = house.gate.rests(a.credential)
    assert {model: trouble.state for model, trouble in told.items()} == {None: "broken"}
    assert 20 < told[None].until < 40
    await asyncio.sleep(30)
    assert house.gate.rests(a.credential) == {}
    permit = await house.enter([a])
    house.gate.settle(permit, ANSWERED)
    task = house.coming([a], "x")
    await asyncio.sleep(6)
    assert [house.gate.waiting(family) for family in ("f", "g")] == [1, 0]
    assert [house.gate.estimate(family) for family in ("f", "g")] == [6, 0]
    house.gate.release(permit)
    await task
    assert house.gate.waiting("f") == house.gate.estimate("f") == 0


@settings(max_examples=150)
@given(plans=st.lists(PLANS, min_size=1, max_size=20), tiers=st.lists(st.integers(0, 1), min_size=1, max_size=3),
       options=HOUSES)  # fmt: skip
def test_whatever_happens_each_request_ends_once_and_nobody_is_forgotten(
    plans: list[Plan], tiers: list[int], options: dict[str, Any]
) -> None:
    async def living() -> None:
        await Street(plans, tiers, **options).live()

    run(living())
    for ending in {plan.endings[0] for plan in plans}:
        event(ending)
