"""Models that are passed on: every spelling on Vertex's and Bedrock's doors, and what a deployment's name tells."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oai_bridge.models.passed import (
    PassedFacts,
    azure_facts,
    find_on_bedrock,
    find_on_vertex,
    listed_on_bedrock,
    listed_on_vertex,
)

FOUNDATION = "arn:aws:bedrock:us-east-1::foundation-model"

# Vertex


@pytest.mark.parametrize(
    ("name", "id", "full"),
    [
        ("google/gemini-2.5-pro", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gemini-2.5-pro", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        (" Gemini-2.5-Pro\n", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("gemini-2.5-pro@default", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro", "google/gemini-2.5-pro"),
        (
            "projects/p/locations/global/publishers/google/models/gemini-2.5-pro",
            "gemini-2.5-pro",
            "google/gemini-2.5-pro",
        ),
        *[
            (name, "meta/llama-4-maverick-17b-128e-instruct-maas", "meta/llama-4-maverick-17b-128e-instruct-maas")
            for name in (
                "meta/llama-4-maverick-17b-128e-instruct-maas",
                "llama-4-maverick-17b-128e-instruct-maas",
                "publishers/meta/models/llama-4-maverick-17b-128e-instruct-maas",
            )
        ],
        ("gemma-4-26b-a4b-it-maas", "google/gemma-4-26b-a4b-it-maas", "google/gemma-4-26b-a4b-it-maas"),
        ("xai/grok-4.7", "xai/grok-4.7", "xai/grok-4.7"),
    ],
)
def test_every_spelling_leads_to_vertex(name: str, id: str, full: str) -> None:
    facts = find_on_vertex(name)
    assert facts is not None
    assert (facts.id, facts.name, facts.owner, facts.kind) == (id, full, full.partition("/")[0], "chat")
    assert facts.prices is not None
    assert not facts.reasoning  # they take sampling


@pytest.mark.parametrize(
    ("name", "id", "full", "kind"),
    [
        ("gemini-9-neon", "gemini-9-neon", "google/gemini-9-neon", "chat"),
        ("google/gemini-2.0-flash-001", "gemini-2.0-flash-001", "google/gemini-2.0-flash-001", "chat"),
        ("google/text-embedding-005", "google/text-embedding-005", "google/text-embedding-005", "embedding"),
        ("gemini-embedding-2", "gemini-embedding-2", "google/gemini-embedding-2", "embedding"),
        ("meta/llama-9-maas", "meta/llama-9-maas", "meta/llama-9-maas", "chat"),
        ("acme-ai/brain-maas", "acme-ai/brain-maas", "acme-ai/brain-maas", "chat"),
        ("publishers/meta/models/llama-9-maas", "meta/llama-9-maas", "meta/llama-9-maas", "chat"),
    ],
)
def test_what_nobody_has_told_us_of_is_passed_on(name: str, id: str, full: str, kind: str) -> None:
    facts = find_on_vertex(name)
    assert facts is not None
    assert (facts.id, facts.name, facts.kind) == (id, full, kind)
    assert (facts.context, facts.max_output, facts.prices) == (None, None, None)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            "gemini",
            "gpt-4o",
            "openai/gpt-4o",
            "xai/grok-99",
            "brain-maas",
            "claude-opus-5",
            "google/",
            "/gemini-x",
        ),
        *("google/../x", "google/a/b", "google/gemini x", "google/gemini?x", "google/gemini%2f", "google/gemini-ö"),
        *("anthropic/claude-opus-5", "publishers/anthropic/models/claude-opus-5", "amazon.nova-pro-v1:0"),
    ],
)
def test_what_vertex_does_not_serve_in_openais_words_is_not_found(name: str) -> None:
    assert find_on_vertex(name) is None


# Bedrock


@pytest.mark.parametrize(
    ("name", "id", "sent", "profiles"),
    [
        ("gpt-oss-120b", "gpt-oss-120b", "openai.gpt-oss-120b-1:0", ("us-gov",)),
        ("GPT-OSS-120B ", "gpt-oss-120b", "openai.gpt-oss-120b-1:0", ("us-gov",)),
        ("openai/gpt-oss-20b", "gpt-oss-20b", "openai.gpt-oss-20b-1:0", ("us-gov",)),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b", "openai.gpt-oss-120b-1:0", ()),
        ("openai.gpt-oss-120b", "gpt-oss-120b", "openai.gpt-oss-120b-1:0", ()),
        ("us-gov.openai.gpt-oss-120b", "gpt-oss-120b", "us-gov.openai.gpt-oss-120b-1:0", ("us-gov",)),
        (f"{FOUNDATION}/openai.gpt-oss-20b-1:0", "gpt-oss-20b", f"{FOUNDATION}/openai.gpt-oss-20b-1:0", ("us-gov",)),
        ("gpt-6.1-sol", "gpt-6.1-sol", "openai.gpt-6.1-sol", ("us", "global")),
        ("gpt-6-1-sol", "gpt-6.1-sol", "openai.gpt-6.1-sol", ("us", "global")),
        ("openai.gpt-6.1-sol", "gpt-6.1-sol", "openai.gpt-6.1-sol", ("us", "global")),
        ("global.openai.gpt-6.1-sol", "gpt-6.1-sol", "global.openai.gpt-6.1-sol", ("us", "global")),
        ("xai/grok-4.7", "grok-4.7", "xai.grok-4.7", ("us", "global")),
    ],
)
def test_every_spelling_leads_to_bedrock(name: str, id: str, sent: str, profiles: tuple[str, ...]) -> None:
    facts = find_on_bedrock(name)
    assert facts is not None
    assert (facts.id, facts.name, facts.bedrock, facts.bedrock_profiles) == (id, sent, sent, profiles)
    assert facts.owner in sent
    assert facts.prices is not None


@pytest.mark.parametrize(
    ("name", "reasoning"),
    [("openai.gpt-9-nova", True), ("us.openai.gpt-oss-1t", False), ("xai.grok-9", False), ("openai.o9-1:0", True)],
)
def test_what_else_bedrock_has_of_these_vendors_is_passed_on(name: str, reasoning: bool) -> None:
    facts = find_on_bedrock(name)
    vendor = "xai" if "xai" in name else "openai"
    assert facts == PassedFacts(id=name, name=name, owner=vendor, reasoning=reasoning)


@pytest.mark.parametrize(
    "name",
    [
        *("", "gpt-4o", "xai/gpt-oss-120b", "amazon.nova-pro-v1:0", "anthropic.claude-opus-5", "zai.glm-5", "a.b-v1:0"),
        *("us.amazon.nova-pro-v1:0", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"),
        "openai.gpt-oss-120b/../x",
    ],
)
def test_what_converse_has_is_not_found(name: str) -> None:
    assert find_on_bedrock(name) is None


# Azure


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("gpt-4o", "gpt-4o"),
        ("my-gpt4o-mini-prod", "gpt-4o-mini"),
        ("GPT4O", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2", "gpt-4o"),
        ("gpt-4-1106-preview", "gpt-4"),
        ("gpt4", "gpt-4"),
        *[(name, "gpt-4.1") for name in ("gpt-4.1", "gpt-41", "gpt41", "gpt4.1", "gpt_4_1", "GPT 4.1 prod")],
        *[(name, "gpt-35-turbo") for name in ("gpt-35-turbo", "gpt-3.5-turbo", "gpt35-turbo", "gpt-3.5-turbo-0125")],
        ("gpt-5", "gpt-5"),
        ("gpt-5-2025-08-07", "gpt-5"),
        ("eu-gpt-5-mini", "gpt-5-mini"),
        ("gpt-5.1-codex", "gpt-5.1"),
        ("gpt-5-chat", "gpt-5-chat"),
        ("gpt5-chat-eu", "gpt-5-chat"),
        ("o3-mini-2025-01-31", "o3-mini"),
        ("team_o1", "o1"),
        ("gpt-6.1-sol", "gpt-6.1-sol"),
        ("text-embedding-3-small", "text-embedding-3-small"),
        ("dall-e-3", "dall-e-3"),
        ("gpt-image-1-mini", "gpt-image-1-mini"),
    ],
)
def test_a_deployment_is_mostly_named_after_its_model(name: str, model: str) -> None:
    facts, known = azure_facts("x", name), azure_facts("x", model)
    assert (facts.id, facts.name, facts.owner) == ("x", name, "openai")
    for fact in ("kind", "reasoning", "context", "max_output", "prices"):
        assert getattr(facts, fact) == getattr(known, fact)
    assert known.context is not None or known.kind == "image"


@pytest.mark.parametrize(
    ("name", "kind", "reasoning"),
    [
        *[
            (name, "chat", True)
            for name in ("o1", "o3", "o4-mini", "gpt-5", "gpt-5.4-nano", "gpt-6-luna", "gpt-5.2-chat")
        ],
        *[(name, "chat", False) for name in ("gpt-4o", "gpt-4.1", "gpt-35-turbo", "gpt-5-chat", "gpt-oss-120b")],
        # Models that nobody has told us of.
        *[(name, "chat", True) for name in ("gpt-5.9", "gpt-7-sol", "gpt-7-chat", "o5", "o9-mini", "my-gpt8")],
        *[(name, "chat", False) for name in ("foo1", "prod", "co3", "gpt-10", "DeepSeek-V3.1", "o10")],
        *[(name, "embedding", False) for name in ("text-embedding-4", "embeddings", "my-embed")],
        *[(name, "image", False) for name in ("dalle3", "gpt-image-3", "images")],
    ],
)
def test_kind_and_reasoning(name: str, kind: str, reasoning: bool) -> None:
    facts = azure_facts(name, name)
    assert (facts.kind, facts.reasoning) == (kind, reasoning)


def test_another_minor_version_is_another_model() -> None:
    assert azure_facts("gpt-5.9", "gpt-5.9").prices is None
    assert azure_facts("gpt-5", "gpt-5").prices is not None


def test_where_the_deployment_tells_nothing_the_clients_name_may() -> None:
    assert azure_facts("gpt-4o", "prod1").max_output == 16_384
    assert azure_facts("o3", "prod1").reasoning
    assert [azure_facts(name, name).parallel for name in ("o3", "my-o9-mini", "gpt-5", "gpt-9")] == [
        False,
        False,
        True,
        True,
    ]
    assert azure_facts("gpt-4o", "gpt-5").reasoning
    assert azure_facts("chat", "prod1") == PassedFacts(id="chat", name="prod1", owner="azure")


# Any name at all

PIECES = st.lists(
    st.sampled_from(
        [
            *[
                "google/",
                "gemini-",
                "publishers/",
                "models/",
                "meta/",
                "-maas",
                "openai.",
                "gpt-",
                "oss-120b",
                "5",
                "4o",
            ],
            *[
                "us.",
                "xai.",
                "grok-4.7",
                "arn:aws:bedrock:us-east-1::foundation-model/",
                "..",
                "/",
                "@default",
                "İ",
                "%",
            ],
        ]
    ),
    max_size=8,
).map("".join)


@given(st.text() | PIECES)
@example("gpt-" * 500)
def test_no_name_is_too_strange(name: str) -> None:
    vertex, bedrock, azure = find_on_vertex(name), find_on_bedrock(name), azure_facts(name, name)
    assert (azure.id, azure.name) == (name, name)
    if vertex is not None:
        assert re.fullmatch(r"[a-z0-9-]+/[a-z0-9._@-]+", vertex.name)
        assert find_on_vertex(vertex.name) == vertex
        assert find_on_vertex(vertex.id) == vertex
    if bedrock is not None:
        assert bedrock.name.startswith("arn:") or re.fullmatch(r"[a-z0-9][a-z0-9._:-]*", bedrock.name)
        again = find_on_bedrock(bedrock.name)
        assert again is not None and (again.id, again.name) == (bedrock.id, bedrock.name)


# The lists


def test_the_lists() -> None:
    assert [facts.id for facts in listed_on_vertex()] == [
        *("gemini-4-argon", "gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.5-flash", "gemini-3.5-flash-lite"),
        *(
            "gemini-3.1-pro-preview",
            "gemini-3.1-flash-lite",
            "gemini-3-flash-preview",
            "google/gemma-4-26b-a4b-it-maas",
        ),
        *("deepseek-ai/deepseek-v4.1-flash-maas", "zai-org/glm-5.2-maas", "xai/grok-4.7", "xai/grok-4.6"),
        *("xai/grok-4.3", "xai/grok-4.20-reasoning", "xai/grok-4.20-non-reasoning", "xai/grok-4.1-fast-reasoning"),
        *("xai/grok-4.1-fast-non-reasoning", "openai/gpt-oss-120b-maas"),
        *("meta/llama-4-maverick-17b-128e-instruct-maas", "meta/llama-4-scout-17b-16e-instruct-maas"),
        "meta/llama-3.1-405b-instruct-maas",
    ]
    assert [facts.id for facts in listed_on_bedrock()] == [
        *("gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-5.6-sol", "gpt-5.6-terra"),
        *("gpt-5.6-luna", "gpt-oss-120b", "gpt-oss-20b", "grok-4.7", "grok-4.6"),
    ]
    for facts in (*listed_on_vertex(), *listed_on_bedrock()):
        assert facts.kind == "chat"


def test_facts_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        azure_facts("x", "gpt-5").reasoning = False  # type: ignore[misc]  # that it is refused is the point
