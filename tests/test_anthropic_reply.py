"""anthropic/reply.py: streams come out as they went in, for any split, with one proper ending; the SDK judges."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from hypothesis import HealthCheck, given, settings

from oai_bridge.anthropic.errors import error_event
from oai_bridge.anthropic.reply import PassedStream, pass_on
from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.errors import BridgeError, StreamBroken
from oai_bridge.events import Event, Ping, Stop, Usage, UsageReport
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.sse import SseDecoder
from tests.support.claude_streams import message_of
from tests.support.splits import at_random, bytewise, damaged, everywhere

VECTORS = Path(__file__).parent / "vectors"
RECORDED = {
    path.name: path.read_bytes() for path in sorted(VECTORS.glob("anthropic-*/*")) if path.suffix in (".txt", ".sse")
}
SHORT = [name for name, stream in RECORDED.items() if len(stream) < 2500]
BASIC = RECORDED["basic_response.txt"] + b"\n\n"
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
OVERLOADED = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'


def transcript(seen: list[Event] | None = None) -> Transcript:
    passed = PassedStream(ClaudeStream(), "req_test")
    return Transcript(SseDecoder(), passed, passed, (seen if seen is not None else []).append)


def read(pieces: Iterable[bytes], through: Transcript | None = None) -> bytes:
    """What the client gets when the cloud sends `pieces` and closes."""
    through = through or transcript()
    return b"".join([*map(through.feed, pieces), through.end()])


def events(out: bytes) -> list[tuple[str, Any]]:
    """Name and data of each event as a client reads it; fails where a client would."""
    blocks = out.decode().split("\n\n")
    assert blocks.pop() == "", "the last event has its blank line"
    found = []
    for block in blocks:
        name, *data = block.split("\n")
        assert name.startswith("event: ") and all(line.startswith("data: ") for line in data), block
        found.append((name[7:], json.loads("\n".join(line[6:] for line in data))))
    return found


def is_whole(out: bytes) -> bool:
    """Whether a stream ended well; fails if it did not end once, and with that."""
    names = [name for name, _ in events(out)]
    assert all(name == data["type"] for name, data in events(out))
    assert names[0] == ("message_start" if len(names) > 1 else "error")
    assert not {"message_stop", "error"} & set(names[:-1])
    if names[-1] == "error":
        data = events(out)[-1][1]
        assert data["request_id"] == "req_test" and data["error"]["message"] and data["error"]["type"]
    else:
        assert names[-1] == "message_stop"
    return names[-1] == "message_stop"


# -- recorded streams --------------------------------------------------------------------------------------------------


def messages(stream: bytes) -> list[Any]:
    decoder = SseDecoder()
    return [json.loads(frame) for frame in [*decoder.feed(stream), *decoder.close()] if isinstance(frame, bytes)]


@pytest.mark.parametrize("name", RECORDED)
def test_frames_in_are_frames_out(name: str) -> None:
    seen: list[Event] = []
    through = transcript(seen)
    out = read([RECORDED[name]], through)
    assert [data for _, data in events(out)] == messages(RECORDED[name])
    assert is_whole(out) and through.whole and through.failure is None
    decoder, dialect = SseDecoder(), ClaudeStream()
    frames = [*decoder.feed(RECORDED[name]), *decoder.close()]
    read_by_itself = [event for frame in frames if isinstance(frame, bytes) for event in dialect.feed(frame)]
    assert [event for event in seen if not isinstance(event, Ping)] == [
        event for event in read_by_itself if not isinstance(event, Ping)
    ], "the record sees what it sees of any stream"


@pytest.mark.parametrize("name", RECORDED)
def test_any_split_gives_the_same_bytes(name: str) -> None:
    stream = RECORDED[name]
    whole = read([stream])
    assert read(bytewise(stream)) == whole
    for pieces in [*everywhere(stream), *at_random(stream, 100)]:
        assert read(pieces) == whole


@pytest.mark.parametrize("name", SHORT)
def test_a_cut_anywhere_has_one_ending_and_is_no_success(name: str) -> None:
    stream = RECORDED[name]
    whole = read([stream])
    closing = stream.index(b"}", stream.rindex(b"message_stop")) + 1
    for at in range(closing):
        through = transcript()
        out = read([stream[:at]], through)
        assert isinstance(through.failure, StreamBroken) and not through.whole
        error = error_event(through.failure, "req_test")
        assert out.endswith(error) and whole.startswith(out.removesuffix(error))
        assert is_whole(out) is False
        assert events(error)[0][1]["error"]["type"] == "api_error"
    for at in range(closing, len(stream) + 1):
        assert read([stream[:at]]) == whole


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(list(RECORDED.values())))
def test_a_damaged_stream_has_one_ending(pieces: list[bytes]) -> None:
    through = transcript()
    out = b"".join(map(through.feed, pieces))
    ended = through.ended
    out += through.end()
    assert is_whole(out) is through.whole
    assert through.ended and (through.failure is None) is through.whole
    assert not (ended and through.feed(BASIC)), "nothing after the ending"
    assert read([b"".join(pieces)]) == out


# -- frames ------------------------------------------------------------------------------------------------------------


def between(frame: bytes) -> list[tuple[str, Any]]:
    """What becomes of a frame in the middle of a stream."""
    at = BASIC.index(b"event: content_block_delta")
    before, after = events(read([BASIC[:at]]))[:-1], messages(BASIC[at:])
    out = events(read([BASIC[:at], frame, BASIC[at:]]))
    assert out[: len(before)] == before
    assert [data for _, data in out[-len(after) :]] == after
    return out[len(before) : -len(after)]


@pytest.mark.parametrize(
    ("frame", "passed"),
    [
        (PING, [("ping", {"type": "ping"})]),
        (b'data: {"type": "brand_new", "x": [1]}\n\n', [("brand_new", {"type": "brand_new", "x": [1]})]),
        (b'event: wrong\r\ndata: {"type":\r\ndata: "brand_new"}\r\n\r\n', [("brand_new", {"type": "brand_new"})]),
        (b'data: {"type": "brand_new", "a": "\\ud83d"}\n\n', [("brand_new", {"type": "brand_new", "a": "?"})]),
        (b'data: {"type": "a\\nevent: error"}\n\n', []),
        (b'data: {"x": 1}\n\n', []),
        (b": a comment\n\n", []),
        (b"event: brand_new\n\n", []),
    ],
)
def test_a_frame_has_the_type_of_its_json_for_a_name(frame: bytes, passed: list[Any]) -> None:
    assert between(frame) == passed


def test_pings_before_the_answer_are_not_written() -> None:
    through = transcript()
    assert through.feed(PING * 2) == b"" and not through.begun
    assert through.feed(BASIC[: BASIC.index(b"event: content_block_start")]).startswith(b"event: message_start\n")
    assert through.begun
    assert through.feed(PING) == PING


@pytest.mark.parametrize(
    "before", [b"", PING, b'data: {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 1}}\n\n']
)
def test_an_error_before_the_answer_is_known_as_one(before: bytes) -> None:
    through = transcript()
    out = read([before + OVERLOADED], through)
    assert through.failure is not None and out == error_event(through.failure, "req_test")
    assert not through.begun


def test_nothing_is_said_after_the_ending() -> None:
    for stream in (BASIC, BASIC[:700] + OVERLOADED):
        through = transcript()
        assert is_whole(through.feed(stream)) is (stream is BASIC)
        assert (through.feed(BASIC), through.end(), through.fail(StreamBroken("late"))) == (b"", b"", b"")


def test_a_pause_is_the_clients_to_answer() -> None:
    """A server tool that takes long ends the turn with `pause_turn`; Anthropic's clients send it back to go on."""
    paused = BASIC.replace(b'"end_turn"', b'"pause_turn"')
    assert paused != BASIC
    through = transcript()
    assert is_whole(read([paused], through)) and through.whole


