"""Tests for config_file.py: a config.yaml's text to its sections, and a sentence for whatever is wrong."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from oai_bridge.settings import config_file
from oai_bridge.settings.config_file import read_document
from oai_bridge.settings.config_schema import (
    Account,
    AwsEntry,
    AzureEntry,
    AzureSection,
    BedrockSection,
    GuardrailEntry,
    ModelsSection,
    Server,
    VertexSection,
)
from oai_bridge.settings.values import ConfigError

HUGE = 16**5000  # Python refuses to write it in digits
LISTS = ("regions", "models")  # of an account


def complaint(document: object) -> str:
    problems: list[str] = []
    read_document(document, problems)
    return "\n".join(problems)


def test_sections_hold_what_is_there() -> None:
    problems: list[str] = []
    document = read_document(
        {
            "server": {"port": 1, "host": None, "strict": False},
            "vertex": {"accounts": [{"region": "eu"}], "base_url": "u"},
            "bedrock": {"accounts": [{"region": "us-east-1"}, {}], "guardrail": {"id": "g", "version": 1}},
            "azure": {"accounts": [{"deployments": ["d"]}, {"deployments": {"n": "d"}}]},
            "models": {"list": ["m"]},
        },
        problems,
    )
    assert problems == []
    assert document.server == Server(port=1, strict=False)
    assert document.vertex == VertexSection(accounts=[Account(region="eu")], base_url="u")
    guardrail = GuardrailEntry(id="g", version=1)
    assert document.bedrock == BedrockSection(accounts=[AwsEntry(region="us-east-1"), AwsEntry()], guardrail=guardrail)
    assert document.azure == AzureSection(accounts=[AzureEntry(deployments=["d"]), AzureEntry(deployments={"n": "d"})])
    assert document.models == ModelsSection(listed=["m"])
    assert [(given.where, given.value) for given in document.given()] == [
        ("server.port", 1),
        ("server.strict", False),
        ("vertex.base_url", "u"),
        ("bedrock.guardrail", guardrail),
        ("models.list", ["m"]),
    ]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "config.yaml must be a mapping"),
        ("text", "config.yaml must be a mapping"),
        ({"server": 3}, "server must be a mapping"),
        ({"sever": {}}, "sever is not a setting: did you mean server?"),
        ({"port": 3}, "port is not a setting: did you mean server.port?"),
        ({"server": {"prot": 3}}, "server.prot is not a setting: did you mean server.port?"),
        ({"server": {"region": "eu"}}, "server.region is not a setting: did you mean vertex.accounts[n].region?"),
        ({"foundry": {"api_key": "x"}}, "foundry.api_key is not a setting: did you mean foundry.accounts[n].api_key?"),
        ({"bedrock": {"region": "x"}}, "bedrock.region is not a setting: did you mean bedrock.accounts[n].region?"),
        ({"bedrock": {"accounts": [{"regoin": "x"}]}}, "did you mean bedrock.accounts[0].region?"),
        ({"bedrock": {"guardrail": {"verison": 1}}}, "did you mean bedrock.guardrail.version?"),
        ({"bedrock": {"guardrail": "g"}}, "bedrock.guardrail must be a mapping, not something else."),
        ({"bedrock": {"guardrail": {"version": 1.5}}}, "bedrock.guardrail.version must be a whole number or text, not"),
        ({"azure": {"accounts": [{"endpiont": "x"}]}}, "did you mean azure.accounts[0].endpoint?"),
        (
            {"azure": {"accounts": [{"deployments": 1}]}},
            "azure.accounts[0].deployments must be a mapping or a list, not",
        ),
        (
            {"azure": {"accounts": [{"deployments": {"n": 1}}]}},
            "azure.accounts[0].deployments.* must be text, not what stands there; put it in quotes.",
        ),
        (
            {"azure": {"accounts": [{"deployments": [35]}]}},
            "azure.accounts[0].deployments[0] must be text, not 35; put it in quotes.",
        ),
        ({"foundry": {"deployments": ["x"]}}, "foundry.deployments must be a mapping, not something else."),
        ({"openai": {"max_output_tokens": 0}}, "openai.max_output_tokens must be at least 1, not 0."),
        *(
            (
                {section: {"accounts": [{name: 1234567890}]}},
                f"{section}.accounts[0].{name} must be text, not what stands there; put it in quotes.",
            )
            for section, names in {
                "bedrock": ("access_key_id", "secret_access_key", "session_token", "api_key"),
                "azure": ("api_key", "endpoint"),
                "foundry": ("api_key", "base_url"),
            }.items()
            for name in names
        ),
        ({"server": {"zzzz": 3}}, "server.zzzz is not a setting: remove it"),
        (
            {"vertex": {"accounts": [{"regoin": "eu"}]}},
            "regoin is not a setting: did you mean vertex.accounts[0].region?",
        ),
        ({"server": {"port": "80"}}, "server.port must be a whole number, not '80'."),
        ({"server": {"port": True}}, "server.port must be a whole number, not True."),
        ({"server": {"port": 65536}}, "server.port must be at most 65535, not 65536."),
        ({"server": {"port": -1}}, "server.port must be at least 0, not -1."),
        ({"server": {"port": [1]}}, "server.port must be a whole number, not what stands there."),
        ({"server": {"strict": "yes"}}, "server.strict must be true or false, not 'yes'."),
        ({"server": {"title": 3}}, "server.title must be text, not 3; put it in quotes."),
        (
            {"server": {"title": date(2026, 1, 1)}},
            "server.title must be text, not what stands there; put it in quotes.",
        ),
        (
            {"server": {"client_keys": "k"}},
            "server.client_keys must be a list, not something else; write each entry on a",
        ),
        (
            {"server": {"client_keys": [123]}},
            "server.client_keys[0] must be text or a mapping, not something else.",
        ),
        ({"server": {1: 2}}, "server has a setting whose name is not text"),
        ({1: 2}, "config.yaml has a setting with an unknown name"),
        ({"server": {"port`": 1}}, "server has a setting with an unknown name"),
        ({"server": {"a - at `$.b": 1}}, "server has a setting with an unknown name"),
        ({"vertex": {"accounts": [{"a` - at `$.b": 1}]}}, "vertex has a setting with an unknown name"),
        (
            {"server": {"client_keys": [{"yQ2vX0pL9aWb-7Hs_k3TmCd8": "a"}]}},
            "server.client_keys[0] has a setting with an",
        ),
        ({"server": {"max_body_mb": 0}}, "server.max_body_mb must be at least 1, not 0."),
        ({"vertex": {"accounts": {}}}, "vertex.accounts must be a list, not something else; write each entry on a"),
        ({"vertex": {"accounts": ["x"]}}, "vertex.accounts[0] must be a mapping, not something else."),
        (
            {"vertex": {"accounts": [{"project": 123}]}},
            "vertex.accounts[0].project must be text, not 123; put it in quotes.",
        ),
        ({"vertex": {"accounts": [{"credentials": 3}]}}, "vertex.accounts[0].credentials must be"),
        ({"claude": {"default_max_tokens": 0}}, "claude.default_max_tokens must be at least 1, not 0."),
        (
            {"models": {"aliases": {"a": 3}}},
            "models.aliases.* must be text, not what stands there; put it in quotes.",
        ),
        ({"models": {"fallbacks": ["a"]}}, "models.fallbacks must be a mapping, not something else."),
        ({"models": {"fallbacks": {"a": 3}}}, "models.fallbacks.* must be text or a list, not something else."),
        ({"models": {"fallbacks": {"a": ["b", 3]}}}, "models.fallbacks.*[1] must be text, not what stands there; put"),
        ({"failover": {"attempts": "3"}}, "failover.attempts must be a whole number, not '3'."),
        ({"failover": {"attempts": True}}, "failover.attempts must be a whole number, not True."),
        ({"failover": {"attempts": 2.5}}, "failover.attempts must be a whole number, not 2.5."),
        ({"failover": {"within": "2m"}}, "failover.within must be a number, not '2m'."),
        ({"failover": {"resend": "once"}}, "failover.resend must be true or false, not 'once'."),
        ({"queue": {"length": [1]}}, "queue.length must be a whole number, not what stands there."),
        ({"queue": {"timeout": False}}, "queue.timeout must be a number, not False."),
        ({"queue": 5}, "queue must be a mapping: put its settings below it, indented, with an ordinary colon and a"),
        (
            {"server": "port\uff1a 7861"},
            "server must be a mapping: put its settings below it, indented, with an ordinary",
        ),
        ({"PROXY_KEY": "canary"}, "PROXY_KEY is not a setting of config.yaml: write it into .env, as PROXY_KEY=value."),
        ({"limits": {"requests_per_minute": "4"}}, "limits.requests_per_minute must be a whole number, not '4'."),
        ({"limits": {"concurent": 4}}, "limits.concurent is not a setting: did you mean limits.concurrent?"),
        ({"timeouts": {"total": {}}}, "timeouts.total must be a number, not what stands there."),
        ({"timeouts": {"total": 10**400}}, "timeouts.total is too large a number: use a smaller one."),
        ({"timeouts": {"total": HUGE}}, "timeouts.total is too large a number: use a smaller one."),
        ({"server": {"title": HUGE}}, "server.title must be text, not what stands there; put it in quotes."),
        ({"bedrock": {"guardrail": {"version": HUGE}}}, "guardrail.version must be at most 99999999, not what stands"),
        *(
            ({cloud: {"accounts": [{name: given}]}}, f"{cloud}.accounts[0].{name}{sentence}")
            for cloud, names in {"vertex": LISTS, "bedrock": LISTS, "foundry": LISTS[1:]}.items()
            for name in names
            for given, sentence in (
                ("a", " must be a list, not something else; write each entry on a"),
                ({"a": "b"}, " must be a list, not something else; write each entry on a"),
                (["a", 3], "[1] must be text, not 3; put it in quotes."),
                (["a", None], "[1] must be text, not what stands there; put it in quotes."),
            )
        ),
        (
            {"azure": {"accounts": [{"models": ["gpt-*"]}]}},
            "azure.accounts[0].models is not a setting: remove it, config.example.yaml shows all there are.",
        ),
        (
            {"azure": {"accounts": [{"aliases": {}}]}},
            "azure.accounts[0].aliases is not a setting: did you mean models.",
        ),
        ({"vertex": {"regions": ["eu"]}}, "vertex.regions is not a setting: did you mean vertex.accounts[n].regions?"),
        ({"models": {"overrides": {"m": 3}}}, "models.overrides.* must be a mapping, not something else."),
    ],
)
def test_wrong_documents_are_told_in_one_sentence(document: object, sentence: str) -> None:
    message = complaint(document)
    assert sentence in message
    assert "\n" not in message and message[-1] in ".?"


def test_wrong_settings_do_not_hide_each_other_nor_the_right_ones() -> None:
    problems: list[str] = []
    document = read_document({"server": {"port": "x", "strict": 3, 5: 6, "title": "kept"}, "x": 1}, problems)
    assert document.server == Server(title="kept")
    assert len(problems) == 4


@pytest.mark.parametrize("libyaml", [True, False])
def test_yaml_with_and_without_libyaml(monkeypatch: pytest.MonkeyPatch, libyaml: bool) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", libyaml and yaml.__with_libyaml__)
    assert config_file.parse_yaml("a: {b: [1, x]}", "f") == {"a": {"b": [1, "x"]}}
    with pytest.raises(ConfigError, match="line 2: YAML takes no tabs"):
        config_file.parse_yaml("a:\n\tb: 1", "f")
    for path in ("C:\\Users\\me", "D:\\keys"):  # two of YAML's errors
        with pytest.raises(ConfigError, match="line 2: in double quotes"):
            config_file.parse_yaml(f'a: 1\nb: "{path}"', "f")


@pytest.mark.parametrize("libyaml", [True, False])
def test_dates_are_text_since_versions_look_like_them(monkeypatch: pytest.MonkeyPatch, libyaml: bool) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", libyaml and yaml.__with_libyaml__)
    text = "a: 2024-10-21\nb: 2024-10-21 10:00:00\nc: 2024-10-21-preview\nd: 2024\ne: 1.5\nf: yes\ng: ~"
    expected = {"a": "2024-10-21", "b": "2024-10-21 10:00:00", "c": "2024-10-21-preview", "d": 2024, "e": 1.5}
    assert config_file.parse_yaml(text, "f") == {**expected, "f": True, "g": None}
    assert yaml.safe_load("2024-10-21") == date(2024, 10, 21)  # others who use the library see no change
