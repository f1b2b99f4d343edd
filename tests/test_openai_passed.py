"""openai/passed.py: answers go through as they came, but for what clients stumble over; the SDK judges."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oai_bridge.errors import CloudError, StreamBroken
from oai_bridge.events import Event, Failure, Ping, Stop, Text, Thinking, UsageReport
from oai_bridge.models.passed import Cloud
from oai_bridge.openai.passed import PassedStream, pass_completion
from oai_bridge.openai.reply import ReplyTo, error_event
from oai_bridge.streaming.transcript import Transcript
from oai_bridge.wire.sse import SseDecoder
from tests.support.mutations import bytes_damaged, json_damaged
from tests.support.openai_streams import (
    AZURE,
    AZURE_ASYNC,
    AZURE_BLOCKED,
    GEMINI,
    GEMINI_USAGE,
    GPT_OSS,
    OPENAI,
    PROMPT_RESULTS,
    SAFE,
    STREAMS,
    THINKING,
    TOOLS,
    TWO,
    USAGE,
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
from tests.support.sdk_types import openai_chunk_faults, openai_faults
from tests.support.splits import at_random, bytewise, damaged, in_two

TO = ReplyTo("my-model", 1700000000, "req_1")
ASKED = ReplyTo("my-model", 1700000000, "req_1", include_usage=True)
DONE = b"data: [DONE]\n\n"
RATE_LIMIT = {"error": {"message": "Slow down.", "type": "rate_limit_error", "param": None, "code": None}}


def transcript(to: ReplyTo = TO, cloud: Cloud = "azure", seen: list[Event] | None = None) -> Transcript:
    passed = PassedStream(to, cloud)
    return Transcript(SseDecoder(), passed, passed, (seen if seen is not None else []).append)


def read(pieces: Iterable[bytes], through: Transcript) -> bytes:
    """What the client gets when the cloud sends `pieces` and closes."""
    return b"".join([*map(through.feed, pieces), through.end()])


def passed(stream: bytes, to: ReplyTo = TO, cloud: Cloud = "azure") -> list[dict[str, Any]]:
    """The chunks of a stream that must end well."""
    out = read([stream], transcript(to, cloud))
    assert is_whole(out)
    return chunks(out)


def chunks(out: bytes) -> list[dict[str, Any]]:
    """The JSON of all events but `[DONE]`, as a client reads it; fails where a client would."""
    blocks = out.decode().split("\n\n")
    assert blocks.pop() == "", "the last event has its blank line"
    assert all(block.startswith("data: ") and len(block.splitlines()) == 1 for block in blocks), "U+2028 ends a line"
    return [json.loads(block.removeprefix("data: ")) for block in blocks if block != "data: [DONE]"]


def is_whole(out: bytes) -> bool:
    """Whether a stream ended well; fails if it did not end once, and with that, or had what clients stumble over."""
    values = chunks(out)
    assert all(isinstance(value["choices"], list) for value in values), "SillyTavern reads them in every event"
    assert out.count(DONE) <= 1
    errors = [value for value in values if "error" in value]
    if out.endswith(DONE):
        assert not errors
    else:
        assert errors == values[-1:] and not openai_chunk_faults(values[-1])
    for value in values[: len(values) - len(errors)]:
        assert value["model"] == "my-model" and value["object"] == "chat.completion.chunk"
        assert value["id"] and value["created"] > 0
        assert all(isinstance(one["delta"], dict) and type(one["index"]) is int for one in value["choices"])
    return not errors


# -- what goes through -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("to", [TO, ASKED])
def test_every_stream_is_one_that_the_sdk_reads(name: str, to: ReplyTo) -> None:
    values = passed(STREAMS[name], to, "bedrock" if name == "gpt_oss" else "azure")
    for value in values:
        faults = [fault for fault in openai_chunk_faults(value) if not fault.endswith("unknown key")]
        assert not faults, value


def test_chunks_go_through_but_for_the_models_name() -> None:
    kept = {"logprobs": {"content": [{"token": "Hi", "logprob": -0.1, "bytes": [72], "top_logprobs": []}]}}
    piece = chunk({"content": "Hi"}, system_fingerprint="fp_1", service_tier="default", brand_new=[1.5, None])
    piece["choices"][0] |= kept | {"content_filter_results": SAFE}
    piece.pop("usage")
    assert passed(sse(piece, chunk({}, 0, "stop"), "[DONE]"))[0] == piece | {"model": "my-model"}


def test_several_choices_go_through() -> None:
    values = passed(TWO)
    assert [(one["index"], one["delta"], one["finish_reason"]) for value in values for one in value["choices"]] == [
        *((0, {"role": "assistant", "content": ""}, None), (1, {"role": "assistant", "content": ""}, None)),
        *((0, {"content": "A"}, None), (1, {"content": "B"}, None), (0, {}, "stop")),
        *((1, {"content": "b"}, None), (1, {}, "length")),
    ]


def test_calls_go_through() -> None:
    told = [value["choices"][0]["delta"] for value in passed(TOOLS)]
    assert told == [one["choices"][0]["delta"] for one in messages_of(TOOLS) if one["choices"]]


def test_line_separators_are_escaped() -> None:
    out = read([OPENAI.replace(b"\\u2028", "\u2028\u2029".encode())], transcript())
    assert b"\\u2028\\u2029" in out and "\u2028".encode() not in out


def test_the_record_sees_the_events() -> None:
    seen: list[Event] = []
    read([GEMINI], transcript(cloud="vertex", seen=seen))
    told = [event for event in seen if isinstance(event, Thinking | Text | UsageReport | Stop)]
    assert told[:3] == [Thinking("Weighing."), Text("Rain"), Text(" falls.")] and isinstance(told[-1], Stop)


def test_an_error_that_is_none_is_left_out() -> None:
    values = passed(sse(*({**piece, "error": None} for piece in spoken("Hi")), "[DONE]"))
    assert len(values) == 3 and not any("error" in value for value in values)
    assert b"error" not in pass_completion(completion(choice({"content": "Hi"}), error=None), TO, "azure", print)


# -- ids ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nobody", ["", None, -5, []])
def test_an_answer_without_an_id_has_ours(nobody: Any) -> None:
    pieces = [{**piece, "id": nobody, "created": nobody, "object": nobody} for piece in spoken("Hi")]
    values = passed(sse(*pieces, {"choices": [], "usage": USAGE}, "[DONE]"), ASKED)
    assert len(values) == 4
    assert {(value["id"], value["created"]) for value in values} == {("chatcmpl-req_1", 1700000000)}


def test_a_chunk_of_nobodys_has_the_answers_id() -> None:
    assert {(value["id"], value["created"]) for value in passed(AZURE_ASYNC, ASKED)} == {("chatcmpl-up1", 1700000001)}


# -- usage -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "usage"), [(OPENAI, USAGE), (AZURE, USAGE), (GEMINI, GEMINI_USAGE)])
def test_tokens_are_told_at_the_end_to_those_who_asked(stream: bytes, usage: Any) -> None:
    *before, final = passed(stream, ASKED)
    assert final["choices"] == [] and final["usage"] == usage
    assert before and all(value["choices"] and value["usage"] is None for value in before)
    assert [{**value, "usage": None} for value in passed(stream)] == before
    assert not any("usage" in value for value in passed(stream))


def test_of_running_totals_the_last_is_told() -> None:
    totals = [{**USAGE, "completion_tokens": count} for count in (1, 5, 9)]
    pieces = [{**piece, "usage": usage} for piece, usage in zip(spoken("Hi"), totals, strict=True)]
    assert [value["usage"] for value in passed(sse(*pieces, "[DONE]"), ASKED)] == [None, None, None, totals[-1]]


def test_who_asked_gets_no_tokens_where_the_cloud_tells_none() -> None:
    assert [value["usage"] for value in passed(AZURE_BLOCKED, ASKED)] == [None] * 3


# -- Azure's odd chunks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["prompt_filter_results", "prompt_annotations"])
def test_what_was_found_in_the_prompt_goes_with_the_first_chunk(field: str) -> None:
    first, *rest = passed(sse(prompt_results(field), *spoken("Hi"), usage_chunk(), "[DONE]"))
    assert first[field] == PROMPT_RESULTS and first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert len(rest) == 2 and not any(field in value for value in rest)


def test_a_choice_without_a_delta_gets_an_empty_one() -> None:
    found = [one for value in passed(AZURE_ASYNC) for one in value["choices"] if "content_filter_offsets" in one]
    sent = [one for value in messages_of(AZURE_ASYNC) for one in value["choices"] if "content_filter_offsets" in one]
    assert len(found) == 2 and found == [{**one, "delta": {}} for one in sent]


def test_a_filter_that_stops_the_answer_is_told() -> None:
    final = passed(AZURE_BLOCKED)[-1]["choices"][0]
    assert (final["finish_reason"], final["delta"]) == ("content_filter", {})
    assert final["content_filter_results"]["protected_material_text"]["filtered"] is True


def test_clients_that_asked_for_no_tokens_see_no_chunk_without_choices() -> None:
    extra = {**usage_chunk(), "latency_checkpoint": {"engine": 1}}
    assert all(value["choices"] for value in passed(sse(prompt_results(), *spoken("Hi"), extra, "[DONE]")))
    assert passed(sse(*spoken("Hi"), extra, "[DONE]"), ASKED)[-1]["latency_checkpoint"] == {"engine": 1}


@pytest.mark.parametrize("to", [TO, ASKED])
def test_what_comes_last_without_choices_is_not_lost(to: ReplyTo) -> None:
    moderation = {"id": "chatcmpl-up1", "choices": [], "moderation": {"input": {"flagged": False}}}
    final = passed(sse(*spoken("Hi"), moderation, usage_chunk(), "[DONE]"), to)[-1]
    assert final["choices"] == [] and final["moderation"] == moderation["moderation"]
    assert final.get("usage") == (USAGE if to.include_usage else None)


# -- thoughts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "keys"),
    [
        ("reasoning_content", {"reasoning_content"}),
        ("reasoning", {"reasoning"}),
        ("both", {"reasoning_content", "reasoning"}),
    ],
)
def test_thoughts_stand_where_the_settings_say(field: Any, keys: set[str]) -> None:
    to = ReplyTo("my-model", 1, "req_1", reasoning_field=field)
    deltas = [one["delta"] for value in passed(THINKING, to) for one in value["choices"]]
    assert deltas[1:3] == [dict.fromkeys(keys, "Hm."), dict.fromkeys(keys, "So.")]
    body = completion(choice({"role": "assistant", "content": "Yes.", "reasoning": "Hm.", "reasoning_content": None}))
    [whole] = json.loads(pass_completion(body, to, "vertex", lambda event: None))["choices"]
    assert {key: whole["message"][key] for key in keys} == dict.fromkeys(keys, "Hm.")


def test_thoughts_in_tags_are_thoughts_on_bedrock_alone() -> None:
    seen: list[Event] = []
    out = read([GPT_OSS], transcript(cloud="bedrock", seen=seen))
    deltas = [one["delta"] for value in chunks(out) for one in value["choices"]]
    assert deltas[1:5] == [
        *({"content": "", "reasoning_content": "Sol, "}, {"content": "", "reasoning_content": "surely."}),
        *({"content": "It is "}, {"content": "<reasoning>Sol.</reasoning"}),
    ]
    assert [event for event in seen if isinstance(event, Thinking)] == [Thinking("Sol, "), Thinking("surely.")]
    assert passed(GPT_OSS)[1]["choices"][0]["delta"] == {"content": "<reasoning>Sol, </reasoning>"}


# -- the ending --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("to", [TO, ASKED])
def test_any_split_gives_the_same_bytes(name: str, to: ReplyTo) -> None:
    stream = STREAMS[name]
    whole = read([stream], transcript(to))
    assert read(bytewise(stream), transcript(to)) == whole
    for pieces in [*at_random(stream, 50), *(in_two(stream) if name == "azure_blocked" else ())]:
        assert read(pieces, transcript(to)) == whole


@pytest.mark.parametrize("name", STREAMS)
def test_a_cut_before_the_finish_is_no_success(name: str) -> None:
    stream = STREAMS[name]
    finish = stream.rindex(b'"finish_reason": "')
    whole = read([stream], transcript())
    for at in range(0, finish, 7):
        through = transcript()
        out = read([stream[:at]], through)
        assert isinstance(through.failure, StreamBroken) and not through.whole
        error = error_event(through.failure)
        assert out.endswith(error) and whole.startswith(out.removesuffix(error))
        assert is_whole(out) is False


def test_nothing_is_written_before_the_answer_has_begun() -> None:
    for before in (b"", b": ping\n\n", sse(prompt_results()), sse(usage_chunk()), sse({"type": "ping"})):
        through = transcript()
        assert through.feed(before) == b""
        out = through.feed(sse(RATE_LIMIT))
        assert through.failure is not None and out == error_event(through.failure) and not through.begun
        assert isinstance(through.failure, CloudError) and through.failure.status == 429


def test_an_error_amid_the_answer_ends_it() -> None:
    through = transcript()
    out = read([sse(*list(spoken("Hi"))[:-1], RATE_LIMIT, *spoken("late"), "[DONE]")], through)
    assert is_whole(out) is False and b"late" not in out
    assert chunks(out)[-1]["error"] == RATE_LIMIT["error"] | {
        "message": through.failure.message if through.failure else "",
        "code": "rate_limit_exceeded",
    }


def test_nothing_is_said_after_the_ending() -> None:
    for stream in (OPENAI, sse(*list(spoken("Hi"))[:-1], RATE_LIMIT)):
        through = transcript()
        assert is_whole(through.feed(stream)) is (stream is OPENAI)
        assert (through.feed(OPENAI), through.end(), through.fail(StreamBroken("late"))) == (b"", b"", b"")


@pytest.mark.parametrize("told", ["content_filter: PROHIBITED_CONTENT", "brand_new", "", 5, [], "function_call"])
def test_the_finish_is_a_word_that_the_sdk_knows(told: Any) -> None:
    final = passed(sse(*list(spoken("Hi"))[:-1], chunk({}, 0, told), chunk({}, 0, "stop"), "[DONE]"))[-2]
    assert not [fault for fault in openai_chunk_faults(final) if not fault.endswith("unknown key")]
    expected = {"content_filter: PROHIBITED_CONTENT": "content_filter", "brand_new": "stop"}
    assert final["choices"][0]["finish_reason"] == (
        expected.get(told, told) if isinstance(told, str) and told else None
    )


# -- whole answers -----------------------------------------------------------------------------------------------------

CALLS = [{"id": "call_a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
WHOLE = completion(
    choice({"role": "assistant", "content": "Hi", "refusal": None}, content_filter_results=SAFE),
    choice({"role": "assistant", "content": None, "tool_calls": CALLS}, "tool_calls", 1),
    prompt_filter_results=PROMPT_RESULTS,
    system_fingerprint="fp_1",
)


def test_a_whole_answer_goes_through_but_for_the_models_name() -> None:
    seen: list[Event] = []
    out = pass_completion(WHOLE, TO, "azure", seen.append)
    assert json.loads(out) == json.loads(WHOLE) | {"model": "my-model"}
    assert isinstance(seen[-1], Stop) and Text("Hi") in seen
    assert all(fault.endswith("unknown key") for fault in openai_faults(out))


def test_what_a_whole_answer_lacks_is_filled_in() -> None:
    body = b'{"choices": [{"finish_reason": "content_filter: OTHER"}, 5, {"message": {"content": "Hi"}, "index": 1}]}'
    out = pass_completion(body, TO, "vertex", lambda event: None)
    assert not openai_faults(out)
    assert json.loads(out) == {
        "id": "chatcmpl-req_1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "my-model",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "content_filter"},
            {"index": 1, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"},
        ],
    }


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"choices": []}', json.dumps(RATE_LIMIT).encode()])
def test_what_is_no_answer_is_raised(body: bytes) -> None:
    seen: list[Event] = []
    with pytest.raises(CloudError if b"html" in body or b"error" in body else StreamBroken):
        pass_completion(body, TO, "azure", seen.append)
    assert [type(event) for event in seen] == [Failure]


@pytest.mark.parametrize("to", [TO, ASKED])
def test_a_whole_answer_to_a_stream_becomes_one(to: ReplyTo) -> None:
    through = transcript(to)
    out = through.take(WHOLE)
    assert is_whole(out) and through.whole
    values = chunks(out)
    assert values[0]["prompt_filter_results"] == PROMPT_RESULTS and values[0]["system_fingerprint"] == "fp_1"
    told = [one for value in values for one in value["choices"]]
    assert [(one["index"], one["delta"], one["finish_reason"]) for one in told] == [
        (0, {"role": "assistant", "content": "Hi", "refusal": None}, None),
        (0, {}, "stop"),
        (1, {"role": "assistant", "content": None, "tool_calls": [{**CALLS[0], "index": 0}]}, None),
        (1, {}, "tool_calls"),
    ]
    assert told[0]["content_filter_results"] == SAFE
    assert [value.get("usage") for value in values if not value["choices"]] == ([USAGE] if to.include_usage else [])
    for value in values:
        assert all(fault.endswith("unknown key") for fault in openai_chunk_faults(value))


def test_there_are_no_pauses() -> None:
    stream = PassedStream(TO, "azure")
    stream.resume()
    assert stream.feed(b"[DONE]") and stream.end() == []


def test_an_error_for_a_stream_is_an_error() -> None:
    through = transcript()
    out = through.take(json.dumps(RATE_LIMIT).encode())
    assert through.failure is not None and out == error_event(through.failure) and not through.begun


# -- the SDK reads it --------------------------------------------------------------------------------------------------


def sdk(out: bytes) -> openai.OpenAI:
    """A client whose server answers so."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=out)

    transport = httpx2.MockTransport(answer)
    return openai.OpenAI(api_key="x", base_url="http://bridge", http_client=httpx2.Client(transport=transport))


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in ("azure_blocked", "two")])
def test_the_sdk_puts_the_answer_together(name: str) -> None:
    out = read([STREAMS[name]], transcript(ASKED, "bedrock"))
    with sdk(out).chat.completions.stream(model="m", messages=[{"role": "user", "content": "Hi"}]) as stream:
        whole = stream.get_final_completion()
    [only] = whole.choices
    assert only.finish_reason == ("tool_calls" if name == "tools" else "stop")
    calls = [(call.function.name, call.function.arguments) for call in only.message.tool_calls or ()]
    assert calls == ([("f", '{"x":1}'), ("g", "{}")] if name == "tools" else [])
    assert only.message.content or calls


