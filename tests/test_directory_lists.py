"""directory.py: what is offered on a route, what is known of a model, and what is said of one that nobody has."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.directory import Listed
from oai_bridge.errors import NotFound
from oai_bridge.models.passed import PassedFacts
from oai_bridge.routing import PATHS, Path, Route
from oai_bridge.settings.clients import Client
from oai_bridge.settings.values import Azure, AzureAccount, AzureKey
from tests.support.directories import (
    ALL,
    ANY_AZURE,
    AWS,
    AZURE,
    BEDROCK,
    CATALOG,
    CLAUDE_AZURE,
    DEPLOYED,
    FOUNDRY,
    GCP,
    GEMINI,
    VERTEX,
    directory,
)


def azure(deployments: dict[str, str]) -> dict[str, Any]:
    return {"azure": Azure((AzureAccount("https://a.test", AzureKey("key"), deployments),))}


EVERYWHERE = (None, GCP, GEMINI, AWS, AZURE, FOUNDRY)


def listed(settings: dict[str, Any], path: Path | None = None, **config: Any) -> tuple[Listed, ...]:
    return directory(settings, **config).listed(Route("models", path=path))


def names(settings: dict[str, Any], path: Path | None = None, **config: Any) -> list[str]:
    return [one.name for one in listed(settings, path, **config)]


# -- lists ------------------------------------------------------------------------------------------------------------


def test_each_model_is_listed_once_and_claude_first() -> None:
    found = listed(ALL)
    assert len({one.name for one in found}) == len(found)
    owners = [one.facts.owner for one in found if one.facts]
    claudes = owners.count("anthropic")
    assert 0 < claudes < len(owners) and owners[:claudes] == ["anthropic"] * claudes
    assert [one.name for one in found[:claudes]][: len(CATALOG.listed("vertex"))] == [
        facts.id for facts in CATALOG.listed("vertex")
    ]
    assert [one.name for one in found[-2:]] == ["gpt-4o", "o3"]
    assert not any(one.alias for one in found)


@pytest.mark.parametrize("path", EVERYWHERE)
def test_what_is_listed_is_served_there(path: Path | None) -> None:
    served = directory(ALL)
    for one in served.listed(Route("models", path=path)):
        able = []
        for duty in PATHS:
            try:
                able.append(served.find(Route(duty, path=path), one.name)[1])
            except NotFound:
                continue
        assert one.facts in able
        assert served.look_up(Route("model", path=path), one.name) in able


@pytest.mark.parametrize(
    ("path", "some", "none"),
    [
        (GCP, ["claude-opus-4-8"], ["gemini-3.5-flash", "nova-pro", "gpt-4o", "claude-opus-4-1"]),
        (GEMINI, ["gemini-3.5-flash"], ["claude-opus-4-8", "nova-pro"]),
        (AWS, ["claude-opus-4-8", "claude-opus-4-1", "nova-pro", "gpt-oss-120b", "titan-embed-text-v2"], ["gpt-4o"]),
        (AZURE, ["gpt-4o", "o3"], ["claude-opus-4-8"]),
        (FOUNDRY, ["claude-opus-4-8"], ["gpt-4o", "claude-fable-5-2"]),
        (None, ["claude-opus-4-8", "claude-opus-4-1", "gemini-3.5-flash", "nova-pro", "gpt-4o"], ["claude-3-haiku"]),
    ],
)
def test_a_path_lists_its_own_cloud(path: Path | None, some: list[str], none: list[str]) -> None:
    found = names(ALL, path)
    assert set(some) <= set(found) and not set(none) & set(found)


def test_of_a_model_on_several_clouds_the_first_ones_facts_are_told() -> None:
    (opus,) = [one for one in listed(VERTEX | BEDROCK) if one.name == "claude-opus-4-8"]
    assert opus.facts == CATALOG.find("claude-opus-4-8")
    deployed = {"azure": Azure((AzureAccount("https://a.test", AzureKey("key"), {"gpt-oss-120b": "mine"}),))}
    (oss,) = [one for one in listed(BEDROCK | deployed) if one.name == "gpt-oss-120b"]
    assert isinstance(oss.facts, PassedFacts) and oss.facts.name == "openai.gpt-oss-120b-1:0"


def test_without_a_list_of_deployments_nothing_is_listed() -> None:
    assert names(ANY_AZURE) == names(ANY_AZURE, AZURE) == []


OWN = ("nova-pro", "claude-opus-4-8", "nova-pro", "my-own")


def test_the_users_own_list_stands_as_it_is() -> None:
    found = listed(VERTEX | BEDROCK, models=OWN)
    assert [one.name for one in found] == ["nova-pro", "claude-opus-4-8", "my-own"]
    assert [one.facts and one.facts.id for one in found] == ["nova-pro", "claude-opus-4-8", None]


@pytest.mark.parametrize(
    ("path", "found"), [(GCP, ["claude-opus-4-8"]), (GEMINI, []), (AWS, ["nova-pro", "claude-opus-4-8"])]
)
def test_of_the_users_own_list_a_path_has_what_its_cloud_has(path: Path, found: list[str]) -> None:
    assert names(VERTEX | BEDROCK, path, models=OWN) == found


ALIASES = {"gpt-4o": "claude-opus-4-8", "fast": "gemini-3.5-flash", "big": "nova-pro", "lost": "nobody"}


@pytest.mark.parametrize(
    ("path", "aliases"),
    [
        (None, ["gpt-4o", "fast", "big", "lost"]),
        (GCP, ["gpt-4o"]),
        (GEMINI, ["fast"]),
        (AWS, ["gpt-4o", "big"]),
    ],
)
def test_aliases_stand_at_the_end_where_their_model_is(path: Path | None, aliases: list[str]) -> None:
    found = listed(VERTEX | BEDROCK, path, aliases=ALIASES)
    assert [one.name for one in found if one.alias] == [one.name for one in found[-len(aliases) :]] == aliases
    told = {one.name: one.facts.id for one in found if one.alias and one.facts}
    assert told.items() <= ALIASES.items() and "lost" not in told


def test_an_alias_can_take_a_models_place() -> None:
    (one,) = [one for one in listed(VERTEX, aliases={"claude-opus-4-8": "claude-haiku-4-5"}) if "opus-4-8" in one.name]
    assert one.alias and one.facts is not None and one.facts.id == "claude-haiku-4-5"


@pytest.mark.parametrize(
    ("settings", "config", "name"),
    [
        (VERTEX, {}, CATALOG.listed("vertex")[0].id),
        ({}, {}, CATALOG.listed("vertex")[0].id),
        (DEPLOYED, {}, "gpt-4o"),
        (ANY_AZURE, {}, None),
        (ANY_AZURE, {"aliases": {"fast": "mine"}}, "fast"),
        (BEDROCK, {"models": ("titan-embed-text-v2", "nova-pro")}, "nova-pro"),
        (BEDROCK, {"models": ("titan-embed-text-v2",)}, None),
        (azure({"vectors": "text-embedding-3-small", "painter": "gpt-image-1"}), {}, None),
        (azure({"vectors": "text-embedding-3-small", "mine": "o3"}), {}, "mine"),
    ],
)
def test_the_model_to_try_a_chat_with_is_one_that_chats(
    settings: dict[str, Any], config: dict[str, Any], name: str | None
) -> None:
    assert directory(settings, **config).example() == name


# -- what nobody has --------------------------------------------------------------------------------------------------


def unknown(settings: dict[str, Any], name: str, path: Path | None = None, **config: Any) -> str:
    with pytest.raises(NotFound) as raised:
        directory(settings, **config).find(Route("chat", path=path), name)
    assert (raised.value.status, raised.value.code, raised.value.param) == (404, "model_not_found", "model")
    assert raised.value.message.startswith("There is no model of this name here.")
    return raised.value.message


@pytest.mark.parametrize(
    ("settings", "path", "name", "close"),
    [
        (ALL, None, "gpt-4", "gpt-4o"),
        (ALL, None, "nova-pr", "nova-pro"),
        (VERTEX, GEMINI, "gemni-3.5-flash", "gemini-3.5-flash"),
        (VERTEX, GCP, "opus-4-8", "claude-opus-4-8"),
        (DEPLOYED, AZURE, "GPT-4o", "gpt-4o"),
    ],
)
def test_names_that_come_close_are_told(settings: dict[str, Any], path: Path | None, name: str, close: str) -> None:
    assert close in unknown(settings, name, path)


@pytest.mark.parametrize(
    ("path", "name", "base"),
    [(GCP, "gemini-3.5-flash", "/proxy/gcp/gemini"), (GEMINI, "claude-opus-4-8", "/proxy/gcp/claude")],
)
def test_a_model_that_another_path_has_is_told_with_that(path: Path, name: str, base: str) -> None:
    with pytest.raises(NotFound) as raised:
        directory(VERTEX).find(Route("chat", path=path), name)
    assert raised.value.message == f"This model is not served here: take {base} for the base URL's path, or /v1."
    assert (raised.value.code, raised.value.param) == ("model_not_found", "model")
    stranger = Client("one", "a-key", models=("claude-haiku-*",))
    assert base not in directory(VERTEX).unknown(Route("chat", path=path), name, stranger).message


def test_aliases_come_close_too() -> None:
    assert "Close to it: my-favourite." in unknown(
        VERTEX, "my-favorite", GCP, aliases={"my-favourite": "claude-opus-4-8"}
    )


def test_where_none_comes_close_the_first_are_told() -> None:
    assert unknown(VERTEX, "zzz", GCP).endswith(f"Close to it: {', '.join(names(VERTEX, GCP)[:3])}.")


def test_where_nothing_is_listed_a_deployment_is_asked_for() -> None:
    assert unknown(ANY_AZURE, "no such thing").endswith("Name a deployment of yours.")


def test_an_alias_to_nothing_is_told_as_such() -> None:
    assert "lost" in unknown(VERTEX, "lost", aliases=ALIASES)


PIECES = st.sampled_from(
    [
        *("claude", "opus", "4-8", "@", "20250929", "-v1:0", ":", "/", ".", "..", "anthropic", "us", "eu", "global"),
        *("arn:aws:bedrock:us-east-1:123456789012:", "inference-profile", "amazon", "nova-pro", "vertex", "bedrock"),
        *("azure", "foundry", "publishers/", "models/", "google", "gemini-", "-maas", "gpt-4o", "titan-embed-text-v2"),
        *(" ", "\n", "\x00", "\ud800", "\u0130", "\u017f", "\ufb00", "a" * 300),
    ]
)
NAMES = st.one_of(st.text(st.characters(codec=None), max_size=60), st.lists(PIECES, max_size=8).map("".join))
DIRECTORIES = [directory(ALL), directory(ANY_AZURE | BEDROCK), directory(CLAUDE_AZURE | VERTEX), directory({})]


@given(
    name=NAMES,
    served=st.sampled_from(DIRECTORIES),
    path=st.sampled_from(EVERYWHERE),
    duty=st.sampled_from(sorted(PATHS)),
)
def test_any_name_is_served_or_not_found(*, name: str, served: Any, path: Path | None, duty: Any) -> None:
    route = Route(duty, path=path)
    try:
        door, facts = served.find(route, name)
    except NotFound as error:
        assert error.message.isascii() and error.message.isprintable() and len(error.message) < 400
        return
    assert duty in door.entry.duties and path in (None, door.entry.path)
    assert served.look_up(route, name) is not None
    assert facts.id.isascii() and facts.id.isprintable()
