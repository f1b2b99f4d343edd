"""offline.py: what mitmproxy's server replay was given is served, and nothing else is asked for."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from mitmproxy import flow as mitmproxy_flow
from mitmproxy import http
from mitmproxy.addons.serverplayback import ServerPlayback
from mitmproxy.test import taddons, tflow, tutils

from oai_bridge.answer import Head
from oai_bridge.inspector.record import Record
from oai_bridge.routing import route
from oai_bridge.settings.values import Config
from oai_bridge.streaming.stream_layer import CUT
from oai_bridge.watching import offline
from oai_bridge.watching.offline import Offline
from tests.support.proxy import ASK, CHAT

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream; charset=utf-8", "x-bridge-model": "m"}
STREAM = b'data: {"choices": []}\n\ndata: more\n\ndata: [DONE]\n\n'
TEST_MESSAGE = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": False}


def chat(body: Any = ASK, path: str = CHAT, **changes: Any) -> http.HTTPFlow:
    """A chat that comes in."""
    flow = tflow.tflow(req=tutils.treq(method=b"POST", path=path.encode(), content=json.dumps(body | changes).encode()))
    flow.request.headers["content-type"] = "application/json"
    return flow


def answered(
    flow: http.HTTPFlow, body: bytes = b"{}", status: int = 200, headers: dict[str, str] = JSON
) -> http.HTTPFlow:
    """The same, as it was saved with its answer."""
    flow.response = http.Response.make(status, body, headers)
    flow.response.timestamp_end = 1.0
    return flow


class Replay:
    """The offline mode beside mitmproxy's own addon; `context` sets options as its command line does."""

    def __init__(self, context: taddons.context, config: Config) -> None:
        self.playback = ServerPlayback()
        context.master.addons.add(self.playback)
        self.options = context.options
        self.offline = Offline(config, context.options, self.playback)

    def load(self, *flows: http.HTTPFlow) -> None:
        self.playback.load_flows(flows)

    async def ask(self, flow: http.HTTPFlow) -> tuple[Head, list[bytes]] | None:
        record = Record("req_1")
        answer = self.offline.answer(flow, route("POST", flow.request.path, "/proxy"), record)
        if answer is None:
            return None
        head, *pieces = [piece async for piece in answer]
        assert isinstance(head, Head)
        flow.metadata["bridge"] = record.to_metadata()
        return head, [piece for piece in pieces if isinstance(piece, bytes)]

    async def body(self, flow: http.HTTPFlow) -> bytes:
        answer = await self.ask(flow)
        assert answer is not None
        return b"".join(answer[1])

    async def refused(self, flow: http.HTTPFlow) -> bool:
        """Whether it was told that this is not among the recordings."""
        answer = await self.ask(flow)
        return answer is not None and answer[0].status == 404 and b'"not_recorded"' in answer[1][0]


@pytest.fixture
async def replay() -> Iterator[Replay]:
    with taddons.context() as context:
        yield Replay(context, Config())


async def test_without_recordings_the_cloud_answers(replay: Replay) -> None:
    assert await replay.ask(chat()) is None


async def test_a_recorded_answer_comes_as_it_was(replay: Replay) -> None:
    recorded = answered(chat(), b'{"error": {}}', 429, {**JSON, "retry-after": "3"})
    recorded.response.reason = "Slow down"  # type: ignore[union-attr]  # it is there
    replay.load(recorded)
    flow = chat()
    flow.request.host, flow.request.port = "localhost", 8000
    assert await replay.ask(flow) == (
        Head(
            429,
            (("content-type", "application/json"), ("retry-after", "3"), ("content-length", "13")),
            None,
            "Slow down",
        ),
        [b'{"error": {}}'],
    )
    assert flow.is_replay == "response"
    assert flow.metadata["bridge"]["model"] == ASK["model"]
    assert flow.metadata["bridge"]["attempts"] == []


