"""Anthropic's own SDK against the native route: what it is answered, whole and in pieces, and what is recorded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anthropic
import pytest
from mitmproxy.exceptions import FlowReadException
from mitmproxy.io import FlowReader

from tests.support.fake_vertex import (
    Answers,
    Behaviour,
    FakeVertex,
    Stream,
    agent,
    endless,
    searcher,
)
from tests.support.native_client import (
    ASK,
    BASES,
    BOUND,
    HELLO,
    NEW,
    OLD,
    SAID,
    TOOLS,
    ask,
    async_sdk,
    given,
    plain,
    sdk,
)
from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def flows(folder: Path) -> Path:
    return folder / "flows.mitm"


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path, flows: Path) -> Iterator[Proxy]:
    """Every flow is saved as soon as it has ended."""
    config = "images: {allow_private: true}"
    with Proxy(folder, environment=cloud.environment(), config=config, arguments=["-w", str(flows)]) as proxy:
        yield proxy


@pytest.mark.parametrize("base", BASES)
def test_a_message_by_every_address(proxy: Proxy, base: str) -> None:
    with sdk(proxy, base) as client:
        message = client.messages.create(**ASK)
    assert plain(message) == given(SAID)
    assert message._request_id is not None and message._request_id.startswith("req_")


@pytest.mark.parametrize("base", BASES)
def test_a_stream_by_every_address(proxy: Proxy, base: str) -> None:
    with sdk(proxy, base) as client:
        with client.messages.stream(**ASK) as stream:
            assert "".join(stream.text_stream) == SAID["content"][0]["text"]
        assert plain(stream.get_final_message()) == given(SAID)
        assert [event.type for event in client.messages.create(**ASK, stream=True)][-1] == "message_stop"


@pytest.mark.parametrize("base", BASES)
def test_tokens_are_counted_and_models_listed(proxy: Proxy, cloud: FakeVertex, base: str) -> None:
    with sdk(proxy, base) as client:
        assert client.messages.count_tokens(model=NEW, messages=[HELLO], tools=TOOLS).input_tokens > 10
        assert cloud.requests[-1].path.endswith("/models/count-tokens:rawPredict")
        listed = list(client.models.list())
        assert OLD in [model.id for model in listed]
        assert all(isinstance(model, anthropic.types.ModelInfo) and model.display_name for model in listed)
        found = client.models.retrieve(OLD)
        assert (found.id, found.display_name, found.max_input_tokens) == (OLD, "Claude Haiku 4.5", 200_000)


SAYS: dict[str, tuple[Behaviour, dict[str, Any], list[str]]] = {
    "text": (agent(), {"model": NEW}, ["text"]),
    "thinking": (
        agent(),
        {"model": BOUND, "thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}},
        ["thinking", "text"],
    ),
    "thinking by a budget": (
        agent(),
        {"model": OLD, "max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}},
        ["thinking", "text"],
    ),
    "tools": (
        agent(),
        {
            "model": NEW,
            "tools": TOOLS,
            "messages": [{"role": "user", "content": 'call: #0({"city": "東京"}) + #1({"city": "Rome"})'}],
        },
        ["text", "tool_use", "tool_use"],
    ),
    "a search that pauses": (
        searcher(),
        {"model": NEW, "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        ["text", "server_tool_use"],
    ),
    "a search": (
        searcher(pauses=0),
        {"model": NEW, "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        ["text", "server_tool_use", "web_search_tool_result", "text", "text"],
    ),
}


@pytest.mark.parametrize("case", SAYS)
def test_the_message_is_the_clouds_own(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    """Whole and as a stream, by the synchronous client and the asynchronous one; a pause is the client's to go on."""
    behaviour, changes, kinds = SAYS[case]
    request = ASK | changes

    async def both() -> list[anthropic.types.Message]:
        async with async_sdk(proxy) as client:
            whole = await client.messages.create(**request)
            async with client.messages.stream(**request) as stream:
                return [whole, await stream.get_final_message()]

    before = len(cloud.requests)
    cloud.script(*[behaviour] * 4)
    with sdk(proxy) as client:
        whole = client.messages.create(**request)
        with client.messages.stream(**request) as stream:
            streamed = stream.get_final_message()
    messages = [whole, streamed, *asyncio.run(both())]
    for message, received in zip(messages, cloud.requests[before:], strict=True):
        assert isinstance(behaviour, Answers) and received.asked is not None
        answer = behaviour.how(received.asked)  # the same again
        assert isinstance(answer, Stream) and answer.message is not None
        assert plain(message) == given(json.loads(answer.message))
        assert [block.type for block in message.content] == kinds


