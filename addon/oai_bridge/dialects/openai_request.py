"""A client's own OpenAI body for a door that speaks OpenAI's language: passed on but for what the cloud would refuse.

Fields as in openai 3.54's `CompletionCreateParams`, `EmbeddingCreateParams` and `ImageGenerateParams`; what the clouds
add as in Azure's "REST API reference", Vertex AI's "Using OpenAI libraries" and Bedrock's "Guardrails with Chat
Completions". Azure answers 400 to a field that it doesn't know, Vertex AI ignores it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import InvalidRequest
from ..models.passed import Cloud, PassedFacts
from ..notes import Notes
from ..openai.chat import Effort, ThinkingWish
from ..openai.fields import NEUTRAL, boolean, mapping, number, positive, text
from ..openai.request import model_of
from ..openai.wishes import read_effort, read_thinking
from ..settings.values import OpenAI
from .openai_messages import passed_messages

_CHAT = {
    *("model", "messages", "stream", "stream_options", "n", "modalities", "audio", "prediction", "moderation"),
    *("max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "seed", "logit_bias"),
    *("frequency_penalty", "presence_penalty", "logprobs", "top_logprobs", "verbosity", "reasoning_effort"),
    *("tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format"),
    *("web_search_options", "user", "safety_identifier", "metadata", "store", "service_tier"),
    *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
}
_EMBEDDINGS = {"model", "input", "dimensions", "encoding_format", "user", "input_type"}
_IMAGES = {
    *("model", "prompt", "n", "size", "quality", "style", "background", "moderation", "response_format"),
    *("output_compression", "output_format", "complexity", "frame_count", "frame_duration_ms", "svg"),
    *("user", "safety_identifier"),
}
_OWN: Mapping[Cloud, Collection[str]] = {
    "azure": ("data_sources", "user_security_context"),
    "vertex": ("extra_body", "google", "chat_template_kwargs"),
    "bedrock": ("amazon-bedrock-guardrailConfig",),
}
"""What a cloud has beside OpenAI's fields."""
_READ = {"system", "thinking"}
"""Fields of Anthropic's whose meaning goes into others."""
_NOBODYS = {"cache_control", "anthropic_beta", "continue_final_message", "add_generation_prompt"}
"""Nothing to tell: these ask for what is done anyway, or are none of the model's business."""
_TOLD = {"top_k", "min_p", "top_a", "repetition_penalty", "include_reasoning"}
"""Fields of other servers that front ends send, by which a note may be named."""
_USUAL: Mapping[str, tuple[Any, ...]] = {"repetition_penalty": (1,), "top_k": (-1,)}

_SAMPLING = ("temperature", "top_p", "logprobs", "top_logprobs")
_NO_SAMPLING = (*_SAMPLING, "frequency_penalty", "presence_penalty", "logit_bias", "stop")
_PENALTIES = ("frequency_penalty", "presence_penalty")
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {"temperature": (None, 1), "top_p": (None, 1)}
_MOST_STOPS = 4
_GEMINIS_STOPS = 5
_LOW_BUDGET, _MEDIUM_BUDGET = 1024, 8192  # tokens; Google's own table for its efforts


def passed_chat(
    body: Mapping[str, Any],
    facts: PassedFacts,
    settings: OpenAI,
    *,
    cloud: Cloud,
    notes: Notes,
    stream_usage: bool = True,
) -> dict[str, Any]:
    """The body for the cloud; `body` stays as it is. Raises `InvalidRequest`. `stream_usage`: a stream can be asked for
    its usage."""
    model_of(body)
    changed = {field: value for field, value in body.items() if value is not None}  # null is "not set"
    changed["model"] = facts.name
    changed["messages"] = passed_messages(body, facts.name, cloud, notes)
    on_your_data = cloud == "azure" and bool(changed.get("data_sources"))  # another service, with fewer fields
    _set_stream_options(changed, stream_usage and not on_your_data, notes)
    if cloud == "azure":
        _set_azures_limit(changed, settings, notes, newer=not (facts.older_limit or on_your_data))
    else:
        _set_limit(changed, facts, settings, notes)
    _set_stop(changed, facts, cloud, notes)
    _drop_idle_tool_fields(changed, notes)
    if not facts.parallel and changed.pop("parallel_tool_calls", True) is not True:
        notes.dropped("parallel_tool_calls", f"{facts.id} takes no parallel_tool_calls.")
    effort = _set_effort(changed, facts, cloud, notes)
    if facts.reasoning:
        kept = _SAMPLING if effort == "none" else ()  # gpt-5.1 and later, when they don't think
        why = f"{facts.id} thinks before it answers, and takes no"
        _drop(changed, [field for field in _NO_SAMPLING if field not in kept], why, notes)
    elif facts.name.startswith("google/"):
        _drop(changed, _PENALTIES, f"{facts.id} takes no", notes)
    return _only_known(changed, {*_CHAT, *_OWN[cloud]}, notes)


