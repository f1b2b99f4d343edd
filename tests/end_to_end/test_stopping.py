"""Stopping: nobody new is let in, what runs may finish for a while, and the rest is told that it ends."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import anthropic
import pytest

from tests.support.fake_vertex import FakeVertex, Hang, endless, replay
from tests.support.native_client import sdk
from tests.support.proxy import CHAT, Proxy, events, free_port, is_open, read_all, unchunk
from tests.support.raw_client import Client

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])


def started(folder: Path, cloud: FakeVertex, seconds: float, **settings: object) -> Proxy:
    config = {"timeouts": {"shutdown": seconds}, **settings}
    return Proxy(folder, environment=cloud.environment(), config=json.dumps(config))


@SIGNALS
def test_what_runs_may_finish(cloud: FakeVertex, tmp_path: Path, number: signal.Signals) -> None:
    cloud.script(replay(pause_after=600))
    with started(tmp_path, cloud, 60) as proxy:
        connection = proxy.open_chat(stream=True)
        cloud.wait_until(lambda: cloud.hanging == 1)
        proxy.process.send_signal(number)
        cloud.wait_until(lambda: not is_open("127.0.0.1", proxy.port))
        assert proxy.process.poll() is None
        cloud.release()
        _, body = unchunk(read_all(connection))
        assert proxy.process.wait(timeout=30) == 0
    assert events(body)[-1] == "[DONE]" and b'"error"' not in body


@SIGNALS
def test_what_does_not_finish_is_told(cloud: FakeVertex, tmp_path: Path, number: signal.Signals) -> None:
    """Streams end in one error event, whole answers in an error, waiting ones too; the cloud's side is closed."""
    cloud.script(endless(), Hang(), Hang())
    with started(tmp_path, cloud, 0.5, limits={"concurrent": 3}) as proxy:
        streaming = proxy.open_chat(stream=True)
        read = b""
        while b"more" not in read:
            read += streaming.recv(65_536)
        silent, whole = proxy.open_chat(stream=True), proxy.open_chat()
        cloud.wait_until(lambda: cloud.hanging == 2)
        queued = proxy.open_chat()
        cloud.wait_until(lambda: proxy.get("/status").json()["gcp-claude"]["proomptersInQueue"] == 1)
        proxy.process.send_signal(number)
        _, body = unchunk(read + read_all(streaming))
        assert body.count(b'"error"') == 1 and b'"code":"shutting_down"' in body and b"[DONE]" not in body
        for connection in (silent, whole, queued):
            head, _, told = read_all(connection).partition(b"\r\n\r\n")
            assert b" 503 " in head.partition(b"\r\n")[0] + b" "
            assert json.loads(told)["error"]["code"] == "shutting_down"
        assert proxy.process.wait(timeout=30) == 0
    cloud.wait_idle()


def test_anthropics_sdk_reads_it_too(cloud: FakeVertex, tmp_path: Path) -> None:
    cloud.script(endless())
    with started(tmp_path, cloud, 0.3) as proxy, sdk(proxy, "") as client:
        with pytest.raises(anthropic.APIStatusError, match="is being stopped"):
            message = {"role": "user", "content": "Hello"}
            with client.messages.stream(model="claude-opus-4-8", max_tokens=99, messages=[message]) as stream:
                for count, _ in enumerate(stream.text_stream):
                    if count == 1:
                        proxy.process.send_signal(signal.SIGTERM)
        assert proxy.process.wait(timeout=30) == 0


def test_who_asks_twice_does_not_wait(cloud: FakeVertex, tmp_path: Path) -> None:
    cloud.script(endless())
    with started(tmp_path, cloud, 60) as proxy:
        connection = proxy.open_chat(stream=True)
        cloud.wait_until(lambda: cloud.active == 1)
        proxy.process.send_signal(signal.SIGINT)
        cloud.wait_until(lambda: not is_open("127.0.0.1", proxy.port))
        begun = time.monotonic()
        proxy.process.send_signal(signal.SIGINT)
        assert b"shutting_down" in read_all(connection)
        assert proxy.process.wait(timeout=30) == 0
        assert time.monotonic() - begun < 30


def test_a_kept_connection_gets_nothing_new(cloud: FakeVertex, tmp_path: Path) -> None:
    cloud.script(endless())
    with started(tmp_path, cloud, 60) as proxy, Client(proxy.port) as kept:
        assert kept.request("/v1/models", method="GET").status() == 200
        kept.body()
        connection = proxy.open_chat(stream=True)
        cloud.wait_until(lambda: cloud.active == 1)
        proxy.process.send_signal(signal.SIGTERM)
        cloud.wait_until(lambda: not is_open("127.0.0.1", proxy.port))
        kept.request(CHAT, b"{}", headers=["Content-Type: application/json"])
        assert kept.status() == 503 and json.loads(kept.body())["error"]["code"] == "shutting_down"
        connection.close()
        assert proxy.process.wait(timeout=30) == 0


def test_mitmweb_stops_as_well(cloud: FakeVertex, tmp_path: Path) -> None:
    cloud.script(replay(pause_after=600))
    arguments = ["--no-web-open-browser", "--set", f"web_port={free_port()}"]
    proxy = started(tmp_path, cloud, 60)
    proxy.command = [proxy.command[0].replace("mitmdump", "mitmweb"), *proxy.command[1:], *arguments]
    with proxy:
        connection = proxy.open_chat(stream=True)
        cloud.wait_until(lambda: cloud.hanging == 1)
        proxy.process.send_signal(signal.SIGTERM)
        cloud.wait_until(lambda: not is_open("127.0.0.1", proxy.port))
        cloud.release()
        assert b"[DONE]" in read_all(connection)
        assert proxy.process.wait(timeout=30) == 0
