"""Whole streams through decoder, dialect and writer: the same bytes for any split, and exactly one ending, always."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.dialects.reading import Reading
from oai_bridge.errors import BridgeError, Internal, StreamBroken
from oai_bridge.events import Event, Pause, Ping, Said, Start, Stop, Text, UsageReport
from oai_bridge.openai.reply import ChunkWriter, ReplyTo, error_event
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.sse import Frame, SseDecoder
from tests.support.cases import streams
from tests.support.splits import at_random, bytewise, damaged, everywhere, in_two

STREAMS = streams()
BROKEN = {name for name in STREAMS if name.startswith(("4_3_", "7_sillytavern_error"))}
WHOLE = {name: stream for name, stream in STREAMS.items() if name not in BROKEN}
IN_TWO = 1000  # bytes of a stream that is cut in two at each place; of longer ones several cuts are made at a time
LONG = {name for name in STREAMS if name.startswith("recorded_exchange_") or len(STREAMS[name]) > 2000}
PLAIN = STREAMS["4_2_plain"]
TO = ReplyTo("claude", 1_700_000_000, "req_test", include_usage=True)


def transcript(observe: Callable[[Event], None] = lambda event: None, limit: int = 8 * 1024 * 1024) -> Transcript:
    return Transcript(SseDecoder(limit), ClaudeStream(), ChunkWriter(TO), observe)


def read(pieces: Iterable[bytes], through: Transcript | None = None) -> bytes:
    """What the client gets when the cloud sends `pieces` and closes."""
    through = through or transcript()
    return b"".join([*map(through.feed, pieces), through.end()])


def events(out: bytes) -> list[Any]:
    """The data of each event as a client reads it; fails where a client would."""
    blocks = out.split(b"\n\n")
    assert blocks.pop() == b"", "the last event has its blank line"
    lines = [block for block in blocks if block != b": ping"]
    assert all(line.startswith(b"data: ") for line in lines)
    assert not any(mark in out for mark in (b"\r", b"\xe2\x80\xa8", b"\xe2\x80\xa9"))
    assert not any(b"\n" in line for line in lines), "every event is one line"
    return [line if line == b"data: [DONE]" else json.loads(line[6:]) for line in lines]


def is_whole(out: bytes) -> bool:
    """Whether a stream ended well; fails if it did not end once, and with that."""
    *before, last = events(out)
    assert all(isinstance(event, dict) and isinstance(event["choices"], list) for event in before)
    assert not any("error" in event for event in before)
    reasons = [choice["finish_reason"] for event in before for choice in event["choices"]]
    assert len({(event["id"], event["created"], event["model"]) for event in before}) <= 1
    assert [choice["delta"].get("role") for event in before for choice in event["choices"]][1:].count("assistant") == 0
    if last == b"data: [DONE]":
        assert before[-1]["choices"] == [] and before[-1]["usage"]
        assert reasons.pop() in ("stop", "length", "tool_calls", "content_filter")
    else:
        assert last.keys() == {"error", "choices"} and last["choices"] == []
        assert last["error"]["message"] and last["error"].keys() == {"message", "type", "param", "code"}
    assert reasons == [None] * len(reasons)
    return isinstance(last, bytes)


@pytest.mark.parametrize("name", STREAMS)
def test_any_split_gives_the_same_bytes(name: str) -> None:
    stream = STREAMS[name]
    whole = read([stream])
    is_whole(whole)
    assert read(bytewise(stream)) == whole
    everything = in_two(stream) if len(stream) <= IN_TWO else everywhere(stream)
    for pieces in [*everything, *at_random(stream, 100)]:
        assert read(pieces) == whole


def cuts(name: str, closing: int) -> Iterable[int]:
    """Where to cut a stream before its last word is in: everywhere; of those that are long, since that takes the square
    of their length, at every seventh byte, and around each at which the client gets something."""
    if name not in LONG:
        return range(closing)
    stream, through = STREAMS[name], transcript()
    ends = [at for at in range(1, closing) if through.feed(stream[at - 1 : at])]
    return sorted(
        {*range(0, closing, 7), *(at + beside for at in ends for beside in (-1, 0, 1) if at + beside < closing)}
    )


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_anywhere_has_one_ending_and_is_no_success(name: str) -> None:
    stream = WHOLE[name]
    whole = read([stream])
    assert is_whole(whole)
    last = re.compile(rb"[^\r\n]*").match(stream, stream.rindex(b"message_stop"))
    assert last is not None
    closing = stream.rindex(b"}", 0, last.end()) + 1
    for at in cuts(name, closing):
        through = transcript()
        out = read([stream[:at]], through)
        assert through.failure is not None and not through.whole
        error = error_event(through.failure)
        assert out.endswith(error) and whole.startswith(out.removesuffix(error))
        assert out.removesuffix(error)[-2:] in (b"", b"\n\n")
    for at in range(closing, len(stream) + 1):
        assert read([stream[:at]]) == whole


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(list(STREAMS.values())))
def test_a_damaged_stream_has_one_ending(pieces: list[bytes]) -> None:
    through = transcript()
    out = b"".join(map(through.feed, pieces))
    ended = through.ended
    out += through.end()
    assert is_whole(out) is through.whole
    assert through.ended and (through.failure is None) is through.whole
    assert not (ended and through.feed(PLAIN)), "nothing after the ending"
    assert read([b"".join(pieces)]) == out


def test_an_answer_in_one_piece_is_as_good_as_a_stream() -> None:
    through = transcript()
    message = {"id": "msg_1", "type": "message", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    out = through.take(json.dumps(message).encode())
    assert is_whole(out) and through.whole and b'"content":"Hi"' in out
    assert through.take(b"{}") == b"", "nothing after the ending"


def test_a_connection_that_is_lost_before_claudes_last_message_is_told() -> None:
    for pieces in ((), (PLAIN[: PLAIN.rindex(b"event: message_stop")],)):
        through = transcript()
        out = b"".join(map(through.feed, pieces)) + through.lose(StreamBroken("Lost."))
        assert not through.whole and out.endswith(error_event(StreamBroken("Lost.")))


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b'[{"error": {"code": 429, "message": "Quota!", "status": "RESOURCE_EXHAUSTED"}}]', 429, "Quota!"),
        (b'{"type": "error", "error": {"type": "overloaded_error", "message": "Full."}}', 503, "Full."),
        (b"<html><h1>Sign in</h1></html>", 502, "Sign in"),
        (b"", 502, "cut off"),
        (b'{"type": "message", "content": 7}', 502, "cut off"),
    ],
)
def test_an_error_in_one_piece_keeps_its_words(body: bytes, code: int, words: str) -> None:
    through = transcript()
    out = through.take(body)
    assert through.failure is not None and out == error_event(through.failure)
    assert (through.begun, through.failure.status) == (False, code) and words in through.failure.message


def test_nothing_is_said_after_the_ending() -> None:
    through = transcript()
    assert through.feed(PLAIN)
    assert (through.feed(PLAIN), through.end(), through.fail(Internal("late"))) == (b"", b"", b"")
    assert through.whole and through.failure is None


@pytest.mark.parametrize(
    "before", [b"", b'data: {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 1}}\n\n']
)
def test_an_error_before_the_answer_is_known_as_one(before: bytes) -> None:
    through = transcript()
    out = read([before + STREAMS["4_3_error_first"]], through)
    assert through.failure is not None and out == error_event(through.failure)
    assert (through.begun, through.failure.status, through.failure.code) == (False, 503, "overloaded")


def test_a_ping_before_the_answer_commits_nothing() -> None:
    through = transcript()
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    assert through.feed(ping) == b"" and not through.begun
    assert through.feed(PLAIN).count(b": ping\n\n") == 2, "once the answer has begun they go through"


def test_a_loss_is_told_with_its_reason() -> None:
    through = transcript()
    through.feed(PLAIN[:700])
    out = through.fail(StreamBroken("The connection was lost.", code="timeout"))
    assert [event["error"]["code"] for event in events(out)] == ["timeout"]


@pytest.mark.parametrize("before", [b"", PLAIN[: PLAIN.index(b"event: content_block_stop")]], ids=["first", "later"])
def test_what_the_client_is_not_to_read_is_taken_out_of_an_error(before: bytes) -> None:
    def hide(error: BridgeError) -> None:
        error.message = error.message.replace("s3cret", "***")

    through = Transcript(SseDecoder(), ClaudeStream(), ChunkWriter(TO), hide=hide)
    through.feed(before)
    told = through.feed(b'\n\ndata: {"type":"error","error":{"type":"api_error","message":"It was s3cret."}}\n\n')
    assert b"It was ***." in told and b"s3cret" not in told
    assert through.failure is not None and "s3cret" not in through.failure.message


def test_each_event_is_seen_once_and_in_order() -> None:
    seen: list[Event] = []
    read([PLAIN], transcript(seen.append))
    kinds = [type(event) for event in seen]
    assert kinds == [Start, UsageReport, Ping, Text, Ping, Text, UsageReport, Stop]


@pytest.mark.parametrize("fatal", [Start, Text, Stop])
def test_a_defect_is_one_error_event_after_what_was_there(fatal: type[Event], caplog: pytest.LogCaptureFixture) -> None:
    def observe(event: Event) -> None:
        if isinstance(event, fatal):
            raise RuntimeError("a defect")

    out = {read(pieces, transcript(observe)) for pieces in ([PLAIN], bytewise(PLAIN))}
    assert len(out) == 1, "the same bytes for any split, also then"
    *before, last = events(out.pop())
    assert last["error"]["code"] == "internal_error" and "a defect" not in last["error"]["message"]
    assert bool(before) is (fatal is not Start)
    assert "A stream could not be read (RuntimeError)" in caplog.text


def test_a_decoder_that_fails_at_the_end_leaves_one_ending(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(SseDecoder):
        def close(self) -> list[Frame]:
            raise RuntimeError("a defect")

    through = Transcript(Broken(), ClaudeStream(), ChunkWriter(TO))
    assert is_whole(read([PLAIN[:700]], through)) is False
    assert caplog.records


@pytest.mark.parametrize("empty", [b"", b"\n\n", b": nothing\n\n", b"event: ping\ndata:\n\n"])
def test_an_empty_answer_is_an_error(empty: bytes) -> None:
    """litellm#32086, envoy ai-gateway#2697, gptel#1512: a 200 without content passed for an answer without words."""
    through = transcript()
    assert is_whole(read([empty], through)) is False and not through.begun


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_an_error_in_the_middle_is_not_swallowed(name: str) -> None:
    """subrouter#68, mlflow#25863, envoy ai-gateway#2697, gptel#1512: the stream just ended, or ended well."""
    through = transcript()
    out = read([STREAMS[name]], through)
    assert through.failure is not None and out.endswith(error_event(through.failure))
    assert b"[DONE]" not in out and b'"finish_reason":"' not in out


