"""Streams as the doors that speak OpenAI's language send them, written after their vendors' documentation.

Azure's after "Content streaming" (prompt annotations, asynchronous filter), Vertex AI's after "Using OpenAI libraries"
(`[DONE]` after a chunk that has the finish, the usage and text in one), Bedrock's after recordings of gpt-oss's door
(thoughts in tags, one pair around each piece).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

SAFE = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}
PROMPT_RESULTS = [{"prompt_index": 0, "content_filter_results": SAFE}]
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 9,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
_HEAD = {"id": "chatcmpl-up1", "object": "chat.completion.chunk", "created": 1700000001, "model": "gpt-4o-2024-08-06"}
_NOBODY = {"id": "", "object": "", "created": 0, "model": ""}


def sse(*messages: Any) -> bytes:
    """Messages as a stream: JSON values, or texts as they are."""
    texts = [message if isinstance(message, str) else json.dumps(message) for message in messages]
    return b"".join(b"data: %s\n\n" % text.encode() for text in texts)


def messages_of(stream: bytes) -> list[Any]:
    """What `sse` was given, without `[DONE]`."""
    texts = [block.removeprefix("data: ") for block in stream.decode().split("\n\n") if block]
    return [json.loads(text) for text in texts if text != "[DONE]"]


def chunk(delta: dict[str, Any], index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**_HEAD, "choices": [choice], "usage": None, **more}


def spoken(*texts: str, finish: str = "stop", index: int = 0) -> Iterator[dict[str, Any]]:
    """The chunks of one choice."""
    yield chunk({"role": "assistant", "content": ""}, index)
    for text in texts:
        yield chunk({"content": text}, index)
    yield chunk({}, index, finish)


def usage_chunk(usage: dict[str, Any] | None = None) -> dict[str, Any]:
    return {**_HEAD, "choices": [], "usage": usage or USAGE}


def annotation(check: int, finish: str | None = None, found: Any = SAFE) -> dict[str, Any]:
    """What Azure's asynchronous filter sends: a choice without a delta, in a chunk that names nobody."""
    offsets = {"check_offset": check, "start_offset": check, "end_offset": check + 20}
    choice = {"index": 0, "finish_reason": finish, "content_filter_results": found, "content_filter_offsets": offsets}
    return {**_NOBODY, "choices": [choice]}


def prompt_results(field: str = "prompt_filter_results") -> dict[str, Any]:
    """Azure's first chunk."""
    return {**_NOBODY, "choices": [], field: PROMPT_RESULTS}


OPENAI = sse(*spoken("Hello", ", world\u2028!"), usage_chunk(), "[DONE]")
TWO = sse(
    *(chunk({"role": "assistant", "content": ""}, index) for index in (0, 1)),
    chunk({"content": "A"}, 0),
    chunk({"content": "B"}, 1),
    chunk({}, 0, "stop"),
    chunk({"content": "b"}, 1),
    chunk({}, 1, "length"),
    usage_chunk(),
    "[DONE]",
)
TOOLS = sse(
    chunk({"role": "assistant", "content": None}),
    chunk(
        {"tool_calls": [{"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}]}
    ),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x":'}}]}),
    chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
    chunk(
        {"tool_calls": [{"index": 1, "id": "call_b", "type": "function", "function": {"name": "g", "arguments": ""}}]}
    ),
    chunk({"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
    chunk({}, 0, "tool_calls"),
    usage_chunk(),
    "[DONE]",
)
AZURE = sse(
    prompt_results(),
    *({**piece, "obfuscation": "x1"} for piece in spoken("Color", " is")),
    usage_chunk(),
    "[DONE]",
)
AZURE_ASYNC = sse(
    prompt_results("prompt_annotations"),
    chunk({"role": "assistant"}),
    chunk({"content": "Color"}),
    annotation(44),
    chunk({"content": " is"}),
    chunk({}, 0, "stop"),
    annotation(506),
    usage_chunk(),
    "[DONE]",
)
AZURE_BLOCKED = sse(
    prompt_results(),
    chunk({"role": "assistant"}),
    chunk({"content": "Hey"}),
    annotation(65, "content_filter", {"protected_material_text": {"detected": True, "filtered": True}}),
    "[DONE]",
)
GEMINI_USAGE = {
    "prompt_tokens": 27,
    "completion_tokens": 45,
    "total_tokens": 576,
    "completion_tokens_details": {"reasoning_tokens": 504},
    "extra_properties": {"google": {"traffic_type": "ON_DEMAND"}},
}
_GEMINI = {
    "id": "nQiNafGy",
    "object": "chat.completion.chunk",
    "created": 1770850461,
    "model": "google/gemini-3.5-flash",
}
GEMINI = sse(
    {
        **_GEMINI,
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": "Weighing.", "extra_content": {"google": {"thought": True}}},
                "logprobs": None,
            }
        ],
        "system_fingerprint": "",
    },
    {**_GEMINI, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Rain"}, "logprobs": None}]},
    {
        **_GEMINI,
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": " falls."},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": GEMINI_USAGE,
    },
    "[DONE]",
)
GPT_OSS = sse(
    chunk({"role": "assistant", "content": ""}, service_tier="auto"),
    chunk({"content": "<reasoning>Sol, </reasoning>"}),
    chunk({"content": "<reasoning>surely.</reasoning>"}),
    chunk({"content": "It is "}),
    chunk({"content": "<reasoning>Sol.</reasoning"}),
    chunk({}, 0, "stop"),
    "[DONE]",
)
THINKING = sse(
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "Hm."}),
    chunk({"reasoning": "So."}),
    *list(spoken("Yes."))[1:],
    "[DONE]",
)
STREAMS = {
    "openai": OPENAI,
    "two": TWO,
    "tools": TOOLS,
    "azure": AZURE,
    "azure_async": AZURE_ASYNC,
    "azure_blocked": AZURE_BLOCKED,
    "gemini": GEMINI,
    "gpt_oss": GPT_OSS,
    "thinking": THINKING,
}


def completion(*choices: dict[str, Any], **more: Any) -> bytes:
    """A whole answer."""
    head = {**_HEAD, "object": "chat.completion"}
    return json.dumps({**head, "choices": list(choices), "usage": USAGE, **more}).encode()


def choice(message: dict[str, Any], finish: str | None = "stop", index: int = 0, **more: Any) -> dict[str, Any]:
    return {"index": index, "message": message, "finish_reason": finish, "logprobs": None, **more}
