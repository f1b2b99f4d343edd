"""Storms: many clients at once at a proxy whose cloud is in every kind of trouble, and clients that leave whenever.

`scripts/soak.py` runs longer ones by hand.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.behaviours import Behaviour, Drop, Hang, Stream, broken, endless, recorded, replay
from tests.support.cloud_errors import anthropic_error, html_error
from tests.support.fake_cloud import Received
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import CHAT, Proxy, events

REGIONS = ("us-east5", "europe-west1", "asia-east1")
DEAD = REGIONS[2]
MODEL = "claude-opus-4-8"
_STREAM = recorded("basic_response.txt")

# What the cloud does, and how often; the rest are answers. The first byte never comes …
BEFORE: dict[str, tuple[int, Behaviour]] = {
    "429": (3, anthropic_error(429)),
    "429 with retry-after": (2, anthropic_error(429, retry_after=1)),
    "529": (3, anthropic_error(529)),
    "500": (3, anthropic_error(500)),
    "a page": (2, html_error(502)),
    "error first": (3, broken()),
}
# … and the cloud may have worked on it all the same:
UNSURE: dict[str, tuple[int, Behaviour]] = {
    "closed": (3, Drop()),
    "reset": (3, Drop(reset=True)),
    "hangs": (1, Hang()),
    "cut first": (2, replay(stop_after=0, ending="cut")),
    "loris": (1, Stream(_STREAM[:60], size=1, delay=0.2)),
}
# It comes, and then there is trouble.
AMID: dict[str, tuple[int, Behaviour]] = {
    "error amid": (3, broken(after=4)),
    "cut amid": (3, replay(stop_after=700, ending="cut")),
    "reset amid": (2, replay(stop_after=700, ending="reset")),
    "silence amid": (1, replay(pause_after=700)),
}
GOOD: dict[str, tuple[int, Behaviour]] = {
    "whole": (40, replay()),
    "in pieces": (20, replay(size=120, delay=0.01)),
}
LONG: dict[str, tuple[int, Behaviour]] = {
    "whole": (1, replay()),
    "in pieces": (19, replay(size=(520, *[60] * 9), delay=1.1)),  # the first event at once, the rest in ten seconds
}
"""The same, for many that run at the same time."""


def settings(cloud: FakeVertex) -> dict[str, Any]:
    """A config.yaml of two projects in three regions, with time-outs that a test can wait for."""
    cloud.regions |= {*REGIONS}
    accounts = [
        {"credentials": json.dumps(cloud.service_account(project)), "regions": [*REGIONS[place:], *REGIONS[:place]]}
        for place, project in enumerate(("test-project", "second-project"))
    ]
    accounts[0]["regions"] = [DEAD, *REGIONS[:2]]  # the dead one would be its first choice
    return {
        "vertex": {"base_url": cloud.base_url, "accounts": accounts},
        "timeouts": {"first_byte": 4, "idle": 2, "heartbeat": 0.5},
        "failover": {"attempts": 4},
        "queue": {"length": 1000, "timeout": 60},
    }


@dataclass(slots=True)
class Tally:
    """What became of the requests: `ends` by kind of ending, `wrong` is what must not happen."""

    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    longest: float = 0.0
    beats: int = 0


class Trouble:
    """A rule for a fake cloud, in its own thread: random trouble, and what each request got, by its name."""

    def __init__(self, seed: int, *, share: float | None = None) -> None:
        """`share`: so much of what it does is trouble, of every kind, and the rest are long streams."""
        bad, good = {**BEFORE, **UNSURE, **AMID}, GOOD if share is None else LONG
        kinds = {**bad, **good}
        self._random = random.Random(seed)
        self._names = [*kinds]
        sums = [sum(weight for weight, _ in of.values()) for of in (bad, good)]
        times = 1.0 if share is None else (1 - share) / share * sums[0] / sums[1]
        self._weights = [weight * (times if name in good else 1.0) for name, (weight, _) in kinds.items()]
        self._behaviours = {name: behaviour for name, (_, behaviour) in kinds.items()}
        self.given: dict[str, list[str]] = defaultdict(list)
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Behaviour:
        name = received.parsed["messages"][0]["content"][0]["text"]
        with self._lock:
            (kind,) = self._random.choices(self._names, self._weights)
            if f"/locations/{DEAD}/" in received.path:
                kind = "reset"
            self.given[name].append(kind)
        return self._behaviours[kind]

    def wrong(self) -> Iterator[str]:
        """What a proxy must never do with a request: send it again after its first byte, or twice what may have run."""
        for name, kinds in self.given.items():
            if any(kind in GOOD or kind in AMID for kind in kinds[:-1]):
                yield f"{name} was sent again after its first byte: {kinds}"
            if sum(kind in UNSURE for kind in kinds[:-1]) > 1:
                yield f"{name} may have run more than twice: {kinds}"


def body(name: str) -> dict[str, Any]:
    return {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": name}]}


async def storm(proxy: Proxy, trouble: Trouble, requests: int, at_once: int) -> Tally:
    """So many streams, so many of them at the same time; each must end in one proper answer or error."""
    tally, names = Tally(), iter(range(requests))
    begun = time.monotonic()

    async def client(session: aiohttp.ClientSession) -> None:
        for number in names:
            asked = time.monotonic()
            try:
                async with session.post(f"http://127.0.0.1:{proxy.port}{CHAT}", json=body(f"r{number}")) as response:
                    raw = await response.read()  # which raises for a body that is not properly ended
                end = ending(response.status, raw)
                tally.beats += raw.count(b": ping\n\n")
            except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
                end = ""
                tally.wrong.append(f"r{number}: {error!r}")
            tally.longest = max(tally.longest, time.monotonic() - asked)
            tally.ends[end] += 1

    timeout = aiohttp.ClientTimeout(total=120)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(client(session))
    tally.seconds = time.monotonic() - begun
    tally.wrong += trouble.wrong()
    return tally


def ending(status: int, raw: bytes) -> str:
    """How an answer ended; raises `ValueError` or `KeyError` for what is no proper end."""
    if status != 200:
        return f"HTTP {status} {json.loads(raw)['error']['code']}"
    told = [data if data == "[DONE]" else json.loads(data) for data in events(raw)]
    done, errors = told.count("[DONE]"), [event for event in told if "error" in event]
    finished = [
        event for event in told if event != "[DONE]" and event["choices"] and event["choices"][0]["finish_reason"]
    ]
    if done == 1 and not errors and len(finished) == 1 and told[-1] == "[DONE]":
        return "answer"
    if done == 0 and len(errors) == 1 and not finished and told[-1] is errors[0]:
        return f"error {errors[0]['error']['code']}"
    raise ValueError(f"{done} [DONE], {len(errors)} errors, {len(finished)} finish reasons")


# -- long prompts ------------------------------------------------------------------------------------------------------


async def long_prompts(proxy: Proxy, numbers: Iterable[int], size: int, at_once: int) -> None:
    """A chat for each number with a prompt of `size` bytes, of which none is like another; every second is streamed."""
    waiting = iter(numbers)

    async def client(session: aiohttp.ClientSession) -> None:
        for number in waiting:
            words = random.Random(number)
            text = "".join(f"{words.getrandbits(64):016x} " for _ in range(size // 17))
            asked = body(text) | {"stream": number % 2 == 0}
            async with session.post(f"http://127.0.0.1:{proxy.port}{CHAT}", json=asked) as response:
                answer = await response.read()
            if response.status != 200:
                raise RuntimeError(answer.decode())

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(client(session))


# -- clients that leave ------------------------------------------------------------------------------------------------


def leaving(cloud: FakeVertex, seed: int) -> None:
    """What a cloud does for `hang_ups`: silence before the headers, endless streams, answers."""
    chance = random.Random(seed)
    kinds: list[Behaviour] = [Hang(), endless(delay=0.005), replay(size=50, delay=0.005), replay()]
    cloud.rule = lambda received: chance.choice(kinds)


async def hang_ups(proxy: Proxy, count: int, at_once: int, seed: int) -> None:
    """So many clients that leave after some milliseconds, wherever their request is by then: closing or resetting."""
    chance, names = random.Random(seed), iter(range(count))

    async def client() -> None:
        for number in names:
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            data = json.dumps(body(f"h{number}")).encode()
            head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
            try:
                async with asyncio.timeout(chance.choice([0.0, 0.005, 0.05, 0.2, 0.5]) * chance.random()):
                    while await reader.read(65_536):
                        pass
            except TimeoutError:
                pass
            if chance.random() < 0.5:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(client())


def descriptors(proxy: Proxy) -> int:
    """Open ones of the process."""
    return len(os.listdir(f"/proc/{proxy.process.pid}/fd"))


def memory(proxy: Proxy) -> int:
    """Bytes that the process has in memory."""
    with open(f"/proc/{proxy.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