# -- errors in a stream ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "type", "message"),
    [
        (OVERLOADED, "overloaded_error", "Overloaded."),
        (
            b'data: {"error":{"code":429,"message":"Quota.","status":"RESOURCE_EXHAUSTED"}}\n\n',
            "rate_limit_error",
            "Quota.",
        ),
        (
            b'data: {"type":"error","error":{"type":"api_error","message":"Bearer ya29.secret-token failed"}}\n\n',
            "api_error",
            "Bearer ***",
        ),
        (b"data: {not json\n\n", "api_error", "The cloud sent something"),
        (b'data: {"type": "brand_new", "a": "\xff"}\n\n', "api_error", "The cloud sent something"),
        (b"data: []\n\n", "api_error", "The cloud sent something"),
        (b"data: " + b"x" * 9_000_000, "api_error", "The cloud's answer can't be read"),
        (b"", "api_error", "The cloud's answer was cut off"),
    ],
    ids=["anthropic", "google", "secret", "garbage", "not_utf8", "array", "huge", "cut"],
)
def test_trouble_is_one_event_in_anthropics_shape(error: bytes, type: str, message: str) -> None:
    at = BASIC.index(b"event: content_block_stop")
    out = read([BASIC[:at] + error, BASIC[at:] if error else b""])
    assert is_whole(out) is False
    *before, (_, last) = events(out)
    assert [data for _, data in before] == messages(BASIC[:at])
    assert last["error"]["type"] == type and last["error"]["message"].startswith(message)
    assert b"secret-token" not in out


