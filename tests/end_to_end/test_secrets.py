"""No secret anywhere: canaries of every kind against all that a user may look at, keep or pass on."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader

from tests.support.fake_vertex import (
    FakeVertex,
    Reply,
    Stream,
    anthropic_error,
    broken,
    endless,
    google_error,
    invalid_grant,
    recorded,
    replay,
    sse,
)
from tests.support.proxy import ASK, CHAT, KEY, ONCE, Proxy, Web, free_port, read_all, unchunk
from tests.support.sites import PNG

WRONG_KEY = "wrong-key-of-a-client-0123456789"
HEADERS = {"authorization": f"Bearer {KEY}"}
MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
NATIVE = {**ASK, "max_tokens": 99}
THEIRS = ("url-password-Wm3", "url-signature-Kp8", "url-path-Zt4", "url-redirect-Qv6", "beta-name-Hy2")
"""What a client writes into URLs and betas may be secret, and is not to be seen but in its own request."""


class Canaries:
    """Everything that must be seen nowhere, in the forms in which it might be."""

    def __init__(self, cloud: FakeVertex) -> None:
        self._cloud = cloud

    def found_in(self, text: bytes) -> list[str]:
        key = self._cloud.service_account()["private_key"]
        body = "".join(line for line in key.splitlines() if "-----" not in line)
        secrets = {f"token {number}": token for number, token in enumerate(self._cloud.tokens)}
        secrets |= {"client key": KEY, "wrong client key": WRONG_KEY}
        secrets |= {f"private key at {at}": body[at : at + 40] for at in range(0, len(body) - 40, 200)}
        secrets |= {"assertion": "eyJ"} if b'"eyJ' in text or b"=eyJ" in text else {}
        forms = {
            name: {value.encode(), base64.b64encode(value.encode()).rstrip(b"=")[:-1]}
            for name, value in secrets.items()
        }
        return [name for name, values in forms.items() if any(value in text for value in values)]


def test_the_canaries_sing(cloud: FakeVertex) -> None:
    canaries = Canaries(cloud)
    assert canaries.found_in(b"nothing") == []
    assert canaries.found_in(f"authorization: Bearer {KEY}".encode()) == ["client key"]
    assert canaries.found_in(base64.b64encode(KEY.encode())) == ["client key"]
    assert canaries.found_in(cloud.service_account()["private_key"].replace("\n", "").encode())


def echo(cloud: FakeVertex, status: int = 403, kind: str = "anthropic") -> Reply:
    """A cloud that repeats what it was sent."""
    said = f"You sent authorization: Bearer {cloud.tokens[-1]} and that is wrong"
    if kind == "anthropic":
        return anthropic_error(status, said)
    if kind == "google":
        return google_error(status, said)
    return Reply(status, f"<html>{said}</html>".encode(), {"x-echo": cloud.tokens[-1]}, content_type="text/html")


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture(scope="module")
def kept(cloud: FakeVertex, folder: Path, web: Web) -> Iterator[dict[str, bytes]]:
    """Everything that is left after a run with all sorts of chats: files, the log, what mitmweb showed."""
    flows, har = folder / "all.flow", folder / "all.har"
    arguments = [*web.arguments, "-w", str(flows), "--set", f"hardump={har}", "--set", "termlog_verbosity=debug"]
    environment = cloud.environment() | {"PROXY_KEY": KEY, "LOG_LEVEL": "debug"}
    config = json.dumps(ONCE | {"images": {"allow_private": True, "timeout": 2}, "timeouts": {"shutdown": 0.2}})
    seen: dict[str, bytes] = {}
    with (
        Proxy(folder, environment=environment, config=config, program="mitmweb", arguments=arguments) as proxy,
        ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as pictures,
    ):
        Thread(target=pictures.serve_forever, daemon=True).start()
        seen["answers"] = b"".join([*ask_all(proxy, cloud), *ask_natively(proxy, cloud)])
        seen["answers"] += b"".join(ask_with_pictures(proxy, cloud, pictures.server_port))
        pictures.shutdown()
        seen["during a stream"] = ask_and_look(proxy, cloud, web)
        seen["afterwards"] = look(web)
        seen["a replay"] = replay_and_look(cloud, web)
        seen["commands"] = command_everything(web, folder)
        cloud.script(endless())
        connection = proxy.open_chat(HEADERS, stream=True)
        while b"more" not in connection.recv(65_536):
            pass
    connection.close()
    seen["log"] = proxy.log().encode()
    seen["flow file"] = flows.read_bytes()
    seen["HAR"] = har.read_bytes()
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in {"all.flow", "all.har", "log.txt"}:
            seen[f"file {path.name}"] = path.read_bytes()
    yield seen


def ask_all(proxy: Proxy, cloud: FakeVertex) -> Iterator[bytes]:
    """Chats that go well and that fail in every way in which a secret may come near the client."""
    chat = {**ASK, "stream": True}
    for headers in (HEADERS, {"x-api-key": KEY}):
        for body in (ASK, chat):
            answer = proxy.post(CHAT, body, headers)
            assert answer.status == 200
            yield repr(answer).encode()
    for headers in ({}, {"authorization": f"Bearer {WRONG_KEY}"}, {"x-api-key": WRONG_KEY}, {"api-key": WRONG_KEY}):
        yield repr(proxy.post(CHAT, chat, headers)).encode()
    yield repr(proxy.get("/nowhere", {**HEADERS, "cookie": f"k={KEY}", "proxy-authorization": f"Basic {KEY}"})).encode()
    for kind in ("anthropic", "google", "page"):
        for status in (400, 403, 500):
            cloud.script(echo(cloud, status, kind))
            answer = proxy.post(CHAT, chat, HEADERS)
            assert answer.status == status
            yield repr(answer).encode()
    token = cloud.tokens[-1]
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}
    cloud.script(broken(message=f"Bearer {token}"), broken(message=f"Bearer {token}", after=4))
    cloud.script(Stream(recorded("basic_response.txt").replace(b"event: ping", b": " + token.encode()) + sse(said)))
    cloud.script(Stream(b": " + token.encode() + b"\n\ndata: {" + token.encode() + b"\n\n"))
    for _ in range(4):
        yield repr(proxy.post(CHAT, chat, HEADERS)).encode()
    for trouble in (
        invalid_grant(f"No {cloud.service_account()['private_key']}"),
        invalid_grant(f"assertion eyJhbGciOi.{token}.x"),
    ):
        cloud.revoke_tokens()
        cloud.script_token(trouble)
        answer = proxy.post(CHAT, chat, HEADERS)
        assert answer.status == 401
        yield repr(answer).encode()
    for path in ("/", "/status", "/metrics", "/v1/models"):
        yield repr(proxy.get(path, HEADERS)).encode()


def ask_natively(proxy: Proxy, cloud: FakeVertex) -> Iterator[bytes]:
    """The same in Anthropic's own words."""
    headers = {"x-api-key": KEY, "anthropic-beta": f"{THEIRS[4]},context-management-2025-06-27"}
    calls = [(MESSAGES, NATIVE), (MESSAGES, {**NATIVE, "stream": True}), (COUNT, ASK)]
    for path, body in calls:
        answer = proxy.post(path, body, headers)
        assert answer.status == 200
        yield repr(answer).encode()
        yield repr(proxy.post(path, body, {"x-api-key": WRONG_KEY})).encode()
    token = cloud.tokens[-1]
    error = {"type": "error", "error": {"type": "api_error", "message": f"Bearer {token}"}, "request_id": f"r {token}"}
    for body in (NATIVE, {**NATIVE, "stream": True}):
        for kind in ("anthropic", "google", "page"):
            cloud.script(echo(cloud, 403, kind))
            yield repr(proxy.post(MESSAGES, body, headers)).encode()
        cloud.script(Reply(200, error))
        yield repr(proxy.post(MESSAGES, body, headers)).encode()
    for after in (0, 4):
        cloud.script(broken(message=f"Bearer {token}", after=after))
        yield repr(proxy.post(MESSAGES, {**NATIVE, "stream": True}, headers)).encode()
    cloud.revoke_tokens()
    cloud.script_token(invalid_grant(f"assertion eyJhbGciOi.{token}.x"))
    refused = proxy.post(COUNT, ASK, headers)
    assert refused.status == 401
    yield repr(refused).encode()


