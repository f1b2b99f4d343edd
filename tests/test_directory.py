"""directory.py: who serves a model. A route and a name in, a door and what is known of the model out."""

from __future__ import annotations

from typing import Any

import pytest

from oai_bridge.backends import REGISTRY, Duty
from oai_bridge.directory import Directory, Door
from oai_bridge.errors import NotFound
from oai_bridge.models.catalog import Catalog
from oai_bridge.routing import Path, Route
from oai_bridge.settings import Bedrock, Config
from tests.support.directories import (
    ALL,
    ANY_AZURE,
    AWS,
    AZURE,
    BEDROCK,
    CLAUDE_AZURE,
    DEPLOYED,
    FOUNDRY,
    GCP,
    GEMINI,
    VERTEX,
    directory,
)

OLD_ID = "anthropic.claude-sonnet-4-5-20250929-v1:0"
ARN = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{OLD_ID}"
APPLICATION = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"


def asked(
    settings: dict[str, Any], name: str, kind: Duty = "chat", path: Path | None = None, **config: Any
) -> tuple[Door, Any]:
    return directory(settings, **config).find(Route(kind, path=path), name)


def who(settings: dict[str, Any], name: str, kind: Duty = "chat", path: Path | None = None, **config: Any) -> str:
    """The class of the backend that answers."""
    door, _ = asked(settings, name, kind, path, **config)
    assert kind in door.entry.duties and path in (None, door.entry.path)
    return type(door.backend).__name__


def refused(
    settings: dict[str, Any], name: str, kind: Duty = "chat", path: Path | None = None, **config: Any
) -> NotFound:
    with pytest.raises(NotFound) as raised:
        asked(settings, name, kind, path, **config)
    return raised.value


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
    assert who(VERTEX | {"bedrock": replaced(api="converse")}, name) == "ConverseClaude"


def test_what_is_gone_everywhere_is_asked_of_whose_spelling_it_is() -> None:
    assert who(VERTEX | BEDROCK, "anthropic.claude-3-haiku-20240307-v1:0") == "InvokeClaude"
    assert who(BEDROCK | VERTEX, "claude-3-haiku@20240307") == who(VERTEX | BEDROCK, "claude-3-haiku") == "VertexClaude"


def replaced(**bedrock: Any) -> Bedrock:
    return Bedrock(BEDROCK["bedrock"].accounts, **bedrock)


def test_a_model_that_a_cloud_never_had_is_not_asked_there() -> None:
    catalog = Catalog({"mine": {"vertex": None, "foundry": None, "bedrock": APPLICATION}})
    both = Directory(Config(**VERTEX, **BEDROCK), catalog)
    door, facts = both.find(Route("chat"), "mine")
    assert (door.backend.name, facts.bedrock) == ("bedrock", APPLICATION)
    with pytest.raises(NotFound):
        Directory(Config(**VERTEX), catalog).find(Route("chat"), "mine")


# -- duties -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "doors"),
    [
        ("invoke", {"chat": "InvokeClaude", "messages": "InvokeClaude", "count_tokens": "InvokeClaude"}),
        ("converse", {"chat": "ConverseClaude", "messages": "InvokeClaude", "count_tokens": "InvokeClaude"}),
        ("messages", {"chat": "MessagesClaude", "messages": "MessagesClaude", "count_tokens": "InvokeClaude"}),
        ("mantle", {"chat": "MessagesClaude", "messages": "MessagesClaude", "count_tokens": "MessagesClaude"}),
    ],
)
def test_the_settings_choose_claudes_doors_on_bedrock(api: str, doors: dict[Duty, str]) -> None:
    settings = {"bedrock": replaced(api=api)}
    assert {kind: who(settings, "claude-opus-4-8", kind, AWS) for kind in doors} == doors
    assert who(settings, "nova-pro", "chat", AWS) == "Converse"


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("titan-embed-text-v2", "BedrockEmbeddings"),
        ("amazon.titan-embed-text-v2:0", "BedrockEmbeddings"),
        ("o3", "AzureOpenAI"),
    ],
)
def test_vectors(name: str, backend: str) -> None:
    assert who(ALL, name, "embeddings") == backend


def test_pictures() -> None:
    assert who(ALL, "gpt-4o", "images") == "AzureOpenAI"
    assert refused(VERTEX | BEDROCK, "gpt-image-1", "images").code == "model_not_found"


@pytest.mark.parametrize(
    ("name", "kind", "path", "places"),
    [
        ("nova-pro", "messages", None, ["/v1/chat/completions"]),
        ("bedrock/nova-pro", "count_tokens", None, ["/v1/chat/completions"]),
        ("titan-embed-text-v2", "chat", None, ["/v1/embeddings"]),
        ("amazon.titan-embed-text-v2:0", "chat", AWS, ["/proxy/aws/claude/embeddings"]),
        ("gemini-3.5-flash", "messages", None, ["/v1/chat/completions"]),
        ("nova-pro", "embeddings", AWS, ["/proxy/aws/claude/chat/completions"]),
        ("gpt-4o", "messages", None, ["/v1/chat/completions", "/v1/embeddings", "/v1/images/generations"]),
        ("claude-opus-4-8", "embeddings", None, ["/v1/chat/completions", "/v1/messages"]),
    ],
)
def test_what_a_model_cannot_do_is_told_with_the_place_for_what_it_can(
    name: str, kind: Duty, path: Path | None, places: list[str]
) -> None:
    error = refused(ALL, name, kind, path)
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")
    assert error.message.startswith("This model is served at ") and error.message.endswith(", not here.")
    assert all(f" {place}" in error.message for place in places)


@pytest.mark.parametrize(("name", "kind"), [("nova-pro", "embeddings"), ("titan-embed-text-v2", "chat")])
def test_a_door_that_takes_any_name_does_not_get_what_another_is_known_to_have(name: str, kind: Duty) -> None:
    assert refused(BEDROCK | ANY_AZURE, name, kind).message.startswith("This model is served at ")
    assert who(ANY_AZURE, name, kind) == "AzureOpenAI"
    assert who(BEDROCK | ANY_AZURE, "my-own", kind) == "AzureOpenAI"


def test_the_prefix_of_the_settings_is_told() -> None:
    error = refused(ALL, "nova-pro", "messages", AWS, prefix="/mine")
    assert "/mine/aws/claude/chat/completions" in error.message


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
