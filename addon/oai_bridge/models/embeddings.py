"""Answers questions about Bedrock's embedding models, from the data file beside it, the most useful model first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, convert, json, structs

from .facts import BedrockId, Count, Id, Kind, Prices, Profile
from .spellings import bedrock_name

_DATA = Path(__file__).with_name("embeddings.json")


class EmbeddingFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model. `family` is the form of its requests and answers, `batch` how many texts it takes in one."""

    id: Id  # the name that is listed
    bedrock: BedrockId
    bedrock_profiles: tuple[Profile, ...] = ()  # the prefixes that the id can have
    owner: str
    aliases: tuple[str, ...] = ()
    family: Literal["titan-v1", "titan-v2", "titan-image", "nova", "cohere-v3", "cohere-v4"]
    dimensions: Annotated[tuple[Count, ...], Meta(min_length=1)]  # of the vectors, the model's own choice first
    batch: Count
    context: Count  # tokens of one text
    max_output: None = None
    prices: Prices | None = None

    @property
    def kind(self) -> Kind:
        return "embedding"


class _Table(Struct, forbid_unknown_fields=True):
    source: list[str]
    models: dict[str, dict[str, Any]]


class EmbeddingCatalog:
    """All known models."""

    __slots__ = ("_by_name", "_models")

    def __init__(self) -> None:
        table = json.decode(_DATA.read_bytes(), type=_Table)
        self._models = tuple(convert({"id": id, **row}, EmbeddingFacts) for id, row in table.models.items())
        self._by_name = {
            name: facts for facts in self._models for name in (facts.id, *facts.aliases, _unversioned(facts.bedrock))
        }

    def find(self, name: str) -> EmbeddingFacts | None:
        """The model of that name: its short one or Bedrock's id, with or without its `:0`, with a profile or as an ARN.
        Bedrock's own spelling is kept; only the short name leaves the profile open."""
        named = bedrock_name(name)
        if named is None:
            return self._by_name.get(name.strip().lower())
        facts = self._by_name.get(_unversioned(named.plain or ""))
        if facts is None:
            return None
        spelled = f"{named.profile}.{facts.bedrock}" if named.profile else facts.bedrock
        return structs.replace(facts, bedrock=named.full if named.is_arn else spelled, bedrock_profiles=())

    def listed(self) -> tuple[EmbeddingFacts, ...]:
        """The models for a list."""
        return self._models


def _unversioned(id: str) -> str:
    """An id without `:0`, which says nothing: no model has another version."""
    return id.removesuffix(":0")
