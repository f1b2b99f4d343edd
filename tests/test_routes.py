"""The calls that are worth a try, and the services that are for one account alone."""

from __future__ import annotations

import time
from dataclasses import replace

from oai_bridge.directory import Directory
from oai_bridge.doctor.routes import Trial, narrowed, trials
from oai_bridge.money.books import Books
from oai_bridge.settings.config import build_config
from oai_bridge.settings.values import Config
from oai_bridge.start.assembly import assemble
from tests.support.doctors import catalog
from tests.support.small_cloud import Key

DOCUMENT = {
    "server": {"client_keys": ["k" * 30]},
    "models": {
        "aliases": {"gpt-4o": "claude-sonnet-4-5"},
        "fallbacks": {"claude-sonnet-4-5": ["gpt-4o"]},
        "list": ["claude-sonnet-4-5"],
    },
    "azure": {
        "accounts": [
            {"endpoint": f"https://{name}.openai.azure.com", "api_key": "k", "deployments": ["gpt-4o"]}
            for name in ("one", "two")
        ]
    },
    "bedrock": {
        "accounts": [{"access_key_id": "AKIA" + "X" * 16, "secret_access_key": "s" * 40, "region": "us-east-1"}]
    },
}


async def test_the_services_are_for_one_account_and_keep_nothing_from_it() -> None:
    config = build_config(DOCUMENT, {}, {})
    services = await assemble(config, catalog(), Directory(config, catalog()), None, Books(config, time.time))
    credential = services.credentials["azure"][1]
    found = narrowed(services, catalog(), "azure", 1, credential, limit=7.0)
    assert [account.label for accounts in found.config.accounts.values() for account in accounts] == [
        "two.openai.azure.com (API key)"
    ]
    assert {kind: list(given) for kind, given in found.credentials.items() if given} == {"azure": [credential]}
    assert [door.backend.name for door in found.directory.doors] == ["azure"]
    assert (found.config.failover.attempts, found.config.failover.rest, found.config.timeouts.total) == (1, False, 7.0)
    assert not (found.config.aliases or found.config.fallbacks or found.config.models or found.config.clients)
    assert found.gate is not services.gate
    assert found.upstream is services.upstream
    assert services.config is config


def asked(config: Config) -> list[list[tuple[str, str]]]:
    """What is tried at the doors of the only account."""
    found = trials(config, Directory(config, catalog()), Key())
    return [[(trial.kind, trial.facts.id) for trial in tried] for _, tried in found]


def test_claude_s_tokens_are_counted_and_others_are_asked_the_cheapest_first() -> None:
    config = replace(build_config({"bedrock": DOCUMENT["bedrock"]}, {}, {}))
    claude, gpt_oss, others = asked(config)
    assert {kind for kind, _ in claude} == {"count_tokens"}
    assert {kind for kind, _ in gpt_oss + others} == {"chat"}
    assert len(claude) == len(others) == 4
    assert others[0] == ("chat", "nova-micro")
    prices = [catalog().find(id).prices.input for _, id in claude]  # type: ignore[union-attr]  # they are listed
    assert prices == sorted(prices)


def test_the_user_s_own_list_comes_before_all() -> None:
    document = {"bedrock": DOCUMENT["bedrock"], "models": {"list": ["mine"], "aliases": {"mine": "nova-pro"}}}
    assert asked(build_config(document, {}, {})) == [[("chat", "nova-pro")]]


def test_the_bodies_are_the_least_that_can_be_asked() -> None:
    chat = catalog().find_bedrock("nova-micro")
    assert chat is not None
    message = {"model": "nova-micro", "messages": [{"role": "user", "content": "Hi"}]}
    assert Trial("count_tokens", chat).body() == message
    assert Trial("chat", chat).body() == {**message, "max_tokens": 16}
    assert Trial("embeddings", chat).body() == {"model": "nova-micro", "input": "Hi"}
