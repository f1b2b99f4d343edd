"""A cloud's errors as the client's: the table of error shapes, statuses and codes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.dialects.claude_errors import error_from_body
from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.dialects.cloud_errors import AWS, GOOGLE
from oai_bridge.errors import Original, StreamBroken
from oai_bridge.events import Failure


def anthropic(kind: str, message: str = "Told.") -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_vrtx_1"}


def google(code: int, status: str, message: str = "Told.", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "status": status, "message": message, **more}}


@pytest.mark.parametrize(
    ("status", "body", "out"),
    [
        (400, anthropic("invalid_request_error"), (400, "invalid_request_error", None, False)),
        (
            400,
            anthropic("invalid_request_error", "prompt is too long: 2 > 1"),
            (400, "invalid_request_error", "context_length_exceeded", False),
        ),
        (
            400,
            anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 2 > 1"),
            (400, "invalid_request_error", "context_length_exceeded", False),
        ),
        (401, anthropic("authentication_error"), (401, "authentication_error", "invalid_api_key", False)),
        (402, anthropic("billing_error"), (402, "insufficient_quota", "insufficient_quota", False)),
        (403, anthropic("permission_error"), (403, "permission_error", "model_access_denied", False)),
        (404, anthropic("not_found_error"), (404, "invalid_request_error", "model_not_found", False)),
        (409, anthropic("conflict_error"), (409, "invalid_request_error", None, None)),
        (413, anthropic("request_too_large"), (413, "invalid_request_error", "request_too_large", False)),
        (429, anthropic("rate_limit_error"), (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (500, anthropic("api_error"), (500, "server_error", None, None)),
        (504, anthropic("timeout_error"), (504, "server_error", "timeout", None)),
        (529, anthropic("overloaded_error"), (503, "server_error", "overloaded", None)),
        (None, anthropic("overloaded_error"), (503, "server_error", "overloaded", None)),
        (None, anthropic("brand_new_error"), (502, "server_error", "upstream_error", None)),
        (405, anthropic("brand_new_error"), (405, "invalid_request_error", None, False)),
        (422, anthropic("brand_new_error"), (422, "invalid_request_error", None, False)),
        (599, anthropic("brand_new_error"), (599, "server_error", "upstream_error", None)),
        (400, google(400, "INVALID_ARGUMENT"), (400, "invalid_request_error", None, False)),
        (400, google(400, "FAILED_PRECONDITION"), (400, "invalid_request_error", None, False)),
        (401, google(401, "UNAUTHENTICATED"), (401, "authentication_error", "invalid_api_key", False)),
        (403, google(403, "PERMISSION_DENIED"), (403, "permission_error", "model_access_denied", False)),
        (403, [google(403, "PERMISSION_DENIED")], (403, "permission_error", "model_access_denied", False)),
        (404, google(404, "NOT_FOUND"), (404, "invalid_request_error", "model_not_found", False)),
        (429, google(429, "RESOURCE_EXHAUSTED"), (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (500, google(500, "INTERNAL"), (500, "server_error", None, None)),
        (503, google(503, "UNAVAILABLE"), (503, "server_error", "service_unavailable", None)),
        (504, google(504, "DEADLINE_EXCEEDED"), (504, "server_error", "timeout", None)),
        (429, google(429, "BRAND_NEW"), (429, "rate_limit_error", "rate_limit_exceeded", None)),
        (408, {"error": {"code": "Timeout", "message": "Told."}}, (504, "server_error", "timeout", None)),
        (500, {"error": {"code": "InternalServerError", "message": "Told."}}, (500, "server_error", None, None)),
    ],
)
def test_the_table(status: int | None, body: Any, out: tuple[int, str, str | None, bool | None]) -> None:
    error = error_from_body(status, json.dumps(body).encode())
    assert (error.status, error.type, error.code, error.retry) == out
    assert error.message.startswith(("Told.", "prompt is", "input length"))
    assert error.request_id == ("req_vrtx_1" if isinstance(body, dict) and "request_id" in body else None)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("conflict_error", 409),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("api_error", 500),
        ("overloaded_error", 503),
        ("timeout_error", 504),
    ],
)
def test_in_a_stream_the_type_says_it_alone(kind: str, status: int) -> None:
    assert error_from_body(None, json.dumps(anthropic(kind)).encode()).status == status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("INVALID_ARGUMENT", 400),
        ("FAILED_PRECONDITION", 400),
        ("OUT_OF_RANGE", 400),
        ("UNAUTHENTICATED", 401),
        ("PERMISSION_DENIED", 403),
        ("NOT_FOUND", 404),
        ("RESOURCE_EXHAUSTED", 429),
        ("INTERNAL", 500),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
def test_in_a_stream_so_does_googles_status(word: str, status: int) -> None:
    body = {"error": {"status": word, "message": "Told."}}
    assert error_from_body(None, json.dumps(body).encode()).status == status


@pytest.mark.parametrize(
    ("status", "body", "out", "message"),
    [
        (
            502,
            b"<html><head><title>502</title></head><body>Bad\n<b>Gateway</b></body></html>",
            502,
            "HTTP 502: 502 Bad Gateway",
        ),
        (503, b"", 503, "HTTP 503 and nothing else."),
        (429, b"slow", 429, "HTTP 429: slow"),
        (302, b"", 502, "HTTP 302 and nothing else."),
        (None, b"\xff{", 502, "an error without words that can be shown."),
        (500, b"[]", 500, "HTTP 500: []"),
        (500, b"[1, 2]", 500, "HTTP 500: [1, 2]"),
        (429, b'{"detail": "slow"}', 429, 'HTTP 429: {"detail": "slow"}'),
        (500, b'{"error": "text"}', 500, 'HTTP 500: {"error": "text"}'),
        (502, b'{"error": {"message": 5, "details": 7}}', 502, 'HTTP 502: {"error": {"message": 5, "details": 7}}'),
    ],
)
def test_bodies_that_are_no_error_object(status: int | None, body: bytes, out: int, message: str) -> None:
    error = error_from_body(status, body)
    assert error.status == out
    assert message in error.message
    assert error.message.endswith("Try again; if it stays, look at the answer in mitmweb.")


def test_an_error_of_blanks_is_told_as_the_page_it_came_in() -> None:
    error = error_from_body(503, b'{"error": {"message": " \\u2028"}}')
    assert 'HTTP 503: {"error"' in error.message and error.status == 503


def test_a_long_page_is_cut() -> None:
    assert len(error_from_body(500, b"<<" * 50_000 + b"x" * 5000).message) < 700
    assert len(error_from_body(500, b"x" * 5000).message) < 700


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("tools.0.custom.input_schema.properties.fooBar-1: bad", "tools.0.custom.input_schema.properties.fooBar-1"),
        ("messages.3.content.0.text: Field required", "messages.3.content.0.text"),
        ("max_tokens: 5 > 4", "max_tokens"),
        ("prompt is too long: 5 > 4", None),
        ("`temperature` is deprecated for this model.", None),
    ],
)
def test_the_field_is_named(message: str, param: str | None) -> None:
    assert error_from_body(400, json.dumps(anthropic("invalid_request_error", message)).encode()).param == param


@pytest.mark.parametrize(
    ("status", "detail", "original"),
    [
        (529, {"type": "overloaded_error"}, Original(529, "overloaded_error")),
        (None, {"type": "overloaded_error"}, Original(None, "overloaded_error")),
        (400, {"type": "brand_new_error"}, Original(400, "brand_new_error")),
        (403, {"code": 403, "status": "PERMISSION_DENIED", "details": []}, Original(403)),
        (
            400,
            {"type": "invalid_request_error", "details": {"error_code": "image_dimensions_too_large", "limit": 8000}},
            Original(400, "invalid_request_error", "image_dimensions_too_large"),
        ),
        (400, {"type": "a text\r\nof somebody", "details": {"error_code": "x" * 65}}, Original(400)),
        (400, {"type": 5, "details": {"error_code": ["a"]}}, Original(400)),
        (502, {}, Original(502)),
    ],
)
def test_the_clouds_own_words_are_kept(status: int | None, detail: dict[str, Any], original: Original) -> None:
    body = json.dumps({"type": "error", "error": detail | {"message": "Told."}}).encode()
    assert error_from_body(status, body).original == original


def test_the_clouds_code_stands_where_openai_has_none() -> None:
    def code(message: str) -> str | None:
        detail = {"type": "invalid_request_error", "message": message, "details": {"error_code": "tool_name_conflict"}}
        return error_from_body(400, json.dumps({"type": "error", "error": detail}).encode()).code

    assert code("Told.") == "tool_name_conflict"
    assert code("prompt is too long: 2 > 1") == "context_length_exceeded"


RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo"}


@pytest.mark.parametrize(
    ("headers", "details", "header"),
    [
        ({"retry-after": "7"}, [], "7"),
        ({}, [{"@type": "x", "retryDelay": None}, {**RETRY_INFO, "retryDelay": "12s"}], "12"),
        ({}, [{**RETRY_INFO, "retryDelay": "12.3s"}], "13"),  # RFC 9110: whole seconds
        ({"retry-after": "5"}, [{**RETRY_INFO, "retryDelay": "12s"}], "5"),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, [], None),
        ({"retry-after": "-1"}, ["x", 5, {}], None),
        ({"retry-after": "9" * 400}, [], None),
        ({}, {"retryDelay": "12s"}, None),
        ({}, [{**RETRY_INFO, "retryDelay": "2000000.5s"}], "2000001"),
    ],
)
def test_when_to_try_again(headers: dict[str, str], details: Any, header: str | None) -> None:
    body = json.dumps(google(429, "RESOURCE_EXHAUSTED", details=details)).encode()
    assert error_from_body(429, body, headers).headers().get("retry-after") == header


def test_the_clouds_id_of_the_request() -> None:
    body = json.dumps(anthropic("api_error")).encode()
    assert error_from_body(500, body, {"request-id": "req_header"}).request_id == "req_header"
    assert error_from_body(500, body, {"x-amzn-requestid": "req_aws"}).request_id == "req_aws"
    assert error_from_body(500, b'{"request_id": 5}').request_id is None


def test_hints_for_people() -> None:
    denied = error_from_body(403, json.dumps(google(403, "PERMISSION_DENIED", "Denied.\n")).encode())
    assert denied.message == (
        "Denied. Enable the Vertex AI API in the project and give the account the role Vertex AI User."
    )


def test_no_secret_is_repeated() -> None:
    body = anthropic("authentication_error", "Bearer ya29.secret-token is not accepted")
    for raw in (json.dumps(body).encode(), b"<p>Bearer ya29.secret-token</p>"):
        assert "secret-token" not in error_from_body(401, raw).message


@given(st.none() | st.integers(100, 600), st.binary(max_size=40))
def test_whatever_the_body_is_an_error_comes_out(status: int | None, body: bytes) -> None:
    error = error_from_body(status, body)
    assert 400 <= error.status <= 599 and error.message


@pytest.mark.parametrize(
    ("reason", "status", "code"), [("BILLING_DISABLED", 402, "insufficient_quota"), ("IAM", 403, "model_access_denied")]
)
def test_googles_reason_says_more_than_its_status(reason: object, status: int, code: str) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}, None, {"reason": 7}]
    error = {"code": 403, "message": "No.", "status": "PERMISSION_DENIED", "details": details}
    found = error_from_body(403, json.dumps({"error": error}).encode())
    assert (found.status, found.code) == (status, code)


# -- in the place of an answer -----------------------------------------------------------------------------------------


def test_an_error_in_the_place_of_an_answer_has_the_clouds_own_hint() -> None:
    body = b'{"type": "error", "error": {"type": "rate_limit_error", "message": "Slow"}}'
    for hints, place in ((AWS, "AWS's Service Quotas"), (GOOGLE, "Google Cloud console")):
        (failure,) = ClaudeStream(hints=hints).whole(body)
        assert isinstance(failure, Failure) and place in failure.error.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"id": "msg_1", "type": "message", "content": [{"type": "text", "text": "Secr',
        b'{"id": "msg_1", "type": "message", "content": "Secret"}',
        b'{"id": "msg_1", "type": "message", "content": null}',
        b'{"id": "msg_1", "type": "message", "content": [{"type": "text", "text": 7, "secret": "Secret"}]}',
    ],
)
def test_what_may_be_an_answer_is_not_quoted_and_may_be_paid_for(body: bytes) -> None:
    (failure,) = ClaudeStream().whole(body)
    assert isinstance(failure, Failure) and isinstance(failure.error, StreamBroken)
    assert "ecr" not in failure.error.message and "msg_1" not in failure.error.message
