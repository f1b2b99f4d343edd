"""Claude on AWS Bedrock: the same requests as Anthropic's own client makes and as boto3 makes, signed as AWS wants."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import anthropic
import httpx2
import pytest
from botocore.endpoint_provider import EndpointProvider
from botocore.session import get_session

from oai_bridge.backends.bedrock_host import runtime_url
from oai_bridge.credentials.aws import AwsAccess
from oai_bridge.credentials.base import Outbound
from oai_bridge.settings.values import AwsApiKey, AwsKeys, Bedrock, Guardrail
from tests.support.aws_signatures import Key, Refused, Signed, signed_region
from tests.support.bedrock_requests import HELLO, NAMED, TURN, body_of, chat, native
from tests.support.boto import prepared_by_boto
from tests.support.cases import ALL, Case, name
from tests.support.sdk_requests import CONVERSATION, THE_SAME_FOR_ANTHROPIC, asked_of_claude, meaning, sent_by

OLD = "anthropic.claude-opus-4-5-20251101-v1:0"
CASES = {
    kind: [case for case in ALL if case.folder.parent.name == kind and (case.folder / "cloud.json").exists()]
    for kind in ("bedrock", "bedrock_messages")
}


def by_anthropic(
    body: dict[str, Any], model: str, region: str = "us-east-1", betas: Sequence[str] = ()
) -> httpx2.Request:
    """What Anthropic's own client puts on the wire for the same body."""

    def call(http: httpx2.Client) -> None:
        keys = {"aws_access_key": "AKIDEXAMPLE", "aws_secret_key": "secret"}
        sdk = anthropic.AnthropicBedrock(**keys, aws_region=region, http_client=http)  # type: ignore[arg-type]  # keys
        asked_of_claude(sdk.messages, model, body, betas)

    return sent_by(call)


def by_mantle(body: dict[str, Any], model: str, region: str = "us-east-1") -> httpx2.Request:
    def call(http: httpx2.Client) -> None:
        keys = {"aws_access_key": "AKIDEXAMPLE", "aws_secret_key": "secret"}
        sdk = anthropic.AnthropicBedrockMantle(**keys, aws_region=region, http_client=http)  # type: ignore[arg-type]  # keys
        asked_of_claude(sdk.messages, model, body)

    return sent_by(call)


# -- Anthropic's client -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("region", "id"),
    [
        ("us-east-1", f"us.{OLD}"),
        ("eu-west-3", f"eu.{OLD}"),
        ("ap-south-1", f"global.{OLD}"),
        ("us-east-1", f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{OLD}"),
    ],
)
def test_a_conversation_is_the_same_on_the_wire_as_by_anthropics_client(region: str, id: str, stream: bool) -> None:
    model = id if id.startswith("arn:") else "claude-opus-4-5"
    ours = chat({**CONVERSATION, "model": model, "stream": stream}, region=region)
    theirs = by_anthropic({**THE_SAME_FOR_ANTHROPIC, "stream": stream}, id, region)
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    body, sent = body_of(ours), json.loads(theirs.content)
    assert (body["anthropic_version"], sent["anthropic_version"]) == ("bedrock-2023-05-31", "2026-10-21")
    assert meaning(body) == meaning(sent)


def test_betas_stand_where_anthropics_client_puts_them() -> None:
    betas = ("context-1m-2025-08-07", "effort-2025-11-24")
    ours, theirs = native(TURN, betas=betas), by_anthropic(TURN, "us.anthropic.claude-opus-4-8", betas=betas)
    assert ours.url == str(theirs.url)
    assert body_of(ours)["anthropic_beta"] == json.loads(theirs.content)["anthropic_beta"] == list(betas)


@pytest.mark.filterwarnings("ignore:Using Claude with:UserWarning")  # it advises against budgets for 4.6
@pytest.mark.parametrize("case", CASES["bedrock"], ids=name)
def test_anthropics_client_sends_our_bodies_as_they_are(case: Case) -> None:
    body = case.expected()["cloud.json"]
    del body["anthropic_version"]
    betas = body.pop("anthropic_beta", [])
    sent = json.loads(by_anthropic(body, case.facts.bedrock, betas=betas).content)
    assert sent.pop("anthropic_beta", []) == betas
    assert meaning(sent) == meaning(body)


@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_is_the_same_on_mantle_as_by_anthropics_client(stream: bool) -> None:
    ours = chat({**CONVERSATION, "model": "claude-opus-4-5", "stream": stream}, api="mantle", region="eu-west-1")
    theirs = by_mantle({**THE_SAME_FOR_ANTHROPIC, "stream": stream}, "anthropic.claude-opus-4-5", "eu-west-1")
    assert (ours.method, ours.url) == (theirs.method, str(theirs.url))
    assert ours.headers["anthropic-version"] and theirs.headers["anthropic-version"]
    assert f"/{ours.service}/aws4_request" in theirs.headers["authorization"]
    sent = {key: value for key, value in json.loads(theirs.content).items() if (key, value) != ("stream", False)}
    assert meaning(body_of(ours)) == meaning(sent)


