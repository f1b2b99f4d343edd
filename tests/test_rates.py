"""rates.py: so many requests in any minute, for each client, and the truth about when the next may come."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.errors import Busy
from oai_bridge.waiting.rates import Rates


def refused(rates: Rates, client: str, now: float) -> float:
    """For how many seconds; 0 if it is let in."""
    try:
        rates.take(client, now)
    except Busy as error:
        assert (error.status, error.code) == (429, "client_rate_limit")
        assert error.retry_after is not None and error.retry_after > 0
        return error.retry_after
    return 0


def test_the_minute_slides() -> None:
    rates = Rates(2)
    told = [(0, 0), (10, 0), (20, 40), (59, 1), (60, 0), (60, 10), (70, 0), (71, 49), (200, 0), (200, 0), (200, 60)]
    assert [refused(rates, "a", now) for now, _ in told] == [seconds for _, seconds in told]


def test_what_is_refused_is_not_counted() -> None:
    rates = Rates(1)
    assert refused(rates, "a", 0) == 0
    assert all(refused(rates, "a", now) == 60 - now for now in range(1, 60))
    assert refused(rates, "a", 60) == 0


def test_clients_have_a_minute_of_their_own() -> None:
    rates = Rates(1)
    assert [refused(rates, one, 0) for one in ("a", "b", ("c", 1))] == [0, 0, 0]
    assert [refused(rates, one, 30) for one in ("b", "a", "d")] == [30, 30, 0]


def test_without_a_limit_everything_is_let_in() -> None:
    rates = Rates(None)
    assert {refused(rates, "a", 0) for _ in range(10_000)} == {0}


def test_the_message_says_what_to_do_and_the_headers_when() -> None:
    rates = Rates(1)
    rates.take("a", 0)
    with pytest.raises(Busy, match=r"1 requests a minute; wait, or raise limits\.requests_per_minute") as raised:
        rates.take("a", 0.5)
    assert raised.value.headers()["retry-after"] == "60"


def test_clients_that_come_once_are_forgotten() -> None:
    rates = Rates(5)
    for number in range(20_000):
        rates.take(number, number / 10)
    assert len(rates._seen) <= 1000
    assert sum(map(len, rates._seen.values())) <= 1000


def test_who_was_here_in_the_last_minute_is_not_forgotten_for_newcomers() -> None:
    rates = Rates(1)
    rates.take("old", 0)
    for number in range(5000):
        rates.take(number, 1)
    assert refused(rates, "old", 59) == 1
    assert refused(rates, "new", 59) == 0


def test_one_client_takes_no_more_room_than_its_limit() -> None:
    rates = Rates(3)
    for second in range(1000):
        refused(rates, "a", second)
    assert len(rates._seen["a"]) <= 3


SECONDS = st.integers(0, 64 * 90).map(lambda parts: parts / 64)  # so that sums are exact


@given(limit=st.integers(1, 4), steps=st.lists(st.tuples(st.sampled_from("ab"), SECONDS), max_size=60))
def test_no_minute_has_more_and_the_wait_is_the_truth(limit: int, steps: list[tuple[str, float]]) -> None:
    rates = Rates(limit)
    seen: dict[str, deque[float]] = {"a": deque(), "b": deque()}
    now = 0.0
    for client, after in steps:
        now += after / 8
        recent = [when for when in seen[client] if when > now - 60]
        seconds = refused(rates, client, now)
        assert (seconds > 0) == (len(recent) >= limit)
        if seconds:
            assert refused(rates, client, now + seconds - 1 / 1024) > 0
            now += seconds
            assert refused(rates, client, now) == 0
        seen[client].append(now)


def test_a_client_may_have_a_limit_of_its_own() -> None:
    rates = Rates(2, {"agent": 1})
    assert [refused(rates, "agent", 0), refused(rates, "agent", 0)] == [0, 60]
    assert [refused(rates, "other", 0) for _ in range(3)] == [0, 0, 60]
    with pytest.raises(Busy, match=r"its requests_per_minute in server\.client_keys"):
        rates.take("agent", 1)
    assert refused(Rates(None, {"agent": 1}), "other", 0) == 0
