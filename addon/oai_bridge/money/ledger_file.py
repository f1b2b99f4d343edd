"""The ledger's file: SQLite, one row for each request that a cloud was asked for, without a word of any prompt.

Several processes may share it. What `exchange` has returned for is there after a SIGKILL, too.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .entry import Entry
from .ledger import Key, Line, day_of

VERSION = 1
"""Of the schema: `PRAGMA user_version`."""
NAME = "ledger.sqlite3"
_FOLDER = "oai-vertex"
_PATIENCE = 1.5  # seconds to wait for another process that writes
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds
_MOST = 2**62  # SQLite's integers end soon after
_INTEGERS = ("input", "cache_write", "cache_write_1h", "cache_read", "output", "thinking", "counted_tokens")
_COLUMNS = {
    "request_id": "TEXT UNIQUE",
    "began": "REAL",  # Unix time
    "day": "TEXT",  # of this machine's calendar
    **dict.fromkeys(("client", "cloud", "region", "model", "requested", "operation"), "TEXT"),
    "status": "INTEGER",
    "error": "TEXT",
    "left_early": "INTEGER",
    "attempts": "INTEGER",
    "finish_reason": "TEXT",
    **dict.fromkeys(_INTEGERS[:-1], "INTEGER"),
    **dict.fromkeys(("usd_input", "usd_cache_write", "usd_cache_read", "usd_output"), "REAL"),  # NULL: not known
    "unpriced": "INTEGER",  # it has cost more than is known
    "counted_usd": "REAL",  # what caps take it for
    "counted_tokens": "INTEGER",
    **dict.fromkeys(("seconds", "queued", "first_token"), "REAL"),
}
_SCHEMA = (
    f"CREATE TABLE requests (id INTEGER PRIMARY KEY AUTOINCREMENT, {', '.join(map(' '.join, _COLUMNS.items()))})",
    "CREATE INDEX requests_by_day ON requests (day)",
    f"PRAGMA user_version = {VERSION}",
)
_INSERT = (
    f"INSERT OR IGNORE INTO requests ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"
)
# Where nothing is younger, this machine's clock may be years ahead: then all of it would go.
_FORGET = "DELETE FROM requests WHERE day < ? AND EXISTS (SELECT 1 FROM requests WHERE day >= ?)"
_KEY = "day, model, client, cloud"
_LINE = (  # of one row, as the fields of `Line`
    "1",
    "error IS NOT NULL",
    "input + cache_write + cache_read",
    "cache_read",
    "output",
    "ifnull(usd_input + usd_cache_write + usd_cache_read + usd_output, 0)",
    "unpriced",
    "counted_usd",
    "counted_tokens",
)
_NEWS = f"SELECT id, request_id, {_KEY}, {', '.join(_LINE)} FROM requests WHERE id > ? ORDER BY id"
_SUMS = f"SELECT {_KEY}, {', '.join(f'sum({of})' for of in _LINE)} FROM requests WHERE day >= ? GROUP BY {_KEY}"


class _Gone(OSError):
    """Another file stands where it was, or none."""


class LedgerFileError(Exception):
    """A sentence on why the file can't be used, and what to do."""


@dataclass(frozen=True, slots=True)
class News:
    """A row that nobody has told us of yet."""

    id: str
    key: Key
    line: Line


