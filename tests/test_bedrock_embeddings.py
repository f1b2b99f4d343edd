"""Bedrock's embedding models: one request as the bodies that each model takes, and vectors out of whatever answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.bedrock_embeddings import Batch, Embedded, embedding_batches, read_embeddings
from oai_bridge.errors import InvalidRequest, UpstreamError
from oai_bridge.models.embeddings import EmbeddingCatalog
from oai_bridge.notes import Notes
from oai_bridge.openai.embeddings import EmbeddingRequest
from tests.support import embedding_rules
from tests.support.bedrock_models import Kind

MODELS = {facts.id: facts for facts in EmbeddingCatalog().listed()}
TITAN_1, TITAN_2, TITAN_IMAGE = "titan-embed-text-v1", "titan-embed-text-v2", "titan-embed-image-v1"
NOVA = "nova-2-multimodal-embeddings"
COHERE_3, COHERE_4 = "cohere-embed-english-v3", "cohere-embed-v4"
COUNT = "x-amzn-bedrock-input-token-count"


def bodies(model: str, *texts: str, **fields: Any) -> list[dict[str, Any]]:
    return [batch.body for batch in batches(model, *texts, **fields)]


def batches(model: str, *texts: str, **fields: Any) -> list[Batch]:
    return embedding_batches(EmbeddingRequest(model, texts, **fields), MODELS[model], Notes(strict=True))


# -- the request ------------------------------------------------------------------------------------------------------


def nova(text: str, purpose: str = "GENERIC_INDEX", **fields: Any) -> dict[str, Any]:
    params = {"embeddingPurpose": purpose, **fields, "text": {"truncationMode": "NONE", "value": text}}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


def cohere(*texts: str, input_type: str = "search_document", **fields: Any) -> dict[str, Any]:
    return {"texts": list(texts), "input_type": input_type, "truncate": "NONE", **fields}


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (TITAN_1, {}, [{"inputText": "a"}, {"inputText": "b"}]),
        (TITAN_1, {"dimensions": 1536}, [{"inputText": "a"}, {"inputText": "b"}]),
        (TITAN_2, {}, [{"inputText": "a", "normalize": True}, {"inputText": "b", "normalize": True}]),
        (
            TITAN_2,
            {"dimensions": 256, "normalize": False},
            [{"inputText": text, "dimensions": 256, "normalize": False} for text in "ab"],
        ),
        (TITAN_IMAGE, {}, [{"inputText": "a"}, {"inputText": "b"}]),
        (
            TITAN_IMAGE,
            {"dimensions": 384},
            [{"inputText": text, "embeddingConfig": {"outputEmbeddingLength": 384}} for text in "ab"],
        ),
        (NOVA, {}, [nova("a"), nova("b")]),
        (NOVA, {"dimensions": 1024}, [nova("a", embeddingDimension=1024), nova("b", embeddingDimension=1024)]),
        (NOVA, {"input_type": "search_document"}, [nova("a"), nova("b")]),
        (NOVA, {"input_type": "search_query"}, [nova("a", "TEXT_RETRIEVAL"), nova("b", "TEXT_RETRIEVAL")]),
        (NOVA, {"input_type": "classification"}, [nova("a", "CLASSIFICATION"), nova("b", "CLASSIFICATION")]),
        (NOVA, {"input_type": "clustering"}, [nova("a", "CLUSTERING"), nova("b", "CLUSTERING")]),
        (COHERE_3, {}, [cohere("a", "b")]),
        (COHERE_3, {"dimensions": 1024}, [cohere("a", "b")]),
        (COHERE_3, {"input_type": "search_query"}, [cohere("a", "b", input_type="search_query")]),
        (COHERE_4, {}, [cohere("a", "b", embedding_types=["float"])]),
        (
            COHERE_4,
            {"dimensions": 512, "input_type": "clustering"},
            [cohere("a", "b", input_type="clustering", embedding_types=["float"], output_dimension=512)],
        ),
    ],
)
def test_bodies(model: str, fields: dict[str, Any], expected: list[dict[str, Any]]) -> None:
    assert bodies(model, "a", "b", **fields) == expected


@pytest.mark.parametrize("model", MODELS)
def test_other_sizes_are_refused(model: str) -> None:
    for size in {1, 256, 384, 512, 1024, 1536, 3072, 10**20} - set(MODELS[model].dimensions):
        with pytest.raises(InvalidRequest) as caught:
            bodies(model, "a", dimensions=size)
        assert (caught.value.param, caught.value.code) == ("dimensions", "unsupported_value")
        assert str(MODELS[model].dimensions[0]) in caught.value.message
    for size in MODELS[model].dimensions:
        assert len(bodies(model, "a", dimensions=size)) == 1


@pytest.mark.parametrize(
    ("fields", "able", "code"),
    [
        (
            {"input_type": "search_query"},
            {NOVA, COHERE_3, COHERE_4, "cohere-embed-multilingual-v3"},
            "dropped:input_type",
        ),
        ({"normalize": False}, {TITAN_2}, "dropped:normalize"),
    ],
)
def test_what_a_model_has_not_is_told(fields: dict[str, Any], able: set[str], code: str) -> None:
    for model, facts in MODELS.items():
        notes = Notes()
        sent = embedding_batches(EmbeddingRequest(model, ("a",), **fields), facts, notes)
        assert [note.code for note in notes] == ([] if model in able else [code])
        assert all(model in note.detail for note in notes)
        assert model in able or sent == batches(model, "a")


def texts_in(body: dict[str, Any]) -> list[str]:
    if "singleEmbeddingParams" in body:
        return [body["singleEmbeddingParams"]["text"]["value"]]
    return [body["inputText"]] if "inputText" in body else list(body["texts"])


@given(st.sampled_from(list(MODELS)), st.lists(st.text(min_size=1, max_size=3), min_size=1, max_size=300))
def test_texts_keep_their_order(model: str, texts: list[str]) -> None:
    sent = batches(model, *texts)
    assert [text for batch in sent for text in texts_in(batch.body)] == texts
    assert [batch.size for batch in sent] == [len(texts_in(batch.body)) for batch in sent]
    assert {batch.size for batch in sent[:-1]} <= {MODELS[model].batch}
    assert 1 <= sent[-1].size <= MODELS[model].batch


@pytest.mark.parametrize(
    ("model", "kind"),
    [(TITAN_1, "titan-v1"), (TITAN_2, "titan-v2"), (COHERE_3, "cohere"), (COHERE_4, "cohere")],
)
def test_the_fake_cloud_takes_each_body_and_is_understood(model: str, kind: Kind) -> None:
    facts = MODELS[model]
    texts = tuple(f"text {number}" for number in range(facts.batch + 2))
    for size in (None, facts.dimensions[-1]):
        for sent in batches(model, *texts, dimensions=size):
            assert embedding_rules.faults(sent.body, kind, facts.bedrock) == []
            answer, _ = embedding_rules.answer(sent.body, kind, facts.bedrock)
            embedded = read(model, json.dumps(answer).encode(), sent.size)
            expected = [embedding_rules.vector(text, size or facts.dimensions[0]) for text in texts_in(sent.body)]
            assert [list(vector) for vector in embedded.vectors] == expected


# -- the answer -------------------------------------------------------------------------------------------------------

ANSWERS: list[tuple[str, Any, dict[str, str], list[list[float]], int | None]] = [
    (TITAN_1, {"embedding": [0.1, -2], "inputTextTokenCount": 3}, {}, [[0.1, -2]], 3),
    (
        TITAN_2,
        {"embedding": [0.1], "embeddingsByType": {"float": [0.1]}, "inputTextTokenCount": 3},
        {COUNT: "9"},
        [[0.1]],
        3,
    ),
    (TITAN_IMAGE, {"embedding": [0.1], "inputTextTokenCount": 3, "message": None}, {}, [[0.1]], 3),
    (NOVA, {"embeddings": [{"embeddingType": "TEXT", "embedding": [0.1, 0.2]}]}, {COUNT: "4"}, [[0.1, 0.2]], 4),
    (NOVA, {"embeddings": [{"embeddingType": "TEXT", "embedding": [0.1]}], "inputTokenCount": 5}, {}, [[0.1]], 5),
    (NOVA, {"embeddings": [{"embeddingType": "TEXT", "embedding": [0.1]}]}, {}, [[0.1]], None),
    (
        COHERE_3,
        {"embeddings": [[0.1], [0.2]], "id": "x", "response_type": "embeddings_floats", "texts": ["a", "b"]},
        {COUNT: "7"},
        [[0.1], [0.2]],
        7,
    ),
    (
        COHERE_4,
        {"embeddings": {"float": [[0.1], [0.2]]}, "response_type": "embeddings_by_type", "texts": ["a", "b"]},
        {COUNT: "8"},
        [[0.1], [0.2]],
        8,
    ),
    (COHERE_4, {"embeddings": [[0.1]]}, {}, [[0.1]], None),
    (COHERE_3, {"embeddings": {"float": [[0.1]]}}, {}, [[0.1]], None),
]


def read(model: str, answer: bytes, count: int = 1, headers: dict[str, str] | None = None) -> Embedded:
    return read_embeddings(MODELS[model], headers or {}, answer, count)


@pytest.mark.parametrize(("model", "answer", "headers", "vectors", "tokens"), ANSWERS)
def test_answers(
    model: str, answer: Any, headers: dict[str, str], vectors: list[list[float]], tokens: int | None
) -> None:
    embedded = read(model, json.dumps(answer).encode(), len(vectors), headers)
    assert [list(vector) for vector in embedded.vectors] == vectors
    assert embedded.tokens == tokens


@pytest.mark.parametrize("told", [None, -1, True, 1.5, "3", [], 10**13, 10**30])
def test_a_count_that_is_none_gives_way_to_the_header(told: Any) -> None:
    answer = json.dumps({"embedding": [1], "inputTextTokenCount": told}).encode()
    assert read(TITAN_1, answer).tokens is None
    assert read(TITAN_1, answer, headers={COUNT: "6"}).tokens == 6


@pytest.mark.parametrize("told", [0, 1, 1000, 10**12])
def test_a_count_comes_before_the_header(told: int) -> None:
    answer = json.dumps({"embedding": [1], "inputTextTokenCount": told}).encode()
    assert read(TITAN_1, answer, headers={COUNT: "6"}).tokens == told


@pytest.mark.parametrize("header", ["", "-1", "1.5", "x", "٣", "9" * 13, "9" * 5000])
def test_a_header_that_is_no_count_is_no_count(header: str) -> None:
    assert read(COHERE_3, b'{"embeddings": [[1]]}', headers={COUNT: header}).tokens is None


BROKEN = [
    *(b"", b"{}", b"[]", b"null", b"\xff", b"[" * 200_000, b'{"a":' * 200_000, b"<html>"),
    *(
        b'{"embedding": %s}' % value
        for value in (b"null", b"[]", b"[null]", b'["1"]', b"[true]", b"[[1]]", b"{}", b"1")
    ),
    *(b'{"embeddings": %s}' % value for value in (b"null", b"[]", b"[[]]", b'[["1"]]', b"[1]", b"{}", b'{"float": 1}')),
    *(b'{"embeddings": %s}' % value for value in (b'{"int8": [[1]]}', b"[{}]", b'[{"embedding": []}]', b"[[1], [2]]")),
    *(b'{"embedding": [%s]}' % number for number in (b"1e400", b"-1e39", b"3.5e38", b"NaN", b"1" * 400)),
    *(b'{"embeddings": [[%s]]}' % number for number in (b"1e400", b"-1e39", b"3.5e38", b"Infinity", b"1" * 400)),
    b'{"embeddings": [{"embedding": [1]}, {"embedding": [1]}]}',
]


@pytest.mark.parametrize("model", MODELS)
def test_anything_else_is_an_error_of_the_cloud(model: str) -> None:
    for answer in BROKEN:
        with pytest.raises(UpstreamError) as caught:
            read(model, answer)
        assert caught.value.status == 502
        assert caught.value.message.endswith("if it stays, look at the answer in mitmweb.")


def test_a_model_that_says_why_is_quoted() -> None:
    with pytest.raises(UpstreamError) as caught:
        read(
            TITAN_IMAGE,
            b'{"embedding": null, "inputTextTokenCount": 0, "message": "Bearer abc is %s."}' % (b"no" * 999),
        )
    assert "says: Bearer *** is nono" in caught.value.message
    assert len(caught.value.message) < 700


@given(st.sampled_from(ANSWERS), st.data())
@settings(max_examples=500)
def test_a_broken_answer_is_read_or_refused(case: Any, data: st.DataObject) -> None:
    model, value, headers, vectors, _ = case
    answer = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(answer)))
        answer[start : start + data.draw(st.integers(0, 5))] = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"1e999", b"[", b"]", b"{", b"}", b'"', b"null", b",", b"-", b"0"])
        )
    try:
        embedded = read(model, bytes(answer), len(vectors), headers)
    except UpstreamError:
        return
    assert len(embedded.vectors) == len(vectors)
    assert all(len(vector) > 0 and all(abs(number) < 3.5e38 for number in vector) for vector in embedded.vectors)


IN_RANGE = st.floats(-3.4e38, 3.4e38)


@given(st.lists(st.lists(IN_RANGE, min_size=1, max_size=5), min_size=1, max_size=5))
@example([[3.4028234663852886e38, -3.4028234663852886e38]])
def test_numbers_come_through_to_the_last_bit(vectors: list[list[float]]) -> None:
    answer = json.dumps({"embeddings": {"float": vectors}}).encode()
    embedded = read(COHERE_4, answer, len(vectors))
    assert [[n.hex() for n in vector] for vector in embedded.vectors] == [[n.hex() for n in v] for v in vectors]
