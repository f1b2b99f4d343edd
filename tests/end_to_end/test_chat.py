"""Chats by the programs that people have: OpenAI's SDK and SillyTavern, through a real mitmdump to a strict cloud."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import openai
import pytest

from tests.support.claude_rules import events_of, message_of
from tests.support.fake_vertex import (
    Behaviour,
    FakeVertex,
    Stream,
    anthropic_error,
    google_error,
    html_error,
    recorded,
)
from tests.support.proxy import ASK, MODEL, Proxy, events, read_all, unchunk

TEXT = message_of(recorded("basic_response.txt"))["content"][0]["text"]
USAGE = message_of(recorded("basic_response.txt"))["usage"]
BASES = ["/v1", "/proxy/gcp/claude", "/proxy/gcp/claude/v1", "/v1/", "/proxy//gcp/claude/", ""]
Expected = tuple[type[openai.APIStatusError], int, str | None]
ERRORS: list[tuple[Behaviour, Expected]] = [
    (anthropic_error(400), (openai.BadRequestError, 400, None)),
    (anthropic_error(400, "prompt is too long: 9 > 5"), (openai.BadRequestError, 400, "context_length_exceeded")),
    (anthropic_error(402), (openai.APIStatusError, 402, "insufficient_quota")),
    (google_error(403, in_array=True), (openai.PermissionDeniedError, 403, "model_access_denied")),
    (google_error(404), (openai.NotFoundError, 404, "model_not_found")),
    (anthropic_error(413), (openai.APIStatusError, 413, "request_too_large")),
    (google_error(429, retry_delay="12s"), (openai.RateLimitError, 429, "rate_limit_exceeded")),
    (google_error(500), (openai.InternalServerError, 500, None)),
    (anthropic_error(529), (openai.InternalServerError, 503, "overloaded")),
    (html_error(502), (openai.InternalServerError, 502, "upstream_error")),
]


# --- OpenAI's SDK -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
def test_a_completion_by_every_spelling_of_the_address(proxy: Proxy, base: str) -> None:
    with proxy.sdk(base) as client:
        completion = client.chat.completions.create(**ASK)
    assert completion.choices[0].message.content == TEXT
    assert completion.choices[0].finish_reason == "stop"
    assert completion.model == MODEL
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == USAGE["input_tokens"]
    assert completion.usage.completion_tokens == USAGE["output_tokens"]
    assert completion._request_id is not None and completion._request_id.startswith("req_")


@pytest.mark.parametrize("base", BASES)
def test_a_stream_by_every_spelling_of_the_address(proxy: Proxy, base: str) -> None:
    with proxy.sdk(base) as client:
        chunks = list(client.chat.completions.create(**ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "stop"
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_comes_last_where_it_is_asked_for(proxy: Proxy) -> None:
    with proxy.sdk() as client:
        chunks = list(client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    *answer, last = chunks
    assert last.choices == [] and last.usage is not None
    assert last.usage.total_tokens == USAGE["input_tokens"] + USAGE["output_tokens"]
    assert all(chunk.usage is None for chunk in answer)


def test_the_asynchronous_sdk(proxy: Proxy) -> None:
    async def both() -> tuple[str | None, str]:
        async with proxy.async_sdk() as client:
            whole = await client.chat.completions.create(**ASK)
            stream = await client.chat.completions.create(**ASK, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return whole.choices[0].message.content, "".join(pieces)

    assert asyncio.run(both()) == (TEXT, TEXT)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("behaviour", "expected"), ERRORS, ids=[f"{e[1]}-{e[2]}" for _, e in ERRORS])
def test_errors_are_raised_as_what_they_are(
    proxy: Proxy, cloud: FakeVertex, behaviour: Behaviour, expected: Expected, stream: bool
) -> None:
    kind, status, code = expected
    cloud.script(behaviour)
    with proxy.sdk() as client, pytest.raises(kind) as caught:
        client.chat.completions.create(**ASK, stream=stream)
    error = caught.value
    assert (error.status_code, error.code) == (status, code)
    assert isinstance(error.body, dict) and error.body.keys() == {"message", "type", "param", "code"}
    assert error.request_id is not None and error.request_id.startswith("req_")


def test_a_full_quota_is_tried_again_when_the_cloud_says(proxy: Proxy, cloud: FakeVertex) -> None:
    before = len(cloud.requests)
    cloud.script(anthropic_error(429, retry_after=0.05), anthropic_error(429, retry_after=0.05))
    with proxy.sdk(max_retries=2) as client:
        assert client.chat.completions.create(**ASK).choices[0].message.content == TEXT
    assert len(cloud.requests) == before + 3


def test_the_wait_that_the_cloud_asks_for_is_handed_on(proxy: Proxy, cloud: FakeVertex) -> None:
    for behaviour in (anthropic_error(429, retry_after=12), google_error(429, retry_delay="12s")):
        cloud.script(behaviour)
        answer = proxy.chat()
        assert (answer.status, answer.headers["retry-after"]) == (429, "12")


def test_what_cannot_get_better_is_not_tried_again(proxy: Proxy, cloud: FakeVertex) -> None:
    before = len(cloud.requests)
    cloud.script(google_error(403))
    with proxy.sdk(max_retries=2) as client, pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(**ASK)
    assert len(cloud.requests) == before + 1


@pytest.mark.parametrize("base", BASES)
def test_models_are_listed_and_found(proxy: Proxy, base: str) -> None:
    with proxy.sdk(base) as client:
        listed = [model.id for model in client.models.list()]
        assert MODEL in listed
        assert client.models.retrieve(MODEL).id == MODEL
        with pytest.raises(openai.NotFoundError) as caught:
            client.models.retrieve("gpt-nonsense")
    assert caught.value.code == "model_not_found"


def test_parallel_chats_do_not_mix(proxy: Proxy, cloud: FakeVertex) -> None:
    """Each question is its own answer's request: the cloud saw every one exactly once."""

    async def ask() -> list[str | None]:
        async with proxy.async_sdk() as client:
            asked = [
                client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": f"No. {number}"}])
                for number in range(30)
            ]
            return [completion.choices[0].message.content for completion in await asyncio.gather(*asked)]

    before = len(cloud.requests)
    assert asyncio.run(ask()) == [TEXT] * 30
    seen = [received.parsed["messages"][0]["content"][0]["text"] for received in cloud.requests[before:]]
    assert sorted(seen) == sorted(f"No. {number}" for number in range(30))


