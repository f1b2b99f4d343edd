"""What README promises of each cloud, door and kind of credential: the rows that the end-to-end suite runs and that
README's table is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.fake_azure import FakeAzure
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_cloud import FakeCloud
from tests.support.fake_foundry import FakeFoundry
from tests.support.fake_vertex import FakeVertex
from tests.support.scripted_claude import agent

FEATURES = ("chat", "stream", "tools", "vision", "messages", "count_tokens", "embeddings", "images")
"""In the order of README's columns; a row has those that it names a model for."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A cloud and how the proxy is pointed to it."""

    cloud: FakeCloud
    environment: Mapping[str, str]
    config: str = ""
    dotenv: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """`cloud` and `credential` are README's words, `base` is where the cloud is served, `models` has one for each
    feature. It can be hashed, so that pytest runs all tests of a row one after the other, with one proxy."""

    id: str
    cloud: str
    credential: str
    base: str
    models: Mapping[str, str] = field(hash=False)
    start: Callable[[ExitStack, Path], Setting] = field(repr=False)


def _claude(model: str, *, embeddings: str | None = None) -> dict[str, str]:
    models = dict.fromkeys(("chat", "stream", "tools", "vision", "messages", "count_tokens"), model)
    return models | ({"embeddings": embeddings} if embeddings else {})


def _chat(model: str, *, vision: bool = True) -> dict[str, str]:
    return dict.fromkeys(("chat", "stream", "tools", *(("vision",) if vision else ())), model)


_OPENAI = {**_chat("gpt-4o"), "embeddings": "text-embedding-3-small", "images": "gpt-image-1"}

# -- Google Cloud -----------------------------------------------------------------------------------------------------


def _vertex(stack: ExitStack, folder: Path) -> Setting:
    cloud = stack.enter_context(FakeVertex())
    cloud.default = agent(eager=True)
    return Setting(cloud, cloud.environment())


def _vertex_login(stack: ExitStack, folder: Path) -> Setting:
    """Application Default Credentials in their usual place, named by the project alone."""
    cloud = stack.enter_context(FakeVertex())
    cloud.default = agent(eager=True)
    environment = cloud.environment()
    place = folder / ".config" / "gcloud"
    place.mkdir(parents=True)
    key = environment.pop("GOOGLE_APPLICATION_CREDENTIALS")
    (place / "application_default_credentials.json").write_text(key, "utf-8")
    return Setting(cloud, environment)


# -- AWS Bedrock ------------------------------------------------------------------------------------------------------


def _bedrock(api: str = "invoke", *, mantle: bool = False) -> Callable[[ExitStack, Path], Setting]:
    def start(stack: ExitStack, folder: Path) -> Setting:
        cloud = stack.enter_context(FakeBedrock(mantle=mantle))
        cloud.default = agent(eager=True)
        config = f"bedrock:\n  api: {api}\n" + (f"  mantle_url: {cloud.origin}\n" if mantle else "")
        return Setting(cloud, cloud.environment(), config)

    return start


def _bedrock_api_key(stack: ExitStack, folder: Path) -> Setting:
    cloud = stack.enter_context(FakeBedrock())
    cloud.default = agent(eager=True)
    return Setting(cloud, cloud.api_key_environment())


def _bedrock_profile(stack: ExitStack, folder: Path) -> Setting:
    """A profile of `~/.aws` with temporary keys, as a login leaves them."""
    cloud = stack.enter_context(FakeBedrock())
    cloud.default = agent(eager=True)
    key = cloud.keys.access_key(temporary=True)
    (folder / ".aws").mkdir()
    (folder / ".aws" / "config").write_text(f"[profile work]\nregion = {cloud.region}\n", "utf-8")
    lines = (f"aws_access_key_id={key.id}", f"aws_secret_access_key={key.secret}", f"aws_session_token={key.token}")
    (folder / ".aws" / "credentials").write_text("\n".join(["[work]", *lines, ""]), "utf-8")
    return Setting(cloud, cloud.endpoint(), "bedrock: {accounts: [{profile: work}]}\n")


# -- Azure ------------------------------------------------------------------------------------------------------------


def _azure(stack: ExitStack, folder: Path) -> Setting:
    cloud = stack.enter_context(FakeAzure())
    return Setting(cloud, cloud.environment())


def _azure_deployments(stack: ExitStack, folder: Path) -> Setting:
    cloud = stack.enter_context(FakeAzure())
    return Setting(cloud, {**cloud.environment(), "OPENAI_API_VERSION": "2024-10-21"})


