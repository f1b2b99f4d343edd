"""OpenAI's newest SDK through every door of aimock's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.interoperability.aimock import Aimock, Door, doors
from tests.support.proxy import Proxy

GREETING = 'Bonjour, 世界! This is "aimock".\n\tGood bye.'
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL: Any = {"type": "function", "function": {"name": "get_weather", "description": "Asks.", "parameters": CITY}}


@pytest.fixture(scope="module")
def client(proxy: Proxy) -> Iterator[openai.OpenAI]:
    with proxy.sdk() as client:
        yield client


def user(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


@doors()
def test_a_chat(client: openai.OpenAI, aimock: Aimock, door: Door) -> None:
    answer = client.chat.completions.create(model=door.model, messages=user("greet"))
    assert answer.choices[0].message.content == GREETING
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 7)
    assert aimock.asked()[-1]["path"].startswith(door.path)


@doors(streams=True)
def test_a_stream(client: openai.OpenAI, door: Door) -> None:
    with client.chat.completions.stream(
        model=door.model, messages=user("greet"), stream_options={"include_usage": True}
    ) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        answer = stream.get_final_completion()
    assert len(pieces) > 3 and "".join(pieces) == answer.choices[0].message.content == GREETING
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (11, 7)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@doors(thinks=True)
def test_thinking(client: openai.OpenAI, door: Door, stream: bool) -> None:
    if stream and not door.streams:
        pytest.skip("aimock does not stream here as AWS does")
    if stream:
        chunks = client.chat.completions.create(model=door.model, messages=user("ponder"), stream=True)
        deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
        thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
        said = "".join(delta.content or "" for delta in deltas)
    else:
        message = client.chat.completions.create(model=door.model, messages=user("ponder")).choices[0].message
        thought, said = getattr(message, "reasoning_content", None), message.content or ""
    assert (thought, said) == ("Six times seven, as everybody knows.", "It is 42.")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@doors()
def test_tools(client: openai.OpenAI, door: Door, stream: bool) -> None:
    if stream and not door.streams:
        pytest.skip("aimock does not stream here as AWS does")
    request: dict[str, Any] = {"model": door.model, "tools": [TOOL]}
    messages = user("weather")
    rounds = []
    while True:
        if stream:
            with client.chat.completions.stream(**request, messages=messages) as pieces:
                choice: Any = pieces.get_final_completion().choices[0]
        else:
            choice = client.chat.completions.create(**request, messages=messages).choices[0]
        calls = choice.message.tool_calls or []
        rounds.append([json.loads(call.function.arguments)["city"] for call in calls])
        assert choice.finish_reason == ("tool_calls" if calls else "stop")
        if not calls:
            break
        assert len({call.id for call in calls}) == len(calls)
        named = [
            {"id": call.id, "type": "function", "function": call.function.model_dump(include={"name", "arguments"})}
            for call in calls
        ]
        messages.append({"role": "assistant", "content": choice.message.content, "tool_calls": named})
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in calls]
    assert rounds == [['東京 "Tokyo"', "Rome"], []]
    assert choice.message.content == "It is sunny in both."


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@doors()
def test_errors(client: openai.OpenAI, door: Door, stream: bool) -> None:
    kinds = {
        "limited": openai.RateLimitError,
        "wrong": openai.BadRequestError,
        "overloaded": openai.InternalServerError,
    }
    for word, kind in kinds.items():
        with pytest.raises(kind) as caught:
            client.chat.completions.create(model=door.model, messages=user(word), stream=stream)
        assert type(caught.value) is kind
        assert {"limited": "Too many.", "wrong": "That is wrong.", "overloaded": "Overloaded."}[word] in str(
            caught.value
        )
        if word == "limited":
            assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("word", ["hang up", "garble"])
@doors()
def test_answers_that_are_none(client: openai.OpenAI, door: Door, word: str, stream: bool) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=door.model, messages=user(word), stream=stream)
    assert caught.value.status_code == 502
    assert "Never heard" not in str(caught.value)


@doors(streams=True)
def test_a_stream_that_is_cut_off(client: openai.OpenAI, door: Door) -> None:
    """What came is told, and then that it broke off: it looks like no ending."""
    heard = []
    with pytest.raises(openai.APIError, match="in the middle of the answer"):
        for chunk in client.chat.completions.create(model=door.model, messages=user("cut off"), stream=True):
            heard += [choice.delta.content or "" for choice in chunk.choices]
            assert not any(choice.finish_reason for choice in chunk.choices)
    assert "".join(heard) and "One two three four five".startswith("".join(heard))
