"""The hooks: what fails in them lets nobody in and keeps nobody waiting."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from mitmproxy.test import tflow

from oai_bridge import addon
from oai_bridge.addon import Bridge
from oai_bridge.answer import Head
from oai_bridge.entrance.guard import Guard
from oai_bridge.errors import BridgeError
from oai_bridge.inspector.record import Record
from oai_bridge.settings.values import Config
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import ASK, CHAT, KEY, Proxy


class BrokenGuard(Guard):
    def check(self, caller: object) -> None:
        raise RuntimeError("a defect")


def bridge(guard: Guard) -> Bridge:
    made = Bridge()
    made.config, made._guard = Config(), guard
    return made


@pytest.mark.parametrize(("guard", "status"), [(BrokenGuard, 500), (Guard, None)])
def test_nobody_gets_in_by_a_defect_of_the_guard(guard: type[Guard], status: int | None) -> None:
    flow = tflow.tflow()
    flow.request.headers["host"] = "localhost:7860"
    flow.request.headers["content-type"] = "application/json"
    flow.request.headers["authorization"] = f"Bearer {KEY}"
    flow.request.authority, flow.request.method, flow.request.path = "", "POST", CHAT
    hooks = bridge(guard(Config(), ["127.0.0.1"]))
    if status is None:
        hooks.requestheaders(flow)
    else:
        with pytest.raises(RuntimeError):
            hooks.requestheaders(flow)
    assert (flow.response and flow.response.status_code) == status
    assert KEY not in str(flow.get_state())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp932"])
def test_a_log_that_can_not_show_a_letter_fails_nothing(tmp_path: Path, encoding: str) -> None:
    with FakeVertex() as cloud:
        environment = {**cloud.environment(), "PROXY_KEY": KEY, "PYTHONIOENCODING": encoding}
        with Proxy(tmp_path, environment=environment) as proxy:
            body = json.dumps(ASK).encode()
            head = f"POST {CHAT}?é→・ HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            head += f"content-length: {len(body)}\r\n"
            for key, status in (("", b"401"), (f"authorization: Bearer {KEY}\r\n", b"200")):
                answer = said(proxy.port, f"{head}{key}\r\n".encode() + body)
                assert answer.split()[1] == status
            cloud.wait_until(lambda: " tokens" in proxy.log())  # which the client does not wait for


def test_garbage_is_looked_for_but_not_among_what_was_loaded(tmp_path: Path) -> None:
    script = tmp_path / "tells.py"
    script.write_text("import gc\ndef response(flow):\n print('gc', gc.isenabled(), gc.get_freeze_count() > 50_000)")
    with FakeVertex() as cloud:
        arguments = ["-s", str(script)]
        with Proxy(tmp_path, environment=cloud.environment(), arguments=arguments, fresh=True) as proxy:
            assert proxy.post(CHAT, ASK).status == 200
            cloud.wait_until(lambda: "gc True True" in proxy.log())


def said(port: int, request: bytes) -> bytes:
    """All that comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        return connection.makefile("rb").read()


async def test_an_answer_that_is_closed_is_closed_to_the_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    class Closing:
        async def answer(self) -> AsyncGenerator[Head | bytes, None]:
            try:
                yield Head(200)
                yield b"more"
            finally:
                await asyncio.sleep(0)
                closed.append(True)

    monkeypatch.setattr(addon, "exchange", lambda *_: Closing())
    hooks = bridge(Guard(Config(), ["127.0.0.1"]))
    hooks._services = asyncio.ensure_future(asyncio.sleep(0))  # type: ignore[assignment]  # nobody asks them
    flow = tflow.tflow()
    flow.request.method, flow.request.path = "POST", CHAT
    hooks.request(flow)
    answer = hooks.open(flow)
    await anext(answer)
    await answer.aclose()
    assert closed


@pytest.mark.parametrize(
    ("head", "error"), [(Head(200, (("content-length", "4"),)), None), (Head(200), BridgeError("It broke."))]
)
async def test_a_request_is_booked_before_its_client_has_the_last_of_its_answer(
    monkeypatch: pytest.MonkeyPatch, head: Head, error: BridgeError | None
) -> None:
    """Who has it all leaves, and would be taken for one that left before."""

    class Asked:
        def __init__(self, services: object, incoming: object, record: Record) -> None:
            self.record = record

        async def answer(self) -> AsyncGenerator[Head | bytes, None]:
            self.record.error = error
            yield head  # at once, since a heartbeat might send another one meanwhile
            yield b"more"

    monkeypatch.setattr(addon, "exchange", Asked)
    hooks = bridge(Guard(Config(), ["127.0.0.1"]))
    hooks._services = asyncio.ensure_future(asyncio.sleep(0))  # type: ignore[assignment]  # nobody asks them
    flow = tflow.tflow()
    flow.request.method, flow.request.path = "POST", CHAT
    hooks.request(flow)
    _, record = hooks._live[flow.id]
    hooks.books.budget.reserve(record.request_id, "local", None, "2026-11-28")
    answer = hooks.open(flow)
    assert isinstance(await anext(answer), Head) and record.request_id in hooks.books.budget
    assert await anext(answer) == b"more" and record.request_id not in hooks.books.budget
    await answer.aclose()
