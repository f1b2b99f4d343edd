"""The attempts of one request: with one credential after the other, until one answers or no other can do better."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Self

from ..directory import Way
from ..errors import BridgeError, CloudError, Unauthorized
from ..inspector.cache_match import Caching
from ..inspector.record import Record
from ..models.facts import Facts, ModelFacts
from ..outward.patience import Patience, too_long
from ..waiting.pool import Candidate, Permit
from ..waiting.verdict import ANSWERED, Verdict, verdict
from .sending import Resend, Sender
from .services import Incoming, Services

_PAUSE = 0.25  # seconds before a credential is asked again, doubled with each attempt


class Attempts:
    """`async for attempt in attempts: async with attempt: …`: a `BridgeError` in there that another attempt may put
    right is not raised, and the next attempt comes; when all goes well there is no next one. `shown` is the attempt
    whose answer or error is the client's."""

    def __init__(
        self, services: Services, incoming: Incoming, record: Record, ways: Sequence[Way], deadline: float
    ) -> None:
        """`ways` in the order in which they are asked. No attempt goes on after the `deadline` of the event loop's
        clock. Raises `Unauthorized` where nobody has a credential for any of them."""
        self._services = services
        self._record = record
        self._deadline = deadline
        self._ways = {candidate: way for way, candidate in _candidates(services, incoming, ways)}
        if not self._ways:
            raise Unauthorized("No credential is configured for this model; README.md shows how to set one.")
        self._first = ways[0]
        self._visit = services.gate.visit(incoming.client, "-".join(ways[0].door.entry.path))
        self._clock = asyncio.get_running_loop().time
        self._tried: dict[Candidate, float] = {}  # and when it may be asked again
        self._made = 0
        self._until = deadline  # the last moment for another attempt to begin
        self._resend = Resend(services.config.failover.resend)
        self._error: BridgeError | None = None  # the one that tells the client most
        self._done = False
        self.shown: Attempt | None = None

    def __aiter__(self) -> AsyncIterator[Attempt]:
        return self

    async def __anext__(self) -> Attempt:
        if self._done:
            raise StopAsyncIteration
        permit = await self._permit()
        if not self._tried:
            self._until = min(self._deadline, self._clock() + self._services.config.failover.within)
        self._tried[permit.candidate] = self._clock()
        self._made += 1
        way = self._ways[permit.candidate]
        self._record.caching = _caching(way.facts)
        self._record.cache_minimum = getattr(way.facts, "prompt_cache_min_tokens", None)
        attempt = Attempt(self, permit, way)
        if self._error is None:
            self.shown = attempt
        return attempt

    async def _permit(self) -> Permit:
        before, gate = self._visit.waited, self._services.gate
        try:
            return await gate.enter(self._visit, self._left(), self._tried, self._until)
        except BridgeError as error:
            if self._error is not None:  # the cloud's own word says more than that nobody is left
                raise self._told() from None
            if self._clock() >= self._deadline:
                raise too_long(self._services.config.timeouts) from None
            raise error
        finally:
            self._record.queued += self._visit.waited - before

    def _left(self) -> list[Candidate]:
        """Those that may still serve this request."""
        return [candidate for candidate in self._ways if self._tried.get(candidate, 0.0) < math.inf]

    def forget(self) -> None:
        """All is over: what is remembered of attempts and errors leads back to here."""
        self.shown = self._error = None

    # -- what an attempt tells ----------------------------------------------------------------------------------------

    def sender(self, permit: Permit, way: Way) -> Sender:
        services = self._services
        return Sender(
            services.upstream,
            way.door.backend,
            permit.candidate.credential,
            way.facts,
            patience=Patience(services.config.timeouts, self._deadline),
            resend=self._resend,
            record=self._record,
        )

    def watch(self, overdue: Callable[[], None]) -> asyncio.TimerHandle:
        """Calls `overdue` at the deadline, whatever the attempt waits for."""
        return asyncio.get_running_loop().call_at(self._deadline, overdue)

    def settle(self, permit: Permit, told: Verdict) -> None:
        self._services.gate.settle(permit, told)

    def release(self, permit: Permit) -> None:
        self._services.gate.release(permit)

    def ended(self, attempt: Attempt, error: BaseException | None) -> bool:
        """An attempt is over: whether the next one is to put its error right. Raises the error that tells the client
        more than this one, where there is such a one."""
        self._done = error is None
        if not isinstance(error, BridgeError):
            return False
        if attempt.has_answered:
            error.retry = False  # a part is paid for, which an SDK that tries again by itself would buy once more
            return False
        told, candidate = verdict(error), attempt.permit.candidate
        if told.again:
            if self._error is None or told.state == "cooling":
                record = self._record
                self._error, self.shown = error, attempt
                self._shown = record.route, record.upstream_model, record.notes
            if told.state != "cooling":
                self._tried[candidate] = math.inf
        elif self._error is None or attempt.way is self._first:
            return False
        else:  # a stand-in can't do what the client's own choice could
            self._tried |= {one: math.inf for one, way in self._ways.items() if way is attempt.way}
        if self._goes_on(told):
            pause = _PAUSE * 2.0**self._made * (0.75 + random.random() / 2)
            self._tried[candidate] = max(self._tried[candidate], self._clock() + pause)
            return True
        if told.unsure and not isinstance(error, CloudError):
            error.retry = False  # an SDK that tries again by itself would make it one more time that may be paid for
        if self._error is not None and self._told() is not error:
            raise self._error from None
        return False

    def _told(self) -> BridgeError:
        """The error that is the client's, with what is shown of the attempt that it is of."""
        assert self._error is not None, "there was one"
        self._record.route, self._record.upstream_model, self._record.notes = self._shown
        return self._error

    def _goes_on(self, told: Verdict) -> bool:
        if self._made >= self._services.config.failover.attempts or self._clock() >= self._until or not self._left():
            return False
        return not told.unsure or self._resend.take()


