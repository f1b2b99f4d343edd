"""What a Claude of the tests says, as values: an answer's stream and message, its tokens, JSON that fits a schema."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.behaviours import Asked, Stream
from tests.support.claude_streams import stream_of

Block = dict[str, Any]


def tokens(value: Any) -> int:
    """About how many tokens a request or an answer has; the same value always has the same number."""
    if isinstance(value, Mapping):
        if value.get("type") == "base64":
            return 1500
        return 1 + sum(tokens(item) for item in value.values())
    if isinstance(value, list):
        return sum(map(tokens, value))
    return 1 + len(str(value)) // 4


def said(
    asked: Asked,
    content: Sequence[Block],
    stop_reason: str = "end_turn",
    *,
    stop_details: Mapping[str, Any] | None = None,
    usage: Mapping[str, Any] | None = None,
    **how: Any,
) -> Stream:
    """An answer with this content, as a stream and as a message. `how`: the other fields of `Stream`."""
    thought = [block for block in content if block["type"] == "thinking"]
    counted: dict[str, Any] = {
        "input_tokens": tokens(asked.body),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 1 + tokens(list(content)),
        "service_tier": "standard",
    }
    if thought:
        counted["output_tokens_details"] = {"thinking_tokens": tokens(thought)}
    message = {
        "id": f"msg_{asked.model.cloud.mark}{digest(asked.body)}",
        "type": "message",
        "role": "assistant",
        "model": asked.model.id,
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        **({"stop_details": stop_details} if stop_details else {}),
        "usage": counted | dict(usage or {}),
    }
    return Stream(stream_of(message), json.dumps(message).encode(), **how)


def sample(schema: Any, root: Any = None) -> Any:
    """A value that fits a schema, always the same one."""
    root = schema if root is None else root
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        found = root
        for name in schema["$ref"].split("/")[1:]:
            found = found[name]
        return sample(found, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return sample(schema[key][0], root)
    kind = schema.get("type", "object")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            return {name: sample(part, root) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema.get("items", {"type": "string"}), root)]
        case "string":
            return {"date": "2026-11-22", "uri": "https://example.com"}.get(schema.get("format", ""), "text")
        case "integer":
            return 1
        case "number":
            return 1.5
        case "boolean":
            return True
    return None


def digest(value: Any) -> str:
    """A short name for a value, for ids that are the same each time."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:20]
