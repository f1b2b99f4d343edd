"""Tests for config_file.py: a config.yaml's text to its sections, and a sentence for whatever is wrong."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from oai_bridge import config_file
from oai_bridge.config_file import Account, ModelsSection, Server, VertexSection, read_document
from oai_bridge.settings import ConfigError


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
            "models": {"list": ["m"]},
        },
        problems,
    )
    assert problems == []
    assert document.server == Server(port=1, strict=False)
    assert document.vertex == VertexSection(accounts=[Account(region="eu")], base_url="u")
    assert document.models == ModelsSection(listed=["m"])
    assert [(given.where, given.value) for given in document.given()] == [
        ("server.port", 1),
        ("server.strict", False),
        ("vertex.base_url", "u"),
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
        ({"server": {"client_keys": "k"}}, "server.client_keys must be a list, not something else."),
        (
            {"server": {"client_keys": [123]}},
            "server.client_keys[0] must be text, not what stands there; put it in quotes.",
        ),
        ({"server": {1: 2}}, "server has a setting whose name is not text"),
        ({1: 2}, "config.yaml has a setting with an unknown name"),
        ({"server": {"max_body_mb": 0}}, "server.max_body_mb must be at least 1, not 0."),
        ({"vertex": {"accounts": {}}}, "vertex.accounts must be a list, not something else."),
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
