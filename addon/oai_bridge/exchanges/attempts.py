"""The attempts of one request: with one credential after the other, until one answers or no other can do better."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

from ..directory import Way
from ..errors import BridgeError, CloudError, Unauthorized
from ..inspector.record import Record
from ..patience import Patience, too_long
from ..pool import Candidate, Permit
from ..verdict import ANSWERED, Verdict, verdict
from .sending import Resend, Sender
from .services import Services

_PAUSE = 0.25  # seconds before a credential is asked again, doubled with each attempt


class Attempts:
    """`async for attempt in attempts: async with attempt: …`: a `BridgeError` in there that another attempt may put
    right is not raised, and the next attempt comes; when all goes well there is no next one."""

    def __init__(self, services: Services, record: Record, client: str, ways: Sequence[Way], deadline: float) -> None:
        """`ways` in the order in which they are asked. No attempt goes on after the `deadline` of the event loop's
        clock. Raises `Unauthorized` where nobody has a credential for any of them."""
        self._services = services
        self._record = record
        self._deadline = deadline
        self._ways: dict[Candidate, Way] = {}
        for place, way in enumerate(ways):
            for credential in services.credentials[way.door.account]:
                if credential.serves(way.facts.id):
                    tier = (place, not credential.lists(way.facts.id), credential.rank)
                    self._ways[Candidate(credential, way.facts.id, tier)] = way
        if not self._ways:
            raise Unauthorized("No credential is configured for this model; README.md shows how to set one.")
        self._visit = services.gate.visit(client, "-".join(ways[0].door.entry.path))
        self._clock = asyncio.get_running_loop().time
        self._tried: dict[Candidate, float] = {}  # and when it may be asked again
        self._made = 0
        self._until = deadline  # the last moment for another attempt to begin
        self._resend = Resend(services.config.failover.resend)
        self._error: BridgeError | None = None  # of the attempt that tells the client most
        self._done = False

    def __aiter__(self) -> AsyncIterator[Attempt]:
        return self

    async def __anext__(self) -> Attempt:
        if self._done:
            raise StopAsyncIteration
        permit = await self._permit()
        if not self._tried:
            self._until = min(self._deadline, self._clock() + self._services.config.failover.within)
        self._tried[permit.candidate] = 0.0
        self._made += 1
        return Attempt(self, permit, self._ways[permit.candidate])

    async def _permit(self) -> Permit:
        before = self._visit.waited
        try:
            return await self._services.gate.enter(self._visit, [*self._ways], self._tried, self._until)
        except BridgeError as error:
            if self._error is not None:  # the cloud's own word says more than that nobody is left
                raise self._error from None
            if self._clock() >= self._deadline:
                raise too_long(self._services.config.timeouts) from None
            raise error
        finally:
            self._record.queued += self._visit.waited - before

    # -- what an attempt tells -----------------------------------------------------------------------------------------

    def sender(self, permit: Permit, way: Way) -> Sender:
        services = self._services
        return Sender(
            services.upstream,
            way.door.backend,
            permit.candidate.credential,
            patience=Patience(services.config.timeouts, self._deadline),
            resend=self._resend,
            record=self._record,
        )

    def settle(self, permit: Permit, told: Verdict) -> None:
        self._services.gate.settle(permit, told)

    def ended(self, permit: Permit, error: BaseException | None) -> bool:
        """An attempt is over: whether the next one is to put its error right."""
        told = verdict(error) if isinstance(error, BridgeError) else Verdict()
        try:
            if told.state is not None:
                self.settle(permit, told)
        finally:
            self._services.gate.release(permit)
        self._done = error is None
        if not isinstance(error, BridgeError) or not told.again:
            return False
        if self._error is None or told.state == "cooling":
            self._error = error
        over = self._made >= self._services.config.failover.attempts or self._clock() >= self._until
        if over or (told.unsure and not self._resend.take()):
            if told.unsure and not self._resend.left and not isinstance(error, CloudError):
                error.retry = False  # an SDK that tries again by itself would make it a third time that may be paid for
            if error is not self._error:
                raise self._error from None
            return False
        pause = _PAUSE * 2.0**self._made * (0.75 + random.random() / 2)
        self._tried[permit.candidate] = self._clock() + pause
        return True


class Attempt:
    """One attempt, by a door of a cloud and with one credential."""

    def __init__(self, attempts: Attempts, permit: Permit, way: Way) -> None:
        self._attempts = attempts
        self._permit = permit
        self.way = way
        self.sender = attempts.sender(permit, way)
        self._answered = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, BridgeError):
            self.sender.hide(error)
        return self._attempts.ended(self._permit, error)

    def answered(self) -> None:
        """The credential is good: others that wait to see that may go on."""
        if not self._answered:
            self._answered = True
            self._attempts.settle(self._permit, ANSWERED)

    def failed(self, error: BridgeError) -> None:
        """The answer broke off when the client had a part of it already."""
        self._attempts.settle(self._permit, verdict(error))
