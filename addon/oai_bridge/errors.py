"""The one exception family: what went wrong, told in the shape of the OpenAI API, with whether a repeat can help."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .plain.redaction import plain_id


class BridgeError(Exception):
    """An answer that is not a success.

    `message` is one or two sentences for the user, says what to do next and never holds a secret. `status` is the HTTP
    status towards the client; `type`, `code` and `param` stand in OpenAI's error object. `retry` says whether the same
    request may succeed later (`None`: nothing known, SDKs decide by the status), `retry_after` in seconds is the
    upstream's own word. `request_id` is the cloud's id of the request, where it gave one that is an id.
    """

    status = 500
    type = "server_error"
    code: str | None = None
    retry: bool | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,
        status: int | None = None,
        retry: bool | None = None,
        retry_after: float | None = None,
        request_id: object = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.request_id = plain_id(request_id)
        if code is not None:
            self.code = code
        if type is not None:
            self.type = type
        if status is not None:
            self.status = status
        if retry is not None:
            self.retry = retry

    def fresh(self) -> Self:
        """The same to be raised for another request: without this one's id, nor the frames that it went through."""
        error = copy.copy(self)
        error.request_id = None
        return error

    def to_object(self) -> dict[str, Any]:
        """`{"message", "type", "param", "code"}`: the value of OpenAI's `error` key."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}

    def headers(self) -> dict[str, str]:
        """The headers that tell an SDK whether and when to try again."""
        headers = {}
        if self.retry_after is not None:
            headers["retry-after"] = str(math.ceil(self.retry_after))  # RFC 9110: whole seconds
        if self.retry is not None:
            headers["x-should-retry"] = "true" if self.retry else "false"
        return headers


class InvalidRequest(BridgeError):
    """The client's request can't be understood or can't be honoured; `param` names the field."""

    status = 400
    type = "invalid_request_error"
    retry = False


class Unauthorized(BridgeError):
    """The client key is missing or wrong, or a cloud credential is refused."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"
    retry = False


class WrongKey(Unauthorized):
    """A client key was shown, and it is none of ours: somebody may be guessing."""


class Forbidden(BridgeError):
    """The caller may not do this: a foreign web page, or an account without access."""

    status = 403
    type = "permission_error"
    retry = False


class NotFound(BridgeError):
    """No such path or model; the message names the nearest right one."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"
    retry = False


class MethodNotAllowed(BridgeError):
    """The path exists for another method."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"
    retry = False

    def __init__(self, allow: Sequence[str]) -> None:
        """`allow`: the methods that the path has."""
        super().__init__(f"This method is not served here. Use {' or '.join(allow)}.")
        self.allow = tuple(allow)

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "allow": ", ".join(self.allow)}


class TooLarge(BridgeError):
    """The body is over the limit."""

    status = 413
    type = "invalid_request_error"
    code = "request_too_large"
    retry = False

    def __init__(self, limit: int) -> None:
        """`limit` in bytes."""
        super().__init__(
            f"The body is larger than {limit / 2**20:g} MB. Send fewer or smaller images, "
            "or raise server.max_body_mb in config.yaml."
        )


class UnsupportedMedia(BridgeError):
    """The body is not JSON, or has an encoding that is not understood."""

    status = 415
    type = "invalid_request_error"
    code = "unsupported_media_type"
    retry = False


class Misdirected(BridgeError):
    """The Host header names somebody else (DNS rebinding)."""

    status = 421
    type = "invalid_request_error"
    code = "misdirected_request"
    retry = False


class UpstreamError(BridgeError):
    """The cloud answered with an error, or not at all; status, type and code say which. `unsure`: it may have worked on
    the request all the same, and be paid for that."""

    status = 502
    code = "upstream_error"
    unsure = False


@dataclass(frozen=True, slots=True)
class Original:
    """How the cloud itself named an error; `None` where it gave none. `status` is HTTP's, `type` and `code` are
    Anthropic's `error.type` and `error.details.error_code`."""

    status: int | None = None
    type: str | None = None
    code: str | None = None


class CloudError(BridgeError):
    """The cloud's own word; status, type and code are those of OpenAI's API that come nearest to the `original`.
    `inner` is what Azure tells inside of it: what its content filter found. `hint` is the end of `message` that is
    ours: what to do."""

    status = 502
    original = Original()
    hint = ""
    inner: Mapping[str, Any] | None = None

    def to_object(self) -> dict[str, Any]:
        inner = {"innererror": self.inner} if self.inner else {}
        return {**super().to_object(), **inner}


class StreamBroken(UpstreamError):
    """The answer ended before its last message: cut, reset or garbled."""

    type = "api_error"
    code = "stream_truncated"


class Busy(BridgeError):
    """There is no room for the request, or not within the time it may wait."""

    status = 429
    type = "rate_limit_error"
    code = "queue_timeout"


class SpendingLimit(BridgeError):
    """A cap on what may be spent is reached, or can't be kept since a price isn't known."""

    status = 402
    type = "insufficient_quota"
    code = "spending_limit"
    retry = False


class Internal(BridgeError):
    """A defect of this program. The message tells the user where to look, never the exception's own text."""

    code = "internal_error"
