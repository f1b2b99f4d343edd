"""What the models for vectors on Bedrock demand of a body, and the vectors that they answer with.

Vendor sources: AWS's pages "Amazon Titan Text Embeddings" and "Cohere Embed", and the errors that its users meet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tests.support.bedrock_models import Kind
from tests.support.claude_answers import digest, tokens

MAX_CHARACTERS = 50_000
MAX_TEXTS = 96
TITAN_KEYS = {"titan-v1": {"inputText"}, "titan-v2": {"inputText", "dimensions", "normalize", "embeddingTypes"}}
TITAN_SIZES = (256, 512, 1024)
COHERE_KEYS = {"texts", "images", "input_type", "truncate", "embedding_types"}
COHERE_SIZES = (256, 512, 1024, 1536)
COHERE_WORDS = {
    "input_type": ("search_document", "search_query", "classification", "clustering", "image"),
    "truncate": ("NONE", "START", "END", "LEFT", "RIGHT"),
}
AGAIN = ", please reformat your input and try again."


def faults(body: Any, kind: Kind, model: str) -> list[str]:
    """Everything that would be refused in a decoded body; empty when all is well."""
    if not isinstance(body, dict):
        return [f"Malformed input request: expected type: JSONObject{AGAIN}"]
    return [
        f"Malformed input request: {why}{AGAIN}" for why in (_cohere if kind == "cohere" else _titan)(body, kind, model)
    ]


def _titan(body: dict[str, Any], kind: Kind, _: str) -> Iterator[str]:
    for key in body.keys() - TITAN_KEYS[kind]:
        yield f"extraneous key [{key}] is not permitted"
    text = body.get("inputText")
    if not isinstance(text, str):
        yield "required key [inputText] not found"
    elif not 1 <= len(text) <= MAX_CHARACTERS:
        yield f"expected minLength: 1 and maxLength: {MAX_CHARACTERS}, actual: {len(text)}"
    if body.get("dimensions", 1024) not in TITAN_SIZES or isinstance(body.get("dimensions"), float):
        yield f"{body['dimensions']} is not a valid enum value"
    if not isinstance(body.get("normalize", True), bool):
        yield "expected type: Boolean"


def _cohere(body: dict[str, Any], _: Kind, model: str) -> Iterator[str]:
    resizable = "embed-v4" in model
    for key in body.keys() - COHERE_KEYS - ({"output_dimension", "max_tokens", "inputs"} if resizable else set()):
        yield f"extraneous key [{key}] is not permitted"
    texts = body.get("texts")
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text for text in texts):
        yield "required key [texts] not found, or not an array of strings"
    elif len(texts) > MAX_TEXTS:
        yield f"expected maximum item count: {MAX_TEXTS}, found: {len(texts)}"
    if "input_type" not in body:
        yield "required key [input_type] not found"
    for key, words in COHERE_WORDS.items():
        if key in body and body[key] not in words:
            yield f"{body[key]} is not a valid enum value"
    if body.get("output_dimension", 1536) not in COHERE_SIZES:
        yield f"{body['output_dimension']} is not a valid enum value"


def answer(body: dict[str, Any], kind: Kind, model: str) -> tuple[dict[str, Any], int]:
    """What the model answers to a right body, and how many tokens it read."""
    if kind == "cohere":
        size = body.get("output_dimension", 1536 if "embed-v4" in model else 1024)
        vectors = [vector(text, size) for text in body["texts"]]
        kinds = body.get("embedding_types")
        named = {"response_type": "embeddings_by_type", "embeddings": dict.fromkeys(kinds or (), vectors)}
        plain = {"response_type": "embeddings_floats", "embeddings": vectors}
        return {"id": digest(body), "texts": body["texts"], **(named if kinds else plain)}, tokens(body["texts"])
    count = tokens(body["inputText"])
    size = 1536 if kind == "titan-v1" else body.get("dimensions", 1024)
    found = vector(body["inputText"], size)
    by_type = {"embeddingsByType": {"float": found}} if kind == "titan-v2" else {}
    return {"embedding": found, "inputTextTokenCount": count, **by_type}, count


def vector(value: Any, size: int) -> list[float]:
    """A vector of length 1, always the same one for a value, and another one for another value."""
    seed = int(digest(value), 16)
    raw = [math.sin(seed % 10_007 + (place + 1) * (1 + seed % 97)) for place in range(size)]
    length = math.sqrt(sum(number * number for number in raw))
    return [number / length for number in raw]
