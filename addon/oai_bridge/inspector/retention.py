"""Which flows are let go, so that a proxy that runs for days does not fill the memory: sizes in, ids out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Standing = Literal["free", "kept", "gone"]
"""A flow may be let go; it must stay, since it is marked or not finished; somebody has removed it already."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many flows are held, and how many bytes; 0: no bound."""

    flows: int = 0
    size: int = 0

    def less_a_tenth(self) -> Bounds:
        return Bounds(self.flows - self.flows // 10, self.size - self.size // 10)

    def beyond(self, flows: int, size: int) -> Bounds:
        """These, or where so much is held already, a tenth of them above that."""
        return Bounds(
            self.flows and max(self.flows, flows + self.flows // 10),
            self.size and max(self.size, size + self.size // 10),
        )


class Retention:
    """What is held: the ids of flows, the oldest first, and their sizes in bytes.

    They are looked through only when a bound is passed. Then a tenth more is let go than has to be, so that the next
    time is a tenth of the bound away, even if all that is left must be kept: however many there are, each flow that
    comes costs the same. The last one is never let go.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = self._next = bounds
        self._sizes: dict[str, int] = {}
        self._total = 0

    def came(self, id: str) -> None:
        """A flow comes in, or is asked again: it is the newest, and has no size yet."""
        self._forget(id)
        self._sizes[id] = 0

    def left(self, id: str) -> None:
        """It is not held any more."""
        self._forget(id)

    def holds(self, id: str) -> bool:
        """Whether it came and was not let go."""
        return id in self._sizes

    def ended(self, id: str, size: int) -> None:
        """It is finished. One that never `came` is none of ours."""
        if id in self._sizes:
            self._total += size - self._sizes[id]
            self._sizes[id] = size

    def surplus(self, standing: Callable[[str], Standing]) -> list[str]:
        """The flows to let go now, the oldest first; mostly none. They are forgotten here."""
        if not self._over(self._next):
            return []
        found = {id: standing(id) for id in self._sizes}
        for id in [id for id, how in found.items() if how == "gone"]:
            self._forget(id)
        dropped: list[str] = []
        if self._over(self._bounds):
            lower = self._bounds.less_a_tenth()
            for id in list(self._sizes)[:-1]:
                if not self._over(lower):
                    break
                if found[id] == "free":
                    self._forget(id)
                    dropped.append(id)
        self._next = self._bounds.beyond(len(self._sizes), self._total)
        return dropped

    def _over(self, bounds: Bounds) -> bool:
        return 0 < bounds.flows < len(self._sizes) or 0 < bounds.size < self._total

    def _forget(self, id: str) -> None:
        self._total -= self._sizes.pop(id, 0)


def weight(value: object) -> int:
    """Bytes in memory of texts and bytes in any depth of lists and mappings; what else there is hardly counts."""
    total = 0
    level = [value]
    while level:
        item = level.pop()
        if isinstance(item, str | bytes):
            total += sys.getsizeof(item)
        elif isinstance(item, Mapping):
            level += item.values()
        elif isinstance(item, list | tuple):
            level += item
    return total
