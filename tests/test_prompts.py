"""inspector/prompts.py: a request's body is taken apart without loss, whatever it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.inspector.prompts import read_prompt
from oai_bridge.inspector.spoken import Message, Prompt, Text
from tests.support.mutations import bytes_damaged, json_damaged


def prompt(**body: Any) -> Prompt:
    return read_prompt(json.dumps(body).encode(), "openai")


def test_a_request_is_its_messages_tools_and_parameters() -> None:
    read = prompt(
        model="m",
        stream=True,
        temperature=0.5,
        messages=[{"role": "user", "content": "Hi"}],
        tools=[{"type": "function", "function": {"name": "f"}}],
        functions=[{"name": "g"}],
        tool_choice="auto",
    )
    assert (read.model, read.stream, read.troubles) == ("m", True, ())
    assert read.messages == (Message("user", (Text("Hi"),), "messages[0]"),)
    assert [(tool.name, tool.at) for tool in read.tools] == [("f", "tools[0]"), ("g", "functions[0]")]
    assert list(read.parameters.items()) == [("temperature", 0.5), ("tool_choice", "auto")]


@pytest.mark.parametrize(("system", "cached"), [("Be brief.", False), ("blocks", True)])
def test_a_system_prompt_of_its_own_comes_first(system: str, cached: bool) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    given = system if not cached else [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief.", **mark}]
    body = {"system": given, "messages": [{"role": "user", "content": "Hi"}]}
    read = read_prompt(json.dumps(body).encode(), "anthropic")
    first, second = read.messages
    assert (first.role, first.at, first.cached) == ("system", "system", cached)
    assert "".join(part.text for part in first.parts if isinstance(part, Text)) == "Be brief."
    assert second.at == "messages[0]"


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (b"", "not valid JSON"),
        (b'{"messages": [', "not valid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "no JSON object"),
        (b"{}", "There are no `messages`."),
        (b'{"messages": {}}', "`messages` is no list."),
        (b'{"messages": ["Hi"], "tools": 1}', "`tools` is no list."),
    ],
)
def test_what_can_not_be_read_is_told(body: bytes, trouble: str) -> None:
    read = read_prompt(body, "openai")
    assert len(read.troubles) == 1
    assert trouble in read.troubles[0]


def test_half_a_surrogate_is_no_trouble() -> None:
    read = read_prompt(b'{"messages": [{"role": "user", "content": "a\\ud83d"}]}', "openai")
    assert (read.messages[0].parts, read.troubles) == ((Text("a?"),), ())


def test_damaged_requests_never_raise() -> None:
    case = Path(__file__).parent / "cases" / "vertex" / "1_1_history_without_tools_and_search" / "client.json"
    body = case.read_bytes()
    hurt = [*bytes_damaged(body, 300), *(raw for raws in json_damaged([json.loads(body)], 300) for raw in raws)]
    for raw in hurt:
        read = read_prompt(raw, "openai")
        assert read.messages or read.troubles
