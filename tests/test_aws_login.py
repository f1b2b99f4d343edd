"""credentials/aws_login.py: each of AWS's own logins, a new login noticed at once, and errors that say what to run."""

from __future__ import annotations

import asyncio
import functools
import json
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.credentials.aws import AwsCredential
from oai_bridge.credentials.session import TokenSession
from oai_bridge.errors import BridgeError, Unauthorized, UpstreamError
from oai_bridge.settings.values import AwsAccount, AwsKeys, AwsLogin, Network
from tests.support.aws_logins import (
    CANARY,
    AwsHome,
    LoginServer,
    in_seconds,
    refusal_of_sts,
    role_of_sso,
    role_of_sts,
)

SESSION = functools.partial(TokenSession, Network(), ssl.create_default_context)
KEYS = f"aws_access_key_id = AKIAKEYS\naws_secret_access_key = {CANARY}\n"
SSO = """
[profile work]
region = eu-west-1
sso_session = company
sso_account_id = 123456789012
sso_role_name = Dev

[sso-session company]
sso_start_url = https://company.awsapps.example/start
sso_region = us-east-1
"""
ROLE = """
[profile role]
role_arn = arn:aws:iam::123456789012:role/models
source_profile = base
region = us-west-2

[profile base]
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AwsHome:
    return AwsHome(tmp_path, monkeypatch)


@pytest.fixture
def server(home: AwsHome) -> Iterator[LoginServer]:
    with LoginServer(
        lambda path, form: role_of_sso("ASIASSO") if path.startswith("/federation") else role_of_sts("S")
    ) as here:
        home.environment(AWS_ENDPOINT_URL_SSO=here.origin, AWS_ENDPOINT_URL_STS=here.origin)
        home.environment(AWS_ENDPOINT_URL_SSO_OIDC=here.origin)
        yield here


def login(profile: str | None = None, region: str | None = None, **changes: Any) -> AwsCredential:
    return AwsCredential(AwsAccount(region, AwsLogin(profile)), SESSION, **changes)


async def keys_of(one: AwsCredential) -> AwsKeys:
    access = await one.access()
    assert isinstance(access.keys, AwsKeys)
    return access.keys


async def failure(one: AwsCredential) -> BridgeError:
    with pytest.raises(BridgeError) as failed:
        await one.access()
    assert CANARY not in failed.value.message and failed.value.__cause__ is None
    assert "\n" not in failed.value.message
    return failed.value


async def test_the_environment(home: AwsHome) -> None:
    home.environment(AWS_ACCESS_KEY_ID="AKIAENV", AWS_SECRET_ACCESS_KEY=CANARY, AWS_SESSION_TOKEN="token")
    one = login(region="us-east-1")
    assert await keys_of(one) == AwsKeys("AKIAENV", CANARY, "token")
    assert CANARY not in repr(await one.access())


async def test_keys_that_were_exchanged_in_their_file(home: AwsHome) -> None:
    (home.folder / "credentials").write_text(f"[default]\n{KEYS}")
    one = login(region="us-east-1")
    access = await one.access()
    (home.folder / "credentials").write_text(f"[default]\n{KEYS}".replace("AKIAKEYS", "AKIANEXT"))
    assert await one.access() is access
    one.refuse(access)
    assert (await keys_of(one)).key_id == "AKIANEXT"


async def test_a_profile_goes_before_the_environment(home: AwsHome) -> None:
    home.environment(AWS_ACCESS_KEY_ID="AKIAENV", AWS_SECRET_ACCESS_KEY=CANARY)
    home.config(f"[profile work]\nregion = eu-west-1\n{KEYS}aws_session_token =\n")
    assert await keys_of(login("work")) == AwsKeys("AKIAKEYS", CANARY)


@pytest.mark.parametrize(
    ("account", "variables", "region"),
    [
        ("ap-south-1", {"AWS_REGION": "us-east-2"}, "ap-south-1"),
        (None, {"AWS_REGION": "us-east-2", "AWS_DEFAULT_REGION": "us-west-1"}, "us-east-2"),
        (None, {"AWS_DEFAULT_REGION": "us-west-1"}, "us-west-1"),
        (None, {}, "eu-west-1"),
    ],
)
async def test_the_region(home: AwsHome, account: str | None, variables: dict[str, str], region: str) -> None:
    """The account's own, else as AWS's tools look for it: the environment before the profile."""
    home.config(f"[profile work]\nregion = eu-west-1\n{KEYS}")
    home.environment(**variables)
    access = await login("work", account).access()
    assert access.region == region


async def test_no_region(home: AwsHome) -> None:
    home.config(f"[default]\n{KEYS}")
    assert (await failure(login())).message == (
        "The region of Bedrock is not known for AWS's default credentials; set AWS_REGION, or `region` in config.yaml."
    )
    home.environment(AWS_REGION="us east")
    assert "'us east'" in (await failure(login())).message


async def test_a_login_of_sso_is_noticed_without_a_restart(home: AwsHome, server: LoginServer) -> None:
    home.config(SSO)
    one = login("work")
    says = "The AWS login for profile work is missing or has expired; run `aws sso login --profile work`."
    assert (await failure(one)).message == says
    home.sign_in("company", -60)
    assert (await failure(one)).message == says
    assert not server.paths
    home.sign_in("company", 3600)
    access = await one.access()
    assert (access.region, access.keys) == ("eu-west-1", AwsKeys("ASIASSO", CANARY, "token-ASIASSO"))
    assert server.paths == ["/federation/credentials?role_name=Dev&account_id=123456789012"]
    assert server.headers[0]["x-amz-sso_bearer_token"] == f"sso-{CANARY}"


async def test_a_login_of_sso_that_the_portal_refuses(home: AwsHome, server: LoginServer) -> None:
    home.config(SSO.replace("sso_session = company\n", "sso_start_url = https://old.example\nsso_region = us-east-1\n"))
    home.environment(AWS_PROFILE="work")
    home.sign_in("https://old.example", 3600)
    ended = '{"__type": "UnauthorizedException", "message": "Session token not found or invalid"}'
    server.reply = lambda path, form: (401, "application/json", ended)
    assert "run `aws sso login --profile work`." in (await failure(login())).message
    server.reply = lambda path, form: role_of_sso("ASIAOLD")
    assert (await keys_of(login())).key_id == "ASIAOLD"


async def test_a_login_of_sso_renews_itself(home: AwsHome, server: LoginServer) -> None:
    home.config(SSO)
    app = {"clientId": "app", "clientSecret": CANARY, "registrationExpiresAt": in_seconds(9999)}
    home.sign_in("company", 60, refreshToken=f"refresh-{CANARY}", **app)
    renewed = json.dumps({"accessToken": "renewed", "expiresIn": 3600, "tokenType": "Bearer"})
    server.reply = lambda path, form: (200, "application/json", renewed) if path == "/token" else role_of_sso("ASIASSO")
    await login("work").access()
    assert server.headers[1]["x-amz-sso_bearer_token"] == "renewed"


async def test_a_role(home: AwsHome, server: LoginServer) -> None:
    home.config(ROLE + KEYS)
    server.reply = lambda path, form: role_of_sts("ASIAROLE")
    access = await login("role", "ap-south-1").access()
    assert (access.region, access.keys) == ("ap-south-1", AwsKeys("ASIAROLE", CANARY, "token-ASIAROLE"))
    assert server.forms[0]["RoleArn"] == "arn:aws:iam::123456789012:role/models"
    assert "Credential=AKIAKEYS/" in server.headers[0]["authorization"]
    assert "/ap-south-1/sts/" in server.headers[0]["authorization"]


async def test_the_login_of_a_role_is_its_source(home: AwsHome, server: LoginServer) -> None:
    home.config(SSO + ROLE.replace("source_profile = base", "source_profile = work"))
    assert "run `aws sso login --profile work`." in (await failure(login("role"))).message


async def test_a_role_by_web_identity(home: AwsHome, server: LoginServer) -> None:
    token = home.folder / "token"
    token.write_text(f"web-{CANARY}")
    home.environment(AWS_WEB_IDENTITY_TOKEN_FILE=token, AWS_ROLE_ARN="arn:aws:iam::123456789012:role/pod")
    server.reply = lambda path, form: role_of_sts("ASIAWEB", "AssumeRoleWithWebIdentity")
    assert (await keys_of(login(region="us-east-1"))).key_id == "ASIAWEB"
    assert server.forms[0]["WebIdentityToken"] == f"web-{CANARY}"
    token.unlink()
    assert "No such file" in (await failure(login(region="us-east-1"))).message


async def test_all_who_wait_share_one_login(home: AwsHome, server: LoginServer) -> None:
    home.config(ROLE + KEYS)
    now = time.time()
    one = login("role", clock=lambda: now)
    found = await asyncio.gather(*(one.access() for _ in range(100)))
    assert len(set(found)) == len(server.paths) == 1
    server.reply = lambda path, form: role_of_sts("ASIANEXT")
    one.refuse(found[0])
    assert (await keys_of(one)).key_id == "ASIANEXT"
    now += 3400  # the last minutes: still good, but the next is asked for
    server.reply = lambda path, form: role_of_sts("ASIALAST")
    assert (await keys_of(one)).key_id == "ASIANEXT"
    now -= 3400
    async with asyncio.timeout(30):
        while (await keys_of(one)).key_id != "ASIALAST":
            await asyncio.sleep(0.01)


PROCESS = """
import json, pathlib, sys
calls = pathlib.Path(sys.argv[1])
count = int(calls.read_text()) + 1 if calls.exists() else 1
calls.write_text(str(count))
print(json.dumps({"Version": 1, "AccessKeyId": f"AKID{count}", "SecretAccessKey": "s", "Expiration": sys.argv[2]}))
"""


def process(home: AwsHome, source: str, *arguments: str) -> None:
    script = home.folder / "give.py"
    script.write_text(source)
    command = " ".join((sys.executable, str(script), *arguments))
    home.config(f"[profile work]\nregion = eu-west-1\ncredential_process = {command}\n")


async def test_a_process_is_asked_again_when_its_keys_end(home: AwsHome) -> None:
    now = time.time()
    process(home, PROCESS, str(home.folder / "calls"), in_seconds(3600))
    one = login("work", clock=lambda: now)
    assert [(await keys_of(one)).key_id for _ in range(3)] == ["AKID1"] * 3
    now += 3601
    assert (await keys_of(one)).key_id == "AKID2"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import sys; sys.exit('Sign in first, short-canary')",
            "run the profile's `credential_process` in a terminal",
        ),
        ("import os; os.write(2, b'\\xff short-canary'); os._exit(1)", "~/.aws/config"),
        ("print('no json')", "~/.aws/config"),
        ("print('[]')", "~/.aws/config"),
        ('print(\'{"Version": "short-canary"}\')', "`credential_process`"),
    ],
)
async def test_a_process_that_fails(home: AwsHome, source: str, said: str) -> None:
    process(home, source)
    error = await failure(login("work"))
    assert isinstance(error, Unauthorized) and error.code == "credential_refused"
    assert said in error.message and "for profile work" in error.message
    assert "canary" not in error.message  # what a process writes to its standard error may be anything


async def test_the_instance_itself_only_by_default(home: AwsHome, server: LoginServer) -> None:
    def metadata(path: str, form: dict[str, str]) -> tuple[int, str, str]:
        keys = {"Code": "Success", "AccessKeyId": "ASIAEC2", "SecretAccessKey": CANARY, "Token": "t"}
        answers = {
            "/latest/api/token": "key",
            "/latest/meta-data/iam/security-credentials/": "role",
            "/latest/meta-data/iam/security-credentials/role": json.dumps({**keys, "Expiration": in_seconds(3600)}),
        }
        return 200, "text/plain", answers[path]

    server.reply = metadata
    home.environment(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=server.origin)
    home.config("[profile empty]\nregion = eu-west-1\n")
    assert "run `aws configure --profile empty`" in (await failure(login("empty"))).message
    assert not server.paths
    assert (await keys_of(login(region="us-east-1"))).key_id == "ASIAEC2"


async def test_a_container(home: AwsHome, server: LoginServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    keys = {"AccessKeyId": "ASIAECS", "SecretAccessKey": CANARY, "Token": "t", "Expiration": in_seconds(3600)}
    server.reply = lambda path, form: (200, "application/json", json.dumps(keys))
    home.environment(AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{server.origin}/task")
    assert (await keys_of(login(region="us-east-1"))).key_id == "ASIAECS"
    server.reply = lambda path, form: (403, "application/json", f'{{"message": "{CANARY}"}}')
    assert "can't be fetched; check the program that gives them" in (await failure(login(region="us-east-1"))).message


async def test_a_login_of_aws_login(home: AwsHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package that botocore needs for it were there."""
    monkeypatch.setattr("botocore.credentials.EC", object())
    home.config("[profile x]\nregion = eu-west-1\nlogin_session = arn:aws:iam::1:user/me\n")
    assert (await failure(login("x"))).message == (
        "The AWS login for profile x is missing or has ended; run `aws login --profile x`."
    )