class Attempt:
    """One attempt, by a door of a cloud and with one credential."""

    def __init__(self, attempts: Attempts, permit: Permit, way: Way) -> None:
        self._attempts = attempts
        self.permit = permit
        self.way = way
        self.sender = attempts.sender(permit, way)
        self.has_answered = False

    async def __aenter__(self) -> Self:
        self._watch = self._attempts.watch(self._overdue)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._watch.cancel()
        if isinstance(error, BridgeError):
            self.sender.hide(error)
            self.sender.failed(error)
            self.failed(error)
        self._attempts.release(self.permit)
        return self._attempts.ended(self, error)

    def answered(self) -> None:
        """The answer has begun: nothing is sent again after that. The credential is good: others that wait to see that
        may go on."""
        if not self.has_answered:
            self.has_answered = True
            self._attempts.settle(self.permit, ANSWERED)

    def failed(self, error: BridgeError) -> None:
        """What went wrong, also with an answer that the client had a part of already."""
        told = verdict(error)
        if told.state is not None:
            self._attempts.settle(self.permit, told)

    def _overdue(self) -> None:
        """Time is over, even if a client that does not read keeps the answer from coming to its end."""
        self.sender.close()
        self._attempts.release(self.permit)


def _caching(facts: Facts) -> Caching:
    """How the model's prompts are cached: where the client says, by its cloud alone, or not at all."""
    if not isinstance(facts, ModelFacts):
        return "automatic"
    return "points" if facts.prompt_cache_min_tokens or facts.owner == "anthropic" else "none"


def _candidates(services: Services, incoming: Incoming, ways: Sequence[Way]) -> list[tuple[Way, Candidate]]:
    """All credentials for all ways. Counting tokens has quotas and permissions of its own."""
    counts = " (count_tokens)" if incoming.route.kind == "count_tokens" else ""
    return [
        (way, Candidate(one, way.facts.id + counts, (place, not one.lists(way.facts.id), one.rank)))
        for place, way in enumerate(ways)
        for one in services.credentials[way.door.account]
        if one.serves(way.facts.id)
    ]
