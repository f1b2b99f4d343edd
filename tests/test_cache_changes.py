"""inspector/cache_changes.py: each rule for what was changed in a prompt, and that a longer chat is no change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from oai_bridge.inspector.cache_changes import Reason, changes
from tests.support.cache_chats import SYSTEM, TURNS, Turn, chat, openai_chat, prompt_of, text

LORE = "[The castle: an old ruin in the north of the forest, where the witch lived who cursed the king.]"
NOTE = "[Author's note: write in the past tense.]"


def changed(before: dict[str, Any], now: dict[str, Any]) -> list[Reason]:
    return changes(prompt_of(before), prompt_of(now))


def codes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    return [reason.code for reason in changed(before, now)]


def with_turn(number: int, turn: Turn) -> list[Turn]:
    return [*TURNS[:number], turn, *TURNS[number + 1 :]]


def test_a_chat_that_goes_on_is_not_changed() -> None:
    assert changed(chat(TURNS[:5]), chat()) == changed(chat(), chat()) == []


def tool(name: str, description: str = "Looks.") -> dict[str, Any]:
    return {"name": name, "description": description, "input_schema": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ([tool("b"), tool("a")], ["tools_reordered"]),
        ([tool("a")], ["tools_removed"]),
        ([tool("a"), tool("b"), tool("c")], ["tools_added"]),
        ([tool("a"), tool("b", "Finds.")], ["tools_changed"]),
        ([tool("a"), dict(reversed(tool("b").items()))], ["keys_reordered"]),
        ([tool("c"), tool("a", "Finds.")], ["tools_added", "tools_removed", "tools_changed"]),
        ([tool("a"), tool("b") | {"cache_control": {"type": "ephemeral"}}], []),
    ],
)
def test_tools(now: Sequence[dict[str, Any]], expected: list[str]) -> None:
    assert codes(chat(tools=[tool("a"), tool("b")]), chat(tools=now)) == expected


def test_tools_are_named_and_not_too_many() -> None:
    (reason,) = changed(chat(), chat(tools=[tool(f"t{number}") for number in range(9)]))
    assert reason.text == "There are new tools: `t0`, `t1`, `t2` and 6 more."


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        (f"{SYSTEM}It is Friday.", f"{SYSTEM}It is Saturday.", "system_date"),
        (f"今天是2026年11月28日 星期六。{SYSTEM}", f"今天是2026年11月29日 星期日。{SYSTEM}", "system_date"),
        (f"You roll 3. {SYSTEM}", f"You roll 5. {SYSTEM}", "system_few"),
        (SYSTEM, SYSTEM.rstrip(), "system_few"),
        (f"a{SYSTEM}", f"a{LORE}{SYSTEM}", "system_inserted"),
        (f"a{LORE}{SYSTEM}", f"a{SYSTEM}", "system_removed"),
        (SYSTEM, "You are Bob, who sells horses. " * 50, "system_changed"),
        ([SYSTEM, "End."], [SYSTEM, LORE, "End."], "system_inserted"),
        ([SYSTEM], [SYSTEM, LORE], "system_inserted"),
        ([SYSTEM, LORE, "End."], [SYSTEM, "End."], "system_removed"),
        ([SYSTEM, LORE], [SYSTEM], "system_removed"),
        ([SYSTEM, "It is 10:59."], [SYSTEM, "It is 11:03."], "system_date"),
    ],
)
def test_the_system_prompt(before: Turn, now: Turn, code: str) -> None:
    assert codes(chat(system=before), chat(system=now)) == [code]


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        (TURNS, with_turn(4, [TURNS[4], LORE]), "block_inserted"),
        (with_turn(4, [TURNS[4], LORE]), TURNS, "block_removed"),
        (
            [*TURNS[:6], [TURNS[6], NOTE], *TURNS[7:]],
            [*TURNS[:8], [TURNS[8], NOTE], "So.", "Go on."],
            "moved_with_depth",
        ),
        (TURNS, [*TURNS[2:], "So.", "Go on."], "front_trimmed"),
        (TURNS, [*TURNS[:2], *TURNS[4:], "So.", "Go on."], "front_trimmed"),
        (TURNS, [*TURNS[:6], *TURNS[8:]], "messages_removed"),
        (TURNS, [*TURNS[:4], "No.", "Yes.", *TURNS[4:]], "messages_inserted"),
        (TURNS, with_turn(3, "Another answer."), "message_edited"),
        (with_turn(2, "It is 10:59 now."), with_turn(2, "It is 11:03 now."), "message_date"),
        (with_turn(2, "a"), with_turn(2, ["b", "c"]), "messages_changed"),
        (TURNS, [*TURNS[:4], "a", "b", "c", "d"], "messages_changed"),
    ],
)
def test_messages_amid_the_chat(before: Sequence[Turn], now: Sequence[Turn], code: str) -> None:
    (reason,) = changed(chat(before), chat(now))
    assert reason.code == code and not reason.normal and reason.remedy


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        (TURNS, [*TURNS[:7], "Another answer.", "And?"], "answer_replaced"),
        (TURNS, [*TURNS[:8], "Another question."], "last_message_changed"),
        (TURNS, TURNS[:5], "taken_back"),
        (["Hi"], [["Hi\n\n", LORE]], "joined"),
        ([*TURNS[:8], [NOTE, TURNS[8]]], [*TURNS, "So.", [NOTE, "Go on."]], "moved_with_depth"),
        ([*TURNS[:8], [TURNS[8], NOTE]], [*TURNS, "So.", ["Go on.", NOTE]], "moved_with_depth"),
        ([*TURNS[:8], [TURNS[8], LORE, NOTE]], [*TURNS, "So.", ["Go on.", LORE, NOTE]], "moved_with_depth"),
    ],
)
def test_what_every_chat_does_is_normal(before: Sequence[Turn], now: Sequence[Turn], code: str) -> None:
    assert [(reason.code, reason.normal) for reason in changed(chat(before), chat(now))] == [(code, True)]


def with_notes(length: int, *notes: str, depth: int = 0, role: str = "system") -> dict[str, Any]:
    """A chat of so many turns in OpenAI's protocol with notes so many messages from its end."""
    body = openai_chat(TURNS[:length])
    place = len(body["messages"]) - depth
    body["messages"][place:place] = [{"role": role, "content": note} for note in notes]
    return body


