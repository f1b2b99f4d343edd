"""Conversations as Claude's turns: what the API demands of all, system messages, thoughts, emptiness, the ends."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count, product
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.claude_blocks import Block
from oai_bridge.dialects.claude_turns import Turn, split_system, system_blocks
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Document, Message, RedactedThought, SignedThinking, Text, ToolCall
from oai_bridge.settings.values import Claude
from tests.support.chats import (
    CLAUDE,
    NO_RESULT,
    PDF,
    PDF_SOURCE,
    PNG,
    THINKING,
    THOUGHT,
    answer,
    assistant,
    calls,
    faults,
    numbered,
    result,
    short,
    system,
    text,
    told,
    translated,
    use,
    user,
)

# -- what the API demands of all ---------------------------------------------------------------------------------------


BLANK = ["", " ", "\n\t", "\u2003"]
TTL = [None, None, None, "5m", "1h"]
SAID = [Text(f"{before}w{{}};{after}", ttl) for before, after, ttl in product(BLANK, BLANK, TTL)]
FILES = [PNG, PDF, Document("text/plain", "w")]
PARTS = st.sampled_from([*SAID, *[Text(text, ttl) for text, ttl in product(BLANK, TTL)] * 2, *FILES * 40])
IDS = st.sampled_from([None, "a", "a", "b", "c", "a_2", "call_1_0", "not valid!", "x" * 65])
ARGUMENTS = ['"w{};"', '["w{};"', '["w{};"]', '{"x": "w{};"}']
CALLS = st.sampled_from([*product(["f", "g", "tool with spaces"], ARGUMENTS)])
THOUGHTS = [THOUGHT, RedactedThought("r")]
ROLES = st.sampled_from(["system", "user", "assistant", "assistant", "tool", "tool"])
MARKS = st.sampled_from([*product([None, None, "Mark", " ", "f"], [False, True], TTL)])


def conversation(drawn: list[tuple[Any, ...]]) -> tuple[Message, ...]:
    """Puts the messages together; each word gets a number of its own."""
    numbers = count()

    def own(words: str) -> str:
        return words.replace("{}", str(next(numbers)), 1)

    found = []
    for role, id, (name, failed, ttl), parts, drawn_calls, thoughts in drawn:
        told = tuple(replace(part, text=own(part.text)) if isinstance(part, Text) else part for part in parts)
        message = Message(role, told, name, 0, call_id=id, failed=failed, legacy=id is None and failed, cache=ttl)
        if role == "assistant":
            made = tuple(ToolCall(name, own(arguments), id) for (name, arguments), id in drawn_calls)
            message = replace(message, calls=made, thoughts=thoughts)
        found.append(message)
    return numbered(found)


CHAOS = st.lists(
    st.tuples(
        ROLES,
        IDS,
        MARKS,
        st.lists(PARTS, max_size=3),
        st.lists(st.tuples(CALLS, IDS), max_size=3),
        st.sampled_from([*((),) * 3, *product(THOUGHTS), *product(THOUGHTS), *product(THOUGHTS, THOUGHTS)]),
    ),
    min_size=1,
    max_size=10,
).map(conversation)
"""Messages of all roles in any order, ids of few kinds, and a word of its own (`w0;` …) in each text that is not blank,
in the arguments of each call. Few draws for each, since a draw takes longer than what is tested."""


@settings(max_examples=1000, deadline=None)
@given(CHAOS, st.booleans(), st.booleans(), st.booleans())
def test_the_api_takes_every_conversation(
    messages: tuple[Message, ...], inline: bool, prefill: bool, names: bool
) -> None:
    turns = translated(messages, inline=inline, prefill=prefill, claude=Claude(names=names))
    assert faults(turns, inline=inline, prefill=prefill) == []


def words(value: Any) -> list[str]:
    return re.findall(r"w\d+;", json.dumps(value, ensure_ascii=False))


@settings(max_examples=500, deadline=None)
@given(CHAOS, st.booleans())
def test_no_word_is_lost(messages: tuple[Message, ...], inline: bool) -> None:
    """But for a second call with the same id in one turn, which is told."""
    said = [part.text for one in messages for part in one.parts if isinstance(part, Text)]
    said += [call.arguments for one in messages for call in one.calls]
    notes = Notes()
    kept = words([turn.blocks for turn in translated(messages, inline=inline, notes=notes)])
    if "dropped:tool_call" in [note.code for note in notes]:
        assert len(kept) == len(set(kept)) and set(kept) <= set(words(said))
    else:
        assert sorted(kept) == sorted(words(said))


def test_the_check_itself_can_fail() -> None:
    bad = [
        Turn("assistant", [use("a!"), use("a!"), text(" ")]),
        Turn("assistant", [{"type": "thinking", "thinking": "", "signature": "", "cache_control": {}}]),
        Turn("system", []),
        Turn("user", [answer("b"), PDF_SOURCE | {"type": "redacted_thinking"}]),
        Turn("assistant", [text("x ")]),
    ]
    found = faults(bad, inline=True, prefill=False)
    for word in ("first", "last", "one role", "system turn", "empty", "'a!'", "twice", "blank", "have results"):
        assert any(word in fault for fault in found), word
    for word in ("thinking from the user", "turn's end", "mark on thinking", "white space"):
        assert any(word in fault for fault in found), word


# -- system messages ---------------------------------------------------------------------------------------------------


def test_the_system_messages_at_the_front_are_a_block_each_and_keep_their_marks() -> None:
    """Claude reads blocks without anything between them: a blank line parts what several messages say."""
    chat = [system("A", "B"), system(" "), system("C", cache="1h"), user("Hi"), system("late")]
    front, rest = split_system(chat, hoist=False, notes=Notes())
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert system_blocks(front, CLAUDE, Notes()) == [text("A"), text("B"), text("\n\nC") | mark]
    assert rest == chat[3:]


def test_hoisting_leaves_what_asks_for_another_answer() -> None:
    chat = [system("A"), user("Hi"), system("B"), assistant("Yo"), system("C")]
    assert split_system(chat, hoist=True, notes=Notes()) == ([chat[0], chat[2]], [chat[1], chat[3], chat[4]])
    chat.append(user("Bye"))
    assert split_system(chat, hoist=True, notes=Notes()) == ([chat[0], chat[2], chat[4]], [chat[1], chat[3], chat[5]])


def test_of_system_messages_only_the_last_is_the_users() -> None:
    notes = Notes()
    front, rest = split_system([system("A"), system("B")], hoist=False, notes=notes)
    assert [one.role for one in (*front, *rest)] == ["system", "user"]
    assert [note.code for note in notes] == ["rewrote:system"]


def test_of_system_messages_only_the_last_that_says_something_is_the_users() -> None:
    front, rest = split_system([system("A"), system("B"), system(" "), system("")], hoist=False, notes=Notes())
    assert (front, rest) == ([system("A")], [replace(system("B"), role="user")])
    for blank in ([system("")], [system(""), system(" ")]):
        front, rest = split_system(blank, hoist=False, notes=Notes())
        assert (front, rest) == ([], [replace(blank[0], role="user")])


def test_a_picture_in_a_system_message_is_told() -> None:
    notes = Notes()
    assert system_blocks([system("A", PNG)], CLAUDE, notes) == [text("A")]
    assert [note.code for note in notes] == ["dropped:system_image"]


@pytest.mark.parametrize(
    ("chat", "turns"),
    [
        pytest.param([user("A"), system("S")], [("user", ["A"]), ("system", ["S"])], id="last"),
        pytest.param(
            [user("A"), system("S"), system("T"), assistant("B"), user("C")],
            [("user", ["A"]), ("system", ["S", "\n\nT"]), ("assistant", ["B"]), ("user", ["C"])],
            id="before an assistant's",
        ),
        pytest.param([user("A"), system("S", "T"), user("B")], [("user", ["A", "\n\n<system>ST</system>", "\n\nB"])]),
        pytest.param(
            [user("A"), assistant("B"), system("S")],
            [("user", ["A"]), ("assistant", ["B"]), ("user", ["<system>S</system>"])],
            id="after an assistant's",
        ),
        pytest.param(
            [user("A"), calls("a"), system("S"), result("a", "R"), assistant("B"), user("C")],
            [
                ("user", ["A"]),
                ("assistant", [use("a")]),
                ("user", [answer("a", "R")]),
                ("system", ["S"]),
                ("assistant", ["B"]),
                ("user", ["C"]),
            ],
            id="between a call and its result",
        ),
        pytest.param(
            [user("A"), calls("a"), system("S")],
            [("user", ["A"]), ("assistant", [use("a")]), ("user", [answer("a", **NO_RESULT)]), ("system", ["S"])],
            id="after a call without a result",
        ),
    ],
)
def test_system_messages_amid_the_chat_stay_in_their_place(chat: list[Message], turns: Any) -> None:
    """litellm#36559, litellm#41043, bifrost#4592: hoisted to the front they break the prompt cache each time."""
    assert short(translated(chat)) == turns


