"""Settings that change what a chat or a page is, in one proxy that has them all; and the counters of the status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fake_vertex import FakeVertex, Hang
from tests.support.proxy import Proxy

CONFIG = {
    "server": {"prefix": "/api", "title": "My <proxy>", "strict": True, "answer_test_message": False},
    "claude": {
        **{"default_max_tokens": 77, "first_user_text": "(begin)", "names": False, "mid_system": "hoist"},
        **{"always_usage": True, "send_user": True, "audio": "drop", "cache": "auto", "cache_ttl": "1h"},
    },
    "models": {
        "list": ["claude-sonnet-4-5", "claude-opus-4-8"],
        "aliases": {"gpt-4o": "claude-sonnet-4-5"},
        "overrides": {"claude-opus-4-8": {"max_output": 300}},
    },
}


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path) -> Iterator[Proxy]:
    environment = cloud.environment() | {"MAX_OUTPUT_TOKENS_ANTHROPIC": "500", "SERVER_TITLE": "Mine & yours"}
    with Proxy(folder, environment=environment, config=json.dumps(CONFIG)) as proxy:
        yield proxy


def test_the_prefix(proxy: Proxy) -> None:
    assert proxy.get("/api/gcp/claude/v1/models").status == 200
    assert proxy.get("/proxy/gcp/claude/v1/models").status == 404
    assert f"http://127.0.0.1:{proxy.port}/api/gcp/claude" in proxy.log()


def test_the_list_and_the_aliases(proxy: Proxy, cloud: FakeVertex) -> None:
    listed = [model["id"] for model in proxy.get("/v1/models").json()["data"]]
    assert listed == ["claude-sonnet-4-5", "claude-opus-4-8", "gpt-4o"]
    answer = proxy.chat(model="gpt-4o")
    assert answer.json()["model"] == "gpt-4o"
    assert answer.headers["x-bridge-model"] == "claude-sonnet-4-5@20250929"
    assert "claude-sonnet-4-5@20250929:rawPredict" in cloud.requests[-1].path


def test_strict_refuses_what_would_be_dropped(proxy: Proxy, cloud: FakeVertex) -> None:
    asked = len(cloud.requests)
    answer = proxy.chat(seed=4)
    assert (answer.status, answer.error["param"]) == (400, "seed")
    assert len(cloud.requests) == asked


def test_how_prompts_are_translated(proxy: Proxy, cloud: FakeVertex) -> None:
    messages = [
        {"role": "assistant", "content": "Welcome."},
        {"role": "user", "content": "A", "name": "Bob"},
        {"role": "system", "content": "Be kind."},
    ]
    assert proxy.chat(messages=messages).status == 200
    sent = cloud.requests[-1].parsed
    assert sent["max_tokens"] == 77
    assert sent["system"] == [{"type": "text", "text": "Be kind."}]  # far too short for the cache
    assert [turn["content"][0]["text"] for turn in sent["messages"]] == ["(begin)", "Welcome.", "A"]
    answer = proxy.chat(max_tokens=9999)
    assert cloud.requests[-1].parsed["max_tokens"] == 500
    assert answer.headers["x-bridge-notes"] == "clamped:max_tokens"
    assert proxy.chat(model="claude-opus-4-8", max_tokens=400).status == 200
    assert cloud.requests[-1].parsed["max_tokens"] == 300


def test_every_stream_ends_with_its_usage(proxy: Proxy) -> None:
    *_, usage, done = proxy.chat(stream=True).body.decode().strip().split("\n\n")
    assert json.loads(usage.removeprefix("data: "))["usage"]["total_tokens"] == 17
    assert done == "data: [DONE]"


def test_a_long_prompt_is_cached_for_an_hour_and_the_user_is_named(proxy: Proxy, cloud: FakeVertex) -> None:
    assert proxy.chat(messages=[{"role": "user", "content": "Hello. " * 1000}], user="u-1").status == 200
    sent = cloud.requests[-1].parsed
    assert sent["metadata"] == {"user_id": "u-1"}
    assert sent["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_strict_refuses_sound_that_would_be_dropped(proxy: Proxy, cloud: FakeVertex) -> None:
    asked = len(cloud.requests)
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    answer = proxy.chat(messages=[{"role": "user", "content": [{"type": "text", "text": "Listen"}, sound]}])
    assert (answer.status, answer.error["param"]) == (400, "messages[0].content[1]")
    assert len(cloud.requests) == asked


def test_the_test_message_is_asked_for_real(proxy: Proxy, cloud: FakeVertex) -> None:
    asked = len(cloud.requests)
    assert proxy.chat(messages=[{"role": "user", "content": "Hi"}], stream=False).status == 200
    assert len(cloud.requests) == asked + 1


def test_the_status_counts(proxy: Proxy, cloud: FakeVertex) -> None:
    before = proxy.get("/status").json()
    for stream in (False, True):
        assert proxy.chat(stream=stream).status == 200
    assert proxy.chat(model="none").status == 404
    cloud.script(Hang())
    with proxy.open_chat(stream=True):
        cloud.wait_until(lambda: cloud.hanging == 1)
        assert proxy.get("/status").json()["proomptersNow"] == 1
    cloud.wait_idle()
    cloud.wait_until(lambda: proxy.get("/status").json()["proomptersNow"] == 0)
    status = proxy.get("/status").json()
    assert status["proompts"] == before["proompts"] + 3  # what never went out costs nothing
    assert int(status["tookens"]) == int(before["tookens"]) + 2 * 17
    assert status["endpoints"] == {"gcp": f"http://127.0.0.1:{proxy.port}/api/gcp/claude"}


def test_the_page_for_browsers(proxy: Proxy) -> None:
    page = proxy.get("/", {"accept": "text/html,application/xhtml+xml"})
    assert page.status == 200 and page.headers["content-type"].startswith("text/html")
    assert b"<title>Mine &amp; yours</title>" in page.body
    assert f"http://127.0.0.1:{proxy.port}/api/gcp/claude".encode() in page.body
    details = proxy.get("/status/details").json()
    assert "us-east5" in details["accounts"][0]["label"] and "gpt-4o" in details["models"]
    first, second = ({**proxy.get(path).json(), "uptime": 0} for path in ("/", "/status"))
    assert first == second
    assert proxy.get("/health").json() == proxy.get("/health/readiness").json() == {"status": "ok"}
