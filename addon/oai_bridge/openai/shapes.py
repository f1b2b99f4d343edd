"""Parts of OpenAI's answers that are the same in a completion and in a chunk: values in, JSON objects out."""

from __future__ import annotations

from typing import Any

from ..events import Citation, CustomCall, RedactedThinking, Usage

REASONING_FIELDS = {
    "reasoning_content": ("reasoning_content",),
    "reasoning": ("reasoning",),
    "both": ("reasoning_content", "reasoning"),
}
"""Where the text of thoughts goes, by the setting."""


def usage_object(usage: Usage) -> dict[str, Any]:
    """OpenAI's `usage`: the prompt counts cached tokens too; reasoning is told only where the cloud tells it."""
    value: dict[str, Any] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write},
    }
    if usage.reasoning is not None:
        value["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return value


def annotation(citation: Citation) -> dict[str, Any]:
    return {
        "type": "url_citation",
        "url_citation": {
            "url": citation.url,
            "title": citation.title,
            "start_index": citation.start,
            "end_index": citation.end,
        },
    }


def custom_call(call: CustomCall) -> dict[str, Any]:
    return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.input}}


def signed_thought(thinking: str, signature: str) -> dict[str, Any]:
    """An entry of `thinking_blocks`, the field in which other translators, too, give and take what Claude must get back
    unchanged."""
    return {"type": "thinking", "thinking": thinking, "signature": signature}


def redacted_thought(thought: RedactedThinking) -> dict[str, Any]:
    """Likewise."""
    return {"type": "redacted_thinking", "data": thought.data}