def test_a_model_without_system_turns_gets_them_in_the_users_words() -> None:
    chat = [user("A"), calls("a"), system("S", cache="5m"), result("a", "R")]
    mark = {"cache_control": {"type": "ephemeral"}}
    assert translated(chat, inline=False)[-1].blocks == [answer("a", "R"), text("<system>S</system>") | mark]
    assert told(chat, inline=False) == ["moved:tool_result", "rewrote:system"]


# -- thoughts ----------------------------------------------------------------------------------------------------------


def test_thoughts_go_first_in_order_and_to_the_letter() -> None:
    """litellm#15601, opencode#3077, CLIProxyAPI#1078: lost or changed thinking before calls is refused."""
    thoughts = (THOUGHT, RedactedThought("r"), SignedThinking("", "sig2"))
    call = calls("a", text="B", thoughts=thoughts)
    assert translated([user("A"), call])[1].blocks == [
        THINKING,
        {"type": "redacted_thinking", "data": "r"},
        {"type": "thinking", "thinking": "", "signature": "sig2"},
        text("B"),
        use("a"),
    ]
    joined = translated([user("A"), assistant("B"), call])[1].blocks
    assert [block["type"] for block in joined] == [
        "text",
        "thinking",
        "redacted_thinking",
        "thinking",
        *("text", "tool_use"),
    ]


