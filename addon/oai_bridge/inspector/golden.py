"""The backends that golden cases are for, each with the settings that a case can have and with nobody's account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from ..backends.azure import AzureOpenAI
from ..backends.base import Backend
from ..backends.bedrock import InvokeClaude, MessagesClaude
from ..backends.bedrock_openai import BedrockOpenAI
from ..backends.converse import Converse, ConverseClaude
from ..backends.foundry import FoundryClaude
from ..backends.gemini import VertexOpenAI
from ..backends.vertex import VertexClaude
from ..models.catalog import Catalog
from ..settings.values import Azure, AzureAccount, AzureKey, Config, Guardrail

Section = Literal["claude", "openai", "vertex", "bedrock", "foundry"]

RESOURCE = AzureAccount(
    "https://mine.openai.azure.com",
    AzureKey("key"),
    {"gpt-4o": "gpt-4o", "o3": "my-o3", "gpt-5": "gpt-5", "gpt-5.1": "gpt-5.1", "gpt-35-turbo": "old-gpt-35-turbo"},
)
"""The cases' Azure OpenAI."""


@dataclass(frozen=True, slots=True)
class Nobody:
    """Access that lets nobody in, for the address of a request."""

    region: str
    project: str = "p"
    account: AzureAccount = RESOURCE
    base_url: str = "https://mine.services.ai.azure.com/anthropic"


@dataclass(frozen=True, slots=True)
class Kind:
    """A folder of tests/cases. `sections` are those of a case's settings, `frames` names the event stream of AWS's
    that the cloud's streams are, if they are one."""

    name: str
    make: Callable[[Config], Backend[Any, Any]]
    sections: tuple[Section, ...]
    region: str
    frames: Literal["invoke", "converse", None] = None

    @property
    def access(self) -> Any:
        return Nobody(self.region)


_CATALOG = Catalog()
_GOOGLE, _AWS = "us-east5", "us-east-1"
KINDS = {
    kind.name: kind
    for kind in (
        Kind("vertex", lambda c: VertexClaude(c.vertex, c.claude, _CATALOG), ("claude", "vertex"), _GOOGLE),
        Kind("gemini", lambda c: VertexOpenAI(c.vertex, c.openai), ("openai",), _GOOGLE),
        Kind("bedrock", lambda c: InvokeClaude(c.bedrock, c.claude, _CATALOG), ("claude", "bedrock"), _AWS, "invoke"),
        Kind("bedrock_messages", lambda c: MessagesClaude(c.bedrock, c.claude, _CATALOG), ("claude", "bedrock"), _AWS),
        Kind("converse", lambda c: Converse(c.bedrock, c.claude, _CATALOG), ("claude", "bedrock"), _AWS, "converse"),
        Kind(
            "converse_claude",
            lambda c: ConverseClaude(c.bedrock, c.claude, _CATALOG),
            *(("claude", "bedrock"), _AWS, "converse"),
        ),
        Kind("bedrock_openai", lambda c: BedrockOpenAI(c.bedrock, c.openai), ("openai", "bedrock"), _AWS),
        Kind("azure", AzureOpenAI, ("openai",), "mine"),
        Kind("foundry", lambda c: FoundryClaude(c.foundry, c.claude, _CATALOG), ("claude", "foundry"), "mine"),
    )
}
_PLACES = {
    ("vertex", "/publishers/anthropic/"): "vertex",
    ("vertex", "/endpoints/openapi/"): "gemini",
    ("bedrock", "/invoke"): "bedrock",
    ("bedrock", "/converse"): "converse",
    ("bedrock", "/openai/v1/"): "bedrock_openai",
    ("bedrock", "/v1/messages"): "bedrock_messages",
    ("azure", "/chat/completions"): "azure",
    ("foundry", "/v1/messages"): "foundry",
}
"""By the backend's name and a part of the address."""


def kind_of(backend: str, url: str, model: str) -> Kind | None:
    """Whose case a request to `url` makes; `backend` is its name, `model` what the cloud calls the model."""
    name = next((kind for (owner, part), kind in _PLACES.items() if owner == backend and part in url), None)
    if name == "converse" and "claude" in model:
        name = "converse_claude"
    return KINDS[name] if name else None


def cleared(config: Config, kind: Kind) -> Config:
    """The settings that a case can have."""
    bedrock = config.bedrock
    return Config(
        strict=config.strict,
        claude=config.claude,
        openai=config.openai,
        vertex=replace(config.vertex, accounts=(), base_url=None),
        bedrock=replace(
            bedrock,
            accounts=(),
            base_url=None,
            mantle_url=None,
            api="mantle" if kind.name == "bedrock_messages" and bedrock.api == "mantle" else "invoke",
            guardrail=Guardrail("gr1abc", bedrock.guardrail.version) if bedrock.guardrail else None,
        ),
        azure=Azure((RESOURCE,)),
        foundry=replace(config.foundry, accounts=(), deployments={}),
    )


def settings_of(config: Config, kind: Kind) -> dict[str, Any]:
    """What differs from the defaults, as a case's settings.json has it; `config` is cleared."""
    found = {section: _changed(getattr(config, section)) for section in kind.sections}
    return {**({"strict": True} if config.strict else {}), **{name: given for name, given in found.items() if given}}


def _changed(section: Any) -> dict[str, Any]:
    usual, values = type(section)(), {field.name: getattr(section, field.name) for field in fields(section)}
    given = {name: value for name, value in values.items() if value != getattr(usual, name)}
    return {name: asdict(value) if isinstance(value, Guardrail) else value for name, value in given.items()}
