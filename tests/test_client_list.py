"""client_list.py: named clients with their limits, and what is wrong with them in a sentence that shows no key."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.settings.clients import Caps, Client, Spending
from oai_bridge.settings.config import build_config
from oai_bridge.settings.values import ConfigError


def keys(*given: object) -> tuple[Client, ...]:
    return build_config({"server": {"client_keys": list(given)}}, {}, {}).clients


def test_a_key_alone_is_called_by_its_place() -> None:
    assert keys("one", {"key": "two"}, {"name": "tavern", "key": "three"}) == (
        Client("key 1", "one"),
        Client("key 2", "two"),
        Client("tavern", "three"),
    )


def test_everything_said() -> None:
    limits = {"usd_per_day": 5, "usd_per_month": 50.5, "tokens_per_day": 1000, "tokens_per_month": 2000}
    given = {"name": "agent", "key": "k", "models": ["claude-*"], "requests_per_minute": 3, **limits}
    assert keys(given) == (Client("agent", "k", ("claude-*",), 3, Caps(5, 50.5, 1000, 2000)),)


def test_a_key_of_the_environment_replaces_them_and_is_never_shown() -> None:
    config = build_config({"server": {"client_keys": ["file"]}}, {"PROXY_KEY": "canary"}, {})
    assert config.client_keys == ("canary",) and "canary" not in repr(config)


def test_caps_of_all_together() -> None:
    config = build_config({"spending": {"usd_per_month": 20, "unpriced": "allow"}}, {}, {})
    assert config.spending == Spending(Caps(usd_per_month=20), "allow")
    assert build_config({}, {}, {}).spending == Spending()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([{"name": "a"}], "server.client_keys[0].key is missing"),
        ([{"key": "ca nary"}], "server.client_keys[0].key must hold keys of ASCII"),
        (["canary", "canary"], "server.client_keys[1] has the key of another client"),
        ([{"name": "a", "key": "x"}, {"name": "a", "key": "y"}], "server.client_keys[1] has the name of another"),
        (["x", {"name": "key 1", "key": "y"}], "server.client_keys[1] has the name of another"),
        ([{"name": " ", "key": "canary"}], "server.client_keys[0].name must be a short name"),
        ([{"name": "a\nb", "key": "canary"}], "server.client_keys[0].name must be a short name"),
        ([{"name": "a" * 41, "key": "canary"}], "server.client_keys[0].name must be a short name"),
        ([{"key": "canary", "models": [""]}], "server.client_keys[0].models[0]"),
        ([{"key": "canary", "requests_per_minute": 0}], "server.client_keys[0].requests_per_minute must be a whole"),
        ([{"key": "canary", "usd_per_day": 0}], "server.client_keys[0].usd_per_day must be above 0"),
        ([{"key": "canary", "tokens_per_day": -1}], "server.client_keys[0].tokens_per_day must be above 0"),
        ([{"key": "canary", "tokens_per_day": 1.5}], "server.client_keys[0].tokens_per_day must be a whole number"),
        ([{"key": "canary", "usd": 1}], "server.client_keys[0].usd is not a setting"),
    ],
)
def test_what_is_wrong_is_told_without_the_key(given: list[Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        keys(*given)
    assert said in str(caught.value) and "canary" not in str(caught.value)
