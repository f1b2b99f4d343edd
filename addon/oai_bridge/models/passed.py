"""Models whose requests are passed on in OpenAI's own words, so that little has to be known of them: on Vertex's and on
Bedrock's door for OpenAI's language, and on Azure. The facts are in `passed.json`, whose `source` says where from; its
rows stand in the order of a list.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, convert, json, structs

from .facts import Count, Kind, Prices, Profile, Rate
from .spellings import bedrock_name

Cloud = Literal["vertex", "bedrock", "azure"]

_PUBLISHED = re.compile(
    r"(?:(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/)?(?P<publisher>[a-z0-9][a-z0-9-]*)(?:/models)?/)?"
    r"(?P<model>[a-z0-9][a-z0-9._@-]{0,127})"
)
_DEFAULT = re.compile(r"(?:@(?:default|latest))+\Z")
_BEDROCK_OWNERS = ("openai", "xai")  # whose models have no better door there
_O_SERIES = re.compile(r"(?<![a-z0-9])o[1-9](?![a-z0-9])")
_THINKS = re.compile(rf"{_O_SERIES.pattern}|(?<![a-z0-9])gpt-[5-9](?![0-9])")


class PassedFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model. `id` is the name that clients use, `name` the cloud's own (on Azure: the deployment's).

    `reasoning`: it thinks before it answers, takes `max_completion_tokens` and no sampling, as OpenAI's o-series and
    gpt-5 do. `older_limit`: it takes `max_tokens` alone, as GPT-3.5 and GPT-4 Turbo on Azure do. The facts that begin
    with `bedrock` mean what they mean in `ModelFacts`.
    """

    id: str
    name: str
    owner: str
    kind: Kind = "chat"
    listed: bool = True  # False: retired, or most accounts have no access
    reasoning: bool = False
    older_limit: bool = False
    parallel: bool = True  # takes `parallel_tool_calls`, which the o-series refuses
    context: Count | None = None  # tokens
    max_output: Count | None = None  # tokens
    prices: Prices | None = None
    bedrock_profiles: tuple[Profile, ...] = ()
    bedrock_on_demand: bool = True
    bedrock_regional_surcharge: Rate = 0

    @property
    def bedrock(self) -> str:
        return self.name


class _Table(Struct, forbid_unknown_fields=True):
    source: list[str]
    vertex: dict[str, dict[str, Any]]
    bedrock: dict[str, dict[str, Any]]
    azure: dict[str, dict[str, Any]]


def find_on_vertex(name: str) -> PassedFacts | None:
    """The model on Vertex's `endpoints/openapi` of that name: `google/gemini-…`, `gemini-…`, `publisher/model-maas`,
    with or without its publisher, or as Vertex's resources are called (`publishers/google/models/…`). What Google
    publishes, and what ends in `-maas`, is passed on even if it isn't known."""
    match = _PUBLISHED.fullmatch(name.strip().lower())
    if match is None or ".." in name:
        return None
    publisher, model = match["publisher"], _DEFAULT.sub("", match["model"])
    if publisher is None and model.startswith("gemini-"):
        publisher = "google"
    full = f"{publisher}/{model}" if publisher else model
    if facts := _ON_VERTEX.get(full):
        return facts
    if publisher == "google" or (publisher and model.endswith("-maas")):
        return _published(full, {"kind": "embedding"} if "embedding" in model else {})
    return None


def listed_on_vertex() -> tuple[PassedFacts, ...]:
    """What a list shows: Gemini before the others, the newest first."""
    return tuple(facts for facts in dict.fromkeys(_ON_VERTEX.values()) if facts.listed)


def find_on_bedrock(name: str) -> PassedFacts | None:
    """The model of OpenAI's or xAI's on Bedrock's `openai/v1` of that name: a short one such as `gpt-oss-120b` or
    `openai/gpt-oss-120b`, or one of Bedrock's ids, with or without version and profile, or an ARN that tells the model.

    An id is called as it is spelled, where it can be. What else Bedrock has of these vendors is passed on, too.
    Converse has gpt-oss as well, but says less of an answer.
    """
    named = bedrock_name(name)
    if named is None or named.plain is None:
        owner, _, short = _dashed(name).rpartition("/")
        facts = _ON_BEDROCK.get(short)
        return facts if facts and owner in ("", facts.owner) else None
    if named.vendor not in _BEDROCK_OWNERS:
        return None
    if facts := _ON_BEDROCK.get(named.stem):
        plain = facts.bedrock_on_demand and not named.is_arn and named.profile is None
        profiles = () if plain else facts.bedrock_profiles
        return structs.replace(facts, name=named.spelled(facts.name), bedrock_profiles=profiles)
    thinks = _THINKS.search(_dashed(named.plain)) is not None
    return PassedFacts(id=named.full, name=named.full, owner=named.vendor, reasoning=thinks)


