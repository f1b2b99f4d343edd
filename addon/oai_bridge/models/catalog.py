"""Answers questions about the models whose chats are translated: Claude on every cloud (`claude.json`), and the other
chat models on Bedrock (`bedrock.json`), which Converse serves; with the user's overrides.

A file has a table of generations (what all their models share) and one row per model, in the order of a list, newest
first: its generation, its ids, its prices and whatever differs. Next month's model is one more row, or one override in
config.yaml. The file's `source` says where the facts come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import structs

from .facts import Cloud, Effort, LongContext, ModelFacts, Prices, Rates
from .spellings import BedrockName, bedrock_name, is_bedrock_id
from .tables import ID_OR_ARN, CatalogError, Table, merged, unknown_generation

__all__ = ["Catalog", "CatalogError", "Cloud", "Effort", "LongContext", "ModelFacts", "Prices", "Rates"]

_CLAUDE, _BEDROCK = (Path(__file__).with_name(name) for name in ("claude.json", "bedrock.json"))
_NO_OVERRIDES: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
_ELSEWHERE = re.compile(
    r"(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/anthropic/models/|anthropic/)?"
    r"(?P<name>[a-z0-9][a-z0-9._@-]{0,127})"
)
_NEW = (
    "overrides are for Claude and for the chat models that Bedrock's Converse serves: correct the name, remove this, "
    "or give a new model of these a `generation`."
)
_VERSION = re.compile(r"(?:-(?P<date>\d{8}))?(?:-(?:latest|default))?\Z")
_BEDROCK_VERSION = re.compile(r"(?:-v\d+)?(?::\d+)*\Z")


class Catalog:
    """All known models. Made once from `data` and `bedrock` (default: the files beside this one) and the overrides.

    `overrides` maps a model's name to facts, keys as in `ModelFacts`: a known model's facts change (prices singly). An
    unknown name is a new model: of Bedrock's table if it gives one of that table's generations, else a Claude. Only a
    `claude-…` needs no generation; it is of the newest. Raises `CatalogError`.
    """

    __slots__ = ("_by_arn", "_by_id", "_by_name", "_claudes", "_other", "_others", "_others_by_name", "_unknown")

    def __init__(
        self,
        overrides: Mapping[str, Mapping[str, Any]] = _NO_OVERRIDES,
        *,
        data: bytes | None = None,
        bedrock: bytes | None = None,
    ) -> None:
        claude, others = _Family(_CLAUDE, data), _Family(_BEDROCK, bedrock)
        self._unknown = claude.table.facts("claude-unknown", {}, f"{_CLAUDE.name}: newest")
        self._other = others.table.facts("unknown", {}, f"{_BEDROCK.name}: newest")
        self._index(claude, others)
        generations = (*claude.table.generations, *others.table.generations)
        for spelling, override in overrides.items():
            path = f"models.overrides.{spelling}"
            if not isinstance(override, Mapping):
                raise CatalogError(path, override, "give the facts of the model as `key: value` below its name.")
            generation = override.get("generation")
            if found := self.find(spelling):
                claude.override(found.id, override, path, _elsewhere(found.id))
            elif found := self._known_on_bedrock(spelling):
                others.override(found.id, override, path, {})
            elif generation in list(others.table.generations):
                others.override(spelling, override, path, {"bedrock": spelling})
                if bedrock_name(others.models[spelling].bedrock or "") is None:
                    raise CatalogError(f"{path}.bedrock", others.models[spelling].bedrock, ID_OR_ARN)
            elif generation is not None and generation not in generations:
                raise unknown_generation(path, generation, generations)
            elif generation is None and not spelling.strip().lower().startswith("claude-"):
                raise CatalogError(path, override, _NEW)
            else:
                claude.override(spelling, override, path, {})
        self._index(claude, others)

    def find(self, name: str) -> ModelFacts | None:
        """The Claude of that name in any spelling: Anthropic's, Vertex's or Bedrock's, with or without date, `-latest`,
        `@default` or `anthropic/`; `None` for what isn't Claude's or doesn't fit in a URL path.

        A date that Vertex can serve is kept in `vertex`. An id of Bedrock with a profile, of a release that isn't known
        or as an ARN is kept in `bedrock`. An unknown `claude-*` has the newest generation's facts.
        """
        named = bedrock_name(name)
        if named and (facts := self._by_arn.get(named.full)):
            return facts if facts.id in self._claudes else None
        if named and named.plain and named.vendor == "anthropic":
            facts = self._claude(_BEDROCK_VERSION.sub("", named.plain.removeprefix("anthropic."), count=1))
            if facts and facts.id not in self._claudes:
                return structs.replace(facts, bedrock=named.full)
            return facts and _as_spelled(facts, named)
        match = _ELSEWHERE.fullmatch(name.strip().lower())
        return self._claude(match["name"]) if match else None

    def find_bedrock(self, name: str) -> ModelFacts | None:
        """The model on Bedrock, not a Claude, of that name: a short one such as `nova-pro` or `amazon/nova-pro`, or one
        of Bedrock's ids, with or without version and profile, or an ARN.

        An id is called as it is spelled, where it can be. One that is certainly Bedrock's but that nobody has told us
        of, and an ARN that doesn't tell its model, have the facts that are least likely to fail a chat.
        """
        named = bedrock_name(name)
        if named and named.vendor == "anthropic":
            return None
        if (facts := self._known_on_bedrock(name)) or named is None:
            return facts
        if named.full in self._by_arn or not is_bedrock_id(name):  # a Claude's | somebody else's
            return None
        owner = named.vendor or self._other.owner
        return structs.replace(self._other, id=named.full, owner=owner, bedrock=named.full)

    def serves(self, cloud: Cloud, facts: ModelFacts) -> bool:
        """Whether the cloud is known to have this model now: facts that were made up from a name say nothing of that,
        even where they have an id for it."""
        known = self._claudes.get(facts.id) or self._others.get(facts.id)
        return known is not None and getattr(known, cloud) is not None and cloud not in known.retired

    def listed(self, cloud: Cloud) -> tuple[ModelFacts, ...]:
        """What a list of a cloud's Claudes shows, newest generation first and the user's own models before all.

        The data doesn't know which region serves which model, so every region has the same list.
        """
        claudes = (facts for facts in self._claudes.values() if facts.listed and cloud not in facts.retired)
        return tuple(facts for facts in claudes if getattr(facts, cloud) is not None)

    def listed_bedrock(self) -> tuple[ModelFacts, ...]:
        """What a list of Bedrock's other chat models shows: the user's own before all, then vendor after vendor, the
        newest and largest first. OpenAI's are left to the door that speaks their language."""
        return tuple(facts for facts in self._others.values() if facts.listed and "bedrock" not in facts.retired)

    def _index(self, claude: _Family, others: _Family) -> None:
        self._claudes, self._others = claude.models, others.models
        self._by_name, self._others_by_name = _named(claude), _named(others)
        ids = {facts.bedrock or "": facts for facts in (*claude.models.values(), *others.models.values())}
        self._by_arn = {id: facts for id, facts in ids.items() if id.startswith("arn:")}
        self._by_id: dict[str, ModelFacts] = {}
        for facts in others.models.values():
            named = bedrock_name(facts.bedrock or "")
            if named and named.plain:
                self._by_id.setdefault(_key(named.stem), facts)
                model = _key(named.stem).partition("-")[2]
                if "-" in model:  # not `r1` or `v3`
                    self._others_by_name.setdefault(model, facts)

    def _claude(self, plain: str) -> ModelFacts | None:
        """The Claude of Anthropic's or Vertex's name `plain`, which is lower case."""
        match = _ELSEWHERE.fullmatch(plain)
        if match is None or match["name"] != plain or ".." in plain:
            return None
        key = _key(plain)
        if facts := self._by_name.get(key):
            return facts
        version = _VERSION.search(key)
        if version and (facts := self._by_name.get(key[: version.start()])):
            # Anthropic's "-date" means the model itself where Vertex's id has no date; "@date" is Vertex's own word.
            if version["date"] and facts.vertex and ("@" in plain or "@" in facts.vertex):
                return structs.replace(facts, vertex=f"{facts.vertex.partition('@')[0]}@{version['date']}")
            return facts
        if not re.match(r"claude-[a-z0-9]", plain):
            return None
        return structs.replace(self._unknown, id=plain, vertex=plain, **_elsewhere(plain))

    def _known_on_bedrock(self, name: str) -> ModelFacts | None:
        named = bedrock_name(name)
        if named and (facts := self._by_arn.get(named.full)):
            return facts if facts.id in self._others else None
        if named and (facts := self._by_id.get(_key(named.stem))):
            return _as_spelled(facts, named)
        owner, _, short = _key(name).rpartition("/")
        facts = self._others_by_name.get(short)
        return facts if facts and owner in ("", facts.owner) else None


