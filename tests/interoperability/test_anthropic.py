"""Anthropic's newest SDK, through the doors where Claude is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.interoperability.aimock import Aimock, Door, doors
from tests.interoperability.test_openai import CITY, GREETING, user
from tests.support.native_client import sdk
from tests.support.proxy import Proxy


@pytest.fixture(scope="module")
def client(proxy: Proxy) -> Iterator[anthropic.Anthropic]:
    with sdk(proxy, "") as client:
        yield client


@doors(claude=True)
def test_a_message(client: anthropic.Anthropic, aimock: Aimock, door: Door) -> None:
    answer = client.messages.create(model=door.model, max_tokens=99, messages=user("greet"))
    assert [block.to_dict() for block in answer.content] == [{"type": "text", "text": GREETING}]
    assert (answer.stop_reason, answer.usage.input_tokens, answer.usage.output_tokens) == ("end_turn", 11, 7)
    assert aimock.asked()[-1]["path"].startswith(door.path)


@doors(claude=True, streams=True)
def test_a_stream(client: anthropic.Anthropic, door: Door) -> None:
    with client.messages.stream(model=door.model, max_tokens=99, messages=user("ponder")) as stream:
        assert "".join(stream.text_stream) == "It is 42."
        answer = stream.get_final_message()
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].to_dict()["thinking"] == "Six times seven, as everybody knows."
    assert answer.stop_reason == "end_turn"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@doors(claude=True)
def test_tools(client: anthropic.Anthropic, door: Door, stream: bool) -> None:
    if stream and not door.streams:
        pytest.skip("aimock does not stream here as AWS does")
    tools: Any = [{"name": "get_weather", "description": "Asks.", "input_schema": CITY}]
    request: dict[str, Any] = {"model": door.model, "max_tokens": 99, "tools": tools}
    messages = user("weather")
    rounds = []
    while True:
        if stream:
            with client.messages.stream(**request, messages=messages) as pieces:
                answer = pieces.get_final_message()
        else:
            answer = client.messages.create(**request, messages=messages)
        calls = [block for block in answer.content if block.type == "tool_use"]
        rounds.append([call.input["city"] for call in calls])
        if not calls:
            break
        assert answer.stop_reason == "tool_use"
        messages.append({"role": "assistant", "content": [block.to_dict() for block in answer.content]})
        results = [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"} for call in calls]
        messages.append({"role": "user", "content": results})
    assert rounds == [['東京 "Tokyo"', "Rome"], []]
    assert answer.content[0].to_dict()["text"] == "It is sunny in both."


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@doors(claude=True)
def test_errors(client: anthropic.Anthropic, door: Door, stream: bool) -> None:
    for word, status in {"limited": 429, "wrong": 400, "overloaded": 529, "hang up": 502, "garble": 502}.items():
        with pytest.raises(anthropic.APIStatusError) as caught:
            client.messages.create(model=door.model, max_tokens=99, messages=user(word), stream=stream)
        assert caught.value.status_code == status, word
        body = caught.value.body
        assert isinstance(body, dict) and body["type"] == "error" and body["error"]["message"], word


@doors(claude=True, streams=True)
def test_a_stream_that_is_cut_off(client: anthropic.Anthropic, door: Door) -> None:
    heard = []
    with (
        pytest.raises(anthropic.APIError, match="in the middle of the answer"),
        client.messages.stream(model=door.model, max_tokens=99, messages=user("cut off")) as stream,
    ):
        for text in stream.text_stream:
            heard.append(text)
    assert heard and "One two three four five".startswith("".join(heard))
