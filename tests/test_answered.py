"""inspector/answered.py: the answer that is put together is the one that the SDKs put together, cut anywhere or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.inspector.answered import replies_of
from oai_bridge.inspector.spoken import Call, Other, Part, Reply, Text, Thinking
from tests.test_outline import JSON

TESTS = Path(__file__).parent
STREAMS = sorted(TESTS.glob("cases/*/*/client_with_usage.sse"))
COMPLETIONS = sorted(TESTS.glob("cases/*/*/client_reply.json"))
NATIVE = TESTS / "vectors/anthropic-sse"


def streamed(*events: dict[str, Any] | str) -> Reply:
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    (reply,) = replies_of("".join(f"data: {text}\n\n" for text in texts).encode(), is_stream=True)
    return reply


def chunk(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def text_of(reply: Reply, kind: type[Any] = Text) -> str:
    return "".join(part.text for part in reply.parts if isinstance(part, kind))


def by_the_sdk(stream: bytes) -> dict[str, Any]:
    """The first choice's message, as OpenAI's SDK puts it together, in its raw form."""
    message: dict[str, Any] = {"content": "", "reasoning_content": "", "calls": {}}
    for event in stream.decode().split("\n\n"):
        if not event.startswith("data: {"):
            continue
        for choice in json.loads(event[6:])["choices"]:
            delta = choice["delta"]
            message["content"] += delta.get("content") or ""
            message["reasoning_content"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
            for call in delta.get("tool_calls") or ():
                held = message["calls"].setdefault(call["index"], [None, ""])
                function = call.get("function") or call.get("custom") or {}
                held[0] = held[0] or function.get("name")
                held[1] += function.get("arguments") or function.get("input") or ""
    return message


@pytest.mark.parametrize("file", STREAMS[::3], ids=lambda file: f"{file.parent.parent.name}/{file.parent.name}")
def test_a_golden_stream(file: Path) -> None:
    stream = file.read_bytes()
    replies = replies_of(stream, is_stream=True)
    if len(replies) > 1:
        return
    (reply,) = replies
    expected = by_the_sdk(stream)
    assert text_of(reply) == expected["content"]
    assert text_of(reply, Thinking) == expected["reasoning_content"]
    assert [[one.name, one.arguments] for one in reply.parts if isinstance(one, Call)] == list(
        expected["calls"].values()
    )
    assert reply.whole is stream.endswith(b"data: [DONE]\n\n")
    assert bool(reply.error) is not reply.whole
    for cut in range(0, len(stream), max(len(stream) // 50, 1)):
        (part,) = replies_of(stream[:cut], is_stream=True)
        assert text_of(reply).startswith(text_of(part))
        assert not part.whole or stream[cut:].strip() in (b"", b"\n")


@pytest.mark.parametrize("file", COMPLETIONS[::3], ids=lambda file: f"{file.parent.parent.name}/{file.parent.name}")
def test_a_golden_completion(file: Path) -> None:
    completion = json.loads(file.read_bytes())
    replies = replies_of(json.dumps(completion).encode(), is_stream=False)
    for reply, choice in zip(replies, completion["choices"], strict=True):
        message = choice["message"]
        assert text_of(reply) == (message.get("content") or "")
        assert reply.finish_reason == choice["finish_reason"] and reply.whole and reply.usage == completion["usage"]


@pytest.mark.parametrize("file", sorted(NATIVE.glob("*.txt")), ids=lambda file: file.name)
def test_a_stream_of_anthropics(file: Path) -> None:
    """As Anthropic's SDK puts it together."""
    from anthropic._models import construct_type
    from anthropic.lib.streaming._messages import accumulate_event
    from anthropic.types import RawMessageStreamEvent

    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for line in file.read_text("utf-8").splitlines():
        if line.startswith("data:") and '"ping"' not in line:
            event: Any = construct_type(type_=RawMessageStreamEvent, value=json.loads(line[5:]))
            snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    (reply,) = replies_of(file.read_bytes(), is_stream=True)
    assert text_of(reply) == "".join(block.text for block in snapshot.content if block.type == "text")
    called = [block for block in snapshot.content if block.type == "tool_use"]
    assert [one.name for one in reply.parts if isinstance(one, Call)] == [block.name for block in called]
    assert reply.finish_reason == snapshot.stop_reason
    assert reply.model == snapshot.model and reply.usage is not None
    assert reply.usage["output_tokens"] == snapshot.usage.output_tokens


