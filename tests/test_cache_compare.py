"""inspector/cache_compare.py: the same beginning, the first character that differs, and dates."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.inspector.cache_compare import (
    changed_span,
    changed_text,
    first_difference,
    meeting,
    repeated_tokens,
    same_keys,
    same_letters,
    same_segments,
)
from tests.support.cache_chats import TURNS, chat, prompt_of

LETTERS = st.text("ab\n", max_size=12)


@settings(max_examples=200)
@given(LETTERS, LETTERS, LETTERS, LETTERS)
def test_what_differs_lies_between_what_is_the_same(start: str, old: str, new: str, end: str) -> None:
    before, now = start + old + end, start + new + end
    was, became = changed_span(before, now)
    same = same_letters(before, now)
    assert before[:same] == now[:same] and (before == now or before[same : same + 1] != now[same : same + 1])
    assert before[:same] + was + before[same + len(was) :] == before
    assert before[same + len(was) :] == now[same + len(became) :]
    assert len(was) <= len(old) and len(became) <= len(new)


def test_long_texts_are_compared_in_no_time() -> None:
    began = time.thread_time()
    assert same_letters("a" * 4_000_000 + "b", "a" * 4_000_000 + "c") == 4_000_000
    assert changed_span("x" + "a" * 4_000_000, "y" + "a" * 4_000_000) == ("x", "y")
    assert time.thread_time() - began < 1


def test_the_beginning_that_is_the_same_is_counted_in_blocks() -> None:
    before, now = prompt_of(chat(TURNS[:5])), prompt_of(chat(TURNS[:7]))
    assert same_segments(before, now) == same_segments(now, before) == 6
    assert first_difference(before, now, 6) is None
    shorter = first_difference(now, before, 6)
    assert shorter and shorter.now is None and shorter.before and shorter.before.where == "message 6 (assistant)"


def test_white_space_at_the_end_of_a_block_says_nothing() -> None:
    before, now = prompt_of(chat(["a", "b", "c"])), prompt_of(chat(["a\n\n", "b", "d"]))
    assert same_keys(before.part("messages"), now.part("messages")) == 2
    assert same_keys(before.part("messages")[:1], now.part("messages")) == 1


def test_the_first_difference_names_block_and_character() -> None:
    now = prompt_of(chat([*TURNS[:2], TURNS[2].replace("castle", "village"), *TURNS[3:]]))
    found = first_difference(prompt_of(chat()), now, 3)
    assert found and found.now and found.now.where == "message 3 (user)"
    assert found.character == TURNS[2].index("castle")
    assert 0 < found.same_tokens < found.now.tokens


def test_blocks_of_other_messages_part_at_their_first_character() -> None:
    before, now = prompt_of(chat(["a", "b"])), prompt_of(chat([["a", "b"]]))
    found = first_difference(before, now, same_segments(before, now))
    assert found and found.character == 0 and found.now and found.now.where == "message 1 (user), block 2"


DATES = [
    ("Friday, 27 November 2026, 10:59", "Saturday, 28 November 2026, 00:03"),
    ("2026-11-28", "2026-11-29"),
    ("2026-11-28T10:59:01Z", "2026-11-28T11:00:59Z"),
    ("10:59 PM", "1:00 am"),
    ("28.11.2026", "1.12.2026"),
    ("Nov 28, 2026", "Dec 1, 2026"),
    ("5 minutes ago", "an hour ago"),
    ("2026年11月28日", "2026年12月1日"),
    ("星期六", "星期日"),
    ("2026年11月28日 星期六 晚上10点59分", "2026年11月29日 星期日 早上7点3分"),
    ("1764327540", "1764327599"),
]


@pytest.mark.parametrize("around", ["{}\n", "It is now {}, and raining.", "现在是{}。外面下雨了"])
@pytest.mark.parametrize(("old", "new"), DATES)
def test_another_date_is_told_from_other_words(old: str, new: str, around: str) -> None:
    long = "She speaks softly. " * 100
    assert changed_text(long + around.format(old) + long, long + around.format(new) + long) == "date"


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("She has 3 apples.", "She has 4 apples.", "few"),
        ("It is 10:59. He left.", "It is 11:03. She left.", "few"),
        ("Mary walks.", "Jane walks.", "few"),
        ("He sat there.", "He sun there.", "few"),
        ("Today.", "Today." + " A castle stood in the north of the forest." * 3, "inserted"),
        ("Today." + " A castle stood in the north of the forest." * 3, "Today.", "removed"),
        ("Today " + "it rains. " * 20, "Today " + "the sun. " * 20, "rewritten"),
    ],
)
def test_other_differences_are_no_dates(old: str, new: str, change: str) -> None:
    assert changed_text(old, new) == change


def test_two_dates_far_apart_are_dates_too() -> None:
    long = "She speaks softly. " * 100
    assert changed_text(f"10:59 {long} 10:59", f"11:03 {long} 11:03") == "date"


def test_what_comes_again_is_counted_once_for_each_time() -> None:
    before, now = prompt_of(chat(["a", "b" * 40, "c" * 40])), prompt_of(chat(["x", "b" * 40, "b" * 40, "c" * 40]))
    assert repeated_tokens(before, now, 1, 4) == 10  # "c" is the user's there and the model's here
    assert repeated_tokens(before, now, 1, 2) == 0
    assert repeated_tokens(before, prompt_of(chat(["x", "b" * 40, "y", "b" * 40])), 1, 4) == 10


def test_of_a_long_block_that_changed_a_little_most_comes_again() -> None:
    before, now = prompt_of(chat(system="a" * 400 + "b")), prompt_of(chat(system="a" * 400 + "c"))
    assert repeated_tokens(before, now, 0, 1) == 100
    assert repeated_tokens(before, prompt_of(chat(system="z" * 400)), 0, 1) == 0
    assert repeated_tokens(before, prompt_of(chat(system="a" * 400 + "z" * 500 + "b")), 0, 1) == 0


def test_two_chats_meet_at_the_first_block_that_both_have() -> None:
    before, now = prompt_of(chat(["a", "b", "c"])).part("messages"), prompt_of(chat(["x", "y", "c"])).part("messages")
    assert meeting(before, now) == (2, 2)
    assert meeting(before[:2], now) is None
