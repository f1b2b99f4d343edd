"""Blocking calls beside the event loop, in threads that don't keep the program from ending.

As `asyncio.to_thread`, except that nobody waits for the threads at the end: a server that says nothing would hold
Ctrl-C up until its time-out.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue


async def in_thread[T](call: Callable[[], T]) -> T:
    """What `call` returns or raises, in a thread of its own."""
    run, future = _prepared(call)
    _start(run)
    return await future


class KeptThread:
    """One thread for many calls, one after the other: to start one takes longer than many a call."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._started = False

    async def run[T](self, call: Callable[[], T]) -> T:
        """As `in_thread`."""
        if not self._started:
            self._started = True
            _start(self._work)
        run, future = _prepared(call)
        self._calls.put(run)
        return await future

    def close(self) -> None:
        """After what is under way the thread ends."""
        self._calls.put(None)

    def _work(self) -> None:
        while (run := self._calls.get()) is not None:
            run()
            del run  # it holds what it has worked on


def _start(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="bridge call", daemon=True).start()


def _prepared[T](call: Callable[[], T]) -> tuple[Callable[[], None], asyncio.Future[T]]:
    """What a thread is to do, and where this loop sees what came of it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = call()
        except Exception as error:
            tell(functools.partial(future.set_exception, error))
        else:
            tell(functools.partial(future.set_result, result))

    def tell(outcome: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lambda: None if future.done() else outcome())

    return run, future
