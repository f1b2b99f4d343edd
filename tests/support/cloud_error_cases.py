"""What each cloud can refuse, by its doors, and the error that clients of OpenAI's and Anthropic's APIs get for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tests.support.behaviours import Reply
from tests.support.cloud_errors import anthropic_error, aws_error, azure_error, google_error, html_error, openai_error


@dataclass(frozen=True, slots=True)
class Outcome:
    """Status, type and code of OpenAI's API; Anthropic's type, and its status where that is another. `final`: SDKs are
    told that a repeat can't help."""

    status: int
    type: str
    code: str | None
    native: str
    native_status: int | None = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """`advice` is a part of the message: what to do next, or the cloud's own words that say it."""

    reply: Reply
    outcome: Outcome
    advice: str
    retry_after: str | None = None


_REQUEST, _SERVER = "invalid_request_error", "server_error"
INVALID = Outcome(400, _REQUEST, None, _REQUEST)
TOO_LONG = replace(INVALID, code="context_length_exceeded")
UNSUPPORTED = replace(INVALID, code="unsupported_value")
NOBODY = Outcome(401, "authentication_error", "invalid_api_key", "authentication_error")
UNPAID = Outcome(402, "insufficient_quota", "insufficient_quota", "billing_error")
DENIED = Outcome(403, "permission_error", "model_access_denied", "permission_error")
MISSING = Outcome(404, _REQUEST, "model_not_found", "not_found_error")
TOO_LARGE = Outcome(413, _REQUEST, "request_too_large", "request_too_large")
LIMITED = Outcome(429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error", final=False)
QUOTA = replace(LIMITED, code="quota_exceeded")
INTERNAL = Outcome(500, _SERVER, None, "api_error", final=False)
FAILED = Outcome(502, _SERVER, "model_error", "api_error", final=False)
UNREADABLE = replace(FAILED, code="upstream_error")
UNAVAILABLE = Outcome(503, _SERVER, "service_unavailable", "overloaded_error", final=False)
SLOW = Outcome(504, _SERVER, "timeout", "timeout_error", final=False)
OVERLOADED = replace(UNAVAILABLE, code="overloaded", native_status=529)

Cases = Mapping[str, Case]

ON_DEMAND = (
    "Invocation of model ID a.b with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an "
    "inference profile that contains this model."
)
TOO_MUCH = "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens."
PAGES: Cases = {
    "a web page": Case(html_error(502), UNREADABLE, "Try again"),
    "a web page for an answer": Case(html_error(200), UNREADABLE, "Try again"),
    "nothing": Case(Reply(503), replace(UNAVAILABLE, code="upstream_error"), "Try again"),
}
AWS: Cases = {
    "a field": Case(aws_error("ValidationException", "Malformed input: x."), INVALID, "Malformed input: x."),
    "a field, told by the model": Case(
        aws_error("ValidationException", "The model returned the following errors: no x"), INVALID, "no x"
    ),
    "too long": Case(
        aws_error("ValidationException", "Input is too long for requested model."), TOO_LONG, "Send a shorter chat"
    ),
    "nobody's id": Case(aws_error("ValidationException"), MISSING, "GET models lists the names"),
    "no profile": Case(aws_error("ValidationException", ON_DEMAND), MISSING, "Use the id of an inference profile"),
    "no such resource": Case(aws_error("ResourceNotFoundException"), MISSING, "ask for access to the model"),
    "no such key": Case(aws_error("UnrecognizedClientException"), NOBODY, "Check the AWS credential"),
    "an old token": Case(aws_error("ExpiredTokenException"), NOBODY, "a new session token"),
    "denied": Case(aws_error("AccessDeniedException"), DENIED, "bedrock:InvokeModel"),
    "throttled": Case(aws_error("ThrottlingException"), LIMITED, "Service Quotas"),
    "not ready": Case(aws_error("ModelNotReadyException"), LIMITED, "in a minute"),
    "quota": Case(aws_error("ServiceQuotaExceededException"), QUOTA, "Ask for more quota"),
    "internal": Case(aws_error("InternalServerException", "Oh.", capital=True), INTERNAL, "Oh. The cloud failed; try"),
    "unavailable": Case(aws_error("ServiceUnavailableException"), UNAVAILABLE, "in a minute"),
    "slow": Case(aws_error("ModelTimeoutException"), SLOW, "a shorter chat"),
    "failed": Case(aws_error("ModelErrorException"), FAILED, "try again"),
    "failed by overload": Case(
        replace(aws_error("ModelErrorException"), body={"message": "Oh.", "originalStatusCode": 529}),
        replace(UNAVAILABLE, code="model_error"),
        "try again",
    ),
}
ANTHROPIC: Cases = {
    "a field": Case(anthropic_error(400, "x: No."), INVALID, "x: No."),
    "too long": Case(anthropic_error(400, "prompt is too long: 9 > 5"), TOO_LONG, "a shorter chat"),
    "unpaid": Case(anthropic_error(402), UNPAID, "Check the billing"),
    "denied": Case(anthropic_error(403), DENIED, "the account"),
    "not found": Case(anthropic_error(404), MISSING, "GET models lists the names"),
    "too large": Case(anthropic_error(413), TOO_LARGE, "smaller images"),
    "limited": Case(anthropic_error(429, retry_after=12), LIMITED, "Wait a little", "12"),
    "internal": Case(anthropic_error(500), INTERNAL, "try again"),
    "slow": Case(anthropic_error(504), SLOW, "a shorter chat"),
    "overloaded": Case(anthropic_error(529), OVERLOADED, "in a minute"),
}
TOKEN_GATE: Cases = {
    "denied": Case(azure_error(403), DENIED, "the role Azure AI User"),
    "no deployment": Case(azure_error(404), MISSING, "Deploy the model"),
    "slow": Case(azure_error(408), SLOW, "a shorter chat"),
    "limited": Case(azure_error(429, retry_after=12), LIMITED, "more quota for this deployment", "12"),
    "internal": Case(azure_error(500), INTERNAL, "try again"),
    "unavailable": Case(azure_error(503), UNAVAILABLE, "in a minute"),
}
"""What Azure's gateway says to whoever comes with a token of Entra ID, but for the token itself."""
KEY_GATE: Cases = {**TOKEN_GATE, "no such key": Case(azure_error(401), NOBODY, "Check the Azure credential")}
OPENAI: Cases = {
    "a field": Case(openai_error(400, "No x.", param="x", code="unsupported_value"), UNSUPPORTED, "No x."),
    "too much": Case(openai_error(400, TOO_MUCH, code="context_length_exceeded"), TOO_LONG, "a shorter chat"),
}
GOOGLE: Cases = {
    "a field": Case(google_error(400, "No x.", in_array=True), INVALID, "No x."),
    "a field, told by vLLM": Case(
        Reply(400, {"object": "error", "message": "No x.", "type": "BadRequestError", "code": 400}), INVALID, "No x."
    ),
    "denied": Case(google_error(403, in_array=True), DENIED, "the role Vertex AI User"),
    "not found": Case(google_error(404, in_array=True), MISSING, "Model Garden"),
    "limited": Case(google_error(429, in_array=True, retry_delay="12s"), LIMITED, "Google Cloud console", "12"),
    "internal": Case(google_error(500, in_array=True), INTERNAL, "try again"),
    "unavailable": Case(google_error(503, in_array=True), UNAVAILABLE, "in a minute"),
}


def _named(vendor: str, cases: Cases) -> Cases:
    return {f"{vendor}: {name}": case for name, case in cases.items()}


CASES: Mapping[str, Cases] = {
    "invoke": {**AWS, **PAGES},
    "converse": {**AWS, **PAGES},
    "messages": {**_named("AWS", AWS), **ANTHROPIC, **PAGES},
    "gpt_oss": {**AWS, **_named("OpenAI", OPENAI), **PAGES},
    "azure": {**KEY_GATE, **OPENAI, **PAGES},
    "entra": {**TOKEN_GATE, **PAGES},
    "foundry": {**_named("Azure", KEY_GATE), **ANTHROPIC, **PAGES},
    "gemini": {**GOOGLE, **PAGES},
}
"""By the ids of `all_clouds.WAYS`."""
