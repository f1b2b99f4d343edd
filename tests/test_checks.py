"""Tests for checks.py: single settings, put right or refused."""

from __future__ import annotations

import math
from ipaddress import ip_network
from typing import Any, get_type_hints

import pytest

from oai_bridge.settings.checks import CHECKS
from oai_bridge.settings.config_schema import GuardrailEntry
from oai_bridge.settings.traffic import Failover, Limits, Queueing, Timeouts
from oai_bridge.settings.values import Bedrock, Claude, ConfigError, Guardrail
from tests.support.clients import unnamed

LASTING = ("connect", "first_byte", "idle", "total")  # the times that can't be nothing
ARN = "arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:guardrail/ab12"


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
        ("server.client_keys", ["a", "b~!"], unnamed("a", "b~!")),
        (
            "server.allowed_origins",
            ["HTTP://LocalHost:80/", "https://[::1]:3000"],
            ("http://localhost", "https://[::1]:3000"),
        ),
        (
            "server.allowed_origins",
            ["App://Obsidian.md", "tauri://localhost:1"],
            ("app://obsidian.md", "tauri://localhost:1"),
        ),
        (
            "server.trusted_proxies",
            ["127.0.0.1", "::1", "10.1.2.3/8"],
            tuple(map(ip_network, ("127.0.0.1", "::1", "10.0.0.0/8"))),
        ),
        ("server.log_format", "json", "json"),
        ("spending.usd_per_day", 0.5, 0.5),
        ("spending.tokens_per_month", 10**12, 10**12),
        ("spending.unpriced", "allow", "allow"),
        ("ledger.keep_days", 32, 32),
        ("telemetry.traces", "http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces"),
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
        ("bedrock.base_url", "https://H/a/ ", "https://h/a"),
        ("bedrock.base_url", "http://localhost:1", "http://localhost:1"),
        ("bedrock.api", "converse", "converse"),
        ("bedrock.profiles", "global", "global"),
        ("bedrock.profiles", "geo_only", "geo_only"),
        ("bedrock.service_tier", "flex", "flex"),
        ("bedrock.anthropic_version", "bedrock-2023-05-31", "bedrock-2023-05-31"),
        ("bedrock.guardrail", GuardrailEntry(id="ab12"), Guardrail("ab12", "DRAFT")),
        ("bedrock.guardrail", GuardrailEntry(id="ab12", version=1), Guardrail("ab12", "1")),
        ("bedrock.guardrail", GuardrailEntry(id="ab12", version="12"), Guardrail("ab12", "12")),
        ("bedrock.guardrail", GuardrailEntry(id=ARN, version="DRAFT"), Guardrail(ARN, "DRAFT")),
        ("foundry.anthropic_version", "2023-06-01", "2023-06-01"),
        ("foundry.deployments", {"claude-sonnet-4-5": "mine"}, {"claude-sonnet-4-5": "mine"}),
        ("openai.max_output_tokens", "400", 400),
        ("claude.max_output_tokens", "400", 400),
        ("claude.first_user_text", " x ", " x "),
        ("claude.mid_system", "user", "user"),
        ("models.fallbacks", {}, {}),
        ("models.fallbacks", {"a": "b", "b": ["a"]}, {"a": ("b",), "b": ("a",)}),
        ("models.fallbacks", {"a": ["c", "b", "c"], "b": []}, {"a": ("c", "b"), "b": ()}),
        ("models.fallbacks", {"x" * 200: ["bedrock/a b"]}, {"x" * 200: ("bedrock/a b",)}),
        ("failover.attempts", 1, 1),
        ("failover.attempts", 20, 20),
        ("failover.within", 0.25, 0.25),
        ("failover.within", 86400, 86400),
        ("queue.length", 0, 0),
        ("queue.length", 100_000, 100_000),
        ("queue.timeout", 0, 0),
        ("queue.timeout", 1.5, 1.5),
        ("limits.concurrent", 1, 1),
        ("limits.concurrent", 100_000, 100_000),
        ("limits.requests_per_minute", 0, None),
        ("limits.requests_per_minute", "0", None),
        ("limits.requests_per_minute", "4", 4),
        ("limits.requests_per_minute", 1_000_000, 1_000_000),
        ("timeouts.connect", 1e-3, 1e-3),
        ("timeouts.first_byte", 1, 1),
        ("timeouts.idle", 86400.0, 86400),
        ("timeouts.total", 86400, 86400),
        ("timeouts.heartbeat", 0, 0),
        ("timeouts.heartbeat", 0.5, 0.5),
        ("timeouts.shutdown", 0.0, 0),
        ("timeouts.shutdown", 86400, 86400),
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
        ("server.port", 65536, "must be a whole number from 0 to 65535, not 65536"),
        ("server.port", "-1", "must be a whole number from 0 to 65535, not '-1'"),
        ("server.port", "\u0661", "must be a whole number from 0 to 65535"),
        ("server.port", "9" * 5000, "must be a whole number from 0 to 65535, not what stands there"),
        ("server.client_keys", ["fine", "ca nary"], "must hold keys of ASCII"),
        ("server.client_keys", [""], "must hold keys of ASCII"),
        ("server.allowed_origins", ["null"], "must be the origin of a web client"),
        ("server.allowed_origins", ["*"], "must be the origin of a web client"),
        ("server.allowed_origins", ["https://a.example/path"], "must be the origin of a web client"),
        ("server.allowed_origins", ["https://a.example:70000"], "must be the origin of a web client"),
        ("server.trusted_proxies", ["tunnel"], "must be the address of a proxy of yours"),
        ("server.log_format", "xml", "must be text or json"),
        ("spending.usd_per_day", 0, "must be above 0"),
        ("spending.usd_per_month", float("nan"), "must be above 0"),
        ("spending.tokens_per_day", 10**13, "must be above 0"),
        ("spending.unpriced", "free", "must be refuse or allow"),
        ("ledger.keep_days", 31, "from 32 to"),
        ("telemetry.traces", "http://example.com/v1/traces", "must be a URL"),
        ("server.client_keys", ["\u5bc6canary"], "must hold keys of ASCII"),
        ("server.allowed_hosts", ["*"], "x[0] ('*') must be a host name"),
        ("server.allowed_hosts", ["a", "b:80"], "x[1] ('b:80') must be a host name"),
        ("server.allowed_hosts", ["https://a"], "x[0] ('https://a') must be a host name"),
        ("server.prefix", "/a b", "must be a path such as /proxy"),
        ("server.prefix", "/a?b", "must be a path such as /proxy"),
        ("server.prefix", "/a//b", "must be a path such as /proxy"),
        ("server.log_level", "loud", "must be debug, info, warn or error, not 'loud'"),
        ("vertex.base_url", "host", "must be a URL such as https://us-east5-aiplatform.googleapis.com, with https"),
        ("vertex.base_url", "http://h", "must be a URL such as https://us-east5-aiplatform.googleapis.com, with https"),
        ("vertex.base_url", "https://u:canary@h", "must be a URL such as https://us-east5-aiplatform.googleapis.com"),
        ("bedrock.base_url", "http://h", "must be a URL such as https://bedrock-runtime.us-east-1.amazonaws.com, with"),
        ("bedrock.base_url", "https://u:canary@h", "must be a URL such as https://bedrock-runtime"),
        ("bedrock.api", "x", "must be invoke or messages or mantle or converse, not 'x'"),
        ("bedrock.profiles", "eu", "must be geo or geo_only or global, not 'eu'"),
        ("bedrock.service_tier", "auto", "must be default or priority or flex or reserved, not 'auto'"),
        ("bedrock.anthropic_version", "a\r\nb: c", "must be a version such as 2023-06-01, not 'a\\r\\nb: c'"),
        ("bedrock.guardrail", GuardrailEntry(), ".id must be the id of a guardrail, or its ARN"),
        ("bedrock.guardrail", GuardrailEntry(version=1), ".id must be the id of a guardrail, or its ARN"),
        ("bedrock.guardrail", GuardrailEntry(id="a\r\nb"), ".id must be the id of a guardrail, or its ARN"),
        ("bedrock.guardrail", GuardrailEntry(id="arn:aws:s3:::x"), ".id must be the id of a guardrail, or its ARN"),
        (
            "bedrock.guardrail",
            GuardrailEntry(id="a", version=0),
            ".version must be DRAFT or a number such as 1, not '0'",
        ),
        ("bedrock.guardrail", GuardrailEntry(id="a", version="1\n"), ".version must be DRAFT or a number such as 1"),
        ("bedrock.guardrail", GuardrailEntry(id="a", version="draft"), ".version must be DRAFT or a number such as 1"),
        ("foundry.anthropic_version", "", "must be a version such as 2023-06-01, not ''"),
        ("foundry.anthropic_version", "2023-06-01\n", "must be a version such as 2023-06-01"),
        ("foundry.deployments", {"m": "a/b"}, "('a/b') is not the name of a deployment"),
        ("openai.max_output_tokens", "0", "must be a whole number from 1"),
        ("claude.max_output_tokens", "0", "must be a whole number from 1"),
        ("claude.first_user_text", " \n", "must not be empty"),
        ("claude.continue_text", "", "must not be empty"),
        ("claude.mid_system", "x", "must be inline or hoist or user, not 'x'"),
        ("models.fallbacks", {"a": ["b", ""]}, "has an empty or unreadable name: use the models' names"),
        ("models.fallbacks", {"a": " "}, "has an empty or unreadable name: use the models' names"),
        ("models.fallbacks", {"": "a"}, "has an empty or unreadable name: use the models' names"),
        ("models.fallbacks", {"a": "canary\r\nx: y"}, "has an empty or unreadable name: use the models' names"),
        ("models.fallbacks", {"a": "canary" * 40}, "has an empty or unreadable name: use the models' names"),
        ("models.fallbacks", {"b": "c", "a": ["b", "a"]}, "('a') names itself: name another model to stand in"),
        ("failover.attempts", 0, "must be a whole number from 1 to 20, not 0"),
        ("failover.attempts", 21, "must be a whole number from 1 to 20, not 21"),
        ("failover.within", 0, "must be a number of seconds above 0, at most 86400, not 0"),
        ("queue.length", -1, "must be a whole number from 0 to 100000, not -1"),
        ("queue.length", 100_001, "must be a whole number from 0 to 100000, not 100001"),
        ("limits.concurrent", 0, "must be a whole number from 1 to 100000, not 0"),
        ("limits.concurrent", 100_001, "must be a whole number from 1 to 100000, not 100001"),
        ("limits.requests_per_minute", 1_000_001, "must be a whole number from 0 to 1000000, not 1000001"),
        ("limits.requests_per_minute", "-1", "must be a whole number from 0 to 1000000, not '-1'"),
        ("limits.requests_per_minute", "1.5", "must be a whole number from 0 to 1000000, not '1.5'"),
        ("limits.requests_per_minute", "many", "must be a whole number from 0 to 1000000, not 'many'"),
        *(
            (f"{section}.{setting}", given, "must be a number of seconds above 0, at most 86400, not")
            for section, setting in (("failover", "within"), *(("timeouts", name) for name in LASTING))
            for given in (0, -0.5, math.nan, math.inf, -math.inf, 86400.1)
        ),
        *(
            (setting, given, "must be a number of seconds from 0 to 86400, not")
            for setting in ("queue.timeout", "timeouts.heartbeat", "timeouts.shutdown")
            for given in (-1e-9, math.nan, math.inf, -math.inf, 86401)
        ),
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


