"""Reads a table of models from a data file: what its generations share, a row for each model, the user's facts on top.

Facts are looked for in the row, then in its generation, then in what all generations share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from msgspec import Struct, ValidationError, convert, json, structs

from .facts import LongContext, ModelFacts

ID_OR_ARN = "write the id or the ARN as AWS's console shows it."


class CatalogError(ValueError):
    """A fact that the schema refuses. `path` says where it stands, `value` what stands there, `remedy` what to do."""

    def __init__(self, path: str, value: object, remedy: str) -> None:
        super().__init__(f"{path} = {value!r}: {remedy}")
        self.path = path
        self.value = value
        self.remedy = remedy


class Table(Struct, forbid_unknown_fields=True):
    """One data file. `newest` is the generation of models that nobody has told us of."""

    source: list[str]
    newest: str
    generations: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]
    shared: dict[str, Any] = {}

    @staticmethod
    def read(data: bytes) -> Table:
        return json.decode(data, type=Table)

    def facts(self, name: str, row: Mapping[str, Any], path: str) -> ModelFacts:
        """The facts of one model; raises `CatalogError`. `path` says where the row stands."""
        if "id" in row:
            raise CatalogError(f"{path}.id", row["id"], "the name above is the id; remove this key, or use `aliases`.")
        generation = row.get("generation", self.newest)
        if generation not in list(self.generations):
            raise unknown_generation(path, generation, self.generations)
        shared = {"vertex": name, **self.shared, **self.generations[generation]}
        given = {**shared, "generation": generation, **row, "id": name}
        try:
            return convert(given, ModelFacts)
        except ValidationError as error:
            raise _explained(error, given, path) from None


def unknown_generation(path: str, value: object, known: Iterable[str]) -> CatalogError:
    names = ", ".join(f'"{one}"' for one in known)
    return CatalogError(f"{path}.generation", value, f"write one of {names}, with the quotes.")


def merged(row: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """The override's facts over the row's; a mapping such as `prices` is merged, not replaced."""
    result = dict(row)
    for key, value in override.items():
        held = result.get(key)
        if isinstance(held, Mapping) and isinstance(value, Mapping):
            result[str(key)] = merged(held, value)
        else:
            result[str(key)] = value
    return result


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
    elif "matching regex" in complaint and keys == ["bedrock"]:
        remedy = ID_OR_ARN
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
