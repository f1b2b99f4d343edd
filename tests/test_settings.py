"""Tests for settings.py: what values show of themselves."""

from __future__ import annotations

import pytest

from oai_bridge.settings.values import (
    AmbientLogin,
    AwsAccount,
    AwsApiKey,
    AzureAccount,
    AzureKey,
    Config,
    CredentialFile,
    FoundryAccount,
    Given,
    GoogleAccount,
    ServiceAccount,
    Vertex,
    shown,
)
from tests.support.clients import unnamed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "'x'"),
        (3, "3"),
        (True, "True"),
        ("x" * 38, f"'{'x' * 38}'"),
        ("x" * 39, "what stands there"),
        ([1], "what stands there"),
        pytest.param(16**5000, "what stands there", id="more digits than Python writes"),
        pytest.param([16**5000], "what stands there", id="a list of one such number"),
    ],
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text


KEY = ServiceAccount({"client_email": "sa@x.example", "private_key": "canary"})


LONG, SHORT = "6b2fcanary0f1a2b", "6b2fcanary01a2b"  # 16 characters, and one less


@pytest.mark.parametrize(
    ("account", "label"),
    [
        (GoogleAccount("p", "us-east5", KEY), "us-east5 · p (sa@x.example)"),
        (GoogleAccount(None, "eu", CredentialFile("folder/k.json")), "eu · the project of the credential (k.json)"),
        (GoogleAccount("p", "global", AmbientLogin()), "global · p (Application Default Credentials)"),
        (AwsAccount("us-east-1", AwsApiKey(LONG)), "us-east-1 · Bedrock API key …1a2b"),
        (AwsAccount("us-east-1", AwsApiKey(SHORT)), "us-east-1 · Bedrock API key"),
        (AzureAccount("https://a.openai.azure.com", AzureKey(LONG)), "a.openai.azure.com (API key …1a2b)"),
        (AzureAccount("https://a.openai.azure.com", AzureKey(SHORT)), "a.openai.azure.com (API key)"),
        (FoundryAccount("https://a.b/anthropic", AzureKey(LONG)), "a.b (API key …1a2b)"),
    ],
)
def test_labels(account: GoogleAccount | AwsAccount | AzureAccount | FoundryAccount, label: str) -> None:
    assert account.label == label


def test_secrets_are_not_in_the_repr() -> None:
    config = Config(clients=unnamed("canary"), vertex=Vertex((GoogleAccount("p", "eu", KEY),)))
    assert "canary" not in repr((config, Given("server", "client_keys", ["canary"], "x")))
    assert not config.demo and Config().demo
