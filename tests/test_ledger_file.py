"""ledger_file.py: what is written is there once, whoever else writes and whoever is killed, and holds no secret."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.events import Usage
from oai_bridge.money.cost import Cost
from oai_bridge.money.entry import Entry
from oai_bridge.money.ledger import Ledger, Line, day_of, summed
from oai_bridge.money.ledger_file import LedgerFile, LedgerFileError, default_file, reason, remedy
from oai_bridge.money.worst import Counted
from tests.support.ledger_storm import storm

NOW = time.time()
TODAY = day_of(NOW)
DONE = Entry(
    *("req_1", NOW, 2.5, "anna", "vertex", "global"),
    model="claude-x@1",
    requested="claude-x",
    status=200,
    usage=Usage(100, 20, 3000, 50, 7, cache_write_1h=10),
    cost=Cost(0.1, 0.2, 0.3, 0.4),
    counted=Counted(1.0, 3170),
    first_token=0.5,
    finish_reason="stop",
)


def rows(path: Path, what: str = "*") -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT {what} FROM requests ORDER BY id")]


def opened(path: Path, since: str = "2000-01-01", keep: str = "2000-01-01") -> tuple[LedgerFile, Ledger]:
    file, ledger = LedgerFile(path), Ledger()
    for key, line in file.begin(since, keep):
        ledger.add(key, line)
    return file, ledger


def test_a_row_says_all_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "state" / "l.sqlite3"
    file, ledger = opened(path)
    (news,) = file.exchange([DONE])
    assert (news.id, (news.key, news.line)) == ("req_1", summed(DONE)) and ledger.total() == Line()
    (row,) = rows(path)
    assert (row["day"], row["client"], row["cloud"], row["region"]) == (TODAY, "anna", "vertex", "global")
    assert [row[f"usd_{part}"] for part in ("input", "cache_write", "cache_read", "output")] == [0.1, 0.2, 0.3, 0.4]
    assert (row["cache_write_1h"], row["thinking"], row["counted_tokens"], row["seconds"]) == (10, 7, 3170, 2.5)
    file.exchange([replace(DONE, id="req_2", cost=None, unpriced=True, error="stream_truncated", first_token=None)])
    unknown = rows(path)[1]
    assert unknown["usd_output"] is None and unknown["first_token"] is None and unknown["unpriced"] == 1
    file.close()
    _, again = opened(path)
    assert again.sums("cloud") == {"vertex": Line(2, 1, 6300, 6000, 40, 1.0, 1, 2.0, 6340)}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_it_is_its_users_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "l.sqlite3"
    file, _ = opened(path)
    file.exchange([DONE])
    assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len(list(path.parent.iterdir())) == 3  # with those of WAL
    file.close()
    path.chmod(0o644)
    opened(path)[0].close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_doubled_and_others_are_seen(tmp_path: Path) -> None:
    one, _ = opened(tmp_path / "l")
    two, _ = opened(tmp_path / "l")
    one.exchange([DONE])
    assert one.exchange([DONE, replace(DONE, id="req_2")])[0].id == "req_2"
    assert [news.id for news in two.exchange([replace(DONE, id="req_3")])] == ["req_1", "req_2", "req_3"]
    assert [news.id for news in one.exchange([])] == ["req_3"] and two.exchange([]) == []


def test_old_rows_go_and_ids_are_not_given_again(tmp_path: Path) -> None:
    file, _ = opened(tmp_path / "l")
    old = replace(DONE, id="old", began=NOW - 90 * 86_400)
    file.exchange([replace(DONE, id="middle", began=NOW - 40 * 86_400), old])
    watcher, before = opened(tmp_path / "l")
    assert before.total().requests == 2
    _, held = opened(tmp_path / "l", since=TODAY, keep=day_of(NOW - 50 * 86_400))
    assert held.total() == Line() and [row["request_id"] for row in rows(tmp_path / "l")] == ["middle"]
    file.exchange([DONE])
    assert [news.id for news in watcher.exchange([])] == ["req_1"]


@pytest.mark.skipif(os.name != "posix", reason="Windows deletes no open files")
def test_a_clock_that_is_years_ahead_does_not_empty_it(tmp_path: Path) -> None:
    """Every row is too old then. What is really so goes once there is a younger one."""
    file, _ = opened(tmp_path / "l")
    file.exchange([DONE])
    file.close()
    opened(tmp_path / "l", keep="2999-01-01")[0].close()
    assert len(rows(tmp_path / "l")) == 1
    file, _ = opened(tmp_path / "l")
    file.exchange([replace(DONE, id="req_2", began=NOW + 86_400 * 500)])
    file.close()
    opened(tmp_path / "l", keep=day_of(NOW + 86_400 * 100))[0].close()
    assert [row["request_id"] for row in rows(tmp_path / "l")] == ["req_2"]


def test_nothing_is_written_to_a_file_that_nobody_can_see(tmp_path: Path) -> None:
    path = tmp_path / "l"
    file, _ = opened(path)
    path.rename(tmp_path / "away")
    for _ in ("deleted", "replaced"):
        with pytest.raises(OSError, match="it was deleted or replaced") as told:
            file.exchange([DONE])
        assert remedy(told.value) == "Put it back, or start this program again, which begins a new one."
        path.touch()
    (tmp_path / "away").replace(path)
    assert [news.id for news in file.exchange([DONE])] == ["req_1"]


def test_others_words_and_numbers(tmp_path: Path) -> None:
    file, _ = opened(tmp_path / "l")
    odd = replace(DONE, requested="half \ud800 \0", usage=Usage(10**30, 5), counted=Counted(0.0, 10**30))
    (news,) = file.exchange([odd])
    assert news.line.tokens == 2**62 and rows(tmp_path / "l")[0]["requested"] == "half ? \0"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> LedgerFile:
    return LedgerFile(tmp_path_factory.mktemp("ledger") / "l")


@given(text=st.text(st.characters(), max_size=20), count=st.integers(0), some=st.none() | st.integers(0))
def test_any_entry_can_be_written(file: LedgerFile, text: str, count: int, some: int | None) -> None:
    entry = replace(DONE, id=f"{time.monotonic_ns()}", model=text, error=text, usage=Usage(0, count, reasoning=some))
    assert [news.id for news in file.exchange([entry])] == [entry.id]


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path / "l")[0].close()
    with closing(sqlite3.connect(tmp_path / "l")) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(LedgerFileError, match="written by a newer version of this program: install that one, or name"):
        LedgerFile(tmp_path / "l")


def test_what_can_not_be_used_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"not a database at all" * 100)
    with pytest.raises(LedgerFileError, match=r"junk can't be used \(file is not a database\)\. Move it away"):
        LedgerFile(tmp_path / "junk")
    with pytest.raises(LedgerFileError, match="See to it that this user may write it"):
        LedgerFile(tmp_path)  # a folder
    with pytest.raises(LedgerFileError, match="See to it"):
        LedgerFile(tmp_path / "junk" / "below")
    assert (tmp_path / "junk").read_bytes().startswith(b"not a database")


def test_a_locked_file_is_told_in_time(tmp_path: Path) -> None:
    file, _ = opened(tmp_path / "l")
    with closing(sqlite3.connect(tmp_path / "l", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        before = time.monotonic()
        with pytest.raises(sqlite3.OperationalError) as told:
            file.exchange([DONE])
        assert time.monotonic() - before < 2
        assert file.exchange([]) == []  # who only reads does not wait
    assert reason(told.value) == "database is locked" and "has locked it" in remedy(told.value)
    assert len(file.exchange([DONE])) == 1
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert remedy(full) == "Make room on the disk."


@pytest.mark.parametrize(
    ("platform", "given", "where"),
    [
        ("linux", {"HOME": "/h"}, "/h/.local/state/oai-vertex/ledger.sqlite3"),
        ("linux", {"HOME": "/h", "XDG_STATE_HOME": "/s"}, "/s/oai-vertex/ledger.sqlite3"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Application Support/oai-vertex/ledger.sqlite3"),
        ("win32", {"HOME": "/h", "LOCALAPPDATA": "/l"}, "/l/oai-vertex/ledger.sqlite3"),
        ("win32", {"HOME": "/h"}, "/h/AppData/Local/oai-vertex/ledger.sqlite3"),
    ],
)
def test_where_it_is(platform: str, given: dict[str, str], where: str) -> None:
    assert default_file(given, platform).as_posix() == where


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_writers_that_are_killed_lose_nothing_that_was_told(tmp_path: Path) -> None:
    """`scripts/soak.py ledger` has more of it."""
    outcome = storm(tmp_path / "l", writers=16, rows=40, kills=8)
    assert (outcome.missing, outcome.doubled, outcome.integrity) == (0, 0, "ok")
    assert outcome.killed == 8 and outcome.told >= 8 * 40 and outcome.rows >= outcome.told
