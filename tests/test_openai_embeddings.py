"""Embeddings in OpenAI's API: what is taken of a request, what is refused and where, and the bytes of an answer."""

from __future__ import annotations

import json
import struct
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.errors import InvalidRequest
from oai_bridge.notes import Notes
from oai_bridge.openai.embeddings import EmbeddingRequest, embeddings_answer, parse_embeddings

ONE = {"model": "m", "input": "Hello"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, EmbeddingRequest("m", ("Hello",))),
        ({"model": " m "}, EmbeddingRequest("m", ("Hello",))),
        ({"input": ["a", " ", "a"]}, EmbeddingRequest("m", ("a", " ", "a"))),
        ({"input": ["x"] * 2048}, EmbeddingRequest("m", ("x",) * 2048)),
        ({"dimensions": 256}, EmbeddingRequest("m", ("Hello",), dimensions=256)),
        ({"dimensions": "256"}, EmbeddingRequest("m", ("Hello",), dimensions=256)),
        (
            {"dimensions": None, "encoding_format": None, "input_type": None, "normalize": None},
            EmbeddingRequest("m", ("Hello",)),
        ),
        ({"encoding_format": "float"}, EmbeddingRequest("m", ("Hello",))),
        ({"encoding_format": "base64"}, EmbeddingRequest("m", ("Hello",), base64=True)),
        ({"input_type": "search_query"}, EmbeddingRequest("m", ("Hello",), input_type="search_query")),
        ({"normalize": False}, EmbeddingRequest("m", ("Hello",), normalize=False)),
        ({"user": "u-1"}, EmbeddingRequest("m", ("Hello",))),
    ],
)
def test_what_is_taken(fields: dict[str, Any], expected: EmbeddingRequest) -> None:
    notes = Notes(strict=True)  # nothing of this is dropped
    assert parse_embeddings(ONE | fields, notes) == expected
    assert not list(notes)


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"model": None}, "model", "Name a model"),
        ({"input": None}, "input", "Put the text"),
        ({"input": []}, "input", "Put the text"),
        ({"input": ""}, "input", "empty text"),
        ({"input": ["a", ""]}, "input[1]", "empty text"),
        ({"input": ["a", 5]}, "input[1]", "a text or a list of texts"),
        ({"input": ["a", None]}, "input[1]", "a text or a list of texts"),
        ({"input": {"text": "a"}}, "input", "a text or a list of texts"),
        ({"input": [{"text": "a"}]}, "input[0]", "a text or a list of texts"),
        ({"input": True}, "input", "a text or a list of texts"),
        ({"input": [[]]}, "input[0]", "a text or a list of texts"),
        ({"input": [["a"]]}, "input[0]", "a text or a list of texts"),
        ({"input": [1, 2, 3]}, "input", "not token ids"),
        ({"input": [[1, 2], [3]]}, "input", "not token ids"),
        ({"input": 7}, "input", "not token ids"),
        ({"input": ["x"] * 2049}, "input", "at most 2048"),
        ({"dimensions": 0}, "dimensions", "whole number"),
        ({"dimensions": -256}, "dimensions", "whole number"),
        ({"dimensions": 256.5}, "dimensions", "whole number"),
        ({"dimensions": "many"}, "dimensions", "must be a number"),
        ({"encoding_format": "int8"}, "encoding_format", '"float" or "base64"'),
        ({"encoding_format": ["float"]}, "encoding_format", "must be a string"),
        ({"input_type": "query"}, "input_type", "search_document, search_query, classification, clustering"),
        ({"normalize": "yes"}, "normalize", "true or false"),
    ],
)
def test_what_is_refused_is_named(fields: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_embeddings(ONE | fields, Notes())
    assert caught.value.param == param
    assert words in caught.value.message


def test_unknown_fields_are_dropped_and_told() -> None:
    notes = Notes()
    assert parse_embeddings(ONE | {"truncate": "END", "x" * 99: 1, "neutral": None}, notes) == EmbeddingRequest(
        "m", ("Hello",)
    )
    assert [note.code for note in notes] == ["dropped:unknown"] * 2
    assert all(len(note.detail) < 100 for note in notes)
    with pytest.raises(InvalidRequest) as caught:
        parse_embeddings(ONE | {"truncate": "END"}, Notes(strict=True))
    assert caught.value.param == "truncate"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["model", "input", "dimensions", "encoding_format", "input_type", "normalize", "user", "?"])


@given(st.dictionaries(FIELDS, JSON, max_size=8))
def test_any_body_is_a_request_or_refused(body: dict[str, Any]) -> None:
    try:
        request = parse_embeddings(body, Notes())
    except InvalidRequest as error:
        assert error.param
        return
    assert request.model and all(isinstance(text, str) and text for text in request.inputs)
    assert request.dimensions is None or request.dimensions > 0


# -- the answer -------------------------------------------------------------------------------------------------------

SINGLE = st.floats(width=32, allow_nan=False, allow_infinity=False)
DOUBLE = st.floats(allow_nan=False, allow_infinity=False)


def vectors_of(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[list[list[float]]]:
    return st.lists(st.lists(numbers, min_size=1, max_size=8), min_size=1, max_size=5)


@given(vectors_of(DOUBLE), st.text(max_size=20), st.integers(0, 10**12))
def test_numbers_survive_as_they_came(vectors: list[list[float]], model: str, tokens: int) -> None:
    told = json.loads(embeddings_answer(model, vectors, tokens, base64=False))
    assert told == {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    for sent, came in zip(vectors, told["data"], strict=True):
        assert [struct.pack("d", number) for number in sent] == [struct.pack("d", n) for n in came["embedding"]]


@given(vectors_of(SINGLE))
@settings(max_examples=30, deadline=None)
def test_openai_python_gets_back_each_float32(vectors: list[list[float]]) -> None:
    """It asks for base64 unless it is told otherwise, and decodes it itself."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        assert parse_embeddings(json.loads(request.content), Notes()).base64
        headers = {"content-type": "application/json"}
        return httpx2.Response(200, headers=headers, content=embeddings_answer("m", vectors, 5, base64=True))

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        client = openai.OpenAI(api_key="k", base_url="http://test/v1", http_client=http)
        told = client.embeddings.create(model="m", input="Hello")
    assert [one.index for one in told.data] == list(range(len(vectors)))
    assert (told.model, told.usage.prompt_tokens, told.usage.total_tokens) == ("m", 5, 5)
    for sent, came in zip(vectors, told.data, strict=True):
        assert struct.pack(f"{len(sent)}f", *sent) == struct.pack(f"{len(sent)}f", *came.embedding)


def test_base64_is_little_endian_float32() -> None:
    told = json.loads(embeddings_answer("m", [[1.0, -2.0]], 0, base64=True))
    assert told["data"][0]["embedding"] == "AACAPwAAAMA="
