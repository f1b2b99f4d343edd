"""Which credential next: what each of them can do for each model now, as a state machine that is told the time.

All times are seconds of one clock that never goes back. What failed rests: one model of a credential, all of it, or its
region. When the rest is over one request finds out whether it serves again; the others follow when that one is
answered, or after a moment without bad news.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..credentials.base import Credential
from ..errors import BridgeError
from .verdict import RESTS, Rest, Scope, Trouble, Verdict

LONGEST: Final = 3600.0
"""No credential rests longer without being tried again."""
_LEAST = 0.25  # a cloud that says "at once" with each refusal must not be asked in a tight loop
_PROBE = 2.0  # what a request that finds out may take before the next one does
_SPARE = 1.0  # what a credential rests in any case, when no other is left
_STRIKES = 3  # failures in a row that any request may have, before they count
_KEPT = 1000  # rests that are remembered; names of models may be anybody's

_WORSE: Final[Sequence[Rest]] = ("cooling", "denied", "exhausted", "broken")

_Key = tuple[Credential | str, str | None]  # a credential, or a place, and a model; `None` stands for all of them


@dataclass(frozen=True, slots=True)
class Candidate:
    """A credential that a request may go with, for the model of this id; lower tiers are asked first."""

    credential: Credential
    model: str
    tier: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Permit:
    """Leave to send one request with the candidate's credential, until `Pool.release`."""

    candidate: Candidate
    at: float


@dataclass(frozen=True, slots=True)
class Later:
    """All are resting; the first comes back `at` this time, or before."""

    at: float


@dataclass(frozen=True, slots=True)
class Nobody:
    """Waiting does not help: this is what the cloud said last."""

    error: BridgeError


@dataclass(slots=True)
class _Resting:
    state: Rest
    error: BridgeError
    since: float
    until: float
    spare: float  # when it may be asked all the same if no other is left
    failures: int = 1
    probe: Permit | None = None  # of the request that finds out
    due: float = 0.0  # what `until` was before that

    def comes_back(self, now: float) -> bool:
        """By itself, or somebody is finding out, or it is back."""
        return self.state == "cooling" or self.probe is not None or now >= self.until

    def probed(self, permit: Permit) -> None:
        """This permit's request finds out; others wait a moment for its news."""
        if self.probe is None:
            self.due = self.until
        self.probe = permit
        self.until = self.spare = permit.at + _PROBE

    def without_news(self, permit: Permit) -> None:
        """It is over and has told nothing: the next one finds out."""
        if self.probe is permit:
            self.probe = None
            self.until, self.spare = self.due, self.due if self.state == "cooling" else 0.0


