"""How the answer is to be made: its form, how much thought, with a search or not; in OpenAI's words or Anthropic's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from ..errors import InvalidRequest
from ..notes import Notes
from .chat import Effort, JsonFormat, ThinkingWish, WebSearch
from .fields import boolean, mapping, number, positive, tell_unknown, text

_EFFORTS: Mapping[str, Effort] = {word: word for word in get_args(Effort)}
_THINKING = ("enabled", "adaptive", "disabled", "between_tools")
_OF_THINKING = ("type", "budget_tokens", "display", "block_binding")
_DISPLAY = (None, "summarized", "omitted")
_OF_SEARCH = ("search_context_size", "user_location", "filters")
_SIZES = ("low", "medium", "high")
_LOCATION = ("city", "country", "region", "timezone")


def read_format(body: Mapping[str, Any]) -> JsonFormat | None:
    """The field `response_format`, else `output_config.format`; `None` where plain text is wanted."""
    given = body.get("response_format")
    if not given:
        return _anthropic_format(body)
    if not isinstance(given, dict):
        raise InvalidRequest('`response_format` must be an object such as {"type": "text"}.', param="response_format")
    match given.get("type"):
        case "text":
            return None
        case "json_object":
            return JsonFormat()
        case "json_schema":
            return _json_schema(given)
    raise InvalidRequest(
        "The `type` of a response format must be text, json_object or json_schema.", param="response_format.type"
    )


def _json_schema(given: Mapping[str, Any]) -> JsonFormat:
    at = "response_format.json_schema"
    inner = mapping(given, "json_schema", "response_format")
    if inner is None:
        raise InvalidRequest('`json_schema` must be {"name": …, "schema": {…}}.', param=at)
    if (schema := mapping(inner, "schema", at)) is None:
        return JsonFormat()
    if (description := text(inner, "description", at)) and "description" not in schema:
        schema = {**schema, "description": description}
    return JsonFormat(schema, text(inner, "name", at), boolean(inner, "strict", at))


def _anthropic_format(body: Mapping[str, Any]) -> JsonFormat | None:
    at = "output_config.format"
    given = mapping(mapping(body, "output_config") or {}, "format", "output_config")
    if not given:
        return None
    schema = mapping(given, "schema", at)
    if given.get("type") != "json_schema" or schema is None:
        raise InvalidRequest('`format` must be {"type": "json_schema", "schema": {…}}.', param=at)
    return JsonFormat(schema, strict=True, param=f"{at}.schema")


def read_effort(body: Mapping[str, Any], notes: Notes) -> Effort | None:
    """The field `reasoning_effort`, a word or `{"effort": …, "summary": …}`."""
    given = body.get("reasoning_effort")
    if isinstance(given, dict):
        return _effort(given.get("effort"), "reasoning_effort.effort", notes)
    return _effort(given, "reasoning_effort", notes)


def read_output_effort(body: Mapping[str, Any], notes: Notes) -> Effort | None:
    """Anthropic's `output_config.effort`. Other keys there are told, but for the `format`."""
    config = mapping(body, "output_config") or {}
    for key, value in config.items():
        if key not in ("effort", "format") and value:
            detail = "Of output_config only effort and format are known here."
            notes.dropped(f"output_config.{key[:64]}", detail, code="output_config")
    return _effort(config.get("effort"), "output_config.effort", notes)


def _effort(value: Any, at: str, notes: Notes) -> Effort | None:
    if not value or value == "auto":
        return None
    if isinstance(value, str) and value in _EFFORTS:
        return _EFFORTS[value]
    notes.dropped(at, f"The effort can be {', '.join(_EFFORTS)}; it was left to the model.")
    return None


def read_thinking(body: Mapping[str, Any], notes: Notes) -> ThinkingWish | None:
    """Anthropic's field `thinking`: `{"type": …, "budget_tokens"?, "display"?, "block_binding"?}`; DeepSeek's has no
    budget. `true` leaves the amount to the model. Other keys are told."""
    if body.get("thinking") is True:
        return ThinkingWish("adaptive")
    if not (thinking := mapping(body, "thinking")):
        return None
    kind, display = thinking.get("type"), thinking.get("display") or None
    if kind not in _THINKING:
        raise InvalidRequest(f"The `type` of thinking must be one of {', '.join(_THINKING)}.", param="thinking.type")
    if display not in _DISPLAY:
        raise InvalidRequest("`display` must be summarized or omitted.", param="thinking.display")
    budget = positive(number(thinking, "budget_tokens", "thinking"))
    tell_unknown(thinking, "thinking", _OF_THINKING, notes)
    binding = mapping(thinking, "block_binding", "thinking") or None
    return ThinkingWish(kind, budget if kind == "enabled" else None, display, binding)


def read_web_search(body: Mapping[str, Any], notes: Notes) -> WebSearch | None:
    """The field `web_search_options`: an empty object asks for a search too. The place may stand in `approximate`, as
    in OpenAI's Chat Completions, or right in `user_location`, as in its Responses API."""
    if (options := mapping(body, "web_search_options")) is None:
        return None
    if options.get("filters"):
        notes.dropped("web_search_options.filters", "The web search is not limited to certain sites.")
    tell_unknown(options, "web_search_options", _OF_SEARCH, notes)
    size: Any = options.get("search_context_size") or "medium"
    if size not in _SIZES:
        notes.dropped("web_search_options.search_context_size", "The size must be low, medium or high.")
        size = "medium"
    at = "web_search_options.user_location"
    user = mapping(options, "user_location", "web_search_options") or {}
    given, at = (mapping(user, "approximate", at) or {}, f"{at}.approximate") if "approximate" in user else (user, at)
    location = {field: found for field in _LOCATION if (found := text(given, field, at)) is not None}
    return WebSearch(size, location or None)
