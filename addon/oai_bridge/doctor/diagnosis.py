"""From an error to its cause and the one thing to do about it, in the words of the cloud that it came from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..backends import Account
from ..errors import BridgeError, CloudError
from .clock import is_too_much, told
from .findings import State

_QUOTED = 300  # characters of a cloud's own words
_LATE = ("first_byte_timeout", "idle_timeout", "total_timeout")  # by the doctor's own limit, which no setting raises
_TROUBLE = (500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Place:
    """What was asked: whose account, where, for which model. `payer` is what people know the credential by, `login`
    the profile of AWS, if it is one; `skew` is by how many seconds our clock is fast, as far as is known."""

    account: Account
    payer: str
    region: str = ""
    project: str = ""
    model: str = ""
    login: str | None = None
    skew: float | None = None


class Diagnosis(NamedTuple):
    message: str
    remedy: str
    state: State = "failed"


class _Case(NamedTuple):
    """An error with one of these statuses whose words match; the sentences have the fields of `Place` in them."""

    statuses: Sequence[int]
    words: str
    cause: str
    remedy: str


_GOOGLE = (
    _Case(
        (401,),
        "",
        "Google does not accept the token of {payer}",
        "Log in again with `gcloud auth application-default login`, or create a new key for the service account.",
    ),
    _Case(
        (403,),
        r"has not been used in project|API .{0,80}(?:is|it is) (?:not enabled|disabled)|SERVICE_DISABLED",
        "The Vertex AI API is not enabled in the project {project}",
        "Run `gcloud services enable aiplatform.googleapis.com --project {project}`, and wait a few minutes.",
    ),
    _Case(
        (402, 403),
        r"billing",
        "Billing is disabled for the project {project}",
        "Link a billing account to it: https://console.cloud.google.com/billing/linkedaccount?project={project}",
    ),
    _Case(
        (403,),
        r"prohibited by organization|VPC Service Controls",
        "A rule of the organization keeps {payer} from Vertex AI in {project}",
        "Ask its administrator to let this network or account in (VPC Service Controls).",
    ),
    _Case(
        (403,),
        "",
        "{payer} may not use Vertex AI in the project {project}, or there is no such project",
        "Check the project's id, and give the account the role Vertex AI User there (roles/aiplatform.user).",
    ),
    _Case(
        (400,),
        r"not servable|not supported in|not available in|unsupported (?:region|location)",
        "The region {region} does not serve {model}",
        "Use a region that does: `global` serves most models.",
    ),
    _Case(
        (400, 404),
        r"not (?:found|allowed to use)|does not have access",
        "{model} can't be had in {region} by the project {project}: it is not enabled there, or the region has not "
        "got it",
        "Enable the model in Model Garden (https://console.cloud.google.com/vertex-ai/model-garden?project={project})"
        "{or_global}.",
    ),
    _Case(
        (429,),
        "",
        "The quota of {project} for {model} in {region} is used up, or it is 0, as in new projects",
        "Wait a minute, or ask for more: https://console.cloud.google.com/iam-admin/quotas?project={project}",
    ),
)
_AWS = (
    _Case(
        (401,),
        "signature (?:expired|not yet current)",
        "AWS does not accept when this machine says it has signed the request",
        "Set this machine's clock right.",
    ),
    _Case(
        (401,),
        "expired",
        "The AWS login of {payer} has expired",
        "Run `aws sso login{option}`, or give the proxy a new session token.",
    ),
    _Case(
        (401,),
        "scoped to a valid region",
        "Bedrock's address in the settings is not one of {region}",
        "Correct the region, or remove bedrock.base_url (AWS_ENDPOINT_URL_BEDROCK_RUNTIME).",
    ),
    _Case(
        (401,),
        "signature",
        "The secret access key does not belong to {payer}",
        "Copy both parts of the key again, or create a new access key in IAM.",
    ),
    _Case(
        (401,),
        "api key|bearer",
        "AWS does not accept {payer}: it is deleted, has expired, or is for another region than {region}",
        "Create a new Bedrock API key in the Bedrock console of {region}.",
    ),
    _Case(
        (401,),
        "",
        "AWS does not know {payer}: it is deleted or inactive, or the account has not opted in to {region}",
        "Look it up in IAM (Security credentials), and create a new access key where it is gone.",
    ),
    _Case(
        (403,),
        "not authorized to perform",
        "The policies of {payer} do not allow it to call {model}",
        "Allow it bedrock:InvokeModel, bedrock:InvokeModelWithResponseStream and bedrock:CountTokens in IAM.",
    ),
    _Case(
        (403,),
        "payment",
        "AWS has no valid payment method for the account of {payer}",
        "Add one in the Billing console, and subscribe to the model again in the Bedrock console.",
    ),
    _Case(
        (403,),
        "",
        "The account of {payer} has no access to {model} in {region}",
        "Ask for it: https://{region}.console.aws.amazon.com/bedrock/home?region={region}#/modelaccess",
    ),
    _Case(
        (404,),
        "use case",
        "AWS wants to know first what the account uses Claude for",
        "Fill in the form for Anthropic's models on the Bedrock console's page of {model}, and wait a few minutes.",
    ),
    _Case(
        (404,),
        "",
        "{region} does not serve {model}, or not to this account",
        "Use another region, or ask for access to the model in the Bedrock console.",
    ),
    _Case(
        (429,),
        "",
        "The quota of the account for {model} in {region} is used up",
        "Wait a minute, or ask for more in AWS's Service Quotas console (Amazon Bedrock, {region}).",
    ),
)
_AZURE = (
    _Case(
        (401,),
        "",
        "The resource does not accept {payer}",
        "Copy a key again from its page `Keys and Endpoint` in the Azure portal, and see that the endpoint is of that "
        "very resource; with Entra ID run `az login`.",
    ),
    _Case(
        (403,),
        "firewall|virtual network|public access",
        "The network rules of {payer} keep this machine out",
        "Allow its address in the Azure portal (Networking), or use the network that may.",
    ),
    _Case(
        (403,),
        "",
        "{payer} may not call models of this resource",
        "Give it the role Azure AI User (for Azure OpenAI: Cognitive Services OpenAI User) there, or use a key.",
    ),
    _Case(
        (404,),
        "",
        "There is no deployment of {model} in {payer}",
        "Deploy it there, or correct `deployments`, the endpoint and `api_version` in config.yaml.",
    ),
    _Case(
        (429,),
        "",
        "The quota of the deployment of {model} is used up",
        "Wait a minute, or raise the deployment's limit in the Azure AI Foundry portal.",
    ),
    _Case(
        (402,),
        "",
        "The subscription of {payer} is not paid for",
        "Look at its state in the Azure portal (Subscriptions).",
    ),
)
_CASES = {"google": _GOOGLE, "aws": _AWS, "azure": _AZURE, "foundry": _AZURE}

_LOGINS = (  # what Google's token endpoint says of a credential
    _Case(
        (401,),
        r"iat.{0,3}and.{0,3}exp|reasonable timeframe|too early|token expired",
        "Google does not accept when {payer} says it is",
        "Set this machine's clock right.",
    ),
    _Case(
        (401,),
        "jwt signature",
        "The key of {payer} is deleted, or it is another account's",
        "Create a new key for the service account in the Google Cloud console (IAM, Service accounts, Keys).",
    ),
    _Case(
        (401,),
        "account not found|deleted|disabled",
        "There is no active service account {payer} any more",
        "Choose another account, or enable it in the Google Cloud console (IAM, Service accounts).",
    ),
    _Case(
        (401,),
        "expired or revoked|rapt|reauth",
        "The Google login of {payer} has expired",
        "Run `gcloud auth application-default login`.",
    ),
)


def explain(error: BridgeError, place: Place) -> Diagnosis:
    """The cause of a failed login or call, and the remedy; `skipped` where the clock, told already, is the cause."""
    if place.skew is not None and is_too_much(place.skew) and _is_credential(error):
        message = f"It is not accepted while this machine's clock is {told(place.skew)}. ({_clipped(error.message)})"
        return Diagnosis(message, "Set the clock first.", "skipped")
    if not isinstance(error, CloudError):
        if place.account == "google" and (case := _case(_LOGINS, error.status, error.message)):
            return _diagnosis(case, error.message.rpartition(" (")[2].rstrip(".)"), place)
        found = own(error)
        return (
            found._replace(remedy="Try again; that model or that region may be slow now.")
            if error.code in _LATE
            else found
        )
    said = error.message.removesuffix(error.hint).strip()
    if error.code == "upstream_error":
        return Diagnosis(_clipped(said), "See whether a proxy or the network wants a login; else try again later.")
    if error.status in _TROUBLE:
        return Diagnosis(
            f"The cloud has trouble of its own: {_clipped(said)}", "Nothing is wrong here; try later.", "warning"
        )
    if case := _case(_CASES[place.account], error.status, said):
        return _diagnosis(case, said, place)
    return Diagnosis(_clipped(said), error.hint or "Look at the cloud's words; the model's own page may say more.")


def unreached(error: BridgeError, host: str, region: str, *, others: bool, today: str) -> Diagnosis:
    """Why nobody answers at a host; `region` is what the host is named after, and `others` have been reached."""
    found = own(error)
    if error.code == "dns_failed" and region:
        if others:
            remedy = f"Correct {region}: other hosts are found, so that this seems to be no region or resource."
            return Diagnosis(f"There is no host {host}.", remedy)
        remedy = f"Check the network, whether you need HTTPS_PROXY, and whether {region} exists."
        return Diagnosis(found.message, remedy)
    if error.code == "tls_failed":
        return Diagnosis(found.message, f"{found.remedy} See, too, that this machine's date is right: it is {today}.")
    if error.code in _LATE:
        return Diagnosis(
            found.message, "See what stands between this machine and the cloud: a firewall, a VPN, a proxy."
        )
    if error.code == "proxy_refused" and region and "407" not in found.message:
        return Diagnosis(found.message, f"{found.remedy} It may block {host}, or not find it: check {region}.")
    return found


def own(error: BridgeError) -> Diagnosis:
    """An error of ours is a sentence of two halves: what is wrong; what to do. What others said stands behind it."""
    message, found, remedy = error.message.partition("; ")
    if not found:
        return Diagnosis(error.message, "")
    sentence, said, quoted = remedy.partition(" (")
    quoted = quoted.rstrip(").")
    message = f"{message} ({quoted})." if said else f"{message}."
    return Diagnosis(message, f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}.")


def not_here(error: BridgeError | None) -> bool:
    """Whether this says something of one model only, so that another may be had."""
    return isinstance(error, CloudError) and error.status in (400, 403, 404)


def is_of_account(error: BridgeError, account: Account) -> bool:
    """Whether this says something of all that the account may do; Google's permissions are a project's."""
    return isinstance(error, CloudError) and (error.status in (401, 402) or (error.status, account) == (403, "google"))


def _is_credential(error: BridgeError) -> bool:
    return error.code == "credential_refused" or (isinstance(error, CloudError) and error.status == 401)


def _case(cases: Sequence[_Case], status: int, said: str) -> _Case | None:
    fits = (case for case in cases if status in case.statuses)
    return next((case for case in fits if re.search(case.words, said, re.IGNORECASE)), None)


def _diagnosis(case: _Case, said: str, place: Place) -> Diagnosis:
    fields = {
        "payer": place.payer,
        "region": place.region or "this region",
        "project": place.project or "the account's project",
        "model": place.model or "the model",
        "or_global": "" if place.region == "global" else ", or use the region `global`",
        "option": f" --profile {shlex.quote(place.login)}" if place.login else "",
    }
    return Diagnosis(f"{case.cause.format(**fields)}. ({_clipped(said)})", case.remedy.format(**fields))


def _clipped(said: str) -> str:
    said = said.strip()
    return said if len(said) <= _QUOTED else f"{said[:_QUOTED]}…"
