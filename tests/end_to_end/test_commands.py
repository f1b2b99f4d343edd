"""The commands as mitmweb's command bar runs them, on real chats: what comes out works."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cases import Case
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import ASK, CHAT, KEY, Proxy, Web, events

HEADERS = {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}
WORDS = 'It\'s "quoted" \x1b[31m $HOME\n你好'


@pytest.fixture(scope="module")
def web() -> Web:
    return Web()


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path, web: Web) -> Iterator[Proxy]:
    environment = cloud.environment() | {"PROXY_KEY": KEY}
    with Proxy(folder, environment=environment, program="mitmweb", arguments=web.arguments) as proxy:
        chats: tuple[tuple[str, dict[str, Any]], ...] = (
            (CHAT, {**ASK, "stream": True}),
            (CHAT, {**ASK, "messages": [{"role": "user", "content": WORDS}]}),
            ("/v1/messages", {**ASK, "max_tokens": 100}),
        )
        for path, body in chats:
            assert proxy.post(path, body, HEADERS).status == 200
        yield proxy


def run(web: Web, command: str, *arguments: str) -> Any:
    """What the command bar shows."""
    told = json.loads(web.ask("POST", f"/commands/bridge.{command}", {"arguments": arguments}))
    assert "error" not in told, told
    return told["value"]


def flows(web: Web) -> list[str]:
    """Specifications of the chats, oldest first."""
    found = [flow for flow in json.loads(web.ask("GET", "/flows")) if flow["request"]["method"] == "POST"]
    return [f"@{flow['id']}" for flow in found]


def logged(web: Web, text: str) -> bool:
    """Whether the event log has this message, which comes a little later."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if any(entry["message"].endswith(text) for entry in json.loads(web.ask("GET", "/events"))):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_the_curl_line_asks_again(proxy: Proxy, cloud: FakeVertex, web: Web) -> None:
    streamed, words, native = flows(web)[:3]
    for flow in (streamed, words, native):
        line = run(web, "curl", flow)
        assert KEY not in line
        before = len(cloud.requests)
        done = subprocess.run(
            ["sh"],
            input=line.encode(),
            env={"PATH": "/usr/bin:/bin", "PROXY_KEY": KEY},
            capture_output=True,
            check=True,
        )
        assert len(cloud.requests) == before + 1
        if flow == streamed:
            assert events(done.stdout)[-1] == "[DONE]"
        elif flow == words:
            assert "content" in json.loads(done.stdout)["choices"][0]["message"]
            (message,) = cloud.requests[-1].parsed["messages"]
            assert message["content"] in (WORDS, [{"type": "text", "text": WORDS}])
        else:
            assert json.loads(done.stdout)["type"] == "message"


def test_a_recorded_chat_becomes_a_case_that_comes_out_as_written(proxy: Proxy, folder: Path, web: Web) -> None:
    for place, flow in enumerate(flows(web)[:2]):
        case = folder / "cases" / "vertex" / f"made_{place}"
        run(web, "fixture", flow, str(case))
        made = Case(case)
        assert made.outcome() == made.expected()
        assert KEY.encode() not in b"".join(file.read_bytes() for file in case.iterdir())


def test_chats_of_both_apis_are_exported(proxy: Proxy, folder: Path, web: Web) -> None:
    ids = ",".join(flow.removeprefix("@") for flow in flows(web)[:3])
    assert run(web, "export", f"@{ids}", str(folder / "all.json")).startswith("3 chats")
    openai, _, native = json.loads((folder / "all.json").read_bytes())
    assert openai["messages"] == native["messages"] == ASK["messages"]
    assert openai["whole"] and native["whole"] and openai["reply"]["content"] and native["reply"]["content"]


def test_two_chats_are_compared(proxy: Proxy, web: Web) -> None:
    lines = run(web, "compare", *flows(web)[:2])
    assert "- stream: true" in lines and "Messages" in lines
    assert "\x1b" not in "".join(lines)
    assert logged(web, "The result:\n" + "\n".join(lines))


def test_what_was_used_and_what_became_of_the_cache(proxy: Proxy, web: Web) -> None:
    usage = run(web, "usage")
    assert any(line.startswith("claude-sonnet-4-5@20250929 ") and "$0.0" in line for line in usage)
    assert any(line.startswith("key ") for line in usage), "by client"
    assert run(web, "cache", flows(web)[0])[0] == "No cache was asked for."


def test_the_focus_is_the_newest_chat(proxy: Proxy, web: Web) -> None:
    proxy.post(CHAT, {**ASK, "messages": [{"role": "user", "content": "the newest"}]}, HEADERS)
    assert "the newest" in run(web, "curl", "@focus")
    assert proxy.get("/v1/models", HEADERS).status == 200
    assert "the newest" in run(web, "curl", "@focus")


def test_what_goes_wrong_is_a_sentence(proxy: Proxy, folder: Path, web: Web) -> None:
    told = json.loads(web.ask("POST", "/commands/bridge.export", {"arguments": ["~u models", str(folder / "x.json")]}))
    assert told == {"error": "This is no chat; choose a request to …/chat/completions or …/messages."}
