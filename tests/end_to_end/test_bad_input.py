"""What no client should send: each gets an answer that says what to do, and the proxy serves on."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import ASK, CHAT, Proxy

MB = 2**20
JSON = {"content-type": "application/json"}
USER = {"role": "user", "content": "x"}


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path) -> Iterator[Proxy]:
    with Proxy(folder, environment=cloud.environment(), config="server: {max_body_mb: 1}") as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def it_serves_on(proxy: Proxy, cloud: FakeVertex) -> Iterator[None]:
    """After each test a chat succeeds, and it is the only one that the cloud has heard of."""
    before = len(cloud.requests)
    yield
    assert proxy.chat().status == 200
    assert len(cloud.requests) == before + 1


NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"model=x&messages=y",
    "cut off": b'{"model": "claude-sonnet-4-5", "messages": [',
    "something behind it": json.dumps(ASK).encode() + b"}",
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "UTF-16": json.dumps(ASK).encode("utf-16"),
    "a broken letter": b'{"model": "\xff\xfe"}',
    "NaN": b'{"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    "infinity": b'{"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "x"}], "top_p": -Infinity}',
    "nested a hundred thousand times": b"[" * 100_000,
    "nested in a field": b'{"model": "m", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("case", NOT_JSON)
def test_what_is_no_json_object(proxy: Proxy, case: str) -> None:
    answer = proxy.post(CHAT, NOT_JSON[case])
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.headers["x-should-retry"] == "false"


TOOL = {"type": "function", "function": {"name": "f"}}


def calling(function: Any) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}


def having(kind: str, value: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": kind, kind: value}]}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model"),
    ({"model": ""}, "model"),
    ({"model": 7}, "model"),
    ({"model": ["claude-sonnet-4-5"]}, "model"),
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "Hello"}, "messages"),
    ({"messages": {}}, "messages"),
    ({"messages": ["Hello"]}, "messages[0]"),
    ({"messages": [USER, {"role": "robot", "content": "x"}]}, "messages[1].role"),
    ({"messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
    ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": [7]}]}, "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
    ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "messages[0].content[0].type"),
    ({"messages": [{"role": "user", "content": "x", "name": 7}]}, "messages[0].name"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": [1]}, "temperature"),
    ({"temperature": 1e999}, "temperature"),
    ({"max_tokens": {}}, "max_tokens"),
    ({"stream": "yes"}, "stream"),
    ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ({"n": 2}, "n"),
    ({"tools": "f"}, "tools"),
    ({"tools": ["f"]}, "tools[0]"),
    ({"tools": [{"type": "function", "function": {"name": 7}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": "{}"}}]}, "tools[0].function.parameters"),
    ({"tools": [TOOL, TOOL]}, "tools[1].function.name"),
    ({"tools": [TOOL], "tool_choice": "sometimes"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice.function.name"),
    ({"tools": [TOOL], "parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ({"functions": [{"name": 7}]}, "functions[0].name"),
    ({"messages": [USER, {"role": "assistant", "tool_calls": "f"}]}, "messages[1].tool_calls"),
    ({"messages": [USER, calling(7)]}, "messages[1].tool_calls[0].function"),
    ({"messages": [USER, calling({"name": "f", "arguments": 7})]}, "messages[1].tool_calls[0].function.arguments"),
    ({"messages": [USER, {"role": "tool", "tool_call_id": 7, "content": "x"}]}, "messages[1].tool_call_id"),
    ({"response_format": "json"}, "response_format"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": 7}}}, "response_format.json_schema.schema"),
    ({"thinking": {"type": "deep"}}, "thinking.type"),
    ({"thinking": {"type": "enabled", "budget_tokens": "many"}}, "thinking.budget_tokens"),
    ({"web_search_options": 7}, "web_search_options"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"messages": [having("image_url", {"url": "data:image/png;base64,!!"})]}, "messages[0].content[0].image_url.url"),
    ({"messages": [having("image_url", {"url": "data:image/png,<svg/>"})]}, "messages[0].content[0].image_url.url"),
    ({"messages": [having("image_url", {"url": "file:///etc/passwd"})]}, "messages[0].content[0].image_url.url"),
    ({"messages": [having("file", {"file_id": "file-1"})]}, "messages[0].content[0].file.file_id"),
    ({"messages": [having("input_audio", {"data": "", "format": "wav"})]}, "messages[0].content[0]"),
]


@pytest.mark.parametrize(("changes", "param"), WRONG, ids=[f"{param}-{i}" for i, (_, param) in enumerate(WRONG)])
def test_a_field_that_is_wrong_is_named(proxy: Proxy, changes: dict[str, Any], param: str) -> None:
    raw = json.dumps({**ASK, **changes}).replace("Infinity", "1e999").encode()
    answer = proxy.post(CHAT, raw)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert answer.error["type"] == "invalid_request_error"


def test_an_unknown_model_is_named(proxy: Proxy) -> None:
    answer = proxy.chat(model="gpt-4o")
    assert (answer.status, answer.error["param"], answer.error["code"]) == (404, "model", "model_not_found")


def test_a_name_cannot_fake_a_line_of_the_log(proxy: Proxy) -> None:
    name = "x\n[12:00:00.000] all is well \x1b[31m\u2028"
    answer = proxy.chat(model=name)
    assert (answer.status, answer.error["param"]) == (404, "model")
    assert proxy.get("/v1/models/x%0a%1b%5b31m").status == 404
    assert "\x1b" not in proxy.log() and "\u2028" not in proxy.log()
    assert not [line for line in proxy.log().splitlines() if line.startswith("[12:00:00.000]")]


def test_half_of_a_surrogate_pair(proxy: Proxy) -> None:
    """UTF-8 can't hold it, so nobody could send it on."""
    answer = proxy.post(CHAT, json.dumps(ASK).replace("Say", "\\ud83d Say").encode())
    assert answer.status == 400


