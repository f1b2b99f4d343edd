"""The fake Foundry: what it takes and refuses, and Anthropic's own client for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from tests.support.azure_client import post
from tests.support.behaviours import replay
from tests.support.cloud_errors import anthropic_error
from tests.support.fake_foundry import FakeFoundry
from tests.support.scripted_claude import agent

AT = "/anthropic/v1/messages"
BODY: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
}
NEW = {"model": "claude-opus-4-8"}


@pytest.fixture
def cloud() -> Iterator[FakeFoundry]:
    with FakeFoundry() as cloud:
        yield cloud


def ask(cloud: FakeFoundry, body: Any = BODY, path: str = AT, **headers: str | None) -> Any:
    key = cloud.key()
    own: dict[str, str | None] = {"api-key": key, "x-api-key": key, "anthropic-version": "2023-06-01"}
    return post(cloud, path, body, own | {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("changes", "headers"),
    [
        ({}, {}),
        ({"model": "my-sonnet", "temperature": 1, "service_tier": "auto"}, {}),
        (NEW | {"output_config": {"effort": "max"}}, {"anthropic_beta": "files-api-2025-04-14"}),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, {}),
    ],
)
def test_takes_what_is_right(cloud: FakeFoundry, changes: dict[str, Any], headers: dict[str, str]) -> None:
    reply = ask(cloud, BODY | changes, **headers)
    assert (reply.status_code, cloud.wrong) == (200, [])
    assert reply.json()["content"] == [{"type": "text", "text": "Hello there!"}]
    assert reply.headers["request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("changes", "headers", "status", "why"),
    [
        ({"anthropic_version": "2023-06-01"}, {}, 400, "anthropic_version: Extra inputs"),
        ({"anthropic_beta": []}, {}, 400, "anthropic_beta: Extra inputs"),
        ({"stream": "yes"}, {}, 400, "stream: Input should be a valid boolean"),
        ({"max_tokens": 64_001}, {}, 400, "max_tokens: 64001 > 64000"),
        (NEW | {"temperature": 1}, {}, 400, "`temperature` is deprecated"),
        ({"model": "claude-nobody"}, {}, 404, "no such deployment: claude-nobody"),
        ({"model": None}, {}, 404, "no such deployment: "),
        ({}, {"anthropic_version": None}, 400, "anthropic-version: expected 2023-06-01, got None"),
        ({}, {"anthropic_version": "2026-10-21"}, 400, "anthropic-version: expected 2023-06-01, got 2026-10-21"),
        ({}, {"cookie": "a=b"}, 400, "header cookie came through"),
        ({}, {"x_api_key": "0" * 32}, 401, "the key must stand in x-api-key and api-key"),
        ({}, {"x_api_key": None}, 401, "the key must stand in x-api-key and api-key"),
        ({}, {"x_api_key": "0" * 32, "api_key": "0" * 32}, 401, "the key was not made here"),
        ({}, {"authorization": "Bearer x"}, 401, "a key and a token came together"),
    ],
)
def test_refuses_all_else(
    cloud: FakeFoundry, changes: dict[str, Any], headers: dict[str, Any], status: int, why: str
) -> None:
    reply = ask(cloud, BODY | changes, **headers)
    assert reply.status_code == status
    assert why in cloud.wrong[0]
    if status == 400:
        assert (reply.json()["type"], reply.json()["request_id"]) == ("error", reply.headers["request-id"])
    else:
        assert reply.json()["error"]["code"] == {401: "401", 404: "DeploymentNotFound"}[status]


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/anthropic/v1/models", "/anthropic/v1/messages?beta=true", AT + "/batches"]
)
def test_refuses_other_paths(cloud: FakeFoundry, path: str) -> None:
    assert ask(cloud, path=path).status_code == 404
    assert len(cloud.wrong) == 1


@pytest.mark.parametrize("raw", [b"", b"{", b"[]"])
def test_refuses_what_is_no_json(cloud: FakeFoundry, raw: bytes) -> None:
    assert ask(cloud, raw).status_code in (400, 404)
    assert len(cloud.wrong) == 1


def test_takes_tokens_for_its_own_resource_alone(cloud: FakeFoundry) -> None:
    keys = {"api_key": None, "x_api_key": None}
    assert ask(cloud, **keys, authorization=f"Bearer {cloud.token()}").status_code == 200
    other = cloud.token("https://cognitiveservices.azure.com")
    assert ask(cloud, **keys, authorization=f"Bearer {other}").status_code == 401
    cloud.revoke()
    assert ask(cloud, **keys, authorization=f"Bearer {cloud.tokens[0]}").status_code == 401
    assert cloud.wrong == []


def test_the_environment_is_one_that_works(cloud: FakeFoundry) -> None:
    found = cloud.environment()
    key = found["ANTHROPIC_FOUNDRY_API_KEY"]
    assert ask(cloud, api_key=key, x_api_key=key).status_code == 200
    assert found["ANTHROPIC_FOUNDRY_BASE_URL"] + "/v1/messages" == cloud.origin + AT


def test_counts_tokens(cloud: FakeFoundry) -> None:
    counted = {key: BODY[key] for key in ("model", "messages")}
    assert ask(cloud, counted, AT + "/count_tokens").json().keys() == {"input_tokens"}
    assert cloud.wrong == []
    assert ask(cloud, BODY, AT + "/count_tokens").status_code == 400
    assert cloud.wrong == ["max_tokens: Extra inputs are not permitted"]


def test_streams_as_it_is_told(cloud: FakeFoundry) -> None:
    cloud.script(replay(size=7), anthropic_error(529))
    reply = ask(cloud, BODY | {"stream": True})
    assert reply.content == replay().body and reply.headers["content-type"].startswith("text/event-stream")
    assert ask(cloud).status_code == 529
    assert cloud.wrong == []


@pytest.mark.parametrize("way", ["key", "token"])
def test_anthropics_client_is_content(way: str) -> None:
    with FakeFoundry(anthropic_version="2026-10-21", strict_headers=False) as cloud:
        cloud.default = agent(size=50)
        token = cloud.token()
        options: dict[str, Any] = (
            {"api_key": cloud.key()} if way == "key" else {"azure_ad_token_provider": lambda: token}
        )
        tools: Any = [{"name": "look", "input_schema": {"type": "object"}}]
        messages: list[Any] = [{"role": "user", "content": "call: look({})\ncall: look({})\ncall: look({})"}]
        http_client = httpx2.Client(trust_env=False)
        with anthropic.AnthropicFoundry(
            base_url=cloud.base_url, http_client=http_client, max_retries=0, **options
        ) as client:
            for _ in range(4):
                asked: dict[str, Any] = {**NEW, "max_tokens": 99, "tools": tools, "messages": messages}
                with client.messages.stream(**asked) as stream:
                    message = stream.get_final_message()
                calls = [block for block in message.content if block.type == "tool_use"]
                results = [{"type": "tool_result", "tool_use_id": call.id, "content": "a cat"} for call in calls]
                messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
            counted = client.messages.count_tokens(model=NEW["model"], messages=[{"role": "user", "content": "Hi"}])
        assert cloud.wrong == []
        assert counted.input_tokens > 0
        last = message.content[-1]
        assert last.type == "text" and last.text.count("look said: a cat") == 3
