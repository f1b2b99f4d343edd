"""inspector/prompt.py: a conversation can be read as it was sent, whatever it holds and however long it is."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given

from oai_bridge.inspector.estimate import estimated_tokens
from oai_bridge.inspector.prompt import prompt_page
from oai_bridge.inspector.told import told
from tests.support import kitchen
from tests.test_outline import JSON


def page(body: Any) -> str:
    return prompt_page(json.dumps(body).encode(), "openai", None)


def test_a_conversation() -> None:
    shown = page(kitchen.request(1))
    lines = shown.splitlines()
    assert lines[0].startswith("claude-sonnet-4-5 · 6 messages · 1 tool · 1 image · ")
    assert "seed 42" in lines[3] + lines[4]
    heads = [line for line in lines if line.startswith("── ")]
    assert [head.split(" ─")[0] for head in heads] == [
        "── 1 system",
        "── 2 system",
        "── 3 assistant",
        "── 4 user (Ned)",
        "── 5 assistant",
        "── 6 tool",
        "── tool 1 of 1: look_into_pantry",
    ]
    assert all(" characters · ≈ " in head for head in heads[:-1])
    assert "  This is what I have got. What shall we cook? No nuts, please." in lines
    assert any(line.startswith("  [image · image/png · ") for line in lines) and "iVBOR" not in shown
    assert "  [call of look_into_pantry · toolu_01]" in lines and '    shelf: "middle"' in lines
    assert "  [result of toolu_01]" in lines and f"    {kitchen.PANTRY}" in lines
    assert "  Tells what is in the pantry, with weights in grams." in lines


def test_anthropics_own_requests() -> None:
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    body = {
        "model": "claude-opus-4-8",
        "system": [{"type": "text", "text": "Be kind.", **mark}],
        "messages": [
            {"role": "user", "content": "Hi."},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "s"}]},
        ],
    }
    lines = prompt_page(json.dumps(body).encode(), "anthropic", None).splitlines()
    assert "─ cache point · 8 characters" in lines[lines.index("  Be kind.") - 1]
    assert "  [thinking that the model keeps to itself]" in lines


def test_the_clouds_count_stands_beside_the_guess() -> None:
    seen = told({"usage": {"input": 12_345}})
    assert "12,345 by the cloud's count" in prompt_page(json.dumps(kitchen.request(0)).encode(), "openai", seen)


def test_long_parameters_are_outlined() -> None:
    shown = page({"messages": [], "response_format": {"type": "json_schema", "schema": {"a": "x" * 80}}})
    assert "response_format:" in shown and 'type: "json_schema"' in shown


def test_what_is_no_chat_is_shown_as_it_is() -> None:
    assert prompt_page(b"{half", "openai", None).endswith("\n \n{half")
    assert "`messages` is no list." in page({"model": "m", "messages": "x"})
    assert prompt_page(b"", "openai", None)


def test_control_characters_are_written_out() -> None:
    shown = page({"messages": [{"role": "us\x1ber", "name": "\u202e", "content": "a\x00b\u2028c"}]})
    assert "a\\x00b\\u2028c" in shown and "us\\x1ber" in shown and "\\u202e" in shown
    assert not set("\x00\x1b\u2028\u202e") & set(shown)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "word " * 2_000_000}],
        [{"role": "user", "content": "word " * 20} for _ in range(100_000)],
        [
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10**7}}],
            }
        ],
    ],
    ids=["one message", "many messages", "a picture"],
)
def test_ten_megabytes_stay_usable(messages: Any) -> None:
    body = json.dumps({"messages": messages}).encode()
    assert len(body) > 10_000_000
    began = time.process_time()
    shown = prompt_page(body, "openai", None)
    assert time.process_time() - began < 10
    assert len(shown) < 700_000
    if "[image" not in shown:
        assert "left out here" in shown


def test_the_latest_of_very_many_messages_are_shown() -> None:
    shown = page({"messages": [{"role": "user", "content": f"message {number}"} for number in range(1, 3001)]})
    assert "[… 2,500 messages are left out here …]" in shown
    assert "message 100\n" in shown and "message 101\n" not in shown and "message 2601\n" in shown
    assert shown.endswith("message 3000")


@given(JSON)
def test_any_json_can_be_shown(value: Any) -> None:
    part = {"type": "tool_use", "input": value, "name": value}
    assert page(value)
    assert page({"messages": [{"role": "user", "content": [part, value]}], "tools": value, "x": value})


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("", 0, 0),
        ("The quick brown fox jumps over the lazy dog. " * 20, 180, 280),
        ("敏捷的棕色狐狸跳过了懒狗。" * 20, 200, 400),
        ("Съешь же ещё этих мягких французских булок. " * 20, 300, 600),
    ],
)
def test_a_guess_at_tokens(text: str, least: int, most: int) -> None:
    assert least <= estimated_tokens(text) <= most
