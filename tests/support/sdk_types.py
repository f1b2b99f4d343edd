"""Bodies and replies against the vendors' own types: what anthropic's SDK would send, what openai's SDK reads.

anthropic describes a request in TypedDicts for type checkers alone. Here they are made into types that pydantic can
check: annotations are resolved, iterables become lists (pydantic looks into an iterable only when it is read), unknown
keys are refused where the SDK does not allow them, nothing is converted, and what is no JSON is left out (an answer's
blocks as objects, which know no unknown keys, and open files).
"""

from __future__ import annotations

import functools
import itertools
import operator
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import IO, Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

import pydantic
from anthropic.types import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import TypedDict, get_type_hints, is_typeddict

EXTRA_PARAMS = {"anthropic_version", "anthropic_beta", "context_management", "temperature", "top_p", "top_k"}
"""What a body may have beside the SDK's parameters: the first two are the cloud's, the third is in the beta API, and
the SDK has given up the rest with version 2026-10-21. The rules of claude_rules hold for all of them."""
EXTRA_KEYS = {
    ("choices", "stop_sequence"),
    *(("choices", whole, key) for whole in ("message", "delta") for key in ("reasoning_content", "reasoning")),
    *(("choices", whole, "thinking_blocks") for whole in ("message", "delta")),
    ("choices", "delta", "annotations"),  # OpenAI sends them; its SDK knows those of a message alone
    ("usage", "cost"),
}
"""What a reply may have beside OpenAI's keys, each with the way to it."""
ERROR_KEYS = {"message", "type", "param", "code"}
INNER_ERROR = "innererror"
"""What Azure's content filter found, beside them."""


def anthropic_faults(body: Mapping[str, Any]) -> list[str]:
    """What keeps a body of Vertex's (without `model`, which is in the path) from being a request of anthropic's SDK."""
    streamed = body.get("stream") is True
    params = MessageCreateParamsStreaming if streamed else MessageCreateParamsNonStreaming
    return _faults(_adapter(params), {"model": "claude-test"} | _without(body, EXTRA_PARAMS) | _thinking(body))


def counting_faults(body: Mapping[str, Any]) -> list[str]:
    """The same for a body whose tokens are to be counted, `model` included."""
    return _faults(_adapter(MessageCountTokensParams), _without(body, EXTRA_PARAMS) | _thinking(body))


def openai_faults(reply: bytes | Mapping[str, Any]) -> list[str]:
    """What is wrong with a whole answer, for openai's SDK in strict validation."""
    return _reply_faults(ChatCompletion, reply)


def openai_chunk_faults(chunk: bytes | Mapping[str, Any]) -> list[str]:
    """What is wrong with the JSON of one event of a stream. An error event is one with `error` and `choices: []`."""
    value = pydantic.TypeAdapter(dict[str, Any]).validate_json(chunk) if isinstance(chunk, bytes) else dict(chunk)
    if "error" not in value:
        return [*_reply_faults(ChatCompletionChunk, value), *_unmergeable(value)]
    error = value["error"]
    found = [] if value.get("choices") == [] else ["choices: an error event has an empty list"]
    found += [f"{key}: unknown key" for key in value.keys() - {"error", "choices"}]
    if not isinstance(error, dict) or error.keys() - {INNER_ERROR} != ERROR_KEYS:
        return [*found, f"error: the keys are not {', '.join(sorted(ERROR_KEYS))}"]
    return found + [f"error.{key}: no string" for key in ("message", "type") if not isinstance(error[key], str)]


def _unmergeable(chunk: Mapping[str, Any]) -> Iterator[str]:
    """The SDK's `stream` helper merges a list in a delta with the list so far by each entry's `index`, or raises."""
    for choice in chunk.get("choices", ()):
        for key, entries in (choice.get("delta") or {}).items():
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and type(entry.get("index")) is not int:
                    yield f"choices.delta.{key}: an entry without `index`"


def _without(body: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in keys}


def _thinking(body: Mapping[str, Any]) -> dict[str, Any]:
    """The field without what only the beta API has in it, which claude_rules looks after."""
    thinking = body.get("thinking")
    return {"thinking": _without(thinking, {"block_binding"})} if isinstance(thinking, dict) else {}


def _faults(adapter: pydantic.TypeAdapter[Any], value: Any) -> list[str]:
    try:
        adapter.validate_python(value)
    except pydantic.ValidationError as error:
        return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)]
    return []


def _reply_faults(model: type[pydantic.BaseModel], reply: bytes | Mapping[str, Any]) -> list[str]:
    try:
        if isinstance(reply, bytes):
            parsed = model.model_validate_json(reply, strict=True)
        else:
            parsed = model.model_validate(reply, strict=True)
    except pydantic.ValidationError as error:
        return [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)]
    return [f"{'.'.join(way)}: unknown key" for way in _extras(parsed, ()) if way not in EXTRA_KEYS]


