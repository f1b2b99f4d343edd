"""Logins that end and come back while the proxy runs, those that nobody has asked it to use, the tutorial's keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from tests.support.aws_logins import LoginServer, role_of_sso, sign_in
from tests.support.aws_signatures import Key
from tests.support.connect_proxy import ConnectProxy, SocksProxy
from tests.support.fake_azure import FakeAzure
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_cloud import FakeCloud
from tests.support.fake_foundry import FakeFoundry
from tests.support.native_client import sdk as anthropic_sdk
from tests.support.proxy import ASK, ONCE, Answer, Proxy

SSO = """
[profile work]
region = us-east-1
sso_session = company
sso_account_id = 123456789012
sso_role_name = Dev

[sso-session company]
sso_start_url = https://company.awsapps.example/start
sso_region = us-east-1
"""
AWS, AZURE, FOUNDRY = "/proxy/aws/claude", "/proxy/azure/openai", "/proxy/azure/claude"
CLAUDE = "claude-sonnet-4-6"


def ask(proxy: Proxy, base: str = AWS, *, stream: bool = False) -> Answer:
    model = "gpt-4o" if base == AZURE else CLAUDE
    return proxy.post(f"{base}/chat/completions", {**ASK, "model": model, "stream": stream})


def used(answer: Answer) -> tuple[int, str]:
    """The status, and how often the cloud was asked."""
    return answer.status, answer.headers["x-bridge-attempts"]


@pytest.fixture
def aws() -> Iterator[FakeBedrock]:
    with FakeBedrock() as cloud:
        yield cloud
        assert cloud.wrong == []


# --- AWS --------------------------------------------------------------------------------------------------------------


def test_a_login_of_sso_that_ends_and_comes_back(aws: FakeBedrock, tmp_path: Path) -> None:
    """What a user does in a terminal meanwhile is all it takes."""
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    (tmp_path / ".aws" / "config").write_text(SSO, "utf-8")
    role = aws.keys.access_key(temporary=True)
    with LoginServer(lambda path, form: role_of_sso(role.id, secret=role.secret, token=role.token)) as portal:
        environment = aws.endpoint() | {"AWS_ENDPOINT_URL_SSO": portal.origin}
        with Proxy(
            tmp_path,
            environment=environment,
            config=json.dumps(ONCE | {"bedrock": {"accounts": [{"profile": "work"}]}}),
        ) as proxy:
            refused_for_lack_of_a_login(proxy)
            sign_in(cache, "company", -60)
            refused_for_lack_of_a_login(proxy)
            assert not aws.requests and not portal.paths
            sign_in(cache, "company", 3600)
            assert used(ask(proxy)) == used(ask(proxy, stream=True)) == (200, "1")
            assert len(portal.paths) == 1, "the role's key is kept"
            aws.keys.revoke()
            role = aws.keys.access_key(temporary=True)
            assert used(ask(proxy)) == (200, "2"), "the login lasts and gives another key"
            aws.keys.revoke()
            sign_in(cache, "company", -60)
            asked = len(aws.requests)
            refused_for_lack_of_a_login(proxy)
            assert len(aws.requests) == asked + 1
            role = aws.keys.access_key(temporary=True)
            sign_in(cache, "company", 3600)
            assert used(ask(proxy, stream=True)) == (200, "1")


def refused_for_lack_of_a_login(proxy: Proxy) -> None:
    """To both kinds of SDKs, with the command to type."""
    with proxy.sdk(AWS, max_retries=2) as client, pytest.raises(openai.AuthenticationError) as caught:
        client.chat.completions.create(**ASK | {"model": CLAUDE})
    assert "run `aws sso login --profile work`." in str(caught.value)
    with anthropic_sdk(proxy, AWS, max_retries=2) as client, pytest.raises(anthropic.AuthenticationError) as told:
        client.messages.create(**ASK | {"model": CLAUDE, "max_tokens": 9})
    assert "run `aws sso login --profile work`." in str(told.value)


def test_keys_of_a_profile_that_are_exchanged(aws: FakeBedrock, tmp_path: Path) -> None:
    """As a program does that fetches new ones every hour. Old ones are tried again only after they have been read
    again."""
    file = tmp_path / ".aws" / "credentials"
    file.parent.mkdir()
    write_keys(file, aws.keys.access_key(temporary=True))
    environment, config = aws.endpoint() | {"AWS_REGION": aws.region}, json.dumps(ONCE)
    with Proxy(tmp_path, environment=environment, dotenv="AWS_PROFILE=work", config=config) as proxy:
        assert used(ask(proxy)) == (200, "1")
        aws.keys.revoke()
        answer = ask(proxy)
        assert used(answer) == (401, "2") and "`aws sso login`" in answer.error["message"]
        write_keys(file, aws.keys.access_key(temporary=True))
        assert used(ask(proxy)) == (200, "2")
        assert used(ask(proxy)) == (200, "1")
        file.unlink()
        assert used(ask(proxy)) == (200, "1")
        aws.keys.revoke()
        answer = ask(proxy)
        assert answer.status == 401 and "profile work" in answer.error["message"]


def write_keys(file: Path, key: Key) -> None:
    lines = (
        f"aws_access_key_id = {key.id}",
        f"aws_secret_access_key = {key.secret}",
        f"aws_session_token = {key.token}",
    )
    file.write_text("\n".join(["[work]", *lines, ""]), "utf-8")


# --- Azure ------------------------------------------------------------------------------------------------------------

AZ = """#!/bin/sh
cat {folder}/token.json 2>/dev/null && exit
echo "ERROR: Please run 'az login' to setup account." >&2
exit 1
"""


def test_a_login_of_az_that_comes_ends_and_comes_back(tmp_path: Path) -> None:
    with FakeAzure() as cloud:
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "az").write_text(AZ.format(folder=programs), "utf-8")
        (programs / "az").chmod(0o755)

        def log_in() -> None:
            token = {"accessToken": cloud.token(), "expires_on": 4_000_000_000, "tokenType": "Bearer"}
            (programs / "token.json").write_text(json.dumps(token), "utf-8")

        environment = {
            "AZURE_OPENAI_ENDPOINT": cloud.origin,
            "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential",  # or it looks for a machine's identity for seconds
            "PATH": f"{programs}:/usr/bin:/bin",
        }
        with Proxy(tmp_path, environment=environment, config=json.dumps(ONCE)) as proxy:
            answer = ask(proxy, AZURE)
            assert answer.status == 401 and "run `az login`" in answer.error["message"]
            log_in()
            assert used(ask(proxy, AZURE)) == (200, "1")
            cloud.revoke()
            answer = ask(proxy, AZURE)
            assert used(answer) == (401, "2") and "`az login`" in answer.error["message"]
            log_in()
            assert used(ask(proxy, AZURE, stream=True)) == (200, "2")
            assert used(ask(proxy, AZURE)) == (200, "1")
        assert cloud.wrong == []


# --- What nobody has asked for ----------------------------------------------------------------------------------------

IMPORTED = re.compile(r"^import time:.*\| +(botocore|azure|google\.auth)[.\w]*$", re.MULTILINE)
IMPORTS: Mapping[str, Any] = {"trouble": re.compile("never awaited|Unclosed")}
"""A log with all imports has the names of modules in it that sound like trouble."""


def test_logins_of_other_programs_are_left_alone(aws: FakeBedrock, tmp_path: Path) -> None:
    """Who has them need not want to pay with them: the demo answers, and what could use them is not even loaded."""
    place = tmp_path / ".aws"
    place.mkdir()
    write_keys(place / "credentials", aws.keys.access_key(temporary=True))
    (place / "config").write_text("[default]\nregion = us-east-1\n", "utf-8")
    environment = aws.login_environment() | {"AWS_PROFILE": "work", "PYTHONPROFILEIMPORTTIME": "1"}
    environment |= dict.fromkeys(("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"), "of-another-program")
    with Proxy(tmp_path, environment=environment, **IMPORTS) as proxy:
        assert "DEMO" in proxy.log()
        assert "demo" in proxy.chat().text
        for base in (AWS, AZURE, FOUNDRY):
            answer = ask(proxy, base)
            assert (answer.status, answer.error["code"]) == (404, "cloud_not_configured")
        log = proxy.log()
    assert "| oai_bridge.addon\n" in log, "imports are told"
    assert set(IMPORTED.findall(log)) <= {"google.auth"}
    assert aws.connections == 0


def test_what_is_asked_for_is_loaded_with_the_first_request(aws: FakeBedrock, tmp_path: Path) -> None:
    environment = aws.environment() | {"PYTHONPROFILEIMPORTTIME": "1"}
    with Proxy(tmp_path, environment=environment, **IMPORTS) as proxy:
        assert "botocore" not in IMPORTED.findall(proxy.log())
        assert used(ask(proxy)) == (200, "1")
        assert "botocore" in IMPORTED.findall(proxy.log())


NAMES = {
    "/proxy/gcp/claude": "Google Cloud",
    "/proxy/gcp/gemini": "Gemini on Google Cloud",
    AWS: "AWS Bedrock",
    FOUNDRY: "Azure AI Foundry",
}


def test_the_path_of_a_cloud_without_a_credential(tmp_path: Path) -> None:
    with FakeAzure() as cloud, Proxy(tmp_path, environment=cloud.environment()) as proxy:
        for base, name in NAMES.items():
            for answer in (ask(proxy, base), proxy.get(f"{base}/models")):
                assert (answer.status, answer.error["code"]) == (404, "cloud_not_configured")
                assert answer.error["message"] == (
                    f"No credential for {name} is configured; README.md shows how to set one."
                )
            if base in ("/proxy/gcp/claude", AWS, FOUNDRY):
                told = proxy.post(f"{base}/v1/messages", {**ASK, "max_tokens": 9})
                assert (told.status, told.json()["error"]["type"]) == (404, "not_found_error")
                assert f"No credential for {name}" in told.json()["error"]["message"]
        assert used(ask(proxy, AZURE)) == (200, "1")
        assert cloud.wrong == []


# --- The tutorial's .env ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [ConnectProxy, SocksProxy])
def test_the_tutorials_env_file_reaches_the_clouds(tmp_path: Path, kind: type[ConnectProxy]) -> None:
    """`.env` as oai-reverse-proxy's users have it, the clouds' own host names, and the proxy that many of them need."""
    clouds: tuple[FakeBedrock, FakeAzure, FakeFoundry]
    with FakeBedrock(tls=True) as aws, FakeAzure(tls=True) as azure, FakeFoundry(tls=True) as foundry:
        clouds = aws, azure, foundry
        names = {
            "bedrock-runtime.us-east-1.amazonaws.com": aws.port,
            "my-resource.openai.azure.com": azure.port,
            "my-resource.services.ai.azure.com": foundry.port,
        }
        (tmp_path / "ca.pem").write_bytes(b"".join(map(ca_of, clouds)))
        with kind(names) as company:
            lines = [
                "# AWS",
                f"AWS_CREDENTIALS={aws.environment()['AWS_CREDENTIALS']}",
                f"AZURE_CREDENTIALS='{azure.azure_credentials()}'",
                "ANTHROPIC_FOUNDRY_RESOURCE=my-resource",
                f"export ANTHROPIC_FOUNDRY_API_KEY={foundry.environment()['ANTHROPIC_FOUNDRY_API_KEY']}",
                "GATEKEEPER=none",
                f"HTTPS_PROXY={company.url}",
                "SSL_CERT_FILE=ca.pem",
            ]
            with Proxy(tmp_path, dotenv="\ufeff" + "\r\n".join(lines)) as proxy:
                for base in (AWS, AZURE, FOUNDRY):
                    assert ask(proxy, base).text
                    assert ask(proxy, base, stream=True).text
                listed = [model["id"] for model in proxy.get(f"{AZURE}/models").json()["data"]]
            assert listed == ["gpt-4o"]
            assert company.asked == [f"{name}:443" for name in names]
        assert [cloud.wrong for cloud in clouds] == [[], [], []]


def ca_of(cloud: FakeCloud) -> bytes:
    assert cloud.ca_file is not None
    return Path(cloud.ca_file).read_bytes()
