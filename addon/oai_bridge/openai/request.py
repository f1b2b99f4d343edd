"""The body of a chat completions request: JSON in, a checked `ChatRequest` out, or a 400 that names the field.

Lenient where clients are sloppy and the meaning is clear (numbers as strings, null for "not set"), strict where a guess
could change the answer. Fields: OpenAI's API reference, and those of Anthropic's that clients send beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidRequest
from ..notes import Notes
from ..plain.jsontext import JsonError, read
from ..settings.values import Claude
from .chat import ChatRequest
from .fields import NEUTRAL, boolean, mapping, number, positive, text
from .messages import Context, cache_of, read_messages, read_system, ttl_of
from .tools import allows_parallel, read_choice, read_tools, uses_functions
from .wishes import read_effort, read_format, read_output_effort, read_thinking, read_web_search

_MODEL_LENGTH = 512  # characters; no name that is known anywhere comes near


def read_body(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request; raises `InvalidRequest`."""
    try:
        body = read(raw)
    except JsonError as error:
        raise InvalidRequest(str(error), param=error.path, code="invalid_json") from None
    if isinstance(body, dict):
        return body
    raise InvalidRequest('The body must be a JSON object such as {"model": …, "messages": […]}.', code="invalid_json")


def parse_chat(body: dict[str, Any], notes: Notes, settings: Claude) -> ChatRequest:
    """The request in `body`; raises `InvalidRequest`. What can't be honoured is told to `notes`."""
    _refuse_what_would_change_the_answer(body)
    _tell_what_is_dropped(body, notes)
    cache_options = mapping(body, "prompt_cache_options") or {}
    context = Context(
        notes=notes,
        lasting=ttl_of(cache_options.get("ttl"), "1h", "prompt_cache_options.ttl", notes),
        drop_audio=settings.audio == "drop",
    )
    tools = read_tools(body, context)
    return ChatRequest(
        model=model_of(body),
        messages=(*read_system(body.get("system"), context), *read_messages(body.get("messages"), context)),
        stream=boolean(body, "stream"),
        include_usage=asks_for_usage(body),
        max_tokens=_max_tokens(body),
        temperature=number(body, "temperature"),
        top_p=number(body, "top_p"),
        top_k=positive(number(body, "top_k")),
        stop=_stop(body.get("stop"), notes),
        tools=tools,
        tool_choice=read_choice(body, tools, notes),
        parallel_tool_calls=allows_parallel(body),
        legacy_functions=uses_functions(body),
        format=read_format(body),
        effort=read_effort(body, notes),
        thinking=read_thinking(body, notes),
        output_effort=read_output_effort(body, notes),
        web_search=read_web_search(body, notes),
        user=text(body, "safety_identifier") or text(body, "user"),
        service_tier=_service_tier(body.get("service_tier"), notes),
        cache=cache_of(body, "", context),
        betas=_betas(body.get("anthropic_beta")),
        context_management=mapping(body, "context_management") or None,
    )


def asks_for_usage(body: Mapping[str, Any]) -> bool:
    """Whether a stream is to end with its usage; raises `InvalidRequest`."""
    options = body.get("stream_options")
    return isinstance(options, dict) and boolean(options, "include_usage", "stream_options")


# -- fields -----------------------------------------------------------------------------------------------------------


def model_of(body: Mapping[str, Any]) -> str:
    """The model that a request names; raises `InvalidRequest`."""
    value = body.get("model")
    if isinstance(value, str) and value.strip():
        if len(value) > _MODEL_LENGTH:  # it is repeated in every chunk of the answer
            raise InvalidRequest("No model has a name as long as this; GET models lists them.", param="model")
        return value.strip()
    raise InvalidRequest("Name a model in the field `model`; GET models lists them.", param="model", code="no_model")


def _max_tokens(body: dict[str, Any]) -> int | None:
    newer = positive(number(body, "max_completion_tokens"))
    older = positive(number(body, "max_tokens"))
    return older if newer is None else newer


