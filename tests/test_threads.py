"""Calls in threads: results and errors come back, whoever waits or no longer does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from oai_bridge.plain.threads import KeptThread, in_thread


async def test_a_result_comes_back_from_another_thread() -> None:
    assert await in_thread(threading.get_ident) != threading.get_ident()


async def test_an_error_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_many_at_once() -> None:
    meeting = threading.Barrier(20, timeout=30)
    assert sorted(await asyncio.gather(*(in_thread(meeting.wait) for _ in range(20)))) == list(range(20))


@pytest.mark.parametrize("fails", [False, True])
async def test_nobody_waits_any_more(fails: bool) -> None:
    go = threading.Event()

    def call() -> None:
        go.wait(30)
        if fails:
            raise ValueError

    task = asyncio.create_task(in_thread(call))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    await in_thread(lambda: None)
    await asyncio.sleep(0)


HANGS = """
import asyncio, time
from oai_bridge.plain.threads import KeptThread, in_thread

async def main():
    task = asyncio.create_task(in_thread(lambda: time.sleep(60)))
    await asyncio.sleep(0.1)
    task.cancel()

asyncio.run(main())
print("ended")
"""


def test_a_call_that_hangs_does_not_hold_the_end_up() -> None:
    addon = Path(__file__).parent.parent / "addon"
    ended = subprocess.run([sys.executable, "-c", HANGS], check=False, cwd=addon, capture_output=True, timeout=50)
    assert (ended.returncode, ended.stdout.strip(), ended.stderr) == (0, b"ended", b"")


async def test_one_thread_is_kept_for_many_calls_and_let_go_at_the_end() -> None:
    kept, before = KeptThread(), {*threading.enumerate()}
    first = await asyncio.gather(*(kept.run(threading.get_ident) for _ in range(5)))
    with pytest.raises(ZeroDivisionError):
        await kept.run(lambda: 1 // 0)
    assert {*first, await kept.run(threading.get_ident)} == {first[0]} != {threading.get_ident()}
    kept.close()
    async with asyncio.timeout(30):
        while {*threading.enumerate()} - before:
            await asyncio.sleep(0.01)
