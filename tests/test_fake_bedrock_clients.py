"""The fake Bedrock and real clients: boto3 with its own parser of event streams, Anthropic's and OpenAI's SDKs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from botocore.exceptions import ClientError, EventStreamError

from tests.support.bedrock_client import BODY, CONVERSE, NEW, OLD, boto
from tests.support.behaviours import Reply, Stream, broken, exception, frames, huge, recordings, replay
from tests.support.claude_rules import message_of
from tests.support.claude_streams import stream_of
from tests.support.claude_troubles import refusing
from tests.support.cloud_errors import aws_error
from tests.support.fake_bedrock import FakeBedrock
from tests.support.fake_vertex import recorded
from tests.support.proxy import NO_TLS
from tests.support.scripted_claude import agent

NOVA = "amazon.nova-lite-v1:0"
LOOP = 'call: look({"n": 1})\ncall: look({"n": 2})\ncall: look({"n": 3}) + look({"n": 4})'
SPEC = {"name": "look", "inputSchema": {"json": {"type": "object", "properties": {"n": {"type": "integer"}}}}}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeBedrock]:
    with FakeBedrock(strict_headers=False) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def client(server: FakeBedrock) -> Iterator[Any]:
    with closing(boto(server)) as client:
        yield client


@pytest.fixture
def cloud(server: FakeBedrock) -> Iterator[FakeBedrock]:
    server.wrong.clear()
    yield server
    server.unscript()
    assert server.wrong == []


def read(stream: Any) -> list[dict[str, Any]]:
    """All events of boto3's, which leaves the connection open when one is an error."""
    with closing(stream):
        return list(stream)


def streamed(client: Any, model: str = OLD, **changes: Any) -> list[dict[str, Any]]:
    """Anthropic's events, out of the frames that boto3 has read."""
    answer = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(BODY | changes))
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/vnd.amazon.eventstream"
    return [json.loads(event["chunk"]["bytes"]) for event in read(answer["body"])]


@pytest.mark.parametrize("name", recordings())
def test_boto_reads_every_recording(cloud: FakeBedrock, client: Any, name: str) -> None:
    expected = message_of(recorded(name))
    cloud.script(replay(name, size=11), replay(name))
    events = streamed(client)
    metrics = events[-1].pop("amazon-bedrock-invocationMetrics")
    assert metrics["outputTokenCount"] == expected["usage"]["output_tokens"]
    assert events == [json.loads(data) for data in _datas(recorded(name))]
    whole = client.invoke_model(modelId=OLD, body=json.dumps(BODY))
    assert json.loads(whole["body"].read()) == expected


def _datas(stream: bytes) -> Iterator[bytes]:
    for line in stream.splitlines():
        if line.startswith(b"data:"):
            yield line.removeprefix(b"data:")


def test_converse_says_the_same_in_its_own_words(cloud: FakeBedrock, client: Any) -> None:
    cloud.script(replay("tool_use_response.txt"), replay("tool_use_response.txt", size=13))
    whole = client.converse(modelId=OLD, **CONVERSE)
    said = message_of(recorded("tool_use_response.txt"))
    text, call = whole["output"]["message"]["content"]
    assert text == {"text": said["content"][0]["text"]}
    assert call["toolUse"]["input"] == said["content"][1]["input"]
    assert whole["stopReason"] == "tool_use"
    assert whole["usage"]["outputTokens"] == said["usage"]["output_tokens"]
    events = read(client.converse_stream(modelId=OLD, **CONVERSE)["stream"])
    assert events[0] == {"messageStart": {"role": "assistant"}}
    assert events[-2:] == [{"messageStop": {"stopReason": "tool_use"}}, {"metadata": events[-1]["metadata"]}]
    assert events[-1]["metadata"]["usage"] == whole["usage"]
    starts = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    assert starts == [
        {"start": {"toolUse": {key: call["toolUse"][key] for key in ("toolUseId", "name")}}, "contentBlockIndex": 1}
    ]
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert "".join(delta.get("text", "") for delta in deltas) == text["text"]
    written = "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta)
    assert json.loads(written) == call["toolUse"]["input"]


