"""gate.py: every request is let in once or told why not; nobody is forgotten, and nobody is passed over."""

from __future__ import annotations

import asyncio
import copy
import math
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from oai_bridge.errors import BridgeError, Busy
from oai_bridge.gate import Gate, Visit
from oai_bridge.pool import Candidate, Permit, Pool
from oai_bridge.traffic import Limits, Queueing
from oai_bridge.verdict import ANSWERED, Verdict
from tests.support.pools import Account, FakeLoop, accounts, bad, in_fake_time, run


def loop() -> FakeLoop:
    return cast(FakeLoop, asyncio.get_running_loop())


class House:
    """A gate with its pool, and who has gone through."""

    def __init__(self, *, length: int = 100, timeout: float = 120, concurrent: int | None = None) -> None:
        self.pool = Pool(lambda: 0.5)
        self.gate = Gate(self.pool, Queueing(length, timeout), Limits(concurrent), loop().time)
        self.begun = loop().time()
        self.log: list[str] = []

    @property
    def now(self) -> float:
        return loop().time() - self.begun

    async def enter(
        self,
        wanted: Sequence[Candidate],
        client: str = "x",
        *,
        tried: Iterable[Candidate] = (),
        within: float = 1000,
        visit: Visit | None = None,
    ) -> Permit:
        visit = visit or self.gate.visit(client, "f")
        return await self.gate.enter(visit, wanted, dict.fromkeys(tried, 0.0), loop().time() + within)

    def coming(self, wanted: Sequence[Candidate], client: str, **options: Any) -> asyncio.Task[Permit]:
        """A request that comes now; the log tells when it is let in."""

        async def enters() -> Permit:
            permit = await self.enter(wanted, client, **options)
            self.log.append(f"{client}@{self.now:g}")
            return permit

        return asyncio.create_task(enters())

    async def refused(self, entering: Coroutine[Any, Any, Permit]) -> tuple[str | None, float, float]:
        """Its code, its Retry-After, and after how many seconds it was told."""
        begun = self.now
        with pytest.raises(BridgeError) as raised:
            await entering
        return raised.value.code, raised.value.retry_after or 0, self.now - begun

    async def rests(self, one: Candidate, told: Verdict) -> None:
        permit = await self.enter([one])
        self.gate.settle(permit, told)
        self.gate.release(permit)


async def soon() -> None:
    """The next turn of the loop, and no time has passed."""
    await asyncio.sleep(0)


# -- by tables ---------------------------------------------------------------------------------------------------------


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
    assert house.log == ["x@20", "y@22"]  # the second when the first has brought no news


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
        with pytest.raises(BridgeError, match="Not you"):
            await house.enter([a], tried=[a])
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
async def test_a_request_that_comes_back_has_waited_already() -> None:
    house, (a,) = House(concurrent=1, timeout=15), accounts("a")
    permit = await house.enter([a])
    visit = house.gate.visit("x", "f")
    task = house.coming([a], "x", visit=visit)
    await asyncio.sleep(10)
    house.gate.release(permit)
    await task
    assert visit.waited == 10
    assert await house.refused(house.enter([a], visit=visit)) == ("queue_timeout", 10, 5)
    assert visit.waited == 15


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
    [("aaabbc", "abcaba"), ("yyyyyyxx", "yxyxyyyy"), ("nxyyyyyyx", "xyxyyyyy"), ("nyyyyyyxx", "yxyxyyyy")],
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
    assert house.gate.rests(a.credential) == {None: "broken"}
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


# -- by simulation -----------------------------------------------------------------------------------------------------

ENDS = {
    "answered": ANSWERED,
    "nothing": Verdict(),
    "strike": Verdict("cooling", bad("cooling").error, strike=True, again=True),
    "asked too often": bad("cooling"),
    "asked too often, for long": bad("cooling", 25),
    "asked too often, at once": bad("cooling", 0),
    "unreachable": bad("cooling", scope="place"),
    "denied": bad("denied"),
    "broken": bad("broken"),
}