def passed_embeddings(body: Mapping[str, Any], facts: PassedFacts, *, notes: Notes) -> dict[str, Any]:
    """The body of an embeddings request, likewise."""
    model_of(body)
    if not body.get("input"):
        raise InvalidRequest("Put the text, or a list of texts, into the field `input`.", param="input")
    return _only_known({**body, "model": facts.name}, _EMBEDDINGS, notes)


def passed_images(body: Mapping[str, Any], facts: PassedFacts, *, notes: Notes) -> dict[str, Any]:
    """The body of a request for pictures, likewise. They come in one piece."""
    model_of(body)
    if text(body, "prompt") is None:
        raise InvalidRequest("Describe the picture in the field `prompt`.", param="prompt")
    changed = {**body, "model": facts.name}
    _drop(changed, ("stream", "partial_images"), "Pictures come in one piece here; there is no", notes)
    return _only_known(changed, _IMAGES, notes)


# -- the parts --------------------------------------------------------------------------------------------------------


def _set_stream_options(changed: dict[str, Any], usage: bool, notes: Notes) -> None:
    """The record needs the usage, whether the client wants it or not."""
    options = mapping(changed, "stream_options") or {}
    wanted = boolean(options, "include_usage", "stream_options")
    changed.pop("stream_options", None)
    if not boolean(changed, "stream"):
        return
    if usage:
        changed["stream_options"] = {**options, "include_usage": True}
    elif wanted:
        notes.dropped("stream_options", "Azure does not tell the usage of this stream.")


def _set_limit(changed: dict[str, Any], facts: PassedFacts, settings: OpenAI, notes: Notes) -> None:
    newer = positive(number(changed, "max_completion_tokens")) is not None
    limit = min((each for each in (facts.max_output, settings.max_output_tokens) if each), default=None)
    wanted = _take_limit(changed, limit, notes, always=settings.max_output_tokens is not None)
    if wanted is not None:
        changed["max_completion_tokens" if newer or facts.reasoning else "max_tokens"] = wanted


def _set_azures_limit(changed: dict[str, Any], settings: OpenAI, notes: Notes, *, newer: bool) -> None:
    """What is behind a deployment its name may not tell. So all get the newer field, which GPT-4o takes like the models
    that refuse the older one, and the model's own limit is for Azure to tell."""
    limit = settings.max_output_tokens
    wanted = _take_limit(changed, limit, notes, always=limit is not None)
    if wanted is not None:
        changed["max_completion_tokens" if newer else "max_tokens"] = wanted


def _take_limit(changed: dict[str, Any], limit: int | None, notes: Notes, *, always: bool) -> int | None:
    """Takes out how many tokens the client allows, and gives how many are to be, in the end. `always`: the limit itself
    where the client says nothing."""
    newer, older = (positive(number(changed, field)) for field in ("max_completion_tokens", "max_tokens"))
    changed.pop("max_completion_tokens", None)
    changed.pop("max_tokens", None)
    asked = older if newer is None else newer
    if asked is None:
        return limit if always else None
    if limit is not None and asked > limit:
        notes.add("clamped:max_tokens", f"max_tokens was lowered from {asked} to the limit of {limit}.")
        return limit
    return asked


def _set_stop(changed: dict[str, Any], facts: PassedFacts, cloud: Cloud, notes: Notes) -> None:
    given = changed.get("stop")
    if isinstance(given, list):
        given = [item for item in given if not isinstance(item, str) or item]
        most = _GEMINIS_STOPS if facts.name.startswith("google/gemini-") else _MOST_STOPS if cloud == "azure" else None
        if most is not None and len(given) > most:
            notes.dropped("stop", f"{facts.id} takes {most} stop sequences; the first ones were kept.")
            given = given[:most]
        changed["stop"] = given
    if not given:
        changed.pop("stop", None)


