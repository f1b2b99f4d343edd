"""Embedding models on AWS Bedrock, by `invoke`, as in AWS's API reference ("InvokeModel")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..credentials.base import Access, Outbound
from ..dialects.aws_errors import error_from_aws
from ..dialects.bedrock_embeddings import Batch, Embedded, embedding_batches, read_embeddings
from ..errors import BridgeError
from ..models.embeddings import EmbeddingCatalog, EmbeddingFacts
from ..models.profiles import bedrock_id
from ..models.spellings import is_bedrock_id
from ..notes import Notes
from ..openai.embeddings import EmbeddingRequest
from ..settings.values import Bedrock
from .base import Backend, Call, json_headers
from .bedrock_host import SERVICE, model_path, refusal_hint, runtime_url


class BedrockEmbeddings(Backend[EmbeddingFacts, Access]):
    """Its requests are translated, and one of a client may be several here."""

    name = "bedrock"

    def __init__(self, bedrock: Bedrock) -> None:
        self._bedrock = bedrock
        self._catalog = EmbeddingCatalog()

    def listed(self) -> Sequence[EmbeddingFacts]:
        return self._catalog.listed()

    def find(self, name: str) -> EmbeddingFacts | None:
        return self._catalog.find(name)

    def owns(self, name: str) -> bool:
        return is_bedrock_id(name)

    def batches(self, request: EmbeddingRequest, facts: EmbeddingFacts, notes: Notes) -> list[Batch]:
        """What to send, in the order of the texts; raises `BridgeError`."""
        return embedding_batches(request, facts, notes)

    def read(self, facts: EmbeddingFacts, headers: Mapping[str, str], answer: bytes, count: int) -> Embedded:
        """The vectors in the answer to `count` texts; header names are lower case. Raises `BridgeError`."""
        return read_embeddings(facts, headers, answer, count)

    def outbound(
        self, body: dict[str, Any], facts: EmbeddingFacts, call: Call, betas: Sequence[str], access: Access
    ) -> Outbound:
        model = bedrock_id(facts, access.region, self._bedrock.profiles)
        url = f"{runtime_url(self._bedrock, access.region)}{model_path(model)}/invoke"
        return Outbound.posted(url, json_headers(streams=False), body, model, SERVICE)

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        return error_from_aws(status, headers, body, refusal_hint(self._bedrock, self.find, model, region))
