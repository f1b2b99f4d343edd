"""The parts of OpenAI's answers, in the eyes of its SDK."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types import CompletionUsage
from openai.types.chat.chat_completion_message import Annotation
from openai.types.chat.chat_completion_message_custom_tool_call import ChatCompletionMessageCustomToolCall
from pydantic import BaseModel

from oai_bridge.events import Citation, CustomCall, RedactedThinking, Usage
from oai_bridge.openai.shapes import annotation, custom_call, redacted_thought, signed_thought, usage_object


@pytest.mark.parametrize(
    ("usage", "value"),
    [
        (
            Usage(),
            {
                "prompt_tokens": 0,
                "completion_tokens": 0,
                "total_tokens": 0,
                "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            },
        ),
        (
            Usage(1, 2, 4, 8, 0),
            {
                "prompt_tokens": 13,
                "completion_tokens": 2,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 8},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        ),
    ],
)
def test_usage_adds_up_with_the_cache(usage: Usage, value: dict[str, Any]) -> None:
    """any-llm#622, langchain#32818, litellm#11789, rust-genai#129: a prompt without its cached tokens."""
    assert usage_object(usage) == value


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (CompletionUsage, usage_object(Usage(1, 2, 4, 8, 1))),
        (Annotation, annotation(Citation("https://a.example", "A", 0, 5))),
        (ChatCompletionMessageCustomToolCall, custom_call(CustomCall(0, "t", "grep", "x"))),
    ],
)
def test_the_sdk_knows_it(model: type[BaseModel], value: dict[str, Any]) -> None:
    parsed = model.model_validate(value, strict=True)
    assert parsed.model_extra == {} and parsed.model_dump(exclude_none=True) == value


def test_thoughts_are_claudes_own_blocks() -> None:
    assert signed_thought("Hm", "s") == {"type": "thinking", "thinking": "Hm", "signature": "s"}
    assert redacted_thought(RedactedThinking("d")) == {"type": "redacted_thinking", "data": "d"}
