"""Measures the pure parts alone, in one process."""

from __future__ import annotations

import base64
import gc
import json
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benching import talk
from benching.talk import MODEL, chunk, frame, sse
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
from oai_bridge.plain import jsontext
from oai_bridge.settings.values import Claude, Vertex
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.sse import SseDecoder

ROUNDS = 7
EVENTS = 20_000  # in each stream
BURST = 50  # events that come in one piece
TO = ReplyTo(MODEL, 1, "req_1", True)


def run() -> None:
    """Prints medians of several rounds."""
    print(f"Python {platform.python_version()}, {platform.machine()}, medians of {ROUNDS} rounds")
    streams()
    requests()


# -- streams ----------------------------------------------------------------------------------------------------------


def streams() -> None:
    """Microseconds of the whole transform for one event: bytes in, decoded, translated, written, bytes out."""
    print("\nstream transform, µs per event        paced   bursts of", BURST)
    kinds: dict[str, tuple[dict[str, object], dict[str, object]]] = {
        "text": ({"type": "text", "text": ""}, {"type": "text_delta", "text": " some words here"}),
        "thinking": ({"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": " some words here"}),
        "tool arguments": (
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"some": "words here"}'},
        ),
    }
    for name, (block, delta) in kinds.items():
        for keep in (False, True):
            first = sse(talk.FIRST[0]) + sse({"type": "content_block_start", "index": 0, "content_block": block})
            each = sse({"type": "content_block_delta", "index": 0, "delta": delta})
            tell(name + (", turn kept" if keep else ""), partial(claude, SseDecoder, keep), first, each)
    delta = {"type": "content_block_delta", "index": 0, "delta": kinds["text"][1]}
    begun = {"type": "content_block_start", "index": 0, "content_block": kinds["text"][0]}
    first = chunk(talk.FIRST[0]) + chunk(begun)
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


def vertex_event() -> float:
    """Microseconds for one event of text."""
    return stream(partial(claude, SseDecoder, False), b"".join(map(sse, talk.FIRST)), sse(talk.delta()), 1)


def bedrock_event() -> float:
    """The same in AWS's frames."""
    return stream(partial(claude, InvokeDecoder, False), b"".join(map(chunk, talk.FIRST)), chunk(talk.delta()), 1)


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
    turns: list[dict[str, object]] = [
        {"role": ("user", "assistant")[turn % 2], "content": "Some words. " * 40} for turn in range(399)
    ]
    return {
        f"{len(turns)} messages of text": body(turns),
        "1 MB of images": body([*turns, *pictures(4, 192 * 1024)]),
        "10 MB of images": body([*turns, *pictures(10, 768 * 1024)]),
    }


def pictures(count: int, size: int) -> list[dict[str, object]]:
    data = base64.b64encode(talk.PNG + bytes(size)).decode()
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
