"""The judge of OpenAI's language: what each kind of model takes and refuses, in OpenAI's words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.openai_models import model
from tests.support.openai_rules import chat_faults, embedding_faults, image_faults

HELLO = {"role": "user", "content": "Hello"}
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
CALL = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
PNG = "data:image/png;base64,iVBORw0KGgo="
CHAT, THINKER, O_SERIES = "gpt-4o-2024-08-06", "gpt-5-2025-08-07", "o4-mini-2025-04-16"


def judged(name: str, **changes: Any) -> list[Any]:
    facts = model(name)
    assert facts is not None
    return chat_faults({"messages": [HELLO]} | changes, facts)


def asking(*parts: Any) -> list[Any]:
    return [{"role": "user", "content": list(parts)}]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (CHAT, {}),
        (CHAT, {"model": "x", "temperature": 2, "top_p": 0.5, "max_tokens": 5, "stop": ["a"] * 4, "n": 2, "seed": 1}),
        (CHAT, {"logprobs": True, "top_logprobs": 3, "logit_bias": {"50": 1}, "user": "x", "presence_penalty": -2}),
        (CHAT, {"stream": True, "stream_options": {"include_usage": True}}),
        (CHAT, {"tools": [LOOK], "tool_choice": "required", "parallel_tool_calls": False}),
        (CHAT, {"tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "look"}}}),
        (CHAT, {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}}),
        (CHAT, {"messages": [{"role": "system", "content": "JSON!"}], "response_format": {"type": "json_object"}}),
        (CHAT, {"messages": asking({"type": "image_url", "image_url": {"url": PNG, "detail": "low"}})}),
        (CHAT, {"messages": asking({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}})}),
        (
            CHAT,
            {
                "messages": [
                    HELLO,
                    {"role": "assistant", "content": None, "tool_calls": [CALL, CALL | {"id": "b"}]},
                    {"role": "tool", "tool_call_id": "b", "content": "x"},
                    {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "x"}]},
                ]
            },
        ),
        (THINKER, {"max_completion_tokens": 9, "reasoning_effort": "minimal", "verbosity": "low", "temperature": 1}),
        (O_SERIES, {"max_completion_tokens": 9, "reasoning_effort": "high", "tools": [LOOK], "top_p": 1}),
    ],
)
def test_takes_what_is_right(name: str, changes: dict[str, Any]) -> None:
    assert judged(name, **changes) == []


@pytest.mark.parametrize(
    ("name", "changes", "why", "param"),
    [
        (CHAT, {"top_k": 5}, "Unrecognized request argument supplied: top_k", None),
        (CHAT, {"top_k": 5, "min_p": 0}, "Unrecognized request arguments supplied: min_p, top_k", None),
        (CHAT, {"reasoning_effort": "low"}, "Unrecognized request argument supplied: reasoning_effort", None),
        (CHAT, {"thinking": {}}, "Unrecognized request argument supplied: thinking", None),
        (CHAT, {"temperature": 2.1}, "Invalid 'temperature': decimal out of range", "temperature"),
        (CHAT, {"temperature": "1"}, "Invalid type for 'temperature'", "temperature"),
        (CHAT, {"frequency_penalty": 3}, "Invalid 'frequency_penalty'", "frequency_penalty"),
        (CHAT, {"max_tokens": 0}, "Invalid 'max_tokens': integer below minimum value", "max_tokens"),
        (CHAT, {"max_tokens": 5, "max_completion_tokens": 5}, "at the same time is not supported", "max_tokens"),
        (CHAT, {"n": 0}, "Invalid 'n'", "n"),
        (CHAT, {"stop": ["a"] * 5}, "Expected an array with maximum length 4", "stop"),
        (CHAT, {"stop": [""]}, "Invalid 'stop'", "stop"),
        (CHAT, {"top_logprobs": 3}, "'logprobs' must be set to true", "top_logprobs"),
        (CHAT, {"logit_bias": []}, "Invalid type for 'logit_bias'", "logit_bias"),
        (CHAT, {"stream": "yes"}, "Invalid type for 'stream'", "stream"),
        (CHAT, {"stream_options": {}}, "only allowed when 'stream' is enabled", "stream_options"),
        (CHAT, {"stream": True, "stream_options": {"x": 1}}, "Unknown parameter in 'stream_options'", "stream_options"),
        (CHAT, {"metadata": {"a": "b"}}, "only allowed when 'store' is enabled", "metadata"),
        (CHAT, {"response_format": {"type": "xml"}}, "Invalid value: 'xml'", "response_format.type"),
        (CHAT, {"response_format": {"type": "json_object"}}, "must contain the word 'json'", "messages"),
        (
            CHAT,
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "Missing required parameter",
            "response_format.json_schema.name",
        ),
        (
            CHAT,
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {}}}},
            "'additionalProperties' must be false",
            "response_format",
        ),
        (CHAT, {"tool_choice": "auto"}, "only allowed when 'tools' are specified", "tool_choice"),
        (CHAT, {"parallel_tool_calls": True}, "only allowed when 'tools' are specified", "parallel_tool_calls"),
        (CHAT, {"tools": []}, "Invalid 'tools': empty array", "tools"),
        (CHAT, {"tools": [LOOK] * 129}, "array too long", "tools"),
        (CHAT, {"tools": [{"name": "look"}]}, "Missing required parameter", "tools[0].function"),
        (CHAT, {"tools": [LOOK], "tool_choice": "any"}, "Invalid value: 'any'", "tool_choice"),
        (
            CHAT,
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "does not match the pattern",
            "tools[0].function.name",
        ),
        (
            CHAT,
            {"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "string"}}}]},
            "Invalid schema for function 'a'",
            "tools[0].function.parameters",
        ),
        (
            CHAT,
            {"tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "the function isn't in 'tools'",
            "tool_choice",
        ),
        (CHAT, {"messages": None}, "Missing required parameter: 'messages'", "messages"),
        (CHAT, {"messages": []}, "Invalid 'messages': empty array", "messages"),
        (CHAT, {"messages": [HELLO | {"role": "human"}]}, "Invalid value: 'human'", "messages[0].role"),
        (CHAT, {"messages": [HELLO | {"prefix": True}]}, "Unknown parameter", "messages[0].prefix"),
        (
            CHAT,
            {"messages": [{"role": "assistant", "content": "x", "reasoning_content": "y"}]},
            "Unknown parameter: 'messages[0].reasoning_content'",
            "messages[0].reasoning_content",
        ),
        (CHAT, {"messages": [HELLO | {"name": "Ann Lee"}]}, "does not match pattern", "messages[0].name"),
        (CHAT, {"messages": [{"role": "user", "content": None}]}, "got null", "messages[0].content"),
        (CHAT, {"messages": [{"role": "assistant", "content": None}]}, "got null", "messages[0].content"),
        (
            CHAT,
            {"messages": asking({"type": "image", "source": {}})},
            "Invalid value: 'image'",
            "messages[0].content[0].type",
        ),
        (
            CHAT,
            {"messages": asking({"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}})},
            "Invalid base64 image_url",
            "messages[0].content[0].image_url.url",
        ),
        (
            CHAT,
            {"messages": asking({"type": "image_url", "image_url": {"url": "gs://a/b.png"}})},
            "Expected a valid URL",
            "messages[0].content[0].image_url.url",
        ),
        (
            "gpt-35-turbo",
            {"messages": asking({"type": "image_url", "image_url": {"url": PNG}})},
            "image_url is only supported by certain models",
            "messages[0].content[0].type",
        ),
        (
            CHAT,
            {"messages": [HELLO, {"role": "assistant", "tool_calls": [CALL]}, HELLO]},
            "must be followed by tool messages responding to each 'tool_call_id'",
            "messages.[2].role",
        ),
        (
            CHAT,
            {"messages": [HELLO, {"role": "tool", "tool_call_id": "a", "content": "x"}]},
            "must be a response to a preceeding message with 'tool_calls'",
            "messages.[1].role",
        ),
        (
            THINKER,
            {"max_tokens": 5},
            "'max_tokens' is not supported with this model. Use 'max_completion_tokens'",
            "max_tokens",
        ),
        (
            THINKER,
            {"temperature": 0.5},
            "'temperature' does not support 0.5 with this model. Only the default (1)",
            "temperature",
        ),
        (THINKER, {"presence_penalty": 1}, "'presence_penalty' does not support 1", "presence_penalty"),
        (CHAT, {"messages": asking({"type": "text", "text": 1})}, "Invalid type", "messages[0].content[0].text"),
        (
            CHAT,
            {"messages": asking({"type": "image_url", "image_url": {"url": PNG, "format": "png"}})},
            "Unknown parameter",
            "messages[0].content[0].image_url",
        ),
        (
            CHAT,
            {"messages": [HELLO, {"role": "assistant", "tool_calls": [CALL | {"type": "custom"}]}]},
            "Missing required parameter: 'messages[1].tool_calls[0].function'",
            "messages[1].tool_calls[0]",
        ),
        (
            CHAT,
            {"messages": [HELLO, {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "look"}}]}]},
            "expected a string",
            "messages[1].tool_calls[0]",
        ),
        (CHAT, {"tools": [LOOK | {"strict": True}]}, "Unknown parameter", "tools[0]"),
        (
            CHAT,
            {"tools": [{"type": "function", "function": {"name": "a", "cache_control": {}}}]},
            "Unknown parameter",
            "tools[0].function.cache_control",
        ),
        (THINKER, {"stop": ["a"]}, "'stop' is not supported with this model", "stop"),
        (THINKER, {"logprobs": True}, "'logprobs' is not supported with this model", "logprobs"),
        (THINKER, {"reasoning_effort": "xhigh"}, "'reasoning_effort' does not support 'xhigh'", "reasoning_effort"),
        (O_SERIES, {"reasoning_effort": "minimal"}, "does not support 'minimal'", "reasoning_effort"),
        (
            O_SERIES,
            {"tools": [LOOK], "parallel_tool_calls": True},
            "'parallel_tool_calls' is not",
            "parallel_tool_calls",
        ),
    ],
)
def test_refuses_what_openai_refuses(name: str, changes: dict[str, Any], why: str, param: str | None) -> None:
    found = judged(name, **changes)
    assert any(why in fault.message and fault.param == param for fault in found), found


def test_refuses_what_is_no_object() -> None:
    facts = model(CHAT)
    assert facts is not None
    assert chat_faults([], facts) and embedding_faults(None, facts) and image_faults("x", facts)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"input": "a"}, None),
        ({"input": ["a", "b"], "encoding_format": "base64", "dimensions": 512, "user": "x"}, None),
        ({"input": [1, 2, 3]}, None),
        ({"input": [[1], [2]]}, None),
        ({}, "'$.input' is invalid"),
        ({"input": ""}, "'$.input' is invalid"),
        ({"input": []}, "'$.input' is invalid"),
        ({"input": ["a", ""]}, "'$.input' is invalid"),
        ({"input": ["a"] * 2049}, "array too long"),
        ({"input": "a", "encoding_format": "hex"}, "Invalid 'encoding_format'"),
        ({"input": "a", "dimensions": 1537}, "expected a value between 1 and 1536"),
        ({"input": "a", "truncate": True}, "Unrecognized request argument supplied: truncate"),
    ],
)
def test_judges_requests_for_vectors(body: dict[str, Any], why: str | None) -> None:
    facts, older = model("text-embedding-3-small"), model("text-embedding-ada-002")
    assert facts is not None and older is not None
    found = embedding_faults(body, facts)
    assert found == [] if why is None else why in found[0].message
    assert embedding_faults({"input": "a", "dimensions": 5}, older)[0].param == "dimensions"


@pytest.mark.parametrize(
    ("name", "body", "why"),
    [
        ("dall-e-3", {"prompt": "a", "size": "1792x1024", "quality": "hd", "response_format": "b64_json"}, None),
        ("gpt-image-1", {"prompt": "a", "n": 3, "size": "auto", "quality": "low", "output_format": "png"}, None),
        ("dall-e-3", {"prompt": "a", "n": 2}, "Invalid 'n'"),
        ("dall-e-3", {"prompt": "a", "size": "512x512"}, "Invalid value: '512x512'"),
        ("dall-e-3", {"prompt": ""}, "Missing required parameter: 'prompt'"),
        ("gpt-image-1", {"prompt": "a", "response_format": "b64_json"}, "Unknown parameter: 'response_format'"),
        ("gpt-image-1", {"prompt": "a", "quality": "hd"}, "Invalid value: 'hd'"),
    ],
)
def test_judges_requests_for_pictures(name: str, body: dict[str, Any], why: str | None) -> None:
    facts = model(name)
    assert facts is not None
    found = image_faults(body, facts)
    assert found == [] if why is None else why in found[0].message


@pytest.mark.parametrize("name", ["claude-sonnet-4-5", "gemini-2.5-pro", "", "gpt"])
def test_knows_no_others(name: str) -> None:
    assert model(name) is None
