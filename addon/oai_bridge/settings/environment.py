"""The names in the environment and in a `.env` file that are settings here; those that are not used are told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..outward.network import proxy_address
from .aws_accounts import AwsNames, read_aws
from .azure_accounts import AzureNames, read_azure, read_foundry
from .google_sources import accounts_in_string, source_from
from .names import Names
from .values import ConfigError, CredentialFile, Given, GoogleAccount, ServiceAccount

# name -> (section of config.yaml, setting there)
_SINGLE = {
    "PORT": ("server", "port"),
    "BIND_ADDRESS": ("server", "host"),
    "PROXY_ENDPOINT_ROUTE": ("server", "prefix"),
    "SERVER_TITLE": ("server", "title"),
    "LOG_LEVEL": ("server", "log_level"),
    "MAX_OUTPUT_TOKENS_ANTHROPIC": ("claude", "max_output_tokens"),
    "MAX_OUTPUT_TOKENS_OPENAI": ("openai", "max_output_tokens"),
    "TEXT_MODEL_RATE_LIMIT": ("limits", "requests_per_minute"),
    "ANTHROPIC_VERTEX_BASE_URL": ("vertex", "base_url"),
    "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": ("bedrock", "base_url"),
}
_CLOUDS = ("vertex", "bedrock")  # the sections whose names the clouds' own tools read, too
_CA_FILE = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_DONE_ANYWAY = ("SHOW_TOKEN_COSTS",)
# What else oai-reverse-proxy reads (its .env.example and src/config.ts) and nothing here does.
_FOREIGN_NAMES = """
    ADMIN_KEY ADMIN_WHITELIST ALLOWED_MODEL_FAMILIES ALLOWED_VISION_SERVICES ALLOW_AWS_LOGGING
    ALLOW_IMAGE_PROMPTS ALLOW_NICKNAME_CHANGES ALLOW_OPENAI_TOOL_USAGE ANTHROPIC_KEY BLOCKED_ORIGINS
    BLOCK_MESSAGE BLOCK_REDIRECT CAPTCHA_MODE CHECK_KEYS COOKIE_SECRET FIREBASE_KEY FIREBASE_RTDB_URL
    GATEKEEPER_STORE GOOGLE_AI_KEY GOOGLE_SHEETS_KEY GOOGLE_SHEETS_SPREADSHEET_ID IMAGE_MODEL_RATE_LIMIT
    IP_BLACKLIST MAX_CONTEXT_TOKENS_ANTHROPIC MAX_CONTEXT_TOKENS_OPENAI MAX_IPS_AUTO_BAN MAX_IPS_PER_USER
    MAX_OUTPUT_TOKENS MISTRAL_AI_KEY MODEL_RATE_LIMIT NODE_ENV NUMBER_OF_IMAGES OPENAI_KEY POW-DIFFICULTY_LEVEL
    POW_DIFFICULTY_LEVEL POW_TOKEN_HOURS POW_TOKEN_MAX_IPS PROMPT_LOGGING PROMPT_LOGGING_BACKEND
    PROMPT_LOGGING_FILE_PREFIX PUBLIC_JSON_INFO QUOTA_REFRESH_PERIOD REJECT_MESSAGE REJECT_PHRASES
    SERVICE_INFO_PASSWORD SHOW_RECENT_IMAGES SIGNING_KEY STATIC_SERVICE_INFO TOKENS_PUNISHMENT_FACTOR
    TRUSTED_PROXIES UNAUTHORIZED_MESSAGE USE_INSECURE_COOKIES