class Pool:
    """The state of all credentials, of all clouds. `chance` gives numbers from 0 to 1; without `rest` a failure tells
    nothing of the next request."""

    def __init__(self, chance: Callable[[], float] = random.random, *, rest: bool = True) -> None:
        self._chance = chance
        self._rest_at_all = rest
        self._resting: dict[_Key, _Resting] = {}
        self._strikes: dict[_Key, int] = {}
        self._out: dict[Permit, None] = {}
        self._load: Counter[Credential] = Counter()
        self._used: dict[Credential, int] = {}  # the number of its last use
        self._uses = 0

    @property
    def out(self) -> int:
        """Permits that are not released."""
        return len(self._out)

    def pick(
        self, wanted: Sequence[Candidate], tried: Mapping[Candidate, float], now: float
    ) -> Permit | Later | Nobody:
        """Leave for the best of `wanted`, which must not be empty: those not `tried` yet first, of these the lowest
        tier, the least busy, the one whose last turn is the longest ago. `tried` tells when each may be asked again."""
        resting = {one: self._rests(one) for one in wanted}
        free = [
            one
            for one, rests in resting.items()
            if now >= tried.get(one, now) and all(now >= rest.until for rest in rests)
        ]
        if free:
            return self._permit(min(free, key=lambda one: (one in tried, *self._order(one))), now)
        if any(all(rest.comes_back(now) for rest in rests) for rests in resting.values()):
            times = [[tried.get(one, now), *(rest.until for rest in rests)] for one, rests in resting.items()]
            return Later(min(map(max, times)))
        left = [one for one, rests in resting.items() if one not in tried and all(now >= rest.spare for rest in rests)]
        if left:
            return self._permit(min(left, key=self._order), now)
        told = [rest for rests in resting.values() for rest in rests]
        return Nobody(max(told, key=lambda rest: rest.since).error.fresh())

    def settle(self, permit: Permit, verdict: Verdict, now: float) -> None:
        """What a permit's request has told of its credential. It may be settled more than once: a stream that has begun
        can still fail."""
        candidate = permit.candidate
        if verdict.state == "answered":
            for key in _keys(candidate).values():
                self._strikes.pop(key, None)
                if key in self._resting and permit.at > self._resting[key].since:
                    del self._resting[key]
        elif self._rest_at_all and verdict.state is not None and verdict.error is not None:
            key = _keys(candidate)[verdict.scope]
            if not verdict.strike or self._struck(key):
                self._rest(key, permit, verdict.state, verdict.error, now)

    def release(self, permit: Permit) -> None:
        """The permit's request is over; a second time does nothing. If it has not found out, the next one will."""
        if permit in self._out:
            del self._out[permit]
            self._load[permit.candidate.credential] -= 1
        for rest in self._rests(permit.candidate):
            rest.without_news(permit)

    def troubles(self, credential: Credential, now: float) -> dict[str | None, Trouble]:
        """How it rests now, by model; `None` stands for all of them. Of several states it is the worst."""
        mine = (credential, credential.place)
        rests = [(rest, model) for (one, model), rest in self._resting.items() if one in mine]
        found = [
            (Trouble(rest.state, until, rest.error.message), model)
            for rest, model in rests
            if now < (until := max(rest.until, rest.due))
        ]
        return {model: trouble for trouble, model in sorted(found, key=lambda one: _WORSE.index(one[0].state))}

    def _rests(self, candidate: Candidate) -> list[_Resting]:
        return [self._resting[key] for key in _keys(candidate).values() if key in self._resting]

    def _struck(self, key: _Key) -> bool:
        """One failure more: whether it counts. While something rests, each does."""
        strikes = self._strikes.pop(key, 0) + 1
        if strikes >= _STRIKES or key in self._resting:
            return True
        self._strikes[key] = strikes
        if len(self._strikes) > _KEPT:
            del self._strikes[next(iter(self._strikes))]
        return False

    def _order(self, candidate: Candidate) -> tuple[object, ...]:
        credential = candidate.credential
        return candidate.tier, self._load[credential], self._used.get(credential, 0)

    def _permit(self, candidate: Candidate, now: float) -> Permit:
        permit = Permit(candidate, now)
        for rest in self._rests(candidate):
            rest.probed(permit)
        self._out[permit] = None
        self._load[candidate.credential] += 1
        self._uses += 1
        self._used[candidate.credential] = self._uses
        return permit

    def _rest(self, key: _Key, permit: Permit, state: Rest, error: BridgeError, now: float) -> None:
        """Of requests that were out together and all fail only the first makes the credential rest; what the others
        tell is known by then, unless it is worse."""
        before = self._resting.get(key)
        failures = before.failures + 1 if before and before.state == state else 1
        until = now + self._length(state, error, failures)
        if before is not None and permit.at <= before.since:
            if state in ("cooling", before.state):
                if state == before.state == "cooling" and error.retry_after is not None:
                    before.until = before.spare = max(before.until, until)
                    before.due = max(before.due, until)
                return
            until = max(until, before.until)
        spare = max(min(now + _SPARE, until), before.spare if before else 0.0)
        self._resting[key] = _Resting(
            state, error.fresh(), now, until, until if state == "cooling" else spare, failures
        )
        if len(self._resting) > _KEPT:
            del self._resting[min(self._resting, key=self._least)]

    def _least(self, key: _Key) -> tuple[bool, float]:
        """What can be forgotten first: a model that was refused, whose name may be anything, and what is oldest."""
        rest = self._resting[key]
        return rest.state != "denied", rest.since

    def _length(self, state: Rest, error: BridgeError, failures: int) -> float:
        if state == "cooling" and error.retry_after is not None:
            return min(max(error.retry_after, _LEAST), LONGEST)
        first, most = RESTS[state]
        length = min(first * 2.0 ** min(failures - 1, 20), most)
        return min(length * (0.75 + self._chance() / 2), LONGEST)


def _keys(candidate: Candidate) -> Mapping[Scope, _Key]:
    """What may rest of a candidate."""
    credential = candidate.credential
    return {
        "model": (credential, candidate.model),
        "credential": (credential, None),
        "place": (credential.place, None),
    }
