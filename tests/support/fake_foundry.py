"""A fake Azure AI Foundry resource with Claude on it: it checks keys, headers and bodies and answers as scripted.

Who has no key or no such deployment is told so by Azure, in its own shape; all else is Anthropic's.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from tests.support import claude_rules
from tests.support.behaviours import Asked, Reply, replay
from tests.support.claude_answers import tokens
from tests.support.claude_clouds import FOUNDRY
from tests.support.claude_models import Model, named
from tests.support.claude_shapes import word
from tests.support.cloud_errors import anthropic_error, azure_error
from tests.support.entra import AzureCloud
from tests.support.fake_cloud import USUAL_HEADERS, Received, header_faults, run
from tests.support.fake_vertex import RATELIMITS

MESSAGES, COUNT = "/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens"
HEADERS = USUAL_HEADERS | {"x-api-key", "api-key", "anthropic-version", "anthropic-beta"}
DEPLOYMENTS = {
    **{name: name for name in ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5", "claude-sonnet-4-6")},
    **{name: name for name in ("claude-opus-4-6", "claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5")},
    **{name: name for name in ("claude-opus-5", "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")},
    "my-sonnet": "claude-sonnet-4-5",
}
"""Deployments and their models: who names them otherwise has to say so."""


class FakeFoundry(AzureCloud):
    """One resource and its deployments.

    Public, besides what every cloud of Azure's has: `deployments`, `base_url`.
    """

    ratelimits: Mapping[str, str] = RATELIMITS
    resources = ("https://ai.azure.com",)

    def __init__(
        self, *, anthropic_version: str = "2023-06-01", strict_headers: bool = True, tls: bool = False
    ) -> None:
        super().__init__(replay(), strict_headers=strict_headers, tls=tls)
        self._open()
        self.anthropic_version = anthropic_version
        self.deployments = dict(DEPLOYMENTS)

    @property
    def base_url(self) -> str:
        return f"{self.origin}/anthropic"

    def environment(self) -> dict[str, str]:
        """The variables that point a program here: those of Anthropic's own client."""
        return {"ANTHROPIC_FOUNDRY_BASE_URL": self.base_url, "ANTHROPIC_FOUNDRY_API_KEY": self.key()}

    def _marks(self, path: str) -> dict[str, str]:
        request_id = secrets.token_hex(12)
        return {"request-id": f"req_{request_id}", "apim-request-id": request_id, "x-ms-region": "East US 2"}

    def _refusal(self, received: Received) -> Reply | None:
        if received.path not in (MESSAGES, COUNT) or received.method != "POST":
            self.wrong.append(f"no such path: {received.method} {received.path}")
            return Reply(404, {"error": {"code": "404", "message": "Resource not found"}})
        let_in, why = self._let_in(received.headers, ("x-api-key", "api-key"))
        if not let_in:
            self.wrong += [why] if why else []
            return azure_error(401)
        try:
            body = received.parsed = claude_rules.read_body(received.body)
        except (ValueError, RecursionError) as error:
            self.wrong.append(f"The request body is not valid JSON: {error}")
            return anthropic_error(400, self.wrong[-1])
        name = word(body, "model") or ""
        if name not in self.deployments:
            self.wrong.append(f"no such deployment: {name}")
            return azure_error(404)
        facts = named(self.deployments[name], FOUNDRY)
        faults = self._faults(received, facts)
        self.wrong += faults
        if faults:
            return anthropic_error(400, faults[0])
        received.asked = Asked(body, facts, self._seals)
        received.streamed = body.get("stream", False)
        received.usual = Reply(body={"input_tokens": tokens(body)}) if received.path == COUNT else None
        return None

    def _faults(self, received: Received, facts: Model) -> list[str]:
        version = received.headers.get("anthropic-version")
        faults = header_faults(received.headers, HEADERS) if self.strict_headers else []
        if version != self.anthropic_version:
            faults.append(f"anthropic-version: expected {self.anthropic_version}, got {version}")
        betas = claude_rules.betas_of(received.headers.get("anthropic-beta", ""))
        if received.path == COUNT:
            return faults + claude_rules.count_faults(
                received.parsed, facts, version=version, betas=betas, seals=self._seals
            )
        return faults + claude_rules.faults(
            received.parsed, facts, streamed=False, version=version, betas=betas, seals=self._seals
        )


if __name__ == "__main__":
    run(FakeFoundry())
