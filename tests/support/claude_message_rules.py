"""What Claude demands of the system prompt and the messages: roles, kinds of blocks, their fields, cache points.

Vendor sources: Anthropic's API reference (messages, prompt caching, errors).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.claude_clouds import Cloud
from tests.support.claude_media_rules import document_faults, image_faults
from tests.support.claude_models import Model
from tests.support.claude_shapes import blocks_of, listed, word
from tests.support.claude_thinking_rules import paused
from tests.support.claude_tool_rules import block_faults

BLOCK_KEYS = {
    "text": {"text", "cache_control", "citations"},
    "image": {"source", "cache_control"},
    "document": {"source", "title", "context", "citations", "cache_control"},
    "search_result": {"source", "title", "content", "citations", "cache_control"},
    "tool_use": {"id", "name", "input", "cache_control", "caller"},
    "tool_result": {"tool_use_id", "content", "is_error", "cache_control"},
    "thinking": {"thinking", "signature"},
    "redacted_thinking": {"data"},
    "server_tool_use": {"id", "name", "input", "cache_control", "caller"},
    "web_search_tool_result": {"tool_use_id", "content", "cache_control", "caller"},
}
USER_ONLY = {"image", "document", "search_result", "tool_result"}
ASSISTANT_ONLY = {"tool_use", "thinking", "redacted_thinking", "server_tool_use", "web_search_tool_result"}
IN_RESULTS = {"text", "image", "document", "search_result"}


def system_faults(body: dict[str, Any], cloud: Cloud) -> Iterator[str]:
    """The faults of `system`."""
    if "system" not in body:
        return
    system = body["system"]
    if isinstance(system, list):
        for index, block in enumerate(system):
            if not isinstance(block, dict) or block.get("type") != "text":
                yield f"system.{index}: Input should be a text block"
            else:
                yield from _block(f"system.{index}", block, "system", cloud)
    elif not isinstance(system, str):
        yield "system: Input should be a valid string or list"
    elif not system.strip():
        yield "system: text content blocks must be non-empty"


def messages_faults(messages: Any, facts: Model) -> Iterator[str]:
    """The faults of `messages`, one by one and in their order; how calls and results pair is judged elsewhere."""
    if not isinstance(messages, list):
        yield "messages: Field required"
        return
    if not messages:
        yield "messages: at least one message is required"
        return
    roles = [word(message, "role") for message in messages]
    if roles[0] != "user":
        yield "messages: first message must use the 'user' role"
    prefilled = roles[-1] == "assistant" and not paused(blocks_of(messages[-1]))
    if prefilled and not facts.prefill:
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
        yield from _content(where, message.get("content"), role, facts.cloud)
    if prefilled:
        yield from _last_words(messages[-1].get("content"))


def _content(where: str, content: Any, role: str, cloud: Cloud) -> Iterator[str]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if not isinstance(content, list):
        yield f"{where}.content: Input should be a valid list"
    elif not content:
        yield f"{where}: all messages must have non-empty content except for the optional final assistant message"
    else:
        for index, block in enumerate(content):
            yield from _block(f"{where}.content.{index}", block, role, cloud)


def _block(where: str, block: Any, role: str, cloud: Cloud) -> Iterator[str]:
    kind = word(block, "type")
    if kind not in BLOCK_KEYS:
        yield f"{where}: Input tag {kind!r} found using 'type' does not match any of the expected tags"
        return
    for key in block.keys() - BLOCK_KEYS[kind] - {"type"}:
        yield f"{where}.{kind}.{key}: Extra inputs are not permitted"
    if (kind in USER_ONLY and role != "user") or (kind in ASSISTANT_ONLY and role != "assistant"):
        yield f"{where}: `{kind}` blocks are not permitted in {role} turns"
    if kind == "text":
        yield from _text(where, block)
    elif kind == "image":
        yield from image_faults(f"{where}.image.source", block.get("source"), cloud)
    elif kind == "document":
        yield from document_faults(f"{where}.document", block)
    elif kind in ("thinking", "redacted_thinking"):
        for key in BLOCK_KEYS[kind]:
            if not isinstance(block.get(key), str) or not (block[key] or key == "thinking"):
                yield f"{where}.{kind}.{key}: Field required"
    elif kind != "search_result":
        yield from block_faults(where, block)
    if kind == "tool_result" and isinstance(block.get("content"), list):
        for index, part in enumerate(block["content"]):
            if isinstance(part, dict) and word(part, "type") not in IN_RESULTS:
                yield f"{where}.tool_result.content.{index}: `{part.get('type')}` blocks are not permitted here"
            else:
                yield from _block(f"{where}.tool_result.content.{index}", part, "user", cloud)


def _text(where: str, block: dict[str, Any]) -> Iterator[str]:
    if not isinstance(block.get("text"), str):
        yield f"{where}.text.text: Input should be a valid string"
    elif not block["text"]:
        yield f"{where}: text content blocks must be non-empty"
    elif not block["text"].strip():
        yield f"{where}: text content blocks must contain non-whitespace text"
    citations = block.get("citations") or []
    if not isinstance(citations, list) or not all(isinstance(one, dict) and one.get("type") for one in citations):
        yield f"{where}.text.citations: Input should be a valid list of citations"


def _last_words(content: Any) -> Iterator[str]:
    last = content
    if isinstance(content, list) and content and isinstance(content[-1], dict) and content[-1].get("type") == "text":
        last = content[-1].get("text")
    if isinstance(last, str) and last != last.rstrip():
        yield "messages: final assistant content cannot end with trailing whitespace"


def cache_faults(body: dict[str, Any]) -> Iterator[str]:
    """The rules of prompt caching, over tools, system and messages in this order."""
    points = [block["cache_control"] for block in all_blocks(body) if block.get("cache_control")]
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


def all_blocks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The tools, the system prompt's blocks, the messages' blocks and those within results, in this order."""
    for block in [*listed(body.get("tools")), *listed(body.get("system"))]:
        if isinstance(block, dict):
            yield block
    for message in listed(body.get("messages")):
        for block in listed(message.get("content")) if isinstance(message, dict) else ():
            if isinstance(block, dict):
                yield from (part for part in listed(block.get("content")) if isinstance(part, dict))
                yield block
