"""queue.py: clients by turns, the requests of each as they came."""

from __future__ import annotations

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from oai_bridge.waiting.queue import Queue, Ticket


def joined(queue: Queue, clients: str, now: float = 0, family: str = "f") -> list[Ticket]:
    """A request of each of these clients, as they come."""
    tickets = [Ticket(queue.number(), client, family, now) for client in clients]
    for ticket in tickets:
        queue.join(ticket)
    return tickets


def order(queue: Queue) -> str:
    """Who is served, until nobody waits."""
    names = ""
    while len(queue):
        ticket = next(queue.turns())
        queue.served(ticket, 0)
        names += f"{ticket.client}{ticket.number} "
    return names.strip()


@pytest.mark.parametrize(
    ("come", "served"),
    [
        ("", ""),
        ("a", "a0"),
        ("aaa", "a0 a1 a2"),
        ("abc", "a0 b1 c2"),
        ("aaabbc", "a0 b3 c5 a1 b4 a2"),
        ("abaabb", "a0 b1 a2 b4 a3 b5"),
        ("aaaaab", "a0 b5 a1 a2 a3 a4"),
    ],
)
def test_clients_take_turns(come: str, served: str) -> None:
    queue = Queue()
    joined(queue, come)
    assert order(queue) == served


def test_who_has_been_served_is_behind_all_others_and_so_are_newcomers() -> None:
    queue = Queue()
    first = joined(queue, "aabc")[0]
    queue.served(first, 0)
    assert order(queue) == "b2 c3 a1"
    first = joined(queue, "aab")[0]
    queue.served(first, 0)
    joined(queue, "d")
    assert order(queue) == "b6 a5 d7"


def test_who_leaves_in_the_middle_is_missed_by_nobody() -> None:
    queue = Queue()
    tickets = joined(queue, "aabbc")
    queue.leave(tickets[1])
    queue.leave(tickets[2])
    queue.leave(tickets[4])
    queue.leave(tickets[4])  # once more does nothing
    assert order(queue) == "a0 b3"
    queue.leave(tickets[0])
    queue.served(tickets[0], 0)
    assert len(queue) == 0 and list(queue.turns()) == []


def test_who_comes_back_goes_before_its_clients_later_ones() -> None:
    queue = Queue()
    old, _, second = (queue.number() for _ in range(3))
    joined(queue, "aab")
    queue.join(Ticket(old, "a", "f", 5))
    queue.join(Ticket(second, "a", "f", 5))
    assert order(queue) == "a0 b5 a2 a3 a4"


def test_families_are_counted_apart() -> None:
    queue = Queue()
    joined(queue, "aab", family="gcp")
    joined(queue, "a", family="aws")
    assert [queue.waiting(family) for family in ("gcp", "aws", "azure")] == [3, 1, 0]


def test_the_estimate_is_what_others_wait_or_have_waited() -> None:
    queue = Queue()
    assert queue.estimate(0) == 0
    first, second, third = joined(queue, "aab", now=100)
    assert queue.estimate(100) == 0
    assert queue.estimate(107) == 7  # the one who waits the longest
    queue.served(first, 130)
    queue.served(second, 140)
    assert queue.estimate(140) == 40
    queue.leave(third)
    assert queue.estimate(140) == 0  # nobody waits
    (fourth,) = joined(queue, "a", now=140)
    assert queue.estimate(141) == 35  # what was
    assert queue.estimate(180) == 40  # what is
    queue.leave(fourth)
    joined(queue, "a", now=439)
    assert queue.estimate(440) == 40  # the wait that was over at 130 says nothing any more
    assert queue.estimate(441) == 2


def test_the_estimate_is_of_the_family() -> None:
    queue = Queue()
    (gcp,) = joined(queue, "a", family="gcp")
    joined(queue, "a", now=9, family="gcp")
    joined(queue, "a", now=8, family="aws")
    queue.served(gcp, 6)
    assert [queue.estimate(10, family) for family in ("gcp", "aws", "azure", None)] == [6, 2, 0, 6]


