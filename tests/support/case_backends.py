"""The backends that golden cases are for: each with its settings and with access of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from oai_bridge.backends.azure import AzureOpenAI
from oai_bridge.backends.base import Backend, ChatBackend, PassingBackend
from oai_bridge.backends.bedrock import InvokeClaude, MessagesClaude
from oai_bridge.backends.bedrock_openai import BedrockOpenAI
from oai_bridge.backends.converse import Converse, ConverseClaude
from oai_bridge.backends.foundry import FoundryClaude
from oai_bridge.backends.gemini import VertexOpenAI
from oai_bridge.backends.vertex import VertexClaude
from oai_bridge.credentials.aws import AwsAccess
from oai_bridge.credentials.azure import AzureAccess
from oai_bridge.credentials.google import GoogleAccess
from oai_bridge.dialects.reading import Reading
from oai_bridge.events import Event
from oai_bridge.models.catalog import Catalog
from oai_bridge.openai.passed import PassedStream
from oai_bridge.openai.reply import ChunkWriter, ReplyTo
from oai_bridge.settings.values import (
    AwsKeys,
    Azure,
    AzureAccount,
    AzureKey,
    Bedrock,
    Claude,
    Config,
    Foundry,
    FoundryAccount,
    Guardrail,
    OpenAI,
    Vertex,
)
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.sse import SseDecoder

CATALOG = Catalog()
GOOGLE = GoogleAccess("p", "us-east5", "token")
AWS = AwsAccess("us-east-1", AwsKeys("AKIDEXAMPLE", "secret"))
RESOURCE = AzureAccount(
    "https://mine.openai.azure.com",
    AzureKey("key"),
    {"gpt-4o": "gpt-4o", "o3": "my-o3", "gpt-5": "gpt-5", "gpt-5.1": "gpt-5.1", "gpt-35-turbo": "old-gpt-35-turbo"},
)
AZURE = AzureAccess(RESOURCE, "key")
_AS_SENT = Reading()
FOUNDRY = AzureAccess(FoundryAccount("https://mine.services.ai.azure.com/anthropic", AzureKey("key")), "key")


@dataclass(frozen=True, slots=True)
class Kind:
    """A folder of cases. `make` is given the sections of a case's settings; `model` is one where no request names any;
    `framing` is how the cloud's streams come."""

    make: Callable[[Mapping[str, Any], Claude], Backend[Any, Any]]
    access: Any
    model: str
    framing: str = "sse"


def transcript(
    backend: Backend[Any, Any],
    to: ReplyTo,
    reading: Reading = _AS_SENT,
    observe: Callable[[Event], None] = lambda event: None,
) -> Transcript:
    """What a stream of the backend's chats goes through."""
    if isinstance(backend, PassingBackend):
        passed = PassedStream(to, backend.cloud)
        return Transcript(SseDecoder(), passed, passed, observe)
    assert isinstance(backend, ChatBackend)
    return Transcript(backend.decoder(), backend.dialect(reading), ChunkWriter(to), observe)


def _bedrock(given: Mapping[str, Any]) -> Bedrock:
    section = dict(given.get("bedrock", {}))
    if "guardrail" in section:
        section["guardrail"] = Guardrail(**section["guardrail"])
    return Bedrock(**section)


KINDS: Mapping[str, Kind] = {
    "vertex": Kind(
        lambda given, claude: VertexClaude(Vertex(**given.get("vertex", {})), claude, CATALOG),
        GOOGLE,
        "claude-opus-4-8",
    ),
    "bedrock": Kind(
        lambda given, claude: InvokeClaude(_bedrock(given), claude, CATALOG), AWS, "claude-opus-4-8", "invoke"
    ),
    "bedrock_messages": Kind(
        lambda given, claude: MessagesClaude(_bedrock(given), claude, CATALOG), AWS, "claude-opus-4-8"
    ),
    "converse": Kind(lambda given, claude: Converse(_bedrock(given), claude, CATALOG), AWS, "nova-pro", "converse"),
    "converse_claude": Kind(
        lambda given, claude: ConverseClaude(_bedrock(given), claude, CATALOG), AWS, "claude-opus-4-8", "converse"
    ),
    "foundry": Kind(
        lambda given, claude: FoundryClaude(Foundry(**given.get("foundry", {})), claude, CATALOG),
        FOUNDRY,
        "claude-opus-4-8",
    ),
    "azure": Kind(
        lambda given, claude: AzureOpenAI(
            Config(azure=Azure(accounts=(RESOURCE,)), openai=OpenAI(**given.get("openai", {})))
        ),
        AZURE,
        "gpt-4o",
    ),
    "gemini": Kind(
        lambda given, claude: VertexOpenAI(Vertex(), OpenAI(**given.get("openai", {}))), GOOGLE, "gemini-2.5-pro"
    ),
    "bedrock_openai": Kind(
        lambda given, claude: BedrockOpenAI(_bedrock(given), OpenAI(**given.get("openai", {}))), AWS, "gpt-oss-120b"
    ),
}
