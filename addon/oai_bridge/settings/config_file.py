"""config.yaml as text -> its sections, typed; whatever is wrong in it becomes a sentence that helps."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from .config_schema import LEVELS, SECTIONS, Document, Section, setting_names
from .values import WORD, ConfigError, shown

_SECRET = re.compile(  # no value below these is ever shown
    r"client_keys|credentials|prox|base_url|endpoint|api_key|access_key|session_token"
)
_NAME = re.compile(r"[A-Za-z_.-]{1,30}")  # of what may be shown: a key that stands for a name has figures, or is longer
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def parse_yaml(text: str, name: str) -> object:
    """The document in the text of the file `name`; None for an empty one. Raises `ConfigError`."""
    loader = _loader()
    try:
        node = yaml.compose(text, Loader=loader)
        if node is not None:
            _refuse_duplicates(node, name)
        return yaml.load(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax(error, text, name)) from None  # the cause would quote the line, secrets and all
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise ConfigError(f"{name} is not valid YAML: compare it with config.example.yaml.") from None


def read_document(document: object, problems: list[str]) -> Document:
    """The sections of a parsed config.yaml. What is wrong adds a sentence to `problems` and counts as missing."""
    if document is None:
        return Document()
    if not isinstance(document, dict):
        problems.append(
            "config.yaml must be a mapping of sections such as server: and vertex: to their settings, with an ordinary "
            "colon and a space after each name."
        )
        return Document()
    sections = {}
    for name, content in document.items():
        if name not in SECTIONS:
            problems.append(_unknown(name, None))
        elif content is not None and not isinstance(content, dict):
            problems.append(
                f"{name} must be a mapping: put its settings below it, indented, with an ordinary colon and a space "
                "after each name."
            )
        else:
            sections[name] = _section(name, content or {}, problems)
    return msgspec.structs.replace(Document(), **sections)


def _loader() -> Any:
    """YAML's safe loader, to which 2024-10-21 is text and no date: the versions of APIs look like that."""
    safe = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in safe.yaml_implicit_resolvers.items()
    }
    return type("Loader", (safe,), {"yaml_implicit_resolvers": resolvers})


def _section(name: str, content: Mapping[Any, Any], problems: list[str]) -> Section:
    """Takes out one wrong setting after the other, so that each is told in the same run."""
    rest = {key: value for key, value in content.items() if value is not None}
    while True:
        try:
            return msgspec.convert(rest, SECTIONS[name])
        except msgspec.ValidationError as error:
            what, path = _parsed(error)
            wrong = path[0] if path else what.rpartition(" unknown field ")[2].strip("`")
            if wrong not in rest:
                texts = {key: value for key, value in rest.items() if isinstance(key, str)}
                if len(texts) == len(rest):  # a name, here or further below, that reads like msgspec's own words
                    problems.append(_unknown(None, name))
                    return SECTIONS[name]()
                problems.append(f"{name} has a setting whose name is not text: compare it with config.example.yaml.")
                rest = texts
                continue
            problems.append(_sentence(name, what, path, rest))
            del rest[wrong]


def _parsed(error: msgspec.ValidationError) -> tuple[str, list[str | int]]:
    """msgspec's words and the path: `Expected ... - at `$.accounts[0].region``; some key of a mapping is `*`."""
    what, _, place = str(error).partition(" - at `")
    found = re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", place if place.startswith("$") else "")
    return what, [name or (int(index) if index.isdigit() else "*") for name, index in found]


def _sentence(section: str, what: str, path: list[str | int], content: Mapping[str, Any]) -> str:
    where = section + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in path)
    if " unknown field " in what:
        return _unknown(what.rpartition(" unknown field ")[2].strip("`"), where)
    if match := re.fullmatch(r"Expected `int` (>=|<=) (-?\d+)", what):
        limit = "at least" if match[1] == ">=" else "at most"
        return f"{where} must be {limit} {match[2]}, not {_shown(where, path, content)}."
    if what == "Number out of range":
        return f"{where} is too large a number: use a smaller one."
    expected = re.findall(r"`([^`]*)`", what.partition(", got ")[0])
    kinds = [_KINDS.get(kind, kind) for kind in " | ".join(expected).split(" | ") if kind != "null"]
    hint = "; put it in quotes" if kinds == ["text"] else ""
    if kinds == ["a list"]:
        hint = "; write each entry on a line of its own, with - before it"
    plain = all(kind not in ("a list", "a mapping") for kind in kinds)
    instead = _shown(where, path, content) if plain else "something else"
    return f"{where} must be {' or '.join(kinds)}, not {instead}{hint}."


def _shown(where: str, path: list[str | int], content: Any) -> str:
    """The value at `path` for an error message, unless it may be a secret."""
    for step in path:
        try:
            content = content[step]
        except (LookupError, TypeError):  # msgspec does not tell which key of a mapping it was
            return "what stands there"
    return "what stands there" if _SECRET.search(where) else shown(content, WORD)


def _unknown(name: object, where: str | None) -> str:
    """`server.prot is not a setting: did you mean server.port?`"""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return f"{where or 'config.yaml'} has a setting with an unknown name: compare it with config.example.yaml."
    if where is None and name.isupper():
        return f"{name} is not a setting of config.yaml: write it into .env, as {name}=value."
    level = list(SECTIONS) if where is None else setting_names(LEVELS[re.sub(r"\[\d+\]", "[n]", where)])
    near = difflib.get_close_matches(name, level, n=1)
    places = [place for place, kind in LEVELS.items() if name in setting_names(kind)]
    in_account = where is not None and where.endswith("]")  # then that of another cloud is not what was meant
    elsewhere = [f"{place}.{name}" for place in places if not (in_account and place.endswith("]"))]
    section = (where or "").partition(".")[0]
    elsewhere.sort(key=lambda place: place.partition(".")[0] != section)  # the nearest first
    prefix = "" if where is None else f"{where}."
    guess = elsewhere[0] if elsewhere else prefix + near[0] if near else None
    remedy = f"did you mean {guess}?" if guess else "remove it, config.example.yaml shows all there are."
    return f"{prefix}{name} is not a setting: {remedy}"


def _refuse_duplicates(root: yaml.Node, name: str) -> None:
    pending, seen = [root], {id(root)}
    while pending:
        node = pending.pop()
        children = list(node.value) if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            keys = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in keys:
                        raise ConfigError(
                            f"{name}, line {key.start_mark.line + 1}: the same setting stands twice; keep one of them."
                        )
                    keys.add(key.value)
                children += [key, value]
        for child in children:
            if id(child) not in seen:  # an alias can make a loop
                seen.add(id(child))
                pending.append(child)


def _syntax(error: yaml.MarkedYAMLError, text: str, name: str) -> str:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return f"{name} is not valid YAML: compare it with config.example.yaml."
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line:
        return f"{name}, line {mark.line + 1}: YAML takes no tabs; indent with spaces."
    if "\\" in line and re.search("escape|hexdecimal", error.problem or ""):
        return f"{name}, line {mark.line + 1}: in double quotes \\ has a meaning of its own; use single quotes."
    return (
        f"{name}, line {mark.line + 1}, column {mark.column + 1}: not valid YAML; check the indentation and colons, "
        "and put values with special characters in quotes."
    )
