"""Claude's messages as events: what the golden streams don't show one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.dialects.claude_wire import read_event
from oai_bridge.dialects.reading import Reading
from oai_bridge.errors import StreamBroken
from oai_bridge.events import (
    Citation,
    CustomCall,
    Event,
    Failure,
    Pause,
    Ping,
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
from tests.support.cases import streams
from tests.support.claude_rules import message_of

START = {"type": "message_start", "message": {"id": "msg_1", "model": "m"}}
BEGUN: list[Event] = [Start("msg_1", "m")]


END = {"type": "message_stop"}
AS_SENT = Reading()


def read(*messages: Any, reading: Reading = AS_SENT) -> list[Event]:
    return fed(ClaudeStream(reading), *messages)


def fed(stream: ClaudeStream, *messages: Any) -> list[Event]:
    return [event for message in messages for event in stream.feed(json.dumps(message).encode())]


def block(index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": fields}


def delta(index: int = 0, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": fields}


def stop(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def reason(word: str | None, **fields: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": word, **fields}}


def whole(*blocks: Any, reading: Reading = AS_SENT, **fields: Any) -> list[Event]:
    message = {"type": "message", "id": "msg_1", "model": "m", "content": blocks, **fields}
    return ClaudeStream(reading).whole(json.dumps(message).encode())


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
        (delta(type="input_json_delta", partial_json="{"), []),
        (delta(type="compaction_delta", content="x", encrypted_content=None), []),
        ({"type": "content_block_start", "index": 0}, []),
        ({"type": "content_block_stop", "index": 7}, []),
        ({"type": "ping"}, [Ping()]),
        (block(type="brand_new", text=5, input="x"), []),
        (delta(type="brand_new", text=5), []),
        ({"type": "message_delta", "usage": "much"}, []),
        ({"type": "message_delta", "usage": {"output_tokens": "x"}}, [UsageReport(Usage())]),
        ({"type": "brand_new", "delta": 5, "message": [], "index": "x"}, []),
        ({}, []),
        (START, []),
        ({"type": "message_start", "message": {"id": "msg_2", "usage": {"input_tokens": 9}}}, []),
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
    last = reason("stop_sequence", stop_sequence="x")
    assert read(START, last) == BEGUN
    assert read(START, last, END, START) == [*BEGUN, Stop("stop", "x", upstream_reason="stop_sequence")]


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("compaction", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("overloaded_error", "stop"),
        ("brand_new", "stop"),
        (None, "stop"),
    ],
)
def test_no_finish_reason_of_the_vendor_leaks(word: str | None, finish: str) -> None:
    """Portkey's `finish_reason: "overloaded_error"`, bedrock-access-gateway's "refusal": OpenAI's SDK knows neither."""
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    streamed = read(START, block(**call), stop(), reason(word), END)[-1]
    assert streamed == whole(call, stop_reason=word)[-1]
    assert isinstance(streamed, Stop) and (streamed.reason, streamed.upstream_reason) == (finish, word)


@pytest.mark.parametrize(
    ("details", "told"),
    [
        ({"explanation": "No.", "category": "c"}, "No."),
        ({"explanation": None, "category": "weapons"}, "The model refused this request (weapons)."),
        ({"explanation": [["x"]], "category": 5}, "The model refused this request (no reason given)."),
        ("odd", "The model refused this request (no reason given)."),
        (None, "The model refused this request (no reason given)."),
    ],
)
def test_a_refusal_explains_itself_after_what_was_said(details: Any, told: str) -> None:
    events = read(START, block(type="text", text="I"), reason("refusal", stop_details=details), END)
    assert events == [*BEGUN, Text("I"), Stop("content_filter", None, told, "refusal")]
    assert whole(stop_reason="refusal", stop_details=details)[-1] == Stop("content_filter", None, told, "refusal")


TEXT = block(type="text", text="Let me look.")
THOUGHT = [
    block(1, type="thinking", thinking="", signature=""),
    delta(1, type="thinking_delta", thinking="Hm"),
    stop(1),
]


def test_tool_calls_are_counted_from_0_whatever_stands_between() -> None:
    """litellm#5231, bedrock-access-gateway#134, CLIProxyAPI#5229: indexes of content blocks broke clients' lists."""
    calls: list[Any] = []
    for index, name in ((2, "f"), (4, "g")):
        calls += [
            block(index, type="tool_use", id=f"t{index}", name=name, input={}),
            delta(index, type="input_json_delta", partial_json='{"a":'),
            delta(index, type="input_json_delta", partial_json="1}"),
            stop(index),
            block(index + 1, type="text", text=""),
            stop(index + 1),
        ]
    events = read(START, TEXT, stop(), *THOUGHT, *calls, reason("tool_use"), END)
    assert [event for event in events if isinstance(event, (ToolStart, ToolArguments))] == [
        *(ToolStart(0, "t2", "f"), ToolArguments(0, '{"a":'), ToolArguments(0, "1}")),
        *(ToolStart(1, "t4", "g"), ToolArguments(1, '{"a":'), ToolArguments(1, "1}")),
    ]


