"""What OpenAI clients read: their SDK's strict models and their SDK's stream reader are the judges."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from oai_bridge.dialects.claude_reply import ClaudeStream
from oai_bridge.errors import UpstreamError
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
from oai_bridge.openai.reply import ChunkWriter, Completion, ReplyTo, error_event
from tests.support.cases import CASES, Case, name

STREAMED = [case for case in CASES if (case.folder / "client.sse").exists()]
TO = ReplyTo("my-alias", 1_700_000_000, "req_test")
WELL = Stop("stop")


def data(stream: bytes) -> list[bytes]:
    return [line[6:] for line in stream.split(b"\n\n") if line.startswith(b"data: ")]


def written(writer: ChunkWriter, *events: Event) -> bytes:
    return b"".join(map(writer.write, events))


def sdk(body: bytes, content_type: str) -> openai.OpenAI:
    """OpenAI's client, strict, with a server that answers `body`. Its chunks know no custom calls (openai-python#2530),
    so that it is lenient with those."""
    answer = httpx2.Response(200, content=body, headers={"content-type": content_type})
    return openai.OpenAI(
        base_url="http://bridge",
        api_key="none",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(lambda request: answer)),
        _strict_response_validation=b'"type":"custom"' not in body,
    )


@pytest.mark.parametrize("case", STREAMED, ids=name)
def test_the_sdk_reads_the_stream(case: Case) -> None:
    body = (case.folder / "client_with_usage.sse").read_bytes()
    chunks: list[ChatCompletionChunk] = []

    def read() -> None:
        with sdk(body, "text/event-stream") as client:
            for chunk in client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "x"}], stream=True
            ):
                chunks.append(chunk)

    if body.endswith(b"[DONE]\n\n"):
        read()
        assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1]
        assert chunks[-1].usage is not None and not chunks[-1].choices
    else:
        with pytest.raises(openai.APIError):
            read()


def test_the_sdk_reads_the_completion() -> None:
    completion = Completion(TO)
    for event in (Start("msg_1", "m"), Text("Hel"), Text("lo"), Stop("stop")):
        body = completion.add(event)
    assert body is not None
    with sdk(body, "application/json") as client:
        got = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert (got.id, got.model, got.choices[0].message.content) == ("chatcmpl-msg_1", "my-alias", "Hello")


def test_an_answer_without_an_id_takes_the_requests() -> None:
    for start in ([Start("", "")], []):
        writer = ChunkWriter(TO)
        out = written(writer, *start, Text("Hi"), Stop("stop"))
        chunks = [json.loads(chunk) for chunk in data(out)[:-1]]
        assert {chunk["id"] for chunk in chunks} == {"chatcmpl-req_test"}
        assert [chunk["choices"][0]["delta"] for chunk in chunks] == [
            {"role": "assistant", "content": ""},
            {"content": "Hi"},
            {},
        ]


def test_a_late_start_changes_nothing() -> None:
    writer = ChunkWriter(TO)
    assert writer.write(Text("Hi")) and writer.write(Start("msg_1", "m")) == b""


@pytest.mark.parametrize("ending", [Stop("stop"), Failure(UpstreamError("Lost."))])
def test_nothing_follows_the_ending(ending: Stop | Failure) -> None:
    writer = ChunkWriter(TO)
    assert writer.write(ending)
    assert written(writer, Start("a", "b"), Text("late"), Ping(), ending) == b""


def test_hostile_text_stays_inside_its_string() -> None:
    nasty = 'x"}]}\n\ndata: [DONE]\r\n\u2028\u2029\0,"choices":😀'
    writer = ChunkWriter(ReplyTo(nasty, 0, "r", include_usage=True))
    out = written(
        writer,
        *(Start(nasty, nasty), Text(nasty), Thinking(nasty), ToolStart(0, nasty, nasty), ToolArguments(0, nasty)),
        *(UsageReport(Usage(1, 1)), Stop("stop", stop_sequence=nasty, refusal=nasty)),
    )
    *chunks, last = data(out)
    assert last == b"[DONE]" and len(chunks) == 7 and len(out.split(b"\n")) == 17
    assert not any(mark in out for mark in ("\u2028".encode(), "\u2029".encode()))
    read = [json.loads(chunk) for chunk in chunks]
    assert {chunk["model"] for chunk in read} == {nasty}
    assert read[1]["choices"][0]["delta"] == {"content": nasty}
    assert read[2]["choices"][0]["delta"] == {"reasoning_content": nasty}
    assert read[5]["choices"][0] | {"index": 0} == {
        **{"index": 0, "delta": {"refusal": nasty}, "logprobs": None},
        **{"finish_reason": "stop", "stop_sequence": nasty},
    }
    assert read[6]["choices"] == [] and read[6]["usage"]["total_tokens"] == 2
    assert not any(end in error_event(UpstreamError(nasty))[:-2] for end in (b"\n", b"\xe2\x80\xa8", b"\xe2\x80\xa9"))


def deltas(to: ReplyTo, *events: Event) -> list[Any]:
    """What a client reads of the events, the first and the last chunk left out."""
    chunks = data(written(ChunkWriter(to), Start("msg_1", "m"), *events, Stop("stop")))[1:-2]
    if not any(isinstance(event, CustomCall) for event in events):  # the SDK's chunks know no custom calls
        for chunk in chunks:
            ChatCompletionChunk.model_validate_json(chunk, strict=True)
    return [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks]


def completion(to: ReplyTo, *events: Event, stop: Stop = WELL) -> dict[str, Any]:
    """The whole answer, which must be one in the SDK's eyes."""
    gathered = Completion(to)
    assert all(gathered.add(event) is None for event in (Start("msg_1", "m"), *events))
    body = gathered.add(stop)
    assert body is not None
    ChatCompletion.model_validate_json(body, strict=True)
    value: dict[str, Any] = json.loads(body)
    return value