@pytest.mark.parametrize("model", [OLD, NEW, NOVA, "us.anthropic.claude-opus-5-5"])
def test_boto_loops_through_three_rounds_of_calls(cloud: FakeBedrock, client: Any, model: str) -> None:
    messages: list[Any] = [{"role": "user", "content": [{"text": LOOP}]}]
    more: dict[str, Any] = {"toolConfig": {"tools": [{"toolSpec": SPEC}]}}
    thinks = model == "us.anthropic.claude-opus-5-5"
    for round in range(4):
        answer = client.converse(modelId=model, messages=messages, **more)
        message = answer["output"]["message"]
        messages.append(message)
        calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
        if not calls:
            break
        assert answer["stopReason"] == "tool_use"
        assert ("reasoningContent" in message["content"][0]) == thinks
        results = [{"toolUseId": call["toolUseId"], "content": [{"json": call["input"]}]} for call in calls]
        messages.append({"role": "user", "content": [{"toolResult": result} for result in results]})
        assert len(calls) == (2 if round == 2 else 1)
    assert round == 3
    assert message["content"][-1]["text"].count("look said:") == 4


def test_an_eager_model_calls_and_then_answers(cloud: FakeBedrock, client: Any) -> None:
    messages: list[Any] = [{"role": "user", "content": [{"text": "What is there?"}]}]
    more: dict[str, Any] = {"toolConfig": {"tools": [{"toolSpec": SPEC}]}}
    answer = client.converse(modelId=NOVA, messages=messages, **more)
    (call,) = [block["toolUse"] for block in answer["output"]["message"]["content"] if "toolUse" in block]
    assert call["input"] == {"n": 1}
    result = {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": "a cat"}]}}
    messages += [answer["output"]["message"], {"role": "user", "content": [result]}]
    answer = client.converse(modelId=NOVA, messages=messages, **more)
    assert answer["output"]["message"]["content"] == [{"text": "look said: a cat"}]


@pytest.mark.parametrize("name", ["throttlingException", "modelStreamErrorException", "internalServerException"])
@pytest.mark.parametrize("after", [0, 4])
def test_exceptions_come_within_streams(cloud: FakeBedrock, client: Any, name: str, after: int) -> None:
    cloud.script(exception(name, "Not now.", after=after), exception(name, "Not now.", after=after))
    stream = client.invoke_model_with_response_stream(modelId=OLD, body=json.dumps(BODY))["body"]
    for door in (stream, client.converse_stream(modelId=OLD, **CONVERSE)["stream"]):
        with pytest.raises(EventStreamError, match="Not now") as raised:
            read(door)
        assert raised.value.response["Error"]["Code"] == name


def test_anthropics_own_errors_come_in_the_words_of_the_door(cloud: FakeBedrock, client: Any) -> None:
    cloud.script(broken(after=3), broken(after=3))
    assert streamed(client)[-1] == {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    with pytest.raises(EventStreamError, match="serviceUnavailableException"):
        read(client.converse_stream(modelId=OLD, **CONVERSE)["stream"])


def test_frames_can_be_recorded_ones(cloud: FakeBedrock, client: Any) -> None:
    cloud.script(frames("test_meta__test_meta_converse_stream.0.response.bin", size=100))
    events = read(client.converse_stream(modelId="us.meta.llama3-3-70b-instruct-v1:0", **CONVERSE)["stream"])
    assert events[-1].keys() == {"metadata"}
    cloud.script(frames("first-frame-throttlingException.bin"))
    with pytest.raises(EventStreamError, match="throttlingException"):
        streamed(client)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ThrottlingException", 429),
        ("ModelNotReadyException", 429),
        ("ModelTimeoutException", 408),
        ("ModelErrorException", 424),
        ("ServiceUnavailableException", 503),
        ("AccessDeniedException", 403),
        ("ValidationException", 400),
    ],
)
def test_boto_knows_its_errors(cloud: FakeBedrock, client: Any, name: str, status: int) -> None:
    cloud.script(aws_error(name, "Because."))
    with pytest.raises(ClientError) as raised:
        client.converse(modelId=OLD, **CONVERSE)
    assert raised.value.response["Error"] == {"Message": "Because.", "Code": name}
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_a_guardrail_can_step_in(cloud: FakeBedrock, client: Any) -> None:
    message = {"content": [{"type": "text", "text": "No."}], "stop_reason": "guardrail_intervened", "usage": {}}
    message |= {"id": "msg_bdrk_x", "type": "message", "role": "assistant", "stop_sequence": None}
    blocked = Stream(stream_of(message), json.dumps(message).encode())
    cloud.script(blocked, blocked, blocked)
    assert client.converse(modelId=OLD, **CONVERSE)["stopReason"] == "guardrail_intervened"
    named = {"guardrailIdentifier": "abc", "guardrailVersion": "1"}
    whole = json.loads(client.invoke_model(modelId=OLD, body=json.dumps(BODY), **named)["body"].read())
    assert (whole["stop_reason"], whole["amazon-bedrock-guardrailAction"]) == ("end_turn", "INTERVENED")
    answer = client.invoke_model_with_response_stream(modelId=OLD, body=json.dumps(BODY), **named)
    *_, last = [json.loads(event["chunk"]["bytes"]) for event in read(answer["body"])]
    assert last["amazon-bedrock-guardrailAction"] == "INTERVENED"


