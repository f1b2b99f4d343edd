"""What Claude demands of tools: their definitions, the choice among them, and calls paired with results.

Vendor sources: Anthropic's tool use pages (define tools, handle tool calls, troubleshooting), web search, errors.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from tests.support.claude_models import Model
from tests.support.claude_schema_rules import invalid, unclosed
from tests.support.claude_shapes import blocks_of, listed, word

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
ID = re.compile(r"[a-zA-Z0-9_-]+")
PROPERTY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
TOOL_KEYS = {"type", "name", "description", "input_schema", "cache_control", "strict", "eager_input_streaming"}
SEARCH_KEYS = {
    *("type", "name", "max_uses", "allowed_domains", "blocked_domains", "user_location", "cache_control"),
}
LOCATION_KEYS = {"type", "city", "region", "country", "timezone"}
VENDORS_OWN = {
    "bash_20250124": "bash",
    "text_editor_20250124": "str_replace_editor",
    "text_editor_20250429": "str_replace_based_edit_tool",
    "text_editor_20250728": "str_replace_based_edit_tool",
    "memory_20250818": "memory",
}
"""Tools of Anthropic's that the client runs, and the name of each. Their options are not checked."""
SERVERS_OWN = {"web_fetch_20250910": "web_fetch", "code_execution_20250825": "code_execution"}
"""Likewise those that the server runs, besides the search; not every cloud has them."""
CHOICE_KEYS = {
    "auto": {"type", "disable_parallel_tool_use"},
    "any": {"type", "disable_parallel_tool_use"},
    "tool": {"type", "name", "disable_parallel_tool_use"},
    "none": {"type"},
}
MAX_STRICT = 20
PAIRED = {"tool_use", "tool_result"}


def tools_faults(tools: Any, facts: Model) -> Iterator[str]:
    """The faults of `tools`."""
    if not isinstance(tools, list):
        yield "tools: Input should be a valid list"
        return
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            yield f"tools.{index}: Input should be a valid dictionary"
        elif (kind := str(tool.get("type") or "custom")) == "custom":
            yield from _tool(f"tools.{index}.custom", tool, facts)
        elif kind == "web_search_20250305" and kind in facts.cloud.server_tools:
            yield from _web_search(f"tools.{index}.{kind}", tool)
        elif kind not in VENDORS_OWN and kind not in facts.cloud.server_tools:
            yield f"tools.{index}: Input tag {kind!r} found using 'type' does not match any of the expected tags"
        elif tool.get("name") != (own := (VENDORS_OWN | SERVERS_OWN)[kind]):
            yield f"tools.{index}.{kind}.name: Input should be {own!r}"
    names = [str(tool.get("name")) for tool in tools if isinstance(tool, dict)]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    if sum(isinstance(tool, dict) and tool.get("strict") is True for tool in tools) > MAX_STRICT:
        yield f"tools: Too many strict tools. The maximum number of strict tools supported is {MAX_STRICT}."


def _tool(where: str, tool: dict[str, Any], facts: Model) -> Iterator[str]:
    for key in tool.keys() - TOOL_KEYS:
        yield f"{where}.{key}: Extra inputs are not permitted"
    if not isinstance(tool.get("name"), str) or not NAME.fullmatch(tool["name"]):
        yield f"{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
    if not isinstance(tool.get("description", ""), str):
        yield f"{where}.description: Input should be a valid string"
    for key in ("strict", "eager_input_streaming"):
        if not isinstance(tool.get(key, False), bool):
            yield f"{where}.{key}: Input should be a valid boolean"
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        yield f"{where}.input_schema: Field required"
        return
    if schema.get("type") != "object":
        yield f"{where}.input_schema.type: Input should be 'object'"
    if schema.keys() & {"anyOf", "oneOf", "allOf"}:
        yield f"{where}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
    broken = list(invalid(schema))
    for why in broken:
        yield f"{where}.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12: {why}"
    properties = schema.get("properties")
    if isinstance(properties, dict) and not all(PROPERTY.fullmatch(name) for name in properties):
        yield f"{where}.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'"
    if tool.get("strict") is True:
        if not facts.structured:
            yield f"{where}.strict: Extra inputs are not permitted"
        elif not broken:
            yield from (f"{where}.input_schema: {why}" for why in unclosed(schema))


def _web_search(where: str, tool: dict[str, Any]) -> Iterator[str]:
    for key in tool.keys() - SEARCH_KEYS:
        yield f"{where}.{key}: Extra inputs are not permitted"
    if tool.get("name") != "web_search":
        yield f"{where}.name: Input should be 'web_search'"
    if type(tool.get("max_uses", 1)) is not int or tool.get("max_uses", 1) < 1:
        yield f"{where}.max_uses: Input should be greater than 0"
    if tool.get("allowed_domains") and tool.get("blocked_domains"):
        yield f"{where}: Only one of `allowed_domains` and `blocked_domains` may be specified"
    for key in ("allowed_domains", "blocked_domains"):
        domains = tool.get(key) or []
        if not isinstance(domains, list) or not all(isinstance(domain, str) and domain for domain in domains):
            yield f"{where}.{key}: Input should be a valid list of strings"
    location = tool.get("user_location") or {"type": "approximate"}
    if not isinstance(location, dict) or location.get("type") != "approximate":
        yield f"{where}.user_location.type: Input should be 'approximate'"
        return
    for key in location.keys() - LOCATION_KEYS:
        yield f"{where}.user_location.{key}: Extra inputs are not permitted"
    if not all(isinstance(value, str) and value for value in location.values()):
        yield f"{where}.user_location: Input should be valid strings"