def test_the_clouds_own_tools_are_no_calls_of_the_client() -> None:
    """LiteLLM tells `server_tool_use` as tool calls: agents try to answer them."""
    used = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"type": "web_search_result"}]}
    pieces = [
        *(block(**used), delta(type="input_json_delta", partial_json='{"query":"x"}'), stop()),
        *(block(1, **found), stop(1), reason("tool_use"), END),
    ]
    assert read(START, *pieces) == [*BEGUN, Stop("stop", upstream_reason="tool_use")]
    assert whole(used, found, stop_reason="tool_use")[1:] == [Stop("stop", upstream_reason="tool_use")]


def test_a_block_that_never_ended_is_told_at_the_end() -> None:
    call = block(type="tool_use", id="t", name="f", input={"a": 1})
    assert read(START, call, reason("tool_use"), END)[2:4] == [
        ToolArguments(0, '{"a":1}'),
        Stop("tool_calls", upstream_reason="tool_use"),
    ]
    again = read(START, call, block(type="text", text="Hi"))
    assert again[2:] == [ToolArguments(0, '{"a":1}'), Text("Hi")], "its index was taken by another"


def test_a_thought_is_sealed_when_it_ends() -> None:
    seal = [delta(1, type="signature_delta", signature="a"), delta(1, type="signature_delta", signature="b")]
    shown = [block(1, type="thinking", thinking="H"), delta(1, type="thinking_delta", thinking="m"), *seal, stop(1)]
    hidden = [block(2, type="thinking", thinking="", signature="c"), stop(2)]
    assert read(START, *shown, *hidden, *THOUGHT)[1:] == [
        *(Thinking("H"), Thinking("m"), Signature("ab")),
        Signature("c"),
        *(Thinking("Hm"), Signature("")),
    ]
    assert whole({"type": "thinking", "thinking": "", "signature": "c"})[1] == Signature("c")


READING = Reading(names={"get_x": "get.x", "shell": "sh.ell"}, custom=frozenset({"sh.ell"}), answer_tool="answer")


def test_tools_have_the_clients_names() -> None:
    call, other = block(type="tool_use", id="t", name="get_x"), block(1, type="tool_use", id="u", name="sh.ell_2")
    assert read(START, call, other, reading=READING)[1:] == [ToolStart(0, "t", "get.x"), ToolStart(1, "u", "sh.ell_2")]


def test_a_custom_tool_gets_its_text_whole() -> None:
    pieces = [delta(1, type="input_json_delta", partial_json=piece) for piece in ('{"input": "ls', ' -l"}')]
    function = block(type="tool_use", id="t", name="get_x", input={})
    custom = block(1, type="tool_use", id="u", name="shell", input={})
    events = read(START, function, stop(), custom, *pieces, stop(1), reason("tool_use"), END, reading=READING)
    assert events[3:] == [CustomCall(1, "u", "sh.ell", "ls -l"), Stop("tool_calls", upstream_reason="tool_use")]


JSON = [delta(1, type="input_json_delta", partial_json=piece) for piece in ('{"a"', ":1}")]
ANSWER = [block(1, type="tool_use", id="t", name="answer", input={}), *JSON, stop(1)]
SOURCE = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x"}


def test_the_hidden_tools_arguments_are_the_answer_alone() -> None:
    cited = delta(type="citations_delta", citation=SOURCE)
    messages = [START, *THOUGHT, TEXT, cited, stop(), *ANSWER, reason("tool_use"), END]
    events = read(*messages, reading=READING)
    assert events[3:] == [Text('{"a"'), Text(":1}"), Stop("stop", upstream_reason="tool_use")]
    text, call = {"type": "text", "text": "Here:"}, {"type": "tool_use", "id": "t", "name": "answer", "input": {"a": 1}}
    second = call | {"input": {"a": 2}}
    assert whole(text, call, second, stop_reason="tool_use", reading=READING) == [
        *(*BEGUN, Text('{"a":1}')),
        Stop("stop", upstream_reason="tool_use"),
    ]


