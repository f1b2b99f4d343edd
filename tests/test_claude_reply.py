"""Claude's messages as events: what the golden streams don't show one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.claude_reply import ClaudeStream, events_of_message
from oai_bridge.errors import StreamBroken
from oai_bridge.events import (
    Event,
    Failure,
    Ping,
    RedactedThinking,
    Signature,
    Start,
    Stop,
    Text,
    Thinking,
    ToolArguments,
    ToolStart,
    Usage,
    UsageReport,
)
from tests.support.cases import streams
from tests.support.claude_rules import message_of

START = {"type": "message_start", "message": {"id": "msg_1", "model": "m"}}
BEGUN: list[Event] = [Start("msg_1", "m")]


def read(*messages: Any) -> list[Event]:
    stream = ClaudeStream()
    return [event for message in messages for event in stream.feed(json.dumps(message).encode())]


def block(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": 0, "content_block": fields}


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


@pytest.mark.parametrize(
    ("message", "events"),
    [
        (block(type="text", text="Hi"), [Text("Hi")]),
        (block(type="text", text=""), []),
        (block(type="thinking", thinking="Hm"), [Thinking("Hm")]),
        (block(type="redacted_thinking", data="x"), [RedactedThinking("x")]),
        (block(type="tool_use", id="t", name="f", input={}), [ToolStart(0, "t", "f")]),
        (block(type="server_tool_use", id="t", name="f", input={}), []),
        (delta(type="text_delta", text=""), []),
        (delta(type="signature_delta", signature="s"), [Signature("s")]),
        (delta(type="input_json_delta", partial_json="{"), []),
        (delta(type="compaction_delta", content="x", encrypted_content=None), []),
        ({"type": "content_block_start", "index": 0}, []),
        ({"type": "content_block_stop", "index": 7}, []),
        ({"type": "ping"}, [Ping()]),
        ({"type": "brand_new", "delta": 5, "message": [], "index": "x"}, []),
        ({}, []),
        (START, []),
    ],
)
def test_one_message(message: Any, events: list[Event]) -> None:
    assert read(START, message) == BEGUN + events


@pytest.mark.parametrize(
    "message",
    [
        [],
        "x",
        None,
        delta(type="text_delta", text=5),
        block(type="text", text=["x"]),
        {"type": "message_delta", "delta": {"stop_reason": 5}},
        {"type": "message_delta", "usage": {"output_tokens": "x"}},
        {"type": 5},
    ],
)
def test_what_is_no_part_of_a_stream_is_a_failure(message: Any) -> None:
    *before, last = read(START, message, delta(type="text_delta", text="late"))
    assert before == BEGUN
    assert isinstance(last, Failure) and isinstance(last.error, StreamBroken)


def test_usage_is_overlaid_by_what_is_told_later() -> None:
    start = {"input_tokens": 43, "cache_read_input_tokens": 5, "output_tokens": 1}
    later = {"input_tokens": 61, "cache_read_input_tokens": None, "output_tokens": 9}
    events = read(
        {"type": "message_start", "message": {"usage": start}},
        {"type": "message_delta", "delta": {}, "usage": later},
        {"type": "message_delta", "delta": {}, "usage": None},
    )
    assert events[1:] == [
        UsageReport(Usage(input=43, output=1, cache_read=5)),
        UsageReport(Usage(input=61, output=9, cache_read=5)),
    ]


def test_the_stop_comes_with_the_last_message() -> None:
    reason = {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "x"}}
    assert read(START, reason) == BEGUN
    assert read(START, reason, {"type": "message_stop"}, START) == [*BEGUN, Stop("stop", "x")]


def test_an_error_keeps_its_meaning() -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}, "request_id": "req_1"}
    (event,) = read(error)
    assert isinstance(event, Failure)
    assert (event.error.status, event.error.request_id) == (429, "req_1")
    assert event.error.message.startswith("Slow down. ")  # and what to do about it


def joined(events: list[Event]) -> list[Event]:
    """Neighbouring pieces of one text or one call as one; without pings and with the last usage alone."""
    out: list[Event] = []
    usage = [event for event in events if isinstance(event, UsageReport)][-1:]
    for event in events:
        match out[-1:], event:
            case [Text(before)], Text(text):
                out[-1] = Text(before + text)
            case [Thinking(before)], Thinking(text):
                out[-1] = Thinking(before + text)
            case [ToolArguments(call, before)], ToolArguments(same, text) if call == same:
                out[-1] = ToolArguments(call, before + text)
            case _, Ping() | UsageReport() | Text("") | Thinking("") | Signature(""):
                pass
            case _:
                out.append(event)
    return out[:-1] + usage + out[-1:]


RECORDED = {
    name: stream for name, stream in streams().items() if name.startswith("recorded_") and "incomplete" not in name
}


@pytest.mark.parametrize("name", RECORDED)
def test_a_stream_says_what_the_whole_message_says(name: str) -> None:
    stream = ClaudeStream()
    lines = [line for line in RECORDED[name].split(b"\n") if line.startswith(b"data:")]
    streamed = joined([event for line in lines for event in stream.feed(line[5:])])
    whole = joined(events_of_message(json.dumps(message_of(RECORDED[name])).encode()))
    for events in (streamed, whole):
        for at, event in enumerate(events):
            if isinstance(event, ToolArguments):
                events[at] = ToolArguments(event.index, json.dumps(json.loads(event.json)))
    assert streamed == whole


KEYS = st.sampled_from(
    ["type", "index", "message", "content_block", "delta", "usage", "error", "text", "input", "content", "stop_reason"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from(
    [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
        *("message_stop", "ping", "error", "text", "text_delta", "tool_use", "input_json_delta", "message", ""),
    ]
)
MESSAGES = st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(KEYS, VALUES, max_size=4))


@settings(max_examples=1000, deadline=None)
@given(st.lists(MESSAGES | VALUES, max_size=6))
def test_any_json_gives_events_with_at_most_one_ending(messages: list[Any]) -> None:
    events = read(*messages)
    endings = [at for at, event in enumerate(events) if isinstance(event, (Stop, Failure))]
    assert endings in ([], [len(events) - 1])
    for message in messages:
        *_, last = events_of_message(json.dumps(message).encode())
        assert isinstance(last, (Stop, Failure))
