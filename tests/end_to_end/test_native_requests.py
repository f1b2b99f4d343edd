"""What goes to the cloud for Anthropic's SDK, against what its AnthropicVertex client sends there by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.support import sites
from tests.support.claude_rules import VERTEX_VERSION
from tests.support.fake_vertex import (
    FakeVertex,
    Received,
    agent,
)
from tests.support.native_client import (
    ASK,
    BOUND,
    HELLO,
    NEW,
    OLD,
    PNG,
    TOOLS,
    ask,
    async_sdk,
    sdk,
)
from tests.support.proxy import KEY, Proxy


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path) -> Iterator[Proxy]:
    config = "images: {allow_private: true}"
    with Proxy(folder, environment=cloud.environment(), config=config) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def guarded(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(tmp_path_factory.mktemp("guarded"), environment=cloud.environment() | {"PROXY_KEY": KEY}) as proxy:
        yield proxy


SENT: dict[str, dict[str, Any]] = {
    "one question": {"model": NEW},
    "an older model": {"model": OLD, "extra_body": {"temperature": 0.25, "top_k": 5}, "stop_sequences": ["END"]},
    "a system prompt and tools": {
        "model": NEW,
        "system": [{"type": "text", "text": "Brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tools": TOOLS,
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u-1"},
    },
    "a picture and a file": {
        "model": BOUND,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "你好 😀"}},
                ],
            }
        ],
    },
    "thinking and a form": {
        "model": BOUND,
        "thinking": {"type": "adaptive"},
        "output_config": {
            "effort": "high",
            "format": {
                "type": "json_schema",
                "schema": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
            },
        },
    },
}


@contextmanager
def others_headers(cloud: FakeVertex) -> Iterator[None]:
    """The cloud takes what the SDK adds, too."""
    cloud.strict_headers = False
    try:
        yield
    finally:
        cloud.strict_headers = True


def same(mine: Received, theirs: Received) -> None:
    assert mine is not theirs
    assert (mine.method, mine.path) == (theirs.method, theirs.path)
    assert mine.parsed == theirs.parsed
    assert mine.headers.get("anthropic-beta") == theirs.headers.get("anthropic-beta")


@pytest.mark.parametrize("how", ["whole", "streamed", "counted"])
@pytest.mark.parametrize("case", SENT)
def test_the_cloud_gets_what_anthropics_client_for_it_sends(
    cloud: FakeVertex, proxy: Proxy, vertex: anthropic.AnthropicVertex, case: str, how: str
) -> None:
    with sdk(proxy) as client:
        ask(client.messages, how, SENT[case])
    mine = cloud.requests[-1]
    with others_headers(cloud):
        ask(vertex.messages, how, SENT[case], vertex=True)
    same(mine, cloud.requests[-1])


BETAS = ["context-management-2025-06-27", "compact-2026-09-04"]
EDITS = {"edits": [{"type": "clear_tool_uses_20250919"}]}


@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_betas_go_with_it(cloud: FakeVertex, proxy: Proxy, vertex: anthropic.AnthropicVertex, how: str) -> None:
    request = {"model": NEW, "context_management": EDITS, "betas": BETAS}
    with sdk(proxy) as client:
        ask(client.beta.messages, how, request)
    mine = cloud.requests[-1]
    with others_headers(cloud):
        ask(vertex.beta.messages, how, request, vertex=True)
    same(mine, cloud.requests[-1])
    assert mine.headers["anthropic-beta"] == ",".join(BETAS)


def test_the_betas_of_a_count(cloud: FakeVertex, proxy: Proxy) -> None:
    """The SDK adds one of its own, which the cloud does not know."""
    with sdk(proxy) as client:
        ask(client.beta.messages, "counted", {"model": NEW, "context_management": EDITS, "betas": BETAS})
    assert cloud.requests[-1].headers["anthropic-beta"] == ",".join(BETAS)
    assert cloud.requests[-1].parsed["context_management"] == EDITS


def test_betas_that_the_cloud_does_not_know_stay_here(cloud: FakeVertex, proxy: Proxy) -> None:
    """One unknown beta is a 400 there for all of the request (litellm#17755, claude-code#12429)."""
    betas = ["files-api-2025-04-14", "context-management-2025-06-27", "advanced-tool-use-2025-11-20", "made-up-1"]
    with sdk(proxy) as client:
        answer = client.beta.messages.with_raw_response.create(**ASK, betas=betas)
    assert cloud.requests[-1].headers["anthropic-beta"] == "context-management-2025-06-27,tool-search-tool-2025-10-19"
    assert "anthropic_beta" not in cloud.requests[-1].parsed
    assert "dropped:" in answer.headers["x-bridge-notes"]


@pytest.mark.parametrize("version", ["2026-10-21", "2023-06-01"])
def test_the_clients_version_is_not_the_clouds(cloud: FakeVertex, proxy: Proxy, version: str) -> None:
    with sdk(proxy, default_headers={"anthropic-version": version}) as client:
        assert client.messages.create(**ASK, extra_body={"anthropic_version": version}).content
    received = cloud.requests[-1]
    assert received.parsed["anthropic_version"] == VERTEX_VERSION
    assert not {name.lower() for name in received.headers} & {"anthropic-version", "x-api-key", "x-stainless-lang"}


def test_what_only_anthropics_own_api_has_is_left_out(cloud: FakeVertex, proxy: Proxy) -> None:
    with sdk(proxy) as client:
        answer = client.messages.with_raw_response.create(**ASK, service_tier="standard_only", inference_geo="us")
    assert not {"service_tier", "inference_geo", "model"} & cloud.requests[-1].parsed.keys()
    assert answer.headers["x-bridge-notes"] == "dropped:service_tier, dropped:inference_geo"


def test_the_sdks_tool_runner_goes_on_without_a_thread(cloud: FakeVertex, proxy: Proxy) -> None:
    """It asks the server to keep the conversation, unless the server says that it can't."""

    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """Tells the weather."""
        return f"sunny in {city}"

    turns: list[Any] = [{"role": "user", "content": 'call: get_weather({"city": "Paris"})\ncall: #0({"city": "Rome"})'}]
    cloud.script(agent(), agent(), agent())
    before = len(cloud.requests)
    with sdk(proxy) as client:
        runner = client.beta.messages.tool_runner(model=OLD, max_tokens=100, messages=turns, tools=[get_weather])
        said = runner.until_done().content[-1]
    assert said.type == "text" and "sunny in Rome" in said.text
    sent = [received.parsed for received in cloud.requests[before:]]
    assert [len(body["messages"]) for body in sent] == [1, 3, 5]
    assert not any("thread" in body for body in sent)


def test_automatic_caching_becomes_breakpoints(cloud: FakeVertex, proxy: Proxy) -> None:
    turns = [HELLO, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Again."}]
    request = ASK | {"model": NEW, "messages": turns, "system": "Be kind. " * 2000, "tools": TOOLS}
    with sdk(proxy) as client:
        answer = client.messages.with_raw_response.create(**request, cache_control={"type": "ephemeral", "ttl": "1h"})
    sent = cloud.requests[-1].parsed
    mark = {"type": "ephemeral", "ttl": "1h"}
    assert "cache_control" not in sent
    assert [tool.get("cache_control") for tool in sent["tools"]] == [None, mark]
    assert sent["system"][0]["cache_control"] == mark
    assert [turn["content"][-1].get("cache_control") for turn in sent["messages"][::2]] == [mark, mark]
    assert sent["messages"][1] == turns[1]
    assert answer.headers["x-bridge-notes"] == "rewrote:cache_control"


async def test_pictures_by_url_are_fetched(cloud: FakeVertex, proxy: Proxy) -> None:
    async with sites.site(sites.answer(content_type="image/jpeg")) as site, async_sdk(proxy) as client:
        picture = {"type": "image", "source": {"type": "url", "url": f"http://127.0.0.1:{site.port}/a.png"}}
        result = {"type": "tool_result", "tool_use_id": "t1", "content": [picture]}
        call = {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {}}
        request: Any = ASK | {"model": NEW, "tools": TOOLS}
        request["messages"] = [
            {"role": "user", "content": [picture]},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ]
        assert (await client.messages.create(**request)).content
        assert len(site.heads) == 1
        assert (await client.messages.count_tokens(model=NEW, tools=TOOLS, messages=request["messages"])).input_tokens
    for received in cloud.requests[-2:]:
        first, _, last = received.parsed["messages"]
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        assert first["content"][0]["source"] == last["content"][0]["content"][0]["source"] == source


async def test_a_picture_that_is_not_to_be_had_is_named(cloud: FakeVertex, proxy: Proxy, guarded: Proxy) -> None:
    before = len(cloud.requests)
    async with sites.site(sites.answer(status=404)) as site:
        picture = {"type": "image", "source": {"type": "url", "url": f"http://127.0.0.1:{site.port}/a.png"}}
        request: Any = ASK | {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, picture]}]}
        for client, word in ((async_sdk(proxy), "404"), (async_sdk(guarded, api_key=KEY), "public internet")):
            async with client:
                with pytest.raises(anthropic.BadRequestError) as caught:
                    await client.messages.create(**request)
                assert "messages[0].content[1].source.url" in caught.value.message and word in caught.value.message
        assert len(site.heads) == 1  # the second proxy does not even ask
    assert len(cloud.requests) == before
