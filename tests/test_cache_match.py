"""inspector/cache_match.py: how many tokens could have been read, how many were missed, what that cost."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.events import Usage
from oai_bridge.inspector.cache_match import Match, matched
from oai_bridge.models.facts import Rates
from tests.support.cache_chats import SYSTEM, TURNS, Turn, chat, known, openai_chat, prompt_of, text

LORE = "[The castle: an old ruin in the north of the forest, where the witch lived.]"
LORE_TURNS: list[Turn] = [*TURNS[:4], [TURNS[4], LORE], *TURNS[5:]]


def tokens(body: dict[str, Any], segments: int | None = None) -> int:
    """What a cloud counts, for all or the first segments; 1.2 times our rough estimate."""
    return round(1.2 * sum(segment.tokens for segment in prompt_of(body).segments[:segments]))


def two(before: dict[str, Any], now: dict[str, Any], read: int = 0, *, other: bool = False, **more: Any) -> Match:
    """The first request's prompt was written into the cache. Of the second's, that many tokens were read, and all
    others written or, without points, not."""
    left = "written" if prompt_of(now).points else "fresh"
    fields: dict[str, Any] = {"at": 60, "read": read, left: tokens(now) - read} | more
    return matched(known(now, **fields), known(before, written=tokens(before)), other=other)


def test_of_a_chat_that_goes_on_all_that_was_cached_can_be_read() -> None:
    cached = tokens(chat(TURNS[:7]))
    match = two(chat(TURNS[:7]), chat(), cached)
    assert (match.expected, match.prefix, match.exact, match.missed, match.cost) == (cached, cached, True, 0, 0)


def test_what_was_not_read_is_missed_to_the_token() -> None:
    match = two(chat(TURNS[:7]), chat(), tokens(chat(TURNS[:7])) - 1)
    assert match.missed == 1 and match.prefix_missed


def test_what_the_cloud_does_not_tell_is_not_known() -> None:
    match = two(chat(TURNS[:7]), chat(), written=0)
    assert match.missed is None and match.cost is None


def test_without_an_earlier_request_nothing_can_be_read() -> None:
    match = matched(known(chat(), written=3000), None, other=True)
    assert (match.expected, match.missed, match.same, match.difference) == (0, 0, 0, None)


def test_a_change_at_the_beginning_costs_all_that_comes_again() -> None:
    first = chat(system=SYSTEM + "Friday.")
    match = two(first, chat(system=SYSTEM + "Monday."))
    assert match.prefix == 0 and not match.exact
    assert match.missed == match.expected == pytest.approx(tokens(first), rel=0.01)


def test_a_block_amid_the_chat_costs_what_stands_after_it() -> None:
    system = tokens(chat(), 1)
    match = two(chat(), chat(LORE_TURNS), system)
    assert match.prefix == pytest.approx(system, rel=0.01)  # the points after it came after the block, too
    assert match.missed == pytest.approx(tokens(chat()) - system, rel=0.01)
    assert not match.prefix_missed


@pytest.mark.parametrize("last", ["Another question.", TURNS[8] + " And?"])
def test_another_last_message_costs_nothing(last: str) -> None:
    """What was cached up to the user's turn before can be read; the model's answer after it never was an entry."""
    until = tokens(chat(), 8)
    match = two(chat(), chat([*TURNS[:8], last]), until)
    assert match.prefix == match.expected == pytest.approx(until, abs=2) and match.missed == 0


def test_a_lorebook_entry_that_left_the_last_message_costs_what_came_since_the_point_before() -> None:
    match = two(chat([*TURNS[:6], [TURNS[6], LORE]]), chat(), tokens(chat(), 6))
    assert [reason.code for reason in match.changes] == ["block_removed"]
    assert match.missed == pytest.approx(tokens(chat(), 8) - tokens(chat(), 6), abs=2)


def test_a_note_at_the_end_is_not_what_could_have_been_read() -> None:
    note = "[Write in the past tense.] " * 40
    first, second = chat([*TURNS[:6], [TURNS[6], note]]), chat([*TURNS[:8], [TURNS[8], note]])
    until = tokens(chat(), 6)
    match = two(first, second, until)
    assert match.prefix == match.expected == pytest.approx(until, abs=2) and match.missed == 0
    other = two(chat([*TURNS[:6], [TURNS[6], note]], system=SYSTEM + "A"), second)
    assert [reason.code for reason in other.changes] == ["system_few", "moved_with_depth"]
    assert other.expected == pytest.approx(tokens(chat(), 8), abs=2)


def test_of_another_conversation_only_the_beginning_counts() -> None:
    match = two(chat(), chat(["Hello", "Hi", *TURNS[2:]]), other=True)
    assert match.same == 1 and match.changes == []
    assert match.missed == match.expected == match.prefix == pytest.approx(tokens(chat(), 1), abs=2)


def test_no_more_than_the_prompt_has_can_be_read() -> None:
    short = tokens(chat(TURNS[:5]))
    assert two(chat(), chat(TURNS[:5]), written=short).expected <= short


@pytest.mark.parametrize(
    ("usage", "cost"),
    [({"written": 3000}, 2000 * (3.75 - 0.3)), ({"written": 500, "fresh": 2500}, 500 * 3.45 + 1500 * 2.7)],
)
def test_the_cost_is_the_difference_to_reading(usage: dict[str, int], cost: float) -> None:
    match = matched(known(chat(), **usage), known(chat(TURNS[:7]), written=2000), other=False)
    assert match.missed == 2000 and match.cost == pytest.approx(cost / 1e6)


def test_writing_for_an_hour_has_its_own_price() -> None:
    match = two(chat(TURNS[:7], ttl="1h"), chat(ttl="1h"))
    assert match.missed and match.cost == pytest.approx(match.missed * (6 - 0.3) / 1e6)


def test_the_price_is_that_of_the_part_that_was_written_anew() -> None:
    """The system prompt lives for an hour and was read; the messages after it for five minutes."""
    first, second = chat(LORE_TURNS), chat()
    for body in (first, second):
        body["system"] = [text(SYSTEM, "1h")]
    match = two(first, second, tokens(first, 1))
    assert match.missed and match.cost == pytest.approx(match.missed * (3.75 - 0.3) / 1e6)


def test_no_more_than_was_cached_can_be_read() -> None:
    first, second = known(chat(system="A"), written=500, fresh=1000), known(chat(system="B"), written=1500)
    assert matched(second, first, other=False).expected == 500


@pytest.mark.parametrize("rates", [None, Rates(input=3, output=15), Rates(input=3, output=15, cache_read=0.3)])
def test_an_unknown_price_is_not_zero(rates: Rates | None) -> None:
    match = two(chat(TURNS[:7]), chat(), rates=rates)
    assert match.missed and match.cost is None


@pytest.mark.parametrize("more", [{"at": 301}, {"model": "claude-haiku-4-5"}, {"min_tokens": 4096}])
def test_without_points_it_is_told_what_could_have_been_read(more: dict[str, Any]) -> None:
    first, second = chat(TURNS[:7], ttl=None), chat(ttl=None)
    assert two(first, second).missed == pytest.approx(tokens(first), abs=2)
    assert two(first, second, **more).missed == 0


def test_without_points_the_writing_that_they_cost_is_taken_off() -> None:
    first, second = chat(TURNS[:7], ttl=None), chat(ttl=None)
    match = two(first, second)
    new = tokens(second) - match.expected
    assert new > 200 and match.cost == pytest.approx((match.expected * 2.7 - new * 0.75) / 1e6)
    long = chat([*TURNS[:7], "Yes. " * 99_999], ttl=None)
    assert two(first, long).missed and two(first, long).cost == 0


def automatic(before: dict[str, Any], now: dict[str, Any], read: int, cached: int = 3000) -> Match:
    first = known(before, usage=Usage(cached, 1), caching="automatic")
    second = known(now, 60, usage=Usage(cached + 500 - read, 1, read), caching="automatic")
    return matched(second, first, other=False)


def test_what_is_cached_by_itself_goes_in_steps() -> None:
    assert automatic(openai_chat(TURNS[:7]), openai_chat(), 2816).missed == 0
    assert automatic(openai_chat(TURNS[:7]), openai_chat(), 1024).missed == 3000 - 1024


def test_of_long_prompts_a_twentieth_may_be_missing() -> None:
    assert automatic(openai_chat(TURNS[:7]), openai_chat(), 9500, cached=10_000).missed == 0
    assert automatic(openai_chat(TURNS[:7]), openai_chat(), 9499, cached=10_000).missed == 501


def test_what_is_cached_by_itself_ends_at_any_character() -> None:
    match = automatic(openai_chat(system=SYSTEM + "Friday."), openai_chat(system=SYSTEM + "Monday."), 0)
    assert match.same == 0 and 1500 < match.prefix < match.expected


def test_short_prompts_are_not_cached_by_themselves() -> None:
    assert automatic(openai_chat(TURNS[:7]), openai_chat(), 0, cached=1000).expected == 0


def test_where_there_is_no_cache_nothing_can_be_read() -> None:
    first, second = known(openai_chat(), fresh=3000, caching="none"), known(openai_chat(), fresh=3000, caching="none")
    assert matched(second, first, other=False).expected == 0
