"""Lets requests through to the clouds one by one: asks the pool, keeps the queue, and wakes who may go on, at once."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..credentials.base import Credential
from ..errors import BridgeError, Busy
from ..settings.traffic import Limits, Queueing
from .pool import Candidate, Later, Nobody, Permit, Pool
from .queue import Queue, Ticket
from .verdict import Trouble, Verdict


@dataclass(slots=True)
class Visit:
    """One request of a client at the gate, over all its attempts. `waited` are the seconds that it has waited so far,
    `family` stands for the cloud on the status page."""

    client: Hashable
    family: str
    number: int
    waited: float = 0.0


@dataclass(slots=True, eq=False)
class _Waiting:
    wanted: Sequence[Candidate]
    tried: Mapping[Candidate, float]
    until: float
    permit: asyncio.Future[Permit]
    same: tuple[Candidate, ...] | None  # all with these get the same answer; `None`: its answer is its own
    at: float = 0.0  # nothing is free before


class Gate:
    """Belongs to one event loop; `clock` gives its seconds."""

    def __init__(
        self, pool: Pool, queueing: Queueing, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pool = pool
        self._queueing = queueing
        self._most = limits.concurrent or math.inf
        self._clock = clock
        self._queue = Queue()
        self._waiting: dict[Ticket, _Waiting] = {}
        self._alarm: asyncio.TimerHandle | None = None

    def visit(self, client: Hashable, family: str) -> Visit:
        """A request that comes now; those of one `client` are served in this order."""
        return Visit(client, family, self._queue.number())

    async def enter(
        self, visit: Visit, wanted: Sequence[Candidate], tried: Mapping[Candidate, float], deadline: float
    ) -> Permit:
        """Leave to send one request, which must be given back with `release`, when it is this one's turn. Raises
        `Busy` if that can't be before the `deadline` or the queue's own limits, with the seconds until it may, and what
        the cloud said last if none of `wanted` can serve."""
        now = self._clock()
        if self._alarm is not None and now >= self._alarm.when():
            self._serve()  # those who wait for this very moment go first; all others there can't go on yet
        until = deadline if tried else min(deadline, now + self._queueing.timeout)
        at = self._at(wanted, tried, now)
        if isinstance(at, Permit):
            return at
        if at > until:
            raise self._useless(at - now)
        if not tried and len(self._waiting) >= self._queueing.length:
            raise self._full(visit.family, at - now)
        ticket = Ticket(visit.number, visit.client, visit.family, now)
        same = None if tried else tuple(wanted)
        waiting = _Waiting(wanted, tried, until, asyncio.get_running_loop().create_future(), same, at)
        self._queue.join(ticket)
        self._waiting[ticket] = waiting
        self._wake_at(at)
        try:
            async with asyncio.timeout(until - now):
                return await waiting.permit
        except BaseException as error:
            if waiting.permit.done() and not waiting.permit.cancelled() and waiting.permit.exception() is None:
                self.release(waiting.permit.result())  # its turn came when it was about to leave
            if isinstance(error, TimeoutError):
                raise self._too_long(visit.family, waiting.at - self._clock()) from None
            raise
        finally:
            visit.waited += self._clock() - now
            self._queue.leave(ticket)
            self._waiting.pop(ticket, None)

    def settle(self, permit: Permit, verdict: Verdict) -> None:
        """What the request has told of its credential."""
        self._pool.settle(permit, verdict, self._clock())
        self._serve()

    def release(self, permit: Permit) -> None:
        """The request is over."""
        self._pool.release(permit)
        self._serve()

    def rests(self, credential: Credential) -> dict[str | None, Trouble]:
        """How it rests, by model; `None` stands for all of them. The times are counted from now on."""
        now = self._clock()
        troubles = self._pool.troubles(credential, now)
        return {model: replace(trouble, until=trouble.until - now) for model, trouble in troubles.items()}

    def waiting(self, family: str) -> int:
        return self._queue.waiting(family)

    def estimate(self, family: str) -> float:
        """Seconds that a request of this family is likely to wait."""
        return self._queue.estimate(self._clock(), family)

    def _at(self, wanted: Sequence[Candidate], tried: Mapping[Candidate, float], now: float) -> Permit | float:
        """Leave for one who comes now, or the earliest time for it, which is 0 where that is up to the others; raises
        what the cloud said last if none can serve."""
        if self._pool.out >= self._most:
            return 0.0
        match self._pool.pick(wanted, tried, now):
            case Later(at):
                return at
            case Nobody(error):
                raise _refused(error)
            case permit:
                return permit

    def _serve(self) -> None:
        """Lets in who may go on now, in their order, and turns those away for whom waiting is no use."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if not self._waiting:
            return
        now, next_time = self._clock(), math.inf
        later: dict[tuple[Candidate, ...], Later] = {}
        for ticket in self._queue.turns():
            if self._pool.out >= self._most:
                break
            waiting = self._waiting[ticket]
            if waiting.permit.done():  # it is leaving
                continue
            found = later.get(waiting.same) if waiting.same else None
            match found or self._pool.pick(waiting.wanted, waiting.tried, now):
                case Permit() as permit:
                    self._queue.served(ticket, now)
                    self._end(ticket, permit)
                case Later(at) as answer:
                    if waiting.same:
                        later[waiting.same] = answer
                    waiting.at = at
                    if at > waiting.until:
                        self._end(ticket, self._useless(at - now))
                    else:
                        next_time = min(next_time, at)
                case Nobody(error):
                    self._end(ticket, _refused(error))
        self._wake_at(next_time)

    def _wake_at(self, at: float) -> None:
        """Looks again at this time, or when it looks anyway if that is before."""
        if 0 < at < (self._alarm.when() if self._alarm else math.inf):
            if self._alarm is not None:
                self._alarm.cancel()
            delay = max(at - self._clock(), 0.0)
            self._alarm = asyncio.get_running_loop().call_later(delay, self._serve)

    def _end(self, ticket: Ticket, outcome: Permit | BridgeError) -> None:
        permit = self._waiting.pop(ticket).permit
        self._queue.leave(ticket)
        if isinstance(outcome, Permit):
            permit.set_result(outcome)
        else:
            permit.set_exception(outcome)

    def _useless(self, seconds: float) -> Busy:
        return Busy(
            f"All cloud accounts for this model rest after errors, for {math.ceil(seconds)} s more; wait, or add an "
            "account or a fallback in config.yaml.",
            code="rate_limit_exceeded",
            retry_after=seconds,
        )

    def _full(self, family: str, least: float) -> Busy:
        return Busy(
            "Too many requests are waiting here already; try again later, or raise queue.length or limits.concurrent "
            "in config.yaml.",
            code="queue_full",
            retry_after=max(self.estimate(family), least, 1.0),
        )

    def _too_long(self, family: str, least: float) -> Busy:
        return Busy(
            "No cloud account for this model came free in time; try again later, or raise queue.timeout in "
            "config.yaml.",
            code="queue_timeout",
            retry_after=max(self.estimate(family), least, 1.0),
        )


def _refused(error: BridgeError) -> BridgeError:
    """What one hears whom no account serves: of the cloud's last word, which was another request's, only its kind."""
    return BridgeError(
        f"The cloud has just refused all accounts that have this model (HTTP {error.status}, {error.code}); look at "
        "the status page, and try again when that is put right.",
        status=error.status,
        type=error.type,
        code=error.code,
        retry=error.retry,
    )
