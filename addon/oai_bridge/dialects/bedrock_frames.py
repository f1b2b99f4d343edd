"""The streams of Bedrock's own two doors as messages: what `invoke` wraps, and what `converse` names, is JSON.

Frames as in the API reference of InvokeModelWithResponseStream and ConverseStream, and as botocore reads them: events,
and exceptions and errors, each of which is the last one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import msgspec

from ..errors import CloudError
from ..plain.jsontext import read_repaired, write
from ..wire.eventstream import EventStreamDecoder, Message
from ..wire.frames import Frame, FrameError
from .aws_errors import error_from_aws, error_from_exception


class _Part(msgspec.Struct):
    """The payload of an event of `invoke`, besides its padding; JSON has `data` in base64."""

    data: bytes = msgspec.field(name="bytes")


class _Object(msgspec.Struct):
    """Any JSON object."""


_PART = msgspec.json.Decoder(_Part)
_OBJECT = msgspec.json.Decoder(_Object)


class _FrameDecoder(ABC):
    """`feed(bytes)` any number of times, then `close()`. Linear in the bytes; nothing comes after an error."""

    def __init__(self) -> None:
        self._framing = EventStreamDecoder()
        self._dead = False

    def feed(self, chunk: bytes) -> list[Frame]:
        """The messages that `chunk` completes, in order."""
        return self._read(self._framing.feed(chunk))

    def close(self) -> list[Frame]:
        """The stream has ended: an error where it did so in the middle of a frame."""
        return self._read(self._framing.close())

    @abstractmethod
    def _event(self, kind: str, payload: bytes) -> bytes | None:
        """The message that an event is, if it is one; raises `ValueError` or `RecursionError` for garbage."""

    def _read(self, frames: list[Message | FrameError]) -> list[Frame]:
        out: list[Frame] = []
        for frame in frames:
            if not self._dead and (message := self._message(frame)) is not None:
                out.append(message)
                self._dead = not isinstance(message, bytes)
        return out

    def _message(self, frame: Message | FrameError) -> Frame | None:
        if isinstance(frame, FrameError):
            return frame
        if (error := _error(frame)) is not None:
            return error
        kind = frame.headers.get(":event-type")
        try:
            return self._event(kind, frame.payload) if isinstance(kind, str) else None
        except (ValueError, RecursionError):
            return FrameError("the payload of an event is not what Bedrock promises")


class InvokeDecoder(_FrameDecoder):
    """`invoke-with-response-stream`: the messages are the model's own events, for Claude Anthropic's."""

    def _event(self, kind: str, payload: bytes) -> bytes | None:
        return _PART.decode(payload).data if kind == "chunk" else None


class ConverseDecoder(_FrameDecoder):
    """`converse-stream`: the messages are `{"<event type>": <payload>}`, as botocore's `ConverseStreamOutput`."""

    def _event(self, kind: str, payload: bytes) -> bytes | None:
        try:
            _OBJECT.decode(payload)
        except (ValueError, RecursionError):
            payload = read_repaired(payload)
            _OBJECT.decode(payload)
        return b"{%s:%s}" % (write(kind), payload)


def _error(frame: Message) -> CloudError | None:
    """The error that a frame is instead of an event."""
    match frame.headers.get(":message-type"):
        case "exception":
            kind = _text(frame, ":exception-type")
            return error_from_aws(None, {"x-amzn-errortype": kind}, frame.payload)
        case "error":
            return error_from_exception(_text(frame, ":error-code"), _text(frame, ":error-message"))
    return None


def _text(frame: Message, header: str) -> str:
    value = frame.headers.get(header)
    return value if isinstance(value, str) else ""
