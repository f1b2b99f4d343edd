"""The page Raw upstream reply: what the cloud answered, event by event, as it came."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ..plain.jsontext import read_any
from ..wire.eventstream import EventStreamDecoder, Message
from .figures import size
from .paper import Paper
from .told import Told, ToldAttempt

_NAMES = (":event-type", ":exception-type", ":error-code")
_BINARY = b"\0"  # how a frame of AWS's event stream begins, and no text


def raw_reply_page(told: Told) -> str:
    paper = Paper()
    answered = [one for one in told.attempts if one.reply_size or one.status]
    if not answered:
        paper.line("The cloud has not answered.")
    for number, attempt in enumerate(answered, 1):
        if len(answered) > 1:
            paper.heading(f"Answer {number} of {len(answered)}", str(attempt.status or ""))
        reply = attempt.reply_bytes
        if reply.startswith(_BINARY):
            _frames(paper, reply)
        elif reply:
            paper.text(reply.decode("utf-8", "replace"))
        _rest(paper, attempt, len(reply))
    return str(paper)


def _rest(paper: Paper, attempt: ToldAttempt, kept: int) -> None:
    if kept < attempt.reply_size:
        paper.gap()
        paper.line(f"[… only the first {size(kept)} of {size(attempt.reply_size)} are kept …]")
    elif not attempt.reply_size:
        paper.line("The answer has no body.")


def _frames(paper: Paper, reply: bytes) -> None:
    """AWS's binary event stream: each frame's name and what is in it; data in base64 is what `invoke` wraps."""
    decoder = EventStreamDecoder()
    for frame in (*decoder.feed(reply), *decoder.close()):
        if paper.is_full:
            paper.leave_out(len(frame.payload) if isinstance(frame, Message) else 0)
        elif isinstance(frame, Message):
            headers = frame.headers
            names = [headers[key] for key in _NAMES if key in headers]
            paper.line(f"{_word(headers.get(':message-type'))}: {_word(names[0] if names else None)}")
            paper.text(_payload(frame.payload), "  ")
            paper.gap()
        else:
            paper.line(f"[the rest is no frame: {frame.reason}]")


def _payload(payload: bytes) -> str:
    text = payload.decode("utf-8", "replace")
    try:
        value: Any = read_any(payload)
        if isinstance(value, dict) and isinstance(value.get("bytes"), str):
            return base64.b64decode(value["bytes"], validate=True).decode("utf-8", "replace")
    except (ValueError, RecursionError, binascii.Error):
        pass
    return text


def _word(value: object) -> str:
    """A header's value, which should be a word."""
    return value if isinstance(value, str) else "?"
