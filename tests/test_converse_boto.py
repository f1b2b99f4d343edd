"""Chats as Converse takes them, beside what boto3 would send for the same."""

from __future__ import annotations

from oai_bridge.settings.values import Claude
from tests.support.boto import sent_by_boto
from tests.support.converse_chats import (
    CALL,
    HI,
    LOOP,
    RESULT,
    SCHEMA,
    TOOL,
    body,
)
from tests.support.request_messages import PDF, PNG


def test_a_plain_chat_is_what_boto3_would_send() -> None:
    ours = body(
        "nova-pro",
        messages=[
            {"role": "system", "content": "Be kind."},
            HI,
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [{"type": "text", "text": "Why?"}]},
        ],
        max_tokens=100,
        temperature=0.5,
        top_p=0.9,
        stop=["END"],
    )
    assert ours == sent_by_boto(
        messages=[
            {"role": "user", "content": [{"text": "Hi"}]},
            {"role": "assistant", "content": [{"text": "Hello"}]},
            {"role": "user", "content": [{"text": "Why?"}]},
        ],
        system=[{"text": "Be kind."}],
        inferenceConfig={"maxTokens": 100, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
    )


def test_a_loop_of_tools_is_what_boto3_would_send() -> None:
    ours = body("nova-pro", messages=LOOP, tools=[TOOL], tool_choice="required", max_tokens=100)
    assert ours == sent_by_boto(
        messages=[
            {"role": "user", "content": [{"text": "Hi"}]},
            {
                "role": "assistant",
                "content": [
                    {"text": "Let me see."},
                    {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}},
                ],
            },
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "Sunny."}]}}]},
        ],
        inferenceConfig={"maxTokens": 100},
        toolConfig={
            "tools": [{"toolSpec": {"name": "weather", "description": "The weather", "inputSchema": {"json": SCHEMA}}}],
            "toolChoice": {"any": {}},
        },
    )


WORD = "UEsDBAAA"


def test_pictures_and_files_are_what_boto3_would_send() -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "file", "file": {"filename": "a report_v2.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        {"type": "file", "file": {"filename": "a.docx", "file_data": WORD}},
    ]
    ours = body("nova-pro", messages=[{"role": "user", "content": parts}], max_tokens=100)
    assert body("claude-sonnet-4-5", messages=[{"role": "user", "content": parts}], max_tokens=100) == ours
    assert ours == sent_by_boto(
        messages=[
            {
                "role": "user",
                "content": [
                    {"text": "What is this?"},
                    {"image": {"format": "png", "source": {"bytes": PNG}}},
                    {"document": {"format": "pdf", "name": "a report v2 pdf", "source": {"bytes": PDF}}},
                    {"document": {"format": "docx", "name": "a docx", "source": {"bytes": WORD}}},
                ],
            }
        ],
        inferenceConfig={"maxTokens": 100},
    )


def test_claudes_thinking_is_what_boto3_would_send() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "Hm", "signature": "c2VhbA=="},
        {"type": "redacted_thinking", "data": "eA=="},
    ]
    messages = [HI, CALL | {"thinking_blocks": thoughts}, RESULT]
    settings = Claude(cache="auto", cache_ttl="1h")
    ours = body(
        "claude-sonnet-4-5",
        settings=settings,
        messages=[{"role": "system", "content": "Be kind. " * 5000}, *messages],
        tools=[TOOL],
        thinking={"type": "enabled", "budget_tokens": 2000},
        max_tokens=4000,
        anthropic_beta=["context-1m-2025-08-07"],
    )
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert ours == sent_by_boto(
        messages=[
            {"role": "user", "content": [{"text": "Hi"}, point]},
            {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2VhbA=="}}},
                    {"reasoningContent": {"redactedContent": "eA=="}},
                    {"text": "Let me see."},
                    {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Rome"}}},
                ],
            },
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "Sunny."}]}}, point]},
        ],
        system=[{"text": "Be kind. " * 5000}, point],
        inferenceConfig={"maxTokens": 4000},
        toolConfig={
            "tools": [
                {"toolSpec": {"name": "weather", "description": "The weather", "inputSchema": {"json": SCHEMA}}},
                point,
            ]
        },
        additionalModelRequestFields={
            "thinking": {"type": "enabled", "budget_tokens": 2000},
            "anthropic_beta": ["context-1m-2025-08-07"],
        },
    )
