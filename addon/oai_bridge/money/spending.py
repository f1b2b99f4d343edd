"""Caps on what may be spent: what was, and what running requests may still cost, against what the settings allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..errors import SpendingLimit
from ..inspector.figures import dollars
from ..settings.clients import Caps, Client, Spending
from .ledger import Ledger
from .worst import Worst

_PERIODS = ("day", "month")
_UNITS = ("usd", "tokens")
_NOTHING = Worst()


@dataclass(frozen=True, slots=True)
class _Running:
    """A request that isn't in the ledger yet. `day` is the one in which it will stand there."""

    client: str
    day: str
    worst: Worst


class Budget:
    """Between `reserve` and `release` a request counts with its worst case, afterwards with what stands in the ledger:
    put it there first. Days are those of this machine's calendar, such as `2026-11-28`."""

    def __init__(self, spending: Spending, clients: Sequence[Client], ledger: Ledger) -> None:
        self._spending = spending
        self._caps = {client.name: client.caps for client in clients if _some(client.caps)}
        self._ledger = ledger
        self._running: dict[str, _Running] = {}

    @property
    def any(self) -> bool:
        """Whether there is a cap at all."""
        return bool(self._caps) or _some(self._spending.caps)

    def watches(self, client: str) -> bool:
        """Whether there is a cap that a request of this client may come over."""
        return client in self._caps or _some(self._spending.caps)

    def needs_prices(self, client: str) -> bool:
        """Whether what has no price is refused to this client."""
        in_usd = any(unit == "usd" for _, caps in self._over(client) for _, unit, _ in _each(caps))
        return in_usd and self._spending.unpriced == "refuse"

    def reserve(self, id: str, client: str, worst: Worst | None, today: str) -> None:
        """Lets a request run; raises `SpendingLimit` where a cap is reached by what was spent and what runs. What the
        request itself may cost is not looked at: while anything is left, one can run. `worst` is `None` where nothing
        is paid for it."""
        if worst is not None:
            for whose, caps in self._over(client):
                for period, unit, cap in _each(caps):
                    self._check(whose, period, unit, cap, today)
        self._running[id] = _Running(client, today, worst or _NOTHING)

    def grow(self, id: str, worst: Worst) -> None:
        """A running request may cost more than it seemed."""
        if id in self._running:
            self._running[id] = replace(self._running[id], worst=worst)

    def __contains__(self, id: str) -> bool:
        """Whether this request runs."""
        return id in self._running

    def release(self, id: str) -> None:
        """The request has ended, and what it came to stands in the ledger."""
        self._running.pop(id, None)

    def _over(self, client: str) -> Iterator[tuple[str | None, Caps]]:
        """The caps that count for a client, with whose they are: `None` for those of all."""
        yield None, self._spending.caps
        if client in self._caps:
            yield client, self._caps[client]

    def _check(self, whose: str | None, period: str, unit: str, cap: float, today: str) -> None:
        when = today if period == "day" else today[:7]
        spent = getattr(self._ledger.spent(whose, when), unit)
        running = sum(
            getattr(one.worst, unit) or 0
            for one in self._running.values()
            if whose in (None, one.client) and one.day.startswith(when)
        )
        if spent + running < cap:
            return
        name = "all clients together" if whose is None else f"the client {whose}"
        place = f"spending.{unit}_per_{period}" if whose is None else f"its {unit}_per_{period} in server.client_keys"
        end = "tomorrow" if period == "day" else "on the 1st"
        may = f", and requests that run may cost up to {_amount(unit, running)} more" if running else ""
        first = "Send it again when those have ended, or" if spent < cap else f"It starts anew {end}; to go on now,"
        raise SpendingLimit(
            f"The cap of {_amount(unit, cap)} a {period} for {name} is reached: {_amount(unit, spent)} "
            f"{'are' if unit == 'tokens' else 'is'} spent{may}. {first} raise {place} in config.yaml and start again."
        )


def _some(caps: Caps) -> bool:
    return any(True for _ in _each(caps))


def _each(caps: Caps) -> Iterable[tuple[str, str, float]]:
    """Period, unit and cap."""
    for period in _PERIODS:
        for unit in _UNITS:
            if (cap := getattr(caps, f"{unit}_per_{period}")) is not None:
                yield period, unit, cap


def _amount(unit: str, amount: float) -> str:
    return f"{amount:,.0f} tokens" if unit == "tokens" else dollars(amount)