async def test_a_stream_comes_event_by_event_at_a_pace(replay: Replay, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    replay.load(answered(chat(stream=True), STREAM, headers=SSE))
    assert await replay.refused(chat())
    answer = await replay.ask(chat(stream=True))
    assert answer is not None
    head, pieces = answer
    assert head.length is None and ("x-bridge-model", "m") in head.headers
    assert len(pieces) == 3 and b"".join(pieces) == STREAM
    assert pauses == [offline._PAUSE] * 2


async def test_another_path_to_the_same_cloud_is_the_same(replay: Replay) -> None:
    replay.load(answered(chat(path="/proxy/gcp/claude/chat/completions?a=1")))
    assert not await replay.refused(chat(path="//proxy/gcp/claude/v1/chat/completions"))
    assert await replay.refused(chat(path="/proxy/aws/claude/v1/chat/completions"))
    assert await replay.refused(chat(path="/v1/chat/completions"))


@pytest.mark.parametrize(("path", "type"), [(CHAT, "invalid_request_error"), ("/v1/messages", "not_found_error")])
async def test_what_was_not_recorded_is_told_in_the_clients_format(replay: Replay, path: str, type: str) -> None:
    replay.load(answered(chat(model="other"), b"{}"))
    flow = chat(path=path)
    answer = await replay.ask(flow)
    assert answer is not None
    head, (body,) = answer
    assert head.status == 404 and json.loads(body)["error"]["type"] == type
    assert ("x-should-retry", "false") in head.headers
    assert flow.is_replay is None
    assert flow.metadata["bridge"]["error"]["code"] == "not_recorded"


@pytest.mark.parametrize("extra", [None, "kill", "404", "500", "204"])
async def test_nothing_is_forwarded_by_default(replay: Replay, extra: str | None) -> None:
    if extra:
        replay.options.update(server_replay_extra=extra)
    replay.load(answered(chat(model="other")))
    assert await replay.refused(chat())


async def test_what_was_not_recorded_is_forwarded_if_somebody_says_so(replay: Replay) -> None:
    replay.options.update(server_replay_extra="forward")
    replay.load(answered(chat(model="other"), b"other"))
    assert await replay.ask(chat()) is None
    assert await replay.body(chat(model="other")) == b"other"


async def test_a_file_without_chats_is_offline_too(replay: Replay) -> None:
    replay.playback.configured = True  # there is no such file
    replay.options.update(server_replay=["chats.flow"])
    assert await replay.refused(chat())


async def test_the_commands_change_what_is_served(replay: Replay) -> None:
    replay.playback.load_flows([answered(chat(), b"1")])
    assert await replay.body(chat()) == b"1"
    replay.playback.add_flows([answered(chat(), b"2")])
    assert {await replay.body(chat()), await replay.body(chat())} == {b"1", b"2"}
    replay.playback.load_flows([answered(chat(model="other"), b"3")])
    assert await replay.refused(chat())
    replay.playback.clear()
    assert await replay.ask(chat()) is None


@pytest.mark.parametrize(("reuse", "after"), [(None, b"1"), (True, b"1"), (False, None)])
async def test_the_same_request_has_its_answers_in_turn(
    replay: Replay, reuse: bool | None, after: bytes | None
) -> None:
    flows = [answered(chat(), b"1"), answered(chat(), b"2")]
    flows[0].request.host = "localhost"  # so that mitmproxy itself sees two different requests
    flows[1].timestamp_created = flows[0].timestamp_created + 1
    replay.load(*reversed(flows))
    if reuse is not None:
        replay.options.update(server_replay_reuse=reuse)
    assert [await replay.body(chat()) for _ in range(2)] == [b"1", b"2"]
    if after is None:
        assert await replay.refused(chat())
    else:
        assert await replay.body(chat()) == after


async def test_mitmproxys_options_say_what_has_to_match(replay: Replay) -> None:
    recorded = answered(chat(), b"1")
    recorded.request.headers["anthropic-beta"] = "a"
    replay.load(recorded)
    assert await replay.body(chat()) == b"1"
    replay.options.update(server_replay_use_headers=["anthropic-beta"])
    assert await replay.refused(chat())
    replay.options.update(server_replay_use_headers=[], server_replay_ignore_content=True)
    assert await replay.body(chat(model="other")) == b"1"
    assert await replay.refused(chat(stream=True))


def broken(name: str) -> http.HTTPFlow:
    flow = answered(chat(stream=True), STREAM, headers=SSE)
    assert flow.response is not None
    match name:
        case "the client left":
            flow.error = mitmproxy_flow.Error("Client disconnected.")
        case "no answer":
            flow.response = None
        case "no body":
            flow.response.raw_content = None
        case "not ended":
            flow.response.timestamp_end = None
        case "too long to be kept":
            flow.metadata[CUT] = 5
        case "cut":
            flow.response.raw_content = STREAM[:-20]
        case "no body allowed":
            flow.response.status_code = 204
            flow.response.headers.clear()
    return flow


@pytest.mark.parametrize(
    "name",
    ["the client left", "no answer", "no body", "not ended", "too long to be kept", "cut", "no body allowed"],
)
async def test_what_is_not_whole_is_not_served(replay: Replay, name: str, caplog: pytest.LogCaptureFixture) -> None:
    replay.load(broken(name), answered(chat()), answered(chat(path="/health")))
    with caplog.at_level(logging.INFO):
        assert await replay.refused(chat(stream=True))
    (line,) = [record.getMessage() for record in caplog.records if record.name == "oai_bridge.watching.offline"]
    assert "there are 1. 1 more are not whole" in line and "No cloud" in line


async def test_who_was_not_let_in_says_nothing_of_the_chat(replay: Replay) -> None:
    """The guard refuses before the body is read."""
    refused = answered(chat(), b'{"error": {"message": "Wrong key."}}', 401)
    refused.request.content = b""
    unauthorized = answered(chat(), b'{"error": {"message": "The cloud says no."}}', 401)
    replay.load(refused, unauthorized)
    assert b"The cloud says no." in await replay.body(chat())
    replay.options.update(server_replay_ignore_content=True)
    for _ in range(3):
        assert b"The cloud says no." in await replay.body(chat(model="other"))


async def test_the_test_message_is_answered_here_as_always(replay: Replay) -> None:
    replay.load(answered(chat()))
    assert b"chatcmpl-test" in await replay.body(chat(TEST_MESSAGE))
    assert await replay.refused(chat(TEST_MESSAGE, path="/v1/messages"))


async def test_the_test_message_is_refused_where_it_would_be_asked() -> None:
    with taddons.context() as context:
        replay = Replay(context, Config(answer_test_message=False))
        replay.load(answered(chat()))
        assert await replay.refused(chat(TEST_MESSAGE))


async def test_a_strange_request_is_one_that_was_not_recorded(replay: Replay) -> None:
    replay.load(answered(chat()))
    for raw in (b"", b"{", b"[" * 100_000, b'"\\ud800"', b"\xff"):
        flow = chat()
        flow.request.raw_content = raw
        assert await replay.refused(flow)
