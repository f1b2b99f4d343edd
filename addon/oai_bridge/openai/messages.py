"""The messages of a chat: their content, tool calls, results and thoughts, in OpenAI's words or Anthropic's.

Anthropic's blocks come where front ends leave them in an OpenAI body. A message is read without a look at the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InvalidRequest
from ..notes import Notes
from .assistant import Thought, call_of_block, calls_of, signed_of, thoughts_of
from .chat import Message, Part, Role, Text, ToolCall, Ttl
from .fields import NEUTRAL, place, text
from .media import anthropic_part, file_part, image_url_part

Piece = Part | Thought | ToolCall | Message

_MESSAGES = 100_000  # Anthropic's own limit for one request
_SYSTEM = -1  # the index of a message that stands outside of the list
_ROLES: Mapping[str, Role] = {
    **{"system": "system", "developer": "system", "user": "user", "assistant": "assistant"},
    **{"tool": "tool", "function": "tool"},
}


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for the whole request. `lasting` is the time of a `prompt_cache_breakpoint` that names none."""

    notes: Notes
    lasting: Ttl = "1h"
    drop_audio: bool = False


def read_messages(value: Any, context: Context) -> tuple[Message, ...]:
    """The field `messages`; raises `InvalidRequest`. Results of tools that stand in a user's message become messages
    of their own before it, of the same index."""
    if not isinstance(value, list) or not value:
        raise InvalidRequest("`messages` must be a list with at least one message.", param="messages")
    if len(value) > _MESSAGES:
        raise InvalidRequest(f"A chat may have {_MESSAGES} messages at most; send a shorter one.", param="messages")
    return tuple(message for index, item in enumerate(value) for message in _messages(item, index, context))


def read_system(value: Any, context: Context) -> tuple[Message, ...]:
    """Anthropic's field `system`, a text or text blocks, as a system message; nothing where it is empty."""
    if not value:
        return ()
    parts = tuple(piece for piece in _pieces(value, "system", "system", _SYSTEM, context) if isinstance(piece, Text))
    if isinstance(value, list) and len(parts) < len(value):
        raise InvalidRequest("`system` must be a string or a list of text blocks.", param="system")
    return (Message("system", parts, None, _SYSTEM),)


def cache_of(value: Mapping[str, Any], at: str, context: Context) -> Ttl | None:
    """The wish in an object's `cache_control` (Anthropic's `{"type": "ephemeral", "ttl"?: "5m" | "1h"}`) or
    `prompt_cache_breakpoint` (OpenAI's `{"mode": "explicit", "ttl"?: "30m" | "12h"}`); other keys in them are ignored.
    `at` is the object's own place, empty for the body. Raises `InvalidRequest`."""
    marks: tuple[tuple[str, str, str, Ttl], ...] = (
        ("cache_control", "type", "ephemeral", "5m"),
        ("prompt_cache_breakpoint", "mode", "explicit", context.lasting),
    )
    for field, kind, word, default in marks:
        if not (mark := value.get(field)):
            continue
        where = place(at, field)
        if not isinstance(mark, dict):
            raise InvalidRequest(f'`{field}` must be {{"{kind}": "{word}"}}.', param=where)
        if mark.get(kind, word) == word:
            return ttl_of(mark.get("ttl"), default, f"{where}.ttl", context.notes)
        context.notes.dropped(where, f"The only {kind} of a cache mark is {word}.", code=field)
    return None


def ttl_of(value: Any, default: Ttl, at: str, notes: Notes) -> Ttl:
    """How long a prompt shall be kept, in Claude's words; a time that is not known counts as 5 minutes and is told."""
    if value is None:
        return default
    if isinstance(value, str) and value in _TTLS:
        return _TTLS[value]
    notes.dropped(at, "The cache keeps a prompt for 5m or 1h; 5m was taken.", code="cache_ttl")
    return "5m"


# Of Anthropic's API, and of OpenAI's, which keeps a prompt for half an hour at least.
_TTLS: Mapping[str, Ttl] = {"5m": "5m", "1h": "1h", "30m": "1h", "12h": "1h", "24h": "1h"}


# -- one message ------------------------------------------------------------------------------------------------------


