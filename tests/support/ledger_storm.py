"""Processes that write into one ledger and are killed at any moment: what they were told is kept must be there, once.

Each writes rows, most of them twice, and says the id of each that it was told of.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "addon"))

from oai_bridge.events import Usage
from oai_bridge.money.cost import Cost
from oai_bridge.money.entry import Entry
from oai_bridge.money.ledger import Ledger
from oai_bridge.money.ledger_file import LedgerFile
from oai_bridge.money.worst import Counted

_ENDLESS = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """`told`: rows that a writer was told to be kept; `killed`: writers that did not come to their end. `refused`:
    writes that took too long behind the others, whose rows nobody was told of."""

    told: int
    rows: int
    missing: int
    doubled: int
    killed: int
    refused: int
    integrity: str


def write(path: Path, name: str, rows: int) -> None:
    """One process. Each row goes in with the one before, as after a write whose end nobody has heard of."""
    file, before = LedgerFile(path), None
    file.begin("2026-11-01", "2026-01-01")
    for number in range(rows):
        entry = Entry(
            *(f"{name}-{number}", time.time(), 1.0, name),
            usage=Usage(10, 1),
            cost=Cost(0.25),
            counted=Counted(0.25, 11),
        )
        try:
            news = file.exchange([entry] if before is None else [before, entry])
        except sqlite3.OperationalError as error:
            print("refused", error, flush=True)
            continue
        assert entry.id in {one.id for one in news}
        print(entry.id, flush=True)
        before = entry
    print("ended", flush=True)


def storm(path: Path, *, writers: int, rows: int, kills: int, seed: int = 1) -> Outcome:
    """`writers` processes at once. `kills` of them write until they are killed, each after some of its rows."""
    command = [sys.executable, __file__, str(path), *map(str, (writers, rows, kills, seed))]
    return Outcome(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def _storm(path: Path, *, writers: int, rows: int, kills: int, seed: int) -> Outcome:
    """The same in a process of its own, which can be forked at little cost."""
    chance = random.Random(seed)
    doomed = {number: chance.randint(0, rows) for number in range(kills)}
    running = [_fork(path, f"w{seed}.{number}", _ENDLESS if number in doomed else rows) for number in range(writers)]
    lines: list[str] = []
    with ThreadPoolExecutor(writers) as threads:
        for said in threads.map(_watch, running, map(doomed.get, range(writers))):
            lines += said
    words = [line.split()[0] for line in lines if line.endswith("\n")]
    told = {word for word in words if word.startswith("w")}
    return _outcome(path, told, writers - words.count("ended"), words.count("refused"))


def _fork(path: Path, name: str, rows: int) -> tuple[int, TextIO]:
    """A writer, and what it says."""
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        return pid, os.fdopen(reading)
    with os.fdopen(writing, "w") as sys.stdout:
        write(path, name, rows)
    os._exit(0)


def _watch(writer: tuple[int, TextIO], doom: int | None) -> list[str]:
    """What it says until its end, or until it is killed after so many lines and what it had said by then."""
    pid, said = writer
    with said:
        lines = list(itertools.islice(said, doom))
        if doom is not None:
            os.kill(pid, signal.SIGKILL)
            lines += said
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == (0 if doom is None else -signal.SIGKILL)
    return lines


def _outcome(path: Path, told: set[str], killed: int, refused: int) -> Outcome:
    with closing(sqlite3.connect(path)) as connection:
        found = Counter(id for (id,) in connection.execute("SELECT request_id FROM requests"))
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
    ledger = Ledger()
    file = LedgerFile(path)
    for key, line in file.begin("2000-01-01", "2000-01-01"):
        ledger.add(key, line)
    file.close()
    assert ledger.total().requests == len(found) and ledger.total().usd == len(found) / 4
    return Outcome(
        told=len(told),
        rows=len(found),
        missing=len(told - found.keys()),
        doubled=sum(count > 1 for count in found.values()),
        killed=killed,
        refused=refused,
        integrity=integrity,
    )


if __name__ == "__main__":
    _path, *_counts = sys.argv[1:]
    _told = _storm(Path(_path), **dict(zip(("writers", "rows", "kills", "seed"), map(int, _counts), strict=True)))
    print(json.dumps(asdict(_told)))
