"""inspector/replies.py: an answer reads the same streamed and whole, and says whether all of it is there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.events import Usage
from oai_bridge.inspector.replies import read_reply
from oai_bridge.inspector.spoken import Call, Choice, Message, Reply, Text, Thinking
from tests.support.cases import ALL, Case, name
from tests.support.claude_streams import message_of, sse
from tests.support.mutations import bytes_damaged

ANSWER: dict[str, Any] = {
    "id": "c",
    "model": "m",
    "service_tier": "default",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
}
MESSAGE: dict[str, Any] = {
    "id": "msg",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "tool_use", "id": "t", "name": "look", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 2, "cache_read_input_tokens": 4},
}
STREAMED = [case for case in ALL if (case.folder / "client.sse").exists()]


def openai(**changes: Any) -> Reply:
    return read_reply(json.dumps(ANSWER | changes).encode(), "openai")


def anthropic(**changes: Any) -> Reply:
    return read_reply(json.dumps(MESSAGE | changes).encode(), "anthropic")


def test_a_completion_is_read() -> None:
    said = Message("assistant", (Text("Hi"),), "choices[0].message")
    usage = Usage(input=5, output=2, cache_read=4, tier="default")
    assert openai() == Reply("openai", False, "c", "m", (Choice(0, said, "stop"),), usage, whole=True)


def test_a_message_of_anthropics_is_read() -> None:
    said = Message("assistant", (Thinking("hm", signed=True), Call("t", "look", "{}")), "content")
    usage = Usage(input=5, output=2, cache_read=4)
    assert anthropic() == Reply("anthropic", False, "msg", "m", (Choice(0, said, "tool_use"),), usage, whole=True)


def test_all_choices_are_read() -> None:
    choices = [{"index": n, "message": {"content": str(n)}, "finish_reason": "stop"} for n in range(3)]
    reply = openai(choices=choices)
    assert [(choice.index, choice.message.role, choice.message.parts) for choice in reply.choices] == [
        (n, "assistant", (Text(str(n)),)) for n in range(3)
    ]
    assert reply.whole


@pytest.mark.parametrize("case", STREAMED, ids=name)
def test_every_streams_reply_tells_whether_it_is_whole(case: Case) -> None:
    stream = (case.folder / "client_with_usage.sse").read_bytes()
    reply = read_reply(stream, "openai")
    assert reply.streamed and reply.troubles == ()
    assert reply.whole is stream.endswith(b"data: [DONE]\n\n")
    assert bool(reply.error) is not reply.whole
    assert (reply.usage is not None) is (b'"usage":{' in stream)


def test_a_stream_of_anthropics_reads_as_its_message() -> None:
    stream = b"".join(
        sse(event)
        for event in (
            {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None}},
            {"type": "ping"},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi "}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "there"}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
            {"type": "message_stop"},
        )
    )
    streamed, whole = read_reply(stream, "anthropic"), read_reply(json.dumps(message_of(stream)).encode(), "anthropic")
    assert streamed.text == "Hi there" and streamed.usage is not None and streamed.usage.output == 7
    assert streamed.whole and streamed.streamed and not whole.streamed
    assert (streamed.choices, streamed.usage) == (whole.choices, whole.usage)
    for end in range(1, len(stream) - 2):  # a last event without its blank line still counts
        assert not read_reply(stream[:end], "anthropic").whole


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (openai(choices=[], error={"message": "No."}), "No."),
        (anthropic(content=None, type="error", error={"type": "api_error", "message": "No."}), "No."),
    ],
)
def test_an_error_page_is_no_reply(reply: Reply, error: str) -> None:
    assert (reply.error, reply.whole, reply.text) == (error, False, "")


@pytest.mark.parametrize("reply", [openai(choices=[{"message": {"content": "Hi"}}]), anthropic(stop_reason=None)])
def test_without_a_finish_reason_an_answer_is_not_whole(reply: Reply) -> None:
    assert not reply.whole and reply.choices and not reply.error


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (b"", "There is no answer."),
        (b" \n" * 100, "There is no answer."),
        (b'{"choices": [', "The answer is no JSON, or was cut off."),
        (b"[1]", "The answer is no JSON object."),
        (b"{}", "There is no reply in the answer."),
        (b"<html>", "There is no reply in the answer."),
        (b": ping\n\n", "There is no reply in the answer."),
    ],
)
@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_what_is_no_answer_is_told(body: bytes, trouble: str, api: Any) -> None:
    reply = read_reply(body, api)
    assert reply.troubles == (trouble,)
    assert not reply.whole and not reply.choices


def test_blanks_before_json_are_no_stream() -> None:
    assert read_reply(b"\n" * 200 + json.dumps(ANSWER).encode(), "openai").whole


def test_damaged_answers_never_raise() -> None:
    for body in (json.dumps(ANSWER).encode(), json.dumps(MESSAGE).encode()):
        for hurt in bytes_damaged(body, 200):
            read_reply(hurt, "openai")
            read_reply(hurt, "anthropic")
