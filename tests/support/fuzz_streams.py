"""Fuzz targets for streamed answers: whatever comes from a cloud, a client gets one ending and no invented words.

What is fed are the messages in server-sent events: how AWS frames the same ones is a target of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from oai_bridge.anthropic.reply import PassedStream as NativeStream
from oai_bridge.backends.base import Dialect
from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.dialects.converse_reply import ConverseStream
from oai_bridge.dialects.reading import Reading
from oai_bridge.errors import BridgeError, Internal
from oai_bridge.models.passed import Cloud
from oai_bridge.openai.passed import PassedStream
from oai_bridge.openai.reply import ChunkWriter, ReplyTo
from oai_bridge.plain.jsontext import read_any
from oai_bridge.settings.values import Claude
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.sse import SseDecoder
from tests.support.case_backends import KINDS
from tests.support.cases import ALL, Case, streams
from tests.support.fuzz_targets import Target, cut, picked

DONE = b"data: [DONE]\n\n"
NATIVE_END = b'"type":"message_stop"'
TOS = (
    ReplyTo("model", 1_700_000_000, "req_test", include_usage=True),
    ReplyTo("model", 1_700_000_000, "req_test", thinking_blocks=True, reasoning_field="both"),
    ReplyTo("model", 1_700_000_000, "req_test", legacy_functions=True, reasoning_field="reasoning"),
)
READINGS = (
    Reading(),
    Reading(keep=True),
    Reading(names={"get_weather": "get weather!", "f": "F"}, custom=frozenset({"F", "shell"}), keep=True),
    Reading(answer_tool="get_weather"),
)
WITH = tuple((to, reading) for to in TOS for reading in READINGS if not (to.legacy_functions and reading.custom))
"""The older functions are never custom tools."""
REASONS = {None, "stop", "length", "tool_calls", "function_call", "content_filter"}


def through(make: Callable[[], Transcript], pieces: list[bytes]) -> tuple[Transcript, bytes]:
    """What the client gets of the pieces, after which the cloud closes. Nothing may come after the ending."""
    transcript = make()
    out = b"".join(map(transcript.feed, pieces))
    out += transcript.end()
    if transcript.paused:
        out += transcript.stop_paused()
    sound(transcript)
    assert transcript.feed(pieces[0] or b"data: {}\n\n") == transcript.end() == b"", "something comes after the ending"
    return transcript, out


def sound(transcript: Transcript) -> None:
    """It has ended, in one of the two ways, and not by a defect."""
    assert transcript.ended and transcript.whole is (transcript.failure is None)
    assert not isinstance(transcript.failure, Internal), transcript.failure


def chunks(out: bytes, failure: BridgeError | None) -> list[dict[str, Any]]:
    """The chunks that a client reads; fails where a client would, and where there is not one ending."""
    assert out.endswith(b"\n\n") and not any(mark in out for mark in (b"\r", b"\xe2\x80\xa8", b"\xe2\x80\xa9"))
    blocks = [block for block in out.removesuffix(b"\n\n").split(b"\n\n") if block != b": ping"]
    assert all(block.startswith(b"data: ") and b"\n" not in block for block in blocks)
    values = [b"[DONE]" if block == DONE[:-2] else json.loads(block[6:]) for block in blocks]
    last, said = values[-1], values[:-1]
    assert (last == b"[DONE]") is (failure is None)
    assert last == b"[DONE]" or (last["error"]["message"] and last["choices"] == [])
    assert all(isinstance(value, dict) and "error" not in value for value in said), "an ending before the last"
    assert len({(value["id"], value["created"], value["model"]) for value in said}) <= 1
    for value in said:
        for choice in value["choices"]:
            assert choice["finish_reason"] in REASONS and isinstance(choice["delta"], dict)
    return said


def spoken(said: list[dict[str, Any]]) -> Iterator[str]:
    """The words that chunks give as the model's: its text, its thoughts."""
    for value in said:
        for choice in value["choices"]:
            for field in ("content", "reasoning_content", "reasoning"):
                if isinstance(text := choice["delta"].get(field), str):
                    yield text


def arguments(said: list[dict[str, Any]]) -> Iterator[str]:
    """The pieces of the calls' arguments."""
    for value in said:
        for choice in value["choices"]:
            for call in choice["delta"].get("tool_calls") or ():
                if isinstance(text := call.get("function", {}).get("arguments"), str):
                    yield text


def heard(data: bytes) -> str:
    """All texts in what the cloud sent."""
    frames = [*(decoder := SseDecoder()).feed(data), *decoder.close()]
    texts: list[str] = []
    for frame in frames:
        if isinstance(frame, bytes):
            _texts(told(frame), texts)
    return "\0".join(texts)


