"""inspector/cache_text.py: findings as people read them, from plain data alone, whatever a file holds."""

from __future__ import annotations

import copy
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.inspector.cache import Coach
from oai_bridge.inspector.cache_text import finding_text
from tests.support.cache_chats import SYSTEM, TURNS, chat, sent

FRIDAY = f"{SYSTEM}\nToday is Friday, 27 November 2026, 10:59.\nShe speaks softly."
SATURDAY = FRIDAY.replace("Friday, 27 November 2026, 10:59", "Saturday, 28 November 2026, 00:03")


def metadata(first: dict[str, Any], second: dict[str, Any], **more: Any) -> dict[str, Any]:
    coach = Coach()
    coach.look(sent(first, 0, written=2500))
    return coach.look(sent(second, 42, **more)).to_metadata()


MISSED = metadata(chat(TURNS[:7], system=FRIDAY), chat(system=SATURDAY), written=3000, fresh=4)


def test_a_miss_in_full() -> None:
    assert finding_text(MISSED) == (
        """The cache was missed.
About 2.5k tokens were paid for that could have been read: $0.0086 more.

Conversation 1 “Turn 0: the rain fell on the castle, an…”, request 2
Previous request: 42 s before
Both went to claude-sonnet-4-5@20250929, vertex/us-east5, my-project

The same at the beginning: 0 of 10 blocks
                           4.3k of 8.6k characters
                           about 1.5k of 3.0k tokens
First difference:          system prompt, character 4,311
  before: …forest. \\nToday is ⟦Friday, 27 November 2026,…⟧.\\nShe speaks softl…
  now:    …forest. \\nToday is ⟦Saturday, 28 November 202…⟧.\\nShe speaks softl…

The cloud reported:        0 read, 3.0k written, 4 uncached
It could have read:        about 2.5k tokens

Why
- system_date: The system prompt holds a date or a time, and it is another one
  now.
  → Put it at the end of the chat, or leave it out: all that stands after it
    is paid for anew."""
    )


def test_a_hit_says_so() -> None:
    text = finding_text(metadata(chat(TURNS[:7]), chat(), read=2500, written=500))
    assert text.startswith("The cache was used.\n\nConversation 1")
    assert "none; this prompt only goes on from that one" in text
    assert "It could have read:        2.5k tokens" in text
    assert text.endswith("- used: The cache was used: 2.5k of 3.0k tokens were read.")


def test_a_new_conversation_names_what_it_shares() -> None:
    text = finding_text(metadata(chat(), chat(["Hello", "Hi", "And?"]), read=1200, written=100))
    assert "Nearest request of another one: 42 s before" in text
    assert "1 of 4 blocks" in text


def test_another_place_is_named() -> None:
    text = finding_text(metadata(chat(TURNS[:7]), chat(), written=3000, place="vertex/europe-west1"))
    assert "That one went to claude-sonnet-4-5@20250929, vertex/us-east5, my-project" in text
    assert "vertex/us-east5 before, vertex/europe-west1 now" in " ".join(text.split())


def test_an_unknown_price_is_told_as_such() -> None:
    text = finding_text(metadata(chat(TURNS[:7]), chat(), written=3000, rates=None))
    assert "could have been read; the price is unknown." in text and "$" not in text


def test_without_cache_points_it_is_told_what_they_would_have_saved() -> None:
    first, second = chat(TURNS[:7], ttl=None), chat(ttl=None)

    def head(data: dict[str, Any]) -> str:
        return " ".join(finding_text(data).partition("\n\n")[0].split())

    off = metadata(first, second, fresh=3000)
    could = f"No cache was asked for. With cache points about {off['missed'] / 1000:.1f}k tokens could have been read"
    assert head(off) == f"{could}, which would have saved up to ${off['cost']:.4f}."
    assert head(off | {"cost": None}) == f"{could}; the price is unknown."
    assert head(off | {"cost": 0.0}) == f"{could}, which would not have paid for the writing yet."


def test_a_prompt_that_ended_is_told_as_such() -> None:
    text = finding_text(metadata(chat(), chat(TURNS[:5]), read=1500))
    assert "message 6 (assistant), character 1\n" in text
    assert "now:    (the prompt has ended)" in text and "taken_back (normal): The chat" in text


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def test_others_words_fake_no_lines_and_stay_in_their_columns() -> None:
    text = finding_text(metadata(chat(system="雨" * 99 + "\x1b[2J\r\nWhy\n" + "落" * 99), chat(system="雨" * 300)))
    assert "\x1b" not in text and "\r" not in text and "\\x1b[2J\\r\\nWhy" in text
    assert max(map(columns, text.splitlines())) <= 78
    named = metadata(chat(["Why\n- used: \u202e雨"]), chat(["Why\n- used: \u202e雨", "a", "b"]), model="m\nWhy", read=9)
    assert sum(line.startswith(("Why", "- used")) for line in finding_text(named).splitlines()) == 2


@pytest.mark.parametrize("garbage", [None, 1, "x", [], {}, {"verdict": []}, {"reasons": [None, 1]}])
def test_garbage_is_a_sentence(garbage: object) -> None:
    assert finding_text(garbage) == "Nothing is known of this request's cache."


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in paths(one, (*path, key)))]


@settings(max_examples=100)
@given(st.sampled_from(paths(MISSED)[1:]), JUNK)
def test_any_damage_is_survived(path: tuple[Any, ...], junk: object) -> None:
    hurt = copy.deepcopy(MISSED)
    holder: Any = hurt
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = junk
    assert all(columns(line) <= 78 for line in finding_text(hurt).splitlines())


def test_many_reasons_are_cut() -> None:
    reason = {"code": "x", "text": "y" * 9999, "remedy": "", "normal": False}
    assert len(finding_text(MISSED | {"reasons": [reason] * 500})) < 12_000
