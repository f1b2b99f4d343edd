"""What a cloud says when Claude does not answer, as a `BridgeError`: Anthropic's error object and Google's own.

Bodies as in Anthropic's "Errors" page (also inside Vertex, Foundry and Bedrock's Messages doors) and in Google's
`google.rpc.Status` (what stands in front of the model: credentials, quota, project).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import CloudError, Original
from ..jsontext import JsonError, read
from ..redaction import redact

_TEXT_LIMIT = 500  # characters of a body that is no error object


@dataclass(frozen=True, slots=True)
class _Kind:
    status: int
    type: str
    code: str | None = None
    retry: bool | None = None
    hint: str = ""


_INVALID = _Kind(400, "invalid_request_error", retry=False)
_TOO_LONG = _Kind(
    400,
    "invalid_request_error",
    "context_length_exceeded",
    retry=False,
    hint="Send a shorter chat, or lower the context size in the program that you use.",
)
_CREDENTIAL = _Kind(
    401,
    "authentication_error",
    "invalid_api_key",
    retry=False,
    hint="Check the cloud credential of the proxy: the cloud does not accept it.",
)
_DENIED = _Kind(
    403,
    "permission_error",
    "model_access_denied",
    retry=False,
    hint="Check that the account may use this model in this region, or choose another model.",
)
_NOT_FOUND = _Kind(
    404,
    "invalid_request_error",
    "model_not_found",
    retry=False,
    hint="Choose another model or region; GET models lists the names.",
)
_QUOTA = _Kind(
    429,
    "rate_limit_error",
    "rate_limit_exceeded",
    hint="Wait a little, or ask for more quota for this model and region in the Google Cloud console.",
)
_SERVER = _Kind(500, "server_error", hint="The cloud failed; try again.")
_UNAVAILABLE = _Kind(503, "server_error", "service_unavailable", hint="Try again in a minute.")
_SLOW = _Kind(504, "server_error", "timeout", hint="Try again, with a shorter chat if it happens often.")

_ANTHROPIC = {
    "invalid_request_error": _INVALID,
    "authentication_error": _CREDENTIAL,
    "billing_error": _Kind(
        402, "insufficient_quota", "insufficient_quota", retry=False, hint="Check the billing of the cloud account."
    ),
    "permission_error": _DENIED,
    "not_found_error": _NOT_FOUND,
    "conflict_error": _Kind(409, "invalid_request_error", hint="Send the request again."),
    "request_too_large": _Kind(
        413, "invalid_request_error", "request_too_large", retry=False, hint="Send fewer or smaller images."
    ),
    "rate_limit_error": _QUOTA,
    "api_error": _SERVER,
    "timeout_error": _SLOW,
    "overloaded_error": _Kind(503, "server_error", "overloaded", hint="Try again in a minute, or use another region."),
}
_GOOGLE = {
    "INVALID_ARGUMENT": _INVALID,
    "FAILED_PRECONDITION": _INVALID,
    "OUT_OF_RANGE": _INVALID,
    "UNAUTHENTICATED": _CREDENTIAL,
    "PERMISSION_DENIED": _Kind(
        403,
        "permission_error",
        "model_access_denied",
        retry=False,
        hint="Enable the Vertex AI API in the project and give the account the role Vertex AI User.",
    ),
    "NOT_FOUND": _Kind(
        404,
        "invalid_request_error",
        "model_not_found",
        retry=False,
        hint="Enable the model in Vertex AI's Model Garden, or use a region that serves it (`global` serves most).",
    ),
    "RESOURCE_EXHAUSTED": _QUOTA,
    "INTERNAL": _SERVER,
    "UNAVAILABLE": _UNAVAILABLE,
    "DEADLINE_EXCEEDED": _SLOW,
}
_HTTP = {
    400: _INVALID,
    401: _CREDENTIAL,
    403: _DENIED,
    404: _NOT_FOUND,
    413: _ANTHROPIC["request_too_large"],
    429: _QUOTA,
    503: _UNAVAILABLE,
    504: _SLOW,
    529: _ANTHROPIC["overloaded_error"],
}

_LONG_PROMPT = re.compile(
    r"prompt is too long|exceeds? (the )?(model's )?context (limit|window)|input is too long", re.I
)
_FIELD = re.compile(r"^([a-z_]+(?:\.[a-z_0-9]+)*): ")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SENTENCE_ENDS = (".", "!", "?", "…", "。")
_DURATION = re.compile(r"^(\d{1,9}(?:\.\d+)?)s$")


def error_from_body(status: int | None, body: bytes, headers: Mapping[str, str] | None = None) -> CloudError:
    """The error that `body` tells. `status` is the HTTP status it came with, `None` inside a stream; header names are
    lower case. Whatever the body is, an error comes out."""
    headers = headers or {}
    value = _json(body)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]  # Google's platform wraps its error in an array
    detail = value.get("error") if isinstance(value, dict) else None
    detail = detail if isinstance(detail, dict) else {}
    original = _original(status, detail)
    kind = _ANTHROPIC.get(original.type or "") or _GOOGLE.get(str(detail.get("status")))
    message = detail.get("message")
    if not isinstance(message, str) or not message:
        message = _plain(status, body)
    if kind is None and detail:
        kind = _HTTP.get(status or 0)
    if kind is None:
        hint = "Try again; if it stays, look at the answer in mitmweb."
        kind = _Kind(_as_error(status), "server_error", "upstream_error", hint=hint)
    if kind is _INVALID and _LONG_PROMPT.search(message):
        kind = _TOO_LONG
    field = _FIELD.match(message)
    message = redact(message.strip())
    if kind.hint:
        message = f"{message}{'' if message.endswith(_SENTENCE_ENDS) else '.'} {kind.hint}"
    request_id = headers.get("request-id") or (value.get("request_id") if isinstance(value, dict) else None)
    error = CloudError(
        message,
        status=kind.status,
        type=kind.type,
        code=kind.code or original.code,
        param=field[1] if field and kind is _INVALID else None,
        retry=kind.retry,
        retry_after=_retry_after(headers, detail),
        request_id=request_id,
    )
    error.original = original
    return error


def _original(status: int | None, detail: Mapping[str, Any]) -> Original:
    """Names only: a type or code that is long or no plain word is somebody's text."""
    details = detail.get("details")
    words = (detail.get("type"), details.get("error_code") if isinstance(details, dict) else None)
    type, code = (word if isinstance(word, str) and _WORD.fullmatch(word) else None for word in words)
    return Original(status, type, code)


def _json(body: bytes) -> Any:
    try:
        return read(body)
    except JsonError:
        return None


def _as_error(status: int | None) -> int:
    return status if status is not None and 400 <= status <= 599 else 502


def _plain(status: int | None, body: bytes) -> str:
    """A message for a body that is no error object: an HTML page of a proxy in between, nothing at all, …"""
    text = " ".join(re.sub(r"<[^<>]*>", " ", body[: 20 * _TEXT_LIMIT].decode("utf-8", "replace")).split())
    where = "The cloud, or a proxy before it, answered" + (f" with HTTP {status}" if status else " with an error")
    return f"{where}: {text[:_TEXT_LIMIT]}" if text else f"{where} and nothing else."


def _retry_after(headers: Mapping[str, str], detail: Mapping[str, Any]) -> float | None:
    """Seconds to wait, from the header or from Google's `RetryInfo`; HTTP dates are not used by these clouds."""
    delays = [headers.get("retry-after", "") + "s"]
    details = detail.get("details")
    for item in details if isinstance(details, list) else []:
        if isinstance(item, dict):
            delays.append(str(item.get("retryDelay")))
    return next((float(match[1]) for delay in delays if (match := _DURATION.match(delay))), None)
