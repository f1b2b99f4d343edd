"""What a cloud's errors become: kinds of trouble in OpenAI's terms, each with what its user should do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BridgeError, CloudError, Original, StreamBroken
from ..plain.jsontext import read_any
from ..plain.redaction import redact, request_id_of


@dataclass(frozen=True, slots=True)
class Kind:
    """Status, type and code of OpenAI's API, whether a repeat can help, and a sentence that says what to do next."""

    status: int
    type: str
    code: str | None = None
    retry: bool | None = None
    hint: str = ""


INVALID = Kind(400, "invalid_request_error", retry=False)
TOO_LONG = Kind(
    400,
    "invalid_request_error",
    "context_length_exceeded",
    retry=False,
    hint="Send a shorter chat, or lower the context size in the program that you use.",
)
CREDENTIAL = Kind(
    401,
    "authentication_error",
    "invalid_api_key",
    retry=False,
    hint="Check the cloud credential of the proxy: the cloud does not accept it.",
)
BILLING = Kind(
    402, "insufficient_quota", "insufficient_quota", retry=False, hint="Check the billing of the cloud account."
)
DENIED = Kind(
    403,
    "permission_error",
    "model_access_denied",
    retry=False,
    hint="Check that the account may use this model in this region, or choose another model.",
)
NOT_FOUND = Kind(
    404,
    "invalid_request_error",
    "model_not_found",
    retry=False,
    hint="Choose another model or region; GET models lists the names.",
)
CONFLICT = Kind(409, "invalid_request_error", hint="Send the request again.")
TOO_LARGE = Kind(413, "invalid_request_error", "request_too_large", retry=False, hint="Send fewer or smaller images.")
QUOTA = Kind(
    429,
    "rate_limit_error",
    "rate_limit_exceeded",
    hint="Wait a little, or ask the cloud for more quota for this model and region.",
)
SERVER = Kind(500, "server_error", hint="The cloud failed; try again.")
OVERLOADED = Kind(503, "server_error", "overloaded", hint="Try again in a minute, or use another region.")
UNAVAILABLE = Kind(503, "server_error", "service_unavailable", hint="Try again in a minute.")
SLOW = Kind(504, "server_error", "timeout", hint="Try again, with a shorter chat if it happens often.")

Hints = Mapping[Kind, str]
"""What to do at one cloud, for the kinds where the clouds differ."""

GOOGLE: Hints = {
    QUOTA: "Wait a little, or ask for more quota for this model and region in the Google Cloud console.",
}
AWS: Hints = {
    CREDENTIAL: "Check the AWS credential of the proxy, or log in again with `aws sso login`.",
    DENIED: "Allow the account bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream for this model, "
    "see in the Bedrock console whether it has access to the model, or choose another one.",
    NOT_FOUND: "Choose another model or region, or ask for access to the model in the Bedrock console; "
    "GET models lists the names.",
    QUOTA: "Wait a little, or ask for more quota for this model and region in AWS's Service Quotas console.",
}
AZURE: Hints = {
    CREDENTIAL: "Check the Azure credential of the proxy: the key, or the login of `az login`, is not accepted.",
    DENIED: "Give the account the role Azure AI User for this resource, or use one of the resource's keys.",
    NOT_FOUND: "Deploy the model in this Azure resource, or choose another one; GET models lists the names.",
    QUOTA: "Wait a little, or ask for more quota for this deployment in the Azure AI Foundry portal.",
}

_HTTP = {
    400: INVALID,
    401: CREDENTIAL,
    403: DENIED,
    404: NOT_FOUND,
    408: SLOW,
    409: CONFLICT,
    413: TOO_LARGE,
    429: QUOTA,
    500: SERVER,
    503: UNAVAILABLE,
    504: SLOW,
    529: OVERLOADED,
}

