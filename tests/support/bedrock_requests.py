"""Claude's chats as Bedrock's doors send them, by the door that the settings choose."""

from __future__ import annotations

import json
from typing import Any

from oai_bridge.backends.base import Call
from oai_bridge.backends.bedrock import claude_chat, claude_count, claude_native
from oai_bridge.credentials.aws import AwsAccess
from oai_bridge.credentials.base import Outbound
from oai_bridge.models.catalog import Catalog
from oai_bridge.notes import Notes
from oai_bridge.openai.request import parse_chat
from oai_bridge.settings.values import AwsKeys, Bedrock, Claude

CATALOG = Catalog()
KEYS = AwsKeys("AKIDEXAMPLE", "secret")
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"
NAMED = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
HELLO: dict[str, Any] = {"model": "claude-opus-4-8", "messages": [{"role": "user", "content": "Hello"}]}
TURN: dict[str, Any] = {"max_tokens": 9, "messages": HELLO["messages"]}


def chat(
    body: dict[str, Any],
    *,
    region: str = "us-east-1",
    betas: tuple[str, ...] = (),
    catalog: Catalog = CATALOG,
    **bedrock: Any,
) -> Outbound:
    """OpenAI's request, on its way."""
    backend = claude_chat(Bedrock(**bedrock), Claude(), catalog)
    asked = parse_chat(body, Notes(), Claude())
    facts = backend.find(asked.model)
    assert facts is not None
    sent = backend.chat(asked, facts, Notes())
    call: Call = "stream" if asked.stream else "whole"
    return backend.outbound(sent.body, facts, call, (*betas, *sent.betas), AwsAccess(region, KEYS))


def native(
    body: dict[str, Any],
    *,
    count: bool = False,
    model: str = "claude-opus-4-8",
    region: str = "us-east-1",
    betas: tuple[str, ...] = (),
    catalog: Catalog = CATALOG,
    **bedrock: Any,
) -> Outbound:
    """A request in Anthropic's own words, or for the number of its tokens; `betas` are of the client's header."""
    backend = (claude_count if count else claude_native)(Bedrock(**bedrock), Claude(), catalog)
    facts = backend.find(model)
    assert facts is not None
    translate = backend.count if count else backend.messages
    sent = translate({"model": model, **body}, facts, betas, Notes())
    call: Call = "count" if count else "stream" if body.get("stream") else "whole"
    return backend.outbound(sent.body, facts, call, sent.betas, AwsAccess(region, KEYS))


def body_of(outbound: Outbound) -> Any:
    return json.loads(outbound.body)