def message(to: ReplyTo, *events: Event) -> dict[str, Any]:
    value: dict[str, Any] = completion(to, *events)["choices"][0]["message"]
    return value


THOUGHTS = [
    *(Thinking("H"), Thinking("m"), Signature("s1")),
    *(RedactedThinking("d"), Signature("s2")),
    *(Thinking("unsealed"), Signature(""), Thinking("last"), Signature("s3"), Text("Hi")),
]
BLOCKS = [
    {"type": "thinking", "thinking": "Hm", "signature": "s1"},
    {"type": "redacted_thinking", "data": "d"},
    {"type": "thinking", "thinking": "", "signature": "s2"},
    {"type": "thinking", "thinking": "last", "signature": "s3"},
]


def test_thoughts_can_be_sent_back() -> None:
    to = replace(TO, thinking_blocks=True)
    assert message(to, *THOUGHTS)["thinking_blocks"] == BLOCKS
    streamed = deltas(to, *THOUGHTS)
    # Each has an `index`, without which openai's `chat.completions.stream` can't put the list together.
    assert [delta["thinking_blocks"] for delta in streamed if "thinking_blocks" in delta] == [
        [{"index": index, **block}] for index, block in enumerate(BLOCKS)
    ]
    assert [delta for delta in streamed if "thinking_blocks" not in delta] == [
        *({"reasoning_content": text} for text in ("H", "m", "unsealed", "last")),
        {"content": "Hi"},
    ]


def test_without_being_asked_thoughts_are_text_alone() -> None:
    assert message(TO, *THOUGHTS) == {
        **{"role": "assistant", "content": "Hi", "refusal": None},
        "reasoning_content": "Hmunsealedlast",
    }
    assert all(delta.keys() <= {"reasoning_content", "content"} for delta in deltas(TO, *THOUGHTS))
    assert "reasoning_content" not in message(TO, Signature("s"))


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("reasoning_content", {"reasoning_content": "Hm"}),
        ("reasoning", {"reasoning": "Hm"}),
        ("both", {"reasoning_content": "Hm", "reasoning": "Hm"}),
    ],
)
def test_reasoning_goes_where_the_client_looks(field: Any, told: dict[str, str]) -> None:
    to = replace(TO, reasoning_field=field)
    assert deltas(to, Thinking("Hm")) == [told]
    whole = message(to, Thinking("Hm"))
    assert {key: whole[key] for key in whole if key.startswith("reasoning")} == told


CALLS = [
    *(ToolStart(0, "t0", "f"), ToolArguments(0, '{"a"'), ToolArguments(0, ":1}")),
    *(ToolStart(1, "t1", "g"), ToolArguments(1, "{}")),
]


