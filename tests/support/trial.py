"""What a trial of a proxy under load tells: figures, and the promises that were broken; and what the proxy holds."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.fake_cloud import FakeCloud
from tests.support.load import Load
from tests.support.proxy import Proxy
from tests.support.storms import descriptors, memory

MB = 2**20
_PROBE = Path(__file__).parent / "probe.py"
_PATIENCE = 130.0  # seconds for what was left open; unused connections to a cloud are kept for one minute or two


@dataclass(frozen=True, slots=True)
class Holding:
    """What the process of a proxy holds: open descriptors, tasks of its event loop, flows of chats, bytes of memory."""

    descriptors: int
    tasks: int
    flows: int
    memory: int

    def __str__(self) -> str:
        counts = f"descriptors {self.descriptors}, tasks {self.tasks}, flows {self.flows}"
        return f"{counts}, memory {self.memory / MB:.1f} MB"


@dataclass(slots=True)
class Trial:
    """`tell` is given each figure as it comes; `broken` is what was promised and did not hold."""

    tell: Callable[[str], Any] = print
    broken: list[str] = field(default_factory=list)

    def promise(self, kept: object, what: str) -> None:
        if not kept:
            self.broken.append(what)
            self.tell(f"  BROKEN: {what}")

    def ended(self, load: Load, *allowed: str, since: float = 0.0) -> None:
        """All that were sent have ended, and in these ways only, each given by its first letters."""
        kinds = load.kinds(since)
        self.tell(f"  {sum(kinds.values())} requests: " + ", ".join(f"{kind} {n}" for kind, n in kinds.most_common()))
        self.promise(load.sent == len(load.ends), f"{load.sent} sent = {len(load.ends)} ended")
        strange = [kind for kind in kinds if not kind.startswith(allowed)]
        self.promise(not strange, f"only {', '.join(allowed)}, but: {strange}")

    def back(self, proxy: Proxy, cloud: FakeCloud, before: Holding, *, most: int = 5 * MB) -> None:
        """The proxy holds what it held before."""
        with suppress(AssertionError):
            cloud.wait_idle(timeout=_PATIENCE)
        self.promise(cloud.active == 0, f"upstreams are closed, but {cloud.active} are open")
        deadline = time.monotonic() + _PATIENCE
        while True:
            now = holding(proxy)
            # Fewer are no leak: connections to a cloud that were kept for the next request end some time.
            same = now.descriptors <= before.descriptors + 2 and now.tasks <= before.tasks + 2
            if same or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        self.tell(f"  before: {before}\n  after:  {now}")
        self.promise(same, "descriptors and tasks are no more than they were, within 2")
        self.promise(now.flows <= 2, f"no flow that has ended stays in memory, but {now.flows} do")
        grown = now.memory - before.memory
        self.promise(grown <= most, f"memory grows by {most / MB:g} MB at most, but: {grown / MB:.1f} MB")


def probed(proxy: Proxy) -> Proxy:
    """The same, with the probe in it; before it starts."""
    probe = shutil.copy(_PROBE, proxy.folder)  # a script's folder is where Python looks for modules
    proxy.command[1:1] = ["-s", probe]
    proxy.fresh = True  # a fork's memory begins with what it shares
    return proxy


def holding(proxy: Proxy) -> Holding:
    """Of a proxy that is `probed`."""
    tasks, flows = map(int, _told(proxy, signal.SIGUSR1, "counts").split())
    return Holding(descriptors(proxy), tasks, flows, memory(proxy))


def at_rest(proxy: Proxy, cloud: FakeCloud) -> Holding:
    """What it holds when nothing changes any more."""
    cloud.wait_idle(timeout=_PATIENCE)
    now, before = holding(proxy), None
    while before is None or (now.descriptors, now.tasks) != (before.descriptors, before.tasks):
        time.sleep(0.3)
        now, before = holding(proxy), now
    return now


def set_clock(proxy: Proxy, fast: float) -> None:
    """The `probed` proxy's clock is fast by so many seconds from now on."""
    (proxy.folder / "clock").write_text(str(fast), "utf-8")
    _told(proxy, signal.SIGUSR2, "set")


def _told(proxy: Proxy, number: signal.Signals, name: str) -> str:
    file = proxy.folder / name
    file.unlink(missing_ok=True)
    proxy.process.send_signal(number)
    deadline = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < deadline, f"the probe says nothing\n{proxy.log()}"
        time.sleep(0.005)
    return file.read_text("utf-8")


def ledger_of(proxy: Proxy) -> Path:
    return proxy.folder / ".local" / "state" / "oai-vertex" / "ledger.sqlite3"


def rows(ledger: Path) -> dict[str, float]:
    """The requests in a ledger by their ids, and how many seconds each took."""
    with closing(sqlite3.connect(ledger)) as connection:
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert integrity == "ok", integrity
        return dict(connection.execute("SELECT request_id, seconds FROM requests"))


@contextmanager
def small_disk(place: Path, size: str = "16m") -> Iterator[Path]:
    """A folder on a file system of its own. Raises `PermissionError` for who may mount none."""
    place.mkdir()
    mount, umount = (shutil.which(tool) for tool in ("mount", "umount"))
    if not mount or not umount or os.name != "posix":
        raise PermissionError("there is no mount")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=False, capture_output=True, text=True
    )
    if made.returncode:
        raise PermissionError(made.stderr.strip())
    try:
        yield place
    finally:
        subprocess.run([umount, "--lazy", str(place)], check=True)


def fill(disk: Path) -> None:
    """Leaves no room on it, until the file `filler` is gone."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
