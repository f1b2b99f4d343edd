"""Tool calls and thoughts of earlier turns, as clients kept them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.assistant import call_of_block, calls_of, thoughts_of
from oai_bridge.openai.chat import Message, RedactedThought, SignedThinking, Text, ToolCall
from oai_bridge.openai.messages import Context, read_messages
from oai_bridge.openai.request import read_body


def calls(**message: Any) -> tuple[ToolCall, ...]:
    return calls_of(message, "assistant", "m")


def function(**fields: Any) -> list[dict[str, Any]]:
    return [{"id": "c1", "type": "function", "function": {"name": "f", **fields}}]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
        ({}, "{}"),
        (None, ""),
        ("", ""),
        ('{"a": ', '{"a": '),
        ("no JSON at all", "no JSON at all"),
        ("[1]", "[1]"),
    ],
)
def test_malformed_arguments_are_kept_as_the_text_they_are(arguments: Any, text: str) -> None:
    """Portkey and bedrock-access-gateway put every history through json.loads and crash on an empty or cut text."""
    assert calls(tool_calls=function(arguments=arguments)) == (ToolCall("f", text, "c1"),)
    assert calls(function_call={"name": "f", "arguments": arguments}) == (ToolCall("f", text),)


def test_arguments_as_deep_as_json_is_read_do_not_crash() -> None:
    for depth in range(100, 4000, 50):
        arguments = b'{"a":' * depth + b"1" + b"}" * depth
        try:
            body = read_body(b'{"tool_calls": [{"function": {"name": "f", "arguments": ' + arguments + b"}}]}")
        except InvalidRequest:
            break
        assert calls(**body)[0].arguments.encode() == arguments


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({}, ()),
        ({"tool_calls": None, "function_call": None}, ()),
        ({"tool_calls": [], "function_call": {}}, ()),
        ({"tool_calls": [{"function": {"name": "f"}}]}, (ToolCall("f", ""),)),
        ({"tool_calls": [{"id": None, "type": None, "index": 3, "function": {"name": "f"}}]}, (ToolCall("f", ""),)),
        (
            {"tool_calls": [*function(), *function(arguments="{}")]},
            (ToolCall("f", "", "c1"), ToolCall("f", "{}", "c1")),
        ),
        (
            {"tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "sql", "input": 'SELECT "ü"'}}]},
            (ToolCall("sql", json.dumps({"input": 'SELECT "ü"'}, ensure_ascii=False, separators=(",", ":")), "c1"),),
        ),
        ({"tool_calls": [{"type": "custom", "custom": {"name": "sql"}}]}, (ToolCall("sql", '{"input":""}'),)),
        ({"function_call": {"name": "f", "arguments": "{}"}}, (ToolCall("f", "{}"),)),
    ],
)
def test_calls(message: dict[str, Any], expected: tuple[ToolCall, ...]) -> None:
    assert calls(**message) == expected


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"tool_calls": {"function": {}}}, "m.tool_calls"),
        ({"tool_calls": "x"}, "m.tool_calls"),
        ({"tool_calls": ["x"]}, "m.tool_calls[0]"),
        ({"tool_calls": [*function(), None]}, "m.tool_calls[1]"),
        ({"tool_calls": [{}]}, "m.tool_calls[0].function"),
        ({"tool_calls": [{"type": "function", "function": "f"}]}, "m.tool_calls[0].function"),
        ({"tool_calls": [{"type": "mcp"}]}, "m.tool_calls[0].type"),
        ({"tool_calls": [{"type": ["function"]}]}, "m.tool_calls[0].type"),
        ({"tool_calls": [{"function": {"arguments": "{}"}}]}, "m.tool_calls[0].function.name"),
        ({"tool_calls": function(name="")}, "m.tool_calls[0].function.name"),
        ({"tool_calls": function(name=5)}, "m.tool_calls[0].function.name"),
        ({"tool_calls": function(arguments=5)}, "m.tool_calls[0].function.arguments"),
        ({"tool_calls": function(arguments=["a"])}, "m.tool_calls[0].function.arguments"),
        ({"tool_calls": [{"id": 5, "function": {"name": "f"}}]}, "m.tool_calls[0].id"),
        ({"tool_calls": [{"type": "custom", "function": {"name": "f"}}]}, "m.tool_calls[0].custom"),
        ({"tool_calls": [{"type": "custom", "custom": {"input": "x"}}]}, "m.tool_calls[0].custom.name"),
        ({"tool_calls": [{"type": "custom", "custom": {"name": "f", "input": {}}}]}, "m.tool_calls[0].custom.input"),
        ({"function_call": "auto"}, "m.function_call"),
        ({"function_call": {"arguments": "{}"}}, "m.function_call.name"),
    ],
)
def test_a_malformed_call_is_named(message: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        calls(**message)
    assert caught.value.param == param


def test_anthropics_call() -> None:
    assert call_of_block({"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}, "p") == ToolCall(
        "f", '{"a":1}', "t1"
    )
    with pytest.raises(InvalidRequest) as caught:
        call_of_block({"type": "tool_use", "name": "f", "input": [1]}, "p")
    assert caught.value.param == "p.input"


# -- thoughts ---------------------------------------------------------------------------------------------------------

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
EMPTY = {"type": "thinking", "thinking": "", "signature": "c2ln"}
REDACTED = {"type": "redacted_thinking", "data": "ZGF0YQ"}
OPENROUTER = {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0}
ENCRYPTED = {"type": "reasoning.encrypted", "data": "ZGF0YQ"}


@pytest.mark.parametrize(
    ("message", "expected", "told"),
    [
        ({}, (), False),
        ({"thinking_blocks": None, "reasoning_details": []}, (), False),
        ({"thinking_blocks": [THOUGHT]}, (SignedThinking("Hm.", "c2ln"),), False),
        ({"thinking_blocks": [EMPTY]}, (SignedThinking("", "c2ln"),), False),
        (
            {"thinking_blocks": [REDACTED, THOUGHT]},
            (RedactedThought("ZGF0YQ"), SignedThinking("Hm.", "c2ln")),
            False,
        ),
        (
            {"reasoning_details": [OPENROUTER, ENCRYPTED]},
            (SignedThinking("Hm.", "c2ln"), RedactedThought("ZGF0YQ")),
            False,
        ),
        ({"thinking_blocks": [REDACTED], "reasoning_details": [OPENROUTER]}, (RedactedThought("ZGF0YQ"),), False),
        ({"reasoning_details": [{**OPENROUTER, "format": None}]}, (SignedThinking("Hm.", "c2ln"),), False),
        ({"reasoning_details": [{**OPENROUTER, "format": "unknown"}]}, (SignedThinking("Hm.", "c2ln"),), False),
        ({"reasoning_details": [{**ENCRYPTED, "format": "openai-responses-v1"}]}, (), True),
        ({"reasoning_details": [{"type": "reasoning.summary", "summary": "Hm."}]}, (), True),
        ({"reasoning_details": [{**OPENROUTER, "signature": None}]}, (), True),
        ({"thinking_blocks": [{**THOUGHT, "signature": ""}, THOUGHT]}, (SignedThinking("Hm.", "c2ln"),), True),
        ({"thinking_blocks": [{"type": "thinking", "signature": "c2ln"}]}, (), True),
        ({"thinking_blocks": [{"type": "redacted_thinking", "data": ""}]}, (), True),
        ({"thinking_blocks": ["x", None, 5, [], {}]}, (), True),
        ({"thinking_blocks": "x"}, (), True),
        ({"thinking_blocks": THOUGHT}, (), True),
        (
            {"thinking_blocks": [{"type": "thinking"}], "reasoning_details": [ENCRYPTED]},
            (RedactedThought("ZGF0YQ"),),
            True,
        ),
    ],
)
def test_thoughts_come_back_in_order_or_not_at_all(message: dict[str, Any], expected: Any, told: bool) -> None:
    """Clients that lose or change a thought got 400 "Expected `thinking`" or "cannot be modified" elsewhere
    (litellm#15601, openai-agents-python#678)."""
    notes = Notes()
    assert thoughts_of(message, "assistant", "m", notes) == expected
    assert [note.code for note in notes] == ["dropped:thinking_blocks"] * told


def test_thoughts_of_others_than_the_assistant_are_dropped() -> None:
    notes = Notes()
    assert thoughts_of({"thinking_blocks": [THOUGHT]}, "user", "m", notes) == ()
    assert [note.code for note in notes] == ["dropped:thinking_blocks"]


def test_strict_refuses_a_thought_without_its_signature() -> None:
    with pytest.raises(InvalidRequest) as caught:
        thoughts_of({"thinking_blocks": [{"type": "thinking", "thinking": "x"}]}, "assistant", "m", Notes(strict=True))
    assert caught.value.param == "m.thinking_blocks"


def test_anthropics_thoughts_stand_in_the_content() -> None:
    def read(**fields: Any) -> Message:
        content = [THOUGHT, REDACTED, {"type": "thinking", "thinking": "unsigned"}, {"type": "text", "text": "x"}]
        return read_messages([{"role": "assistant", "content": content, **fields}], Context(Notes()))[0]

    both = (SignedThinking("Hm.", "c2ln"), RedactedThought("ZGF0YQ"))
    assert read() == Message("assistant", (Text("x"),), None, 0, thoughts=both)
    assert read(thinking_blocks=[REDACTED]).thoughts == (RedactedThought("ZGF0YQ"),)