@pytest.mark.filterwarnings("ignore:Using Claude with:UserWarning")
@pytest.mark.parametrize("case", CASES["bedrock_messages"], ids=name)
def test_mantles_client_sends_our_bodies_as_they_are(case: Case) -> None:
    body = case.expected()["cloud.json"]
    model = body.pop("model")
    sent = json.loads(by_mantle(body, model).content)
    assert meaning(sent) == meaning(body | {"model": model})


# -- boto3 ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [f"us.{OLD}", NAMED, f"global.{OLD}"])
@pytest.mark.parametrize("stream", [False, True])
def test_addresses_headers_and_bodies_are_botos(model: str, stream: bool) -> None:
    wishes = {"service_tier": "priority", "guardrail": Guardrail("abc", "1")}
    ours = chat(HELLO | {"model": model, "stream": stream}, **wishes)
    theirs = prepared_by_boto(
        "invoke_model_with_response_stream" if stream else "invoke_model",
        modelId=model,
        body=ours.body,
        contentType="application/json",
        accept="application/json",
        serviceTier="priority",
        guardrailIdentifier="abc",
        guardrailVersion="1",
    )
    assert unquote(ours.url) == unquote(theirs.url)  # boto encodes colons, too
    assert (ours.method, ours.body) == (theirs.method, theirs.body)
    of_bedrock = {name.lower(): value for name, value in ours.headers.items() if name.startswith(("x-amzn", "content"))}
    assert of_bedrock.items() <= _headers(theirs).items()
    if not stream:
        assert ours.headers["accept"] == _headers(theirs)["accept"]


def test_a_count_is_what_boto_sends() -> None:
    ours = native(TURN, count=True, model="claude-opus-4-8")
    inner = {"anthropic_version": "bedrock-2023-05-31", **TURN}
    theirs = prepared_by_boto(
        "count_tokens",
        modelId="anthropic.claude-opus-4-8",
        input={"invokeModel": {"body": json.dumps(inner, separators=(",", ":")).encode()}},
    )
    assert unquote(ours.url) == unquote(theirs.url)
    assert ours.headers["content-type"] == _headers(theirs)["content-type"]
    assert _opened(body_of(ours)) == _opened(json.loads(theirs.body)) == inner


def _headers(request: Any) -> dict[str, str]:
    return {
        name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }


def _opened(count: Any) -> Any:
    return json.loads(base64.b64decode(count["input"]["invokeModel"]["body"]))


@pytest.mark.parametrize(
    "region",
    [
        *("us-east-1", "eu-central-2", "us-gov-west-1", "cn-north-1", "cn-northwest-1", "eusc-de-east-1"),
        *("us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1"),
    ],
)
def test_hosts_are_those_of_botocores_rules(region: str) -> None:
    loader = get_session().get_component("data_loader")
    rules = loader.load_service_model("bedrock-runtime", "endpoint-rule-set-1")
    endpoint = EndpointProvider(rules, loader.load_data("partitions"))
    found = endpoint.resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False)
    assert runtime_url(Bedrock(), region) == found.url


# -- signatures -------------------------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SENT = {
    "a colon": chat(HELLO | {"model": f"us.{OLD}"}),
    "an ARN": chat(HELLO | {"model": NAMED}),
    "a stream with wishes": chat(HELLO | {"stream": True}, service_tier="flex", guardrail=Guardrail("g", "1")),
    "a count": native(TURN, count=True),
    "messages": native(TURN, api="messages", betas=("context-1m-2025-08-07",)),
    "mantle": native(TURN, api="mantle"),
}


def judged(sent: Outbound, headers: dict[str, str], key: Key) -> str:
    """The region that AWS would let the request in for: the signature is made again over what arrives."""
    url = urlsplit(sent.url)
    arrived = Signed(sent.method, url.path, {"host": url.netloc, **sent.headers, **headers}, sent.body)
    return signed_region(arrived, keys={key.id: key}, gone=(), service=sent.service, regions={"us-east-1"}, now=NOW)


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
@pytest.mark.parametrize("token", [None, "a-session+token/="])
def test_the_signature_is_for_these_very_bytes(sent: Outbound, token: str | None) -> None:
    access = AwsAccess("us-east-1", AwsKeys("AKIDEXAMPLE", "secret", token), NOW.timestamp)
    headers, key = dict(access.headers(sent)), Key("AKIDEXAMPLE", "secret", token)
    assert judged(sent, headers, key) == "us-east-1"
    for changed in (
        replace(sent, body=sent.body + b" "),
        replace(sent, url=sent.url.replace(":0/", "%3A0/") if ":0/" in sent.url else sent.url + "x"),
        replace(sent, headers={**sent.headers, "content-type": "text/plain"}),
    ):
        with pytest.raises(Refused, match="does not match"):
            judged(changed, headers, key)
    # What a proxy in between may rewrite is not part of it.
    assert judged(replace(sent, headers={**sent.headers, "accept-encoding": "gzip"}), headers, key) == "us-east-1"


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_an_api_key_goes_without_a_signature(sent: Outbound) -> None:
    assert AwsAccess("us-east-1", AwsApiKey("ABSKkey")).headers(sent) == {"authorization": "Bearer ABSKkey"}
