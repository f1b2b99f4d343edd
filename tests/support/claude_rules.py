"""What Claude's Messages API demands of a request, whichever cloud it is on: pure functions.

Written from the published rules and apart from the code under test, so that a misreading there is not repeated here.
Messages, tools, thinking, schemas and media have files of their own; the tests find all names here.
Vendor sources: Anthropic's API reference (errors, versioning, messages, token counting, prompt caching, beta headers).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from tests.support.claude_clouds import Cloud
from tests.support.claude_media_rules import count_faults as media_count_faults
from tests.support.claude_message_rules import all_blocks, cache_faults, messages_faults, system_faults
from tests.support.claude_models import Model, model
from tests.support.claude_schema_rules import excess, invalid, unclosed
from tests.support.claude_seals import Seals
from tests.support.claude_shapes import blocks_of, listed, word
from tests.support.claude_streams import events_of, message_of
from tests.support.claude_thinking_rules import effort_faults, history_faults, paused, setting_faults, thinks
from tests.support.claude_tool_rules import choice_faults, pairing_faults, tools_faults

__all__ = [
    "ERRORS",
    "SAMPLING",
    "VERTEX_VERSION",
    "Model",
    "betas_of",
    "count_faults",
    "error_object",
    "events_of",
    "faults",
    "message_of",
    "model",
    "read_body",
]

VERTEX_VERSION = "vertex-2023-10-16"
"""The `anthropic_version` under which older models still take sampling parameters."""
STRICT_SINCE = "2026-10-21"
"""From this day's version on no model takes them. Each cloud's versions end with their day."""

SAMPLING = ("temperature", "top_p", "top_k")
COUNTED_KEYS = {"messages", "system", "thinking", "tools", "tool_choice", "output_config", "context_management"}
KEYS = COUNTED_KEYS | {"max_tokens", "metadata", "stop_sequences", *SAMPLING}
MANAGING = {"context-management-2025-06-27", "compact-2026-01-12", "compact-2026-09-04"}
ERRORS = {
    400: ("invalid_request_error", "messages: at least one message is required"),
    401: ("authentication_error", "invalid bearer token"),
    402: ("billing_error", "Your credit balance is too low to access the API."),
    403: ("permission_error", "Your account does not have permission to use the specified resource."),
    404: ("not_found_error", "The requested resource could not be found."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your rate limit."),
    500: ("api_error", "Internal server error"),
    503: ("api_error", "The service is temporarily unavailable."),
    504: ("timeout_error", "The request timed out."),
    529: ("overloaded_error", "Overloaded"),
}


def error_object(status: int, message: str | None = None, type: str | None = None) -> dict[str, Any]:
    """The error in Anthropic's shape, without its request id."""
    usual_type, usual_message = ERRORS[status]
    return {"type": "error", "error": {"type": type or usual_type, "message": message or usual_message}}


def read_body(raw: bytes) -> Any:
    """Decodes as strictly as the API (no NaN, no half surrogate pair, UTF-8 alone); raises `ValueError`."""
    return msgspec.json.decode(raw)


def betas_of(header: str) -> tuple[str, ...]:
    """The values of an `anthropic-beta` header."""
    return tuple(name.strip() for name in header.split(",") if name.strip())


def faults(
    body: Any,
    facts: Model,
    *,
    streamed: bool,
    version: str | None = None,
    betas: Iterable[str] = (),
    seals: Seals | None = None,
) -> list[str]:
    """Everything the API would refuse in a decoded body, in its own words or close to them; empty when all is well.

    `streamed` is what the path says, where the path says it. `version` is the one that the door is asked for, by the
    body or by a header; left out, it is the cloud's usual one. `betas` are the header's; without `seals` every
    signature in the history counts as good.
    """
    if not isinstance(body, dict):
        return ["Input should be a valid dictionary"]
    cloud = facts.cloud
    found = [f"{key}: Extra inputs are not permitted" for key in body.keys() - KEYS - cloud.keys]
    if cloud.stream == "repeated" and body.get("stream", False) is not streamed:
        found.append(f"stream: must be {streamed} for this method, got {body.get('stream')!r}")
    elif cloud.stream == "body" and not isinstance(body.get("stream", False), bool):
        found.append("stream: Input should be a valid boolean")
    if body.get("service_tier", "auto") not in ("auto", "standard_only"):
        found.append("service_tier: Input should be 'auto' or 'standard_only'")
    found += _limits(body, facts, version or cloud.version)
    return [*found, *_shared(body, facts, version or cloud.version, tuple(betas), seals)]


def count_faults(
    body: Any,
    facts: Model | None = None,
    *,
    version: str | None = None,
    betas: Iterable[str] = (),
    seals: Seals | None = None,
) -> list[str]:
    """The same for a body whose tokens are to be counted: it says nothing of the answer. Without `facts` it is one of
    Vertex, which finds the model by the body's own word."""
    if not isinstance(body, dict):
        return ["Input should be a valid dictionary"]
    facts = facts or model(word(body, "model") or "")
    if facts is None:
        return [f"model: {body.get('model')!r} is no model of this cloud"]
    known = COUNTED_KEYS | facts.cloud.counted_keys
    found = [f"{key}: Extra inputs are not permitted" for key in body.keys() - known]
    return [*found, *_shared(body, facts, version or facts.cloud.version, tuple(betas), seals)]


