"""Who waits, and in which order they are served: the clients by turns, the requests of each as they came."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import count

_RECENT = 300.0  # seconds for which a wait that is over says something of those to come
_WAITS = 100  # of them at most


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """A place in the queue. `number` grows with the requests as they came, `family` stands for the cloud on the status
    page; the ticket itself is told apart by its number."""

    number: int
    client: Hashable = field(compare=False)
    family: str = field(compare=False)
    since: float = field(compare=False)


class Queue:
    """The tickets of those who wait. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._clients: dict[Hashable, list[Ticket]] = {}  # whose turn is next stands first
        self._waiting: set[Ticket] = set()
        self._waits: deque[tuple[float, str, float]] = deque(maxlen=_WAITS)  # when, family, how long
        self._numbers = count()
        self._served = 0

    def number(self) -> int:
        """The place of a request that comes now: it keeps it if it has to wait several times."""
        return next(self._numbers)

    def __len__(self) -> int:
        return len(self._waiting)

    def turns(self) -> Iterator[Ticket]:
        """All of them, in the order in which they may go: each client has its turn, which it keeps until one of its
        tickets is `served`; its next one comes after all others'."""
        lines = [iter(list(line)) for line in self._clients.values()]
        while lines:
            served = []
            for line in lines:
                for ticket in line:
                    before = self._served
                    yield ticket
                    if self._served != before:
                        served.append(line)
                        break
            lines = served

    def join(self, ticket: Ticket) -> None:
        """Takes its place: before those of its client that came later."""
        insort(self._clients.setdefault(ticket.client, []), ticket)
        self._waiting.add(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Gives up its place, if it still has one."""
        if ticket in self._waiting:
            self._waiting.remove(ticket)
            line = self._clients[ticket.client]
            line.remove(ticket)
            if not line:
                del self._clients[ticket.client]

    def served(self, ticket: Ticket, now: float) -> None:
        """Its turn has come; its client's next one comes after all other clients'."""
        self.leave(ticket)
        self._served += 1
        if ticket.client in self._clients:
            self._clients[ticket.client] = self._clients.pop(ticket.client)
        self._waits.append((now, ticket.family, now - ticket.since))

    def waiting(self, family: str) -> int:
        return sum(ticket.family == family for ticket in self._waiting)

    def estimate(self, now: float, family: str | None = None) -> float:
        """Seconds that one who comes now is likely to wait, by those who wait or have waited; 0 while nobody does."""
        ages = [now - ticket.since for ticket in self._waiting if family in (None, ticket.family)]
        waits = [wait for when, whose, wait in self._waits if family in (None, whose) and now - when <= _RECENT]
        return max(*ages, sum(waits) / len(waits) if waits else 0.0) if ages else 0.0
