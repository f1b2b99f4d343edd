"""The demo upstream, asked as the cloud is asked: by google-auth and by Anthropic's own Vertex client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anthropic
import httpx2
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials
from hypothesis import given
from hypothesis import strategies as st

from oai_bridge.settings.values import ServiceAccount
from oai_bridge.start.demo import Demo, answer, pieces
from tests.support.claude_rules import VERTEX_VERSION, message_of

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
MODEL = "claude-sonnet-4-5@20250929"


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    demo = Demo(pace=0.001)
    await demo.start()
    yield demo
    await demo.stop()


def mint(info: object) -> str:
    credentials = Credentials.from_service_account_info(info, scopes=SCOPES)
    with requests.Session() as session:
        credentials.refresh(Request(session))
    return credentials.token


def account_info(demo: Demo) -> dict[str, object]:
    assert isinstance(demo.account.source, ServiceAccount)
    return dict(demo.account.source.info)


async def client(demo: Demo) -> anthropic.AsyncAnthropicVertex:
    token = await asyncio.to_thread(mint, account_info(demo))
    return anthropic.AsyncAnthropicVertex(
        region=demo.account.region,
        project_id=demo.account.project or "",
        access_token=token,
        base_url=f"{demo.base_url}/v1",
        max_retries=0,
    )


async def test_says_what_it_is(demo: Demo) -> None:
    async with await client(demo) as vertex:
        message = await vertex.messages.create(
            model=MODEL,
            max_tokens=100,
            system="Be brief.",
            messages=[
                {"role": "user", "content": "An older question"},
                {"role": "assistant", "content": "An answer"},
                {"role": "user", "content": [{"type": "text", "text": "How tall is {the} moon?"}]},
            ],
        )
    assert message.content[0].type == "text"
    text = message.content[0].text
    assert "demo" in text
    assert "nothing has left this machine" in text
    assert "How tall is {the} moon?" in text
    assert "older" not in text
    assert "GCP_CREDENTIALS" in text and "README.md" in text and ".env" in text
    assert message.stop_reason == "end_turn"
    spoken = len("Be brief.An older questionAn answerHow tall is {the} moon?")
    assert message.usage.input_tokens == spoken // 4
    assert message.usage.output_tokens == len(text) // 4


async def test_streams_the_same_answer_in_small_pieces(demo: Demo) -> None:
    question = "Tell me a story. 请讲一个故事。"
    async with await client(demo) as vertex:
        ask = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": question}]}
        whole = await vertex.messages.create(**ask)
        async with vertex.messages.stream(**ask) as stream:
            parts = [part async for part in stream.text_stream]
            message = await stream.get_final_message()
    assert "".join(parts) == whole.content[0].text
    assert len(parts) > 20
    assert message.usage == whole.usage
    assert message.stop_reason == whole.stop_reason == "end_turn"


async def test_its_stream_adds_up_by_the_rules_of_the_api(demo: Demo) -> None:
    token = await asyncio.to_thread(mint, account_info(demo))
    body = {"anthropic_version": VERTEX_VERSION, "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    reply = await asyncio.to_thread(post, demo, "streamRawPredict", token, body | {"stream": True})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert message_of(reply.content)["content"] == [{"type": "text", "text": answer("Hi")}]


async def test_counts_tokens_as_its_answers_do(demo: Demo) -> None:
    ask = {"model": MODEL, "system": "Be brief.", "messages": [{"role": "user", "content": "How tall is the moon?"}]}
    async with await client(demo) as vertex:
        counted = await vertex.messages.count_tokens(**ask)
        message = await vertex.messages.create(**ask, max_tokens=9)
    assert counted.input_tokens == len("Be brief.How tall is the moon?") // 4 == message.usage.input_tokens


async def test_answers_what_is_no_chat_too(demo: Demo) -> None:
    blocks = [
        {"type": "text", "text": "Look at this."},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "a result"}]},
        {"type": "tool_result", "tool_use_id": "toolu_2"},
        {"type": "brand_new", "text": None},
        "no block",
    ]
    strange = [{"role": "user", "content": blocks}, {"role": "assistant"}, {"content": 5}, {"role": "system"}]
    token = await asyncio.to_thread(mint, account_info(demo))
    whole, streamed = [
        await asyncio.to_thread(post, demo, method, token, {"system": 7, "messages": strange})
        for method in ("rawPredict", "streamRawPredict")
    ]
    told = [{"type": "text", "text": answer("Look at this.")}]
    assert whole.json()["content"] == message_of(streamed.content)["content"] == told


@pytest.mark.parametrize("messages", [None, [], "Hi", ["Hi"], {"role": "user"}])
@pytest.mark.parametrize("method", ["rawPredict", "streamRawPredict"])
async def test_refuses_a_prompt_without_messages_as_the_api_does(demo: Demo, method: str, messages: object) -> None:
    token = await asyncio.to_thread(mint, account_info(demo))
    reply = await asyncio.to_thread(post, demo, method, token, {"messages": messages})
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("method", ["rawPredict", "streamRawPredict"])
@pytest.mark.parametrize("model", [MODEL, "count-tokens"])
@pytest.mark.parametrize("token", ["", "made-up"])
async def test_refuses_a_token_it_did_not_mint(demo: Demo, method: str, model: str, token: str) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    reply = await asyncio.to_thread(post, demo, method, token, body, model)
    assert reply.status_code == 401
    assert reply.json()["error"]["status"] == "UNAUTHENTICATED"


async def test_mints_for_its_own_key_and_account_alone(demo: Demo) -> None:
    second = Demo()
    await second.start()
    await second.stop()
    assert second.base_url != demo.base_url
    foreign_key = {"private_key": account_info(second)["private_key"]}
    for change in (foreign_key, {"client_email": "other@demo-project.iam.gserviceaccount.com"}):
        with pytest.raises(RefreshError, match="invalid_grant"):
            await asyncio.to_thread(mint, account_info(demo) | change)


async def test_stop_ends_a_running_stream_and_closes_the_port() -> None:
    slow = Demo(pace=60)
    await slow.start()
    async with await client(slow) as vertex:
        ask = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
        async with vertex.messages.stream(**ask) as stream:
            await anext(aiter(stream.text_stream))
            await slow.stop()
            with pytest.raises(httpx2.RemoteProtocolError):
                await stream.get_final_message()
    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(requests.post, f"{slow.base_url}/token")


@pytest.mark.parametrize(
    ("question", "chinese"), [("Hello", False), ("Ça va ? “Ja”…", False), ("你好", True), ("こんにちは", True)]
)
def test_speaks_chinese_to_whoever_writes_it(question: str, chinese: bool) -> None:
    assert ("演示" in answer(question)) is chinese
    assert "nothing has left this machine" in answer(question)


@pytest.mark.parametrize(("length", "shown"), [(80, "x" * 80 + "”"), (81, "x" * 80 + "…”")])
def test_quotes_the_first_80_letters(length: int, shown: str) -> None:
    assert f"“{shown}" in answer("x" * length)


@given(st.text())
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert all(pieces(text))


def post(demo: Demo, method: str, token: str, body: object, model: str = MODEL) -> requests.Response:
    account = demo.account
    path = f"projects/{account.project}/locations/{account.region}/publishers/anthropic/models/{model}:{method}"
    return requests.post(f"{demo.base_url}/v1/{path}", json=body, headers={"authorization": f"Bearer {token}"})
