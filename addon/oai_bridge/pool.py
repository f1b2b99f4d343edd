"""Which credential next: one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence


class Pool[C]:
    """The credentials of one cloud, used in turn."""

    def __init__(self, credentials: Sequence[C]) -> None:
        self.credentials = tuple(credentials)
        self._turns = itertools.cycle(self.credentials)

    def next(self) -> C | None:
        """The credential for the next request; `None` when there is none."""
        return next(self._turns, None)
