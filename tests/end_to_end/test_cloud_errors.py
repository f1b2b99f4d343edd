"""What each cloud refuses is raised by OpenAI's and Anthropic's SDKs as what it is, with a sentence on what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anthropic
import openai
import pytest

from tests.support.all_clouds import WAYS, AllClouds, Way, ways
from tests.support.behaviours import Reply
from tests.support.cloud_error_cases import CASES
from tests.support.cloud_errors import aws_error, azure_error, filtered_prompt
from tests.support.fake_bedrock import UNKNOWN
from tests.support.proxy import ASK

CLASSES: dict[int, type[openai.APIStatusError]] = {
    **{400: openai.BadRequestError, 401: openai.AuthenticationError, 403: openai.PermissionDeniedError},
    **{404: openai.NotFoundError, 429: openai.RateLimitError},
    **dict.fromkeys((500, 502, 503, 504), openai.InternalServerError),
}
ID = "0123-of-the-cloud"
ID_HEADERS = {"bedrock": "x-amzn-requestid", "azure": "apim-request-id"}
"""Where a cloud tells its id of a request; else, and wherever Anthropic's own API is spoken, in `request-id`."""


@pytest.fixture(scope="module")
def clouds(folder: Path) -> Iterator[AllClouds]:
    with AllClouds(folder) as clouds:
        clouds.settings["models"] = {"overrides": {"claude-opus-4-7": {"bedrock_profiles": []}}}
        yield clouds


def refused(
    clouds: AllClouds, way: Way, *, model: str | None = None, stream: bool = False, max_retries: int = 0
) -> openai.APIStatusError:
    """What OpenAI's SDK raises."""
    client = clouds.openai(way).with_options(max_retries=max_retries)
    with pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**{**ASK, "model": model or way.model}, stream=stream)
    return caught.value


def refused_natively(
    clouds: AllClouds, way: Way, *, model: str | None = None, stream: bool = False
) -> anthropic.APIStatusError:
    """What Anthropic's SDK raises."""
    with pytest.raises(anthropic.APIStatusError) as caught:
        request = {**ASK, "model": model or way.model, "max_tokens": 99}
        clouds.anthropic(way).messages.create(**request, stream=stream)
    return caught.value


def with_id(way: Way, reply: Reply) -> Reply:
    name = "request-id" if way.id == "messages" else ID_HEADERS.get(way.place, "request-id")
    return replace(reply, headers={**reply.headers, name: ID})


@pytest.mark.parametrize(("way", "name"), [(way, name) for way, cases in CASES.items() for name in cases])
def test_errors_are_raised_as_what_they_are(clouds: AllClouds, way: str, name: str) -> None:
    to, case = WAYS[way], CASES[way][name]
    out, cloud = case.outcome, clouds.cloud(to)
    before = len(cloud.requests)
    for stream in (False, True):
        cloud.script(with_id(to, case.reply))
        error = refused(clouds, to, stream=stream)
        assert isinstance(error, CLASSES.get(out.status, openai.APIStatusError))
        assert (error.status_code, error.type, error.code) == (out.status, out.type, out.code)
        assert isinstance(error.body, dict) and error.body.keys() == {"message", "type", "param", "code"}
        assert case.advice in error.body["message"]
        answers = [error.response]
        if to.native:
            cloud.script(with_id(to, case.reply))
            told = refused_natively(clouds, to, stream=stream)
            assert (told.status_code, told.type) == (out.native_status or out.status, out.native)
            assert case.advice in (told.api_message or "")
            answers.append(told.response)
        for headers in (answer.headers for answer in answers):
            assert headers["x-bridge-upstream-request-id"] == ID
            assert headers["x-request-id"].startswith("req_")
            assert headers.get("x-should-retry") == ("false" if out.final else None)
            assert headers.get("retry-after") == case.retry_after
    assert len(cloud.requests) == before + (4 if to.native else 2), "each was tried once"


def test_an_id_that_only_azures_gateway_tells(clouds: AllClouds) -> None:
    """It answers for Foundry where no model has been asked."""
    reply = azure_error(404)
    clouds.foundry.script(replace(reply, headers={"request-id": "", "apim-request-id": ID}))
    assert refused(clouds, WAYS["foundry"]).response.headers["x-bridge-upstream-request-id"] == ID


