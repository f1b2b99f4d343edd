"""Tests for `build_config`: settings from everywhere in, one `Config` or clear sentences out."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from oai_bridge.settings.config import build_config
from oai_bridge.settings.values import (
    AmbientLogin,
    Claude,
    Config,
    ConfigError,
    CredentialFile,
    GoogleAccount,
    Network,
    ServiceAccount,
)
from tests.support.clients import unnamed
from tests.support.google_keys import entry, info

KEY = ServiceAccount(info())
STRONG = "3f1f6a0c9d7e4b2a8c5d1e0f9a7b6c4d"


def build(
    document: object = None, environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None
) -> Config:
    return build_config(document, environment or {}, dotenv or {})


def complaint(
    document: object = None, environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None
) -> str:
    with pytest.raises(ConfigError) as caught:
        build(document, environment, dotenv)
    return str(caught.value)


@pytest.mark.parametrize("document", [None, {}, {"server": None}, {"server": {}}, {"server": {"port": None}}])
def test_nothing_said_gives_the_defaults(document: object) -> None:
    assert build(document) == Config()
    assert Config().demo


def test_everything_said() -> None:
    document = {
        "server": {
            "host": "0.0.0.0",
            "port": 80,
            "client_keys": [STRONG],
            "allowed_hosts": ["Host.Docker.Internal."],
            "prefix": "api/",
            "title": "Mine",
            "log_level": "WARNING",
            "max_body_mb": 2,
            "strict": True,
            "answer_test_message": False,
        },
        "vertex": {
            "accounts": [{"project": "p-1", "region": "eu", "credentials": "adc"}],
            "base_url": "http://127.0.0.1:1/v1/",
            "anthropic_version": "v",
        },
        "claude": {
            "default_max_tokens": 1,
            "max_output_tokens": 2,
            "first_user_text": "a",
            "continue_text": "b",
            "names": False,
            "mid_system": "hoist",
        },
        "models": {"list": ["m"], "aliases": {"a": "b"}, "overrides": {"m": {"context": 1}}},
        "network": {"proxy": "p:1", "no_proxy": "n", "ca_file": "/ca.pem"},
    }
    assert build(document) == Config(
        host="0.0.0.0",
        port=80,
        clients=unnamed(STRONG),
        allowed_hosts=("host.docker.internal",),
        prefix="/api",
        title="Mine",
        log_level="warn",
        max_body=2 * 1024 * 1024,
        strict=True,
        answer_test_message=False,
        models=("m",),
        aliases={"a": "b"},
        model_overrides={"m": {"context": 1}},
        claude=Claude(1, 2, "a", "b", False, "hoist"),
        vertex=replace(
            Config().vertex,
            accounts=(GoogleAccount("p-1", "eu", AmbientLogin()),),
            base_url="http://127.0.0.1:1",
            anthropic_version="v",
        ),
        network=Network({"all": "http://p:1"}, "n", "/ca.pem"),
    )


# --- what is wrong


def test_everything_wrong_is_told_at_once() -> None:
    document = {"server": {"port": "x", "strict": 3, "tilte": ""}, "cloud": {}, "claude": {"mid_system": "x"}}
    lines = complaint(document, {"PORT": "y"}, {"GCP_CREDENTIALS": "rubbish"}).splitlines()
    starts = {line.split()[0] for line in lines}
    assert starts == {
        "server.port",
        "server.strict",
        "server.tilte",
        "cloud",
        "claude.mid_system",
        "PORT",
        "GCP_CREDENTIALS",
    }
    assert len(lines) == len(starts)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "http"}, "PORT in the environment must be a whole number from 0 to 65535, not 'http'."),
        ({"PORT": "65536"}, "PORT in the environment must be a whole number from 0 to 65535, not '65536'."),
        ({"PORT": "\u0661"}, "PORT in the environment must be a whole number"),
        ({"PORT": "9" * 5000}, "PORT in the environment must be a whole number"),
        ({"MAX_OUTPUT_TOKENS_ANTHROPIC": "0"}, "MAX_OUTPUT_TOKENS_ANTHROPIC in the environment must be a whole number"),
        ({"BIND_ADDRESS": "http://x"}, "BIND_ADDRESS in the environment must be an IP address"),
        ({"PROXY_KEY": "a b"}, "PROXY_KEY in the environment must hold keys of ASCII"),
        ({"GATEKEEPER": "proxy_key"}, "GATEKEEPER in the environment asks for a client key but there is none"),
        ({"HTTPS_PROXY": "ftp://x"}, "HTTPS_PROXY in the environment is not a usable proxy"),
        (
            {"GOOGLE_APPLICATION_CREDENTIALS": "{"},
            "GOOGLE_APPLICATION_CREDENTIALS in the environment is not valid JSON",
        ),
    ],
)
def test_wrong_names_are_told_with_their_place(environment: dict[str, str], sentence: str) -> None:
    message = complaint(environment=environment)
    assert sentence in message and "\n" not in message
    assert "in .env" in complaint(dotenv=environment) or "in the environment" not in sentence


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            {"ANTHROPIC_VERTEX_PROJECT_ID": "My"},
            "The project of ANTHROPIC_VERTEX_PROJECT_ID is not a Google Cloud project id",
        ),
        ({"ANTHROPIC_VERTEX_PROJECT_ID": "p", "CLOUD_ML_REGION": "US"}, "CLOUD_ML_REGION ('US') is not a region"),
        ({"ANTHROPIC_VERTEX_BASE_URL": "http://gate.example"}, "ANTHROPIC_VERTEX_BASE_URL in the environment must be"),
        (
            {"ANTHROPIC_VERTEX_BASE_URL": "http://gate.example", "ANTHROPIC_VERTEX_PROJECT_ID": "p"},
            "ANTHROPIC_VERTEX_BASE_URL in the environment must be",
        ),
    ],
)
def test_names_of_another_program_stop_nobody(names: dict[str, str], sentence: str) -> None:
    config = build(environment=names)
    (told,) = config.told
    assert told.startswith(f"Vertex AI stays off, since {sentence}") and config.vertex.accounts == ()
    assert sentence.replace("the environment", ".env") in complaint(dotenv=names)


@pytest.mark.parametrize(
    ("document", "environment", "dotenv"),
    [
        ({"vertex": {"accounts": [{"project": "p"}]}}, {}, {}),
        (None, {"GCP_CREDENTIALS": entry()}, {}),
        (None, {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"}, {}),
        (None, {}, {"ANTHROPIC_VERTEX_PROJECT_ID": "p"}),
    ],
)
def test_who_uses_vertex_ai_is_not_sent_elsewhere(
    document: object, environment: dict[str, str], dotenv: dict[str, str]
) -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_VERTEX_BASE_URL in the environment must be a URL"):
        build(document, {**environment, "ANTHROPIC_VERTEX_BASE_URL": "http://gate.example"}, dotenv)


@pytest.mark.parametrize(
    ("entry_", "sentence"),
    [
        ({"project": "My"}, "vertex.accounts[0].project ('My') is not a Google Cloud project id"),
        ({"region": "US"}, "vertex.accounts[0].region ('US') is not a region"),
        ({"region": "x" * 99}, "vertex.accounts[0].region (what stands there) is not a region"),
        ({"credentials": "{x"}, "vertex.accounts[0].credentials is not valid JSON"),
        ({"credentials": info(project_id=None)}, "vertex.accounts[0] names no project"),
    ],
)
def test_wrong_accounts_are_told(entry_: dict[str, Any], sentence: str) -> None:
    message = complaint({"vertex": {"accounts": [entry_]}})
    assert message.startswith(sentence) and "\n" not in message


# --- precedence and accounts


def test_environment_before_dotenv_before_file() -> None:
    document = {"server": {"port": 1, "title": "file", "client_keys": ["file"], "host": "127.0.0.3"}}
    config = build(document, {"PORT": "3"}, {"PORT": "2", "SERVER_TITLE": "dotenv", "PROXY_KEY": "dotenv"})
    assert (config.port, config.title, config.client_keys, config.host) == (3, "dotenv", ("dotenv",), "127.0.0.3")


def test_key_of_the_file_satisfies_the_gatekeeper() -> None:
    assert build({"server": {"client_keys": ["k"]}}, {"GATEKEEPER": "proxy_key"}).client_keys == ("k",)


def account(project: str | None, region: str, source: Any) -> GoogleAccount:
    return GoogleAccount(project, region, source)


ADC = AmbientLogin()
FILE = CredentialFile("k.json")
TUTORIAL = {"GCP_CREDENTIALS": entry()}
TUTORIAL_KEY = ServiceAccount({key: value for key, value in info().items() if key != "private_key_id"})


@pytest.mark.parametrize(
    ("accounts", "environment", "expected"),
    [
        ([], {}, []),
        ([], TUTORIAL, [account("my-project", "us-east5", TUTORIAL_KEY)]),
        ([], {"GCP_CREDENTIALS": f"{entry()},{entry()}"}, [account("my-project", "us-east5", TUTORIAL_KEY)]),
        ([], {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"}, [account(None, "global", FILE)]),
        (
            [],
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json", "CLOUD_ML_REGION": "eu"},
            [account(None, "eu", FILE)],
        ),
        (
            [],
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json", "ANTHROPIC_VERTEX_PROJECT_ID": "p"},
            [account("p", "global", FILE)],
        ),
        ([], {"GOOGLE_APPLICATION_CREDENTIALS": json.dumps(info())}, [account("my-project", "global", KEY)]),
        ([], {"ANTHROPIC_VERTEX_PROJECT_ID": "p"}, [account("p", "global", ADC)]),
        ([], {"ANTHROPIC_VERTEX_PROJECT_ID": "p", **TUTORIAL}, [account("my-project", "us-east5", TUTORIAL_KEY)]),
        ([], {"GOOGLE_CLOUD_PROJECT": "p"}, []),
        ([], {"CLOUD_ML_REGION": "eu"}, []),
        ([], {"CLOUD_ML_REGION": "nonsense"}, []),
        ([{}], {}, [account(None, "global", ADC)]),
        ([{}], {"GOOGLE_CLOUD_PROJECT": "p", "CLOUD_ML_REGION": "us"}, [account("p", "us", ADC)]),
        ([{"project": "q", "region": "eu"}], {"GOOGLE_CLOUD_PROJECT": "p"}, [account("q", "eu", ADC)]),
        ([{"credentials": "ADC"}], {"ANTHROPIC_VERTEX_PROJECT_ID": "p"}, [account("p", "global", ADC)]),
        ([{"credentials": "k.json"}], {}, [account(None, "global", FILE)]),
        ([{"credentials": info()}], {}, [account("my-project", "global", KEY)]),
        ([{"credentials": json.dumps(info())}], {}, [account("my-project", "global", KEY)]),
        (
            [{"credentials": base64.b64encode(json.dumps(info()).encode()).decode(), "project": "q"}],
            {},
            [account("q", "global", KEY)],
        ),
        (
            [
                {"project": "q", "region": "eu"}
            ],  # without credentials: the ones that are named, and they are no account more
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"},
            [account("q", "eu", FILE)],
        ),
        (
            [{"credentials": "adc", "project": "q"}],
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"},
            [account("q", "global", ADC), account(None, "global", FILE)],
        ),
        (
            [{"credentials": "l.json"}, {"credentials": "l.json"}],
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json", **TUTORIAL},
            [
                account(None, "global", CredentialFile("l.json")),
                account(None, "global", FILE),
                account("my-project", "us-east5", TUTORIAL_KEY),
            ],
        ),
    ],
)
def test_accounts(accounts: list[Any], environment: dict[str, str], expected: list[GoogleAccount]) -> None:
    config = build({"vertex": {"accounts": accounts}}, environment)
    assert list(config.vertex.accounts) == expected
    assert config.demo is not bool(expected)


# --- proxies


@pytest.mark.parametrize(
    ("network", "environment", "system", "expected"),
    [
        ({}, {}, {}, {}),
        ({"proxy": "a:1"}, {}, {"https": "s:1"}, {"all": "http://a:1"}),
        ({"proxy": "a:1"}, {"HTTPS_PROXY": "b:1"}, {}, {"all": "http://a:1", "https": "http://b:1"}),
        ({"proxy": "a:1"}, {"ALL_PROXY": "b:1"}, {}, {"all": "http://b:1"}),
        ({}, {"HTTP_PROXY": "b:1"}, {"https": "s:1"}, {"http": "http://b:1"}),
        ({}, {}, {"https": "http://s:1", "ftp": "http://s:2"}, {"https": "http://s:1"}),
        ({}, {}, {"http": "socks4://s:1", "https": "http://s:1"}, {"https": "http://s:1"}),
    ],
)
def test_proxies(
    network: dict[str, str], environment: dict[str, str], system: dict[str, str], expected: dict[str, str]
) -> None:
    config = build_config({"network": network}, environment, {}, system_proxies=system)
    assert config.network.proxies == expected
