"""The check against the vendors' types: what is right has no faults, and one wrong thing is found where it stands."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from tests.support.sdk_types import anthropic_faults, counting_faults, openai_chunk_faults, openai_faults

BODY: dict[str, Any] = {
    "anthropic_version": "vertex-2023-10-16",
    "anthropic_beta": ["context-management-2025-06-27"],
    "context_management": {"edits": []},
    "max_tokens": 2048,
    "temperature": 1,
    "stop_sequences": ["\nUser:"],
    "metadata": {"user_id": "a"},
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "tools": [
        {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "x": 1}, "strict": True},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
    ],
    "messages": [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "it"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "is_error": False,
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}}
                    ],
                },
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "title": "t"},
            ],
        },
        {"role": "system", "content": [{"type": "text", "text": "Now."}]},
    ],
}
COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_700_000_000,
    "model": "claude",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "logprobs": None,
            "stop_sequence": "x",
            "message": {
                "role": "assistant",
                "content": None,
                "reasoning_content": "Hm",
                "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "c2ln"}],
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
            },
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    },
}
CHUNK: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_700_000_000,
    "model": "claude",
    "choices": [
        {
            "index": 0,
            "finish_reason": None,
            "logprobs": None,
            "delta": {
                "tool_calls": [{"index": 0, "function": {"arguments": '{"a'}}],
                "reasoning": "Hm",
                "thinking_blocks": [{"index": 0, "type": "thinking", "thinking": "Hm", "signature": "c2ln"}],
            },
        }
    ],
    "usage": None,
}


def changed(value: dict[str, Any], way: str, new: Any) -> dict[str, Any]:
    """A copy with `new` at the end of `way`; `...` takes what stands there out."""
    copy = deepcopy(value)
    *steps, last = [int(step) if step.isdigit() else step for step in way.split(".")]
    at: Any = copy
    for step in steps:
        at = at[step]
    if new is ...:
        del at[last]
    else:
        at[last] = new
    return copy


def test_a_right_request_has_no_faults() -> None:
    assert anthropic_faults(BODY) == []
    assert anthropic_faults(BODY | {"stream": True}) == []
    counted = {key: BODY[key] for key in ("messages", "system", "tools", "tool_choice", "thinking", "output_config")}
    assert counting_faults(counted | {"model": "claude-opus-4-8"}) == []


@pytest.mark.parametrize(
    ("way", "new", "why"),
    [
        ("max_tokens", ..., "max_tokens: Field required"),
        ("max_tokens", "2048", "max_tokens: Input should be a valid integer"),
        ("max_tokens", True, "max_tokens: Input should be a valid integer"),
        ("stream", "yes", "stream: Input should be False"),
        ("top_logprobs", 1, "top_logprobs: Extra inputs are not permitted"),
        ("service_tier", "fast", "service_tier: Input should be"),
        ("stop_sequences", "x", "stop_sequences: Input should be a valid list"),
        ("stop_sequences.0", 1, "stop_sequences.0: Input should be a valid string"),
        ("metadata.user", "x", "metadata.user: Extra inputs are not permitted"),
        ("system.0.cache_control.scope", "global", "system.list.0.cache_control.dict.scope: Extra inputs"),
        ("system.0.cache_control.ttl", "2h", "cache_control.dict.ttl: Input should be '5m' or '1h'"),
        ("system.0.text", ..., "system.list.0.text: Field required"),
        ("thinking.type", "on", "thinking: Input tag 'on'"),
        ("thinking", {"type": "enabled"}, "thinking.enabled.budget_tokens: Field required"),
        ("output_config.effort", "huge", "output_config.effort"),
        ("output_config.format.name", "x", "output_config.format.dict.name: Extra inputs"),
        ("output_config.format.type", "json", "output_config.format.dict.type: Input should be 'json_schema'"),
        ("tool_choice", {"type": "tool"}, "tool_choice.tool.name: Field required"),
        ("tool_choice", {"type": "none", "disable_parallel_tool_use": True}, "tool_choice.none.disable_parallel"),
        ("tools.0.parameters", {}, "tools.0.custom.parameters: Extra inputs"),
        ("tools.0.input_schema", ..., "tools.0.custom.input_schema: Field required"),
        ("tools.0.strict", "yes", "tools.0.custom.strict: Input should be a valid boolean"),
        ("tools.0.type", "function", "tools.0: Input tag 'function'"),
        ("tools.1.max_uses", "3", "tools.1.web_search_20250305.max_uses"),
        ("tools.1.type", "web_search", "tools.1: Input tag 'web_search'"),
        ("messages.0", "Hi", "messages.0: Unable to extract tag"),
        ("messages.0.role", "tool", "messages.0: Input tag 'tool'"),
        ("messages.0.name", "Ann", "messages.0.user.name: Extra inputs"),
        ("messages.0.content", None, "messages.0.user.content: Input tag 'NoneType'"),
        ("messages.1.content.0.signature", ..., "messages.1.assistant.content.list.0.thinking.signature: Field"),
        ("messages.1.content.0.cache_control", {}, "list.0.thinking.cache_control: Extra inputs"),
        ("messages.1.content.1.input", "{}", "list.1.tool_use.input: Input should be a valid dictionary"),
        ("messages.2.content.0.tool_use_id", 1, "list.0.tool_result.tool_use_id: Input should be a valid string"),
        ("messages.2.content.0.is_error", "no", "list.0.tool_result.is_error: Input should be a valid boolean"),
        ("messages.2.content.0.content.0.detail", "low", "content.list.0.image.detail: Extra inputs"),
        ("messages.2.content.0.content.0.source.media_type", "image/bmp", "source.base64.media_type: Input should be"),
        ("messages.2.content.1.source.type", "inline", "document.source: Input tag 'inline'"),
        ("messages.2.content.1.type", "file", "messages.2.user.content.list.1: Input tag 'file'"),
        ("messages.3.content.0.text", 1, "messages.3.system.content.list.0.text: Input should be a valid string"),
    ],
)
def test_finds_what_is_wrong_with_a_request(way: str, new: Any, why: str) -> None:
    (fault,) = anthropic_faults(changed(BODY, way, new))
    assert why in fault


def test_finds_what_does_not_belong_into_a_count() -> None:
    faults = counting_faults({"model": "claude-opus-4-8", "messages": [], "max_tokens": 1, "stream": False})
    assert faults == [f"{key}: Extra inputs are not permitted" for key in ("max_tokens", "stream")]


def test_right_answers_have_no_faults() -> None:
    for reply in (COMPLETION, json.dumps(COMPLETION).encode()):
        assert openai_faults(reply) == []
    for chunk in (CHUNK, json.dumps(CHUNK).encode(), CHUNK | {"choices": []}):
        assert openai_chunk_faults(chunk) == []
    error = {"message": "Overloaded", "type": "server_error", "param": None, "code": "overloaded"}
    assert openai_chunk_faults({"error": error, "choices": []}) == []


@pytest.mark.parametrize(
    ("way", "new", "why"),
    [
        ("id", ..., "id: Field required"),
        ("created", 1.5, "created: Input should be a valid integer"),
        ("object", "chat.completion.chunk", "object: Input should be 'chat.completion'"),
        ("extra", 1, "extra: unknown key"),
        ("choices.0.finish_reason", "end_turn", "choices.0.finish_reason: Input should be"),
        ("choices.0.finish_reason", None, "choices.0.finish_reason: Input should be"),
        ("choices.0.message.role", "user", "choices.0.message.role: Input should be 'assistant'"),
        ("choices.0.message.content", ["x"], "choices.0.message.content: Input should be a valid string"),
        ("choices.0.message.stop_sequence", "x", "choices.message.stop_sequence: unknown key"),
        ("choices.0.message.tool_calls.0.index", 0, "choices.message.tool_calls.index: unknown key"),
        ("choices.0.message.tool_calls.0.function.arguments", {}, "arguments: Input should be a valid string"),
        ("usage.total_tokens", ..., "usage.total_tokens: Field required"),
        ("usage.input_tokens", 1, "usage.input_tokens: unknown key"),
        ("usage.prompt_tokens_details.cached_tokens", "0", "cached_tokens: Input should be a valid integer"),
    ],
)
def test_finds_what_is_wrong_with_an_answer(way: str, new: Any, why: str) -> None:
    wrong = changed(COMPLETION, way, new)
    for reply in (wrong, json.dumps(wrong).encode()):
        assert any(why in fault for fault in openai_faults(reply)), openai_faults(reply)


@pytest.mark.parametrize(
    ("way", "new", "why"),
    [
        ("choices", ..., "choices: Field required"),
        ("choices.0.delta", ..., "choices.0.delta: Field required"),
        ("choices.0.delta.thinking", "x", "choices.delta.thinking: unknown key"),
        ("choices.0.delta.tool_calls.0.index", ..., "tool_calls.0.index: Field required"),
        ("choices.0.delta.thinking_blocks.0.index", ..., "choices.delta.thinking_blocks: an entry without `index`"),
        ("choices.0.delta.tool_calls.0.index", "0", "tool_calls.0.index: Input should be a valid integer"),
        ("choices.0.finish_reason", "overloaded_error", "choices.0.finish_reason: Input should be"),
        ("object", "chat.completion", "object: Input should be 'chat.completion.chunk'"),
        ("error", "Overloaded", "choices: an error event has an empty list"),
    ],
)
def test_finds_what_is_wrong_with_a_chunk(way: str, new: Any, why: str) -> None:
    wrong = changed(CHUNK, way, new)
    for chunk in (wrong, json.dumps(wrong).encode()):
        assert any(why in fault for fault in openai_chunk_faults(chunk)), openai_chunk_faults(chunk)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ({"message": "x", "type": "y", "param": None}, "error: the keys are not"),
        ({"message": 1, "type": "y", "param": None, "code": None}, "error.message: no string"),
        ({"message": "x", "type": None, "param": None, "code": None}, "error.type: no string"),
    ],
)
def test_finds_what_is_wrong_with_an_error_event(error: dict[str, Any], why: str) -> None:
    (fault,) = openai_chunk_faults({"error": error, "choices": []})
    assert why in fault
