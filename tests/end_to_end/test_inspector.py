"""The inspector as people use it: clicks in mitmweb, in a real browser, on a chat with picture, tool and thinking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import kitchen
from tests.support.browser import Mitmweb, mitmweb, needs_browser
from tests.support.fake_vertex import FakeVertex, endless, replay
from tests.support.proxy import CHAT, KEY, Proxy, Web, read_all

pytestmark = needs_browser
HEADERS = {"authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path, web: Web) -> Iterator[Proxy]:
    environment = cloud.environment() | {"PROXY_KEY": KEY}
    cloud.default = kitchen.answers(size=300, delay=0.01)
    with Proxy(folder, environment=environment, program="mitmweb", arguments=web.arguments) as proxy:
        for round in (0, 1):
            assert proxy.post(CHAT, kitchen.request(round), HEADERS).status == 200
        assert proxy.post(CHAT, kitchen.request(0, messages="none"), HEADERS).status == 400
        yield proxy


@pytest.fixture(scope="module")
def page(proxy: Proxy, web: Web) -> Iterator[Mitmweb]:
    with mitmweb(web) as page:
        yield page


def test_the_list_tells_the_story(page: Mitmweb) -> None:
    first, second, failed = page.stories[:3]
    assert first.startswith("claude-sonnet-4-5 · vertex us-east5 · 3.") and " tok · $0.01" in first
    assert "cached) → " in second and second.endswith(" · 2 notes")
    assert failed.startswith("✗ claude-sonnet-4-5 · `messages` must be a list")


@pytest.mark.parametrize(
    ("tab", "view", "words"),
    [
        ("Request", "prompt", ["6 messages · 1 tool · 1 image", "4 user (Ned)", "[image · image/png"]),
        ("Request", "upstream", ["Request 1 of 1", ":streamRawPredict", "authorization", "***", "thinking:"]),
        ("Request", "changes", ["This model has no seed.", "field by field", "Rule: "]),
        ("Request", "cache", ["The cache was used.", "Conversation 1", "none; this prompt only goes on"]),
        ("Response", "reply", ["state    whole", "finish   stop", "[thinking]", "没有坚果", "tokens/s"]),
        ("Response", "raw upstream reply", ["event: message_start", '"thinking_delta"']),
    ],
)
def test_a_view(page: Mitmweb, tab: str, view: str, words: list[str]) -> None:
    page.open(1, tab)
    page.choose(view)
    page.wait_for(words[0])
    for word in words:
        assert word in page.text


def test_prompt_and_reply_are_what_is_shown_first(page: Mitmweb) -> None:
    for tab, view in (("Request", "Prompt"), ("Response", "Reply")):
        page.open(0, tab)
        page.choose("auto")
        page.page.locator(".contentview h5", has_text=view).wait_for()


def test_an_answer_is_seen_while_it_streams_and_aborted(page: Mitmweb, proxy: Proxy, cloud: FakeVertex) -> None:
    number = len(page.stories)
    cloud.script(endless())
    connection = proxy.open_chat(HEADERS, stream=True)
    page.row(number).wait_for()
    page.open(number, "Response")
    page.wait_for("still coming")
    page.wait_for("more more")
    page.press("Abort")
    cloud.wait_until(lambda: cloud.active == 0)
    assert b'"code": "aborted"' in read_all(connection).replace(b'":"', b'": "')
    page.row(number).filter(has_text="✗ ").wait_for()
    page.wait_for("The request was aborted at the proxy")


def test_a_partial_answer_grows(page: Mitmweb, proxy: Proxy, cloud: FakeVertex) -> None:
    number = len(page.stories)
    cloud.script(replay(pause_after=600))
    connection = proxy.open_chat(HEADERS, stream=True)
    page.row(number).wait_for()
    page.open(number, "Response")
    page.wait_for("still coming")
    cloud.release()
    page.wait_for("state    whole")
    assert b"[DONE]" in read_all(connection)


def test_edit_and_replay(page: Mitmweb, proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    asked, flow = len(cloud.requests), web.chats()[0]
    page.open(0, "Request")
    page.choose("auto")
    page.wait_for("4 messages")
    page.page.locator(".contentview button", has_text="Edit").click()
    editor = page.page.locator(".cm-content")
    editor.click()
    page.page.keyboard.press("Control+a")
    edited: dict[str, Any] = {"model": "claude-opus-4-8", "messages": [{"role": "user", "content": "Edited 你好."}]}
    page.page.keyboard.insert_text(json.dumps(edited, ensure_ascii=False))
    page.page.locator(".contentview button", has_text="Done").click()
    page.press("Replay")
    page.row(0).filter(has_text="claude-opus-4-8 ·").wait_for()
    assert len(cloud.requests) == asked + 1
    sent = cloud.requests[-1]
    assert "claude-opus-4-8" in sent.path and "Edited 你好." in json.dumps(sent.parsed, ensure_ascii=False)
    page.choose("upstream")
    page.wait_for("Edited 你好.")
    assert json.loads(web.body(flow, "request")) == edited