@dataclass(eq=False)
class Plan:
    """A request: when it comes, how long each attempt takes and how it ends, and when its client hangs up. `hunted`:
    at the very moment when its turn has come, just before or after it is told."""

    client: str
    start: float
    model: str
    service: float
    ends: list[str]
    within: float
    cancel: float | None
    hunted: str | None
    endings: list[str] = field(default_factory=list)
    wanted: list[Candidate] = field(default_factory=list)
    tried: dict[Candidate, float] = field(default_factory=dict)
    passed: Counter[str] = field(default_factory=Counter)  # turns of others while it waits
    since: float | None = None  # it waits
    most: float = 0  # it may wait
    number: int = 0
    told: bool = False


PLANS = st.builds(
    Plan,
    client=st.sampled_from("xxyz"),
    start=st.integers(0, 40).map(lambda quarters: quarters / 4),
    model=st.sampled_from("mmn"),
    service=st.sampled_from([0, 0.25, 1, 1, 5, 40]),
    ends=st.lists(st.sampled_from([*ENDS]), min_size=1, max_size=3),
    within=st.sampled_from([2, 30, 200]),
    cancel=st.none() | st.sampled_from([0, 0.25, 1, 5]),
    hunted=st.sampled_from([None, None, None, "before", "after"]),
)
HOUSES = st.fixed_dictionaries(
    {"length": st.sampled_from([0, 1, 4, 100]), "timeout": st.sampled_from([1, 10, 60]),
     "concurrent": st.sampled_from([None, 1, 1, 2])}
)  # fmt: skip


class Hunting(Gate):
    """Tells the simulation whenever it has made up its mind."""

    street: Street

    def _end(self, ticket: Any, outcome: Permit | BridgeError) -> None:
        self.street.decided(ticket.number, outcome, lambda: super(Hunting, self)._end(ticket, outcome))


