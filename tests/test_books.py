"""books.py: what has ended is in the file before anybody is told, and a file in trouble holds nobody up."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from oai_bridge.errors import SpendingLimit
from oai_bridge.money import books as books_module
from oai_bridge.money import ledger_file
from oai_bridge.money.books import Books, open_books
from oai_bridge.money.entry import Entry
from oai_bridge.money.ledger import day_of
from oai_bridge.money.ledger_file import LedgerFileError
from oai_bridge.money.worst import Counted, Worst
from oai_bridge.settings.clients import Caps, Client, Spending
from oai_bridge.settings.values import AmbientLogin, Config, GoogleAccount, Vertex
from oai_bridge.settings.values import Ledger as LedgerSettings

CAPPED = Spending(Caps(usd_per_day=1))
WORST = Worst(10, 10, 0.1, 0.2)
DAY = 86_400
NOW = time.time()


def stopped() -> float:
    """A clock for which no midnight comes in the middle of a test."""
    return NOW


def config(path: Path, spending: Spending | None = None, **settings: object) -> Config:
    account = GoogleAccount("project", "global", AmbientLogin())
    ledger = LedgerSettings(str(path))
    return Config(vertex=Vertex((account,)), ledger=ledger, spending=spending or Spending(), **settings)  # type: ignore[arg-type]  # kept short


def opened(path: Path, spending: Spending | None = None) -> Books:
    return open_books(config(path, spending), {}, stopped)


def done(id: str = "r1", usd: float = 0.5, client: str = "anna") -> Entry:
    return Entry(id, NOW, 1.0, client, "vertex", counted=Counted(usd, 20))


async def end(books: Books, entry: Entry) -> None:
    await books.let_in(entry.id, entry.client, WORST)
    books.add(entry)
    await books.kept(entry.id)


def ids(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [id for (id,) in connection.execute("SELECT request_id FROM requests ORDER BY id")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "l"


async def test_what_is_kept_is_in_the_file_once(path: Path) -> None:
    books = opened(path)
    await end(books, done())
    assert ids(path) == ["r1"] and books.ledger.total().requests == 1
    books.add(replace(done(), seconds=2.0))  # its last hook says the same again
    await asyncio.gather(*(end(books, done(f"r{number}")) for number in range(2, 40)))
    assert len(ids(path)) == 39 == len(set(ids(path))) and books.ledger.total().requests == 39
    await books.refresh()
    assert books.ledger.total().requests == 39
    await books.close()
    again = opened(path)
    assert again.ledger.total().usd == 39 / 2 and again.ledger.spent("anna", again.today).tokens == 780
    await again.close()


async def test_what_asked_no_cloud_is_let_go_without_a_row(path: Path) -> None:
    books = opened(path)
    await end(books, replace(done(), asked=False))
    books.add(done("never let in"))
    await books.refresh()
    assert ids(path) == [] and books.ledger.total().requests == 0 and "r1" not in books.budget
    await books.close()


async def test_two_processes_keep_one_cap(path: Path) -> None:
    one, two = opened(path, CAPPED), opened(path, CAPPED)
    await end(one, done("r1", 0.6))
    await end(two, done("r2", 0.6))
    assert two.ledger.total().usd == 1.2
    for books in (one, two):
        with pytest.raises(SpendingLimit, match=r"\$1\.20 is spent"):
            await books.let_in("r3", "anna", WORST)
        await books.let_in("r4", "anna", None)  # nothing is paid for it
    await one.close()
    await two.close()


async def test_no_gap_between_what_runs_and_what_was_spent(path: Path) -> None:
    books = opened(path, CAPPED)
    await books.let_in("r1", "anna", replace(WORST, usd=5))
    books.add(done("r1", 1.0))
    with pytest.raises(SpendingLimit, match=r"is spent\. It starts anew tomorrow"):
        await books.let_in("r2", "anna", WORST)
    await books.close()


async def test_a_locked_file_holds_nobody_up(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ledger_file, "_PATIENCE", 1.0)
    monkeypatch.setattr(books_module, "_RETRY", 0.1)
    monkeypatch.setattr(books_module, "_PATIENCE", 0.15)
    books = opened(path, CAPPED)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = time.monotonic()
        await end(books, done("r1"))
        assert time.monotonic() - before > 0.1 and not caplog.records  # waits for a while, then goes on
        async with asyncio.timeout(30):
            while not caplog.records:  # until SQLite has given up
                await asyncio.sleep(0.02)
        before = time.monotonic()
        await end(books, done("r2"))
        assert time.monotonic() - before < 0.5  # nobody waits any more
        with pytest.raises(SpendingLimit):
            await books.let_in("r3", "anna", WORST)  # memory knows
        await asyncio.sleep(1.5)  # for another try
        assert [record.message for record in caplog.records] == [
            f"The ledger {path} can't be written (database is locked): what requests cost is kept in memory until it "
            "can. Close the program that has locked it."
        ]
    async with asyncio.timeout(30):
        while len(caplog.records) < 2:
            await asyncio.sleep(0.02)
    assert caplog.records[1].message == f"The ledger {path} is written again; nothing is missing in it."
    assert ids(path) == ["r1", "r2"] and books.ledger.total().requests == 2
    await books.close()


async def test_the_event_loop_runs_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_file, "_PATIENCE", 0.4)
    books = opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(end(books, done()))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.005)
            turns += 1
        assert turns > 5
    await books.close()
    assert ids(path) == ["r1"]  # at the end, since the other one is gone


async def test_a_full_disk(path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books_module, "_MOST", 30)
    books = opened(path)
    assert books._file is not None
    limit = books._file._connection.execute("PRAGMA max_page_count = 1").fetchone()[0]
    for number in range(200):
        await end(books, replace(done(f"r{number}"), model="m" * 200))
    assert limit < 10 and "(database or disk is full)" in caplog.text and "Make room on the disk." in caplog.text
    assert len(caplog.records) == 1 and books.ledger.total().requests == 200
    books._file._connection.execute("PRAGMA max_page_count = 1000000")
    await books.close()
    kept = len(ids(path))
    assert caplog.records[1].message.endswith(f"written again; {200 - kept} requests are missing in it.")
    assert "r199" in ids(path) and kept >= 30


async def test_what_others_write_is_seen_after_a_while(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books_module, "_LOOK", 0.05)
    one, two = opened(path), opened(path)
    await end(one, done("r1"))
    await end(two, done("r2"))
    async with asyncio.timeout(30):
        while one.ledger.total().requests != 2:
            await asyncio.sleep(0.02)
    await one.close()
    await two.close()


async def test_a_new_day(path: Path) -> None:
    now = [time.time()]
    books = open_books(config(path, CAPPED), {}, lambda: now[0])
    await end(books, replace(done("old"), began=now[0] - 20 * DAY))
    await end(books, done("r1", 1.0))
    with pytest.raises(SpendingLimit):
        await books.let_in("r2", "anna", WORST)
    now[0] += 25 * DAY
    for id in ("r2", "r3"):
        await end(books, replace(done(id), began=now[0]))
        now[0] += DAY
    assert list(books.ledger.sums("day")) == [day_of(now[0] - back * DAY) for back in (27, 2, 1)]
    await books.close()


async def test_a_clock_that_goes_wrong_and_comes_back_frees_no_cap(path: Path) -> None:
    now = [time.time()]
    books = open_books(config(path, Spending(Caps(usd_per_month=1))), {}, lambda: now[0])
    await end(books, done("r1", 1.0))
    for step, id in ((70 * DAY, "r2"), (-140 * DAY, "r3"), (70 * DAY, "r4")):
        now[0] += step
        if id != "r4":
            await end(books, replace(done(id), began=now[0]))
    with pytest.raises(SpendingLimit):
        await books.let_in("r4", "anna", WORST)
    await books.close()


async def test_a_file_that_can_not_be_used(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"no ledger " * 1000)
    books = opened(path)
    assert caplog.records[0].levelno == logging.WARNING
    assert caplog.records[0].message.endswith(
        "(file is not a database). Move it away, so that a new one is made, or name another file at ledger.file in "
        "config.yaml. Until then the sums begin anew with each start."
    )
    await end(books, done())
    assert books.ledger.total().requests == 1
    await books.close()
    own = config(path, clients=(Client("anna", "k", caps=Caps(tokens_per_month=1)),))
    for capped in (config(path, CAPPED), own):
        with pytest.raises(ledger_file.LedgerFileError, match="Without it no cap on spending can be kept"):
            open_books(capped, {}, stopped)


async def test_the_demo_has_no_file(tmp_path: Path) -> None:
    demo = Config(ledger=LedgerSettings(str(tmp_path / "l")), spending=CAPPED)
    books = open_books(demo, {"HOME": str(tmp_path)}, stopped)
    await end(books, done())
    await books.refresh()
    await books.close()
    assert list(tmp_path.iterdir()) == [] and books.ledger.total().requests == 1


async def test_the_usual_place(tmp_path: Path) -> None:
    usual = replace(config(tmp_path), ledger=LedgerSettings())
    books = open_books(usual, {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}, stopped)
    assert len(list(tmp_path.rglob("oai-vertex/ledger.sqlite3"))) == 1
    await books.close()


async def test_under_eager_tasks_as_mitmproxy_has_them(path: Path) -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    books = opened(path, CAPPED)
    await asyncio.gather(*(end(books, done(f"r{number}", 0.001)) for number in range(20)))
    assert len(ids(path)) == 20 == books.ledger.total().requests
    await books.refresh()
    await books.close()


def test_who_has_no_home_can_do_without_the_file_or_name_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    usual = replace(config(tmp_path), ledger=LedgerSettings())
    assert not open_books(usual, {}, stopped).budget.any
    assert "name a file at ledger.file" in caplog.text
    with pytest.raises(LedgerFileError, match="no cap on spending can be kept"):
        open_books(replace(usual, spending=CAPPED), {}, stopped)
    assert open_books(config(tmp_path / "l", CAPPED), {}, stopped).budget.any