def test_the_sdk_raises_what_broke_off() -> None:
    out = read([sse(*list(spoken("Hi"))[:-1])], transcript())
    with pytest.raises(openai.APIError, match="cut off"):
        list(sdk(out).chat.completions.create(model="m", messages=[], stream=True))


# -- totality ----------------------------------------------------------------------------------------------------------


def check(pieces: list[bytes], to: ReplyTo, cloud: Cloud) -> None:
    through = transcript(to, cloud)
    out = b"".join(map(through.feed, pieces))
    ended = through.ended
    out += through.end()
    assert is_whole(out) is through.whole
    assert through.ended and (through.failure is None) is through.whole
    assert not (ended and through.feed(OPENAI)), "nothing after the ending"


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_damaged_has_one_ending(name: str) -> None:
    for stream in bytes_damaged(STREAMS[name], 300):
        check([stream], ASKED, "bedrock")


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_of_odd_values_has_one_ending(name: str) -> None:
    for messages in json_damaged(messages_of(STREAMS[name]), 200):
        check([b"data: %s\n\n" % message for message in messages] + [DONE], TO, "bedrock")


def test_an_odd_whole_answer_is_a_stream_with_one_ending() -> None:
    for messages in json_damaged([json.loads(WHOLE)], 800):
        for message in messages:
            through = transcript(ASKED, "bedrock")
            assert is_whole(through.take(message)) is through.whole
            assert through.ended


