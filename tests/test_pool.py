"""pool.py by tables: what each failure makes of a credential, who goes next, and what is said when nobody can."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from oai_bridge.waiting.pool import LONGEST, Candidate, Later, Nobody, Permit, Pool
from oai_bridge.waiting.verdict import ANSWERED, Rest, Scope, Verdict
from tests.support.pools import Account, PoolMachine, accounts, bad, taken

NOT_AT_ALL: dict[Candidate, float] = {}


def fair() -> Pool:
    """Its rests are exactly as long as the tables say."""
    return Pool(lambda: 0.5)


def names(pool: Pool, wanted: list[Candidate], count: int, now: float = 0) -> str:
    """Who is picked; each answers at once."""
    found = ""
    for _ in range(count):
        permit = taken(pool, wanted, now)
        pool.release(permit)
        found += permit.candidate.credential.label
    return found


def failed(pool: Pool, wanted: list[Candidate], told: Verdict, now: float) -> None:
    """A request that fails as soon as it is sent."""
    permit = taken(pool, wanted, now)
    pool.settle(permit, told, now + 1 / 64)
    pool.release(permit)


def states(pool: Pool, credential: Account, now: float) -> dict[str | None, Rest]:
    """How it rests, by model."""
    return {model: trouble.state for model, trouble in pool.troubles(credential, now).items()}


def back(pool: Pool, one: Candidate, now: float) -> float:
    """For how long nothing is to be had of it; it must have been asked before."""
    found = pool.pick([one], {one: 0}, now)
    assert isinstance(found, Later | Nobody)
    until = max(rest.until for rest in pool._rests(one))
    assert not isinstance(found, Later) or found.at == until
    return until - now


# -- whose turn it is --------------------------------------------------------------------------------------------------


def test_one_after_the_other() -> None:
    assert names(fair(), accounts("abc"), 7) == "abcabca"


def test_a_newcomer_is_next() -> None:
    pool, (a, b, c) = fair(), accounts("abc")
    assert names(pool, [a, b], 3) == "aba"
    assert names(pool, [a, b, c], 4) == "cbac"


def test_the_least_busy_goes_first() -> None:
    pool, wanted = fair(), accounts("abc")
    out = {one: taken(pool, [one], 0) for one in [*wanted, wanted[0]]}
    pool.release(out[wanted[1]])
    assert names(pool, wanted, 2) == "bb"
    permits = [taken(pool, wanted, 0) for _ in range(3)]
    assert Counter(one.candidate.credential.label for one in permits) == {"b": 2, "c": 1}


def test_what_is_busy_with_one_model_is_busy() -> None:
    pool, (a, b) = fair(), accounts("ab")
    taken(pool, [Candidate(a.credential, "other")], 0)
    assert names(pool, [a, b], 2) == "bb"


def test_lower_tiers_go_first_however_busy_they_are() -> None:
    pool, wanted = fair(), accounts("abc", tiers=(1, 0, 2))
    assert [taken(pool, wanted, 0).candidate.credential.label for _ in range(3)] == ["b", "b", "b"]


def test_the_next_tier_serves_while_the_first_one_rests() -> None:
    pool, wanted = fair(), accounts("abc", tiers=(0, 1, 1))
    failed(pool, wanted, bad("cooling"), 0)
    assert names(pool, wanted, 3, now=1) == "bcb"
    assert names(pool, wanted, 1, now=1.5) == "a"


def test_who_has_not_been_tried_goes_first_whatever_its_tier() -> None:
    pool, (a, b) = fair(), accounts("ab", tiers=(0, 1))
    assert taken(pool, [a, b], 0, {a: 0}).candidate is b
    assert taken(pool, [a, b], 0, {a: 0, b: 0}).candidate is a


def test_who_has_been_tried_is_asked_again_when_it_may_be() -> None:
    pool, (a, b) = fair(), accounts("ab")
    assert pool.pick([a], {a: 5}, 4) == Later(5)
    assert pool.pick([a, b], {a: 7, b: 5}, 4) == Later(5)
    assert taken(pool, [a, b], 5, {a: 7, b: 5}).candidate is b
    failed(pool, [a], bad("cooling"), 5)
    assert pool.pick([a], {a: 9}, 5.5) == Later(9)
    assert taken(pool, [a], 9, {a: 9}).candidate is a


def test_a_permit_is_given_back_once() -> None:
    pool, (a, b) = fair(), accounts("ab")
    first, second = taken(pool, [a], 0), taken(pool, [a], 0)
    assert pool.out == 2
    pool.release(first)
    pool.release(first)
    assert pool.out == 1
    taken(pool, [b], 0)
    taken(pool, [b], 0)
    assert names(pool, [b, a], 1) == "a"  # one request against two
    pool.release(second)
    assert pool.out == 2


# -- how long it rests -------------------------------------------------------------------------------------------------

DOUBLING: list[tuple[Rest, list[float]]] = [
    ("cooling", [1, 2, 4, 8, 16, 30, 30]),
    ("exhausted", [600, 1200, 2400, 3600, 3600]),
    ("denied", [300, 600, 1200, 2400, 3600, 3600]),
    ("broken", [30, 60, 120, 240, 480, 600, 600]),
]


@pytest.mark.parametrize(("state", "lengths"), DOUBLING)
def test_each_failure_after_a_rest_doubles_the_next_one(state: Rest, lengths: list[float]) -> None:
    pool, (a,) = fair(), accounts("a")
    now = 0.0
    for length in lengths:
        failed(pool, [a], bad(state), now)
        now += 1 / 64
        assert back(pool, a, now) == length
        assert set(states(pool, a.credential, now).values()) == {state}
        now += length
        assert states(pool, a.credential, now) == {}


@pytest.mark.parametrize(("state", "lengths"), DOUBLING)
@pytest.mark.parametrize("chance", [0, 0.25, 1])
def test_a_rest_is_a_quarter_shorter_or_longer_by_chance(state: Rest, lengths: list[float], chance: float) -> None:
    pool, (a,) = Pool(lambda: chance), accounts("a")
    failed(pool, [a], bad(state), 0)
    assert back(pool, a, 1 / 64) == lengths[0] * (0.75 + chance / 2)


@pytest.mark.parametrize("state", [state for state, _ in DOUBLING])
def test_no_rest_is_longer_than_the_longest_even_by_chance(state: Rest) -> None:
    pool, (a,) = Pool(lambda: 1), accounts("a")
    for now in range(0, 50_000, 5000):
        failed(pool, [a], bad(state), now)
        assert back(pool, a, now + 1 / 64) <= LONGEST


def test_an_answer_ends_all_that() -> None:
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], bad("cooling"), 0)
    failed(pool, [a], bad("cooling"), 2)
    permit = taken(pool, [a], 8)
    pool.settle(permit, ANSWERED, 9)
    assert states(pool, a.credential, 9) == {}
    failed(pool, [a], bad("cooling"), 10)
    assert back(pool, a, 10) == 1 + 1 / 64


def test_another_trouble_begins_anew() -> None:
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], bad("cooling"), 0)
    failed(pool, [a], bad("cooling"), 2)
    failed(pool, [a], bad("denied"), 8)
    assert back(pool, a, 8 + 1 / 64) == 300


@pytest.mark.parametrize(
    ("told", "seconds"), [(0, 0.25), (0.1, 0.25), (0.25, 0.25), (7, 7), (61.5, 61.5), (3600, 3600), (1e9, 3600)]
)
@pytest.mark.parametrize("chance", [0, 1])
def test_retry_after_is_kept_to_the_letter(told: float, seconds: float, chance: float) -> None:
    pool, (a,) = Pool(lambda: chance), accounts("a")
    for now in (0, 5000, 10000):  # nor does it grow
        failed(pool, [a], bad("cooling", told), now)
        assert back(pool, a, now + 1 / 64) == seconds


@pytest.mark.parametrize("state", ["exhausted", "denied", "broken"])
def test_retry_after_is_for_those_that_are_asked_too_often(state: Rest) -> None:
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], bad(state, 1), 0)
    assert back(pool, a, 1 / 64) >= 30


@pytest.mark.parametrize("told", [Verdict(), Verdict(again=True), Verdict("cooling"), ANSWERED])
def test_what_says_nothing_bad_makes_nobody_rest(told: Verdict) -> None:
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], told, 0)
    assert taken(pool, [a], 0.5, {a: 0})


@pytest.mark.parametrize("state", ["cooling", "exhausted", "denied", "broken"])
def test_where_nobody_is_to_rest_nobody_does(state: Rest) -> None:
    pool, (a,) = Pool(rest=False), accounts("a")
    for _ in range(10):
        failed(pool, [a], bad(state, 100), 0)
    assert states(pool, a.credential, 1) == {}
    assert names(pool, [a], 1) == "a"


def test_bad_luck_counts_when_it_comes_three_times_in_a_row() -> None:
    pool, (a,) = fair(), accounts("a")
    luck = Verdict("cooling", bad("cooling").error, strike=True, again=True)
    for told in (luck, luck, ANSWERED, luck, luck):
        failed(pool, [a], told, 0)
    failed(pool, [Candidate(a.credential, "other")], luck, 0)
    assert names(pool, [a], 1) == "a"
    failed(pool, [a], luck, 0)
    assert back(pool, a, 1 / 64) == 1
    failed(pool, [a], luck, 2)  # now each counts
    assert back(pool, a, 2 + 1 / 64) == 2


# -- what rests --------------------------------------------------------------------------------------------------------

NEAR = Account("a", place="here")
MATES = {
    "the same model": Candidate(NEAR, "m"),
    "another model": Candidate(NEAR, "n"),
    "another account there": Candidate(Account("b", place="here"), "m"),
    "an account elsewhere": Candidate(Account("c", place="there"), "m"),
}


@pytest.mark.parametrize(("scope", "resting"), [("model", 1), ("credential", 2), ("place", 3)])
def test_what_rests_is_what_failed(scope: Scope, resting: int) -> None:
    pool = fair()
    failed(pool, [MATES["the same model"]], bad("cooling", 9, scope=scope), 0)
    found = {name for name, one in MATES.items() if isinstance(pool.pick([one], NOT_AT_ALL, 1), Later)}
    assert found == set(list(MATES)[:resting])
    assert states(pool, NEAR, 1) == {"m" if scope == "model" else None: "cooling"}


@pytest.mark.parametrize("scope", ["model", "credential", "place"])
def test_an_answer_speaks_for_all_that_it_came_from(scope: Scope) -> None:
    pool, one = fair(), MATES["the same model"]
    failed(pool, [one], bad("cooling", 9, scope=scope), 0)
    pool.settle(taken(pool, [one], 10), ANSWERED, 10.5)
    for mate in MATES.values():
        assert taken(pool, [mate], 10.5) and taken(pool, [mate], 10.5)


def test_an_answer_for_one_model_says_nothing_of_another() -> None:
    pool = fair()
    failed(pool, [MATES["the same model"]], bad("denied"), 0)
    pool.settle(taken(pool, [MATES["another model"]], 1), ANSWERED, 2)
    assert states(pool, NEAR, 3) == {"m": "denied"}


# -- requests that were out together -----------------------------------------------------------------------------------


def test_requests_that_were_out_together_and_all_fail_are_one_failure() -> None:
    pool, (a,) = fair(), accounts("a")
    out = [taken(pool, [a], 0) for _ in range(10)]
    for when, permit in enumerate(out, 1):
        pool.settle(permit, bad("cooling"), when / 64)
    assert back(pool, a, 0) == 1 + 1 / 64
    failed(pool, [a], bad("cooling"), 4)
    assert back(pool, a, 4 + 1 / 64) == 2


def test_so_are_those_of_the_same_tick_of_the_clock() -> None:
    pool, (a,) = fair(), accounts("a")
    out = [taken(pool, [a], 0) for _ in range(3)]
    for permit in out:
        pool.settle(permit, bad("cooling"), 0)
    assert back(pool, a, 0) == 1


def test_the_longest_of_the_waits_that_are_told_counts() -> None:
    pool, (a,) = fair(), accounts("a")
    out = [taken(pool, [a], 0) for _ in range(3)]
    for permit, seconds in zip(out, (3, 9, 5), strict=True):
        pool.settle(permit, bad("cooling", seconds), 1)
        pool.settle(permit, bad("cooling", seconds), 1)
    assert back(pool, a, 1) == 9


def test_a_late_answer_to_an_older_request_ends_no_rest() -> None:
    pool, (a,) = fair(), accounts("a")
    older, failing = taken(pool, [a], 0), taken(pool, [a], 1)
    pool.settle(failing, bad("cooling", 20), 2)
    pool.settle(older, ANSWERED, 3)
    assert pool.pick([a], NOT_AT_ALL, 4) == Later(22)


def test_older_requests_tell_what_is_worse() -> None:
    pool, (a,) = fair(), accounts("a")
    first, second, third = (taken(pool, [a], 0) for _ in range(3))
    pool.settle(first, bad("cooling"), 1)
    pool.settle(second, bad("denied"), 2)
    pool.settle(third, bad("cooling"), 3)
    assert states(pool, a.credential, 3) == {"m": "denied"}
    assert back(pool, a, 2) == 300


def test_what_is_worse_does_not_take_back_a_wait_that_was_told() -> None:
    """The cloud asked for 100 s: until then it is not even the last resort."""
    pool, (a,) = fair(), accounts("a")
    first, second = taken(pool, [a], 0), taken(pool, [a], 0)
    pool.settle(first, bad("cooling", 100), 1)
    pool.settle(second, bad("denied"), 2)
    assert not isinstance(pool.pick([a], NOT_AT_ALL, 50), Permit)


def test_a_stream_that_has_begun_can_still_fail() -> None:
    pool, (a,) = fair(), accounts("a")
    permit = taken(pool, [a], 0)
    pool.settle(permit, ANSWERED, 1)
    pool.settle(permit, bad("cooling", 5), 2)
    pool.release(permit)
    pool.settle(permit, ANSWERED, 3)
    assert pool.pick([a], NOT_AT_ALL, 4) == Later(7)


# -- when the rest is over ---------------------------------------------------------------------------------------------


def test_after_the_rest_one_finds_out_and_the_others_wait_for_it() -> None:
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], bad("cooling", 10), 0)
    until = 10 + 1 / 64
    assert pool.pick([a], NOT_AT_ALL, until - 1 / 1024) == Later(until)
    probe = taken(pool, [a], until)
    assert pool.pick([a], NOT_AT_ALL, until) == Later(until + 2)
    pool.settle(probe, ANSWERED, 11)
    assert len({taken(pool, [a], 11) for _ in range(5)}) == 5


@pytest.mark.parametrize("state", ["cooling", "exhausted", "denied", "broken"])
def test_without_news_one_more_goes_every_two_seconds(state: Rest) -> None:
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], bad(state), 0)
    for now in range(4000, 4020, 2):
        taken(pool, [a], now)
        assert pool.pick([a], NOT_AT_ALL, now) == Later(now + 2)
        assert pool.pick([a], NOT_AT_ALL, now + 2 - 1 / 64) == Later(now + 2)


def test_who_finds_out_may_find_out_something_else() -> None:
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], bad("denied"), 0)
    failed(pool, [a], bad("cooling", 9), 400)
    assert pool.pick([a], NOT_AT_ALL, 401) == Later(409 + 1 / 64)
    failed(pool, [a], bad("broken"), 500)
    assert states(pool, a.credential, 501) == {None: "broken"}


def test_there_are_others_while_one_finds_out() -> None:
    pool, (a, b) = fair(), accounts("ab", tiers=(0, 1))
    failed(pool, [a], bad("cooling"), 0)
    assert [taken(pool, [a, b], 5).candidate for _ in range(3)] == [a, b, b]


# -- when nobody is left -----------------------------------------------------------------------------------------------


def test_all_that_rest_come_back_when_the_first_does() -> None:
    pool, wanted = fair(), accounts("abc", tiers=(0, 1, 2))
    for one, seconds in zip(wanted, (9, 5, 7), strict=True):
        failed(pool, [one], bad("cooling", seconds), 0)
    assert pool.pick(wanted, NOT_AT_ALL, 1) == Later(5 + 1 / 64)
    assert pool.pick(wanted, dict.fromkeys(wanted, 0), 1) == Later(5 + 1 / 64)


@pytest.mark.parametrize("state", ["exhausted", "broken"])
def test_whoever_comes_back_first_is_waited_for(state: Rest) -> None:
    """Also one that nobody would wait for if it were alone."""
    pool, (a, b) = fair(), accounts("ab")
    failed(pool, [b], bad(state), 0)
    now = back(pool, b, 0) - 10
    failed(pool, [a], bad("cooling", 100), now)
    assert pool.pick([a, b], NOT_AT_ALL, now + 1) == Later(now + 10)


@pytest.mark.parametrize("state", ["exhausted", "denied", "broken"])
def test_the_last_one_is_asked_all_the_same_but_not_in_a_tight_loop(state: Rest) -> None:
    pool, (a, b) = fair(), accounts("ab")
    for one in (a, b):
        failed(pool, [one], bad(state, message=one.credential.label), 0)
    answer = pool.pick([a, b], NOT_AT_ALL, 1)
    assert isinstance(answer, Nobody) and answer.error.message in ("a", "b")
    permit = taken(pool, [a, b], 1.5)
    assert permit.candidate is a
    assert pool.pick([a, b], NOT_AT_ALL, 1.5) == Later(3.5)  # one is enough to find out
    pool.settle(permit, bad(state), 2)
    assert taken(pool, [a, b], 2, {a: 0}).candidate is b


@pytest.mark.parametrize("state", ["exhausted", "denied", "broken"])
def test_who_has_tried_all_of_them_hears_what_the_cloud_said_last(state: Rest) -> None:
    pool, (a, b) = fair(), accounts("ab")
    for when, one in enumerate((b, a)):
        failed(pool, [one], bad(state, message=f"{one.credential.label} says no."), when)
    answer = pool.pick([a, b], {a: 0, b: 0}, 9)
    assert isinstance(answer, Nobody) and answer.error.message == "a says no."


def test_nobody_is_asked_as_the_last_resort_while_another_cools_down() -> None:
    pool, (a, b) = fair(), accounts("ab")
    failed(pool, [a], bad("denied"), 0)
    failed(pool, [b], bad("cooling", 60), 0)
    assert pool.pick([a, b], NOT_AT_ALL, 30) == Later(60 + 1 / 64)
    failed(pool, [a], bad("cooling", 60, scope="place"), 400)
    assert isinstance(pool.pick([a], {a: 0}, 430), Later)


def test_what_was_said_last_is_told_without_whose_it_was() -> None:
    pool, (a,) = fair(), accounts("a")
    told = bad("denied")
    try:
        raise told.error or AssertionError
    except Exception:
        failed(pool, [a], told, 0)
    answers = [pool.pick([a], {a: 0}, 1) for _ in range(2)]
    for answer in answers:
        assert isinstance(answer, Nobody)
        assert answer.error is not told.error and answer.error.to_object() == told.error.to_object()
        assert answer.error.request_id is None and answer.error.__traceback__ is None
    assert answers[0].error is not answers[1].error
    assert told.error.request_id == "req_1" and told.error.__traceback__


# -- what it remembers -------------------------------------------------------------------------------------------------


def test_what_it_remembers_has_an_end() -> None:
    pool, (a,) = fair(), accounts("a")
    for number in range(3000):
        one = Candidate(a.credential, f"model-{number}")
        failed(pool, [one], bad("denied"), number / 64)
        failed(pool, [one], Verdict("cooling", bad("cooling").error, strike=True), number / 64 + 500)
        failed(
            pool, [Candidate(a.credential, f"other-{number}")], Verdict("cooling", bad("cooling").error, strike=True), 0
        )
    assert len(pool._resting) <= 1000 and len(pool._strikes) <= 1000
    assert not pool._out and pool._load.total() == 0 and len(pool._used) == 1


def test_names_that_are_no_models_make_nobody_forget_who_is_cooling() -> None:
    pool, (a,) = fair(), accounts("a")
    for number in range(1000):
        failed(pool, [Candidate(a.credential, f"model-{number}")], bad("denied"), number / 64)
    failed(pool, [a], bad("cooling", 60), 20)
    assert pool.pick([a], NOT_AT_ALL, 21) == Later(80 + 1 / 64)


TestPool = PoolMachine.TestCase


# -- what is shown, and forgotten --------------------------------------------------------------------------------------


def test_of_several_states_the_worst_is_shown() -> None:
    """A region in trouble does not hide a key that is not accepted."""
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], bad("broken"), 0)
    failed(pool, [a], bad("cooling", 60, scope="place"), 1.5)
    assert states(pool, a.credential, 3) == {None: "broken"}


def test_who_leaves_without_news_leaves_things_as_they_were() -> None:
    pool, (a,) = fair(), accounts("a")
    failed(pool, [a], bad("broken"), 0)
    permit = taken(pool, [a], 5)  # the last resort
    pool.release(permit)
    assert states(pool, a.credential, 8) == {None: "broken"}
    assert taken(pool, [a], 5.1).candidate is a


def test_what_was_refused_is_forgotten_before_what_cools_down() -> None:
    pool, (a, b) = fair(), accounts("ab")
    failed(pool, [a], bad("cooling", 100), 0)
    for number in range(1001):
        failed(pool, [replace(b, model=f"no-model-{number}")], bad("denied"), 1)
    assert isinstance(pool.pick([a], NOT_AT_ALL, 2), Later)
