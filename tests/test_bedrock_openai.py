"""Bedrock's OpenAI-compatible door: addresses, names of models, and the requests that OpenAI's own client makes."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.providers import bedrock

from oai_bridge.backends.bedrock_openai import BedrockOpenAI
from oai_bridge.credentials.aws import AwsAccess
from oai_bridge.credentials.base import Outbound
from oai_bridge.notes import Notes
from oai_bridge.settings.values import AwsKeys, Bedrock, Guardrail, OpenAI
from tests.support.sdk_requests import sent_by

KEYS = AwsKeys("AKIDEXAMPLE", "secret")
CHAT: dict[str, Any] = {"model": "gpt-oss-120b", "messages": [{"role": "user", "content": "Hello"}]}
ID = "openai.gpt-oss-120b-1:0"


def outbound(fields: dict[str, Any], *, region: str = "us-west-2", **settings: Any) -> Outbound:
    door = BedrockOpenAI(Bedrock(**settings), OpenAI())
    body = CHAT | fields
    facts = door.find(body["model"])
    assert facts is not None
    call = "stream" if body.get("stream") else "whole"
    return door.outbound(door.passed(body, facts, call, Notes()), facts, call, (), AwsAccess(region, KEYS))


@pytest.mark.parametrize("stream", [False, True])
def test_address_and_headers(stream: bool) -> None:
    sent = outbound({"stream": stream})
    assert (sent.method, sent.service) == ("POST", "bedrock")
    assert sent.url == "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/chat/completions"
    assert sent.headers == {
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        "accept-encoding": "identity",
    }
    assert outbound({}, base_url="http://127.0.0.1:9").url == "http://127.0.0.1:9/openai/v1/chat/completions"


def test_a_guardrail_is_asked_for_in_headers() -> None:
    headers = outbound({}, guardrail=Guardrail("g1", "DRAFT")).headers
    assert headers["x-amzn-bedrock-guardrailidentifier"] == "g1"
    assert headers["x-amzn-bedrock-guardrailversion"] == "DRAFT"


def passed(fields: dict[str, Any], **settings: Any) -> tuple[dict[str, Any], list[str]]:
    """What is sent beside model and messages, and what is told."""
    door, notes = BedrockOpenAI(Bedrock(**settings), OpenAI()), Notes()
    facts = door.find(ID)
    assert facts is not None
    sent = door.passed(CHAT | fields, facts, "whole", notes)
    return {field: value for field, value in sent.items() if field not in CHAT}, [note.code for note in notes]


@pytest.mark.parametrize(
    ("wish", "setting", "tier", "told"),
    [
        (None, None, None, []),
        (None, "flex", "flex", []),
        ("auto", None, None, []),
        ("auto", "flex", "flex", []),
        ("", "flex", "flex", []),
        ("priority", None, "priority", []),
        ("priority", "flex", "priority", []),
        ("default", "flex", "default", []),
        ("scale", None, None, ["dropped:service_tier"]),
        ("scale", "flex", "flex", ["dropped:service_tier"]),
        ("fast", "flex", "flex", ["dropped:service_tier"]),
        (["flex"], "priority", "priority", ["dropped:service_tier"]),
    ],
)
def test_the_tier_is_the_clients_or_that_of_the_settings(
    wish: Any, setting: Any, tier: str | None, told: list[str]
) -> None:
    expected = {"service_tier": tier} if tier else {}
    assert passed({"service_tier": wish}, service_tier=setting) == (expected, told)
    assert json.loads(outbound({"service_tier": wish}, service_tier=setting).body).get("service_tier") == tier


def test_the_client_has_no_word_on_the_guardrail_of_the_settings() -> None:
    """It could say that nothing of what it sends is to be looked at."""
    own = {"amazon-bedrock-guardrailConfig": {"tagSuffix": "x"}}
    assert passed(own) == (own, [])
    assert passed(own, guardrail=Guardrail("g1")) == ({}, ["dropped:amazon-bedrock-guardrailConfig"])


@pytest.mark.parametrize(
    ("model", "region", "name"),
    [
        ("gpt-oss-120b", "us-west-2", ID),
        ("openai/gpt-oss-120b", "eu-west-1", ID),
        ("openai.gpt-oss-120b", "us-west-2", ID),
        (ID, "us-west-2", ID),
        (f"us-gov.{ID}", "us-gov-west-1", f"us-gov.{ID}"),
        ("gpt-oss-120b", "us-gov-west-1", f"us-gov.{ID}"),
        ("grok-4.7", "us-west-2", "us.xai.grok-4.7"),
        ("grok-4.7", "eu-west-1", "global.xai.grok-4.7"),
        ("openai.gpt-99", "us-west-2", "openai.gpt-99"),
    ],
)
def test_models_go_by_bedrocks_ids(model: str, region: str, name: str) -> None:
    sent = outbound({"model": model}, region=region)
    assert (json.loads(sent.body)["model"], sent.model) == (name, name)


@pytest.mark.parametrize(
    "model", ["claude-opus-4-8", "anthropic.claude-opus-4-8", "nova-pro", "gpt-4o", "", "amazon/gpt-oss-120b"]
)
def test_others_models_are_not_there(model: str) -> None:
    assert BedrockOpenAI(Bedrock(), OpenAI()).find(model) is None


def test_what_is_listed_is_found_under_its_listed_name() -> None:
    door = BedrockOpenAI(Bedrock(), OpenAI())
    assert door.listed()
    assert all(door.find(facts.id) == facts and door.has(facts) for facts in door.listed())


@pytest.mark.parametrize("body", [{"message": "Too many tokens."}, {"error": {"message": "Too many tokens."}}])
def test_errors_are_awss_or_openais(body: dict[str, Any]) -> None:
    error = BedrockOpenAI(Bedrock(), OpenAI()).error(429, {}, json.dumps(body).encode(), ID, "us-west-2")
    assert (error.status, error.type) == (429, "rate_limit_error") and "Too many tokens." in error.message


ON_DEMAND = "Invocation of model ID {} with on-demand throughput isn{}t supported. Retry your request with a profile."


@pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
@pytest.mark.parametrize(
    ("model", "region", "profiles", "hint"),
    [
        ("openai.gpt-6.1-sol", "us-west-2", "geo", "Use the inference profile `us.openai.gpt-6.1-sol`."),
        ("openai.gpt-6.1-sol", "eu-west-1", "geo", "Use the inference profile `global.openai.gpt-6.1-sol`."),
        ("openai.gpt-6.1-sol", "us-west-2", "global", "Use the inference profile `global.openai.gpt-6.1-sol`."),
        ("openai.gpt-6.1-sol", "eu-west-1", "geo_only", "which calls `global.`."),
        ("openai.gpt-oss-120b-1:0", "us-west-2", "geo", "`us.`, `eu.` or `global.` before it."),
        ("openai.gpt-99", "us-west-2", "geo", "`us.`, `eu.` or `global.` before it."),
    ],
)
def test_an_error_names_the_profile_that_would_work(
    apostrophe: str, model: str, region: str, profiles: Any, hint: str
) -> None:
    door, message = BedrockOpenAI(Bedrock(profiles=profiles), OpenAI()), ON_DEMAND.format(model, apostrophe)
    openais = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": "validation"}}
    for headers, body in (({"x-amzn-errortype": "ValidationException"}, {"message": message}), ({}, openais)):
        error = door.error(400, headers, json.dumps(body).encode(), model, region)
        assert (error.status, error.code) == (404, "model_not_found")
        assert error.message.startswith(message) and error.message.endswith(hint)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1"])
def test_it_is_what_openais_client_sends(region: str, stream: bool) -> None:
    more: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    ours = outbound({"max_tokens": 9, "stream": True} if stream else {"max_tokens": 9}, region=region)
    provider = bedrock(endpoint="runtime", region=region, access_key_id="AKIDEXAMPLE", secret_access_key="secret")
    theirs = sent_by(
        lambda http: openai.OpenAI(provider=provider, http_client=http).chat.completions.create(
            **CHAT | {"model": ours.model, "max_tokens": 9} | more
        )
    )
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    assert json.loads(ours.body) == json.loads(theirs.content)
    assert f"/{region}/{ours.service}/aws4_request" in theirs.headers["authorization"]
