"""Directories for any choice of clouds, and who answers in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oai_bridge.backends import Duty
from oai_bridge.directory import Directory, Door
from oai_bridge.errors import NotFound
from oai_bridge.models.catalog import Catalog
from oai_bridge.routing import Path, Route
from oai_bridge.settings.values import (
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


OLD_ID = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{OLD_ID}"
APPLICATION = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"


def bedrock_by(api: Any) -> dict[str, Any]:
    """Bedrock, with Claude's chats by this door."""
    return {"bedrock": replace(BEDROCK["bedrock"], api=api)}


def directory(settings: dict[str, Any], **config: Any) -> Directory:
    return Directory(Config(**settings, **config), CATALOG)


def asked(
    settings: dict[str, Any], name: str, kind: Duty = "chat", path: Path | None = None, **config: Any
) -> tuple[Door, Any]:
    return directory(settings, **config).find(Route(kind, path=path), name)


def who(settings: dict[str, Any], name: str, kind: Duty = "chat", path: Path | None = None, **config: Any) -> str:
    """The class of the backend that answers."""
    door, _ = asked(settings, name, kind, path, **config)
    assert kind in door.entry.duties and path in (None, door.entry.path)
    return type(door.backend).__name__


def refused(
    settings: dict[str, Any], name: str, kind: Duty = "chat", path: Path | None = None, **config: Any
) -> NotFound:
    with pytest.raises(NotFound) as raised:
        asked(settings, name, kind, path, **config)
    return raised.value
