"""The bytes that the programs under test exchange: requests of every kind, and the cloud's answers to them.

A request's text says what the fake cloud is to answer, so that it gets there through whatever program:
`[[whole]]`, `[[stream EVENTS PIECE PAUSE]]` (so many events, so many of them in one piece, milliseconds between two
pieces) or `[[stamped EVENTS PAUSE]]` (one by one, each with the time at which it was sent).
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

MODEL = "claude-opus-4-8"
BEDROCK_MODEL = "us.anthropic.claude-opus-4-8"
PROJECT, REGION = "bench-project", "us-east5"
CHAT = "/v1/chat/completions"
WORDS = " some words here"
PNG = b"\x89PNG\r\n\x1a\n"
STAMP = "<%020d>"
"""Nanoseconds of the clock that all processes of a machine share."""

USAGE = {"input_tokens": 20, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 300}
MESSAGE: dict[str, Any] = {
    "id": "msg_vrtx_01",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": USAGE,
}
FIRST: tuple[dict[str, Any], ...] = (
    {"type": "message_start", "message": MESSAGE},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
)
LAST: tuple[dict[str, Any], ...] = (
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": USAGE},
    {"type": "message_stop"},
)


# -- answers ----------------------------------------------------------------------------------------------------------


def delta(text: str = WORDS) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def whole() -> bytes:
    said = {"content": [{"type": "text", "text": WORDS * 60}], "stop_reason": "end_turn"}
    return json.dumps({**MESSAGE, **said}).encode()


def sse(event: Mapping[str, object]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def chunk(event: Mapping[str, object]) -> bytes:
    """An event of Claude's as AWS sends it."""
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    return frame("chunk", {"bytes": inner, "p": "abcdefghijklmno"})


def frame(kind: str, payload: Mapping[str, object]) -> bytes:
    """A frame of AWS's event stream."""
    texts = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(text)) + text.encode()
        for name, text in texts.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


# -- requests ---------------------------------------------------------------------------------------------------------


def chat(text: str, *, stream: bool, pictures: int = 0) -> dict[str, Any]:
    """A chat in OpenAI's words; each picture has 768 kB."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": text}]
    if pictures:
        url = f"data:image/png;base64,{picture()}"
        part = {"type": "image_url", "image_url": {"url": url}}
        messages += [
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]} for _ in range(pictures)
        ]
    return {"model": MODEL, "max_tokens": 1000, "messages": messages, "stream": stream}


def claude_chat(text: str, *, stream: bool, pictures: int = 0) -> dict[str, Any]:
    """The same in Claude's."""
    content: list[dict[str, Any]] = [{"type": "text", "text": text}]
    source = {"type": "base64", "media_type": "image/png", "data": picture()} if pictures else {}
    for _ in range(pictures):
        content += [{"type": "text", "text": "What is this?"}, {"type": "image", "source": source}]
    body = {"anthropic_version": "vertex-2023-10-16", "messages": [{"role": "user", "content": content}]}
    return {**body, "max_tokens": 1000, "stream": stream}


def picture() -> str:
    return base64.b64encode(PNG + bytes(768 * 1024)).decode()


def vertex_path(stream: bool) -> str:
    method = "streamRawPredict" if stream else "rawPredict"
    return f"/v1/projects/{PROJECT}/locations/{REGION}/publishers/anthropic/models/{MODEL}:{method}"


def bedrock_path(stream: bool) -> str:
    return f"/model/{BEDROCK_MODEL}/{'invoke-with-response-stream' if stream else 'invoke'}"


def post(path: str, body: Any, headers: Mapping[str, str] | None = None, *, keep: bool = True) -> bytes:
    """A whole request of HTTP/1.1; without `keep` on a connection that ends with it."""
    raw = json.dumps(body).encode()
    lines = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(raw))}
    lines |= {} if keep else {"connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in (lines | dict(headers or {})).items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + raw