def default_file(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where programs keep such files of their user's; raises `LedgerFileError` for a user without a home."""
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        raise LedgerFileError(
            "There is no place for the ledger, since this user has no home: name a file at ledger.file in config.yaml."
        ) from None
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return base / _FOLDER / NAME


class LedgerFile:
    """One connection, for one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it; raises `LedgerFileError`."""
        self.path = path
        self._seen = 0  # the id of the last row that was told of
        try:
            _private(path)
            self._connection = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=16
            )
            self._which = _which(path)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from None
        try:
            self._patiently(self._prepare)
        except (sqlite3.Error, OSError) as error:
            self._connection.close()
            raise self._unusable(error) from None
        except LedgerFileError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")  # what is committed outlives the process; after a power cut the last may go
        run("BEGIN IMMEDIATE")
        (version,) = run("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise LedgerFileError(
                f"The ledger {self.path} was written by a newer version of this program: install that one, or name "
                "another file at ledger.file in config.yaml."
            )
        for step in _SCHEMA if version == 0 else ():
            run(step)
        run("COMMIT")

    def _patiently(self, act: Callable[[], None]) -> None:
        """SQLite itself doesn't wait for others where the journal's mode is changed."""
        for pause in (*_PAUSES, 0.0):
            try:
                return act()
            except sqlite3.OperationalError as error:
                if self._connection.in_transaction:
                    self._connection.rollback()
                if not pause or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(pause)

    def begin(self, since: str, keep_since: str) -> list[tuple[Key, Line]]:
        """Drops the rows of days before `keep_since`, if there are younger ones, and sums up those from the day `since`
        on. Raises `LedgerFileError`."""
        try:
            return self._begin(since, keep_since)
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error) from None

    def _begin(self, since: str, keep_since: str) -> list[tuple[Key, Line]]:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(_FORGET, [keep_since, keep_since])
            rows = self._connection.execute(_SUMS, [since]).fetchall()
            (last,) = self._connection.execute("SELECT max(id) FROM requests").fetchone()
        self._seen = last or 0
        return [(Key(*row[:4]), Line(*row[4:])) for row in rows]

    def exchange(self, entries: Sequence[Entry]) -> list[News]:
        """Writes what was done, each request once, and reads what is new since the last time, these included. Raises
        `sqlite3.Error` or `OSError`: then nothing of it is written."""
        if _which(self.path) != self._which:
            raise _Gone("it was deleted or replaced")  # SQLite would go on with a file that nobody else can see
        if entries:
            with self._connection:  # commits, or rolls back
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(_INSERT, [_row(entry) for entry in entries])
        rows = self._connection.execute(_NEWS, [self._seen]).fetchall()
        self._seen = rows[-1][0] if rows else self._seen
        return [News(row[1], Key(*row[2:6]), Line(*row[6:])) for row in rows]

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()

    def _unusable(self, error: Exception) -> LedgerFileError:
        return LedgerFileError(f"The ledger {self.path} can't be used ({reason(error)}). {remedy(error)}")


def reason(error: Exception) -> str:
    """What SQLite or the system says, without the path."""
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).rstrip(".")


def remedy(error: Exception) -> str:
    """What to do about it."""
    if isinstance(error, _Gone):
        return "Put it back, or start this program again, which begins a new one."
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return "Move it away, so that a new one is made, or name another file at ledger.file in config.yaml."
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "Close the program that has locked it."
    if code == sqlite3.SQLITE_FULL:
        return "Make room on the disk."
    if code == sqlite3.SQLITE_IOERR:
        return "See whether the disk is full or failing, or name another file at ledger.file in config.yaml."
    return "See to it that this user may write it and its folder, or name another file at ledger.file in config.yaml."


def _which(path: Path) -> tuple[int, int] | None:
    """Which file it is that stands there; `None`: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _private(path: Path) -> None:
    """Makes the file, and its folder, for this user alone. SQLite's files beside it are as the file itself is."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _row(entry: Entry) -> dict[str, Any]:
    usage, cost = entry.usage, entry.cost
    row: dict[str, Any] = {
        "request_id": entry.id,
        "began": entry.began,
        "day": day_of(entry.began),
        "client": entry.client,
        "cloud": entry.cloud,
        "region": entry.region,
        "model": entry.model,
        "requested": entry.requested,
        "operation": entry.operation,
        "status": entry.status,
        "error": entry.error,
        "left_early": entry.left,
        "attempts": entry.attempts,
        "finish_reason": entry.finish_reason,
        "input": usage.input,
        "cache_write": usage.cache_write,
        "cache_write_1h": usage.cache_write_1h,
        "cache_read": usage.cache_read,
        "output": usage.output,
        "thinking": usage.reasoning,
        "usd_input": cost.input if cost else None,
        "usd_cache_write": cost.cache_write if cost else None,
        "usd_cache_read": cost.cache_read if cost else None,
        "usd_output": cost.output if cost else None,
        "unpriced": entry.unpriced,
        "counted_usd": entry.counted.usd,
        "counted_tokens": entry.counted.tokens,
        "seconds": entry.seconds,
        "queued": entry.queued,
        "first_token": entry.first_token,
    }
    return {name: _stored(value) for name, value in row.items()}


def _stored(value: Any) -> Any:
    """As SQLite takes it: others' words may hold half a letter, and others' numbers may be of any size."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return min(value, _MOST) if isinstance(value, int) else value
