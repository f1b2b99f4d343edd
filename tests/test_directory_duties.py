"""directory.py: who serves a model for what is asked of it, and where it is served where that can't be had."""

from __future__ import annotations

import pytest

from oai_bridge.backends import Duty
from oai_bridge.routing import Path
from tests.support.directories import ALL, ANY_AZURE, AWS, BEDROCK, VERTEX, bedrock_by, refused, who


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
    settings = bedrock_by(api)
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
