"""Tests for checks.py: single settings, put right or refused."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.checks import CHECKS
from oai_bridge.settings import ConfigError


@pytest.mark.parametrize(
    ("setting", "given", "value"),
    [
        ("server.host", "127.0.0.1", "127.0.0.1"),
        ("server.host", "::1", "::1"),
        ("server.host", "[::1]", "::1"),
        ("server.host", " my-host.example ", "my-host.example"),
        ("server.host", "", None),
        ("server.port", 0, 0),
        ("server.port", "65535", 65535),
        ("server.client_keys", ["a", "b~!"], ("a", "b~!")),
        ("server.client_keys", [], ()),
        ("server.allowed_hosts", ["Host.Docker.Internal.", "[::1]"], ("host.docker.internal", "::1")),
        ("server.prefix", "/proxy", "/proxy"),
        ("server.prefix", "proxy/", "/proxy"),
        ("server.prefix", "/a/b-c_d.e~f", "/a/b-c_d.e~f"),
        ("server.prefix", "//a//", "/a"),
        ("server.prefix", "/", ""),
        ("server.prefix", "", ""),
        ("server.title", "  My\n Tunnel ", "My Tunnel"),
        ("server.title", "", "oai-vertex"),
        ("server.log_level", "trace", "debug"),
        ("server.log_level", " WARNING", "warn"),
        ("vertex.base_url", "https://h", "https://h"),
        ("vertex.base_url", "https://h/", "https://h"),
        ("vertex.base_url", "https://h/v1", "https://h"),
        ("vertex.base_url", "https://h/v1//", "https://h"),
        ("vertex.base_url", "https://h/a/v1/", "https://h/a"),
        ("vertex.base_url", "https://h/apiv1", "https://h/apiv1"),
        ("vertex.base_url", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("claude.max_output_tokens", "400", 400),
        ("claude.first_user_text", " x ", " x "),
        ("claude.mid_system", "user", "user"),
        ("network.proxy", "host:1", "http://host:1"),
    ],
)
def test_put_right(setting: str, given: Any, value: object) -> None:
    section, _, name = setting.partition(".")
    assert CHECKS[section, name]("x", given) == value


@pytest.mark.parametrize(
    ("setting", "given", "words"),
    [
        ("server.host", "http://x", "must be an IP address or a host name"),
        ("server.host", "a b", "must be an IP address or a host name"),
        ("server.host", "x:80", "must be an IP address or a host name"),
        ("server.port", 65536, "must be a whole number from 0 to 65535, not '65536'"),
        ("server.port", "-1", "must be a whole number from 0 to 65535, not '-1'"),
        ("server.port", "\u0661", "must be a whole number from 0 to 65535"),
        ("server.port", "9" * 5000, "must be a whole number from 0 to 65535, not what stands there"),
        ("server.client_keys", ["fine", "ca nary"], "must hold keys of ASCII"),
        ("server.client_keys", [""], "must hold keys of ASCII"),
        ("server.client_keys", ["\u5bc6canary"], "must hold keys of ASCII"),
        ("server.allowed_hosts", ["*"], "x[0] ('*') must be a host name"),
        ("server.allowed_hosts", ["a", "b:80"], "x[1] ('b:80') must be a host name"),
        ("server.allowed_hosts", ["https://a"], "x[0] ('https://a') must be a host name"),
        ("server.prefix", "/a b", "must be a path such as /proxy"),
        ("server.prefix", "/a?b", "must be a path such as /proxy"),
        ("server.prefix", "/a//b", "must be a path such as /proxy"),
        ("server.log_level", "loud", "must be debug, info, warn or error, not 'loud'"),
        ("vertex.base_url", "host", "must be a URL such as https://host/path"),
        ("vertex.base_url", "https://u:canary@h", "must be a URL such as https://host/path"),
        ("claude.max_output_tokens", "0", "must be a whole number from 1"),
        ("claude.first_user_text", " \n", "must not be empty"),
        ("claude.continue_text", "", "must not be empty"),
        ("claude.mid_system", "x", "must be inline or hoist or user, not 'x'"),
        ("network.proxy", "ftp://canary", "is not a usable proxy"),
    ],
)
def test_refused(setting: str, given: Any, words: str) -> None:
    section, _, name = setting.partition(".")
    with pytest.raises(ConfigError) as caught:
        CHECKS[section, name]("x", given)
    message = str(caught.value)
    assert words in message and message.startswith("x") and message.endswith(".")
    assert "canary" not in message and "\n" not in message