# --- Models -----------------------------------------------------------------------------------------------------------

PROFILED = "anthropic.claude-opus-4-7"
UNHEARD = "anthropic.claude-nonsense-9-v1:0"


def wrong_of(wrong: list[str]) -> list[str]:
    """What a test has provoked, which is forgotten with it."""
    found = list(wrong)
    wrong.clear()
    return found


@pytest.mark.parametrize("model", ["bedrock/claude-opus-4-7", f"bedrock/{PROFILED}"], ids=["name", "id"])
@ways("invoke", "messages")
def test_a_model_that_needs_a_profile_is_told_its_id(clouds: AllClouds, way: Way, model: str) -> None:
    """Its user has written down that it needs none."""
    error, told = refused(clouds, way, model=model), refused_natively(clouds, way, model=model)
    assert (error.status_code, error.code) == (404, "model_not_found")
    assert (told.status_code, told.type) == (404, "not_found_error")
    for message in map(str, (error, told)):
        assert message.count(f"{PROFILED} with on-demand throughput isn’t supported") == 1
        assert "Use the inference profile `us.anthropic.claude-opus-4-7`." in message
    assert len(wrong_of(clouds.bedrock.wrong)) == 2


@ways("invoke", "converse", "messages")
def test_a_model_that_nobody_knows(clouds: AllClouds, way: Way) -> None:
    model = "bedrock/" + ("nobody.nonsense-v1:0" if way.id == "converse" else UNHEARD)
    error = refused(clouds, way, model=model)
    assert (error.status_code, error.code) == (404, "model_not_found")
    assert "identifier is invalid. " in str(error)
    if way.native:
        assert refused_natively(clouds, way, model=model).type == "not_found_error"
    assert set(wrong_of(clouds.bedrock.wrong)) == {UNKNOWN}


@ways("invoke", "converse", "messages")
def test_a_model_that_the_account_may_not_use(clouds: AllClouds, way: Way) -> None:
    answer = clouds.proxy(way).chat(model=way.model)
    clouds.bedrock.denied = {answer.headers["x-bridge-model"]}
    try:
        assert (error := refused(clouds, way)).status_code == 403
        assert "Bedrock console" in str(error)
        if way.native:
            assert refused_natively(clouds, way).type == "permission_error"
    finally:
        clouds.bedrock.denied = set()


def test_a_deployment_that_is_gone(clouds: AllClouds) -> None:
    error = refused(clouds, WAYS["azure"], model="azure/gone")
    assert (error.status_code, error.code) == (404, "model_not_found")
    assert "Deploy the model in this Azure resource" in str(error)
    assert wrong_of(clouds.azure.wrong) == ["no such deployment: gone"]


