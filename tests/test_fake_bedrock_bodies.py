"""The fake Bedrock's judgement of bodies, door by door: each refusal is AWS's, and goes into `wrong`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.bedrock_client import BODY, CHAT, CONVERSE, NEW, OLD, post
from tests.support.fake_bedrock import FakeBedrock

PLAIN = OLD.removeprefix("us.")
MESSAGES = {key: BODY[key] for key in ("max_tokens", "messages")} | {"model": OLD}
VERSION = {"anthropic-version": "2023-06-01"}
TITAN, COHERE = "amazon.titan-embed-text-v2:0", "cohere.embed-english-v3"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()


@pytest.fixture(scope="module")
def server() -> Iterator[FakeBedrock]:
    with FakeBedrock() as cloud:
        yield cloud


@pytest.fixture
def cloud(server: FakeBedrock) -> FakeBedrock:
    server.wrong.clear()
    return server


def asking(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("model", "changes", "why"),
    [
        (OLD, {"anthropic_beta": ["context-1m-2025-08-07"], "temperature": 1, "top_k": 4}, None),
        (OLD, {"output_config": {"format": {"type": "json_schema", "schema": {"type": "string"}}}}, None),
        (NEW, {"output_config": {"effort": "xhigh"}, "thinking": {"type": "adaptive"}}, None),
        (OLD, {"model": OLD}, "model: Extra inputs are not permitted"),
        (OLD, {"stream": True}, "stream: Extra inputs are not permitted"),
        (OLD, {"service_tier": "auto"}, "service_tier: Extra inputs are not permitted"),
        (OLD, {"anthropic_version": "vertex-2023-10-16"}, "anthropic_version: expected 'bedrock-2023-05-31'"),
        (OLD, {"anthropic_beta": ["interleaved-thinking-2025-05-14"]}, "invalid beta flag"),
        (OLD, {"anthropic_beta": "context-1m-2025-08-07"}, "anthropic_beta: Input should be a valid list"),
        (
            OLD,
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            "Input tag 'web_search_20250305' found using 'type' does not match",
        ),
        (OLD, asking({"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}), "only base64 sources"),
        (NEW, {"output_config": {"effort": "max"}}, "does not support effort level 'max'"),
        ("us.anthropic.claude-opus-4-7", {"output_config": {"format": {}}}, "output_config.format: Extra inputs"),
        (NEW, {"temperature": 0.5}, "`temperature` is deprecated"),
        (OLD, {"max_tokens": 0}, "max_tokens: Input should be greater"),
    ],
)
def test_judges_claudes_bodies(cloud: FakeBedrock, model: str, changes: dict[str, Any], why: str | None) -> None:
    for how in ("invoke", "invoke-with-response-stream"):
        reply = post(cloud, f"/model/{model}/{how}", BODY | changes)
        assert reply.status_code == (400 if why else 200), reply.text
        if why:
            assert reply.headers["x-amzn-errortype"].startswith("ValidationException:")
            assert reply.json() == {"message": cloud.wrong[0]}
            assert why in cloud.wrong.pop(0)
    assert cloud.wrong == []


def test_the_newer_version_is_for_newer_models() -> None:
    with FakeBedrock(anthropic_version="2026-10-21") as cloud:
        body = BODY | {"anthropic_version": "2026-10-21"}
        assert post(cloud, f"/model/{NEW}/invoke", body).status_code == 200
        assert cloud.wrong == []
        assert post(cloud, f"/model/{OLD}/invoke", body).status_code == 400
        assert "is not supported on this model" in cloud.wrong[0]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"max_tokens": NaN}', b'"x"'], ids=repr)
@pytest.mark.parametrize(
    "path",
    [
        *(f"/model/{OLD}/invoke", f"/model/{OLD}/converse", f"/model/{PLAIN}/count-tokens"),
        *("/anthropic/v1/messages", "/openai/v1/chat/completions"),
    ],
)
def test_refuses_what_is_no_json(cloud: FakeBedrock, path: str, raw: bytes) -> None:
    assert post(cloud, path, raw, headers=VERSION if "messages" in path else {}).status_code in (400, 404)
    assert cloud.wrong


@pytest.mark.parametrize(
    ("model", "changes", "why"),
    [
        (OLD, {"system": [{"text": "Be brief."}], "inferenceConfig": {"maxTokens": 5, "temperature": 1}}, None),
        ("amazon.nova-lite-v1:0", asking({"text": "Hi"}, {"image": {"format": "png", "source": {"bytes": PNG}}}), None),
        (OLD, {"model": OLD}, "model"),
        (OLD, asking({"type": "text", "text": "Hi"}), "type"),
        (OLD, {"messages": [{"role": "tool", "content": [{"text": "Hi"}]}]}, "role"),
        (OLD, {"inferenceConfig": {"temperature": 1.5}}, "temperature"),
        (OLD, {"toolConfig": {"tools": []}}, "tools"),
        (OLD, asking({"text": " "}), "is blank"),
        (NEW, {"inferenceConfig": {"temperature": 1}}, "`temperature` is deprecated"),
        (
            "us.deepseek.r1-v1:0",
            {"toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}]}},
            "",
        ),
        (TITAN, {}, "The action doesn't support the model that you provided"),
    ],
)
def test_judges_converses_bodies(cloud: FakeBedrock, model: str, changes: dict[str, Any], why: str | None) -> None:
    for how in ("converse", "converse-stream"):
        reply = post(cloud, f"/model/{model}/{how}", CONVERSE | changes)
        assert reply.status_code == (200 if why is None else 400), reply.text
        assert bool(cloud.wrong) == (why is not None)
        if why is not None:
            assert why in cloud.wrong[0]
            assert reply.json() == {"message": cloud.wrong[0]}
        cloud.wrong.clear()


@pytest.mark.parametrize(
    ("model", "body", "size"),
    [
        (TITAN, {"inputText": "Hello"}, 1024),
        (TITAN, {"inputText": "Hello", "dimensions": 256, "normalize": True}, 256),
        ("amazon.titan-embed-text-v1", {"inputText": "Hello"}, 1536),
        (COHERE, {"texts": ["a", "b"], "input_type": "search_query", "truncate": "END"}, 1024),
        ("us.cohere.embed-v4:0", {"texts": ["a"], "input_type": "clustering", "output_dimension": 512}, 512),
    ],
)
def test_makes_vectors(cloud: FakeBedrock, model: str, body: dict[str, Any], size: int) -> None:
    reply = post(cloud, f"/model/{model}/invoke", body)
    assert (reply.status_code, cloud.wrong) == (200, [])
    answer = reply.json()
    vectors = [answer["embedding"]] if "embedding" in answer else answer["embeddings"]
    assert len(vectors) == len(body.get("texts", [1]))
    assert {len(vector) for vector in vectors} == {size}
    assert len({json.dumps(vector) for vector in vectors}) == len(vectors)
    assert all(abs(sum(number * number for number in vector) - 1) < 1e-9 for vector in vectors)
    assert int(reply.headers["x-amzn-bedrock-input-token-count"]) > 0
    assert post(cloud, f"/model/{model}/invoke", body).json() == answer


@pytest.mark.parametrize(
    ("model", "body", "why"),
    [
        (TITAN, {}, "required key [inputText] not found"),
        (TITAN, {"inputText": "a", "model": "x"}, "extraneous key [model] is not permitted"),
        (TITAN, {"inputText": "a" * 50_001}, "maxLength: 50000, actual: 50001"),
        (TITAN, {"inputText": ""}, "minLength: 1"),
        (TITAN, {"inputText": "a", "dimensions": 300}, "300 is not a valid enum value"),
        (TITAN, {"inputText": "a", "normalize": 1}, "expected type: Boolean"),
        ("amazon.titan-embed-text-v1", {"inputText": "a", "dimensions": 256}, "extraneous key [dimensions]"),
        (COHERE, {"input_type": "search_query"}, "required key [texts] not found"),
        (COHERE, {"texts": ["a"]}, "required key [input_type] not found"),
        (COHERE, {"texts": ["a"] * 97, "input_type": "search_query"}, "maximum item count: 96, found: 97"),
        (COHERE, {"texts": ["a"], "input_type": "query"}, "query is not a valid enum value"),
        (COHERE, {"texts": ["a"], "input_type": "search_query", "truncate": "yes"}, "yes is not a valid enum value"),
        (COHERE, {"texts": ["a"], "input_type": "search_query", "output_dimension": 256}, "extraneous key"),
        (COHERE, ["a"], "expected type: JSONObject"),
    ],
)
def test_refuses_other_bodies_for_vectors(cloud: FakeBedrock, model: str, body: Any, why: str) -> None:
    reply = post(cloud, f"/model/{model}/invoke", body)
    assert reply.status_code == 400
    assert reply.json()["message"].startswith("Malformed input request: ")
    assert why in cloud.wrong[0]


def test_gpt_oss_can_also_be_invoked(cloud: FakeBedrock) -> None:
    body = {"messages": CHAT["messages"], "max_completion_tokens": 9}
    answer = post(cloud, f"/model/{CHAT['model']}/invoke", body).json()
    assert answer["choices"][0]["message"]["content"] == "You said: Hi"
    assert post(cloud, "/model/amazon.nova-lite-v1:0/converse", CONVERSE).status_code == 200
    assert cloud.wrong == []
    assert post(cloud, "/model/amazon.nova-lite-v1:0/invoke", CONVERSE).status_code == 400
    assert post(cloud, f"/model/{CHAT['model']}/invoke", body | {"top_k": 1}).status_code == 400
    assert len(cloud.wrong) == 2


def test_the_messages_door_can_be_denied(cloud: FakeBedrock) -> None:
    cloud.denied = {OLD}
    assert (
        post(cloud, "/anthropic/v1/messages", MESSAGES, headers=VERSION).json()["error"]["type"] == "permission_error"
    )
    cloud.denied = set()
    assert cloud.wrong == []


def test_vectors_do_not_stream(cloud: FakeBedrock) -> None:
    assert post(cloud, f"/model/{TITAN}/invoke-with-response-stream", {"inputText": "a"}).status_code == 400
    assert cloud.wrong == ["The model is unsupported for streaming"]


def wrapped(body: Any) -> dict[str, Any]:
    return {"input": {"invokeModel": {"body": base64.b64encode(json.dumps(body).encode()).decode()}}}


def test_counts_tokens(cloud: FakeBedrock) -> None:
    few = post(cloud, f"/model/{PLAIN}/count-tokens", wrapped(BODY)).json()
    more = post(cloud, f"/model/{PLAIN}/count-tokens", wrapped(BODY | asking({"type": "text", "text": "Hi " * 99})))
    assert few.keys() == {"inputTokens"} and 0 < few["inputTokens"] < more.json()["inputTokens"]
    assert post(cloud, f"/model/{PLAIN}/count-tokens", {"input": {"converse": CONVERSE}}).status_code == 200
    assert cloud.wrong == []


@pytest.mark.parametrize(
    ("model", "body", "why"),
    [
        (OLD, wrapped(BODY), "The provided model doesn't support counting tokens."),
        ("amazon.nova-lite-v1:0", {"input": {"converse": CONVERSE}}, "doesn't support counting tokens."),
        (PLAIN, BODY, "input must be one of"),
        (PLAIN, {"input": {"invokeModel": {"body": BODY}}}, "is no blob of JSON"),
        (PLAIN, {"input": {"invokeModel": {"body": json.dumps(BODY)}}}, "is no blob of JSON"),
        (PLAIN, wrapped(BODY | {"model": "x"}), "model: Extra inputs"),
        (PLAIN, {"input": {"converse": BODY}}, ""),
    ],
)
def test_refuses_what_cannot_be_counted(cloud: FakeBedrock, model: str, body: Any, why: str) -> None:
    assert post(cloud, f"/model/{model}/count-tokens", body).status_code == 400
    assert why in cloud.wrong[0]


@pytest.mark.parametrize(
    ("changes", "headers", "status", "why"),
    [
        ({}, VERSION, 200, None),
        ({"stream": True}, VERSION | {"anthropic-beta": "context-1m-2025-08-07"}, 200, None),
        ({}, {}, 400, "anthropic-version: 2023-06-01 is required"),
        ({}, VERSION | {"anthropic-beta": "skills-2025-10-02"}, 400, "invalid beta flag"),
        ({"anthropic_version": "bedrock-2023-05-31"}, VERSION, 400, "anthropic_version: Extra inputs"),
        ({"anthropic_beta": []}, VERSION, 400, "anthropic_beta: Extra inputs"),
        ({"stream": "yes"}, VERSION, 400, "stream: Input should be a valid boolean"),
        ({"model": PLAIN}, VERSION, 404, "with on-demand throughput isn’t supported"),
        ({"model": "openai.gpt-oss-20b-1:0"}, VERSION, 404, "model: openai.gpt-oss-20b-1:0"),
        ({"model": None}, VERSION, 404, ""),
    ],
)
def test_judges_the_messages_door(
    cloud: FakeBedrock, changes: dict[str, Any], headers: dict[str, str], status: int, why: str | None
) -> None:
    reply = post(cloud, "/anthropic/v1/messages", MESSAGES | changes, headers=headers)
    assert reply.status_code == status
    assert bool(cloud.wrong) == (why is not None)
    if why is not None:
        error = reply.json()
        assert (error["type"], error["error"]["message"]) == ("error", cloud.wrong[0])
        assert why in cloud.wrong[0] and error["request_id"] == reply.headers["request-id"]


def test_mantle_has_names_and_a_signature_of_its_own() -> None:
    with FakeBedrock(mantle=True) as cloud:
        assert cloud.environment().keys() == {"AWS_CREDENTIALS"}
        oss = CHAT | {"model": "openai.gpt-oss-120b"}
        at, service = "/anthropic/v1/messages", "bedrock-mantle"
        good = MESSAGES | {"model": "anthropic.claude-haiku-4-5"}
        assert post(cloud, at, good, headers=VERSION, service=service).status_code == 200
        count = {key: good[key] for key in ("model", "messages")}
        assert post(cloud, f"{at}/count_tokens", count, headers=VERSION, service=service).json().keys() == {
            "input_tokens"
        }
        assert post(cloud, "/openai/v1/chat/completions", oss, service=service).status_code == 200
        assert cloud.wrong == []
        assert post(cloud, at, good, headers=VERSION).status_code == 403
        assert post(cloud, at, MESSAGES, headers=VERSION, service=service).status_code == 404
        assert post(cloud, f"{at}/count_tokens", good, headers=VERSION, service=service).status_code == 400
        assert post(cloud, f"/model/{OLD}/invoke", BODY, service=service).status_code == 404
        assert len(cloud.wrong) == 4


@pytest.mark.parametrize(
    ("changes", "status", "why"),
    [
        ({}, 200, None),
        ({"stream": True, "reasoning_effort": "high", "max_tokens": 9, "stop": ["x"]}, 200, None),
        ({"top_k": 5}, 400, "Unrecognized request argument supplied: top_k"),
        ({"messages": []}, 400, "Invalid 'messages': empty array"),
        ({"model": OLD}, 400, "does not support the '/v1/chat/completions' API"),
        ({"model": "us.openai.gpt-oss-20b-1:0"}, 400, "does not support the '/v1/chat/completions' API"),
        ({"model": "gpt-4o"}, 404, "does not exist"),
    ],
)
def test_judges_the_door_of_openais_language(
    cloud: FakeBedrock, changes: dict[str, Any], status: int, why: str | None
) -> None:
    reply = post(cloud, "/openai/v1/chat/completions", CHAT | changes)
    assert reply.status_code == status, reply.text
    assert bool(cloud.wrong) == (why is not None)
    if why:
        assert why in cloud.wrong[0] == reply.json()["error"]["message"]
