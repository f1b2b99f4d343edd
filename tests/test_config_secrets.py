"""Whatever is written in the settings, there comes a `Config` or a `ConfigError`, and no secret is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge import config_file
from oai_bridge.config import Config, ConfigError, build_config, load_config
from tests.support.google_keys import entry, info

SECTIONS: list[type[config_file.Section]] = [
    config_file.Document,
    config_file.Account,
    *config_file.SECTIONS.values(),
]
KNOWN = sorted({fact.encode_name for section in SECTIONS for fact in msgspec.structs.fields(section)})
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.dates()
VALUES = st.recursive(
    SCALARS | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN) | SCALARS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = VALUES | st.dictionaries(st.sampled_from(sorted(config_file.SECTIONS)), VALUES, max_size=5)

NAMES = [
    *("GCP_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "ANTHROPIC_VERTEX_PROJECT_ID", "ANTHROPIC_VERTEX_BASE_URL"),
    *("PORT", "BIND_ADDRESS", "GATEKEEPER", "PROXY_KEY", "PROXY_ENDPOINT_ROUTE", "LOG_LEVEL", "SERVER_TITLE"),
    *("MAX_OUTPUT_TOKENS_ANTHROPIC", "CLOUD_ML_REGION", "HTTPS_PROXY", "all_proxy", "no_proxy", "SSL_CERT_FILE"),
]
TEXTS = st.text(max_size=30) | st.sampled_from([entry(), json.dumps(info()), "proxy_key", "https://h/v1", "my-project"])


def test_arbitrary_settings_give_a_config_or_a_config_error() -> None:
    built = 0

    @settings(max_examples=500)
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
    lambda secret: [secret],
    lambda secret: [[secret]],
    lambda secret: [{f"{secret}:": secret}],
    lambda secret: {"a": secret},
    lambda secret: {f"{secret}/": 1},
    lambda secret: secret.encode(),
    lambda secret: secret * 100,
]
PLACES: list[Callable[[Any], object]] = [
    lambda value: {"server": {"client_keys": value}},
    lambda value: {"server": {"client_keys": ["k", value]}},
    lambda value: {"vertex": value},
    lambda value: {"vertex": {"accounts": value}},
    lambda value: {"vertex": {"accounts": [value]}},
    lambda value: {"vertex": {"accounts": [{"credentials": value}]}},
    lambda value: {"vertex": {"base_url": value}},
    lambda value: {"network": value},
    lambda value: {"network": {"proxy": value}},
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("shape", SHAPES)
def test_no_secret_of_a_document_is_told(shape: Callable[[str], Any], place: Callable[[Any], object]) -> None:
    with suppress(ConfigError):
        try:
            config = build_config(place(shape(CANARY)), {}, {})
            assert CANARY not in repr(config.told)
        except ConfigError as error:
            assert CANARY not in str(error)
            raise


@pytest.mark.parametrize(
    "name", ["GCP_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "PROXY_KEY", "HTTPS_PROXY", "ADMIN_KEY"]
)
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if isinstance(shape(CANARY), str)])
def test_no_secret_of_a_name_is_told(shape: Callable[[str], Any], name: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(f"{name}={shape(CANARY)}\nGATEKEEPER=proxy_key".encode())
    try:
        config = load_config(None, {"GATEKEEPER": "none", name: shape(CANARY)}, [tmp_path])
        assert CANARY not in repr(config.told)
    except ConfigError as error:
        assert CANARY not in str(error).replace(f"file {shape(CANARY)} can't", "")  # a path is told
