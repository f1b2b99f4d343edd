"""OpenAI's embeddings with Bedrock's embedding models: bodies of `invoke` out of a request, vectors out of the answers.

Forms as in AWS's Bedrock user guide ("Amazon Titan Embeddings G1 - Text", "Amazon Titan Multimodal Embeddings G1",
"Cohere Embed v3", "Cohere Embed v4") and Amazon Nova's ("Complete embeddings request and response schema"). The header
with the number of tokens comes with every answer of `invoke`; Cohere's have it nowhere else.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

from msgspec import Struct, field
from msgspec.json import Decoder

from ..errors import InvalidRequest, UpstreamError
from ..models.embeddings import EmbeddingFacts
from ..notes import Notes
from ..openai.embeddings import EmbeddingRequest
from ..plain.redaction import redact

_TOKENS = "x-amzn-bedrock-input-token-count"
_MOST_TOKENS = 10**12  # nothing that counts tokens says more
_LARGEST = 3.4028234663852886e38  # of a float32
_TEXT_LIMIT = 500  # characters of the model's own words

# Only texts are sent from here, so a query is one for texts.
_PURPOSES = {
    "search_document": "GENERIC_INDEX",
    "search_query": "TEXT_RETRIEVAL",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
_DOCUMENT = "search_document"  # both makers demand to know what the vectors are for, and OpenAI's API doesn't tell


@dataclass(frozen=True, slots=True)
class Batch:
    """What is sent in one request, and how many texts that is."""

    body: dict[str, Any]
    size: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vectors of one answer, in the order of its texts, and how many tokens those were; `None`: not told. Vectors
    are arrays of doubles: they hold each number as it came, in a quarter of a list's memory, and fit in float32s."""

    vectors: tuple[Sequence[float], ...]
    tokens: int | None


# -- the request ------------------------------------------------------------------------------------------------------


def embedding_batches(request: EmbeddingRequest, facts: EmbeddingFacts, notes: Notes) -> list[Batch]:
    """What to send, in the order of the texts, at most `facts.batch` of them at a time; raises `InvalidRequest`. Texts
    that are too long are refused by the cloud, as by OpenAI, never cut."""
    if request.dimensions not in (None, *facts.dimensions):
        sizes = " or ".join(str(size) for size in facts.dimensions)
        raise InvalidRequest(
            f"The vectors of {facts.id} can have {sizes} dimensions; ask for that, or leave the field out.",
            param="dimensions",
            code="unsupported_value",
        )
    if request.input_type is not None and facts.family.startswith("titan"):
        notes.dropped("input_type", f"The vectors of {facts.id} are the same whatever they are for.")
    if not request.normalize and facts.family != "titan-v2":
        notes.dropped("normalize", f"{facts.id} has no choice of the vectors' norm.")
    return [Batch(_body(texts, request, facts), len(texts)) for texts in batched(request.inputs, facts.batch)]


def _body(texts: tuple[str, ...], request: EmbeddingRequest, facts: EmbeddingFacts) -> dict[str, Any]:
    size, purpose = request.dimensions, request.input_type or _DOCUMENT
    match facts.family:
        case "titan-v1":
            return {"inputText": texts[0]}
        case "titan-v2":
            return {"inputText": texts[0], **_sized("dimensions", size), "normalize": request.normalize}
        case "titan-image":
            config = _sized("outputEmbeddingLength", size)
            return {"inputText": texts[0], **({"embeddingConfig": config} if config else {})}
        case "nova":
            text = {"truncationMode": "NONE", "value": texts[0]}
            params = {"embeddingPurpose": _PURPOSES[purpose], **_sized("embeddingDimension", size), "text": text}
            return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}
        case "cohere-v3":
            return {"texts": list(texts), "input_type": purpose, "truncate": "NONE"}
        case "cohere-v4":
            own = {"embedding_types": ["float"], **_sized("output_dimension", size)}
            return {"texts": list(texts), "input_type": purpose, "truncate": "NONE", **own}


def _sized(field: str, size: int | None) -> dict[str, int]:
    return {} if size is None else {field: size}


# -- the answer -------------------------------------------------------------------------------------------------------


class _Titan(Struct):
    embedding: list[float] | None = None
    message: str | None = None  # of the multimodal one: what went wrong
    tokens: object = field(default=None, name="inputTextTokenCount")


class _NovaVector(Struct):
    embedding: list[float]


class _Nova(Struct):
    embeddings: list[_NovaVector]
    tokens: object = field(default=None, name="inputTokenCount")  # not in the documents, but seen


class _Floats(Struct):
    vectors: list[list[float]] = field(name="float")


class _Cohere(Struct):
    """The older model gives a list, the newer one vectors by type; both do both, depending on what they are asked."""

    embeddings: list[list[float]] | _Floats


_TITAN, _NOVA, _COHERE = Decoder(_Titan), Decoder(_Nova), Decoder(_Cohere)


def read_embeddings(facts: EmbeddingFacts, headers: Mapping[str, str], answer: bytes, count: int) -> Embedded:
    """What an answer to `count` texts holds; header names are lower case. Raises `UpstreamError` for anything else."""
    try:
        vectors, told = _vectors(facts, answer)
    except (ValueError, RecursionError):
        vectors, told = [], None
    if len(vectors) != count or not all(_is_sound(vector) for vector in vectors):
        raise UpstreamError(
            "The cloud's answer is not the vectors that were asked for. Try again; if it stays, look at the answer in "
            "mitmweb.",
            retry=False,
        )
    return Embedded(tuple(array("d", vector) for vector in vectors), _tokens(told, headers))


def _vectors(facts: EmbeddingFacts, answer: bytes) -> tuple[list[list[float]], object]:
    """The vectors, and what the body calls the number of tokens; raises `ValueError` and `RecursionError`."""
    if facts.family == "nova":
        nova = _NOVA.decode(answer)
        return [vector.embedding for vector in nova.embeddings], nova.tokens
    if facts.family in ("cohere-v3", "cohere-v4"):
        found = _COHERE.decode(answer).embeddings
        return found.vectors if isinstance(found, _Floats) else found, None
    titan = _TITAN.decode(answer)
    if titan.embedding is None and titan.message:
        said = redact(titan.message[:_TEXT_LIMIT])
        raise UpstreamError(f"The model made no vector and says: {said} Change the text, or use another model.")
    return [] if titan.embedding is None else [titan.embedding], titan.tokens


def _is_sound(vector: list[float]) -> bool:
    return bool(vector) and max(vector) <= _LARGEST and min(vector) >= -_LARGEST


def _tokens(told: object, headers: Mapping[str, str]) -> int | None:
    if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= _MOST_TOKENS:
        return told
    header = headers.get(_TOKENS, "")
    return int(header) if re.fullmatch(r"[0-9]{1,12}", header) else None
