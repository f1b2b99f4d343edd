"""The golden streams of the backends beside Vertex, whose are in test_transcript, each through its own decoder, dialect
and writer: the same bytes for any split, and exactly one ending, always."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest

from oai_bridge.backends.base import Backend, ChatBackend
from oai_bridge.dialects.reading import Reading
from oai_bridge.openai.reply import ChunkWriter, ReplyTo, error_event
from oai_bridge.settings.values import Claude
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.frames import Frame
from tests.support.case_backends import KINDS, transcript
from tests.support.cases import streams
from tests.support.mutations import bytes_damaged, json_damaged
from tests.support.splits import at_random, bytewise, everywhere

STREAMS = {name: stream for kind in KINDS if kind != "vertex" for name, stream in streams(kind).items()}
WHOLE = {
    name: stream
    for name, stream in STREAMS.items()
    if not name.partition("/")[2].startswith(("4_3_", "recorded_guardrail_of_titan"))
}
EVERY_BYTE = {
    "4_1_framing",
    "4_2_plain",
    "4_2_thinking_and_calls",
    "4_2_reasoning_in_tags",
    "4_2_async_filter",
    "4_2_letters",
}
FRAMED = [kind for kind, told in KINDS.items() if told.framing != "sse"]
"""Those whose streams come in AWS's frames, which damage seldom gets through: it is done to their messages, too."""
TO = ReplyTo("model", 1_700_000_000, "req_test", include_usage=True)
DONE = b"data: [DONE]\n\n"
REASONS = {"stop", "length", "tool_calls", "function_call", "content_filter"}


@cache
def backend_of(name: str) -> Backend[Any, Any]:
    return KINDS[name.partition("/")[0]].make({}, Claude())


def through(name: str) -> Transcript:
    return transcript(backend_of(name), TO)


def read(name: str, pieces: Iterable[bytes]) -> bytes:
    """What the client gets when the cloud sends `pieces` and closes."""
    answer = through(name)
    return b"".join([*map(answer.feed, pieces), answer.end()])


def chunks(out: bytes) -> list[dict[str, Any]]:
    """The chunks as a client reads them; fails where a client would, and where there is not one ending."""
    assert out.count(DONE) == out.endswith(DONE)
    assert not any(mark in out for mark in (b"\r", b"\xe2\x80\xa8", b"\xe2\x80\xa9"))
    *blocks, nothing = out.removesuffix(DONE).split(b"\n\n")
    assert nothing == b"", "the last event has its blank line"
    assert all(block.startswith(b"data: ") and b"\n" not in block for block in blocks if block != b": ping")
    values = [json.loads(block.removeprefix(b"data: ")) for block in blocks if block != b": ping"]
    assert all(isinstance(value["choices"], list) for value in values)
    assert ["error" in value for value in values] == [False] * (len(values) - 1) + [not out.endswith(DONE)]
    said = [value for value in values if "error" not in value]
    assert len({(value["id"], value["created"], value["model"]) for value in said}) <= 1
    assert all(reason is None or reason in REASONS for reason in map(last_word, choices(said)))
    return values


def choices(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [choice for value in values for choice in value["choices"]]


def last_word(choice: dict[str, Any]) -> Any:
    return choice["finish_reason"]


def bare(chunk: dict[str, Any]) -> dict[str, Any]:
    """A chunk without what some clouds tell at the very end."""
    return {key: value for key, value in chunk.items() if key not in ("usage", "service_tier")}


def finished(values: list[dict[str, Any]]) -> dict[int, str]:
    """Each choice's reason to end."""
    return {choice["index"]: last_word(choice) for choice in choices(values) if last_word(choice)}


def step(name: str) -> int:
    """How many bytes stand between two places to cut: one in the streams whose pieces all others are made of."""
    return 1 if name.partition("/")[2] in EVERY_BYTE else 7


@pytest.mark.parametrize("name", STREAMS)
def test_any_split_gives_the_same_bytes(name: str) -> None:
    stream = STREAMS[name]
    whole = read(name, [stream])
    assert ("error" in chunks(whole)[-1]) is (name not in WHOLE)
    assert read(name, bytewise(stream)) == whole
    for pieces in [*everywhere(stream), *at_random(stream, 40)]:
        assert read(name, pieces) == whole


def cuts(name: str) -> list[int]:
    """Where to cut a stream: at every so many bytes, and around each at which the client gets something."""
    stream, answer = STREAMS[name], through(name)
    ends = [at for at in range(1, len(stream) + 1) if answer.feed(stream[at - 1 : at])]
    around = {at + beside for at in ends for beside in (-1, 0, 1)}
    return sorted({*range(0, len(stream), step(name)), len(stream), *around} - {len(stream) + 1})


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_anywhere_has_one_ending(name: str) -> None:
    """It is a success only where all has been said but what the cloud adds after its last word: tokens, `[DONE]`."""
    stream = WHOLE[name]
    whole = read(name, [stream])
    everything = [bare(value) for value in chunks(whole)]
    cut_short = 0
    for at in cuts(name):
        answer = through(name)
        out = answer.feed(stream[:at]) + answer.end()
        values = chunks(out)
        if answer.failure is not None:
            error = error_event(answer.failure)
            assert not answer.whole and out.endswith(error) and whole.startswith(out.removesuffix(error))
            cut_short += 1
        else:
            assert answer.whole and finished(values) == finished(everything)
            told = [bare(value) for value in values if value["choices"]]
            assert told == everything[: len(told)]
    assert cut_short > len(cuts(name)) / 3


@pytest.mark.parametrize("name", STREAMS)
def test_a_damaged_stream_has_one_ending(name: str) -> None:
    for stream in bytes_damaged(STREAMS[name], 60):
        answer = through(name)
        out = answer.feed(stream)
        ended = answer.ended
        out += answer.end()
        assert answer.ended and ("error" in chunks(out)[-1]) is (answer.failure is not None)
        assert not (ended and answer.feed(STREAMS[name])), "nothing after the ending"
        assert read(name, [stream[:9], stream[9:]]) == out


class Unframed:
    """Each chunk is a message."""

    def feed(self, chunk: bytes) -> list[Frame]:
        return [chunk]

    def close(self) -> list[Frame]:
        return []


@pytest.mark.parametrize("kind", FRAMED)
def test_damaged_messages_have_one_ending(kind: str) -> None:
    backend = KINDS[kind].make({}, Claude())
    assert isinstance(backend, ChatBackend)
    for name, stream in streams(kind).items():
        frames = backend.decoder().feed(stream)
        messages = [json.loads(frame) for frame in frames if isinstance(frame, bytes)]
        for damaged in json_damaged(messages, 60):
            answer = Transcript(Unframed(), backend.dialect(Reading(keep=True)), ChunkWriter(TO))
            out = b"".join(map(answer.feed, damaged)) + answer.end()
            if not answer.paused:
                assert answer.ended, name
                assert ("error" in chunks(out)[-1]) is (answer.failure is not None)
