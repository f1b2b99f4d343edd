"""The settings as values: frozen and checked, the same whether a file, the environment or `.env` named them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Literal, get_args

from .clients import Client, Spending
from .traffic import Failover, Limits, Queueing, Timeouts

_SHOWN = 40  # characters
WORD = 24
"""Characters of a number or a word that the settings know: what is longer may be a key in the wrong place."""
_LONG_KEY = 16  # characters
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class ConfigError(Exception):
    """What is wrong with the settings: a sentence per line, with the place, the value (never a secret), the remedy."""


def shown(value: object, most: int = _SHOWN) -> str:
    """A value for an error message: in full when it is short and plain, else not at all, since who knows what it is.
    `most` characters are short."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no whole number of thousands of digits
        return "what stands there"
    plain = isinstance(value, str | int | float) and len(text) <= most
    return text if plain else "what stands there"


def _end(key: str) -> str:
    """What tells a key from others, where it is long enough that this tells nothing else."""
    return f" …{key[-4:]}" if len(key) >= _LONG_KEY else ""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account's key, parsed and checked. `info` is Google's JSON of it; `private_key` in it is PEM."""

    info: Mapping[str, Any] = field(repr=False)

    @property
    def label(self) -> str:
        return str(self.info["client_email"])


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """A file as `google.auth.load_credentials_from_file` takes it: service account, user login, federation."""

    path: str

    @property
    def label(self) -> str:
        return PurePath(self.path).name


@dataclass(frozen=True, slots=True)
class AmbientLogin:
    """Application Default Credentials: what `gcloud auth application-default login` or the machine has."""

    @property
    def label(self) -> str:
        return "Application Default Credentials"


GoogleSource = ServiceAccount | CredentialFile | AmbientLogin


@dataclass(frozen=True, slots=True)
class GoogleAccount:
    """One project in one region, and who pays. `project` is None when only the credential itself can tell it.

    Of this and the other clouds' accounts: `models` are patterns such as `claude-*` for the ids of the models that it
    has, empty: all; `rank` is the region's place in the account's list: the next is for when those before are down.
    """

    project: str | None
    region: str
    source: GoogleSource
    models: tuple[str, ...] = ()
    rank: int = 0

    @property
    def label(self) -> str:
        """`us-east5 · my-project (sa@...)`, for people; no secret."""
        return f"{self.region} · {self.project or 'the project of the credential'} ({self.source.label})"


@dataclass(frozen=True, slots=True)
class Vertex:
    """Models on Vertex AI. `base_url` has no trailing slash and no `/v1`; None: Google's host for the region."""

    accounts: tuple[GoogleAccount, ...] = ()
    base_url: str | None = None
    anthropic_version: str = "vertex-2023-10-16"


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """An access key of IAM, long-lived, or temporary with its `session_token`."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        return f"key {self.key_id[:4]}…{self.key_id[-4:]}"


@dataclass(frozen=True, slots=True)
class AwsApiKey:
    """A Bedrock API key, which is sent as it is instead of a signature."""

    key: str = field(repr=False)

    @property
    def label(self) -> str:
        return f"Bedrock API key{_end(self.key)}"


@dataclass(frozen=True, slots=True)
class AwsLogin:
    """What AWS's own tools would use: a profile (SSO, roles, processes …), or the default chain without one."""

    profile: str | None = None

    @property
    def label(self) -> str:
        return f"profile {self.profile}" if self.profile else "AWS's default credentials"


AwsSource = AwsKeys | AwsApiKey | AwsLogin


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """Who pays on Bedrock, in one region. `region` is None where only the login itself can tell it."""

    region: str | None
    source: AwsSource
    models: tuple[str, ...] = ()
    rank: int = 0

    @property
    def label(self) -> str:
        """`us-east-1 · profile work`, for people; no secret."""
        return f"{self.region or 'the region of the login'} · {self.source.label}"