def _stop(value: Any, notes: Notes) -> tuple[str, ...]:
    """Non-empty strings, each once, in order; Claude refuses sequences of white space."""
    given = value if isinstance(value, list) else [value]
    texts = [item for item in given if isinstance(item, str)]
    stops = tuple(dict.fromkeys(item for item in texts if item.strip()))
    if any(item.isspace() for item in texts) or any(not isinstance(item, str | None) for item in given):
        notes.dropped("stop", "This model takes no stop sequences of white space, or what is no text.")
    return stops


def _service_tier(value: Any, notes: Notes) -> str | None:
    if isinstance(value, str | None):
        return value or None
    notes.dropped("service_tier", "A service tier is a word, such as default or flex.")
    return None


def _betas(value: Any) -> tuple[str, ...]:
    """Anthropic's `anthropic_beta`: a list, or the header's text with commas."""
    given = value.split(",") if isinstance(value, str) else value or []
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise InvalidRequest("`anthropic_beta` must be a list of strings.", param="anthropic_beta")
    return tuple(dict.fromkeys(name.strip() for name in given if name.strip()))


# -- what can't be honoured -------------------------------------------------------------------------------------------


def _refuse_what_would_change_the_answer(body: dict[str, Any]) -> None:
    if (count := number(body, "n")) is not None and count != 1:
        raise InvalidRequest(
            "This model gives one answer at a time; set `n` (in SillyTavern: Multiple swipes per generation) to 1.",
            param="n",
            code="unsupported_value",
        )
    modalities = _modalities(body)
    if body.get("audio") or "audio" in modalities:
        field = "audio" if body.get("audio") else "modalities"
        raise InvalidRequest("This model speaks no audio; ask for text.", param=field, code="unsupported_value")
    if modalities and "text" not in modalities:
        raise InvalidRequest("This model answers in text; ask for that.", param="modalities", code="unsupported_value")


def _modalities(body: dict[str, Any]) -> list[str]:
    """The kinds of answer that the client asks for, in lower case; a single word counts as a list of it."""
    given = body.get("modalities") or []
    kinds = [given] if isinstance(given, str) else given
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise InvalidRequest('`modalities` must be a list such as ["text"].', param="modalities")
    return [kind.lower() for kind in kinds]


_HONOURED = {
    *("model", "messages", "system", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop"),
    *("temperature", "top_p", "top_k", "n", "modalities", "audio", "response_format", "output_config"),
    *("tools", "functions", "tool_choice", "function_call", "parallel_tool_calls", "web_search_options"),
    *("reasoning_effort", "thinking", "safety_identifier", "user", "service_tier"),
    *("cache_control", "prompt_cache_options", "anthropic_beta", "context_management"),
    # Nothing to tell: these are none of the model's business, or ask for what is done anyway.
    *("metadata", "store", "prompt_cache_key", "prompt_cache_retention"),
    *("continue_final_message", "add_generation_prompt"),
}
_DROPPED = {
    "frequency_penalty": "This model has no frequency penalty.",
    "presence_penalty": "This model has no presence penalty.",
    "logit_bias": "This model has no logit bias.",
    "logprobs": "This model gives no log probabilities.",
    "top_logprobs": "This model gives no log probabilities.",
    "seed": "This model has no seed.",
    "prediction": "This model takes no predicted output.",
    "moderation": "The cloud has its own moderation.",
    "verbosity": "This model has no verbosity setting.",
    "min_p": "This model has no min_p.",
    "top_a": "This model has no top_a.",
    "repetition_penalty": "This model has no repetition penalty.",
}
_USUAL: dict[str, tuple[Any, ...]] = {"repetition_penalty": (1,)}


def _tell_what_is_dropped(body: dict[str, Any], notes: Notes) -> None:
    """Fields at their neutral value ask for nothing, so nothing is told: SillyTavern sends most of them always."""
    if set(_modalities(body)) - {"text"}:
        notes.dropped("modalities", "This model answers in text alone.")
    for field, value in body.items():
        if field in _HONOURED or value in NEUTRAL or value in _USUAL.get(field, ()):
            continue
        if field in _DROPPED:
            notes.dropped(field, _DROPPED[field])
        else:
            notes.dropped(field[:64], f"The field {field[:64]!r} is unknown here.", code="unknown")
