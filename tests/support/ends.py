"""Trials of a real proxy whose disk is full, and of one that is stopped or killed, while streams run."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

from tests.support.fake_vertex import FakeVertex
from tests.support.load import Load
from tests.support.proxy import Proxy
from tests.support.storms import settings
from tests.support.trial import Trial, fill, ledger_of, rows, small_disk
from tests.support.trials import calm

_NOTICED = 15.0  # seconds until a ledger that can be written again is written


def full_ledger(trial: Trial, cloud: FakeVertex, folder: Path, *, seconds: float, at_once: int) -> None:
    """No room for the ledger, for a while: everybody is served, and nothing is missing afterwards."""
    calm(cloud)
    with small_disk(folder / "disk") as disk:
        ledger = disk / "ledger.sqlite3"
        config = json.dumps(settings(cloud) | {"ledger": {"file": str(ledger)}})
        with Proxy(folder, config=config) as proxy:
            with Load(proxy, at_once) as load:
                time.sleep(seconds)
                fill(disk)
                time.sleep(seconds)
                (disk / "filler").unlink()
                freed = time.monotonic()
                while "nothing is missing" not in proxy.log() and time.monotonic() < freed + _NOTICED:
                    time.sleep(0.05)
                written = time.monotonic()
            trial.ended(load, "answer")
            trial.tell(f"  written again {written - freed:.1f} s after there was room")
            trial.promise(proxy.log().count("can't be written") == 1, "it says once that there is no room")
            trial.promise("Make room on the disk" in proxy.log(), "it says what to do")
            trial.promise("nothing is missing" in proxy.log(), "it says when it goes on")
        kept = rows(ledger)
        trial.tell(f"  {len(load.ends)} answers, {len(kept)} rows")
        trial.promise(kept.keys() == load.answered(), "each answer is in the ledger")
        ledger.unlink()  # before the disk is filled, which it would leave room on
        fill(disk)
        with Proxy(folder, config=config) as proxy:
            said = [line for line in proxy.log().splitlines() if "ledger" in line and "begin anew" in line]
            trial.tell(f"  started without room: {said}")
            trial.promise(said, "a start without room says so")
            trial.promise(proxy.chat().status == 200, "and serves all the same")


def full_record(trial: Trial, cloud: FakeVertex, folder: Path, *, seconds: float, at_once: int) -> None:
    """No room for what mitmproxy's `-w` writes: mitmproxy stops, as is its way; no answer that was told is lost."""
    calm(cloud)
    with small_disk(folder / "disk") as disk:
        proxy = Proxy(folder, config=json.dumps(settings(cloud)), arguments=["-w", str(disk / "flows")])
        proxy.start()
        proxy.wait_until_it_serves()
        try:
            with Load(proxy, at_once, once=True) as load:
                time.sleep(seconds)
                fill(disk)
                code = proxy.process.wait(timeout=20)
            said = proxy.log()[-300:].strip()
        finally:
            proxy.kill()
        trial.ended(load, "answer", "cut", "no connection", "error", "HTTP 503")
        trial.tell(f"  exit code {code}: …{said!r}")
        trial.promise(code == 1 and "Error while writing" in said, "mitmproxy stops, and says why")
        _nothing_lost(trial, cloud, proxy, load)


def stopped(trial: Trial, cloud: FakeVertex, folder: Path, *, seconds: float, at_once: int) -> None:
    """SIGTERM: what runs may finish for a second, the rest is told; nobody is cut off."""
    calm(cloud, delay=0.25)
    with Proxy(folder, config=json.dumps(settings(cloud) | {"timeouts": {"shutdown": 1}})) as proxy:
        with Load(proxy, at_once, once=True) as load:
            time.sleep(seconds)
            proxy.process.send_signal(signal.SIGTERM)
            told = time.monotonic()
            code = proxy.process.wait(timeout=20)
            took = time.monotonic() - told
        trial.ended(load, "answer", "error shutting_down", "HTTP 503 shutting_down", "no connection")
        trial.tell(f"  exit code {code} after {took:.1f} s")
        trial.promise(code == 0 and took < 6, "it ends soon, and well")
    _nothing_lost(trial, cloud, proxy, load)


def killed(trial: Trial, cloud: FakeVertex, folder: Path, *, seconds: float, at_once: int) -> None:
    """SIGKILL: all are cut off, and what was told to be there is."""
    calm(cloud)
    proxy = Proxy(folder, config=json.dumps(settings(cloud)))
    proxy.start()
    proxy.wait_until_it_serves()
    with Load(proxy, at_once, once=True) as load:
        time.sleep(seconds)
        proxy.kill()
    trial.ended(load, "answer", "cut", "no connection")
    _nothing_lost(trial, cloud, proxy, load)


def _nothing_lost(trial: Trial, cloud: FakeVertex, proxy: Proxy, load: Load) -> None:
    """After the end of its process: the cloud is left alone, the books are kept, and it starts again."""
    try:
        cloud.wait_idle()
    except AssertionError:
        trial.promise(False, f"upstreams are closed, but {cloud.active} are open")
    kept = rows(ledger_of(proxy))
    lost = load.answered() - kept.keys()
    trial.tell(f"  {len(load.answered())} whole answers, {len(kept)} rows")
    trial.promise(not lost, f"each whole answer is in the ledger, but {len(lost)} are not")
    proxy.command = [word for word in proxy.command if word != "-w" and not word.endswith("/flows")]
    begun = time.monotonic()
    with proxy:
        trial.tell(f"  starts again in {time.monotonic() - begun:.1f} s")
        trial.promise(proxy.chat().status == 200, "it serves again")
