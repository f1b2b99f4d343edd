"""A Converse body as the request that Bedrock makes of it for Claude: what Claude's own judge can judge."""

from __future__ import annotations

import json
from typing import Any

from tests.support.claude_clouds import BEDROCK

Body = dict[str, Any]

_CHOICES = {"auto": "auto", "any": "any", "tool": "tool"}


def as_claude(body: Body) -> Body:
    """The body of Bedrock's `invoke` that says the same. The shapes of `body` are right."""
    inference, config = body.get("inferenceConfig", {}), body.get("toolConfig", {})
    output = body.get("outputConfig", {})
    parts: Body = {
        "anthropic_version": BEDROCK.version,
        "messages": [
            {"role": message["role"], "content": _content(message["content"])} for message in body["messages"]
        ],
        "system": _content(body.get("system", [])),
        "max_tokens": inference.get("maxTokens", 4096),
        "temperature": inference.get("temperature"),
        "top_p": inference.get("topP"),
        "stop_sequences": inference.get("stopSequences"),
        "tools": _marked([_tool(tool) for tool in config.get("tools", [])]),
        "tool_choice": _choice(config.get("toolChoice")),
        "output_config": _output(output),
    }
    return {key: value for key, value in parts.items() if value is not None and value not in ([], {})} | (
        body.get("additionalModelRequestFields") or {}
    )


def _content(blocks: list[Body]) -> list[Body]:
    return _marked([_block(block) for block in blocks])


def _marked(blocks: list[Body]) -> list[Body]:
    """Cache points as marks of the blocks before them."""
    found: list[Body] = []
    for block in blocks:
        if "cachePoint" in block:
            ttl = {"ttl": block["cachePoint"]["ttl"]} if "ttl" in block["cachePoint"] else {}
            found[-1] = found[-1] | {"cache_control": {"type": "ephemeral", **ttl}}
        else:
            found.append(block)
    return found


def _block(block: Body) -> Body:
    match block:
        case {"text": text}:
            return {"type": "text", "text": text}
        case {"json": value}:
            return {"type": "text", "text": json.dumps(value)}
        case {"image": {"format": form, "source": {"bytes": data}}}:
            return {"type": "image", "source": {"type": "base64", "media_type": f"image/{form}", "data": data}}
        case {"document": {"format": form, "name": name}} if form != "pdf":
            return {"type": "text", "text": name}  # it reads what Bedrock makes of the file
        case {"document": {"name": name, "source": {"bytes": data}}}:
            source = {"type": "base64", "media_type": "application/pdf", "data": data}
            return {"type": "document", "title": name, "source": source}
        case {"toolUse": {"toolUseId": call_id, "name": name, "input": given}}:
            return {"type": "tool_use", "id": call_id, "name": name, "input": given}
        case {"toolResult": {"toolUseId": call_id, "content": content, **rest}}:
            failed = {"is_error": True} if rest.get("status") == "error" else {}
            return {"type": "tool_result", "tool_use_id": call_id, "content": _content(content), **failed}
        case {"reasoningContent": {"reasoningText": {"text": text, **rest}}}:
            return {"type": "thinking", "thinking": text, "signature": rest.get("signature", "")}
        case {"reasoningContent": {"redactedContent": data}}:
            return {"type": "redacted_thinking", "data": data}
    return block


def _tool(tool: Body) -> Body:
    if "toolSpec" not in tool:
        return tool
    spec = tool["toolSpec"]
    kept = {key: spec[key] for key in ("name", "description", "strict") if key in spec}
    return kept | {"input_schema": spec["inputSchema"]["json"]}


def _choice(choice: Body | None) -> Body | None:
    if not choice:
        return None
    kind, given = next(iter(choice.items()))
    return {"type": _CHOICES[kind], **given}


def _output(output: Body) -> Body:
    found: Body = {"effort": output["effort"]} if "effort" in output else {}
    if "textFormat" in output:
        schema = json.loads(output["textFormat"]["structure"]["jsonSchema"]["schema"])
        found["format"] = {"type": "json_schema", "schema": schema}
    return found
