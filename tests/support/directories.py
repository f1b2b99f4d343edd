"""Directories for any choice of clouds."""

from __future__ import annotations

from typing import Any

from oai_bridge.directory import Directory
from oai_bridge.models.catalog import Catalog
from oai_bridge.settings import (
    AmbientLogin,
    AwsAccount,
    AwsKeys,
    Azure,
    AzureAccount,
    AzureKey,
    Bedrock,
    Config,
    Foundry,
    FoundryAccount,
    GoogleAccount,
    Vertex,
)

CATALOG = Catalog()
GCP, GEMINI, AWS = ("gcp", "claude"), ("gcp", "gemini"), ("aws", "claude")
AZURE, FOUNDRY = ("azure", "openai"), ("azure", "claude")

_KEY = AzureKey("key")
_DEPLOYMENTS = {"gpt-4o": "my-4o", "o3": "o3"}

# Sections of settings, to be joined by `|`.
VERTEX = {"vertex": Vertex((GoogleAccount("p", "global", AmbientLogin()),))}
BEDROCK = {"bedrock": Bedrock((AwsAccount("us-east-1", AwsKeys("AKIDEXAMPLE", "secret")),))}
ANY_AZURE = {"azure": Azure((AzureAccount("https://mine.openai.azure.com", _KEY),))}
DEPLOYED = {"azure": Azure((AzureAccount("https://mine.openai.azure.com", _KEY, _DEPLOYMENTS),))}
CLAUDE_AZURE = {"foundry": Foundry((FoundryAccount("https://mine.services.ai.azure.com/anthropic", _KEY),))}
ALL = VERTEX | BEDROCK | DEPLOYED | CLAUDE_AZURE


def directory(settings: dict[str, Any], **config: Any) -> Directory:
    return Directory(Config(**settings, **config), CATALOG)
