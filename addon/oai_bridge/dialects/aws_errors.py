"""What AWS says when a model on Bedrock does not answer, as a `BridgeError`: exceptions, by their names.

Names as in botocore's model of bedrock-runtime and in AWS's "Troubleshooting Amazon Bedrock API Error Codes". The body
is `{"message"}` or `{"Message"}`, the name stands in a header or in the body's `__type`. Bedrock's Messages and Mantle
doors answer with Anthropic's error object instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import CloudError, Original
from .claude_errors import error_from_body
from .cloud_errors import (
    AWS,
    CONFLICT,
    CREDENTIAL,
    DENIED,
    INVALID,
    NOT_FOUND,
    OVERLOADED,
    QUOTA,
    SERVER,
    SLOW,
    UNAVAILABLE,
    Kind,
    cloud_error,
    json_or_none,
    kind_of_status,
    plain,
    unknown,
)

_EXPIRED = replace(
    CREDENTIAL, hint="The login is too old: run `aws sso login`, or give the proxy a new session token or key."
)
_SIGNATURE = replace(CREDENTIAL, hint="Check the secret access key, and whether this computer's clock is right.")
_CLOCK = replace(
    CREDENTIAL, hint="Set this computer's clock right: AWS refuses what is signed minutes too early or too late."
)
_MODEL_ERROR = Kind(502, "server_error", "model_error", hint="The model failed; try again.")

_KINDS = {
    "validation": INVALID,
    "validationerror": INVALID,
    "serialization": INVALID,
    "conflict": CONFLICT,
    "accessdenied": DENIED,
    "notauthorized": DENIED,
    "unrecognizedclient": CREDENTIAL,
    "invalidclienttokenid": CREDENTIAL,
    "missingauthenticationtoken": CREDENTIAL,
    "expiredtoken": _EXPIRED,
    "requestexpired": _CLOCK,
    "incompletesignature": _SIGNATURE,
    "invalidsignature": _SIGNATURE,
    "signaturedoesnotmatch": _SIGNATURE,
    "resourcenotfound": NOT_FOUND,
    "throttling": QUOTA,
    "toomanyrequests": QUOTA,
    "servicequotaexceeded": Kind(
        429,
        "rate_limit_error",
        "quota_exceeded",
        hint="Ask for more quota for this model in AWS's Service Quotas console, or use another region.",
    ),
    "modelnotready": replace(QUOTA, hint="The model is being made ready; try again in a minute."),
    "modeltimeout": SLOW,
    "modelerror": _MODEL_ERROR,
    "modelstreamerror": _MODEL_ERROR,
    "internalserver": SERVER,
    "internalservererror": SERVER,
    "internalerror": SERVER,
    "internalfailure": SERVER,
    "serviceunavailable": UNAVAILABLE,
}
"""By the name in lower case, without `Exception`."""

_TELLING = (400, 408, 413, 429)
_QUOTING = "The model returned the following errors:"
_SIGNED = "The Canonical String for this request"  # what follows repeats the request's headers
_PROFILE_NEEDED = re.compile("model identifier is invalid|on-demand throughput", re.I)
_PLAIN_ID = re.compile("on-demand throughput", re.I)  # the other words are said of names that nobody has, too
_NO_MODEL = ("invalid_request_error", "not_found_error")
_KEY_REFUSED = re.compile("api key|bearer token|security token", re.I)
_SKEWED = re.compile("signature (?:expired|not yet current)", re.I)


def error_from_aws(status: int | None, headers: Mapping[str, str], body: bytes, hint: str | None = None) -> CloudError:
    """The error that an answer of AWS tells. `status` is the HTTP status it came with, `None` inside a stream; header
    names are lower case; `hint` says what to do where the model can be had by an inference profile only. Whatever the
    body is, an error comes out."""
    value = json_or_none(body)
    told = value if isinstance(value, dict) else {}
    if said := id_refused(told):
        return _error(INVALID, said, Original(status), headers, hint)
    if isinstance(told.get("error"), dict):
        return error_from_body(status, body, headers, AWS)
    name = headers.get("x-amzn-errortype") or told.get("__type")
    message = told.get("message") or told.get("Message")
    kind = _kind(name)
    if kind is _MODEL_ERROR:
        kind = _model_error(told.get("originalStatusCode"))
    if not isinstance(message, str):
        message = plain(status, body)
    elif kind is None:
        kind = kind_of_status(status)
    if isinstance(told.get("originalMessage"), str):
        message = f"{message.removesuffix('.')}: {told['originalMessage']}"
    return _error(kind or unknown(status), message, Original(status), headers, hint)


def id_refused(told: Mapping[str, Any]) -> str | None:
    """AWS's words, in the shape of Anthropic's or OpenAI's errors, for a model that can't be had by its id."""
    match told.get("error"):
        case {"type": type, "message": str(said)} if type in _NO_MODEL and _PROFILE_NEEDED.search(said):
            return said
    return None


def error_from_exception(name: str, message: str) -> CloudError:
    """The error of this name, as it comes inside a stream."""
    return _error(_kind(name) or unknown(None), message, Original(), {}, None)


def _error(kind: Kind, message: str, original: Original, headers: Mapping[str, str], hint: str | None) -> CloudError:
    message = message.strip().removeprefix(_QUOTING).partition(_SIGNED)[0].strip() or plain(original.status, b"")
    if kind is INVALID and _PROFILE_NEEDED.search(message):
        kind = _no_such_model(message, hint)
    elif kind is DENIED and _KEY_REFUSED.search(message):
        kind = CREDENTIAL
    elif kind is _SIGNATURE and _SKEWED.search(message):
        kind = _CLOCK
    return cloud_error(kind, message, headers, AWS, original=original)


def _no_such_model(message: str, hint: str | None) -> Kind:
    if hint:
        return replace(NOT_FOUND, hint=hint)
    if not _PLAIN_ID.search(message):
        return NOT_FOUND
    hint = "Use the id of an inference profile, such as the model's own with `us.`, `eu.` or `global.` before it."
    return replace(NOT_FOUND, hint=hint)


def _kind(name: object) -> Kind | None:
    """By a name such as `throttlingException`, `ThrottlingException:http://…/` or `com.…#ThrottlingException`."""
    if not isinstance(name, str):
        return None
    return _KINDS.get(name.partition(":")[0].rpartition("#")[2].strip().lower().removesuffix("exception"))


def _model_error(status: object) -> Kind:
    """`status` is what the model answered AWS with; a 401 or 404 of that kind would speak of nobody's key or path."""
    if not isinstance(status, int) or not (status in _TELLING or 500 <= status <= 599):
        return _MODEL_ERROR
    return replace(_MODEL_ERROR, status=OVERLOADED.status if status == 529 else status)  # few clients know 529
