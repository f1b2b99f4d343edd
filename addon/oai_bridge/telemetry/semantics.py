"""The names that OpenTelemetry's conventions for generative AI give to what is asked here, and of whom."""

from __future__ import annotations

from collections.abc import Mapping

from ..money.entry import Entry

LEFT = "client_disconnected"
"""The error of a request whose client did not wait for the answer."""
OURSELVES = "oai_vertex"
"""The provider of what is answered or refused without asking a cloud; the conventions have no name for that."""

_PROVIDERS: Mapping[str, str] = {
    "vertex": "gcp.vertex_ai",  # also for Gemini: what counts is that it is Vertex AI's host
    "bedrock": "aws.bedrock",
    "azure": "azure.ai.openai",
    "foundry": "azure.ai.inference",  # there is no name for Foundry; this is whose host it shares
}
_OPERATIONS: Mapping[str, str] = {
    "chat": "chat",
    "messages": "chat",
    "embeddings": "embeddings",
    "images": "generate_content",
    "count_tokens": "count_tokens",  # the conventions have no name for it
}


def provider_of(entry: Entry) -> str:
    """The cloud that was asked last."""
    return _PROVIDERS.get(entry.cloud, OURSELVES) if entry.asked else OURSELVES


def operation_of(entry: Entry) -> str:
    return _OPERATIONS.get(entry.operation, entry.operation)


def error_of(entry: Entry) -> str | None:
    """What went wrong in one word; `None` where nothing did."""
    return entry.error or (LEFT if entry.left else None)
