"""Chats in a few words, their translation, and what the API has against it."""

from __future__ import annotations

import json
from typing import Any

from oai_bridge.dialects.claude_memory import TurnMemory
from oai_bridge.dialects.claude_request import claude_body
from oai_bridge.dialects.reading import Translated
from oai_bridge.models.catalog import Cloud
from oai_bridge.notes import Notes
from oai_bridge.openai.chat import (
    ChatRequest,
    Image,
    Message,
    Part,
    Role,
    Text,
    Tool,
)
from oai_bridge.settings.values import Claude
from tests.support import claude_rules
from tests.support.catalogue import DATA, known

MODELS = [name for name, row in json.loads(DATA.read_bytes())["models"].items() if name != "claude-mythos-preview"]
PNG = Image("image/png", "iVBORw0KGgo=")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FIVE, HOUR = {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}


def message(role: Role, *parts: Part | str, **fields: Any) -> Message:
    texts = tuple(Text(part) if isinstance(part, str) else part for part in parts)
    return Message(role, texts, fields.pop("name", None), 0, **fields)


HI = message("user", "Hi")


def tool(name: str = "look", **fields: Any) -> Tool:
    return Tool(name, "Looks.", {"type": "object", "properties": {}}, "tools[0]", **fields)


def translated(
    *messages: Message,
    model: str = "claude-opus-4-8",
    claude: Claude | None = None,
    notes: Notes | None = None,
    cloud: Cloud = "vertex",
    sampling: bool = True,
    memory: TurnMemory | None = None,
    **fields: Any,
) -> Translated:
    chat = ChatRequest("client's name", messages or (HI,), **fields)
    return claude_body(
        chat,
        known(model),
        claude or Claude(),
        notes or Notes(),
        cloud=cloud,
        sampling=sampling,
        memory=memory or TurnMemory(),
    )


def body(*messages: Message, **fields: Any) -> dict[str, Any]:
    return translated(*messages, **fields).body


def told(notes: Notes) -> list[str]:
    return [note.code for note in notes]


def faults(found: Translated, model: str, streamed: bool = False) -> list[str]:
    rules = claude_rules.model(known(model).vertex)
    assert rules is not None
    versioned = {"anthropic_version": claude_rules.VERTEX_VERSION, **found.body}
    return claude_rules.faults(versioned, rules, streamed=streamed, betas=found.betas)
