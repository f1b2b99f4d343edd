"""What OpenAI's chat API, as others serve it, too, demands of a request: pure functions.

Written from the published rules and apart from the code under test, so that a misreading there is not repeated here.
Vendor sources: OpenAI's API reference (create chat completion, embeddings, images); Azure's "reasoning models" page.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.support.openai_message_rules import NAME, Fault, messages_faults, tools_faults
from tests.support.openai_models import Model

SAMPLING = {
    "temperature": (0, 2, 1),
    "top_p": (0, 1, 1),
    "presence_penalty": (-2, 2, 0),
    "frequency_penalty": (-2, 2, 0),
}
"""The least, the greatest, and the value that also those take that know no other."""
KEYS = {
    *("messages", "model", "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs"),
    *("max_completion_tokens", "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls", "prediction"),
    *("presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format"),
    *("safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature"),
    *("tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options"),
}
MAX_STOPS = 4
MAX_INPUTS = 2048
SIZES = {True: ("1024x1024", "1792x1024", "1024x1792"), False: ("auto", "1024x1024", "1536x1024", "1024x1536")}
QUALITIES = {True: ("standard", "hd"), False: ("auto", "low", "medium", "high")}
IMAGE_KEYS = {"model", "prompt", "n", "size", "quality", "user"}
OLD_IMAGE_KEYS = IMAGE_KEYS | {"response_format", "style"}
NEW_IMAGE_KEYS = IMAGE_KEYS | {"background", "moderation", "output_format", "output_compression"}


def chat_faults(body: Any, facts: Model, extra: Collection[str] = ()) -> list[Fault]:
    """Everything that would be refused in a decoded body; empty when all is well. `extra`: further keys it may have."""
    if not isinstance(body, dict):
        return [Fault("We could not parse the JSON body of your request.")]
    return list(_chat(body, facts, extra))


def _chat(body: dict[str, Any], facts: Model, extra: Collection[str]) -> Iterator[Fault]:
    known = KEYS - ({"reasoning_effort", "verbosity"} if not facts.efforts else set())
    yield from _unrecognized(body.keys() - known - {*extra})
    yield from messages_faults(body.get("messages"), facts)
    yield from tools_faults(body)
    yield from _limits(body, facts)
    yield from _sampling(body, facts)
    yield from _stream(body)
    yield from _format(body)
    if body.get("reasoning_effort", "low") not in (*facts.efforts, "low"):
        yield Fault(
            f"Unsupported value: 'reasoning_effort' does not support {body['reasoning_effort']!r} with this model. "
            f"Supported values are: {', '.join(map(repr, facts.efforts))}.",
            "reasoning_effort",
            "unsupported_value",
        )
    if "parallel_tool_calls" in body and not facts.parallel:
        yield _unsupported("parallel_tool_calls")
    if body.get("metadata") and not body.get("store"):
        yield Fault("The 'metadata' parameter is only allowed when 'store' is enabled.", "metadata", None)


def _unrecognized(names: Collection[str]) -> Iterator[Fault]:
    if names:
        plural = "s" if len(names) > 1 else ""
        yield Fault(f"Unrecognized request argument{plural} supplied: {', '.join(sorted(names))}")


def _unsupported(name: str, instead: str = "") -> Fault:
    said = f"Unsupported parameter: '{name}' is not supported with this model.{instead}"
    return Fault(said, name, "unsupported_parameter")


def _limits(body: Mapping[str, Any], facts: Model) -> Iterator[Fault]:
    names = [name for name in ("max_tokens", "max_completion_tokens") if name in body]
    if len(names) > 1:
        said = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        yield Fault(said, "max_tokens", "invalid_parameter_combination")
    if "max_tokens" in body and not facts.old_limit:
        yield _unsupported("max_tokens", " Use 'max_completion_tokens' instead.")
    for name in names:
        if type(body[name]) is not int or body[name] < 1:
            said = f"Invalid '{name}': integer below minimum value. Expected a value >= 1, got {body[name]} instead."
            yield Fault(said, name, "integer_below_min_value")
    if type(body.get("n", 1)) is not int or not 1 <= body.get("n", 1) <= 128:
        yield Fault(f"Invalid 'n': {body.get('n')}.", "n", "invalid_value")
    stops = body.get("stop")
    if stops is not None and not facts.stop:
        yield _unsupported("stop")
    elif stops is not None:
        found = [stops] if isinstance(stops, str) else stops
        right = isinstance(found, list) and all(isinstance(stop, str) and stop for stop in found)
        if not right or len(found) > MAX_STOPS:
            yield Fault(f"Invalid 'stop': array too long. Expected an array with maximum length {MAX_STOPS}.", "stop")


def _sampling(body: Mapping[str, Any], facts: Model) -> Iterator[Fault]:
    # OpenAI's "Using GPT-5.2": those that can do without thinking take these then.
    unthinking = ("temperature", "top_p", "logprobs", "top_logprobs") if body.get("reasoning_effort") == "none" else ()
    for name, (least, most, usual) in SAMPLING.items():
        value = body.get(name)
        if value is None:
            continue
        if type(value) not in (int, float):
            yield Fault(f"Invalid type for '{name}': expected a decimal.", name, "invalid_type")
        elif not facts.sampling and value != usual and name not in unthinking:
            said = (
                f"Unsupported value: '{name}' does not support {value} with this model. Only the default ({usual}) "
                "value is supported."
            )
            yield Fault(said, name, "unsupported_value")
        elif not least <= value <= most:
            said = f"Invalid '{name}': decimal out of range. Expected a value between {least} and {most}, got {value}."
            yield Fault(said, name, "decimal_out_of_range")
    for name in ("logprobs", "top_logprobs", "logit_bias"):
        if body.get(name) and not facts.sampling and name not in unthinking:
            yield _unsupported(name)
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        yield Fault("'logprobs' must be set to true if 'top_logprobs' is used.", "top_logprobs")
    if not isinstance(body.get("logit_bias"), dict | None):
        yield Fault("Invalid type for 'logit_bias': expected an object.", "logit_bias", "invalid_type")


def _stream(body: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(body.get("stream", False), bool):
        yield Fault("Invalid type for 'stream': expected a boolean.", "stream", "invalid_type")
    options = body.get("stream_options")
    if options is None:
        return
    if not body.get("stream"):
        said = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        yield Fault(said, "stream_options")
    if not isinstance(options, dict) or options.keys() - {"include_usage", "include_obfuscation"}:
        yield Fault("Unknown parameter in 'stream_options'.", "stream_options", "unknown_parameter")


def _format(body: Mapping[str, Any]) -> Iterator[Fault]:
    form = body.get("response_format")
    if form is None:
        return
    kind = form.get("type") if isinstance(form, dict) else None
    if kind not in ("text", "json_object", "json_schema"):
        said = f"Invalid value: {kind!r}. Supported values are: 'json_object', 'json_schema', and 'text'."
        yield Fault(said, "response_format.type", "invalid_value")
    elif kind == "json_object" and "json" not in json.dumps(body.get("messages")).lower():
        said = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        yield Fault(said, "messages")
    elif kind == "json_schema":
        named = form.get("json_schema")
        if not isinstance(named, dict) or not NAME.fullmatch(str(named.get("name", ""))):
            said = "Missing required parameter: 'response_format.json_schema.name'."
            yield Fault(said, "response_format.json_schema.name", "missing_required_parameter")
        elif named.get("strict") and named.get("schema", {}).get("additionalProperties") is not False:
            said = f"Invalid schema for response_format '{named['name']}': 'additionalProperties' must be false."
            yield Fault(said, "response_format", None)


def embedding_faults(body: Any, facts: Model) -> list[Fault]:
    """The same for a request for vectors."""
    if not isinstance(body, dict):
        return [Fault("We could not parse the JSON body of your request.")]
    found = [*_unrecognized(body.keys() - {"model", "input", "encoding_format", "dimensions", "user", "input_type"})]
    given = body.get("input")
    several = given if isinstance(given, list) and not _numbers(given) else [given]
    if not several or not all((isinstance(one, str) and one) or (_numbers(one) and one) for one in several):
        found.append(Fault("'$.input' is invalid. Please check the API reference.", None, None))
    elif len(several) > MAX_INPUTS:
        found.append(Fault(f"Invalid 'input': array too long. Expected maximum length {MAX_INPUTS}.", "input"))
    if body.get("encoding_format", "float") not in ("float", "base64"):
        found.append(Fault(f"Invalid 'encoding_format': {body['encoding_format']!r}.", "encoding_format"))
    size = body.get("dimensions")
    if size is not None and not facts.resizable:
        found.append(Fault("This model does not support specifying dimensions.", "dimensions"))
    elif size is not None and (type(size) is not int or not 1 <= size <= facts.size):
        found.append(Fault(f"Invalid 'dimensions': expected a value between 1 and {facts.size}.", "dimensions"))
    return found


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(one) is int for one in value)


def image_faults(body: Any, facts: Model) -> list[Fault]:
    """The same for a request for pictures."""
    if not isinstance(body, dict):
        return [Fault("We could not parse the JSON body of your request.")]
    found = []
    for key in body.keys() - (OLD_IMAGE_KEYS if facts.legacy else NEW_IMAGE_KEYS):
        found.append(Fault(f"Unknown parameter: '{key}'.", key, "unknown_parameter"))
    if not isinstance(body.get("prompt"), str) or not body["prompt"]:
        found.append(Fault("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter"))
    if type(body.get("n", 1)) is not int or not 1 <= body.get("n", 1) <= (1 if facts.legacy else 10):
        found.append(Fault(f"Invalid 'n': {body.get('n')}.", "n", "invalid_value"))
    if body.get("size", "1024x1024") not in SIZES[facts.legacy]:
        said = f"Invalid value: {body.get('size')!r}. Supported values are: {', '.join(SIZES[facts.legacy])}."
        found.append(Fault(said, "size", "invalid_value"))
    if body.get("quality", QUALITIES[facts.legacy][0]) not in QUALITIES[facts.legacy]:
        said = f"Invalid value: {body['quality']!r}. Supported values are: {', '.join(QUALITIES[facts.legacy])}."
        found.append(Fault(said, "quality", "invalid_value"))
    return found
