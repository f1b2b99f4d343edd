"""Chats as the cache coach meets them: bodies, for Claude with automatic cache points, and what the cloud said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from oai_bridge.events import Usage
from oai_bridge.inspector.cache_match import Known, Sent
from oai_bridge.inspector.cache_prompt import Prompt, read_prompt
from oai_bridge.models.facts import Rates
from tests.support.mutations import json_damaged

RATES = Rates(input=3, output=15, cache_write_5m=3.75, cache_write_1h=6, cache_read=0.3)
SYSTEM = "You are Seraphina, guardian of the forest. " * 100
TURNS = [f"Turn {number}: " + "the rain fell on the castle, and nobody came. " * 10 for number in range(9)]

Turn = str | Sequence[str]


def text(words: str, ttl: str | None = None) -> dict[str, Any]:
    return {"type": "text", "text": words} | ({"cache_control": {"type": "ephemeral", "ttl": ttl}} if ttl else {})


def chat(
    turns: Sequence[Turn] = TURNS,
    *,
    system: str | Sequence[str] = SYSTEM,
    tools: Sequence[dict[str, Any]] = (),
    ttl: str | None = "5m",
    **settings: Any,
) -> dict[str, Any]:
    """A body for Claude, the user's turns and the model's by turns. There are points after the system prompt and the
    last two turns of the user; none without `ttl`."""
    messages: list[dict[str, Any]] = [
        {"role": "assistant" if number % 2 else "user", "content": [text(words) for words in blocks(turn)]}
        for number, turn in enumerate(turns)
    ]
    for message in [message for message in messages if message["role"] == "user"][-2:]:
        message["content"][-1] = text(message["content"][-1]["text"], ttl)
    prompt = [text(words) for words in blocks(system)]
    prompt[-1] = text(prompt[-1]["text"], ttl)
    body = {"messages": messages, "system": prompt, "max_tokens": 8192, **settings}
    return body | ({"tools": list(tools)} if tools else {})


def blocks(turn: Turn) -> Sequence[str]:
    return [turn] if isinstance(turn, str) else turn


def openai_chat(turns: Sequence[str] = TURNS, system: str = SYSTEM, **settings: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}]
    messages += [{"role": ("user", "assistant")[number % 2], "content": words} for number, words in enumerate(turns)]
    return {"model": "gpt-4o", "messages": messages, **settings}


def damaged(body: dict[str, Any], times: int) -> list[dict[str, Any]]:
    """The body with values in it replaced, removed or put under another key."""
    hurt = [json.loads(one) for bodies in json_damaged([body], times) for one in bodies]
    return [one for one in hurt if isinstance(one, dict)]


def prompt_of(body: dict[str, Any]) -> Prompt:
    prompt = read_prompt(body)
    assert prompt is not None
    return prompt


def sent(body: dict[str, Any], at: float = 0, *, read: int = 0, written: int = 0, fresh: int = 0, **more: Any) -> Sent:
    fields: dict[str, Any] = {
        "client": "friend",
        "at": at,
        "place": "vertex/us-east5",
        "credential": "my-project",
        "model": "claude-sonnet-4-5@20250929",
        "body": body,
        "usage": Usage(fresh, 100, read, written),
        "rates": RATES,
        "min_tokens": 1024,
    }
    return Sent(**(fields | more))


def known(body: dict[str, Any], at: float = 0, **more: Any) -> Known:
    return Known(sent(body, at, **more), prompt_of(body))