def _extras(value: Any, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The ways to all keys that the SDK does not know; a list's indexes are not part of a way."""
    if isinstance(value, list):
        for item in value:
            yield from _extras(item, way)
    elif isinstance(value, pydantic.BaseModel):
        yield from ((*way, key) for key in value.model_extra or ())
        for key in type(value).model_fields:
            yield from _extras(getattr(value, key), (*way, key))


@functools.cache
def _adapter(params: type) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(_checkable(params))


@functools.cache
def _checkable(hint: Any) -> Any:
    """The type that pydantic checks in place of the SDK's."""
    if is_typeddict(hint):
        return _checkable_dict(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _checkable(arguments[0])
    if origin in (Required, NotRequired):
        return origin[_checkable(arguments[0])]
    if origin in (Union, types.UnionType):
        return _checkable_union([_checkable(member) for member in _members(hint) if not _python_only(member)])
    if origin in (Iterable, Sequence, list):
        return list[_checkable(arguments[0])]
    if origin is dict:
        return dict[arguments[0], _checkable(arguments[1])]
    return Any if hint is object else hint


def _checkable_dict(params: Any) -> Any:
    """`Required` in the SDK's annotations is text when the class is made, so that the class itself knows nothing of
    it."""
    fields = {}
    for name, hint in get_type_hints(params, include_extras=True).items():
        required = get_origin(hint) is Required or (
            name in params.__required_keys__ and get_origin(hint) is not NotRequired
        )
        plain = get_args(hint)[0] if get_origin(hint) in (Required, NotRequired) else hint
        fields[name] = (Required if required else NotRequired)[_checkable(plain)]
    checkable = TypedDict(params.__name__, fields, total=False)
    allowed = getattr(params, "__pydantic_config__", {}).get("extra", "forbid")
    checkable.__pydantic_config__ = pydantic.ConfigDict(extra=allowed, strict=True)
    return checkable


def _members(hint: Any) -> Iterator[Any]:
    """The members of a union and of the unions in it."""
    if get_origin(hint) is Annotated:
        yield from _members(get_args(hint)[0])
    elif get_origin(hint) in (Union, types.UnionType):
        for member in get_args(hint):
            yield from _members(member)
    else:
        yield hint


def _python_only(hint: Any) -> bool:
    """Whether this is a convenience of the SDK's that no JSON is: a block of an answer as an object, an open file."""
    plain = get_origin(hint) or hint
    return plain in (IO, PathLike) or (isinstance(plain, type) and issubclass(plain, pydantic.BaseModel))


def _checkable_union(members: Sequence[Any]) -> Any:
    """One of the members: by the kind of JSON, then by `type` or `role`, so that the faults speak of the one meant."""
    kinds: dict[str, list[Any]] = {}
    for member in members:
        kinds.setdefault(_kind(member), []).append(member)
    groups = {kind: _one_of(group) for kind, group in kinds.items()}
    return _tagged(groups, lambda value: type(value).__name__) if len(groups) > 1 else groups.popitem()[1]


def _kind(member: Any) -> str:
    """The name of the Python type that the member's JSON is read as."""
    if get_origin(member) is Literal:
        return type(get_args(member)[0]).__name__
    return "dict" if is_typeddict(member) else (get_origin(member) or member).__name__


def _one_of(members: Sequence[Any]) -> Any:
    for key in ("type", "role"):
        tags = [_names(get_type_hints(member).get(key)) if is_typeddict(member) else [] for member in members]
        if all(tags) and len(members) > 1:
            usual = next((names[0] for names in tags if None in names), None)
            named = {name: member for names, member in zip(tags, members, strict=True) for name in names if name}
            return _tagged(named, _reader(key, usual))
    return functools.reduce(operator.or_, members)


def _reader(key: str, usual: str | None) -> Callable[[Any], str | None]:
    def tag(value: Any) -> str | None:
        found = value.get(key) or usual if isinstance(value, dict) else None
        return found if isinstance(found, str) else None

    return tag


def _names(hint: Any) -> list[str | None]:
    """The values of a literal, which may be optional; none for any other type."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if hint is types.NoneType:
        return [None]
    members = [_names(member) for member in _members(hint)] if get_origin(hint) in (Union, types.UnionType) else []
    return list(itertools.chain.from_iterable(members)) if all(members) else []


def _tagged(members: Mapping[str, Any], tag: Callable[[Any], str | None]) -> Any:
    choices = [Annotated[member, pydantic.Tag(name)] for name, member in members.items()]
    if len(choices) == 1:
        return choices[0]
    return Annotated[functools.reduce(operator.or_, choices), pydantic.Discriminator(tag)]
