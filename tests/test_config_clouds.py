"""Tests for `build_config`: accounts and settings of AWS, Azure and Foundry, from every place, and who comes first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.settings.config import build_config, load_config
from oai_bridge.settings.values import (
    AwsAccount,
    AwsApiKey,
    AwsKeys,
    AwsLogin,
    Azure,
    AzureAccount,
    AzureKey,
    Bedrock,
    Config,
    ConfigError,
    EntraLogin,
    Foundry,
    FoundryAccount,
    Guardrail,
    OpenAI,
)

ONE, CLAUDE = "https://one.openai.azure.com", "https://one.services.ai.azure.com/anthropic"
KEYS = AwsKeys("AKIDEXAMPLE", "s/3+")
AWS_STRING = {"AWS_CREDENTIALS": "AKIDEXAMPLE:s/3+:us-east-1"}
AWS_NAMES = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s/3+", "AWS_REGION": "us-west-2"}


def build(
    document: object = None, environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None
) -> Config:
    return build_config(document, environment or {}, dotenv or {})


def complaint(document: object = None, environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        build(document, environment)
    return str(caught.value)


def test_everything_said() -> None:
    config = build(
        {
            "bedrock": {
                "accounts": [{"region": "us-east-1", "api_key": "k"}],
                "base_url": "https://vpce.example/",
                "mantle_url": "https://mantle.example",
                "api": "converse",
                "anthropic_version": "b",
                "profiles": "global",
                "guardrail": {"id": "ab12", "version": 3},
                "service_tier": "priority",
            },
            "azure": {
                "accounts": [
                    {"resource": "one", "api_key": "k", "deployments": ["gpt-4o"], "api_version": "2024-10-21"},
                ]
            },
            "foundry": {
                "accounts": [{"resource": "one", "api_key": "k"}],
                "deployments": {"claude-sonnet-4-5": "mine"},
                "anthropic_version": "f",
            },
            "openai": {"max_output_tokens": 7},
        }
    )
    assert config == Config(
        bedrock=Bedrock(
            accounts=(AwsAccount("us-east-1", AwsApiKey("k")),),
            base_url="https://vpce.example",
            mantle_url="https://mantle.example",
            api="converse",
            anthropic_version="b",
            profiles="global",
            guardrail=Guardrail("ab12", "3"),
            service_tier="priority",
        ),
        azure=Azure((AzureAccount(ONE, AzureKey("k"), {"gpt-4o": "gpt-4o"}, "2024-10-21"),)),
        foundry=Foundry((FoundryAccount(CLAUDE, AzureKey("k")),), "f", {"claude-sonnet-4-5": "mine"}),
        openai=OpenAI(7),
        told=("bedrock.anthropic_version changes no chat with bedrock.api (converse): only the door invoke sends it.",),
    )
    assert not config.demo


@pytest.mark.parametrize(
    ("accounts", "environment", "dotenv", "expected"),
    [
        ([], {}, {}, []),
        ([], AWS_NAMES, {}, []),  # a machine's own login alone does not switch Bedrock on
        ([], {"AWS_REGION": "nonsense", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://x"}, {}, []),
        ([{}], AWS_NAMES, {}, [AwsAccount("us-west-2", AwsLogin())]),
        ([{"region": "eu-west-1"}], AWS_NAMES, {}, [AwsAccount("eu-west-1", AwsLogin())]),
        ([], {}, AWS_NAMES, [AwsAccount("us-west-2", KEYS)]),
        ([], {"AWS_DEFAULT_REGION": "eu-west-1"}, AWS_NAMES, [AwsAccount("eu-west-1", KEYS)]),
        ([], AWS_STRING, AWS_STRING, [AwsAccount("us-east-1", KEYS)]),
        (
            [
                {"profile": "work"},
                {"profile": "work"},
                {"region": "us-east-1", "access_key_id": "A", "secret_access_key": "B"},
            ],
            {"AWS_BEARER_TOKEN_BEDROCK": "k", **AWS_STRING},
            {"AWS_REGION": "eu-west-1", "AWS_CREDENTIALS": "A:B:us-east-1"},
            [
                AwsAccount("eu-west-1", AwsLogin("work")),
                AwsAccount("us-east-1", AwsKeys("A", "B")),
                AwsAccount("eu-west-1", AwsApiKey("k")),
                AwsAccount("us-east-1", KEYS),
            ],
        ),
    ],
)
def test_aws_accounts(
    accounts: list[Any], environment: dict[str, str], dotenv: dict[str, str], expected: list[AwsAccount]
) -> None:
    config = build({"bedrock": {"accounts": accounts}}, environment, dotenv)
    assert list(config.bedrock.accounts) == expected
    assert config.demo is not bool(expected)


@pytest.mark.parametrize(
    ("accounts", "environment", "expected"),
    [
        ([], {"OPENAI_API_VERSION": "2024-10-21"}, []),
        ([], {"AZURE_OPENAI_ENDPOINT": ONE}, [AzureAccount(ONE, EntraLogin())]),
        (
            [{"resource": "one"}, {"endpoint": f"{ONE}/"}],
            {"AZURE_OPENAI_ENDPOINT": f"{ONE}/openai", "AZURE_OPENAI_API_KEY": "k"},
            [AzureAccount(ONE, AzureKey("k"))],
        ),
        (
            [{"deployments": {"gpt-4o": "mine"}}],
            {"AZURE_OPENAI_ENDPOINT": ONE, "OPENAI_API_VERSION": "2024-10-21", "AZURE_CREDENTIALS": "one:d:k"},
            [
                AzureAccount(ONE, EntraLogin(), {"gpt-4o": "mine"}, "2024-10-21"),
                AzureAccount(ONE, AzureKey("k"), {"d": "d"}, "2024-10-21"),
            ],
        ),
    ],
)
def test_azure_accounts(accounts: list[Any], environment: dict[str, str], expected: list[AzureAccount]) -> None:
    for config in (
        build({"azure": {"accounts": accounts}}, environment),
        build({"azure": {"accounts": accounts}}, {}, environment),
    ):
        assert list(config.azure.accounts) == expected
        assert config.demo is not bool(expected)


@pytest.mark.parametrize(
    ("accounts", "environment", "expected"),
    [
        ([], {}, []),
        ([], {"ANTHROPIC_FOUNDRY_RESOURCE": "one"}, [FoundryAccount(CLAUDE, EntraLogin())]),
        (
            [{"resource": "one"}, {"base_url": CLAUDE}, {"base_url": "https://gate.example/claude", "api_key": "own"}],
            {"ANTHROPIC_FOUNDRY_BASE_URL": f"{CLAUDE}/v1", "ANTHROPIC_FOUNDRY_API_KEY": "k"},
            [FoundryAccount(CLAUDE, AzureKey("k")), FoundryAccount("https://gate.example/claude", AzureKey("own"))],
        ),
    ],
)
def test_foundry_accounts(accounts: list[Any], environment: dict[str, str], expected: list[FoundryAccount]) -> None:
    for config in (
        build({"foundry": {"accounts": accounts}}, environment),
        build({"foundry": {"accounts": accounts}}, {}, environment),
    ):
        assert list(config.foundry.accounts) == expected
        assert config.demo is not bool(expected)


def test_single_values_of_the_environment_come_before_those_of_the_file() -> None:
    document = {"bedrock": {"base_url": "https://file"}, "openai": {"max_output_tokens": 1}}
    names = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://name", "MAX_OUTPUT_TOKENS_OPENAI": "2"}
    for config in (build(document, names), build(document, {}, names)):
        assert (config.bedrock.base_url, config.openai.max_output_tokens) == ("https://name", 2)
        assert config.told == ()
    config = build(document)
    assert (config.bedrock.base_url, config.openai.max_output_tokens) == ("https://file", 1)


def test_what_is_left_over_is_told() -> None:
    config = build(
        None,
        {"AZURE_OPENAI_API_KEY": "k"},
        {"AWS_PROFILE": "x", "AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "us-east-1"},
    )
    assert config.told == (
        "Ignored because of AWS_BEARER_TOKEN_BEDROCK in .env: AWS_PROFILE in .env.",
        "Ignored without AZURE_OPENAI_ENDPOINT: AZURE_OPENAI_API_KEY in the environment.",
    )


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"AWS_CREDENTIALS": "x"}, "AWS_CREDENTIALS in the environment, entry 1 of 1 is not of the form"),
        ({"MAX_OUTPUT_TOKENS_OPENAI": "many"}, "MAX_OUTPUT_TOKENS_OPENAI in the environment must be a whole number"),
        ({"AZURE_CREDENTIALS": "x"}, "AZURE_CREDENTIALS in the environment, entry 1 of 1 is not of the form"),
    ],
)
def test_wrong_names_are_told_with_their_place(environment: dict[str, str], sentence: str) -> None:
    message = complaint(environment=environment)
    assert message.startswith(sentence) and "\n" not in message


TOKEN = "AWS_BEARER_TOKEN_BEDROCK"
RUNTIME = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({TOKEN: "k"}, f"Bedrock stays off, since {TOKEN} in the environment names no region: add one such as"),
        (
            {TOKEN: "k", "AWS_REGION": "nowhere"},
            "Bedrock stays off, since AWS_REGION in the environment ('nowhere') is not a region of AWS: use one such",
        ),
        ({TOKEN: "a b", "AWS_REGION": "us-east-1"}, f"Bedrock stays off, since {TOKEN} in the environment must be"),
        ({RUNTIME: "http://x"}, f"Bedrock stays off, since {RUNTIME} in the environment must be a URL such as"),
        (
            {RUNTIME: "http://x", TOKEN: "k", "AWS_REGION": "us-east-1"},
            f"Bedrock stays off, since {RUNTIME} in the environment must be a URL such as",
        ),
        (
            {"AZURE_OPENAI_ENDPOINT": "x"},
            "Azure OpenAI stays off, since AZURE_OPENAI_ENDPOINT in the environment must be a URL such as",
        ),
        (
            {"OPENAI_API_VERSION": "x"},
            "Azure OpenAI stays off, since OPENAI_API_VERSION in the environment is not a version of Azure's API",
        ),
        (
            {"ANTHROPIC_FOUNDRY_RESOURCE": "one", "ANTHROPIC_FOUNDRY_BASE_URL": CLAUDE},
            "Azure AI Foundry stays off, since ANTHROPIC_FOUNDRY_RESOURCE in the environment and ",
        ),
    ],
)
def test_names_of_another_program_stop_nobody(environment: dict[str, str], sentence: str) -> None:
    config = build({"vertex": {"accounts": [{"project": "p"}]}}, environment)
    (told,) = config.told
    assert told.startswith(sentence) and told.endswith(".")
    assert {cloud for cloud, accounts in config.accounts.items() if accounts} == {"google"}


@pytest.mark.parametrize(
    ("document", "environment", "dotenv", "sentence"),
    [
        ({"accounts": [{}]}, {TOKEN: "k"}, {}, "bedrock.accounts[0] names no region: add one such as"),
        ({"accounts": [{}]}, {TOKEN: "a b"}, {}, f"{TOKEN} in the environment must be ASCII letters"),
        ({"accounts": [{}]}, {RUNTIME: "http://x"}, {}, f"{RUNTIME} in the environment must be a URL such as"),
        ({}, {RUNTIME: "http://x", **AWS_STRING}, {}, f"{RUNTIME} in the environment must be a URL such as"),
        ({}, {}, {RUNTIME: "http://x"}, f"{RUNTIME} in .env must be a URL such as"),
        ({}, {}, {TOKEN: "a b"}, f"{TOKEN} in .env must be ASCII letters"),
        ({}, {"AWS_CREDENTIALS": "a:b", "AWS_REGION": "nowhere"}, {}, "AWS_REGION in the environment ('nowhere') is"),
    ],
)
def test_what_an_account_of_this_program_needs_has_to_be_right(
    document: dict[str, Any], environment: dict[str, str], dotenv: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"bedrock": document}, environment, dotenv)
    assert str(caught.value).startswith(sentence) and "\n" not in str(caught.value)


def test_everything_wrong_is_told_at_once() -> None:
    document = {
        "bedrock": {"accounts": [{"region": "x"}, {"api_key": "a b"}], "api": "x", "guardrail": {}},
        "azure": {"accounts": [{}]},
        "foundry": {"accounts": [{}], "deployments": {"m": "/"}},
    }
    with pytest.raises(ConfigError) as caught:
        build(document, {"AWS_CREDENTIALS": "x,y"}, {"OPENAI_API_VERSION": "x"})
    lines = str(caught.value).splitlines()
    assert sorted(line.split()[0].rstrip(",") for line in lines) == [
        *(
            "AWS_CREDENTIALS",
            "AWS_CREDENTIALS",
            "OPENAI_API_VERSION",
            "azure.accounts[0]",
            "bedrock.accounts[0].region",
        ),
        *("bedrock.accounts[1].api_key", "bedrock.api", "bedrock.guardrail.id", "foundry.accounts[0]"),
        "foundry.deployments",
    ]


def test_versions_need_no_quotes_in_the_file(tmp_path: Path) -> None:
    text = "azure: {accounts: [{resource: one, api_version: 2024-10-21}]}\nfoundry: {anthropic_version: 2023-06-01}"
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    config = load_config(None, {}, [tmp_path])
    assert config.azure.accounts == (AzureAccount(ONE, EntraLogin(), api_version="2024-10-21"),)
    assert config.foundry.anthropic_version == "2023-06-01"


def test_no_secret_in_the_repr() -> None:
    document = {
        "bedrock": {"accounts": [{"region": "us-east-1", "api_key": "canary"}]},
        "azure": {"accounts": [{"resource": "one", "api_key": "canary"}]},
        "foundry": {"accounts": [{"resource": "one", "api_key": "canary"}]},
    }
    config = build(document, {"AWS_CREDENTIALS": "ASIAX:canary:us-east-1:canary", "AZURE_CREDENTIALS": "two:d:canary"})
    clouds = (config.bedrock, config.azure, config.foundry)
    assert "canary" not in repr(config) + "".join(account.label for cloud in clouds for account in cloud.accounts)


@pytest.mark.parametrize("api", ["invoke", "messages", "mantle", "converse"])
def test_a_version_that_changes_no_chat_is_told(api: str) -> None:
    told = build_config({"bedrock": {"api": api, "anthropic_version": "bedrock-2023-05-31"}}, {}, {}).told
    sentence = f"bedrock.anthropic_version changes no chat with bedrock.api ({api}): only the door invoke sends it."
    assert told == (() if api == "invoke" else (sentence,))
    assert build_config({"bedrock": {"api": api}}, {}, {}).told == ()
    assert build_config({"bedrock": {"anthropic_version": "bedrock-2023-05-31"}}, {}, {}).told == ()


@pytest.mark.parametrize("api", ["messages", "mantle"])
def test_a_guardrail_that_would_not_guard_is_refused(api: str) -> None:
    section = {"api": api, "guardrail": {"id": "ab12cd34ef56"}, "service_tier": "flex"}
    with pytest.raises(ConfigError) as raised:
        build_config({"bedrock": section}, {}, {})
    for name in ("guardrail", "service_tier"):
        assert f"bedrock.{name} has no effect with bedrock.api ({api})" in str(raised.value)
    for able in ("invoke", "converse"):
        assert build_config({"bedrock": {**section, "api": able}}, {}, {}).bedrock.guardrail is not None
