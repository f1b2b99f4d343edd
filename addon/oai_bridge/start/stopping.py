"""Stopping: what still runs gets its time, which a second Ctrl-C cuts short."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


async def end_in_peace(ended: Coroutine[Any, Any, None], seconds: float) -> None:
    """Waits until `ended`, at most so long, or until somebody asks a second time to stop; a third time ends the program
    at once."""
    with _asked_again() as hurry:
        waiting = [asyncio.ensure_future(ended), asyncio.ensure_future(hurry.wait())]
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


@contextmanager
def _asked_again() -> Iterator[asyncio.Event]:
    loop, hurry, heard = asyncio.get_running_loop(), asyncio.Event(), []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, hurry.set)
            heard.append(number)
        except NotImplementedError:  # Windows' event loop has no signal handlers
            break
    yield hurry
    for number in heard:
        loop.remove_signal_handler(number)
