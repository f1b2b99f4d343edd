"""The fake Bedrock's entrance: keys, paths, ids of models, headers; what it refuses and what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.support.aws_signatures import Key
from tests.support.bedrock_client import BODY, CONVERSE, NEW, OLD, post, send
from tests.support.fake_bedrock import FakeBedrock

INVOKE = f"/model/{OLD}/invoke"
ARN = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
PLAIN = "anthropic.claude-sonnet-4-5-20250929-v1:0"
USUAL = {"accept-encoding": "identity", "content-type": "application/json", "user-agent": "oai-vertex"}


@pytest.fixture
def cloud() -> Iterator[FakeBedrock]:
    with FakeBedrock() as cloud:
        yield cloud


def told(reply: requests.Response) -> tuple[int, str]:
    """The status, and the error's name."""
    return reply.status_code, reply.headers.get("x-amzn-errortype", "").partition(":")[0]


# Keys


def test_takes_signed_requests(cloud: FakeBedrock) -> None:
    for key in (cloud.keys.access_key(), cloud.keys.access_key(temporary=True)):
        reply = post(cloud, INVOKE, BODY, key=key)
        assert (reply.status_code, cloud.wrong) == (200, [])
        assert reply.json()["content"] == [{"type": "text", "text": "Hello there!"}]
        assert len(reply.headers["x-amzn-requestid"]) == 32
    assert cloud.requests[0].parsed == BODY


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"key": Key("AKIAUNKNOWN", "x")}, "UnrecognizedClientException"),
        ({"region": "us-west-2"}, "InvalidSignatureException"),
        ({"service": "bedrock-runtime"}, "InvalidSignatureException"),
        ({"unsigned": {"content-type": "application/json; charset=utf-8"}}, "InvalidSignatureException"),
        ({"unsigned": {"x-amz-target": "x"}}, "InvalidSignatureException"),
        ({"unsigned": {"authorization": None}}, "MissingAuthenticationTokenException"),
        ({"unsigned": {"authorization": "AWS4-HMAC-SHA256 x"}}, "IncompleteSignatureException"),
        ({"unsigned": {"authorization": "Bearer ABSKunknown"}}, "IncompleteSignatureException"),
    ],
)
def test_refuses_what_is_signed_otherwise(cloud: FakeBedrock, change: dict[str, Any], name: str) -> None:
    assert told(post(cloud, INVOKE, BODY, **change)) == (403, name)
    assert len(cloud.wrong) == 1 and name in cloud.wrong[0]


def test_a_wrong_secret_is_told_in_awss_words(cloud: FakeBedrock) -> None:
    key = cloud.keys.access_key()
    reply = post(cloud, INVOKE, BODY, key=Key(key.id, key.secret + "x"))
    assert told(reply) == (403, "InvalidSignatureException")
    assert reply.json()["message"].startswith("The request signature we calculated does not match")


def test_takes_its_own_api_keys(cloud: FakeBedrock) -> None:
    good = USUAL | {"authorization": f"Bearer {cloud.keys.api_key()}"}
    assert send(cloud, INVOKE, b'{"anthropic_version":', good).status_code == 400
    reply = send(cloud, f"/model/{OLD}/converse", b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}', good)
    assert reply.status_code == 200
    cloud.wrong.clear()
    reply = send(cloud, INVOKE, b"{}", USUAL | {"authorization": "Bearer ABSKunknown"})
    assert told(reply) == (403, "AccessDeniedException")
    assert reply.json() == {"Message": "Authentication failed: Please make sure your API Key is valid."}
    assert len(cloud.wrong) == 1


def test_a_revoked_key_is_refused_but_no_fault_of_the_client(cloud: FakeBedrock) -> None:
    key, api_key = cloud.keys.access_key(), cloud.keys.api_key()
    cloud.keys.revoke()
    assert told(post(cloud, INVOKE, BODY, key=key)) == (403, "UnrecognizedClientException")
    reply = send(cloud, INVOKE, b"{}", USUAL | {"authorization": f"Bearer {api_key}"})
    assert told(reply) == (403, "AccessDeniedException")
    assert cloud.wrong == []
    assert post(cloud, INVOKE, BODY).status_code == 200