BedrockTier = Literal["default", "priority", "flex", "reserved"]
BEDROCK_TIERS: Mapping[str, str] = {tier: tier for tier in get_args(BedrockTier)}
"""The service tiers of Bedrock, by what clients call them, too."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One of Bedrock's guardrails, by its id or ARN."""

    id: str
    version: str = "DRAFT"


@dataclass(frozen=True, slots=True)
class Bedrock:
    """Models on AWS Bedrock. `base_url` is the runtime's and `mantle_url` Mantle's, without a trailing slash; None:
    AWS's host for the region. `api` is the door that Claude's chats go through; `profiles` is where inference profiles
    may send a request: within the region's own part of the world where the model has such a profile and else anywhere,
    within that part alone, or anywhere."""

    accounts: tuple[AwsAccount, ...] = ()
    base_url: str | None = None
    mantle_url: str | None = None
    api: Literal["invoke", "messages", "mantle", "converse"] = "invoke"
    anthropic_version: str = "bedrock-2023-05-31"
    profiles: Literal["geo", "geo_only", "global"] = "geo"
    guardrail: Guardrail | None = None
    service_tier: BedrockTier | None = None


@dataclass(frozen=True, slots=True)
class AzureKey:
    key: str = field(repr=False)

    @property
    def label(self) -> str:
        return f"API key{_end(self.key)}"


@dataclass(frozen=True, slots=True)
class EntraLogin:
    """Entra ID by azure-identity: environment, workload or managed identity, `az login` …"""

    @property
    def label(self) -> str:
        return "Entra ID"


AzureSource = AzureKey | EntraLogin


@dataclass(frozen=True, slots=True)
class AzureAccount:
    """One Azure OpenAI resource. `endpoint` is such as `https://name.openai.azure.com`, without a trailing slash.

    `deployments` maps the names that clients use to deployments; empty: any name is a deployment's. `api_version` is
    for the older paths with a deployment in them; None: the newer `/openai/v1`, which has no version.
    """

    endpoint: str
    source: AzureSource
    deployments: Mapping[str, str] = _NOTHING
    api_version: str | None = None

    @property
    def label(self) -> str:
        """`name.openai.azure.com (API key …9f3c)`, for people; no secret."""
        return f"{self.endpoint.partition('://')[2]} ({self.source.label})"


@dataclass(frozen=True, slots=True)
class Azure:
    """OpenAI's models on Azure."""

    accounts: tuple[AzureAccount, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundryAccount:
    """One Azure AI Foundry resource. `base_url` is such as `https://name.services.ai.azure.com/anthropic`."""

    base_url: str
    source: AzureSource
    models: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.base_url.partition('://')[2].partition('/')[0]} ({self.source.label})"


@dataclass(frozen=True, slots=True)
class Foundry:
    """Claude on Azure AI Foundry. `deployments` maps models, as clients name them, to deployments with other names."""

    accounts: tuple[FoundryAccount, ...] = ()
    anthropic_version: str = "2023-06-01"
    deployments: Mapping[str, str] = _NOTHING


@dataclass(frozen=True, slots=True)
class OpenAI:
    """Chats that are passed on in OpenAI's own words. `max_output_tokens` is the operator's cap on every request."""

    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Claude:
    """How chats are translated, Claude's and those of Bedrock's Converse. `max_output_tokens` is the operator's cap on
    every request."""

    default_max_tokens: int = 8192
    max_output_tokens: int | None = None
    first_user_text: str = "[Start a new chat]"
    continue_text: str = "[Continue directly from the end of your last message, without repeating it.]"
    names: bool = True
    mid_system: Literal["inline", "hoist", "user"] = "inline"
    cache: Literal["client", "auto"] = "client"
    cache_ttl: Literal["5m", "1h"] = "5m"
    audio: Literal["refuse", "drop"] = "refuse"
    send_user: bool = False
    thinking_blocks: bool = True
    reasoning_field: Literal["reasoning_content", "reasoning", "both"] = "reasoning_content"
    always_usage: bool = False


