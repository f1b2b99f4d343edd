"""Whatever is written in the settings, there comes a `Config` or a `ConfigError`, and no secret is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.settings import config_schema
from oai_bridge.settings.config import build_config, load_config
from oai_bridge.settings.values import Config, ConfigError
from tests.support.google_keys import entry, info

SECTIONS: list[type[config_schema.Section]] = [config_schema.Document, *config_schema.LEVELS.values()]
KNOWN = sorted({fact.encode_name for section in SECTIONS for fact in msgspec.structs.fields(section)})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
VALUES = st.recursive(
    SCALARS | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN) | SCALARS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = VALUES | st.dictionaries(st.sampled_from(sorted(config_schema.SECTIONS)), VALUES, max_size=5)

NAMES = [
    *("GCP_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "ANTHROPIC_VERTEX_PROJECT_ID", "ANTHROPIC_VERTEX_BASE_URL"),
    *("PORT", "BIND_ADDRESS", "GATEKEEPER", "PROXY_KEY", "PROXY_ENDPOINT_ROUTE", "LOG_LEVEL", "SERVER_TITLE"),
    *("MAX_OUTPUT_TOKENS_ANTHROPIC", "CLOUD_ML_REGION", "HTTPS_PROXY", "all_proxy", "no_proxy", "SSL_CERT_FILE"),
    *("AWS_CREDENTIALS", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_REGION", "AWS_PROFILE"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_CREDENTIALS", "AZURE_OPENAI_ENDPOINT"),
    *("AZURE_OPENAI_API_KEY", "OPENAI_API_VERSION", "ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_BASE_URL"),
    *("ANTHROPIC_FOUNDRY_API_KEY", "MAX_OUTPUT_TOKENS_OPENAI", "TEXT_MODEL_RATE_LIMIT"),
]
TEXTS = st.text(max_size=30) | st.sampled_from(
    [
        *(entry(), json.dumps(info()), "proxy_key", "https://h/v1", "my-project", "us-east-1", "2024-10-21"),
        *("AKIDEXAMPLE:s/3+:us-east-1", "one:gpt-4o:k3y,one:gpt-5:k3y", "https://one.openai.azure.com/openai/v1"),
    ]
)


def test_arbitrary_settings_give_a_config_or_a_config_error() -> None:
    built = 0

    @settings(max_examples=300, deadline=None)  # checking an RSA key takes 80 ms, and more on a busy machine
    @given(DOCUMENTS, st.dictionaries(st.sampled_from(NAMES), TEXTS), st.dictionaries(st.sampled_from(NAMES), TEXTS))
    def check(document: object, environment: dict[str, str], dotenv: dict[str, str]) -> None:
        nonlocal built
        try:
            assert isinstance(build_config(document, environment, dotenv), Config)
            built += 1
        except ConfigError as error:
            assert all(line.endswith((".", "?")) for line in str(error).splitlines())

    check()
    assert built  # else the test would only ever see refusals


CANARY = "Ca7nary"
SHAPES: list[Callable[[str], Any]] = [
    lambda secret: secret,
    lambda secret: f"{secret} {secret}",
    lambda secret: f"http://user:{secret}@host:port",
    lambda secret: f"ftp://user:{secret}@host",
    lambda secret: {"type": "service_account", "client_email": secret, "private_key": secret},
    lambda secret: json.dumps({"type": "service_account", "client_email": "x", "private_key": secret}),
    lambda secret: f"{{broken {secret}",
    lambda secret: f"-----BEGIN PRIVATE KEY-----\n{secret}",
    lambda secret: f"p:sa@x.example:{secret}:{secret}",
    lambda secret: f"{secret}:sa@x.example:eu:{secret},{secret}",
    lambda secret: f"{secret}:{secret}:us-east-1,AKIDEXAMPLE:{secret}:{secret},AKIDEXAMPLE:{secret}",
    lambda secret: f"one:{secret}/:{secret},{secret}_:d:{secret},one:d:{secret}\n{secret}",
    lambda secret: f"https://{secret}@one.openai.azure.com/openai/v1?key={secret}",
    lambda secret: [secret],
    lambda secret: [[secret]],
    lambda secret: [{f"{secret}:": secret}],
    lambda secret: {"a": secret},
    lambda secret: {f"{secret}/": 1},
    lambda secret: secret.encode(),
    lambda secret: secret * 100,
]


def _in_account(section: str, name: str, value: Any) -> object:
    return {section: {"accounts": [{name: value}]}}


PLACES: list[Callable[[Any], object]] = [
    lambda value: {"server": {"client_keys": value}},
    lambda value: {"server": {"client_keys": ["k", value]}},
    lambda value: {"vertex": value},
    lambda value: {"vertex": {"accounts": value}},
    lambda value: {"vertex": {"accounts": [value]}},
    lambda value: {"vertex": {"accounts": [{"credentials": value}]}},
    lambda value: {"vertex": {"base_url": value}},
    lambda value: {"bedrock": value},
    lambda value: {"bedrock": {"accounts": value}},
    lambda value: {"bedrock": {"accounts": [value]}},
    *(
        partial(_in_account, "bedrock", name)
        for name in ("api_key", "access_key_id", "secret_access_key", "session_token")
    ),
    lambda value: {"bedrock": {"accounts": [{"access_key_id": value, "secret_access_key": value}]}},
    lambda value: {"bedrock": {"accounts": [{"access_key_id": "ASIAX", "secret_access_key": value}]}},
    lambda value: {"bedrock": {"base_url": value}},
    lambda value: {"bedrock": {"guardrail": {"id": value}}},
    lambda value: {"azure": value},
    lambda value: {"azure": {"accounts": [value]}},
    *(partial(_in_account, "azure", name) for name in ("api_key", "endpoint", "resource")),
    lambda value: {"azure": {"accounts": [{"resource": "one", "api_key": value}]}},
    lambda value: {"foundry": value},
    lambda value: {"foundry": {"accounts": [value]}},
    *(partial(_in_account, "foundry", name) for name in ("api_key", "base_url", "resource")),
    lambda value: {"foundry": {"accounts": [{"resource": "one", "api_key": value}]}},
    lambda value: {"network": value},
    lambda value: {"network": {"proxy": value}},
]


def test_a_key_in_the_wrong_place_is_not_told() -> None:
    key = "AKIDEXAMPary-Ca7nary-Ca7nary"
    for document, environment in (
        ({}, {"PORT": key}),
        ({"bedrock": {"api": key}}, {}),
        ({"server": {"port": key}}, {}),
    ):
        with pytest.raises(ConfigError) as refused:
            build_config(document, environment, {})
        assert key not in str(refused.value) and str(refused.value).endswith("."), refused.value


@pytest.mark.parametrize("place", PLACES)
def test_no_secret_of_a_document_is_told(place: Callable[[Any], object]) -> None:
    refused = 0
    for shape in SHAPES:
        document = place(shape(CANARY))
        try:
            assert CANARY not in repr(build_config(document, {}, {}).told), document
        except ConfigError as error:
            assert CANARY not in str(error), document
            refused += 1
    assert refused  # else this place would be no test


@pytest.mark.parametrize(
    "name",
    [
        *("GCP_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "PROXY_KEY", "HTTPS_PROXY", "ADMIN_KEY"),
        *("AWS_CREDENTIALS", "AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AZURE_CREDENTIALS", "AZURE_OPENAI_API_KEY"),
        *("AZURE_OPENAI_ENDPOINT", "ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_FOUNDRY_BASE_URL"),
        *("ANTHROPIC_FOUNDRY_RESOURCE", "OPENAI_API_VERSION"),
    ],
)
def test_no_secret_of_a_name_is_told(name: str, tmp_path: Path) -> None:
    for text in (shape(CANARY) for shape in SHAPES if isinstance(shape(CANARY), str)):
        (tmp_path / ".env").write_bytes(f"{name}={text}\nGATEKEEPER=proxy_key".encode())
        try:
            config = load_config(None, {"GATEKEEPER": "none", name: text}, [tmp_path])
            assert CANARY not in repr(config.told), text
        except ConfigError as error:
            assert CANARY not in str(error).replace(f"file {text} can't", ""), text  # a path is told