@pytest.mark.parametrize(("skew", "why"), [(600.0, "Signature expired"), (-600.0, "Signature not yet current")])
def test_its_clock_can_be_wrong(cloud: FakeBedrock, skew: float, why: str) -> None:
    cloud.clock_skew = skew
    reply = post(cloud, INVOKE, BODY)
    assert told(reply) == (403, "InvalidSignatureException")
    assert why in reply.json()["message"]
    assert cloud.wrong == []
    off = parsedate_to_datetime(reply.headers["date"]) - datetime.now(UTC)
    assert abs(off - timedelta(seconds=skew)) < timedelta(seconds=5)


def test_its_keys_are_for_its_regions() -> None:
    with FakeBedrock(region="eu-central-1") as cloud:
        at = "/model/eu.anthropic.claude-opus-4-8/invoke"
        assert post(cloud, at, BODY).status_code == 200
        assert post(cloud, at, BODY, region="eu-west-1").status_code == 403
        cloud.regions.add("eu-west-1")
        assert post(cloud, at, BODY, region="eu-west-1").status_code == 200


# Paths and ids


@pytest.mark.parametrize(
    "path",
    [
        f"/model/{OLD}/invoke".replace(":", "%3A"),
        f"/model/{NEW}/invoke",
        f"/model/global.{PLAIN}/invoke",
        "/model/anthropic.claude-3-haiku-20240307-v1:0/invoke",
        f"/model/{quote(ARN + OLD, safe='')}/invoke",
        f"/model/{quote(ARN + OLD, safe=':')}/invoke",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc/invoke",
    ],
)
def test_takes_ids_of_all_kinds(cloud: FakeBedrock, path: str) -> None:
    cloud.profiles["arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"] = PLAIN
    assert (post(cloud, path, BODY).status_code, cloud.wrong) == (200, [])


INVALID = "The provided model identifier is invalid."


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (PLAIN, "with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference"),
        ("anthropic.claude-opus-4-8", "with on-demand throughput isn’t supported"),
        ("meta.llama3-3-70b-instruct-v1:0", "with on-demand throughput isn’t supported"),
        (f"eu.{PLAIN}", INVALID),
        (f"jp.{PLAIN}", INVALID),
        (f"us-gov.{PLAIN}", INVALID),
        ("us.anthropic.claude-3-haiku-20240307-v9:0", INVALID),
        ("us.openai.gpt-oss-20b-1:0", INVALID),
        ("anthropic.claude-nobody", INVALID),
        ("claude-sonnet-4-5", INVALID),
        ("gemini-2.5-pro", INVALID),
        (quote("arn:aws:bedrock:eu-west-1:123456789012:inference-profile/" + OLD, safe=""), INVALID),
        (quote(ARN + PLAIN, safe=""), INVALID),
        ("us.anthropic.claude%2Dopus-4-8", "not encoded as it should be"),
        (quote(ARN, safe="").replace("%3A", ":", 1) + OLD, "not encoded as it should be"),
    ],
)
def test_refuses_other_ids(cloud: FakeBedrock, model: str, why: str) -> None:
    for door, body in (("invoke", BODY), ("converse-stream", CONVERSE)):
        reply = post(cloud, f"/model/{model}/{door}", body)
        assert told(reply) == (400, "ValidationException")
        assert why in reply.json()["message"] == cloud.wrong.pop()


@pytest.mark.parametrize(
    "path",
    [
        f"/model/{OLD}/predict",
        f"/model/{OLD}",
        f"/model/{ARN}{OLD}/invoke",
        f"/models/{OLD}/invoke",
        f"/model/{OLD}/invoke?x=y",
        f"/model/{OLD}/invoke/",
        "/v1/messages",
        "/anthropic/v1/messages/count_tokens",
        "/openai/v1/embeddings",
    ],
)
def test_refuses_other_paths(cloud: FakeBedrock, path: str) -> None:
    assert post(cloud, path, BODY).status_code == 404
    assert cloud.wrong == [f"no such operation: POST {path}"]
    assert requests.get(cloud.origin + INVOKE, timeout=30).status_code == 404