class Pictures(BaseHTTPRequestHandler):
    """A site whose answer is in the URL's path."""

    def do_GET(self) -> None:
        what = self.path.split("/")[1]
        self.send_response({"png": 200, "odd": 200, "there": 302, "file": 302}.get(what, 404))
        if what in ("there", "file"):
            self.send_header("location", f"/gone?{THEIRS[3]}" if what == "there" else f"file:///{THEIRS[3]}")
        self.end_headers()
        self.wfile.write(PNG if what == "png" else THEIRS[3].encode())

    def log_message(self, format: str, *args: object) -> None: ...


def ask_with_pictures(proxy: Proxy, cloud: FakeVertex, port: int) -> Iterator[bytes]:
    """Pictures whose URLs hold what nobody else is to know, by both formats."""
    password, signature, path, _, _ = THEIRS
    rest = f"{path}.png?sig={signature}&x=%0d%0a#{signature}"
    urls = [f"http://127.0.0.1:{port}/{what}/{rest}" for what in ("png", "odd", "there", "file", "nothing")]
    urls += [f"http://user:{password}@127.0.0.1:{port}/{rest}", f"http://127.0.0.1:9999999/{rest}"]
    urls += [f"http://127.0.0.1:{free_port()}/{rest}", f"http://169.254.169.254/{rest}", f"gopher://{password}/{rest}"]
    for url in urls:
        parts = [{"type": "image_url", "image_url": {"url": url}}]
        blocks = [{"type": "image", "source": {"type": "url", "url": url}}]
        for target, content in ((CHAT, parts), (MESSAGES, blocks), (COUNT, blocks)):
            body = {**(ASK if target == COUNT else NATIVE), "messages": [{"role": "user", "content": content}]}
            answer = proxy.post(target, body, HEADERS)
            assert answer.status == (200 if "/png/" in url else 400)
            yield repr(answer).encode()


