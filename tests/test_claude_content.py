"""A turn put together again: as it came, block by block, ready to be sent back."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from oai_bridge.dialects.claude_content import Content
from oai_bridge.dialects.claude_wire import read_event


def take(turn: Content, index: int, /, **delta: Any) -> None:
    message = json.dumps({"type": "content_block_delta", "index": index, "delta": delta}).encode()
    event = read_event(message)
    assert event.delta is not None
    turn.take(index, event.delta, message)


def grown(block: dict[str, Any], *deltas: dict[str, Any]) -> Any:
    content = Content()
    content.start(0, block)
    for delta in deltas:
        take(content, 0, **delta)
    return content.blocks()


SOURCE = {"type": "web_search_result_location", "url": "u", "encrypted_index": "e"}


@pytest.mark.parametrize(
    ("block", "deltas", "whole"),
    [
        (
            {"type": "text", "text": "", "citations": None},
            [{"type": "text_delta", "text": "He"}, {"type": "text_delta", "text": "y"}],
            {"type": "text", "text": "Hey", "citations": None},
        ),
        (
            {"type": "text", "text": "H", "citations": [SOURCE]},
            [{"type": "text_delta", "text": "i"}, {"type": "citations_delta", "citation": SOURCE}],
            {"type": "text", "text": "Hi", "citations": [SOURCE, SOURCE]},
        ),
        (
            {"type": "text", "text": "H", "citations": 5},
            [{"type": "citations_delta", "citation": SOURCE}],
            {"type": "text", "text": "H", "citations": [SOURCE]},
        ),
        (
            {"type": "thinking", "thinking": "", "signature": ""},
            [{"type": "thinking_delta", "thinking": "Hm"}, {"type": "signature_delta", "signature": "s"}],
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
        ),
        (
            {"type": "thinking", "thinking": None},
            [{"type": "thinking_delta", "thinking": "Hm"}, {"type": "signature_delta", "signature": "s"}],
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
        ),
        (
            {"type": "thinking", "thinking": "", "signature": "s"},
            [],
            {"type": "thinking", "thinking": "", "signature": "s"},
        ),
        ({"type": "redacted_thinking", "data": "d"}, [], {"type": "redacted_thinking", "data": "d"}),
        (
            {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
            [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"a":', " [1]}")],
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}, "caller": {"type": "direct"}},
        ),
        ({"type": "tool_use", "input": {"a": 1}}, [], {"type": "tool_use", "input": {"a": 1}}),
        (
            {"type": "tool_use", "input": {}},
            [{"type": "input_json_delta", "partial_json": '{"a'}],
            {"type": "tool_use", "input": {}},
        ),
        (
            {"type": "tool_use", "input": {}},
            [{"type": "input_json_delta", "partial_json": "[1]"}],
            {"type": "tool_use", "input": {}},
        ),
        (
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            [{"type": "input_json_delta", "partial_json": '{"query":"x"}'}],
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        ),
        (
            {"type": "compaction", "content": None},
            [{"type": "compaction_delta", "content": "c", "encrypted_content": "e"}],
            {"type": "compaction", "content": "c", "encrypted_content": "e"},
        ),
        ({"type": "brand_new", "text": 5, "data": [1]}, [], {"type": "brand_new", "text": 5, "data": [1]}),
    ],
)
def test_a_block(block: dict[str, Any], deltas: list[dict[str, Any]], whole: dict[str, Any]) -> None:
    before = json.dumps(block)
    assert grown(block, *deltas) == (whole,)
    assert json.dumps(block) == before, "what was given is not changed"


@pytest.mark.parametrize("text", ["", " \n"])
def test_a_blank_text_is_left_out(text: str) -> None:
    assert grown({"type": "text", "text": text}) == ()


def test_blocks_stand_in_their_order_and_a_later_request_adds_to_them() -> None:
    content = Content()
    content.start(0, {"type": "text", "text": "a"})
    content.start(1, {"type": "text", "text": "b"})
    take(content, 0, type="text_delta", text="A")
    content.next_request()
    take(content, 0, type="text_delta", text="lost: its block has not begun")
    content.start(0, {"type": "text", "text": "c"})
    take(content, 0, type="text_delta", text="C")
    assert [block["text"] for block in content.blocks()] == ["aA", "b", "cC"]


def test_time_is_linear() -> None:
    def seconds(count: int) -> float:
        pieces = [{"type": "text_delta", "text": "x"}, {"type": "citations_delta", "citation": SOURCE}] * count
        begun = time.process_time()
        grown({"type": "text", "text": ""}, *pieces)
        return time.process_time() - begun

    assert any(seconds(4000) <= 2.5 * seconds(2000) for _ in range(10))