def told(message: bytes) -> Any:
    """The JSON of a message, `None` for what is none. What nobody reads in it need not be UTF-8."""
    for read in (read_any, lambda raw: json.loads(raw.decode("utf-8", "replace"))):
        with suppress(ValueError, RecursionError):
            return read(message)
    return None


def words(value: Any) -> str:
    """All texts in a value."""
    texts: list[str] = []
    _texts(value, texts)
    return "\0".join(texts)


def _texts(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _texts(inner, found)


def check_translated(make: Callable[[Reading], Dialect], data: bytes) -> None:
    """A stream in a cloud's own words, for a client of OpenAI's API."""
    to, reading = picked(data, WITH)

    def fresh() -> Transcript:
        return Transcript(SseDecoder(), make(reading), ChunkWriter(to))

    transcript, out = through(fresh, [data])
    assert through(fresh, cut(data))[1] == out, "another split says something else"
    said, known = chunks(out, transcript.failure), heard(data)
    reasons = [choice["finish_reason"] for value in said for choice in value["choices"]]
    assert [reason for reason in reasons if reason] == ([] if transcript.failure else reasons[-1:])
    if reading.answer_tool is None:
        assert all(text in known for text in spoken(said)), "invented words"
    if reading == Reading() and not to.legacy_functions:
        for piece in arguments(said):
            assert piece in known or json.loads(piece) in ({}, *inputs(data)), "invented arguments"


def inputs(data: bytes) -> list[Any]:
    """What calls were begun with."""
    found = []
    for line in data.splitlines():
        value = told(line.removeprefix(b"data:"))
        block = value.get("content_block") if isinstance(value, dict) else None
        found.append(block.get("input") if isinstance(block, dict) else None)
    return found


def check_passed(cloud: Cloud, data: bytes) -> None:
    """A stream in OpenAI's own words."""
    to = picked(data, TOS)

    def fresh() -> Transcript:
        passed = PassedStream(to, cloud)
        return Transcript(SseDecoder(), passed, passed)

    transcript, out = through(fresh, [data])
    assert through(fresh, cut(data))[1] == out, "another split says something else"
    said, known = chunks(out, transcript.failure), heard(data)
    assert all(text in known for text in spoken(said)), "invented words"


def check_native(data: bytes) -> None:
    """A stream in Claude's own words, for a client that speaks Anthropic's API."""

    def fresh() -> Transcript:
        native = NativeStream(ClaudeStream(), "req_test")
        return Transcript(SseDecoder(), native, native)

    transcript, out = through(fresh, [data])
    assert through(fresh, cut(data))[1] == out, "another split says something else"
    *events, nothing = out.split(b"\n\n")
    assert nothing == b"" and all(event.startswith(b"event: ") for event in events)
    named = [event.partition(b"\n")[0] for event in events]
    assert named.count(b"event: error") == (transcript.failure is not None)
    if transcript.failure is not None:
        assert named[-1] == b"event: error"
        events.pop()
    else:
        assert named[-1] == b"event: message_stop" and named.count(b"event: message_stop") == 1
    known = heard(data)
    for event in events:
        frame = "\n".join(line.removeprefix("data: ") for line in event.decode().split("\n")[1:])
        assert all(text in known for text in words(read_any(frame.encode())).split("\0")), "invented words"


def _sse(*kinds: str) -> list[bytes]:
    return [stream for kind in kinds for stream in streams(kind).values()]


def _messages(case: Case) -> bytes:
    """The messages of a case's framed stream in server-sent events."""
    decoder = KINDS[case.folder.parent.name].make({}, Claude()).decoder()
    frames = decoder.feed(case.cloud_stream() or b"")
    return b"".join(b"data: %s\n\n" % frame for frame in frames if isinstance(frame, bytes))


def _converse() -> list[bytes]:
    kinds = ("converse", "converse_claude")
    return [_messages(case) for case in ALL if case.folder.parent.name in kinds and case.cloud_stream()]


TARGETS = (
    Target("claude_stream", "sse", lambda: _sse("vertex"), partial(check_translated, ClaudeStream)),
    Target("converse_stream", "sse", _converse, partial(check_translated, ConverseStream)),
    Target("native_stream", "sse", lambda: _sse("vertex"), check_native),
    Target("passed_stream_azure", "sse", lambda: _sse("azure"), partial(check_passed, "azure")),
    Target("passed_stream_gemini", "sse", lambda: _sse("gemini"), partial(check_passed, "vertex")),
    Target("passed_stream_bedrock", "sse", lambda: _sse("bedrock_openai"), partial(check_passed, "bedrock")),
)
