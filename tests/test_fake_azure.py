"""The fake Azure's checks and its streams: what it takes, what it refuses, and how its answers look on the wire."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.azure_client import CHAT, V1, old, post
from tests.support.behaviours import broken, replay
from tests.support.claude_troubles import refusing
from tests.support.cloud_errors import azure_error, filtered_prompt
from tests.support.fake_azure import FakeAzure
from tests.support.proxy import events
from tests.support.scripted_claude import agent

NEW = CHAT | {"model": "gpt-4o"}


@pytest.fixture
def cloud() -> Iterator[FakeAzure]:
    with FakeAzure() as cloud:
        yield cloud


def chunks(cloud: FakeAzure, **changes: Any) -> list[Any]:
    reply = post(cloud, V1, NEW | {"stream": True} | changes)
    assert reply.headers["content-type"].startswith("text/event-stream")
    *found, done = events(reply.content)
    assert done == "[DONE]"
    return [json.loads(data) for data in found]


# The entrance


@pytest.mark.parametrize("path", [old(), old("gpt%2D4o"), old().replace("2024-10-21", "2025-04-01-preview"), V1])
def test_takes_what_is_right(cloud: FakeAzure, path: str) -> None:
    reply = post(cloud, path, NEW)
    assert (reply.status_code, cloud.wrong) == (200, [])
    answer = reply.json()
    assert answer["choices"][0]["message"]["content"] == "You said: Hi"
    assert answer["choices"][0]["content_filter_results"]["hate"] == {"filtered": False, "severity": "safe"}
    assert answer["prompt_filter_results"][0]["prompt_index"] == 0
    assert answer["model"] == "gpt-4o-2024-08-06"
    assert reply.headers.keys() >= {"apim-request-id", "x-ms-region", "x-ratelimit-remaining-tokens"}


@pytest.mark.parametrize(
    "path",
    [
        old().replace("2024-10-21", "latest"),
        old().replace("2024-10-21", "2024-13-01"),
        old().partition("?")[0],
        old() + "&x=y",
        V1 + "?api-version=2024-10-21",
        "/openai/v1/models",
        "/v1/chat/completions",
        "/openai/deployments/gpt-4o/responses?api-version=2024-10-21",
    ],
)
def test_refuses_other_paths(cloud: FakeAzure, path: str) -> None:
    reply = post(cloud, path, NEW)
    assert (reply.status_code, reply.json()) == (404, {"error": {"code": "404", "message": "Resource not found"}})
    assert len(cloud.wrong) == 1
    assert not [name for name in reply.headers if "ratelimit" in name]


@pytest.mark.parametrize("path", [old("nobody"), V1])
def test_knows_its_deployments_alone(cloud: FakeAzure, path: str) -> None:
    reply = post(cloud, path, NEW | {"model": "nobody"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "DeploymentNotFound")
    assert cloud.wrong == ["no such deployment: nobody"]
    cloud.deployments["nobody"] = "gpt-4.1"
    assert post(cloud, path, NEW | {"model": "nobody"}).json()["model"] == "gpt-4.1"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"api-key": "0" * 32}, "the key was not made here"),
        ({"api-key": None}, "no key and no token"),
        ({"api-key": None, "authorization": "Bearer x"}, "the token was not minted here"),
        ({"authorization": "Bearer x"}, "a key and a token came together"),
    ],
)
def test_refuses_strangers(cloud: FakeAzure, headers: dict[str, str | None], why: str) -> None:
    reply = post(cloud, V1, NEW, headers)
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "401")
    assert cloud.wrong == [why]


def test_a_stale_key_or_token_is_no_fault_of_the_client(cloud: FakeAzure) -> None:
    headers = [{"api-key": cloud.key()}, {"api-key": None, "authorization": f"Bearer {cloud.token()}"}]
    assert [post(cloud, V1, NEW, one).status_code for one in headers] == [200, 200]
    cloud.revoke()
    assert [post(cloud, V1, NEW, one).status_code for one in headers] == [401, 401]
    cloud.token_lifetime = 0
    assert post(cloud, V1, NEW, {"api-key": None, "authorization": f"Bearer {cloud.token()}"}).status_code == 401
    assert cloud.wrong == []


def test_a_token_for_elsewhere_does_not_do(cloud: FakeAzure) -> None:
    token = cloud.token("https://management.azure.com")
    assert post(cloud, V1, NEW, {"api-key": None, "authorization": f"Bearer {token}"}).status_code == 401


@pytest.mark.parametrize(
    ("header", "value", "why"),
    [
        ("x-api-key", "secret", "header x-api-key came through"),
        ("openai-organization", "x", "header openai-organization came through"),
        ("accept-encoding", "gzip", "accept-encoding is gzip"),
        ("content-type", "text/plain", "content-type is text/plain"),
    ],
)
def test_refuses_headers_that_come_from_elsewhere(cloud: FakeAzure, header: str, value: str, why: str) -> None:
    assert post(cloud, V1, NEW, {header: value}).status_code == 400
    assert cloud.wrong == [why]


@pytest.mark.parametrize("raw", [b"", b"{", b'{"model": NaN}', b'"x"'], ids=repr)
def test_refuses_what_is_no_json(cloud: FakeAzure, raw: bytes) -> None:
    assert post(cloud, old(), raw).status_code == 400
    assert len(cloud.wrong) == 1


@pytest.mark.parametrize(
    ("path", "body", "why", "param"),
    [
        (V1, NEW | {"top_k": 3}, "Unrecognized request argument supplied: top_k", None),
        (
            V1,
            NEW | {"model": "o4-mini", "max_tokens": 5},
            "'max_tokens' is not supported with this model",
            "max_tokens",
        ),
        (old("gpt-5"), CHAT | {"temperature": 0}, "'temperature' does not support 0", "temperature"),
        (old("text-embedding-3-small"), CHAT, "operation does not work with the specified model", None),
        (old("gpt-4o", "embeddings"), {"input": "x"}, "operation does not work with the specified model", None),
        (
            old("text-embedding-ada-002", "embeddings"),
            {"input": "x", "dimensions": 5},
            "specifying dimensions",
            "dimensions",
        ),
        (old("dall-e-3", "images/generations"), {"prompt": "x", "n": 2}, "Invalid 'n'", "n"),
    ],
)
def test_refuses_what_the_model_refuses(cloud: FakeAzure, path: str, body: Any, why: str, param: str | None) -> None:
    reply = post(cloud, path, body)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert why in error["message"] == cloud.wrong[0]


def test_the_environment_is_one_that_works(cloud: FakeAzure) -> None:
    found = cloud.environment()
    assert found["AZURE_OPENAI_ENDPOINT"] == cloud.origin
    resource, deployment, key = cloud.azure_credentials().split(":")
    assert (resource, deployment) == ("my-resource", "gpt-4o")
    for one in (found["AZURE_OPENAI_API_KEY"], key):
        assert post(cloud, old(deployment), NEW, {"api-key": one}).status_code == 200


# Streams


def test_a_stream_begins_with_what_the_filter_found(cloud: FakeAzure) -> None:
    first, opening, *said, last = chunks(cloud)
    assert first["choices"] == [] and first["prompt_filter_results"] and (first["id"], first["model"]) == ("", "")
    assert opening["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in said) == "You said: Hi"
    assert all(chunk["choices"][0]["content_filter_results"] for chunk in said)
    assert (last["choices"][0]["delta"], last["choices"][0]["finish_reason"]) == ({}, "stop")
    assert "usage" not in last


def test_usage_comes_last_when_asked_for(cloud: FakeAzure) -> None:
    *_, finish, usage = chunks(cloud, stream_options={"include_usage": True})
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == [] and usage["usage"]["total_tokens"] > 0


def test_the_filter_can_be_asynchronous(cloud: FakeAzure) -> None:
    cloud.filter = "asynchronous"
    found = [chunk["choices"][0] for chunk in chunks(cloud) if chunk["choices"]]
    bare = [choice for choice in found if "delta" not in choice]
    assert len(bare) == 2 and bare[-1] is found[-1]
    assert bare[-1]["content_filter_offsets"]["end_offset"] == len("You said: Hi")
    assert not any("content_filter_results" in choice for choice in found if "delta" in choice)


def test_the_filter_can_step_in(cloud: FakeAzure) -> None:
    cloud.script(filtered_prompt(), refusing("Once upon"))
    error = post(cloud, V1, NEW).json()["error"]
    assert (error["code"], error["innererror"]["code"]) == ("content_filter", "ResponsibleAIPolicyViolation")
    *_, last = chunks(cloud)
    assert last["choices"][0]["finish_reason"] == "content_filter"
    assert last["choices"][0]["content_filter_results"]["violence"]["filtered"]


def test_several_answers_and_their_probabilities(cloud: FakeAzure) -> None:
    more = {"n": 2, "logprobs": True, "top_logprobs": 1}
    whole = post(cloud, V1, NEW | more).json()
    assert [choice["index"] for choice in whole["choices"]] == [0, 1]
    assert whole["choices"][1]["logprobs"]["content"][0]["top_logprobs"]
    said = [chunk["choices"][0] for chunk in chunks(cloud, **more)[3:5]]
    assert [choice["index"] for choice in said] == [0, 1]
    assert said[0]["logprobs"]["content"][0]["token"] == said[0]["delta"]["content"]


def test_answers_can_be_any_that_claude_gives(cloud: FakeAzure) -> None:
    answers = [replay("tool_use_response.txt"), replay("tool_use_response.txt"), broken(after=4)]
    cloud.script(*answers, azure_error(429, retry_after=2))
    call = post(cloud, V1, NEW).json()["choices"][0]["message"]["tool_calls"][0]
    found = [chunk["choices"][0] for chunk in chunks(cloud) if chunk["choices"]]
    pieces = [choice["delta"]["tool_calls"][0] for choice in found if "tool_calls" in choice["delta"]]
    assert pieces[0]["id"] == call["id"] and call["id"].startswith("call_")
    written = "".join(piece["function"]["arguments"] for piece in pieces)
    assert json.loads(written) == json.loads(call["function"]["arguments"])
    assert found[-1]["finish_reason"] == "tool_calls"
    *_, error = events(post(cloud, V1, NEW | {"stream": True}).content)
    assert json.loads(error) == {"error": {"code": "InternalServerError", "message": "Overloaded"}}
    limited = post(cloud, V1, NEW)
    assert limited.json()["error"]["code"] == "RateLimitReached"
    assert (limited.headers["retry-after"], limited.headers["retry-after-ms"]) == ("2", "2000")
    assert cloud.wrong == []


def test_a_loop_of_three_rounds(cloud: FakeAzure) -> None:
    cloud.default = agent()
    look = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    script = 'call: look({"n": 1})\ncall: look({"n": 2}) + look({"n": 3})\ncall: look({"n": 4})'
    messages: list[Any] = [{"role": "user", "content": script}]
    for _ in range(4):
        message = post(cloud, V1, NEW | {"messages": messages, "tools": [look]}).json()["choices"][0]["message"]
        messages.append(message)
        for call in message.get("tool_calls", ()):
            result = {"role": "tool", "tool_call_id": call["id"], "content": call["function"]["arguments"]}
            messages.append(result)
    assert message["content"].split("\n") == [f'look said: {{"n": {n}}}' for n in (1, 2, 3, 4)]
    assert cloud.wrong == []


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("auto", ["look", "find"]),
        ("none", []),
        ("required", ["look", "find"]),
        ({"type": "function", "function": {"name": "find"}}, ["find"]),
    ],
)
def test_calls_what_it_may(cloud: FakeAzure, choice: Any, called: list[str]) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("look", "find")]
    said = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    script = {"role": "user", "content": "call: look({}) + find({})"}
    asked = NEW | {"messages": [said, script], "tools": tools, "tool_choice": choice}
    message = post(cloud, V1, asked).json()["choices"][0]["message"]
    assert [call["function"]["name"] for call in message.get("tool_calls", ())] == called
    one = post(cloud, V1, asked | {"parallel_tool_calls": False}).json()["choices"][0]["message"]
    assert len(one.get("tool_calls", ())) == min(1, len(called))
    assert cloud.wrong == []


# Vectors and pictures


def test_makes_vectors(cloud: FakeAzure) -> None:
    path = old("text-embedding-3-small", "embeddings")
    plain = post(cloud, path, {"input": ["a", "b"], "dimensions": 8}).json()
    packed = post(cloud, path, {"input": ["a", "b"], "dimensions": 8, "encoding_format": "base64"}).json()
    first, second = (one["embedding"] for one in plain["data"])
    assert len(first) == 8 and first != second
    unpacked = struct.unpack("<8f", base64.b64decode(packed["data"][0]["embedding"]))
    assert unpacked == pytest.approx(first, rel=1e-6)
    assert (plain["model"], plain["usage"]["prompt_tokens"] > 0, cloud.wrong) == ("text-embedding-3-small", True, [])
    assert (
        len(post(cloud, "/openai/v1/embeddings", {"model": "text-embedding-ada-002", "input": "a"}).json()["data"]) == 1
    )


def test_makes_pictures(cloud: FakeAzure) -> None:
    old_model = old("dall-e-3", "images/generations")
    answer = post(cloud, old_model, {"prompt": "a cat", "response_format": "b64_json"}).json()
    assert base64.b64decode(answer["data"][0]["b64_json"]).startswith(b"\x89PNG")
    assert answer["data"][0]["revised_prompt"] == "a cat"
    assert post(cloud, old_model, {"prompt": "a cat"}).json()["data"][0]["url"].startswith(cloud.origin)
    new = post(cloud, "/openai/v1/images/generations", {"model": "gpt-image-1", "prompt": "a cat", "n": 2}).json()
    assert [one.keys() for one in new["data"]] == [{"b64_json"}] * 2
    assert cloud.wrong == []