def test_text_waits_until_the_hidden_tool_is_not_called() -> None:
    call = block(1, type="tool_use", id="t", name="get_x", input={})
    stream = ClaudeStream(READING)
    assert fed(stream, START, TEXT, stop(), call, stop(1), reason("tool_use")) == [
        *(*BEGUN, ToolStart(0, "t", "get.x"), ToolArguments(0, "{}"))
    ]
    assert fed(stream, END) == [Text("Let me look."), Stop("tool_calls", upstream_reason="tool_use")]


def test_the_webs_sources_stand_beside_their_text() -> None:
    other = {"type": "char_location", "document_index": 0, "cited_text": "x"}
    messages = [
        *(START, block(type="text", text="Well"), stop(), block(1, type="text", text="", citations=[])),
        delta(1, type="citations_delta", citation=SOURCE),
        delta(1, type="text_delta", text="It 😀"),
        delta(1, type="citations_delta", citation=other),
        delta(1, type="citations_delta", citation={**SOURCE, "title": None}),
        *(delta(1, type="citations_delta", citation=odd) for odd in ("odd", {**SOURCE, "url": None})),
        stop(1),
    ]
    cited = [Citation("https://a.example", "A", 4, 8), Citation("https://a.example", "", 4, 8)]
    assert read(*messages)[1:] == [Text("Well"), Text("It 😀"), *cited]
    text = {"type": "text", "text": "It 😀", "citations": [SOURCE, other, {**SOURCE, "title": None}, "odd"]}
    assert whole({"type": "text", "text": "Well", "citations": None}, text)[2:5] == [Text("It 😀"), *cited]


KEEP = Reading(keep=True)
USED = {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"query": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": [{"url": "u", "encrypted_content": "e"}]}
TURN = [
    {"type": "thinking", "thinking": "Hm", "signature": "s"},
    {"type": "redacted_thinking", "data": "d"},
    USED,
    FOUND,
    {"type": "text", "text": "Found.", "citations": [SOURCE]},
]


def streamed(content: list[dict[str, Any]], **usage: Any) -> list[Any]:
    """One request's part of an answer, paused."""
    head = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": usage}}
    blocks = [message for at, part in enumerate(content) for message in (block(at, **part), stop(at))]
    return [head, *blocks, reason("pause_turn"), END]


def test_a_pause_is_no_ending_where_the_turn_is_kept() -> None:
    assert read(*streamed(TURN), reading=KEEP)[-2:] == [Said(tuple(TURN)), Pause()]
    assert read(*streamed(TURN))[-1] == Stop("length", upstream_reason="pause_turn")
    assert whole(*TURN, stop_reason="pause_turn", reading=KEEP)[-2:] == [Said(tuple(TURN)), Pause()]


def test_an_answer_goes_on_after_a_pause() -> None:
    stream = ClaudeStream(KEEP)
    first = fed(stream, *streamed(TURN, input_tokens=10, output_tokens=5, output_tokens_details={"thinking_tokens": 3}))
    assert first[:2] == [Start("msg_1", "m"), UsageReport(Usage(10, 5, reasoning=3))]
    assert fed(stream, START, TEXT, END) == [], "nothing goes on by itself"
    stream.resume()
    text, call = {"type": "text", "text": "So"}, {"type": "tool_use", "id": "t", "name": "f", "input": {}}
    second = fed(stream, *streamed([text | {"citations": [SOURCE]}, call], input_tokens=20, output_tokens=7))
    assert second == [
        UsageReport(Usage(30, 12, reasoning=3)),
        *(Text("So"), Citation("https://a.example", "A", 6, 8)),
        *(ToolStart(0, "t", "f"), ToolArguments(0, "{}")),
        *(Said((*TURN, text | {"citations": [SOURCE]}, call)), Pause()),
    ]
    stream.resume()
    fed(stream, delta(1, type="input_json_delta", partial_json='{"lost": 1}'))
    last = stream.whole(json.dumps({"type": "message", "content": [call], "stop_reason": "tool_use"}).encode())
    assert last == [
        *(ToolStart(1, "t", "f"), ToolArguments(1, "{}")),
        Said((*TURN, text | {"citations": [SOURCE]}, call, call)),
        Stop("tool_calls", upstream_reason="tool_use"),
    ]


def test_a_part_that_never_began_is_a_failure() -> None:
    stream = ClaudeStream(KEEP)
    fed(stream, *streamed(TURN))
    stream.resume()
    assert isinstance(fed(stream, END)[-1], Failure)


def test_a_part_without_a_reason_does_not_take_the_last_ones() -> None:
    stream = ClaudeStream(KEEP)
    fed(stream, *streamed(TURN))
    stream.resume()
    assert fed(stream, START, END)[-1] == Stop("stop")


def test_after_the_end_nothing_is_taken_whoever_has_read_it() -> None:
    stream = ClaudeStream()
    fed(stream, START, END)
    message = json.dumps(delta(type="text_delta", text="more")).encode()
    assert stream.take(read_event(message), message) == []


def test_a_block_of_an_unknown_kind_is_not_told_in_a_stream_either() -> None:
    secret = delta(type="text_delta", text="SECRET"), delta(type="thinking_delta", thinking="SECRET")
    known = block(1, type="text", text=""), delta(1, type="text_delta", text="Hi"), stop(1)
    assert read(START, block(type="brand_new"), *secret, stop(), *known, END) == [*BEGUN, Text("Hi"), Stop("stop")]


def test_what_waited_is_told_once_though_the_answer_pauses() -> None:
    stream = ClaudeStream(Reading(answer_tool="answer", keep=True))
    first = fed(stream, *streamed([{"type": "text", "text": "one "}]))
    stream.resume()
    second = fed(stream, *streamed([{"type": "text", "text": "two"}]))
    assert [event.text for event in first + second if isinstance(event, Text)] == ["one ", "two"]


def test_a_later_word_without_a_reason_takes_none_away() -> None:
    assert read(START, reason("max_tokens"), reason(None), END)[-1] == Stop("length", upstream_reason="max_tokens")


@pytest.mark.parametrize("word", ["brand_new", "malformed_model_output"])
def test_a_reason_that_nobody_knows_is_a_guess(word: str) -> None:
    assert read(START, reason(word), END)[-1] == Stop("stop", upstream_reason=word, guessed=True)
    assert whole(stop_reason=word)[-1] == Stop("stop", upstream_reason=word, guessed=True)


def test_a_whole_answer_that_tells_no_usage_tells_none() -> None:
    assert not any(isinstance(event, UsageReport) for event in whole({"type": "text", "text": "Hi"}))


def test_bedrocks_count_stands_in_where_claude_told_none() -> None:
    end = END | {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 16, "outputTokenCount": 21}}
    assert read(START, end)[1:] == [UsageReport(Usage(16, 21)), Stop("stop")]
    told = {"type": "message_start", "message": {"id": "msg_1", "model": "m", "usage": {"input_tokens": 1}}}
    assert read(told, end)[1:] == [UsageReport(Usage(1)), Stop("stop")]


