"""One account's calls: who is asked next when a model is not there, what is told of costs, and what is no failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from oai_bridge.doctor.payer import Payer
from oai_bridge.settings.values import (
    AmbientLogin,
    AwsAccount,
    AwsLogin,
    AzureAccount,
    AzureKey,
    EntraLogin,
    GoogleAccount,
)
from tests.support.behaviours import Behaviour
from tests.support.cloud_errors import aws_error, google_error
from tests.support.doctors import examined, only, states
from tests.support.fake_azure import FakeAzure
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_cloud import Received
from tests.support.fake_vertex import FakeVertex
from tests.support.small_cloud import Key

NOT_ALLOWED = aws_error(
    "AccessDeniedException", "User: u is not authorized to perform: bedrock:CountTokens on resource: r"
)


@pytest.fixture(scope="module")
def bedrock() -> Iterator[FakeBedrock]:
    with FakeBedrock() as cloud:
        yield cloud


@pytest.fixture(scope="module")
def azure() -> Iterator[FakeAzure]:
    with FakeAzure() as cloud:
        yield cloud


def models(findings: Any) -> list[Any]:
    return [finding for finding in findings if finding.check == "model"]


def azure_account(azure: FakeAzure, *deployments: str) -> dict[str, Any]:
    account: dict[str, Any] = {"endpoint": azure.origin, "api_key": azure.key()}
    return {"azure": {"accounts": [account | ({"deployments": list(deployments)} if deployments else {})]}}


async def test_who_may_not_count_tokens_may_chat(bedrock: FakeBedrock) -> None:
    bedrock.rule = lambda received: NOT_ALLOWED if received.path.endswith("count-tokens") else None
    found = models(await examined(bedrock.environment(), {"models": {"list": ["claude-sonnet-4-5"]}}))[0]
    assert (found.state, found.cost is not None) == ("warning", True)
    assert "It answers; that cost " in found.message
    assert "But its tokens can't be counted: The policies of key AKIA" in found.message
    assert "bedrock:CountTokens" in found.remedy
    found = models(await examined(bedrock.environment(), {"models": {"list": ["claude-sonnet-4-5"]}}, paid=False))[0]
    assert found.state == "failed"


async def test_of_several_models_one_that_is_there_is_enough(bedrock: FakeBedrock) -> None:
    def rule(received: Received) -> Behaviour | None:
        there = "sonnet-4-6" in received.path or not received.path.endswith("count-tokens")
        return None if there else aws_error("AccessDeniedException")

    bedrock.rule = rule
    names = ["claude-haiku-4-5", "claude-sonnet-4-6"]
    found = models(await examined(bedrock.environment(), {"models": {"list": names}}, paid=False))[0]
    assert (found.state, found.subject.partition(" ")[0]) == ("ok", "claude-sonnet-4-6")
    assert found.message.endswith("Not to be had: claude-haiku-4-5.")


async def test_a_door_without_models_is_a_warning_where_another_serves(bedrock: FakeBedrock) -> None:
    bedrock.rule = lambda received: (
        aws_error("AccessDeniedException") if received.path.endswith(("converse", "completions")) else None
    )
    findings = models(await examined(bedrock.environment()))
    assert [finding.state for finding in findings] == ["ok", "warning", "warning"]
    assert "The same with 3 other models." in findings[2].message


async def test_what_the_account_is_refused_for_is_told_once() -> None:
    with FakeVertex() as vertex:
        vertex.rule = lambda received: google_error(403)
        findings = models(await examined(vertex.environment()))
        assert [finding.state for finding in findings] == ["failed", "skipped"]
        assert len([one for one in vertex.requests if one.method == "POST"]) == 1
        assert vertex.wrong == ["no such path or model: GET /"]


async def test_the_models_that_the_user_has_chosen_are_asked(bedrock: FakeBedrock) -> None:
    bedrock.rule = lambda received: None
    findings = await examined(bedrock.environment(), {"models": {"list": ["nova-pro"]}})
    assert [finding.subject.partition(" ")[0] for finding in models(findings)] == ["nova-pro"]
    account = {"region": "us-east-1", "models": ["claude-opus-*"]}
    key = bedrock.keys.access_key()
    account |= {"access_key_id": key.id, "secret_access_key": key.secret}
    document = {"bedrock": {"base_url": bedrock.origin, "accounts": [account]}}
    (found,) = models(await examined({}, document))
    assert found.subject.startswith("claude-opus-")


async def test_an_unknown_price_is_told(azure: FakeAzure) -> None:
    azure.deployments["my-own"] = "gpt-4o-2024-08-06"
    found = only(await examined({}, azure_account(azure, "my-own")), "model")
    assert (found.state, found.cost) == ("ok", None)
    assert found.message == "It answers; its price isn't known."


async def test_vectors_are_asked_for_where_there_is_nothing_else_and_pictures_never(azure: FakeAzure) -> None:
    before = len(azure.requests)
    found = only(await examined({}, azure_account(azure, "text-embedding-3-small", "dall-e-3")), "model")
    assert (found.state, found.subject.partition(" ")[0]) == ("ok", "text-embedding-3-small")
    found = only(await examined({}, azure_account(azure, "dall-e-3")), "model")
    assert found.state == "skipped"
    assert [one.path for one in azure.requests[before:] if one.method == "POST"] == ["/openai/v1/embeddings"]


async def test_without_a_deployment_nothing_can_be_asked(azure: FakeAzure) -> None:
    findings = await examined({}, azure_account(azure))
    assert states(findings)[-1] == "model: skipped"
    assert "`deployments`" in findings[-1].remedy


def test_the_place_of_each_kind_of_account() -> None:
    google = Payer("google", 0, GoogleAccount("p", "eu", AmbientLogin()), Key()).place(None)
    aws = Payer("aws", 0, AwsAccount(None, AwsLogin("work")), Key()).place(1.0, Key(), "m")
    keyed, entra = (
        Payer("azure", 0, AzureAccount("https://r.openai.azure.com", source), Key()).place(None)
        for source in (AzureKey("0123456789abcdef"), EntraLogin())
    )
    assert (google.payer, google.region, google.project) == ("Application Default Credentials", "eu", "p")
    assert (aws.payer, aws.region, aws.login, aws.model, aws.skew) == ("profile work", "us-east-1", "work", "m", 1.0)
    assert keyed.payer == "the API key …cdef of r.openai.azure.com"
    assert entra.payer == "r.openai.azure.com (Entra ID)"


def test_one_login_is_shared_by_a_project_s_regions_alone() -> None:
    def payer(project: str, region: str) -> Payer:
        return Payer("google", 0, GoogleAccount(project, region, AmbientLogin()), Key())

    assert payer("p", "eu").shares_login(payer("p", "us"))
    assert not payer("p", "eu").shares_login(payer("q", "eu"))
    aws = Payer("aws", 0, AwsAccount("us-east-1", AwsLogin()), Key())
    assert not aws.shares_login(aws)


async def test_the_limits_of_clients_are_not_for_the_doctor(bedrock: FakeBedrock) -> None:
    bedrock.rule = lambda received: None
    document = {"limits": {"requests_per_minute": 1, "concurrent": 1}, "failover": {"attempts": 5}}
    findings = models(await examined(bedrock.environment(), document))
    assert [finding.state for finding in findings] == ["ok", "ok", "ok"]


async def test_the_caps_of_the_settings_are_for_clients_and_not_for_the_doctor(
    azure: FakeAzure, bedrock: FakeBedrock
) -> None:
    caps = {"spending": {"usd_per_day": 0.000001, "tokens_per_day": 1}}
    azure.deployments["my-own"] = "gpt-4o-2024-08-06"
    findings = models(await examined({}, azure_account(azure, "my-own") | caps))  # whose price nobody knows
    assert [finding.state for finding in findings] == ["ok"]
    bedrock.rule = lambda received: None if received.path.endswith("/converse") else aws_error("AccessDeniedException")
    names = {"models": {"list": ["claude-sonnet-4-5", "nova-pro"]}}
    findings = models(await examined(bedrock.environment(), names | caps))  # several calls, and none of them waits
    assert [finding.state for finding in findings] == ["failed", "ok"]
