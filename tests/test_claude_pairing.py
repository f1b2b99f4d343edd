"""Calls of the history and their results: all of them in one turn, in order, under ids that the API takes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from oai_bridge.dialects.claude_pairing import CallIds
from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import Document, Message, Text, ToolCall
from tests.support.chats import (
    IMAGE_BLOCK,
    NO_RESULT,
    PDF,
    PDF_SOURCE,
    PNG,
    THOUGHT,
    answer,
    assistant,
    calls,
    faults,
    message,
    result,
    short,
    text,
    told,
    translated,
    use,
    user,
)


def exchange(*after: Message, call: Message | None = None) -> list[Any]:
    """The blocks of the user's turn after a call."""
    return short(translated([user("A"), call or calls("a", "b"), *after]))[2][1]


@pytest.mark.parametrize(
    ("after", "blocks"),
    [
        pytest.param([result("a", "1"), result("b", "2")], [answer("a", "1"), answer("b", "2")], id="as called"),
        pytest.param([result("b", "2"), result("a", "1")], [answer("a", "1"), answer("b", "2")], id="in another order"),
        pytest.param([result(None, "1"), result(None, "2")], [answer("a", "1"), answer("b", "2")], id="without ids"),
        pytest.param([result(None, "2"), result("a", "1")], [answer("a", "1"), answer("b", "2")], id="an id and none"),
        pytest.param(
            [result("a", "1"), user("B", PNG), result("b", "2")],
            [answer("a", "1"), answer("b", "2"), "B", IMAGE_BLOCK],
            id="the user cuts in",
        ),
        pytest.param(
            [result("a", "1"), result("a", "2", PNG), result("b")],
            [answer("a", [text("1"), text("\n\n2"), IMAGE_BLOCK]), answer("b")],
            id="two for one",
        ),
        pytest.param(
            [result("a", "1", failed=True), result("b", " ", failed=True)],
            [answer("a", "1", is_error=True), answer("b", is_error=True)],
            id="failed",
        ),
        pytest.param(
            [result("a", "1", failed=True), result("a", "2"), result("b", "3")],
            [answer("a", [text("1"), text("\n\n2")], is_error=True), answer("b", "3")],
            id="one of two failed",
        ),
        pytest.param(
            [result("a", Text("1", "1h")), result("a", "2"), result("b", Text("3", "1h"), Text("4", "5m"))],
            [
                answer("a", [text("1"), text("\n\n2")], cache_control={"type": "ephemeral", "ttl": "1h"}),
                answer("b", [text("3"), text("4")], cache_control={"type": "ephemeral"}),
            ],
            id="marked",
        ),
        pytest.param(
            [result("a", PDF, Document("text/plain", "T")), result("b", "2", "3")],
            [
                answer(
                    "a",
                    [
                        {"type": "document", "source": PDF_SOURCE, "title": "a.pdf"},
                        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "T"}},
                    ],
                ),
                answer("b", [text("2"), text("3")]),
            ],
            id="files and parts",
        ),
    ],
)
def test_all_results_stand_in_one_turn_after_their_calls(after: list[Message], blocks: list[Any]) -> None:
    """CLIProxyAPI#4656: one user message for each result is refused."""
    assert exchange(*after) == blocks
    assert translated([user("A"), calls("a", "b"), *after, assistant("B")])[3].blocks == [text("B")]


@pytest.mark.parametrize(
    ("after", "blocks"),
    [
        ([], [answer("a", **NO_RESULT), answer("b", **NO_RESULT)]),
        ([result("b", "2")], [answer("a", **NO_RESULT), answer("b", "2")]),
        ([user("B")], [answer("a", **NO_RESULT), answer("b", **NO_RESULT), "B"]),
        ([user(" ")], [answer("a", **NO_RESULT), answer("b", **NO_RESULT)]),
    ],
)
@pytest.mark.parametrize("prefill", [True, False])
def test_a_call_without_a_result_gets_one(after: list[Message], blocks: list[Any], prefill: bool) -> None:
    """claude-code#1237 and its like: a chat that was interrupted amid its tools could never be continued."""
    turns = short(translated([user("A"), calls("a", "b"), *after], prefill=prefill))
    assert turns[2:] == [("user", blocks)]
    assert told([user("A"), calls("a", "b"), *after]) == ["added:tool_result"]


@pytest.mark.parametrize(
    ("chat", "turn", "blocks"),
    [
        pytest.param([result("a", "R"), user("A")], 0, ["[tool result a]\nR", "\n\nA"], id="first of all"),
        pytest.param([user("A"), result("a", "R")], 0, ["A", "\n\n[tool result a]\nR"], id="before its call"),
        pytest.param(
            [user("A"), calls("a"), result("a", "R"), assistant("B"), result("a", PNG, failed=True)],
            4,
            ["[tool result a (failed)]", IMAGE_BLOCK],
            id="after another turn",
        ),
        pytest.param(
            [user("A"), calls("a"), result("x", "R", PNG, name="f"), result("a", "S")],
            2,
            [answer("a", "S"), "[tool result f x]\nR", IMAGE_BLOCK],
            id="of no known call",
        ),
        pytest.param(
            [user("A"), calls("a"), result(None, "R"), result(None, "S")],
            2,
            [answer("a", "R"), "[tool result]\nS"],
            id="one too many",
        ),
    ],
)
def test_a_result_without_its_call_is_the_users_text(chat: list[Message], turn: int, blocks: list[Any]) -> None:
    assert short(translated(chat))[turn] == ("user", blocks)
    assert "rewrote:tool_result" in told(chat)


