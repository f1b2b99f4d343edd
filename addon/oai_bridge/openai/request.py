"""The body of a chat completions request: JSON in, a checked `ChatRequest` out, or a 400 that names the field.

Lenient where clients are sloppy and the meaning is clear (numbers as strings, null for "not set"), strict where a guess
could change the answer. Fields: OpenAI's API reference; what SillyTavern adds is marked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import InvalidRequest
from ..jsontext import JsonError, read
from ..notes import Notes
from .media import Image, image_from_source, image_from_url

Role = Literal["system", "user", "assistant"]
Part = str | Image

_MODEL_LENGTH = 512  # characters; no name that is known anywhere comes near
_MESSAGES = 100_000  # Anthropic's own limit for one request


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `developer` is `system` here; `index` is its place in the client's list, for error messages."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None
    index: int


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What the client asks for, whichever model will answer. `None` means that the client left it open."""

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()


def read_body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request; raises `InvalidRequest`."""
    try:
        body = read(raw)
    except JsonError as error:
        raise InvalidRequest(str(error), param=error.path, code="invalid_json") from None
    if isinstance(body, dict):
        return body
    raise InvalidRequest('The body must be a JSON object such as {"model": …, "messages": […]}.', code="invalid_json")


def parse_chat(body: dict[str, Any], notes: Notes) -> ChatRequest:
    """The request in `body`; raises `InvalidRequest`. What can't be honoured is told to `notes`."""
    _refuse_what_would_change_the_answer(body)
    _tell_what_is_dropped(body, notes)
    stream_options = body.get("stream_options")
    return ChatRequest(
        model=_model(body.get("model")),
        messages=_messages(body.get("messages"), notes),
        stream=_boolean(body, "stream"),
        include_usage=isinstance(stream_options, dict) and _boolean(stream_options, "include_usage", "stream_options."),
        max_tokens=_max_tokens(body),
        temperature=_number(body, "temperature"),
        top_p=_number(body, "top_p"),
        top_k=_positive(_number(body, "top_k")),
        stop=_stop(body.get("stop"), notes),
    )


# -- fields -----------------------------------------------------------------------------------------------------------


def _model(value: Any) -> str:
    if isinstance(value, str) and value.strip():
        if len(value) > _MODEL_LENGTH:  # it is repeated in every chunk of the answer
            raise InvalidRequest("No model has a name as long as this; GET models lists them.", param="model")
        return value.strip()
    raise InvalidRequest("Name a model in the field `model`; GET models lists them.", param="model", code="no_model")


def _boolean(body: dict[str, Any], field: str, inside: str = "") -> bool:
    value = body.get(field)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise InvalidRequest(f"`{field}` must be true or false.", param=inside + field)


def _number(body: dict[str, Any], field: str) -> float | None:
    """A finite number, also as a numeric string, which front ends with text fields send."""
    value = body.get(field)
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isfinite(number):
        return number
    raise InvalidRequest(f"`{field}` must be a number.", param=field)


def _positive(number: float | None) -> int | None:
    """Front ends write 0 or -1 for "not set"."""
    return int(number) if number is not None and number >= 1 else None


def _max_tokens(body: dict[str, Any]) -> int | None:
    newer = _positive(_number(body, "max_completion_tokens"))
    older = _positive(_number(body, "max_tokens"))
    return older if newer is None else newer


def _stop(value: Any, notes: Notes) -> tuple[str, ...]:
    """Non-empty strings, each once, in order; Claude refuses sequences of white space."""
    given = value if isinstance(value, list) else [value]
    texts = [item for item in given if isinstance(item, str)]
    stops = tuple(dict.fromkeys(text for text in texts if text.strip()))
    if any(text.isspace() for text in texts) or any(not isinstance(item, str | None) for item in given):
        notes.dropped("stop", "Claude takes no stop sequences of white space, or what is no text.")
    return stops


# -- messages ---------------------------------------------------------------------------------------------------------

_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


def _messages(value: Any, notes: Notes) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise InvalidRequest("`messages` must be a list with at least one message.", param="messages")
    if len(value) > _MESSAGES:
        raise InvalidRequest(f"Claude takes at most {_MESSAGES} messages; send a shorter chat.", param="messages")
    return tuple(_message(item, index, notes) for index, item in enumerate(value))


def _message(value: Any, index: int, notes: Notes) -> Message:
    at = f"messages[{index}]"
    if not isinstance(value, dict):
        raise InvalidRequest('A message must be an object such as {"role": "user", "content": …}.', param=at)
    role = value.get("role")
    if role in ("tool", "function") or value.get("tool_calls") or value.get("function_call"):
        raise _not_yet("Tool calls and their results", at, _TOOL_SWITCH)
    if not isinstance(role, str) or role not in _ROLES:
        raise InvalidRequest("`role` must be system, developer, user or assistant.", param=f"{at}.role")
    if value.get("cache_control"):
        raise _not_yet("Cache control", f"{at}.cache_control")
    if value.get("thinking_blocks") or value.get("reasoning_details"):
        notes.dropped("thinking_blocks", "Thinking of earlier turns is not sent back to the model.")
    name = value.get("name")
    if name is not None and not isinstance(name, str):
        raise InvalidRequest("`name` must be a string.", param=f"{at}.name")
    parts = _parts(value.get("content"), f"{at}.content")
    refusal = value.get("refusal")
    if role == "assistant" and isinstance(refusal, str) and refusal:
        parts = (*parts, refusal)
    return Message(_ROLES[role], parts, name or None, index)


def _parts(content: Any, at: str) -> tuple[Part, ...]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (content,)
    if not isinstance(content, list):
        raise InvalidRequest("`content` must be a string or a list of parts.", param=at)
    return tuple(_part(item, f"{at}[{index}]") for index, item in enumerate(content))


