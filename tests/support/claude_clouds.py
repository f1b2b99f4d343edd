"""The doors that Claude is reached through, and what each takes that others don't: a table of the judges' own.

Vendor sources: Anthropic's pages on Claude in Amazon Bedrock, on Vertex AI and in Microsoft Foundry, and its API
reference; AWS's Messages API page; litellm keeps the lists of betas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_EVERYWHERE = {
    *("computer-use-2025-01-24", "computer-use-2025-11-24", "context-1m-2025-08-07", "context-management-2025-06-27"),
    *("mid-conversation-tool-changes-2026-07-01", "thinking-binding-controls-2026-08-01"),
    *("thinking-display-updates-2026-08-18",),
}
_ON_VERTEX = {
    *("compact-2026-01-12", "dangerous-tool-use-2026-09-03", "interleaved-thinking-2025-05-14"),
    *("per-turn-control-2026-07-01", "tool-search-tool-2025-10-19", "web-search-2025-03-05"),
}
_ON_BEDROCK = {
    "dangerous-tool-use-2026-09-03",
    *("compact-2026-01-12", "effort-2025-11-24", "fine-grained-tool-streaming-2025-05-14"),
    *("mid-conversation-output-config-2026-07-01", "tool-search-tool-2025-10-19"),
}


@dataclass(frozen=True, slots=True)
class Cloud:
    """One door. `stream` is where it is told to stream: by the path, which a body must repeat or must not, or by the
    body alone. `version` is the body's `anthropic_version`; `None`: it is a header's, and so are the betas.

    `betas` are those that it knows; `None`: any. `header_betas` are known in the header alone. `mark` stands in ids.
    """

    name: Literal["vertex", "bedrock", "foundry"]
    stream: Literal["repeated", "unsaid", "body"]
    version: str | None
    betas: frozenset[str] | None
    header_betas: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    """Top-level fields of a body that not every door has."""
    server_tools: frozenset[str] = frozenset()
    url_images: bool = False
    mark: str = ""

    @property
    def counted_keys(self) -> frozenset[str]:
        """Those of a body whose tokens are to be counted; it names its model."""
        return self.keys - {"stream", "service_tier"} | {"model"}


VERTEX = Cloud(
    "vertex",
    "repeated",
    "vertex-2023-10-16",
    frozenset(_EVERYWHERE | _ON_VERTEX),
    header_betas=frozenset({"compact-2026-09-04", "inline-tools-2026-09-15"}),
    keys=frozenset({"anthropic_version", "anthropic_beta", "stream"}),
    server_tools=frozenset({"web_search_20250305"}),
    mark="vrtx_",
)
BEDROCK = Cloud(
    "bedrock",
    "unsaid",
    "bedrock-2023-05-31",
    frozenset(_EVERYWHERE | _ON_BEDROCK),
    keys=frozenset({"anthropic_version", "anthropic_beta"}),
    mark="bdrk_",
)
BEDROCK_MESSAGES = Cloud(
    "bedrock", "body", None, BEDROCK.betas, keys=frozenset({"model", "stream", "service_tier"}), mark="bdrk_"
)
"""The doors of `bedrock-runtime` and `bedrock-mantle` that speak Anthropic's own API."""
FOUNDRY = Cloud(
    "foundry",
    "body",
    None,
    None,
    keys=frozenset({"model", "stream", "service_tier", "cache_control", "container", "mcp_servers"}),
    server_tools=frozenset({"web_search_20250305", "web_fetch_20250910", "code_execution_20250825"}),
    url_images=True,
)
