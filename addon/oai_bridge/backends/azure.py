"""OpenAI's models on Azure: deployments under a resource's address, by the newer `/openai/v1` or the older paths with a
deployment and an api-version in them.

As in Microsoft's "Azure OpenAI in Azure AI Foundry Models REST API reference" and the `openai` package's `lib/azure`.
What each api-version knows: Microsoft's "API version lifecycle".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..credentials.base import Outbound
from ..models.passed import PassedFacts, azure_facts
from ..settings.values import AzureAccount, Config
from .base import Call, json_headers
from .passing import PATHS, OpenAiBackend

if TYPE_CHECKING:
    from ..credentials.azure import AzureAccess

_DEPLOYMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # what a deployment can be called
_NEWER_SINCE = "2024-09-01"  # the first api-version that knows `max_completion_tokens` and `stream_options`


class AzureOpenAI(OpenAiBackend["AzureAccess"]):
    """Which models there are is a matter of each account's deployments."""

    name = "azure"
    cloud = "azure"
    fetches = False

    def __init__(self, config: Config) -> None:
        accounts = config.azure.accounts
        super().__init__(config.openai, stream_usage=not all(_is_old(account) for account in accounts))
        names = {name: deployment for account in accounts for name, deployment in account.deployments.items()}
        self._models = {name: azure_facts(name, deployment) for name, deployment in names.items()}
        self._any = any(not account.deployments for account in accounts)

    def listed(self) -> Sequence[PassedFacts]:
        return tuple(self._models.values())

    def find(self, name: str) -> PassedFacts | None:
        if name in self._models:
            return self._models[name]
        return azure_facts(name, name) if self._any and _DEPLOYMENT.fullmatch(name) else None

    def outbound(
        self, body: dict[str, Any], facts: PassedFacts, call: Call, betas: Sequence[str], access: AzureAccess
    ) -> Outbound:
        account = access.account
        assert isinstance(account, AzureAccount), "the registry pairs them"
        deployment = account.deployments.get(facts.id, facts.id)  # each account has names of its own
        if account.api_version is None:
            url = f"{account.endpoint}/openai/v1{PATHS[call]}"
        else:
            place = f"{account.endpoint}/openai/deployments/{quote(deployment, safe='')}"
            url = f"{place}{PATHS[call]}?api-version={quote(account.api_version, safe='')}"
        body = {**body, "model": deployment}
        if _is_old(account):
            body.pop("stream_options", None)
            if limit := body.pop("max_completion_tokens", None):
                body["max_tokens"] = limit
        return Outbound.posted(url, json_headers(call == "stream"), body, deployment)


def _is_old(account: AzureAccount) -> bool:
    return account.api_version is not None and account.api_version < _NEWER_SINCE
