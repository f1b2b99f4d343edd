"""credentials/azure.py: a resource's key, Entra ID's tokens minted once, and errors that say what to run."""

from __future__ import annotations

import asyncio
import functools
import logging
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from oai_bridge.credentials.azure import AzureCredential
from oai_bridge.credentials.base import Outbound
from oai_bridge.credentials.session import TokenSession
from oai_bridge.errors import BridgeError, Unauthorized, UpstreamError
from oai_bridge.settings.values import AzureAccount, AzureKey, EntraLogin, FoundryAccount, Network
from tests.support import entra_logins as entra
from tests.support.entra_logins import CANARY, Entra

ADDON = Path(__file__).parent.parent / "addon"
ENDPOINT = "https://my-models.openai.azure.com"
FOUNDRY = "https://my-claude.services.ai.azure.com/anthropic"
REQUEST = Outbound("POST", ENDPOINT, {}, b"{}")
KEY = AzureKey("canary-key")


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entra:
    entra.nobody(monkeypatch, tmp_path)
    return Entra()


def no_session() -> requests.Session:
    raise AssertionError("a key needs no token")


def credential(cloud: Entra, clock: Callable[[], float] = time.time) -> AzureCredential:
    return AzureCredential(AzureAccount(ENDPOINT, EntraLogin()), cloud.session, clock)


async def failure(one: AzureCredential) -> BridgeError:
    with pytest.raises(BridgeError) as failed:
        await one.access()
    assert "canary" not in failed.value.message and "\n" not in failed.value.message
    return failed.value


@pytest.mark.parametrize(
    ("account", "headers", "resource"),
    [
        (AzureAccount(ENDPOINT, KEY), {"api-key": KEY.key}, "my-models"),
        (FoundryAccount(FOUNDRY, KEY), {"x-api-key": KEY.key, "api-key": KEY.key}, "my-claude"),
        (AzureAccount("http://127.0.0.1:8080", KEY), {"api-key": KEY.key}, "127.0.0.1"),
        (FoundryAccount("http://[::1]:8080/anthropic", KEY), {"x-api-key": KEY.key, "api-key": KEY.key}, "::1"),
    ],
)
async def test_a_key(account: AzureAccount | FoundryAccount, headers: dict[str, str], resource: str) -> None:
    one = AzureCredential(account, no_session)
    access = await one.access()
    assert access.headers(REQUEST) == headers
    assert access.secrets == (KEY.key,)
    assert access.region == resource
    assert access.account == account
    assert access.base_url == (account.endpoint if isinstance(account, AzureAccount) else account.base_url)
    assert "canary" not in repr(access) + repr(one) + one.label
    one.refuse(access)
    assert await one.access() == access  # there is no other


@pytest.mark.parametrize(
    ("account", "scope"),
    [
        (AzureAccount(ENDPOINT, EntraLogin()), "https://ai.azure.com/.default"),
        (
            AzureAccount(ENDPOINT, EntraLogin(), api_version="2024-10-21"),
            "https://cognitiveservices.azure.com/.default",
        ),
        (FoundryAccount(FOUNDRY, EntraLogin()), "https://ai.azure.com/.default"),
    ],
)
async def test_a_token(
    cloud: Entra,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    account: AzureAccount | FoundryAccount,
    scope: str,
) -> None:
    entra.app(monkeypatch)
    with caplog.at_level(logging.DEBUG):
        access = await AzureCredential(account, cloud.session).access()
    assert access.headers(REQUEST) == {"authorization": "Bearer token-1"}
    assert access.secrets == ("token-1",)
    assert "token-1" not in repr(access) + caplog.text and "canary" not in caplog.text
    assert scope in cloud.forms[0]["scope"].split()
    assert cloud.forms[0]["client_secret"] == CANARY


