"""config.yaml as text -> its sections, typed; whatever is wrong in it becomes a sentence that helps."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
import yaml

from .settings import ConfigError, Given, shown

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Section(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is missing or empty is None here: the default stands in `settings`, once."""


class Server(Section, frozen=True):
    host: str | None = None
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] | None = None
    client_keys: list[str] | None = None
    allowed_hosts: list[str] | None = None
    prefix: str | None = None
    title: str | None = None
    log_level: str | None = None
    max_body_mb: Positive | None = None
    strict: bool | None = None
    answer_test_message: bool | None = None


class Account(Section, frozen=True):
    project: str | None = None
    region: str | None = None
    credentials: str | dict[str, Any] | None = None


class VertexSection(Section, frozen=True):
    accounts: list[Account] | None = None
    base_url: str | None = None
    anthropic_version: str | None = None


class ClaudeSection(Section, frozen=True):
    default_max_tokens: Positive | None = None
    max_output_tokens: Positive | None = None
    first_user_text: str | None = None
    continue_text: str | None = None
    names: bool | None = None
    mid_system: str | None = None
    cache: str | None = None
    cache_ttl: str | None = None
    audio: str | None = None
    send_user: bool | None = None
    thinking_blocks: bool | None = None
    reasoning_field: str | None = None
    always_usage: bool | None = None


class ImagesSection(Section, frozen=True):
    fetch: bool | None = None
    allow_private: bool | None = None
    max_mb: Positive | None = None
    total_mb: Positive | None = None
    timeout: Positive | None = None


class ModelsSection(Section, frozen=True):
    listed: list[str] | None = msgspec.field(default=None, name="list")
    aliases: dict[str, str] | None = None
    overrides: dict[str, dict[str, Any]] | None = None


class NetworkSection(Section, frozen=True):
    proxy: str | None = None
    no_proxy: str | None = None
    ca_file: str | None = None


class Document(Section, frozen=True):
    """The whole file."""

    server: Server = Server()
    vertex: VertexSection = VertexSection()
    claude: ClaudeSection = ClaudeSection()
    images: ImagesSection = ImagesSection()
    models: ModelsSection = ModelsSection()
    network: NetworkSection = NetworkSection()

    def given(self) -> Iterator[Given]:
        """Its settings that are there, the accounts excepted."""
        for name in self.__struct_fields__:
            section = getattr(self, name)
            for info in msgspec.structs.fields(section):
                value = getattr(section, info.name)
                if value is not None and info.name != "accounts":
                    yield Given(name, info.encode_name, value, f"{name}.{info.encode_name}")


SECTIONS: Mapping[str, type[Section]] = {
    "server": Server,
    "vertex": VertexSection,
    "claude": ClaudeSection,
    "images": ImagesSection,
    "models": ModelsSection,
    "network": NetworkSection,
}
_LEVELS: Mapping[str, type[Section]] = {**SECTIONS, "vertex.accounts[n]": Account}
_SECRET = re.compile(r"client_keys|credentials|prox|base_url")  # no value below these is ever shown
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
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
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
        problems.append("config.yaml must be a mapping of sections such as server: and vertex: to their settings.")
        return Document()
    sections = {}
    for name, content in document.items():
        if name not in SECTIONS:
            problems.append(_unknown(name, None))
        elif content is not None and not isinstance(content, dict):
            problems.append(f"{name} must be a mapping: put its settings below it, indented.")
        else:
            sections[name] = _section(name, content or {}, problems)
    return msgspec.structs.replace(Document(), **sections)


def _section(name: str, content: Mapping[Any, Any], problems: list[str]) -> Section:
    """Takes out one wrong setting after the other, so that each is told in the same run."""
    rest = {key: value for key, value in content.items() if value is not None}
    while True:
        try:
            return msgspec.convert(rest, SECTIONS[name])
        except msgspec.ValidationError as error:
            what, path = _parsed(error)
            wrong = path[0] if path else what.rpartition(" unknown field ")[2].strip("`")
            if wrong not in rest:  # a name that is no text
                problems.append(f"{name} has a setting whose name is not text: compare it with config.example.yaml.")
                rest = {key: value for key, value in rest.items() if isinstance(key, str)}
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
    expected = re.findall(r"`([^`]*)`", what.partition(", got ")[0])
    kinds = [_KINDS.get(kind, kind) for kind in " | ".join(expected).split(" | ") if kind != "null"]
    hint = "; put it in quotes" if kinds == ["text"] else ""
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
    return "what stands there" if _SECRET.search(where) else shown(content)


def _unknown(name: object, where: str | None) -> str:
    """`server.prot is not a setting: did you mean server.port?`"""
    if not isinstance(name, str) or re.fullmatch(r"[\w.-]{1,40}", name) is None:
        return f"{where or 'config.yaml'} has a setting with an unknown name: compare it with config.example.yaml."
    level = list(SECTIONS) if where is None else _names(_LEVELS[re.sub(r"\[\d+\]", "[n]", where)])
    near = difflib.get_close_matches(name, level, n=1)
    elsewhere = [f"{place}.{name}" for place, kind in _LEVELS.items() if name in _names(kind)]
    prefix = "" if where is None else f"{where}."
    guess = elsewhere[0] if elsewhere else prefix + near[0] if near else None
    remedy = f"did you mean {guess}?" if guess else "remove it, config.example.yaml shows all there are."
    return f"{prefix}{name} is not a setting: {remedy}"


def _names(section: type[Section]) -> list[str]:
    return [info.encode_name for info in msgspec.structs.fields(section)]


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
    return (
        f"{name}, line {mark.line + 1}, column {mark.column + 1}: not valid YAML; check the indentation and colons, "
        "and put values with special characters in quotes."
    )
