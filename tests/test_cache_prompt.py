"""inspector/cache_prompt.py: a body in any protocol, in the cache's order, without its cache points."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.inspector.cache_prompt import HOUR, MINUTES, Prompt, read_prompt
from tests.support.cache_chats import chat, damaged, prompt_of, text

CASES = Path(__file__).parent / "cases"
EMPTY = {"type": "ephemeral"}


def places(prompt: Prompt) -> list[str]:
    return [segment.where for segment in prompt.segments]


def golden(case: str) -> Prompt:
    prompt = read_prompt(json.loads((CASES / case / "cloud.json").read_bytes()))
    assert prompt is not None
    return prompt


def test_claudes_tools_come_first_then_the_system_prompt_then_the_messages() -> None:
    prompt = golden("vertex/2_cache_auto_tools")
    assert places(prompt) == [
        *("tool 1 `a`", "tool 2 `b`", "system prompt", "message 1 (user)", "message 2 (assistant)", "message 3 (user)"),
        *("message 4 (assistant)", "message 5 (user), block 1", "message 5 (user), block 2"),
    ]
    assert [segment.part for segment in prompt.segments] == ["tools"] * 2 + ["system"] + ["messages"] * 6
    assert [segment.text for segment in prompt.segments][3:] == list("123456")
    assert prompt.points == [1, 2, 5, 8]


def test_converses_points_are_blocks_that_mark_the_one_before() -> None:
    prompt = golden("converse_claude/2_cache_marks")
    assert places(prompt) == [
        *("tool 1 `get_weather`", "system prompt", "message 1 (user)", "message 2 (assistant)", "message 3 (user)"),
    ]
    assert [segment.ttl for segment in prompt.segments] == [HOUR, HOUR, None, None, MINUTES]
    assert "cachePoint" not in "".join(segment.text for segment in prompt.segments)


def test_openais_first_system_messages_are_the_system_prompt() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]},
        {"role": "system", "content": "Note."},
    ]
    prompt = prompt_of({"messages": messages})
    assert [(segment.part, segment.where, segment.text) for segment in prompt.segments] == [
        ("system", "message 1 (system)", "Be brief."),
        ("messages", "message 2 (user), block 1", "Hi"),
        ("messages", "message 2 (user), block 2", "there"),
        ("messages", "message 3 (system)", "Note."),
    ]


def test_openais_calls_and_names_are_part_of_the_prompt() -> None:
    prompt = golden("azure/2_tool_calls")
    assert [segment.name for segment in prompt.part("tools")] == ["get_weather"]
    call, result, its_id = prompt.part("messages")[1:]
    assert "Rome" in call.text and result.text == "Sunny." and "call_1" in its_id.text


@pytest.mark.parametrize("ttl", ["5m", "1h"])
def test_moving_a_point_does_not_change_the_prompt(ttl: str) -> None:
    marked = prompt_of({"messages": [{"role": "user", "content": [text("a", ttl), text("b")]}]})
    other = prompt_of({"messages": [{"role": "user", "content": [text("a"), text("b", ttl)]}]})
    assert marked.points == [0] and other.points == [1]
    assert all(one.same_as(two) for one, two in zip(marked.segments, other.segments, strict=True))


def test_a_point_inside_a_result_stands_on_the_result() -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [text("x", "1h")]}
    (segment,) = prompt_of({"messages": [{"role": "user", "content": [result]}]}).segments
    assert segment.ttl == HOUR and "cache_control" not in segment.text


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "cache_control": EMPTY},
        {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b", "cache_control": EMPTY}]},
    ],
)
def test_a_point_on_the_whole_marks_its_last_block(body: dict[str, Any]) -> None:
    assert prompt_of(body).points == [1]


@pytest.mark.parametrize(
    ("kind", "block"),
    [
        ("image", {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 9000}}),
        ("image", {"image": {"format": "png", "source": {"bytes": "A" * 9000}}}),
        ("image", {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 9000}}),
        ("document", {"document": {"format": "pdf", "name": "a", "source": {"bytes": "A" * 9000}}}),
        ("document", {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 9000}}),
    ],
)
def test_files_are_short_and_told_apart(kind: str, block: dict[str, Any]) -> None:
    def read(block: object) -> Any:
        (segment,) = prompt_of({"messages": [{"role": "user", "content": [block]}]}).segments
        return segment

    segment = read(block)
    assert segment.kind == kind and len(segment.text) < 300 and "digest" in segment.text and segment.tokens >= 75
    assert read(json.loads(json.dumps(block).replace("AAAA", "AAAB"))).text != segment.text


def test_chinese_has_more_tokens_than_english_of_that_length() -> None:
    prompt = prompt_of({"messages": [{"role": "user", "content": [text("雨落在城堡上"), text("castle")]}]})
    chinese, english = prompt.segments
    assert chinese.tokens == 3 * english.tokens


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"tool_choice": {"type": "any"}}, "tool choice"),
        ({"toolConfig": {"toolChoice": {"any": {}}}}, "tool choice"),
        ({"thinking": {"type": "disabled"}}, "thinking"),
        ({"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}}, "thinking"),
        ({"output_config": {"effort": "low"}}, "effort"),
        ({"response_format": {"type": "json_object"}}, "answer format"),
        ({"temperature": 1, "stream": True}, None),
    ],
)
def test_settings_that_matter_to_the_cache_are_kept(body: dict[str, Any], name: str | None) -> None:
    assert list(prompt_of(chat() | body).settings) == ([name] if name else [])


def test_a_long_setting_is_a_digest() -> None:
    def kept(letter: str) -> str:
        return prompt_of(chat(response_format={"schema": letter * 5000})).settings["answer format"]

    assert len(kept("a")) < 100 and kept("a") != kept("b")


@pytest.mark.parametrize(
    "body", [{}, {"messages": []}, {"messages": None}, {"messages": "x"}, {"inputText": "x"}, {"contents": [{}]}]
)
def test_what_holds_no_prompt_is_none(body: dict[str, Any]) -> None:
    assert read_prompt(body) is None


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": ["a"] * 20_001}]},
        {"messages": [{"role": "user", "content": "a"}] * 20_001},
        {"messages": [{"role": "user", "tool_calls": [{}] * 20_001}]},
        {"messages": [{"role": "user", "content": "a", "name": "b"}] * 10_001},
        {"messages": ["a"], "system": ["a"] * 20_000},
        {"messages": ["a"], "tools": [{}] * 20_000},
        {"messages": ["a"], "functions": [{}] * 20_000},
        {"messages": ["a"], "toolConfig": {"tools": [{}] * 20_000}},
    ],
)
def test_a_prompt_of_too_many_blocks_has_none(body: dict[str, Any]) -> None:
    prompt = read_prompt(body)
    assert prompt is not None and not prompt.segments


def test_a_prompt_of_many_blocks_has_all() -> None:
    body = {"messages": [{"role": "user", "content": ["a"] * 9_999}] * 2, "system": "a", "tools": [{}]}
    prompt = read_prompt(body)
    assert prompt and len(prompt.segments) == 20_000


def test_a_body_that_is_nested_too_deep_is_none() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [{"a": deep}]
    assert read_prompt({"messages": deep}) is None
    assert read_prompt({"messages": [], "thinking": deep}) is None


def test_every_golden_request_is_read() -> None:
    bodies = [json.loads(file.read_bytes()) for file in CASES.glob("*/*/cloud.json")]
    chats = [body for body in bodies if "messages" in body]
    assert len(chats) > 500
    for body in chats:
        prompt = read_prompt(body)
        assert prompt is not None and prompt.part("messages") and all(segment.where for segment in prompt.segments)


def test_damaged_requests_are_read_or_not() -> None:
    whole = json.loads((CASES / "converse_claude/2_cache_marks/cloud.json").read_bytes())
    hurt = damaged(whole, 400)
    assert 100 < sum(read_prompt(body) is not None for body in hurt) < len(hurt)


KEYS = (
    *("messages", "system", "tools", "toolConfig", "content", "role", "type", "text", "cachePoint", "cache_control"),
    *("ttl", "tool_calls", "source", "bytes", "data", "function", "name", "thinking"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=80)
@given(st.dictionaries(st.sampled_from(["messages", "system", "tools", "toolConfig", "cache_control"]), JSON))
def test_anything_is_read_without_an_error(body: dict[str, Any]) -> None:
    prompt = read_prompt(body)
    assert prompt is None or (prompt.segments and prompt.tokens >= 0)
