"""Where failover ends: what has cost something is never begun anew, and no request is told what is another's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.cloud_errors import aws_error
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_foundry import FakeFoundry
from tests.support.fake_vertex import FakeVertex, Hang, Reply, anthropic_error, google_error, huge, searcher
from tests.support.native_client import PNG
from tests.support.proxy import CHAT, Proxy
from tests.support.sites import PNG as PICTURE

OPUS = "claude-opus-4-8"
NATIVE, COUNT = "/v1/messages", "/v1/messages/count_tokens"
USER = {"role": "user", "content": "Hello"}


def ask(**changes: Any) -> dict[str, Any]:
    return {"model": OPUS, "max_tokens": 99, "messages": [USER], **changes}


@contextmanager
def single(folder: Path, cloud: FakeVertex, **settings: Any) -> Iterator[Proxy]:
    """One account, with everything at its default but for these settings."""
    cloud.requests.clear()
    with Proxy(folder, environment=cloud.environment(), config=json.dumps(settings)) as proxy:
        yield proxy


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_has_paused_is_not_begun_anew(tmp_path: Path, cloud: FakeVertex, stream: bool) -> None:
    """Its first part is paid for."""
    with single(tmp_path, cloud, failover={"rest": False}) as proxy:
        cloud.script(searcher(1), anthropic_error(529))
        answer = proxy.post(CHAT, ask(stream=stream, web_search_options={}))
    assert [len(received.parsed["messages"]) for received in cloud.requests] == [1, 2]
    assert answer.status == 503 or (b'"overloaded"' in answer.body and b"[DONE]" not in answer.body)


@pytest.mark.parametrize("trouble", [anthropic_error(429, retry_after=300), google_error(403)])
def test_counting_has_troubles_of_its_own(tmp_path: Path, cloud: FakeVertex, trouble: Reply) -> None:
    """Three times, after which the model counts as denied."""
    counting = {"model": OPUS, "messages": [USER]}
    with single(tmp_path, cloud) as proxy:
        cloud.rule = lambda received: trouble if "count-tokens" in received.path else None
        assert [proxy.post(COUNT, counting).status for _ in range(4)] == [trouble.status] * 4
        assert len(cloud.requests) < 4  # it rests
        assert proxy.post(NATIVE, ask()).status == 200
    cloud.rule = lambda received: None


def test_nobody_is_told_what_was_another_ones(tmp_path: Path, cloud: FakeVertex) -> None:
    """One client's own mistakes, three in a row, are no words for the next client."""
    with single(tmp_path, cloud) as proxy:
        cloud.rule = lambda received: anthropic_error(404, "File not found: file_of_somebody")
        told = [proxy.post(CHAT, ask()).error["message"] for _ in range(3)]
        cloud.rule = lambda received: None
        after = proxy.post(CHAT, ask())
    assert all("file_of_somebody" in message for message in told)
    assert "file_of_somebody" not in after.body.decode()


def test_who_does_not_read_holds_nobody_up_for_ever(tmp_path: Path, cloud: FakeVertex) -> None:
    with single(tmp_path, cloud, limits={"concurrent": 1}, timeouts={"total": 3}) as proxy:
        cloud.script(huge(100_000_000))
        stuck = proxy.open_chat(stream=True)
        cloud.wait_until(lambda: cloud.active == 1)
        time.sleep(1.5)  # so that the next one's time ends later
        assert proxy.post(CHAT, ask()).status == 200
        cloud.wait_idle()
        read = b""
        while piece := stuck.recv(65_536):
            read = (read + piece)[-4000:]
        stuck.close()
    assert b'"code":"total_timeout"' in read and b"[DONE]" not in read


def test_the_total_time_covers_a_token_that_does_not_come(tmp_path: Path, cloud: FakeVertex) -> None:
    with single(tmp_path, cloud, timeouts={"total": 2, "shutdown": 0}) as proxy:
        cloud.script_token(Hang())
        answer = proxy.post(CHAT, ask())
        assert answer.status == 504 and answer.error["code"] == "total_timeout"
        cloud.wait_until(lambda: cloud.hanging == 1)
        cloud.release()
        assert proxy.post(CHAT, ask()).status == 200


def test_no_attempt_begins_when_its_time_is_over(tmp_path: Path, cloud: FakeVertex) -> None:
    """What the cloud asks for is longer than that: the client hears it at once."""
    with single(tmp_path, cloud, failover={"within": 2}) as proxy:
        cloud.script(anthropic_error(429, "Come back later.", retry_after=5))
        answer = proxy.post(CHAT, ask())
    assert answer.status == 429 and "Come back later." in answer.error["message"]
    assert answer.headers["retry-after"] == "5" and len(cloud.requests) == 1