@pytest.mark.parametrize("last", [False, True])
def test_what_a_guardrail_did_is_told_in_a_stream_too(last: bool) -> None:
    acted, told = {"amazon-bedrock-guardrailAction": "INTERVENED"}, reason("end_turn")
    messages = [told, END | acted] if last else [told | acted, END]
    assert read(START, *messages)[-1] == Stop("content_filter", upstream_reason="end_turn")


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
    stream = ClaudeStream(Reading(keep=True))
    lines = [line for line in RECORDED[name].split(b"\n") if line.startswith(b"data:")]
    streamed = joined([event for line in lines for event in stream.feed(line[5:])])
    whole = joined(ClaudeStream(Reading(keep=True)).whole(json.dumps(message_of(RECORDED[name])).encode()))
    for events in (streamed, whole):
        for at, event in enumerate(events):
            if isinstance(event, ToolArguments):
                events[at] = ToolArguments(event.index, json.dumps(json.loads(event.json)))
    assert streamed == whole


KEYS = st.sampled_from(
    [
        *("type", "index", "message", "content_block", "delta", "usage", "error", "text", "input", "content"),
        *("stop_reason", "stop_details", "citations", "citation", "partial_json", "signature", "name", "id"),
    ]
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
        *("thinking", "signature_delta", "citations_delta", "server_tool_use", "pause_turn"),
    ]
)
MESSAGES = st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(KEYS, VALUES, max_size=4))


READINGS = st.sampled_from([Reading(), KEEP, Reading({"": "x"}, frozenset({"x"})), Reading(answer_tool="", keep=True)])


@settings(max_examples=300, deadline=None)
@given(st.lists(MESSAGES | VALUES, max_size=6), READINGS)
def test_any_json_gives_events_with_at_most_one_ending(messages: list[Any], reading: Reading) -> None:
    events = read(*messages, reading=reading)
    endings = [at for at, event in enumerate(events) if isinstance(event, (Stop, Failure, Pause))]
    assert endings in ([], [len(events) - 1])
    for message in messages:
        *_, last = ClaudeStream(reading).whole(json.dumps(message).encode())
        assert isinstance(last, (Stop, Failure, Pause))