def ask_and_look(proxy: Proxy, cloud: FakeVertex, web: Web) -> bytes:
    """mitmweb in the middle of a stream."""
    body = recorded("basic_response.txt")
    cloud.script(replay(pause_after=len(body) // 2))
    connection = proxy.open_chat(HEADERS, stream=True)
    cloud.wait_until(lambda: cloud.hanging == 1)
    seen = look(web)
    cloud.release()
    assert unchunk(read_all(connection))[1].endswith(b"[DONE]\n\n")
    return seen


def look(web: Web, chats: int | None = None) -> bytes:
    """All that mitmweb's page can ask for; of the first `chats`, if not of all, what their views show."""
    paths = ["/flows", "/events", "/options", "/state", "/flows/dump"]
    for flow in web.chats()[:chats]:
        for message in ("request", "response"):
            if flow.get(message):
                path = f"/flows/{flow['id']}/{message}/content"
                views = (
                    ("prompt", "upstream", "changes") if message == "request" else ("reply", "raw%20upstream%20reply")
                )
                paths += [f"{path}/{view}.json" for view in ("auto", "raw", *views)]
                if flow[message]["timestamp_end"]:  # mitmweb has no body to save while it streams
                    paths.append(f"{path}.data")
    return b"\n".join(web.ask("GET", path) for path in paths)


def replay_and_look(cloud: FakeVertex, web: Web) -> bytes:
    """mitmweb after a chat was sent again, during which the cloud repeats its token."""
    asked = len(cloud.requests)
    cloud.script(echo(cloud))
    web.ask("POST", f"/flows/{web.chats()[0]['id']}/replay")
    cloud.wait_until(lambda: len(cloud.requests) > asked)
    cloud.wait_idle()
    return look(web, 1)


def command_everything(web: Web, folder: Path) -> bytes:
    """All that the commands show; what they write is in the folder."""
    first, second = (f"@{flow['id']}" for flow in web.chats()[:2])
    commands: tuple[tuple[str, ...], ...] = (
        ("curl", first),
        ("compare", first, second),
        ("export", "@all", str(folder / "chats.json")),
        ("export", "@all", str(folder / "chats.jsonl")),
        ("fixture", second, str(folder / "case")),
        ("cache", second),
        ("usage",),
    )
    told = [web.ask("POST", f"/commands/bridge.{name}", {"arguments": list(given)}) for name, *given in commands]
    assert not [one for one in told if b'"error"' in one]
    assert {"chats.json", "chats.jsonl", "case"} <= {file.name for file in folder.iterdir()}
    return b"\n".join(told)


PLACES = ("a replay", "commands", "answers", "during a stream", "afterwards", "log", "flow file", "HAR")


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_is_in(kept: dict[str, bytes], cloud: FakeVertex, place: str) -> None:
    assert len(kept[place]) > 1000
    assert Canaries(cloud).found_in(kept[place]) == []


def test_no_secret_is_in_any_file(kept: dict[str, bytes], cloud: FakeVertex) -> None:
    canaries = Canaries(cloud)
    files = {name: text for name, text in kept.items() if name.startswith("file ")}
    assert len(files) > 3
    assert {name for name, text in files.items() if canaries.found_in(text)} == set()


@pytest.mark.parametrize("place", ["answers", "log", "records", "answers in the file"])
def test_what_stands_in_urls_and_betas_is_only_in_the_clients_own_request(
    kept: dict[str, bytes], folder: Path, place: str
) -> None:
    flows = flows_in(folder / "all.flow")
    asked = [flow for flow in flows if flow.request.path in (CHAT, MESSAGES, COUNT)]
    text = {
        "records": repr([flow.metadata for flow in asked]).encode(),
        "answers in the file": repr([flow.response and flow.response.get_state() for flow in asked]).encode(),
    }.get(place, kept.get(place, b""))
    assert len(asked) > 60 and len(text) > 1000
    assert [word for word in THEIRS if word.encode() in text] == []
    requests = repr([flow.request.get_state() for flow in asked])
    assert [word for word in THEIRS if word in requests] == [*THEIRS[:3], THEIRS[4]], "it looks where it should"


def test_exports_have_no_secret(cloud: FakeVertex, kept: dict[str, bytes], folder: Path) -> None:
    from mitmproxy.addons import export
    from mitmproxy.test import taddons

    canaries = Canaries(cloud)
    with taddons.context(export.Export()), (folder / "all.flow").open("rb") as file:
        for flow in FlowReader(file).stream():
            for name, make in export.formats.items():
                try:
                    made = make(flow)
                except Exception as error:  # an export of a request that has no body, for one
                    made = str(error)
                assert canaries.found_in(made if isinstance(made, bytes) else made.encode()) == [], name


def test_nothing_is_left_by_a_proxy_that_is_killed_in_mid_stream(cloud: FakeVertex, tmp_path: Path) -> None:
    arguments = ["-w", str(tmp_path / "all.flow"), "--set", f"hardump={tmp_path / 'all.har'}"]
    environment = cloud.environment() | {"PROXY_KEY": KEY, "LOG_LEVEL": "debug"}
    proxy = Proxy(tmp_path, environment=environment, arguments=arguments)
    proxy.start()
    proxy.wait_until_it_serves()
    assert proxy.post(CHAT, {**ASK, "stream": True}, HEADERS).status == 200
    cloud.script(endless())
    connection = proxy.open_chat(HEADERS, stream=True)
    while b"more" not in connection.recv(65_536):
        pass
    proxy.kill()
    connection.close()
    files = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert b"chat/completions" in files["all.flow"] and files["log.txt"]
    canaries = Canaries(cloud)
    assert {name for name, text in files.items() if canaries.found_in(text)} == set()


# --- What is kept instead ---------------------------------------------------------------------------------------------


def flows_in(file: Path) -> list[http.HTTPFlow]:
    with file.open("rb") as opened:
        return [flow for flow in FlowReader(opened).stream() if isinstance(flow, http.HTTPFlow)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_saved_flow_is_what_the_client_sent_and_got(cloud: FakeVertex, tmp_path: Path, stream: bool) -> None:
    file = tmp_path / "chats.flow"
    environment = cloud.environment() | {"PROXY_KEY": KEY}
    body = {**ASK, "stream": stream, "temperature": 0.5, "seed": 4}
    config = json.dumps(ONCE)
    with Proxy(tmp_path, environment=environment, config=config, arguments=["-w", str(file)]) as proxy:
        answer = proxy.post(CHAT, body, {**HEADERS, "x-odd": "Öl"})
        cloud.script(broken(after=4))
        lost = proxy.post(CHAT, {**body, "stream": True}, HEADERS)
        sent = cloud.requests[-2]
    flow, second = [flow for flow in flows_in(file) if flow.request.path == CHAT]

    assert (flow.request.method, flow.request.host, flow.request.port) == ("POST", "127.0.0.1", proxy.port)
    assert flow.request.headers["authorization"] == "Bearer ***"
    assert flow.request.headers["content-type"] == "application/json"
    assert flow.request.raw_content == json.dumps(body).encode()
    assert flow.response is not None
    assert flow.response.status_code == 200
    assert flow.response.raw_content == answer.body
    kept = {name.lower(): value for name, value in flow.response.headers.items()}
    assert kept == answer.headers
    assert flow.error is None

    record: dict[str, Any] = flow.metadata["bridge"]
    (attempt,) = record["attempts"]
    assert attempt["url"] == cloud.origin + sent.path
    assert attempt["status"] == 200
    assert json.loads(attempt["body"]) == sent.parsed
    assert attempt["headers"]["authorization"] == "***"
    assert record["request_id"] == answer.headers["x-request-id"]
    assert record["upstream_request_id"] == answer.headers["x-bridge-upstream-request-id"]
    assert record["upstream_model"] == "claude-sonnet-4-5@20250929"
    assert [note["code"] for note in record["notes"]] == ["dropped:seed"]
    assert record["usage"]["input"] == 11 and record["usage"]["output"] == 6
    assert record["finish_reason"] == "stop"
    assert "Hello" in attempt["reply"]
    assert record["timing"]["began"] <= record["timing"]["first_byte"] <= record["timing"]["ended"]

    assert second.response is not None and second.response.raw_content == lost.body
    assert second.metadata["bridge"]["error"]["code"] == "overloaded"
    assert second.metadata["bridge"]["finish_reason"] is None


def test_a_har_holds_the_clients_side(kept: dict[str, bytes], cloud: FakeVertex) -> None:
    entries = json.loads(kept["HAR"])["log"]["entries"]
    chats = [entry for entry in entries if entry["request"]["url"].endswith(CHAT)]
    assert len(chats) > 10
    assert all(re.match(r"http://(127\.0\.0\.1|localhost)[:/]", entry["request"]["url"]) for entry in chats)
    assert json.loads(chats[0]["request"]["postData"]["text"]) == ASK


def test_a_saved_file_can_be_read_without_serving(
    cloud: FakeVertex, kept: dict[str, bytes], folder: Path, tmp_path: Path
) -> None:
    """`mitmdump -n -r` with the addon shows what was kept, opens no port and asks nobody."""
    asked = len(cloud.requests)
    arguments = ["-n", "-r", str(folder / "all.flow")]
    proxy = Proxy(tmp_path, environment=cloud.environment(), modes=[], arguments=arguments, port=free_port())
    proxy.start()
    try:
        assert proxy.process.wait(timeout=60) == 0, proxy.log()
    finally:
        proxy.kill()
    assert "Traceback" not in proxy.log()
    assert len(cloud.requests) == asked
