"""What is remembered of Claude's turns, and only given back where it fits: same model, same prefix, same turn."""

from __future__ import annotations

import copy
import json
import time
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.claude_memory import TurnMemory, digest
from oai_bridge.openai.chat import ToolCall

THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "s"}
TEXT = {"type": "text", "text": "Let me see.\n"}
USE = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1, "b": [True, "x", 1.5]}}
TURN = [THOUGHT, TEXT, USE]
ARGUMENTS = '{"b":[true,"x",1.5],"a":1.0}'
CALL = ToolCall("f", ARGUMENTS, "toolu_1")
SAID = "Let me see."
ROOM = len(json.dumps(TURN, separators=(",", ":"))) + 512  # bytes that a turn takes


def remembering(content: list[dict[str, Any]] = TURN) -> TurnMemory:
    memory = TurnMemory()
    memory.remember("m", b"p", content)
    return memory


def test_a_turn_comes_back_verbatim() -> None:
    memory = remembering()
    assert memory.recall("m", b"p", [CALL], SAID) == TURN
    assert json.dumps(memory.recall("m", b"p", [CALL], f"  {SAID} ")) == json.dumps(TURN), "keys in their order, too"


def test_what_a_caller_does_to_it_is_the_callers_alone() -> None:
    memory, before = remembering(), copy.deepcopy(TURN)
    recalled = memory.recall("m", b"p", [CALL], SAID)
    assert recalled is not None
    recalled[2]["input"]["a"] = 2
    recalled[0]["cache_control"] = {}
    assert memory.recall("m", b"p", [CALL], SAID) == before == TURN


@pytest.mark.parametrize(
    ("model", "prefix", "calls", "text"),
    [
        ("other", b"p", [CALL], SAID),
        ("m", b"q", [CALL], SAID),
        ("m", b"p", [], SAID),
        ("m", b"p", [CALL, CALL], SAID),
        ("m", b"p", [ToolCall("f", ARGUMENTS)], SAID),
        ("m", b"p", [ToolCall("f", ARGUMENTS, "toolu_2")], SAID),
        ("m", b"p", [ToolCall("g", ARGUMENTS, "toolu_1")], SAID),
        ("m", b"p", [ToolCall("f", ARGUMENTS.replace("1.0", "2"), "toolu_1")], SAID),
        ("m", b"p", [ToolCall("f", ARGUMENTS.replace("1.5", "1"), "toolu_1")], SAID),
        ("m", b"p", [ToolCall("f", ARGUMENTS.replace("true", "1"), "toolu_1")], SAID),
        ("m", b"p", [ToolCall("f", ARGUMENTS[:-1], "toolu_1")], SAID),
        ("m", b"p", [ToolCall("f", "", "toolu_1")], SAID),
        ("m", b"p", [ToolCall("f", "[" * 100_000, "toolu_1")], SAID),
        ("m", b"p", [CALL], "Let me see!"),
        ("m", b"p", [CALL], ""),
    ],
)
def test_whatever_differs_is_another_turn(model: str, prefix: bytes, calls: list[ToolCall], text: str) -> None:
    assert remembering().recall(model, prefix, calls, text) is None


