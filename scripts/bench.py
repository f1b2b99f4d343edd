"""Measures how fast the program is. `bench.py micro`: the pure parts alone, in one process, medians of several rounds.

Run it with an environment that has the project's dependencies: `.venv-dev/bin/python scripts/bench.py micro`.
"""

from __future__ import annotations

import argparse
import base64
import gc
import json
import platform
import statistics
import struct
import sys
import time
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "addon"))

from oai_bridge import jsontext
from oai_bridge.backends.vertex import VertexClaude
from oai_bridge.dialects.bedrock_frames import ConverseDecoder, InvokeDecoder
from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.dialects.converse_reply import ConverseStream
from oai_bridge.dialects.reading import Reading
from oai_bridge.models.catalog import Catalog
from oai_bridge.notes import Notes
from oai_bridge.openai.passed import PassedStream
from oai_bridge.openai.reply import ChunkWriter, ReplyTo
from oai_bridge.openai.request import parse_chat, read_body
from oai_bridge.settings import Claude, Vertex
from oai_bridge.transcript import Transcript
from oai_bridge.wire.sse import SseDecoder

ROUNDS = 7
EVENTS = 20_000  # in each stream
BURST = 50  # events that come in one piece
PNG = b"\x89PNG\r\n\x1a\n"
MODEL = "claude-opus-4-8"
TO = ReplyTo(MODEL, 1, "req_1", True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["micro"])
    parser.parse_args()
    print(f"Python {platform.python_version()}, {platform.machine()}, medians of {ROUNDS} rounds")
    streams()
    requests()


# -- streams ----------------------------------------------------------------------------------------------------------


def streams() -> None:
    """Microseconds of the whole transform for one event: bytes in, decoded, translated, written, bytes out."""
    print("\nstream transform, µs per event        paced   bursts of", BURST)
    kinds = {
        "text": ({"type": "text", "text": ""}, {"type": "text_delta", "text": " some words here"}),
        "thinking": ({"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": " some words here"}),
        "tool arguments": (
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"some": "words here"}'},
        ),
    }
    for name, (block, delta) in kinds.items():
        for keep in (False, True):
            first = sse(message_start()) + sse({"type": "content_block_start", "index": 0, "content_block": block})
            each = sse({"type": "content_block_delta", "index": 0, "delta": delta})
            tell(name + (", turn kept" if keep else ""), partial(claude, SseDecoder, keep), first, each)
    delta = {"type": "content_block_delta", "index": 0, "delta": kinds["text"][1]}
    begun = {"type": "content_block_start", "index": 0, "content_block": kinds["text"][0]}
    first = chunk(message_start()) + chunk(begun)
    tell("text, Bedrock's invoke", partial(claude, InvokeDecoder, False), first, chunk(delta))
    first = frame("messageStart", {"role": "assistant"})
    each = frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": " some words here"}, "p": "abcdefgh"})
    tell("text, Bedrock's Converse", converse, first, each)
    choice = {"index": 0, "delta": {"content": " some words here"}, "logprobs": None, "finish_reason": None}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    each = b"data: %s\n\n" % json.dumps({**head, "choices": [choice]}).encode()
    tell("text, passed on", passed, each, each)


def tell(name: str, make: Callable[[], Transcript], first: bytes, each: bytes) -> None:
    paced, burst = (median(partial(stream, make, first, each, at_once)) for at_once in (1, BURST))
    print(f"  {name:32} {paced:8.1f} {burst:11.1f}")


def claude(decoder: type[Any], keep: bool) -> Transcript:
    return Transcript(decoder(), ClaudeStream(Reading(keep=keep)), ChunkWriter(TO))


def converse() -> Transcript:
    return Transcript(ConverseDecoder(), ConverseStream(), ChunkWriter(TO))


def passed() -> Transcript:
    both = PassedStream(TO, "azure")
    return Transcript(SseDecoder(), both, both)


def message_start() -> dict[str, object]:
    return {"type": "message_start", "message": {"id": "msg_1", "type": "message", "model": MODEL, "content": []}}


def sse(event: Mapping[str, object]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def chunk(event: Mapping[str, object]) -> bytes:
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    return frame("chunk", {"bytes": inner, "p": "abcdefghijklmno"})


def frame(kind: str, payload: Mapping[str, object]) -> bytes:
    """A frame of AWS's event stream."""
    texts = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(text)) + text.encode()
        for name, text in texts.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def stream(make: Callable[[], Transcript], first: bytes, each: bytes, at_once: int) -> float:
    """Microseconds per event of one stream."""
    transcript = make()
    transcript.feed(first)
    piece = each * at_once
    began = time.perf_counter()
    for _ in range(EVENTS // at_once):
        transcript.feed(piece)
    return (time.perf_counter() - began) / EVENTS * 1e6


# -- requests ---------------------------------------------------------------------------------------------------------


def requests() -> None:
    """Milliseconds from the client's bytes to the cloud's, beside the floor: the same JSON decoded and encoded."""
    print("\nrequest translation, ms              ours   JSON in and out   ratio")
    facts = Catalog().find(MODEL)
    assert facts is not None
    backend = VertexClaude(Vertex(), Claude(), Catalog())

    def ours(raw: bytes) -> bytes:
        notes = Notes()
        return jsontext.write(backend.chat(parse_chat(read_body(raw), notes, Claude()), facts, notes).body)

    def floor(raw: bytes) -> bytes:
        return jsontext.write(jsontext.read(raw))

    for name, raw in bodies().items():
        took, least = (1000 * median(partial(seconds, work, raw)) for work in (ours, floor))
        print(f"  {name:28} {took:10.2f} {least:12.2f} {took / least:12.1f}")


def bodies() -> dict[str, bytes]:
    """Requests: a long chat without images, and such with images of 1 MB and of 10 MB in all."""
    talk = [{"role": ("user", "assistant")[turn % 2], "content": "Some words. " * 40} for turn in range(399)]
    return {
        f"{len(talk)} messages of text": body(talk),
        "1 MB of images": body([*talk, *pictures(4, 192 * 1024)]),
        "10 MB of images": body([*talk, *pictures(10, 768 * 1024)]),
    }


def pictures(count: int, size: int) -> list[dict[str, object]]:
    data = base64.b64encode(PNG + bytes(size)).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    return [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]} for _ in range(count)]


def body(messages: list[dict[str, object]]) -> bytes:
    return json.dumps({"model": MODEL, "messages": messages, "stream": True}).encode()


# -- clocks -----------------------------------------------------------------------------------------------------------


def seconds(work: Callable[[bytes], bytes], raw: bytes) -> float:
    began = time.perf_counter()
    work(raw)
    return time.perf_counter() - began


def median(measure: Callable[[], float]) -> float:
    """Of several rounds, after one that warms up."""
    measure()
    gc.collect()
    return statistics.median(measure() for _ in range(ROUNDS))


if __name__ == "__main__":
    main()
