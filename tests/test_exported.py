"""inspector/exported.py: what was said, in OpenAI's format, whichever API it was said in."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from oai_bridge.inspector.exported import NotExportable, as_json, as_jsonl, exported
from oai_bridge.inspector.spoken import Api
from tests.support.openai_streams import sse

RECORD = {
    "route": "vertex us-east5",
    "upstream_model": "up",
    "request_id": "req_1",
    "cost": {"input": 0.25, "total": 0.25},
    "notes": [{"code": "dropped:seed", "detail": "No seed."}],
    "timing": {"began": 100.0, "queued": 0.5, "first_byte": 101.25, "ended": 102.0},
}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {}}}
BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": [TOOL], "temperature": 1}


def completion(**message: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}).encode()


def export(answer: bytes, api: Api = "openai", record: Any = None, **changes: Any) -> dict[str, Any]:
    return exported(api, json.dumps(BODY | changes).encode(), answer, record)


def test_a_chat_with_all_that_is_known_of_it() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    custom = {"id": "b", "type": "custom", "custom": {"name": "free", "input": "x"}}
    said = {"content": "Hello", "reasoning_content": "hm", "tool_calls": [call, custom], "annotations": [{"a": 1}]}
    chat = export(completion(**said), record=RECORD)
    assert chat == {
        "model": "m",
        "messages": BODY["messages"],
        "tools": [TOOL],
        "parameters": {"temperature": 1},
        "reply": {"role": "assistant", **said},
        "finish_reason": "stop",
        "whole": True,
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 2,
            "total_tokens": 11,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        },
        "cost": {"input": 0.25, "total": 0.25},
        "timings": {"began": 100.0, "queued": 0.5, "first_byte_after": 1.25, "ended_after": 2.0},
        "notes": RECORD["notes"],
        "route": "vertex us-east5",
        "upstream_model": "up",
        "request_id": "req_1",
    }


def test_a_chat_of_anthropics_is_written_in_openais_words() -> None:
    answer = {
        "type": "message",
        "content": [{"type": "text", "text": "Hello"}, {"type": "tool_use", "id": "t", "name": "look", "input": {}}],
        "stop_reason": "tool_use",
    }
    chat = export(
        json.dumps(answer).encode(),
        "anthropic",
        system="Be brief.",
        tools=[{"name": "look", "input_schema": {}}],
        stop_sequences=["x"],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
    )
    assert chat["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert chat["tools"] == [TOOL]
    parameters = {"temperature": 1, "stop": ["x"], "tool_choice": "required", "parallel_tool_calls": False}
    assert chat["parameters"] == parameters
    call = {"id": "t", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    assert chat["reply"] == {"role": "assistant", "content": "Hello", "tool_calls": [call]}
    assert (chat["finish_reason"], chat["whole"]) == ("tool_calls", True)
    named = export(b"{}", "anthropic", tool_choice={"type": "tool", "name": "look"})
    assert named["parameters"]["tool_choice"] == {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (sse({"choices": [{"index": 0, "delta": {"content": "Hel"}}]}, {"error": {"message": "Cut."}}), "Cut."),
        (sse({"choices": [{"index": 0, "delta": {"content": "Hel"}}]}), None),
        (b'{"error": {"message": "No."}}', "No."),
        (b"", "There is no answer."),
    ],
)
def test_a_reply_that_broke_off_says_so(answer: bytes, error: str | None) -> None:
    chat = export(answer)
    assert (chat["whole"], chat.get("error")) == (False, error)
    assert chat["reply"] == ({"role": "assistant", "content": "Hel"} if b"Hel" in answer else None)
    assert as_jsonl([chat]) == (b"", 0)


def test_several_replies_are_all_there() -> None:
    choices = [{"index": n, "message": {"content": str(n)}, "finish_reason": "stop"} for n in range(2)]
    chat = export(json.dumps({"choices": choices}).encode())
    assert (chat["reply"]["content"], chat["more_replies"]) == ("0", [{"role": "assistant", "content": "1"}])


def test_one_chat_is_an_object_and_several_are_a_list() -> None:
    chat = export(completion(content="你好"))
    assert json.loads(as_json([chat])) == chat
    assert json.loads(as_json([chat, chat])) == [chat, chat]
    assert "你好" in as_json([chat]).decode()


def test_lines_are_openais_format_for_fine_tuning() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    chats = [
        export(completion(content="Hello", reasoning_content="hm", refusal=None)),
        export(completion(content="Line\u2028\n"), tools=[search]),
    ]
    text, count = as_jsonl(chats)
    lines = [json.loads(line) for line in text.decode().split("\n")[:-1]]
    assert count == 2
    asked = {"role": "user", "content": "Hi"}
    assert lines == [
        {"messages": [asked, {"role": "assistant", "content": "Hello"}], "tools": [TOOL]},
        {"messages": [asked, {"role": "assistant", "content": "Line\u2028\n"}]},
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not valid JSON"),
        (b'{"model": "m"}', "There are no `messages`."),
        (b'{"messages": [1], "x": ' + b"[" * 400 + b"]" * 400 + b"}", "nested too deeply"),
    ],
)
def test_what_is_no_chat_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(NotExportable, match=why):
        exported("openai", body, b"", None)


@pytest.mark.parametrize("odd", [b"x", float("nan"), float("inf"), 10**400, True, {b"k": 1}, [b"x"], object()])
def test_only_plain_data_is_taken_from_a_record(odd: Any) -> None:
    names = ("cost", "notes", "route", "upstream_model", "request_id", "timing")
    timing = {"began": 1.0, "queued": odd, "first_byte": odd, "ended": 2}
    for record in (
        dict.fromkeys(names, odd),
        {"cost": {"total": odd, b"k": 1}, "timing": {"began": odd}, "notes": [{b"k": odd}, odd]},
    ):
        chat = export(completion(content="Hi"), record=record)
        assert not chat.keys() & {*names, "timings"} - {"notes"}
        assert json.loads(as_json([chat])) == chat
    chat = export(completion(content="Hi"), record={"timing": timing, "notes": [{"code": "c", "detail": odd}]})
    assert (chat["timings"], chat["notes"]) == ({"began": 1.0, "ended_after": 1.0}, [{"code": "c"}])


def test_many_chats_are_written_soon() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "words " * 10}]}] * 1000
    chats = [export(completion(content="Hi"), messages=messages)] * 100
    start = time.process_time()
    assert as_json(chats).count(b"\n") > 100_000
    assert time.process_time() - start < 1


def test_half_an_emoji_can_be_written() -> None:
    half = completion(content="\ud83d")
    for answer in (half, b"data: " + half.replace(b'"message"', b'"delta"') + b"\n\n"):
        assert json.loads(as_json([export(answer)]))["reply"]["content"] == "?"


@pytest.mark.parametrize("record", [{}, {"timing": None}, {"timing": {"began": "x"}}, {"notes": 1, "usage": []}])
def test_other_versions_records_do_no_harm(record: dict[str, Any]) -> None:
    assert "timings" not in export(b"", record=record)


def test_every_golden_chat_can_be_exported() -> None:
    count = 0
    for request in (Path(__file__).parent / "cases").glob("*/*/client.json"):
        try:
            chat = exported("openai", request.read_bytes(), b"", None)
        except NotExportable:
            continue
        assert json.loads(as_json([chat]))["messages"] == chat["messages"]
        count += 1
    assert count > 300
