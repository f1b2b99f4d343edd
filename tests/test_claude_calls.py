"""Tool calls piece by piece: JSON that can be read, whatever Claude sends first, in the form that the client wants."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.dialects.claude_calls import Calls
from oai_bridge.dialects.claude_wire import Block, read_event
from oai_bridge.dialects.reading import Reading
from oai_bridge.events import CustomCall, Event, Text, ToolArguments, ToolStart

READING = Reading({"cloud_name": "client.name"}, frozenset({"grep"}), "answer")


def called(name: str, given: Any, *pieces: str, calls: Calls | None = None) -> list[Event]:
    calls = calls or Calls(READING)
    call, events = calls.start(Block("tool_use", id="t", name=name, input=given))
    if call:
        for piece in pieces:
            events += calls.arguments(call, piece)
        events += calls.end(call)
    return events


@pytest.mark.parametrize(
    ("given", "pieces", "arguments"),
    [
        ({}, ['{"a"', ":1}"], '{"a":1}'),
        ({}, [], "{}"),
        (None, [], "{}"),
        ({"a": "é"}, [], '{"a":"é"}'),
        ({"a": 1}, ['{"a":1}'], '{"a":1}'),
        ([], [], "[]"),
    ],
)
def test_the_arguments_are_one_json(given: Any, pieces: list[str], arguments: str) -> None:
    """`{}{"a":1}`: several translators told the empty input of the block's start before the pieces."""
    start, *rest = called("f", given, *pieces)
    assert start == ToolStart(0, "t", "f")
    assert all(isinstance(event, ToolArguments) and event.index == 0 for event in rest)
    text = "".join(event.json for event in rest if isinstance(event, ToolArguments))
    assert text == arguments and json.loads(text) is not None


def test_what_a_call_begins_without_is_empty() -> None:
    calls = Calls(READING)
    call, events = calls.start(read_event(b'{"content_block": {"type": "tool_use"}}').content_block or Block())
    assert call is not None
    assert [*events, *calls.end(call)] == [ToolStart(0, "", ""), ToolArguments(0, "{}")]


def test_the_clients_name_and_a_count_of_their_own() -> None:
    calls = Calls(READING)
    starts = [called(name, {}, calls=calls)[0] for name in ("cloud_name", "grep", "answer", "other")]
    assert starts == [
        ToolStart(0, "t", "client.name"),
        CustomCall(1, "t", "grep", "{}"),
        Text("{}"),
        ToolStart(2, "t", "other"),
    ]
    assert calls.count == 3


@pytest.mark.parametrize(
    ("given", "pieces", "text"),
    [
        ({}, ['{"in', 'put":"a\\nb"}'], "a\nb"),
        ({"input": "x"}, [], "x"),
        ({}, ['{"input":"cut'], '{"input":"cut'),
        ({}, ['{"input":5}'], '{"input":5}'),
        ({}, ['{"other":"x"}'], '{"other":"x"}'),
        ({}, ['["x"]'], '["x"]'),
        ({}, [], "{}"),
    ],
)
def test_free_text(given: Any, pieces: list[str], text: str) -> None:
    assert called("grep", given, *pieces) == [CustomCall(0, "t", "grep", text)]


def test_the_hidden_tool_answers_once() -> None:
    calls = Calls(READING)
    assert called("answer", {}, '{"a"', ":1}", calls=calls) == [Text('{"a"'), Text(":1}")]
    assert calls.answered and calls.count == 0
    assert called("answer", {"a": 2}, calls=calls) == []
