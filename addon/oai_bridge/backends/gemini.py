"""Vertex AI's OpenAI-compatible door: Gemini, and the open models that Google serves (Llama, DeepSeek, Qwen …).

As in Google Cloud's "Use OpenAI libraries with Vertex AI". Claude is not behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..credentials.base import Outbound
from ..models.passed import PassedFacts, find_on_vertex, listed_on_vertex
from ..settings.values import OpenAI, Vertex
from .base import Call, json_headers
from .passing import PATHS, OpenAiBackend
from .vertex import place_url

if TYPE_CHECKING:
    from ..credentials.google import GoogleAccess


class VertexOpenAI(OpenAiBackend["GoogleAccess"]):
    name = "vertex"
    cloud = "vertex"

    def __init__(self, vertex: Vertex, openai: OpenAI) -> None:
        super().__init__(openai)
        self._vertex = vertex

    def listed(self) -> Sequence[PassedFacts]:
        return listed_on_vertex()

    def find(self, name: str) -> PassedFacts | None:
        return find_on_vertex(name)

    def outbound(
        self, body: dict[str, Any], facts: PassedFacts, call: Call, betas: Sequence[str], access: GoogleAccess
    ) -> Outbound:
        url = f"{place_url(self._vertex, access)}/endpoints/openapi{PATHS[call]}"
        return Outbound.posted(url, json_headers(call == "stream"), body, facts.name)