def test_parts_stand_in_the_order_in_which_they_came() -> None:
    call = {"index": 0, "id": "t1", "function": {"name": "f", "arguments": ""}}
    reply = streamed(
        chunk(role="assistant", reasoning_content="h"),
        chunk(reasoning_content="m"),
        chunk(content="so"),
        chunk(tool_calls=[call]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}]),
        chunk(tool_calls=[{"index": 1, "id": "t2", "custom": {"name": "g", "input": "x"}}]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
        chunk(refusal="no"),
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 1}},
        "[DONE]",
    )
    assert reply.parts == (
        Thinking("hm"),
        Text("so"),
        Call("f", '{"a":1}', "t1"),
        Call("g", "x", "t2"),
        Other("refusal", "no"),
    )
    assert (reply.finish_reason, reply.usage, reply.whole) == ("tool_calls", {"prompt_tokens": 1}, True)


def test_an_error_in_the_middle_is_told_and_the_rest_is_kept() -> None:
    reply = streamed(chunk(content="a"), {"error": {"message": "lost"}, "choices": []})
    assert (text_of(reply), reply.error, reply.whole) == ("a", "lost", False)
    assert streamed({"type": "error", "error": {"type": "x", "message": "busy"}}).error == "busy"


def test_blocks_of_anthropics_that_have_no_deltas() -> None:
    start = {"type": "content_block_start", "index": 0}
    reply = streamed(
        {"type": "message_start", "message": {"model": "m", "id": "i", "usage": {"input_tokens": 3}}},
        {**start, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
        {**start, "index": 1, "content_block": {"type": "redacted_thinking", "data": "x"}},
        {**start, "index": 2, "content_block": {"type": "web_search_tool_result", "content": []}},
        {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"}, "usage": {}},
        {"type": "message_stop"},
    )
    kinds: list[type[Part]] = [type(part) for part in reply.parts]
    assert kinds == [Thinking, Thinking, Other] and reply.parts[0] == Thinking("hm", True)
    assert (reply.stop_sequence, reply.whole, reply.usage) == ("END", True, {"input_tokens": 3})


@pytest.mark.parametrize("choices", [2, 12])
def test_several_choices_are_several_answers(choices: int) -> None:
    events = [{"choices": [{"index": n, "delta": {"content": f"{n}"}}]} for n in reversed(range(choices))]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    assert [text_of(one) for one in replies_of(stream.encode(), is_stream=True)] == [f"{n}" for n in range(choices)]


def test_errors_and_other_answers_in_one_piece() -> None:
    assert replies_of(b'{"error": {"message": "no"}}', is_stream=False)[0].error == "no"
    assert replies_of(b"<html>", is_stream=False)[0].parts == (Text("<html>"),)
    assert replies_of(b"", is_stream=False) == (Reply(),)
    message = {"type": "message", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn"}
    (reply,) = replies_of(json.dumps(message).encode(), is_stream=False)
    assert (reply.parts, reply.finish_reason) == ((Text("hi"),), "end_turn")
    assert replies_of(b'{"input_tokens": 5}', is_stream=False)[0].parts == (Other("answer", {"input_tokens": 5}),)


@given(JSON, st.binary(max_size=100))
def test_anything_can_be_read(value: Any, garbage: bytes) -> None:
    inside = [{"index": value, "delta": value, "message": value, "finish_reason": value}]
    for event in (value, {"choices": value}, {"choices": inside, "usage": value}, {"type": "content_block_start"}):
        assert replies_of(json.dumps(event).encode(), is_stream=False)
        assert replies_of(f"data: {json.dumps(event)}\n\n".encode() + garbage, is_stream=True)
    for kind in ("message_start", "content_block_start", "content_block_delta", "message_delta"):
        streamed({"type": kind, "index": value, "message": value, "delta": value, "content_block": value})
