"""The fake cloud's answers: it makes the trouble it is told to make, byte for byte, and knows what became of it."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.support.claude_rules import ERRORS, events_of, message_of
from tests.support.claude_streams import stream_of
from tests.support.cloud_client import BODY, OLD, ask, mint, path, post, read_all
from tests.support.fake_vertex import (
    VECTORS,
    Behaviour,
    Drop,
    FakeVertex,
    Hang,
    Reply,
    Stream,
    agent,
    anthropic_error,
    broken,
    endless,
    garbled,
    google_error,
    html_error,
    huge,
    recorded,
    recordings,
    replay,
)


@pytest.fixture
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        yield cloud


# Anthropic's own client


@pytest.mark.parametrize("streamed", [False, True])
def test_the_vendors_own_client_is_content(streamed: bool) -> None:
    with FakeVertex(anthropic_version="2026-10-21", strict_headers=False) as cloud:
        vertex = anthropic.AnthropicVertex(
            region=cloud.region, project_id=cloud.project, access_token=mint(cloud), base_url=cloud.base_url
        )
        cloud.default = replay("stream-b-fallback.sse", size=11)
        talk: dict[str, Any] = {"model": OLD, "max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}]}
        with vertex:
            if streamed:
                with vertex.messages.stream(**talk) as stream:
                    message = stream.get_final_message()
            else:
                message = vertex.messages.create(**talk)
        assert cloud.wrong == []
        (block,) = message.content
        assert block.type == "text" and block.text.endswith("sparking your interest!")
        assert message.usage.output_tokens == 547


@pytest.mark.parametrize("id", ["claude-opus-4-8", "claude-opus-5-5"])
def test_the_vendors_own_client_calls_tools_and_thinks(id: str) -> None:
    with FakeVertex(anthropic_version="2026-10-21", strict_headers=False) as cloud:
        cloud.default = agent(size=50)
        vertex = anthropic.AnthropicVertex(
            region=cloud.region, project_id=cloud.project, access_token=mint(cloud), base_url=cloud.base_url
        )
        tools: Any = [{"name": "look", "input_schema": {"type": "object"}}]
        talk: dict[str, Any] = {"model": id, "tools": tools, "thinking": {"type": "adaptive", "display": "summarized"}}
        messages: list[Any] = [
            {"role": "user", "content": 'call: look({"at": "a"}) + look({"at": "b"})\ncall: look({})'}
        ]
        with vertex:
            for calls in (2, 1, 0):
                assert vertex.messages.count_tokens(**talk, messages=messages).input_tokens > 10
                with vertex.messages.stream(**talk, messages=messages, max_tokens=99) as stream:
                    message = stream.get_final_message()
                used = [block for block in message.content if block.type == "tool_use"]
                assert (len(used), message.stop_reason) == (calls, "tool_use" if calls else "end_turn")
                results = [{"type": "tool_result", "tool_use_id": block.id, "content": block.name} for block in used]
                messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
        assert cloud.wrong == []
        assert message.content[0].type == "thinking" and message.content[0].thinking == "I know enough."
        assert message.content[-1].type == "text" and message.content[-1].text.count("look said: look") == 3
        assert message.usage.output_tokens_details and message.usage.output_tokens_details.thinking_tokens > 0


def test_a_hang_and_a_slow_agent_depend_on_the_request(cloud: FakeVertex) -> None:
    cloud.script(Hang(agent("Late.")), agent(size=9, ending="cut"))
    waiting = ask(cloud, streamed=False)
    cloud.wait_until(lambda: cloud.hanging == 1)
    cloud.release()
    raw = b""
    with waiting:
        while not raw.endswith(b"0\r\n\r\n"):
            raw += waiting.recv(65_536)
    assert b'"text": "Late."' in raw
    assert read_all(ask(cloud)).endswith(b'top"}\n\n\r\n')


# How it answers


@pytest.mark.parametrize("name", recordings())
def test_replays_a_recording_byte_for_byte(cloud: FakeVertex, name: str) -> None:
    cloud.script(replay(name), replay(name, size=[1, 7, 300]), replay(name))
    streaming = BODY | {"stream": True}
    stream = path(cloud, method="streamRawPredict")
    for _ in range(2):
        reply = post(cloud, streaming, at=stream)
        assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "content-length" not in reply.headers
        assert reply.content == recorded(name)
    assert post(cloud).json() == message_of(recorded(name))
    assert b"".join(events_of(recorded(name))) == recorded(name)


def test_all_recordings_are_there() -> None:
    assert len(recordings()) == 15
    assert all((VECTORS / folder).is_dir() for folder in ("anthropic-sse", "anthropic-recorded"))


def test_a_recording_adds_up_to_its_message() -> None:
    message = message_of(recorded("tool_use_response.txt"))
    assert [block["type"] for block in message["content"]] == ["text", "tool_use"]
    assert message["content"][0]["text"] == "I'll check the current weather in Paris for you."
    assert message["content"][1]["input"] == {"location": "Paris"}
    assert message["stop_reason"] == "tool_use"
    assert message["usage"]["output_tokens"] == 65


@pytest.mark.parametrize("name", recordings())
def test_a_recordings_message_can_be_a_stream_again(name: str) -> None:
    message = message_of(recorded(name))
    assert message_of(stream_of(message, piece=5)) == message


def test_scripted_answers_come_in_turn_and_then_the_usual_one(cloud: FakeVertex) -> None:
    cloud.script(anthropic_error(529), Reply(body={"a": 1}))
    assert [post(cloud).status_code for _ in range(3)] == [529, 200, 200]
    assert post(cloud, BODY | {"model": OLD}).status_code == 400


@pytest.mark.parametrize("status", sorted(ERRORS))
def test_anthropics_errors(cloud: FakeVertex, status: int) -> None:
    cloud.script(anthropic_error(status, retry_after=7), anthropic_error(status, "Why not", type="api_error"))
    first, second = post(cloud), post(cloud)
    assert (first.status_code, first.headers["retry-after"]) == (status, "7")
    assert first.json()["error"] == {"type": ERRORS[status][0], "message": ERRORS[status][1]}
    assert first.json()["request_id"] == first.headers["request-id"]
    assert second.json()["error"] == {"type": "api_error", "message": "Why not"}
    assert "retry-after" not in second.headers
    assert cloud.wrong == []


def test_googles_errors(cloud: FakeVertex) -> None:
    cloud.script(google_error(429, retry_delay="12s", in_array=True), google_error(403, "No"), html_error(), Reply(500))
    (wrapped,), plain, html, empty = post(cloud).json(), post(cloud), post(cloud), post(cloud)
    assert wrapped["error"]["status"] == "RESOURCE_EXHAUSTED"
    assert wrapped["error"]["details"][0]["retryDelay"] == "12s"
    refused = {"code": 403, "message": "No", "status": "PERMISSION_DENIED", "details": []}
    assert (plain.status_code, plain.json()["error"]) == (403, refused)
    assert (html.status_code, html.headers["content-type"]) == (502, "text/html; charset=UTF-8")
    assert (empty.status_code, empty.content) == (500, b"")


def test_closes_before_headers(cloud: FakeVertex) -> None:
    cloud.script(Drop())
    assert read_all(ask(cloud)) == b""


def test_resets_before_headers(cloud: FakeVertex) -> None:
    cloud.script(Drop(reset=True))
    with pytest.raises(ConnectionResetError):
        read_all(ask(cloud))


@pytest.mark.parametrize("streamed", [True, False])
def test_ends_early_in_three_ways(cloud: FakeVertex, streamed: bool) -> None:
    cloud.script(*(replay(stop_after=150, ending=ending) for ending in ("end", "cut", "reset")))
    stream = recorded("basic_response.txt")
    part = (stream if streamed else json.dumps(message_of(stream)).encode())[:150] + b"\r\n"
    raw = b""
    with ask(cloud, streamed=streamed) as ended:
        while not raw.endswith(b"\r\n0\r\n\r\n"):
            raw += ended.recv(65_536)
    assert raw.endswith(part + b"0\r\n\r\n")
    assert read_all(ask(cloud, streamed=streamed)).endswith(part)
    raw = b""
    with ask(cloud, streamed=streamed) as reset, pytest.raises(ConnectionResetError):
        while True:
            raw += reset.recv(65_536) or pytest.fail("closed, not reset")
    assert raw.endswith(part)
    cloud.wait_idle()
    assert [received.hung_up for received in cloud.requests] == [None] * 3
    assert [received.sent for received in cloud.requests] == [150] * 3


def test_puts_errors_and_garbage_where_it_is_told(cloud: FakeVertex) -> None:
    events = events_of(recorded("basic_response.txt"))
    cloud.script(broken(), broken("api_error", "Oh", after=4), garbled(b"garbage", after=3))
    first, later, garbage = (
        post(cloud, BODY | {"stream": True}, at=path(cloud, method="streamRawPredict")).content for _ in range(3)
    )
    (only,) = events_of(first)
    assert json.loads(only.partition(b"data: ")[2])["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert events_of(later)[:4] == events[:4]
    assert json.loads(events_of(later)[4].partition(b"data: ")[2])["error"]["type"] == "api_error"
    assert len(events_of(later)) == 5
    assert garbage == b"".join([*events[:3], b"garbage", *events[3:]])


def test_hangs_until_it_is_let_go(cloud: FakeVertex) -> None:
    cloud.script(Hang(anthropic_error(503)), replay(pause_after=100), replay(pause_after=0))
    before_headers, midway, after_headers = ask(cloud), ask(cloud), ask(cloud)
    cloud.wait_until(lambda: cloud.hanging == 3)
    assert cloud.active == 3
    body = recorded("basic_response.txt")
    assert midway.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
    assert after_headers.recv(65_536).endswith(b"\r\n\r\n")
    before_headers.setblocking(False)
    with pytest.raises(BlockingIOError):
        before_headers.recv(1)
    before_headers.settimeout(30)
    assert sorted(received.sent for received in cloud.requests) == [0, 0, 100]
    cloud.release()
    assert before_headers.recv(65_536).startswith(b"HTTP/1.1 503 ")
    cloud.wait_idle()
    assert sorted(received.sent for received in cloud.requests) == [0, len(body), len(body)]
    assert cloud.hanging == 0
    for connection in (before_headers, midway, after_headers):
        connection.close()


@pytest.mark.parametrize(
    "behaviour",
    [Hang(), replay(pause_after=50), replay(pause_after=0), endless(0.01), huge(50_000_000)],
    ids=["hangs", "midway", "after the headers", "endless", "huge"],
)
def test_sees_a_hang_up_at_once(cloud: FakeVertex, behaviour: Behaviour) -> None:
    cloud.script(behaviour)
    connection = ask(cloud)
    cloud.wait_until(lambda: cloud.active == 1 and bool(cloud.requests))
    time.sleep(0.05)
    assert cloud.requests[0].finished is None
    left = time.monotonic()
    connection.close()
    cloud.wait_idle()
    hung_up = cloud.requests[0].hung_up
    assert hung_up is not None and hung_up >= left
    assert cloud.requests[0].finished is not None
    assert cloud.requests[0].sent < 50_000_000
    assert cloud.wrong == []


def test_paces_an_endless_stream(cloud: FakeVertex) -> None:
    cloud.script(endless(0.05))
    with ask(cloud) as connection:
        cloud.wait_until(lambda: bool(cloud.requests) and cloud.requests[0].sent > 0)
        started, sent = time.monotonic(), cloud.requests[0].sent
        cloud.wait_until(lambda: cloud.requests[0].sent > sent + 600)
        assert time.monotonic() - started > 0.15
        assert b"more " in connection.recv(65_536)


def test_a_huge_stream_is_whole_and_waits_for_its_reader(cloud: FakeVertex) -> None:
    cloud.script(huge(2_000_000, piece=1000), huge(100_000_000))
    body = post(cloud, BODY | {"stream": True}, at=path(cloud, method="streamRawPredict")).content
    assert len(message_of(body)["content"][0]["text"]) == 2_000_000
    with ask(cloud):
        cloud.wait_until(lambda: cloud.active == 1)
        time.sleep(0.3)
        assert cloud.active == 1
        assert cloud.requests[1].sent < 50_000_000


def test_counts_connections_and_exchanges(cloud: FakeVertex) -> None:
    bearer: dict[str, str | None] = {"authorization": f"Bearer {mint(cloud)}"}
    before = cloud.connections
    with requests.Session() as session:
        for _ in range(3):
            requests_before = cloud.connections
            post(cloud, headers=bearer, session=session)
        assert cloud.connections == requests_before + 1  # the helper's own call of the token endpoint
    assert len({received.peer for received in cloud.requests}) == 1
    assert cloud.connections == before + 4
    cloud.wait_idle()  # a client has all of an answer before the cloud is done with it
    assert all(received.finished and received.finished >= received.arrived for received in cloud.requests)


def test_speaks_tls_with_a_ca_of_its_own() -> None:
    with FakeVertex(tls=True) as cloud:
        assert cloud.base_url.startswith("https://127.0.0.1:")
        assert urllib.parse.urlsplit(cloud.service_account()["token_uri"]).scheme == "https"
        cloud.script(Drop(reset=True))
        with pytest.raises(requests.ConnectionError):
            post(cloud, verify=cloud.ca_file)
        assert post(cloud, verify=cloud.ca_file).status_code == 200
        assert cloud.wrong == []
        context = ssl.create_default_context()
        with (
            socket.create_connection(("127.0.0.1", cloud.port)) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_stops_with_exchanges_open() -> None:
    with FakeVertex() as cloud:
        cloud.script(Hang())
        connection = ask(cloud)
        cloud.wait_until(lambda: cloud.hanging == 1)
    assert read_all(connection) == b""
    assert cloud.requests[0].hung_up is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", cloud.port))


@given(
    body=st.binary(max_size=60),
    size=st.one_of(st.none(), st.integers(1, 9), st.lists(st.integers(1, 9), min_size=1)),
    pause=st.one_of(st.none(), st.integers(0, 70)),
    stop=st.one_of(st.none(), st.integers(0, 70)),
)
def test_any_cutting_up_keeps_the_bytes(
    body: bytes, size: int | list[int] | None, pause: int | None, stop: int | None
) -> None:
    steps = list(Stream(body, size=size, pause_after=pause, stop_after=stop).steps(streamed=True))
    sent = b"".join(step for step in steps if step is not None)
    assert sent == (body if stop is None else body[:stop])
    paused = pause is not None and pause <= len(sent)
    assert steps.count(None) == paused
    if paused:
        assert len(b"".join(step or b"" for step in steps[: steps.index(None)])) == pause
