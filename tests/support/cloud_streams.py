"""A made answer's way through a cloud's door and the proxy to a client that sees every byte."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from tests.support.all_clouds import AllClouds, Way
from tests.support.behaviours import Behaviour, Stream
from tests.support.claude_streams import events_of, stream_of
from tests.support.doors import through
from tests.support.proxy import CHAT, events, read_all, unchunk

TOKENS = [f"<piece {number:04}>" for number in range(8)]
"""As long as `stream_of` cuts its pieces."""
MESSAGE: dict[str, Any] = {
    "id": "msg_bdrk_made",
    "type": "message",
    "role": "assistant",
    "model": "claude-test",
    "content": [{"type": "text", "text": "".join(TOKENS)}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 9},
}
EVENTS = events_of(stream_of(MESSAGE))


def tokens_in(piece: bytes) -> list[bytes]:
    """What a piece of the cloud's stream says; `invoke` has it in base64."""
    if wrapped := re.search(rb'"bytes":"([^"]+)"', piece):
        piece = base64.b64decode(wrapped[1])
    return re.findall(rb"<piece \d+>", piece)


def ask(clouds: AllClouds, way: Way, behaviour: Behaviour | None = None) -> tuple[bytes, list[Any]]:
    """A stream as it came: the head, and the events of its body, which must be properly ended."""
    if behaviour is not None:
        clouds.cloud(way).script(behaviour)
    head, body = unchunk(read_all(clouds.proxy(way).open_chat(model=way.model, stream=True)))
    told: list[Any] = [data if data == "[DONE]" else json.loads(data) for data in events(body)]
    assert all(data == "[DONE]" or isinstance(data["choices"], list) for data in told), "SillyTavern reads them"
    return head, told


def said(chunks: list[Any]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def as_sent(clouds: AllClouds, way: Way, path: str = CHAT) -> list[bytes]:
    """`EVENTS` as the door of this way sends them."""
    read_all(clouds.proxy(way).open_chat(path=path, model=way.model, stream=True, max_tokens=99))
    body = through(clouds.cloud(way).requests[-1].door, Stream(lambda: EVENTS)).body
    assert callable(body)
    return list(body())
