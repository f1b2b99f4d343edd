"""The errors of doors that speak OpenAI's language: statuses, types, codes, and what is to be done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.cloud_errors import AZURE, CREDENTIAL, NOT_FOUND, QUOTA
from oai_bridge.dialects.openai_errors import error_from_openai
from oai_bridge.errors import CloudError
from oai_bridge.models.passed import Cloud
from oai_bridge.openai.reply import error_event
from tests.support.mutations import json_damaged

FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering the content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"jailbreak": {"filtered": True, "detected": True}},
        },
    }
}


def told(status: int | None, body: Any, cloud: Cloud = "azure", headers: dict[str, str] | None = None) -> CloudError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from_openai(status, headers or {}, raw, cloud)


def openai(message: str = "Told.", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": None, "param": None, "code": None, **more}}


@pytest.mark.parametrize(
    ("status", "body", "out"),
    [
        # OpenAI's and Azure's own object
        (400, openai(type="invalid_request_error"), (400, "invalid_request_error", None, False)),
        (400, openai(), (400, "invalid_request_error", None, False)),
        (400, openai(code="unknown_parameter"), (400, "invalid_request_error", "unknown_parameter", False)),
        (400, FILTERED, (400, "invalid_request_error", "content_filter", False)),
        (400, openai(code="contentFilter"), (400, "invalid_request_error", "content_filter", False)),
        (
            400,
            openai("This model's maximum context length is 8 tokens."),
            (400, "invalid_request_error", "context_length_exceeded", False),
        ),
        (
            400,
            openai(code="context_length_exceeded"),
            (400, "invalid_request_error", "context_length_exceeded", False),
        ),
        (400, openai(code="OperationNotSupported"), (400, "invalid_request_error", None, False)),
        (401, openai(code="401"), (401, "authentication_error", "invalid_api_key", False)),
        (401, openai(code="PermissionDenied"), (403, "permission_error", "model_access_denied", False)),
        (403, openai(code="403"), (403, "permission_error", "model_access_denied", False)),
        (404, openai(code="DeploymentNotFound"), (404, "invalid_request_error", "model_not_found", False)),
        (404, openai(code="404"), (404, "invalid_request_error", "model_not_found", False)),
        (422, openai(), (422, "invalid_request_error", None, False)),
        (429, openai(code="429"), (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (429, openai(code="RateLimitReached"), (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (429, openai(type="tokens", code="rate_limit_exceeded"), (429, "tokens", "rate_limit_exceeded", None)),
        (429, openai(code="insufficient_quota"), (429, "rate_limit_error", "insufficient_quota", None)),
        (429, openai(code="NoCapacity"), (503, "server_error", "overloaded", None)),
        (500, openai(type="server_error"), (500, "server_error", None, None)),
        (408, openai(), (504, "server_error", "timeout", None)),
        (409, openai(), (409, "invalid_request_error", None, None)),
        (500, openai(), (500, "server_error", None, None)),
        (501, openai(), (501, "server_error", "upstream_error", None)),
        (503, openai(), (503, "server_error", "service_unavailable", None)),
        # API Management, vLLM, a bare text
        (429, {"statusCode": 429, "message": "Wait."}, (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (None, {"statusCode": 401, "message": "No."}, (401, "authentication_error", "invalid_api_key", False)),
        (
            400,
            {"object": "error", "message": "Bad.", "type": "BadRequestError", "code": 400},
            (400, "invalid_request_error", None, False),
        ),
        (400, {"error": "Bad."}, (400, "invalid_request_error", None, False)),
        (None, {"error": "Bad."}, (502, "server_error", "upstream_error", None)),
        # inside a stream
        (None, openai(type="rate_limit_error"), (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (None, openai(status=429), (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (None, openai(code=400), (400, "invalid_request_error", None, False)),
        (None, openai(code=599), (599, "server_error", "upstream_error", None)),
        (None, openai(code=600), (502, "server_error", "upstream_error", None)),
        (499, openai(), (499, "invalid_request_error", None, False)),
        (429, openai(status="BRAND_NEW"), (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (None, openai(code=503), (503, "server_error", "service_unavailable", None)),
        (None, openai(code="500"), (500, "server_error", None, None)),
        (None, openai(), (502, "server_error", "upstream_error", None)),
        # no error object
        (502, b"<html><h1>Bad Gateway</h1></html>", (502, "server_error", "upstream_error", None)),
        (500, b"", (500, "server_error", "upstream_error", None)),
        (404, {"error": {}}, (404, "server_error", "upstream_error", None)),
        (200, [], (502, "server_error", "upstream_error", None)),
    ],
)
def test_an_error_is_told_in_openais_terms(status: int | None, body: Any, out: tuple[Any, ...]) -> None:
    error = told(status, body)
    assert (error.status, error.type, error.code, error.retry) == out
    assert error.message and error.original.status in (status, error.status)


@pytest.mark.parametrize(
    ("field", "word", "status"),
    [
        ("code", "contentFilter", 400),
        ("code", "content_policy_violation", 400),
        ("code", "ResponsibleAIPolicyViolation", 400),
        ("code", "context_length_exceeded", 400),
        ("code", "DeploymentNotFound", 404),
        ("code", "model_not_found", 404),
        ("code", "OperationNotSupported", 400),
        ("code", "invalid_api_key", 401),
        ("code", "PermissionDenied", 403),
        ("code", "rate_limit_exceeded", 429),
        ("code", "RateLimitReached", 429),
        ("code", "NoCapacity", 503),
        ("type", "invalid_request_error", 400),
        ("type", "authentication_error", 401),
        ("type", "permission_error", 403),
        ("type", "not_found_error", 404),
        ("type", "rate_limit_error", 429),
        ("type", "server_error", 500),
        ("type", "overloaded_error", 503),
        ("type", "service_unavailable_error", 503),
        ("type", "timeout_error", 504),
    ],
)
def test_in_a_stream_one_word_says_it_alone(field: str, word: str, status: int) -> None:
    assert told(None, openai(**{field: word})).status == status


@pytest.mark.parametrize(
    ("status", "body", "headers", "cloud", "out"),
    [
        (400, [{"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT"}}], {}, "vertex", (400, None)),
        (
            429,
            {"error": {"code": 429, "message": "Busy.", "status": "RESOURCE_EXHAUSTED"}},
            {},
            "vertex",
            (429, "rate_limit_exceeded"),
        ),
        (
            403,
            {"message": "No."},
            {"x-amzn-errortype": "AccessDeniedException"},
            "bedrock",
            (403, "model_access_denied"),
        ),
        (400, {"Message": "No."}, {"x-amzn-errortype": "ValidationException:"}, "bedrock", (400, None)),
        (400, openai(code="validation_error"), {}, "bedrock", (400, "validation_error")),
    ],
)
def test_the_platforms_own_errors_are_known(
    status: int, body: Any, headers: dict[str, str], cloud: Cloud, out: tuple[int, str | None]
) -> None:
    error = told(status, body, cloud, headers)
    assert (error.status, error.code) == out


def test_what_the_filter_found_is_told() -> None:
    error = told(400, FILTERED)
    assert error.to_object() == {
        "message": FILTERED["error"]["message"],
        "type": "invalid_request_error",
        "param": "prompt",
        "code": "content_filter",
        "innererror": FILTERED["error"]["innererror"],
    }
    assert json.loads(error_event(error).removeprefix(b"data: "))["error"] == error.to_object()


@pytest.mark.parametrize(
    ("inner", "kept"),
    [
        (None, None),
        ("text", None),
        ({}, None),
        ({"trace": "internal"}, None),
        ({"code": "X", "trace": "internal"}, {"code": "X"}),
        (
            {"content_filter_results": {"hate": {"filtered": True}}},
            {"content_filter_results": {"hate": {"filtered": True}}},
        ),
        ({"code": "x" * 5000}, None),
    ],
)
def test_only_what_the_filter_found_is_told(inner: Any, kept: Any) -> None:
    error = told(400, openai(innererror=inner))
    assert error.inner == kept
    assert told(400, openai(inner_error=inner)).inner == kept, "as with pictures"
    assert ("innererror" in error.to_object()) is bool(kept)


@pytest.mark.parametrize(
    ("param", "kept"),
    [
        ("messages[0].name", "messages[0].name"),
        (None, None),
        ("", None),
        (5, None),
        ("n", "n"),
        ("x" * 200, "x" * 200),
        ("x" * 201, None),
    ],
)
def test_the_field_is_told(param: Any, kept: str | None) -> None:
    assert told(400, openai(param=param)).param == kept


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "3"}, 3),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_the_time_to_wait_is_the_clouds_own(headers: dict[str, str], seconds: float | None) -> None:
    assert told(429, openai(), headers=headers).retry_after == seconds


def test_aws_says_where_the_model_can_be_had() -> None:
    body = b'{"message": "Invocation of model ID a.b with on-demand throughput isn\'t supported."}'
    headers = {"x-amzn-errortype": "ValidationException"}
    assert error_from_openai(400, headers, body, "bedrock", "Use `us.a.b`.").message.endswith(" Use `us.a.b`.")


def test_google_too_says_how_long() -> None:
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Told."}}
    assert told(429, body, "vertex", {"retry-after": "7"}).retry_after == 7


@pytest.mark.parametrize(
    "header", ["apim-request-id", "x-request-id", "x-ms-request-id", "x-amzn-requestid", "request-id"]
)
def test_the_clouds_request_id_is_kept(header: str) -> None:
    assert told(400, openai(), headers={header: "id-1"}).request_id == "id-1"
    assert told(400, openai(), headers={header: "no id\n"}).request_id is None


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (401, "401", AZURE[CREDENTIAL]),
        (404, "DeploymentNotFound", AZURE[NOT_FOUND]),
        (404, "404", "Check the endpoint and the api_version of the Azure account in config.yaml."),
        (429, "429", AZURE[QUOTA]),
    ],
)
def test_the_message_says_what_to_do(status: int, code: str, hint: str) -> None:
    assert told(status, openai("No.", code=code)).message == f"No. {hint}"


def test_no_secret_is_repeated() -> None:
    assert "eyJ" not in told(401, openai("Bearer eyJhbGciOiJIUzI1.eyJzdWIi.x is bad")).message


@given(
    st.one_of(st.none(), st.integers(100, 700)),
    st.binary(max_size=200),
    st.sampled_from(("azure", "vertex", "bedrock")),
)
def test_any_body_is_an_error(status: int | None, body: bytes, cloud: Cloud) -> None:
    assert is_proper(told(status, body, cloud))


@pytest.mark.parametrize("cloud", ["azure", "vertex", "bedrock"])
def test_any_odd_error_object_is_an_error(cloud: Cloud) -> None:
    for status in (None, 400, 429, 500):
        for messages in json_damaged([FILTERED], 400):
            for body in messages:
                assert is_proper(told(status, body, cloud))


def is_proper(error: CloudError) -> bool:
    told = error.to_object()
    assert 400 <= error.status <= 599 and isinstance(told["message"], str) and told["message"]
    assert isinstance(told["type"], str) and all(isinstance(told[key], str | None) for key in ("param", "code"))
    return bool(error_event(error))
