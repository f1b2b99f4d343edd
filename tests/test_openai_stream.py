"""OpenAI's answers as events: what the record sees, and when an answer has ended well."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oai_bridge.dialects.openai_stream import DONE, OpenAiStream, choices_of, finish_reason
from oai_bridge.errors import CloudError, StreamBroken
from oai_bridge.events import Event, Failure, Start, Stop, Text, Thinking, ToolArguments, ToolStart, Usage, UsageReport
from oai_bridge.models.passed import Cloud
from oai_bridge.wire.sse import SseDecoder
from tests.support.mutations import bytes_damaged, json_damaged
from tests.support.openai_streams import (
    AZURE,
    AZURE_ASYNC,
    AZURE_BLOCKED,
    GEMINI,
    OPENAI,
    STREAMS,
    THINKING,
    TOOLS,
    TWO,
    annotation,
    choice,
    chunk,
    completion,
    messages_of,
    prompt_results,
    spoken,
    sse,
    usage_chunk,
)
from tests.support.splits import damaged

USAGE = Usage(16, 9, 4, 0, 3)
STARTED = Start("chatcmpl-up1", "gpt-4o-2024-08-06")


def events(stream: bytes, cloud: Cloud = "azure") -> list[Event]:
    """What is told of a stream and its end."""
    decoder, dialect = SseDecoder(), OpenAiStream(cloud)
    frames = [*decoder.feed(stream), *decoder.close()]
    read = [event for frame in frames if isinstance(frame, bytes) for event in dialect.feed(frame)]
    return read + dialect.end()


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (
            OPENAI,
            [STARTED, Text("Hello"), Text(", world\u2028!"), UsageReport(USAGE), Stop("stop", upstream_reason="stop")],
        ),
        (TWO, [STARTED, Text("A"), UsageReport(USAGE), Stop("stop", upstream_reason="stop")]),
        (
            TOOLS,
            [
                *(STARTED, ToolStart(0, "call_a", "f"), ToolArguments(0, '{"x":'), ToolArguments(0, "1}")),
                *(ToolStart(1, "call_b", "g"), ToolArguments(1, "{}"), UsageReport(USAGE)),
                Stop("tool_calls", upstream_reason="tool_calls"),
            ],
        ),
        (AZURE, [STARTED, Text("Color"), Text(" is"), UsageReport(USAGE), Stop("stop", upstream_reason="stop")]),
        (AZURE_ASYNC, [STARTED, Text("Color"), Text(" is"), UsageReport(USAGE), Stop("stop", upstream_reason="stop")]),
        (AZURE_BLOCKED, [STARTED, Text("Hey"), Stop("content_filter", upstream_reason="content_filter")]),
        (
            GEMINI,
            [
                *(Start("nQiNafGy", "google/gemini-3.5-flash"), Thinking("Weighing."), Text("Rain"), Text(" falls.")),
                *(UsageReport(Usage(27, 549, reasoning=504)), Stop("stop", upstream_reason="stop")),
            ],
        ),
        (THINKING, [STARTED, Thinking("Hm."), Thinking("So."), Text("Yes."), Stop("stop", upstream_reason="stop")]),
    ],
)
def test_a_stream_is_told(stream: bytes, told: list[Event]) -> None:
    assert events(stream) == told


def last(*messages: Any) -> Event | None:
    """How a stream of these ends, if it does."""
    told = events(sse(*messages))
    return told[-1] if told and isinstance(told[-1], Stop | Failure) else None


# -- the ending --------------------------------------------------------------------------------------------------------


def test_the_end_comes_with_done_and_not_before() -> None:
    dialect = OpenAiStream("azure")
    for message in [*spoken("Hi"), usage_chunk()]:
        assert not any(isinstance(event, Stop | Failure) for event in dialect.feed(json.dumps(message).encode()))
    assert dialect.feed(DONE) == [Stop("stop", upstream_reason="stop")]
    assert dialect.feed(DONE) == dialect.end() == dialect.feed(b"{") == dialect.whole(b"{}") == []


def test_a_stream_that_forgets_done_ends_if_every_choice_has() -> None:
    assert last(*spoken("Hi")) == Stop("stop", upstream_reason="stop")
    assert last(*list(spoken("Hi"))[:-1]) is None
    assert last(*spoken("Hi"), chunk({"content": "B"}, 1)) is None
    assert last() is None and last(prompt_results()) is None and last(usage_chunk()) is None


def test_done_before_the_finish_is_a_broken_stream() -> None:
    for begun in ([], [prompt_results()], list(spoken("Hi"))[:-1], [*spoken("Hi"), chunk({"content": "B"}, 1)]):
        ended = last(*begun, "[DONE]")
        assert isinstance(ended, Failure) and isinstance(ended.error, StreamBroken)


def test_a_filter_has_the_last_word() -> None:
    blocked = Stop("content_filter", upstream_reason="content_filter")
    assert last(*spoken("Hi"), annotation(9, "content_filter"), "[DONE]") == blocked
    assert last(*list(spoken("Hi"))[:-1], annotation(9, "content_filter"), chunk({}, 0, "stop"), "[DONE]") == blocked


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("function_call", "tool_calls"),
        ("max_tokens", "length"),
        ("content_filter: PROHIBITED_CONTENT", "content_filter"),
        ("brand_new", "stop"),
    ],
)
def test_other_words_for_the_finish(told: str, reason: str) -> None:
    assert finish_reason(told) == reason
    guessed = told == "brand_new"
    assert last(*spoken("Hi", finish=told)) == Stop(finish_reason(told), upstream_reason=told, guessed=guessed)


def test_a_refusal_is_told_with_the_end() -> None:
    pieces = [chunk({"role": "assistant", "refusal": None}), chunk({"refusal": "I can"}), chunk({"refusal": "'t."})]
    assert last(*pieces, chunk({}, 0, "stop"), "[DONE]") == Stop("stop", refusal="I can't.", upstream_reason="stop")


# -- errors in a stream ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ({"error": {"message": "Slow down.", "type": "rate_limit_error", "code": None}}, 429, "rate_limit_exceeded"),
        ({"error": {"message": "No.", "type": "server_error"}}, 500, None),
        ({"error": {"message": "No.", "code": 500}}, 500, None),
        ({"error": "Out of memory"}, 502, "upstream_error"),
        ({"object": "error", "message": "Bad.", "type": "BadRequestError", "code": 400}, 400, None),
        ([{"error": {"code": 429, "message": "Busy.", "status": "RESOURCE_EXHAUSTED"}}], 429, "rate_limit_exceeded"),
    ],
)
def test_an_error_in_a_stream_has_its_status(message: Any, status: int, code: str | None) -> None:
    for before in ([], list(spoken("Hi"))[:-1]):
        ended = last(*before, message, "[DONE]")
        assert isinstance(ended, Failure) and isinstance(ended.error, CloudError)
        assert (ended.error.status, ended.error.code) == (status, code)


@pytest.mark.parametrize("garbage", ["{", "null", "7", '"text"', "[]", "[1, 2]", "1e999", "[DONE"])
def test_garbage_is_a_broken_stream(garbage: str) -> None:
    ended = last(*list(spoken("Hi"))[:-1], garbage, chunk({}, 0, "stop"), "[DONE]")
    assert isinstance(ended, Failure) and isinstance(ended.error, StreamBroken)
    assert "not part of a chat's stream" in ended.error.message


def test_an_unknown_message_says_nothing() -> None:
    assert events(sse({"type": "ping"}, *spoken("Hi"), {"object": "new"}, "[DONE]"))[:2] == [STARTED, Text("Hi")]


def test_half_surrogates_are_survived() -> None:
    assert Text("a?") in events(sse(json.dumps(chunk({"content": "X"})).replace("X", "a\\ud83d")))


# -- odd chunks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [None, 5, "x", [], ["x"], {}, {"content": 5, "tool_calls": "x"}])
def test_an_odd_delta_says_nothing(odd: Any) -> None:
    told = events(sse(*spoken("Hi"), {"id": 5, "choices": [{"delta": odd}]}, {"choices": odd}, "[DONE]"))
    assert told == [STARTED, Text("Hi"), Stop("stop", upstream_reason="stop")]


def test_calls_without_an_index_count_by_their_names() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": "{"}}
    more = {"function": {"arguments": "}"}}
    told = events(sse(chunk({"tool_calls": [call, more]}), chunk({"tool_calls": [{**call, "id": "b"}, 5]})))
    assert told[1:] == [
        *(ToolStart(0, "a", "f"), ToolArguments(0, "{"), ToolArguments(0, "}")),
        *(ToolStart(1, "b", "f"), ToolArguments(1, "{")),
    ]


def test_a_call_that_repeats_its_name_starts_once() -> None:
    """As Gemini's do when their arguments are streamed."""
    piece = {"index": 7, "id": "a", "function": {"name": "f", "arguments": "1"}}
    told = events(sse(*(chunk({"tool_calls": [piece]}) for _ in range(3))))
    assert told[1:] == [ToolStart(0, "a", "f"), *(ToolArguments(0, "1") for _ in range(3))]


