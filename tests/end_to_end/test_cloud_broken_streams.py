"""Every way in which a cloud's stream can break, in each framing: one error, after all that was said before."""

from __future__ import annotations

import json
from typing import Any, Literal

import openai
import pytest

from tests.support.all_clouds import WAYS, AllClouds, Way, ways
from tests.support.behaviours import Stream, broken, exception, frames
from tests.support.claude_streams import events_of
from tests.support.cloud_streams import EVENTS, as_sent, ask, said, tokens_in
from tests.support.proxy import ASK, read_all, unchunk

BINARY = [id for id, way in WAYS.items() if way.frames]
NATIVE = [id for id, way in WAYS.items() if way.native]
EXCEPTIONS = {
    "throttlingException": (429, "rate_limit_exceeded"),
    "modelStreamErrorException": (503, "model_error"),  # with an overload behind it
    "modelTimeoutException": (504, "timeout"),
    "validationException": (400, None),
    "internalServerException": (500, None),
    "serviceUnavailableException": (503, "service_unavailable"),
}
SPOKEN = {
    "messages": (503, "overloaded"),
    "foundry": (503, "overloaded"),
    "gpt_oss": (500, None),
    "azure": (502, "upstream_error"),
    "gemini": (503, "service_unavailable"),
}
"""What comes of an error event where the cloud sends one in its own words."""


def only_error(chunks: list[Any]) -> dict[str, Any]:
    """The last event's error; before it nothing has gone wrong, and nothing has ended."""
    *chunks, last = chunks
    assert chunks and all("error" not in chunk for chunk in chunks)
    assert all(choice["finish_reason"] is None for chunk in chunks for choice in chunk["choices"])
    assert last.keys() == {"error", "choices"} and last["choices"] == []
    error: dict[str, Any] = last["error"]
    assert error.keys() == {"message", "type", "param", "code"} and error["message"]
    return error


@pytest.mark.parametrize("name", EXCEPTIONS)
@ways(*BINARY)
def test_an_exception_frame(clouds: AllClouds, way: Way, name: str) -> None:
    """As the first it is an HTTP error; later it is the one error event after what was said before."""
    status, code = EXCEPTIONS[name]
    for first in (exception(name, "Told.", originalStatusCode=529), frames(f"first-frame-{name}.bin")):
        clouds.bedrock.script(first)
        answer = clouds.proxy(way).chat(model=way.model, stream=True)
        assert (answer.status, answer.error["code"]) == (status, code)
        assert answer.headers["x-bridge-upstream-request-id"]
    head, chunks = ask(clouds, way, exception(name, "Told.", after=4, originalStatusCode=529))
    assert b" 200 " in head and said(chunks) == "Hello"
    error = only_error(chunks)
    assert error["code"] == code and error["message"].startswith("Told.")


@ways(*SPOKEN)
def test_an_error_event(clouds: AllClouds, way: Way) -> None:
    """Likewise, where a cloud tells an error in the words of its stream."""
    status, code = SPOKEN[way.id]
    clouds.cloud(way).script(broken(message="Told."))
    answer = clouds.proxy(way).chat(model=way.model, stream=True)
    assert (answer.status, answer.error["code"]) == (status, code)
    head, chunks = ask(clouds, way, broken(message="Told.", after=4))
    assert b" 200 " in head and said(chunks) == "Hello"
    error = only_error(chunks)
    assert error["code"] == code and error["message"].startswith("Told.")


def damaged(pieces: list[bytes], at: int) -> bytes:
    """The stream with one bit of its sixth piece turned over."""
    piece = bytearray(pieces[5])
    piece[at] ^= 1
    return b"".join([*pieces[:5], piece, *pieces[6:]])


Ending = Literal["end", "cut", "reset"]


@pytest.mark.parametrize("within", [0, 20], ids=["between", "within"])
@pytest.mark.parametrize("ending", ["end", "cut", "reset"])
@ways()
def test_a_stream_that_stops_in_the_middle(clouds: AllClouds, way: Way, ending: Ending, within: int) -> None:
    pieces = as_sent(clouds, way)
    stop = sum(map(len, pieces[:6])) + within
    head, chunks = ask(clouds, way, Stream(b"".join(pieces), stop_after=stop, ending=ending, raw=True))
    assert b" 200 " in head
    assert said(chunks) == "".join(token.decode() for piece in pieces[:6] for token in tokens_in(piece)) != ""
    assert only_error(chunks)["code"] == "stream_truncated"
    assert clouds.proxy(way).chat(model=way.model).status == 200


@pytest.mark.parametrize("at", [3, 60, -1], ids=["length", "payload", "checksum"])
@ways(*BINARY)
def test_a_damaged_frame(clouds: AllClouds, way: Way, at: int) -> None:
    pieces = as_sent(clouds, way)
    _, chunks = ask(clouds, way, Stream(damaged(pieces, at), raw=True))
    assert said(chunks) == "".join(token.decode() for piece in pieces[:5] for token in tokens_in(piece)) != ""
    error = only_error(chunks)
    assert error["code"] == "stream_truncated" and "checksum" in error["message"]


@pytest.mark.parametrize("how", ["told", "cut"])
@ways(*NATIVE)
def test_anthropics_clients_are_told_in_their_own_words(clouds: AllClouds, way: Way, how: str) -> None:
    told = exception("throttlingException", "Told.", after=4) if way.frames else broken("rate_limit_error", after=4)
    clouds.cloud(way).script(told if how == "told" else Stream(b"".join(EVENTS[:4]), ending="cut"))
    connection = clouds.proxy(way).open_chat(path="/v1/messages", model=way.model, stream=True, max_tokens=99)
    head, body = unchunk(read_all(connection))
    *good, last = events_of(body)
    assert b" 200 " in head and [event.split()[1] for event in good] == [event.split()[1] for event in EVENTS[:4]]
    error = json.loads(last.removeprefix(b"event: error\ndata: "))
    assert error["type"] == "error" and error["error"]["message"]
    assert error["error"]["type"] == ("rate_limit_error" if how == "told" else "api_error")


@pytest.mark.parametrize("name", ["midstream-message-type-error", "midstream-inband-anthropic-error"])
def test_other_ways_to_tell_an_error_in_frames(clouds: AllClouds, name: str) -> None:
    _, chunks = ask(clouds, WAYS["invoke"], frames(f"{name}.bin"))
    assert said(chunks) and only_error(chunks)["message"]


@pytest.mark.parametrize("after", [0, 5], ids=["at once", "in the middle"])
@ways()
def test_the_sdk_raises_it(clouds: AllClouds, way: Way, after: int) -> None:
    """A body that ends without its last event is no error to OpenAI's SDK: it must be told."""
    pieces = as_sent(clouds, way)
    cloud = clouds.cloud(way)
    cloud.script(Stream(b"".join(pieces[:after]), ending="cut", raw=True))
    with pytest.raises(openai.APIError) as caught:
        list(clouds.openai(way).chat.completions.create(**{**ASK, "model": way.model}, stream=True))
    assert caught.value.code == "stream_truncated"
    assert isinstance(caught.value, openai.InternalServerError) == (after == 0)
