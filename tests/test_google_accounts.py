"""Tests for google_accounts.py: the regions and models of the accounts of config.yaml, and the names beside them."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.settings.config import build_config
from oai_bridge.settings.values import AmbientLogin, ConfigError, CredentialFile, GoogleAccount, ServiceAccount
from tests.support.google_keys import entry, info

ADC, FILE, KEY = AmbientLogin(), CredentialFile("k.json"), ServiceAccount(info())
PREFERRED = ["us-east5", "global", "us-east5", "eu"]
TUTORIAL = ServiceAccount({key: value for key, value in info().items() if key != "private_key_id"})


@pytest.mark.parametrize(
    ("written", "environment", "expected"),
    [
        ({"regions": ["eu"]}, {}, [GoogleAccount(None, "eu", ADC)]),
        (
            {"regions": PREFERRED, "project": "p"},
            {"CLOUD_ML_REGION": "us"},
            [
                GoogleAccount("p", "us-east5", ADC, rank=0),
                GoogleAccount("p", "global", ADC, rank=1),
                GoogleAccount("p", "eu", ADC, rank=2),
            ],
        ),
        (
            {"regions": ["eu", "us"], "region": "", "models": ["claude-*", "gemini-*", "claude-*"]},
            {"GOOGLE_CLOUD_PROJECT": "p"},
            [
                GoogleAccount("p", "eu", ADC, ("claude-*", "gemini-*"), 0),
                GoogleAccount("p", "us", ADC, ("claude-*", "gemini-*"), 1),
            ],
        ),
        (
            {"credentials": info(), "regions": ["eu", "us"], "models": ["x"]},
            {},
            [GoogleAccount("my-project", "eu", KEY, ("x",), 0), GoogleAccount("my-project", "us", KEY, ("x",), 1)],
        ),
        ({"models": ["x"]}, {"CLOUD_ML_REGION": "us"}, [GoogleAccount(None, "us", ADC, ("x",))]),
        ({"models": [], "region": "eu"}, {}, [GoogleAccount(None, "eu", ADC)]),
        # the credential of the names is in use, and not one more
        (
            {"regions": ["eu", "us"], "models": ["x"]},
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"},
            [GoogleAccount(None, "eu", FILE, ("x",), 0), GoogleAccount(None, "us", FILE, ("x",), 1)],
        ),
        # what others say has all models, in its own region
        (
            {"credentials": "adc", "regions": ["eu"], "models": ["x"]},
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json", "GCP_CREDENTIALS": entry()},
            [
                GoogleAccount(None, "eu", ADC, ("x",)),
                GoogleAccount(None, "global", FILE),
                GoogleAccount("my-project", "us-east5", TUTORIAL),
            ],
        ),
    ],
)
def test_regions_and_models(
    written: dict[str, Any], environment: dict[str, str], expected: list[GoogleAccount]
) -> None:
    config = build_config({"vertex": {"accounts": [written]}}, environment, {})
    assert list(config.vertex.accounts) == expected


FIRST = "vertex.accounts[0]"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"regions": ["eu", "US"]}, f"{FIRST}.regions[1] ('US') is not a region: use one such as us-east5"),
        ({"regions": ["x" * 99]}, f"{FIRST}.regions[0] (what stands there) is not a region"),
        ({"regions": [""]}, f"{FIRST}.regions[0] ('') is not a region"),
        ({"regions": []}, f"{FIRST}.regions is empty: name a region there, or remove it."),
        ({"regions": ["eu"], "region": "eu"}, f"{FIRST} has region and regions: keep one of them."),
        ({"models": ["claude-*", " "]}, f"{FIRST}.models[1] (' ') is empty, unreadable or too long: use the id of"),
        # one sentence, though it holds in each region
        ({"regions": ["eu", "us"], "credentials": info(project_id=None)}, f"{FIRST} names no project: add its"),
    ],
)
def test_broken_entries_are_told(written: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_config({"vertex": {"accounts": [written, {"project": "p"}]}}, {}, {})
    message = str(caught.value)
    assert message.startswith(sentence) and message.endswith(".") and "\n" not in message