def test_thoughts_beside_the_text_lead_the_calls_of_the_next_message() -> None:
    chat = [user("A"), assistant("B", thoughts=(THOUGHT,)), calls("a")]
    assert translated(chat)[1].blocks == [THINKING, text("B"), use("a")]
    assert "dropped:thinking_blocks" not in told(chat)


@pytest.mark.parametrize("parts", [["B"], []])
def test_thoughts_of_a_turn_without_calls_are_dropped(parts: list[str]) -> None:
    chat = [user("A"), assistant(*parts, thoughts=(THOUGHT,)), user("C")]
    assert all(block["type"] == "text" for turn in translated(chat) for block in turn.blocks)
    assert "dropped:thinking_blocks" in told(chat)


def test_a_remembered_turn_is_taken_as_it_was() -> None:
    """litellm#15601: the client lost the thinking."""
    remembered = [THINKING, text("B\n"), use("toolu_1", x=1), use("toolu_2")]
    asked = []

    def recall(turns: Sequence[Turn], message: Message) -> list[Block] | None:
        asked.append((short(turns), message.index))
        return [dict(block) for block in remembered] if message.calls[0].id == "a" else None

    chat = [assistant("0"), user("A"), calls("a", "b", thoughts=(RedactedThought("r"),)), result("b", "2"), calls("c")]
    turns = translated(chat, recall=recall)
    assert turns[3].blocks == remembered
    assert short(turns)[4] == ("user", [answer("toolu_1", **NO_RESULT), answer("toolu_2", "2")])
    assert turns[5].blocks == [use("c")]
    assert asked == [(short(turns[:3]), 2), (short(turns[:5]), 4)], "all turns before, whole"


def test_a_remembered_turn_keeps_the_marks_of_the_message() -> None:
    call = assistant(Text("B", "1h"), calls=(ToolCall("f", "{}", "a"),))
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    turns = translated([user("A"), call], recall=lambda turns, message: [THINKING, text("B"), use("a")])
    assert turns[1].blocks == [THINKING, text("B"), use("a") | mark]
    turns = translated([user("A"), replace(call, cache="5m")], recall=lambda turns, message: [use("a"), THINKING])
    assert turns[1].blocks == [use("a"), THINKING], "thinking bears none"


def test_a_remembered_turn_is_not_used_when_its_ids_were() -> None:
    chat = [user("A"), calls("a"), result("a", "1"), calls("a"), result("a", "2")]
    turns = translated(chat, recall=lambda turns, message: [THINKING, use("a")])
    assert [turn.blocks for turn in turns[1::2]] == [[THINKING, use("a")], [use("a_2")]]


def test_a_turn_in_two_messages_is_remembered() -> None:
    """SillyTavern 1.19 sends the text of a turn and its calls as two messages."""
    asked: list[tuple[Any, Message]] = []

    def recall(turns: Sequence[Turn], message: Message) -> list[Block]:
        asked.append((short(turns), message))
        return [THINKING, text("B"), use("a")]

    chat = [user("A"), assistant(Text("B", "1h")), calls("a"), result("a", "1")]
    turns = translated(chat, recall=recall)
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert turns[1].blocks == [THINKING, text("B"), use("a") | mark]
    assert asked == [([("user", ["A"])], replace(calls("a"), index=2, parts=(Text("B", "1h"),)))]
    assert "merged" in told(chat, recall=recall)


def test_a_turn_in_two_messages_that_is_forgotten_is_one() -> None:
    turns = translated([user("A"), assistant("B", name="N", cache="1h"), calls("a"), calls("b")])
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert turns[1].blocks == [text("N: B"), use("a") | mark, use("b")]