def listed_on_bedrock() -> tuple[PassedFacts, ...]:
    """What a list shows: OpenAI's before xAI's, the newest and largest first."""
    return tuple(facts for facts in dict.fromkeys(_ON_BEDROCK.values()) if facts.listed)


def azure_facts(id: str, deployment: str) -> PassedFacts:
    """What the name of a deployment tells of the model behind it: people name them as they like, but most after the
    model. Where it tells nothing, `id`, which clients call it, may."""
    for name in (_dashed(deployment), _dashed(id)):
        row = next((row for word, row in _ON_AZURE if word.search(name)), None) or _guessed(name)
        if row:
            return convert({**row, "id": id, "name": deployment, "owner": "openai"}, PassedFacts)
    return PassedFacts(id=id, name=deployment, owner="azure")


def _published(name: str, row: Mapping[str, Any]) -> PassedFacts:
    """Gemini goes by its bare name, as everywhere; the others by the full one, as in Google's documentation."""
    id = name.removeprefix("google/") if name.startswith("google/gemini-") else name
    return convert({**row, "id": id, "name": name, "owner": name.partition("/")[0]}, PassedFacts)


def _guessed(name: str) -> Mapping[str, Any]:
    if "embed" in name:
        return {"kind": "embedding"}
    if re.search(r"dall-?e|image", name):
        return {"kind": "image"}
    if _O_SERIES.search(name):
        return {"reasoning": True, "parallel": False}
    return {"reasoning": True} if _THINKS.search(name) else {}


def _dashed(name: str) -> str:
    """Names are compared with one separator and OpenAI's own dashes: `GPT4.1 mini` and `gpt41-mini` are
    `gpt-4-1-mini`."""
    dashed = re.sub(r"[._\s]+", "-", name.strip().lower())
    return re.sub(r"gpt-?([3-9])(?:-?([0-9])(?![0-9]))?(?![0-9])", _version, dashed)


def _version(match: re.Match[str]) -> str:
    return "-".join(filter(None, ["gpt", *match.groups()]))


def _as_word(name: str) -> re.Pattern[str]:
    """`name` as a word of its own in another; `gpt-5` is not in `gpt-5-9`, which is another model."""
    end = r"(?![a-z0-9]|-[0-9]{1,2}(?![0-9]))" if name[-1].isdigit() else r"(?![a-z0-9])"
    return re.compile(rf"(?<![a-z0-9]){re.escape(name)}{end}")


def _vertex_index(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, PassedFacts]:
    """By the full name and by that without its publisher."""
    models = [_published(name, row) for name, row in rows.items()]
    return {name: facts for facts in models for name in (facts.name, facts.name.partition("/")[2])}


def _bedrock_index(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, PassedFacts]:
    """By the short name and by Bedrock's id without its version."""
    index: dict[str, PassedFacts] = {}
    for name, row in rows.items():
        facts = convert({**row, "name": name, "owner": name.partition(".")[0]}, PassedFacts)
        named = bedrock_name(name)
        index |= {_dashed(facts.id): facts, named.stem if named else name: facts}
    return index


def _azure_words(rows: Mapping[str, Mapping[str, Any]]) -> list[tuple[re.Pattern[str], Mapping[str, Any]]]:
    """The longest name first, as `gpt-4o` is also in `gpt-4o-mini`."""
    names = {_dashed(name): row for name, row in rows.items()}
    return [(_as_word(name), names[name]) for name in sorted(names, key=len, reverse=True)]


_TABLE = json.decode(Path(__file__).with_name("passed.json").read_bytes(), type=_Table)
_ON_VERTEX = _vertex_index(_TABLE.vertex)
_ON_BEDROCK = _bedrock_index(_TABLE.bedrock)
_ON_AZURE = _azure_words(_TABLE.azure)
