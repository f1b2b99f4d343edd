"""No web page can spend the user's money: what browsers and strangers send, over real HTTP."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import ASK, CHAT, KEY, Answer, Proxy

JSON = {"content-type": "application/json"}
PAGE = "https://chat.example"
READER = "Zx9kPq2Lm4Rt7vWc1Yb8Nh"
RAW = json.dumps(ASK).encode()
NAVIGATION = {
    "sec-fetch-site": "cross-site",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    "accept": "text/html",
}


@pytest.fixture(scope="module")
def guarded(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy with two clients, a name besides localhost, a web page that may use it, and a tunnel before it."""
    server = {
        "client_keys": [KEY, {"name": "reader", "key": READER, "models": ["claude-haiku-*"], "requests_per_minute": 4}],
        "allowed_hosts": ["host.docker.internal"],
        "allowed_origins": [PAGE],
        "trusted_proxies": ["127.0.0.1"],
    }
    config = json.dumps({"server": server})
    with Proxy(tmp_path_factory.mktemp("guarded"), environment=cloud.environment(), config=config) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def refused_ones_cost_nothing(request: pytest.FixtureRequest, cloud: FakeVertex) -> Iterator[None]:
    """Unless a test is marked otherwise, the cloud hears nothing of it."""
    before = len(cloud.requests)
    yield
    if "refused" in request.node.name:
        assert len(cloud.requests) == before


def comes_from(address: str) -> dict[str, str]:
    """As a tunnel tells it: wrong keys of one address are slowed down, which tests have no time for."""
    return {"x-forwarded-for": address}


def ask(proxy: Proxy, headers: dict[str, str]) -> Answer:
    answer = proxy.send("POST", CHAT, RAW, {**JSON, **headers})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    return answer


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "127.0.0.1.evil.test",
        "localhost.evil.test",
        "mitm.it",
        "192.168.0.5",
        "0.0.0.0",
        "host.docker.internal",
    ],
)
def test_a_foreign_host_name_is_refused(proxy: Proxy, host: str) -> None:
    for path, method in itertools.product(("/v1/models", "/", "/health", CHAT, "/nowhere"), ("GET", "POST")):
        answer = proxy.send(method, path, RAW if method == "POST" else None, {**JSON, "host": f"{host}:{proxy.port}"})
        assert answer.status == 421
        assert "allowed_hosts" in answer.error["message"]


@pytest.mark.parametrize(
    "host", ["", "a b", "localhost, evil.test", "localhost:99999", "user@localhost", "localhost/x"]
)
def test_a_malformed_host_name_is_refused(proxy: Proxy, host: str) -> None:
    assert proxy.send("GET", "/v1/models", headers={"host": host}).status == 400


def test_two_host_names_are_refused(proxy: Proxy) -> None:
    head = f"GET /v1/models HTTP/1.1\r\nHost: localhost:{proxy.port}\r\nHost: evil.test\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(head.encode())
        assert b" 400 " in connection.recv(65_536)


