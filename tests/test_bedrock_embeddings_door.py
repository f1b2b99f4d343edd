"""backends/bedrock_embeddings: where each model is asked, in which region, under which id."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.backends.bedrock_embeddings import BedrockEmbeddings
from oai_bridge.credentials.base import Outbound
from oai_bridge.errors import CloudError
from oai_bridge.notes import Notes
from oai_bridge.openai.embeddings import EmbeddingRequest
from oai_bridge.settings.values import Bedrock
from tests.support.small_cloud import Key


def outbound(model: str, region: str = "us-east-1", **settings: Any) -> Outbound:
    backend = BedrockEmbeddings(Bedrock(**settings))
    facts = backend.find(model)
    assert facts is not None
    (batch,) = backend.batches(EmbeddingRequest(model, ("Hello",)), facts, Notes())
    key = Key()
    key.region = region
    return backend.outbound(batch.body, facts, "embed", (), key)


@pytest.mark.parametrize(
    ("model", "region", "bedrock", "host", "id"),
    [
        (
            "titan-embed-text-v2",
            "us-east-1",
            {},
            "bedrock-runtime.us-east-1.amazonaws.com",
            "amazon.titan-embed-text-v2:0",
        ),
        (
            "titan-embed-text-v1",
            "cn-north-1",
            {},
            "bedrock-runtime.cn-north-1.amazonaws.com.cn",
            "amazon.titan-embed-text-v1",
        ),
        ("cohere-embed-v4", "us-west-2", {}, "bedrock-runtime.us-west-2.amazonaws.com", "us.cohere.embed-v4:0"),
        ("cohere-embed-v4", "eu-west-1", {}, "bedrock-runtime.eu-west-1.amazonaws.com", "eu.cohere.embed-v4:0"),
        (
            *("cohere-embed-v4", "eu-west-1", {"profiles": "global"}),
            *("bedrock-runtime.eu-west-1.amazonaws.com", "global.cohere.embed-v4:0"),
        ),
        ("cohere.embed-v4", "us-west-2", {}, "bedrock-runtime.us-west-2.amazonaws.com", "cohere.embed-v4:0"),
        ("eu.cohere.embed-v4:0", "us-west-2", {}, "bedrock-runtime.us-west-2.amazonaws.com", "eu.cohere.embed-v4:0"),
    ],
)
def test_addresses(model: str, region: str, bedrock: dict[str, Any], host: str, id: str) -> None:
    sent = outbound(model, region, **bedrock)
    assert (sent.method, sent.url) == ("POST", f"https://{host}/model/{id}/invoke")
    assert (sent.model, sent.service) == (id, "bedrock")


def test_an_arns_slashes_are_part_of_the_id() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.cohere.embed-v4:0"
    sent = outbound(arn, base_url="http://127.0.0.1:9")
    assert sent.url == f"http://127.0.0.1:9/model/{arn.replace('/', '%2F')}/invoke"
    assert sent.model == arn


def test_the_request() -> None:
    sent = outbound("titan-embed-text-v2")
    assert json.loads(sent.body) == {"inputText": "Hello", "normalize": True}
    assert sent.headers == {
        "content-type": "application/json",
        "accept": "application/json",
        "accept-encoding": "identity",
    }


@pytest.mark.parametrize(
    ("name", "owned"),
    [
        ("titan-embed-text-v2", False),
        ("amazon.titan-embed-text-v2", True),
        ("us.cohere.embed-v4:0", True),
        ("text-embedding-3-small", False),
    ],
)
def test_whose_spelling_it_is(name: str, owned: bool) -> None:
    assert BedrockEmbeddings(Bedrock()).owns(name) is owned


def test_the_list_begins_with_the_most_useful() -> None:
    backend = BedrockEmbeddings(Bedrock())
    assert [facts.id for facts in backend.listed()][:2] == ["cohere-embed-v4", "titan-embed-text-v2"]
    assert backend.find("claude-sonnet-4-5") is None


def test_errors_are_awss() -> None:
    headers = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/"}
    error = BedrockEmbeddings(Bedrock()).error(429, headers, b'{"message": "Too many requests."}')
    assert isinstance(error, CloudError) and (error.status, error.code) == (429, "rate_limit_exceeded")
