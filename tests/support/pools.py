"""For pool.py and gate.py: credentials that only stand there, a pool against a simple model, and a loop with a time of
its own."""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from oai_bridge.credentials.base import Access
from oai_bridge.errors import CloudError
from oai_bridge.waiting.pool import LONGEST, Candidate, Later, Nobody, Permit, Pool
from oai_bridge.waiting.verdict import ANSWERED, Rest, Scope, Verdict

_SCOPES: Mapping[Rest, Scope] = {"broken": "credential", "exhausted": "credential"}


@dataclass(eq=False)
class Account:
    """A credential that nobody asks for anything. By itself it is at a place of its own."""

    label: str
    place: str = ""
    rank: int = 0

    def __post_init__(self) -> None:
        self.place = self.place or f"at {self.label}"

    def serves(self, model: str) -> bool:
        raise AssertionError("a pool is told the candidates")

    lists = serves

    async def access(self) -> Access:
        raise AssertionError("a pool asks nobody for access")

    def refuse(self, access: Access) -> bool:
        raise AssertionError("a pool refuses nobody")


def accounts(labels: str, model: str = "m", tiers: Sequence[int] = ()) -> list[Candidate]:
    """One candidate for each letter."""
    places = zip(labels, [*tiers, *[0] * len(labels)], strict=False)
    return [Candidate(Account(label), model, (tier,)) for label, tier in places]


def bad(state: Rest, retry_after: float | None = None, *, scope: Scope | None = None, message: str = "No.") -> Verdict:
    """What a request tells that met this state, by default of what usually has it."""
    error = CloudError(message, retry_after=retry_after, request_id="req_1")
    return Verdict(state, error, scope or _SCOPES.get(state, "model"), again=True)


def taken(
    pool: Pool, wanted: Sequence[Candidate], now: float, tried: Mapping[Candidate, float] | None = None
) -> Permit:
    """A permit, where one is to be had."""
    permit = pool.pick(wanted, tried or {}, now)
    assert isinstance(permit, Permit), permit
    return permit


SECONDS = st.sampled_from([1 / 64, 0.25, 0.5, 1, 2, 3, 9, 31, 301, 1500, 3601])
STATES = st.sampled_from(["answered", "cooling", "cooling", "cooling", "exhausted", "denied", "broken", "nothing"])
WAITS = st.sampled_from([None, None, 0, 1, 5, 60, 1e9])


@dataclass
class _Known:
    """What the model knows of a model of an account, of an account or of a place: since when it failed, and before
    when nobody may ask it."""

    since: float
    least: float
    state: str
    hold: float = 0.0  # somebody is finding out
    probe: Permit | None = None


