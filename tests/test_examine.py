"""The examination over real sockets: each fault is told once, where it is, and what follows from it is skipped."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.doctor.sentences import document, line
from tests.support.aws_logins import AwsHome
from tests.support.behaviours import Drop, Hang, Reply
from tests.support.cloud_errors import aws_error, azure_error, google_error, invalid_grant
from tests.support.connect_proxy import ConnectProxy
from tests.support.doctors import examined, first, only, states
from tests.support.fake_azure import FakeAzure
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_foundry import FakeFoundry
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import free_port
from tests.support.sites import site

ALL_WELL = ["settings: ok", "network: ok", "clock: ok", "credential: ok", "model: ok"]


@dataclass
class Clouds:
    vertex: FakeVertex
    bedrock: FakeBedrock
    azure: FakeAzure
    foundry: FakeFoundry

    def azure_accounts(self, *deployments: str) -> dict[str, Any]:
        account = {"endpoint": self.azure.origin, "api_key": self.azure.key(), "deployments": list(deployments)}
        return {"azure": {"accounts": [account]}}


@pytest.fixture(scope="module")
def clouds() -> Iterator[Clouds]:
    with FakeVertex() as vertex, FakeBedrock() as bedrock, FakeAzure() as azure, FakeFoundry() as foundry:
        yield Clouds(vertex, bedrock, azure, foundry)


@pytest.fixture(autouse=True)
def afresh(clouds: Clouds) -> Iterator[None]:
    yield
    for cloud in (clouds.vertex, clouds.bedrock, clouds.azure, clouds.foundry):
        cloud.unscript()
        cloud.rule = lambda received: None
    clouds.vertex.clock_skew = clouds.bedrock.clock_skew = 0.0
    clouds.bedrock.denied.clear()


def always(clouds: Clouds, cloud: str, reply: Reply) -> None:
    getattr(clouds, cloud).rule = lambda received: reply


# -- all is well ------------------------------------------------------------------------------------------------------


async def test_all_clouds_are_examined_and_what_is_asked_is_tiny(clouds: Clouds) -> None:
    environment = clouds.vertex.environment() | clouds.bedrock.environment() | clouds.foundry.environment()
    findings = await examined(environment, clouds.azure_accounts("gpt-4o", "text-embedding-3-small", "dall-e-3"))
    assert states(findings) == [
        *("settings: ok", *["network: ok"] * 4, "clock: ok"),
        *("credential: ok", "model: ok", "model: ok"),  # Google: Claude, Gemini
        *("credential: ok", "model: ok", "model: ok", "model: ok"),  # AWS: Claude, gpt-oss, the others
        *("credential: ok", "model: ok", "credential: ok", "model: ok"),  # Azure, Foundry
    ]
    models = [finding for finding in findings if finding.check == "model"]
    assert [finding.cost == 0 for finding in models] == [True, False, True, False, False, False, True]
    assert all("free" in finding.message for finding in models if finding.cost == 0)
    assert all("cost" in finding.message and (finding.cost or 1) < 0.001 for finding in models if finding.cost)
    asked = [one.parsed for cloud in vars(clouds).values() for one in cloud.requests if one.good]
    assert len(asked) == 7
    assert all("max_tokens" not in body or body["max_tokens"] <= 16 for body in asked)
    assert clouds.vertex.mints == 1


async def test_the_demo_is_examined_where_nothing_is_configured() -> None:
    findings = await examined({})
    assert states(findings) == ["settings: ok", "settings: warning", *ALL_WELL[1:]]
    told = first(findings, "warning")
    assert "embedded demo answers" in told.message
    assert "GCP_CREDENTIALS" in told.remedy


async def test_nothing_is_paid_for_where_that_is_not_wanted(clouds: Clouds) -> None:
    before = len(clouds.azure.requests)
    findings = await examined(clouds.vertex.environment(), clouds.azure_accounts("gpt-4o"), paid=False)
    models = [finding for finding in findings if finding.check == "model"]
    assert [finding.state for finding in models] == ["ok", "skipped", "skipped"]
    assert "costs money" in models[1].message
    assert [one for one in clouds.azure.requests[before:] if one.method == "POST"] == []


async def test_one_token_serves_all_regions_of_a_payer(clouds: Clouds) -> None:
    clouds.vertex.regions.add("europe-west1")
    before = clouds.vertex.mints
    account = {"credentials": clouds.vertex.service_account(), "regions": ["us-east5", "europe-west1"]}
    document = {"vertex": {"base_url": clouds.vertex.base_url, "accounts": [account]}}
    findings = await examined({}, document, paid=False)
    assert states(findings).count("credential: ok") == 1
    assert states(findings).count("model: ok") == 2
    assert clouds.vertex.mints == before + 1


# -- the settings -----------------------------------------------------------------------------------------------------


async def test_what_the_settings_ignore_and_what_they_expose_is_told(clouds: Clouds, tmp_path: Path) -> None:
    environment = clouds.foundry.environment() | {"OPENAI_KEY": "x", "BIND_ADDRESS": "0.0.0.0"}
    file = tmp_path / ".env"
    file.write_text("PROXY_KEY=x")
    file.chmod(0o644)
    findings = await examined(environment, files=[file])
    assert "OPENAI_KEY" in first(findings, "warning").message
    exposed = first(findings, "failed")
    assert "others could spend your money" in exposed.message
    assert "BIND_ADDRESS" in exposed.remedy
    assert only(findings, "files").remedy == f"Run `chmod 600 {file}`."


# -- each fault of a login or of a call -------------------------------------------------------------------------------


def other_project(clouds: Clouds) -> dict[str, str]:
    return clouds.vertex.environment() | {"ANTHROPIC_VERTEX_PROJECT_ID": "other-project"}


def vertex(reply: Reply) -> Callable[[Clouds], dict[str, str]]:
    def prepare(clouds: Clouds) -> dict[str, str]:
        always(clouds, "vertex", reply)
        return clouds.vertex.environment()

    return prepare


def grants(reply: Reply) -> Callable[[Clouds], dict[str, str]]:
    def prepare(clouds: Clouds) -> dict[str, str]:
        clouds.vertex.script_token(reply)
        return clouds.vertex.environment()

    return prepare


def bedrock(reply: Reply) -> Callable[[Clouds], dict[str, str]]:
    def prepare(clouds: Clouds) -> dict[str, str]:
        always(clouds, "bedrock", reply)
        return clouds.bedrock.environment()

    return prepare


def deleted_key(clouds: Clouds) -> dict[str, str]:
    environment = clouds.bedrock.environment()
    clouds.bedrock.keys.revoke()
    return environment


def deleted_api_key(clouds: Clouds) -> dict[str, str]:
    environment = clouds.bedrock.api_key_environment()
    clouds.bedrock.keys.revoke()
    return environment


def wrong_secret(clouds: Clouds) -> dict[str, str]:
    environment = clouds.bedrock.environment()
    id, secret, region = environment["AWS_CREDENTIALS"].split(":")
    return environment | {"AWS_CREDENTIALS": f"{id}:{secret[::-1]}:{region}"}


def wrong_aws_region(clouds: Clouds) -> dict[str, str]:
    environment = clouds.bedrock.environment()
    return environment | {"AWS_CREDENTIALS": environment["AWS_CREDENTIALS"].replace("us-east-1", "eu-west-3")}


def revoked_foundry_key(clouds: Clouds) -> dict[str, str]:
    environment = clouds.foundry.environment()
    clouds.foundry.revoke()
    return environment


API_OFF = "Vertex AI API has not been used in project 1 before or it is disabled. Enable it by visiting …"
BILLING = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "BILLING_DISABLED"}
NO_BILLING = Reply(
    403,
    {
        "error": {
            **{"code": 403, "status": "PERMISSION_DENIED", "details": [BILLING]},
            "message": "This API method requires billing to be enabled.",
        }
    },
)
REGION = "Publisher Model `x` is not servable in region us-east5."
FAULTS: dict[str, tuple[Callable[[Clouds], dict[str, str]], str, str, str]] = {
    "wrong project": (other_project, "model", "in the project other-project, or there is no such", "Vertex AI User"),
    "API not enabled": (
        vertex(google_error(403, API_OFF)),
        "model",
        "is not enabled in the project",
        "gcloud services",
    ),
    "billing disabled": (vertex(NO_BILLING), "model", "Billing is disabled for the project test-project", "Link a"),
    "no model": (vertex(google_error(404)), "model", "can't be had in us-east5", "Enable the model in Model Garden"),
    "wrong region": (
        vertex(google_error(400, REGION, status="FAILED_PRECONDITION")),
        "model",
        "The region us-east5 does not serve claude-",
        "`global` serves most",
    ),
    "quota": (vertex(google_error(429)), "model", "The quota of test-project", "ask for more"),
    "key deleted": (grants(invalid_grant()), "credential", "The key of caller@test-project", "Create a new key"),
    "account deleted": (
        grants(invalid_grant("Invalid grant: account not found")),
        "credential",
        "There is no active service account caller@",
        "Choose another account",
    ),
    "login expired": (
        grants(invalid_grant("Token has been expired or revoked.")),
        "credential",
        "has expired",
        "Run `gcloud auth application-default login`",
    ),
    "AWS key deleted": (deleted_key, "model", "AWS does not know key AKIA…", "create a new access key"),
    "AWS API key deleted": (deleted_api_key, "model", "AWS does not accept Bedrock API key", "Create a new Bedrock"),
    "AWS wrong secret": (wrong_secret, "model", "secret access key does not belong to key AKIA…", "Copy both parts"),
    "AWS wrong region": (wrong_aws_region, "model", "is not one of eu-west-3", "Correct the region"),
    "AWS login expired": (bedrock(aws_error("ExpiredTokenException")), "model", "has expired", "Run `aws sso login`"),
    "AWS no access": (
        bedrock(aws_error("AccessDeniedException")),
        "model",
        "has no access to claude-",
        "#/modelaccess",
    ),
    "AWS quota": (bedrock(aws_error("ThrottlingException")), "model", "is used up", "Service Quotas"),
    "Foundry key deleted": (revoked_foundry_key, "model", "does not accept the API key …", "Keys and Endpoint"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_gets_its_own_sentence(clouds: Clouds, fault: str) -> None:
    prepare, check, cause, remedy = FAULTS[fault]
    findings = await examined(prepare(clouds), paid=False)
    found = first(findings, "failed")
    assert found.check == check
    assert cause in found.message
    assert remedy in found.remedy
    after = [finding.state for finding in findings[findings.index(found) + 1 :]]
    assert set(after) <= {"skipped"}, "what follows from it is not told again"


async def test_an_azure_deployment_that_is_not_there(clouds: Clouds) -> None:
    found = first(await examined({}, clouds.azure_accounts("gone")), "failed")
    assert "There is no deployment of gone" in found.message
    clouds.azure.rule = lambda received: azure_error(403, "Access denied due to Virtual Network/Firewall rules.")
    found = first(await examined({}, clouds.azure_accounts("gpt-4o")), "failed")
    assert "The network rules of" in found.message


async def test_a_missing_login_of_aws_s_own_tools(clouds: Clouds, tmp_path: Path, monkeypatch: Any) -> None:
    AwsHome(tmp_path, monkeypatch)
    account = {"profile": "work", "region": "us-east-1"}
    findings = await examined({}, {"bedrock": {"base_url": clouds.bedrock.origin, "accounts": [account]}})
    found = only(findings, "credential")
    assert (found.state, only(findings, "model").state) == ("failed", "skipped")
    assert "There is no AWS profile work" in found.message
    assert found.remedy.startswith("Correct its name")


# -- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cloud", "seconds", "way"), [("vertex", 600, "slow"), ("bedrock", -600, "fast")])
async def test_a_clock_ten_minutes_off_is_told_as_the_cause(
    clouds: Clouds, cloud: str, seconds: float, way: str
) -> None:
    fake = getattr(clouds, cloud)
    fake.clock_skew = seconds
    findings = await examined(fake.environment(), paid=False)
    failed = [finding for finding in findings if finding.state == "failed"]
    assert [finding.check for finding in failed] == ["clock"]
    assert failed[0].message == f"It is 10 minutes {way}."
    assert "Set the clock" in failed[0].remedy
    skipped = first(findings, "skipped")
    assert f"while this machine's clock is 10 minutes {way}" in skipped.message
    assert skipped.remedy == "Set the clock first."


async def test_a_clock_two_minutes_off_is_a_warning(clouds: Clouds) -> None:
    clouds.vertex.clock_skew = 120
    findings = await examined(clouds.vertex.environment(), paid=False)
    assert states(findings)[2:5] == ["clock: warning", "credential: ok", "model: ok"]


# -- the network ------------------------------------------------------------------------------------------------------

RESOURCE = {"endpoint": "https://my-resource.openai.azure.com", "api_key": "k" * 32, "deployments": ["gpt-4o"]}
AT_AZURE = {"azure": {"accounts": [RESOURCE]}}


async def test_blocked_by_a_proxy(clouds: Clouds) -> None:
    with ConnectProxy({}) as proxy:
        findings = await examined({"HTTPS_PROXY": proxy.url}, AT_AZURE)
    assert states(findings)[1:] == ["network: failed", "clock: skipped", "credential: ok", "model: skipped"]
    found = only(findings, "network")
    assert "The proxy refused the way to my-resource.openai.azure.com (HTTP 403)" in found.message
    assert "It may block my-resource.openai.azure.com" in found.remedy
    assert proxy.asked == ["my-resource.openai.azure.com:443"]


async def test_a_proxy_that_is_not_there_or_wants_another_login() -> None:
    port = free_port()
    findings = await examined({"HTTPS_PROXY": f"http://127.0.0.1:{port}"}, AT_AZURE)
    assert "can't be reached" in only(findings, "network").message
    assert "HTTPS_PROXY" in only(findings, "network").remedy
    with ConnectProxy({}, login="me:right-password") as proxy:
        url = proxy.url.replace("right", "wrong")
        found = only(await examined({"HTTPS_PROXY": url}, AT_AZURE), "network")
    assert "(HTTP 407)" in found.message
    assert "password" in found.remedy
    assert "wrong-password" not in line(found)


async def test_a_name_that_nobody_has_and_a_certificate_that_nobody_trusts() -> None:
    endpoint = {"endpoint": "https://my-resource.invalid"}
    found = only(await examined({}, {"azure": {"accounts": [RESOURCE | endpoint]}}), "network")
    assert "my-resource.invalid can't be resolved" in found.message
    assert "whether my-resource exists" in found.remedy
    with FakeAzure(tls=True) as cloud:
        account = {"endpoint": cloud.origin, "api_key": cloud.key(), "deployments": ["gpt-4o"]}
        found = only(await examined({}, {"azure": {"accounts": [account]}}), "network")
        assert "TLS with 127.0.0.1 failed" in found.message
        assert "network.ca_file" in found.remedy
        assert "date is right: it is " in found.remedy
        assert cloud.ca_file is not None
        findings = await examined({"SSL_CERT_FILE": cloud.ca_file}, {"azure": {"accounts": [account]}})
        assert states(findings) == ALL_WELL


async def test_a_token_endpoint_out_of_reach_is_told_once(clouds: Clouds) -> None:
    info = clouds.vertex.service_account() | {"token_uri": f"http://127.0.0.1:{free_port()}/token"}
    findings = await examined(clouds.vertex.environment() | {"GOOGLE_APPLICATION_CREDENTIALS": json.dumps(info)})
    assert states(findings)[1:] == [
        *("network: failed", "network: ok", "clock: ok", "credential: skipped", "model: skipped"),
    ]


async def test_a_redirect_is_told_and_not_followed() -> None:
    async def lead_away(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    async with site(lead_away) as portal:
        account = {"endpoint": f"http://127.0.0.1:{portal.port}", "api_key": "k" * 32, "deployments": ["gpt-4o"]}
        findings = await examined({}, {"azure": {"accounts": [account]}})
    found = only(findings, "network")
    assert (found.state, found.remedy) == ("warning", "See whether the network wants a login first.")
    assert "(HTTP 302)" in found.message
    assert only(findings, "model").state == "failed"
    assert not any("elsewhere" in head for head in portal.heads)


async def test_no_check_takes_longer_than_its_limit(clouds: Clouds) -> None:
    clouds.vertex.script_token(Hang())
    findings = await examined(clouds.vertex.environment(), limit=1.0)
    assert only(findings, "credential").message == "No access came within 1 s."
    clouds.vertex.release()
    clouds.vertex.script(Hang())
    findings = await examined(clouds.vertex.environment(), limit=1.0, paid=False)
    assert "within 1 s" in first(findings, "failed").message
    clouds.vertex.script(Drop())
    findings = await examined(clouds.vertex.environment(), paid=False)
    assert "closed the connection before it answered" in first(findings, "failed").message


# -- secrets ----------------------------------------------------------------------------------------------------------


async def test_no_secret_is_shown_whatever_others_repeat(clouds: Clouds) -> None:
    environment = clouds.vertex.environment() | clouds.bedrock.environment() | clouds.foundry.environment()
    private = json.loads(environment["GOOGLE_APPLICATION_CREDENTIALS"])["private_key"]
    secret = environment["AWS_CREDENTIALS"].split(":")[1]
    keys = [secret, *(value for name, value in environment.items() if name.endswith("API_KEY"))]
    keys += [text for text in private.splitlines() if not text.startswith("---")]
    echoed = " ".join([private.replace("\n", ""), *keys])
    clouds.vertex.script_token(invalid_grant(f"unauthorized {echoed}"))
    clouds.bedrock.rule = lambda received: aws_error("AccessDeniedException", f"{dict(received.headers)} {echoed}")
    clouds.foundry.rule = lambda received: azure_error(403, f"{dict(received.headers)} {echoed}")
    first_time = await examined(environment)
    clouds.vertex.rule = lambda received: google_error(403, f"{dict(received.headers)} {echoed}")
    second_time = await examined(environment)
    assert clouds.vertex.tokens
    for findings in (first_time, second_time):
        text = document(findings) + "\n".join(map(line, findings))
        assert len([finding for finding in findings if finding.state == "failed"]) >= 3
        assert [key for key in [*keys, *clouds.vertex.tokens] if key in text] == []
        assert "***" in text
