"""inspector/asked.py: every part of every request is found again, in its order; what has no name is kept as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from oai_bridge.inspector.asked import message_of, prompt_of
from oai_bridge.inspector.spoken import Call, Media, Message, Other, Result, Text, Thinking, Tool
from tests.test_outline import JSON

CASES = sorted(Path(__file__).parent.glob("cases/*/*/client.json"))
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
PNG = "data:image/png;base64,AAAAAAAA"


def parts(content: Any, **more: Any) -> tuple[Any, ...]:
    return message_of({"role": "user", "content": content, **more}).parts


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ("hello", Text("hello")),
        ({"type": "text", "text": "hello"}, Text("hello")),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, Text("a", "5m")),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, Text("a", "1h")),
        ({"type": "text", "text": "a", "prompt_cache_breakpoint": {"ttl": "30m"}}, Text("a", "30m")),
        ({"type": "image_url", "image_url": {"url": PNG}}, Media("picture", "image/png", "", 6)),
        ({"type": "image_url", "image_url": "https://x/a.png"}, Media("picture", "", "https://x/a.png")),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
            Media("picture", "image/jpeg", "", 3),
        ),
        ({"type": "image", "source": {"type": "url", "url": "https://x"}}, Media("picture", "", "https://x")),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            Media("document", "application/pdf", "a.pdf", 3),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Media("document", "", "file-1")),
        (
            {"type": "document", "title": "t", "source": {"type": "text", "media_type": "text/plain", "data": "12345"}},
            Media("document", "text/plain", "t", 5),
        ),
        ({"type": "input_audio", "input_audio": {"format": "wav", "data": "AAAA"}}, Media("sound", "wav", "", 3)),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, Thinking("hm", True)),
        ({"type": "redacted_thinking", "data": "x"}, Thinking("", True)),
        ({"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}, Call("f", '{"a":1}', "t1")),
        (
            {"type": "tool_result", "tool_use_id": "t1", "content": "42", "is_error": True},
            Result("t1", (Text("42"),), is_error=True),
        ),
        (
            {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "42"}]},
            Result("t1", (Text("42"),)),
        ),
        ({"type": "search_result", "x": 1}, Other("search_result", {"type": "search_result", "x": 1})),
        ({"x": 1}, Other("part", {"x": 1})),
        (7, Other("part", 7)),
    ],
)
def test_a_part(block: Any, part: Any) -> None:
    assert parts([block]) == (part,)


def test_a_message_has_its_role_and_name() -> None:
    assert message_of({"role": "user", "name": "Ned", "content": "hi"}) == Message("user", (Text("hi"),), "Ned")


def test_an_assistants_message_tells_in_order_what_it_thought_said_and_called() -> None:
    message = {"reasoning_content": "hm", "content": "so", "refusal": "no", "tool_calls": [CALL], "role": "assistant"}
    assert message_of(message).parts == (
        Thinking("hm"),
        Text("so"),
        Other("refusal", "no"),
        Call("f", '{"a": 1}', "c1"),
    )
    legacy = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    assert message_of(legacy).parts == (Call("f", "{}"),)
    custom = {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "free"}}
    assert message_of({"role": "assistant", "tool_calls": [custom]}).parts == (Call("g", "free", "c2"),)


def test_a_tools_message_is_a_result() -> None:
    tool = {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "42"}]}
    assert message_of(tool).parts == (Result("c1", (Text("42"),)),)
    assert message_of({"role": "function", "name": "f", "content": "42"}).parts == (Result("", (Text("42"),), "f"),)


def test_a_mark_on_the_message_is_at_its_end() -> None:
    assert parts("a", cache_control={"type": "ephemeral"}) == (Text("a", "5m"),)


def test_a_request_has_messages_tools_and_parameters() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}}
    prompt = prompt_of(
        json.dumps(
            {
                "model": "m",
                "system": "be kind",
                "messages": [{"role": "user", "content": "hi"}],
                "tools": [{"type": "function", "function": function}, {"name": "g", "input_schema": {}}, "odd"],
                "functions": [function],
                "seed": 1,
            }
        ).encode()
    )
    assert [message.role for message in prompt.messages] == ["system", "user"]
    d = Tool("f", "d", {"type": "object"})
    assert prompt.tools == (d, Tool("g", "", {}), Tool("?", "", "odd"), d)
    assert prompt.parameters == {"model": "m", "seed": 1} and not prompt.problem


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b"{}", b'{"messages": 7}'])
def test_what_is_no_request_says_so(body: bytes) -> None:
    assert prompt_of(body).problem and not prompt_of(body).messages


@pytest.mark.parametrize("case", CASES[::7], ids=lambda case: f"{case.parent.parent.name}/{case.parent.name}")
def test_no_text_of_a_golden_request_is_lost(case: Path) -> None:
    value = json.loads(case.read_bytes())
    messages = value.get("messages")
    if not isinstance(messages, list):
        return
    shown = repr(prompt_of(case.read_bytes()))
    for message in messages:
        if isinstance(message, dict) and isinstance(content := message.get("content"), str):
            assert repr(content)[1:-1] in shown


@given(JSON)
def test_any_json_is_a_prompt(value: Any) -> None:
    for body in (value, {"messages": value}, {"messages": [value]}, {"messages": [{"content": value}], "tools": value}):
        prompt_of(json.dumps(body).encode())
    for kind in ("text", "image", "file", "tool_use", "tool_result", "thinking", "document", "image_url"):
        assert len(parts([{"type": kind, "text": value, "source": value, "file": value, "content": value}])) == 1
    message_of({"role": value, "name": value, "content": value, "tool_calls": value, "function_call": value})
