"""The clouds' doors. A new one is one file and one line of the registry."""

from __future__ import annotations

from .azure import AzureOpenAI
from .base import Account, Duties, Duty, Entry
from .bedrock import claude_chat, claude_count, claude_native
from .bedrock_embeddings import BedrockEmbeddings
from .bedrock_openai import BedrockOpenAI
from .converse import Converse
from .foundry import FoundryClaude
from .gemini import VertexOpenAI
from .vertex import VertexClaude

__all__ = ["REGISTRY", "Account", "Duty", "Entry"]

_GCP, _AWS = "Google Cloud", "AWS Bedrock"
_CHAT: Duties = ("chat",)
_NATIVE: Duties = ("messages", "count_tokens")
_OPENAI: Duties = ("chat", "embeddings", "images")

REGISTRY: tuple[Entry, ...] = (
    Entry(
        "google", _GCP, ("gcp", "claude"), (*_CHAT, *_NATIVE), lambda c, m: VertexClaude(c.vertex, c.claude, m), True
    ),
    Entry("google", "Gemini on Google Cloud", ("gcp", "gemini"), _CHAT, lambda c, m: VertexOpenAI(c.vertex, c.openai)),
    Entry("aws", _AWS, ("aws", "claude"), _CHAT, lambda c, m: claude_chat(c.bedrock, c.claude, m)),
    Entry("aws", _AWS, ("aws", "claude"), ("messages",), lambda c, m: claude_native(c.bedrock, c.claude, m)),
    Entry("aws", _AWS, ("aws", "claude"), ("count_tokens",), lambda c, m: claude_count(c.bedrock, c.claude, m)),
    Entry("aws", _AWS, ("aws", "claude"), _CHAT, lambda c, m: BedrockOpenAI(c.bedrock, c.openai)),
    Entry("aws", _AWS, ("aws", "claude"), _CHAT, lambda c, m: Converse(c.bedrock, c.claude, m)),
    Entry("aws", _AWS, ("aws", "claude"), ("embeddings",), lambda c, m: BedrockEmbeddings(c.bedrock)),
    Entry("azure", "Azure OpenAI", ("azure", "openai"), _OPENAI, lambda c, m: AzureOpenAI(c)),
    Entry(
        "foundry",
        "Azure AI Foundry",
        ("azure", "claude"),
        (*_CHAT, *_NATIVE),
        lambda c, m: FoundryClaude(c.foundry, c.claude, m),
    ),
)
"""In the order in which they are asked for a model."""
