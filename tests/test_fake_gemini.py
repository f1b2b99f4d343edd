"""The fake Vertex's door for OpenAI's language: Gemini and open models, what they take and refuse, how they stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import requests

from tests.support.behaviours import Reply, broken
from tests.support.cloud_client import mint, post
from tests.support.fake_vertex import FakeVertex, google_error, replay
from tests.support.proxy import NO_TLS, events
from tests.support.scripted_claude import agent

FLASH, SEALED, LLAMA = "google/gemini-2.5-flash", "google/gemini-3.1-pro-preview", "meta/llama-3.3-70b-instruct-maas"
CHAT: dict[str, Any] = {"model": FLASH, "messages": [{"role": "user", "content": "Hi"}]}
LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        yield cloud


@pytest.fixture
def cloud(server: FakeVertex) -> Iterator[FakeVertex]:
    server.wrong.clear()
    server.openai_default = agent(eager=True)
    yield server
    server.unscript()


def at(cloud: FakeVertex) -> str:
    return f"/v1/projects/{cloud.project}/locations/{cloud.region}/endpoints/openapi/chat/completions"


def ask(cloud: FakeVertex, body: Any = CHAT, path: str = "", **options: Any) -> requests.Response:
    return post(cloud, body, at=path or at(cloud), **options)


def chunks(cloud: FakeVertex, body: dict[str, Any] = CHAT, **changes: Any) -> list[Any]:
    *found, done = events(ask(cloud, body | {"stream": True} | changes).content)
    assert done == "[DONE]"
    return [json.loads(data) for data in found]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model": LLAMA, "n": 2, "stop": ["a"] * 5, "seed": 1},
        {"reasoning_effort": "low", "max_tokens": 9, "top_k": 5, "whatever": None},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look."}, PNG]}]},
        {"extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}},
        {"tools": [LOOK], "tool_choice": "required"},
    ],
)
def test_takes_what_is_right(cloud: FakeVertex, changes: dict[str, Any]) -> None:
    reply = ask(cloud, CHAT | changes)
    assert (reply.status_code, cloud.wrong) == (200, [])
    answer = reply.json()
    assert answer["model"] == (CHAT | changes)["model"]
    assert len(answer["choices"]) == changes.get("n", 1)
    assert ("extra_properties" in answer["usage"]) == answer["model"].startswith("google/")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"messages": None}, "at least one contents field is required"),
        ({"messages": [{"role": "system", "content": "Be brief."}]}, "at least one contents field is required"),
        ({"messages": [{"role": "user", "content": ""}]}, "it must have a text parameter"),
        ({"messages": [{"role": "user", "content": None}]}, "Invalid content in messages[0]"),
        ({"messages": [{"role": "human", "content": "x"}, CHAT["messages"][0]]}, "Invalid role in messages[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, "Invalid content part"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y"}}]}]},
            "Cloud Storage URI or base64",
        ),
        ({"temperature": 2.5}, "its temperature is 2.5 but the range is 0 to 2"),
        ({"n": 9}, "its n is 9"),
        ({"max_tokens": 0}, "its max_tokens is 0"),
        ({"stop": ["a"] * 6}, "at most 5 stop sequences"),
        ({"stream": 1}, "Invalid value for stream"),
        ({"reasoning_effort": "max"}, "Invalid reasoning_effort"),
        (
            {"reasoning_effort": "low", "extra_body": {"google": {"thinking_config": {}}}},
            "Only one of reasoning_effort and",
        ),
        ({"response_format": {"type": "xml"}}, "Invalid response_format"),
        ({"tools": [{"type": "function", "function": {"name": "1a"}}]}, "Invalid function name"),
        ({"tools": [LOOK], "tool_choice": "any"}, "Invalid tool_choice"),
    ],
)
def test_refuses_what_it_cannot_do(cloud: FakeVertex, changes: dict[str, Any], why: str) -> None:
    reply = ask(cloud, CHAT | changes)
    (error,) = [one["error"] for one in reply.json()]
    assert (reply.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    assert why in error["message"] == cloud.wrong[0]


@pytest.mark.parametrize(
    ("model", "status", "why"),
    [
        ("anthropic/claude-opus-4-8", 400, "does not support ChatCompletions"),
        ("claude-opus-4-8", 400, "does not support ChatCompletions"),
        ("gemini-2.5-flash", 404, "no such model: gemini-2.5-flash"),
        ("google/gemini-9", 404, "no such model"),
        ("meta/llama-3.3-70b-instruct", 404, "no such model"),
        (None, 404, "no such model"),
    ],
)
def test_knows_its_models_alone(cloud: FakeVertex, model: str | None, status: int, why: str) -> None:
    reply = ask(cloud, CHAT | {"model": model})
    (error,) = [one["error"] for one in reply.json()]
    assert (reply.status_code, error["code"]) == (status, status)
    assert error["status"] == ("FAILED_PRECONDITION" if status == 400 else "NOT_FOUND")
    assert why in cloud.wrong[0]


def test_has_the_same_entrance_as_claude(cloud: FakeVertex) -> None:
    for headers, path, status in (
        ({"authorization": "Bearer made-up"}, at(cloud), 401),
        ({}, at(cloud).replace(cloud.project, "other-project"), 403),
        ({}, at(cloud).replace(cloud.region, "asia-east1"), 403),
        ({}, at(cloud).replace("/v1/", "/v1beta1/"), 404),
        ({}, at(cloud) + "?alt=sse", 404),
        ({"anthropic-beta": "x"}, at(cloud), 400),
    ):
        reply = ask(cloud, path=path, headers=headers)
        assert reply.status_code == status
        assert isinstance(reply.json(), list) == (status != 404)
    assert len(cloud.wrong) == 6
    assert ask(cloud, b"{").status_code == 400


def test_geminis_last_words_come_with_the_reason_and_the_figures(cloud: FakeVertex) -> None:
    cloud.openai_default = agent("x" * 30)
    *said, last = chunks(cloud)
    assert [chunk["choices"][0]["finish_reason"] for chunk in said] == [None] * 2
    assert all(chunk["choices"][0]["delta"]["role"] == "assistant" for chunk in [*said, last])
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in [*said, last]) == "x" * 30
    assert last["choices"][0]["finish_reason"] == "stop" and last["choices"][0]["delta"]["content"]
    assert last["usage"]["extra_properties"] == {"google": {"traffic_type": "ON_DEMAND"}}
    assert cloud.wrong == []


def test_geminis_calls_come_whole(cloud: FakeVertex) -> None:
    cloud.script(replay("tool_use_response.txt"))
    *_, last = chunks(cloud)
    (call,) = last["choices"][0]["delta"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) and call["index"] == 0
    assert last["choices"][0]["finish_reason"] == "tool_calls"


def test_open_models_stream_as_openai_does(cloud: FakeVertex) -> None:
    opening, *_, last = chunks(cloud, CHAT | {"model": LLAMA})
    assert opening["choices"][0]["delta"]["content"] == ""
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "stop")


def test_errors_are_googles(cloud: FakeVertex) -> None:
    cloud.script(broken(after=4), google_error(429, in_array=True, retry_delay="12s"), Reply(503))
    *_, error = events(ask(cloud, CHAT | {"stream": True}).content)
    assert json.loads(error)["error"]["status"] == "UNAVAILABLE"
    assert [ask(cloud).status_code for _ in range(2)] == [429, 503]
    assert cloud.wrong == []


@pytest.mark.parametrize("model", [FLASH, SEALED, LLAMA])
def test_openais_client_calls_tools(model: str) -> None:
    with FakeVertex(strict_headers=False) as cloud:
        base_url = f"{cloud.origin}{at(cloud)}".removesuffix("/chat/completions")
        http_client = openai.DefaultHttpxClient(trust_env=False, verify=NO_TLS)
        options: dict[str, Any] = {"base_url": base_url, "http_client": http_client, "max_retries": 0}
        messages: list[Any] = [{"role": "user", "content": "call: look({})\ncall: look({}) + look({})\ncall: look({})"}]
        with openai.OpenAI(api_key=mint(cloud), **options) as client:
            for round in range(4):
                asked: dict[str, Any] = {"model": model, "messages": messages, "tools": [LOOK]}
                if round % 2:
                    message = client.chat.completions.create(**asked).choices[0].message
                else:
                    with client.chat.completions.stream(**asked) as stream:
                        message = stream.get_final_completion().choices[0].message
                said = message.model_dump(exclude_unset=True, exclude={"parsed"})
                messages.append(said | {"role": "assistant"})  # each chunk has it, and the client joins them all
                for call in messages[-1].get("tool_calls") or ():
                    call["function"].pop("parsed_arguments", None)
                    messages.append({"role": "tool", "tool_call_id": call["id"], "content": "a cat"})
        assert cloud.wrong == []
        assert message.content == "\n".join(["look said: a cat"] * 4)


def test_some_geminis_want_their_signatures_back(cloud: FakeVertex) -> None:
    asked = CHAT | {"model": SEALED, "tools": [LOOK]}
    message = ask(cloud, asked).json()["choices"][0]["message"]
    (call,) = message["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "a cat"}
    assert ask(cloud, asked | {"messages": [*CHAT["messages"], message, result]}).status_code == 200
    assert cloud.wrong == []
    bare = message | {"tool_calls": [{key: call[key] for key in ("id", "type", "function")}]}
    assert ask(cloud, asked | {"messages": [*CHAT["messages"], bare, result]}).status_code == 400
    assert "missing a `thought_signature`" in cloud.wrong[0]
    later = [*CHAT["messages"], bare, result, *CHAT["messages"]]
    assert ask(cloud, asked | {"messages": later}).status_code == 200
    one_more = [*CHAT["messages"], message, result, result]
    assert ask(cloud, asked | {"messages": one_more}).status_code == 400
    assert ask(cloud, asked | {"messages": [*CHAT["messages"], message]}).status_code == 400