def choice_faults(choice: Any, tools: Any, facts: Model, thinks: bool) -> Iterator[str]:
    """The faults of `tool_choice`. `thinks`: thinking was asked for."""
    kind = word(choice, "type")
    if kind not in CHOICE_KEYS:
        yield f"tool_choice: Input tag {kind!r} does not match any of the expected tags: 'auto', 'any', 'tool', 'none'"
        return
    if not tools:
        yield "tool_choice: may only be specified while providing `tools`"
    for key in choice.keys() - CHOICE_KEYS[kind]:
        yield f"tool_choice.{kind}.{key}: Extra inputs are not permitted"
    if not isinstance(choice.get("disable_parallel_tool_use", False), bool):
        yield f"tool_choice.{kind}.disable_parallel_tool_use: Input should be a valid boolean"
    known = [word(tool, "name") for tool in listed(tools)]
    if kind == "tool" and choice.get("name") not in known:
        yield f"tool_choice.tool.name: Tool {choice.get('name')!r} not found in provided tools"
    if kind in ("any", "tool"):
        if not facts.forced_tools:
            yield "tool_choice: This model does not support forced tool use. Use 'auto' or 'none'."
        elif thinks:
            yield "Thinking may not be enabled when tool_choice forces tool use."


def block_faults(where: str, block: dict[str, Any]) -> Iterator[str]:
    """The faults of one block of a kind that belongs to tools."""
    kind = block["type"]
    if kind in ("tool_use", "server_tool_use"):
        yield from _id(f"{where}.{kind}.id", block.get("id"))
        if not isinstance(block.get("name"), str) or not NAME.fullmatch(block["name"]):
            yield f"{where}.{kind}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        if not isinstance(block.get("input"), dict):
            yield f"{where}.{kind}.input: Input should be a valid dictionary"
        return
    yield from _id(f"{where}.{kind}.tool_use_id", block.get("tool_use_id"))
    if kind == "tool_result":
        if not isinstance(block.get("is_error", False), bool):
            yield f"{where}.{kind}.is_error: Input should be a valid boolean"
        if not isinstance(block.get("content", ""), str | list):
            yield f"{where}.{kind}.content: Input should be a valid string or list"
    elif not isinstance(block.get("content"), list | dict):
        yield f"{where}.{kind}.content: Input should be a valid list or error"


def _id(where: str, value: Any) -> Iterator[str]:
    if not isinstance(value, str) or not ID.fullmatch(value):
        yield f"{where}: String should match pattern '^[a-zA-Z0-9_-]+$'"


def pairing_faults(messages: Sequence[Any], tools: Any) -> Iterator[str]:
    """Whether each call has its result in the directly next message, before all else there, and the reverse."""
    turns = [[block for block in blocks_of(message) if isinstance(block, dict)] for message in messages]
    used = [block for turn in turns for block in turn if word(block, "type") in PAIRED]
    if used and not tools:
        yield "Requests which include `tool_use` or `tool_result` blocks must define tools"
    calls = Counter(str(block.get("id")) for block in used if block["type"] == "tool_use")
    if repeated := [id for id, count in calls.items() if count > 1]:
        yield f"messages: `tool_use` ids must be unique: {', '.join(repeated)}"
    asked: list[str] = []
    for at, turn in enumerate(turns):
        results = [str(block.get("tool_use_id")) for block in turn if block.get("type") == "tool_result"]
        first = {str(block.get("tool_use_id")) for block in turn[: len(results)] if block.get("type") == "tool_result"}
        if missing := [id for id in asked if id not in first]:
            yield _unanswered(at - 1, missing)
        for index, block in enumerate(turn):
            if block.get("type") == "tool_result" and str(block.get("tool_use_id")) not in asked:
                yield (
                    f"messages.{at}.content.{index}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{block.get('tool_use_id')}. Each `tool_result` block must have a corresponding `tool_use` block "
                    "in the previous message."
                )
        if len(set(results)) < len(results):
            yield f"messages.{at}: each tool_use must have a single result. Found multiple `tool_result` blocks"
        asked = [str(block.get("id")) for block in turn if block.get("type") == "tool_use"]
        yield from _server_calls(at, turn, last=at == len(turns) - 1)
    if asked:
        yield _unanswered(len(turns) - 1, asked)


def _unanswered(at: int, ids: Collection[str]) -> str:
    return (
        f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(ids)}. "
        "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
    )


def _server_calls(at: int, turn: Sequence[dict[str, Any]], *, last: bool) -> Iterator[str]:
    """A server's tool is answered in the same turn; only a turn that was paused may still wait for it."""
    open_calls: set[str] = set()
    for index, block in enumerate(turn):
        kind = str(block.get("type"))
        if kind == "server_tool_use":
            open_calls.add(str(block.get("id")))
        elif kind != "tool_result" and kind.endswith("_tool_result"):
            if str(block.get("tool_use_id")) not in open_calls:
                yield f"messages.{at}.content.{index}: `{kind}` without a corresponding `server_tool_use` block"
            open_calls.discard(str(block.get("tool_use_id")))
    if open_calls and not last:
        yield f"messages.{at}: `server_tool_use` ids were found without a result: {', '.join(open_calls)}"