def _azure_entra(stack: ExitStack, folder: Path) -> Setting:
    cloud = stack.enter_context(FakeAzure())
    return Setting(cloud, {"AZURE_OPENAI_ENDPOINT": cloud.origin, **cloud.identity_environment()})


def _foundry(stack: ExitStack, folder: Path) -> Setting:
    cloud = stack.enter_context(FakeFoundry())
    cloud.default = agent(eager=True)
    return Setting(cloud, cloud.environment())


def _foundry_entra(stack: ExitStack, folder: Path) -> Setting:
    cloud = stack.enter_context(FakeFoundry())
    cloud.default = agent(eager=True)
    return Setting(cloud, {"ANTHROPIC_FOUNDRY_BASE_URL": cloud.base_url, **cloud.identity_environment()})


_GCP, _GEMINI, _AWS = "/proxy/gcp/claude", "/proxy/gcp/gemini", "/proxy/aws/claude"
_OPENAI_BASE, _FOUNDRY_BASE = "/proxy/azure/openai", "/proxy/azure/claude"
_SONNET, _TITAN = "claude-sonnet-4-6", "titan-embed-text-v2"

ROWS = (
    Row("vertex", "Claude on Vertex AI", "service account", _GCP, _claude(_SONNET), _vertex),
    Row("vertex_login", "Claude on Vertex AI", "your own login", _GCP, _claude(_SONNET), _vertex_login),
    Row(
        "gemini", "Gemini and open models on Vertex AI", "service account", _GEMINI, _chat("gemini-3.5-flash"), _vertex
    ),
    Row("bedrock", "Claude on Bedrock", "access key", _AWS, _claude(_SONNET, embeddings=_TITAN), _bedrock()),
    Row(
        "bedrock_profile",
        "Claude on Bedrock",
        "profile (SSO, roles …)",
        _AWS,
        _claude(_SONNET, embeddings=_TITAN),
        _bedrock_profile,
    ),
    Row(
        "bedrock_api_key",
        "Claude on Bedrock",
        "Bedrock API key",
        _AWS,
        _claude(_SONNET, embeddings=_TITAN),
        _bedrock_api_key,
    ),
    Row(
        "messages",
        "the same, `api: messages`",
        "access key",
        _AWS,
        _claude("claude-opus-4-8", embeddings=_TITAN),
        _bedrock("messages"),
    ),
    Row("mantle", "the same, `api: mantle`", "access key", _AWS, _claude(_SONNET), _bedrock("mantle", mantle=True)),
    Row(
        "converse",
        "the same, `api: converse`",
        "access key",
        _AWS,
        _claude(_SONNET, embeddings=_TITAN),
        _bedrock("converse"),
    ),
    Row("nova", "Nova, Llama, Mistral, DeepSeek … on Bedrock", "access key", _AWS, _chat("nova-pro"), _bedrock()),
    Row(
        "nova_api_key",
        "Nova, Llama, Mistral, DeepSeek … on Bedrock",
        "Bedrock API key",
        _AWS,
        _chat("nova-pro"),
        _bedrock_api_key,
    ),
    Row("gpt_oss", "gpt-oss on Bedrock", "access key", _AWS, _chat("gpt-oss-120b", vision=False), _bedrock()),
    Row("azure", "Azure OpenAI", "API key", _OPENAI_BASE, _OPENAI, _azure),
    Row("azure_deployments", "Azure OpenAI with an api-version", "API key", _OPENAI_BASE, _OPENAI, _azure_deployments),
    Row("azure_entra", "Azure OpenAI", "Entra ID", _OPENAI_BASE, _OPENAI, _azure_entra),
    Row("foundry", "Claude on Azure AI Foundry", "API key", _FOUNDRY_BASE, _claude(_SONNET), _foundry),
    Row("foundry_entra", "Claude on Azure AI Foundry", "Entra ID", _FOUNDRY_BASE, _claude(_SONNET), _foundry_entra),
)


def table() -> str:
    """README's table."""
    head = ("chat", "streams", "tools", "pictures in", "Anthropic's API", "its count", "embeddings", "pictures out")
    lines = [f"| cloud | credential | {' | '.join(head)} |", f"|---|---|{'---|' * len(head)}"]
    for row in ROWS:
        cells = " | ".join("✓" if feature in row.models else "–" for feature in FEATURES)
        lines.append(f"| {row.cloud} | {row.credential} | {cells} |")
    return "\n".join(lines)
