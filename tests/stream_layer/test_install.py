"""Installing and undoing, and what is told when mitmproxy lacks something."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.addons.serverplayback import ServerPlayback
from mitmproxy.proxy import layers, server

from oai_bridge.streaming import stream_layer
from oai_bridge.streaming.stream_layer import check_mitmproxy, install
from tests.support.raw_client import Client
from tests.support.toy_addon import Endless, Proxy, hello, until


@pytest.fixture
def reinstalled(proxy: Proxy) -> Iterator[None]:
    yield
    assert proxy.toy.undo is not None
    proxy.call(proxy.toy.undo)
    proxy.toy.undo = proxy.call(install, proxy.toy).undo


def undo(proxy: Proxy) -> None:
    assert proxy.toy.undo is not None
    proxy.call(proxy.toy.undo)


@pytest.mark.usefixtures("reinstalled")
def test_undo_restores_the_names(proxy: Proxy) -> None:
    assert layers.http.HttpStream is not stream_layer.HttpStream
    ours = server.ConnectionHandler.hook_task
    assert ServerPlayback.request is None
    undo(proxy)
    assert layers.http.HttpStream is stream_layer.HttpStream
    assert server.ConnectionHandler.hook_task is not ours
    assert server.ConnectionHandler.hook_task.__module__ == "mitmproxy.proxy.server"
    assert callable(ServerPlayback.request)


@pytest.mark.usefixtures("reinstalled")
def test_undo_leaves_what_came_after_it(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = type("Theirs", (layers.http.HttpStream,), {})
    with monkeypatch.context() as patch:
        patch.setattr(layers.http, "HttpStream", theirs)
        undo(proxy)
        assert layers.http.HttpStream is theirs
    undo(proxy)  # now it is ours again
    assert layers.http.HttpStream is stream_layer.HttpStream


@pytest.mark.usefixtures("reinstalled")
@pytest.mark.parametrize("head", [False, True])
def test_undo_ends_the_live_answers(proxy: Proxy, client: Client, head: bool) -> None:
    script = Endless(head=head)
    path = proxy.script(script)
    client.request(path)
    assert script.begun.wait(30)
    if head:
        assert client.status() == 200
        assert client.chunk()
    undo(proxy)
    assert script.closed.wait(10)
    if not head:
        assert client.status() == 503
    assert b"stopping" in client.body()
    assert proxy.ended(path)[-1] == "error" and "stopped" in str(proxy.flow(path).error)


@pytest.mark.usefixtures("reinstalled")
def test_undo_while_a_request_is_in_its_hook(proxy: Proxy, client: Client) -> None:
    path = proxy.script(hello)
    proxy.toy.in_hook["request", path] = http.HTTPFlow.intercept
    client.request(path)
    flow = proxy.flow(path)
    until(lambda: flow.intercepted)
    undo(proxy)
    proxy.call(flow.resume)
    assert client.status() == 503
    assert client.body() == b'{"error": "stopping"}'


def test_only_one_can_be_installed(proxy: Proxy) -> None:
    with pytest.raises(RuntimeError, match="Load the addon only once"):
        install(proxy.toy)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (stream_layer.HttpStream, "make_server_connection"),
        (stream_layer.HttpStream, "check_killed"),
        (server.ConnectionHandler, "server_event"),
        (server.TimeoutWatchdog, "disarm"),
        (ServerPlayback, "count"),
    ],
)
def test_a_missing_name_is_told(proxy: Proxy, owner: type, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(owner, name)
    with pytest.raises(RuntimeError, match=rf"mitmproxy \S+ lacks {owner.__name__}\.{name}, .*pip install"):
        install(proxy.toy)


def test_a_stream_that_is_not_looked_up_by_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def make_stream(self: object, stream_id: int) -> None: ...

    check_mitmproxy()
    monkeypatch.setattr(stream_layer.HttpLayer, "make_stream", make_stream)
    with pytest.raises(RuntimeError, match="look-up of HttpStream by name"):
        check_mitmproxy()


@pytest.mark.parametrize(("module", "name"), [("_events", "ErrorCode"), ("_hooks", "HttpErrorHook")])
def test_a_missing_name_is_told_at_import(module: str, name: str) -> None:
    program = (
        f"import mitmproxy.proxy.layers.http.{module} as module; del module.{name}\n"
        "try:\n    import oai_bridge.streaming.stream_layer\nexcept RuntimeError as error:\n    print(error)"
    )
    addon = Path(stream_layer.__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=addon, capture_output=True, text=True, timeout=60, check=True
    )
    assert f"{module}.{name}, which the stream layer is built on" in run.stdout and "pip install" in run.stdout
