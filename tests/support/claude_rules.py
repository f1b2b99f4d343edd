"""What Claude's Messages API on Vertex AI demands of a request, and how its streams add up to messages: pure functions.

Written from the published rules and apart from the code under test, so that a misreading there is not repeated here.
Vendor sources: Anthropic's API reference (errors, versioning, messages, prompt caching, vision, models).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

VERTEX_VERSION = "vertex-2023-10-16"
"""The `anthropic_version` under which older models still take sampling parameters."""

SAMPLING = ("temperature", "top_p", "top_k")
KEYS = {
    *("anthropic_version", "anthropic_beta", "max_tokens", "messages", "metadata", "stop_sequences", "stream"),
    *("system", "thinking", "tools", "tool_choice", "output_config", "context_management", *SAMPLING),
}
BLOCK_KEYS = {
    "text": {"text", "cache_control", "citations"},
    "image": {"source", "cache_control"},
    "document": {"source", "title", "context", "citations", "cache_control"},
    "tool_use": {"id", "name", "input", "cache_control"},
    "tool_result": {"tool_use_id", "content", "is_error", "cache_control"},
    "thinking": {"thinking", "signature"},
    "redacted_thinking": {"data"},
}
USER_ONLY = {"image", "document", "tool_result"}
ASSISTANT_ONLY = {"tool_use", "thinking", "redacted_thinking"}
MAGIC = {
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
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


@dataclass(frozen=True, slots=True)
class Model:
    """What a model takes, by its generation; an id of no known shape counts as the newest."""

    id: str
    version: tuple[int, int]

    @property
    def sampling(self) -> Literal["free", "one", "none"]:
        if self.version >= (4, 7):
            return "none"
        return "one" if self.version >= (4, 1) else "free"

    @property
    def prefill(self) -> bool:
        return self.version < (4, 6)

    @property
    def mid_system(self) -> bool:
        return self.version >= (4, 8)

    @property
    def max_output(self) -> int:
        if self.version < (3, 5):
            return 4096
        if self.version < (3, 7):
            return 8192
        if self.version < (4, 5) and "opus" in self.id:
            return 32_000
        return 64_000 if self.version < (4, 6) or "sonnet-4-6" in self.id else 128_000


def model(vertex_id: str) -> Model | None:
    """The model of an id in Vertex's path; `None` for an id that Vertex would not know: the generations up to 4.5 have
    their date after an `@`, later ones have no date."""
    match = re.fullmatch(r"(claude-[a-z0-9]+(?:-[a-z0-9]+)*)(@\d{8}|@default)?", vertex_id)
    if match is None or re.search(r"-\d{8}$|-latest$", match[1]):
        return None
    number = re.search(r"-(\d)(?:-(\d))?(?=-|$)", match[1])
    if number is None:
        return Model(match[1], (99, 0))
    version = int(number[1]), int(number[2] or 0)
    dated = (match[2] or "@default") != "@default"
    return Model(match[1], version) if dated == (version <= (4, 5)) else None


def error_object(status: int, message: str | None = None, type: str | None = None) -> dict[str, Any]:
    """The error in Anthropic's shape, without its request id."""
    usual_type, usual_message = ERRORS[status]
    return {"type": "error", "error": {"type": type or usual_type, "message": message or usual_message}}


def read_body(raw: bytes) -> Any:
    """Decodes as strictly as the API (no NaN, no half surrogate pair, UTF-8 alone); raises `ValueError`."""
    return msgspec.json.decode(raw)


def faults(body: Any, facts: Model, *, streamed: bool, version: str = VERTEX_VERSION) -> list[str]:
    """Everything the API would refuse in a decoded body, in its own words or close to them; empty when all is well."""
    if not isinstance(body, dict):
        return ["Input should be a valid dictionary"]
    return list(_faults(body, facts, streamed, version))


def _faults(body: dict[str, Any], facts: Model, streamed: bool, version: str) -> Iterator[str]:
    for key in body.keys() - KEYS:
        yield f"{key}: Extra inputs are not permitted"
    if body.get("anthropic_version") != version:
        yield f"anthropic_version: expected {version!r}, got {body.get('anthropic_version')!r}"
    if body.get("stream", False) is not streamed:
        yield f"stream: must be {streamed} for this method, got {body.get('stream')!r}"
    yield from _limits(body, facts, version)
    yield from _system(body)
    yield from _messages(body.get("messages"), facts)
    yield from _cache_points(body)


def _limits(body: dict[str, Any], facts: Model, version: str) -> Iterator[str]:
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
        if facts.sampling == "none" or version != VERTEX_VERSION:
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
    if "metadata" in body and not (isinstance(body["metadata"], dict) and body["metadata"].keys() <= {"user_id"}):
        yield "metadata: Extra inputs are not permitted"
    if "tool_choice" in body and not body.get("tools"):
        yield "tool_choice: may only be specified while providing `tools`"


def _system(body: dict[str, Any]) -> Iterator[str]:
    if "system" not in body:
        return
    system = body["system"]
    if isinstance(system, list):
        for index, block in enumerate(system):
            if not isinstance(block, dict) or block.get("type") != "text":
                yield f"system.{index}: Input should be a text block"
            else:
                yield from _block(f"system.{index}", block, "system")
    elif not isinstance(system, str):
        yield "system: Input should be a valid string or list"
    elif not system.strip():
        yield "system: text content blocks must be non-empty"


