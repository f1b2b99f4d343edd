"""How long each wait for a cloud may take, and all of them together; what is said when that is over."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from ..errors import StreamBroken, UpstreamError
from ..settings.traffic import Timeouts

_SOON = 0.05  # seconds


class Patience:
    """`deadline` is the end of all attempts; the clock is the event loop's."""

    def __init__(self, timeouts: Timeouts, deadline: float) -> None:
        self._timeouts = timeouts
        self._deadline = deadline
        self._clock = asyncio.get_running_loop().time
        self._first = math.inf  # when the first event has to be there

    async def within[T](self, coming: Awaitable[T]) -> T:
        """What comes, in time for the whole; raises `UpstreamError` when it does not."""
        return await within(coming, self._timeouts, self._deadline)

    def sending(self) -> None:
        """A request goes to the cloud now."""
        self._first = self._clock() + self._timeouts.first_byte

    @property
    def over(self) -> bool:
        return self._clock() >= self._deadline

    def heard(self) -> None:
        """Its answer has begun: from here on it may not pause for long."""
        self._first = math.inf

    async def wait[T](self, coming: Awaitable[T], host: str) -> T:
        """What comes from `host`; raises `UpstreamError` when it does not in time, also as `StreamBroken`."""
        first = self._first < math.inf
        mine = self._first if first else self._clock() + self._timeouts.idle
        timeout = asyncio.timeout_at(min(mine, self._deadline))
        try:
            async with timeout:
                return await coming
        except TimeoutError:
            if not timeout.expired():  # it is somebody else's
                raise
            raise self._too_late(mine, first, host) from None

    def watch(self, host: str, wake: Callable[[UpstreamError], object]) -> Watch:
        """The same for many waits, one after the other: `wake` is given what they are to raise."""
        return Watch(self._left, self._timeouts.idle, host, wake)

    def _left(self, since: float | None, host: str) -> float | UpstreamError:
        """Seconds for a wait that began at `since`, `None` for now, or the error of one that takes too long."""
        now, first = self._clock(), self._first < math.inf
        mine = self._first if first else (now if since is None else since) + self._timeouts.idle
        left = min(mine, self._deadline) - now
        return left if left > 0 else self._too_late(mine, first, host)

    def _too_late(self, mine: float, first: bool, host: str) -> UpstreamError:
        if self._deadline <= mine:
            return self.too_long()
        return self._late(host) if first else self._silent(host)

    def too_long(self) -> UpstreamError:
        return too_long(self._timeouts)

    def _late(self, host: str) -> UpstreamError:
        error = UpstreamError(
            f"{host} did not begin to answer within {self._timeouts.first_byte:g} s; try again, or raise "
            "timeouts.first_byte in config.yaml.",
            status=504,
            code="first_byte_timeout",
        )
        error.unsure = True
        return error

    def _silent(self, host: str) -> StreamBroken:
        return StreamBroken(
            f"{host} said nothing more for {self._timeouts.idle:g} s; try again, or raise timeouts.idle in "
            "config.yaml.",
            code="idle_timeout",
        )


class Watch:
    """`waits` before each wait, `rests` after it, `stop` at the end. There is one timer for all of them, which looks
    again as often as it has to: one for each wait would take as long as to translate what comes."""

    def __init__(
        self,
        left: Callable[[float | None, str], float | UpstreamError],
        longest: float,
        host: str,
        wake: Callable[[UpstreamError], object],
    ) -> None:
        """`longest`: seconds that any wait may take, so that none is over before the next look."""
        self._left = left
        self._longest = longest
        self._host = host
        self._wake = wake
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._look()

    def waits(self) -> None:
        self._since = self._loop.time()

    def rests(self) -> None:
        self._since = None

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        left = self._left(self._since, self._host)
        if isinstance(left, UpstreamError):
            if self._since is not None:
                self._wake(left)
                return
            left = _SOON  # whoever waits next is told
        self._timer = self._loop.call_later(min(left, self._longest), self._look)


async def within[T](coming: Awaitable[T], timeouts: Timeouts, deadline: float) -> T:
    """What comes before the `deadline`, which is that of the total time; raises `UpstreamError` when it does not."""
    timeout = asyncio.timeout_at(deadline)
    try:
        async with timeout:
            return await coming
    except TimeoutError:
        if not timeout.expired():
            raise
        raise too_long(timeouts) from None


def too_long(timeouts: Timeouts) -> UpstreamError:
    """The error for a request that took too long altogether."""
    return UpstreamError(
        f"The request was not answered in full within {timeouts.total:g} s; ask for less, or raise timeouts.total in "
        "config.yaml.",
        status=504,
        code="total_timeout",
        retry=False,
    )
