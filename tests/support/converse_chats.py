"""Chats for Converse: translated, judged, and looked at field by field."""

from __future__ import annotations

import json
from typing import Any

from oai_bridge.dialects.claude_memory import TurnMemory
from oai_bridge.dialects.converse_request import converse_body
from oai_bridge.dialects.reading import Translated
from oai_bridge.models.catalog import Catalog, ModelFacts
from oai_bridge.notes import Notes
from oai_bridge.openai.request import parse_chat
from oai_bridge.plain.jsontext import write
from oai_bridge.settings.values import Bedrock, Claude
from tests.support.catalogue import on_bedrock
from tests.support.converse_rules import faults

Body = dict[str, Any]

CATALOG = Catalog()
_CLAUDE, _BEDROCK = Claude(), Bedrock()
HI = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": SCHEMA}}
OTHER = {"type": "function", "function": {"name": "time", "parameters": SCHEMA}}
CALL = {
    "role": "assistant",
    "content": "Let me see.",
    "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}],
}
RESULT = {"role": "tool", "tool_call_id": "t1", "content": "Sunny."}
LOOP = [HI, CALL, RESULT]
FORM = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
JSON = {"type": "json_schema", "json_schema": {"name": "an answer!", "schema": FORM}}


def facts_of(model: str) -> ModelFacts:
    facts = on_bedrock(model)
    assert facts is not None
    return facts


def translated(
    model: str,
    notes: Notes | None = None,
    settings: Claude = _CLAUDE,
    bedrock: Bedrock = _BEDROCK,
    memory: TurnMemory | None = None,
    **fields: Any,
) -> Translated:
    """The chat `HI`, or another one, as the model takes it: the judge has nothing to say to it."""
    notes = notes or Notes()
    chat = parse_chat({"model": model, "messages": [HI], **fields}, notes, settings)
    facts = facts_of(model)
    found = converse_body(chat, facts, settings, bedrock, notes, memory=memory or TurnMemory())
    assert faults(json.loads(write(found.body)), str(facts.bedrock), streamed=chat.stream) == []
    return found


def body(model: str, **fields: Any) -> Body:
    return translated(model, **fields).body


def codes(model: str, **fields: Any) -> list[str]:
    """The notes' codes."""
    notes = Notes()
    translated(model, notes, **fields)
    return [note.code for note in notes]


def extra(model: str, **fields: Any) -> Any:
    """What is sent past Converse."""
    return body(model, **fields).get("additionalModelRequestFields", {})