def test_the_older_function_call_is_a_call() -> None:
    told = events(
        sse(chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": "1"}}))
    )
    assert told[1:] == [ToolStart(0, "", "f"), ToolArguments(0, "1")]


def test_an_older_call_comes_after_what_was_said_with_it() -> None:
    called = {"name": "f", "arguments": "{}"}
    told = events(sse(chunk({"content": "Hi", "function_call": called})))
    assert told[1:] == [Text("Hi"), ToolStart(0, "", "f"), ToolArguments(0, "{}")]


def test_of_two_choices_in_a_chunk_the_first_is_told() -> None:
    two = {"choices": [{"index": number, "delta": {"content": text}} for number, text in enumerate("AB")]}
    assert events(sse(two))[1:] == [Text("A")]


def test_text_alone_is_no_end() -> None:
    dialect = OpenAiStream("azure")
    assert dialect.text("Hi") == [Text("Hi")]
    assert dialect.end() == []
    assert [type(event) for event in dialect.done()] == [Failure]


def test_an_error_goes_before_choices_and_a_message_beside_them_is_none() -> None:
    (failure,) = OpenAiStream("azure").whole(completion(choice({"content": "Hi"}), error={"message": "No."}))
    assert isinstance(failure, Failure) and failure.error.message.startswith("No.")
    assert Text("Hi") in OpenAiStream("azure").whole(completion(choice({"content": "Hi"}), message="more"))


def test_what_is_no_choice_is_left_out() -> None:
    assert choices_of({"choices": [1, {}, None]}) == [{}]
    assert choices_of({"choices": "x"}) == choices_of(None) == choices_of([]) == choices_of({}) == []


# -- whole answers -----------------------------------------------------------------------------------------------------


def test_a_whole_answer_is_told() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "custom", "custom": {"name": "g", "input": "text"}},
    ]
    message = {"role": "assistant", "content": "Hi", "reasoning_content": "Hm.", "tool_calls": calls}
    body = completion(choice(message, "tool_calls"), choice({"content": "B"}, "length", 1), service_tier="priority")
    assert OpenAiStream("azure").whole(body) == [
        *(STARTED, Thinking("Hm."), Text("Hi"), ToolStart(0, "a", "f"), ToolArguments(0, "{}"), ToolStart(1, "b", "g")),
        *(ToolArguments(1, "text"), UsageReport(Usage(16, 9, 4, 0, 3, "priority"))),
        Stop("tool_calls", upstream_reason="tool_calls"),
    ]


