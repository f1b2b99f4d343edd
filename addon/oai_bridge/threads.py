"""Blocking calls beside the event loop, in threads that don't keep the program from ending."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from contextlib import suppress


async def in_thread[T](call: Callable[[], T]) -> T:
    """What `call` returns or raises. As `asyncio.to_thread`, except that nobody waits for the thread at the end: a
    server that says nothing would hold Ctrl-C up until its time-out."""
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

    threading.Thread(target=run, name="bridge call", daemon=True).start()
    return await future
