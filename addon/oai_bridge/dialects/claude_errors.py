"""What a cloud says when Claude does not answer, as a `BridgeError`: Anthropic's error object and Google's own.

Bodies as in Anthropic's "Errors" page (also inside Vertex, Foundry and Bedrock's Messages doors) and in what stands in
front of the model: Google's `google.rpc.Status` (credentials, quota, project) and Azure's API Management.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import CloudError, Original
from .cloud_errors import (
    BILLING,
    CONFLICT,
    CREDENTIAL,
    DENIED,
    GOOGLE,
    INVALID,
    NOT_FOUND,
    OVERLOADED,
    QUOTA,
    SERVER,
    SLOW,
    TOO_LARGE,
    UNAVAILABLE,
    Hints,
    Kind,
    cloud_error,
    json_or_none,
    kind_of_status,
    plain,
    refused,
    unknown,
)

_ANTHROPIC = {
    "invalid_request_error": INVALID,
    "authentication_error": CREDENTIAL,
    "billing_error": BILLING,
    "permission_error": DENIED,
    "not_found_error": NOT_FOUND,
    "conflict_error": CONFLICT,
    "request_too_large": TOO_LARGE,
    "rate_limit_error": QUOTA,
    "api_error": SERVER,
    "timeout_error": SLOW,
    "overloaded_error": OVERLOADED,
}
_GOOGLE = {
    "INVALID_ARGUMENT": INVALID,
    "FAILED_PRECONDITION": INVALID,
    "OUT_OF_RANGE": INVALID,
    "UNAUTHENTICATED": CREDENTIAL,
    "PERMISSION_DENIED": replace(
        DENIED, hint="Enable the Vertex AI API in the project and give the account the role Vertex AI User."
    ),
    "NOT_FOUND": replace(
        NOT_FOUND,
        hint="Enable the model in Vertex AI's Model Garden, or use a region that serves it (`global` serves most).",
    ),
    "RESOURCE_EXHAUSTED": QUOTA,
    "INTERNAL": SERVER,
    "UNAVAILABLE": UNAVAILABLE,
    "DEADLINE_EXCEEDED": SLOW,
}

_REASONS = {"BILLING_DISABLED": BILLING}  # told as PERMISSION_DENIED

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")


def error_from_body(
    status: int | None, body: bytes, headers: Mapping[str, str] | None = None, hints: Hints = GOOGLE
) -> CloudError:
    """The error that `body` tells. `status` is the HTTP status it came with, `None` inside a stream; header names are
    lower case; `hints` are those of the cloud that it came from. Whatever the body is, an error comes out."""
    value = json_or_none(body)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # Google's platform wraps its error in an array
    told = value if isinstance(value, dict) else {}
    detail = told.get("error", told if isinstance(told.get("message"), str) else None)  # API Management's is bare
    detail = detail if isinstance(detail, dict) else {}
    original = _original(status, detail)
    kind = _ANTHROPIC.get(original.type or "") or _reason(detail) or _GOOGLE.get(str(detail.get("status")))
    message = detail.get("message")
    if not isinstance(message, str) or not message.strip():
        message = plain(status, body)
    if kind is None and detail:
        kind = kind_of_status(status) or refused(status)
    return cloud_error(
        kind or unknown(status),
        message,
        headers or {},
        hints,
        original=original,
        request_id=told.get("request_id"),
        delays=_retry_delays(detail),
    )


def _original(status: int | None, detail: Mapping[str, Any]) -> Original:
    """Names only: a type or code that is long or no plain word is somebody's text."""
    details = detail.get("details")
    words = (detail.get("type"), details.get("error_code") if isinstance(details, dict) else None)
    type, code = (word if isinstance(word, str) and _WORD.fullmatch(word) else None for word in words)
    return Original(status, type, code)


def _reason(detail: Mapping[str, Any]) -> Kind | None:
    """The kind that Google's `ErrorInfo` tells, where it says more than the status."""
    told = (_REASONS.get(str(item.get("reason"))) for item in _details(detail))
    return next((kind for kind in told if kind), None)


def _retry_delays(detail: Mapping[str, Any]) -> Iterator[str]:
    """Google's `RetryInfo`."""
    for item in _details(detail):
        yield str(item.get("retryDelay"))


def _details(detail: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    details = detail.get("details")
    yield from (item for item in details if isinstance(item, dict)) if isinstance(details, list) else ()
