"""Tests for azure_accounts.py: resources, deployments, versions, AZURE_CREDENTIALS, the SDKs' names; broken ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from anthropic import AnthropicFoundry
from hypothesis import given
from hypothesis import strategies as st
from openai import AzureOpenAI

from oai_bridge.settings.azure_accounts import (
    AzureNames,
    api_version_named,
    azure_accounts,
    credentials_in_string,
    deployments_named,
    foundry_accounts,
    read_azure,
    read_foundry,
)
from oai_bridge.settings.names import Names
from oai_bridge.settings.values import AzureAccount, AzureKey, ConfigError, EntraLogin, FoundryAccount

KEY = "6b2f0ccanary94a1d"
ONE, TWO = "https://one.openai.azure.com", "https://two.openai.azure.com"
CLAUDE = "https://one.services.ai.azure.com/anthropic"


def read(
    environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None
) -> tuple[AzureNames, AzureNames]:
    problems: list[str] = []
    names = Names(environment or {}, dotenv or {}, Path())
    found = read_azure(names, set(), problems), read_foundry(names, problems)
    assert problems == []
    return found


def told_of(environment: Mapping[str, str], dotenv: Mapping[str, str] | None = None) -> tuple[list[str], list[str]]:
    """What is told of names that make no account, and what stops the start."""
    told: list[str] = []
    problems: list[str] = []
    names = Names(environment, dotenv or {}, Path())
    assert azure_accounts([], read_azure(names, set(), problems), told, problems) == []
    assert foundry_accounts([], read_foundry(names, problems), told, problems) == []
    assert "canary" not in repr((told, problems))
    assert all("\n" not in each and each.endswith(".") for each in [*told, *problems])
    return told, problems


def accounts(names: AzureNames) -> list[AzureAccount]:
    """Those that the names make up by themselves."""
    told: list[str] = []
    problems: list[str] = []
    found = azure_accounts([], names, told, problems)
    assert (told, problems) == ([], [])
    return found


# --- AZURE_CREDENTIALS


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"one:gpt-4o:{KEY}", [(ONE, "gpt-4o")]),
        (f" 'One : gpt-4o : {KEY}' ", [(ONE, "gpt-4o")]),
        (f'"one":"gpt-4o":"{KEY}"', [(ONE, "gpt-4o")]),
        (f"one.openai.azure.com:gpt-4o:{KEY}", [(ONE, "gpt-4o")]),
        (f"https://one.openai.azure.com/:gpt-4o:{KEY}", [(ONE, "gpt-4o")]),
        (f"one:a:{KEY},\ntwo:B_1.2:{KEY},", [(ONE, "a"), (TWO, "B_1.2")]),
        ("", []),
    ],
)
def test_string(value: str, expected: list[tuple[str, str]]) -> None:
    problems: list[str] = []
    found, placeholders = credentials_in_string("AZURE_CREDENTIALS", value, problems)
    assert found == [(endpoint, AzureKey(KEY), deployment) for endpoint, deployment in expected]
    assert (placeholders, problems) == (0, [])


@pytest.mark.parametrize(
    "value",
    [
        "azure-resource-name:deployment-id:api-key",
        "another-azure-resource-name:another-deployment-id:another-api-key",
        "<resource>:<deployment>:<API key>",
        "my-resource:gpt-4o:your-api-key",
        "my-resource:gpt-4o:xxxxxxxx",
        f"https://your-resource.openai.azure.com:gpt-4o:{KEY}",
    ],
)
def test_stand_ins_are_no_accounts_and_real_ones_beside_them_count(value: str) -> None:
    problems: list[str] = []
    assert credentials_in_string("x", value, problems) == ([], 1)
    assert credentials_in_string("x", f"one:d:{KEY},{value}", problems) == ([(ONE, AzureKey(KEY), "d")], 1)
    assert problems == []
    placeholders: set[str] = set()
    read_azure(Names({"AZURE_CREDENTIALS": value}, {}, Path()), placeholders, [])
    assert placeholders == {"AZURE_CREDENTIALS"}


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (KEY, "x, entry 1 of 1 is not of the form <resource>:<deployment>:<API key>."),
        (f"one:{KEY}", "x, entry 1 of 1 is not of the form <resource>:<deployment>:<API key>."),
        (
            f"o_ne:d:{KEY}",
            "The resource of x, entry 1 of 1 is not the name of a resource: use the one that Azure shows, "
            "such as my-resource.",
        ),
        (
            f"one:canary/../d:{KEY}",
            "The deployment of x, entry 1 of 1 is not the name of a deployment: use the one that Azure shows, "
            "such as gpt-4o.",
        ),
        (
            "one:d:ca nary",
            "The key of x, entry 1 of 1 must be ASCII letters, digits and signs without spaces: copy it again.",
        ),
        ("one:d:", "The key of x, entry 1 of 1 must be ASCII letters, digits and signs without spaces: copy it again."),
    ],
)
def test_broken_entries_are_told_without_their_text(entry: str, sentence: str) -> None:
    problems: list[str] = []
    assert credentials_in_string("x", entry, problems) == ([], 0)
    assert problems == [sentence]


PIECES = st.sampled_from(["one", KEY, "gpt-4o", "https://", ".openai.azure.com", "<k>", ":", ",", '"', " ", "\n", "/"])


@given(st.lists(PIECES | st.text(max_size=4), max_size=12).map("".join))
def test_any_string_gives_accounts_or_sentences(value: str) -> None:
    problems: list[str] = []
    found, placeholders = credentials_in_string("x", value, problems)
    assert len(found) + len(problems) + placeholders <= value.count(",") + 1
    assert KEY not in repr(problems) and all(each.endswith(".") for each in problems)
    for endpoint, key, deployment in found:
        assert endpoint.isascii() and endpoint.startswith("https://") and endpoint.endswith(".openai.azure.com")
        assert "/" not in deployment and deployment.isprintable()
        assert key.key and all("!" <= char <= "~" for char in key.key)


def test_deployments_of_one_key_become_one_account() -> None:
    first = f"one:a:{KEY},two:a:{KEY},one:b:{KEY},one:a:{KEY},one:c:other"
    azure, _ = read({"AZURE_CREDENTIALS": first}, {"AZURE_CREDENTIALS": f"one:d:{KEY}"})
    assert accounts(azure) == [
        AzureAccount(ONE, AzureKey(KEY), {"a": "a", "b": "b", "d": "d"}),
        AzureAccount(TWO, AzureKey(KEY), {"a": "a"}),
        AzureAccount(ONE, AzureKey("other"), {"c": "c"}),
    ]


# --- the SDKs' names


@pytest.mark.parametrize(
    ("environment", "dotenv", "expected"),
    [
        ({}, {}, []),
        ({"AZURE_OPENAI_ENDPOINT": ONE, "AZURE_OPENAI_API_KEY": KEY}, {}, [AzureAccount(ONE, AzureKey(KEY))]),
        ({}, {"AZURE_OPENAI_ENDPOINT": f'"{ONE}/"', "AZURE_OPENAI_API_KEY": KEY}, [AzureAccount(ONE, AzureKey(KEY))]),
        ({"AZURE_OPENAI_ENDPOINT": ONE}, {}, [AzureAccount(ONE, EntraLogin())]),
        ({"AZURE_OPENAI_ENDPOINT": ONE}, {"AZURE_OPENAI_ENDPOINT": TWO}, [AzureAccount(ONE, EntraLogin())]),
        (
            {"AZURE_OPENAI_ENDPOINT": ONE, "OPENAI_API_VERSION": "2024-10-21", "AZURE_CREDENTIALS": f"two:d:{KEY}"},
            {},
            [
                AzureAccount(ONE, EntraLogin(), api_version="2024-10-21"),
                AzureAccount(TWO, AzureKey(KEY), {"d": "d"}, "2024-10-21"),
            ],
        ),
        ({"AZURE_OPENAI_ENDPOINT": ONE, "OPENAI_API_VERSION": "v1"}, {}, [AzureAccount(ONE, EntraLogin())]),
        ({"OPENAI_API_VERSION": "2024-10-21"}, {}, []),
        ({"AZURE_OPENAI_ENDPOINT": "https://your-resource.openai.azure.com/", "AZURE_OPENAI_API_KEY": "<key>"}, {}, []),
    ],
)
def test_names_of_openais_sdk(
    environment: dict[str, str], dotenv: dict[str, str], expected: list[AzureAccount]
) -> None:
    assert accounts(read(environment, dotenv)[0]) == expected


@pytest.mark.parametrize(
    ("environment", "dotenv", "expected"),
    [
        ({}, {}, []),
        ({"ANTHROPIC_FOUNDRY_RESOURCE": "One", "ANTHROPIC_FOUNDRY_API_KEY": KEY}, {}, [(CLAUDE, AzureKey(KEY))]),
        ({}, {"ANTHROPIC_FOUNDRY_RESOURCE": "one", "ANTHROPIC_FOUNDRY_API_KEY": KEY}, [(CLAUDE, AzureKey(KEY))]),
        ({"ANTHROPIC_FOUNDRY_BASE_URL": f"{CLAUDE}/"}, {}, [(CLAUDE, EntraLogin())]),
        (
            {"ANTHROPIC_FOUNDRY_BASE_URL": "https://gate.example/claude"},
            {"ANTHROPIC_FOUNDRY_API_KEY": KEY},
            [("https://gate.example/claude", AzureKey(KEY))],
        ),
        ({"ANTHROPIC_FOUNDRY_RESOURCE": "your-resource", "ANTHROPIC_FOUNDRY_API_KEY": "your-key"}, {}, []),
    ],
)
def test_names_of_anthropics_sdk(
    environment: dict[str, str], dotenv: dict[str, str], expected: list[tuple[str, Any]]
) -> None:
    problems: list[str] = []
    found = foundry_accounts([], read(environment, dotenv)[1], [], problems)
    assert found == [FoundryAccount(url, source) for url, source in expected]


@pytest.mark.parametrize("name", ["ANTHROPIC_FOUNDRY_RESOURCE", "ANTHROPIC_FOUNDRY_BASE_URL"])
def test_anthropics_sdk_goes_to_the_same_place(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    value = "one" if name.endswith("RESOURCE") else f"{CLAUDE}/"
    values = {name: value, "ANTHROPIC_FOUNDRY_API_KEY": KEY}
    for variable, text in values.items():
        monkeypatch.setenv(variable, text)
    with AnthropicFoundry() as client:
        assert str(client.base_url) == f"{read(values)[1].url}/"
        assert client.api_key == KEY


def test_openais_sdk_goes_to_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"AZURE_OPENAI_ENDPOINT": f"{ONE}/", "AZURE_OPENAI_API_KEY": KEY, "OPENAI_API_VERSION": "2024-10-21"}
    for variable, text in values.items():
        monkeypatch.setenv(variable, text)
    with AzureOpenAI() as client:
        (account,) = accounts(read(values)[0])
        assert str(client.base_url) == f"{account.endpoint}/openai/"
        assert client._api_version == account.api_version


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"AZURE_OPENAI_ENDPOINT": "http://canary.example"}, "AZURE_OPENAI_ENDPOINT in the environment must be a URL"),
        (
            {"AZURE_OPENAI_ENDPOINT": "one"},
            "AZURE_OPENAI_ENDPOINT in the environment must be a URL such as https://my-",
        ),
        ({"AZURE_OPENAI_API_KEY": "ca nary"}, "AZURE_OPENAI_API_KEY in the environment must be ASCII letters"),
        ({"OPENAI_API_VERSION": "canary"}, "OPENAI_API_VERSION in the environment is not a version of Azure's API"),
        ({"ANTHROPIC_FOUNDRY_RESOURCE": "ca.nary"}, "ANTHROPIC_FOUNDRY_RESOURCE in the environment is not the name of"),
        ({"ANTHROPIC_FOUNDRY_BASE_URL": "https://u:canary@h"}, "ANTHROPIC_FOUNDRY_BASE_URL in the environment must be"),
        ({"ANTHROPIC_FOUNDRY_API_KEY": "can\u00e4ry"}, "ANTHROPIC_FOUNDRY_API_KEY in the environment must be ASCII"),
        (
            {"ANTHROPIC_FOUNDRY_RESOURCE": "one", "ANTHROPIC_FOUNDRY_BASE_URL": CLAUDE},
            "ANTHROPIC_FOUNDRY_RESOURCE in the environment and ANTHROPIC_FOUNDRY_BASE_URL in the environment name the "
            "same thing: remove one of them.",
        ),
    ],
)
def test_broken_names_are_told(environment: dict[str, str], sentence: str) -> None:
    """In the environment they may be another program's, and stop nobody; in `.env` their form is to be right."""
    is_foundry = sentence.startswith("ANTHROPIC_FOUNDRY_")
    cloud = "Azure AI Foundry" if is_foundry else "Azure OpenAI"
    good = {} if is_foundry else {"AZURE_OPENAI_ENDPOINT": ONE, "AZURE_OPENAI_API_KEY": KEY}
    for names in (environment, {**good, **environment}):
        (told,), problems = told_of(names)
        assert told.startswith(f"{cloud} stays off, since {sentence}") and problems == []
    if "same thing" not in sentence:
        told_here, (problem,) = told_of({}, environment)
        assert problem.startswith(sentence.replace("the environment", ".env")) and told_here == []