@pytest.mark.parametrize("end", ["us", "cn"])
async def test_the_clouds_that_are_apart_have_scopes_of_their_own(
    cloud: Entra, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    entra.app(monkeypatch)
    account = AzureAccount(f"https://my-models.openai.azure.{end}", EntraLogin())
    await AzureCredential(account, cloud.session).access()
    assert f"https://cognitiveservices.azure.{end}/.default" in cloud.forms[0]["scope"].split()


async def test_all_who_wait_share_one_token(cloud: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    entra.app(monkeypatch)
    now = time.time()
    one = credential(cloud, lambda: now)
    found = await asyncio.gather(*(one.access() for _ in range(100)))
    assert {access.secret for access in found} == {"token-1"}
    one.refuse(found[0])
    assert (await one.access()).secret == "token-2"  # not the one that azure-identity has kept
    one.refuse(found[1])
    now += 3400
    assert (await one.access()).secret == "token-2"  # still good, but the next is asked for
    now -= 3400
    async with asyncio.timeout(30):
        while (await one.access()).secret == "token-2":
            await asyncio.sleep(0.01)
    assert len(cloud.forms) == 3


AZ = """#!{python}
import json, sys
print(json.dumps({{"accessToken": "token-of-" + sys.argv[-1], "expires_on": {expiry}}}))
"""


async def test_az_login_is_noticed_without_a_restart(cloud: Entra, tmp_path: Path) -> None:
    one = credential(cloud)
    error = await failure(one)
    assert isinstance(error, Unauthorized) and error.code == "credential_refused"
    assert error.message.startswith("There is no login of Entra ID for my-models.openai.azure.com (Entra ID); run `az")
    az = tmp_path / "az"
    az.write_text(AZ.format(python=sys.executable, expiry=int(time.time()) + 3600))
    az.chmod(0o755)
    assert (await one.access()).secret == "token-of-https://ai.azure.com"
    assert not cloud.forms


@pytest.mark.parametrize(
    ("says", "shown"),
    [
        (
            f"AADSTS7000215: Invalid client secret provided. Ensure {CANARY} is not the secret's id.\r\nTrace ID: 1",
            "AADSTS7000215: Invalid client secret provided",
        ),
        ("Not of this house.\r\nTrace", "Not of this house."),
    ],
)
async def test_a_secret_that_is_refused(cloud: Entra, monkeypatch: pytest.MonkeyPatch, says: str, shown: str) -> None:
    entra.app(monkeypatch)
    cloud.error = {"error": "invalid_client", "error_description": says}
    one = credential(cloud)
    error = await failure(one)
    assert isinstance(error, Unauthorized) and error.code == "credential_refused"
    assert error.message.endswith(f"AZURE_CLIENT_SECRET. ({shown})")
    cloud.error = None
    assert (await one.access()).secret == "token-2"


async def test_entra_id_that_cannot_be_reached(cloud: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the fake's own words, and by those of a proxy that isn't there."""
    entra.app(monkeypatch)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")  # asks no instance for its metadata
    cloud.reachable = False
    proxied = functools.partial(
        TokenSession, Network({"all": "http://user:canary@127.0.0.1:9"}), ssl.create_default_context
    )
    for session in (cloud.session, proxied):
        error = await failure(AzureCredential(AzureAccount(ENDPOINT, EntraLogin()), session))
        assert isinstance(error, UpstreamError) and error.status == 503
        assert error.code == "token_endpoint_unreachable" and "HTTPS_PROXY" in error.message
    assert cloud.asked == 2  # tried twice, since somebody waits
    cloud.reachable = True
    assert (await credential(cloud).access()).secret == "token-1"


async def test_an_impossible_environment(cloud: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nonsense")
    error = await failure(credential(cloud))
    assert isinstance(error, Unauthorized)
    assert (
        error.message.startswith("The settings of Entra ID in the environment can't be used")
        and "nonsense" in error.message
    )


@pytest.mark.parametrize(
    ("account", "served", "listed"),
    [
        (AzureAccount(ENDPOINT, KEY), {"gpt-5", "gpt-4o", "other"}, set()),
        (AzureAccount(ENDPOINT, KEY, {"gpt-5": "mine", "gpt-4o": "gpt-4o"}), {"gpt-5", "gpt-4o"}, {"gpt-5", "gpt-4o"}),
        (FoundryAccount(FOUNDRY, KEY), {"gpt-5", "gpt-4o", "other"}, set()),
    ],
)
def test_which_models_it_has(account: AzureAccount | FoundryAccount, served: set[str], listed: set[str]) -> None:
    one = AzureCredential(account, no_session)
    assert {model for model in ("gpt-5", "gpt-4o", "other") if one.serves(model)} == served
    assert {model for model in ("gpt-5", "gpt-4o", "other") if one.lists(model)} == listed


WITHOUT = """
import asyncio, json, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("azure", "msal"):
            raise ImportError(name + " is blocked")

sys.meta_path.insert(0, Blocker())
from oai_bridge.credentials.azure import AzureCredential
from oai_bridge.errors import Unauthorized
from oai_bridge.settings.values import AzureAccount, AzureKey, EntraLogin

print(asyncio.run(AzureCredential(AzureAccount("https://a.b", AzureKey("key")), None).access()).secret)
try:
    asyncio.run(AzureCredential(AzureAccount("https://a.b", EntraLogin()), None).access())
except Unauthorized as error:
    print(error.message)
"""


def test_without_the_package() -> None:
    """Keys need it neither when the module is imported nor later; a login says what is missing."""
    found = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ADDON, capture_output=True, text=True, check=True)
    says = "Entra ID needs one more package; run `pip install azure-identity` and start again."
    assert found.stdout.splitlines() == ["key", says]