@pytest.mark.parametrize("target", ["http://evil.test/v1/models", "http://localhost/v1/models"])
def test_a_proxy_request_is_refused_unless_it_is_for_us(proxy: Proxy, target: str) -> None:
    """Nothing is ever fetched for anybody."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        host = target.split("/")[2]
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = connection.recv(65_536)
    assert (b" 200 " if host == "localhost" else b" 421 ") in answer


def test_connect_is_refused(proxy: Proxy, cloud: FakeVertex) -> None:
    target = f"127.0.0.1:{cloud.port}"
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        answer = connection.recv(65_536)
    assert b" 200 " not in answer


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "LOCALHOST."])
def test_our_own_names_are_served(proxy: Proxy, host: str) -> None:
    assert ask(proxy, {"host": f"{host}:{proxy.port}"}).status == 200
    assert ask(proxy, {"host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "something-new"},
        {"sec-fetch-site": "same-origin", "origin": "https://evil.test"},
        NAVIGATION,
    ],
    ids=str,
)
def test_what_a_web_page_sends_is_refused(proxy: Proxy, headers: dict[str, str]) -> None:
    answer = ask(proxy, headers)
    assert answer.status == 403
    assert "money" in answer.error["message"]


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_what_a_form_can_send_is_refused(proxy: Proxy, content_type: str | None) -> None:
    answer = proxy.send("POST", CHAT, RAW, {"content-type": content_type} if content_type else {})
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("origin", ["http://localhost:{port}", "http://127.0.0.1:{port}"])
def test_our_own_page_is_served(proxy: Proxy, origin: str) -> None:
    own = origin.format(port=proxy.port)
    assert (
        ask(proxy, {"origin": own, "sec-fetch-site": "same-origin", "host": own.removeprefix("http://")}).status == 200
    )


def test_a_link_to_the_page_works_but_to_nothing_else(proxy: Proxy) -> None:
    answer = proxy.get("/", NAVIGATION)
    assert answer.status == 200 and b"<html" in answer.body
    assert proxy.get("/status", NAVIGATION).status == 403
    assert proxy.get("/v1/models", NAVIGATION).status == 403
    assert proxy.get("/", {**NAVIGATION, "sec-fetch-dest": "iframe"}).status == 403


def test_a_preflight_is_refused(proxy: Proxy) -> None:
    asked = {"origin": "https://evil.test", "access-control-request-method": "POST"}
    answer = proxy.send("OPTIONS", CHAT, None, asked)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control-")]


# --- With a key -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers", [{"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}], ids=["bearer", "x-api-key"]
)
@pytest.mark.parametrize("host", ["localhost", "host.docker.internal"])
def test_the_right_key_is_let_in(guarded: Proxy, headers: dict[str, str], host: str) -> None:
    assert ask(guarded, {**headers, "host": f"{host}:{guarded.port}"}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"Bearer {KEY[:-1]}"},
        {"authorization": f"Basic {KEY}"},
        {"authorization": KEY},
        {"x-api-key": KEY.lower()},
        {"authorization": "Bearer ключ".encode().decode("latin-1")},
    ],
    ids=range(8),
)
def test_without_the_right_key_everything_is_refused(
    guarded: Proxy, headers: dict[str, str], request: pytest.FixtureRequest
) -> None:
    network = f"198.51.{request.node.callspec.id.partition('-')[0]}"
    assert ask(guarded, {**headers, **comes_from(f"{network}.9")}).status == 401
    for number, path in enumerate(("/", "/status", "/v1/models", "/nowhere")):
        answer = guarded.get(path, {**headers, **comes_from(f"{network}.{number}")})
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert guarded.get("/health", headers).status == 200
    page = guarded.get("/", {**headers, "accept": "text/html"})
    assert page.status == 200 and b"us-east5" not in page.body and b"claude-sonnet" not in page.body
    assert guarded.get("/status/details", {**headers, "accept": "text/html"}).status == 401


def test_a_key_does_not_help_a_web_page_and_it_is_refused(guarded: Proxy) -> None:
    assert ask(guarded, {"authorization": f"Bearer {KEY}", "origin": "https://evil.test"}).status == 403
    assert ask(guarded, {"authorization": f"Bearer {KEY}", "host": "evil.test"}).status == 421


def test_wrong_keys_are_slowed_down_by_the_address_that_they_come_from(guarded: Proxy) -> None:
    wrong = {"authorization": "Bearer guess"}
    begun = time.monotonic()
    with ThreadPoolExecutor(7) as pool:
        sent = [pool.submit(ask, guarded, {**wrong, **comes_from("203.0.113.7")}) for _ in range(6)]
        right = pool.submit(ask, guarded, {"authorization": f"Bearer {KEY}", **comes_from("203.0.113.7")}).result()
        assert right.status == 200 and not all(one.done() for one in sent)
        assert {one.result().status for one in sent} == {401}
    assert time.monotonic() - begun > 2.5  # three at once, the others one a second


def test_a_listed_web_page_is_let_in_and_may_read_the_answer(guarded: Proxy) -> None:
    page = {"origin": PAGE, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", **comes_from("192.0.2.1")}
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    leave = guarded.send("OPTIONS", CHAT, None, {**page, **asked})
    assert (leave.status, leave.body) == (204, b"")
    assert leave.headers["access-control-allow-headers"] == "authorization,content-type"
    key = {"authorization": f"Bearer {KEY}"}
    told = [leave]
    for headers, body, status in (
        (key, ASK, 200),
        (key, {**ASK, "stream": True}, 200),
        (key, {**ASK, "n": 2}, 400),
        ({}, ASK, 401),
    ):
        told.append(guarded.send("POST", CHAT, json.dumps(body).encode(), {**JSON, **page, **headers}))
        assert told[-1].status == status
    told.append(guarded.get("/v1/models", {**page, **key}))
    told.append(guarded.get("/nowhere", {**page, **key}))
    for answer in told:
        assert answer.headers["access-control-allow-origin"] == PAGE and answer.headers["vary"] == "origin"
    other = guarded.get("/v1/models", {**page, **key, "origin": "https://evil.example"})
    assert other.status == 403 and not [name for name in other.headers if name.startswith("access-control-")]


def test_a_client_has_its_own_models_and_its_own_limit(guarded: Proxy, cloud: FakeVertex) -> None:
    reader = {"authorization": f"Bearer {READER}"}
    names = [model["id"] for model in guarded.get("/v1/models", reader).json()["data"]]
    assert names and all(name.startswith("claude-haiku-") for name in names)
    assert guarded.get("/v1/models/claude-opus-4-8", reader).status == 404
    before = len(cloud.requests)
    for model in ("claude-opus-4-8", "vertex/claude-opus-4-8", "claude-opus-4-8@claude-haiku-4-5"):
        answer = guarded.post(CHAT, {**ASK, "model": model}, reader)
        assert (answer.status, answer.error["code"], answer.error["param"]) == (403, "model_not_allowed", "model")
        assert "claude-haiku-*" in answer.error["message"]
    assert len(cloud.requests) == before
    told = [guarded.post(CHAT, {**ASK, "model": "claude-haiku-4-5"}, reader).status for _ in range(5)]
    assert told == [200, 200, 200, 200, 429]
    assert guarded.post(CHAT, ASK, {"authorization": f"Bearer {KEY}"}).status == 200


def test_who_comes_through_a_tunnel_is_refused_without_a_key(proxy: Proxy) -> None:
    answer = ask(proxy, comes_from("203.0.113.9"))
    assert (answer.status, answer.error["code"]) == (403, "forwarded_without_key")


@pytest.mark.parametrize(
    ("program", "option", "said"),
    [
        ("mitmdump", "ssl_insecure=true", "network.ca_file"),
        ("mitmdump", "proxy_debug=true", "keys and prompts"),
        ("mitmweb", "web_host=0.0.0.0", "web_password"),
    ],
)
def test_what_would_give_everything_away_is_refused(program: str, option: str, said: str, tmp_path: Path) -> None:
    proxy = Proxy(tmp_path, environment={}, program=program, arguments=["--set", option])
    proxy.start()
    assert proxy.process.wait(timeout=60) == 2
    assert said in proxy.log()


def test_another_name_needs_a_key(cloud: FakeVertex, tmp_path: Path) -> None:
    """A tunnel arrives from loopback, with the name that the world knows: refused at the start."""
    proxy = Proxy(tmp_path, environment=cloud.environment(), config='{"server": {"allowed_hosts": ["me.example.com"]}}')
    proxy.start()
    assert proxy.process.wait(timeout=60) != 0
    assert "me.example.com" in proxy.log() and "PROXY_KEY" in proxy.log()
