"""AWS's errors as the client's: the table of exceptions, where names and messages stand, what people are told to do."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.anthropic.errors import error_object, error_status
from oai_bridge.dialects.aws_errors import error_from_aws, error_from_exception
from oai_bridge.dialects.claude_repair import repaired
from oai_bridge.errors import CloudError, Original


def aws(status: int | None, name: str | None, message: str = "Told.", **more: Any) -> CloudError:
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"} if name else {}
    return error_from_aws(status, headers, json.dumps({"message": message, **more}).encode())


def told(error: CloudError) -> tuple[int, str, str | None, bool | None]:
    return error.status, error.type, error.code, error.retry


INVALID = (400, "invalid_request_error", None, False)
TOO_LONG = (400, "invalid_request_error", "context_length_exceeded", False)
CREDENTIAL = (401, "authentication_error", "invalid_api_key", False)
DENIED = (403, "permission_error", "model_access_denied", False)
NOT_FOUND = (404, "invalid_request_error", "model_not_found", False)
QUOTA = (429, "rate_limit_error", "rate_limit_exceeded", None)

TABLE = [
    (400, "ValidationException", INVALID),
    (400, "ValidationError", INVALID),
    (400, "SerializationException", INVALID),
    (403, "AccessDeniedException", DENIED),
    (401, "NotAuthorizedException", DENIED),
    (403, "UnrecognizedClientException", CREDENTIAL),
    (403, "InvalidClientTokenId", CREDENTIAL),
    (403, "MissingAuthenticationTokenException", CREDENTIAL),
    (403, "ExpiredTokenException", CREDENTIAL),
    (400, "RequestExpired", CREDENTIAL),
    (400, "IncompleteSignatureException", CREDENTIAL),
    (403, "InvalidSignatureException", CREDENTIAL),
    (403, "SignatureDoesNotMatch", CREDENTIAL),
    (404, "ResourceNotFoundException", NOT_FOUND),
    (429, "ThrottlingException", QUOTA),
    (429, "TooManyRequestsException", QUOTA),
    (429, "ModelNotReadyException", QUOTA),
    (400, "ServiceQuotaExceededException", (429, "rate_limit_error", "quota_exceeded", None)),
    (408, "ModelTimeoutException", (504, "server_error", "timeout", None)),
    (424, "ModelErrorException", (502, "server_error", "model_error", None)),
    (424, "ModelStreamErrorException", (502, "server_error", "model_error", None)),
    (400, "ConflictException", (409, "invalid_request_error", None, None)),
    (500, "InternalServerException", (500, "server_error", None, None)),
    (500, "InternalServerError", (500, "server_error", None, None)),
    (500, "InternalErrorException", (500, "server_error", None, None)),
    (500, "InternalFailure", (500, "server_error", None, None)),
    (503, "ServiceUnavailableException", (503, "server_error", "service_unavailable", None)),
]


@pytest.mark.parametrize(("status", "name", "expected"), TABLE)
def test_the_table(status: int, name: str, expected: tuple[int, str, str | None, bool | None]) -> None:
    error = aws(status, name)
    assert told(error) == expected
    assert error.message.startswith("Told.")
    assert error.original == Original(status)
    # inside a stream, with the first letter small
    assert told(aws(None, name[0].lower() + name[1:])) == expected
    assert told(error_from_exception(name, "Told.")) == expected


def test_all_errors_that_botocore_knows_are_in_the_table() -> None:
    service = botocore.session.Session().get_service_model("bedrock-runtime")
    known = {shape.name: shape.metadata["error"]["httpStatusCode"] for shape in service.error_shapes}
    assert known.items() <= {name: status for status, name, _ in TABLE}.items()
    assert len(known) == 12


@pytest.mark.parametrize(
    ("status", "name", "message", "expected"),
    [
        (400, "ValidationException", "The provided model identifier is invalid.", NOT_FOUND),
        (400, "ValidationException", "Model Identifier is invalid.", NOT_FOUND),
        (
            400,
            "ValidationException",
            "Invocation of model ID a.b with on-demand throughput isn’t supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this model.",
            NOT_FOUND,
        ),
        (400, "ValidationException", "The provided model doesn't support on-demand throughput.", NOT_FOUND),
        (400, "ValidationException", "Input is too long for requested model.", TOO_LONG),
        (
            400,
            "ValidationException",
            "The model returned the following errors: prompt is too long: 227255 tokens > 200000 maximum",
            TOO_LONG,
        ),
        (
            400,
            "ValidationException",
            "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, decrease input length",
            TOO_LONG,
        ),
        (
            400,
            "ValidationException",
            "Too many input tokens. Max input tokens: 8192, request input token count: 9279",
            TOO_LONG,
        ),
        (
            400,
            "ValidationException",
            "This model's maximum context length is 202752 tokens. However, you requested",
            TOO_LONG,
        ),
        (
            400,
            "ValidationException",
            "Input Tokens Exceeded: Number of input tokens exceeds maximum length. Please update the input.",
            TOO_LONG,
        ),
        (400, "ValidationException", "The maximum tokens you requested exceeds the model limit of 8192.", INVALID),
        (400, "ValidationException", "Operation not allowed", INVALID),
        (403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.", CREDENTIAL),
        (403, "AccessDeniedException", "Invalid API Key format: Must start with pre-defined prefix", CREDENTIAL),
        (403, "AccessDeniedException", "Bearer Token has expired", CREDENTIAL),
        (403, None, "The security token included in the request is invalid.", CREDENTIAL),
        (403, None, "Authentication failed: Please make sure your API Key is valid.", CREDENTIAL),
        (
            403,
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/a is not authorized to perform: bedrock:CallWithBearerToken on resource: b",
            DENIED,
        ),
        (403, None, "You don't have access to the model with the specified model ID.", DENIED),
        (
            404,
            "ResourceNotFoundException",
            "Model use case details have not been submitted for this account. Fill out the form.",
            NOT_FOUND,
        ),
        (404, "ResourceNotFoundException", "This model version has reached the end of its life.", NOT_FOUND),
        (429, "ThrottlingException", "Too many tokens per day, please wait before trying again.", QUOTA),
        (429, "ThrottlingException", "The on-demand throughput of the account is used up.", QUOTA),
        (500, "InternalServerException", "The API key could not be looked up.", (500, "server_error", None, None)),
    ],
)
def test_what_messages_tell(status: int, name: str | None, message: str, expected: tuple[Any, ...]) -> None:
    assert told(aws(status, name, message)) == expected


def test_the_models_words_are_unwrapped_and_kept_as_they_are() -> None:
    inner = "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest message cannot be modified."
    for message in (
        inner,
        f"The model returned the following errors: {inner}",
        f"The model returned the following errors:\n{inner}",
    ):
        error = aws(400, "ValidationException", message)
        assert error.message == inner
        assert error.param == "messages.1.content.0"


def test_a_repair_can_read_them() -> None:
    inner = "output_config: Extra inputs are not permitted"
    error = aws(400, "ValidationException", f"The model returned the following errors: {inner}")
    format = {"type": "json_schema", "schema": {"type": "object"}}
    assert repaired({"messages": [], "output_config": {"format": format}}, error, frozenset())


# -- where things stand -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amzn-errortype": "ThrottlingException"}, {"message": "Told."}),
        ({"x-amzn-errortype": "throttlingException:"}, {"Message": "Told."}),
        ({"x-amzn-errortype": "com.amazon.coral.service#ThrottlingException:http://a/b#c"}, {"message": "Told."}),
        ({}, {"__type": "com.amazon.coral.service#ThrottlingException", "Message": "Told."}),
        ({}, {"__type": "ThrottlingException", "message": "Told."}),
        ({"x-amzn-errortype": ""}, {"__type": "Throttling", "message": "", "Message": "Told."}),
    ],
)
def test_names_and_messages(headers: dict[str, str], body: dict[str, Any]) -> None:
    error = error_from_aws(400, headers, json.dumps(body).encode())
    assert told(error) == QUOTA
    assert error.message.startswith("Told. Wait")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, INVALID),
        (401, CREDENTIAL),
        (403, DENIED),
        (404, NOT_FOUND),
        (413, (413, "invalid_request_error", "request_too_large", False)),
        (429, QUOTA),
        (503, (503, "server_error", "service_unavailable", None)),
        (418, (418, "server_error", "upstream_error", None)),
        (200, (502, "server_error", "upstream_error", None)),
        (None, (502, "server_error", "upstream_error", None)),
    ],
)
@pytest.mark.parametrize("name", [None, "BrandNewException"])
def test_without_a_known_name_the_status_tells(status: int | None, expected: tuple[Any, ...], name: str | None) -> None:
    assert told(aws(status, name)) == expected


@pytest.mark.parametrize(
    ("status", "out"),
    [
        *((status, status) for status in (400, 408, 413, 429, 500, 599)),
        *((529, 503), (200, 502), (401, 502), (409, 502), (600, 502), ("500", 502), (None, 502), (True, 502)),
    ],
)
def test_the_status_of_the_model_itself(status: Any, out: int) -> None:
    error = aws(424, "ModelErrorException", "The request failed.", originalStatusCode=status)
    assert told(error) == (out, "server_error", "model_error", None)


def test_the_message_of_the_model_itself() -> None:
    body = {"message": "The stream failed.", "originalMessage": "Overloaded", "originalStatusCode": 529}
    error = error_from_aws(None, {"x-amzn-errortype": "modelStreamErrorException"}, json.dumps(body).encode())
    assert error.message == "The stream failed: Overloaded. The model failed; try again."


def test_an_error_object_of_anthropic_is_read_as_such_with_aws_words() -> None:
    body = {"type": "error", "request_id": "req_1", "error": {"type": "rate_limit_error", "message": "Too fast."}}
    error = error_from_aws(429, {}, json.dumps(body).encode())
    assert told(error) == QUOTA
    assert error.original == Original(429, "rate_limit_error")
    assert error.request_id == "req_1"
    assert "Service Quotas console" in error.message and "Google" not in error.message


@pytest.mark.parametrize(
    ("status", "body", "out", "message"),
    [
        (503, b"<html><body><h1>503</h1></body></html>", 503, "HTTP 503: 503. Try again; if it stays"),
        (502, b"", 502, "HTTP 502 and nothing else."),
        (404, b'{"Output":{"__type":"UnknownOperationException"},"Version":"1.0"}', 404, "HTTP 404: {"),
        (403, b'{"message":null}', 403, 'HTTP 403: {"message":null}'),
        (500, b"[]", 500, "HTTP 500: []"),
        (None, b"\xff{", 502, "an error without words that can be shown."),
    ],
)
def test_bodies_that_are_no_errors_of_aws(status: int | None, body: bytes, out: int, message: str) -> None:
    error = error_from_aws(status, {}, body)
    assert (error.status, error.code) == (out, "upstream_error")
    assert message in error.message


def test_a_named_error_without_a_message_is_told_all_the_same() -> None:
    for error in (
        error_from_aws(429, {"x-amzn-errortype": "ThrottlingException"}, b""),
        error_from_aws(429, {"x-amzn-errortype": "ThrottlingException"}, b'{"message":" "}'),
    ):
        assert told(error) == QUOTA
        assert error.message.startswith(
            "The cloud, or a proxy before it, answered with HTTP 429 and nothing else. Wait"
        )


def test_the_requests_id_and_when_to_try_again() -> None:
    error = error_from_aws(429, {"x-amzn-requestid": "3a1b-2c", "retry-after": "7"}, b'{"message":"Slow"}')
    assert error.request_id == "3a1b-2c"
    assert error.headers()["retry-after"] == "7"
    assert aws(429, "ThrottlingException").headers() == {}, "AWS tells no time, so none is invented"


# -- what people are told ---------------------------------------------------------------------------------------------

ON_DEMAND = b'{"message":"Invocation of model ID a.b with on-demand throughput isn\'t supported."}'


def test_the_inference_profile_is_named_where_it_is_known() -> None:
    headers = {"x-amzn-errortype": "ValidationException"}
    assert error_from_aws(400, headers, ON_DEMAND, "Use the inference profile `us.a.b`.").message.endswith(
        " isn't supported. Use the inference profile `us.a.b`."
    )
    for said in (ON_DEMAND, ON_DEMAND.replace(b"on-demand", b"On-Demand")):
        assert error_from_aws(400, headers, said).message.endswith("`us.`, `eu.` or `global.` before it.")
    unknown = aws(400, "ValidationException", "The provided model identifier is invalid.")
    assert unknown.message.endswith("; GET models lists the names.")  # what else nobody knows needs no profile, either


@pytest.mark.parametrize(
    ("status", "type", "out"),
    [(400, "invalid_request_error", 404), (404, "not_found_error", 404), (429, "rate_limit_error", 429)],
)
def test_the_inference_profile_is_named_in_anthropics_shape(status: int, type: str, out: int) -> None:
    """As the doors answer that speak Anthropic's own protocol."""
    body = {"type": "error", "error": {"type": type, "message": json.loads(ON_DEMAND)["message"]}}
    error = error_from_aws(status, {"request-id": "req_1"}, json.dumps(body).encode(), "Use `us.a.b`.")
    assert (error.status, error.request_id) == (out, "req_1")
    assert ("`us.a.b`" in error.message) == (out == 404)


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("ExpiredTokenException", "The security token included in the request is expired", "aws sso login"),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", "aws sso login"),
        (
            "InvalidSignatureException",
            "Signature expired: 1 is now earlier than 2 (3 - 5 min.)",
            "clock right: AWS refuses",
        ),
        ("SignatureDoesNotMatch", "Signature not yet current: 1 is still later than 2", "clock right: AWS refuses"),
        ("InvalidSignatureException", "The request signature we calculated does not match", "secret access key"),
        ("AccessDeniedException", "User: a is not authorized to perform: b", "bedrock:InvokeModel"),
        ("ResourceNotFoundException", "Gone.", "Bedrock console"),
        ("ThrottlingException", "Too many requests.", "Service Quotas"),
        ("ServiceQuotaExceededException", "Too many.", "Service Quotas"),
        ("ModelNotReadyException", "Loading.", "in a minute"),
    ],
)
def test_hints(name: str, message: str, hint: str) -> None:
    assert hint in aws(400, name, message).message


