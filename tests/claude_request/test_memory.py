"""Tools, and the thinking of earlier turns: kept, and put back where the client lost it."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from oai_bridge.dialects.claude_memory import TurnMemory, digest
from oai_bridge.dialects.claude_turns import Turn
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import (
    JsonFormat,
    Message,
    Text,
    ToolCall,
    ToolChoice,
    WebSearch,
)
from oai_bridge.settings.values import Claude
from tests.claude_request.chats import HI, MODELS, PNG, SCHEMA, body, message, told, tool, translated
from tests.support.catalogue import known


@pytest.mark.parametrize(
    ("fields", "keep"),
    [({}, False), ({"tools": (tool(),)}, True), ({"web_search": WebSearch()}, True)],
)
def test_turns_are_kept_where_there_are_tools(fields: Any, keep: bool) -> None:
    found = translated(**fields)
    assert found.reading.keep is keep
    assert bool(found.prefix) is keep


def test_the_answer_is_read_with_the_clients_names() -> None:
    found = translated(tools=(tool("no/name"), tool("free", custom=True)))
    assert found.reading.names == {"no_name": "no/name"}
    assert found.reading.custom == {"free"}


CALL = {"type": "tool_use", "id": "toolu_1", "name": "no_name", "input": {"a": 1}}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "seal"}
SAID = [THOUGHT, {"type": "text", "text": "Let me see."}, CALL]
AGAIN = (
    message("assistant", "Let me see.", calls=(ToolCall("no/name", '{"a": 1}', "toolu_1"),)),
    message("tool", "found", call_id="toolu_1"),
)


def loop(*start: Message, model: str = "claude-haiku-4-5", **fields: Any) -> tuple[TurnMemory, dict[str, Any]]:
    """A memory that knows the first answer of an agent's chat, and what its next request needs."""
    memory = TurnMemory()
    asked: dict[str, Any] = {"model": model, "tools": (tool("no/name"),), "effort": "low", "memory": memory, **fields}
    first = translated(*start, **asked)
    memory.remember(known(model).id, first.prefix, SAID)
    return memory, asked


IN_TWO = (message("assistant", "Let me see."), message("assistant", calls=AGAIN[0].calls), AGAIN[1])
"""As SillyTavern tells it."""


IN_PARTS = (message("assistant", "Let me", " see.", calls=AGAIN[0].calls), AGAIN[1])


@pytest.mark.parametrize("again", [AGAIN, IN_TWO, IN_PARTS])
def test_thinking_that_the_client_lost_is_put_back(again: tuple[Message, ...]) -> None:
    """litellm#15601, opencode#3077, CLIProxyAPI#1078."""
    start = (message("system", "S"), message("assistant", "Hello"), message("user", "One", PNG))
    _, asked = loop(*start)
    notes = Notes()
    found = body(*start, *again, **asked, notes=notes)
    assert found["messages"][3]["content"] == SAID
    assert found["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert "dropped:reasoning_effort" not in told(notes)


def test_a_second_round_finds_the_first() -> None:
    start = (HI,)
    memory, asked = loop(*start)
    second = translated(*start, *AGAIN, **asked)
    said = [{**THOUGHT, "signature": "other"}, {**CALL, "id": "toolu_2"}]
    memory.remember("claude-haiku-4-5", second.prefix, said)
    more = (
        message("assistant", calls=(ToolCall("no/name", '{"a": 1}', "toolu_2"),)),
        message("tool", "found", call_id="toolu_2"),
    )
    third = body(*start, *AGAIN, *more, **asked)
    assert [turn["content"] for turn in third["messages"]][1::2] == [SAID, said]


@pytest.mark.parametrize("start", [(message("user", "Edited"),), (message("system", "New"), HI)])
def test_thinking_is_not_put_back_after_an_edit(start: tuple[Message, ...]) -> None:
    _, asked = loop(HI)
    notes = Notes()
    found = body(*start, *AGAIN, **asked, notes=notes)
    assert "thinking" not in found
    assert "dropped:reasoning_effort" in told(notes)


def test_where_it_is_lost_an_older_model_goes_on_without_and_a_newer_one_with_thinking() -> None:
    tools = (tool("no/name"),)
    assert "thinking" not in body(HI, *AGAIN, model="claude-haiku-4-5", tools=tools, effort="low")
    assert body(HI, *AGAIN, tools=tools, effort="low")["thinking"]["type"] == "adaptive"


def test_an_older_model_that_is_not_asked_to_think_gets_no_thinking_in_the_run() -> None:
    """litellm#18926: "When `thinking` is disabled, an `assistant` message in the final position cannot contain …"."""
    _, asked = loop(HI)
    found = body(HI, *AGAIN, **(asked | {"effort": None}))
    assert found["messages"][1]["content"] == SAID[1:]


def test_the_prefix_stands_for_all_that_was_sent() -> None:
    found = translated(message("system", "S"), HI, *AGAIN, *AGAIN, tools=(tool("no/name"),))
    turns = [Turn(turn["role"], turn["content"]) for turn in found.body["messages"]]
    assert found.prefix == digest([Turn("system", found.body["system"]), *turns])


def test_marks_change_nothing_of_the_prefix() -> None:
    plain = translated(HI, tools=(tool(),))
    marked = translated(message("user", Text("Hi", cache="1h")), tools=(tool(),), cache="5m")
    assert plain.body != marked.body
    assert plain.prefix == marked.prefix


ALLOWED = ToolChoice("auto", allowed=("look",))


@pytest.mark.parametrize(
    "changed",
    [
        {"tools": (tool("see"),)},
        {"tools": (tool(), tool("see"))},
        {"tools": (replace(tool(), description="Sees."),)},
        {"tools": (replace(tool(), parameters={"type": "object"}),)},
        {"tools": (tool(strict=True),)},
        {"tool_choice": ALLOWED},
        {"web_search": WebSearch()},
        {"web_search": WebSearch(location={"city": "Bern"})},
        {"format": JsonFormat()},
    ],
)
def test_a_thought_may_be_bound_to_what_stands_beside_the_turns(changed: dict[str, Any]) -> None:
    before = {"tools": (tool(),)}
    for model in MODELS:
        same = translated(model=model, **before).prefix == translated(model=model, **(before | changed)).prefix
        assert same is not known(model).thinking_bound


def test_no_thought_is_bound_to_what_changes_nothing_for_the_model() -> None:
    model = next(model for model in MODELS if known(model).thinking_bound)
    plain = translated(model=model, tools=(tool(),)).prefix
    for same in ({"tool_choice": ToolChoice("auto")}, {"format": JsonFormat(SCHEMA)}, {"effort": "low"}):
        assert translated(model=model, tools=(tool(),), **same).prefix == plain


def test_the_memory_is_not_changed_by_what_is_done_with_its_turns() -> None:
    claude = Claude(cache="auto")
    memory, asked = loop(HI, claude=claude)
    before = copy.deepcopy(memory.recall("claude-haiku-4-5", translated(HI, **asked).prefix, *_calls()))
    assert before == SAID
    body(HI, *AGAIN, HI, *AGAIN, **(asked | {"effort": None}))
    assert memory.recall("claude-haiku-4-5", translated(HI, **asked).prefix, *_calls()) == before


def _calls() -> tuple[list[ToolCall], str]:
    return [ToolCall("no_name", '{"a": 1}', "toolu_1")], "Let me see."
