"""inspector/cache.py: which conversation a request belongs to, what it is compared with, and how much is remembered."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.io import tnetstring

from oai_bridge.events import Usage
from oai_bridge.inspector.cache import Coach, Finding
from oai_bridge.inspector.cache_text import finding_text
from tests.support.cache_chats import SYSTEM, TURNS, Turn, chat, damaged, openai_chat, sent, text

CASES = Path(__file__).parent / "cases"
MB = 2**20
GREETING = "The forest is silent when she finds you. " * 20


def look(coach: Coach, body: dict[str, Any], at: float = 0, **more: Any) -> Finding:
    return coach.look(sent(body, at, **({"written": 3000} | more)))


def followed(first: dict[str, Any], second: dict[str, Any], **more: Any) -> Finding:
    coach = Coach()
    look(coach, first)
    return look(coach, second, 60, **more)


def compared_at(finding: Finding) -> float | None:
    """When the request was sent that it was compared with."""
    before = finding.match.before if finding.match else None
    return before.sent.at if before else None


def test_a_conversation_is_followed() -> None:
    coach = Coach()
    found = [look(coach, chat(TURNS[:length]), length) for length in (1, 3, 5, 7)]
    assert [(one.conversation, one.request) for one in found] == [(1, 1), (1, 2), (1, 3), (1, 4)]
    assert [compared_at(one) for one in found] == [None, 1, 3, 5]
    assert found[-1].title.startswith("Turn 0: the rain") and len(found[-1].title) <= 40


LORE: list[Turn] = [*TURNS[:4], [TURNS[4], "[The castle: an old ruin.]"], *TURNS[5:]]


@pytest.mark.parametrize(
    "now",
    [
        chat(system="X" + SYSTEM),
        chat(system="Another prompt."),
        chat([*TURNS[4:], "So.", "Go on."]),
        chat(LORE),
        chat([*TURNS[:7], "Another answer.", "And?"]),
        chat(TURNS[:3]),
        chat(tools=[{"name": "look"}]),
        chat(ttl=None),
    ],
    ids=["system", "all of it", "trimmed", "lore", "swipe", "taken back", "tools", "points"],
)
def test_a_chat_is_known_again_by_its_messages(now: dict[str, Any]) -> None:
    finding = followed(chat(), now)
    assert (finding.conversation, finding.request, finding.match and finding.match.other) == (1, 2, False)


@pytest.mark.parametrize(
    "now", [["Hello", GREETING, "Who are you?"], ["Something else"], ["Hello", GREETING, "A", "B", "C"]]
)
def test_another_chat_with_the_same_character_is_a_new_one(now: list[str]) -> None:
    finding = followed(chat(["Hello", GREETING, *TURNS[2:]]), chat(now))
    assert (finding.conversation, finding.request) == (2, 1)
    assert finding.match and finding.match.other and finding.match.same >= 1
    metadata = finding.to_metadata()
    assert metadata["previous"]["other"] is True and metadata["same"]["blocks"] == finding.match.same


def test_a_new_chat_that_shares_nothing_is_compared_with_nothing() -> None:
    finding = followed(chat(), chat(["Hello"], system="You are Bob."))
    assert finding.verdict == "new" and finding.to_metadata()["previous"] is None


def test_clients_do_not_share_conversations() -> None:
    assert followed(chat(), chat(), client="stranger").to_metadata()["previous"] is None


def test_a_chat_is_compared_with_its_branch() -> None:
    coach = Coach()
    look(coach, chat(TURNS[:7]), 1)
    look(coach, chat([*TURNS[:7], "One answer.", "One question."]), 2)
    look(coach, chat([*TURNS[:7], "Another answer.", "Another question."]), 3)
    back = look(coach, chat([*TURNS[:7], "One answer.", "One question.", "Yes.", "So?"]), 4)
    assert (compared_at(back), back.request, back.reasons[0].code) == (2, 4, "gone")


def test_of_equal_ones_the_last_counts_since_it_kept_the_cache_alive() -> None:
    coach = Coach()
    for at in (0, 200, 400):
        found = look(coach, chat(), at, read=3000, written=0)
    assert compared_at(found) == 200 and found.verdict == "used"


def test_a_cache_that_is_alive_goes_before_one_that_is_not() -> None:
    coach = Coach()
    look(coach, chat(), 0)
    look(coach, chat([*TURNS[:7], "Another answer."]), 500)
    assert compared_at(look(coach, chat([*TURNS, "So.", "Go on."]), 600)) == 500
    other_model = look(coach, chat([*TURNS, "So.", "Go on."]), 610, model="claude-haiku-4-5")
    assert other_model.reasons[0].code == "model_changed"
    assert compared_at(look(coach, chat([*TURNS, "So.", "Go on.", "A", "B"]), 620)) == 600


def test_the_conversation_with_most_in_common_counts() -> None:
    coach = Coach()
    look(coach, chat(), 1)
    assert look(coach, chat(["Hello"], system="Bob."), 2).conversation == 2
    assert look(coach, chat([*TURNS, "So.", "Hello"]), 3).conversation == 1


def test_a_branch_outlives_a_chat_that_goes_on() -> None:
    """A request that goes on from another one stands for both; of branches, four are kept."""
    coach = Coach()
    branches = [chat([*TURNS[:3], f"Answer {number}", "So?"]) for number in range(6)]
    for number in (0, 1):
        look(coach, branches[number], number)
    for length in range(5, 60, 2):
        look(coach, chat([*TURNS[:4], *map(str, range(length))]), 2)
    assert compared_at(look(coach, branches[0], 3)) == 0
    for number in (2, 3, 4, 5):
        look(coach, branches[number], 4)
    again = look(coach, branches[1], 5)
    assert again.conversation == 1 and compared_at(again) == 4


def test_a_request_that_cached_nothing_does_not_stand_for_one_that_did() -> None:
    coach = Coach()
    look(coach, chat(TURNS[:5]), 1)
    look(coach, chat(TURNS[:7], ttl=None), 2, written=0, fresh=4000)
    found = look(coach, chat(TURNS), 3)
    assert (compared_at(found), found.match and found.match.expected) == (1, 3000)


def test_answers_may_end_in_another_order_than_they_began() -> None:
    coach = Coach()
    look(coach, chat(TURNS[:7]), 10)
    assert compared_at(look(coach, chat(TURNS[:5]), 5)) is None


def test_what_failed_is_not_remembered() -> None:
    coach = Coach()
    assert look(coach, chat(), 0, written=0).verdict == "unknown"
    assert look(coach, chat(), 1).conversation == 2 and compared_at(look(coach, chat(), 2)) == 1


def test_a_body_without_a_prompt_is_told() -> None:
    found = look(Coach(), {"messages": []})
    assert (found.verdict, found.reasons[0].code) == ("unread", "unreadable")
    assert "could not be compared" in finding_text(found.to_metadata())


def test_a_prompt_of_too_many_blocks_is_told_in_no_time_and_not_remembered() -> None:
    coach = Coach()
    request = sent({"messages": [{"role": "user", "content": [text("a rainy day")] * 200_000}]}, written=3000)
    began = time.thread_time()
    finding = coach.look(request)
    assert time.thread_time() - began < 1
    assert (finding.verdict, [reason.code for reason in finding.reasons]) == ("unread", ["too_many_blocks"])
    assert finding.conversation == 0 and look(coach, chat()).conversation == 1
    assert "The prompt has too many blocks to be compared." in finding_text(finding.to_metadata())


def test_the_metadata_can_be_saved_and_tells_all() -> None:
    finding = followed(chat(system=SYSTEM + "It is Friday\x1b[31m."), chat(system=SYSTEM + "It is Monday\x1b[31m."))
    metadata = finding.to_metadata()
    assert tnetstring.loads(tnetstring.dumps(metadata)) == metadata
    assert metadata["verdict"] == "missed" and metadata["usage"] == {"read": 0, "written": 3000, "uncached": 0}
    assert metadata["difference"] == {
        "where": "system prompt",
        "character": len(SYSTEM) + 7,
        "before": [SYSTEM[-24:] + "It is ", "Fri", "day\x1b[31m."],
        "now": [SYSTEM[-24:] + "It is ", "Mon", "day\x1b[31m."],
    }
    same = metadata["same"]
    assert same["characters"] == len(SYSTEM) + 6 and same["blocks"] == 0 and same["of_blocks"] == 10
    assert same["of_tokens"] == 3000 and 0 < same["tokens"] < 3000
    assert metadata["reasons"][0]["code"] == "system_date"
    assert metadata["missed"] == metadata["expected"] > 2900 and metadata["cost"] > 0


def test_labels_with_half_letters_can_be_saved() -> None:
    finding = look(Coach(), chat(), credential="\udc80", place="\ud83d")
    assert tnetstring.loads(tnetstring.dumps(finding.to_metadata()))


def test_excerpts_are_bounded() -> None:
    finding = followed(chat(system="a" * 9000), chat(system="b" * 9000))
    assert len(json.dumps(finding.to_metadata()["difference"])) < 300


def test_only_so_many_conversations_are_remembered() -> None:
    coach = Coach(conversations=2)
    chats = [chat([f"Chat {number}"]) for number in range(3)]
    for body in chats:
        look(coach, body)
    assert [look(coach, body, 1).request for body in (chats[2], chats[1], chats[0])] == [2, 2, 1]


def test_the_last_used_conversation_is_remembered() -> None:
    coach = Coach(conversations=2)
    for name in ("a", "b", "a", "c"):
        look(coach, chat([name]))
    assert look(coach, chat(["a"])).request == 3 and look(coach, chat(["b"])).request == 1


def test_only_so_much_is_remembered() -> None:
    """The texts of the same chat count once, however many requests it has."""
    coach = Coach(memory=MB)
    for number in range(8):
        look(coach, chat([f"Chat {number}", "x" * 300_000], system=str(number)))
    kept = [look(coach, chat([f"Chat {number}", "x" * 300_000], system=str(number)), 1).request for number in (7, 6, 0)]
    assert kept == [2, 2, 1]
    long = ["y" * 200_000, "a", "b"]
    for number in range(20):
        found = look(coach, chat([*long, f"Answer {number}", "So?"], system="Long."), 2)
    assert found.request == 20
    assert look(coach, chat(["Chat 0", "x" * 300_000], system="0"), 3).request > 1


def test_of_a_conversation_that_is_too_large_alone_the_newest_request_is_kept() -> None:
    def branch(number: int) -> dict[str, Any]:
        return chat([*TURNS[:3], "x" * 300_000, f"{number}" + "y" * 300_000])

    for memory, before in ((4 * MB, 1), (MB, 3)):
        coach = Coach(memory=memory)
        for number in (1, 2, 3):
            look(coach, branch(number), number)
        again = look(coach, branch(1), 4)
        assert (again.request, compared_at(again)) == (4, before)


def test_memory_is_bounded() -> None:
    coach = Coach(memory=2 * MB)
    texts = [f"{number} " + "z" * 100_000 * (number % 5) for number in range(10)]
    gc.collect()
    tracemalloc.start()
    try:
        for round_ in range(10):
            for number, words in enumerate(texts):
                body = openai_chat([words.replace("z", f"z{round_}", 1)])
                look(coach, body, round_, client=f"c{number % 3}", fresh=3000, caching="automatic")
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 4 * MB
    finally:
        tracemalloc.stop()


def test_the_time_is_linear() -> None:
    def seconds(messages: int) -> float:
        turns: list[Turn] = [f"{number} " + "It rains. " * 200 for number in range(messages)]
        coach, body, changed = Coach(), chat(turns), chat(["x", *turns[1:]])
        times = []
        for number in range(4):
            request = sent((body, changed)[number % 2], number, written=3000)
            began = time.thread_time()
            coach.look(request).to_metadata()
            times.append(time.thread_time() - began)
        return min(times[1:])

    assert seconds(2000) < 5 * 2.3 * seconds(400) and seconds(400) < 0.5


def test_every_golden_request_is_looked_at() -> None:
    coach = Coach()
    verdicts = set()
    for number, file in enumerate(sorted(CASES.glob("*/2_*/cloud.json"))):
        finding = coach.look(sent(json.loads(file.read_bytes()), number, read=number % 3 * 100, fresh=2000))
        text = finding_text(finding.to_metadata())
        assert finding.reasons and text and tnetstring.dumps(finding.to_metadata())
        verdicts.add(finding.verdict)
    assert {"missed", "used", "off", "none"} <= verdicts


def test_damaged_bodies_raise_nothing() -> None:
    coach = Coach()
    whole = chat(TURNS[:3], system="Hi", tools=[{"name": "a"}])
    for number, hurt in enumerate(damaged(whole, 300)):
        assert coach.look(sent(hurt, number, read=500, written=500)).reasons


WORDS = st.sampled_from(["a", "b", "It is 10:59.", "It is 11:03.", "c" * 70, "", "\n", "雨"])
BODIES = st.builds(
    chat,
    st.lists(WORDS | st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=6),
    system=WORDS | st.lists(WORDS, min_size=1, max_size=3),
    tools=st.lists(st.builds(dict, name=st.sampled_from("ab"), description=WORDS), max_size=3),
    ttl=st.sampled_from([None, "5m", "1h"]),
    tool_choice=st.none() | st.just({"type": "any"}),
)
USAGES = st.builds(Usage, *[st.sampled_from([0, 10, 2000])] * 4)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(BODIES, USAGES, st.sampled_from(["points", "automatic", "none"])), min_size=2, max_size=4),
    st.floats(0, 5000),
)
def test_whatever_chats_follow_each_other_there_is_a_reason(chats: list[tuple[Any, Usage, Any]], pause: float) -> None:
    coach = Coach()
    for number, (body, usage, caching) in enumerate(chats):
        finding = coach.look(sent(body, number * pause, usage=usage, caching=caching))
        metadata = finding.to_metadata()
        assert finding.reasons and len({reason.code for reason in finding.reasons}) == len(finding.reasons)
        assert all(len(line) <= 78 for line in finding_text(metadata).splitlines())
        if finding.match and (missed := finding.match.missed) is not None:
            assert 0 <= missed <= max(finding.match.expected, 0) <= max(usage.prompt, 4000)
        if metadata["same"]:
            assert metadata["same"]["characters"] <= metadata["same"]["of_characters"]
