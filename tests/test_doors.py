"""The doors of the fake clouds: at each of them a stream adds up to what the same answer is in one piece."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.eventstream import EventStreamBuffer

from tests.support.azure_doors import AzureOpenAI
from tests.support.bedrock_doors import Converse, Invoke
from tests.support.behaviours import Asked, Stream, broken, exception, garbled, huge, recordings, replay
from tests.support.claude_clouds import VERTEX
from tests.support.claude_models import Model
from tests.support.claude_seals import Seals
from tests.support.claude_streams import data_of, events_of, message_of, stream_of
from tests.support.claude_troubles import searcher
from tests.support.doors import PLAIN, Door, through
from tests.support.fake_vertex import recorded
from tests.support.gemini_doors import Gemini
from tests.support.openai_doors import OpenAI
from tests.support.scripted_claude import agent

ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
CALLING = 'call: look({"n": 1}) + look({})'
SEARCH: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}


def made(prompt: str, answers: Any = None, tools: Any = ({"name": "look", "input_schema": {}},)) -> Stream:
    body = {"messages": [{"role": "user", "content": prompt}], "tools": list(tools)}
    answer = (answers or agent()).how(Asked(body, Model("claude-opus-5-5", (5, 5), VERTEX), Seals()))
    assert isinstance(answer, Stream)
    return answer


THOUGHT = {"type": "redacted_thinking", "data": "c2VjcmV0"}
REDACTED = {
    **{"id": "msg_x", "type": "message", "role": "assistant", "model": "x", "stop_reason": "end_turn"},
    **{"content": [THOUGHT, {"type": "text", "text": "Hi."}], "stop_sequence": None, "usage": {"output_tokens": 2}},
}
ANSWERS = {name: replay(name) for name in recordings()} | {
    "redacted": Stream(stream_of(REDACTED), json.dumps(REDACTED).encode()),
    "calls": made(CALLING),
    "search": made("Search!", searcher(2), [SEARCH]),
}


def sent(door: Door, answer: Stream) -> tuple[bytes, Any]:
    """The stream, and the answer in one piece."""
    out = through(door, answer)
    assert isinstance(out.body, bytes) and out.message is not None
    return out.body, json.loads(out.message)


def frames(stream: bytes) -> Iterator[tuple[str, Any]]:
    """Type and payload of each frame, as botocore reads them."""
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    for event in buffer:
        yield str(event.headers.get(":event-type") or event.headers[":exception-type"]), json.loads(event.payload)


def chunks(stream: bytes) -> list[Any]:
    *found, done = [event.removeprefix(b"data: ").strip() for event in events_of(stream)]
    assert done == b"[DONE]"
    return [json.loads(data) for data in found]


@pytest.mark.parametrize("name", ANSWERS)
def test_converse(name: str) -> None:
    stream, whole = sent(Converse({}), ANSWERS[name])
    content: list[dict[str, Any]] = []
    indices: list[int] = []
    told: dict[str, Any] = {}
    for kind, data in frames(stream):
        told[kind] = data
        if kind == "contentBlockStart":
            indices.append(data["contentBlockIndex"])
            content.append({"toolUse": data["start"]["toolUse"] | {"input": ""}})
        elif kind == "contentBlockDelta":
            if data["contentBlockIndex"] not in indices:
                indices.append(data["contentBlockIndex"])
                content.append({})
            _add(content[indices.index(data["contentBlockIndex"])], data["delta"])
    for block in content:
        if "toolUse" in block:
            block["toolUse"]["input"] = _json(block["toolUse"]["input"])
    said = [block for block in whole["output"]["message"]["content"] if block != {"text": ""}]
    assert content == said
    assert told["messageStop"]["stopReason"] == whole["stopReason"]
    assert told["metadata"]["usage"] == whole["usage"]
    shape = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse").output_shape
    assert whole.keys() <= shape.members.keys()


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    match delta:
        case {"text": text}:
            block["text"] = block.get("text", "") + text
        case {"toolUse": {"input": written}}:
            block["toolUse"]["input"] += written
        case {"reasoningContent": {"redactedContent": _} as redacted}:
            block["reasoningContent"] = redacted
        case {"reasoningContent": said}:
            thought = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})["reasoningText"]
            for key, value in said.items():
                thought[key] = thought.get(key, "") + value


def _json(written: str) -> Any:
    try:
        return json.loads(written or "{}")
    except ValueError:
        return {}  # it was cut off


@pytest.mark.parametrize("kind", [OpenAI, AzureOpenAI, Gemini])
@pytest.mark.parametrize("name", ANSWERS)
def test_openais_language(name: str, kind: Any) -> None:
    body = ASKED | {"stream": True, "stream_options": {"include_usage": True}}
    more = ("default",) if kind is AzureOpenAI else ()
    stream, whole = sent(kind(body, "google/gemini-3-flash-preview", "x", *more), ANSWERS[name])
    text, calls, reasons, usage = "", [], [], None
    for chunk in chunks(stream):
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls", ()):
                if "id" in call:
                    calls.append({key: call[key] for key in call if key != "index"})
                    assert call["index"] == len(calls) - 1
                else:
                    calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
    (choice,) = whole["choices"]
    message = choice["message"]
    assert (message["content"] or "", [choice["finish_reason"]], whole["usage"]) == (text, reasons, usage)
    for call in [*calls, *message.get("tool_calls", ())]:
        call["function"]["arguments"] = _json(call["function"]["arguments"])
        call.pop("extra_content", None)
    assert calls == message.get("tool_calls", [])


@pytest.mark.parametrize("name", ANSWERS)
def test_invoke(name: str) -> None:
    stream, whole = sent(Invoke(), ANSWERS[name])
    body = ANSWERS[name].body
    assert isinstance(body, bytes)
    inner = [json.loads(base64.b64decode(data["bytes"])) for _, data in frames(stream)]
    assert inner[-1].pop("amazon-bedrock-invocationMetrics")
    assert inner == [data_of(event) for event in events_of(body)]
    assert whole == message_of(body)


def test_trouble_goes_through_every_door() -> None:
    for door in (Invoke(), Converse({})):
        *_, (name, payload) = frames(
            _bytes(door, exception("modelStreamErrorException", "No.", after=3, originalStatusCode=500))
        )
        assert (name, payload) == ("modelStreamErrorException", {"message": "No.", "originalStatusCode": 500})
    *_, error = events_of(_bytes(OpenAI(ASKED, "x", "y"), broken(after=3)))
    assert json.loads(error.removeprefix(b"data: "))["error"]["message"] == "Overloaded"
    for door in (Converse({}), Invoke(), OpenAI(ASKED, "x", "y"), Gemini(ASKED, "x", "y")):
        assert b"\x00\xff\xfe\n\n" in _bytes(door, garbled())


def _bytes(door: Door, answer: Stream) -> bytes:
    body = through(door, answer).body
    return body if isinstance(body, bytes) else b"".join(body())


def test_what_is_raw_goes_out_as_it_is() -> None:
    for door in (PLAIN, Converse({}), OpenAI(ASKED, "x", "y")):
        assert _bytes(door, Stream(b"data: {}\n\n", raw=True)) == b"data: {}\n\n"
    assert _bytes(PLAIN, replay()) == recorded("basic_response.txt")


def test_a_long_stream_is_made_as_it_is_read() -> None:
    body = through(OpenAI(ASKED, "x", "y"), huge(10**9)).body
    assert not isinstance(body, bytes)
    pieces = iter(body())
    assert [next(pieces) for _ in range(3)]
