"""Claude's answers as streams and as messages, and the way from each to the other: pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any


def sse(data: Mapping[str, Any]) -> bytes:
    """One event as Anthropic writes it."""
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def events_of(stream: bytes) -> list[bytes]:
    """A stream's events as they stand, each with the blank line that ends it; together they are the stream."""
    return [event for event in re.split(rb"(?<=\n\n)", stream) if event]


def data_of(event: bytes) -> dict[str, Any] | None:
    """What an event says; `None` for what is no event of Anthropic's."""
    try:
        data = json.loads(event[event.index(b"data:") + 5 :])
    except ValueError:
        return None
    return data if isinstance(data, dict) and isinstance(data.get("type"), str) else None


def message_of(stream: bytes) -> dict[str, Any]:
    """The message that a whole, untroubled stream adds up to: what `rawPredict` would have answered."""
    message: dict[str, Any] = {}
    pieces: dict[int, str] = {}
    for event in events_of(stream):
        data = json.loads(event[event.index(b"data:") + 5 :])
        match data["type"]:
            case "message_start":
                message = data["message"]
            case "content_block_start":
                message["content"].append(data["content_block"])
            case "content_block_delta":
                block, delta = message["content"][data["index"]], data["delta"]
                if delta["type"] == "input_json_delta":
                    pieces[data["index"]] = pieces.get(data["index"], "") + delta["partial_json"]
                elif delta["type"] == "citations_delta":
                    block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
                else:
                    for key in delta.keys() - {"type"}:
                        known = block.get(key)
                        block[key] = known + delta[key] if isinstance(known, str) else delta[key]
            case "message_delta":
                message |= data["delta"]
                message["usage"] = message["usage"] | data.get("usage", {})
    for index, text in pieces.items():
        try:
            message["content"][index]["input"] = json.loads(text or "{}")
        except ValueError:
            message["content"][index]["input"] = {}  # the answer ended at max_tokens in the middle of the arguments
    return message


def stream_of(message: Mapping[str, Any], piece: int = 12) -> bytes:
    """The stream that adds up to a message, as the API would cut it: texts and arguments in `piece`s of so many
    characters."""
    return b"".join(map(sse, _events(message, piece)))


def _events(message: Mapping[str, Any], piece: int) -> Iterator[dict[str, Any]]:
    unended: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None}
    started = {key: value for key, value in message.items() if key != "stop_details"} | unended
    yield {"type": "message_start", "message": started | {"usage": message["usage"] | {"output_tokens": 1}}}
    for index, block in enumerate(message["content"]):
        start, deltas = _pieces(block, piece)
        yield {"type": "content_block_start", "index": index, "content_block": start}
        if index == 0:
            yield {"type": "ping"}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details") if key in message}
    yield {"type": "message_delta", "delta": ending, "usage": message["usage"]}
    yield {"type": "message_stop"}


def _pieces(block: Mapping[str, Any], piece: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block starts, and what it gains afterwards."""

    def cut(text: str) -> list[str]:
        return [text[start : start + piece] for start in range(0, len(text), piece)]

    start = dict(block)
    match block["type"]:
        case "text":
            start["text"] = ""
            deltas = [{"type": "text_delta", "text": text} for text in cut(block["text"])]
            if "citations" in start:
                start["citations"] = []
                deltas += [{"type": "citations_delta", "citation": citation} for citation in block["citations"]]
            return start, deltas
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": text} for text in cut(block["thinking"])]
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return start | {"thinking": "", "signature": ""}, [*deltas, signature]
        case "tool_use" | "server_tool_use":
            written = cut(json.dumps(block["input"])) if block["input"] else []
            pieces = [{"type": "input_json_delta", "partial_json": text} for text in ["", *written]]
            return start | {"input": {}}, pieces
    return start, []
