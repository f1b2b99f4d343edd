"""Bedrock's OpenAI-compatible door, for OpenAI's open-weight models: as in AWS's "Invoke a model with the OpenAI Chat
Completions API" and the `openai` package's `providers/bedrock`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..credentials.base import Access, Outbound
from ..dialects.openai_errors import error_from_openai
from ..errors import BridgeError
from ..models.passed import PassedFacts, find_on_bedrock, listed_on_bedrock
from ..models.profiles import bedrock_id
from ..models.spellings import is_bedrock_id
from ..notes import Notes
from ..settings.values import BEDROCK_TIERS, Bedrock, OpenAI
from .base import Call, json_headers
from .bedrock_host import SERVICE, guarded, guardrail_headers, refusal_hint, runtime_url
from .passing import PATHS, OpenAiBackend


class BedrockOpenAI(OpenAiBackend[Access]):
    name = "bedrock"
    cloud = "bedrock"

    def __init__(self, bedrock: Bedrock, openai: OpenAI) -> None:
        super().__init__(openai)
        self._bedrock = bedrock

    def listed(self) -> Sequence[PassedFacts]:
        return listed_on_bedrock()

    def find(self, name: str) -> PassedFacts | None:
        return find_on_bedrock(name)

    def owns(self, name: str) -> bool:
        return is_bedrock_id(name)

    def passed(self, body: dict[str, Any], facts: PassedFacts, call: Call, notes: Notes) -> dict[str, Any]:
        passed = guarded(super().passed(body, facts, call, notes), self._bedrock, notes)
        wish = passed.pop("service_tier", None)
        tier = BEDROCK_TIERS.get(wish) if isinstance(wish, str) else None
        if tier is None and wish and wish != "auto":
            notes.dropped("service_tier", "Bedrock has no such service tier.")
        tier = tier or self._bedrock.service_tier
        return passed | {"service_tier": tier} if tier else passed

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        hint = refusal_hint(self._bedrock, self.find, model, region)
        return error_from_openai(status, headers, body, self.cloud, hint)

    def outbound(
        self, body: dict[str, Any], facts: PassedFacts, call: Call, betas: Sequence[str], access: Access
    ) -> Outbound:
        model = bedrock_id(facts, access.region, self._bedrock.profiles)
        headers = {**json_headers(call == "stream"), **guardrail_headers(self._bedrock)}
        url = f"{runtime_url(self._bedrock, access.region)}/openai/v1{PATHS[call]}"
        return Outbound.posted(url, headers, {**body, "model": model}, model, SERVICE)
