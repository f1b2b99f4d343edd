"""What OpenAI clients read: their SDK's strict models and their SDK's stream reader are the judges."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from oai_bridge.errors import UpstreamError
from oai_bridge.events import (
    Event,
    Failure,
    Ping,
    Start,
    Stop,
    Text,
    Thinking,
    ToolArguments,
    ToolStart,
    Usage,
    UsageReport,
)
from oai_bridge.openai.reply import ChunkWriter, Completion, ReplyTo, error_event, usage_object
from tests.support.cases import CASES, Case, name

STREAMED = [case for case in CASES if (case.folder / "client.sse").exists()]
WHOLE = [case for case in CASES if (case.folder / "client_reply.json").exists()]
TO = ReplyTo("my-alias", 1_700_000_000, "req_test")


def data(stream: bytes) -> list[bytes]:
    return [line[6:] for line in stream.split(b"\n\n") if line.startswith(b"data: ")]


def written(writer: ChunkWriter, *events: Event) -> bytes:
    return b"".join(map(writer.write, events))


@pytest.mark.parametrize("case", STREAMED, ids=name)
@pytest.mark.parametrize("file", ["client.sse", "client_with_usage.sse"])
def test_every_chunk_is_one_in_the_sdks_eyes(case: Case, file: str) -> None:
    *chunks, last = data((case.folder / file).read_bytes())
    for chunk in chunks:
        parsed = ChatCompletionChunk.model_validate_json(chunk, strict=True)
        assert parsed.model_extra == {}
    assert last == b"[DONE]" or json.loads(last).keys() == {"error", "choices"}


@pytest.mark.parametrize("case", WHOLE, ids=name)
def test_every_completion_is_one_in_the_sdks_eyes(case: Case) -> None:
    parsed = ChatCompletion.model_validate_json((case.folder / "client_reply.json").read_bytes(), strict=True)
    assert parsed.model_extra == {}
    assert parsed.usage is not None
    assert parsed.usage.total_tokens == parsed.usage.prompt_tokens + parsed.usage.completion_tokens


def sdk(body: bytes, content_type: str) -> openai.OpenAI:
    """OpenAI's client, strict, with a server that answers `body`."""
    answer = httpx2.Response(200, content=body, headers={"content-type": content_type})
    return openai.OpenAI(
        base_url="http://bridge",
        api_key="none",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(lambda request: answer)),
        _strict_response_validation=True,
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


@pytest.mark.parametrize(
    ("usage", "value"),
    [
        (
            Usage(),
            {
                "prompt_tokens": 0,
                "completion_tokens": 0,
                "total_tokens": 0,
                "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            },
        ),
        (
            Usage(1, 2, 4, 8, 0),
            {
                "prompt_tokens": 13,
                "completion_tokens": 2,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 8},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
        ),
    ],
)
def test_usage(usage: Usage, value: dict[str, Any]) -> None:
    assert usage_object(usage) == value


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
    assert b"\n" not in error_event(UpstreamError(nasty))[:-2]


def test_a_failure_is_raised_from_a_completion() -> None:
    with pytest.raises(UpstreamError, match="Lost"):
        Completion(TO).add(Failure(UpstreamError("Lost.")))
