"""What was used and what it cost: requests, tokens and USD by day, model, client and cloud; and what caps count."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from .entry import Entry

_LIMIT = 10_000  # lines; what comes after them has no model, client and cloud of its own
_OTHER = "other"
_DAYS = 31  # that are held beside those of the month

By = Literal["day", "model", "client", "cloud"]


@dataclass(frozen=True, slots=True)
class Line:
    """The sum of some requests. `cost` is in USD; of the `unpriced` requests not all, or nothing, is known. `usd` and
    `tokens` are what caps count: estimates are in them of what isn't known."""

    requests: int = 0
    errors: int = 0
    prompt: int = 0
    cached: int = 0  # a part of `prompt`
    output: int = 0
    cost: float = 0.0
    unpriced: int = 0
    usd: float = 0.0
    tokens: int = 0

    def plus(self, other: Line) -> Line:
        return Line(  # one by one, since the status page has thousands added up
            self.requests + other.requests,
            self.errors + other.errors,
            self.prompt + other.prompt,
            self.cached + other.cached,
            self.output + other.output,
            self.cost + other.cost,
            self.unpriced + other.unpriced,
            self.usd + other.usd,
            self.tokens + other.tokens,
        )


@dataclass(frozen=True, slots=True)
class Key:
    """What is summed up together. `day` is such as `2026-11-28`."""

    day: str
    model: str
    client: str
    cloud: str = ""


def day_of(moment: float) -> str:
    """The day of this machine's calendar in which a moment of Unix time lies."""
    return time.strftime("%Y-%m-%d", time.localtime(moment))


def first_held(today: str) -> str:
    """The first day that is held in memory: that of the month, or the 31st before."""
    return min(f"{today[:7]}-01", (date.fromisoformat(today) - timedelta(_DAYS)).isoformat())


def summed(entry: Entry) -> tuple[Key, Line]:
    """What one request adds."""
    line = Line(
        requests=1,
        errors=int(entry.error is not None),
        prompt=entry.usage.prompt,
        cached=entry.usage.cache_read,
        output=entry.usage.output,
        cost=entry.cost.total if entry.cost else 0.0,
        unpriced=int(entry.unpriced),
        usd=entry.counted.usd,
        tokens=entry.counted.tokens,
    )
    return Key(day_of(entry.began), entry.model, entry.client, entry.cloud), line


class Ledger:
    """In memory: what stands in the file of it, and what is on its way there."""

    def __init__(self) -> None:
        self._lines: dict[Key, Line] = {}
        self._days: dict[str, Line] = {}
        self._clients: dict[str, dict[str, Line]] = {}  # of each its days

    def add(self, key: Key, line: Line) -> None:
        for days in (self._days, self._clients.setdefault(key.client, {})):
            days[key.day] = days.get(key.day, Line()).plus(line)
        if key not in self._lines and len(self._lines) >= _LIMIT:
            key = replace(key, model=_OTHER, client=_OTHER, cloud=_OTHER)
        self._lines[key] = self._lines.get(key, Line()).plus(line)

    def forget(self, before: str) -> None:
        """Days before this one are held no longer."""
        self._lines = {key: line for key, line in self._lines.items() if key.day >= before}
        self._days = _since(before, self._days)
        left = {client: _since(before, days) for client, days in self._clients.items()}
        self._clients = {client: days for client, days in left.items() if days}

    def sums(self, by: By, since: str = "") -> dict[str, Line]:
        """For each day, model, client or cloud its sum, from a day or month on: days in their order, others by what
        they cost."""
        if by == "day":
            return dict(sorted(_since(since, self._days).items()))
        sums: dict[str, Line] = {}
        if by == "client":
            found = {client: _since(since, days) for client, days in self._clients.items()}
            sums = {client: _sum(days.values()) for client, days in found.items() if days}
        else:
            for key, line in self._lines.items():
                if key.day >= since:
                    name = getattr(key, by)
                    sums[name] = sums[name].plus(line) if name in sums else line
        return dict(sorted(sums.items(), key=lambda item: (-item[1].cost, -item[1].prompt, item[0])))

    def total(self, *, since: str = "") -> Line:
        """The sum of all, from a day or month on."""
        return _sum(line for day, line in self._days.items() if day >= since)

    def spent(self, client: str | None, when: str) -> Line:
        """The sum of one client, or of all, in a day or in a month such as `2026-11`."""
        days = self._days if client is None else self._clients.get(client, {})
        return _sum(line for day, line in days.items() if day.startswith(when))


def _since(first: str, days: dict[str, Line]) -> dict[str, Line]:
    return {day: line for day, line in days.items() if day >= first}


def _sum(lines: Iterable[Line]) -> Line:
    total = Line()
    for line in lines:
        total = total.plus(line)
    return total
