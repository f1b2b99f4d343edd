"""Longer storms than the tests have room for: `soak.py storm`, `soak.py hang-ups`, with a real proxy and a fake cloud.

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

from tests.support import storms
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import Proxy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["storm", "hang-ups"])
    parser.add_argument("--requests", type=int, default=None, help="default: 4000 streams, or 10000 hang-ups")
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, FakeVertex() as cloud:
        run = storm if given.what == "storm" else hang_ups
        run(Path(folder), cloud, given)


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
    count = given.requests or 10_000
    config = storms.settings(cloud) | {"limits": {"concurrent": 20}}
    storms.leaving(cloud, given.seed)
    with Proxy(folder, config=json.dumps(config)) as proxy:
        asyncio.run(storms.hang_ups(proxy, 200, given.at_once, given.seed))
        cloud.wait_idle()
        time.sleep(2)
        before, memory = storms.descriptors(proxy), storms.memory(proxy)
        asyncio.run(storms.hang_ups(proxy, count, given.at_once, given.seed + 1))
        ended = time.monotonic()
        cloud.wait_idle(timeout=30)
        idle = time.monotonic() - ended
        time.sleep(2)
        print(f"{count} hang-ups, {given.at_once} at once")
        print(f"the last upstream was closed {idle:.2f} s after the last client was")
        print(f"descriptors {before} before, {storms.descriptors(proxy)} after")
        print(f"memory {memory / 2**20:.1f} MB before, {storms.memory(proxy) / 2**20:.1f} MB after")
        status = proxy.get("/status").json()
        print(f"in flight {status['proomptersNow']}, in the queue {status['gcp-claude']['proomptersInQueue']}")


if __name__ == "__main__":
    main()