@pytest.mark.parametrize("arguments", ["", "  ", "{}", "{ }"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    use = USE | {"input": {}}
    assert remembering([THOUGHT, use]).recall("m", b"p", [ToolCall("f", arguments, "toolu_1")], "") == [THOUGHT, use]


@pytest.mark.parametrize(
    ("said", "sent", "same"),
    [
        (123456789.0, "123456789", True),
        (2.0**53 - 1, "9007199254740991", True),
        (2.0**53, "9007199254740993", False),
        (1e30, "1e+30", True),
        (-5.0, "-5", True),
        (0.5, "0", False),
    ],
)
def test_whole_numbers_are_what_javascript_writes(said: float, sent: str, same: bool) -> None:
    turn = [THOUGHT, USE | {"input": {"a": said}}]
    call = ToolCall("f", f'{{"a": {sent}}}', "toolu_1")
    assert (remembering(turn).recall("m", b"p", [call], "") == turn) is same


def test_several_calls_must_all_be_the_same() -> None:
    turn = [{"type": "redacted_thinking", "data": "d"}, USE, USE | {"id": "toolu_2"}]
    memory, second = remembering(turn), ToolCall("f", ARGUMENTS, "toolu_2")
    assert memory.recall("m", b"p", [CALL, second], "") == turn
    assert memory.recall("m", b"p", [second, CALL], "") is None
    assert memory.recall("m", b"p", [CALL], "") is None


@pytest.mark.parametrize("content", [[], [TEXT, USE], [THOUGHT, TEXT], [THOUGHT, USE | {"id": None}]])
def test_only_thinking_with_calls_is_worth_it(content: list[dict[str, Any]]) -> None:
    memory = TurnMemory(size=ROOM)
    memory.remember("m", b"p", TURN)
    memory.remember("m", b"p", content)
    assert memory.recall("m", b"p", [CALL], SAID) == TURN, "nothing took its place"


def test_the_turn_used_longest_ago_is_forgotten_first() -> None:
    memory = TurnMemory(size=2 * ROOM)
    for prefix in (b"1", b"2"):
        memory.remember("m", prefix, TURN)
    assert memory.recall("m", b"1", [CALL], SAID)
    memory.remember("m", b"3", TURN)
    assert [bool(memory.recall("m", prefix, [CALL], SAID)) for prefix in (b"1", b"2", b"3")] == [True, False, True]


def test_the_bytes_are_bounded() -> None:
    memory = TurnMemory(size=2 * ROOM)
    for prefix in (b"1", b"1", b"2", b"3"):
        memory.remember("m", prefix, TURN)
    memory.remember("m", b"4", [*TURN, TEXT | {"text": "x" * 2 * ROOM}])
    assert [bool(memory.recall("m", prefix, [CALL], SAID)) for prefix in (b"1", b"2", b"3")] == [False, True, True]
    small = TurnMemory(size=ROOM - 1)
    small.remember("m", b"p", TURN)
    assert small.recall("m", b"p", [CALL], SAID) is None


def test_a_long_run_of_an_agent_is_remembered_whole() -> None:
    """When its first turn is forgotten, the prompt is another one from there on: all of it is paid anew."""
    memory = TurnMemory()
    turn = [THOUGHT | {"thinking": "Hm. " * 500}, TEXT, USE]
    for number in range(5000):
        memory.remember("m", b"%d" % number, turn)
    assert memory.recall("m", b"0", [CALL], SAID) == turn


@dataclass
class Turn:
    role: str
    blocks: list[dict[str, Any]]


HELLO = Turn("user", [TEXT])


@pytest.mark.parametrize(
    "other",
    [
        Turn("assistant", [TEXT]),
        Turn("user", []),
        Turn("user", [TEXT, TEXT]),
        Turn("user", [{**TEXT, "text": "x"}]),
        Turn("user", [USE | {"input": {"cache_control": 1}}]),
    ],
)
def test_another_turn_has_another_digest(other: Turn) -> None:
    assert digest([other]) != digest([HELLO])
    assert digest([HELLO], b"x") != digest([HELLO]) != digest([HELLO, HELLO])


def test_arguments_are_no_blocks() -> None:
    one, two = (Turn("user", [USE | {"input": {"cache_control": value}}]) for value in (1, 2))
    assert digest([one]) != digest([two])


def test_another_result_makes_another_digest() -> None:
    one, two = (Turn("user", [{"type": "tool_result", "content": [TEXT | {"text": said}]}]) for said in "12")
    assert digest([one]) != digest([two])


def test_what_is_to_be_cached_does_not_matter() -> None:
    def turn(**cache: Any) -> Turn:
        inner = [{**TEXT, **cache}, "text"]
        return Turn("user", [{**TEXT, **cache}, {"type": "tool_result", "content": inner, **cache}])

    marked = turn(cache_control={"type": "ephemeral"})
    before = copy.deepcopy(marked)
    assert digest([marked]) == digest([turn()]) and marked == before
    shuffled = Turn("user", [dict(reversed(TEXT.items()))])
    assert digest([shuffled]) == digest([HELLO])


TURNS = st.lists(st.builds(Turn, st.sampled_from(["user", "assistant"]), st.lists(st.sampled_from(TURN), max_size=3)))


@given(TURNS, TURNS)
def test_a_growing_conversation_is_read_once(first: list[Turn], then: list[Turn]) -> None:
    assert digest(first + then) == digest(then, digest(first))
    assert len(digest(first)) == (32 if first else 0)


def test_a_large_image_is_quick() -> None:
    image = Turn("user", [{"type": "image", "source": {"type": "base64", "data": "A" * 10_000_000}}])

    def seconds() -> float:
        begun = time.process_time()
        digest([image])
        return time.process_time() - begun

    assert min(seconds() for _ in range(5)) < 0.2
