"""inspector/streamed.py: a stream adds up to the answer that it is, and a piece of it to a piece of that."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.inspector.spoken import Api
from oai_bridge.inspector.streamed import Joined, error_of, join_stream
from tests.support.cases import streams
from tests.support.claude_streams import message_of
from tests.support.mutations import bytes_damaged, json_damaged
from tests.support.openai_streams import sse

WHOLE = {
    name: stream
    for name, stream in streams().items()
    if b"message_stop" in stream and b'"error"' not in stream and not name.startswith("4_")
}


def chunk(index: int = 0, finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def chunks(*messages: Any) -> Joined:
    return join_stream(sse(*messages), "openai")


@pytest.mark.parametrize("name", WHOLE)
def test_claudes_events_add_up_to_its_message(name: str) -> None:
    joined, expected = join_stream(WHOLE[name], "anthropic"), message_of(WHOLE[name])
    for block, came in zip(expected["content"], joined.value["content"], strict=True):
        if isinstance(came.get("input"), str):  # cut off, which `message_of` has no place for
            assert block["input"] == {}
            block["input"] = came["input"]
    expected["usage"] = {name: value for name, value in expected["usage"].items() if value is not None}
    assert joined.value == expected
    assert joined.ended


def test_chunks_add_up_to_a_completion() -> None:
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": ""}}
    joined = chunks(
        chunk(role="assistant", content=""),
        chunk(reasoning_content="h"),
        chunk(reasoning_content="m"),
        chunk(content="Hel"),
        chunk(content="lo"),
        chunk(tool_calls=[call]),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a'}}]),
        chunk(tool_calls=[{"index": 0, "id": "", "function": {"name": "", "arguments": '": 1}'}}]),
        chunk(tool_calls=[{**call, "index": 1, "id": "b"}]),
        chunk(annotations=[{"index": 0, "type": "url_citation"}, {"type": "other"}]),
        chunk(finish="tool_calls"),
        {"id": "c", "choices": [], "usage": {"prompt_tokens": 3}},
        "[DONE]",
    )
    function = {"name": "look", "arguments": '{"a": 1}'}
    assert joined.value == {
        "id": "c",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "Hello",
                    "reasoning_content": "hm",
                    "tool_calls": [
                        {"id": "a", "type": "function", "function": function},
                        {"id": "b", "type": "function", "function": {"name": "look", "arguments": ""}},
                    ],
                    "annotations": [{"type": "url_citation"}, {"type": "other"}],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3},
    }
    assert (joined.ended, joined.error, joined.troubles) == (True, "", ())


def test_choices_are_kept_apart() -> None:
    joined = chunks(chunk(1, content="b"), chunk(0, content="a"), chunk(1, content="B"), "[DONE]")
    assert [choice["message"]["content"] for choice in joined.value["choices"]] == ["a", "bB"]


def test_comments_and_event_lines_are_no_pieces() -> None:
    stream = b": ping\n\nevent: odd\r\n" + sse(chunk(content="a")) + b": ping\n\n" + sse("[DONE]")
    assert join_stream(stream, "openai") == chunks(chunk(content="a"), "[DONE]")


@pytest.mark.parametrize(
    ("api", "error"),
    [
        ("openai", {"error": {"message": "No."}, "choices": []}),
        ("anthropic", {"type": "error", "error": {"type": "api_error", "message": "No."}}),
    ],
)
def test_an_error_event_is_told_and_what_came_before_is_kept(api: Api, error: dict[str, Any]) -> None:
    started = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "a"}}
    joined = join_stream(sse(chunk(content="a") if api == "openai" else started, error), api)
    assert (joined.error, joined.ended) == ("No.", False)
    assert '"a"' in json.dumps(joined.value)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ({"error": {"message": "No."}}, "No."),
        ({"error": "No."}, "No."),
        ({"error": {"code": 1}}, "An error without a message."),
        ({"type": "error"}, "An error without a message."),
        ({"error": None}, ""),
        ({"choices": []}, ""),
    ],
)
def test_an_error_is_found_in_any_shape(value: dict[str, Any], error: str) -> None:
    assert error_of(value) == error


def test_a_stream_cut_anywhere_gives_what_came() -> None:
    stream = sse(chunk(content="Hello "), chunk(content="world"), chunk(finish="stop"), "[DONE]")
    for end in range(len(stream)):
        joined = join_stream(stream[:end], "openai")
        text = "".join(choice["message"].get("content", "") for choice in joined.value["choices"])
        assert "Hello world".startswith(text)
        assert joined.troubles == ()
        assert joined.ended is (b"[DONE]" in stream[:end])


def test_a_call_cut_amid_its_input_keeps_the_text() -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "name": "f", "input": {}}}
    delta = {"type": "input_json_delta", "partial_json": '{"q": "a'}
    joined = join_stream(sse(start, {"type": "content_block_delta", "index": 0, "delta": delta}), "anthropic")
    assert joined.value["content"] == [{"type": "tool_use", "name": "f", "input": '{"q": "a'}]


def test_events_that_are_no_json_are_counted() -> None:
    assert chunks("{", chunk(content="a"), "[1]", "[DONE]").troubles == ("2 events of the stream could not be read.",)


def test_damaged_streams_never_raise() -> None:
    events = [chunk(role="assistant", content="a"), chunk(tool_calls=[{"index": 0, "function": {"arguments": "1"}}])]
    for stream in bytes_damaged(sse(*events, "[DONE]"), 300):
        join_stream(stream, "openai")
    for messages in json_damaged(events, 300):
        join_stream(b"".join(b"data: %s\n\n" % message for message in messages), "openai")
    claude = [json.loads(line[6:]) for line in WHOLE["recorded_a_toolrefusal"].split(b"\n") if line[:5] == b"data:"]
    for messages in json_damaged(claude, 300):
        join_stream(b"".join(b"data: %s\n\n" % message for message in messages), "anthropic")