def test_an_account_is_asked_for_its_own_models(tmp_path: Path, cloud: FakeVertex) -> None:
    """Who lists a model goes before who takes any, and who lists others is never asked."""
    models: dict[str, list[str]] = {"any-project": [], "opus-project": ["claude-opus-*"], "old-project": ["claude-3*"]}
    accounts = [
        {"region": cloud.region, "credentials": cloud.service_account(name), "models": patterns}
        for name, patterns in models.items()
    ]
    cloud.requests.clear()
    config = {"vertex": {"base_url": cloud.base_url, "accounts": accounts}, "failover": {"rest": False}}
    with Proxy(tmp_path, config=json.dumps(config)) as proxy:
        for model in (OPUS, OPUS, "claude-sonnet-4-6", "claude-sonnet-4-6"):
            assert proxy.post(CHAT, ask(model=model)).status == 200
        cloud.script(anthropic_error(529))
        assert proxy.post(CHAT, ask()).status == 200
    projects = [received.path.split("/")[3].removesuffix("-project") for received in cloud.requests]
    assert projects == ["opus", "opus", "any", "any", "opus", "any"]


# -- other clouds ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def foundry() -> Iterator[FakeFoundry]:
    with FakeFoundry() as cloud:
        yield cloud
        assert cloud.wrong == []


@pytest.fixture(scope="module")
def three(
    cloud: FakeVertex, bedrock: FakeBedrock, foundry: FakeFoundry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    key = bedrock.keys.access_key()
    aws = {"access_key_id": key.id, "secret_access_key": key.secret, "region": bedrock.region}
    settings = {
        "bedrock": {"base_url": bedrock.origin, "accounts": [aws]},
        "models": {"fallbacks": {OPUS: [f"foundry/{OPUS}"], "claude-sonnet-4-6": ["bedrock/gpt-oss-120b"]}},
        "failover": {"rest": False, "attempts": 2},
        "images": {"allow_private": True},
    }
    environment = cloud.environment() | foundry.environment()
    with Proxy(tmp_path_factory.mktemp("three"), environment=environment, config=json.dumps(settings)) as proxy:
        yield proxy


def test_a_translation_leaves_no_traces_in_the_next_one(three: Proxy, cloud: FakeVertex, foundry: FakeFoundry) -> None:
    """Vertex AI has no automatic caching: what stands for it there is nothing for Foundry, which has it."""
    body = ask(cache_control={"type": "ephemeral"}, system=[{"type": "text", "text": "Be brief."}])
    cloud.script(anthropic_error(429))
    assert three.post(NATIVE, body).status == 200
    sent = foundry.requests[-1].parsed
    assert sent["cache_control"] == {"type": "ephemeral"}
    assert json.dumps(sent).count("cache_control") == 1


def test_a_stand_in_that_can_not_do_it_does_not_hide_the_trouble(
    three: Proxy, cloud: FakeVertex, bedrock: FakeBedrock
) -> None:
    """The fallback sees no pictures. What the client hears is of its own model, and says when to come back."""
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    cloud.script(anthropic_error(429, "Slow down.", retry_after=7))
    answer = three.post(CHAT, ask(model="claude-sonnet-4-6", messages=[{"role": "user", "content": [picture]}]))
    assert answer.status == 429 and "Slow down." in answer.error["message"]
    assert answer.headers["retry-after"] == "7" and answer.headers["x-bridge-route"].startswith("vertex/")
    assert "fallback" not in answer.headers.get("x-bridge-notes", "")
    assert bedrock.wrong == ["Invalid content type. image_url is only supported by certain models."]
    bedrock.wrong.clear()


def test_the_last_word_comes_with_what_belongs_to_it(three: Proxy, cloud: FakeVertex, bedrock: FakeBedrock) -> None:
    cloud.script(anthropic_error(429, "Slow down."))
    bedrock.script(aws_error("AccessDeniedException"))
    answer = three.post(CHAT, ask(model="claude-sonnet-4-6"))
    assert answer.status == 429 and answer.headers["x-bridge-attempts"] == "2"
    assert answer.headers["x-bridge-route"].startswith("vertex/")
    assert answer.headers["x-bridge-model"].startswith("claude-sonnet-4-6")
    assert "fallback" not in answer.headers.get("x-bridge-notes", "")


class Site(BaseHTTPRequestHandler):
    """Gives a picture out once."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(200 if self.asked == 1 else 410)
        self.end_headers()
        self.wfile.write(PICTURE)

    def log_message(self, format: str, *args: object) -> None: ...


def test_a_picture_is_fetched_once_for_all_attempts(three: Proxy, cloud: FakeVertex) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{site.server_port}/a.png"
        picture = {"type": "image_url", "image_url": {"url": url}}
        cloud.script(anthropic_error(529))
        answer = three.post(CHAT, ask(messages=[{"role": "user", "content": [picture]}]))
        site.shutdown()
    assert answer.status == 200 and answer.headers["x-bridge-attempts"] == "2" and Site.asked == 1