class _Family:
    """One table's models while the catalogue is made; the user's new ones stand before the known in a list."""

    def __init__(self, file: Path, data: bytes | None) -> None:
        self.table = Table.read(file.read_bytes() if data is None else data)
        self.rows = dict(self.table.models)
        where = f"{file.name}: models"
        self.known = {name: self.table.facts(name, row, f"{where}.{name}") for name, row in self.rows.items()}
        self.new: dict[str, ModelFacts] = {}

    @property
    def models(self) -> dict[str, ModelFacts]:
        return self.new | self.known

    def override(self, name: str, facts: Mapping[str, Any], path: str, guessed: Mapping[str, Any]) -> None:
        """`guessed` are facts of a new model that the user needn't give. The `max_output` of `facts` is for all clouds,
        unless they say more."""
        row = dict(self.rows.get(name, guessed))
        if "max_output" in facts:
            row.pop("foundry_max_output", None)
        self.rows[name] = merged(row, facts)
        (self.known if name in self.known else self.new)[name] = self.table.facts(name, self.rows[name], path)


def _key(name: str) -> str:
    """Names are compared with one separator: `claude-sonnet-4.5@20250929` is `claude-sonnet-4-5-20250929`."""
    return re.sub(r"[.@]", "-", name.strip().lower())


def _named(family: _Family) -> dict[str, ModelFacts]:
    index: dict[str, ModelFacts] = {}
    for facts in (family.known | family.new).values():
        for name in (facts.id, *facts.aliases):
            if (holder := index.setdefault(_key(name), facts)) is not facts:
                raise CatalogError(f"models: {facts.id}.aliases", name, f"{holder.id} has that name; remove it.")
    return index


def _elsewhere(claude: str) -> dict[str, str]:
    """The most likely ids of a Claude that nobody has told us of: since 4.7 all have Anthropic's name."""
    name = claude.partition("@")[0].replace(".", "-")
    return {"bedrock": f"anthropic.{name}", "foundry": name} if name.startswith("claude-") else {}


def _as_spelled(facts: ModelFacts, named: BedrockName) -> ModelFacts:
    """The facts with the id to call, where a client has written one of Bedrock's own: a plain id stays plain where it
    can be called."""
    id = named.spelled(facts.bedrock or "")
    plain = facts.bedrock_on_demand and not named.is_arn and named.profile is None
    return structs.replace(facts, bedrock=id, bedrock_profiles=() if plain else facts.bedrock_profiles)