def test_a_blocked_answer_without_a_message_is_whole() -> None:
    body = completion({"index": 0, "finish_reason": "content_filter: PROHIBITED_CONTENT"})
    stop = Stop("content_filter", upstream_reason="content_filter: PROHIBITED_CONTENT")
    assert OpenAiStream("vertex").whole(body)[-1] == stop


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"null", b"[]", b"{}", b'{"choices": []}', b'{"error": "No."}', b"1e999"]
)
def test_what_is_no_answer_is_a_failure(body: bytes) -> None:
    dialect = OpenAiStream("azure")
    [failure] = dialect.whole(body)
    told = b"html" in body or b"error" in body  # anything else may be paid for
    assert isinstance(failure, Failure) and isinstance(failure.error, CloudError if told else StreamBroken)
    assert dialect.whole(body) == dialect.feed(body) == []


def test_a_reason_that_nobody_knows_is_a_guess() -> None:
    for word, guessed in (("brand_new", True), ("stop", False), ("content_filter: X", False), (None, False)):
        (*_, stop) = OpenAiStream("azure").whole(completion({"index": 0, "finish_reason": word}))
        assert isinstance(stop, Stop) and stop.guessed is guessed


@pytest.mark.parametrize(
    "body",
    [
        b'{"message": {"role": "assistant", "content": "Secret"}, "done": true}',  # as Ollama answers
        b'{"error": {"code": 1}, "choices": [{"message": {"content": "Secret"}}]}',
        b'{"error": true, "output": "Secret"}',
    ],
)
def test_what_may_be_an_answer_of_another_kind_is_not_quoted(body: bytes) -> None:
    (failure,) = OpenAiStream("azure").whole(body)
    assert isinstance(failure, Failure) and "Secret" not in failure.error.message
    assert isinstance(failure.error, CloudError) is (b"error" in body)


# -- totality ----------------------------------------------------------------------------------------------------------


def ended_once(told: Iterable[Event]) -> bool:
    endings = [isinstance(event, Stop | Failure) for event in told]
    return sum(endings) <= 1 and not any(endings[:-1])


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_damaged_has_one_ending(name: str) -> None:
    for stream in bytes_damaged(STREAMS[name], 500):
        assert ended_once(events(stream, "bedrock"))


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_of_odd_values_has_one_ending(name: str) -> None:
    for messages in json_damaged(messages_of(STREAMS[name]), 300):
        dialect = OpenAiStream("vertex")
        told = [event for message in messages for event in dialect.feed(message)]
        assert ended_once([*told, *dialect.feed(DONE), *dialect.end()])


def test_an_odd_answer_is_survived() -> None:
    calls = [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]
    body = json.loads(completion(choice({"content": "Hi", "tool_calls": calls}), choice({"refusal": "No."}, None, 1)))
    for messages in json_damaged([body], 1500):
        for hurt in messages:
            assert isinstance(OpenAiStream("azure").whole(hurt)[-1], Stop | Failure)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(list(STREAMS.values())), st.sampled_from(("azure", "vertex", "bedrock")))
def test_a_damaged_stream_has_one_ending(pieces: list[bytes], cloud: Cloud) -> None:
    assert ended_once(events(b"".join(pieces), cloud))