def test_a_version_of_the_environment_that_accounts_need_has_to_be_right() -> None:
    problems: list[str] = []
    names = Names({"OPENAI_API_VERSION": "x", "AZURE_CREDENTIALS": f"one:d:{KEY}"}, {}, Path())
    read_azure(names, set(), problems)
    (problem,) = problems
    assert problem.startswith("OPENAI_API_VERSION in the environment is not a version of Azure's API")


# --- what people copy


@pytest.mark.parametrize(
    ("copied", "endpoint"),
    [
        *(
            (f"{ONE}{path}", ONE)
            for path in (
                *(
                    "",
                    "/",
                    "//",
                    "/openai",
                    "/openai/",
                    "//openai/",
                    "/openai/v1",
                    "/openai/v1/",
                    "/openai/v1/chat/completions",
                ),
                *(
                    "/openai/deployments",
                    "/openai/deployments/gpt-4o",
                    "/openai/responses?api-version=2025-04-01-preview",
                ),
                "/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview",
                *("/api/projects/my-project", "/api/projects"),
            )
        ),
        ("https://One.OpenAI.Azure.com/openai/v1/", ONE),
        ("https://gate.example/team/openai", "https://gate.example/team"),
        ("https://gate.example/openai/team", "https://gate.example/openai/team"),
        ("https://gate.example/openai-eu", "https://gate.example/openai-eu"),
        ("https://one.cognitiveservices.azure.com/", "https://one.cognitiveservices.azure.com"),
        ("http://127.0.0.1:8080/openai/v1", "http://127.0.0.1:8080"),
    ],
)
def test_copied_endpoints(copied: str, endpoint: str) -> None:
    assert read({"AZURE_OPENAI_ENDPOINT": copied})[0].url == endpoint