def test_a_connection_that_is_lost_after_the_answer_loses_nothing() -> None:
    """Only `[DONE]` is missing, which not every cloud sends."""
    said = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}
    over = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    for messages, whole in (([said, over], True), ([said], False)):
        through = transcript(TO)
        out = b"".join(through.feed(b"data: %s\n\n" % json.dumps(message).encode()) for message in messages)
        out += through.lose(StreamBroken("Lost."))
        assert is_whole(out) is through.whole is whole
        assert through.failure is None if whole else through.failure is not None and b'"Lost."' in out
        assert through.lose(StreamBroken("Lost.")) == b""


def test_an_odd_whole_answer_is_passed_or_raised() -> None:
    for messages in json_damaged([json.loads(WHOLE)], 800):
        for message in messages:
            try:
                out = json.loads(pass_completion(message, TO, "bedrock", lambda event: None))
            except (CloudError, StreamBroken):
                continue
            assert out["model"] == "my-model" and out["choices"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(list(STREAMS.values())), st.sampled_from((TO, ASKED)))
def test_a_damaged_stream_has_one_ending(pieces: list[bytes], to: ReplyTo) -> None:
    check(pieces, to, "azure")
    assert read(pieces, transcript(to)) == read([b"".join(pieces)], transcript(to))


def test_an_unknown_message_is_not_passed_on() -> None:
    stream = sse(*list(spoken("Hi"))[:2], {"type": "ping"}, annotation(1), *list(spoken())[1:], "[DONE]")
    seen: list[Event] = []
    assert len(chunks(read([stream], transcript(seen=seen)))) == 4
    assert Ping() in seen
