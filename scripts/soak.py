"""Longer storms than the tests have room for, with a real proxy and a fake cloud. Exit code 1: a promise was broken.

`storm`, `hang-ups`: streams in trouble, clients that leave. `memory`: what mitmweb holds when it runs for long.
`ledger`: writers of one file that are killed. `streams`: 500 at once for minutes. `slow`: readers of 1 kB a second.
`tokens`, `revoked`: logins that end. `edited`, `clock`: settings and the time of day are changed. `full-ledger`,
`full-record`: no room on the disk (root, or `unshare -rm`). `stopped`, `killed`: SIGTERM and SIGKILL. `short`: the last
nine, one after the other.

Run it with the environment of the tests: `.venv-dev/bin/python scripts/soak.py storm`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support import ends, ledger_storm, storms, trials
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import Proxy, Web
from tests.support.trial import MB, Trial

_Short = tuple[Callable[..., None], float, int]  # the trial, the seconds of its steps, and how many clients it has
RUNNING: dict[str, _Short] = {
    "tokens": (trials.tokens_end, 20.0, 20),
    "revoked": (trials.revoked, 3.0, 20),
    "edited": (trials.edited, 5.0, 20),
    "clock": (trials.clock_steps, 3.0, 20),
    "slow": (trials.slow_readers, 20.0, 5),
}
"""Trials of a proxy that runs."""
OWN: dict[str, _Short] = {
    "full-ledger": (ends.full_ledger, 3.0, 20),
    "full-record": (ends.full_record, 3.0, 20),
    "stopped": (ends.stopped, 3.0, 100),
    "killed": (ends.killed, 3.0, 100),
}
"""Trials that start and end one of their own."""
SHORT = (*RUNNING, *OWN)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["storm", "hang-ups", "memory", "ledger", "streams", *SHORT, "short"])
    parser.add_argument(
        "--requests", type=int, default=None, help="default: 4000 streams, 10000 of the others, 500 of a writer"
    )
    parser.add_argument("--rounds", type=int, default=4, help="of the ledger, or into which the hang-ups are cut")
    parser.add_argument(
        "--at-once", type=int, default=None, help="default: 500 streams, 4 for memory, 20 or 100, else 200"
    )
    parser.add_argument("--size", type=int, default=140_000, help="bytes of each prompt for memory")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="of the streams")
    parser.add_argument("--seconds", type=float, default=None, help="of each step of the short ones")
    given = parser.parse_args()
    if given.what == "ledger":
        ledger(given)
        return
    trial = Trial(lambda line: print(line, flush=True))
    for what in SHORT if given.what == "short" else [given.what]:
        trial.tell(f"{what}:")
        with tempfile.TemporaryDirectory() as folder, FakeVertex() as cloud:
            one(what, Path(folder), cloud, given, trial)
    trial.tell(f"{len(trial.broken)} promises were broken" if trial.broken else "all promises were kept")
    sys.exit(1 if trial.broken else 0)


def one(what: str, folder: Path, cloud: FakeVertex, given: argparse.Namespace, trial: Trial) -> None:
    """A storm or a trial of this name."""
    if what in SHORT:
        how, seconds, at_once = {**RUNNING, **OWN}[what]
        size = {"seconds": given.seconds or seconds, "at_once": given.at_once or at_once}
        if what in OWN:
            how(trial, cloud, folder, **size)
        else:
            most = 20 * MB * size["at_once"] if what == "slow" else 5 * MB
            with trials.under_load(trial, cloud, folder, size["at_once"], most=most, warm=10.0) as proxy:
                how(trial, cloud, proxy, **size)
    elif what == "streams":
        many = given.at_once or trials.MANY
        trials.streams(trial, cloud, folder, minutes=given.minutes, at_once=many, seed=given.seed)
    else:
        usual = 4 if what == "memory" else 200
        how = {"storm": storm, "hang-ups": hang_ups, "memory": memory}[what]
        how(folder, cloud, given, given.at_once or usual, trial)


def storm(folder: Path, cloud: FakeVertex, given: argparse.Namespace, at_once: int, trial: Trial) -> None:
    """Streams in every kind of trouble: how they end, and what must not happen."""
    requests = given.requests or 4000
    trouble = cloud.rule = storms.Trouble(given.seed)
    with Proxy(folder, config=json.dumps(storms.settings(cloud))) as proxy:
        tally = asyncio.run(storms.storm(proxy, trouble, requests, at_once))
        cloud.wait_idle()
    print(f"{requests} streams, {at_once} at once, in {tally.seconds:.1f} s, the longest {tally.longest:.1f} s")
    for end, count in tally.ends.most_common():
        print(f"{count:6}  {end or 'none'}")
    print(f"requests at the cloud: {len(cloud.requests)}; heartbeats: {tally.beats}; wrong: {len(tally.wrong)}")
    for line in tally.wrong[:20]:
        print(f"  {line}")
    trial.promise(not tally.wrong, "every request ends in one answer or error")
    trial.promise(tally.ends.total() == requests, "as many ends as requests")


def hang_ups(folder: Path, cloud: FakeVertex, given: argparse.Namespace, at_once: int, trial: Trial) -> None:
    """Clients that leave whenever: what is left open, and for how long."""
    count = (given.requests or 10_000) // given.rounds
    config = storms.settings(cloud) | {"limits": {"concurrent": 20}}
    storms.leaving(cloud, given.seed)
    print(f"{count} hang-ups a round, {at_once} at once")
    with Proxy(folder, config=json.dumps(config)) as proxy:
        print(f"before  descriptors {storms.descriptors(proxy):4}  memory {storms.memory(proxy) / 2**20:6.1f} MB")
        for number in range(given.rounds):
            asyncio.run(storms.hang_ups(proxy, count, at_once, given.seed + number))
            ended = time.monotonic()
            cloud.wait_until(lambda: proxy.get("/status").json()["proomptersNow"] == 0, timeout=60)
            heard = time.monotonic()
            cloud.wait_idle(timeout=60)
            idle = time.monotonic() - heard
            time.sleep(2)  # for the descriptors
            print(
                f"round {number + 1}  descriptors {storms.descriptors(proxy):3}  "
                f"memory {storms.memory(proxy) / 2**20:6.1f} MB  all heard of after {heard - ended:.2f} s, "
                f"then upstreams 0 after {idle:.2f} s"
            )
        status = proxy.get("/status").json()
        left = status["proomptersNow"], status["gcp-claude"]["proomptersInQueue"]
        print(f"in flight {left[0]}, in the queue {left[1]}")
        trial.promise(left == (0, 0), "nothing is left in flight or in the queue")


def memory(folder: Path, cloud: FakeVertex, given: argparse.Namespace, at_once: int, trial: Trial) -> None:
    """Long prompts under mitmweb, half of them streamed: how its memory grows, and how many flows it holds."""
    requests, steps = given.requests or 10_000, 20
    web = Web()
    print(f"{requests} requests of {given.size / 1000:g} kB, {at_once} at once")
    with Proxy(folder, environment=cloud.environment(), program="mitmweb", arguments=web.arguments) as proxy:
        print(f"{0:6}  {storms.memory(proxy) / 2**20:6.1f} MB", flush=True)
        for step in range(steps):
            first, end = (requests * at // steps for at in (step, step + 1))
            asyncio.run(storms.long_prompts(proxy, range(first, end), given.size, at_once))
            cloud.requests.clear()  # it keeps them all, in this process
            print(f"{end:6}  {storms.memory(proxy) / 2**20:6.1f} MB", flush=True)
        held = len(json.loads(web.ask("GET", "/flows")))
        print(f"flows held: {held}")
        trial.promise(requests < 10_000 or held < requests, "not all flows are held for ever")


def ledger(given: argparse.Namespace) -> None:
    """Rounds of 16 processes that write into one file, half of which are killed: what was told to be kept is there."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.rounds):
            path, seed = Path(folder) / "ledger.sqlite3", given.seed + number
            print(ledger_storm.storm(path, writers=16, rows=given.requests or 500, kills=8, seed=seed), flush=True)


if __name__ == "__main__":
    main()