MFA = ROLE.replace("source_profile", "mfa_serial = arn:aws:iam::123456789012:mfa/me\nsource_profile") + KEYS


@pytest.mark.parametrize(
    ("config", "profile", "says"),
    [
        ("", None, "No AWS credentials are found (AWS's default credentials); run `aws configure` or"),
        ("", "gone", "There is no AWS profile gone;"),
        ("[profile 'a b']\n", "a b", "run `aws configure --profile 'a b'`"),
        ("[profile x]\naws_access_key_id = AKIA\n", "x", "missing: aws_secret_access_key"),
        (
            "[profile x]\nrole_arn = r\nsource_profile = y\n[profile y]\nrole_arn = r\nsource_profile = x\n",
            "x",
            "Infinite",
        ),
        ("[profile x]\nsso_account_id = 1\nsso_role_name = r\n", "x", "missing required configuration: sso_start_url"),
        ("what is this?", "x", "Unable to parse config file"),
        (MFA, "role", "nobody can type it here; use a profile without mfa_serial"),
        ("[profile x]\nlogin_session = arn:aws:iam::1:user/me\n", "x", "`aws login`"),
        ("[profile x]\ncredential_process = /no/such/program\n", "x", "No such file or directory: '/no/such/program'"),
    ],
)
async def test_what_is_wrong_is_told(home: AwsHome, config: str, profile: str | None, says: str) -> None:
    home.config(config)
    error = await failure(login(profile, "us-east-1"))
    assert says in error.message
    assert isinstance(error, Unauthorized) and error.code == "credential_refused"


