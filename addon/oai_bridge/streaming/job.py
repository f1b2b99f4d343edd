"""Runs an answer in an asyncio task of its own, holds its bytes until they are taken, and breaks its long silences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from ..answer import Answer, BrokenAnswer, Head, Heartbeat
from .defects import report_defect

HIGH_WATER = 256 * 1024  # bytes held for a slow client before the answer has to wait
TICK = 0.2  # seconds between two looks for aborted and for silent jobs


class Job:
    """One answer on its way, between its generator and the one who takes from it.

    Take by turns: `await wait(...)`, then look at `head`, `take()` and `ended`. `whole` tells afterwards whether the
    answer came to its proper end. A `sink` is given each piece at once; what it does not take, with false, is held.
    """

    sink: Callable[[bytes], bool] | None = None

    def __init__(self, open_answer: Callable[[], Answer]) -> None:
        self.head: Head | None = None
        self.ended = False  # nothing more will come
        self.whole = False  # ... and nothing is missing
        self._open = open_answer
        self._owed: int | None = None  # bytes still to come, where the head tells
        self._heartbeat: Heartbeat | None = None
        self._heard = 0.0  # when the client was last given something, by the event loop's clock
        self._buffer: list[bytes] = []
        self._size = 0
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> bool:
        """It was called off: what it still says goes nowhere."""
        return self._stopping.done()

    def start(self, forget: Callable[[], object]) -> None:
        """Begins; `forget` is called when the generator has really finished, which may be after `ended`."""

        def done(task: asyncio.Task[None]) -> None:
            self._task = None
            forget()
            if not task.cancelled() and (error := task.exception()) is not None:
                report_defect("An answer could not be closed", error)

        self._task = asyncio.create_task(self._run(), name="bridge answer")
        self._task.add_done_callback(done)

    def stop(self) -> None:
        """Calls the answer off: the generator is cancelled, the taker need not wait for it."""
        if self.stopped:
            return
        self._stopping.set_result(None)
        self._buffer.clear()
        self._news.set()
        if self._task is not None:
            self._task.cancel()

    def beat(self, now: float) -> None:
        """Breaks a long silence, if the answer wants that. `now` is the event loop's time."""
        heartbeat = self._heartbeat
        if heartbeat is None or self.ended or self.stopped or self._buffer or now - self._heard < heartbeat.every:
            return
        try:
            if self.head is None:
                self._accept(heartbeat.head())
                heartbeat.begun = True
            self._accept(heartbeat.beat)
        except Exception as error:
            self._heartbeat = None
            report_defect("A heartbeat failed", error)

    def take(self) -> bytes:
        """All bytes that are here, joined; b"" when there are none."""
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._size = 0
        self._room.set()
        return data

    async def wait(self, client_ready: Coroutine[Any, Any, None]) -> None:
        """Returns when the client can take more and there may be news, or when there is nothing to wait for."""
        ready = asyncio.ensure_future(client_ready)
        if not ready.done():
            await asyncio.wait((ready, self._stopping), return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
        if not (self.ended or self.stopped):
            await self._news.wait()
            self._news.clear()

    async def _run(self) -> None:
        async with AsyncExitStack() as closing:
            try:
                answer = self._open()
                closing.push_async_callback(answer.aclose)
                await self._pump(answer)
            except Exception as error:
                report_defect("An answer broke off", error)
            except asyncio.CancelledError as error:
                if not self.stopped:  # then it cancelled itself
                    report_defect("An answer broke off", error)
                error.__traceback__ = None  # its frames know the task, which knows the error: a circle with all bodies
                raise
            finally:  # before the generator is closed: its clean-up may take its time
                self.ended = True
                self._heartbeat = None  # it knows the exchange, and is known by it
                self._news.set()

    async def _pump(self, answer: Answer) -> None:
        async for item in answer:
            if self.stopped:  # a generator that does not mind being cancelled
                return
            if item == b"":
                await asyncio.sleep(0)  # a generator that yields nothing else must not hold up the loop
                continue
            self._accept(item)
            while self._size > HIGH_WATER:
                self._room.clear()
                await self._room.wait()
        if self.head is None:
            raise BrokenAnswer("no head")
        if self._owed:
            raise BrokenAnswer("fewer bytes than its content-length")
        self.whole = True

    def _accept(self, item: object) -> None:
        self._heard = asyncio.get_running_loop().time()
        if isinstance(item, Heartbeat):
            self._heartbeat = item
            return
        if isinstance(item, Head):
            if self.head is not None:
                raise BrokenAnswer("a second head")
            self.head = item
            self._owed = item.length
            if self._owed is not None:
                self._heartbeat = None  # nothing may stand between the pieces of such a body
        elif not isinstance(item, bytes):
            raise BrokenAnswer("something that is neither a head nor bytes")
        elif self.head is None:
            raise BrokenAnswer("bytes before its head")
        else:
            if self._owed is not None:
                if len(item) > self._owed:
                    raise BrokenAnswer("more bytes than its content-length")
                self._owed -= len(item)
            if self.sink is not None and not (self._buffer or self.stopped) and self.sink(item):
                return
            self._buffer.append(item)
            self._size += len(item)
        self._news.set()


class Jobs:
    """The live jobs of one installation, and the one ticker that looks for aborted and silent ones among them."""

    def __init__(self) -> None:
        self._live: dict[Job, Callable[[], bool]] = {}
        self._ticker: asyncio.Task[None] | None = None
        self._closed = False

    def start(self, open_answer: Callable[[], Answer], aborted: Callable[[], bool]) -> Job:
        """A running job, which is stopped within `TICK` seconds of `aborted` turning true, or not even begun."""
        job = Job(open_answer)
        if self._closed or aborted():
            job.stop()
            return job
        self._live[job] = aborted
        job.start(lambda: self._live.pop(job, None))
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.create_task(self._tick(), name="bridge ticker")
        return job

    def close(self) -> None:
        """Stops all jobs; one that is started later is stopped at once."""
        self._closed = True
        for job in list(self._live):
            job.stop()

    async def _tick(self) -> None:
        while self._live:
            await asyncio.sleep(TICK)
            now = asyncio.get_running_loop().time()
            for job, aborted in list(self._live.items()):
                if aborted():
                    job.stop()
                else:
                    job.beat(now)


class Answering:
    """Counts the clients that are being answered: their last bytes go out after the job's end."""

    def __init__(self) -> None:
        self.count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        self.count += 1
        self._none.clear()
        try:
            yield
        finally:
            self.count -= 1
            if not self.count:
                self._none.set()

    async def none(self) -> None:
        """Waits until there is none."""
        await self._none.wait()
