"""inspector/turns.py: every kind of message, block and tool has its shape, and nothing is lost or decoded."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.inspector.spoken import Call, Media, Message, Other, Part, Refusal, Result, Text, Thinking, Tool
from oai_bridge.inspector.turns import json_of, read_content, read_message, read_tool

PIXELS = base64.b64encode(b"\x89PNG" + bytes(96)).decode()  # 100 bytes
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "type", "content", "text", "source", "data", "function", "tool_calls", "image_url", "input"]
            ),
            inner | st.sampled_from(["tool", "user", "text", "tool_result", "image", "document", "tool_use"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


def parts(value: dict[str, Any]) -> tuple[Part, ...]:
    return read_message(value, "messages[0]").parts


def block(value: dict[str, Any]) -> Part:
    (part,) = read_content([value])
    return part


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_a_text_is_one_part_under_the_role_as_sent(role: str) -> None:
    message = read_message({"role": role, "content": "Hi\x1b", "name": "Ann"}, "messages[2]")
    assert message == Message(role, (Text("Hi\x1b"),), "messages[2]", "Ann")


def test_parts_keep_their_order() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}, "b"]
    assert parts({"role": "user", "content": content}) == (
        Text("a"),
        Media("image", source="https://x/y.png"),
        Text("b"),
    )


def test_an_assistants_message_tells_thoughts_content_refusal_calls_and_the_rest() -> None:
    message = {
        "role": "assistant",
        "content": "Well,",
        "reasoning_content": "hm",
        "refusal": "no",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"q": 1}'}},
            {"id": "b", "type": "custom", "custom": {"name": "free", "input": "any text"}},
        ],
        "function_call": {"name": "old", "arguments": {"q": 2}},
        "annotations": [{"type": "url_citation"}],
        "audio": None,
    }
    assert parts(message) == (
        Thinking("hm"),
        Text("Well,"),
        Refusal("no"),
        Call("a", "look", '{"q": 1}'),
        Call("b", "free", "any text", custom=True),
        Call("", "old", '{"q":2}'),
        Other("annotations", '[{"type":"url_citation"}]'),
    )


@pytest.mark.parametrize("field", ["thinking_blocks", "reasoning_details"])
def test_sealed_thoughts_stand_for_their_text(field: str) -> None:
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}]
    sealed = (Thinking("hm", signed=True), Thinking("", redacted=True, signed=True))
    assert parts({"role": "assistant", field: blocks, "reasoning": "hm"}) == sealed
    only_redacted = {"role": "assistant", field: blocks[1:], "reasoning": "hm"}
    assert parts(only_redacted) == (Thinking("hm"), sealed[1])


@pytest.mark.parametrize(("role", "id"), [("tool", "call_1"), ("function", "")])
def test_a_tools_message_is_its_result(role: str, id: str) -> None:
    value = {"role": role, "tool_call_id": id, "name": "look", "content": [{"type": "text", "text": "42"}]}
    assert parts(value) == (Result(id, "look", (Text("42"),)),)


def test_anthropics_blocks_are_read_in_any_body() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "tool_use", "id": "t", "name": "look", "input": {"q": 1}},
        {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": [{"type": "text", "text": "no"}]},
        {"type": "tool_result", "tool_use_id": "u", "content": "yes"},
        {"type": "text", "text": "cited", "citations": [{"url": "u"}]},
        {"type": "server_tool_use", "id": "s", "name": "web_search"},
    ]
    assert read_content(content) == (
        Thinking("hm", signed=True),
        Call("t", "look", '{"q":1}'),
        Result("t", "", (Text("no"),), failed=True),
        Result("u", "", (Text("yes"),)),
        Text("cited"),
        Other("citations", '[{"url":"u"}]'),
        Other("server_tool_use", '{"type":"server_tool_use","id":"s","name":"web_search"}'),
    )


@pytest.mark.parametrize(
    ("value", "kind", "media_type", "size", "name"),
    [
        ({"type": "image_url", "image_url": f"data:image/png;base64,{PIXELS}"}, "image", "image/png", 100, ""),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXELS}},
            *("image", "image/png", 100, ""),
        ),
        ({"type": "input_audio", "input_audio": {"data": PIXELS, "format": "wav"}}, "audio", "audio/wav", 100, ""),
        ({"type": "file", "file": {"file_data": PIXELS.rstrip("="), "filename": "a.pdf"}}, "file", "", 100, "a.pdf"),
        (
            {"type": "document", "title": "T", "source": {"type": "base64", "data": f"{PIXELS[:76]}\r\n{PIXELS[76:]}"}},
            *("document", "", 100, "T"),
        ),
        ({"type": "image_url", "image_url": {"url": "data:text/plain,a%20b"}}, "image", "text/plain", 3, ""),
    ],
)
def test_what_is_in_the_body_has_its_type_and_size(
    value: dict[str, Any], kind: str, media_type: str, size: int, name: str
) -> None:
    part = block(value)
    assert isinstance(part, Media)
    assert (part.kind, part.media_type, part.size, part.name, part.source) == (kind, media_type, size, name, "")
    assert len(part.digest) == 8


@pytest.mark.parametrize(
    ("value", "media"),
    [
        ({"type": "file", "file": {"file_id": "file-1"}}, Media("file", source="file-1")),
        ({"type": "image", "source": {"type": "url", "url": "https://x/y"}}, Media("image", source="https://x/y")),
        ({"type": "document", "source": {"type": "file", "file_id": "f"}}, Media("document", source="f")),
    ],
)
def test_what_is_elsewhere_has_its_address(value: dict[str, Any], media: Media) -> None:
    assert block(value) == media


def test_a_text_document_keeps_its_text() -> None:
    part = block({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Tëxt"}})
    assert isinstance(part, Media) and (part.text, part.size) == ("Tëxt", 5)


def test_two_pictures_of_one_size_differ_in_their_digest() -> None:
    one, other = (
        block({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}) for data in ("AAAA", "AAAB")
    )
    assert isinstance(one, Media) and isinstance(other, Media)
    assert one.size == other.size and one.digest != other.digest


def test_a_cache_mark_is_seen_at_any_depth() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    inner = {"type": "tool_result", "content": [{"type": "text", "text": "a", **mark}]}
    assert read_message({"role": "user", "content": [inner]}, "messages[0]").cached
    assert read_message({"role": "user", "content": "a", **mark}, "messages[0]").cached
    assert not read_message({"role": "user", "content": "a"}, "messages[0]").cached


@pytest.mark.parametrize(
    ("value", "tool"),
    [
        (
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}},
            Tool("f", "function", "d", '{"type":"object"}', "tools[0]"),
        ),
        ({"name": "f", "parameters": {}}, Tool("f", "function", "", "{}", "tools[0]")),
        (
            {"name": "f", "input_schema": {"a": 1}, "cache_control": {"type": "ephemeral"}},
            Tool("f", "function", "", '{"a":1}', "tools[0]", cached=True),
        ),
        ({"type": "custom", "custom": {"name": "c"}}, Tool("c", "custom", "", "", "tools[0]")),
        ({"type": "custom", "name": "c", "input_schema": {}}, Tool("c", "function", "", "{}", "tools[0]")),
        (
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
            Tool("web_search", "web_search_20250305", "", '{"max_uses":3}', "tools[0]"),
        ),
    ],
)
def test_a_tool_of_any_api(value: dict[str, Any], tool: Tool) -> None:
    assert read_tool(value, "tools[0]") == tool


def test_results_in_results_end_somewhere() -> None:
    value: dict[str, Any] = {"type": "text", "text": "deep"}
    for _ in range(200):
        value = {"type": "tool_result", "content": [value]}
    part, depth = block(value), 0
    while isinstance(part, Result):
        part, depth = part.parts[0], depth + 1
    assert isinstance(part, Other) and "deep" in part.json
    assert depth == 8
    assert not read_message({"role": "user", "content": [value]}, "messages[0]").cached


@settings(max_examples=50)
@given(ANYTHING)
def test_any_json_is_a_message_and_a_tool(value: Any) -> None:
    message = read_message(value, "messages[0]")
    assert message.at == "messages[0]"
    if not isinstance(value, dict):
        assert message.parts == (Other("message", json_of(value)),)
    read_tool(value, "tools[0]")