def test_what_the_model_thought_comes_back(proxy: Proxy, cloud: FakeVertex) -> None:
    """A loop of tools on a model whose thinking is bound to what stood before it: the cloud checks every signature."""
    cloud.script(*[agent()] * 3)
    messages: list[Any] = [{"role": "user", "content": 'call: #0({"city": "Paris"}) + #1({})\ncall: #1({})'}]
    with sdk(proxy) as client:
        while True:
            with client.messages.stream(
                model=BOUND, max_tokens=2000, messages=messages, tools=TOOLS, thinking={"type": "adaptive"}
            ) as stream:
                message = stream.get_final_message()
            messages.append({"role": "assistant", "content": message.content})
            if message.stop_reason != "tool_use":
                break
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": f"{block.name} is fine"}
                for block in message.content
                if block.type == "tool_use"
            ]
            messages.append({"role": "user", "content": results})
    assert [block.text for block in message.content if block.type == "text"] == [
        "get_weather said: get_weather is fine\nget_time said: get_time is fine\nget_time said: get_time is fine"
    ]
    turns = cloud.requests[-1].parsed["messages"][1::2]
    assert [turn["content"][0]["type"] for turn in turns] == ["thinking", "thinking"]


def test_a_client_that_stops_reading_ends_the_exchange(proxy: Proxy, cloud: FakeVertex) -> None:
    number = len(cloud.requests)
    cloud.script(endless())
    with sdk(proxy) as client, client.messages.stream(**ASK) as stream:
        next(stream.text_stream)
        left = time.monotonic()
    cloud.wait_until_left(number)
    assert (cloud.requests[number].hung_up or 0) >= left


@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_the_record_tells_what_happened(proxy: Proxy, cloud: FakeVertex, flows: Path, how: str) -> None:
    cloud.script(agent())
    thinking = {"type": "adaptive"}
    with sdk(proxy) as client:
        ask(client.messages, how, {"model": BOUND, "thinking": thinking, "service_tier": "standard_only"})
    cloud.wait_idle()
    found: list[Any] = []

    def is_saved() -> bool:
        with suppress(FlowReadException), flows.open("rb") as file:  # of which the last may have been written in part
            found[:] = [flow for flow in FlowReader(file).stream() if flow.metadata.get("bridge")]
        return bool(found) and found[-1].metadata["bridge"]["attempts"][0]["body"] == cloud.requests[-1].body.decode()

    cloud.wait_until(is_saved)
    record = found[-1].metadata["bridge"]
    assert (record["model"], record["upstream_model"], record["route"]) == (BOUND, BOUND, "vertex/us-east5")
    assert (record["finish_reason"], record["upstream_reason"], record["error"]) == ("stop", "end_turn", None)
    assert record["usage"]["input"] > 5 and record["usage"]["output"] > 5 and record["usage"]["reasoning"] > 1
    assert [note["code"] for note in record["notes"]] == ["dropped:service_tier"]
    assert record["attempts"][0]["headers"]["authorization"] == "***"
    assert record["attempts"][-1]["reply"].startswith("{" if how == "whole" else "event: message_start")


def test_limits_are_told_in_the_words_of_the_client(proxy: Proxy, cloud: FakeVertex) -> None:
    native, chat = proxy.post("/v1/messages", ASK), proxy.post("/v1/chat/completions", ASK)
    limit = cloud.ratelimits["anthropic-ratelimit-requests-limit"]
    assert native.headers["anthropic-ratelimit-requests-limit"] == limit == chat.headers["x-ratelimit-limit-requests"]
    assert not [name for name in native.headers if name.startswith("x-ratelimit")]
    assert not [name for name in chat.headers if name.startswith("anthropic")]
