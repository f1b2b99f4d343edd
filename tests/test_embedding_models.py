"""Bedrock's embedding models: every spelling of a name finds the model, and a profile that was asked for is kept."""

from __future__ import annotations

import pytest

from oai_bridge.models.embeddings import EmbeddingCatalog

CATALOG = EmbeddingCatalog()
BEDROCK = {
    "cohere-embed-v4": "cohere.embed-v4:0",
    "titan-embed-text-v2": "amazon.titan-embed-text-v2:0",
    "nova-2-multimodal-embeddings": "amazon.nova-2-multimodal-embeddings-v1:0",
    "cohere-embed-english-v3": "cohere.embed-english-v3",
    "cohere-embed-multilingual-v3": "cohere.embed-multilingual-v3",
    "titan-embed-image-v1": "amazon.titan-embed-image-v1",
    "titan-embed-text-v1": "amazon.titan-embed-text-v1",
}


def test_the_list() -> None:
    assert {facts.id: facts.bedrock for facts in CATALOG.listed()} == BEDROCK
    assert all(facts.bedrock.partition(".")[0] == facts.owner for facts in CATALOG.listed())


@pytest.mark.parametrize("id", BEDROCK)
def test_every_spelling_finds_the_model(id: str) -> None:
    bedrock = BEDROCK[id]
    plain = bedrock.removesuffix(":0")
    arn = f"arn:aws:bedrock:us-east-1::foundation-model/{bedrock}"
    spellings = {
        id: bedrock,
        f" {id.upper()} ": bedrock,
        bedrock: bedrock,
        plain: bedrock,
        plain.upper(): bedrock,
        f"{plain}:0": bedrock,
        f"us.{bedrock}": f"us.{bedrock}",
        f"us-gov.{plain}": f"us-gov.{bedrock}",
        f"global.{plain}": f"global.{bedrock}",
        arn: arn,
    }
    for name, sent in spellings.items():
        facts = CATALOG.find(name)
        assert facts is not None and (facts.id, facts.bedrock) == (id, sent), name


def test_only_the_short_name_leaves_the_profile_open() -> None:
    short, full = CATALOG.find("cohere-embed-v4"), CATALOG.find("cohere.embed-v4:0")
    assert short is not None and short.bedrock_profiles == ("us", "eu", "global")
    assert full is not None and full.bedrock_profiles == ()


@pytest.mark.parametrize(
    "name",
    [
        *("", ":0", "text-embedding-3-small", "titan-embed-text-v2:0", "us.titan-embed-text-v2", "titan"),
        *(
            "amazon.titan-embed-text-v3:0",
            "amazon.titan-embed-text-v2:1",
            "us.us.cohere.embed-v4",
        ),
        *("cohere/embed-v4", "cohere.embed-v4:0/../x", "amazon.nova-pro-v1:0"),
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
    ],
)
def test_other_names_find_nothing(name: str) -> None:
    assert CATALOG.find(name) is None


@pytest.mark.parametrize(
    ("id", "dimensions", "batch", "price"),
    [
        ("cohere-embed-v4", (1536, 1024, 512, 256), 96, 0.12),
        ("titan-embed-text-v2", (1024, 512, 256), 1, 0.02),
        ("nova-2-multimodal-embeddings", (3072, 1024, 384, 256), 1, 0.135),
        ("cohere-embed-english-v3", (1024,), 96, 0.1),
        ("cohere-embed-multilingual-v3", (1024,), 96, 0.1),
        ("titan-embed-image-v1", (1024, 384, 256), 1, 0.8),
        ("titan-embed-text-v1", (1536,), 1, 0.1),
    ],
)
def test_what_is_known(id: str, dimensions: tuple[int, ...], batch: int, price: float) -> None:
    facts = CATALOG.find(id)
    assert facts is not None and facts.prices is not None
    assert (facts.dimensions, facts.batch, facts.prices.input, facts.prices.output) == (dimensions, batch, price, 0)
    assert facts.context and facts.max_output is None
