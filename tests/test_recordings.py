"""inspector/recordings.py: the same request is the same however it is written, and only whole answers are given."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.answer import Head
from oai_bridge.inspector.recordings import (
    Asked,
    Recorded,
    Turns,
    is_stream,
    key_of,
    pieces_of,
    read_request,
    recorded,
)
from oai_bridge.routing import Route

LIMIT = 10_000
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi é"}], "n": 1}
CHAT = Route("chat")
SSE = [("content-type", "text/event-stream; charset=utf-8")]
DONE = b'data: {"choices": []}\n\ndata: [DONE]\n\n'
NATIVE = b'event: message_start\ndata: {}\n\nevent: message_stop\ndata: {"type": "message_stop"}\n\n'
FAILED = b'data: {"choices": []}\n\ndata: {"error": {"message": "no"}, "choices": []}\n\n'
NATIVE_FAILED = b'event: error\ndata: {"type": "error", "error": {}}\n\n'


def asked(body: object) -> Asked:
    return read_request(body if isinstance(body, bytes) else json.dumps(body).encode(), None, LIMIT)


def stream(body: bytes) -> Recorded | None:
    return recorded(200, "OK", SSE, body)


# -- requests


@pytest.mark.parametrize(
    "written",
    [
        json.dumps(BODY, indent=4).encode(),
        json.dumps(BODY, ensure_ascii=False).encode(),
        json.dumps(dict(reversed(BODY.items()))).encode(),
        json.dumps({**BODY, "stream": False}).encode(),
        json.dumps({**BODY, "stream": None}).encode(),
        b'{"n":1,"messages":[{"content":"Hi \\u00e9","role":"user"}],"model":"m"}',
    ],
)
def test_the_same_request_is_the_same_however_it_is_written(written: bytes) -> None:
    assert asked(written).digest == asked(BODY).digest


@pytest.mark.parametrize(
    "other",
    [
        {**BODY, "stream": True},
        {**BODY, "n": True},
        {**BODY, "n": 2},
        {**BODY, "model": "M"},
        {**BODY, "messages": [*BODY["messages"], *BODY["messages"]]},
        {**BODY, "messages": [{"role": "user", "content": "Hi é "}]},
        {**BODY, "user": None},
        [BODY],
        b"",
        b"no JSON",
    ],
    ids=str,
)
def test_another_request_is_another(other: object) -> None:
    assert asked(other).digest != asked(BODY).digest


def test_what_is_no_json_is_the_same_byte_by_byte() -> None:
    assert asked(b"{no").digest == asked(b"{no").digest != asked(b"{no ").digest
    assert asked(b"{no").value is None
    assert read_request(b'{"a":1}', "br", LIMIT).digest != asked(b'{"a":1}').digest, "nobody can read the first"


def test_a_compressed_request_is_what_is_in_it_as_far_as_the_limit() -> None:
    plain = json.dumps(BODY).encode()
    assert read_request(gzip.compress(plain), "gzip", LIMIT).digest == asked(BODY).digest
    assert read_request(gzip.compress(plain), "gzip", len(plain) - 1).value is None
    assert read_request(plain, "gzip", LIMIT).digest != asked(BODY).digest


@given(
    st.binary(max_size=20) | st.dictionaries(st.text(), st.floats(), max_size=2).map(lambda it: json.dumps(it).encode())
)
def test_any_request_can_be_read(raw: bytes) -> None:
    assert read_request(raw, None, LIMIT).digest == read_request(raw, None, LIMIT).digest


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a": ' * 5000, b'"\\ud83d"', b"1e999", b"9" * 5000, b"\xff\xfe"])
def test_no_request_is_too_strange(raw: bytes) -> None:
    assert len(read_request(raw, None, 1_000_000).digest) == 32


def test_the_key_is_made_of_route_and_request_and_the_headers_that_count() -> None:
    key = key_of(CHAT, asked(BODY))
    assert key == key_of(Route("chat", base="/elsewhere/v1"), asked(BODY))
    assert key != key_of(Route("chat", path=("gcp", "claude")), asked(BODY))
    assert key != key_of(Route("messages"), asked(BODY))
    assert key != key_of(CHAT, asked(BODY), ["beta-1"]) != key_of(CHAT, asked(BODY), [None])


def test_any_content_is_one_but_for_streaming() -> None:
    def key(body: object, route: Route = CHAT) -> object:
        return key_of(route, asked(body), any_content=True)

    assert key(BODY) == key({"model": "other"}) == key(b"no JSON")
    assert key(BODY) != key({**BODY, "stream": True}) == key({"stream": True})
    assert key(BODY) != key(BODY, Route("messages"))


# -- answers


def test_a_whole_answer_is_kept_with_its_head() -> None:
    headers = [("content-type", "application/json"), ("X-Bridge-Model", "m"), ("Content-Length", "9"), ("a", "é")]
    answer = recorded(429, "Too much é", headers, b'{"a": 1}')
    assert answer == Recorded(
        Head(
            429,
            (("content-type", "application/json"), ("X-Bridge-Model", "m"), ("a", "é"), ("content-length", "8")),
            None,
            "Too much ?",
        ),
        b'{"a": 1}',
    )
    assert pieces_of(answer) == [b'{"a": 1}']


@pytest.mark.parametrize(
    "body", [DONE, NATIVE, FAILED, NATIVE_FAILED, DONE.replace(b"\n", b"\r\n"), DONE[:-1], DONE + b": ping"]
)
def test_a_stream_with_its_ending_is_whole(body: bytes) -> None:
    answer = stream(body)
    assert answer is not None and is_stream(answer.head)
    assert answer.head.length is None, "its end is told by its framing"
    assert b"".join(pieces_of(answer)) == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        DONE[:30],
        DONE.replace(b"[DONE]", b"[DON"),
        NATIVE.partition(b"event: message_stop")[0],
        b'data: {"choices": [{"finish_reason": "stop"}]}\n\n',
        DONE + b"data: more\n\n",
        b"data: true\n\n",
        b"data: [" + b"[" * 100_000,
    ],
    ids=range(8),
)
def test_a_stream_without_its_ending_is_not_given(body: bytes) -> None:
    assert stream(body) is None


@pytest.mark.parametrize(
    ("status", "headers"), [(204, []), (304, []), (101, []), (200, [("no name", "x")]), (200, [("a", "x\r\ny")])]
)
def test_what_can_not_be_sent_as_a_body_with_a_head_is_not_given(status: int, headers: list[tuple[str, str]]) -> None:
    assert recorded(status, "", headers, b"") is None


def test_a_stream_is_cut_event_by_event() -> None:
    body = b": ping\n\ndata: 1\n\nevent: b\r\ndata: 2\r\n\r\ndata: 3\r\rdata: [DONE]\n\n"
    assert pieces_of(Recorded(Head(200, tuple(SSE)), body)) == [
        b": ping\n\n",
        b"data: 1\n\n",
        b"event: b\r\ndata: 2\r\n\r\n",
        b"data: 3\r\r",
        b"data: [DONE]\n\n",
    ]


@pytest.mark.parametrize("count", [1, 199, 200, 201, 5000])
def test_a_long_stream_has_no_more_than_200_pieces_of_whole_events(count: int) -> None:
    body = b"data: x\n\n" * count
    pieces = pieces_of(Recorded(Head(200, tuple(SSE)), body))
    assert b"".join(pieces) == body
    assert len(pieces) == (count if count <= 200 else -(-count // -(-count // 200))) <= 200
    assert all(piece.endswith(b"\n\n") for piece in pieces)


@given(st.lists(st.sampled_from([b"\r", b"\n", b"data: x", b"data: [DONE]", b":", b"\xff"])).map(b"".join))
def test_no_byte_of_any_stream_is_lost(body: bytes) -> None:
    stream(body)
    assert b"".join(pieces_of(Recorded(Head(200, tuple(SSE)), body))) == body


# -- turns


def test_each_has_its_turn_and_then_the_first_again() -> None:
    turns = Turns([("a", 1), ("b", 9), ("a", 2)])
    assert len(turns) == 3
    assert [turns.take("a") for _ in range(5)] == [1, 2, 1, 2, 1]
    assert turns.take("b") == 9
    assert turns.take("c") is None


def test_once_is_once() -> None:
    turns = Turns([("a", 1), ("a", 2)])
    assert [turns.take("a", once=True) for _ in range(3)] == [1, 2, None]
    assert len(turns) == 0
