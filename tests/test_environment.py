"""Tests for environment.py: the names in both places, and what is told about the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oai_bridge.settings.values.dotenv import parse_dotenv

from oai_bridge.settings.environment import FromNames, read_names
from oai_bridge.settings.texts import QUOTES
from oai_bridge.settings.values import AwsAccount, AwsApiKey, AwsKeys, CredentialFile, ServiceAccount
from tests.support.google_keys import entry, info, rsa_pem

EXAMPLE = {  # the lines that are not commented out in oai-reverse-proxy's .env.example
    "NODE_ENV": "production",
    "OPENAI_KEY": "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "ANTHROPIC_KEY": "sk-ant-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "AWS_CREDENTIALS": "myaccesskeyid:mysecretkey:us-east-1,anotheraccesskeyid:anothersecretkey:us-west-2",
    "AZURE_CREDENTIALS": "azure-resource-name:deployment-id:api-key,another-azure-resource-name:deployment-id:api-key",
}


def read(environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None) -> FromNames:
    problems: list[str] = []
    names = read_names(environment or {}, dotenv or {}, Path("env"), problems)
    assert problems == []
    return names


def single(names: FromNames) -> dict[str, object]:
    return {f"{given.section}.{given.name}": given.value for given in names.given}


@pytest.mark.parametrize(
    ("line", "regions"),
    [
        (f"GCP_CREDENTIALS={entry()}", ["us-east5"]),
        (f'GCP_CREDENTIALS="{entry()}"\r\n', ["us-east5"]),
        (f"GCP_CREDENTIALS='{entry()},{entry(region='eu')}'", ["us-east5", "eu"]),
        (f'GCP_CREDENTIALS="my-project:sa@x.example:us:{rsa_pem()}"\nPORT=1', ["us"]),
    ],
)
def test_tutorial_line_in_a_dotenv_file(line: str, regions: list[str]) -> None:
    names = read(dotenv=parse_dotenv(line))
    assert [account.region for account in names.accounts] == regions


def test_key_with_bare_line_breaks_gets_a_sentence_with_the_remedy() -> None:
    dotenv = parse_dotenv(f"GCP_CREDENTIALS=my-project:sa@x.example:us:{rsa_pem()}")
    problems: list[str] = []
    read_names({}, dotenv, Path(), problems)
    assert len(problems) == 1 and "cut off" in problems[0] and "quotes" in problems[0]


@pytest.mark.parametrize(
    ("name", "value", "setting", "expected"),
    [
        ("PORT", "8000", "server.port", "8000"),
        ("PORT", '"8000"', "server.port", "8000"),
        ("BIND_ADDRESS", "0.0.0.0", "server.host", "0.0.0.0"),
        ("PROXY_ENDPOINT_ROUTE", "/p", "server.prefix", "/p"),
        ("SERVER_TITLE", "Your Proxy", "server.title", "Your Proxy"),
        ("LOG_LEVEL", "warn", "server.log_level", "warn"),
        ("MAX_OUTPUT_TOKENS_ANTHROPIC", "400", "claude.max_output_tokens", "400"),
        ("MAX_OUTPUT_TOKENS_OPENAI", "500", "openai.max_output_tokens", "500"),
        ("TEXT_MODEL_RATE_LIMIT", "4", "limits.requests_per_minute", "4"),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://x", "bedrock.base_url", "http://x"),
        ("ANTHROPIC_VERTEX_BASE_URL", "http://x", "vertex.base_url", "http://x"),
        ("PROXY_KEY", "'k'", "server.client_keys", ["k"]),
    ],
)
def test_single_values(name: str, value: str, setting: str, expected: object) -> None:
    assert single(read({name: value})) == {setting: expected}
    assert single(read(dotenv={name: value})) == {setting: expected}
    assert single(read({name: value}, {name: "other"})) == {setting: expected}
    assert single(read({name: ""}, {name: value})) == {setting: expected}
    assert read({name: value}).given[0].where == f"{name} in the environment"
    assert read(dotenv={name: value}).given[0].where == f"{name} in .env"
    assert read({name: value}).told == ()
    assert read(dotenv={name: value}).given[0].is_ours
    assert read({name: value}).given[0].is_ours is (not setting.startswith(("vertex.", "bedrock.")))


@pytest.mark.parametrize(
    ("names", "key", "demanded", "told"),
    [
        ({"PROXY_KEY": "k"}, ["k"], None, ""),
        ({"PROXY_KEY": "k", "GATEKEEPER": "proxy_key"}, ["k"], "GATEKEEPER in the environment", ""),
        ({"PROXY_KEY": "k", "GATEKEEPER": "none"}, None, None, "GATEKEEPER=none: PROXY_KEY"),
        ({"GATEKEEPER": "none"}, None, None, ""),
        ({"GATEKEEPER": "proxy_key"}, None, "GATEKEEPER in the environment", ""),
        ({"PROXY_KEY": "k", "GATEKEEPER": "user_token"}, ["k"], None, "not known here: GATEKEEPER"),
        ({"PROXY_KEY": "your-secret-key"}, None, None, "placeholder of an example file: PROXY_KEY"),
        (
            {"PROXY_KEY": "your-secret-key", "GATEKEEPER": "proxy_key"},
            None,
            "GATEKEEPER in the environment",
            "placeholder of an example file: PROXY_KEY",
        ),
    ],
)
def test_gatekeeper(names: dict[str, str], key: list[str] | None, demanded: str | None, told: str) -> None:
    found = read(names)
    assert single(found).get("server.client_keys") == key
    assert found.key_demanded == demanded
    assert told in " ".join(found.told) and bool(told) == bool(found.told)
    assert "k" not in [word for sentence in found.told for word in sentence.split()]


def test_accounts_of_both_places_are_added() -> None:
    names = read({"GCP_CREDENTIALS": entry("one")}, {"GCP_CREDENTIALS": entry("two")})
    assert [account.project for account in names.accounts] == ["one", "two"]


@pytest.mark.parametrize(
    ("environment", "dotenv", "expected"),
    [
        ({"GOOGLE_APPLICATION_CREDENTIALS": "k.json"}, {}, CredentialFile("k.json")),
        ({}, {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"}, CredentialFile(str(Path("env/k.json")))),
        ({"GOOGLE_APPLICATION_CREDENTIALS": json.dumps(info())}, {}, ServiceAccount(info())),
        ({}, {"GOOGLE_APPLICATION_CREDENTIALS": json.dumps(info())}, ServiceAccount(info())),
        (
            {"GOOGLE_APPLICATION_CREDENTIALS": "k.json"},
            {"GOOGLE_APPLICATION_CREDENTIALS": "l.json"},
            CredentialFile("k.json"),
        ),
        ({}, {}, None),
    ],
)
def test_googles_own_credential(environment: dict[str, str], dotenv: dict[str, str], expected: object) -> None:
    assert read(environment, dotenv).google == expected


def test_other_names_of_google_and_anthropic() -> None:
    values = {"ANTHROPIC_VERTEX_PROJECT_ID": "p1", "GOOGLE_CLOUD_PROJECT": "p2", "CLOUD_ML_REGION": "us-east5"}
    names = read(values)
    assert (names.vertex_project, names.fallback_project, names.region) == ("p1", "p2", "us-east5")
    assert read({**values, "ANTHROPIC_VERTEX_PROJECT_ID": "your-project-id"}).vertex_project is None


@pytest.mark.parametrize(
    ("environment", "dotenv", "expected"),
    [
        ({"HTTPS_PROXY": "http://a:1"}, {}, {"https": "http://a:1"}),
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, {}, {"https": "http://a:1"}),
        ({"https_proxy": "", "HTTPS_PROXY": "http://b:1"}, {}, {"https": "http://b:1"}),
        ({"HTTPS_PROXY": "http://a:1"}, {"https_proxy": "http://b:1"}, {"https": "http://a:1"}),
        ({}, {"https_proxy": "http://b:1", "HTTPS_PROXY": "http://c:1"}, {"https": "http://b:1"}),
        (
            {"HTTP_PROXY": "a:1"},
            {"ALL_PROXY": "socks://c:1", "HTTP_PROXY": "d:1"},
            {"http": "http://a:1", "all": "socks5://c:1"},
        ),
        ({}, {}, {}),
    ],
)
def test_proxies(environment: dict[str, str], dotenv: dict[str, str], expected: dict[str, str]) -> None:
    assert read(environment, dotenv).proxies == expected


@pytest.mark.parametrize(
    ("environment", "dotenv", "expected"),
    [
        ({"CURL_CA_BUNDLE": "c", "REQUESTS_CA_BUNDLE": "r", "SSL_CERT_FILE": "s"}, {}, "s"),
        ({"CURL_CA_BUNDLE": "c", "REQUESTS_CA_BUNDLE": "r"}, {}, "r"),
        ({"CURL_CA_BUNDLE": "c"}, {"SSL_CERT_FILE": "s"}, "c"),
        ({}, {"SSL_CERT_FILE": "s"}, str(Path("env/s"))),
        ({}, {}, None),
    ],
)
def test_ca_file(environment: dict[str, str], dotenv: dict[str, str], expected: str | None) -> None:
    assert read(environment, dotenv).ca_file == expected


@pytest.mark.parametrize(("name", "value"), [("no_proxy", "a"), ("NO_PROXY", "a")])
def test_no_proxy(name: str, value: str) -> None:
    assert read({name: value}).no_proxy == read(dotenv={name: value}).no_proxy == "a"


def test_untouched_example_file_is_told_in_two_sentences() -> None:
    told = read(dotenv=EXAMPLE).told
    assert told == (
        "Ignored, still the placeholder of an example file: ANTHROPIC_KEY, AWS_CREDENTIALS, AZURE_CREDENTIALS, "
        "OPENAI_KEY.",
        "Ignored, settings of oai-reverse-proxy without a counterpart here: NODE_ENV.",
    )


def test_what_is_ignored_is_told_once_by_name() -> None:
    values = {
        "SHOW_TOKEN_COSTS": "canary",
        **dict.fromkeys(["ADMIN_KEY", "TOKEN_QUOTA_GPT4", "CHECK_KEYS", "POW-DIFFICULTY_LEVEL"], "canary"),
    }
    expected = (
        "Ignored, since the status page always tells the cost: SHOW_TOKEN_COSTS.",
        "Ignored, settings of oai-reverse-proxy without a counterpart here: "
        "ADMIN_KEY, CHECK_KEYS, POW-DIFFICULTY_LEVEL, TOKEN_QUOTA_GPT4.",
    )
    assert read(values).told == read(dotenv=values).told == read(values, values).told == expected


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "NODE_ENV", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LANG"),
        *("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
    ],
)
def test_unrelated_variables_are_not_told(name: str) -> None:
    assert read({name: "xxxxxxxx"}).told == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("gcp_credentials", "GCP_CREDENTIALS"),
        ("GCP_CREDENTIAL", "GCP_CREDENTIALS"),
        ("AZURE_OPENAI_KEY", "AZURE_OPENAI_API_KEY"),
        ("HTTPS_PROXYS", "HTTPS_PROXY"),
        ("MAX_OUTPUT_TOKENS", ""),
        ("ANTHROPIC_API_KEY", ""),
    ],
)
def test_slips_of_the_pen_are_told_with_what_was_meant(name: str, meant: str) -> None:
    told = " ".join(read(dotenv={name: "some-value"}).told)
    assert (f"{name} in .env; did you mean {meant}?" in told) == bool(meant)
    assert ("did you mean" in told) == bool(meant) and "some-value" not in told
    assert read({name: "some-value"}, {meant: ""}).told == read({name: "some-value"}).told  # others' names are theirs


def test_empty_values_are_missing() -> None:
    values = {name: blank for name in ("PORT", "GCP_CREDENTIALS", "ADMIN_KEY", "HTTPS_PROXY") for blank in ("", '""')}
    names = read(values, values)
    assert (names.given, names.accounts, names.told, names.proxies) == ((), (), (), {})


def test_left_over_gcp_placeholder_is_told_and_the_real_one_counts() -> None:
    left_over = "my-first-project:xxx@yyy.com:us-east5:-----BEGIN PRIVATE KEY-----xxx-----END PRIVATE KEY-----"
    names = read({"GCP_CREDENTIALS": f"{left_over},{entry()}"})
    assert [account.project for account in names.accounts] == ["my-project"]
    assert names.told == ("Ignored, still the placeholder of an example file: GCP_CREDENTIALS.",)


def test_left_over_stand_ins_of_other_clouds_are_told_and_the_real_ones_count() -> None:
    names = read(
        {
            "AWS_CREDENTIALS": "myaccesskeyid:mysecretkey:us-east-1,AKIDEXAMPLE:s3cret:us-west-2",
            "AZURE_CREDENTIALS": "azure-resource-name:deployment-id:api-key,one:gpt-4o:s3cret",
            "AZURE_OPENAI_ENDPOINT": "https://<your-resource>.openai.azure.com",
        }
    )
    assert names.aws.accounts == (AwsAccount("us-west-2", AwsKeys("AKIDEXAMPLE", "s3cret")),)
    assert [account.endpoint for account in names.azure.accounts] == ["https://one.openai.azure.com"]
    assert names.told == (
        "Ignored, still the placeholder of an example file: AWS_CREDENTIALS, AZURE_CREDENTIALS, AZURE_OPENAI_ENDPOINT.",
    )


def test_other_clouds_are_read_from_both_places() -> None:
    names = read(
        {"AWS_BEARER_TOKEN_BEDROCK": "canary", "AZURE_OPENAI_ENDPOINT": "https://one.openai.azure.com"},
        {"ANTHROPIC_FOUNDRY_RESOURCE": "one", "AZURE_OPENAI_API_KEY": "canary", "AWS_PROFILE": "work"},
    )
    assert names.aws.login == AwsApiKey("canary")
    assert names.azure.url == "https://one.openai.azure.com" and names.azure.key is not None
    assert names.foundry.url == "https://one.services.ai.azure.com/anthropic"
    assert names.told == ("Ignored because of AWS_BEARER_TOKEN_BEDROCK in the environment: AWS_PROFILE in .env.",)
    assert "canary" not in repr(names)


def test_no_secret_in_the_repr() -> None:
    names = read({"PROXY_KEY": "canary", "HTTPS_PROXY": "http://u:canary@h:1", "GCP_CREDENTIALS": entry()})
    assert "canary" not in repr(names) and "PRIVATE" not in repr(names)


@given(st.sampled_from(QUOTES[:3]), st.text("ab c", min_size=1).map(str.strip).filter(bool))
def test_quotes_that_tools_leave_are_taken_off(quote: str, value: str) -> None:
    assert single(read({"SERVER_TITLE": f"{quote}{value}{quote}"})) == {"server.title": value}