def _messages(messages: Any, facts: Model) -> Iterator[str]:
    if not isinstance(messages, list):
        yield "messages: Field required"
        return
    if not messages:
        yield "messages: at least one message is required"
        return
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    if roles[0] != "user":
        yield "messages: first message must use the 'user' role"
    if roles[-1] == "assistant" and not facts.prefill:
        yield ("This model does not support assistant message prefill. The conversation must end with a user message.")
    for index, (message, role) in enumerate(zip(messages, roles, strict=True)):
        where = f"messages.{index}"
        if role not in ("user", "assistant", "system"):
            yield f"{where}.role: Input should be 'user' or 'assistant'"
            continue
        for key in message.keys() - {"role", "content"}:
            yield f"{where}.{key}: Extra inputs are not permitted"
        if role == "system":
            previous, following = roles[index - 1] if index else None, (*roles, None)[index + 1]
            if not facts.mid_system:
                yield f"{where}.role: role 'system' is not supported on this model"
            elif previous != "user" or following not in (None, "assistant"):
                yield f"{where}: a system message must follow a user turn and be last or precede an assistant turn"
        yield from _content(where, message.get("content"), role)
    if roles[-1] == "assistant":
        yield from _last_words(messages[-1].get("content"))


def _content(where: str, content: Any, role: str) -> Iterator[str]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list):
        yield f"{where}.content: Input should be a valid list"
    elif not content:
        yield f"{where}: all messages must have non-empty content except for the optional final assistant message"
    else:
        for index, block in enumerate(content):
            yield from _block(f"{where}.content.{index}", block, role)


def _block(where: str, block: Any, role: str) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind not in BLOCK_KEYS:
        yield f"{where}: Input tag {kind!r} found using 'type' does not match any of the expected tags"
        return
    for key in block.keys() - BLOCK_KEYS[kind] - {"type"}:
        yield f"{where}.{kind}.{key}: Extra inputs are not permitted"
    if (kind in USER_ONLY and role != "user") or (kind in ASSISTANT_ONLY and role != "assistant"):
        yield f"{where}: `{kind}` blocks are not permitted in {role} turns"
    if kind == "text":
        if not isinstance(block.get("text"), str):
            yield f"{where}.text.text: Input should be a valid string"
        elif not block["text"]:
            yield f"{where}: text content blocks must be non-empty"
        elif not block["text"].strip():
            yield f"{where}: text content blocks must contain non-whitespace text"
    elif kind == "image":
        yield from _image(f"{where}.image.source", block.get("source"))


def _image(where: str, source: Any) -> Iterator[str]:
    if not isinstance(source, dict) or source.get("type") != "base64":
        yield f"{where}: only base64 sources are supported"
        return
    for key in source.keys() - {"type", "media_type", "data"}:
        yield f"{where}.base64.{key}: Extra inputs are not permitted"
    media_type = source.get("media_type")
    if media_type not in MAGIC:
        yield f"{where}.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        return
    try:
        data = base64.b64decode(source.get("data", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        yield f"{where}.base64.data: invalid base64 data"
        return
    if not MAGIC[media_type].match(data):
        yield f"{where}.base64.data: the image does not match the provided media type {media_type}"


def _last_words(content: Any) -> Iterator[str]:
    last = content
    if isinstance(content, list) and content and isinstance(content[-1], dict) and content[-1].get("type") == "text":
        last = content[-1].get("text")
    if isinstance(last, str) and last != last.rstrip():
        yield "messages: final assistant content cannot end with trailing whitespace"


def _cache_points(body: dict[str, Any]) -> Iterator[str]:
    """The rules of prompt caching, over tools, system and messages in this order."""
    blocks: list[Any] = []
    for part in (body.get("tools"), body.get("system")):
        blocks += part if isinstance(part, list) else []
    for message in body["messages"] if isinstance(body.get("messages"), list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        blocks += content if isinstance(content, list) else []
    points = [block["cache_control"] for block in blocks if isinstance(block, dict) and block.get("cache_control")]
    if len(points) > 4:
        yield f"A maximum of 4 blocks with cache_control may be provided. Found {len(points)}."
    short = False
    for point in points:
        kind = (point.get("type"), point.get("ttl", "5m")) if isinstance(point, dict) else None
        if kind not in (("ephemeral", "5m"), ("ephemeral", "1h")):
            yield "cache_control: Input should be {'type': 'ephemeral'} with a ttl of '5m' or '1h'"
            continue
        for key in point.keys() - {"type", "ttl"}:
            yield f"cache_control.ephemeral.{key}: Extra inputs are not permitted"
        if point.get("ttl") == "1h" and short:
            yield "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
        short = short or point.get("ttl") != "1h"


def events_of(stream: bytes) -> list[bytes]:
    """A stream's events as they stand, each with the blank line that ends it; together they are the stream."""
    return [event for event in re.split(rb"(?<=\n\n)", stream) if event]


def message_of(stream: bytes) -> dict[str, Any]:
    """The message that a whole, untroubled stream adds up to: what `rawPredict` would have answered."""
    message: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    for event in events_of(stream):
        data = json.loads(event[event.index(b"data:") + 5 :])
        match data["type"]:
            case "message_start":
                message = data["message"]
            case "content_block_start":
                message["content"].append(data["content_block"])
            case "content_block_delta":
                block, delta = message["content"][data["index"]], data["delta"]
                if delta["type"] == "input_json_delta":
                    pieces[data["index"]] = pieces.get(data["index"], "") + delta["partial_json"]
                else:
                    for key in delta.keys() - {"type"}:
                        known = block.get(key)
                        block[key] = known + delta[key] if isinstance(known, str) else delta[key]
            case "message_delta":
                message |= data["delta"]
                message["usage"] = message["usage"] | data.get("usage", {})
    for index, text in pieces.items():
        try:
            message["content"][index]["input"] = json.loads(text or "{}")
        except ValueError:
            message["content"][index]["input"] = {}  # the answer ended at max_tokens in the middle of the arguments
    return message
