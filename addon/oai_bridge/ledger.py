"""What was used and what it cost since the start: requests, tokens and USD by day, model and client."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from .cost import Cost
from .events import Usage

_LIMIT = 10_000  # lines; what comes after them has no model and client of its own
_OTHER = "other"

By = Literal["day", "model", "client"]


@dataclass(frozen=True, slots=True)
class Line:
    """The sum of some requests. `cost` is in USD; of the `unpriced` requests not all, or nothing, is known."""

    requests: int = 0
    errors: int = 0
    prompt: int = 0
    cached: int = 0  # a part of `prompt`
    output: int = 0
    cost: float = 0.0
    unpriced: int = 0

    def plus(self, other: Line) -> Line:
        return Line(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class _Key:
    day: str
    model: str
    client: str


class Ledger:
    """In memory: it begins anew with each start."""

    def __init__(self) -> None:
        self._lines: dict[_Key, Line] = {}

    def add(
        self, day: str, model: str, client: str, usage: Usage, cost: Cost | None, *, failed: bool, unpriced: bool
    ) -> None:
        """One request that a cloud was asked for, on a day such as `2026-11-28`. `unpriced`: it has cost more than is
        known."""
        key = _Key(day, model, client)
        if key not in self._lines and len(self._lines) >= _LIMIT:
            key = replace(key, model=_OTHER, client=_OTHER)
        line = Line(
            requests=1,
            errors=int(failed),
            prompt=usage.prompt,
            cached=usage.cache_read,
            output=usage.output,
            cost=cost.total if cost else 0.0,
            unpriced=int(unpriced),
        )
        self._lines[key] = self._lines.get(key, Line()).plus(line)

    def sums(self, by: By, since: str = "") -> dict[str, Line]:
        """For each day, model or client its sum from the day `since` on: days in their order, others by what they
        cost."""
        sums: dict[str, Line] = {}
        for key, line in self._lines.items():
            if key.day < since:
                continue
            name = getattr(key, by)
            sums[name] = sums.get(name, Line()).plus(line)
        if by == "day":
            return dict(sorted(sums.items()))
        return dict(sorted(sums.items(), key=lambda item: (-item[1].cost, -item[1].prompt, item[0])))

    @property
    def total(self) -> Line:
        return _sum(self._lines.values())


def _sum(lines: Iterable[Line]) -> Line:
    total = Line()
    for line in lines:
        total = total.plus(line)
    return total
