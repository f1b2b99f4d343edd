"""A `BridgeError` as Anthropic's error object and status.

Shape, statuses and types as in Anthropic's "Errors" page, `anthropic/_exceptions.py` and `anthropic/types/shared`.
"""

from __future__ import annotations

from typing import Any

from ..errors import BridgeError, CloudError, Original
from ..plain.jsontext import encodable, one_line, write

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_STATUSES = {type: status for status, type in _TYPES.items()}  # of two with one type the higher: 504, 529


def error_status(error: BridgeError) -> int:
    """The HTTP status towards an Anthropic client: the cloud's own where the error is one of Anthropic's (AWS says 400
    and 403 to much that Anthropic has other statuses for), else that of the type which it gave (529 for an overload
    inside a stream)."""
    original = _original(error)
    if original.type is not None and original.status is not None and 400 <= original.status <= 599:
        return original.status
    return _STATUSES.get(original.type or "", error.status)


def error_object(error: BridgeError, request_id: str) -> dict[str, Any]:
    """`{"type": "error", "error": {"type", "message"[, "details"]}, "request_id"}`, a whole body or the data of an
    `error` event. The type and the code are the cloud's own where it gave them."""
    original, status = _original(error), error_status(error)
    usual = "invalid_request_error" if status < 500 else "api_error"
    message = error.message
    if error.param and not isinstance(error, CloudError):  # whose message names the field itself
        message = f"{error.param}: {message}"
    detail: dict[str, Any] = {"type": original.type or _TYPES.get(status, usual), "message": encodable(message)}
    if code := original.code if isinstance(error, CloudError) else error.code:
        detail["details"] = {"error_code": code}
    return {"type": "error", "error": detail, "request_id": request_id}


def error_event(error: BridgeError, request_id: str) -> bytes:
    """The one error event of a broken stream."""
    return b"event: error\ndata: %s\n\n" % one_line(write(error_object(error, request_id)))


def _original(error: BridgeError) -> Original:
    return error.original if isinstance(error, CloudError) else Original()
