"""Tests for azure_accounts.py: the accounts of config.yaml, and how they go with what the names say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from oai_bridge.settings.azure_accounts import AzureNames, azure_accounts, foundry_accounts
from oai_bridge.settings.config_schema import AzureEntry, FoundryEntry
from oai_bridge.settings.values import AzureAccount, AzureKey, AzureSource, ConfigError, EntraLogin, FoundryAccount

ONE, TWO = "https://one.openai.azure.com", "https://two.openai.azure.com"
CLAUDE, CLAUDE_TWO = "https://one.services.ai.azure.com/anthropic", "https://two.services.ai.azure.com/anthropic"
KEY, OWN = AzureKey("canary"), AzureKey("own")
ENTRA = EntraLogin()
OPUS_AND_ALL = ("claude-opus-*", "*")
STRING = (AzureAccount(TWO, OWN, {"d": "d"}),)


@pytest.mark.parametrize(
    ("entry", "names", "expected"),
    [
        (AzureEntry(resource="One"), AzureNames(), AzureAccount(ONE, ENTRA)),
        (AzureEntry(endpoint=f"{ONE}/openai/v1/"), AzureNames(), AzureAccount(ONE, ENTRA)),
        (AzureEntry(endpoint="http://[::1]:1"), AzureNames(), AzureAccount("http://[::1]:1", ENTRA)),
        (AzureEntry(resource="one", api_key=" own "), AzureNames(), AzureAccount(ONE, OWN)),
        (AzureEntry(resource="one", deployments=["a"]), AzureNames(), AzureAccount(ONE, ENTRA, {"a": "a"})),
        (AzureEntry(resource="one", deployments={"a": "b"}), AzureNames(), AzureAccount(ONE, ENTRA, {"a": "b"})),
        (
            AzureEntry(resource="one", api_version="2024-10-21"),
            AzureNames(api_version="2023-05-15"),
            AzureAccount(ONE, ENTRA, api_version="2024-10-21"),
        ),
        (AzureEntry(resource="one", api_version="v1"), AzureNames(api_version="2023-05-15"), AzureAccount(ONE, ENTRA)),
        (
            AzureEntry(resource="one"),
            AzureNames(api_version="2023-05-15"),
            AzureAccount(ONE, ENTRA, api_version="2023-05-15"),
        ),
    ],
)
def test_entries_of_the_file(entry: AzureEntry, names: AzureNames, expected: AzureAccount) -> None:
    problems: list[str] = []
    assert azure_accounts([entry], names, [], problems) == [expected]
    assert problems == []


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (FoundryEntry(resource="One"), FoundryAccount(CLAUDE, ENTRA)),
        (FoundryEntry(resource="one", api_key="own"), FoundryAccount(CLAUDE, OWN)),
        (FoundryEntry(base_url=f"{CLAUDE}/v1/messages", api_key="own"), FoundryAccount(CLAUDE, OWN)),
        (FoundryEntry(base_url="http://127.0.0.1:1/x"), FoundryAccount("http://127.0.0.1:1/x", ENTRA)),
        (
            FoundryEntry(resource="one", models=["claude-opus-*", "*"]),
            FoundryAccount(CLAUDE, ENTRA, models=OPUS_AND_ALL),
        ),
        (FoundryEntry(resource="one", models=[]), FoundryAccount(CLAUDE, ENTRA)),
    ],
)
def test_foundry_entries_of_the_file(entry: FoundryEntry, expected: FoundryAccount) -> None:
    problems: list[str] = []
    assert foundry_accounts([entry], AzureNames(), [], problems) == [expected]
    assert problems == []


Entries = Sequence[dict[str, Any]]


def azure_sources(entries: Entries, names: AzureNames, told: list[str]) -> list[tuple[str, AzureSource]]:
    problems: list[str] = []
    found = azure_accounts([AzureEntry(**entry) for entry in entries], names, told, problems)
    assert problems == []
    return [(account.endpoint.partition(".")[0].removeprefix("https://"), account.source) for account in found]


def foundry_sources(entries: Entries, names: AzureNames, told: list[str]) -> list[tuple[str, AzureSource]]:
    problems: list[str] = []
    found = foundry_accounts([FoundryEntry(**entry) for entry in entries], names, told, problems)
    assert problems == []
    return [(account.base_url.partition(".")[0].removeprefix("https://"), account.source) for account in found]


@pytest.mark.parametrize(("sources", "url"), [(azure_sources, ONE), (foundry_sources, CLAUDE)])
@pytest.mark.parametrize(
    ("entries", "named", "expected", "told"),
    [
        # what the names say is one account, or completes those of the file, and then is not one more
        ([], (True, KEY), [("one", KEY)], False),
        ([], (True, None), [("one", ENTRA)], False),
        ([{"resource": "one"}], (True, KEY), [("one", KEY)], False),
        ([{"resource": "one"}], (True, None), [("one", ENTRA)], False),
        ([{}], (True, KEY), [("one", KEY)], False),
        ([{"api_key": "own"}], (True, KEY), [("one", OWN), ("one", KEY)], False),
        ([{"resource": "one"}], (False, KEY), [("one", KEY)], False),
        ([{"resource": "one"}, {"resource": "two"}], (False, KEY), [("one", KEY), ("two", KEY)], False),
        # the key of one resource is not sent to another
        ([{"resource": "two"}], (True, KEY), [("two", ENTRA), ("one", KEY)], False),
        ([{"resource": "two", "api_key": "own"}], (True, KEY), [("two", OWN), ("one", KEY)], False),
        # a key without a resource is told
        ([], (False, KEY), [], True),
        ([{"resource": "one", "api_key": "own"}], (False, KEY), [("one", OWN)], True),
        ([], (False, None), [], False),
    ],
)
def test_names_and_the_file(
    sources: Callable[[Entries, AzureNames, list[str]], list[tuple[str, AzureSource]]],
    url: str,
    entries: Entries,
    named: tuple[bool, AzureKey | None],
    expected: list[tuple[str, AzureSource]],
    *,
    told: bool,
) -> None:
    has_url, key = named
    said: list[str] = []
    assert sources(entries, AzureNames(url if has_url else None, key, "X_KEY in .env"), said) == expected
    assert len(said) == told


def test_what_a_key_without_a_resource_needs_is_told() -> None:
    told: list[str] = []
    azure_accounts([], AzureNames(key=KEY, where="AZURE_OPENAI_API_KEY in .env"), told, [])
    foundry_accounts([], AzureNames(key=KEY, where="ANTHROPIC_FOUNDRY_API_KEY in .env"), told, [])
    assert told == [
        "Ignored without AZURE_OPENAI_ENDPOINT: AZURE_OPENAI_API_KEY in .env.",
        "Ignored without ANTHROPIC_FOUNDRY_RESOURCE: ANTHROPIC_FOUNDRY_API_KEY in .env.",
    ]


def test_order_of_the_accounts() -> None:
    found = azure_accounts([AzureEntry(resource="three")], AzureNames(ONE, KEY, "", STRING), [], [])
    assert [account.endpoint for account in found] == ["https://three.openai.azure.com", ONE, TWO]


WRONG = ConfigError("X is wrong: copy it again.")


@pytest.mark.parametrize(
    ("entry", "names", "needs"),
    [
        ({}, AzureNames(WRONG), True),
        ({"resource": "one"}, AzureNames(WRONG), False),
        ({"resource": "one"}, AzureNames(None, WRONG), True),
        ({"resource": "one"}, AzureNames(WRONG, KEY), True),  # the key may be for another resource
        ({"resource": "one", "api_key": "own"}, AzureNames(WRONG, WRONG), False),
        ({"resource": "one"}, AzureNames(api_version=WRONG), True),
        ({"resource": "one", "api_version": "v1"}, AzureNames(api_version=WRONG), False),
    ],
)
def test_what_is_wrong_with_the_names_stops_those_only_who_need_it(
    entry: dict[str, Any], names: AzureNames, *, needs: bool
) -> None:
    told: list[str] = []
    problems: list[str] = []
    found = azure_accounts([AzureEntry(**entry)], names, told, problems)
    assert (len(found), problems) == ((0, [str(WRONG)]) if needs else (1, []))
    if not needs:
        assert told == [f"Ignored, since {WRONG}"]
    if "api_version" not in entry and names.api_version is None:
        said: list[str] = []
        ours = foundry_accounts([FoundryEntry(**entry)], names, [], said)
        assert (len(ours), said) == ((0, [str(WRONG)]) if needs else (1, []))


FIRST = "azure.accounts[0]"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (AzureEntry(), f"{FIRST} names no resource: add resource or endpoint, or set AZURE_OPENAI_ENDPOINT."),
        (AzureEntry(resource="a", endpoint="canary"), f"{FIRST} has resource and endpoint: keep one of them."),
        (AzureEntry(resource="https://canary.example"), f"{FIRST}.resource is not the name of a resource"),
        (AzureEntry(resource="a_b"), f"{FIRST}.resource is not the name of a resource"),
        (AzureEntry(resource=""), f"{FIRST}.resource is not the name of a resource"),
        (AzureEntry(resource="-a"), f"{FIRST}.resource is not the name of a resource"),
        (
            AzureEntry(endpoint="my-resource"),
            f"{FIRST}.endpoint must be a URL such as https://my-resource.openai.azure.com",
        ),
        (AzureEntry(endpoint="http://gate.example"), f"{FIRST}.endpoint must be a URL such as"),
        (AzureEntry(endpoint="https://u:canary@h"), f"{FIRST}.endpoint must be a URL such as"),
        (AzureEntry(resource="a", api_key="ca nary"), f"{FIRST}.api_key must be ASCII letters"),
        (AzureEntry(resource="a", api_key=""), f"{FIRST}.api_key must be ASCII letters"),
        (AzureEntry(resource="a", api_key="canary\r\nx: y"), f"{FIRST}.api_key must be ASCII letters"),
        (AzureEntry(resource="a", api_key="<canary>"), f"{FIRST}.api_key is still the placeholder"),
        (AzureEntry(resource="a", deployments=["a/b"]), f"{FIRST}.deployments ('a/b') is not the name of a deployment"),
        (AzureEntry(resource="a", api_version="1"), f"{FIRST}.api_version ('1') is not a version of Azure's API"),
        (AzureEntry(resource="a", api_version=""), f"{FIRST}.api_version ('') is not a version of Azure's API"),
    ],
)
def test_broken_entries_are_told(entry: AzureEntry, sentence: str) -> None:
    problems: list[str] = []
    assert azure_accounts([entry, AzureEntry(resource="one")], AzureNames(), [], problems) == [AzureAccount(ONE, ENTRA)]
    (problem,) = problems
    assert problem.startswith(sentence) and problem.endswith(".") and "\n" not in problem and "canary" not in problem


FIRST_CLAUDE = "foundry.accounts[0]"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            FoundryEntry(),
            f"{FIRST_CLAUDE} names no resource: add resource or base_url, or set ANTHROPIC_FOUNDRY_RESOURCE.",
        ),
        (FoundryEntry(resource="a", base_url="canary"), f"{FIRST_CLAUDE} has resource and base_url: keep one of them."),
        (FoundryEntry(resource="a.b"), f"{FIRST_CLAUDE}.resource is not the name of a resource"),
        (
            FoundryEntry(base_url="canary"),
            f"{FIRST_CLAUDE}.base_url must be a URL such as https://my-resource.services",
        ),
        (FoundryEntry(resource="a", api_key="ca nary"), f"{FIRST_CLAUDE}.api_key must be ASCII letters"),
        (
            FoundryEntry(resource="a", models=["a\n"]),
            f"{FIRST_CLAUDE}.models[0] ('a\\n') is empty, unreadable",
        ),
    ],
)
def test_broken_foundry_entries_are_told(entry: FoundryEntry, sentence: str) -> None:
    problems: list[str] = []
    found = foundry_accounts([entry, FoundryEntry(resource="two")], AzureNames(), [], problems)
    assert found == [FoundryAccount(CLAUDE_TWO, ENTRA)]
    (problem,) = problems
    assert problem.startswith(sentence) and problem.endswith(".") and "canary" not in problem