def _messages(value: Any, index: int, context: Context) -> list[Message]:
    at = f"messages[{index}]"
    if not isinstance(value, dict):
        raise InvalidRequest('A message must be an object such as {"role": "user", "content": …}.', param=at)
    given = value.get("role")
    if not isinstance(given, str) or given not in _ROLES:
        raise InvalidRequest("`role` must be system, developer, user, assistant or tool.", param=f"{at}.role")
    role = _ROLES[given]
    pieces = _pieces(value.get("content"), f"{at}.content", role, index, context)
    parts = tuple(piece for piece in pieces if isinstance(piece, Part))
    name = text(value, "name", at)
    cache = cache_of(value, at, context)
    calls = calls_of(value, role, at)
    thoughts = thoughts_of(value, role, at, context.notes)
    if role == "assistant":
        calls = (*(piece for piece in pieces if isinstance(piece, ToolCall)), *calls)
        thoughts = thoughts or tuple(piece for piece in pieces if isinstance(piece, Thought))
        parts = (*parts, *_rest_of_assistant(value, at, context))
        legacy = bool(value.get("function_call")) and not value.get("tool_calls")
        return [Message(role, parts, name, index, calls=calls, thoughts=thoughts, legacy=legacy, cache=cache)]
    if given == "function" and name is None:
        raise InvalidRequest("The result of a function needs the function's `name`.", param=f"{at}.name")
    if role == "tool":
        call_id = text(value, "tool_call_id", at)
        failed = value.get("is_error") is True
        legacy = given == "function"
        return [Message(role, parts, name, index, call_id=call_id, failed=failed, legacy=legacy, cache=cache)]
    results = [piece for piece in pieces if isinstance(piece, Message)]
    if parts or not results:
        return [*results, Message(role, parts, name, index, cache=cache)]
    return [*results[:-1], replace(results[-1], cache=cache or results[-1].cache)]


def _rest_of_assistant(value: dict[str, Any], at: str, context: Context) -> tuple[Part, ...]:
    """What only an assistant's message has. `reasoning_content` is none of it: it is for people, since a model takes
    back signed thoughts only."""
    if value.get("audio"):
        context.notes.dropped(f"{at}.audio", "This model takes no audio, not even of earlier answers.", code="audio")
    refusal = text(value, "refusal", at) if value.get("refusal") not in NEUTRAL else None
    return (Text(refusal),) if refusal else ()


# -- content ----------------------------------------------------------------------------------------------------------


def _pieces(content: Any, at: str, role: Role, index: int, context: Context) -> list[Piece]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)]
    if not isinstance(content, list):
        field = at.rpartition(".")[2]
        raise InvalidRequest(f"`{field}` must be a string or a list of parts.", param=at)
    read = (_piece(item, f"{at}[{position}]", role, index, context) for position, item in enumerate(content))
    return [piece for piece in read if piece is not None]


def _piece(value: Any, at: str, role: Role, index: int, context: Context) -> Piece | None:
    if isinstance(value, str):
        return Text(value)
    if not isinstance(value, dict):
        raise InvalidRequest('A content part must be an object such as {"type": "text", "text": …}.', param=at)
    cache = cache_of(value, at, context)
    match value.get("type"):
        case str(kind) if kind in _PARTS:
            part = _PARTS[kind](value, at)
            if kind == "document":
                _tell_what_a_document_loses(value, at, context.notes)
            return replace(part, cache=cache) if cache else part
        case "tool_result" if role == "user":
            return _tool_result(value, at, index, cache, context)
        case "tool_use" if role == "assistant":
            if cache:
                detail = "A call in the content can't be marked for the cache; mark the message as a whole."
                context.notes.dropped(f"{at}.cache_control", detail, code="cache_control")
            return call_of_block(value, at)
        case "thinking" | "redacted_thinking":
            return next(iter(signed_of([value], role, at, context.notes)), None)
        case "input_audio":
            if not context.drop_audio:
                raise InvalidRequest("This model takes no audio; send text.", param=at, code="unsupported_value")
            context.notes.dropped(at, "This model takes no audio.", code="input_audio")
            return None
    raise InvalidRequest(
        "This kind of content part is not supported; send text, image_url or file parts.",
        param=f"{at}.type",
        code="unsupported_value",
    )


def _text_part(value: dict[str, Any], at: str) -> Text:
    kind = "refusal" if value["type"] == "refusal" else "text"
    given = value.get(kind)
    if isinstance(given, str):
        return Text(given)
    raise InvalidRequest(f"`{kind}` must be a string.", param=f"{at}.{kind}")


_PARTS: Mapping[str, Callable[[dict[str, Any], str], Part]] = {
    "text": _text_part,
    "input_text": _text_part,
    "output_text": _text_part,
    "refusal": _text_part,
    "image_url": image_url_part,
    "file": file_part,
    "image": anthropic_part,
    "document": anthropic_part,
}


def _tell_what_a_document_loses(value: dict[str, Any], at: str, notes: Notes) -> None:
    if value.get("context"):
        notes.dropped(f"{at}.context", "The context of a document is not sent; put it into a text.", code="context")
    if value.get("citations") not in (None, {}, {"enabled": False}):
        notes.dropped(f"{at}.citations", "Citations of documents have no place in OpenAI's API.", code="citations")


def _tool_result(value: dict[str, Any], at: str, index: int, cache: Ttl | None, context: Context) -> Message:
    """Anthropic's `{"type": "tool_result", "tool_use_id", "content"?, "is_error"?}`."""
    pieces = _pieces(value.get("content"), f"{at}.content", "tool", index, context)
    return Message(
        role="tool",
        parts=tuple(piece for piece in pieces if isinstance(piece, Part)),
        name=None,
        index=index,
        call_id=text(value, "tool_use_id", at),
        failed=value.get("is_error") is True,
        cache=cache,
    )