"""
_FOREIGN = frozenset(_FOREIGN_NAMES.split())
_FOREIGN_PREFIX = "TOKEN_QUOTA_"  # one per model family


@dataclass(frozen=True, slots=True)
class FromNames:
    """What the names say. `google` is GOOGLE_APPLICATION_CREDENTIALS; `accounts` are those of GCP_CREDENTIALS."""

    given: tuple[Given, ...]
    accounts: tuple[GoogleAccount, ...]
    google: CredentialFile | ServiceAccount | None
    google_where: str
    aws: AwsNames
    azure: AzureNames
    foundry: AzureNames
    key_demanded: str | None  # where GATEKEEPER=proxy_key stands
    vertex_project: str | None  # ANTHROPIC_VERTEX_PROJECT_ID: names Vertex
    vertex_is_ours: bool  # whether that stands in `.env`
    fallback_project: str | None  # GOOGLE_CLOUD_PROJECT: names it only for those who want Vertex anyway
    region: str | None
    proxies: Mapping[str, str] = field(repr=False)
    no_proxy: str | None
    ca_file: str | None
    told: tuple[str, ...]


def read_names(
    environment: Mapping[str, str], dotenv: Mapping[str, str], folder: Path, problems: list[str]
) -> FromNames:
    """Everything that the two say, the environment before `.env` (whose `folder` its relative paths start from).

    Empty values count as missing. What is wrong adds sentences to `problems`.
    """
    names = Names(environment, dotenv, folder)
    told: list[str] = []
    placeholders = names.placeholders()

    given = []
    for name, (section, setting) in _SINGLE.items():
        if value := names.get(name):
            is_ours = value.is_ours or section not in _CLOUDS
            given.append(Given(section, setting, value.text, value.where, is_ours))
    key, key_demanded = _client_key(names, told)
    if key:
        given.append(key)

    accounts: list[GoogleAccount] = []
    for value in names.all("GCP_CREDENTIALS"):
        found, left_over = accounts_in_string(value.where, value.text, problems)
        accounts += found
        if left_over:
            placeholders.add("GCP_CREDENTIALS")
    google, google_where = _google(names, problems)
    aws = read_aws(names, placeholders, told, problems)
    azure = read_azure(names, placeholders, problems)
    foundry = read_foundry(names, problems)
    vertex_project = names.get("ANTHROPIC_VERTEX_PROJECT_ID")
    fallback_project = names.get("GOOGLE_CLOUD_PROJECT")
    region = names.get("CLOUD_ML_REGION")
    proxies, no_proxy, ca_file = _proxies(names, problems), names.lower_first("no_proxy"), _ca_file(names)

    told += _ignored(names, placeholders)
    return FromNames(
        given=tuple(given),
        accounts=tuple(accounts),
        google=google,
        google_where=google_where,
        aws=aws,
        azure=azure,
        foundry=foundry,
        key_demanded=key_demanded,
        vertex_project=vertex_project.text if vertex_project else None,
        vertex_is_ours=vertex_project is not None and vertex_project.is_ours,
        fallback_project=fallback_project.text if fallback_project else None,
        region=region.text if region else None,
        proxies=proxies,
        no_proxy=no_proxy.text if no_proxy else None,
        ca_file=ca_file,
        told=tuple(told),
    )


def _client_key(names: Names, told: list[str]) -> tuple[Given | None, str | None]:
    """PROXY_KEY, unless GATEKEEPER=none says that nobody is asked for it; and where a key is asked for, if it is."""
    gatekeeper = names.get("GATEKEEPER")
    key = names.get("PROXY_KEY")
    mode = gatekeeper.text.lower() if gatekeeper else None
    if mode == "none":
        if key:
            told.append(
                "Ignored because of GATEKEEPER=none: PROXY_KEY; set GATEKEEPER=proxy_key to ask clients for it."
            )
        return None, None
    if gatekeeper and mode != "proxy_key":
        told.append(f"Ignored, not known here: {gatekeeper.where}; set GATEKEEPER=proxy_key with a PROXY_KEY.")
    given = Given("server", "client_keys", [key.text], key.where) if key else None
    return given, gatekeeper.where if gatekeeper and mode == "proxy_key" else None


def _google(names: Names, problems: list[str]) -> tuple[CredentialFile | ServiceAccount | None, str]:
    value = names.get("GOOGLE_APPLICATION_CREDENTIALS")
    if value is None:
        return None, ""
    try:
        return source_from(value.where, value.text, value.folder), value.where
    except ConfigError as error:
        problems.append(str(error))
        return None, value.where


def _proxies(names: Names, problems: list[str]) -> dict[str, str]:
    proxies = {}
    for kind in ("http", "https", "all"):
        if value := names.lower_first(f"{kind}_proxy"):
            try:
                proxies[kind] = proxy_address(value.where, value.text)
            except ConfigError as error:
                problems.append(str(error))
    return proxies


def _ca_file(names: Names) -> str | None:
    value = names.get(*_CA_FILE)
    if value is None:
        return None
    path = os.path.expanduser(value.text)
    return path if value.folder is None else str(value.folder / path)


def _is_foreign(name: str) -> bool:
    return name in _FOREIGN or name.startswith(_FOREIGN_PREFIX)


def _ignored(names: Names, placeholders: set[str]) -> list[str]:
    told = []
    if placeholders:
        told.append(f"Ignored, still the placeholder of an example file: {', '.join(sorted(placeholders))}.")
    rest = sorted(names.set_names() - placeholders)
    if done := [name for name in rest if name in _DONE_ANYWAY]:
        told.append(f"Ignored, since the status page always tells the cost: {', '.join(done)}.")
    if foreign := [name for name in rest if _is_foreign(name)]:
        told.append(f"Ignored, settings of oai-reverse-proxy without a counterpart here: {', '.join(foreign)}.")
    slips = {name: meant for name, meant in names.slips().items() if not _is_foreign(name) and name not in _DONE_ANYWAY}
    told += [f"Ignored, not known here: {name} in .env; did you mean {meant}?" for name, meant in slips.items()]
    return told
