"""mitmweb's buttons: Replay and Edit translate and pay afresh, Resume and Abort act on a live chat."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.all_clouds import WAYS, AllClouds
from tests.support.claude_rules import message_of
from tests.support.fake_vertex import FakeVertex, Hang, broken, endless, recorded
from tests.support.proxy import ASK, CHAT, KEY, Answer, Proxy, Web, events, free_port, read_all, unchunk

TEXT = message_of(recorded("basic_response.txt"))["content"][0]["text"]
HEADERS = {"authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path, web: Web) -> Iterator[Proxy]:
    """With a client key, which is no part of the flow any more when it is replayed."""
    environment = cloud.environment() | {"PROXY_KEY": KEY}
    config = json.dumps({"server": {"log_format": "json"}})
    with Proxy(folder, environment=environment, config=config, program="mitmweb", arguments=web.arguments) as proxy:
        yield proxy


def chat(proxy: Proxy, **changes: Any) -> Answer:
    return proxy.post(CHAT, {**ASK, **changes}, HEADERS)


def read_until(connection: socket.socket, part: bytes) -> bytes:
    read = b""
    while part not in read:
        piece = connection.recv(65_536)
        assert piece, read
        read += piece
    return read


def replaying(web: Web) -> bool:
    """Whether a replay has not ended yet: another one of the same flow would be in vain."""
    return bool(json.loads(web.ask("POST", "/commands/replay.client.count", {"arguments": []}))["value"])


def replay(web: Web, flow: dict[str, Any]) -> dict[str, Any]:
    """The flow after its replay."""
    before = flow["response"]["timestamp_start"]
    web.ask("POST", f"/flows/{flow['id']}/replay")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        (now,) = [found for found in web.chats() if found["id"] == flow["id"]]
        response = now.get("response")
        if response and response["timestamp_start"] > before and response["timestamp_end"] and not replaying(web):
            return now
        time.sleep(0.02)
    raise AssertionError(f"it was not replayed: {now}")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_replay_asks_again(proxy: Proxy, cloud: FakeVertex, web: Web, stream: bool) -> None:
    assert chat(proxy, stream=stream).text == TEXT
    flow = web.chats()[-1]
    asked, mints = len(cloud.requests), cloud.mints
    cloud.revoke_tokens()  # so that a token of the first time would be of no use
    replayed = replay(web, flow)
    assert replayed["response"]["status_code"] == 200
    assert (len(cloud.requests), cloud.mints) == (asked + 2, mints + 1)
    body = web.body(replayed, "response")
    assert (b"data: [DONE]\n\n" in body) is stream
    assert TEXT.split()[0].encode() in body
    ids = [dict(one["response"]["headers"])["x-request-id"] for one in (flow, replayed)]
    assert ids[0] != ids[1], "a replay is another request"
    cloud.wait_until(lambda: ids[1] in proxy.log())  # its line comes after its answer
    _, *lines = proxy.log().partition("Loading script")[2].splitlines()  # before that the addon isn't there
    told = [line["request_id"] for line in map(json.loads, lines) if "request_id" in line]
    assert [told.count(one) for one in ids] == [1, 1]


def test_an_edited_prompt_is_translated(proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    assert chat(proxy, stream=True).status == 200
    flow = web.chats()[-1]
    edited = {"model": "claude-opus-4-8", "messages": [{"role": "user", "content": "Edited 你好."}], "temperature": 0.5}
    web.ask("PUT", f"/flows/{flow['id']}", {"request": {"content": json.dumps(edited)}})
    replayed = replay(web, flow)
    sent = cloud.requests[-1]
    assert "claude-opus-4-8:rawPredict" in sent.path
    assert sent.parsed["messages"][0]["content"][0]["text"] == "Edited 你好."
    headers = dict(replayed["response"]["headers"])
    assert headers["x-bridge-notes"] == "dropped:temperature"
    assert headers["content-type"] == "application/json"
    assert json.loads(web.body(replayed, "response"))["choices"][0]["message"]["content"] == TEXT


def test_an_edit_that_breaks_it_is_told(proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    assert chat(proxy).status == 200
    flow = web.chats()[-1]
    asked = len(cloud.requests)
    web.ask("PUT", f"/flows/{flow['id']}", {"request": {"content": "no JSON"}})
    replayed = replay(web, flow)
    assert replayed["response"]["status_code"] == 400
    assert json.loads(web.body(replayed, "response"))["error"]["code"] == "invalid_json"
    assert len(cloud.requests) == asked


def test_a_replay_of_what_was_refused_costs_nothing(proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    """A replay needs no key, since it comes from the owner of the page; but of a refused request nothing was kept."""
    asked = len(cloud.requests)
    assert proxy.post(CHAT, ASK).status == 401
    assert proxy.post(CHAT, ASK, {**HEADERS, "origin": "https://evil.test"}).status == 403
    for flow in web.chats()[-2:]:
        assert replay(web, flow)["response"]["status_code"] == 400
    assert len(cloud.requests) == asked


def test_abort_in_mid_stream(proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    number = len(cloud.requests)
    cloud.script(endless())
    connection = proxy.open_chat(HEADERS, stream=True)
    read = read_until(connection, b"more")
    web.ask("POST", f"/flows/{web.chats()[-1]['id']}/kill")
    _, body = unchunk(read + read_all(connection))
    *chunks, last = [json.loads(data) for data in events(body)]
    assert last["error"]["code"] == "aborted" and last["choices"] == []
    assert not [chunk for chunk in chunks if "error" in chunk]
    cloud.wait_until_left(number)
    assert web.chats()[-1]["error"]


def test_abort_before_the_headers(proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    number = len(cloud.requests)
    cloud.script(Hang())
    connection = proxy.open_chat(HEADERS, stream=True)
    cloud.wait_until(lambda: cloud.hanging == 1)
    web.ask("POST", f"/flows/{web.chats()[-1]['id']}/kill")
    answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "aborted"
    cloud.wait_until_left(number)


def test_an_intercepted_chat_goes_on_as_edited(proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    """Nothing reaches the cloud before Resume, and then what was made of it."""
    asked = len(cloud.requests)
    web.ask("PUT", "/options", {"intercept": "~q ~u chat"})
    try:
        connection = proxy.open_chat(HEADERS, stream=True)
        cloud.wait_until(lambda: bool(web.chats()) and web.chats()[-1]["intercepted"])
        flow = web.chats()[-1]
        body = json.dumps({**ASK, "stream": True, "messages": [{"role": "user", "content": "As edited"}]})
        web.ask("PUT", f"/flows/{flow['id']}", {"request": {"content": body}})
        assert len(cloud.requests) == asked
        web.ask("POST", f"/flows/{flow['id']}/resume")
        assert b"[DONE]" in read_all(connection)
    finally:
        web.ask("PUT", "/options", {"intercept": ""})
    assert cloud.requests[-1].parsed["messages"][0]["content"][0]["text"] == "As edited"


def test_the_page_shows_a_stream_that_broke(proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    cloud.script(broken(after=4))
    answer = chat(proxy, stream=True)
    shown = web.chats()[-1]
    assert web.body(shown, "response") == answer.body
    assert b'"overloaded"' in answer.body


@pytest.mark.parametrize(
    "change",
    [{"mode": ["regular"]}, {"mode": ["reverse:http://127.0.0.1:9@0.0.0.0:{port}"]}],
    ids=str,
)
def test_the_page_cannot_open_the_proxy_to_others(cloud: FakeVertex, tmp_path: Path, change: dict[str, Any]) -> None:
    """Without a key it serves loopback only, also when the options are changed while it runs."""
    web = Web()
    change = json.loads(json.dumps(change).replace("{port}", str(free_port())))
    with Proxy(tmp_path, environment=cloud.environment(), program="mitmweb", arguments=web.arguments) as proxy:
        with pytest.raises(RuntimeError, match="400"):
            web.ask("PUT", "/options", change)
        time.sleep(0.3)
        assert proxy.chat().status == 200
        assert json.loads(web.ask("GET", "/options"))["mode"]["value"] == [
            f"reverse:http://127.0.0.1:9@127.0.0.1:{proxy.port}"
        ]


def test_every_cloud_is_asked_afresh(tmp_path: Path) -> None:
    """Edited and sent again, Bedrock's signed anew; and by the console's command: `replay.client @focus` is its key
    `r`."""
    web = Web()
    with AllClouds(tmp_path, program="mitmweb", arguments=web.arguments) as clouds:
        for way in (way for way in WAYS.values() if way.api == "invoke"):
            cloud, proxy = clouds.cloud(way), clouds.proxy(way)
            assert proxy.chat(model=way.model, stream=True).status == 200, way.id
            flow = web.chats()[-1]
            edited = {
                "model": way.model,
                "stream": True,
                "messages": [{"role": "user", "content": f"Edited {way.id}."}],
            }
            web.ask("PUT", f"/flows/{flow['id']}", {"request": {"content": json.dumps(edited)}})
            assert replay(web, flow)["response"]["status_code"] == 200, way.id
            assert f"Edited {way.id}." in json.dumps(cloud.requests[-1].parsed)
            asked = len(cloud.requests)
            web.ask("POST", "/commands/replay.client", {"arguments": ["@focus"]})
            cloud.wait_until(lambda: len(cloud.requests) > asked)  # noqa: B023 -- it is waited for in this round
            cloud.wait_idle()
            assert f"Edited {way.id}." in json.dumps(cloud.requests[-1].parsed)