@pytest.mark.parametrize("role", ["system", "user"])
@pytest.mark.parametrize("notes", [[NOTE], [LORE, NOTE]])
@pytest.mark.parametrize("depth", [0, 1])
def test_notes_at_the_end_of_each_prompt_are_normal(depth: int, notes: list[str], role: str) -> None:
    (reason,) = changed(with_notes(7, *notes, depth=depth, role=role), with_notes(9, *notes, depth=depth, role=role))
    assert (reason.code, reason.normal, reason.remedy) == ("moved_with_depth", True, "")
    place = "message 9" if depth == 0 else "message 8"
    assert reason.text.startswith(f"What was {place} ({role}), such as") and "never in the cache" in reason.text


def test_a_beginning_of_the_answer_may_stand_after_the_note() -> None:
    before, now = with_notes(7, NOTE), with_notes(9, NOTE)
    for body in (before, now):
        body["messages"].append({"role": "assistant", "content": "Sure:"})
    (reason,) = changed(before, now)
    assert (reason.code, reason.normal) == ("moved_with_depth", True)


def test_a_message_put_before_the_users_last_one_is_no_note_that_moved() -> None:
    before = openai_chat(TURNS)
    now = openai_chat([*TURNS[:8], "No.", "Yes.", TURNS[8]])
    assert codes(before, now) == ["messages_inserted"]


def test_a_note_deeper_in_the_chat_costs() -> None:
    (reason,) = changed(with_notes(7, NOTE, depth=2), with_notes(9, NOTE, depth=2))
    assert (reason.code, reason.normal) == ("moved_with_depth", False) and "fixed depth" in reason.text


@pytest.mark.parametrize(("depth", "normal"), [(1, True), (2, False)])
def test_a_note_moves_on_where_the_messages_after_it_were_edited_too(depth: int, normal: bool) -> None:
    now = with_notes(9, NOTE, depth=depth)
    for message in now["messages"][8 - depth : 8]:
        message["content"] = f"Another {message['content']}"
    (reason,) = changed(with_notes(7, NOTE, depth=depth), now)
    assert (reason.code, reason.normal) == ("moved_with_depth", normal)


def test_a_note_that_stays_while_messages_are_put_before_it() -> None:
    before = with_notes(9, NOTE, depth=4)
    now = with_notes(9, NOTE, depth=4)
    now["messages"][6:6] = [{"role": "assistant", "content": "No."}, {"role": "user", "content": "Yes."}]
    assert codes(before, now) == ["messages_inserted"]