class PoolMachine(RuleBasedStateMachine):
    """Any requests at any time with any ends: whom the pool lets out, and when."""

    @initialize(tiers=st.lists(st.integers(0, 1), min_size=4, max_size=4), chance=st.sampled_from([0, 0.5, 1]))
    def begin(self, tiers: list[int], chance: float) -> None:
        self.pool = Pool(lambda: chance)
        self.now = 64.0
        here = [Account("a", "here"), Account("b", "here"), Account("c")]
        pairs = [(here[0], "m"), (here[0], "n"), (here[1], "m"), (here[2], "m")]
        self.all = [Candidate(one, model, (tier,)) for (one, model), tier in zip(pairs, tiers, strict=True)]
        self.known: dict[object, _Known] = {}
        self.out: list[Permit] = []
        self.over: list[Permit] = []

    @rule(asked=st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), data=st.data())
    def ask(self, asked: list[int], data: st.DataObject) -> None:
        wanted = [self.all[place] for place in asked]
        tried = {one: self.now + data.draw(st.sampled_from([-1, 0, 0.5])) for one in wanted if data.draw(st.booleans())}
        free = [one for one in wanted if not self._facts(one) and tried.get(one, self.now) <= self.now]
        answer = self.pool.pick(wanted, tried, self.now)
        match answer:
            case Permit():
                self._check_order(answer.candidate, free, tried)
                self._let_out(answer)
            case Later(at):
                assert not free and self.now < at <= self.now + LONGEST
                if data.draw(st.booleans()):
                    self.now = at
                    found = self.pool.pick(wanted, tried, at)
                    if isinstance(found, Permit):
                        self._let_out(found)
                    else:  # it was another's turn to find out about what is no use to this one
                        assert isinstance(found, Nobody) and tried
            case Nobody(error):
                assert not free and error.request_id is None
                assert not any(all(fact.state == "cooling" for fact in self._facts(one)) for one in wanted)

    def _check_order(self, chosen: Candidate, free: list[Candidate], tried: Mapping[Candidate, float]) -> None:
        def rank(one: Candidate) -> tuple[object, ...]:
            return one in tried, one.tier, self._load()[one.credential] if one in free else 0

        assert all(rank(chosen) <= rank(one) for one in free)

    def _let_out(self, permit: Permit) -> None:
        assert permit.at == self.now
        for fact in self._facts(permit.candidate):
            assert self.now >= fact.least, "it is resting"
            assert self.now >= fact.hold, "somebody is finding out"
            fact.hold, fact.probe = self.now + 2, permit
        self.out.append(permit)

    @precondition(lambda self: self.out or self.over)
    @rule(data=st.data(), state=STATES, wait=WAITS, scope=st.sampled_from([None, "model", "credential", "place"]))
    def tell(self, data: st.DataObject, state: Any, wait: float | None, scope: Scope | None) -> None:
        self.now += 1 / 64
        permit = data.draw(st.sampled_from([*self.out, *self.over]))
        told = {"answered": ANSWERED, "nothing": Verdict()}.get(state) or bad(state, wait, scope=scope)
        self.pool.settle(permit, told, self.now)
        keys = self._keys(permit.candidate)
        if told is ANSWERED:
            for key in keys.values():
                if key in self.known and permit.at > self.known[key].since:
                    del self.known[key]
        elif told.state is not None:
            self._failed(keys[told.scope], permit, state, wait)

    def _failed(self, key: object, permit: Permit, state: str, wait: float | None) -> None:
        """The least of what has to follow: the shortest first rest, or what the cloud said, however often it failed."""
        told = state == "cooling" and wait is not None
        least = self.now + (min(max(wait or 0, 0.25), LONGEST) if told else 0.75)
        before = self.known.get(key)
        if before is None or permit.at > before.since:
            self.known[key] = _Known(self.now, least, state)
        elif told and before.state == "cooling":
            before.least = max(before.least, least)
        elif state not in ("cooling", before.state):
            self.known[key] = _Known(self.now, max(before.least, least), state)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), twice=st.booleans())
    def release(self, data: st.DataObject, twice: bool) -> None:
        permit = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.pool.release(permit)
        for fact in self.known.values():
            if fact.probe is permit:  # it has not found out
                fact.hold, fact.probe = 0.0, None
        if twice:
            self.pool.release(permit)
        self.over = [*self.over, permit][-3:]

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def as_many_are_out_as_were_let_out(self) -> None:
        if hasattr(self, "pool"):
            assert self.pool.out == len(self.out)
            assert +self.pool._load == self._load() and min(self.pool._load.values(), default=0) >= 0

    def teardown(self) -> None:
        """Nobody rests for ever, whatever has happened, and whether those who are out ever come back."""
        for one in self.all * 2 if hasattr(self, "pool") else ():
            self.now += LONGEST + 3
            taken(self.pool, [one], self.now)

    def _load(self) -> Counter[object]:
        return Counter(permit.candidate.credential for permit in self.out)

    def _keys(self, one: Candidate) -> dict[Scope, object]:
        account = one.credential
        return {"model": (account, one.model), "credential": account, "place": account.place}

    def _facts(self, one: Candidate) -> list[_Known]:
        return [self.known[key] for key in self._keys(one).values() if key in self.known]


class Stuck(Exception):
    """All tasks wait, and nothing is left that could wake one of them."""


class FakeLoop(asyncio.SelectorEventLoop):
    """Its time stands still while anything runs, and jumps to the next timer when nothing does. `watch` is told before
    each jump where it goes."""

    def __init__(self) -> None:
        self.now = 1024.0
        self.watch: Callable[[float], None] = lambda to: None
        self.unseen: list[Any] = []
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.unseen.append(context)


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: FakeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self._loop.watch(self._loop.now + timeout)
            self._loop.now += timeout
        return super().select(0)


def run[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """In a `FakeLoop`; what asyncio would only write to the log fails here."""
    loop = FakeLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            return runner.run(coroutine)
        finally:
            for context in loop.unseen:
                raise context.get("exception") or AssertionError(context["message"])


def in_fake_time[**P, T](test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Runs a test in a `FakeLoop`."""

    @functools.wraps(test)
    def running(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(test(*args, **kwargs))

    return running
