"""What to send after Converse refused a request for what can be taken away. Pure, as `claude_repair` is for Claude.

The words are Bedrock's own: "This model doesn't support the … field. Remove … and try again."; what Claude itself
complains of comes through in Anthropic's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ..errors import BridgeError
from .claude_format import instruction
from .claude_repair import FORMAT_REFUSED, STRICT_REFUSED, THOUGHTS_REFUSED

Body = dict[str, Any]
Block = dict[str, Any]

_PLACEHOLDER = "."  # stands for an assistant's turn that held nothing but thinking
_CACHE_REFUSED = re.compile("cachePoint|prompt caching", re.I)
_FIELD_REFUSED = re.compile(r"doesn't support the ([\w.]+) field", re.I)
_SAMPLING = {"temperature", "topP"}  # a model that refuses one of them has neither
_SETTINGS = {"inferenceConfig": {*_SAMPLING, "stopSequences"}, "toolConfig": {"toolChoice"}, "outputConfig": {"effort"}}


def repaired(body: Body, error: BridgeError, done: frozenset[str]) -> tuple[str, Body] | None:
    """The name of a repair and the body to send instead of the refused one; `None` where none helps that is not `done`.

    "strict", "thinking" and "output_config" as in `claude_repair`. "cache": without cache points. "field": without a
    setting that the model doesn't have, which is how a model behaves of which nothing is known.
    """
    if error.status not in (400, 403):  # 403: no caching
        return None
    for name, complaint, repair in _REPAIRS:
        found = complaint.search(error.message) if name not in done else None
        if found and (changed := repair(body, found)):
            return name, changed
    return None


def _without_strict(body: Body, _complaint: re.Match[str]) -> Body | None:
    config = body.get("toolConfig", {})
    if not any("strict" in tool.get("toolSpec", ()) for tool in config.get("tools", ())):
        return None
    tools = [
        {"toolSpec": {key: value for key, value in tool["toolSpec"].items() if key != "strict"}}
        if "toolSpec" in tool
        else tool
        for tool in config["tools"]
    ]
    return body | {"toolConfig": config | {"tools": tools}}


def _without_thoughts(body: Body, _complaint: re.Match[str]) -> Body | None:
    extra = body.get("additionalModelRequestFields", {})
    if extra.get("thinking", {}).get("block_binding", {}).get("prefix_mismatch_behavior") == "error":
        return None
    changed = _with_blocks(body, lambda block: "reasoningContent" not in block)
    if changed is None:
        return None
    answers = any("toolResult" in block for block in body["messages"][-1]["content"])
    if answers and extra.get("thinking", {}).get("type") == "enabled":
        # Thinking by a budget can't go on where the turn with the calls doesn't begin with it.
        kept = {key: value for key, value in extra.items() if key != "thinking"}
        return _with(changed, "additionalModelRequestFields", kept)
    return changed


def _without_format(body: Body, _complaint: re.Match[str]) -> Body | None:
    config = dict(body.get("outputConfig", {}))
    if "textFormat" not in config:
        return None
    schema = msgspec.json.decode(config.pop("textFormat")["structure"]["jsonSchema"]["schema"])
    system = body.get("system", [])
    told = {"text": instruction(schema, after=bool(system))}
    return _with(body, "outputConfig", config) | {"system": [*system, told]}


def _without_points(body: Body, _complaint: re.Match[str]) -> Body | None:
    changed = _with_blocks(body, _is_no_point) or dict(body)
    if "system" in body:
        changed["system"] = list(filter(_is_no_point, body["system"]))
    if "toolConfig" in body:
        changed["toolConfig"] = body["toolConfig"] | {"tools": list(filter(_is_no_point, body["toolConfig"]["tools"]))}
    return changed if changed != body else None


def _without_field(body: Body, complaint: re.Match[str]) -> Body | None:
    named = set(complaint[1].split("."))
    for holder, settings in _SETTINGS.items():
        given = body.get(holder, {})
        if refused := settings & named & given.keys():
            refused |= _SAMPLING if refused & _SAMPLING else set()
            return _with(body, holder, {key: value for key, value in given.items() if key not in refused})
    return None


def _with(body: Body, holder: str, settings: Body) -> Body:
    """With these settings in the field `holder`, or without the field where none is left."""
    changed = body | {holder: settings}
    if not settings:
        del changed[holder]
    return changed


def _is_no_point(block: Block) -> bool:
    return "cachePoint" not in block


def _with_blocks(body: Body, kept: Callable[[Block], bool]) -> Body | None:
    """With the messages' blocks that are to be kept; `None` where all are. A turn is never empty."""
    messages = [
        message
        if all(map(kept, message["content"]))
        else message | {"content": list(filter(kept, message["content"])) or [{"text": _PLACEHOLDER}]}
        for message in body["messages"]
    ]
    same = all(one is other for one, other in zip(messages, body["messages"], strict=True))
    return None if same else body | {"messages": messages}


_REPAIRS: tuple[tuple[str, re.Pattern[str], Callable[[Body, re.Match[str]], Body | None]], ...] = (
    ("strict", re.compile(rf"{STRICT_REFUSED.pattern}|toolSpec\.strict", re.I), _without_strict),
    ("thinking", re.compile(rf"{THOUGHTS_REFUSED.pattern}|reasoning ?content", re.I), _without_thoughts),
    ("output_config", FORMAT_REFUSED, _without_format),
    ("cache", _CACHE_REFUSED, _without_points),
    ("field", _FIELD_REFUSED, _without_field),
)
