"""The fake Azure and real clients: OpenAI's SDK in both of its ways, and azure-identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import azure.identity
import openai
import pytest
import requests

from tests.support.fake_azure import FakeAzure
from tests.support.proxy import NO_TLS

TOOLS: Any = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
HELLO: Any = [{"role": "user", "content": "What is there?"}]


@pytest.fixture(params=["deployments", "v1"])
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def cloud() -> Iterator[FakeAzure]:
    with FakeAzure(strict_headers=False) as cloud:
        yield cloud


@pytest.fixture
def client(cloud: FakeAzure, way: str) -> Iterator[openai.OpenAI]:
    options: dict[str, Any] = {
        "http_client": openai.DefaultHttpxClient(trust_env=False, verify=NO_TLS),
        "max_retries": 0,
    }
    if way == "deployments":
        made: openai.OpenAI = openai.AzureOpenAI(
            azure_endpoint=cloud.origin, api_version="2024-10-21", api_key=cloud.key(), **options
        )
    else:
        made = openai.OpenAI(base_url=f"{cloud.origin}/openai/v1", api_key=cloud.token(), **options)
    with made as client:
        yield client
    assert cloud.wrong == []


def test_chats(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert whole.choices[0].message.content == "You said: What is there?"
    with client.chat.completions.stream(model="gpt-4o", messages=HELLO) as stream:
        assert stream.get_final_completion().choices[0].message.content == "You said: What is there?"


def test_calls_tools(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": HELLO, "tools": TOOLS}
    message = client.chat.completions.create(**asked).choices[0].message
    assert message.tool_calls is not None
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "a cat"}
    asked["messages"] = [*HELLO, message.model_dump(exclude_unset=True, exclude={"audio"}), result]
    last = client.chat.completions.create(**asked).choices[0]
    assert (last.message.content, last.finish_reason) == ("look said: a cat", "stop")


def test_sees_and_thinks(client: openai.OpenAI) -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    parts: Any = [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": url}}]
    messages: Any = [{"role": "user", "content": parts}]
    for model, more in (
        ("gpt-4o", {"max_tokens": 5}),
        ("gpt-5", {"max_completion_tokens": 5, "reasoning_effort": "low"}),
    ):
        answer = client.chat.completions.create(model=model, messages=messages, **more)
        assert answer.choices[0].message.content == "You said: Look."


def test_makes_vectors_and_pictures(client: openai.OpenAI) -> None:
    found = client.embeddings.create(model="text-embedding-3-small", input=["a", "b"])
    assert [len(one.embedding) for one in found.data] == [1536, 1536]
    pictures = client.images.generate(model="gpt-image-1", prompt="a cat").data
    assert pictures and pictures[0].b64_json


def test_fills_in_a_schema(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    form: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": True}}
    answer = client.chat.completions.create(model="gpt-4o", messages=HELLO, response_format=form)
    assert answer.choices[0].message.content == '{"n": 1}'


@pytest.mark.parametrize("scope", ["https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default"])
def test_a_managed_identity_gets_a_token(monkeypatch: pytest.MonkeyPatch, cloud: FakeAzure, scope: str) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name, value in cloud.identity_environment().items():
        monkeypatch.setenv(name, value)
    with azure.identity.ManagedIdentityCredential() as identity:
        token = identity.get_token(scope).token
    assert (cloud.tokens, cloud.token_requests) == ([token], 1)
    bearer = {"authorization": f"Bearer {token}"}
    asked = {"model": "gpt-4o", "messages": HELLO}
    reply = requests.post(f"{cloud.origin}/openai/v1/chat/completions", json=asked, headers=bearer, timeout=30)
    assert (reply.status_code, cloud.wrong) == (200, [])


def test_the_identity_is_secret(cloud: FakeAzure) -> None:
    found = cloud.identity_environment()
    for header, query in (
        ("x", "resource=https://ai.azure.com&api-version=2019-08-01"),
        (found["IDENTITY_HEADER"], ""),
    ):
        reply = requests.get(f"{found['IDENTITY_ENDPOINT']}?{query}", headers={"X-IDENTITY-HEADER": header}, timeout=30)
        assert reply.status_code == 400
    assert len(cloud.wrong) == 2 and cloud.tokens == []
