"""Streams in each framing that the clouds have: piece by piece, whole, with what Azure adds, left by the client."""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import time
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support import openai_streams
from tests.support.all_clouds import WAYS, AllClouds, Way, ways
from tests.support.behaviours import Behaviour, Reply, Stream, endless, recorded
from tests.support.cloud_streams import EVENTS, MESSAGE, TOKENS, as_sent, ask, said, tokens_in
from tests.support.proxy import ASK, CHAT, Proxy, read_all, unchunk
from tests.support.scripted_claude import agent

NATIVE = [id for id, way in WAYS.items() if way.native]


# --- Piece by piece ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "path"),
    [*((id, CHAT) for id in WAYS), *((id, "/v1/messages") for id in NATIVE)],
)
def test_each_event_goes_out_before_the_next_comes_in(clouds: AllClouds, way: str, path: str) -> None:
    """The cloud sends its next piece only after the client has read what the former says."""
    to = WAYS[way]
    cloud, pieces = clouds.cloud(to), as_sent(clouds, to, path)
    assert len(pieces) > len(TOKENS)
    before = len(cloud.requests)
    cloud.script(Stream(lambda: EVENTS, stepwise=True))
    connection = clouds.proxy(to).open_chat(path=path, model=to.model, stream=True, max_tokens=99)
    read, sent = b"", 0
    cloud.wait_until(lambda: len(cloud.requests) > before)
    for number, piece in enumerate(pieces, 1):
        sent += len(piece)
        for token in tokens_in(piece):
            while token not in read:
                read += connection.recv(65_536)
        if number < len(pieces):
            cloud.wait_until(lambda total=sent: cloud.hanging == 1 and cloud.requests[-1].sent == total)
            cloud.release()
    _, body = unchunk(read + read_all(connection))
    assert re.findall(rb"<piece \d+>", body) == [token.encode() for token in TOKENS]
    assert body.endswith(b"data: [DONE]\n\n") if path == CHAT else b"event: message_stop\n" in body


@pytest.mark.parametrize("size", [7, [1, 2, 3, 500], None])
@ways()
def test_odd_pieces(clouds: AllClouds, way: Way, size: Any) -> None:
    _, (*chunks, done) = ask(clouds, way, Stream(b"".join(EVENTS), size=size))
    assert (said(chunks), done) == ("".join(TOKENS), "[DONE]")
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == "stop"


RECORDED = {
    "test_anthropic__test_anthropic_3_completion_streaming": ("invoke", "stop"),
    "test_anthropic__test_anthropic_converse_stream_with_tool_use": ("converse", "tool_calls"),
    "test_guardrails__test_guardrail_converse_stream": ("converse", "content_filter"),
    "test_meta__test_meta_converse_stream": ("converse", "stop"),
}
"""Real streams, the door that each came from, and how it ended."""


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_stream_of_bedrock(clouds: AllClouds, name: str) -> None:
    id, reason = RECORDED[name]
    lines = [json.loads(line) for line in recorded(f"{name}.0.frames.jsonl").splitlines()]
    deltas = [(line.get("chunk") or line["payload"]).get("delta", {}) for line in lines]
    told = set()
    for size in (7, [1, 2, 3, 500], None):
        _, (*chunks, done) = ask(clouds, WAYS[id], Stream(recorded(f"{name}.0.response.bin"), size=size, raw=True))
        assert done == "[DONE]"
        assert said(chunks) == "".join(delta.get("text") or "" for delta in deltas)
        assert chunks[-1]["choices"][0]["finish_reason"] == reason
        told.add(json.dumps([chunk["choices"] for chunk in chunks]))
    assert len(told) == 1  # every cut of the bytes gives the same chunks


@ways()
def test_a_cloud_that_does_not_stream_is_streamed_from(clouds: AllClouds, way: Way) -> None:
    """A gateway in between may answer in one piece. The answer is there, and paid for."""
    as_sent(clouds, way)
    cloud = clouds.cloud(way)
    whole = cloud.requests[-1].door.whole(json.dumps(MESSAGE).encode())
    head, (*chunks, done) = ask(clouds, way, Reply(200, whole))
    assert b"text/event-stream" in head
    assert (said(chunks), done) == ("".join(TOKENS), "[DONE]")
    cloud.script(Reply(200, whole))
    with clouds.openai(way).chat.completions.stream(**{**ASK, "model": way.model}) as stream:
        stream.until_done()
        assert stream.get_final_completion().choices[0].message.content == "".join(TOKENS)


# --- What Azure adds --------------------------------------------------------------------------------------------------

AZURES = {
    "filtered as it goes": openai_streams.AZURE,
    "filtered afterwards": openai_streams.AZURE_ASYNC,
    "blocked": openai_streams.AZURE_BLOCKED,
}


