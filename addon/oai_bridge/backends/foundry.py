"""Claude on Azure AI Foundry: Anthropic's own Messages API under the resource's address.

Paths and headers as in the `anthropic` package's `lib/foundry` and Microsoft's "Deploy and use Claude models in
Foundry".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from ..credentials.base import Outbound
from ..dialects.claude_errors import error_from_body
from ..dialects.cloud_errors import AZURE
from ..errors import BridgeError
from ..models.catalog import Catalog, ModelFacts
from ..settings.values import Claude, ConfigError, Foundry, shown
from .base import Call, json_headers
from .claude import OWN_TIERS, ClaudeBackend

if TYPE_CHECKING:
    from ..credentials.azure import AzureAccess


class FoundryClaude(ClaudeBackend["AzureAccess"]):
    """Model and stream stand in the body, version and betas in headers."""

    name = "foundry"
    cloud = "foundry"
    hints = AZURE
    tiers = OWN_TIERS
    fetches = False

    def __init__(self, foundry: Foundry, claude: Claude, catalog: Catalog) -> None:
        super().__init__(catalog, claude, foundry.anthropic_version)
        self._deployments = _by_id(foundry.deployments, catalog)

    def listed(self) -> Sequence[ModelFacts]:
        return [_here(facts) for facts in super().listed()]

    def find(self, name: str) -> ModelFacts | None:
        facts = super().find(name)
        return facts and _here(facts)

    def has(self, facts: ModelFacts) -> bool:
        return facts.id in self._deployments or super().has(facts)

    def outbound(
        self, body: dict[str, Any], facts: ModelFacts, call: Call, betas: Sequence[str], access: AzureAccess
    ) -> Outbound:
        model = self._deployments.get(facts.id, facts.foundry or facts.id)
        url = f"{access.base_url}/v1/messages" + ("/count_tokens" if call == "count" else "")
        headers = {**json_headers(call == "stream", betas), "anthropic-version": self._version}
        return Outbound.posted(url, headers, {"model": model, **body}, model)

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        return error_from_body(status, body, headers, self.hints)


def _here(facts: ModelFacts) -> ModelFacts:
    """The facts as they are at Foundry."""
    return structs.replace(facts, max_output=facts.foundry_max_output or facts.max_output)


def _by_id(deployments: Mapping[str, str], catalog: Catalog) -> dict[str, str]:
    """The deployments by the models' own names, however the settings spell them; raises `ConfigError`."""
    found = {}
    for name, deployment in deployments.items():
        facts = catalog.find(name)
        if facts is None:
            raise ConfigError(
                f"foundry.deployments ({shown(name)}) is no Claude: use the model's name, such as claude-sonnet-4-5, "
                "and models.aliases for names of your own."
            )
        found[facts.id] = deployment
    return found