def test_a_gzipped_body_is_read(proxy: Proxy) -> None:
    raw = json.dumps({**ASK, "model": "gpt-4o"}).encode()  # is refused for its model: so it was read
    for name, packed in (("gzip", gzip.compress(raw)), ("deflate", zlib.compress(raw)), ("identity", raw)):
        assert proxy.post(CHAT, packed, {"content-encoding": name}).status == 404


def test_bombs_and_broken_packages(proxy: Proxy) -> None:
    started = time.monotonic()
    assert proxy.post(CHAT, gzip.compress(b" " * (100 * MB)), {"content-encoding": "gzip"}).status == 413
    assert proxy.post(CHAT, zlib.compress(b" " * (40 * MB)), {"content-encoding": "deflate"}).status == 413
    assert time.monotonic() - started < 10
    assert proxy.post(CHAT, b"no gzip", {"content-encoding": "gzip"}).status == 400
    assert proxy.post(CHAT, gzip.compress(json.dumps(ASK).encode())[:-9], {"content-encoding": "gzip"}).status == 400
    for unknown in ("br", "zstd", "gzip, gzip", "nonsense"):
        assert proxy.post(CHAT, b"x", {"content-encoding": unknown}).status == 415


# --- Size -------------------------------------------------------------------------------------------------------------


def head(proxy: Proxy, *lines: str) -> bytes:
    return "\r\n".join(
        [f"POST {CHAT} HTTP/1.1", f"Host: localhost:{proxy.port}", "Content-Type: application/json", *lines, "", ""]
    ).encode()


@pytest.mark.parametrize("length", [MB + 1, 10**12, 10**30])
def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(proxy: Proxy, length: int) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(head(proxy, f"Content-Length: {length}"))
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65_536)
    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert b"max_body_mb" in answer