@pytest.mark.parametrize("case", AZURES)
def test_what_azures_filter_tells(clouds: AllClouds, case: str) -> None:
    """It comes in chunks without choices or deltas, from nobody; what it says goes on, in chunks that any can read."""
    _, (*chunks, done) = ask(clouds, WAYS["azure"], Stream(AZURES[case], raw=True))
    assert done == "[DONE]"
    assert all(isinstance(choice["delta"], dict) for chunk in chunks for choice in chunk["choices"])
    assert all(chunk["id"] == chunks[0]["id"] != "" and chunk["model"] == WAYS["azure"].model for chunk in chunks)
    given = openai_streams.messages_of(AZURES[case])
    for field in ("prompt_filter_results", "prompt_annotations"):
        found = [message[field] for message in given if field in message]
        assert [chunk[field] for chunk in chunks if field in chunk] == found
    for field in ("content_filter_results", "content_filter_offsets"):
        found = [choice[field] for message in given for choice in message["choices"] if field in choice]
        assert [choice[field] for chunk in chunks for choice in chunk["choices"] if field in choice] == found
    finish = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert finish == ["content_filter" if case == "blocked" else "stop"]


@pytest.mark.parametrize("filter", ["default", "asynchronous"])
def test_azures_filter_and_the_sdk(clouds: AllClouds, filter: Literal["default", "asynchronous"]) -> None:
    clouds.azure.filter = filter
    try:
        with clouds.openai(WAYS["azure"]).chat.completions.stream(**{**ASK, "model": WAYS["azure"].model}) as stream:
            stream.until_done()
            streamed = stream.get_final_completion()
    finally:
        clouds.azure.filter = "default"
    whole = clouds.openai(WAYS["azure"]).chat.completions.create(**{**ASK, "model": WAYS["azure"].model})
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert whole.model_extra and whole.model_extra["prompt_filter_results"][0]["content_filter_results"]
    assert whole.choices[0].model_extra and whole.choices[0].model_extra["content_filter_results"]


def test_two_answers_and_their_probabilities(clouds: AllClouds) -> None:
    way = WAYS["azure"]
    request = {**ASK, "model": way.model, "n": 2, "logprobs": True, "top_logprobs": 3}
    client = clouds.openai(way)
    whole = client.chat.completions.create(**request)
    assert clouds.azure.requests[-1].parsed["n"] == 2
    assert [choice.index for choice in whole.choices] == [0, 1]
    with client.chat.completions.stream(**request) as stream:
        stream.until_done()
        streamed = stream.get_final_completion()
    for answer in (whole, streamed):
        for choice in answer.choices:
            assert choice.message.content and choice.finish_reason == "stop"
            assert choice.logprobs is not None and choice.logprobs.content
            tokens = choice.logprobs.content
            assert "".join(token.token for token in tokens) == choice.message.content
            assert all(token.logprob == -0.25 and len(token.top_logprobs) == 3 for token in tokens)


# --- The client leaves ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("silent", [False, True], ids=["speaking", "silent"])
@ways()
def test_a_hang_up_reaches_the_cloud(clouds: AllClouds, way: Way, silent: bool) -> None:
    cloud = clouds.cloud(way)
    pieces = as_sent(clouds, way)
    number = len(cloud.requests)
    half = sum(map(len, pieces[:6]))
    cloud.script(Stream(b"".join(pieces), pause_after=half, raw=True) if silent else endless())
    connection = clouds.proxy(way).open_chat(model=way.model, stream=True)
    while not re.search(b"<piece|more", connection.recv(65_536)):
        pass
    if silent:
        cloud.wait_until(lambda: cloud.hanging == 1)
    left = time.monotonic()
    connection.close()
    cloud.wait_until_left(number)
    assert (cloud.requests[number].hung_up or 0.0) >= left
    cloud.wait_idle()


def descriptors(proxy: Proxy) -> int:
    return len(list(Path(f"/proc/{proxy.process.pid}/fd").glob("*")))  # none where there is no /proc


def speak(clouds: AllClouds, behaviour: Behaviour) -> None:
    """All models do so from now on."""
    for cloud in clouds.all:
        cloud.default = behaviour
    clouds.bedrock.converse_default = clouds.bedrock.openai_default = clouds.vertex.openai_default = behaviour


def test_many_that_leave_at_random_moments_leave_nothing(clouds: AllClouds) -> None:
    pick = random.Random(3)
    for way in WAYS.values():
        assert clouds.proxy(way).chat(model=way.model).status == 200
    proxies = {clouds.proxy(way) for way in WAYS.values()}
    before = {proxy: descriptors(proxy) for proxy in proxies}
    speak(clouds, endless(delay=0.001))
    try:
        for number in range(50):
            way = WAYS[pick.choice([*WAYS])]
            connection = clouds.proxy(way).open_chat(model=way.model, stream=bool(number % 4))
            time.sleep(pick.uniform(0, 0.04))
            if pick.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
            connection.close()
        for proxy in proxies:
            clouds.bedrock.wait_until(lambda one=proxy: one.get("/status").json()["proomptersNow"] == 0)
        clouds.wait_idle()
    finally:
        speak(clouds, agent(eager=True))
    for way in WAYS.values():
        assert clouds.proxy(way).chat(model=way.model, stream=True).text
    for proxy in proxies:
        # Kept connections to the clouds end, too, after a minute or two.
        clouds.bedrock.wait_until(lambda one=proxy: descriptors(one) <= before[one] + 2, timeout=130)
