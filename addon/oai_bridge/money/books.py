"""Keeps the books: what each request came to goes into the ledger and its file, and what others wrote comes out of it.

The event loop never waits for the file itself: a thread does, and who wants to know waits for them for a while at most.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from ..plain.threads import KeptThread
from ..settings.values import Config
from .entry import Entry
from .ledger import Ledger, day_of, first_held, summed
from .ledger_file import LedgerFile, LedgerFileError, News, default_file, reason, remedy
from .spending import Budget
from .worst import Worst

logger = logging.getLogger(__name__)

_PATIENCE = 2.0  # seconds that a request waits for the file
_LAST_PATIENCE = 2.5  # the same at the end of the program
_LOOK = 30.0  # seconds between two looks at what others wrote, where nobody asks
_RETRY = 5.0  # seconds until what could not be written is tried again
_MOST = 50_000  # entries that wait for the file


class Books:
    """One for the whole program. Without a `file` all is in memory, and begins anew with each start."""

    def __init__(self, config: Config, clock: Callable[[], float], file: LedgerFile | None = None) -> None:
        self.ledger = Ledger()
        self.budget = Budget(config.spending, config.clients, self.ledger)
        self._clock = clock
        self._file = file
        self._thread = KeptThread()
        self._today = self.today
        self._first = first_held(self._today)  # the first day that is held
        self._unseen: set[str] = set()  # requests that are in the ledger, and come out of the file once more
        self._waiting: dict[str, Entry] = {}  # for the file
        self._first_round: dict[str, asyncio.Future[None]] = {}  # of those that wait, while somebody may ask
        self._lost = 0
        self._round: asyncio.Future[None] | None = None  # the next one
        self._turning: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._trouble = False
        if file is not None:
            keep = date.fromisoformat(self._today) - timedelta(config.ledger.keep_days)
            for key, line in file.begin(self._first, keep.isoformat()):
                self.ledger.add(key, line)

    @property
    def today(self) -> str:
        """The day, as the ledger calls it."""
        return day_of(self._clock())

    async def let_in(self, id: str, client: str, worst: Worst | None) -> None:
        """A request may run, until its entry is added; raises `SpendingLimit`. `worst` is `None` where nothing is paid
        for it."""
        if worst is not None and self.budget.watches(client):
            await self.refresh()
        self.budget.reserve(id, client, worst, self.today)

    def add(self, entry: Entry) -> None:
        """A request that was let in has ended: its entry counts from now on, and in place of what it might have cost.
        A second entry of the same one says nothing."""
        if entry.id not in self.budget:
            return
        if entry.asked:
            self._turn_the_page()
            self.ledger.add(*summed(entry))
            if self._file is not None:
                self._unseen.add(entry.id)
                self._waiting[entry.id] = entry
                while len(self._waiting) > _MOST:
                    self._lost += 1
                    self._unseen.discard(self._waiting.pop(next(iter(self._waiting))).id)
                self._first_round[entry.id] = self._next()
        self.budget.release(entry.id)

    async def kept(self, id: str) -> None:
        """Returns when the entry is in the file, or when it has become clear that this takes longer."""
        written = self._first_round.pop(id, None)
        if written is not None and not self._trouble:
            await asyncio.wait([written], timeout=_PATIENCE)

    async def refresh(self) -> None:
        """What other processes have written is in the ledger, unless the file takes too long."""
        if self._file is not None and not self._trouble:
            await self._turned()

    async def close(self) -> None:
        """Writes what is still waiting."""
        if self._file is None:
            return
        for _ in range(2):  # one may be under way, without the last entries
            if self._waiting:
                await self._turned(last=True)
        if self._timer is not None:
            self._timer.cancel()
        if self._waiting:
            missing = len(self._waiting) + self._lost
            logger.warning("%d requests are missing in the ledger %s.", missing, self._file.path)
        elif self._turning is None or self._turning.done():
            self._file.close()
        self._thread.close()
        self._file = None

    # -- the file -----------------------------------------------------------------------------------------------------

    async def _turned(self, *, last: bool = False) -> None:
        """Waits for a round that begins after this call."""
        await asyncio.wait([self._next()], timeout=_LAST_PATIENCE if last else _PATIENCE)

    def _next(self) -> asyncio.Future[None]:
        """The next round: all that waits is written, all that is new is read."""
        if self._round is None:
            self._round = coming = asyncio.get_running_loop().create_future()
            if self._turning is None or self._turning.done():
                self._turning = asyncio.ensure_future(self._turn())  # which may have begun already
            return coming
        return self._round

    async def _turn(self) -> None:
        """Rounds, as long as somebody wants one."""
        while self._round is not None and (file := self._file) is not None:
            done, self._round = self._round, None
            entries = list(self._waiting.values())
            try:
                news = await self._thread.run(partial(file.exchange, entries))
            except (sqlite3.Error, OSError) as error:
                self._failed(file.path, error)
            else:
                self._worked(file.path, entries, news)
            finally:
                done.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        if self._file is None:
            return
        after = _RETRY if self._trouble else _LOOK
        self._timer = asyncio.get_running_loop().call_later(after, self._next)

    def _worked(self, path: Path, entries: list[Entry], news: list[News]) -> None:
        for entry in entries:
            self._waiting.pop(entry.id, None)
        self._turn_the_page()
        for one in news:
            if one.id not in self._unseen and one.key.day >= self._first:
                self.ledger.add(one.key, one.line)
        self._unseen.difference_update(entry.id for entry in entries)
        if self._trouble:
            self._trouble = False
            missing = f"{self._lost} requests are missing in it" if self._lost else "nothing is missing in it"
            logger.warning("The ledger %s is written again; %s.", path, missing)

    def _failed(self, path: Path, error: Exception) -> None:
        if not self._trouble:
            self._trouble = True
            logger.warning(
                "The ledger %s can't be written (%s): what requests cost is kept in memory until it can. %s",
                path,
                reason(error),
                remedy(error),
            )

    def _turn_the_page(self) -> None:
        """On a new day some days are too old for memory: those that were so the day before, as a clock that has gone
        wrong may come back."""
        if (today := self.today) != self._today:
            self._first = first_held(min(today, self._today))
            self._today = today
            self.ledger.forget(self._first)


def open_books(config: Config, environ: Mapping[str, str], clock: Callable[[], float]) -> Books:
    """The books with the file of the settings. The demo, whose answers are no model's, has none. Raises
    `LedgerFileError` where caps are to be kept and the file can't be used; without caps that is a warning."""
    if config.demo:
        return Books(config, clock)
    try:
        path = Path(config.ledger.file) if config.ledger.file else default_file(environ)
        return Books(config, clock, LedgerFile(path))
    except LedgerFileError as error:
        books, told = Books(config, clock), str(error)
        if books.budget.any:
            raise LedgerFileError(f"{told} Without it no cap on spending can be kept.") from None
        logger.warning("%s Until then the sums begin anew with each start.", told)
        return books
