"""Request bodies: what is taken, what is refused while it still comes, and what is never piled up."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator

import pytest
from mitmproxy import http

from tests.support.raw_client import Client
from tests.support.toy_addon import MAX_BODY, Proxy, echo, no_answer, passed, still_usable, until

REFUSED = ["requestheaders", "responseheaders", "response"]


def assert_refused(proxy: Proxy, path: str) -> None:
    until(lambda: not proxy.flow(path).live)
    assert proxy.toy.hooks[path] == REFUSED
    request = proxy.flow(path).request
    assert request.content == b"" and request.timestamp_end is not None and proxy.flow(path).error is None


def chunked(size: int, piece: int = 60_000) -> Iterator[bytes]:
    for start in range(0, size, piece):
        length = min(piece, size - start)
        yield b"%x\r\n%s\r\n" % (length, b"x" * length)
    yield b"0\r\n\r\n"


def test_a_body_of_the_limit_is_taken(proxy: Proxy, client: Client) -> None:
    body = b"x" * MAX_BODY
    assert client.request(proxy.script(echo), body).status() == 200
    assert client.body() == body
    path = proxy.script(echo)
    client.request(path, headers=["Transfer-Encoding: chunked"])
    for data in chunked(MAX_BODY):
        client.send(data)
    assert client.status() == 200
    assert client.body() == body
    assert proxy.ended(path)[-1] == "response"


def test_too_large_by_content_length(proxy: Proxy, client: Client) -> None:
    client.request("/large", headers=[f"Content-Length: {MAX_BODY + 1}"])
    assert client.status() == 413  # nothing of the body is sent yet
    assert client.body() == b'{"error": "too large"}'
    assert_refused(proxy, "/large")
    client.send(b"x" * (MAX_BODY + 1))
    still_usable(proxy, client)


def test_too_large_by_chunks(proxy: Proxy, client: Client) -> None:
    client.request("/chunks", headers=["Transfer-Encoding: chunked"])
    pieces = chunked(3 * MAX_BODY)
    for data in pieces:
        client.send(data)
        if proxy.toy.hooks["/chunks"] == REFUSED:
            break
    assert client.status() == 413  # in the middle of the body
    assert client.body() == b'{"error": "too large"}'
    assert_refused(proxy, "/chunks")
    for data in pieces:
        client.send(data)
    still_usable(proxy, client)


@pytest.mark.parametrize("body_comes", [False, True])
def test_too_large_with_expect(proxy: Proxy, body_comes: bool) -> None:
    path = f"/expect-{body_comes}"
    with Client(proxy.port) as client:
        client.request(path, headers=[f"Content-Length: {MAX_BODY + 1}", "Expect: 100-continue"])
        if body_comes:
            client.send(b"x" * (MAX_BODY + 1))
        assert client.status() == 413  # and no 100 before it
        assert client.headers["connection"] == "close"
        assert client.body() == b'{"error": "too large"}'
        assert client.closed()
    assert_refused(proxy, path)


def test_expect_is_answered_where_the_body_is_wanted(proxy: Proxy, client: Client) -> None:
    client.request(proxy.script(echo), headers=["Content-Length: 5", "Expect: 100-continue"])
    assert client.status() == 100
    client.send(b"12345")
    assert client.status() == 200
    assert client.body() == b"12345"


@pytest.mark.parametrize("headers", [["Content-Length: 33554432"], ["Transfer-Encoding: chunked"]])
def test_an_early_refusal_is_sent_while_the_body_still_comes(proxy: Proxy, client: Client, headers: list[str]) -> None:
    size = 32 * 1024 * 1024
    path = f"/early-{headers[0]}".replace(" ", "")
    proxy.toy.early[path] = lambda: http.Response.make(403, b"no", {"x-why": "guard"})
    client.request(path, headers=headers)
    assert client.status() == 403
    assert client.body() == b"no"
    assert_refused(proxy, path)
    tracemalloc.start()
    try:
        for data in chunked(size) if "chunked" in headers[0] else [bytes(65536)] * (size // 65536):
            client.send(data)
        still_usable(proxy, client)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("hook", ["requestheaders", "responseheaders", "response"])
@pytest.mark.parametrize("early", [False, True])
def test_no_hook_makes_the_body_pile_up(proxy: Proxy, client: Client, hook: str, early: bool) -> None:
    gate, entered = threading.Event(), threading.Event()

    async def wait(flow: http.HTTPFlow) -> None:
        entered.set()
        await passed(gate)

    path = f"/pile-{hook}-{early}"
    proxy.toy.in_hook[hook, path] = wait
    if early:
        proxy.toy.early[path] = lambda: http.Response.make(403, b"no")
    body = b"".join(chunked(6 * 1024 * 1024, 64))
    tracemalloc.start()
    try:
        client.request(path, headers=["Transfer-Encoding: chunked"])
        client.send(body)
        assert entered.wait(30)
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()
        gate.set()
    assert client.status() == (403 if early else 413)
    client.body()
    assert_refused(proxy, path)
    still_usable(proxy, client)


def test_a_refusal_that_is_kept_back_takes_no_body(
    proxy: Proxy, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    async def wait(flow: http.HTTPFlow) -> None:
        await passed(gate)

    monkeypatch.setattr(proxy.toy, "max_body", 32 * 1024 * 1024)
    proxy.toy.in_hook["requestheaders", "/kept-back"] = wait
    proxy.toy.early["/kept-back"] = lambda: http.Response.make(403, b"no")
    tracemalloc.start()
    try:
        client.request("/kept-back", headers=["Transfer-Encoding: chunked"])
        for data in chunked(24 * 1024 * 1024):
            client.send(data)
        assert tracemalloc.get_traced_memory()[1] < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()
        gate.set()
    assert client.status() == 403
    client.body()
    assert_refused(proxy, "/kept-back")
    still_usable(proxy, client)


@pytest.mark.parametrize("early", [False, True])
def test_a_hang_up_after_a_refusal(proxy: Proxy, early: bool) -> None:
    path = f"/leave-{early}"
    if early:
        proxy.toy.early[path] = lambda: http.Response.make(403, b"no")
    with Client(proxy.port) as client:
        client.request(path, headers=["Content-Length: 1000000"])
        assert client.status() == (403 if early else 413)
    until(lambda: not proxy.server.connections)
    assert_refused(proxy, path)


def test_a_refusal_without_a_body_to_come(proxy: Proxy, client: Client) -> None:
    proxy.toy.early["/get"] = lambda: http.Response.make(403, b"no")
    assert client.request("/get", method="GET").status() == 403
    assert client.body() == b"no"
    assert_refused(proxy, "/get")
    still_usable(proxy, client)


def test_a_host_without_a_refusal(proxy: Proxy, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy.toy, "too_large", no_answer)
    client.request("/no-refusal", headers=[f"Content-Length: {MAX_BODY + 1}"])
    assert client.status() == 413


def test_an_addon_that_streams_the_request_does_no_harm(proxy: Proxy, client: Client) -> None:
    def stream(flow: http.HTTPFlow) -> None:
        flow.request.stream = True

    path = proxy.script(echo)
    proxy.toy.in_hook["requestheaders", path] = stream
    assert client.request(path, b"12345").status() == 200
    assert client.body() == b"12345"


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 4000, "-1", "five", "5, 6"])
def test_an_impossible_content_length(proxy: Proxy, client: Client, length: str) -> None:
    path = f"/impossible-{len(length)}"
    client.request(path, headers=[f"Content-Length: {length}"])
    assert client.file.readline()[9:12] in (b"400", b"413")
    until(lambda: proxy.toy.hooks[path][-1:] in (["error"], ["response"]))


@pytest.mark.parametrize("setting", [{"stream_large_bodies": "1k"}, {"body_size_limit": "1k"}])
def test_mitmproxys_own_limits_do_no_harm(proxy: Proxy, client: Client, setting: dict[str, str]) -> None:
    proxy.call(lambda: proxy.master.options.update(**setting))
    try:
        body = b"x" * 5000
        assert client.request(proxy.script(echo), body).status() == 200
        assert client.body() == body
    finally:
        proxy.call(lambda: proxy.master.options.update(**dict.fromkeys(setting)))
