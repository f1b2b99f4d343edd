"""strangers.py: who is believed about where a request comes from, and how wrong keys are slowed down."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.entrance.strangers import Strangers, address_of, hints_of, is_from_afar
from oai_bridge.errors import Busy

TRUSTED = (ip_network("127.0.0.1"), ip_network("172.16.0.0/12"), ip_network("::1"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::ffff:127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("::1", [" [2001:db8::1]:4711 "], "2001:db8::1"),
        ("127.0.0.1", ["203.0.113.9:80"], "203.0.113.9"),
        ("127.0.0.1", ["10.0.0.1", "203.0.113.9", "172.16.0.5"], "203.0.113.9"),
        ("127.0.0.1", ["172.16.0.6", "172.16.0.5"], "172.16.0.6"),
        ("127.0.0.1", ["not an address"], "not an address"),
        ("192.168.1.9", ["203.0.113.9"], "behind 192.168.1.9"),
        ("203.0.113.1", ["127.0.0.1"], "behind 203.0.113.1"),
        ("2001:db8::7", ["203.0.113.9"], "behind 2001:db8::/64"),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: list[str], address: str) -> None:
    assert address_of(peer, forwarded, TRUSTED) == address
    alone = address_of(peer, [], ())
    assert alone == ("127.0.0.1" if "127.0.0.1" in peer else peer)
    assert len({address_of(peer, [made_up], ()) for made_up in ("1.2.3.4", "5.6.7.8", peer)} | {alone}) == 2


@pytest.mark.parametrize(
    ("forwarded", "afar"),
    [
        ([], False),
        (["127.0.0.1"], False),
        (["::1", "127.0.0.2:80"], False),
        (["192.168.1.2"], True),
        (["127.0.0.1", "203.0.113.9"], True),
        (["unknown"], True),
    ],
)
def test_what_came_from_another_machine(forwarded: list[str], afar: bool) -> None:
    assert is_from_afar(forwarded) is afar


@pytest.mark.parametrize(
    ("values", "hints"),
    [
        ({"host": ["a"], "x-forwarded-for": ["1.2.3.4"]}, ()),
        (
            {"forwarded": ["by=1.1.1.1;For=192.0.2.6;proto=http, for=127.0.0.1", 'for="[2001:db8::1]:80"']},
            ("192.0.2.6", "127.0.0.1", "[2001:db8::1]:80"),
        ),
        ({"x-real-ip": ["192.0.2.6"], "cf-connecting-ip": ["::1"]}, ("192.0.2.6", "::1")),
    ],
)
def test_other_headers_that_tell_of_it(values: dict[str, list[str]], hints: tuple[str, ...]) -> None:
    assert hints_of(values) == hints and is_from_afar(hints) is bool(hints)


def test_typos_are_answered_at_once_and_guesses_one_a_second() -> None:
    strangers = Strangers()
    assert [strangers.wrong("a", 100.0) for _ in range(6)] == [0, 0, 0, 1, 2, 3]
    assert strangers.wrong("a", 101.0) == 3
    assert strangers.wrong("a", 200.0) == 0 and strangers.wrong("a", 200.5) == 0.5
    assert strangers.wrong("b", 200.0) == 0
    assert [strangers.wrong("a", 900.0) for _ in range(4)] == [0, 0, 0, 1]  # after ten minutes all is forgiven


def test_many_at_once_are_not_even_looked_at() -> None:
    strangers = Strangers()
    for _ in range(14):
        strangers.check("a", 100.0)
        strangers.wrong("a", 100.0)
    with pytest.raises(Busy, match="correct the key") as caught:
        strangers.check("a", 100.0)
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (429, "too_many_wrong_keys", 1.0)
    strangers.check("a", 101.5)
    strangers.check("b", 100.0)


def test_guesses_by_a_tunnel_do_not_lock_out_who_is_here() -> None:
    strangers = Strangers()
    for number in range(20):
        strangers.wrong(address_of("127.0.0.1", [f"203.0.113.{number}"], ()), 100.0)
    strangers.check(address_of("127.0.0.1", [], ()), 100.0)
    with pytest.raises(Busy):
        strangers.check(address_of("127.0.0.1", ["203.0.113.99"], ()), 100.0)


def test_a_household_of_ipv6_is_one_address() -> None:
    strangers = Strangers()
    told = [strangers.wrong(f"2001:db8:0:1::{number}", 0.0) for number in range(1, 6)]
    assert told == [0, 0, 0, 1, 2] and strangers.wrong("2001:db8:0:2::1", 0.0) == 0


def test_no_more_addresses_are_remembered_than_a_thousand() -> None:
    strangers = Strangers()
    for number in range(1200):
        strangers.wrong(f"address {number}", float(number) / 100)
    assert len(strangers._seen) == 1000


def test_who_guesses_is_remembered_while_many_others_come_by() -> None:
    strangers = Strangers()
    assert [strangers.wrong("1.2.3.4", 0.0) for _ in range(6)] == [0, 0, 0, 1, 2, 3]
    for number in range(1200):
        strangers.wrong(f"address {number}", 1.0)
    assert strangers.wrong("1.2.3.4", 1.0) == 3


@pytest.mark.parametrize(("later", "waits"), [(600.9, [0, 1]), (601.0, [0, 0])])
def test_ten_minutes_after_the_last_answer_all_is_forgiven(later: float, waits: list[float]) -> None:
    strangers = Strangers()
    assert [strangers.wrong("a", 0.0) for _ in range(4)] == [0, 0, 0, 1]
    assert [strangers.wrong("a", later) for _ in range(2)] == waits


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3)), max_size=60))
def test_a_guesser_gets_one_answer_a_second_however_many_ask(steps: list[tuple[str, float]]) -> None:
    strangers, now, answered = Strangers(), 0.0, dict[str, list[float]]()
    for address, step in steps:
        now += step
        answered.setdefault(address, []).append(now + strangers.wrong(address, now))
    for times in answered.values():
        assert all(later - before >= 1 - 1e-9 for before, later in pairwise(times[2:]))