def leg(text: str, reason: str, start: str = "message_start") -> bytes:
    """One request's part of an answer."""
    message = {"id": "msg_1", "model": "m", "usage": {"input_tokens": 10, "output_tokens": 1}}
    messages: list[dict[str, Any]] = [
        {"type": start, "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": text}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return b"".join(b"data: %s\n\n" % json.dumps(message).encode() for message in messages)


def paused(after: bytes = b"", observe: Callable[[Event], None] = lambda event: None) -> tuple[Transcript, bytes]:
    """A transcript in the middle of a pause, and what the client has read."""
    through = Transcript(SseDecoder(), ClaudeStream(Reading(keep=True)), ChunkWriter(TO), observe)
    out = through.feed(leg("Look", "pause_turn") + after)
    assert through.paused and not through.ended and not through.whole
    return through, out


def deltas(out: bytes) -> list[Any]:
    return [choice["delta"] for event in events(out) if isinstance(event, dict) for choice in event["choices"]]


def test_a_pause_is_silence() -> None:
    seen: list[Event] = []
    through, out = paused(PLAIN, seen.append)
    assert deltas(out) == [{"role": "assistant", "content": ""}, {"content": "Look"}]
    assert (through.feed(PLAIN), through.end(), through.failure) == (b"", b"", None)
    assert [type(event) for event in seen[-2:]] == [Said, Pause]


def test_what_follows_a_pause_in_the_same_bytes_is_not_read() -> None:
    through, _ = paused(b"data: " + b"x" * 9_000_000 + b"\n\n")
    assert through.failure is None


def test_a_pause_may_come_with_the_end_of_the_stream() -> None:
    through = Transcript(SseDecoder(), ClaudeStream(Reading(keep=True)), ChunkWriter(TO))
    through.feed(leg("Look", "pause_turn").rstrip(b"\n"))
    assert not through.paused
    assert through.end() == b"" and through.paused and through.failure is None


@pytest.mark.parametrize("last", [Stop("stop"), Pause()])
def test_a_dialect_that_talks_on_is_not_heard(last: Event) -> None:
    class Talkative(ClaudeStream):
        def feed(self, message: bytes) -> list[Event]:
            return [Text("a"), last, Text("b"), Stop("stop"), Pause()]

    seen: list[Event] = []
    through = Transcript(SseDecoder(), Talkative(), ChunkWriter(TO), seen.append)
    out = through.feed(b"data: 1\n\ndata: 2\n\n")
    assert seen == [Text("a"), last] and b'"b"' not in out


def test_after_a_pause_the_answer_goes_on() -> None:
    def answer(cut: Callable[[bytes], list[bytes]]) -> bytes:
        through, out = paused()
        through.resume(SseDecoder())
        assert not through.paused
        out += b"".join(map(through.feed, cut(leg("ed.", "end_turn")))) + through.end()
        assert through.whole
        return out

    out = answer(lambda stream: [stream])
    assert is_whole(out) and out == answer(bytewise)
    assert deltas(out) == [{"role": "assistant", "content": ""}, {"content": "Look"}, {"content": "ed."}, {}]
    assert events(out)[-2]["usage"]["total_tokens"] == 30, "both requests are paid for"


@pytest.mark.parametrize("rest", [b"", leg("x", "end_turn", start="ping"), STREAMS["4_3_error_first"]])
def test_what_goes_wrong_after_a_pause_is_an_error(rest: bytes) -> None:
    through, out = paused()
    through.resume(SseDecoder())
    assert is_whole(out + through.feed(rest) + through.end()) is False
    through, out = paused()
    assert is_whole(out + through.fail(StreamBroken("The cloud could not be asked to go on."))) is False
    assert not through.paused and through.stop_paused() == b""


def test_too_many_pauses_are_an_answer_that_is_too_long() -> None:
    seen: list[Event] = []
    through, out = paused(observe=seen.append)
    out += through.stop_paused()
    assert is_whole(out) and through.whole and not through.paused
    assert events(out)[-3]["choices"][0]["finish_reason"] == "length" and seen[-1] == Stop("length")


def test_silent_events_do_not_begin_an_answer() -> None:
    class Silent:
        def write(self, event: Event) -> bytes:
            return b""

    through = Transcript(SseDecoder(), ClaudeStream(Reading(keep=True)), Silent())
    through.feed(leg("Look", "pause_turn"))
    assert through.paused and not through.begun


@pytest.mark.parametrize("size", [1, 7, 4096, 1_000_000])
def test_a_huge_event_is_an_error(size: int) -> None:
    stream = PLAIN[: PLAIN.index(b"\n\n") + 2] + b"data: " + b"x" * 20_000 + b"\n\n" + PLAIN
    through = transcript(limit=10_000)
    assert is_whole(read((stream[at : at + size] for at in range(0, len(stream), size)), through)) is False
    assert isinstance(through.failure, BridgeError) and "larger than 10000 bytes" in through.failure.message


def long_stream(texts: int) -> bytes:
    head, _, rest = PLAIN.partition(b"event: content_block_delta")
    delta = b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello there"}}'
    return head + b"data: %s\n\n" % delta * texts + rest[rest.index(b"event: content_block_stop") :]


def one_text(size: int) -> bytes:
    return long_stream(1).replace(b"Hello there", b"x" * size)


def seconds(pieces: list[bytes]) -> float:
    """The best of three, since other work on the machine only ever adds."""

    def once() -> float:
        begun = time.process_time()
        assert read(pieces).endswith(b"[DONE]\n\n")
        return time.process_time() - begun

    return min(once() for _ in range(3))


@pytest.mark.parametrize(
    ("make", "size", "cut"),
    [
        (long_stream, 1000, lambda stream: [stream]),
        (long_stream, 100, bytewise),
        (one_text, 20_000, bytewise),
        (one_text, 400_000, lambda stream: [stream[at : at + 1000] for at in range(0, len(stream), 1000)]),
    ],
    ids=["whole", "bytewise", "one_event_bytewise", "one_event"],
)
def test_time_is_linear(make: Callable[[int], bytes], size: int, cut: Callable[[bytes], list[bytes]]) -> None:
    """Sizes that stay in a processor's cache: beyond it twice the bytes take more than twice the time."""
    once, twice = cut(make(size)), cut(make(2 * size))
    assert any(seconds(twice) <= 2.3 * seconds(once) for _ in range(5))
