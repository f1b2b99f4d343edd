"""What clouds and token endpoints say when they refuse, what is the cause, and what its user should do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..backends import Account


class Case(NamedTuple):
    """An error with one of these statuses whose words match; the sentences have the fields of `Place` in them."""

    statuses: Sequence[int]
    words: str
    cause: str
    remedy: str


_NO_BILLING = Case(
    (402,),
    "",
    "Billing is disabled for the project {project}",
    "Link a billing account to it: https://console.cloud.google.com/billing/linkedaccount?project={project}",
)
_GOOGLE = (
    Case(
        (401,),
        "",
        "Google does not accept the token of {payer}",
        "Log in again with `gcloud auth application-default login`, or create a new key for the service account.",
    ),
    Case(
        (403,),
        r"has not been used in project|API .{0,80}(?:is|it is) (?:not enabled|disabled)|SERVICE_DISABLED",
        "The Vertex AI API is not enabled in the project {project}",
        "Run `gcloud services enable aiplatform.googleapis.com --project {project}`, and wait a few minutes.",
    ),
    _NO_BILLING,
    _NO_BILLING._replace(statuses=(403,), words="billing"),
    Case(
        (403,),
        r"prohibited by organization|VPC Service Controls",
        "A rule of the organization keeps {payer} from Vertex AI in {project}",
        "Ask its administrator to let this network or account in (VPC Service Controls).",
    ),
    Case(
        (403,),
        "",
        "{payer} may not use Vertex AI in the project {project}, or there is no such project",
        "Check the project's id, and give the account the role Vertex AI User there (roles/aiplatform.user).",
    ),
    Case(
        (400,),
        r"not servable|not supported in|not available in|unsupported (?:region|location)",
        "The region {region} does not serve {model}",
        "Use a region that does: `global` serves most models.",
    ),
    Case(
        (400, 404),
        r"not (?:found|allowed to use)|does not have access",
        "{model} can't be had in {region} by the project {project}: it is not enabled there, or the region has not "
        "got it",
        "Enable the model in Model Garden (https://console.cloud.google.com/vertex-ai/model-garden?project={project})"
        "{or_global}.",
    ),
    Case(
        (429,),
        "",
        "The quota of {project} for {model} in {region} is used up, or it is 0, as in new projects",
        "Wait a minute, or ask for more: https://console.cloud.google.com/iam-admin/quotas?project={project}",
    ),
)
_AWS = (
    Case(
        (401,),
        "signature (?:expired|not yet current)",
        "AWS does not accept when this machine says it has signed the request",
        "Set this machine's clock right.",
    ),
    Case(
        (401,),
        "expired",
        "The AWS login of {payer} has expired",
        "Run `aws sso login{option}`, or give the proxy a new session token.",
    ),
    Case(
        (401,),
        "scoped to a valid region",
        "Bedrock's address in the settings is not one of {region}",
        "Correct the region, or remove bedrock.base_url (AWS_ENDPOINT_URL_BEDROCK_RUNTIME).",
    ),
    Case(
        (401,),
        "signature",
        "The secret access key does not belong to {payer}",
        "Copy both parts of the key again, or create a new access key in IAM.",
    ),
    Case(
        (401,),
        "api key|bearer",
        "AWS does not accept {payer}: it is deleted, has expired, or is for another region than {region}",
        "Create a new Bedrock API key in the Bedrock console of {region}.",
    ),
    Case(
        (401,),
        "",
        "AWS does not know {payer}: it is deleted or inactive, or the account has not opted in to {region}",
        "Look it up in IAM (Security credentials), and create a new access key where it is gone.",
    ),
    Case(
        (403,),
        "not authorized to perform",
        "The policies of {payer} do not allow it to call {model}",
        "Allow it bedrock:InvokeModel, bedrock:InvokeModelWithResponseStream and bedrock:CountTokens in IAM.",
    ),
    Case(
        (403,),
        "payment",
        "AWS has no valid payment method for the account of {payer}",
        "Add one in the Billing console, and subscribe to the model again in the Bedrock console.",
    ),
    Case(
        (403,),
        "",
        "The account of {payer} has no access to {model} in {region}",
        "Ask for it: https://{region}.console.aws.amazon.com/bedrock/home?region={region}#/modelaccess",
    ),
    Case(
        (404,),
        "use case",
        "AWS wants to know first what the account uses Claude for",
        "Fill in the form for Anthropic's models on the Bedrock console's page of {model}, and wait a few minutes.",
    ),
    Case(
        (404,),
        "",
        "{region} does not serve {model}, or not to this account",
        "Use another region, or ask for access to the model in the Bedrock console.",
    ),
    Case(
        (429,),
        "",
        "The quota of the account for {model} in {region} is used up",
        "Wait a minute, or ask for more in AWS's Service Quotas console (Amazon Bedrock, {region}).",
    ),
)
_AZURE = (
    Case(
        (401,),
        "",
        "The resource does not accept {payer}",
        "Copy a key again from its page `Keys and Endpoint` in the Azure portal, and see that the endpoint is of that "
        "very resource; with Entra ID run `az login`.",
    ),
    Case(
        (403,),
        "firewall|virtual network|public access",
        "The network rules of {payer} keep this machine out",
        "Allow its address in the Azure portal (Networking), or use the network that may.",
    ),
    Case(
        (403,),
        "",
        "{payer} may not call models of this resource",
        "Give it the role Azure AI User (for Azure OpenAI: Cognitive Services OpenAI User) there, or use a key.",
    ),
    Case(
        (404,),
        "",
        "There is no deployment of {model} in {payer}",
        "Deploy it there, or correct `deployments`, the endpoint and `api_version` in config.yaml.",
    ),
    Case(
        (429,),
        "",
        "The quota of the deployment of {model} is used up",
        "Wait a minute, or raise the deployment's limit in the Azure AI Foundry portal.",
    ),
    Case(
        (402,),
        "",
        "The subscription of {payer} is not paid for",
        "Look at its state in the Azure portal (Subscriptions).",
    ),
)
CASES: Mapping[Account, Sequence[Case]] = {"google": _GOOGLE, "aws": _AWS, "azure": _AZURE, "foundry": _AZURE}
"""What answers to calls of models mean, by whose credential they were made with; the first that fits counts."""

LOGINS = (
    Case(
        (401,),
        r"iat.{0,3}and.{0,3}exp|reasonable timeframe|too early|token expired",
        "Google does not accept when {payer} says it is",
        "Set this machine's clock right.",
    ),
    Case(
        (401,),
        "jwt signature",
        "The key of {payer} is deleted, or it is another account's",
        "Create a new key for the service account in the Google Cloud console (IAM, Service accounts, Keys).",
    ),
    Case(
        (401,),
        "account not found|deleted|disabled",
        "There is no active service account {payer} any more",
        "Choose another account, or enable it in the Google Cloud console (IAM, Service accounts).",
    ),
    Case(
        (401,),
        "expired or revoked|rapt|reauth",
        "The Google login of {payer} has expired",
        "Run `gcloud auth application-default login`.",
    ),
)
"""What Google's token endpoint says of a credential."""
