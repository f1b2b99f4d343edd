"""anthropic/errors.py: any error in the shape, with the status and the type that Anthropic's SDKs know."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types.shared import ErrorResponse
from hypothesis import example, given
from hypothesis import strategies as st

from oai_bridge.anthropic.errors import error_event, error_object, error_status
from oai_bridge.dialects.claude_errors import error_from_body
from oai_bridge.errors import (
    BridgeError,
    Forbidden,
    Internal,
    InvalidRequest,
    MethodNotAllowed,
    Misdirected,
    NotFound,
    StreamBroken,
    TooLarge,
    Unauthorized,
    UnsupportedMedia,
    UpstreamError,
)


def cloud(status: int | None, detail: dict[str, Any]) -> BridgeError:
    return error_from_body(status, json.dumps({"type": "error", "error": {"message": "Told."} | detail}).encode())


def told(error: BridgeError) -> tuple[int, str]:
    return error_status(error), error_object(error, "req_1")["error"]["type"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvalidRequest("no"), (400, "invalid_request_error")),
        (Unauthorized("no"), (401, "authentication_error")),
        (Forbidden("no"), (403, "permission_error")),
        (NotFound("no"), (404, "not_found_error")),
        (MethodNotAllowed(("POST",)), (405, "invalid_request_error")),
        (TooLarge(1), (413, "request_too_large")),
        (UnsupportedMedia("no"), (415, "invalid_request_error")),
        (Misdirected("no"), (421, "invalid_request_error")),
        (Internal("no"), (500, "api_error")),
        (UpstreamError("no"), (502, "api_error")),
        (StreamBroken("no"), (502, "api_error")),
        (UpstreamError("no", status=504), (504, "timeout_error")),
        (BridgeError("no", status=402), (402, "billing_error")),
        (BridgeError("no", status=429), (429, "rate_limit_error")),
        (BridgeError("no", status=503), (503, "overloaded_error")),
        (BridgeError("no", status=529), (529, "overloaded_error")),
    ],
)
def test_the_proxys_own_errors(error: BridgeError, expected: tuple[int, str]) -> None:
    assert told(error) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (cloud(529, {"type": "overloaded_error"}), (529, "overloaded_error")),
        (cloud(503, {"type": "overloaded_error"}), (503, "overloaded_error")),
        (cloud(404, {"type": "not_found_error"}), (404, "not_found_error")),
        (cloud(402, {"type": "billing_error"}), (402, "billing_error")),
        (cloud(422, {"type": "brand_new_error"}), (422, "brand_new_error")),
        # inside a stream there is no status: it is that of the type
        (cloud(None, {"type": "overloaded_error"}), (529, "overloaded_error")),
        (cloud(None, {"type": "timeout_error"}), (504, "timeout_error")),
        (cloud(None, {"type": "rate_limit_error"}), (429, "rate_limit_error")),
        (cloud(None, {"type": "brand_new_error"}), (502, "brand_new_error")),
        # Google's own have another shape
        (cloud(403, {"code": 403, "status": "PERMISSION_DENIED"}), (403, "permission_error")),
        (cloud(None, {"code": 429, "status": "RESOURCE_EXHAUSTED"}), (429, "rate_limit_error")),
        (cloud(503, {"code": 503, "status": "UNAVAILABLE"}), (503, "overloaded_error")),
        # and what is no error at all is one of the proxy in between
        (error_from_body(502, b"<html>"), (502, "api_error")),
        (error_from_body(302, b""), (502, "api_error")),
        (error_from_body(None, b"{}"), (502, "api_error")),
    ],
)
def test_the_clouds_own_status_and_type_are_kept(error: BridgeError, expected: tuple[int, str]) -> None:
    assert told(error) == expected


def test_the_shape() -> None:
    error = cloud(400, {"type": "invalid_request_error", "details": {"error_code": "tool_name_conflict"}})
    assert error_object(error, "req_1") == {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "message": "Told.",
            "details": {"error_code": "tool_name_conflict"},
        },
        "request_id": "req_1",
    }


def test_the_proxys_own_code_stands_where_the_clouds_would() -> None:
    assert error_object(InvalidRequest("no", code="a_code"), "r")["error"]["details"] == {"error_code": "a_code"}
    assert "details" not in error_object(InvalidRequest("no"), "r")["error"]
    assert "details" not in error_object(cloud(404, {"type": "not_found_error"}), "r")["error"], "only its own"


def test_the_field_is_named_in_the_message_where_the_cloud_has_not_done_so() -> None:
    ours = error_object(InvalidRequest("It must be true or false.", param="stream"), "r")
    assert ours["error"]["message"] == "stream: It must be true or false."
    theirs = error_object(cloud(400, {"type": "invalid_request_error", "message": "max_tokens: 5 > 4"}), "r")
    assert theirs["error"]["message"] == "max_tokens: 5 > 4"


@pytest.mark.parametrize(("status", "raised"), [(529, anthropic.OverloadedError), (404, anthropic.NotFoundError)])
def test_the_sdk_reads_it(status: int, raised: type[anthropic.APIStatusError]) -> None:
    error = cloud(status, {"type": "overloaded_error", "details": {"error_code": "file_expired"}})
    body = error_object(error, "req_1")
    response = httpx2.Response(error_status(error), json=body, request=httpx2.Request("POST", "http://a/v1/messages"))
    read = anthropic.Anthropic(api_key="k")._make_status_error("x", body=body, response=response)
    assert isinstance(read, raised)
    assert (read.type, read.error_code) == ("overloaded_error", "file_expired")
    assert read.api_message and read.api_message.startswith("Told.")


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 504, 529])
def test_it_fits_the_sdks_type(status: int) -> None:
    ErrorResponse.model_validate(error_object(BridgeError("no", status=status), "req_1"), strict=True)


@given(st.text(st.characters(codec=None)), st.none() | st.text(st.characters(codec=None)))
@example("a\u2028b\u2029c", None)
def test_any_message_is_one_event(message: str, param: str | None) -> None:
    event = error_event(BridgeError(message, param=param), "req_1")
    name, data, *rest = event.decode().split("\n")
    assert (name, rest) == ("event: error", ["", ""])
    assert not {"\r", "\u2028", "\u2029"} & set(data)
    assert json.loads(data.removeprefix("data: "))["error"]["type"] == "api_error"