def test_a_client_that_asks_first_is_told(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(head(proxy, f"Content-Length: {10 * MB}", "Expect: 100-continue"))
        answer = connection.recv(65_536)
    assert b" 413 " in answer.partition(b"\r\n")[0]


def test_a_body_that_turns_out_too_large_is_refused(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(head(proxy, "Transfer-Encoding: chunked"))
        chunk = b"%x\r\n%s\r\n" % (100_000, b" " * 100_000)
        for _ in range(11):
            connection.sendall(chunk)
        answer = connection.recv(65_536)  # comes although the body has no end yet
    assert b" 413 " in answer.partition(b"\r\n")[0]


def test_a_body_of_the_greatest_size_is_read(proxy: Proxy) -> None:
    raw = json.dumps({**ASK, "model": "gpt-4o"}).encode().ljust(MB)
    assert proxy.post(CHAT, raw).status == 404
    assert proxy.post(CHAT, raw + b" ").status == 413


def test_a_large_upload_that_is_refused_can_be_sent_to_its_end(proxy: Proxy) -> None:
    """Clients that read only when they have written everything must not be stuck."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as connection:
        connection.sendall(head(proxy, f"Content-Length: {30 * MB}", "Connection: close") + bytes(30 * MB))
        assert b" 413 " in connection.recv(65_536)


# --- Paths and methods ------------------------------------------------------------------------------------------------

NOWHERE = [
    ("/nowhere", "/v1/chat/completions"),
    ("/v1/chat/completion", "/v1/chat/completions"),
    ("/proxy/gcp/claude/chat", "/proxy/gcp/claude/chat/completions"),
    ("/proxy/aws/claude/v1/chat/completion", "/proxy/aws/claude/chat/completions"),
    ("/proxy/gcp/claude/embeddings", "POST /v1/embeddings"),
    ("/v1/images/edits", "/v1/images/generations"),
    ("/v1/completions", "/v1/chat/completions"),
    ("/v1/responses", "/v1/chat/completions"),
    ("/proxy/gcp/claude/completions", "/proxy/gcp/claude/chat/completions"),
    ("/v1/message", "POST /v1/messages."),
    ("/proxy/gcp/claude/message", "POST /proxy/gcp/claude/messages."),
    ("/v1/complete", "/v1/messages"),
    ("/v1/../../etc/passwd", ""),
    ("/%2e%2e/%00", ""),
    ("/" + "x" * 20_000, ""),
]


@pytest.mark.parametrize(("path", "nearest"), NOWHERE, ids=[path[:30] for path, _ in NOWHERE])
def test_an_unknown_path_gets_the_nearest_right_one(proxy: Proxy, path: str, nearest: str) -> None:
    for answer in (proxy.get(path), proxy.post(path, ASK)):
        assert answer.status == 404
        assert nearest in answer.error["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_a_wrong_method_is_told(proxy: Proxy, method: str) -> None:
    answer = proxy.send(method, CHAT, None, JSON)
    assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


def test_a_model_of_an_impossible_name(proxy: Proxy) -> None:
    for name in ("..%2f..%2fx", "a%00b", "%ff", "x" * 500):
        answer = proxy.get(f"/v1/models/{name}")
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")


def test_head_gets_the_headers_alone(proxy: Proxy) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        for path, status in (("/v1/models", b"200"), ("/", b"200"), ("/nowhere", b"404"), (CHAT, b"405")):
            connection.sendall(f"HEAD {path} HTTP/1.1\r\nHost: localhost:{proxy.port}\r\n\r\n".encode())
            answer = connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert answer.endswith(b"\r\n\r\n")
            assert b"content-length: 0" not in answer.lower()


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"\x00" * 1000,
        b"GET\r\n\r\n",
        b"GET /nowhere HTTP/9.9\r\nHost: localhost\r\n\r\n",  # complete, but for the number: it may be answered
        b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon here\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"G\x00T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\x00\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=range(12),
)
def test_what_is_hardly_http(proxy: Proxy, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65_536):
                answer += piece
        except TimeoutError:  # mitmproxy sometimes answers and leaves a connection open that is closed on one side
            assert answer or raw.startswith(b"PRI")  # half of HTTP/2 is waited for
    assert not answer.startswith(b"HTTP/1.1 2")
