"""`--server-replay`: SDKs get the recorded answers again, streams as streams, and no cloud is asked for anything."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.support import native_client
from tests.support.cloud_errors import anthropic_error
from tests.support.fake_vertex import FakeVertex, broken, endless, replay
from tests.support.proxy import ASK, CHAT, KEY, ONCE, Answer, Proxy, Web, events, read_all, unchunk

NATIVE = "/v1/messages"
ASK_NATIVE = native_client.ASK
HEADERS = {"authorization": f"Bearer {KEY}"}
LONG, FAILS, BREAKS, LEFT = (
    {**ASK, "stream": stream, "messages": [{"role": "user", "content": text}]}
    for text, stream in (("long", True), ("fails", False), ("breaks", True), ("left", True))
)


@pytest.fixture(scope="module")
def recorded(cloud: FakeVertex, folder: Path) -> dict[str, Answer]:
    """The answers of a proxy that saves them in `chats.flow`, and of one chat nothing, since its client leaves."""
    place = folder / "first"
    place.mkdir()
    arguments = ["-w", str(folder / "chats.flow")]
    with Proxy(place, environment=cloud.environment(), config=json.dumps(ONCE), arguments=arguments) as proxy:
        answers = {
            "whole": proxy.post(CHAT, ASK),
            "stream": proxy.post(CHAT, {**ASK, "stream": True}),
            "native": proxy.post(NATIVE, ASK_NATIVE),
            "native stream": proxy.post(NATIVE, {**ASK_NATIVE, "stream": True}),
            "count": proxy.post(f"{NATIVE}/count_tokens", {k: v for k, v in ASK_NATIVE.items() if k != "max_tokens"}),
        }
        cloud.script(replay("fallback_response.txt"), anthropic_error(429, retry_after=7))
        answers["long"] = proxy.post(CHAT, LONG)
        answers["fails"] = proxy.post(CHAT, FAILS)
        answers["fails no more"] = proxy.post(CHAT, FAILS)
        cloud.script(broken(after=4), endless())
        answers["breaks"] = proxy.post(CHAT, BREAKS)
        with proxy.open_chat(messages=LEFT["messages"], stream=True) as connection:
            assert connection.recv(100)
        cloud.wait_idle()
    assert [name for name, answer in answers.items() if answer.status != 200] == ["fails"]
    cloud.requests.clear()
    return answers


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path, web: Web, recorded: object) -> Iterator[Proxy]:
    """Another proxy, on another port and with a client key, that has the file, and an account that would pay."""
    minted = cloud.mints
    arguments = [*web.arguments, "--server-replay", str(folder / "chats.flow")]
    environment = cloud.environment() | {"PROXY_KEY": KEY}
    with Proxy(folder, environment=environment, program="mitmweb", arguments=arguments) as proxy:
        yield proxy
    assert cloud.requests == [] and cloud.mints == minted, "nothing costs"


def test_each_answer_is_the_recorded_one(proxy: Proxy, recorded: dict[str, Answer]) -> None:
    assert proxy.post(CHAT, ASK, HEADERS) == recorded["whole"]
    assert proxy.post(CHAT, {**ASK, "stream": True}, HEADERS) == recorded["stream"]
    assert proxy.post(NATIVE, ASK_NATIVE, HEADERS) == recorded["native"]
    assert proxy.post(NATIVE, {**ASK_NATIVE, "stream": True}, HEADERS) == recorded["native stream"]
    assert proxy.post(CHAT, BREAKS, HEADERS) == recorded["breaks"], "its error is its ending"
    assert proxy.post(CHAT, json.dumps(ASK, indent=2).encode(), HEADERS) == recorded["whole"]


def test_an_error_has_its_turn(proxy: Proxy, recorded: dict[str, Answer]) -> None:
    """As a frontend sees it that tries again."""
    answers = [proxy.post(CHAT, FAILS, HEADERS) for _ in range(3)]
    assert answers == [recorded["fails"], recorded["fails no more"], recorded["fails"]]
    assert (answers[0].status, answers[0].headers["retry-after"]) == (429, "7")


def test_a_stream_is_a_stream(proxy: Proxy, recorded: dict[str, Answer]) -> None:
    begun = time.monotonic()
    connection = proxy.open_chat(HEADERS, **LONG)
    first = connection.recv(65_536)
    while b"data: " not in first:
        first += connection.recv(65_536)
    told = len(events(recorded["long"].body))
    assert len(events(first.partition(b"data: ")[2])) < told, "not all at once"
    _, body = unchunk(first + read_all(connection))
    assert 0.015 * (told - 1) < time.monotonic() - begun < 30
    assert body == recorded["long"].body


def test_openais_sdk(proxy: Proxy, recorded: dict[str, Answer]) -> None:
    with proxy.sdk(api_key=KEY, max_retries=2) as client:
        assert client.chat.completions.create(**ASK).choices[0].message.content == recorded["whole"].text
        chunks = list(client.chat.completions.create(**ASK, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == recorded["stream"].text
        with pytest.raises(openai.NotFoundError, match="not among the recorded ones") as caught:
            client.chat.completions.create(**{**ASK, "messages": [{"role": "user", "content": "new"}]})
    assert caught.value.code == "not_recorded"


def test_anthropics_sdk(proxy: Proxy, recorded: dict[str, Answer]) -> None:
    with native_client.sdk(proxy, "", api_key=KEY) as client:
        assert client.messages.create(**ASK_NATIVE).to_dict() == recorded["native"].json()
        with client.messages.stream(**ASK_NATIVE) as stream:
            assert stream.get_final_text() == native_client.SAID["content"][0]["text"]
        counted = client.messages.count_tokens(model=ASK_NATIVE["model"], messages=ASK_NATIVE["messages"])
        assert counted.input_tokens == recorded["count"].json()["input_tokens"]
        with pytest.raises(anthropic.NotFoundError, match="not among the recorded ones"):
            client.messages.create(**{**ASK_NATIVE, "max_tokens": 99})


def test_a_chat_that_its_client_left_is_not_served_as_a_whole_one(proxy: Proxy) -> None:
    assert proxy.post(CHAT, LEFT, HEADERS).error["code"] == "not_recorded"


def test_the_guard_and_the_pages_are_as_always(proxy: Proxy) -> None:
    assert proxy.post(CHAT, ASK).status == 401
    assert proxy.post(CHAT, ASK, {**HEADERS, "origin": "https://evil.test"}).status == 403
    assert [proxy.get(path, HEADERS).status for path in ("/v1/models", "/status", "/health", "/")] == [200] * 4


def changed(web: Web, flow: dict[str, Any]) -> dict[str, Any]:
    """The flow after its replay."""
    before = flow["response"]["timestamp_end"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        web.ask("POST", f"/flows/{flow['id']}/replay")  # in vain while an earlier replay is about to end
        for _ in range(50):
            (now,) = [found for found in web.chats() if found["id"] == flow["id"]]
            if now.get("response") and now["response"]["timestamp_end"] not in (None, before):
                return now
            time.sleep(0.02)
    raise AssertionError(f"it was not replayed: {now}")


def test_the_page_shows_what_was_replayed_and_its_replay_costs_nothing(
    proxy: Proxy, web: Web, recorded: dict[str, Answer]
) -> None:
    assert proxy.post(CHAT, ASK, HEADERS).status == 200
    flow = web.chats()[-1]
    assert flow["is_replay"] == "response"
    edited = {"request": {"content": json.dumps({**ASK, "model": "new"})}}
    web.ask("PUT", f"/flows/{flow['id']}", edited)
    assert changed(web, flow)["response"]["status_code"] == 404
    web.ask("PUT", f"/flows/{flow['id']}", {"request": {"content": json.dumps(FAILS | {"messages": ASK["messages"]})}})
    now = changed(web, web.chats()[-1])
    assert now["response"]["status_code"] == 200
    assert web.body(now, "response") == recorded["whole"].body


def test_without_a_file_the_commands_go_offline_and_back(
    folder: Path, tmp_path: Path, recorded: dict[str, Answer]
) -> None:
    web = Web()
    with (
        FakeVertex() as cloud,
        Proxy(tmp_path, environment=cloud.environment(), program="mitmweb", arguments=web.arguments) as proxy,
    ):
        answer = proxy.chat()
        web.ask("POST", "/commands/replay.server", {"arguments": ["@all"]})
        asked = len(cloud.requests)
        assert proxy.chat() == answer
        assert proxy.chat(model="claude-opus-4-8").error["code"] == "not_recorded"
        web.ask("POST", "/commands/replay.server.file", {"arguments": [str(folder / "chats.flow")]})
        assert proxy.post(CHAT, FAILS) == recorded["fails"]
        assert len(cloud.requests) == asked
        web.ask("POST", "/commands/replay.server.stop", {"arguments": []})
        assert proxy.chat().status == 200
        assert len(cloud.requests) == asked + 1
