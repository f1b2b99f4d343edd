"""Anthropic's own SDK against the native route: what goes to the cloud, what comes back, and how it fails."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from mitmproxy.io import FlowReader

from tests.support import sites
from tests.support.claude_rules import VERTEX_VERSION, events_of, message_of
from tests.support.fake_vertex import (
    Answers,
    Behaviour,
    FakeVertex,
    Received,
    Stream,
    agent,
    anthropic_error,
    broken,
    endless,
    google_error,
    html_error,
    recorded,
    replay,
    searcher,
)
from tests.support.proxy import KEY, Proxy

OLD, NEW, BOUND = "claude-haiku-4-5", "claude-opus-4-8", "claude-opus-5-5"
HELLO = {"role": "user", "content": "Say hello."}
ASK: dict[str, Any] = {"model": OLD, "max_tokens": 100, "messages": [HELLO]}
SAID = message_of(recorded("basic_response.txt"))
BASES = ["/proxy/gcp/claude", "/proxy/gcp/claude/", ""]
TOOLS = [
    {"name": name, "description": "Asks.", "input_schema": {"type": "object", "properties": {"city": {}}}}
    for name in ("get_weather", "get_time")
]
PNG = base64.b64encode(sites.PNG).decode()


@pytest.fixture(scope="module")
def flows(folder: Path) -> Path:
    return folder / "flows.mitm"


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path, flows: Path) -> Iterator[Proxy]:
    """Every flow is saved as soon as it has ended."""
    config = "images: {allow_private: true}"
    with Proxy(folder, environment=cloud.environment(), config=config, arguments=["-w", str(flows)]) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def guarded(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(tmp_path_factory.mktemp("guarded"), environment=cloud.environment() | {"PROXY_KEY": KEY}) as proxy:
        yield proxy


def options(proxy: Proxy, base: str) -> dict[str, Any]:
    return {"base_url": f"http://127.0.0.1:{proxy.port}{base}", "api_key": "any", "max_retries": 0}


def sdk(proxy: Proxy, base: str = "/proxy/gcp/claude", **more: Any) -> anthropic.Anthropic:
    """It tries once unless told otherwise."""
    http_client = anthropic.DefaultHttpxClient(trust_env=False)
    return anthropic.Anthropic(**options(proxy, base) | {"http_client": http_client} | more)


def async_sdk(proxy: Proxy, base: str = "/proxy/gcp/claude", **more: Any) -> anthropic.AsyncAnthropic:
    http_client = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    return anthropic.AsyncAnthropic(**options(proxy, base) | {"http_client": http_client} | more)


def given(value: Any) -> Any:
    """JSON without what is null: the SDK adds such fields to a stream's message."""
    if isinstance(value, list):
        return [given(item) for item in value]
    if isinstance(value, dict):
        return {key: given(item) for key, item in value.items() if item is not None}
    return value


def plain(message: anthropic.types.Message) -> Any:
    """What the SDK read, as the cloud would write it."""
    return given(message.model_dump(mode="json", exclude_unset=True, warnings=False))


# --- What comes back --------------------------------------------------------------------------------------------------


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


# --- What goes to the cloud -------------------------------------------------------------------------------------------

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


@pytest.fixture(scope="module")
def vertex(cloud: FakeVertex, proxy: Proxy) -> Iterator[anthropic.AnthropicVertex]:
    """Anthropic's client for the cloud itself, with a token that the proxy has had minted."""
    assert proxy.chat().status == 200
    with anthropic.AnthropicVertex(
        region=cloud.region,
        project_id=cloud.project,
        access_token=cloud.tokens[-1],
        base_url=cloud.base_url,
        http_client=httpx2.Client(trust_env=False),
        max_retries=0,
    ) as client:
        yield client


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


def ask(client: Any, how: str, request: dict[str, Any], vertex: bool = False) -> None:
    """`vertex`: as that client's user writes it, with the version that the cloud has known longest."""
    request = ASK | request
    extra = request.pop("extra_body", {})
    if vertex:
        extra = {"anthropic_version": VERTEX_VERSION, **extra}
        request["model"] = {OLD: f"{OLD}@20251001"}.get(request["model"], request["model"])
    match how:
        case "whole":
            client.create(**request, extra_body=extra)
        case "streamed":
            with client.stream(**request, extra_body=extra) as stream:
                stream.until_done()
        case "counted":
            unknown = ("max_tokens", "stop_sequences", "metadata")
            extra = {key: value for key, value in extra.items() if key == "anthropic_version"}
            request = {key: value for key, value in request.items() if key not in unknown}
            client.count_tokens(**request, extra_body=extra)


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


# --- Errors -----------------------------------------------------------------------------------------------------------