# -- the SDK -----------------------------------------------------------------------------------------------------------


def sdk(body: bytes, content_type: str = "text/event-stream") -> anthropic.Anthropic:
    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=body, headers={"content-type": content_type})

    transport = httpx2.Client(transport=httpx2.MockTransport(handler))
    return anthropic.Anthropic(base_url="http://a", api_key="k", http_client=transport, max_retries=0)


ASK: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("name", [name for name in RECORDED if "incomplete" not in name])
def test_the_sdk_reads_the_same_message(name: str) -> None:
    with (
        sdk(RECORDED[name]).messages.stream(**ASK) as direct,
        sdk(read([RECORDED[name]])).messages.stream(**ASK) as passed,
    ):
        assert passed.get_final_message() == direct.get_final_message()


def test_the_sdk_raises_the_error_of_a_stream() -> None:
    out = read([BASIC[: BASIC.index(b"event: content_block_stop")] + OVERLOADED])
    with sdk(out).messages.stream(**ASK) as stream, pytest.raises(anthropic.APIStatusError) as raised:
        stream.get_final_message()
    assert (raised.value.type, raised.value.api_message) == (
        "overloaded_error",
        "Overloaded. Try again in a minute, or use another region.",
    )


# -- whole answers -----------------------------------------------------------------------------------------------------

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hi"}, {"type": "brand_new", "x": 1}],
    "stop_reason": "pause_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "output_tokens": 4, "brand_new": None},
}


def test_a_whole_answer_without_content_is_a_stream_of_nothing() -> None:
    through = transcript()
    out = through.take(b'{"type": "message", "id": "msg_1", "stop_reason": "end_turn"}')
    assert is_whole(out) and through.whole
    assert [name for name, _ in events(out)] == ["message_start", "message_delta", "message_stop"]


def test_a_whole_answer_is_the_clouds_bytes() -> None:
    body = json.dumps(MESSAGE, indent=3).encode()
    seen: list[Event] = []
    assert pass_on(body, ClaudeStream().whole(body), seen.append) is body
    assert UsageReport(Usage(3, 4)) in seen and isinstance(seen[-1], Stop)
    assert sdk(body, "application/json").messages.create(**ASK).id == "msg_1"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html>no</html>", "The cloud, or a proxy before it"),
        (b"", "The cloud's answer is cut off"),
        (b"{}", "The cloud's answer is cut off"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "Overloaded."),
    ],
)
def test_what_is_no_message_is_an_error(body: bytes, told: str) -> None:
    with pytest.raises(BridgeError, match=told):
        pass_on(body, ClaudeStream().whole(body), lambda event: None)


# -- whole answers to who asked for a stream ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in RECORDED if "incomplete" not in name])
def test_a_message_where_a_stream_was_asked_for_becomes_one(name: str) -> None:
    through = transcript()
    out = through.take(json.dumps(message_of(RECORDED[name])).encode())
    assert is_whole(out) and through.whole
    with sdk(RECORDED[name]).messages.stream(**ASK) as direct, sdk(out).messages.stream(**ASK) as made:
        streamed, whole = direct.get_final_message(), made.get_final_message()
    assert message_of(out)["content"] == message_of(RECORDED[name])["content"]
    assert (whole.id, whole.stop_reason, whole.stop_details) == (
        streamed.id,
        streamed.stop_reason,
        streamed.stop_details,
    )
    assert whole.usage.output_tokens == streamed.usage.output_tokens


def test_odd_blocks_of_a_message_are_kept() -> None:
    out = transcript().take(json.dumps({**MESSAGE, "usage": None}).replace("Hi", "\\ud83d").encode())
    assert is_whole(out)
    assert events(out)[1][1]["content_block"] == {"type": "text", "text": ""}
    assert events(out)[2][1]["delta"] == {"type": "text_delta", "text": "?"}
    assert events(out)[4][1]["content_block"] == {"type": "brand_new", "x": 1}


def test_an_error_where_a_stream_was_asked_for() -> None:
    through = transcript()
    out = through.take(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    assert through.failure is not None and not through.begun
    assert out == error_event(through.failure, "req_test")