def test_what_is_kept_of_the_past_has_an_end() -> None:
    queue = Queue()
    for ticket in joined(queue, "a" * 1000):
        queue.served(ticket, 1)
    assert len(queue._waits) == 100 and not queue._clients and not queue._waiting


@given(st.integers(1, 50), st.sampled_from(["before", "after", "between"]))
def test_a_flood_delays_nobody_by_more_than_one_turn(flood: int, when: str) -> None:
    queue = Queue()
    first = joined(queue, "x" * flood)[0]
    if when == "between":
        queue.served(first, 0)
    joined(queue, "ab" if when != "before" else "ba")
    joined(queue, "x" * flood)
    assert {"a", "b"} <= set(re.findall("[abx]", order(queue))[:3])


class Queueing(RuleBasedStateMachine):
    """Against lists: how often others were served while a client's first request waited."""

    @initialize()
    def begin(self) -> None:
        self.queue = Queue()
        self.lines: dict[str, list[Ticket]] = {name: [] for name in "abc"}
        self.away: list[Ticket] = []  # may come back with their old number
        self.passed: dict[str, list[str]] = {name: [] for name in "abc"}  # served while this one waited

    @rule(client=st.sampled_from("abc"), count=st.integers(1, 5))
    def come(self, client: str, count: int) -> None:
        self._arrived(joined(self.queue, client * count))

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        ticket = self.away.pop(data.draw(st.integers(0, len(self.away) - 1)))
        self.queue.join(ticket)
        self._arrived([ticket])

    @rule(data=st.data(), back=st.booleans())
    def leave(self, data: st.DataObject, back: bool) -> None:
        waiting = sorted(self._waiting())
        if waiting:
            self._gone(ticket := data.draw(st.sampled_from(waiting)), back)
            self.queue.leave(ticket)

    @rule(data=st.data(), back=st.booleans())
    def serve_one_whose_cloud_is_free(self, data: st.DataObject, back: bool) -> None:
        """Not always the first: those before it may wait for another cloud."""
        if self._waiting():
            ticket = data.draw(st.sampled_from(list(self.queue.turns())))
            self._serve(ticket, back)

    @rule(back=st.booleans())
    def serve(self, back: bool) -> None:
        ticket = next(self.queue.turns(), None)
        assert (ticket is None) == (not self._waiting())
        if ticket is not None:
            self._serve(ticket, back)
            for others in self.passed.values():
                assert max(map(others.count, "abc")) <= 2, "somebody had two turns while another waited for its first"

    @invariant()
    def each_is_there_once_and_in_its_clients_order(self) -> None:
        if not hasattr(self, "queue"):
            return
        tickets = list(self.queue.turns())
        assert sorted(tickets) == sorted(self._waiting()) and len(tickets) == len(self.queue)
        for client, line in self.lines.items():
            assert [one for one in tickets if one.client == client] == sorted(line)
        later, tickets = copy.deepcopy(self.queue), []  # if nothing else happens
        for ticket in later.turns():
            later.served(ticket, 1)
            tickets.append(ticket)
        rounds: dict[str, int] = dict.fromkeys("abc", 0)
        for before, ticket in enumerate(tickets):
            rounds[ticket.client] += 1
            others = [name for name in "abc" if rounds[name] < rounds[ticket.client] - 1]
            assert all(rounds[name] == len(self.lines[name]) for name in others), (before, tickets)

    def _waiting(self) -> list[Ticket]:
        return [ticket for line in self.lines.values() for ticket in line]

    def _arrived(self, tickets: list[Ticket]) -> None:
        for ticket in tickets:
            if not self.lines[ticket.client]:
                self.passed[ticket.client] = []
            self.lines[ticket.client].append(ticket)

    def _gone(self, ticket: Ticket, back: bool) -> None:
        self.lines[ticket.client].remove(ticket)
        if back:
            self.away.append(ticket)

    def _serve(self, ticket: Ticket, back: bool) -> None:
        head = ticket == next(self.queue.turns())
        self._gone(ticket, back)
        self.queue.served(ticket, 1)
        self.passed[ticket.client] = []
        for client, line in self.lines.items():
            if line and client != ticket.client and head:
                self.passed[client].append(ticket.client)


TestQueueing = Queueing.TestCase