def test_models_can_be_denied(cloud: FakeBedrock) -> None:
    cloud.denied = {PLAIN}
    assert told(post(cloud, INVOKE, BODY)) == (403, "AccessDeniedException")
    assert cloud.wrong == []
    assert post(cloud, f"/model/{NEW}/invoke", BODY).status_code == 200


# Headers


@pytest.mark.parametrize(
    ("header", "value", "why"),
    [
        ("cookie", "a=b", "header cookie came through"),
        ("x-api-key", "secret", "header x-api-key came through"),
        ("anthropic-beta", "context-1m-2025-08-07", "header anthropic-beta came through"),
        ("anthropic-version", "2023-06-01", "header anthropic-version came through"),
        ("user-agent", "OpenAI/Python", "user-agent is OpenAI/Python"),
        ("accept-encoding", "gzip", "accept-encoding is gzip"),
        ("accept", "text/event-stream", "The requested Accept type text/event-stream is invalid."),
        ("x-amzn-bedrock-guardrailidentifier", "abc", "identifier and version must come together"),
        ("x-amzn-bedrock-guardrailversion", "DRAFT", "identifier and version must come together"),
        ("x-amzn-bedrock-service-tier", "auto", "The service tier is invalid."),
        ("x-amz-content-sha256", "0" * 64, "'x-amz-content-sha256' header is not the body's hash"),
    ],
)
def test_refuses_headers_that_do_not_belong_there(cloud: FakeBedrock, header: str, value: str, why: str) -> None:
    signed, unsigned = ({}, {header: value}) if header == "user-agent" else ({header: value}, {})
    reply = post(cloud, INVOKE, BODY, headers=signed, unsigned=unsigned)
    assert reply.status_code == (403 if header.startswith("x-amz-") else 400)
    assert len(cloud.wrong) == 1 and why in cloud.wrong[0]


@pytest.mark.parametrize(("guardrail", "version", "why"), [("A b", "1", "identifier"), ("abc", "latest", "version")])
def test_refuses_guardrails_that_cannot_be(cloud: FakeBedrock, guardrail: str, version: str, why: str) -> None:
    headers = {"x-amzn-bedrock-guardrailidentifier": guardrail, "x-amzn-bedrock-guardrailversion": version}
    assert post(cloud, INVOKE, BODY, headers=headers).status_code == 400
    assert cloud.wrong == [f"The guardrail {why} is invalid."]


def test_profiles_have_names_of_their_own(cloud: FakeBedrock) -> None:
    arn = cloud.profile(PLAIN)
    assert ":application-inference-profile/" in arn
    assert post(cloud, f"/model/{quote(arn, safe='')}/invoke", BODY).status_code == 200
    assert post(cloud, f"/model/{quote(arn + 'x', safe='')}/invoke", BODY).status_code == 400


def test_takes_its_own_headers(cloud: FakeBedrock) -> None:
    own = {"guardrailidentifier": "abc", "guardrailversion": "DRAFT", "trace": "ENABLED", "service-tier": "flex"}
    headers = {f"x-amzn-bedrock-{name}": value for name, value in own.items()}
    reply = post(cloud, INVOKE, BODY, headers=headers)
    assert (reply.status_code, cloud.wrong) == (200, [])
    assert reply.json()["amazon-bedrock-guardrailAction"] == "NONE"


def test_the_environment_is_one_that_works(cloud: FakeBedrock) -> None:
    found = cloud.environment()
    name, secret, region = found["AWS_CREDENTIALS"].split(":")
    assert (region, found["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]) == ("us-east-1", cloud.origin)
    assert post(cloud, INVOKE, BODY, key=Key(name, secret)).status_code == 200
    key = cloud.api_key_environment()["AWS_BEARER_TOKEN_BEDROCK"]
    assert send(cloud, INVOKE, b"", USUAL | {"authorization": f"Bearer {key}"}).status_code == 400
    login = cloud.login_environment()
    key = Key(login["AWS_ACCESS_KEY_ID"], login["AWS_SECRET_ACCESS_KEY"], login["AWS_SESSION_TOKEN"])
    assert post(cloud, INVOKE, BODY, key=key).status_code == 200
