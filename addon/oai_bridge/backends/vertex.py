"""Claude on Google Cloud's Vertex AI: `:rawPredict` and `:streamRawPredict` of Anthropic's publisher models.

Hosts and paths as in google-cloud's "Request predictions with Claude models" and the `anthropic` package's
`lib/vertex`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..credentials.base import Outbound
from ..dialects.claude_errors import error_from_body
from ..errors import BridgeError
from ..models.catalog import Catalog, ModelFacts
from ..models.spellings import is_vertex_id
from ..settings.values import Claude, Vertex
from .base import Call, json_headers
from .claude import ClaudeBackend

if TYPE_CHECKING:
    from ..credentials.google import GoogleAccess


def place_url(vertex: Vertex, access: GoogleAccess) -> str:
    """The project's address in its region, under which all models stand."""
    base = vertex.base_url or base_url(access.region)
    return f"{base}/v1/projects/{quote(access.project, safe=':')}/locations/{access.region}"


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


class VertexClaude(ClaudeBackend["GoogleAccess"]):
    name = "vertex"
    cloud = "vertex"

    def __init__(self, vertex: Vertex, claude: Claude, catalog: Catalog) -> None:
        super().__init__(catalog, claude, vertex.anthropic_version)
        self._vertex = vertex

    def find(self, name: str) -> ModelFacts | None:
        facts = super().find(name)
        return facts if facts and facts.vertex else None

    def owns(self, name: str) -> bool:
        return is_vertex_id(name)

    def outbound(
        self, body: dict[str, Any], facts: ModelFacts, call: Call, betas: Sequence[str], access: GoogleAccess
    ) -> Outbound:
        body = {"anthropic_version": self._version, **body}
        path = f"{facts.vertex}:{'streamRawPredict' if call == 'stream' else 'rawPredict'}"
        if call == "count":  # one path for all models
            body["model"] = facts.vertex
            path = "count-tokens:rawPredict"
        url = f"{place_url(self._vertex, access)}/publishers/anthropic/models/{path}"
        return Outbound.posted(url, json_headers(call == "stream", betas), body, str(facts.vertex))

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        return error_from_body(status, body, headers)