@dataclass(frozen=True, slots=True)
class Images:
    """How pictures and files that a chat names by URL are fetched. Sizes in bytes, `timeout` in seconds for one."""

    fetch: bool = True
    allow_private: bool = False
    max_size: int = 5 * 1024 * 1024
    total_size: int = 20 * 1024 * 1024
    timeout: float = 15.0


@dataclass(frozen=True, slots=True)
class Inspector:
    """How many flows mitmweb and mitmproxy's console hold, and how many bytes of them; 0: no bound."""

    max_flows: int = 2000
    max_size: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Network:
    """How the cloud is reached. `proxies` has the keys "http", "https", "all"; its URLs may hold passwords."""

    proxies: Mapping[str, str] = field(default=_NOTHING, repr=False)
    no_proxy: str = ""
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where it is kept what was used: the default place, or `file`. Rows older than `keep_days` are dropped."""

    file: str | None = None
    keep_days: int = 400


@dataclass(frozen=True, slots=True)
class Telemetry:
    """`traces` is the URL that takes OpenTelemetry's traces (OTLP by HTTP); None: nothing is sent."""

    traces: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the user decided. `told` are sentences for the start: what was recognised but ignored, and why."""

    host: str | None = None  # None: 127.0.0.1 and ::1
    port: int = 7860  # 0: any free one
    clients: tuple[Client, ...] = ()  # empty: no key is asked for
    allowed_hosts: tuple[str, ...] = ()  # lower case, without port
    allowed_origins: tuple[str, ...] = ()  # of web clients, as browsers write them: scheme://host[:port]
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()  # those that tell for whom they ask
    prefix: str = "/proxy"  # "" or "/a" or "/a/b"
    title: str = "oai-vertex"
    log_level: str = "info"  # debug, info, warn or error
    log_format: Literal["text", "json"] = "text"
    max_body: int = 32 * 1024 * 1024  # bytes
    strict: bool = False
    answer_test_message: bool = True
    models: tuple[str, ...] = ()  # those that are listed; empty: all that the configured clouds list
    aliases: Mapping[str, str] = _NOTHING
    fallbacks: Mapping[str, tuple[str, ...]] = _NOTHING  # models, as clients name them, to those that stand in for them
    model_overrides: Mapping[str, Mapping[str, Any]] = _NOTHING
    claude: Claude = Claude()
    images: Images = Images()
    openai: OpenAI = OpenAI()
    vertex: Vertex = Vertex()
    bedrock: Bedrock = Bedrock()
    azure: Azure = Azure()
    foundry: Foundry = Foundry()
    network: Network = Network()
    failover: Failover = field(default=Failover())
    queue: Queueing = field(default=Queueing())
    limits: Limits = field(default=Limits())
    timeouts: Timeouts = field(default=Timeouts())
    inspector: Inspector = Inspector()
    spending: Spending = field(default=Spending())
    ledger: Ledger = Ledger()
    telemetry: Telemetry = Telemetry()
    told: tuple[str, ...] = ()

    @property
    def client_keys(self) -> tuple[str, ...]:
        """Empty: none is asked for."""
        return tuple(client.key for client in self.clients)

    def client(self, name: str) -> Client | None:
        """The one of that name; `None` where no key is asked for."""
        return next((client for client in self.clients if client.name == name), None)

    @property
    def demo(self) -> bool:
        """No credential is configured: the embedded demo upstream answers."""
        return not any(self.accounts.values())

    @property
    def accounts(self) -> Mapping[str, tuple[GoogleAccount | AwsAccount | AzureAccount | FoundryAccount, ...]]:
        """Those who pay, by the kind of account that the registry of backends names."""
        return {
            "google": self.vertex.accounts,
            "aws": self.bedrock.accounts,
            "azure": self.azure.accounts,
            "foundry": self.foundry.accounts,
        }


@dataclass(frozen=True, slots=True)
class Given:
    """One single-valued setting as somebody wrote it: `value` is not checked yet, `where` is named in errors.

    `is_ours` is false for a cloud's own name in the environment, which may be there for another program.
    """

    section: str
    name: str
    value: Any = field(repr=False)
    where: str
    is_ours: bool = True
