"""Every cloud by every kind of credential: the same programs, with OpenAI's and Anthropic's SDKs, through a real proxy.

README's table of features is this file's list of tests.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion

from tests.support.fake_cloud import FakeCloud
from tests.support.matrix import FEATURES, ROWS, Row, table
from tests.support.proxy import ROOT, Proxy
from tests.support.sites import PNG

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Call get_weather for Paris."},
]
HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]


@dataclass(frozen=True, slots=True)
class Running:
    row: Row
    cloud: FakeCloud
    proxy: Proxy

    def sdk(self) -> openai.OpenAI:
        return self.proxy.sdk(f"{self.row.base}/v1")

    def model(self, feature: str) -> str:
        return self.row.models[feature]


def having(feature: str) -> pytest.MarkDecorator:
    """The test runs for each row that has the feature."""
    rows = [row for row in ROWS if feature in row.models]
    return pytest.mark.parametrize("running", rows, ids=[row.id for row in rows], indirect=True, scope="module")


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    row: Row = request.param
    folder = tmp_path_factory.mktemp(row.id)
    with ExitStack() as stack:
        setting = row.start(stack, folder)
        proxy = stack.enter_context(
            Proxy(folder, environment=setting.environment, config=setting.config, dotenv=setting.dotenv)
        )
        yield Running(row, setting.cloud, proxy)
        setting.cloud.wait_idle()
        assert setting.cloud.wrong == []


def test_readme_has_the_table() -> None:
    assert table() in (ROOT / "README.md").read_text("utf-8")
    assert all(set(row.models) <= set(FEATURES) for row in ROWS)
    assert len({*ROWS}) == len(ROWS), "what can't be hashed gets many proxies"


@having("chat")
def test_chat(running: Running) -> None:
    with running.sdk() as client:
        answer = client.chat.completions.create(model=running.model("chat"), messages=HELLO, max_tokens=100)
    choice = answer.choices[0]
    assert choice.message.content and choice.finish_reason == "stop"
    assert answer.model == running.model("chat")
    assert answer.usage is not None and answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@having("stream")
def test_stream(running: Running) -> None:
    with running.sdk() as client:
        whole = client.chat.completions.create(model=running.model("stream"), messages=HELLO)
        chunks = list(
            client.chat.completions.create(
                model=running.model("stream"), messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        )
    *told, last = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in told) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in told if chunk.choices[0].finish_reason] == ["stop"]
    assert last.choices == [] and last.usage is not None and whole.usage is not None
    assert last.usage.prompt_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1 and {chunk.model for chunk in chunks} == {running.model("stream")}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@having("tools")
def test_tools(running: Running, stream: bool) -> None:
    """A call, its result, an answer: the model's own words go back to it as the SDK keeps them."""
    messages = list(ASK)
    with running.sdk() as client:
        for _ in range(2):
            answer = _answer(client, running.model("tools"), messages, stream)
            message = answer.choices[0].message
            messages.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls or ():
                assert call.type == "function" and call.function.name == "get_weather"
                assert isinstance(json.loads(call.function.arguments), dict)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": "Sunny, 21 °C."})
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].message.content


def _answer(client: openai.OpenAI, model: str, messages: list[Any], stream: bool) -> ChatCompletion:
    if not stream:
        return client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    with client.chat.completions.stream(model=model, messages=messages, tools=[WEATHER]) as events:
        events.until_done()
        return events.get_final_completion()


@having("vision")
def test_vision(running: Running) -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    parts: list[Any] = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    with running.sdk() as client:
        answer = client.chat.completions.create(
            model=running.model("vision"), messages=[{"role": "user", "content": parts}]
        )
    assert answer.choices[0].message.content
    assert base64.b64encode(PNG) in running.cloud.requests[-1].body


def _anthropic(running: Running) -> anthropic.Anthropic:
    address = f"http://127.0.0.1:{running.proxy.port}{running.row.base}"
    client = httpx2.Client(trust_env=False)
    return anthropic.Anthropic(base_url=address, api_key="any", max_retries=0, http_client=client)


@having("messages")
def test_messages(running: Running) -> None:
    model = running.model("messages")
    with _anthropic(running) as client:
        whole = client.messages.create(model=model, max_tokens=100, messages=HELLO)
        with client.messages.stream(model=model, max_tokens=100, messages=HELLO) as stream:
            streamed = stream.get_final_message()
    assert whole.content and whole.stop_reason == streamed.stop_reason == "end_turn"
    assert [block.to_dict() for block in whole.content] == [block.to_dict() for block in streamed.content]
    assert whole.usage.input_tokens > 0 and streamed.usage.input_tokens > 0


@having("count_tokens")
def test_count_tokens(running: Running) -> None:
    with _anthropic(running) as client:
        count = client.messages.count_tokens(model=running.model("count_tokens"), messages=HELLO)
    assert count.input_tokens > 0


@having("embeddings")
def test_embeddings(running: Running) -> None:
    model = running.model("embeddings")
    with running.sdk() as client:
        packed = client.embeddings.create(model=model, input=["one", "two"])
        plain = client.embeddings.create(model=model, input=["one", "two"], encoding_format="float")
    assert [entry.index for entry in packed.data] == [0, 1] and packed.model == model
    for a, b in zip(packed.data, plain.data, strict=True):
        assert a.embedding == [struct.unpack("<f", struct.pack("<f", number))[0] for number in b.embedding]
    assert packed.data[0].embedding != packed.data[1].embedding
    assert packed.usage.prompt_tokens > 0


@having("images")
def test_images(running: Running) -> None:
    with running.sdk() as client:
        made = client.images.generate(model=running.model("images"), prompt="A cup of tea.", size="1024x1024")
    assert made.data and base64.b64decode(made.data[0].b64_json or "").startswith(b"\x89PNG")


@having("chat")
def test_models(running: Running) -> None:
    """Those of the row are listed, Azure's excepted, whose deployments nobody has listed in the settings."""
    with running.sdk() as client:
        listed = [model.id for model in client.models.list()]
    assert len(listed) == len(set(listed))
    if not running.row.base.endswith("/azure/openai"):
        assert set(running.row.models.values()) <= set(listed)


@having("chat")
def test_an_answer_says_where_it_came_from(running: Running) -> None:
    answer = running.proxy.post(
        f"{running.row.base}/chat/completions", {"model": running.model("chat"), "messages": HELLO}
    )
    place, _, region = answer.headers["x-bridge-route"].partition("/")
    assert place in ("vertex", "bedrock", "azure", "foundry") and region
    assert answer.headers["x-bridge-model"] and answer.headers["x-bridge-attempts"] == "1"
    assert answer.headers["x-bridge-upstream-request-id"]
    assert answer.headers["x-request-id"].startswith("req_")