def _drop_idle_tool_fields(changed: dict[str, Any], notes: Notes) -> None:
    """What is about tools where there are none; OpenAI refuses it, and an empty list of them."""
    for tools, beside in (("tools", ("tool_choice", "parallel_tool_calls")), ("functions", ("function_call",))):
        if given := changed.get(tools):
            if isinstance(given, list):
                changed[tools] = [_without_mark(tool) for tool in given]
            continue
        changed.pop(tools, None)
        for field in beside:
            if changed.pop(field, None) not in (None, "auto", "none", True, False):
                notes.dropped(field, "There are no tools to call.")


def _without_mark(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return tool
    return {field: value for field, value in tool.items() if field != "cache_control"}


def _set_effort(changed: dict[str, Any], facts: PassedFacts, cloud: Cloud, notes: Notes) -> Effort | None:
    """The field `reasoning_effort`, from Anthropic's `thinking` where that is given alone."""
    effort, wish = read_effort(changed, notes), read_thinking(changed, notes)
    given = changed.pop("reasoning_effort", None)
    if wish is not None and wish.binding:
        notes.dropped("thinking.block_binding", "Only Claude's thoughts are bound to their chat.")
    if effort is None and wish is not None:
        effort = _effort_for(wish, facts, notes)
    if effort is None:
        return None
    if _configures_thinking(changed):  # Vertex AI takes only one of the two
        if given:
            notes.dropped("reasoning_effort", "Google's thinking_config says already how much to think.")
        return None
    level = _level(effort, facts, cloud)
    if level != effort:
        notes.add("clamped:reasoning_effort", f"{facts.id} has the effort {level} instead of {effort}.")
    changed["reasoning_effort"] = level
    return level


def _effort_for(wish: ThinkingWish, facts: PassedFacts, notes: Notes) -> Effort | None:
    if not (facts.reasoning or facts.name.startswith("google/") or "gpt-oss" in facts.name):
        if wish.type != "disabled":
            notes.dropped("thinking", f"{facts.id} has no setting for it in OpenAI's terms.")
        return None
    effort: Effort | None = None  # left to the model
    if wish.type == "disabled":
        effort = "low"  # the least that all of them have
    elif wish.budget is not None:
        effort = "low" if wish.budget <= _LOW_BUDGET else "medium" if wish.budget <= _MEDIUM_BUDGET else "high"
    told = "left to the model" if effort is None else f"told as the effort {effort}"
    notes.add("rewrote:thinking", f"How much to think was {told}.")
    return effort


def _level(effort: Effort, facts: PassedFacts, cloud: Cloud) -> Effort:
    """The nearest effort that the model has; OpenAI's own models differ, and say so themselves."""
    if cloud == "azure":
        return effort
    if effort in ("xhigh", "max"):
        return "high"
    if effort in ("none", "minimal") and "gpt-oss" in facts.name:
        return "low"
    return effort


def _configures_thinking(changed: Mapping[str, Any]) -> bool:
    outer = changed.get("extra_body")
    for holder in (changed, outer if isinstance(outer, dict) else {}):
        google = holder.get("google")
        if isinstance(google, dict) and google.get("thinking_config"):
            return True
    return False


def _drop(changed: dict[str, Any], fields: Collection[str], why: str, notes: Notes) -> None:
    """Fields that the model refuses, at any value; `why` is a sentence that ends with the field's name."""
    for field in fields:
        value = changed.pop(field, None)
        if value not in _DEFAULTS.get(field, NEUTRAL):
            notes.dropped(field, f"{why} {field}.")


def _only_known(changed: Mapping[str, Any], known: Collection[str], notes: Notes) -> dict[str, Any]:
    """Without what the cloud doesn't know. Fields at their neutral value ask for nothing, so nothing is told."""
    for field, value in changed.items():
        if field in known or field in _READ or field in _NOBODYS or value in NEUTRAL or value in _USUAL.get(field, ()):
            continue
        if field in _TOLD:
            notes.dropped(field, f"OpenAI's API has no {field}.")
        else:
            notes.dropped(field[:64], f"The field {field[:64]!r} is unknown here.", code="unknown")
    return {field: value for field, value in changed.items() if field in known and value is not None}
