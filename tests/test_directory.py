"""directory.py: who serves a model. A route and a name in, a door and what is known of the model out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from oai_bridge.backends import REGISTRY, Duty
from oai_bridge.directory import Directory
from oai_bridge.errors import NotFound
from oai_bridge.models.catalog import Catalog
from oai_bridge.routing import Path, Route
from oai_bridge.settings.values import Azure, AzureAccount, AzureKey, Config
from tests.support.directories import (
    ALL,
    ANY_AZURE,
    APPLICATION,
    ARN,
    AWS,
    AZURE,
    BEDROCK,
    CLAUDE_AZURE,
    DEPLOYED,
    FOUNDRY,
    GCP,
    GEMINI,
    OLD_ID,
    VERTEX,
    asked,
    bedrock_by,
    directory,
    refused,
    who,
)

# -- one name, several clouds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "backend"),
    [
        (VERTEX, "VertexClaude"),
        (BEDROCK, "InvokeClaude"),
        (CLAUDE_AZURE, "FoundryClaude"),
        (VERTEX | BEDROCK, "VertexClaude"),
        (BEDROCK | CLAUDE_AZURE, "InvokeClaude"),
        (ANY_AZURE | CLAUDE_AZURE, "FoundryClaude"),
        (VERTEX | BEDROCK | ANY_AZURE | CLAUDE_AZURE, "VertexClaude"),
    ],
)
@pytest.mark.parametrize("name", ["claude-opus-4-8", "claude-sonnet-4.5", "anthropic/claude-opus-4-8", "claude-zeta-9"])
@pytest.mark.parametrize("kind", ["chat", "messages", "count_tokens"])
def test_a_bare_claude_is_the_first_clouds_that_has_it(
    settings: dict[str, Any], backend: str, name: str, kind: Duty
) -> None:
    assert who(settings, name, kind) == backend


@pytest.mark.parametrize(
    ("name", "backend", "id"),
    [
        (OLD_ID, "InvokeClaude", "claude-sonnet-4-5"),
        (f"us.{OLD_ID}", "InvokeClaude", "claude-sonnet-4-5"),
        (ARN, "InvokeClaude", "claude-sonnet-4-5"),
        ("anthropic.claude-zeta-9", "InvokeClaude", "claude-zeta-9"),
        (APPLICATION, "Converse", APPLICATION),
        ("amazon.nova-pro-v1:0", "Converse", "nova-pro"),
        ("acme.new-model-v1:0", "Converse", "acme.new-model-v1:0"),
        ("openai.gpt-oss-120b-1:0", "BedrockOpenAI", "gpt-oss-120b"),
        ("claude-sonnet-4-5@20250929", "VertexClaude", "claude-sonnet-4-5"),
        ("claude-opus-4-8@default", "VertexClaude", "claude-opus-4-8"),
        ("publishers/anthropic/models/claude-opus-4-8", "VertexClaude", "claude-opus-4-8"),
        ("google/gemini-3.5-flash", "VertexOpenAI", "gemini-3.5-flash"),
        ("gemini-99-ultra", "VertexOpenAI", "gemini-99-ultra"),
        ("nova-pro", "Converse", "nova-pro"),
        ("gpt-4o", "AzureOpenAI", "gpt-4o"),
    ],
)
def test_a_clouds_own_spelling_asks_that_cloud(name: str, backend: str, id: str) -> None:
    assert who(ALL, name) == backend
    assert asked(ALL, name)[1].id == id


def test_of_two_clouds_the_one_is_asked_that_calls_the_model_so() -> None:
    assert who(ALL, "grok-4.7") == "BedrockOpenAI"
    assert who(ALL, "xai/grok-4.7") == "VertexOpenAI"
    assert who(VERTEX, "grok-4.7") == "VertexOpenAI"


def test_a_clouds_own_spelling_is_no_deployments_name() -> None:
    deployed = {"azure": Azure((AzureAccount("https://a.test", AzureKey("key"), {"openai.gpt-oss-120b": "mine"}),))}
    assert who(deployed, "openai.gpt-oss-120b") == "AzureOpenAI"
    assert who(deployed | BEDROCK, "openai.gpt-oss-120b") == "BedrockOpenAI"
    assert who(deployed | BEDROCK, "azure/openai.gpt-oss-120b") == "AzureOpenAI"


def test_a_deployment_that_is_listed_goes_before_a_claude_that_nobody_knows() -> None:
    names = {"claude-prod": "mine", "acme.brain-v1:0": "brain"}
    deployed = {"azure": Azure((AzureAccount("https://a.test", AzureKey("key"), names),))}
    for clouds in (VERTEX, BEDROCK, bedrock_by("converse"), CLAUDE_AZURE, VERTEX | BEDROCK | CLAUDE_AZURE):
        assert who(deployed | clouds, "claude-prod") == "AzureOpenAI"
    assert who(deployed | BEDROCK, "acme.brain-v1:0") == "AzureOpenAI"
    assert who(ANY_AZURE | BEDROCK, "acme.brain-v1:0") == "Converse"


def test_where_nobody_lists_it_a_claude_is_no_deployment() -> None:
    for name in ("claude-prod", "Claude-Prod", "claude-3-5-sonnet-latest"):
        assert who(ANY_AZURE | CLAUDE_AZURE, name) == "FoundryClaude"
        assert who(ANY_AZURE | VERTEX, name) == "VertexClaude"
    assert who(ANY_AZURE, "claude-prod") == "AzureOpenAI"


def test_what_the_user_says_of_a_claude_is_known() -> None:
    deployed = replace(CLAUDE_AZURE["foundry"], deployments={"claude-prod": "mine", "claude-opus-4-1": "old"})
    for name in ("claude-prod", "claude-opus-4-1"):
        assert who(VERTEX | {"foundry": deployed}, name) == "FoundryClaude"
    catalog = Catalog({"claude-opus-4-8": {"vertex": None}})
    door, _ = Directory(Config(**VERTEX, **CLAUDE_AZURE), catalog).find(Route("chat"), "claude-opus-4-8")
    assert door.backend.name == "foundry"
    without = Catalog({"claude-opus-4-8": {"foundry": None}})
    door, _ = Directory(Config(**DEPLOYED, **CLAUDE_AZURE), without).find(Route("chat"), "claude-opus-4-8")
    assert not door.backend.has(without.find("claude-opus-4-8"))


def test_a_word_with_a_dot_is_a_deployment_where_bedrock_does_not_know_it() -> None:
    assert who(ANY_AZURE | BEDROCK, "team.gpt4o") == "AzureOpenAI"
    assert refused(BEDROCK, "team.gpt4o").code == "model_not_found"


def test_a_clouds_own_spelling_will_do_for_another_where_it_is_not_configured() -> None:
    assert who(VERTEX, f"us.{OLD_ID}") == "VertexClaude"
    assert who(BEDROCK, "claude-sonnet-4-5@20250929") == "InvokeClaude"
    assert asked(BEDROCK, f"eu.{OLD_ID}")[1].bedrock == f"eu.{OLD_ID}"


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("vertex/claude-opus-4-8", "VertexClaude"),
        ("vertex/gemini-3.5-flash", "VertexOpenAI"),
        ("bedrock/claude-opus-4-8", "InvokeClaude"),
        ("bedrock/anthropic/claude-opus-4-8", "InvokeClaude"),
        ("bedrock/claude-sonnet-4-5@20250929", "InvokeClaude"),
        (f"bedrock/us.{OLD_ID}", "InvokeClaude"),
        (f"bedrock/{ARN}", "InvokeClaude"),
        ("bedrock/gpt-oss-120b", "BedrockOpenAI"),
        ("bedrock/nova-pro", "Converse"),
        ("azure/gpt-4o", "AzureOpenAI"),
        ("foundry/claude-opus-4-8", "FoundryClaude"),
        ("foundry/claude-sonnet-4-5@20250929", "FoundryClaude"),
    ],
)
def test_a_cloud_in_front_of_the_name_is_asked_alone(name: str, backend: str) -> None:
    assert who(ALL, name) == backend


def test_where_that_cloud_has_no_such_model_no_other_is_asked() -> None:
    for name in ("vertex/nova-pro", "bedrock/gpt-4o", "foundry/gpt-4o", "azure/claude-opus-4-8", "vertex/", "bedrock"):
        assert refused(ALL, name).code == "model_not_found"


def test_a_clouds_name_alone_is_a_name_as_any() -> None:
    assert who(VERTEX | ANY_AZURE, "vertex") == "AzureOpenAI"


def test_aliases_lead_anywhere() -> None:
    aliases = {
        "gpt-4o": "claude-opus-4-8",  # before a deployment of that name
        "fast": f"us.{OLD_ID}",
        "aws": "bedrock/claude-opus-4-8",
        "mine": APPLICATION,
        "small": "azure/o3",
        "claude-opus-4-8": "foundry/claude-haiku-4-5",  # and no alias leads to another alias
    }
    found = {alias: who(ALL, alias, aliases=aliases) for alias in aliases}
    assert found == {
        "gpt-4o": "VertexClaude",
        "fast": "InvokeClaude",
        "aws": "InvokeClaude",
        "mine": "Converse",
        "small": "AzureOpenAI",
        "claude-opus-4-8": "FoundryClaude",
    }
    assert asked(ALL, "gpt-4o", aliases=aliases)[1].id == "claude-opus-4-8"


@pytest.mark.parametrize("name", ["claude-opus-4-1", "claude-opus-4-1@20250805", "claude-mythos-preview"])
def test_what_is_gone_on_one_cloud_is_asked_of_another(name: str) -> None:
    assert who(VERTEX | BEDROCK, name) == "InvokeClaude"
    assert who(VERTEX, name) == "VertexClaude"  # it will say so itself
    assert who(VERTEX | bedrock_by("converse"), name) == "ConverseClaude"


def test_what_is_gone_everywhere_is_asked_of_whose_spelling_it_is() -> None:
    assert who(VERTEX | BEDROCK, "anthropic.claude-3-haiku-20240307-v1:0") == "InvokeClaude"
    assert who(BEDROCK | VERTEX, "claude-3-haiku@20240307") == who(VERTEX | BEDROCK, "claude-3-haiku") == "VertexClaude"


def test_a_model_that_a_cloud_never_had_is_not_asked_there() -> None:
    catalog = Catalog({"mine": {"generation": "5.5", "vertex": None, "foundry": None, "bedrock": APPLICATION}})
    both = Directory(Config(**VERTEX, **BEDROCK), catalog)
    door, facts = both.find(Route("chat"), "mine")
    assert (door.backend.name, facts.bedrock) == ("bedrock", APPLICATION)
    with pytest.raises(NotFound):
        Directory(Config(**VERTEX), catalog).find(Route("chat"), "mine")


# -- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name", "backend"),
    [
        (GCP, "claude-opus-4-8", "VertexClaude"),
        (GCP, f"us.{OLD_ID}", "VertexClaude"),
        (GEMINI, "gemini-3.5-flash", "VertexOpenAI"),
        (AWS, "claude-opus-4-8", "InvokeClaude"),
        (AWS, "claude-sonnet-4-5@20250929", "InvokeClaude"),
        (AWS, "nova-pro", "Converse"),
        (AWS, "gpt-oss-120b", "BedrockOpenAI"),
        (AZURE, "gpt-4o", "AzureOpenAI"),
        (FOUNDRY, "claude-opus-4-8", "FoundryClaude"),
    ],
)
def test_a_path_asks_its_own_cloud(path: Path, name: str, backend: str) -> None:
    assert who(ALL, name, path=path) == backend


@pytest.mark.parametrize(
    ("path", "name"),
    [(GCP, "gemini-3.5-flash"), (GCP, "bedrock/claude-opus-4-8"), (GEMINI, "claude-opus-4-8"), (FOUNDRY, "gpt-4o")],
)
def test_and_no_other(path: Path, name: str) -> None:
    assert refused(ALL, name, path=path).code == "model_not_found"


@pytest.mark.parametrize(
    ("settings", "path", "cloud"),
    [
        (BEDROCK, GCP, "Google Cloud"),
        (BEDROCK, GEMINI, "Google Cloud"),
        (VERTEX, AWS, "AWS Bedrock"),
        (VERTEX, AZURE, "Azure OpenAI"),
        (DEPLOYED, FOUNDRY, "Azure AI Foundry"),
        (CLAUDE_AZURE, AZURE, "Azure OpenAI"),
        ({}, AWS, "AWS Bedrock"),
        ({}, GEMINI, "Google Cloud"),
    ],
)
def test_a_cloud_without_credentials_says_so(settings: dict[str, Any], path: Path, cloud: str) -> None:
    error = refused(settings, "claude-opus-4-8", path=path)
    assert error.code == "cloud_not_configured" and cloud in error.message
    served = directory(settings)
    for look in (served.listed, lambda route: served.look_up(route, "claude-opus-4-8")):
        with pytest.raises(NotFound, match=cloud):
            look(Route("models", path=path))


def test_without_any_credential_the_demo_stands_in_for_one_cloud() -> None:
    assert [door.entry.path for door in directory({}).doors] == [GCP]
    assert who({}, "claude-opus-4-8") == who({}, "claude-opus-4-8", path=GCP) == "VertexClaude"


def test_doors_stand_in_the_registrys_order_with_their_accounts() -> None:
    doors = directory(ALL).doors
    assert [door.entry for door in doors] == list(REGISTRY)
    assert [door.account for door in doors] == [entry.account for entry in REGISTRY]
