"""Converse's messages as events: recorded streams, each kind of message, endings, and answers in one piece."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.dialects.converse_reply import ConverseStream
from oai_bridge.dialects.reading import Reading
from oai_bridge.errors import BridgeError, StreamBroken
from oai_bridge.events import (
    CustomCall,
    Event,
    Failure,
    RedactedThinking,
    Said,
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
from tests.support.aws_vectors import RECORDED, recorded_frames

AS_SENT = Reading()
BEGUN: list[Event] = [Start("", "")]
START = {"messageStart": {"role": "assistant", "p": "abc"}}
METADATA = {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}, "metrics": {"latencyMs": 1}}}
COUNTED: list[Event] = [UsageReport(Usage(3, 2))]


def read(*messages: Any, reading: Reading = AS_SENT) -> list[Event]:
    return fed(ConverseStream(reading), *messages)


def fed(stream: ConverseStream, *messages: Any) -> list[Event]:
    return [event for message in messages for event in stream.feed(json.dumps(message).encode())]


def delta(index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": fields, "p": "abcd"}}


def call(index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"contentBlockStart": {"contentBlockIndex": index, "start": {"toolUse": fields}}}


def stop(index: int = 0) -> dict[str, Any]:
    return {"contentBlockStop": {"contentBlockIndex": index}}


def reason(word: str | None) -> dict[str, Any]:
    return {"messageStop": {"stopReason": word}}


def answer(*blocks: Any, **fields: Any) -> dict[str, Any]:
    usage = METADATA["metadata"]["usage"]
    return {"output": {"message": {"role": "assistant", "content": blocks}}, "usage": usage} | fields


def whole(*blocks: Any, reading: Reading = AS_SENT, **fields: Any) -> list[Event]:
    return ConverseStream(reading).whole(json.dumps(answer(*blocks, **fields)).encode())


# -- recorded streams -------------------------------------------------------------------------------------------------


def recorded(name: str) -> list[dict[str, Any]]:
    (file,) = (file for file in RECORDED if name in file.name)
    return [{frame["headers"][":event-type"]: frame["payload"]} for frame in recorded_frames(file)]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def test_claudes_recorded_call() -> None:
    first, *events, last = read(*recorded("converse_stream_with_tool_use"))
    assert first == Start("", "")
    assert text_of(events) == "Okay, let me check the weather for Barcelona using the available tool:"
    started = ToolStart(0, "tooluse_yypYDr71TwCwByoyao4-Vg", "get_weather")
    assert [event for event in events if isinstance(event, ToolStart)] == [started]
    arguments = "".join(event.json for event in events if isinstance(event, ToolArguments))
    assert json.loads(arguments) == {"location": "Barcelona"}
    assert events[-1] == UsageReport(Usage(236, 58))
    assert last == Stop("tool_calls", upstream_reason="tool_use")


def test_llamas_recorded_stream() -> None:
    *events, last = read(*recorded("meta_converse_stream"))
    assert text_of(events).startswith("Why did the OpenTelemetry metric go to therapy?\n\nBecause it was feeling")
    assert events[-1] == UsageReport(Usage(52, 36))
    assert last == Stop("stop", upstream_reason="end_turn")


def test_a_recorded_guardrail() -> None:
    *events, last = read(*recorded("guardrail_converse_stream"))
    assert text_of(events).startswith("\nThe capital of {ADDRESS} is {ADDRESS}.")
    assert events[-1] == UsageReport(Usage(17, 16))
    assert last == Stop("content_filter", upstream_reason="guardrail_intervened")


# -- one message ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "events"),
    [
        (delta(text="Hi"), [Text("Hi")]),
        (delta(text=""), []),
        (delta(reasoningContent={"text": "Hm"}), [Thinking("Hm")]),
        (delta(reasoningContent={"signature": "s"}), []),  # told when the thought is whole
        (delta(reasoningContent={"redactedContent": "eA=="}), [RedactedThinking("eA==")]),
        (delta(reasoningContent={"brandNew": 5}), []),
        (call(toolUseId="t", name="f"), [ToolStart(0, "t", "f")]),
        (call(toolUseId="t", name="nova_grounding", type="server_tool_use"), []),
        (delta(toolUse={"input": "{"}), []),  # of a call that never began
        (delta(image={"source": {"bytes": "eA=="}}), []),
        (delta(citation={"title": "A", "location": {"web": {"url": "https://example.com"}}}), []),
        (delta(toolResult=[{"text": "x"}]), []),
        ({"contentBlockStart": {"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}}, []),
        ({"contentBlockStart": {"contentBlockIndex": 0, "start": {}}}, []),
        ({"contentBlockDelta": {"contentBlockIndex": 0}}, []),
        (stop(7), []),
        (reason("end_turn"), []),
        (METADATA, COUNTED),
        ({"metadata": {"usage": "much", "metrics": 5, "trace": []}}, []),
        ({"metadata": {"usage": {"inputTokens": "x"}, "serviceTier": 5}}, [UsageReport(Usage())]),
        ({"metadata": {}}, []),
        ({"brandNew": {"text": 5}}, []),
        ({"messageStart": None}, []),
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
        delta(text=5),
        delta(reasoningContent="x"),
        call(toolUseId=5, name="f"),
        {"contentBlockDelta": {"contentBlockIndex": "x", "delta": {"text": "x"}}},
        {"messageStop": {"stopReason": 5}},
        {"messageStop": "x"},
    ],
)
def test_what_is_no_part_of_a_stream_is_a_failure(message: Any) -> None:
    *before, last = read(START, message, delta(text="late"), reason("end_turn"), METADATA)
    assert before == BEGUN
    assert isinstance(last, Failure) and isinstance(last.error, StreamBroken)


def test_bytes_that_are_no_json_are_a_failure() -> None:
    stream = ConverseStream()
    (failure,) = stream.feed(b'{"messageStart": {')
    assert isinstance(failure, Failure)
    assert stream.feed(json.dumps(START).encode()) == [] and stream.end() == []


def test_half_a_surrogate_pair_loses_nothing_else() -> None:
    assert ConverseStream().feed(b'{"contentBlockDelta": {"delta": {"text": "a\\ud83d b"}}}') == [Text("a? b")]


# -- blocks -----------------------------------------------------------------------------------------------------------


def test_thoughts_end_with_their_seal() -> None:
    thought = [delta(reasoningContent={"text": part}) for part in ("Hm", "m.")]
    sealed = [*thought, delta(reasoningContent={"signature": "se"}), delta(reasoningContent={"signature": "al"})]
    told = [*BEGUN, Thinking("Hm"), Thinking("m.")]
    assert read(START, *sealed, stop()) == [*told, Signature("seal")]
    assert read(START, *thought, stop()) == [*told, Signature("")]


def test_a_block_of_another_kind_at_the_same_place_begins_anew() -> None:
    """Some open models give all blocks one index."""
    found = read(START, delta(reasoningContent={"text": "Hm"}), delta(text="Hi"), call(toolUseId="t", name="f"))
    assert found == [*BEGUN, Thinking("Hm"), Signature(""), Text("Hi"), ToolStart(0, "t", "f")]


def test_a_redacted_thought_amid_another_ends_it() -> None:
    pieces: list[dict[str, Any]] = [{"text": "Hm"}, {"redactedContent": "eA=="}, {"text": "So"}]
    found = read(START, *(delta(reasoningContent=piece) for piece in pieces), stop())
    told = [Thinking("Hm"), Signature(""), RedactedThinking("eA=="), Thinking("So"), Signature("")]
    assert found == [*BEGUN, *told]


def test_so_does_one_after_the_end_of_the_last() -> None:
    messages = [delta(text="a"), stop(), delta(text="b"), stop(), reason("end_turn"), METADATA]
    said = ({"type": "text", "text": "a"}, {"type": "text", "text": "b"})
    assert Said(said) in read(START, *messages, reading=Reading(keep=True))


def test_calls_are_counted_by_themselves() -> None:
    found = read(
        START,
        delta(0, text="Well"),
        stop(0),
        call(1, toolUseId="a", name="f"),
        delta(1, toolUse={"input": ""}),
        delta(1, toolUse={"input": '{"x":'}),
        delta(1, toolUse={"input": "1}"}),
        stop(1),
        call(2, toolUseId="b", name="g"),
        stop(2),
    )
    calls = [ToolStart(0, "a", "f"), ToolArguments(0, '{"x":'), ToolArguments(0, "1}")]
    assert found == [*BEGUN, Text("Well"), *calls, ToolStart(1, "b", "g"), ToolArguments(1, "{}")]


def test_tools_have_their_clients_names() -> None:
    reading = Reading(names={"a_b": "a b"}, custom=frozenset({"free"}))
    messages = [
        call(0, toolUseId="1", name="a_b"),
        stop(0),
        call(1, toolUseId="2", name="free"),
        delta(1, toolUse={"input": '{"input": "x y"}'}),
        stop(1),
    ]
    told = [ToolStart(0, "1", "a b"), ToolArguments(0, "{}"), CustomCall(1, "2", "free", "x y")]
    assert read(START, *messages, reading=reading) == [*BEGUN, *told]


def test_the_hidden_tools_arguments_are_the_answer() -> None:
    messages = [delta(0, text="Let me see."), stop(0), call(1, toolUseId="1", name="json"), stop(1)]
    messages.insert(3, delta(1, toolUse={"input": '{"a": 1}'}))
    found = read(START, *messages, reason("tool_use"), METADATA, reading=Reading(answer_tool="json"))
    assert found == [*BEGUN, Text('{"a": 1}'), *COUNTED, Stop("stop", upstream_reason="tool_use")]


def test_what_was_said_is_kept_in_claudes_blocks() -> None:
    messages = [
        delta(0, reasoningContent={"text": "Hm"}),
        delta(0, reasoningContent={"signature": "seal"}),
        stop(0),
        delta(1, reasoningContent={"redactedContent": "eA=="}),
        stop(1),
        delta(2, text="Well"),
        stop(2),
        call(3, toolUseId="t", name="f"),
        delta(3, toolUse={"input": '{"a": 1}'}),
        stop(3),
    ]
    said = (
        {"type": "thinking", "thinking": "Hm", "signature": "seal"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "text", "text": "Well"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    )
    found = read(START, *messages, reason("tool_use"), METADATA, reading=Reading(keep=True))
    assert found[-2:] == [Said(said), Stop("tool_calls", upstream_reason="tool_use")]


# -- endings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_model_output", "stop"),
        ("malformed_tool_use", "stop"),
        ("tool_use", "stop"),  # the client got no call
        ("brand_new", "stop"),
        (None, "stop"),
    ],
)
def test_reasons_to_stop(word: str | None, finish: Any) -> None:
    guessed = word in ("malformed_model_output", "malformed_tool_use", "brand_new")
    ending = Stop(finish, upstream_reason=word, guessed=guessed)
    assert read(START, delta(text="Hi"), reason(word), METADATA) == [*BEGUN, Text("Hi"), *COUNTED, ending]
    assert whole({"text": "Hi"}, stopReason=word)[-1] == ending


def test_the_end_waits_for_the_tokens() -> None:
    stream = ConverseStream()
    assert fed(stream, START, delta(text="Hi"), stop(), reason("end_turn")) == [*BEGUN, Text("Hi")]
    assert fed(stream, METADATA) == [*COUNTED, Stop("stop", upstream_reason="end_turn")]
    assert fed(stream, METADATA, delta(text="late"), reason("max_tokens")) == []
    assert stream.end() == []


def test_tokens_that_come_first_hold_nothing_up() -> None:
    ending = Stop("stop", upstream_reason="end_turn")
    assert read(START, METADATA, delta(text="Hi"), reason("end_turn")) == [*BEGUN, *COUNTED, Text("Hi"), ending]


def test_a_stream_without_its_tokens_ends_well() -> None:
    stream = ConverseStream()
    fed(stream, START, delta(text="Hi"), reason("end_turn"))
    assert stream.end() == [Stop("stop", upstream_reason="end_turn")]
    assert stream.end() == []


def test_a_stream_without_its_stop_reason_does_not_end() -> None:
    stream = ConverseStream()
    fed(stream, START, delta(text="Hi"), METADATA)
    assert stream.end() == []


def test_an_end_before_the_beginning_is_a_failure() -> None:
    (failure,) = read(reason("end_turn"), {"metadata": {}})
    assert isinstance(failure, Failure) and isinstance(failure.error, StreamBroken)


def test_after_a_pause_the_answer_goes_on() -> None:
    stream = ConverseStream()
    fed(stream, START, delta(text="Hi"), reason("end_turn"), METADATA)
    stream.resume()
    found = fed(stream, START, delta(text=" you"), reason("end_turn"), METADATA)
    assert found == [Text(" you"), UsageReport(Usage(6, 4)), Stop("stop", upstream_reason="end_turn")]


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (
            {"usage": {"inputTokens": 1, "outputTokens": 2, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 8}},
            Usage(1, 2, 4, 8),
        ),
        (
            {
                "usage": {
                    "inputTokens": 1,
                    "outputTokens": 2,
                    "cacheWriteInputTokens": 8,
                    "cacheDetails": [
                        {"ttl": "1h", "inputTokens": 5},
                        {"ttl": "5m", "inputTokens": 2},
                        {"ttl": "1h", "inputTokens": True},
                        "1h",
                    ],
                }
            },
            Usage(1, 2, cache_write=8, cache_write_1h=5),
        ),
        (
            {"usage": {"inputTokens": 1, "outputTokens": 2}, "serviceTier": {"type": "priority"}},
            Usage(1, 2, tier="priority"),
        ),
        (
            {"usage": {"inputTokens": 1, "outputTokens": 2}, "serviceTier": {"type": "default"}},
            Usage(1, 2, tier="default"),
        ),
        ({"usage": {"inputTokens": 1, "outputTokens": 2}, "serviceTier": {"type": "flex"}}, Usage(1, 2)),
        ({"usage": {"inputTokens": 1, "outputTokens": 2}, "serviceTier": {"type": None}}, Usage(1, 2)),
    ],
)
def test_tokens(told: Any, usage: Usage) -> None:
    assert read(START, {"metadata": told}) == [*BEGUN, UsageReport(usage)]
    assert UsageReport(usage) in whole({"text": "Hi"}, **told)


# -- in one piece -----------------------------------------------------------------------------------------------------


def test_an_answer_in_one_piece() -> None:
    found = whole(
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "seal"}}},
        {"reasoningContent": {"reasoningText": {"text": "Unsigned"}}},
        {"reasoningContent": {"redactedContent": "eA=="}},
        {"text": "Well"},
        {"citationsContent": {"content": [{"text": " so"}, {"text": " so"}], "citations": [{"title": "A"}]}},
        {"citationsContent": {"citations": []}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": [1]}}},
        {"toolUse": {"toolUseId": "u", "name": "g", "input": {}}},
        {"toolUse": {"toolUseId": "v", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "v", "content": []}},
        {"image": {"format": "png", "source": {"bytes": "eA=="}}},
        {"brandNew": 5},
        stopReason="tool_use",
        metrics={"latencyMs": 5},
    )
    assert found == [
        *BEGUN,
        *(Thinking("Hm"), Signature("seal"), Thinking("Unsigned"), Signature(""), RedactedThinking("eA==")),
        *(Text("Well"), Text(" so so")),
        *(ToolStart(0, "t", "f"), ToolArguments(0, '{"a":[1]}'), ToolStart(1, "u", "g"), ToolArguments(1, "{}")),
        *COUNTED,
        Stop("tool_calls", upstream_reason="tool_use"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b"{}",
        b'{"output": {"message": {"content": 5}}}',
        b'{"output": {"message": {"content": [{"text": 5}]}}}',
        b'{"message": "Too many requests"}',
        b"[" * 100_000,
    ],
)
def test_anything_else_in_one_piece_is_a_failure(body: bytes) -> None:
    stream = ConverseStream()
    (failure,) = stream.whole(body)
    assert isinstance(failure, Failure) and isinstance(failure.error, BridgeError)
    assert stream.whole(body) == [] and stream.end() == []


def test_an_error_object_is_told() -> None:
    (failure,) = ConverseStream().whole(b'{"message": "Too many requests, please wait."}')
    assert isinstance(failure, Failure) and "Too many requests" in failure.error.message
