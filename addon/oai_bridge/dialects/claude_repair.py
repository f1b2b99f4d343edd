"""What to send after the cloud refused a request for what can be taken away, or paused its answer in the middle.

Pure: a body in, a changed body out that shares with it whatever is the same, megabytes of pictures among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import BridgeError
from .claude_blocks import THOUGHTS, text_block
from .claude_format import instruction
from .claude_thinking import thoughts_lost

Body = dict[str, Any]

_PLACEHOLDER = "."  # stands for an assistant's turn that held nothing but thinking

_GRAMMAR = "too many strict tools|compiled grammar|grammar compilation|too complex|optional parameters|union types"
_POLICY = ":structured_outputs|allowedPartnerModelFeatures"  # on Vertex an organisation has to switch the feature on
STRICT_REFUSED = re.compile(rf"{_GRAMMAR}|{_POLICY}|tools\.\d+\.(?:custom\.)?strict", re.I)
THOUGHTS_REFUSED = re.compile("cannot be modified|bound to a different conversation|invalid `signature`", re.I)
_CONFIG_REFUSED = re.compile("output_config: ", re.I)  # all of it
FORMAT_REFUSED = re.compile(rf"{_GRAMMAR}|{_POLICY}|output_?config(?!\.effort)", re.I)


def repaired(body: Body, error: BridgeError, done: frozenset[str]) -> tuple[str, Body] | None:
    """The name of a repair and the body to send instead of the refused one; `None` where none helps that is not `done`.

    "strict": the tools' schemas bind no longer. "thinking": without the thinking of earlier turns, unless the request
    wants an error for it. "output_config": the answer's schema is an instruction at the end of the system prompt.
    """
    if error.status not in (400, 403):  # 403: a policy
        return None
    for name, complaint, repair in _REPAIRS:
        if name not in done and complaint.search(error.message) and (changed := repair(body, error.message)):
            return name, changed
    return None


def continued(body: Body, said: Sequence[dict[str, Any]]) -> Body:
    """The request for the rest of an answer that paused: Anthropic's "Handling stop reasons" wants the turn sent back
    as it is. `body` got the answer's first part, `said` is all of it so far, in the cloud's own blocks."""
    messages = list(body["messages"])
    prefill = _blocks(messages.pop()) if messages[-1]["role"] == "assistant" else []
    return body | {"messages": [*messages, {"role": "assistant", "content": [*prefill, *said]}]}


def _without_strict(body: Body, _complaint: str) -> Body | None:
    tools = _dicts(body.get("tools"))
    if not any(tool.get("strict") for tool in tools):
        return None
    return body | {"tools": [{key: value for key, value in tool.items() if key != "strict"} for tool in tools]}


def _without_thoughts(body: Body, _complaint: str) -> Body | None:
    thinking = _dict(body.get("thinking"))
    if _dict(thinking.get("block_binding")).get("prefix_mismatch_behavior") == "error":
        return None
    given = _dicts(body.get("messages"))
    messages = [_without_own_thoughts(message) for message in given]
    if not any(changed is not message for changed, message in zip(messages, given, strict=True)):
        return None
    if messages[-1] is not given[-1] and _blocks(messages[-1]) == [_placeholder()]:
        messages.pop()  # it would be the beginning of the answer
    changed = body | {"messages": messages}
    turns = [(str(message.get("role")), _blocks(message)) for message in messages]
    if thinking.get("type") == "enabled" and thoughts_lost(turns):
        del changed["thinking"]
    return changed


def _without_own_thoughts(message: dict[str, Any]) -> dict[str, Any]:
    """The message itself where there is no thinking in it."""
    blocks = _blocks(message)
    kept = [block for block in blocks if block.get("type") not in THOUGHTS]
    return message if len(kept) == len(blocks) else message | {"content": kept or [_placeholder()]}


def _without_format(body: Body, complaint: str) -> Body | None:
    config = dict(_dict(body.get("output_config")))
    schema = _dict(config.pop("format", None)).get("schema")
    if not isinstance(schema, dict):
        return None
    system = body.get("system")
    blocks = [text_block(system)] if isinstance(system, str) else _dicts(system)
    changed = body | {"system": [*blocks, text_block(instruction(schema, after=bool(blocks)))]}
    del changed["output_config"]
    if _CONFIG_REFUSED.search(complaint):
        return changed
    return changed | ({"output_config": config} if config else {})


def _blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [text_block(content)] if isinstance(content, str) else _dicts(content)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The list, if it is one of objects alone: a native request may hold anything."""
    return value if isinstance(value, list) and all(isinstance(item, dict) for item in value) else []


def _placeholder() -> dict[str, Any]:
    return text_block(_PLACEHOLDER)


_REPAIRS: tuple[tuple[str, re.Pattern[str], Callable[[Body, str], Body | None]], ...] = (
    ("strict", STRICT_REFUSED, _without_strict),
    ("thinking", THOUGHTS_REFUSED, _without_thoughts),
    ("output_config", FORMAT_REFUSED, _without_format),
)