# --- SillyTavern ------------------------------------------------------------------------------------------------------

SILLY = {"authorization": "Bearer ", "connection": "close", "accept": "*/*", "user-agent": "node-fetch"}
SILLY_CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "You are Seraphina."},
        {"role": "assistant", "content": "You wake in a glade."},
        {"role": "user", "content": "Where am I?"},
        {"role": "system", "content": "[Stay in character.]"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "Tell me. \u2028 Please."},
    ],
    "model": MODEL,
    "max_tokens": 300,
    "stream": True,
    "temperature": 1,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
    "stop": ["\nYou:", "\nSeraphina:", " "],
    "seed": 7,
    "n": 1,
}


def test_sillytavern_connects(proxy: Proxy) -> None:
    for path in ("/proxy/gcp/claude/models", "/proxy/gcp/claude//models", "/v1/models", "/v1//models"):
        answer = proxy.get(path, SILLY)
        assert answer.status == 200
        assert "error" not in answer.json()
        assert all(isinstance(model["id"], str) for model in answer.json()["data"])


def test_sillytaverns_test_message_costs_nothing(proxy: Proxy, cloud: FakeVertex) -> None:
    before = len(cloud.requests)
    messages = [{"role": "user", "content": "Hi"}]
    body = {**SILLY_CHAT, "messages": messages, "stream": False}
    answer = proxy.post("/proxy/gcp/claude/chat/completions", body, SILLY)
    assert answer.status == 200
    assert "did not go to the API" in answer.json()["choices"][0]["message"]["content"]
    assert len(cloud.requests) == before
    assert proxy.chat(messages=messages, stream=True).text == TEXT
    assert len(cloud.requests) == before + 1


