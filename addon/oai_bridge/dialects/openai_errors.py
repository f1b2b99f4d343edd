"""What a door that speaks OpenAI's language says when there is no answer, as a `BridgeError`.

Bodies as in OpenAI's "Error codes", Azure's "Content filtering" (`innererror`) and API Management (`statusCode`), and
in vLLM's server, which stands behind open models. Google's platform and AWS's own exceptions have readers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import CloudError, Original
from ..models.passed import Cloud
from ..plain.jsontext import write
from .aws_errors import error_from_aws, id_refused
from .claude_errors import error_from_body
from .cloud_errors import (
    AWS,
    AZURE,
    CREDENTIAL,
    DENIED,
    GOOGLE,
    INVALID,
    NOT_FOUND,
    OVERLOADED,
    QUOTA,
    SERVER,
    SLOW,
    TOO_LONG,
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

_HINTS: Mapping[Cloud, Hints] = {"azure": AZURE, "vertex": GOOGLE, "bedrock": AWS}
_FILTERED = replace(INVALID, code="content_filter")
_NO_SUCH_PATH = replace(NOT_FOUND, hint="Check the endpoint and the api_version of the Azure account in config.yaml.")
_KINDS = {
    "contentfilter": _FILTERED,
    "contentpolicyviolation": _FILTERED,
    "responsibleaipolicyviolation": _FILTERED,
    "contextlengthexceeded": TOO_LONG,
    "deploymentnotfound": NOT_FOUND,
    "modelnotfound": NOT_FOUND,
    "404": _NO_SUCH_PATH,
    "operationnotsupported": replace(INVALID, hint="Choose another model; this one is made for other things."),
    "invalidapikey": CREDENTIAL,
    "permissiondenied": DENIED,
    "ratelimitexceeded": QUOTA,
    "ratelimitreached": QUOTA,
    "nocapacity": OVERLOADED,
}
"""By OpenAI's and Azure's codes in lower case, without underscores."""
_TYPES = {
    "invalid_request_error": INVALID,
    "authentication_error": CREDENTIAL,
    "permission_error": DENIED,
    "not_found_error": NOT_FOUND,
    "rate_limit_error": QUOTA,
    "server_error": SERVER,
    "overloaded_error": OVERLOADED,
    "service_unavailable_error": UNAVAILABLE,
    "timeout_error": SLOW,
}
_INNER = ("code", "content_filter_result", "content_filter_results")
_INNER_LIMIT = 4096  # bytes
_PARAM_LIMIT = 200  # characters

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MILLISECONDS = re.compile(r"\d{1,9}(?:\.\d+)?")


def error_from_openai(
    status: int | None, headers: Mapping[str, str], body: bytes, cloud: Cloud, hint: str | None = None
) -> CloudError:
    """The error that `body` tells. `status` is the HTTP status it came with, `None` inside a stream; header names are
    lower case; `hint` says what to do where a model on Bedrock can be had by an inference profile only. Type, code and
    param are the cloud's own where it gave them. Whatever the body is, an error comes out."""
    value = json_or_none(body)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # Google's platform wraps its error in an array
    told = value if isinstance(value, dict) else {}
    detail = told.get("error", told)
    detail = detail if isinstance(detail, dict) else {"message": detail}
    message = detail.get("message")
    if isinstance(detail.get("status"), str):
        return error_from_body(status, body, headers, _HINTS[cloud])
    if cloud == "bedrock" and (not told.get("error") or id_refused(told)):
        return error_from_aws(status, headers, body, hint)
    status = status or _status(detail)
    known = isinstance(message, str) and message.strip()
    error = cloud_error(
        _kind(detail, status) if known else unknown(status),
        str(message) if known else plain(status, body),
        _in_seconds(headers),
        _HINTS[cloud],
        original=Original(status),
    )
    error.type = _word(detail.get("type")) or error.type
    error.code = _word(detail.get("code")) or error.code
    param = detail.get("param")
    error.param = param if isinstance(param, str) and 0 < len(param) <= _PARAM_LIMIT else error.param
    error.inner = _inner(detail.get("innererror") or detail.get("inner_error"))
    return error


def _kind(detail: Mapping[str, Any], status: int | None) -> Kind:
    """By the code, which says most, then by the status and by the type."""
    code, type = detail.get("code"), detail.get("type")
    kind = _KINDS.get(code.replace("_", "").lower()) if isinstance(code, str) else None
    kind = kind or kind_of_status(status)
    if kind is None and isinstance(type, str):
        kind = _TYPES.get(type)
    return kind or refused(status) or unknown(status)


def _status(detail: Mapping[str, Any]) -> int | None:
    """The HTTP status that the body itself tells: API Management's, vLLM's, Azure's."""
    for field in ("statusCode", "status", "code"):
        told = detail.get(field)
        told = int(told) if isinstance(told, str) and re.fullmatch("[45][0-9]{2}", told) else told
        if isinstance(told, int) and 400 <= told <= 599:
            return told
    return None


def _in_seconds(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers with Azure's finer `retry-after-ms` for `retry-after`."""
    delay = headers.get("retry-after-ms", "")
    return {**headers, "retry-after": str(float(delay) / 1000)} if _MILLISECONDS.fullmatch(delay) else headers


def _word(value: Any) -> str | None:
    """A type or code as OpenAI has them; others' numbers and names of classes help no client."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _inner(value: Any) -> Mapping[str, Any] | None:
    """What the content filter found, which Azure tells inside."""
    kept = {key: value[key] for key in _INNER if key in value} if isinstance(value, dict) else {}
    return kept if kept and len(write(kept)) <= _INNER_LIMIT else None
