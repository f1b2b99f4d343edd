"""The fake cloud's checks: it takes what is right, and refuses each wrong request and token."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from tests.support.claude_rules import Model, faults, model
from tests.support.cloud_client import BODY, OLD, mint, path, post
from tests.support.fake_vertex import SCOPE, FakeVertex, Reply, agent, anthropic_error

NEW = "claude-opus-4-8"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()


@pytest.fixture
def cloud() -> Iterator[FakeVertex]:
    with FakeVertex() as cloud:
        yield cloud


def turns(*turns: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def picture(media_type: str = "image/png", data: str = PNG, **more: str) -> list[dict[str, Any]]:
    return [{"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data} | more}]


# What it takes


@pytest.mark.parametrize(
    ("id", "changes"),
    [
        (OLD, {}),
        (OLD, {"stop_sequences": ["\nUser:"], "temperature": 1, "top_k": 40, "metadata": {"user_id": "x"}}),
        (OLD, {"top_p": 0.5, "max_tokens": 64_000}),
        (NEW, {"max_tokens": 128_000}),
        ("claude-3-haiku@20240307", {"temperature": 0.5, "top_p": 0.5, "max_tokens": 4096}),
        (OLD, turns(("user", "Hi"), ("user", "there"), ("assistant", "A"), ("assistant", "B"))),
        (NEW, turns(("user", "Hi"), ("system", "Be brief."))),
        (NEW, turns(("user", "Hi"), ("system", "Be brief."), ("assistant", "A"), ("user", "C"))),
        (NEW, turns(("user", "Hi"), ("assistant", "A "), ("user", "C"))),
        (OLD, {"system": "Be brief."}),
        (OLD, {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}),
        (OLD, turns(("user", picture()))),
        (OLD, turns(("user", picture("image/webp", base64.b64encode(b"RIFF\n\n\n\nWEBPVP8 ").decode())))),
    ],
)
def test_takes_what_is_right(cloud: FakeVertex, id: str, changes: dict[str, Any]) -> None:
    reply = post(cloud, BODY | changes, at=path(cloud, id))
    assert (reply.status_code, cloud.wrong) == (200, [])
    assert reply.json()["content"] == [{"type": "text", "text": "Hello there!"}]
    assert reply.headers["request-id"].startswith("req_vrtx_")
    assert cloud.requests[0].parsed == BODY | changes
    assert json.loads(cloud.requests[0].body) == BODY | changes
    assert cloud.requests[0].path == path(cloud, id)


# What it refuses


@pytest.mark.parametrize(
    ("id", "changes", "why"),
    [
        (OLD, {"model": OLD}, "model: Extra inputs are not permitted"),
        (OLD, {"frequency_penalty": 0}, "frequency_penalty: Extra inputs"),
        (OLD, {"anthropic_version": "2026-10-21"}, "anthropic_version: expected 'vertex-2023-10-16'"),
        (OLD, {"anthropic_version": None}, "anthropic_version: expected 'vertex-2023-10-16'"),
        (OLD, {"stream": True}, "stream: must be False"),
        (OLD, {"max_tokens": None}, "max_tokens: Input should be a valid integer"),
        (OLD, {"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        (OLD, {"max_tokens": 10.0}, "max_tokens: Input should be a valid integer"),
        (OLD, {"max_tokens": 0}, "max_tokens: Input should be greater"),
        (OLD, {"max_tokens": 64_001}, "max_tokens: 64001 > 64000"),
        ("claude-opus-4-1@20250805", {"max_tokens": 32_001}, "max_tokens: 32001 > 32000"),
        (NEW, {"max_tokens": 128_001}, "max_tokens: 128001 > 128000"),
        (OLD, {"temperature": 1.1}, "temperature: range: 0..1"),
        (OLD, {"temperature": -0.1}, "temperature: range: 0..1"),
        (OLD, {"temperature": "1"}, "temperature: Input should be a valid number"),
        (OLD, {"top_k": 1.5}, "top_k: Input should be a valid number"),
        (OLD, {"temperature": 1, "top_p": 0.5}, "cannot both be specified"),
        ("claude-sonnet-4-6", {"temperature": 1, "top_p": 0.5}, "cannot both be specified"),
        ("claude-opus-4-7", {"temperature": 1}, "`temperature` is deprecated"),
        (NEW, {"top_p": 0.5}, "`top_p` is deprecated"),
        ("claude-unheard-of", {"top_k": 5}, "`top_k` is deprecated"),
        (OLD, {"stop_sequences": "x"}, "stop_sequences: Input should be a valid array"),
        (OLD, {"stop_sequences": ["x", " \n"]}, "stop_sequences: each stop sequence must contain non-whitespace"),
        (OLD, {"metadata": {"user": "x"}}, "metadata: Extra inputs"),
        (OLD, {"tool_choice": {"type": "auto"}}, "tool_choice: may only be specified"),
        (OLD, {"system": " "}, "system: text content blocks must be non-empty"),
        (OLD, {"system": 1}, "system: Input should be"),
        (OLD, {"system": ["x"]}, "system.0: Input should be a text block"),
        (OLD, {"system": [{"type": "text", "text": ""}]}, "system.0: text content blocks must be non-empty"),
        (OLD, {"messages": None}, "messages: Field required"),
        (OLD, {"messages": []}, "messages: at least one message"),
        (OLD, {"messages": ["x"]}, "messages.0.role: Input should be"),
        (OLD, turns(("assistant", "A"), ("user", "Hi")), "first message must use the 'user' role"),
        (OLD, turns(("user", "Hi"), ("tool", "A")), "messages.1.role: Input should be"),
        (OLD, {"messages": [{"role": "user", "content": "Hi", "name": "Ann"}]}, "messages.0.name: Extra inputs"),
        (OLD, turns(("user", None)), "messages.0.content: Input should be a valid list"),
        (OLD, turns(("user", [])), "messages.0: all messages must have non-empty content"),
        (OLD, turns(("user", "")), "messages.0.content.0: text content blocks must be non-empty"),
        (OLD, turns(("user", "Hi"), ("assistant", "\n"), ("user", "A")), "must contain non-whitespace"),
        (OLD, turns(("user", [{"type": "text", "text": 1}])), "text.text: Input should be a valid string"),
        (OLD, turns(("user", [{"type": "text", "text": "x", "id": 1}])), "text.id: Extra inputs"),
        (OLD, turns(("user", [{"type": "image_url", "image_url": {}}])), "Input tag 'image_url'"),
        (OLD, turns(("user", ["x"])), "Input tag None"),
        (OLD, turns(("user", "Hi"), ("assistant", "A ")), "cannot end with trailing whitespace"),
        (OLD, turns(("user", "Hi"), ("assistant", [{"type": "text", "text": "A\n"}])), "trailing whitespace"),
        ("claude-opus-4-6", turns(("user", "Hi"), ("assistant", "A")), "does not support assistant message prefill"),
        (OLD, turns(("user", "Hi"), ("system", "S")), "role 'system' is not supported"),
        ("claude-opus-4-7", turns(("user", "Hi"), ("system", "S")), "role 'system' is not supported"),
        (NEW, turns(("user", "Hi"), ("assistant", "A"), ("system", "S")), "a system message must follow a user turn"),
        (NEW, turns(("user", "Hi"), ("system", "S"), ("user", "A")), "a system message must follow a user turn"),
        (NEW, turns(("user", "Hi"), ("system", "S"), ("system", "T")), "a system message must follow a user turn"),
        (NEW, turns(("system", "S"), ("user", "A")), "first message must use the 'user' role"),
        (OLD, turns(("user", picture("image/jpeg"))), "does not match the provided media type image/jpeg"),
        (OLD, turns(("user", picture("image/svg+xml"))), "base64.media_type: Input should be"),
        (OLD, turns(("user", picture(data="!"))), "invalid base64 data"),
        (OLD, turns(("user", picture(detail="low"))), "base64.detail: Extra inputs"),
        (OLD, turns(("user", picture(type="url"))), "only base64 sources"),
        (OLD, turns(("user", "Hi"), ("assistant", picture()), ("user", "A")), "`image` blocks are not permitted"),
        (OLD, turns(("user", [{"type": "thinking", "thinking": "x", "signature": "y"}])), "`thinking` blocks are not"),
    ],
)
def test_refuses_what_the_api_refuses(cloud: FakeVertex, id: str, changes: dict[str, Any], why: str) -> None:
    reply = post(cloud, BODY | changes, at=path(cloud, id))
    assert reply.status_code == 400
    error = reply.json()
    assert (error["type"], error["error"]["type"]) == ("error", "invalid_request_error")
    assert error["request_id"].startswith("req_vrtx_")
    assert error["error"]["message"] == cloud.wrong[0]
    assert any(why in fault for fault in cloud.wrong), cloud.wrong


def cached(*points: Any) -> dict[str, Any]:
    return turns(("user", [{"type": "text", "text": "x", "cache_control": point} for point in points]))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (cached(*[{"type": "ephemeral"}] * 4), None),
        (cached(*[{"type": "ephemeral"}] * 5), "A maximum of 4 blocks"),
        (cached({"type": "ephemeral", "ttl": "1h"}, {"type": "ephemeral"}), None),
        (cached({"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}), "must not come after a ttl='5m'"),
        (cached({"type": "ephemeral", "ttl": "2h"}), "Input should be {'type': 'ephemeral'}"),
        (cached("ephemeral"), "Input should be {'type': 'ephemeral'}"),
        (cached({"type": "ephemeral", "scope": "global"}), "cache_control.ephemeral.scope: Extra inputs"),
    ],
)
def test_limits_cache_points(changes: dict[str, Any], why: str | None) -> None:
    found = faults(BODY | changes, Model("claude-sonnet-4-5", (4, 5)), streamed=False)
    assert found == [] if why is None else why in found[0]


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'{"max_tokens": NaN}', b'{"system": "\xff"}', b'{"system": "\\ud83d"}', b"[" * 200_000],
    ids=repr,
)
def test_refuses_what_is_no_json(cloud: FakeVertex, raw: bytes) -> None:
    reply = post(cloud, raw)
    assert reply.status_code == 400
    assert len(cloud.wrong) == 1
    assert reply.json()["error"]["message"] == cloud.wrong[0]


@pytest.mark.parametrize(
    ("header", "value", "why"),
    [
        ("cookie", "a=b", "header cookie came through"),
        ("origin", "http://x", "header origin came through"),
        ("X-Api-Key", "secret", "header x-api-key came through"),
        ("x-forwarded-for", "1.2.3.4", "header x-forwarded-for came through"),
        ("user-agent", "OpenAI/Python", "user-agent is OpenAI/Python"),
        ("accept-encoding", "gzip", "accept-encoding is gzip"),
        ("content-type", "text/plain", "content-type is text/plain"),
        ("content-type", None, "content-type is None"),
    ],
)
def test_refuses_headers_that_come_from_elsewhere(cloud: FakeVertex, header: str, value: str | None, why: str) -> None:
    assert post(cloud, headers={header: value}).status_code == 400
    assert cloud.wrong == [why]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda good: good.replace("@", "%40"), 404),
        (lambda good: good.replace(":raw", "%3Araw"), 404),
        (lambda good: good.replace("rawPredict", "predict"), 404),
        (lambda good: good.replace("@20250929", "-20250929"), 404),
        (lambda good: good.replace("@20250929", ""), 404),
        (lambda good: good.replace(OLD, NEW + "@20260101"), 404),
        (lambda good: good.replace(OLD, "gemini-2.5-pro"), 404),
        (lambda good: good.replace("/v1/", "/"), 404),
        (lambda good: good + "?beta=true", 404),
        (lambda good: good.replace("us-east5", "europe-west1"), 403),
        (lambda good: good.replace("test-project", "other-project"), 403),
    ],
)
def test_refuses_other_paths(cloud: FakeVertex, change: Any, status: int) -> None:
    reply = post(cloud, at=change(path(cloud)))
    assert (reply.status_code, reply.json()["error"]["code"], len(cloud.wrong)) == (status, status, 1)


COUNT = {key: BODY[key] for key in ("anthropic_version", "messages")} | {"model": NEW}


def test_counts_tokens(cloud: FakeVertex) -> None:
    at = path(cloud, "count-tokens")
    few, same = post(cloud, COUNT, at=at), post(cloud, COUNT, at=at)
    long = [{"role": "user", "content": "Hello, how are you? " * 9}]
    more = post(cloud, COUNT | {"messages": long}, at=at)
    assert few.json().keys() == {"input_tokens"}
    assert 0 < few.json()["input_tokens"] == same.json()["input_tokens"] < more.json()["input_tokens"]
    cloud.script(anthropic_error(529))
    assert post(cloud, COUNT, at=at).status_code == 529
    assert cloud.wrong == []


@pytest.mark.parametrize(
    ("body", "method", "status", "why"),
    [
        (COUNT | {"max_tokens": 1}, "rawPredict", 400, "max_tokens: Extra inputs are not permitted"),
        (BODY, "rawPredict", 400, "model: None is no model of this cloud"),
        (COUNT, "streamRawPredict", 404, "no such path or model"),
        (b"{", "rawPredict", 400, "The request body is not valid JSON"),
    ],
)
def test_refuses_what_cannot_be_counted(cloud: FakeVertex, body: Any, method: str, status: int, why: str) -> None:
    assert post(cloud, body, at=path(cloud, "count-tokens", method)).status_code == status
    assert why in cloud.wrong[0]


def test_knows_the_betas_of_the_header(cloud: FakeVertex) -> None:
    assert post(cloud, headers={"anthropic-beta": "context-1m-2025-08-07"}).status_code == 200
    assert cloud.wrong == []
    assert post(cloud, headers={"anthropic-beta": "context-1m-2025-08-07,skills-2025-10-02"}).status_code == 400
    assert "`skills-2025-10-02`" in cloud.wrong[0] and "context-1m" not in cloud.wrong[0]


def test_tells_the_rate_limits(cloud: FakeVertex) -> None:
    stream = path(cloud, method="streamRawPredict")
    cloud.script(Reply(body={}), anthropic_error(429))
    for reply in (post(cloud), post(cloud), post(cloud, BODY | {"stream": True}, at=stream)):
        assert reply.headers["anthropic-ratelimit-requests-remaining"] == "3999"
        assert reply.headers["anthropic-ratelimit-tokens-reset"] == "2035-01-01T00:00:00Z"
    assert not [name for name in post(cloud, b"").headers if "ratelimit" in name]
    cloud.ratelimits = {}
    assert not [name for name in post(cloud).headers if "ratelimit" in name]


def test_knows_its_own_signatures_alone(cloud: FakeVertex) -> None:
    cloud.default = agent()
    bound = path(cloud, "claude-opus-5-5")
    answer = post(cloud, at=bound).json()
    asked, thanks = BODY["messages"][0], {"role": "user", "content": "Thanks"}
    later = [asked, {"role": "assistant", "content": answer["content"]}, thanks]
    assert post(cloud, BODY | {"messages": later}, at=bound).status_code == 200
    assert post(cloud, COUNT | {"messages": later, "model": "claude-opus-5-5"}, at=path(cloud, "count-tokens")).ok
    assert cloud.wrong == []
    with FakeVertex() as other:
        assert post(other, BODY | {"messages": later}, at=path(other, "claude-opus-5-5")).status_code == 400
        assert other.wrong == ["messages.1.content.0: Invalid `signature` in `thinking` block"]
    elsewhere = [asked | {"content": "Ho"}, *later[1:]]
    assert post(cloud, BODY | {"messages": elsewhere}, at=bound).status_code == 400
    assert "bound to a different conversation" in cloud.wrong[0]


def test_refuses_another_method(cloud: FakeVertex) -> None:
    assert requests.get(cloud.origin + path(cloud), timeout=30).status_code == 404
    assert len(cloud.wrong) == 1


def test_a_stale_token_is_refused_but_no_fault_of_the_client(cloud: FakeVertex) -> None:
    token = {"authorization": f"Bearer {mint(cloud)}"}
    assert post(cloud, headers=token).status_code == 200
    cloud.revoke_tokens()
    usual = {"accept-encoding": "identity", "user-agent": "oai-vertex", "content-type": "application/json"}
    refused = requests.post(cloud.origin + path(cloud), json=BODY, headers=usual | token, timeout=30)
    assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert post(cloud).status_code == 200
    cloud.token_lifetime = 0
    assert post(cloud).status_code == 401
    assert cloud.wrong == []
    assert post(cloud, headers={"authorization": "Bearer made-up"}).status_code == 401
    assert cloud.wrong == ["the bearer token was not minted here"]


def test_each_project_has_an_account_of_its_own(cloud: FakeVertex) -> None:
    other = Credentials.from_service_account_info(cloud.service_account("other-project"), scopes=[SCOPE])
    with requests.Session() as session:
        other.refresh(Request(session))
    bearer = {"authorization": f"Bearer {other.token}"}
    assert post(cloud, at=path(cloud).replace("test-project", "other-project"), headers=bearer).status_code == 200
    assert post(cloud, headers=bearer).status_code == 403


def test_the_other_version_takes_no_sampling(cloud: FakeVertex) -> None:
    facts = Model("claude-sonnet-4-5", (4, 5))
    body = BODY | {"anthropic_version": "2026-10-21"}
    assert faults(body, facts, streamed=False, version="2026-10-21") == []
    assert faults(body | {"top_k": 1}, facts, streamed=False, version="2026-10-21") == [
        "`top_k` is deprecated for this model."
    ]


@pytest.mark.parametrize(
    ("id", "version"),
    [
        ("claude-3-5-sonnet@20240620", (3, 5)),
        ("claude-sonnet-4@20250514", (4, 0)),
        ("claude-opus-4-6", (4, 6)),
        ("claude-opus-4-6@default", (4, 6)),
        ("claude-fable-5", (5, 0)),
        ("claude-mythos-5-2", (5, 2)),
        ("claude-mythos-preview", (99, 0)),
        ("claude-sonnet-4-5-20250929", None),
        ("claude-3-5-sonnet-latest", None),
        ("claude-sonnet-4-5", None),
        ("claude-opus-4-6@20260101", None),
        ("Claude-opus-4-6", None),
        ("claude-opus-4-6\n", None),
    ],
)
def test_knows_the_generation_of_a_model(id: str, version: tuple[int, int] | None) -> None:
    facts = model(id)
    assert (facts and facts.version) == version
