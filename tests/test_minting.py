"""credentials/minting.py: made once for all who wait, again ahead of its expiry, and when it is refused."""

from __future__ import annotations

import asyncio
import gc
import math
import threading

import pytest

from oai_bridge.credentials.minting import Minted
from oai_bridge.errors import Unauthorized, UpstreamError


class Mint:
    """Gives "1", "2", … which live `life` seconds; `clock` is what the test says. A closed gate holds it up."""

    def __init__(self, life: float = 3600) -> None:
        self.now = 1000.0
        self.life = life
        self.made = 0
        self.failing = False
        self.gate = threading.Event()
        self.gate.set()
        self.minted = Minted(self, lambda: self.now)

    def __call__(self) -> tuple[str, float]:
        assert self.gate.wait(30)
        self.made += 1
        if self.failing:
            raise Unauthorized("Sign in.")
        return str(self.made), self.now + self.life

    async def settled(self, made: int) -> None:
        """Returns when so many were made in the background, and no more come."""
        async with asyncio.timeout(30):
            while self.made < made:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert self.made == made


async def test_all_who_wait_share_one() -> None:
    mint = Mint()
    assert set(await asyncio.gather(*(mint.minted.get() for _ in range(100)))) == {"1"}
    for _ in range(1000):
        assert await mint.minted.get() == "1"
        mint.now += 3
    assert mint.made == 1


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    mint = Mint()
    mint.gate.clear()
    first, second = (asyncio.create_task(mint.minted.get()) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    mint.gate.set()
    assert await second == "1"
    assert first.cancelled()
    assert mint.made == 1


async def test_ahead_of_the_expiry_nobody_waits() -> None:
    mint = Mint()
    await mint.minted.get()
    mint.now += 3299
    assert await mint.minted.get() == "1"
    await mint.settled(1)
    mint.now += 2
    mint.gate.clear()
    assert [await mint.minted.get() for _ in range(10)] == ["1"] * 10
    mint.gate.set()
    await mint.settled(2)
    assert await mint.minted.get() == "2"


async def test_after_the_expiry_all_wait() -> None:
    mint = Mint()
    await mint.minted.get()
    mint.now += 3600
    assert await mint.minted.get() == "2"


async def test_one_without_an_end_stays_until_it_is_refused() -> None:
    mint = Mint(math.inf)
    await mint.minted.get()
    mint.now += 1e9
    assert await mint.minted.get() == "1"
    mint.minted.refuse("1")
    assert await mint.minted.get() == "2"
    mint.minted.refuse("1")  # the old one, by someone who was slow
    assert await mint.minted.get() == "2"
    assert mint.made == 2


async def test_a_short_life_is_not_all_renewal() -> None:
    """A credential of two minutes is renewed after one; and a source that gives what it has until its end is asked
    a few times, not with each request."""
    mint = Mint(120)
    await mint.minted.get()
    mint.now += 59
    await mint.minted.get()
    await mint.settled(1)
    mint.now += 1
    mint.life = 60  # the same one again
    for second in range(59):
        await mint.minted.get()
        while len(asyncio.all_tasks()) > 1:  # until what was asked for ahead of time is there
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)  # ... and its end is known: a loop that never waits would leave that for later
        mint.now += 1
        mint.life = 59 - second
    assert 3 <= mint.made <= 8


async def test_a_clock_that_is_set() -> None:
    """Back: what is there serves on until it is refused. Ahead: a new one is made, which then stays."""
    mint = Mint()
    await mint.minted.get()
    mint.now -= 86_400
    assert await mint.minted.get() == "1"
    mint.minted.refuse("1")
    assert await mint.minted.get() == "2"
    mint.now += 2 * 86_400
    assert await mint.minted.get() == "3"
    mint.now -= 86_400
    assert await mint.minted.get() == "3"
    await mint.settled(3)


async def test_a_failure_is_not_kept() -> None:
    mint = Mint()
    mint.failing = True
    found = await asyncio.gather(*(mint.minted.get() for _ in range(10)), return_exceptions=True)
    assert {str(error) for error in found} == {"Sign in."}
    assert mint.made == 1
    mint.failing = False
    assert await mint.minted.get() == "2"


async def test_a_failure_ahead_of_time_is_tried_again_and_nobody_sees_it() -> None:
    unseen: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unseen.append(context))
    mint = Mint()
    await mint.minted.get()
    mint.failing = True
    mint.now += 3400
    for _ in range(10):
        assert await mint.minted.get() == "1"
        await asyncio.sleep(0.002)
    await mint.settled(2)
    mint.now += 100
    assert await mint.minted.get() == "1"
    await mint.settled(3)
    mint.now += 100
    with pytest.raises(Unauthorized):
        await mint.minted.get()
    gc.collect()  # or asyncio says later that nobody looked at a failure
    assert not unseen


async def test_each_who_waits_gets_an_error_of_his_own() -> None:
    def mint() -> tuple[str, float]:
        raise UpstreamError("No token today.", code="token_endpoint_failed", request_id="req_1")

    minted = Minted(mint, lambda: 0.0)
    first, second = await asyncio.gather(minted.get(), minted.get(), return_exceptions=True)
    assert isinstance(first, UpstreamError) and isinstance(second, UpstreamError)
    assert first is not second and first.message == second.message == "No token today."
