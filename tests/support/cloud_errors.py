"""The errors that fake clouds answer with, each in its vendor's shape, as behaviours."""

from __future__ import annotations

from typing import Any

from tests.support import claude_rules
from tests.support.behaviours import Reply

AWS_ERRORS = {
    "ValidationException": (400, "The provided model identifier is invalid."),
    "ServiceQuotaExceededException": (400, "Your request exceeds the service quota for your account."),
    "UnrecognizedClientException": (403, "The security token included in the request is invalid."),
    "ExpiredTokenException": (403, "The security token included in the request is expired"),
    "AccessDeniedException": (403, "You don't have access to the model with the specified model ID."),
    "ResourceNotFoundException": (404, "Could not resolve the foundation model from the provided model identifier."),
    "ModelTimeoutException": (408, "Model has timed out in processing the request. Try your request again."),
    "ModelErrorException": (424, "The system encountered an unexpected error during processing."),
    "ThrottlingException": (429, "Too many requests, please wait before trying again."),
    "ModelNotReadyException": (429, "Model is getting ready for inference. Please try again."),
    "InternalServerException": (500, "The system encountered an unexpected error during processing. Try again."),
    "ServiceUnavailableException": (503, "Bedrock is unable to process your request."),
}
AZURE_ERRORS = {
    400: ("BadRequest", "The request is invalid."),
    401: (
        "401",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
        "active subscription and use a correct regional API endpoint for your resource.",
    ),
    403: ("PermissionDenied", "Principal does not have access to API/Operation."),
    404: (
        "DeploymentNotFound",
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
        "please wait a moment and try again.",
    ),
    408: ("Timeout", "The operation was timeout."),
    429: ("RateLimitReached", "Your requests have exceeded the token rate limit. Please retry after 12 seconds."),
    500: ("InternalServerError", "The server had an error while processing your request. Sorry about that!"),
    503: ("ServiceUnavailable", "The service is temporarily unable to process your request. Please try again later."),
}
GOOGLE_STATUS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token."),
    403: ("PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied on resource (or it may not exist)."),
    404: ("NOT_FOUND", "Publisher Model was not found or your project does not have access to it."),
    429: ("RESOURCE_EXHAUSTED", "Quota exceeded for online_prediction_requests_per_base_model."),
    500: ("INTERNAL", "Internal error encountered."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
}


def anthropic_error(
    status: int, message: str | None = None, *, type: str | None = None, retry_after: float | None = None
) -> Reply:
    """A model's error, in Anthropic's shape."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Reply(status, claude_rules.error_object(status, message, type), headers)


def google_error(
    code: int,
    message: str | None = None,
    *,
    status: str | None = None,
    retry_delay: str | None = None,
    in_array: bool = False,
) -> Reply:
    """The platform's error, in Google's shape; `retry_delay` such as `12s` adds a RetryInfo."""
    name, usual = GOOGLE_STATUS[code]
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": retry_delay}
    details = [retry] if retry_delay else []
    error = {"error": {"code": code, "message": message or usual, "status": status or name, "details": details}}
    return Reply(code, [error] if in_array else error)


def aws_error(error: str, message: str | None = None, *, capital: bool = False) -> Reply:
    """AWS's error by its name. `capital`: some of its servers write `Message`."""
    status, usual = AWS_ERRORS[error]
    headers = {"x-amzn-errortype": f"{error}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    body = {"Message" if capital else "message": message or usual}
    return Reply(status, body, headers, "application/json")


def openai_error(status: int, message: str, *, type: str = "invalid_request_error", **more: Any) -> Reply:
    """An error in OpenAI's shape; `more`: its `param` and `code`."""
    error = {"message": message, "type": type, "param": None, "code": None} | more
    return Reply(status, {"error": error}, content_type="application/json")


def azure_error(
    status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
) -> Reply:
    """The platform's error, in Azure's shape."""
    usual, said = AZURE_ERRORS[status]
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    if retry_after is not None:
        headers["retry-after-ms"] = f"{retry_after * 1000:g}"
    error = {"code": code or usual, "message": message or said}
    return Reply(status, {"error": error}, headers, "application/json")


def filtered_prompt(category: str = "violence") -> Reply:
    """Azure's refusal of a prompt that its content filter does not like."""
    kinds = ("hate", "self_harm", "sexual", "violence")
    found = {kind: {"filtered": kind == category, "severity": "high" if kind == category else "safe"} for kind in kinds}
    message = (
        "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please "
        "modify your prompt and retry."
    )
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": found}
    more = {"param": "prompt", "type": None, "code": "content_filter", "status": 400, "innererror": inner}
    return Reply(400, {"error": {"message": message, **more}}, content_type="application/json")


def html_error(status: int = 502) -> Reply:
    """What a load balancer says."""
    page = f"<!DOCTYPE html>\n<html><title>Error {status} (Server Error)!!1</title><p>Try again in 30 seconds.</html>\n"
    return Reply(status, page.encode(), content_type="text/html; charset=UTF-8")


def invalid_grant(description: str = "Invalid JWT Signature.") -> Reply:
    """The token endpoint's refusal of a key."""
    return Reply(400, {"error": "invalid_grant", "error_description": description})
