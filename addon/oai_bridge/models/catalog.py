"""Answers questions about a Claude model, from the data file beside it and the user's overrides.

`claude.json` has a table of generations (what all their models share, every key stated) and one row per model, newest
first: its generation, its ids, its prices and whatever differs. Next month's model is one more row, or one override in
config.yaml. The file's `source` says where the facts come from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from msgspec import Meta, Struct, ValidationError, convert, json, structs

Cloud = Literal["vertex", "bedrock", "foundry"]
Effort = Literal["low", "medium", "high", "xhigh", "max"]

# Ids end up in URL paths: no slash, no percent sign, no "..".
_Id = Annotated[str, Meta(pattern=r"\A(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._@-]*\Z", max_length=128)]
_Count = Annotated[int, Meta(gt=0)]
_Rate = Annotated[float, Meta(ge=0)]

_DATA = Path(__file__).with_name("claude.json")
_NO_OVERRIDES: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
_BEDROCK = re.compile(r"(?:[a-z-]+\.)?anthropic\.(?P<name>[^:]+?)(?:-v\d+(?::\d+)?)?")
_ELSEWHERE = re.compile(
    r"(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/anthropic/models/|anthropic/)?"
    r"(?P<name>[a-z0-9][a-z0-9._@-]{0,127})"
)
_VERSION = re.compile(r"(?:-(?P<date>\d{8}))?(?:-(?:latest|default))?\Z")


class CatalogError(ValueError):
    """A fact that the schema refuses. `path` says where it stands, `value` what stands there, `remedy` what to do."""

    def __init__(self, path: str, value: object, remedy: str) -> None:
        super().__init__(f"{path} = {value!r}: {remedy}")
        self.path = path
        self.value = value
        self.remedy = remedy


class Rates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """USD per million tokens. `None`: not known."""

    input: _Rate
    output: _Rate
    cache_write_5m: _Rate | None = None
    cache_write_1h: _Rate | None = None
    cache_read: _Rate | None = None


class LongContext(Rates, frozen=True, kw_only=True):
    """The rates for every token of a request whose prompt has more than `over` tokens."""

    over: _Count


class Prices(Rates, frozen=True, kw_only=True):
    """The rates on Vertex's global endpoint."""

    long_context: LongContext | None = None


class ModelFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model. What the sources leave open is set to the choice that is least likely to fail a chat."""

    id: _Id  # Anthropic's own name, without the date
    generation: str
    vertex: _Id  # the id in Vertex's path
    bedrock: str | None = None  # without "us.", "global." ...; None: not known there
    foundry: str | None = None
    aliases: tuple[str, ...] = ()
    listed: bool = True  # False: most accounts have no access
    retired: tuple[Cloud, ...] = ()  # clouds that don't serve it any more

    sampling: Literal["free", "one", "none"]  # temperature and top_p together | one of them | neither, nor top_k
    prefill: bool  # the last message may be the assistant's
    mid_system: bool  # role "system" inside messages
    forced_tools: bool  # tool_choice "any" and "tool"

    thinking: Literal["none", "manual", "both", "adaptive"]  # manual: a token budget
    thinking_off: Literal["disabled", "between_tools", "never"]  # the `type` that switches it off, if any does
    thinking_off_max_effort: Effort | None = None  # the highest effort that goes with it; None: any
    thinking_default: Literal["off", "on", "unknown"]  # when the field is left out
    thinking_display: Literal["summarized", "omitted"]  # when `display` is left out; omitted: no text, a signature
    thinking_bound: bool  # blocks are refused after an edit of what stood before them
    interim_thinking: bool  # text between tool calls arrives as thinking
    effort: tuple[Effort, ...]  # levels of output_config.effort; empty: the field is refused
    default_effort: Effort | None = None  # None: not stated
    effort_beta: str | None = None  # the beta that `effort` needs
    bedrock_effort_ceiling: Effort | None = None

    structured_output: tuple[Cloud, ...]  # clouds with output_config.format and strict tools
    vision: bool
    pdf: bool
    context: _Count  # tokens
    max_output: _Count  # tokens
    prompt_cache_min_tokens: _Count | None  # shorter prompts aren't cached
    prices: Prices | None = None
    vertex_regional_surcharge: _Rate  # share on top of the prices outside Vertex's global endpoint: 0.1 is 10 %


class _Table(Struct, forbid_unknown_fields=True):
    source: list[str]
    newest: str  # the generation of models that nobody has told us of
    generations: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]


class Catalog:
    """All known models. Made once from `data` (default: the file beside this one) and the user's overrides.

    `overrides` maps a model's name to facts, keys as in `ModelFacts`: a known model's facts change (prices singly), an
    unknown name is a new model, by default of the newest generation. Raises `CatalogError`.
    """

    __slots__ = ("_by_name", "_models", "_unknown")

    def __init__(
        self, overrides: Mapping[str, Mapping[str, Any]] = _NO_OVERRIDES, *, data: bytes | None = None
    ) -> None:
        table = json.decode(_DATA.read_bytes() if data is None else data, type=_Table)
        self._unknown = _facts(table, "claude-unknown", {}, f"{_DATA.name}: newest")
        models = {name: _facts(table, name, row, f"{_DATA.name}: models.{name}") for name, row in table.models.items()}
        self._by_name = _index(models)
        rows, new = dict(table.models), dict[str, ModelFacts]()
        for spelling, override in overrides.items():
            path = f"models.overrides.{spelling}"
            if not isinstance(override, Mapping):
                raise CatalogError(path, override, "give the facts of the model as `key: value` below its name.")
            found = self.find(spelling)
            name = found.id if found else spelling
            rows[name] = _merged(rows.get(name, {}), override)
            (models if name in models else new)[name] = _facts(table, name, rows[name], path)
        self._models = new | models
        self._by_name = _index(models | new)

    def find(self, name: str) -> ModelFacts | None:
        """The model of that name in any spelling: Anthropic's, Vertex's or Bedrock's, with or without date, `-latest`,
        `@default` or `anthropic/`; `None` for what isn't Claude's or doesn't fit in a URL path.

        A date that Vertex can serve is kept in `vertex`. An unknown `claude-*` has the newest generation's facts.
        """
        spelling = name.strip().lower()
        match = _BEDROCK.fullmatch(spelling) or _ELSEWHERE.fullmatch(spelling)
        if match is None or (match := _ELSEWHERE.fullmatch(match["name"])) is None or ".." in match["name"]:
            return None
        plain = match["name"]
        key = _key(plain)
        if facts := self._by_name.get(key):
            return facts
        version = _VERSION.search(key)
        if version and (facts := self._by_name.get(key[: version.start()])):
            # Anthropic's "-date" means the model itself where Vertex's id has no date; "@date" is Vertex's own word.
            if version["date"] and ("@" in plain or "@" in facts.vertex):
                return structs.replace(facts, vertex=f"{facts.vertex.partition('@')[0]}@{version['date']}")
            return facts
        if not re.match(r"claude-[a-z0-9]", plain):
            return None
        return structs.replace(self._unknown, id=plain, vertex=plain)

    def listed(self, region: str) -> tuple[ModelFacts, ...]:
        """What a list of Vertex's models shows, newest generation first and the user's own models before all.

        The data doesn't know which region serves which model, so every region has the same list.
        """
        return tuple(facts for facts in self._models.values() if facts.listed and "vertex" not in facts.retired)


def _key(name: str) -> str:
    """Names are compared with one separator: `claude-sonnet-4.5@20250929` is `claude-sonnet-4-5-20250929`."""
    return re.sub(r"[.@]", "-", name.strip().lower())


def _index(models: Mapping[str, ModelFacts]) -> dict[str, ModelFacts]:
    index: dict[str, ModelFacts] = {}
    for facts in models.values():
        for name in (facts.id, *facts.aliases):
            if (holder := index.setdefault(_key(name), facts)) is not facts:
                raise CatalogError(f"models: {facts.id}.aliases", name, f"{holder.id} has that name; remove it.")
    return index


def _merged(row: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """The override's facts over the row's; a mapping such as `prices` is merged, not replaced."""
    merged = dict(row)
    for key, value in override.items():
        held = merged.get(key)
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            merged[str(key)] = _merged(held, value)
        else:
            merged[str(key)] = value
    return merged


def _facts(table: _Table, name: str, row: Mapping[str, Any], path: str) -> ModelFacts:
    if "id" in row:
        raise CatalogError(f"{path}.id", row["id"], "the name above is the id; remove this key, or use `aliases`.")
    generation = row.get("generation", table.newest)
    if generation not in list(table.generations):
        known = ", ".join(f'"{one}"' for one in table.generations)
        raise CatalogError(f"{path}.generation", generation, f"write one of {known}, with the quotes.")
    given = {"vertex": name, **table.generations[generation], "generation": generation, **row, "id": name}
    try:
        return convert(given, ModelFacts)
    except ValidationError as error:
        raise _explained(error, given, path) from None


def _explained(error: ValidationError, given: Mapping[str, Any], path: str) -> CatalogError:
    """msgspec's complaint (`... - at `$.prices.input``) with our path, the value and the nearest right word."""
    complaint, _, where = str(error).partition(" - at ")
    keys = re.findall(r"\w+(?=[.`\[]|$)", where.removeprefix("`$"))
    remedy = f"{complaint.lower()[0]}{complaint[1:]}; correct or remove it."
    if unknown := re.search(r"unknown field `(.+)`", complaint):
        words = [*LongContext.__struct_fields__, "long_context"] if keys else list(ModelFacts.__struct_fields__[1:])
        near = get_close_matches(unknown[1], words, n=1)
        remedy = f"there is no such key; use {f'`{near[0]}`' if near else 'one of ' + ', '.join(words)}."
        keys.append(unknown[1])
    elif "matching regex" in complaint:
        remedy = "begin with a letter or digit and use only letters, digits and . _ @ -, with no two dots together."
    elif complaint.startswith("Invalid enum value"):
        kinds = {field.name: field.type for field in structs.fields(ModelFacts)}
        remedy = f"write one of {', '.join(_choices(kinds[keys[0]]))}."
    value: Any = given
    for key in keys:
        value = value[key] if isinstance(value, Mapping) and key in value else value
    return CatalogError(".".join([path, *keys]), value, remedy)


def _choices(kind: Any) -> list[str]:
    """The strings that a `Literal`, or a tuple or union of one, allows."""
    return [word for arg in get_args(kind) for word in ([arg] if isinstance(arg, str) else _choices(arg))]