def test_only_what_begins_a_turn_is_remembered() -> None:
    def recall(turns: Sequence[Turn], message: Message) -> list[Block]:
        return [THINKING, use("a")]

    turns = translated([user("A"), assistant("B"), assistant("C"), calls("a")], recall=recall)
    assert short(turns)[1] == ("assistant", ["B", "\n\nC", use("a")])
    turns = translated([user("A"), assistant("B"), calls("a", text="C")], recall=recall)
    assert short(turns)[1] == ("assistant", ["B", "\n\nC", use("a")])


# -- empty messages and the ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chat", "turns"),
    [
        pytest.param([user("")], [("user", ["."])], id="nothing at all"),
        pytest.param([user("A"), user(" "), user("B")], [("user", ["A", "\n\nB"])], id="between a user's"),
        pytest.param([user("A"), assistant(" "), user("B")], [("user", ["A", "\n\nB"])], id="an assistant's"),
        pytest.param(
            [user("A"), assistant("B"), user(""), assistant("C")],
            [("user", ["A"]), ("assistant", ["B"]), ("user", ["."]), ("assistant", ["C"])],
            id="between two of the assistant's",
        ),
        pytest.param(
            [user("A"), assistant("B"), user("")], [("user", ["A"]), ("assistant", ["B"]), ("user", ["."])], id="last"
        ),
        pytest.param(
            [user("A"), assistant("B"), user(""), system("S")],
            [("user", ["A"]), ("assistant", ["B"]), ("user", ["."]), ("system", ["S"])],
            id="before a system turn",
        ),
        pytest.param([user(""), assistant("A")], [("user", ["[Start a new chat]"]), ("assistant", ["A"])], id="first"),
    ],
)
def test_empty_messages_leave_no_words_of_ours(chat: list[Message], turns: Any) -> None:
    """LiteLLM's "[System: Empty message content sanitised …]" leaked into the chat and was echoed by the model."""
    assert short(translated(chat)) == turns


def test_a_chat_that_begins_with_the_assistant_gets_a_user() -> None:
    claude = Claude(first_user_text="Go.")
    assert short(translated([calls("a"), result("a", "R")], claude=claude))[0] == ("user", ["Go."])
    assert told([assistant("A"), user("B")]) == ["added:first_user"]


def test_a_prefill_is_kept_where_the_model_continues_it() -> None:
    assert short(translated([user("A"), assistant("B \n")]))[-1] == ("assistant", ["B"])
    assert told([user("A"), assistant("B \n")]) == []


def test_a_prefill_is_asked_to_be_continued_where_the_model_refuses_it() -> None:
    """livekit/agents#4907, LibreChat#13196: models from 4.6 on refuse a last turn of the assistant's."""
    turns = translated([user("A"), assistant("B ")], prefill=False, claude=Claude(continue_text="Go on."))
    assert short(turns)[1:] == [("assistant", ["B"]), ("user", ["Go on."])]
    assert told([user("A"), assistant("B ")], prefill=False) == ["added:continue"]


def test_a_prefill_after_calls_is_no_last_turn() -> None:
    turns = short(translated([user("A"), calls("a"), assistant("B ")], prefill=False))
    assert turns[1:] == [("assistant", [use("a"), "B "]), ("user", [answer("a", **NO_RESULT)])]


def test_what_was_given_is_left_as_it_was() -> None:
    remembered = [THINKING, use("a")]
    chat = numbered([user("A"), calls("a"), assistant("B "), result("a", Text("R", "5m")), user("C", cache="1h")])
    written = repr((chat, remembered))
    translated(chat, recall=lambda turns, message: [dict(block) for block in remembered])
    assert repr((chat, remembered)) == written


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "chat",
    [
        pytest.param([user("A"), assistant("B"), system("S"), user("C", name="N")], id="talk"),
        pytest.param([user("A"), calls("a", "b", None), result("a", "1"), result(None, "2")], id="the same ids"),
        pytest.param([result("a", "1"), user("A"), result(None, "2")], id="orphans"),
        pytest.param([user("A"), system("S"), user("")], id="one turn"),
        pytest.param([calls("a", None), assistant("B")], id="one turn of the assistant's"),
    ],
)
def test_time_is_linear(chat: list[Message]) -> None:
    """40,000 messages; a quadratic step would take many times as long, and minutes at 100,000, the API's limit."""
    messages = chat * (40_000 // len(chat))
    start = process_time()
    translated(messages)
    assert process_time() - start < 5


def test_time_is_linear_in_the_calls_of_one_turn() -> None:
    many = 20_000
    chat = [user("A"), calls(*map(str, range(many))), *(result(None, "R", name="f") for _ in range(many))]
    start = process_time()
    assert len(translated(chat)[2].blocks) == many
    assert process_time() - start < 5
