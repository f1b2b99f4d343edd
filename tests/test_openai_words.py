"""inspector/openai_words.py: OpenAI's own words stay, Anthropic's become OpenAI's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from oai_bridge.inspector.openai_words import openai_messages, openai_tools
from tests.test_turns import ANYTHING

MARK = {"cache_control": {"type": "ephemeral"}}


def messages(*given: Any, **body: Any) -> list[dict[str, Any]]:
    return openai_messages({"messages": list(given), **body})


@pytest.mark.parametrize(
    "message",
    [
        {"role": "developer", "content": "Be brief.", "name": "Ann"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": {}}]},
        {"role": "tool", "tool_call_id": "a", "content": "42"},
        {"role": "function", "name": "look", "content": "42"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            ],
        },
    ],
)
def test_openais_messages_stay(message: dict[str, Any]) -> None:
    assert messages(message) == [message]


def test_a_system_prompt_comes_first_and_cache_marks_go() -> None:
    system = [{"type": "text", "text": "Be brief.", **MARK}]
    assert messages({"role": "user", "content": "Hi", **MARK}, system=system) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]


def test_calls_and_thoughts_of_anthropics() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "Well,"},
        {"type": "tool_use", "id": "t", "name": "look", "input": {"q": 1}, **MARK},
    ]
    call = {"id": "t", "type": "function", "function": {"name": "look", "arguments": '{"q":1}'}}
    expected = {"role": "assistant", "content": "Well,", "tool_calls": [call], "reasoning_content": "hm"}
    assert messages({"role": "assistant", "content": content}) == [expected]
    assert messages({"role": "assistant", "content": content[3:]}) == [
        {"role": "assistant", "content": None, "tool_calls": [call]}
    ]


def test_results_become_messages_before_what_is_said_with_them() -> None:
    content = [
        {"type": "text", "text": "And?"},
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "42"}]},
        {"type": "tool_result", "tool_use_id": "u"},
    ]
    results = [
        {"role": "tool", "tool_call_id": "t", "content": "42"},
        {"role": "tool", "tool_call_id": "u", "content": None},
    ]
    assert messages({"role": "user", "content": content}) == [*results, {"role": "user", "content": "And?"}]
    assert messages({"role": "user", "content": content[1:]}) == results


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a"}, **MARK},
            {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
        ),
        (
            {"type": "document", "title": "a.pdf", "source": {"media_type": "application/pdf", "data": "AAAA"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        ),
        ({"type": "document", "source": {"type": "text", "data": "plain"}}, {"type": "text", "text": "plain"}),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, {"type": "file", "file": {"file_id": "f"}}),
        ({"type": "odd", "x": 1}, {"type": "text", "text": '[odd] {"type":"odd","x":1}'}),
    ],
)
def test_blocks_of_anthropics(block: dict[str, Any], part: dict[str, Any]) -> None:
    text = {"type": "text", "text": "a"}
    assert messages({"role": "user", "content": [text, block]}) == [{"role": "user", "content": [text, part]}]


def test_tools_of_any_kind() -> None:
    function = {"type": "function", "function": {"name": "f", "parameters": {}}}
    custom = {"type": "custom", "custom": {"name": "c"}}
    search = {"type": "web_search_20250305", "name": "web_search"}
    native = {"name": "n", "description": "d", "input_schema": {"type": "object"}, **MARK}
    body = {"tools": [function, custom, {**search, **MARK}, native], "functions": [{"name": "old", "parameters": {}}]}
    assert openai_tools(body) == [
        function,
        custom,
        search,
        {"type": "function", "function": {"name": "n", "description": "d", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "old", "parameters": {}}},
    ]


@settings(max_examples=50)
@given(ANYTHING)
def test_any_json_gives_messages(value: Any) -> None:
    assert all(isinstance(message, dict) for message in messages(value, {"role": "user", "content": value}))
    openai_messages({"messages": value, "system": value})
    openai_tools({"tools": value, "functions": [value]})
