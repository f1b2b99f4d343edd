"""Each fault's cause and remedy, in the words of its cloud."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from oai_bridge.dialects.aws_errors import error_from_aws
from oai_bridge.dialects.claude_errors import error_from_body
from oai_bridge.dialects.openai_errors import error_from_openai
from oai_bridge.doctor.diagnosis import Place, explain, is_of_account, not_here, own, unreached
from oai_bridge.errors import BridgeError, Unauthorized, UpstreamError
from tests.support.behaviours import Reply
from tests.support.cloud_errors import anthropic_error, aws_error, azure_error, google_error, html_error

GOOGLE = Place("google", "sa@x.iam", "us-east5", "my-project", "claude-x")
AWS = Place("aws", "profile work", "us-east-1", "", "nova-pro", "my work")
AZURE = Place("azure", "the API key …1234 of res.openai.azure.com", "res", "", "gpt-4o")
ID = "is not authorized to perform: bedrock:InvokeModel on resource: arn"


def refused(reply: Reply, place: Place) -> BridgeError:
    """The error that the product makes of a cloud's answer."""
    headers: Mapping[str, str] = reply.headers
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    match place.account:
        case "google":
            return error_from_body(reply.status, body, headers)
        case "aws":
            return error_from_aws(reply.status, headers, body)
        case _:
            return error_from_openai(reply.status, headers, body, "azure")


def aws(name: str, message: str) -> Reply:
    return Reply(403, {"message": message}, {"x-amzn-errortype": name})


CASES = {
    "Google: wrong project": (google_error(403), GOOGLE, "in the project my-project, or there is no", "Vertex AI User"),
    "Google: API off": (
        google_error(403, "Vertex AI API has not been used in project 1 before or it is disabled. Enable it by …"),
        GOOGLE,
        "API is not enabled in the project my-project",
        "gcloud services enable aiplatform.googleapis.com --project my-project",
    ),
    "Google: no billing": (
        google_error(403, "This API method requires billing to be enabled. Please enable billing on project #1."),
        GOOGLE,
        "Billing is disabled for the project my-project",
        "billing/linkedaccount?project=my-project",
    ),
    "Google: perimeter": (
        google_error(403, "Request is prohibited by organization's policy."),
        GOOGLE,
        "A rule of the organization",
        "administrator",
    ),
    "Google: no model": (google_error(404), GOOGLE, "claude-x can't be had in us-east5", "Model Garden"),
    "Google: wrong region": (
        google_error(400, "Publisher Model `x` is not servable in region us-east5.", status="FAILED_PRECONDITION"),
        GOOGLE,
        "The region us-east5 does not serve claude-x",
        "`global` serves most",
    ),
    "Google: quota": (google_error(429), GOOGLE, "The quota of my-project for claude-x in us-east5", "quotas?project="),
    "Google: token": (google_error(401), GOOGLE, "does not accept the token of sa@x.iam", "gcloud auth"),
    "AWS: expired": (
        aws_error("ExpiredTokenException"),
        AWS,
        "login of profile work has expired",
        "aws sso login --profile 'my work'",
    ),
    "AWS: clock": (
        aws("InvalidSignatureException", "Signature expired: 20261128T1 is now earlier than 20261128T2"),
        AWS,
        "does not accept when this machine says",
        "clock",
    ),
    "AWS: secret": (
        aws("InvalidSignatureException", "The request signature we calculated does not match the signature you …"),
        AWS,
        "secret access key does not belong",
        "Copy both parts",
    ),
    "AWS: another region": (
        aws("InvalidSignatureException", "Credential should be scoped to a valid region."),
        AWS,
        "not one of us-east-1",
        "remove bedrock.base_url",
    ),
    "AWS: API key": (
        aws("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid."),
        AWS,
        "AWS does not accept profile work: it is deleted",
        "Create a new Bedrock API key",
    ),
    "AWS: key gone": (aws_error("UnrecognizedClientException"), AWS, "AWS does not know profile work", "IAM"),
    "AWS: policy": (
        aws_error("AccessDeniedException", f"User: arn:aws:iam::1:user/x {ID}"),
        AWS,
        "policies of profile work do not allow",
        "bedrock:CountTokens",
    ),
    "AWS: payment": (
        aws_error("AccessDeniedException", "Model access is denied due to INVALID_PAYMENT_INSTRUMENT"),
        AWS,
        "no valid payment method",
        "Billing console",
    ),
    "AWS: no access": (aws_error("AccessDeniedException"), AWS, "has no access to nova-pro", "#/modelaccess"),
    "AWS: use case": (
        aws_error("ResourceNotFoundException", "Model use case details have not been submitted for this account."),
        AWS,
        "what the account uses Claude for",
        "Fill in the form",
    ),
    "AWS: not there": (aws_error("ResourceNotFoundException"), AWS, "us-east-1 does not serve nova-pro", "ask for"),
    "AWS: throttled": (aws_error("ThrottlingException"), AWS, "quota of the account for nova-pro", "Service Quotas"),
    "AWS: quota": (aws_error("ServiceQuotaExceededException"), AWS, "quota of the account", "Service Quotas"),
    "Azure: key": (azure_error(401), AZURE, "does not accept the API key …1234 of res", "Keys and Endpoint"),
    "Azure: network": (
        azure_error(403, "Access denied due to Virtual Network/Firewall rules."),
        AZURE,
        "network rules",
        "Networking",
    ),
    "Azure: role": (azure_error(403), AZURE, "may not call models", "the role Azure AI User"),
    "Azure: deployment": (azure_error(404), AZURE, "There is no deployment of gpt-4o", "correct `deployments`"),
    "Azure: quota": (azure_error(429), AZURE, "quota of the deployment of gpt-4o", "raise the deployment's limit"),
    "a page": (html_error(403), GOOGLE, "The cloud, or a proxy before it, answered with HTTP 403", "a proxy or the"),
    "anything else": (anthropic_error(400, "x: No."), GOOGLE, "x: No.", "cloud's words"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_has_its_own_cause_and_remedy(case: str) -> None:
    reply, place, cause, remedy = CASES[case]
    found = explain(refused(reply, place), place)
    assert found.state == "failed"
    assert cause in found.message
    assert remedy in found.remedy
    assert not re.search(r"[{}]|\.\.", found.message + found.remedy)


@pytest.mark.parametrize("reply", [google_error(500), google_error(503), anthropic_error(529)])
def test_a_cloud_s_own_trouble_is_a_warning(reply: Reply) -> None:
    found = explain(refused(reply, GOOGLE), GOOGLE)
    assert (found.state, found.remedy) == ("warning", "Nothing is wrong here; try later.")


def grant(said: str) -> BridgeError:
    """As `credentials.google` tells of the token endpoint's words."""
    text = (
        f"Google does not accept the credential X; check this machine's clock, or put a new key in its place. ({said})"
    )
    return Unauthorized(text, code="credential_refused")


@pytest.mark.parametrize(
    ("said", "cause", "remedy"),
    [
        ("invalid_grant: Invalid JWT Signature.", "The key of sa@x.iam is deleted", "Create a new key"),
        ("invalid_grant: Invalid grant: account not found", "no active service account sa@x.iam", "Choose another"),
        ("invalid_grant: Token has been expired or revoked.", "login of sa@x.iam has expired", "gcloud auth"),
        ("Check your iat and exp values in the JWT claim", "does not accept when sa@x.iam", "clock right"),
        (
            "unauthorized_client: Oh",
            "does not accept the credential X (unauthorized_client: Oh)",
            "Check this machine",
        ),
    ],
)
def test_a_refused_login_has_its_own_cause(said: str, cause: str, remedy: str) -> None:
    found = explain(grant(said), GOOGLE)
    assert found.state == "failed"
    assert cause in found.message
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (grant("invalid_grant"), "skipped"),
        (refused(aws_error("UnrecognizedClientException"), AWS), "skipped"),
        (refused(google_error(403), GOOGLE), "failed"),
        (Unauthorized("No region; set it.", code="no_region"), "failed"),
    ],
)
def test_a_wrong_clock_is_the_cause_of_whatever_a_credential_is_refused_for(error: BridgeError, state: str) -> None:
    found = explain(error, Place("google", "x", skew=-600.0))
    assert found.state == state
    assert ("10 minutes slow" in found.message) == (state == "skipped")


