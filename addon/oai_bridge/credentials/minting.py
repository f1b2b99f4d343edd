"""What is made in a thread and lives for a while: once for all who wait, again ahead of its expiry or when refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..errors import BridgeError
from ..plain.threads import in_thread

_AHEAD = 300.0  # seconds before the expiry: most tokens live an hour


class Minted[T]:
    """One value at a time. Belongs to one event loop.

    `mint` blocks; it gives a new value with its expiry in Unix seconds (`math.inf`: until it is refused), or raises
    what those who wait get; a failure is not kept. `clock` gives Unix seconds.
    """

    def __init__(self, mint: Callable[[], tuple[T, float]], clock: Callable[[], float]) -> None:
        self._mint = mint
        self._clock = clock
        self._value: T | None = None
        self._expiry = 0.0
        self._renewal = 0.0  # when the next one is asked for, though this one is still good
        self._minting: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The value that is valid now; raises what `mint` raises."""
        now = self._clock()
        if self._value is None or now >= self._expiry:
            # Shielded: when one of those who wait hangs up, the others still get their value.
            try:
                return await asyncio.shield(self._begin())
            except BridgeError as error:
                raise error.fresh() from None  # each who waits has his own
        if now >= self._renewal:
            self._begin()
        return self._value

    def refuse(self, value: object) -> None:
        """Makes the next call mint, unless `value` has been replaced already."""
        if value == self._value:
            self._value = None

    def _begin(self) -> asyncio.Task[T]:
        if self._minting is None:
            self._minting = asyncio.create_task(self._renew())
            self._minting.add_done_callback(self._done)
        return self._minting

    def _done(self, task: asyncio.Task[T]) -> None:
        self._minting = None
        if not task.cancelled():
            task.exception()  # seen: who waits gets it, and one ahead of time is tried again

    async def _renew(self) -> T:
        self._renewal = self._before(self._expiry)  # if this fails
        value, self._expiry = await in_thread(self._mint)
        self._value, self._renewal = value, self._before(self._expiry)
        return value

    def _before(self, expiry: float) -> float:
        """When to try ahead of `expiry`. A source may give the same value again until it ends, or one that lives for
        minutes only: half of what is left, each time, is soon enough and not too often."""
        now = self._clock()
        return expiry - min(_AHEAD, (expiry - now) / 2)