_LONG_PROMPT = re.compile(
    r"prompt is too long|exceeds? (the )?(model's )?context (limit|window)|input is too long"
    r"|too many input tokens|input tokens exceeded|maximum context length|input token count \(?\d+\)? exceeds",
    re.I,
)
_FIELD = re.compile(r"^([a-z_]+(?:\.[\w-]+)*): ", re.ASCII)
_SENTENCE_ENDS = (".", "!", "?", "…", "。")
_DURATION = re.compile(r"^(\d{1,9}(?:\.\d+)?)s$")
_TEXT_LIMIT = 500  # characters of a body that is no error object
_WORDS = ("message", "Message", "__type")  # texts that errors have on top, and answers have not


def kind_of_status(status: int | None) -> Kind | None:
    """The kind where nothing but the HTTP status says what is wrong; `None` where it doesn't, either."""
    return _HTTP.get(status or 0)


def refused(status: int | None) -> Kind | None:
    """The kind of an error object with a status of 4xx that has no kind of its own: the request is not right."""
    return replace(INVALID, status=status) if status is not None and 400 <= status < 500 else None


def unknown(status: int | None) -> Kind:
    """The kind of what nobody has told."""
    known = status is not None and 400 <= status <= 599
    hint = "Try again; if it stays, look at the answer in mitmweb."
    return Kind(status if status and known else 502, "server_error", "upstream_error", hint=hint)


def cloud_error(
    kind: Kind,
    message: str,
    headers: Mapping[str, str],
    hints: Hints,
    *,
    original: Original,
    request_id: object = None,
    delays: Iterable[str] = (),
) -> CloudError:
    """The error in the cloud's words, with the hint of the cloud for its kind. `request_id` stands where the headers
    have none, so do `delays`, which are such as `7s`; HTTP dates are not used by these clouds."""
    if kind is INVALID and _LONG_PROMPT.search(message):
        kind = TOO_LONG
    field = _FIELD.match(message)
    message = redact(message.strip())
    if hint := hints.get(kind, kind.hint):
        message = f"{message}{'' if message.endswith(_SENTENCE_ENDS) else '.'} {hint}"
    told = [headers.get("retry-after", "") + "s", *delays]
    error = CloudError(
        message,
        status=kind.status,
        type=kind.type,
        code=kind.code or original.code,
        param=field[1] if field and kind is INVALID else None,
        retry=kind.retry,
        retry_after=next((float(match[1]) for delay in told if (match := _DURATION.match(delay))), None),
        request_id=request_id_of(headers) or request_id,
    )
    error.original = original
    error.hint = hint
    return error


def json_or_none(body: bytes) -> Any:
    """The value of a body that may be anything."""
    try:
        return read_any(body)
    except (ValueError, RecursionError):
        return None


def in_place_of_answer(body: bytes, error: CloudError) -> BridgeError:
    """What is wrong with a body that came with a success, but holds no answer. `error` is what it says as an error: so
    it is for an error object, and for a page of a proxy in between. Anything else may be an answer, cut or garbled: it
    may be paid for, and is not to be quoted."""
    value = json_or_none(body)
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    told = value if isinstance(value, dict) else {}
    if _is_page(body) or told.get("error") or any(isinstance(told.get(key), str) for key in _WORDS):
        return error
    return StreamBroken("The cloud's answer is cut off, or none that can be read; look at it in mitmweb.")


def plain(status: int | None, body: bytes) -> str:
    """A message for a body that is no error object: an HTML page of a proxy in between, nothing at all, … Of what came
    with a success only a page is quoted: anything else may hold an answer."""
    if status is None and not _is_page(body):
        return "The cloud told an error without words that can be shown."
    text = " ".join(re.sub(r"<[^<>]*>", " ", body[: 20 * _TEXT_LIMIT].decode("utf-8", "replace")).split())
    where = "The cloud, or a proxy before it, answered" + (f" with HTTP {status}" if status else " with an error")
    return f"{where}: {text[:_TEXT_LIMIT]}" if text else f"{where} and nothing else."


def _is_page(body: bytes) -> bool:
    return body.lstrip().startswith(b"<")