def test_what_was_signed_is_not_repeated() -> None:
    message = (
        "The request signature we calculated does not match the signature you provided.\n\n"
        "The Canonical String for this request should have been\n'POST\n/model/a/invoke\n\nx-amz-date:canary\n'"
        "\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\ncanary'"
    )
    error = aws(403, "InvalidSignatureException", message)
    assert error.message.startswith(
        "The request signature we calculated does not match the signature you provided. Check"
    )
    assert "canary" not in error.message


def test_no_secret_is_repeated() -> None:
    for text in (
        "bad key ABSKQmVkcm9ja0FQSUtleS1jYW5hcnk=",
        "Credential=AKIACANARYCANARYCANA/1, Signature=canarycanary",
    ):
        for raw in (json.dumps({"message": text}).encode(), text.encode()):
            message = error_from_aws(403, {}, raw).message
            assert "***" in message
            assert "canary" not in message.lower() and "jYW5hcnk" not in message


# -- for others -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (aws(403, "ExpiredTokenException"), (401, "authentication_error")),
        (aws(400, "ValidationException", "The provided model identifier is invalid."), (404, "not_found_error")),
        (aws(400, "ServiceQuotaExceededException"), (429, "rate_limit_error")),
        (aws(408, "ModelTimeoutException"), (504, "timeout_error")),
        (aws(424, "ModelErrorException"), (502, "api_error")),
        (aws(400, "ValidationException"), (400, "invalid_request_error")),
    ],
)
def test_native_clients_read_what_anthropic_would_say(error: CloudError, expected: tuple[int, str]) -> None:
    assert (error_status(error), error_object(error, "req_1")["error"]["type"]) == expected


@given(
    st.none() | st.integers(100, 600),
    st.dictionaries(st.sampled_from(["x-amzn-errortype", "x-amzn-requestid", "retry-after"]), st.text(max_size=20)),
    st.binary(max_size=40)
    | st.dictionaries(
        st.sampled_from(["message", "Message", "__type", "error", "originalStatusCode", "originalMessage"]),
        st.none()
        | st.integers()
        | st.text(max_size=20)
        | st.dictionaries(st.sampled_from(["type", "message"]), st.text()),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_whatever_comes_an_error_comes_out(status: int | None, headers: dict[str, str], body: bytes) -> None:
    error = error_from_aws(status, headers, body)
    assert 400 <= error.status <= 599 and error.message


@given(st.text(max_size=20), st.text(max_size=40))
def test_whatever_a_frame_says_an_error_comes_out(name: str, message: str) -> None:
    error = error_from_exception(name, message)
    assert 400 <= error.status <= 599 and error.message