ERRORS: list[tuple[Behaviour, type[anthropic.APIStatusError], int, str]] = [
    (anthropic_error(400), anthropic.BadRequestError, 400, "invalid_request_error"),
    (google_error(400), anthropic.BadRequestError, 400, "invalid_request_error"),
    (anthropic_error(402), anthropic.PaymentRequiredError, 402, "billing_error"),
    (google_error(403, in_array=True), anthropic.PermissionDeniedError, 403, "permission_error"),
    (google_error(404), anthropic.NotFoundError, 404, "not_found_error"),
    (anthropic_error(413), anthropic.ContentTooLargeError, 413, "request_too_large"),
    (anthropic_error(429, retry_after=12), anthropic.RateLimitError, 429, "rate_limit_error"),
    (google_error(429, retry_delay="12s"), anthropic.RateLimitError, 429, "rate_limit_error"),
    (google_error(500), anthropic.InternalServerError, 500, "api_error"),
    (html_error(502), anthropic.InternalServerError, 502, "api_error"),
    (google_error(503), anthropic.ServiceUnavailableError, 503, "overloaded_error"),
    (anthropic_error(504), anthropic.GatewayTimeoutError, 504, "timeout_error"),
    (anthropic_error(529), anthropic.OverloadedError, 529, "overloaded_error"),
]


@pytest.mark.parametrize("how", ["whole", "streamed", "counted"])
@pytest.mark.parametrize("error", ERRORS, ids=range(len(ERRORS)))
def test_errors_are_raised_as_what_they_are(proxy: Proxy, cloud: FakeVertex, error: Any, how: str) -> None:
    behaviour, kind, status, type = error
    cloud.script(behaviour)
    with sdk(proxy) as client, pytest.raises(kind) as caught:
        ask(client.messages, how, {})
    told = caught.value
    assert (told.status_code, told.type) == (status, type)
    assert told.api_message
    assert told.request_id is not None and told.request_id.startswith("req_")
    assert told.body["request_id"] == told.request_id  # type: ignore[index]
    assert told.response.headers.get("retry-after") == ("12" if status == 429 else None)


def test_an_overload_is_tried_again(proxy: Proxy, cloud: FakeVertex) -> None:
    before = len(cloud.requests)
    cloud.script(anthropic_error(529, retry_after=0.05), anthropic_error(429, retry_after=0.05))
    with sdk(proxy, max_retries=2) as client:
        assert plain(client.messages.create(**ASK)) == given(SAID)
    assert len(cloud.requests) == before + 3


def test_what_cannot_get_better_is_not_tried_again(proxy: Proxy, cloud: FakeVertex) -> None:
    before = len(cloud.requests)
    cloud.script(google_error(403))
    with sdk(proxy, max_retries=2) as client, pytest.raises(anthropic.PermissionDeniedError):
        client.messages.create(**ASK)
    assert len(cloud.requests) == before + 1


@pytest.mark.parametrize("how", ["whole", "streamed", "counted"])
@pytest.mark.parametrize("model", ["claude nonsense", "gpt-4o"])
def test_an_unknown_model(proxy: Proxy, model: str, how: str) -> None:
    with sdk(proxy) as client, pytest.raises(anthropic.NotFoundError) as caught:
        ask(client.messages, how, {"model": model})
    assert caught.value.type == "not_found_error"
    assert "model" in caught.value.message


@pytest.mark.parametrize("path", ["/v1/messages", "/proxy/gcp/claude/v1/messages/count_tokens"])
@pytest.mark.parametrize(
    ("raw", "status"), [(b"", 400), (b"[]", 400), (b"{", 400), (b"{}", 400), (b'{"model": 5}', 400)], ids=range(5)
)
def test_what_is_no_request(proxy: Proxy, path: str, raw: bytes, status: int) -> None:
    answer = proxy.post(path, raw)
    assert answer.status == status
    told = answer.json()
    assert told.keys() == {"type", "error", "request_id"} and told["type"] == "error"
    assert {"type", "message"} <= told["error"].keys() <= {"type", "message", "details"}
    assert answer.headers["request-id"] == told["request_id"]


def test_what_is_not_served_is_told_in_the_same_form(proxy: Proxy) -> None:
    with sdk(proxy) as client, pytest.raises(anthropic.NotFoundError) as caught:
        client.messages.batches.list()
    assert caught.value.type == "not_found_error"
    answer = proxy.get("/v1/messages")
    assert (answer.status, answer.headers["allow"], answer.json()["type"]) == (405, "POST", "error")


ALL_KEYS = {
    "as the SDK sends it": {"api_key": KEY},
    "as a token": {"api_key": None, "auth_token": KEY},
    "as the former SDK sends it": {
        "default_headers": {
            "authorization": anthropic.Omit(),
            "x-api-key": KEY,
            "anthropic-version": "2023-06-01",
        }
    },
}


@pytest.mark.parametrize("case", ALL_KEYS)
def test_the_right_key_is_let_in(guarded: Proxy, cloud: FakeVertex, case: str) -> None:
    with sdk(guarded, **ALL_KEYS[case]) as client:
        assert plain(client.messages.create(**ASK)) == given(SAID)
        assert client.messages.count_tokens(model=OLD, messages=[HELLO]).input_tokens
    assert KEY not in str(dict(cloud.requests[-1].headers))


