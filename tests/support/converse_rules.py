"""What Bedrock would refuse in a Converse body: the judge of the fake Bedrock and of generated requests.

Vendor sources: AWS's API reference (Converse, Message, ContentBlock, DocumentBlock, ToolConfiguration), "Prompt
caching", "Call a tool with the Converse API", Amazon Nova's "Extended thinking"; what the server says as users met it.
Shapes are botocore's, and what Claude demands is judged on the request that its own API would have got.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.support.claude_rules import faults as claude_faults
from tests.support.claude_seals import Seals
from tests.support.claude_shapes import listed, word
from tests.support.converse_claude import as_claude
from tests.support.converse_models import Model, model
from tests.support.converse_shapes import shape_faults

__all__ = ["Model", "faults", "model"]

MAX_POINTS = 4
_DOCUMENT_NAME = re.compile(r"[A-Za-z0-9()\[\]\-]+(?:\s[A-Za-z0-9()\[\]\-]+)*")
_USERS = {"image", "document", "toolResult"}
_ASSISTANTS = {"toolUse", "reasoningContent"}
_NOVA_THINKS_HARD = ("maxTokens", "temperature", "topP")


def faults(body: Any, model_id: str, *, streamed: bool = False, seals: Seals | None = None) -> list[str]:
    """Everything that Bedrock would refuse in a decoded body, in its own words or close to them; empty when all is
    well. `model_id` is the path's, decoded; without `seals` every signature in the history counts as good."""
    if found := shape_faults(body, "ConverseStream" if streamed else "Converse"):
        return found
    facts = model(model_id)
    found = [*_messages(body, facts), *_pairing(body), *_texts(body), *_documents(body), *_points(body, facts)]
    found += [*_tools(body, facts, streamed), *_fields(body, facts)]
    if facts.claude and not found:
        found += claude_faults(as_claude(body), facts.claude, streamed=streamed, seals=seals)
    return found


