"""Tests for names.py: which place counts, what is empty or a stand-in, and what is not ours in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from oai_bridge.settings.names import Names, Value, checked, sound, unused
from oai_bridge.settings.values import ConfigError

FOLDER = Path("folder")


def names(environment: Mapping[str, str] | None = None, dotenv: Mapping[str, str] | None = None) -> Names:
    return Names(environment or {}, dotenv or {}, FOLDER)


def texts(found: Names, *asked: str) -> list[str]:
    return [value.text for name in asked for value in found.all(name)]


def test_the_environment_comes_first_and_each_value_knows_its_place() -> None:
    found = names({"A": "1"}, {"A": "2"})
    assert list(found.all("A")) == [Value("1", "A in the environment", None), Value("2", "A in .env", FOLDER)]
    assert found.get("A") == Value("1", "A in the environment", None)
    assert names({}, {"A": "2"}).get("A") == Value("2", "A in .env", FOLDER)
    assert found.get("B") is None


def test_any_name_in_the_environment_comes_before_any_in_the_file() -> None:
    value = names({"B": "1"}, {"A": "2"}).get("A", "B")
    assert value is not None and value.text == "1"
    value = names({"B": "1", "A": "0"}, {"A": "2"}).get("A", "B")
    assert value is not None and value.text == "0"


def test_lower_case_comes_first() -> None:
    value = names({"NO_PROXY": "1", "no_proxy": "2"}).lower_first("no_proxy")
    assert value is not None and value.text == "2"


@pytest.mark.parametrize("blank", ["", " ", '""', "' '"])
def test_empty_values_are_missing(blank: str) -> None:
    found = names({"A": blank}, {"A": "x"})
    assert texts(found, "A") == ["x"]
    assert names({"A": blank}, {"A": blank}).set_names() == set()


@pytest.mark.parametrize(("text", "value"), [("'a'", "a"), (' "a b" ', "a b"), ("'a", "'a"), ("'", "'")])
def test_quotes_in_pairs_are_taken_off(text: str, value: str) -> None:
    assert texts(names({"A": text}), "A") == [value]


@pytest.mark.parametrize(
    "name",
    [
        *("AWS_CREDENTIALS", "AWS_BEARER_TOKEN_BEDROCK", "AZURE_CREDENTIALS", "AZURE_OPENAI_API_KEY", "PROXY_KEY"),
        *("AZURE_OPENAI_ENDPOINT", "ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_FOUNDRY_RESOURCE", "GCP_CREDENTIALS"),
    ],
)
def test_stand_ins_are_missing_and_known(name: str) -> None:
    found = names({name: "<your value>"}, {name: "'real'"})
    assert texts(found, name) == ["real"]
    assert found.placeholders() == {name}
    assert names({name: "real"}).placeholders() == set()


def test_other_names_may_hold_what_looks_like_one() -> None:
    found = names({"SERVER_TITLE": "your proxy"})
    assert texts(found, "SERVER_TITLE") == ["your proxy"] and found.placeholders() == set()


@pytest.mark.parametrize(
    "name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "NODE_ENV"]
)
def test_what_other_programs_have_in_the_environment_is_not_ours(name: str) -> None:
    assert texts(names({name: "a"}, {name: "b"}), name) == ["b"]
    assert names({name: "a"}).set_names() == names({name: "<a>"}).placeholders() == set()
    assert names({}, {name: "a"}).set_names() == {name}


def three(where: str, text: str) -> int:
    if text != "3":
        raise ConfigError(f"{where} must be 3: count again.")
    return 3


def test_what_is_wrong_in_the_environment_is_raised_only_for_who_needs_it() -> None:
    problems: list[str] = []
    assert checked(three, None, problems) is None
    assert sound(checked(three, Value("3", "X in the environment", None), problems)) == 3
    found = checked(three, Value("4", "X in the environment", None), problems)
    assert problems == []
    with pytest.raises(ConfigError) as caught:
        sound(found)
    assert str(caught.value) == "X in the environment must be 3: count again."
    assert unused("Bedrock", False, caught.value) == f"Bedrock stays off, since {caught.value}"
    assert unused("Bedrock", True, caught.value) == f"Ignored, since {caught.value}"


def test_what_is_wrong_in_the_file_is_told_at_once() -> None:
    problems: list[str] = []
    assert checked(three, Value("4", "X in .env", FOLDER), problems) is None
    assert problems == ["X in .env must be 3: count again."]


def test_no_secret_in_the_repr() -> None:
    assert "canary" not in repr(list(names({"PROXY_KEY": "canary"}).all("PROXY_KEY")))


def test_slips_are_names_that_nobody_asks_for_but_for_one_that_is_nearly_the_same() -> None:
    dotenv = {"PORTS": "1", "proxy_key": "2", "OTHER": "3", "TITLE": "4", "TITLES": "5", "PORTT": ""}
    found = names({"PROT": "6"}, dotenv)
    assert found.slips() == {}
    for name in ("PORT", "PROXY_KEY", "TITLE"):
        found.get(name)
    assert found.slips() == {"PORTS": "PORT", "proxy_key": "PROXY_KEY"}