class Street(House):
    """All the requests, and those who watch them."""

    def __init__(self, plans: list[Plan], tiers: list[int], **options: Any) -> None:
        super().__init__(**options)
        self.options = options
        self.gate = Hunting(
            self.pool, Queueing(options["length"], options["timeout"]), Limits(options["concurrent"]), loop().time
        )
        self.gate.street = self
        self.most = options["concurrent"] or math.inf
        self.plans = plans
        self.tasks: dict[int, tuple[Plan, asyncio.Task[None] | None]] = {}
        credentials = [Account(str(place), "here" if place < 2 else "") for place, _ in enumerate(tiers)]
        for plan in plans:
            plan.wanted = [Candidate(one, plan.model, (tier,)) for one, tier in zip(credentials, tiers, strict=True)]

    @property
    def waiting(self) -> list[Plan]:
        return [plan for plan in self.plans if plan.since is not None and not plan.told]

    async def live(self) -> None:
        loop().watch = self.watch
        await asyncio.gather(*(self.one(plan) for plan in self.plans))
        await soon()
        assert [plan.endings for plan in self.plans if len(plan.endings) != 1] == []
        assert self.pool.out == 0 and self.pool._load.total() == 0
        assert not self.gate._waiting and len(self.gate._queue) == 0

    async def one(self, plan: Plan) -> None:
        await asyncio.sleep(plan.start)
        task = asyncio.create_task(self.attempts(plan))
        if plan.cancel is not None:
            loop().call_later(plan.cancel, task.cancel)
        await asyncio.wait([task])
        if task.cancelled():
            plan.endings.append("cancelled")
        elif error := task.exception():
            assert isinstance(error, BridgeError), error
            plan.endings.append(error.code or "")

    async def attempts(self, plan: Plan) -> None:
        visit = self.gate.visit(plan.client, "f")
        plan.number = visit.number
        self.tasks[visit.number] = plan, asyncio.current_task()
        deadline = loop().time() + plan.within
        for place, end in enumerate(plan.ends):
            permit = await self.entering(plan, visit, deadline)
            try:
                await asyncio.sleep(plan.service)
                self.gate.settle(permit, ENDS[end])
            finally:
                self.gate.release(permit)
            if not ENDS[end].again:
                break
            plan.tried[permit.candidate] = loop().time() + 0.25 * 2**place
        plan.endings.append(f"used {place + 1}")

    async def entering(self, plan: Plan, visit: Visit, deadline: float) -> Permit:
        plan.since, plan.told = loop().time(), False
        plan.most = min(deadline - plan.since, self.options["timeout"] - visit.waited)
        begun = len(self.waiting) - 1
        try:
            permit = await self.gate.enter(visit, plan.wanted, plan.tried, deadline)
        except Busy as error:
            waited = loop().time() - plan.since
            assert waited <= max(plan.most, 0)
            if error.code == "queue_full":
                assert begun >= self.options["length"] and waited == 0
            if error.code == "queue_timeout":
                assert waited == max(plan.most, 0)
            raise
        finally:
            plan.since = None
        if not plan.told:  # it did not wait
            self.turn(plan)
        assert self.pool.out <= self.most
        return permit

    def decided(self, number: int, outcome: Permit | BridgeError, tell: Any) -> None:
        plan, task = self.tasks[number]
        if isinstance(outcome, Permit):
            self.turn(plan)
        elif outcome.code == "rate_limit_exceeded" and outcome.retry_after is not None:
            now = loop().time()
            left = (plan.since or now) + plan.most - now
            for share in (0.25, 0.5, 1):  # waiting was no use, and what it is told is true
                assert not self.free(plan, now + share * max(left, 0))
            assert self.free(plan, now + outcome.retry_after)
        if plan.hunted == "before" and task:
            task.cancel()
        plan.told = True
        tell()
        if plan.hunted == "after" and task:
            task.cancel()

    def turn(self, plan: Plan) -> None:
        """Who is let in now passes nobody who came before, nor twice one whose turn it is."""
        for other in self.waiting:
            if other is plan or (other.model, other.tried) != (plan.model, {}) or other.hunted:
                continue
            if other.client == plan.client:
                assert plan.number < other.number, "it came later"
            else:
                other.passed[plan.client] += 1
                line = [one.number for one in self.waiting if (one.client, one.model) == (other.client, other.model)]
                assert min(line) < other.number or other.passed[plan.client] <= 1, "it is not its turn"
        for other in self.waiting:
            if other.client == plan.client:
                other.passed.clear()

    def free(self, plan: Plan, at: float) -> bool:
        """Whether it could be let in at that time, as far as is known now."""
        twin = copy.copy(self.pool)
        twin._resting = {key: copy.copy(rest) for key, rest in twin._resting.items()}
        twin._out, twin._load, twin._used = dict(twin._out), Counter(twin._load), dict(twin._used)
        return isinstance(twin.pick(plan.wanted, plan.tried, at), Permit)

    def watch(self, to: float) -> None:
        """Nothing moves until this time: nobody may wait who could be let in now or before."""
        now = loop().time()
        for plan in self.waiting:
            assert plan.since is not None and now <= plan.since + max(plan.most, 0)
            for share in (0, 0.5, 0.9) if self.pool.out < self.most else ():
                assert not self.free(plan, now + share * (to - now)), "nobody wakes it"


@settings(max_examples=300)
@given(plans=st.lists(PLANS, min_size=1, max_size=14), tiers=st.lists(st.integers(0, 1), min_size=1, max_size=3),
       options=HOUSES)  # fmt: skip
def test_whatever_happens_each_request_ends_once_and_nobody_is_forgotten(
    plans: list[Plan], tiers: list[int], options: dict[str, Any]
) -> None:
    async def living() -> None:
        await Street(plans, tiers, **options).live()

    run(living())
    for ending in {plan.endings[0] for plan in plans}:
        event(ending)
