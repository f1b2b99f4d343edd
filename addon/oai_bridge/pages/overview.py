"""What the status page tells, gathered: the last requests that have ended, and what the ledger has of today and this
month."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from ..money.entry import Entry
from ..money.ledger import Ledger, Line, day_of
from . import Checked, Details, Recent, Snapshot, Usage, Used

_KEPT = 50  # requests


class Overview:
    """One for the whole program; it begins anew with each start."""

    def __init__(self) -> None:
        self._recent: deque[Recent] = deque(maxlen=_KEPT)

    def ended(self, flow: str, entry: Entry) -> None:
        """A request has ended; `flow` is its id in mitmproxy."""
        self._recent.appendleft(Recent(entry, flow))

    def details(
        self, snapshot: Snapshot, ledger: Ledger, checked: Checked, web: str, held: Callable[[str], bool]
    ) -> Details:
        """All of it at the snapshot's time. `web` is mitmweb's address, empty where it doesn't run; `held` tells of a
        flow whether it is still there."""
        recent = [one if web and held(one.flow) else replace(one, flow="") for one in self._recent]
        return Details(snapshot, usage_of(ledger, snapshot.now), recent, web, checked)


def usage_of(ledger: Ledger, now: float) -> Usage:
    """Of the days of this machine's calendar."""
    today = day_of(now)
    month = today[:7]
    first = f"{month}-01"
    return Usage(
        today,
        _used(ledger.sums("day")),
        _one(ledger.spent(None, month)),
        _used(ledger.sums("model", first)),
        _used(ledger.sums("client", first)),
        _used(ledger.sums("client", today)),
    )


def _used(sums: Mapping[str, Line]) -> dict[str, Used]:
    return {name: _one(line) for name, line in sums.items()}


def _one(line: Line) -> Used:
    return Used(line.requests, line.prompt, line.cached, line.output, line.cost, line.unpriced, line.usd, line.tokens)
