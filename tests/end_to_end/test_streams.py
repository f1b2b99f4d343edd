"""Recorded streams in odd pieces, every way in which one can break, and what becomes of it when the client leaves."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude_rules import events_of, message_of
from tests.support.fake_vertex import (
    Behaviour,
    Drop,
    FakeVertex,
    Hang,
    Reply,
    Stream,
    anthropic_error,
    broken,
    endless,
    garbled,
    huge,
    recorded,
    recordings,
    replay,
    sse,
)
from tests.support.proxy import Proxy, events, read_all, unchunk

NAME = "basic_response.txt"


def ask(proxy: Proxy) -> tuple[bytes, list[Any]]:
    """A stream as it came: the head, and the events of its body, which must be properly ended."""
    head, body = unchunk(read_all(proxy.open_chat(stream=True)))
    return head, [data if data == "[DONE]" else json.loads(data) for data in events(body)]


def said(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


# --- Whole streams ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", recordings())
def test_a_recorded_stream_in_odd_pieces(proxy: Proxy, cloud: FakeVertex, name: str) -> None:
    message = message_of(recorded(name))
    text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    finish = {"end_turn": "stop", "tool_use": "tool_calls", "refusal": "content_filter", "max_tokens": "length"}
    told = set()
    for size in (3, 7, [1, 2, 3, 500], None):
        cloud.script(replay(name, size=size))
        head, (*chunks, done) = ask(proxy)
        assert b" 200 " in head and done == "[DONE]"
        assert said(chunks) == text
        if message["stop_reason"] in finish:
            assert chunks[-1]["choices"][0]["finish_reason"] == finish[message["stop_reason"]]
        told.add(json.dumps([chunk["choices"] for chunk in chunks]))
    assert len(told) == 1  # every cut of the bytes gives the same chunks


@pytest.mark.parametrize("name", recordings())
def test_a_recorded_answer_in_one_piece(proxy: Proxy, cloud: FakeVertex, name: str) -> None:
    message = message_of(recorded(name))
    cloud.script(replay(name, size=100))
    answer = proxy.chat()
    assert answer.status == 200
    (choice,) = answer.json()["choices"]
    text = "".join(block["text"] for block in message["content"] if block["type"] == "text")
    assert (choice["message"]["content"] or "") == text
    calls = [block["name"] for block in message["content"] if block["type"] == "tool_use"]
    assert [call["function"]["name"] for call in choice["message"].get("tool_calls", [])] == calls


# --- Broken streams ---------------------------------------------------------------------------------------------------

EVENTS = events_of(recorded(NAME))
MIDDLE = sum(map(len, EVENTS[:4]))
BREAKS: dict[str, tuple[Behaviour, str | None]] = {
    "an error event": (broken(after=4), "overloaded"),
    "an error event right after the start": (broken(after=1), "overloaded"),
    "cut between events": (replay(NAME, stop_after=MIDDLE, ending="cut"), "stream_truncated"),
    "cut within an event": (replay(NAME, stop_after=MIDDLE + 30, ending="cut"), "stream_truncated"),
    "reset": (replay(NAME, stop_after=MIDDLE, ending="reset"), "stream_truncated"),
    "ended in good form but too soon": (replay(NAME, stop_after=MIDDLE), "stream_truncated"),
    "only its last event is missing": (Stream(b"".join(EVENTS[:-1])), "stream_truncated"),
    "garbage": (garbled(), "stream_truncated"),
    "a web page": (garbled(b"<html><body>502</body></html>\n\ndata: <html>\n\n"), "stream_truncated"),
    "an event of many megabytes": (
        Stream(lambda: [*EVENTS[:4], b"data: ", *[b"x" * 100_000] * 90, b"\n\n", *EVENTS[4:]]),
        "stream_truncated",
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_stream_that_breaks_ends_in_one_error_event(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    behaviour, code = BREAKS[case]
    cloud.script(behaviour)
    head, (*chunks, last) = ask(proxy)
    assert b" 200 " in head
    assert all("error" not in chunk for chunk in chunks)
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert last.keys() == {"error", "choices"}
    assert last["choices"] == []
    assert last["error"]["code"] == code and last["error"]["message"]
    assert proxy.chat().status == 200


FIRST: dict[str, tuple[Behaviour, int, str]] = {
    "an error event": (broken(), 503, "overloaded"),
    "a ping, then an error event": (
        Stream(sse({"type": "ping"}) + sse({"type": "error", "error": {"type": "rate_limit_error", "message": "No"}})),
        429,
        "rate_limit_exceeded",
    ),
    "nothing at all": (Stream(b""), 502, "stream_truncated"),
    "cut before the first event": (replay(NAME, stop_after=20, ending="cut"), 502, "stream_truncated"),
    "reset before the first event": (replay(NAME, stop_after=20, ending="reset"), 502, "stream_truncated"),
    "garbage": (Stream(b"data: {oops\n\n"), 502, "stream_truncated"),
    "a web page": (Reply(200, b"<html>Hello</html>", content_type="text/html"), 502, "upstream_error"),
    "an error in JSON": (Reply(200, anthropic_error(529).body), 503, "overloaded"),
    "an encoding that it is not in": (Reply(200, b"plain", {"content-encoding": "gzip"}), 502, "stream_truncated"),
    "a redirect": (Reply(302, b"", {"location": "https://elsewhere.test/"}), 502, "upstream_error"),
}


@pytest.mark.parametrize("case", FIRST)
def test_what_fails_before_the_first_event_is_an_http_error(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    behaviour, status, code = FIRST[case]
    cloud.script(behaviour)
    answer = proxy.chat(stream=True)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"


def test_a_cloud_that_does_not_stream_is_streamed_from(proxy: Proxy, cloud: FakeVertex) -> None:
    """A gateway in between may answer in one piece. The answer is there, and paid for."""
    cloud.script(Reply(200, replay().message))
    answer = proxy.chat(stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text == proxy.chat().text
    assert answer.body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("drop", [Drop(), Drop(reset=True)], ids=["closed", "reset"])
def test_a_cloud_that_closes_before_its_headers(proxy: Proxy, cloud: FakeVertex, drop: Drop, stream: bool) -> None:
    before = len(cloud.requests)
    cloud.default = drop
    try:
        answer = proxy.chat(stream=stream)
    finally:
        cloud.default = replay()
    assert (answer.status, answer.error["code"]) == (502, "upstream_closed")
    assert len(cloud.requests) - before <= 3  # dead connections of the pool are passed over, but not for ever
    assert proxy.chat().status == 200


@pytest.mark.parametrize("ending", ["cut", "reset"])
def test_a_whole_answer_that_is_cut(proxy: Proxy, cloud: FakeVertex, ending: Any) -> None:
    cloud.script(replay(NAME, stop_after=40, ending=ending))
    answer = proxy.chat()
    assert (answer.status, answer.error["code"]) == (502, "stream_truncated")


def test_a_kept_connection_that_has_died_is_passed_over(proxy: Proxy, cloud: FakeVertex) -> None:
    """The cloud closes it just as the next request comes in on it: the request goes out again on another."""
    assert proxy.chat().status == 200
    before = len(cloud.requests)
    cloud.script(Drop())
    answer = proxy.chat()
    assert answer.status == 200
    assert answer.headers["x-bridge-attempts"] == "2"
    assert len(cloud.requests) == before + 2


# --- The client leaves ------------------------------------------------------------------------------------------------


def leave(connection: socket.socket, how: str) -> float:
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    left = time.monotonic()
    connection.close()
    return left


@pytest.fixture(params=["closed", "reset"])
def how(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.param


def wait_until_it_is_noticed(cloud: FakeVertex, number: int, left: float) -> None:
    cloud.wait_until_left(number)
    cloud.wait_idle()
    assert (cloud.requests[number].hung_up or left) >= left


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_leaves_before_the_headers(proxy: Proxy, cloud: FakeVertex, how: str, stream: bool) -> None:
    number = len(cloud.requests)
    cloud.script(Hang())
    connection = proxy.open_chat(stream=stream)
    cloud.wait_until(lambda: cloud.hanging == 1)
    wait_until_it_is_noticed(cloud, number, leave(connection, how))
    assert proxy.chat().status == 200


def test_a_client_that_leaves_in_mid_stream(proxy: Proxy, cloud: FakeVertex, how: str) -> None:
    number = len(cloud.requests)
    cloud.script(endless())
    connection = proxy.open_chat(stream=True)
    while b"more" not in connection.recv(65_536):
        pass
    wait_until_it_is_noticed(cloud, number, leave(connection, how))


def test_a_client_that_leaves_while_the_stream_is_silent(proxy: Proxy, cloud: FakeVertex, how: str) -> None:
    number = len(cloud.requests)
    cloud.script(replay(NAME, pause_after=MIDDLE))
    connection = proxy.open_chat(stream=True)
    read = b""
    while b'"role":"assistant"' not in read:
        read += connection.recv(65_536)
    cloud.wait_until(lambda: cloud.hanging == 1)
    wait_until_it_is_noticed(cloud, number, leave(connection, how))


def test_a_client_that_leaves_without_having_read(proxy: Proxy, cloud: FakeVertex, how: str) -> None:
    """Its socket is full, so that the proxy waits for room and not for the cloud."""
    number = len(cloud.requests)
    cloud.script(huge(200_000_000))
    connection = proxy.open_chat(stream=True)
    cloud.wait_until(lambda: len(cloud.requests) > number and cloud.requests[number].sent > 0)
    sent = 0
    while sent != cloud.requests[number].sent:
        sent = cloud.requests[number].sent
        time.sleep(0.3)
    assert sent < 50_000_000  # a slow reader holds the cloud back
    wait_until_it_is_noticed(cloud, number, leave(connection, how))


def test_many_that_leave_at_random_moments_leave_nothing(proxy: Proxy, cloud: FakeVertex) -> None:
    def descriptors() -> int:
        return len(list(Path(f"/proc/{proxy.process.pid}/fd").glob("*")))  # none where there is no /proc

    before = descriptors()
    cloud.default = endless(delay=0.001)
    try:
        for number in range(200):
            connection = proxy.open_chat(stream=bool(number % 3))
            time.sleep(0.001 * (number % 20))
            connection.close()
        cloud.wait_until(lambda: proxy.get("/status").json()["proomptersNow"] == 0)
        cloud.wait_idle()
    finally:
        cloud.default = replay()
    assert proxy.chat(stream=True).status == 200
    cloud.wait_until(lambda: descriptors() <= before + 2, timeout=130)  # kept connections to the cloud end, too