def code(code: str, text: str = "The name h can't be resolved; check the network, or set HTTPS_PROXY.") -> BridgeError:
    return UpstreamError(text, code=code)


@pytest.mark.parametrize(
    ("error", "named", "others", "message", "remedy"),
    [
        (code("dns_failed"), "us-moon1", True, "There is no host h.", "Correct us-moon1"),
        (code("dns_failed"), "us-moon1", False, "can't be resolved.", "whether us-moon1 exists"),
        (code("dns_failed"), "", True, "can't be resolved.", "Check the network, or set HTTPS_PROXY."),
        (code("tls_failed", "TLS with h failed; if x, y."), "r", True, "TLS with h failed.", "date is right: it is D."),
        (
            code("proxy_refused", "The proxy refused h (HTTP 403); check it."),
            "r",
            True,
            "(HTTP 403).",
            "It may block h",
        ),
        (code("proxy_refused", "The proxy refused h (HTTP 407); check it."), "r", True, "(HTTP 407).", "Check it."),
        (code("first_byte_timeout", "h is silent; raise it."), "r", True, "h is silent.", "a firewall, a VPN"),
        (code("proxy_unreachable", "The proxy can't be reached; check it."), "r", True, "reached.", "Check it."),
    ],
)
def test_a_host_that_is_not_reached(error: BridgeError, named: str, others: bool, message: str, remedy: str) -> None:
    found = unreached(error, "h", named, others=others, today="D")
    assert message in found.message
    assert remedy in found.remedy


def test_our_own_sentences_are_cut_into_cause_and_remedy() -> None:
    assert own(BridgeError("It is so; do that, or `this`. (they said: no.)"))[:2] == (
        "It is so (they said: no).",
        "Do that, or `this`.",
    )
    assert own(BridgeError("It is so."))[:2] == ("It is so.", "")


def test_what_came_too_late_for_the_doctor_is_no_matter_of_settings() -> None:
    found = explain(code("first_byte_timeout", "h is silent; raise timeouts.first_byte."), GOOGLE)
    assert found[:2] == ("h is silent.", "Try again; that model or that region may be slow now.")


def test_who_asks_everywhere_is_not_told_to_do_so() -> None:
    found = explain(refused(google_error(404), GOOGLE), replace(GOOGLE, region="global"))
    assert found.remedy.endswith("model-garden?project=my-project).")


def test_what_an_error_speaks_of() -> None:
    denied, unknown, missing = google_error(403), google_error(401), google_error(404)
    assert [not_here(refused(one, GOOGLE)) for one in (denied, unknown, missing)] == [True, False, True]
    assert [is_of_account(refused(one, GOOGLE), "google") for one in (denied, unknown, missing)] == [True, True, False]
    assert not is_of_account(refused(denied, AWS), "aws")
    assert not not_here(None)
