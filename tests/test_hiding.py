"""No finding shows a secret of the settings."""

from __future__ import annotations

from pathlib import Path

from oai_bridge.doctor.findings import Finding
from oai_bridge.doctor.hiding import hidden, secrets_of
from oai_bridge.settings.values import (
    AwsAccount,
    AwsApiKey,
    AwsKeys,
    Azure,
    AzureAccount,
    AzureKey,
    Bedrock,
    Config,
    CredentialFile,
    GoogleAccount,
    Network,
    ServiceAccount,
    Vertex,
)
from tests.support.clients import unnamed

CANARIES = {f"canary-{number}-canary" for number in range(7)}
KEY = "-----BEGIN PRIVATE KEY-----\ncanary-0-canary\n-----END PRIVATE KEY-----\n"
AWS = (
    AwsAccount("us-east-1", AwsKeys("AKIA", "canary-1-canary", "canary-2-canary")),
    AwsAccount("us-east-1", AwsApiKey("canary-3-canary")),
)
CONFIG = Config(
    clients=unnamed("canary-4-canary", "short"),
    vertex=Vertex(accounts=(GoogleAccount("p", "global", ServiceAccount({"private_key": KEY})),)),
    bedrock=Bedrock(accounts=AWS),
    azure=Azure(accounts=(AzureAccount("https://a.b", AzureKey("canary-5-canary")),)),
    network=Network({"https": "http://me:canary-6-canary@proxy:80"}),
)


def test_all_secrets_of_the_settings_are_known(tmp_path: Path) -> None:
    assert secrets_of(CONFIG) == CANARIES
    file = tmp_path / "login.json"
    file.write_text('{"refresh_token": "canary-8-canary"}')
    account = GoogleAccount("p", "global", CredentialFile(str(file)))
    assert secrets_of(Config(vertex=Vertex(accounts=(account,)))) == {"canary-8-canary"}


def test_no_part_of_a_finding_shows_one() -> None:
    all_of_them, stars = " ".join(CANARIES), " ".join(["***"] * len(CANARIES))
    found = hidden(Finding("network", all_of_them, "failed", all_of_them, f"short {all_of_them}"), secrets_of(CONFIG))
    assert found == Finding("network", stars, "failed", stars, f"short {stars}")