@pytest.mark.parametrize(
    ("copied", "base_url"),
    [
        *(
            (f"https://one.services.ai.azure.com{path}", CLAUDE)
            for path in (
                *(
                    "",
                    "/",
                    "/anthropic",
                    "/anthropic/",
                    "/anthropic/v1",
                    "/anthropic/v1/messages",
                    "/anthropic/v1/messages/",
                ),
                *("/anthropic/messages", "/api/projects/my-project", "/api/projects/my-project/"),
            )
        ),
        ("https://gate.example", "https://gate.example"),
        ("https://gate.example/claude/v1/messages", "https://gate.example/claude"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_copied_base_urls(copied: str, base_url: str) -> None:
    assert read({"ANTHROPIC_FOUNDRY_BASE_URL": copied})[1].url == base_url


# --- deployments and versions


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({}, {}),
        ([], {}),
        (["gpt-4o", "gpt-4o"], {"gpt-4o": "gpt-4o"}),
        ({"gpt-4o": "mine_1.2", "openai/gpt 4": "Mine"}, {"gpt-4o": "mine_1.2", "openai/gpt 4": "Mine"}),
    ],
)
def test_deployments(written: Mapping[str, str] | Sequence[str], expected: dict[str, str]) -> None:
    assert deployments_named("x", written) == expected


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"a": "b/c"}, "x ('b/c') is not the name of a deployment: use the one that Azure shows, such as gpt-4o."),
        ({"a": ".."}, "x ('..') is not the name of a deployment"),
        ({"a": ""}, "x ('') is not the name of a deployment"),
        ({"a": "b?c"}, "x ('b?c') is not the name of a deployment"),
        ({"a": "b\nc"}, "x ('b\\nc') is not the name of a deployment"),
        ({"a": "b" * 65}, "x (what stands there) is not the name of a deployment"),
        (["a b"], "x ('a b') is not the name of a deployment"),
        ({" ": "b"}, "x has an empty or unreadable name: use the models' names, such as gpt-4o."),
        ({"a\nb": "b"}, "x has an empty or unreadable name"),
        ({"a" * 201: "b"}, "x has an empty or unreadable name"),
    ],
)
def test_broken_deployments_are_told(written: Mapping[str, str] | Sequence[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        deployments_named("x", written)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2024-10-21", "2024-10-21"),
        ("'2025-04-01-Preview' ", "2025-04-01-preview"),
        *((text, None) for text in ("v1", "V1", "latest", "preview")),
    ],
)
def test_versions(text: str, version: str | None) -> None:
    assert api_version_named("x", text) == version


@pytest.mark.parametrize(
    "text", ["", "2024", "2024-10-21&a=b", "2024-10-21-", "v2", "2024-10-21\r\nx: y", "\u0662024-10-21"]
)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        api_version_named("x", text)
    assert str(caught.value) == "x is not a version of Azure's API: use one such as 2024-10-21, or v1."


def test_no_secret_in_the_repr() -> None:
    values = {"AZURE_CREDENTIALS": f"one:d:{KEY}", "AZURE_OPENAI_API_KEY": KEY, "ANTHROPIC_FOUNDRY_API_KEY": KEY}
    assert "canary" not in repr(read(values))