@pytest.mark.parametrize("case", ALL_KEYS)
def test_another_key_is_refused(guarded: Proxy, cloud: FakeVertex, case: str) -> None:
    before = len(cloud.requests)
    wrong = json.loads(json.dumps(ALL_KEYS[case], default=lambda _: None).replace(KEY, f"{KEY}x"))
    if "default_headers" in wrong:
        wrong["default_headers"]["authorization"] = anthropic.Omit()
    for how in ("whole", "streamed", "counted"):
        with sdk(guarded, **wrong) as client, pytest.raises(anthropic.AuthenticationError) as caught:
            ask(client.messages, how, {})
        assert caught.value.type == "authentication_error"
        assert caught.value.request_id is not None
    assert len(cloud.requests) == before


# --- Broken streams ---------------------------------------------------------------------------------------------------

EVENTS = events_of(recorded("basic_response.txt"))
MIDDLE = sum(map(len, EVENTS[:4]))
BREAKS: dict[str, tuple[Behaviour, str]] = {
    "an error event": (broken(after=4), "overloaded_error"),
    "another error event": (broken("api_error", "Internal server error", after=4), "api_error"),
    "cut between events": (replay(stop_after=MIDDLE, ending="cut"), "api_error"),
    "cut within an event": (replay(stop_after=MIDDLE + 30, ending="cut"), "api_error"),
    "reset": (replay(stop_after=MIDDLE, ending="reset"), "api_error"),
    "ended in good form but too soon": (replay(stop_after=MIDDLE), "api_error"),
    "only its last event is missing": (replay(stop_after=len(b"".join(EVENTS[:-1]))), "api_error"),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_broken_stream_is_an_error_and_no_short_success(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    behaviour, type = BREAKS[case]
    cloud.script(behaviour, behaviour)
    with sdk(proxy) as client:
        with pytest.raises(anthropic.APIStatusError) as caught, client.messages.stream(**ASK) as stream:
            assert "".join(stream.text_stream) == "never whole"
        assert caught.value.type == type
        with pytest.raises(anthropic.APIStatusError):
            list(client.messages.create(**ASK, stream=True))
    assert proxy.chat().status == 200


def test_a_broken_stream_is_properly_ended(proxy: Proxy, cloud: FakeVertex) -> None:
    cloud.script(replay(stop_after=MIDDLE, ending="reset"))
    answer = proxy.post("/v1/messages", ASK | {"stream": True})  # which fails where the last chunk is missing
    *good, last = events_of(answer.body)
    assert [event.partition(b"\n")[0] for event in good] == [
        *(b"event: message_start", b"event: content_block_start", b"event: ping", b"event: content_block_delta"),
    ]
    assert last.startswith(b"event: error\ndata: {")


@pytest.mark.parametrize("behaviour", [broken(), broken("rate_limit_error", "No")], ids=["overloaded", "limited"])
def test_what_fails_before_the_first_event_is_an_http_error(
    proxy: Proxy, cloud: FakeVertex, behaviour: Behaviour
) -> None:
    """With its own status: the SDK tries again by itself."""
    cloud.script(behaviour)
    with sdk(proxy, max_retries=1) as client, client.messages.stream(**ASK) as stream:
        assert stream.get_final_text() == SAID["content"][0]["text"]


# --- The client leaves ------------------------------------------------------------------------------------------------


def test_a_client_that_stops_reading_ends_the_exchange(proxy: Proxy, cloud: FakeVertex) -> None:
    number = len(cloud.requests)
    cloud.script(endless())
    with sdk(proxy) as client, client.messages.stream(**ASK) as stream:
        next(stream.text_stream)
        left = time.monotonic()
    cloud.wait_until(lambda: cloud.requests[number].hung_up is not None, timeout=1.0)
    assert (cloud.requests[number].hung_up or 0) >= left


# --- The record -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["whole", "streamed"])
def test_the_record_tells_what_happened(proxy: Proxy, cloud: FakeVertex, flows: Path, how: str) -> None:
    cloud.script(agent())
    thinking = {"type": "adaptive"}
    with sdk(proxy) as client:
        ask(client.messages, how, {"model": BOUND, "thinking": thinking, "service_tier": "standard_only"})
    cloud.wait_idle()
    found: list[Any] = []

    def is_saved() -> bool:
        with flows.open("rb") as file:
            found[:] = [flow for flow in FlowReader(file).stream() if flow.metadata.get("bridge")]
        return bool(found) and found[-1].metadata["bridge"]["attempts"][0]["body"] == cloud.requests[-1].body.decode()

    cloud.wait_until(is_saved)
    record = found[-1].metadata["bridge"]
    assert (record["model"], record["upstream_model"], record["route"]) == (BOUND, BOUND, "vertex/us-east5")
    assert (record["finish_reason"], record["upstream_reason"], record["error"]) == ("stop", "end_turn", None)
    assert record["usage"]["input"] > 5 and record["usage"]["output"] > 5 and record["usage"]["reasoning"] > 1
    assert [note["code"] for note in record["notes"]] == ["dropped:service_tier"]
    assert record["attempts"][0]["headers"]["authorization"] == "Bearer ***"
    assert record["reply"].startswith("{" if how == "whole" else "event: message_start")