def test_calls_in_several_messages_are_one_turn_with_one_turn_of_results() -> None:
    chat = [user("A"), assistant("B"), calls("a"), calls("b", text="C"), result("b", "2"), result("a", "1")]
    assert short(translated(chat))[1:] == [
        ("assistant", ["B", use("a"), "C", use("b")]),
        ("user", [answer("a", "1"), answer("b", "2")]),
    ]


def test_a_result_that_is_moved_is_told() -> None:
    assert told([user("A"), calls("a"), result("a", "R"), user("B")]) == []
    assert told([user("A"), calls("a"), user("B"), result("a", "R")]) == ["moved:tool_result"]


def ids(*messages: Message) -> list[str]:
    turns = translated([user("A"), *messages])
    assert faults(turns, inline=True, prefill=True) == []
    return [block["id"] for turn in turns for block in turn.blocks if block["type"] == "tool_use"]


def test_ids_that_are_valid_stay_and_others_are_made_valid() -> None:
    made = ids(calls("toolu_01-A", "call:1", "call.1", "x" * 64, "x" * 65, "é"), result("call:1", "R"))
    assert made[0] == "toolu_01-A"
    assert re.fullmatch("call_1_[0-9a-f]{16}", made[1])
    assert made[3] == "x" * 64
    assert len(set(made)) == 6
    turns = translated([user("A"), calls("call:1"), result("call:1", "R")])
    assert turns[2].blocks == [answer(turns[1].blocks[0]["id"], "R")]
    assert told([user("A"), calls("call:1"), result("call:1", "R")]) == ["rewrote:tool_call_id"]


@pytest.mark.parametrize("wanted", ["", "\ud800"])
def test_any_text_becomes_an_id(wanted: str) -> None:
    assert re.fullmatch("_?_[0-9a-f]{16}", CallIds().take(wanted))


def test_missing_ids_come_from_the_place() -> None:
    assert ids(calls(None, None), user("B"), calls(None)) == ["call_1_0", "call_1_1", "call_3_0"]
    assert ids(calls("call_2_0"), calls(None)) == ["call_2_0", "call_2_0_2"]


def test_an_id_of_an_earlier_turn_is_renamed_with_its_results() -> None:
    """Clients that count their calls from 0 in each turn; the API wants ids that are unique."""
    chat = [user("A"), calls("c"), result("c", "1"), calls("c"), result("c", "2"), calls("c_2", "c"), result("c", "3")]
    assert [(turn.role, turn.blocks) for turn in translated(chat)][3:] == [
        ("assistant", [use("c_2")]),
        ("user", [answer("c_2", "2")]),
        ("assistant", [use("c_2_2"), use("c_3")]),
        ("user", [answer("c_2_2", **NO_RESULT), answer("c_3", "3")]),
    ]
    assert told(chat[:5]) == ["rewrote:tool_call_id"]


def test_a_second_call_with_the_same_id_in_a_turn_is_dropped() -> None:
    chat = [user("A"), calls("a", arguments='{"x": 1}'), calls("a", "b", thoughts=(THOUGHT,)), calls("a")]
    assert translated(chat)[1].blocks[0] == use("a", x=1)
    assert ids(*chat[1:]) == ["a", "b"]
    assert ids(calls("a"), calls("a", thoughts=(THOUGHT,))) == ["a"], "and thoughts with it, which can't be the end"
    with pytest.raises(InvalidRequest) as refused:
        translated(chat, notes=Notes(strict=True))
    assert refused.value.param == "messages[2].tool_calls[0].id"


def test_legacy_functions_are_paired_by_name() -> None:
    """LiteLLM made up a random id on either side, and the pair was refused."""
    chat = [
        user("A"),
        calls(None, name="get weather", legacy=True),
        message("tool", "sunny", name="get weather", legacy=True),
        calls(None, name="f", legacy=True),
        message("tool", "other", name="g", legacy=True),
    ]
    turns = translated(chat)
    id = turns[1].blocks[0]["id"]
    assert re.fullmatch("fn_1_get_weather_[0-9a-f]{16}", id)
    assert turns[2].blocks == [answer(id, "sunny")]
    assert turns[3].blocks[0]["id"] == "fn_3_f"
    assert short(turns)[4][1] == [answer("fn_3_f", **NO_RESULT), "[tool result g]\nother"]
    assert translated(chat) == turns


def test_legacy_results_go_to_the_calls_of_their_name_in_order() -> None:
    call = assistant(calls=(ToolCall("f", "{}"), ToolCall("g", "{}"), ToolCall("f", "{}")))
    after = [message("tool", words, name=words[0], legacy=True) for words in ("g1", "f1", "f2")]
    assert [block["content"] for block in exchange(*after, call=call)] == ["f1", "g1", "f2"]


def test_tool_names_are_the_clouds() -> None:
    assert translated([user("A"), calls("a", name="my tool")])[1].blocks[0]["name"] == "my_tool"
