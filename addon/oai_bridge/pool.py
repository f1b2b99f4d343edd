"""Which credential next: one after the other, out of those that have the model; who lists it before who takes any."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from .credentials.base import Credential


class Pool:
    """The credentials of one cloud, used in turn."""

    def __init__(self, credentials: Sequence[Credential]) -> None:
        self.credentials = tuple(credentials)
        self._turns = itertools.cycle(range(max(1, len(self.credentials))))

    def next(self, model: str) -> Credential | None:
        """The credential for the next request to the model of this id; `None` when there is none."""
        first = next(self._turns)
        in_turn = (*self.credentials[first:], *self.credentials[:first])
        able = [credential for credential in in_turn if credential.serves(model)]
        return next((credential for credential in able if credential.lists(model)), next(iter(able), None))