@pytest.mark.parametrize(
    ("before", "now", "code", "place"),
    [
        (chat([*TURNS[:6], [TURNS[6], LORE]]), chat(), "block_removed", "message 7 (user), block 2"),
        (chat([*TURNS[:6], [TURNS[6], NOTE]]), chat([*TURNS[:8], [TURNS[8], NOTE + " Now."]]), "block_changed", None),
        (with_notes(7, LORE), with_notes(9), "block_removed", "message 9 (system)"),
        (with_notes(7, f"{NOTE} Roll: 3"), with_notes(9, f"{NOTE} Roll: 17"), "block_changed", "message 9 (system)"),
        (with_notes(7, f"{NOTE} It is 10:59."), with_notes(9, f"{NOTE} It is 11:03."), "message_date", None),
        (chat(TURNS[:7]), chat([*TURNS[:6], "Never mind.", *TURNS[7:]]), "block_changed", "message 7 (user)"),
    ],
)
def test_a_block_of_the_last_message_is_another_one_while_the_chat_goes_on(
    before: dict[str, Any], now: dict[str, Any], code: str, place: str | None
) -> None:
    (reason,) = changed(before, now)
    assert reason.code == code and not reason.normal and reason.remedy
    assert place is None or f"What was {place} has" in reason.text


@pytest.mark.parametrize("now", ["It is Monday. ", "You roll 5. ", LORE, "x" * 9000])
def test_no_article_stands_before_a_message(now: str) -> None:
    """In OpenAI's protocol the system prompt is a message."""
    (reason,) = changed(openai_chat(system=f"It is Friday. {SYSTEM}"), openai_chat(system=f"{now}{SYSTEM}"))
    assert "essage 1 (system)" in reason.text and "he message" not in reason.text
    (reason,) = changed(chat(system=f"It is Friday. {SYSTEM}"), chat(system=f"{now}{SYSTEM}"))
    assert "he system prompt" in reason.text


def test_another_system_prompt_may_be_another_character_of_a_group_chat() -> None:
    (reason,) = changed(chat(), chat(system="You are Bob, who sells horses. " * 50))
    assert "another character of a group chat (join the character cards)" in reason.remedy


def test_white_space_is_told_beside_a_change_after_it() -> None:
    found = changed(chat(with_turn(2, "Hi")), chat([*TURNS[:2], "Hi\n\n", *TURNS[3:5], "No.", *TURNS[6:]]))
    assert [reason.code for reason in found] == ["joined", "message_edited"]


def test_an_inserted_block_tells_its_depth() -> None:
    (reason,) = changed(chat(), chat(with_turn(4, [TURNS[4], LORE])))
    assert "message 5 (user), block 2, 4 messages from the end" in reason.text


def test_another_picture_amid_the_chat() -> None:
    def with_picture(data: str) -> dict[str, Any]:
        body = chat()
        body["messages"][2]["content"] = [{"type": "image", "source": {"type": "base64", "data": data}}, text("See?")]
        return body

    assert codes(with_picture("AAAA"), with_picture("BBBB")) == ["image_changed"]


def test_the_order_of_a_calls_fields() -> None:
    def with_call(call: dict[str, Any]) -> dict[str, Any]:
        body = chat()
        body["messages"][3]["content"] = [{"type": "tool_use", "id": "a", "name": "look", "input": call}]
        return body

    assert codes(with_call({"x": 1, "y": 2}), with_call({"y": 2, "x": 1})) == ["keys_reordered"]
    assert codes(with_call({"x": 1, "y": 2}), with_call({"x": 1, "y": 3})) == ["message_edited"]


def test_all_parts_are_told_in_the_caches_order() -> None:
    before = chat(system="It is Friday.", tools=[tool("a")])
    now = chat(with_turn(3, "Another."), system="It is Monday.", tools=[tool("b")])
    assert codes(before, now) == ["tools_added", "tools_removed", "system_date", "message_edited"]


def test_thinking_that_comes_and_goes_is_no_message_that_does() -> None:
    """The proxy puts remembered thinking back only while all before it is the same."""
    said = [{"type": "text", "text": "Let me look."}, {"type": "tool_use", "id": "t", "name": "look", "input": {}}]
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}

    def asked(content: list[dict[str, Any]]) -> dict[str, Any]:
        result = {"type": "tool_result", "tool_use_id": "t", "content": "Leeks."}
        return {
            "messages": [
                {"role": "user", "content": "What shall we cook?"},
                {"role": "assistant", "content": content},
                {"role": "user", "content": [result]},
            ]
        }

    without, with_it = asked(said), asked([thought, *said])
    (gone,) = changed(with_it, without)
    (back,) = changed(without, with_it)
    assert (gone.code, back.code) == ("thinking_changed", "thinking_changed")
    assert "not sent any more" in gone.text and "sent again" in back.text and gone.normal and not gone.remedy
