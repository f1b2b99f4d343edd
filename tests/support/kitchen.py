"""A chat as people have it, turn after turn: a system prompt, a picture, a tool, thinking, and a cache that is used."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

from tests.support.behaviours import Answers, Asked, Behaviour
from tests.support.claude_answers import said, tokens

MODEL = "claude-sonnet-4-5"
SYSTEM = (
    "You are Rosemary, a cook who has run a small kitchen in Lyon for twenty years. Speak warmly and briefly.\n"
    "Always weigh what you have before you suggest a dish, and never suggest what the guest can't eat.\n\n"
    + "\n".join(
        f"{number}. {rule}"
        for number, rule in enumerate(
            [
                "Season early and taste often; salt at the end is only noise.",
                "Nothing is thrown away: peels make stock.",
            ]
            * 60,
            1,
        )
    )
)
WORLD = "[The market is closed on Mondays. Today's date: Saturday, 28 November.]"
TOOL = {
    "type": "function",
    "function": {
        "name": "look_into_pantry",
        "description": "Tells what is in the pantry, with weights in grams.",
        "parameters": {
            "type": "object",
            "properties": {"shelf": {"type": "string", "enum": ["top", "middle", "bottom"]}},
            "required": ["shelf"],
        },
    },
}
THOUGHT = "The picture shows leeks and three potatoes. I should look into the pantry before I promise anything."
SECOND_THOUGHT = "There is cream and butter: a leek and potato soup, then. No nuts, as the guest said."
ANSWER = (
    "A **leek and potato soup**, then. Sweat the leeks in 40 g of butter for ten minutes, add the potatoes and a litre "
    "of water, and let it simmer until a knife goes through. Stir in 100 g of cream at the end.\n\n"
    "没有坚果，放心吃。 Bon appétit!"
)
PANTRY = '{"butter": 250, "cream": 200, "leeks": 600, "potatoes": 900}'


def picture() -> str:
    """A small PNG as a `data:` URL."""
    rows = b"".join(
        b"\0" + bytes((x * 2 % 256, (x * y) % 256, y * 2 % 256)[c] for x in range(96) for c in range(3))
        for y in range(96)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 96, 96, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(png).decode()


def request(round: int, **changes: Any) -> dict[str, Any]:
    """The chat as a frontend sends it: in round 0 with the guest's question, in round 1 with the tool's result."""
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": SYSTEM},
        {"role": "system", "content": WORLD},
        {"role": "assistant", "content": "Come in, come in. What do you have for me today?"},
        {
            "role": "user",
            "name": "Ned",
            "content": [
                {"type": "text", "text": "This is what I have got. What shall we cook? No nuts, please."},
                {"type": "image_url", "image_url": {"url": picture()}},
            ],
        },
    ]
    if round:
        call = {"name": "look_into_pantry", "arguments": '{"shelf": "middle"}'}
        messages += [
            {
                "role": "assistant",
                "content": "Let me look into the pantry first.",
                "tool_calls": [{"id": "toolu_01", "type": "function", "function": call}],
            },
            {"role": "tool", "tool_call_id": "toolu_01", "content": PANTRY},
        ]
    return {
        "model": MODEL,
        "messages": messages,
        "tools": [TOOL],
        "stream": True,
        "max_tokens": 8000,
        "temperature": 1,
        "top_p": 1,
        "seed": 42,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "logit_bias": {},
        "reasoning_effort": "low",
        "cache_control": {"type": "ephemeral"},
    } | changes


def answers(**how: Any) -> Answers:
    """What the cloud answers to each round, as the default of a fake one, whose cache knows each system prompt that it
    has seen. `how`: fields of `Stream`."""
    cached: dict[str, int] = {}

    def answer(asked: Asked) -> Behaviour:
        results = any(
            block.get("type") == "tool_result"
            for message in asked.body["messages"]
            if isinstance(message["content"], list)
            for block in message["content"]
        )
        thinking = SECOND_THOUGHT if results else THOUGHT
        seal = asked.seals.issue(asked.model, asked.body, [], thinking)
        thought = {"type": "thinking", "thinking": thinking, "signature": seal}
        prompt, beginning = tokens(asked.body), json.dumps(asked.body.get("system"))
        read = min(cached.get(beginning, 0), prompt - 61)
        cached[beginning] = prompt - 61
        usage = {"input_tokens": 61, "cache_read_input_tokens": read}
        usage["cache_creation_input_tokens"] = cached[beginning] - read
        if results:
            return said(asked, [thought, {"type": "text", "text": ANSWER}], usage=usage, **how)
        call = {"type": "tool_use", "id": "toolu_01", "name": "look_into_pantry", "input": {"shelf": "middle"}}
        text = {"type": "text", "text": "Let me look into the pantry first."}
        return said(asked, [thought, text, call], "tool_use", usage=usage, **how)

    return Answers(answer)
