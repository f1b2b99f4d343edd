"""Claude on Google Cloud's Vertex AI: `:rawPredict` and `:streamRawPredict` of Anthropic's publisher models.

Hosts and paths as in google-cloud's "Request predictions with Claude models" and the `anthropic` package's
`lib/vertex`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..credentials.base import Access
from ..dialects.claude_errors import error_from_body
from ..dialects.claude_memory import TurnMemory
from ..dialects.claude_native import count_body, native_body
from ..dialects.claude_repair import continued, repaired
from ..dialects.claude_reply import ClaudeStream
from ..dialects.claude_request import claude_body
from ..dialects.reading import Reading, Translated
from ..errors import BridgeError
from ..jsontext import write
from ..models.catalog import ModelFacts
from ..notes import Notes
from ..openai.chat import ChatRequest
from ..settings import Claude, Vertex
from ..wire.sse import SseDecoder
from .base import Call, Decoder, Dialect, Outbound

_NO_SAMPLING_SINCE = "2026-10-21"  # this API version has no temperature, top_p and top_k for any model


def base_url(region: str) -> str:
    """Where a region's models answer; `global`, `us` and `eu` have hosts of their own form."""
    match region:
        case "global":
            host = "aiplatform.googleapis.com"
        case "us" | "eu":
            host = f"aiplatform.{region}.rep.googleapis.com"
        case _:
            host = f"{region}-aiplatform.googleapis.com"
    return f"https://{host}"


class VertexClaude:
    """Settings in, requests and events out; it remembers turns, and nothing else."""

    name = "vertex"

    def __init__(self, vertex: Vertex, claude: Claude) -> None:
        self._vertex = vertex
        self._claude = claude
        self._memory = TurnMemory()

    def chat(self, chat: ChatRequest, facts: ModelFacts, notes: Notes) -> Translated:
        version = self._vertex.anthropic_version
        sampling = version.removeprefix("vertex-") < _NO_SAMPLING_SINCE
        translated = claude_body(
            chat, facts, self._claude, notes, cloud="vertex", sampling=sampling, memory=self._memory
        )
        return replace(translated, body={"anthropic_version": version} | translated.body)

    def messages(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        version = self._vertex.anthropic_version
        return native_body(body, facts, version=version, cloud="vertex", header_betas=betas, notes=notes)

    def count(self, body: dict[str, Any], facts: ModelFacts, betas: Iterable[str], notes: Notes) -> Translated:
        version = self._vertex.anthropic_version
        return count_body(body, facts, version=version, cloud="vertex", header_betas=betas, notes=notes)

    def outbound(
        self, body: dict[str, Any], facts: ModelFacts, call: Call, betas: Sequence[str], access: Access
    ) -> Outbound:
        base = self._vertex.base_url or base_url(access.region)
        place = f"projects/{quote(access.project, safe=':')}/locations/{access.region}"
        model = "count-tokens" if call == "count" else facts.vertex
        method = "streamRawPredict" if call == "stream" else "rawPredict"
        headers = {
            "authorization": f"Bearer {access.token}",
            "content-type": "application/json",
            "accept": "text/event-stream" if call == "stream" else "application/json",
            "accept-encoding": "identity",
        }
        if betas:
            headers["anthropic-beta"] = ",".join(betas)
        url = f"{base}/v1/{place}/publishers/anthropic/models/{model}:{method}"
        return Outbound("POST", url, headers, write(body))

    def decoder(self) -> Decoder:
        return SseDecoder()

    def dialect(self, reading: Reading) -> Dialect:
        return ClaudeStream(reading)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> BridgeError:
        return error_from_body(status, body, headers)

    def repaired(
        self, body: dict[str, Any], error: BridgeError, done: frozenset[str]
    ) -> tuple[str, dict[str, Any]] | None:
        return repaired(body, error, done)

    def continued(self, body: dict[str, Any], said: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return continued(body, said)

    def remember(self, facts: ModelFacts, translated: Translated, said: Sequence[dict[str, Any]]) -> None:
        self._memory.remember(facts.id, translated.prefix, said)