def test_sillytavern_chats(proxy: Proxy, cloud: FakeVertex) -> None:
    """What its regular expressions make of the stream is the whole text, and every event has `choices`."""
    line: dict[str, Any] = {"type": "content_block_delta", "index": 0}
    line["delta"] = {"type": "text_delta", "text": " a\u2028b\u2029c\n\nd"}
    *opening, stop, delta, end = events_of(recorded("basic_response.txt"))
    odd = b"data: %s\n\n" % json.dumps(line, ensure_ascii=False).encode()
    cloud.script(Stream(b"".join([*opening, odd, stop, delta, end])))
    answer = proxy.post("/proxy/gcp/claude/chat/completions", SILLY_CHAT, SILLY)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    data = events(answer.body)
    assert data.pop() == "[DONE]"
    chunks = [json.loads(text) for text in data]
    assert all(isinstance(chunk["choices"], list) for chunk in chunks)
    assert (
        "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == TEXT + " a\u2028b\u2029c\n\nd"
    )
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    sent = cloud.requests[-1].parsed
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["system"] == [{"type": "text", "text": "You are Seraphina."}]
    assert sent["stop_sequences"] == ["\nYou:", "\nSeraphina:"]
    assert sent["max_tokens"] == 300
    assert not {"top_p", "presence_penalty", "seed", "n", "logit_bias"} & sent.keys()


def test_sillytavern_sees_errors_as_its_toast_needs_them(proxy: Proxy, cloud: FakeVertex) -> None:
    cloud.script(google_error(403, in_array=True))
    answer = proxy.post("/proxy/gcp/claude/chat/completions", SILLY_CHAT, SILLY)
    assert answer.status == 403
    assert "Permission" in answer.error["message"]


# --- On the wire ------------------------------------------------------------------------------------------------------


def test_each_event_goes_out_before_the_next_comes_in(proxy: Proxy, cloud: FakeVertex) -> None:
    """The cloud sends its next event only after the client has read what the former made."""
    pieces = events_of(recorded("basic_response.txt"))
    before = len(cloud.requests)
    cloud.script(Stream(lambda: pieces, stepwise=True))
    connection = proxy.open_chat(stream=True)
    read, sent = b"", 0
    for number, piece in enumerate(pieces, 1):
        cloud.wait_until(lambda: len(cloud.requests) > before)
        sent += len(piece)
        data = json.loads(piece[piece.index(b"data:") + 5 :])
        expected = {
            "message_start": '"role":"assistant"',
            "content_block_delta": json.dumps(data.get("delta", {}).get("text"), ensure_ascii=False),
            "message_stop": "data: [DONE]\n\n",
        }
        while expected.get(data["type"], "").encode() not in read:
            read += connection.recv(65_536)
        if number < len(pieces):
            cloud.wait_until(lambda total=sent: cloud.hanging == 1 and cloud.requests[-1].sent == total)
            cloud.release()
    _, body = unchunk(read + read_all(connection))
    assert body.endswith(b"data: [DONE]\n\n")


def test_the_answer_ends_when_the_model_does(proxy: Proxy, cloud: FakeVertex) -> None:
    """The client need not wait for the cloud's connection to end, too."""
    body = recorded("test_messages__test_anthropic_message_streaming_legacy.0.response.sse")
    cloud.script(Stream(body, pause_after=len(body)))
    raw = read_all(proxy.open_chat(stream=True))
    assert unchunk(raw)[1].endswith(b"data: [DONE]\n\n")
    cloud.release()


def test_keep_alive_serves_chat_after_chat(proxy: Proxy, cloud: FakeVertex) -> None:
    raw = json.dumps({**ASK, "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:{proxy.port}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        for _ in range(3):
            connection.sendall(request)
            read = b""
            while not read.endswith(b"\r\n0\r\n\r\n"):
                read += connection.recv(65_536)
            assert unchunk(read)[1].endswith(b"data: [DONE]\n\n")


def test_http_1_0_gets_a_body_that_ends_with_the_connection(proxy: Proxy) -> None:
    raw = json.dumps({**ASK, "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.0\r\nHost: localhost:{proxy.port}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert b"chunked" not in answer
    assert answer.endswith(b"data: [DONE]\n\n")


def test_what_was_changed_is_told(proxy: Proxy) -> None:
    answer = proxy.chat(temperature=0.5, top_p=0.5, seed=3, stop=["\n\n", ""])
    assert answer.status == 200
    assert answer.headers["x-bridge-notes"] == "dropped:seed, dropped:stop, dropped:top_p"
    assert answer.headers["x-bridge-route"] == "vertex/us-east5"
    assert answer.headers["x-bridge-model"] == "claude-sonnet-4-5@20250929"
    assert answer.headers["x-bridge-attempts"] == "1"


def test_the_cloud_saw_streams_and_whole_answers(cloud: FakeVertex) -> None:
    """The last of this file: both of the cloud's methods were used."""
    methods = {received.path.rpartition(":")[2] for received in cloud.requests}
    assert methods == {"rawPredict", "streamRawPredict"}