@pytest.mark.parametrize("setting", ["server.port", "failover.attempts", "queue.length", "limits.concurrent"])
def test_a_number_that_python_does_not_write_is_refused(setting: str) -> None:
    section, _, name = setting.partition(".")
    with pytest.raises(ConfigError, match=r"x must be a whole number from .*, not what stands there\."):
        CHECKS[section, name]("x", 16**5000)


@pytest.mark.parametrize("section", [Failover, Queueing, Limits, Timeouts])
def test_every_number_of_the_traffic_is_checked(section: type) -> None:
    name = {Queueing: "queue"}.get(section, section.__name__.lower())
    numbers = {setting for setting, hint in get_type_hints(section).items() if hint is not bool}
    assert numbers == {setting for place, setting in CHECKS if place == name}
    for setting in numbers:
        default = getattr(section(), setting)
        assert CHECKS[name, setting]("x", default or 1) == (default or 1)


@pytest.mark.parametrize("section", [Bedrock, Claude])
def test_every_setting_that_is_one_of_some_words_is_checked(section: type) -> None:
    name = section.__name__.lower()
    hints = get_type_hints(section)
    chosen = {setting for setting, hint in hints.items() if "Literal" in str(hint)}
    assert chosen and chosen == {setting for place, setting in CHECKS if place == name and setting in chosen}
    for setting in chosen:
        with pytest.raises(ConfigError, match=r" or .*, not 'no such word'"):
            CHECKS[name, setting]("x", "no such word")