def test_calls_have_their_place_in_the_list() -> None:
    """litellm#5231, bedrock-access-gateway#134, CLIProxyAPI#5229: an index that is no place in `tool_calls`."""
    assert [call for delta in deltas(TO, Text("x"), *CALLS)[1:] for call in delta["tool_calls"]] == [
        {"index": 0, "id": "t0", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "t1", "type": "function", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]
    whole = message(TO, *CALLS)
    assert whole["content"] is None
    assert whole["tool_calls"] == [
        {"id": "t0", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
        {"id": "t1", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_an_old_client_gets_one_function_call() -> None:
    to = replace(TO, legacy_functions=True)
    stop = Stop("tool_calls")
    assert [delta["function_call"] for delta in deltas(to, *CALLS)] == [
        {"name": "f", "arguments": ""},
        *({"arguments": '{"a"'}, {"arguments": ":1}"}),
    ]
    *_, last, _ = data(written(ChunkWriter(to), *CALLS, stop))
    (choice,) = completion(to, *CALLS, stop=stop)["choices"]
    assert (choice["message"]["function_call"], choice["finish_reason"]) == (
        {"name": "f", "arguments": '{"a":1}'},
        "function_call",
    )
    assert "tool_calls" not in choice["message"]
    assert ChatCompletionChunk.model_validate_json(last, strict=True).choices[0].finish_reason == "function_call"
    assert completion(to, Text("Hi"))["choices"][0]["finish_reason"] == "stop"


def test_a_custom_call_is_told_whole() -> None:
    custom = {"id": "t2", "type": "custom", "custom": {"name": "grep", "input": 'a "b"'}}
    call = CustomCall(2, "t2", "grep", 'a "b"')
    assert deltas(TO, *CALLS, call)[-1] == {"tool_calls": [{"index": 2, **custom}]}
    assert message(TO, *CALLS, call)["tool_calls"][2] == custom
    early = replace(call, index=0)
    assert [part["id"] for part in message(TO, ToolStart(1, "t1", "g"), early)["tool_calls"]] == ["t2", "t1"]


def test_sources_stand_in_the_annotations() -> None:
    url = {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2}
    told = [{"type": "url_citation", "url_citation": url}]
    source = Citation("https://a.example", "A", 0, 2)
    assert deltas(TO, Text("Hi"), source, source)[1:] == [
        {"annotations": [{"index": index, **told[0]}]} for index in (0, 1)
    ]
    assert message(TO, Text("Hi"), Citation("https://a.example", "A", 0, 2))["annotations"] == told
    assert "annotations" not in message(TO, Text("Hi"))


@pytest.mark.parametrize(
    "event", [Said(({"type": "text", "text": "x"},)), Pause(), Signature("s"), RedactedThinking("d")]
)
def test_some_events_are_not_for_the_client(event: Event) -> None:
    assert ChunkWriter(TO).write(event) == b"" and Completion(TO).add(event) is None


def test_the_usage_has_a_chunk_of_its_own() -> None:
    """litellm#8450, CLIProxyAPI#796: usage on a chunk with choices counted twice, or crashed the client."""
    events = [Start("msg_1", "m"), Text("Hi"), UsageReport(Usage(1, 2)), Stop("stop")]
    *chunks, finish, usage, done = data(written(ChunkWriter(replace(TO, include_usage=True)), *events))
    assert [json.loads(chunk)["usage"] for chunk in (*chunks, finish)] == [None] * 3
    last = json.loads(usage)
    assert (last["choices"], last["usage"]["total_tokens"], done) == ([], 3, b"[DONE]")
    assert json.loads(finish)["choices"][0]["finish_reason"] == "stop"
    assert b"usage" not in written(ChunkWriter(TO), *events)


@pytest.mark.parametrize("tier", ["default", "priority"])
def test_the_service_tier_is_told_at_the_end(tier: Any) -> None:
    told = UsageReport(Usage(1, 1, tier=tier))
    assert completion(TO, told)["service_tier"] == tier
    *first, finish, usage, _ = data(
        written(ChunkWriter(replace(TO, include_usage=True)), told, Text("Hi"), Stop("stop"))
    )
    assert [json.loads(chunk).get("service_tier") for chunk in (*first, finish, usage)] == [None, None, tier, tier]
    for chunk in (finish, usage):
        assert ChatCompletionChunk.model_validate_json(chunk, strict=True).service_tier == tier
    assert "service_tier" not in completion(TO)


def test_a_whole_answer_can_be_streamed() -> None:
    """Where the cloud answers a request for a stream in one piece."""
    body = {"type": "message", "id": "msg_1", "content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn"}
    chunks = data(written(ChunkWriter(TO), *ClaudeStream().whole(json.dumps(body).encode())))
    assert [json.loads(chunk)["choices"][0]["delta"].get("content") for chunk in chunks[:-1]] == ["", "Hi", None]


def test_a_failure_is_raised_from_a_completion() -> None:
    with pytest.raises(UpstreamError, match="Lost"):
        Completion(TO).add(Failure(UpstreamError("Lost.")))
