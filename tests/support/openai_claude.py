"""A request in OpenAI's language as the one that Claude's API would have got: what the tests' Claude can answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.claude_shapes import listed

Body = dict[str, Any]


def as_claude(body: Mapping[str, Any]) -> Body:
    """A body that says the same, as far as answering it goes; `body` is a right one."""
    messages = [_message(message) for message in body["messages"]]
    parts: Body = {
        "system": [block for message in messages if message["role"] == "system" for block in message["content"]],
        "messages": [message for message in messages if message["role"] != "system"],
        "tools": [_tool(tool["function"]) for tool in listed(body.get("tools"))],
        "tool_choice": _choice(body) if body.get("tools") else None,
        "output_config": _output(body.get("response_format") or {}),
    }
    return {key: value for key, value in parts.items() if value}


def _message(message: Mapping[str, Any]) -> Body:
    role, content = message["role"], message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(map(_block, content or ()))
    if role == "tool":
        result = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": blocks}
        return {"role": "user", "content": [result]}
    for call in listed(message.get("tool_calls")):
        function = call["function"]
        given = json.loads(function["arguments"] or "{}")
        blocks.append({"type": "tool_use", "id": call["id"], "name": function["name"], "input": given})
    return {"role": {"developer": "system"}.get(role, role), "content": blocks}


def _block(part: Mapping[str, Any]) -> Body:
    match part:
        case {"type": "image_url", "image_url": {"url": url}}:
            return {"type": "image", "source": {"type": "url", "url": url}}
        case {"type": "refusal", "refusal": text} | {"type": "text", "text": text}:
            return {"type": "text", "text": text}
    return dict(part)


def _tool(function: Mapping[str, Any]) -> Body:
    return {"name": function["name"], "input_schema": function.get("parameters") or {"type": "object"}}


def _choice(body: Mapping[str, Any]) -> Body:
    choice = body.get("tool_choice", "auto")
    kind: Body = {"type": {"required": "any"}.get(choice, choice)} if isinstance(choice, str) else {"type": "auto"}
    if isinstance(choice, dict) and "function" in choice:
        kind = {"type": "tool", "name": choice["function"]["name"]}
    return kind | ({"disable_parallel_tool_use": True} if body.get("parallel_tool_calls") is False else {})


def _output(form: Mapping[str, Any]) -> Body:
    if form.get("type") == "json_schema":
        return {"format": {"type": "json_schema", "schema": form["json_schema"].get("schema", {})}}
    return (
        {"format": {"type": "json_schema", "schema": {"type": "object"}}} if form.get("type") == "json_object" else {}
    )
