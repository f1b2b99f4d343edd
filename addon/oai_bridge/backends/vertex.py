"""Claude on Google Cloud's Vertex AI: `:rawPredict` and `:streamRawPredict` of Anthropic's publisher models.

Hosts and paths as in google-cloud's "Request predictions with Claude models" and the `anthropic` package's
`lib/vertex`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..credentials.base import Access
from ..dialects.claude_errors import error_from_body
from ..dialects.claude_reply import ClaudeStream, events_of_message
from ..dialects.claude_request import claude_body
from ..errors import BridgeError
from ..events import Event
from ..jsontext import write
from ..models.catalog import ModelFacts
from ..notes import Notes
from ..openai.request import ChatRequest
from ..settings import Claude, Vertex
from ..wire.sse import SseDecoder
from .base import Decoder, Dialect, Outbound

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
    """Pure: settings in, requests and events out."""

    name = "vertex"

    def __init__(self, vertex: Vertex, claude: Claude) -> None:
        self._vertex = vertex
        self._claude = claude

    def body(self, chat: ChatRequest, facts: ModelFacts, notes: Notes) -> dict[str, Any]:
        version = self._vertex.anthropic_version
        sampling = version.removeprefix("vertex-") < _NO_SAMPLING_SINCE
        return {"anthropic_version": version} | claude_body(chat, facts, self._claude, notes, sampling)

    def outbound(self, body: dict[str, Any], facts: ModelFacts, stream: bool, access: Access) -> Outbound:
        base = self._vertex.base_url or base_url(access.region)
        method = "streamRawPredict" if stream else "rawPredict"
        place = f"projects/{quote(access.project, safe=':')}/locations/{access.region}"
        headers = {
            "authorization": f"Bearer {access.token}",
            "content-type": "application/json",
            "accept": "text/event-stream" if stream else "application/json",
            "accept-encoding": "identity",
        }
        url = f"{base}/v1/{place}/publishers/anthropic/models/{facts.vertex}:{method}"
        return Outbound("POST", url, headers, write(body))

    def stream(self) -> tuple[Decoder, Dialect]:
        return SseDecoder(), ClaudeStream()

    def whole(self, body: bytes) -> list[Event]:
        return events_of_message(body)

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> BridgeError:
        return error_from_body(status, body, headers)
