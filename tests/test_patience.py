"""patience.py: each wait has its own end and its own word for it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.errors import StreamBroken, UpstreamError
from oai_bridge.outward.patience import Patience, too_long
from oai_bridge.settings.traffic import Timeouts
from oai_bridge.waiting.verdict import verdict
from tests.support.pools import in_fake_time, run

TIMEOUTS = Timeouts(first_byte=20, idle=7, total=100)


def now() -> float:
    return asyncio.get_running_loop().time()


def patience(total: float = 100) -> Patience:
    return Patience(TIMEOUTS, now() + total)


async def after(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "it came"


async def told(waiting: Awaitable[object]) -> tuple[str | None, float]:
    """The code with which it ends, and after how many seconds."""
    begun = now()
    with pytest.raises(UpstreamError) as raised:
        await waiting
    error = raised.value
    assert error.__cause__ is None and error.__suppress_context__
    assert (error.status, isinstance(error, StreamBroken)) == (502, True) if error.code == "idle_timeout" else (504, 0)
    return error.code, now() - begun


@in_fake_time
async def test_what_comes_in_time_is_given_on() -> None:
    mine = patience()
    mine.sending()
    assert await mine.wait(after(19.5), "h") == "it came"
    mine.heard()
    for _ in range(10):
        assert await mine.wait(after(6.5), "h") == "it came"


@in_fake_time
async def test_all_that_comes_before_the_first_event_has_one_time() -> None:
    """The headers, and what is no event yet: it does not begin anew with each piece."""
    mine = patience()
    mine.sending()
    await mine.wait(after(8), "h")
    await mine.wait(after(8), "h")
    assert await told(mine.wait(after(8), "h")) == ("first_byte_timeout", 4)
    assert await told(mine.wait(after(1), "h")) == ("first_byte_timeout", 0)


@in_fake_time
async def test_each_attempt_has_its_own_first_byte() -> None:
    mine = patience()
    mine.sending()
    assert await told(mine.wait(after(50), "h")) == ("first_byte_timeout", 20)
    mine.sending()
    assert await told(mine.wait(after(50), "h")) == ("first_byte_timeout", 20)
    mine.sending()
    mine.heard()
    assert await told(mine.wait(after(50), "h")) == ("idle_timeout", 7)


@in_fake_time
async def test_an_answer_may_not_pause_for_long() -> None:
    mine = patience()
    mine.sending()
    mine.heard()
    await mine.wait(after(6), "h")
    assert await told(mine.wait(after(8), "h")) == ("idle_timeout", 7)


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("total", [-5, 0, 3, 6.5])
@in_fake_time
async def test_the_end_of_all_is_the_end(heard: bool, total: float) -> None:
    mine = patience(total)
    mine.sending()
    if heard:
        mine.heard()
    assert await told(mine.wait(after(50), "h")) == ("total_timeout", max(total, 0))


@pytest.mark.parametrize(("heard", "total"), [(False, 20), (True, 7)])
@in_fake_time
async def test_when_both_are_over_no_repeat_is_of_use(heard: bool, total: float) -> None:
    mine = patience(total)
    mine.sending()
    if heard:
        mine.heard()
    assert await told(mine.wait(after(50), "h")) == ("total_timeout", total)


@pytest.mark.parametrize("within", [math.inf, 3])
@in_fake_time
async def test_somebody_elses_timeout_stays_theirs(within: float) -> None:
    async def fails() -> None:
        await asyncio.sleep(1)
        raise TimeoutError("theirs")

    mine = patience()
    for begun in (mine.sending, mine.heard):
        begun()
        with pytest.raises(TimeoutError, match="theirs"):
            await mine.wait(fails(), "h")
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(5):
                await mine.wait(after(50), "h")
        assert not isinstance(raised.value, UpstreamError)
        with pytest.raises(ConnectionResetError):
            await mine.wait(asyncio.wait_for(broken(), within), "h")


async def broken() -> None:
    raise ConnectionResetError


@in_fake_time
async def test_who_hangs_up_is_not_late() -> None:
    mine = patience()
    mine.sending()
    task = asyncio.create_task(mine.wait(after(50), "h"))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert now() == 1024 + 1


@in_fake_time
async def test_what_is_told_says_who_and_how_long_and_what_to_set() -> None:
    mine = patience()
    mine.sending()
    with pytest.raises(UpstreamError, match=r"^cloud\.example did not begin .* 20 s; .*timeouts\.first_byte") as late:
        await mine.wait(after(50), "cloud.example")
    mine.heard()
    with pytest.raises(StreamBroken, match=r"^cloud\.example said nothing more for 7 s; .*timeouts\.idle") as silent:
        await mine.wait(after(50), "cloud.example")
    assert [verdict(error.value).unsure for error in (late, silent)] == [True, True]
    end = too_long(TIMEOUTS)
    assert "100 s" in end.message and "timeouts.total" in end.message
    assert end.headers() == {"x-should-retry": "false"} and not verdict(end).again


PIECES = st.lists(st.integers(0, 40 * 4).map(lambda quarters: quarters / 4 + 1 / 16), min_size=1, max_size=12)


@given(pieces=PIECES, first=st.integers(1, 30), idle=st.integers(1, 30), total=st.integers(1, 60))
def test_of_three_ends_the_first_one_counts(pieces: list[float], first: int, idle: int, total: int) -> None:
    """Against addition; the first piece is the first event."""

    async def answer() -> tuple[float, str | None]:
        begun = now()
        mine = Patience(Timeouts(first_byte=first, idle=idle, total=total), begun + total)
        mine.sending()
        try:
            for seconds in pieces:
                await mine.wait(after(seconds), "h")
                mine.heard()
        except UpstreamError as error:
            return now() - begun, error.code
        return now() - begun, None

    passed = 0.0
    for place, seconds in enumerate(pieces):
        most, code = (idle, "idle_timeout") if place else (first, "first_byte_timeout")
        if passed + min(seconds, most) >= total:
            expected: tuple[float, str | None] = total, "total_timeout"
            break
        if seconds > most:
            expected = passed + most, code
            break
        passed += seconds
    else:
        expected = passed, None
    assert run(answer()) == expected


async def waited(mine: Patience, *pieces: float, rest: float = 0.0) -> tuple[str | None, float]:
    """As `told`, for one watch over waits for pieces that take so many seconds each to come; between them the reader
    rests."""
    begun, woken = now(), asyncio.get_running_loop().create_future()
    watch = mine.watch("h", woken.set_exception)
    for seconds in pieces:
        watch.waits()
        await asyncio.wait((woken,), timeout=seconds)
        if woken.done():
            error = woken.exception()
            assert isinstance(error, UpstreamError)
            return error.code, now() - begun
        watch.rests()
        await asyncio.sleep(rest)
    watch.waits()
    watch.stop()
    await asyncio.sleep(10_000)
    assert not woken.done(), "nobody is woken after the end"
    return None, 0.0


@in_fake_time
async def test_one_watch_is_as_exact_as_a_timer_for_each_wait() -> None:
    mine = patience(1000)
    mine.sending()
    assert await waited(mine, 8, 8, 8) == ("first_byte_timeout", 20)
    mine.sending()
    mine.heard()
    assert await waited(mine, 6.5, 6.5, 0, 6.5, 8) == ("idle_timeout", 6.5 * 3 + 7)
    assert await waited(patience(15), 6.5, 6.5, 6.5) == ("total_timeout", 15)
    assert await waited(patience(7), 9) == ("total_timeout", 7)
    assert await waited(mine, 6.5, 6.5) == (None, 0.0)


@in_fake_time
async def test_a_watch_counts_from_the_beginning_of_a_wait() -> None:
    """A client that reads slowly makes no cloud late."""
    assert await waited(patience(1000), 1, 1, 1, rest=50) == (None, 0.0)
    assert await waited(patience(1000), 1, 8, rest=50) == ("idle_timeout", 1 + 50 + 7)


@in_fake_time
async def test_who_begins_to_wait_when_time_is_over_is_told_soon() -> None:
    mine = patience(1000)
    mine.sending()
    code, seconds = await waited(mine, 1, 30, rest=40)
    assert code == "first_byte_timeout" and 41 < seconds < 41.1


@in_fake_time
async def test_a_first_event_in_time_gives_the_pause_after_it_its_own_time() -> None:
    mine, woken = patience(1000), asyncio.get_running_loop().create_future()
    mine.sending()
    begun = now()
    watch = mine.watch("h", woken.set_exception)
    watch.waits()
    await asyncio.sleep(2)
    watch.rests()
    mine.heard()
    watch.waits()
    await asyncio.wait((woken,), timeout=50)
    assert now() - begun == 2 + 7 and isinstance(woken.exception(), StreamBroken)