def _shared(
    body: dict[str, Any], facts: Model, version: str | None, header: tuple[str, ...], seals: Seals | None
) -> Iterator[str]:
    if "anthropic_version" in facts.cloud.keys and body.get("anthropic_version") != version:
        yield f"anthropic_version: expected {version!r}, got {body.get('anthropic_version')!r}"
    if _strict(version) and facts.cloud.name == "bedrock" and facts.version < (4, 7):
        yield f"anthropic_version: {version!r} is not supported on this model"
    listed = body.get("anthropic_beta", [])
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        yield "anthropic_beta: Input should be a valid list of strings"
        listed = []
    betas = {*header, *listed}
    yield from _beta_faults(facts.cloud, header, listed)
    yield from system_faults(body, facts.cloud)
    yield from messages_faults(body.get("messages"), facts)
    if "tools" in body:
        yield from tools_faults(body["tools"], facts)
    if "tool_choice" in body:
        yield from choice_faults(body["tool_choice"], body.get("tools"), facts, thinks(body))
    yield from setting_faults(body, facts, betas)
    yield from _output(body, facts, betas)
    compiled = _compiled(body)
    if len(compiled) > 1 and not any(why for schema in compiled for why in invalid(schema)):
        yield from excess(compiled)
    if "context_management" in body and not betas & MANAGING:
        yield "context_management: Extra inputs are not permitted"
    yield from cache_faults(body)
    yield from media_count_faults(list(all_blocks(body)), facts)
    if isinstance(body.get("messages"), list):
        yield from pairing_faults(body["messages"], body.get("tools"))
        yield from history_faults(body)
        if seals is not None:
            yield from seals.faults(facts, body)


def _strict(version: str | None) -> bool:
    return (version or "")[-len(STRICT_SINCE) :] >= STRICT_SINCE


def _beta_faults(cloud: Cloud, header: Iterable[str], listed: Iterable[str]) -> Iterator[str]:
    if cloud.betas is None:
        return
    unknown = sorted({*header} - cloud.betas - cloud.header_betas | {*listed} - cloud.betas)
    if unknown and cloud.name == "bedrock":
        yield "invalid beta flag"
    elif unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        yield f"Unexpected value(s) {names} for the `anthropic-beta` header. Please try again without the header."


def _limits(body: dict[str, Any], facts: Model, version: str | None) -> Iterator[str]:
    max_tokens = body.get("max_tokens")
    if type(max_tokens) is not int:
        yield "max_tokens: Input should be a valid integer"
    elif max_tokens < 1:
        yield "max_tokens: Input should be greater than or equal to 1"
    elif max_tokens > facts.max_output:
        yield (
            f"max_tokens: {max_tokens} > {facts.max_output}, which is the maximum allowed number of output tokens "
            f"for {facts.id}"
        )
    given = [name for name in SAMPLING if name in body]
    for name in given:
        if facts.sampling == "none" or _strict(version):
            yield f"`{name}` is deprecated for this model."
        elif type(body[name]) not in ((int,) if name == "top_k" else (int, float)):
            yield f"{name}: Input should be a valid number"
        elif body[name] < 0 or (body[name] > 1 and name != "top_k"):
            yield f"{name}: range: 0..1"
    if facts.sampling == "one" and {"temperature", "top_p"} <= set(given):
        yield "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    stops = body.get("stop_sequences", [])
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        yield "stop_sequences: Input should be a valid array of strings"
    elif any(not stop.strip() for stop in stops):
        yield "stop_sequences: each stop sequence must contain non-whitespace"
    yield from _metadata(body.get("metadata", {}))


def _metadata(metadata: Any) -> Iterator[str]:
    if not isinstance(metadata, dict) or metadata.keys() - {"user_id"}:
        yield "metadata: Extra inputs are not permitted"
    elif not isinstance(metadata.get("user_id", ""), str):
        yield "metadata.user_id: Input should be a valid string"
    elif len(metadata.get("user_id", "")) > 255:
        yield "metadata.user_id: String should have at most 255 characters"


def _compiled(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The schemas that the answer is held to: those of strict tools and its own."""
    tools = [tool for tool in listed(body.get("tools")) if isinstance(tool, dict) and tool.get("strict") is True]
    config = body.get("output_config")
    form = config.get("format") if isinstance(config, dict) else None
    found = [tool.get("input_schema") for tool in tools] + [form.get("schema") if isinstance(form, dict) else None]
    return [schema for schema in found if isinstance(schema, dict)]


def _output(body: dict[str, Any], facts: Model, betas: Collection[str]) -> Iterator[str]:
    config = body.get("output_config", {})
    if not isinstance(config, dict):
        yield "output_config: Input should be a valid dictionary"
        return
    for key in config.keys() - {"effort", "format"}:
        yield f"output_config.{key}: Extra inputs are not permitted"
    yield from effort_faults(config, body, facts, betas)
    if "format" not in config:
        return
    if not facts.structured:
        yield "output_config.format: Extra inputs are not permitted"
        return
    form = config["format"]
    if not isinstance(form, dict) or form.get("type") != "json_schema" or form.keys() != {"type", "schema"}:
        yield "output_config.format: Input should be {'type': 'json_schema', 'schema': ...}"
        return
    broken = list(invalid(form["schema"]))
    for why in broken or unclosed(form["schema"]):
        yield f"output_config.format.schema: {why}"
    *_, last = (None, *listed(body.get("messages")))
    if word(last, "role") == "assistant" and not paused(blocks_of(last)):
        yield "output_config.format: structured outputs are incompatible with a prefilled assistant message"