def _blocks(body: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Where each block of the messages stands, its turn's role, and the block."""
    for at, message in enumerate(listed(body.get("messages"))):
        for index, block in enumerate(message["content"]):
            yield f"messages.{at}.content.{index}", message["role"], block


def _messages(body: dict[str, Any], facts: Model) -> Iterator[str]:
    roles = [message["role"] for message in listed(body.get("messages"))]
    if not roles:
        yield "A conversation must start with a user message."
        return
    if roles[0] != "user":
        yield "A conversation must start with a user message. Try again with a conversation that starts with one."
    if roles[-1] == "assistant" and not facts.prefill:
        yield "This model does not support assistant message prefill. The conversation must end with a user message."
    spoken = [role for role in roles if role != "system"]
    if any(one == other for one, other in pairwise(spoken)):
        yield "A conversation must alternate between user and assistant roles."
    if "system" in roles and not (facts.claude and facts.claude.mid_system):
        yield "messages: this model doesn't support the system role in messages"
    if body.get("system") and not facts.system:
        yield "This model doesn't support system messages. Try again without a system message."
    for at, message in enumerate(body["messages"]):
        if not message["content"]:
            yield f"The content field in the Message object at messages.{at} is empty. Add a ContentBlock to it."
    for where, role, block in _blocks(body):
        kind = next(iter(block))
        if (kind in _USERS and role != "user") or (kind in _ASSISTANTS and role != "assistant"):
            yield f"{where}: {role} messages cannot contain {kind}"
        if kind == "reasoningContent" and not facts.thoughts:
            yield f"{where}: this model doesn't support reasoning content in the history"
        parts = [block, *listed(block.get("toolResult", {}).get("content"))]
        if any("image" in part for part in parts) and not facts.images:
            yield f"{where}: This model doesn't support images. Remove the images and try again."
        if any("document" in part for part in parts) and not facts.documents:
            yield f"{where}: This model doesn't support documents. Remove the documents and try again."


def _pairing(body: dict[str, Any]) -> Iterator[str]:
    """Each call has its one result in the directly next turn, before all else there, and the reverse."""
    asked: list[str] = []
    every: list[str] = []
    for at, message in enumerate(listed(body.get("messages"))):
        results = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        first = {
            block["toolResult"]["toolUseId"]
            for block in [block for block in message["content"] if "cachePoint" not in block][: len(results)]
            if "toolResult" in block
        }
        if set(asked) - first:
            yield f"Expected toolResult blocks at messages.{at}.content for the following Ids: {', '.join(asked)}"
        if set(results) - set(asked):
            yield f"messages.{at}: The toolResult blocks exceed the toolUse blocks of the previous turn."
        if len(set(results)) < len(results):
            yield f"messages.{at}: The toolResult blocks contain duplicate Ids"
        asked = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        every += asked
    if asked:
        yield f"Expected toolResult blocks after the last turn for the following Ids: {', '.join(asked)}"
    if repeated := [call_id for call_id, count in Counter(every).items() if count > 1]:
        yield f"The toolUse blocks contain duplicate Ids: {', '.join(repeated)}"


def _texts(body: dict[str, Any]) -> Iterator[str]:
    places = [(f"system.{index}", block) for index, block in enumerate(listed(body.get("system")))]
    for where, _, block in _blocks(body):
        places.append((where, block))
        result = listed(block.get("toolResult", {}).get("content"))
        if "toolResult" in block and not result:
            yield f"{where}.toolResult.content: is empty"
        places += [(f"{where}.toolResult.content.{index}", part) for index, part in enumerate(result)]
    for where, block in places:
        if "text" in block and not block["text"].strip():
            yield f"The text field in the ContentBlock object at {where} is blank. Add text to the text field."
    for stop in body.get("inferenceConfig", {}).get("stopSequences", []):
        if not stop.strip():
            yield "inferenceConfig.stopSequences: each stop sequence must contain non-whitespace"


def _documents(body: dict[str, Any]) -> Iterator[str]:
    names: list[str] = []
    for message in listed(body.get("messages")):
        inside = [part for block in message["content"] for part in block.get("toolResult", {}).get("content", [])]
        found = [part["document"] for part in [*message["content"], *inside] if "document" in part]
        names += [document["name"] for document in found]
        if any("document" in block for block in message["content"]) and not any(
            "text" in block for block in message["content"]
        ):
            yield "The message has documents without text. Include a text block alongside the documents."
        for document in found:
            if not _DOCUMENT_NAME.fullmatch(document["name"]):
                yield (
                    f"The document file name {document['name']!r} can only contain alphanumeric characters, whitespace "
                    "characters, hyphens, parentheses, and square brackets. The name can't contain more than one "
                    "consecutive whitespace character."
                )
            if "bytes" in document["source"] and "format" not in document:
                yield "The document has no format."
    if len(set(names)) < len(names):
        yield "The documents in the request have duplicate names."


def _points(body: dict[str, Any], facts: Model) -> Iterator[str]:
    config = body.get("toolConfig", {})
    parts = {
        "tools": [listed(config.get("tools"))],
        "system": [listed(body.get("system"))],
        "messages": [message["content"] for message in listed(body.get("messages"))],
    }
    points: list[dict[str, Any]] = []
    for part, lists in parts.items():
        for blocks in lists:
            marks = [index for index, block in enumerate(blocks) if "cachePoint" in block]
            points += [blocks[index]["cachePoint"] for index in marks]
            if marks and part not in facts.cache:
                yield f"{part}: extraneous key [cachePoint] is not permitted"
            if any(index == 0 or index - 1 in marks for index in marks):
                yield f"{part}: a cachePoint must follow the content that it caches"
    if len(points) > MAX_POINTS:
        yield f"A maximum of {MAX_POINTS} cache points may be provided. Found {len(points)}."
    if any("ttl" in point for point in points) and not facts.cache_hour:
        yield "This model doesn't support the cachePoint.ttl field. Remove ttl and try again."
    long = [point.get("ttl") == "1h" for point in points]
    if long != sorted(long, reverse=True):
        yield "a ttl='1h' cache point must not come after a ttl='5m' cache point"


def _tools(body: dict[str, Any], facts: Model, streamed: bool) -> Iterator[str]:
    config = body.get("toolConfig")
    used = any("toolUse" in block or "toolResult" in block for _, _, block in _blocks(body))
    if config is None:
        if used:
            yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        return
    if not facts.tools:
        yield "This model doesn't support tool use."
    elif streamed and not facts.streamed_tools:
        yield "This model doesn't support tool use in streaming mode."
    specs = [tool["toolSpec"] for tool in config["tools"] if "toolSpec" in tool]
    names = [spec["name"] for spec in specs]
    if not names:
        yield "toolConfig.tools: no tool is defined"
    if len(set(names)) < len(names):
        yield "toolConfig.tools: The tool names must be unique."
    for spec in specs:
        if word(spec["inputSchema"].get("json"), "type") != "object":
            yield f"The value at toolConfig.tools.{spec['name']}.inputSchema.json.type must be one of: object."
    choice = config.get("toolChoice", {})
    for kind, chosen in choice.items():
        if kind not in facts.choices:
            yield f"This model doesn't support the toolConfig.toolChoice.{kind} field. Remove it and try again."
        if kind == "tool" and chosen["name"] not in names:
            yield f"toolConfig.toolChoice.tool.name: {chosen['name']!r} is not defined in toolConfig.tools"
    for where, _, block in _blocks(body):
        result = block.get("toolResult", {})
        if not facts.status and ("status" in result or any("text" not in part for part in result.get("content", []))):
            yield f"{where}: this model takes text only in a toolResult, and no status"


def _fields(body: dict[str, Any], facts: Model) -> Iterator[str]:
    inference, extra = body.get("inferenceConfig", {}), body.get("additionalModelRequestFields", {})
    if not isinstance(extra, dict):
        yield "additionalModelRequestFields: expected an object"
        return
    if inference.get("stopSequences") and not facts.stops:
        yield "This model doesn't support the stopSequences field. Remove stopSequences and try again."
    for key in extra.keys() - facts.extra:
        yield f"additionalModelRequestFields.{key}: extraneous key is not permitted"
    effort = body.get("outputConfig", {}).get("effort")
    if effort is not None and not facts.claude:
        yield "This model doesn't support the outputConfig.effort field. Remove it and try again."
    if "tool_choice" in extra and "toolChoice" in body.get("toolConfig", {}):
        yield "tool_choice: stands both in toolConfig and in additionalModelRequestFields"
    if word(extra.get("reasoningConfig"), "maxReasoningEffort") == "high":
        for key in _NOVA_THINKS_HARD:
            if key in inference:
                yield f"inferenceConfig.{key}: must be unset when maxReasoningEffort is high"
