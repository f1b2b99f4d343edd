"""Longer storms than the tests have room for: `soak.py storm`, `soak.py hang-ups`, with a real proxy and a fake cloud;
`soak.py memory`, what mitmweb holds when it runs for long; and `soak.py ledger`, writers of one file that are killed.

Run it with the environment of the tests: `.venv-dev/bin/python scripts/soak.py storm`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support import ledger_storm, storms
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import Proxy, Web


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["storm", "hang-ups", "memory", "ledger"])
    parser.add_argument(
        "--requests", type=int, default=None, help="default: 4000 streams, 10000 of the others, 500 of a writer"
    )
    parser.add_argument("--rounds", type=int, default=4, help="of the ledger, or into which the hang-ups are cut")
    parser.add_argument("--at-once", type=int, default=None, help="default: 200, or 4 for memory")
    parser.add_argument("--size", type=int, default=140_000, help="bytes of each prompt for memory")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.what == "ledger":
        ledger(given)
        return
    with tempfile.TemporaryDirectory() as folder, FakeVertex() as cloud:
        given.at_once = given.at_once or (4 if given.what == "memory" else 200)
        {"storm": storm, "hang-ups": hang_ups, "memory": memory}[given.what](Path(folder), cloud, given)


def storm(folder: Path, cloud: FakeVertex, given: argparse.Namespace) -> None:
    """Streams in every kind of trouble: how they end, and what must not happen."""
    requests = given.requests or 4000
    trouble = cloud.rule = storms.Trouble(given.seed)
    with Proxy(folder, config=json.dumps(storms.settings(cloud))) as proxy:
        tally = asyncio.run(storms.storm(proxy, trouble, requests, given.at_once))
        cloud.wait_idle()
    print(f"{requests} streams, {given.at_once} at once, in {tally.seconds:.1f} s, the longest {tally.longest:.1f} s")
    for end, count in tally.ends.most_common():
        print(f"{count:6}  {end or 'none'}")
    print(f"requests at the cloud: {len(cloud.requests)}; heartbeats: {tally.beats}; wrong: {len(tally.wrong)}")
    for line in tally.wrong[:20]:
        print(f"  {line}")


def hang_ups(folder: Path, cloud: FakeVertex, given: argparse.Namespace) -> None:
    """Clients that leave whenever: what is left open, and for how long."""
    count = (given.requests or 10_000) // given.rounds
    config = storms.settings(cloud) | {"limits": {"concurrent": 20}}
    storms.leaving(cloud, given.seed)
    print(f"{count} hang-ups a round, {given.at_once} at once")
    with Proxy(folder, config=json.dumps(config)) as proxy:
        print(f"before  descriptors {storms.descriptors(proxy):4}  memory {storms.memory(proxy) / 2**20:6.1f} MB")
        for number in range(given.rounds):
            asyncio.run(storms.hang_ups(proxy, count, given.at_once, given.seed + number))
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
        print(f"in flight {status['proomptersNow']}, in the queue {status['gcp-claude']['proomptersInQueue']}")


def memory(folder: Path, cloud: FakeVertex, given: argparse.Namespace) -> None:
    """Long prompts under mitmweb, half of them streamed: how its memory grows, and how many flows it holds."""
    requests, steps = given.requests or 10_000, 20
    web = Web()
    print(f"{requests} requests of {given.size / 1000:g} kB, {given.at_once} at once")
    with Proxy(folder, environment=cloud.environment(), program="mitmweb", arguments=web.arguments) as proxy:
        print(f"{0:6}  {storms.memory(proxy) / 2**20:6.1f} MB", flush=True)
        for step in range(steps):
            first, end = (requests * at // steps for at in (step, step + 1))
            asyncio.run(storms.long_prompts(proxy, range(first, end), given.size, given.at_once))
            cloud.requests.clear()  # it keeps them all, in this process
            print(f"{end:6}  {storms.memory(proxy) / 2**20:6.1f} MB", flush=True)
        print(f"flows held: {len(json.loads(web.ask('GET', '/flows')))}")


def ledger(given: argparse.Namespace) -> None:
    """Rounds of 16 processes that write into one file, half of which are killed: what was told to be kept is there."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.rounds):
            path, seed = Path(folder) / "ledger.sqlite3", given.seed + number
            print(ledger_storm.storm(path, writers=16, rows=given.requests or 500, kills=8, seed=seed), flush=True)


if __name__ == "__main__":
    main()
