"""Trials of a real proxy under load: long storms, slow readers, logins that end, settings and clocks that change.

Each tells its figures and what it found broken. Those of disks and of ends are in `tests/support/ends.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.behaviours import huge, replay
from tests.support.fake_vertex import FakeVertex
from tests.support.load import Load
from tests.support.proxy import Proxy
from tests.support.storms import Trouble, settings
from tests.support.trial import MB, Trial, at_rest, holding, ledger_of, probed, rows, set_clock

HOUR, DAY = 3600.0, 86_400.0
Step = tuple[float, bool]
"""By how many seconds the clock is fast then, and whether the cloud's is, too."""
STEPS: Sequence[Step] = (
    *((2 * HOUR, False), (0.0, False), (-DAY, False), (0.0, False)),
    *((2 * HOUR, True), (0.0, True), (400 * DAY, True), (0.0, True)),
)
MANY = 500
WARM = 60.0  # seconds, in which memory comes to what it is under such a load
_SLOW = 1000  # bytes a second
_SOON = 10.0  # seconds until a login that works again is noticed


def calm(cloud: FakeVertex, delay: float = 0.05) -> None:
    """It answers all, in some ten pieces."""
    cloud.rule = lambda received: replay(size=120, delay=delay)


@contextmanager
def under_load(
    trial: Trial, cloud: FakeVertex, folder: Path, at_once: int, *, most: int = 5 * MB, warm: float = 1.0
) -> Iterator[Proxy]:
    """A proxy that has served such a load already, for so many seconds; at the end it must hold what it held then, and
    `most` bytes more."""
    calm(cloud)
    with probed(Proxy(folder, config=json.dumps(settings(cloud)))) as proxy:
        with Load(proxy, at_once, name="warm"):
            time.sleep(warm)
        before, process = at_rest(proxy, cloud), proxy.process
        yield proxy
        if proxy.process is process:  # else it was started again
            trial.back(proxy, cloud, before, most=most)


def streams(trial: Trial, cloud: FakeVertex, folder: Path, *, minutes: float, at_once: int, seed: int) -> None:
    """Many streams at the same time, for long, with 5 % of every kind of trouble."""
    trouble = cloud.rule = Trouble(seed, share=0.05)
    with probed(Proxy(folder, config=json.dumps(settings(cloud)))) as proxy:
        with Load(proxy, at_once, name="warm"):
            time.sleep(min(WARM, minutes * 60))
        before = at_rest(proxy, cloud)
        with Load(proxy, at_once) as load:
            for _ in range(10):
                time.sleep(minutes * 6)
                trial.tell(f"  {len(load.ends):7} ended, {cloud.active} at the cloud, {holding(proxy)}")
                cloud.requests.clear()  # it keeps them all, in this process
        trial.ended(load, "answer", "error", "HTTP")
        wrong = list(trouble.wrong())
        trial.promise(not wrong, f"nothing is sent again that must not be, but: {wrong[:5]}")
        trial.back(proxy, cloud, before)
        kept = rows(ledger_of(proxy))
        trial.tell(f"  {len(trouble.given)} requests that a cloud was asked for, {len(kept)} in the ledger")
        trial.promise(len(kept) == len(trouble.given), "each is in the ledger, once")
        trial.promise(load.answered() <= kept.keys(), "each that was answered is in the ledger")


def slow_readers(trial: Trial, cloud: FakeVertex, proxy: Proxy, *, seconds: float, at_once: int) -> None:
    """Clients that read 1 kB a second of streams of 100 MB, and leave."""
    cloud.rule = lambda received: huge(100 * MB)
    before, most = at_rest(proxy, cloud), 0
    readers = [proxy.open_chat(stream=True) for _ in range(at_once)]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for reader in readers:
            reader.recv(_SLOW)
        time.sleep(1)
        most = max(most, holding(proxy).memory)
    sent = sum(received.sent for received in cloud.requests[-at_once:])
    trial.tell(f"  {at_once} readers for {seconds:g} s: the cloud got rid of {sent / MB:.1f} MB")
    trial.tell(f"  memory: at most {(most - before.memory) / MB:.1f} MB more")
    trial.promise(most - before.memory <= at_once * 20 * MB, "a reader takes 20 MB of memory at most")
    for reader in readers:
        reader.close()
    trial.back(proxy, cloud, before, most=at_once * 20 * MB)


def tokens_end(trial: Trial, cloud: FakeVertex, proxy: Proxy, *, seconds: float, at_once: int) -> None:
    """Tokens that live for four seconds, and streams that last longer."""
    cloud.rule = lambda received: replay(size=(520, *[60] * 9), delay=0.6)
    cloud.token_lifetime = 4
    cloud.revoke_tokens()
    mints, asked = cloud.mints, len(cloud.requests)
    with Load(proxy, at_once, name="token") as load:
        time.sleep(seconds)
    cloud.token_lifetime = 3599
    refused = sum(not received.good for received in cloud.requests[asked:])
    trial.ended(load, "answer")
    trial.tell(f"  {cloud.mints - mints} tokens, {refused} requests with one that had ended")
    # Each of two accounts has one anew every two seconds. The first requests had the ones that were taken back.
    trial.promise(cloud.mints - mints <= 2 * (seconds + 10) / 2 + 4, "tokens are not minted for each request")
    trial.promise(refused <= at_once, "only the first requests may have an old token")


