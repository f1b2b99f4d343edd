"""A cloud's answer as the files of a golden case: what the cloud said, and what the client gets for it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import Any

from ..backends.base import Backend, Call, ChatBackend, Decoder, PassingBackend
from ..credentials.base import Outbound
from ..dialects.aws_errors import error_from_aws
from ..dialects.reading import Reading
from ..events import Pause
from ..openai.passed import PassedStream, pass_completion
from ..openai.reply import ChunkWriter, Completion, ReplyTo
from ..pages import error_page
from ..plain.jsontext import read_any, write
from ..streaming.transcript import Transcript
from ..wire.eventstream import EventStreamDecoder, Message
from ..wire.frames import Frame, FrameError
from ..wire.sse import SseDecoder
from .golden import Kind
from .neutral import Neutral, json_line

Files = dict[str, Any]
"""By name: bytes, a text, or a JSON value."""

_AS_SENT = Reading()
_PAUSED = "The answer paused and went on in another request; only one that came at once can become a case."
_TOLD = ("retry-after", "x-should-retry", "x-bridge-upstream-status", "x-bridge-upstream-request-id")


class NoCase(ValueError):
    """Why an exchange can't become a case, in a sentence."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A chat as it goes to the cloud of a case: `body` before its address is known, and how the answer is read."""

    kind: Kind
    backend: Backend[Any, Any]
    facts: Any
    call: Call
    body: dict[str, Any]
    to: ReplyTo
    betas: tuple[str, ...] = ()
    reading: Reading = _AS_SENT
    strict: bool = False

    def outbound(self, body: dict[str, Any], betas: tuple[str, ...]) -> Outbound:
        return self.backend.outbound(body, self.facts, self.call, betas, self.kind.access)

    def decoder(self) -> Decoder:
        return self.backend.decoder() if isinstance(self.backend, ChatBackend) else SseDecoder()


def stream_files(sent: Sent, reply: bytes, neutral: Neutral) -> Files:
    """The files for an answer in a stream; raises `NoCase`."""
    frames: list[Frame] = []
    if sent.kind.frames is None:
        stream = neutral.stream(_decoded(reply))
        given: Files = {"cloud.sse": stream}
    else:
        lines = [neutral.value(_line(message, sent.kind)) for message in EventStreamDecoder().feed(reply)]
        stream = "".join(f"{json_line(line)}\n" for line in lines)
        given = {"cloud_frames.jsonl": stream}
        frames = [_frame(line) for line in lines]
    for name, include_usage in (("client.sse", False), ("client_with_usage.sse", True)):
        decoder = _Given(frames) if sent.kind.frames else sent.decoder()
        given[name] = _streamed(sent, replace(sent.to, include_usage=include_usage), decoder, stream.encode())
    return given


def whole_files(sent: Sent, reply: bytes, neutral: Neutral) -> Files:
    """The files for an answer in one piece; raises `NoCase`, and `BridgeError` where it is an error."""
    body = neutral.text(_decoded(reply)).encode()
    if isinstance(sent.backend, PassingBackend):
        answer: bytes | None = pass_completion(body, sent.to, sent.backend.cloud, lambda event: None)
    else:
        answer = _completed(sent, body)
    if answer is None:
        raise NoCase(_PAUSED)
    return {"cloud_reply.json": body, "client_reply.json": json.loads(answer)}


def error_files(sent: Sent, status: int, reply: bytes, neutral: Neutral) -> Files:
    """The files for a refusal. What its headers said is not in the record."""
    text = neutral.text(_decoded(reply))
    try:
        told: Any = read_any(text.encode())
    except (ValueError, RecursionError):
        told = text
    given: Files = {"cloud_error.json": {"status": status, "headers": {}, "body": told}}
    body = (told if isinstance(told, str) else json.dumps(told)).encode()
    model = sent.outbound({}, ()).model
    error = sent.backend.error(status, {}, body, model, sent.kind.access.region)
    if isinstance(sent.backend, ChatBackend) and not sent.strict:
        repair = sent.backend.repaired(sent.body, error, frozenset())
        if repair is not None:
            return given | {"cloud_2.json": json.loads(sent.outbound(repair[1], sent.betas).body)}
    page = error_page(error, "req_test")
    headers = {name: value for name, value in page.headers if name in _TOLD}
    return given | {"client_error.json": {"status": page.status, "headers": headers, **json.loads(page.body)}}


def _decoded(reply: bytes) -> str:
    try:
        return reply.decode()
    except UnicodeDecodeError:
        raise NoCase("The cloud's answer is no text.") from None


def _completed(sent: Sent, body: bytes) -> bytes | None:
    assert isinstance(sent.backend, ChatBackend)
    completion = Completion(sent.to)
    for event in sent.backend.dialect(sent.reading).whole(body):
        if isinstance(event, Pause):
            return None
        if answer := completion.add(event):
            return answer
    return None


# -- streams ----------------------------------------------------------------------------------------------------------


class _Given:
    """A decoder of what is decoded already."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames

    def feed(self, chunk: bytes) -> list[Frame]:
        return self._frames

    def close(self) -> list[Frame]:
        return []


def _streamed(sent: Sent, to: ReplyTo, decoder: Decoder, stream: bytes) -> str:
    """What the client gets."""
    backend = sent.backend
    if isinstance(backend, PassingBackend):
        passed = PassedStream(to, backend.cloud)
        through = Transcript(decoder, passed, passed)
    else:
        assert isinstance(backend, ChatBackend)
        through = Transcript(decoder, backend.dialect(sent.reading), ChunkWriter(to))
    text = through.feed(stream) + through.end()
    if through.paused:
        raise NoCase(_PAUSED)
    return text.decode()


def _line(message: Message | FrameError, kind: Kind) -> dict[str, Any]:
    """A message of AWS's event stream as `cloud_frames.jsonl` has it: one of Claude's events, `{"<event type>": {…}}`
    of Converse without its padding, or `{"exception": <name>, "message": …}`."""
    if isinstance(message, FrameError):
        raise NoCase("The cloud's stream can't be read to its end.")
    try:
        payload = json.loads(message.payload)
        match message.headers.get(":message-type"):
            case "exception":
                return {"exception": message.headers[":exception-type"], "message": payload["message"]}
            case "event" if kind.frames == "invoke":
                return dict(json.loads(base64.b64decode(payload["bytes"])))
            case "event":
                return {str(message.headers[":event-type"]): {name: payload[name] for name in payload if name != "p"}}
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise NoCase("The cloud's stream has something in it that golden cases have no place for.")


def _frame(line: dict[str, Any]) -> Frame:
    """The line as a decoder gives it out."""
    if "exception" in line:
        return error_from_aws(None, {"x-amzn-errortype": line["exception"]}, write({"message": line["message"]}))
    return write(line)