def test_a_refusal_is_filtered_content_to_converse(cloud: FakeBedrock, client: Any) -> None:
    cloud.script(refusing("I"))
    assert client.converse(modelId=NEW, **CONVERSE)["stopReason"] == "content_filtered"


def test_streams_may_be_long(cloud: FakeBedrock, client: Any) -> None:
    cloud.script(huge(500_000), huge(500_000))
    assert sum(len(event.get("delta", {}).get("text", "")) for event in streamed(client)) > 480_000
    events = read(client.converse_stream(modelId=OLD, **CONVERSE)["stream"])
    assert sum(len(event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")) for event in events) > 480_000


# Anthropic's and OpenAI's own clients


@pytest.mark.parametrize("way", ["signed", "key", "mantle", "mantle key"])
def test_anthropics_clients_are_content(way: str) -> None:
    version = {"anthropic_version": "2026-10-21", "anthropic_header": "2026-10-21"}
    with FakeBedrock(strict_headers=False, mantle="mantle" in way, **version) as cloud:
        cloud.default = agent(size=50)
        key = cloud.keys.access_key(temporary=way == "signed")
        signed = {"aws_access_key": key.id, "aws_secret_key": key.secret, "aws_session_token": key.token}
        options: dict[str, Any] = signed if "key" not in way else {"api_key": cloud.keys.api_key()}
        options |= {"aws_region": cloud.region, "http_client": httpx2.Client(trust_env=False), "max_retries": 0}
        made: Any = anthropic.AnthropicBedrock
        url, model = cloud.origin, NEW
        if "mantle" in way:
            made, url, model = (
                anthropic.AnthropicBedrockMantle,
                f"{cloud.origin}/anthropic",
                "anthropic.claude-opus-4-8",
            )
        tools: Any = [{"name": "look", "input_schema": {"type": "object"}}]
        messages: list[Any] = [{"role": "user", "content": LOOP}]
        with made(base_url=url, **options) as client:
            for round in range(4):
                asked: dict[str, Any] = {"model": model, "max_tokens": 99, "tools": tools, "messages": messages}
                if round % 2:
                    with client.messages.stream(**asked) as stream:
                        message = stream.get_final_message()
                else:
                    message = client.messages.create(**asked)
                calls = [block for block in message.content if block.type == "tool_use"]
                results = [{"type": "tool_result", "tool_use_id": call.id, "content": "a cat"} for call in calls]
                messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
        assert cloud.wrong == []
        assert message.content[-1].text.count("look said: a cat") == 4
        assert message.id.startswith("msg_bdrk_")


def test_openais_client_is_content_with_gpt_oss() -> None:
    with FakeBedrock(strict_headers=False) as cloud:
        http_client = openai.DefaultHttpxClient(trust_env=False, verify=NO_TLS)
        options: dict[str, Any] = {
            "base_url": f"{cloud.origin}/openai/v1",
            "http_client": http_client,
            "max_retries": 0,
        }
        asked: Any = {"model": "openai.gpt-oss-120b-1:0", "messages": [{"role": "user", "content": "Hi"}]}
        with openai.OpenAI(api_key=cloud.keys.api_key(), **options) as client:
            assert client.chat.completions.create(**asked).choices[0].message.content == "You said: Hi"
            chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
            assert chunks[-1].usage and not chunks[-1].choices
            with pytest.raises(openai.BadRequestError, match="does not support the '/v1/chat/completions' API"):
                client.chat.completions.create(**asked | {"model": NEW})
            cloud.script(Reply(429, {"error": {"message": "Slow down.", "type": "rate_limit", "code": None}}))
            with pytest.raises(openai.RateLimitError, match="Slow down"):
                client.chat.completions.create(**asked)
        assert len(cloud.wrong) == 1
