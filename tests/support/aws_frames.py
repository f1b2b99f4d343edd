"""AWS's event stream as Bedrock writes it: frames, and the streams of its two doors made of them."""

from __future__ import annotations

import base64
import json
import string
import struct
from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

Header = str | tuple[int, Any]
"""A string, or any other value with the number that the format gives its type."""

TRUE, FALSE, BYTE, SHORT, INTEGER, LONG, BYTES, STRING, TIMESTAMP, UUID = range(10)

_FIXED = {BYTE: ">b", SHORT: ">h", INTEGER: ">i", LONG: ">q", TIMESTAMP: ">q", UUID: "16s"}
_LETTERS = string.ascii_letters + string.digits  # what Bedrock pads with, always from the first on


def frame(headers: Mapping[str, Header], payload: bytes = b"") -> bytes:
    """One message with both of its checksums."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack(">I", crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", crc32(message))


def event_frame(event_type: str, payload: Mapping[str, Any]) -> bytes:
    """An event whose payload is just this object."""
    return frame({":event-type": event_type, **_JSON, ":message-type": "event"}, _json(payload))


def converse_frame(event_type: str, payload: Mapping[str, Any]) -> bytes:
    """One event of `converse-stream`, padded."""
    return event_frame(event_type, dict(sorted({**payload, "p": _padding(payload)}.items())))


def invoke_frames(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Anthropic's events as `invoke-with-response-stream` wraps them, padded."""
    return b"".join(map(invoke_frame, events))


def invoke_frame(event: Mapping[str, Any]) -> bytes:
    """One of Anthropic's events as `invoke-with-response-stream` wraps it, padded."""
    return event_frame("chunk", {"bytes": base64.b64encode(_json(event)).decode(), "p": _padding(event)})


def exception_frame(name: str, message: str, **more: Any) -> bytes:
    """A modelled error such as `throttlingException`; `more` stands beside its message. It is the last frame."""
    headers = {":exception-type": name, **_JSON, ":message-type": "exception"}
    return frame(headers, _json({"message": message, **more}))


def error_frame(code: str, message: str) -> bytes:
    """An error that the service does not model. It is the last frame."""
    return frame({":message-type": "error", ":error-code": code, ":error-message": message})


_JSON = {":content-type": "application/json"}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _padding(value: Mapping[str, Any]) -> str:
    """It hides how long a token is, so its length says nothing: here it is the same in every run."""
    return _LETTERS[: 1 + crc32(_json(value)) % len(_LETTERS)]


def _header(name: str, value: Header) -> bytes:
    kind, value = value if isinstance(value, tuple) else (STRING, value)
    head = bytes([len(name.encode())]) + name.encode() + bytes([kind])
    if kind in (TRUE, FALSE):
        return head
    if kind in _FIXED:
        return head + struct.pack(_FIXED[kind], value)
    data = value.encode() if kind == STRING else value
    return head + struct.pack(">H", len(data)) + data