def _part(value: Any, at: str) -> Part:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise InvalidRequest('A content part must be an object such as {"type": "text", "text": …}.', param=at)
    for key in ("cache_control", "prompt_cache_breakpoint"):
        if value.get(key):
            raise _not_yet("Cache control", f"{at}.{key}")
    kind = value.get("type")
    reader = _PARTS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise InvalidRequest(
            "This kind of content part is not supported; send text or image_url parts.",
            param=f"{at}.type",
            code="unsupported_value",
        )
    return reader(value, at)


def _text_part(value: dict[str, Any], at: str) -> Part:
    kind = "refusal" if value["type"] == "refusal" else "text"
    text = value.get(kind)
    if isinstance(text, str):
        return text
    raise InvalidRequest(f"`{kind}` must be a string.", param=f"{at}.{kind}")


def _image_url_part(value: dict[str, Any], at: str) -> Part:
    given = value.get("image_url")
    url = given.get("url") if isinstance(given, dict) else given
    if isinstance(url, str):
        return image_from_url(url, f"{at}.image_url.url")
    raise InvalidRequest('`image_url` must be {"url": "data:…"}.', param=f"{at}.image_url")


def _image_part(value: dict[str, Any], at: str) -> Part:
    """SillyTavern's post-processing "Claude" leaves Anthropic's own blocks in the OpenAI body."""
    return image_from_source(value.get("source"), f"{at}.source")


def _file_part(value: dict[str, Any], at: str) -> Part:
    raise _not_yet("Files", at, "attach images and text only")


def _audio_part(value: dict[str, Any], at: str) -> Part:
    raise InvalidRequest("Claude takes no audio; send text.", param=at, code="unsupported_value")


_PARTS: dict[str, Callable[[dict[str, Any], str], Part]] = {
    "text": _text_part,
    "input_text": _text_part,
    "output_text": _text_part,
    "refusal": _text_part,
    "image_url": _image_url_part,
    "image": _image_part,
    "file": _file_part,
    "document": _file_part,
    "input_audio": _audio_part,
}


# -- what can't be honoured -------------------------------------------------------------------------------------------


_TOOL_SWITCH = 'switch off "Enable function calling"'


def _not_yet(what: str, param: str, switch: str = "remove it from Additional Parameters") -> InvalidRequest:
    """The refusal of what this version can't do; `switch` says what to do in SillyTavern, whose users see no fields."""
    message = f"{what} can't be translated by this version; leave the field out (in SillyTavern: {switch})."
    return InvalidRequest(message, param=param, code="unsupported_parameter")


def _refuse_what_would_change_the_answer(body: dict[str, Any]) -> None:
    if (count := _number(body, "n")) is not None and count != 1:
        raise InvalidRequest(
            "Claude gives one answer at a time; set `n` (in SillyTavern: Multiple swipes per generation) to 1.",
            param="n",
            code="unsupported_value",
        )
    modalities = body.get("modalities")
    if body.get("audio") or (isinstance(modalities, list) and "audio" in modalities):
        field = "audio" if body.get("audio") else "modalities"
        raise InvalidRequest("Claude speaks no audio; ask for text.", param=field, code="unsupported_value")
    for field in ("tools", "functions"):
        if body.get(field):
            raise _not_yet(field.capitalize(), field, _TOOL_SWITCH)
    for field, what in (
        ("web_search_options", "Web search"),
        ("thinking", "Thinking settings"),
        ("cache_control", "Cache control"),
        ("prompt_cache_options", "Cache settings"),
    ):
        value = body.get(field)
        if value or (field == "web_search_options" and value is not None):
            raise _not_yet(what, field)
    if body.get("reasoning_effort") not in (None, "", "auto"):
        raise _not_yet("Reasoning effort", "reasoning_effort")
    response_format = body.get("response_format")
    if response_format and response_format != {"type": "text"}:
        raise _not_yet("Structured output", "response_format")


_HONOURED = {
    *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature"),
    *("top_p", "top_k", "stop", "n", "modalities", "audio", "tools", "functions", "response_format"),
    *("web_search_options", "thinking", "cache_control", "prompt_cache_options", "reasoning_effort"),
    # Nothing to tell: they only steer tools, which are not there, or they are none of the model's business.
    *("tool_choice", "function_call", "parallel_tool_calls", "user", "safety_identifier", "metadata", "store"),
    *("prompt_cache_key", "prompt_cache_retention"),
}
_DROPPED = {
    "frequency_penalty": "Claude has no frequency penalty.",
    "presence_penalty": "Claude has no presence penalty.",
    "logit_bias": "Claude has no logit bias.",
    "logprobs": "Claude gives no log probabilities.",
    "top_logprobs": "Claude gives no log probabilities.",
    "seed": "Claude has no seed.",
    "prediction": "Claude takes no predicted output.",
    "moderation": "The cloud has its own moderation.",
    "verbosity": "Claude has no verbosity setting.",
    "service_tier": "Vertex AI has no service tier for Claude.",
    "min_p": "Claude has no min_p.",
    "top_a": "Claude has no top_a.",
    "repetition_penalty": "Claude has no repetition penalty.",
}
_NEUTRAL: tuple[Any, ...] = (None, False, 0, "", [], {})


def _tell_what_is_dropped(body: dict[str, Any], notes: Notes) -> None:
    """Fields at their neutral value ask for nothing, so nothing is told: SillyTavern sends most of them always."""
    for field, value in body.items():
        if field in _HONOURED or value in _NEUTRAL or (field == "repetition_penalty" and value == 1):
            continue
        if field in _DROPPED:
            notes.dropped(field, _DROPPED[field])
        else:
            notes.dropped(field[:64], f"The field {field[:64]!r} is unknown here.", code="unknown")
