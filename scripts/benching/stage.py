"""Runs one measure of several programs by turns: one round that warms up, then as many as wanted."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from benching.load import Job, Seen
from benching.programs import HELPERS, Broken, Upstream


class Measured(Protocol):
    """A program whose use of the machine is looked at."""

    @property
    def cpu(self) -> float: ...

    @property
    def memory(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program, the bytes that it is asked with at its port, and what its whole answer ends with."""

    name: str
    program: Measured
    port: int
    request: bytes
    ending: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """What was seen of one program in one round, and seconds of the processor: its own, and those of the fake cloud."""

    seen: Seen
    cpu: float
    upstream_cpu: float

    @property
    def first(self) -> float:
        return statistics.median(self.seen.first)

    @property
    def transit(self) -> float:
        return statistics.median(self.seen.transit)

    @property
    def rate(self) -> float:
        return self.seen.requests / self.seen.seconds


class Stage:
    """A context manager. `rounds` counts without the one that warms up; `share` is how much of each job is done."""

    def __init__(self, folder: Path, rounds: int, share: float) -> None:
        self.folder = folder
        self.rounds = rounds
        self.share = share
        self.busiest = 0.0
        """The most of a core that the load generator and the fake cloud took in any turn, together."""
        self._programs: dict[object, Measured] = {}

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            self.upstream = stack.enter_context(Upstream())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def running[P: Measured](self, key: object, make: Callable[[], AbstractContextManager[P]]) -> P:
        """The program of this name, which is started when it is first asked for."""
        if key not in self._programs:
            self._programs[key] = self._stack.enter_context(make())
        found: P = self._programs[key]  # type: ignore[assignment]  # a key stands for one kind of program
        return found

    def many(self, count: int, least: int = 1) -> int:
        return max(least, int(count * self.share))

    def by_turns(
        self,
        contestants: Sequence[Contestant],
        requests: int,
        *,
        connections: int = 1,
        keep: bool = True,
    ) -> dict[str, list[Turn]]:
        """The turns of each contestant, the warm ones."""
        found: dict[str, list[Turn]] = {contestant.name: [] for contestant in contestants}
        for _ in range(self.rounds + 1):
            for contestant in contestants:
                job = Job(contestant.port, "", requests, connections, keep)
                found[contestant.name].append(self.turn(contestant, job))
        return {name: turns[1:] for name, turns in found.items()}

    def turn(self, contestant: Contestant, job: Job) -> Turn:
        file = self.folder / "request"
        file.write_bytes(contestant.request)
        before, upstream_before = contestant.program.cpu, self.upstream.cpu
        job = replace(job, request=str(file), ending=contestant.ending)
        seen = load(job, contestant.name)
        time.sleep(0.1)  # for what a program does after an answer
        turn = Turn(seen, contestant.program.cpu - before, self.upstream.cpu - upstream_before)
        self.busiest = max(self.busiest, (seen.cpu + turn.upstream_cpu) / seen.seconds)
        return turn


def load(job: Job, name: str) -> Seen:
    command = [sys.executable, "-m", "benching.load"]
    ended = subprocess.run(
        command, input=json.dumps(asdict(job)), env=HELPERS, check=False, capture_output=True, text=True
    )
    if ended.returncode != 0:
        raise Broken(f"{name}: {ended.stderr[-3000:]}")
    return Seen(**json.loads(ended.stdout))
