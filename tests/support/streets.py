"""For gate.py: a gate in a house, and a street of requests that come, wait, are let in and hang up as hypothesis likes.

All of it runs in a `FakeLoop`.
"""

from __future__ import annotations

import asyncio
import copy
import math
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import strategies as st

from oai_bridge.errors import BridgeError, Busy
from oai_bridge.settings.traffic import Limits, Queueing
from oai_bridge.waiting.gate import Gate, Visit
from oai_bridge.waiting.pool import Candidate, Permit, Pool
from oai_bridge.waiting.queue import Ticket
from oai_bridge.waiting.verdict import ANSWERED, Verdict
from tests.support.pools import Account, FakeLoop, bad


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
    just before it is decided who comes next, or at the very moment when its turn has come."""

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
    client=st.sampled_from("xxxyz"),
    start=st.integers(0, 20).map(lambda quarters: quarters / 4),
    model=st.sampled_from("mmmn"),
    service=st.sampled_from([0, 0.5, 1, 1, 2, 40]),
    ends=st.lists(st.sampled_from([*ENDS]), min_size=1, max_size=3),
    within=st.sampled_from([2, 30, 200, 200]),
    cancel=st.sampled_from([None, None, None, 0, 0.25, 1, 5]),
    hunted=st.sampled_from([None, None, None, None, None, None, "before", "after"]),
)
HOUSES = st.fixed_dictionaries(
    {"length": st.sampled_from([0, 1, 4, 100, 100, 100]), "timeout": st.sampled_from([1, 10, 60, 60]),
     "concurrent": st.sampled_from([None, 1, 1, 1, 2])}
)  # fmt: skip


class Hunting(Gate):
    """Tells the simulation whenever it has made up its mind."""

    street: Street

    def _serve(self) -> None:
        self.street.hunt()
        super()._serve()

    def _end(self, ticket: Ticket, outcome: Permit | BridgeError) -> None:
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
                await asyncio.sleep(plan.service / 2)
                self.gate.settle(permit, ENDS[end])  # a stream that has begun goes on
                await asyncio.sleep(plan.service / 2 if ENDS[end] is ANSWERED else 0)
            finally:
                self.gate.release(permit)
            if not ENDS[end].again:
                break
            plan.tried[permit.candidate] = loop().time() + 0.25 * 2**place
        plan.endings.append(f"used {place + 1}")

    async def entering(self, plan: Plan, visit: Visit, deadline: float) -> Permit:
        plan.since, plan.told = loop().time(), False
        plan.most = deadline - plan.since
        if not plan.tried:
            plan.most = min(plan.most, self.options["timeout"])
        begun = len(self.waiting) - 1
        try:
            permit = await self.gate.enter(visit, plan.wanted, plan.tried, deadline)
        except Busy as error:
            waited = loop().time() - plan.since
            assert waited <= max(plan.most, 0)
            if error.code == "queue_full":
                assert begun >= self.options["length"] and waited == 0 and not plan.tried
            if error.code == "queue_timeout":
                assert waited == max(plan.most, 0)
            raise
        finally:
            plan.since = None
        if not plan.told:  # it did not wait
            self.turn(plan)
        assert self.pool.out <= self.most
        return permit

    def decided(self, number: int, outcome: Permit | BridgeError, tell: Callable[[], None]) -> None:
        plan, task = self.tasks[number]
        if isinstance(outcome, Permit):
            self.turn(plan)
        elif outcome.code == "rate_limit_exceeded" and outcome.retry_after is not None:
            now = loop().time()
            left = (plan.since or now) + plan.most - now
            for share in (0.25, 0.5, 1):  # waiting was no use, and what it is told is true
                assert not self.free(plan, now + share * max(left, 0))
            assert self.free(plan, now + outcome.retry_after)
        plan.told = True
        tell()
        if plan.hunted == "after" and task:
            task.cancel()

    def hunt(self) -> None:
        """Those who hang up just before it is decided whose turn it is."""
        for plan, task in self.tasks.values():
            if plan.hunted == "before" and task and plan in self.waiting:
                task.cancel()

    def turn(self, plan: Plan) -> None:
        """Who is let in now passes nobody who came before, nor twice one whose turn it is."""
        for other in self.waiting:
            if other is plan or (other.model, other.tried) != (plan.model, {}) or self.leaving(other):
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

    def leaving(self, plan: Plan) -> bool:
        """Whether it has hung up, or has waited long enough; it may not know yet."""
        _, task = self.tasks[plan.number]
        late = plan.since is not None and plan.since + plan.most <= loop().time()
        return late or (task is not None and task.cancelling() > 0)

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