ECHO = f"The signature does not match.\n\nThe Canonical String: x-amz-security-token:{CANARY}"


@pytest.mark.parametrize(
    ("reply", "kind", "code", "says"),
    [
        (refusal_of_sts("AccessDenied", f"Not for {CANARY}."), Unauthorized, "credential_refused", "Not for ***"),
        (refusal_of_sts("SignatureDoesNotMatch", ECHO), Unauthorized, "credential_refused", "this machine's clock"),
        (refusal_of_sts("Throttling", "Slow down", 400), UpstreamError, "token_endpoint_failed", "try again"),
        (refusal_of_sts("TooManyRequests", "Slow down", 429), UpstreamError, "token_endpoint_failed", "try again"),
        (refusal_of_sts("ServiceUnavailable", "Later", 503), UpstreamError, "token_endpoint_failed", "try again"),
        ((200, "text/html; charset=utf-8", "<html>Log in"), UpstreamError, "token_endpoint_failed", "A web page came"),
        ((302, "text/xml", ""), UpstreamError, "token_endpoint_failed", "Unable to parse response"),
        ((200, "text/xml", "<not"), UpstreamError, "token_endpoint_failed", "Unable to parse response"),
    ],
)
async def test_what_sts_says(
    *,
    home: AwsHome,
    server: LoginServer,
    reply: tuple[int, str, str],
    kind: type[BridgeError],
    code: str,
    says: str,
) -> None:
    home.config(ROLE + KEYS)
    home.environment(AWS_MAX_ATTEMPTS=1)  # botocore's own further tries take seconds
    server.reply = lambda path, form: reply
    error = await failure(login("role"))
    assert isinstance(error, kind) and error.code == code and says in error.message
    assert server.paths == ["/"]  # no redirection is followed: it could lead a token anywhere


@pytest.mark.parametrize("network", [Network(), Network({"all": "http://user:canary@127.0.0.1:9"})])
async def test_a_service_that_cannot_be_reached(home: AwsHome, network: Network) -> None:
    """Directly, or by the proxy of the settings, which botocore's own client would not know."""
    home.config(ROLE + KEYS)
    direct = not network.proxies
    home.environment(AWS_ENDPOINT_URL_STS="http://127.0.0.1:9" if direct else "http://sts.example")
    session = functools.partial(TokenSession, network, ssl.create_default_context)
    error = await failure(AwsCredential(AwsAccount("us-east-1", AwsLogin("role")), session))
    assert isinstance(error, UpstreamError) and error.status == 503 and error.code == "token_endpoint_unreachable"
    assert ("127.0.0.1" if direct else "proxy") in error.message and "canary" not in error.message