def test_a_version_that_there_never_was(clouds: AllClouds) -> None:
    error = refused(clouds, WAYS["azure"], model="azure/gpt-35-turbo")
    assert (error.status_code, error.code) == (404, "model_not_found")
    assert "Check the endpoint and the api_version of the Azure account" in str(error)
    assert wrong_of(clouds.azure.wrong) == ["no such version: api-version=2024-13-01"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_azures_filter_found_is_kept(clouds: AllClouds, stream: bool) -> None:
    clouds.azure.script(filtered_prompt())
    error = refused(clouds, WAYS["azure"], stream=stream)
    assert isinstance(error, openai.BadRequestError)
    assert (error.code, error.param, error.type) == ("content_filter", "prompt", "invalid_request_error")
    assert isinstance(error.body, dict)
    inner = error.body["innererror"]
    assert inner["code"] == "ResponsibleAIPolicyViolation"
    assert inner["content_filter_result"]["violence"] == {"filtered": True, "severity": "high"}
    assert error.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("model", ["bedrock/titan-embed-text-v2", "azure/text-embedding-3-small"])
def test_vectors_are_refused_likewise(clouds: AllClouds, model: str) -> None:
    azure = model.startswith("azure")
    (clouds.azure if azure else clouds.bedrock).script(azure_error(429) if azure else aws_error("ThrottlingException"))
    with pytest.raises(openai.RateLimitError) as caught:
        clouds.openai(WAYS["azure"]).embeddings.create(model=model, input="one")
    assert caught.value.code == "rate_limit_exceeded"


# --- When to try again ------------------------------------------------------------------------------------------------


def test_a_full_quota_is_tried_again_when_azure_says(clouds: AllClouds) -> None:
    before = len(clouds.azure.requests)
    clouds.azure.script(azure_error(429, retry_after=0.05), azure_error(429, retry_after=0.05))
    client = clouds.openai(WAYS["azure"]).with_options(max_retries=2)
    assert client.chat.completions.create(**{**ASK, "model": WAYS["azure"].model}).choices[0].message.content
    assert len(clouds.azure.requests) == before + 3


def test_azures_milliseconds_alone(clouds: AllClouds) -> None:
    clouds.azure.script(replace(azure_error(429), headers={"retry-after-ms": "1500"}))
    assert refused(clouds, WAYS["azure"]).response.headers["retry-after"] == "2"


@pytest.mark.parametrize("skew", [600.0, -600.0], ids=["slow", "fast"])
@ways("invoke", "converse", "messages", "gpt_oss")
def test_a_clock_that_is_wrong(clouds: AllClouds, way: Way, skew: float) -> None:
    """This machine's, seen from AWS; and nobody tries again, until it is right."""
    before = len(clouds.bedrock.requests)
    clouds.bedrock.clock_skew = skew
    try:
        error = refused(clouds, way, max_retries=2)
    finally:
        clouds.bedrock.clock_skew = 0.0
    assert isinstance(error, openai.AuthenticationError)
    assert "Set this computer's clock right" in str(error)
    assert len(clouds.bedrock.requests) == before + 1
    assert clouds.proxy(way).chat(model=way.model).status == 200


# --- Keys and tokens --------------------------------------------------------------------------------------------------


def test_a_refused_token_is_minted_anew_once(clouds: AllClouds) -> None:
    way = WAYS["entra"]
    assert clouds.proxy(way).chat(model=way.model).status == 200
    minted = clouds.azure.token_requests
    clouds.azure.script(azure_error(401))
    answer = clouds.proxy(way).chat(model=way.model, stream=True)
    assert answer.status == 200 and answer.text
    assert (answer.headers["x-bridge-attempts"], clouds.azure.token_requests) == ("2", minted + 1)
    clouds.azure.script(azure_error(401), azure_error(401))
    error = refused(clouds, way, max_retries=2)
    assert isinstance(error, openai.AuthenticationError) and "`az login`" in str(error)
    assert error.response.headers["x-bridge-attempts"] == "2"
    assert clouds.azure.token_requests == minted + 2
    assert clouds.proxy(way).chat(model=way.model).status == 200


def test_revoked_keys_are_tried_once_and_tokens_replaced(tmp_path: Path) -> None:
    """All that Bedrock and Azure had let in until then, two accounts at Bedrock."""
    with AllClouds(tmp_path) as clouds:
        clouds.environment["AWS_BEARER_TOKEN_BEDROCK"] = clouds.bedrock.keys.api_key()
        clouds.environment["AWS_REGION"] = clouds.bedrock.region
        asked = [WAYS[id] for id in ("invoke", "invoke", "converse", "gpt_oss", "azure", "foundry", "entra")]
        for way in asked:
            assert clouds.proxy(way).chat(model=way.model).status == 200
        clouds.bedrock.keys.revoke()
        clouds.azure.revoke()
        clouds.foundry.revoke()
        before = {cloud: len(cloud.requests) for cloud in clouds.all}
        told = [refused(clouds, way, max_retries=2) for way in asked[:-1]]
        assert {(error.status_code, error.code) for error in told} == {(401, "invalid_api_key")}
        assert all(error.response.headers["x-bridge-attempts"] == "1" for error in told)
        assert [len(cloud.requests) - before[cloud] for cloud in clouds.all] == [4, 1, 1, 0]
        assert "make sure your API Key is valid" in str(told[0]) + str(told[1])
        assert "security token included in the request is invalid" in str(told[0]) + str(told[1])
        assert all("Check the A" in str(error) for error in told)
        assert refused_natively(clouds, WAYS["foundry"]).type == "authentication_error"
        answer = clouds.proxy(asked[-1]).chat(model=asked[-1].model)
        assert (answer.status, answer.headers["x-bridge-attempts"]) == (200, "2")