def revoked(trial: Trial, cloud: FakeVertex, proxy: Proxy, *, seconds: float, at_once: int) -> None:
    """One of two accounts is revoked, then both, then they are given back: what runs comes to its end."""
    calm(cloud)
    with Load(proxy, at_once, name="revoked") as load:
        time.sleep(seconds)
        cloud.revoke("second-project")
        time.sleep(seconds)
        one = time.monotonic()
        cloud.revoke("test-project")
        time.sleep(0.5)
        both = time.monotonic()
        time.sleep(seconds)
        while not load.kinds(since=both) and time.monotonic() < both + _SOON:
            time.sleep(0.05)
        back = time.monotonic()
        cloud.restore()
        while not load.kinds(since=back)["answer"] and time.monotonic() < back + _SOON:
            time.sleep(0.05)
        again = time.monotonic()
        time.sleep(seconds)
    early = [end for end in load.ends if end.began < one - 1]
    trial.ended(load, "answer", "HTTP 401", "error credential_refused")
    trial.promise(all(end.kind == "answer" for end in early), "nobody sees it while one account serves")
    refused = {end.kind for end in load.ends if both < end.began and end.ended < back}
    trial.promise("HTTP 401 credential_refused" in refused and "answer" not in refused, f"401 from then on: {refused}")
    trial.tell(f"  the first whole answer {again - back:.1f} s after the accounts were back")
    trial.promise(load.kinds(since=back)["answer"], "it serves again")


def edited(trial: Trial, cloud: FakeVertex, proxy: Proxy, *, seconds: float, at_once: int) -> None:
    """config.yaml is changed, broken, emptied and deleted while the proxy runs: that is nothing to what runs. The next
    start says what is wrong with it."""
    calm(cloud)
    file = proxy.folder / "config.yaml"
    good = file.read_text("utf-8")
    log, models = proxy.log(), proxy.get("/v1/models").body
    with Load(proxy, at_once, name="edited") as load:
        for text in ('{"server": {"prefix": "/other"}, "limits": {"concurrent": 1}}', "vertex: [", "nonsense: 1", ""):
            file.write_text(text, "utf-8")
            time.sleep(seconds / 5)
        file.unlink()
        time.sleep(seconds / 5)
    trial.ended(load, "answer")
    trial.promise(proxy.get("/v1/models").body == models, "the list of models is what it was")
    news = proxy.log().removeprefix(log)
    trial.promise("config" not in news, "nothing is logged of it")
    for text, part in (("vertex: [", "config.yaml"), ("nonsense: 1", "nonsense")):
        file.write_text(text, "utf-8")
        proxy.stop()
        proxy.start()
        code = proxy.process.wait(timeout=20)
        said = proxy.log().strip()
        trial.tell(f"  started with {text!r}: exit code {code}, {said!r}")
        trial.promise(code == 2 and part in said and "Traceback" not in said, "the start says what is wrong")
    file.write_text(good, "utf-8")
    proxy.start()
    proxy.wait_until_it_serves()
    trial.promise(proxy.chat().status == 200, "with the right file it serves again")


def clock_steps(
    trial: Trial, cloud: FakeVertex, proxy: Proxy, *, seconds: float, at_once: int, steps: Sequence[Step] = STEPS
) -> None:
    """This machine's clock is set while streams run: alone, so that it is wrong, or with the cloud's, as after the
    machine has slept. The proxy must be `probed`."""
    calm(cloud)
    was_wrong = False
    for fast, together in steps:
        is_wrong = bool(fast) and not together
        with Load(proxy, at_once, name=f"clock {fast} {together} ") as load:
            time.sleep(seconds / 2)
            cloud.clock_skew = fast if together else 0.0
            set_clock(proxy, fast)
            stepped = time.monotonic()
            time.sleep(seconds / 2)
            while not is_wrong and not load.kinds(stepped)["answer"] and time.monotonic() < stepped + _SOON:
                time.sleep(0.05)
        trial.tell(f"  {fast / HOUR:+g} h against the real time{', the cloud too' if together else ''}")
        # Google takes no login from a machine whose clock is wrong; after a heartbeat an error is an event.
        refused = ["HTTP 401 credential_refused", "error credential_refused"] if is_wrong or was_wrong else []
        trial.ended(load, "answer", *refused)
        trial.promise(is_wrong or load.kinds(stepped)["answer"], "it serves after the step")
        was_wrong = is_wrong
        cloud.wrong.clear()
    status = proxy.get("/status").json()
    trial.promise(status["proomptersNow"] == 0, "nothing is left in flight")
    kept = rows(ledger_of(proxy))
    trial.tell(f"  {len(kept)} rows, of {min(kept.values()):.3f} to {max(kept.values()):.3f} s")
    trial.promise(all(0 <= took < 60 for took in kept.values()), "no request took less than nothing, or for hours")
    cloud.clock_skew = 0.0
