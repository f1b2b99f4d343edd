"""The sections of config.yaml, and of what kind each setting in them is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec

from .values import Given

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is missing or empty is None here: the default stands in `settings`, once."""


class ClientEntry(Section, frozen=True):
    name: str | None = None
    key: str | None = None
    models: list[str] | None = None
    requests_per_minute: int | None = None
    usd_per_day: float | None = None
    usd_per_month: float | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None


class Server(Section, frozen=True):
    host: str | None = None
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    client_keys: list[str | ClientEntry] | None = None
    allowed_hosts: list[str] | None = None
    allowed_origins: list[str] | None = None
    trusted_proxies: list[str] | None = None
    prefix: str | None = None
    title: str | None = None
    log_level: str | None = None
    log_format: str | None = None
    max_body_mb: Positive | None = None
    strict: bool | None = None
    answer_test_message: bool | None = None


class Account(Section, frozen=True):
    project: str | None = None
    region: str | None = None
    regions: list[str] | None = None
    credentials: str | dict[str, Any] | None = None
    models: list[str] | None = None


class VertexSection(Section, frozen=True):
    accounts: list[Account] | None = None
    base_url: str | None = None
    anthropic_version: str | None = None


class AwsEntry(Section, frozen=True):
    region: str | None = None
    regions: list[str] | None = None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    api_key: str | None = None
    models: list[str] | None = None


class GuardrailEntry(Section, frozen=True):
    id: str | None = None
    version: str | Annotated[int, msgspec.Meta(ge=0, le=99_999_999)] | None = None


class BedrockSection(Section, frozen=True):
    accounts: list[AwsEntry] | None = None
    base_url: str | None = None
    mantle_url: str | None = None
    api: str | None = None
    anthropic_version: str | None = None
    profiles: str | None = None
    guardrail: GuardrailEntry | None = None
    service_tier: str | None = None


class AzureEntry(Section, frozen=True):
    endpoint: str | None = None
    resource: str | None = None
    api_key: str | None = None
    deployments: dict[str, str] | list[str] | None = None
    api_version: str | None = None


class AzureSection(Section, frozen=True):
    accounts: list[AzureEntry] | None = None


class FoundryEntry(Section, frozen=True):
    resource: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    models: list[str] | None = None


class FoundrySection(Section, frozen=True):
    accounts: list[FoundryEntry] | None = None
    deployments: dict[str, str] | None = None
    anthropic_version: str | None = None


class ClaudeSection(Section, frozen=True):
    default_max_tokens: Positive | None = None
    max_output_tokens: Positive | None = None
    first_user_text: str | None = None
    continue_text: str | None = None
    names: bool | None = None
    mid_system: str | None = None
    cache: str | None = None
    cache_ttl: str | None = None
    audio: str | None = None
    send_user: bool | None = None
    thinking_blocks: bool | None = None
    reasoning_field: str | None = None
    always_usage: bool | None = None


class OpenAISection(Section, frozen=True):
    max_output_tokens: Positive | None = None


class ImagesSection(Section, frozen=True):
    fetch: bool | None = None
    allow_private: bool | None = None
    max_mb: Positive | None = None
    total_mb: Positive | None = None
    timeout: Positive | None = None


class ModelsSection(Section, frozen=True):
    listed: list[str] | None = msgspec.field(default=None, name="list")
    aliases: dict[str, str] | None = None
    fallbacks: dict[str, str | list[str]] | None = None
    overrides: dict[str, dict[str, Any]] | None = None


class FailoverSection(Section, frozen=True):
    attempts: int | None = None
    within: float | None = None
    resend: bool | None = None
    rest: bool | None = None


class QueueSection(Section, frozen=True):
    length: int | None = None
    timeout: float | None = None


class LimitsSection(Section, frozen=True):
    concurrent: int | None = None
    requests_per_minute: int | None = None


class TimeoutsSection(Section, frozen=True):
    connect: float | None = None
    first_byte: float | None = None
    idle: float | None = None
    total: float | None = None
    heartbeat: float | None = None
    shutdown: float | None = None


class InspectorSection(Section, frozen=True):
    max_flows: int | None = None
    max_mb: int | None = None


class SpendingSection(Section, frozen=True):
    usd_per_day: float | None = None
    usd_per_month: float | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None
    unpriced: str | None = None


class LedgerSection(Section, frozen=True):
    file: str | None = None
    keep_days: int | None = None


class TelemetrySection(Section, frozen=True):
    traces: str | None = None


class NetworkSection(Section, frozen=True):
    proxy: str | None = None
    no_proxy: str | None = None
    ca_file: str | None = None


class Document(Section, frozen=True):
    """The whole file."""

    server: Server = Server()
    vertex: VertexSection = VertexSection()
    bedrock: BedrockSection = BedrockSection()
    azure: AzureSection = AzureSection()
    foundry: FoundrySection = FoundrySection()
    claude: ClaudeSection = ClaudeSection()
    openai: OpenAISection = OpenAISection()
    images: ImagesSection = ImagesSection()
    models: ModelsSection = ModelsSection()
    failover: FailoverSection = FailoverSection()
    queue: QueueSection = QueueSection()
    limits: LimitsSection = LimitsSection()
    timeouts: TimeoutsSection = TimeoutsSection()
    inspector: InspectorSection = InspectorSection()
    spending: SpendingSection = SpendingSection()
    ledger: LedgerSection = LedgerSection()
    telemetry: TelemetrySection = TelemetrySection()
    network: NetworkSection = NetworkSection()

    def given(self) -> Iterator[Given]:
        """Its settings that are there, the accounts excepted."""
        for name in self.__struct_fields__:
            section = getattr(self, name)
            for field, setting in zip(section.__struct_fields__, section.__struct_encode_fields__, strict=True):
                value = getattr(section, field)
                if value is not None and field != "accounts":
                    yield Given(name, setting, value, f"{name}.{setting}")


SECTIONS: Mapping[str, type[Section]] = {info.name: info.type for info in msgspec.structs.fields(Document)}
LEVELS: Mapping[str, type[Section]] = {
    **SECTIONS,
    "server.client_keys[n]": ClientEntry,
    "vertex.accounts[n]": Account,
    "bedrock.accounts[n]": AwsEntry,
    "bedrock.guardrail": GuardrailEntry,
    "azure.accounts[n]": AzureEntry,
    "foundry.accounts[n]": FoundryEntry,
}


def setting_names(section: type[Section]) -> list[str]:
    """As they stand in the file."""
    return list(section.__struct_encode_fields__)
