"""Which hosts an account needs."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.doctor.reach import Host, cloud_host, login_host
from oai_bridge.settings.values import (
    AmbientLogin,
    AwsAccount,
    AwsLogin,
    AzureAccount,
    AzureKey,
    Bedrock,
    Config,
    FoundryAccount,
    GoogleAccount,
    ServiceAccount,
    Vertex,
)

GLOBAL, REGION = (GoogleAccount("p", region, AmbientLogin()) for region in ("global", "us-east5"))
AWS, NOWHERE = (AwsAccount(region, AwsLogin()) for region in ("eu-west-3", None))
AZURE = AzureAccount("https://my.openai.azure.com", AzureKey("k"))
FOUNDRY = FoundryAccount("https://my.services.ai.azure.com/anthropic", AzureKey("k"))
OWN = Config(vertex=Vertex(base_url="http://127.0.0.1:9/x"), bedrock=Bedrock(base_url="https://vpce.example"))
MANTLE = Config(bedrock=Bedrock(api="mantle"))


@pytest.mark.parametrize(
    ("config", "account", "host"),
    [
        (Config(), GLOBAL, Host("https://aiplatform.googleapis.com")),
        (Config(), REGION, Host("https://us-east5-aiplatform.googleapis.com", "us-east5")),
        (OWN, REGION, Host("http://127.0.0.1:9")),
        (Config(), AWS, Host("https://bedrock-runtime.eu-west-3.amazonaws.com", "eu-west-3")),
        (OWN, AWS, Host("https://vpce.example")),
        (MANTLE, AWS, Host("https://bedrock-mantle.eu-west-3.api.aws", "eu-west-3")),
        (Config(), NOWHERE, None),
        (Config(), AZURE, Host("https://my.openai.azure.com", "my")),
        (Config(), AzureAccount("http://127.0.0.1:9", AzureKey("k")), Host("http://127.0.0.1:9")),
        (Config(), FOUNDRY, Host("https://my.services.ai.azure.com", "my")),
    ],
)
def test_where_an_account_s_models_answer(config: Config, account: Any, host: Host | None) -> None:
    assert cloud_host(config, account) == host


def test_where_an_account_s_tokens_come_from() -> None:
    key = ServiceAccount({"token_uri": "https://oauth2.googleapis.com/token"})
    assert login_host(GoogleAccount("p", "global", key)) == Host("https://oauth2.googleapis.com")
    assert [login_host(account) for account in (GLOBAL, AWS, AZURE, FOUNDRY)] == [None] * 4
