"""exchanges/embeddings: one answer out of many requests, in the order of the texts, or the first error and no more."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oai_bridge.answer import Head
from oai_bridge.backends.base import Call, PassingBackend
from oai_bridge.backends.bedrock_embeddings import BedrockEmbeddings
from oai_bridge.credentials.base import Access, Outbound
from oai_bridge.errors import BridgeError, UpstreamError
from oai_bridge.exchanges import Incoming, Services, exchange
from oai_bridge.exchanges.embeddings import in_order
from oai_bridge.inspector.record import Record
from oai_bridge.models.passed import PassedFacts
from oai_bridge.notes import Notes
from oai_bridge.plain.jsontext import write
from oai_bridge.routing import Route
from oai_bridge.settings.values import Bedrock
from tests.support.small_cloud import Reply, Request, SmallCloud, in_use, services

TITAN, COHERE = "titan-embed-text-v2", "cohere-embed-v4"


async def ask(parts: Services, body: dict[str, Any]) -> tuple[Head, bytes, Record]:
    record = Record("req_1")
    incoming = Incoming(Route("embeddings"), json.dumps(body).encode())
    head, *pieces = [piece async for piece in exchange(parts, incoming, record).answer()]
    assert isinstance(head, Head)
    whole = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    assert head.length == len(whole)
    return head, whole, record


def bedrock(url: str) -> BedrockEmbeddings:
    return BedrockEmbeddings(Bedrock(base_url=url))


def vector(text: str) -> list[float]:
    """What the cloud makes of a text: its number, and one that no float32 holds exactly."""
    return [float(text), 0.1]


async def embedding(request: Request) -> Reply:
    """Both makers' answers. The earlier a text, the longer it takes."""
    if "inputText" in request.body:
        text = request.body["inputText"]
        await asyncio.sleep(max(0, 20 - int(text)) / 1000)
        return Reply(write({"embedding": vector(text), "inputTextTokenCount": 1 + int(text)}))
    texts = request.body["texts"]
    await asyncio.sleep(max(0, 20 - int(texts[0]) / 10) / 1000)
    told = {"embeddings": {"float": [vector(text) for text in texts]}, "response_type": "embeddings_by_type"}
    return Reply(write(told), headers={"x-amzn-bedrock-input-token-count": str(len(texts)), "x-amzn-requestid": "r-1"})


@pytest.mark.parametrize(
    ("model", "path", "texts", "requests", "tokens"),
    [
        (TITAN, "/model/amazon.titan-embed-text-v2:0/invoke", 15, 15, sum(range(1, 16))),
        (COHERE, "/model/us.cohere.embed-v4:0/invoke", 500, 6, 500),
        ("cohere.embed-v4:0", "/model/cohere.embed-v4:0/invoke", 1, 1, 1),
    ],
)
async def test_vectors_come_in_the_order_of_the_texts(
    model: str, path: str, texts: int, requests: int, tokens: int
) -> None:
    cloud = SmallCloud(embedding)
    async with services(cloud, "aws", bedrock) as parts:
        head, answer, record = await ask(parts, {"model": model, "input": [str(number) for number in range(texts)]})
        assert in_use(parts.upstream) == 0
    told = json.loads(answer)
    assert head.status == 200
    assert [one["index"] for one in told["data"]] == list(range(texts))
    assert [one["embedding"] for one in told["data"]] == [vector(str(number)) for number in range(texts)]
    assert told["model"] == model
    assert told["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert len(cloud.asked) == requests and {request.path for request in cloud.asked} == {path}
    assert cloud.most == min(4, requests)
    kept = record.to_metadata()
    assert (kept["usage"]["input"], kept["finish_reason"], kept["error"]) == (tokens, "stop", None)
    assert [attempt["status"] for attempt in kept["attempts"]] == [200] * requests
    assert all(json.loads(attempt["reply"]) for attempt in kept["attempts"])
    assert dict(head.headers)["x-bridge-route"] == "bedrock/us-east-1"


async def test_base64_holds_the_nearest_float32s() -> None:
    async with services(SmallCloud(embedding), "aws", bedrock) as parts:
        body = {"model": TITAN, "input": "7", "encoding_format": "base64"}
        _, answer, _ = await ask(parts, body)
    (one,) = json.loads(answer)["data"]
    assert base64.b64decode(one["embedding"]) == struct.pack("<2f", 7, 0.1)


async def test_a_refused_text_fails_all_and_calls_the_others_off() -> None:
    async def answer(request: Request) -> Reply:
        text = request.body["inputText"]
        if text == "0":
            return await embedding(request)
        await asyncio.sleep(0.2 if text == "4" else 30)
        return Reply(b'{"message": "Too long."}', 400, {"x-amzn-errortype": "ValidationException:http://x"})

    cloud = SmallCloud(answer)
    async with services(cloud, "aws", bedrock) as parts:
        async with asyncio.timeout(20):
            head, body, record = await ask(parts, {"model": TITAN, "input": [str(number) for number in range(50)]})
        assert in_use(parts.upstream) == 0
    assert head.status == 400
    assert "Too long." in json.loads(body)["error"]["message"]
    assert [request.body["inputText"] for request in cloud.asked] == ["0", "1", "2", "3", "4"]
    assert record.error is not None and record.stop is None
    assert record.usage.input == 1, "what was answered is paid for"


@pytest.mark.parametrize(("texts", "again"), [(["0"], None), (["1", "0"], "false")])
async def test_what_is_paid_for_is_not_bought_again(texts: list[str], again: str | None) -> None:
    """An SDK would ask for all once more, because of one that failed."""

    async def answer(request: Request) -> Reply:
        if request.body["inputText"] != "0":
            return await embedding(request)
        await asyncio.sleep(0.2)
        return Reply(b'{"message": "Too many requests."}', 429, {"x-amzn-errortype": "ThrottlingException:http://x"})

    async with services(SmallCloud(answer), "aws", bedrock) as parts:
        head, _, record = await ask(parts, {"model": TITAN, "input": texts})
    assert head.status == 429
    assert dict(head.headers).get("x-should-retry") == again
    assert record.usage.input == (2 if "1" in texts else 0)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": [[1, 2]]}, "input"),
        ({"input": []}, "input"),
        ({"dimensions": 100}, "dimensions"),
        ({"encoding_format": "int8"}, "encoding_format"),
        ({"model": "text-embedding-3-small"}, "model"),
    ],
)
async def test_what_is_wrong_is_told_before_anything_is_sent(fields: dict[str, Any], param: str) -> None:
    cloud = SmallCloud(embedding)
    async with services(cloud, "aws", bedrock) as parts:
        head, body, _ = await ask(parts, {"model": TITAN, "input": "1"} | fields)
    assert head.status in (400, 404)
    assert json.loads(body)["error"]["param"] == param
    assert not cloud.asked


async def test_an_answer_without_vectors_is_an_error_of_the_cloud() -> None:
    async def answer(request: Request) -> Reply:
        return Reply(b'{"embedding": []}')

    async with services(SmallCloud(answer), "aws", bedrock) as parts:
        head, body, _ = await ask(parts, {"model": TITAN, "input": "1"})
    assert head.status == 502
    assert json.loads(body)["error"]["code"] == "upstream_error"


async def test_a_count_that_the_cloud_keeps_to_itself_is_told() -> None:
    async def answer(request: Request) -> Reply:
        return Reply(b'{"embeddings": [[1.5]]}')

    async with services(SmallCloud(answer), "aws", bedrock) as parts:
        head, body, _ = await ask(parts, {"model": COHERE, "input": "1"})
    assert json.loads(body)["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
    assert dict(head.headers)["x-bridge-notes"] == "unknown:usage"


async def test_whenever_the_client_leaves_no_connection_is_kept_from_the_others() -> None:
    """It leaves after one turn of the event loop, after two, … until the exchange comes to its end before that."""
    body = json.dumps({"model": TITAN, "input": [str(number) for number in range(20, 26)]}).encode()
    for turns in range(1000):
        record = Record("req_1")
        async with services(SmallCloud(embedding), "aws", bedrock) as parts:

            async def read(parts: Services = parts, record: Record = record) -> None:
                incoming = Incoming(Route("embeddings"), body)
                async with aclosing(exchange(parts, incoming, record).answer()) as pieces:
                    async for _ in pieces:
                        pass

            client = asyncio.create_task(read())
            for _ in range(turns):
                await asyncio.sleep(0)
            left = client.cancel()
            await asyncio.wait([client])
            await asyncio.sleep(0.002)
            async with asyncio.timeout(30):
                while in_use(parts.upstream):
                    await asyncio.sleep(0.001)
        if not left:
            break
    assert turns > 10 and len(record.attempts) == 6


# -- all at the same time, in order -----------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 5), st.none() | st.integers(0, 29))
@settings(max_examples=200, deadline=None)
def test_order_is_kept_however_long_each_takes(waits: list[int], at_once: int, failing: int | None) -> None:
    now = most = ended = 0

    async def work(item: tuple[int, int]) -> int:
        nonlocal now, most, ended
        index, turns = item
        now, most = now + 1, max(most, now + 1)
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            if index == failing:
                raise UpstreamError("this one")
            return index
        finally:
            now, ended = now - 1, ended + 1

    async def run() -> list[int]:
        return await in_order(work, list(enumerate(waits)), at_once)

    if failing is not None and failing < len(waits):
        with pytest.raises(UpstreamError, match="this one"):
            asyncio.run(run())
    else:
        assert asyncio.run(run()) == list(range(len(waits)))
        assert ended == len(waits)
    assert now == 0 and most <= at_once


# -- passed on --------------------------------------------------------------------------------------------------------


class Passing(PassingBackend[Access]):
    """OpenAI's own language, with one change to each body."""

    name = "passing"
    cloud = "azure"

    def __init__(self, url: str) -> None:
        self._url = url

    def listed(self) -> Sequence[PassedFacts]:
        return ()

    def find(self, name: str) -> PassedFacts | None:
        return PassedFacts(id=name, name=f"deployed-{name}", owner="openai", kind="embedding")

    def passed(self, body: dict[str, Any], facts: PassedFacts, call: Call, notes: Notes) -> dict[str, Any]:
        return body | {"model": facts.name, "call": call}

    def outbound(
        self, body: dict[str, Any], facts: PassedFacts, call: Call, betas: Sequence[str], access: Access
    ) -> Outbound:
        return Outbound("POST", f"{self._url}/{call}", {"content-type": "application/json"}, write(body), facts.name)

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, model: str = "", region: str = ""
    ) -> BridgeError:
        return BridgeError(body.decode(), status=status)


async def test_a_cloud_that_speaks_openais_language_gets_the_request_as_it_is() -> None:
    """Token ids, too; of the answer only the model's name changes."""
    told = (
        b'{"object": "list", "data": [{"embedding": [1.0, 1e-7, 0.10]}], "model": "%s", "usage": {"prompt_tokens": 9}}'
    )

    async def answer(request: Request) -> Reply:
        return Reply(told % b"deployed-mine")

    cloud = SmallCloud(answer)
    body = {"model": "mine", "input": [[1, 2]], "dimensions": 7, "unknown": [1]}
    async with services(cloud, "azure", Passing) as parts:
        head, whole, record = await ask(parts, body)
    assert head.status == 200
    assert b'"data":[{"embedding": [1.0, 1e-7, 0.10]}]' in whole
    assert json.loads(whole) == json.loads(told % b"mine")
    (asked,) = cloud.asked
    assert (asked.path, asked.body) == ("/embed", body | {"model": "deployed-mine", "call": "embed"})
    assert (record.usage.input, record.to_metadata()["finish_reason"]) == (9, "stop")
    assert dict(head.headers)["x-bridge-model"] == "deployed-mine"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (b"<html>Hello</html>", "upstream_error"),
        (b'{"error": {"message": "No.", "code": "no_capacity"}}', "no_capacity"),
    ],
)
async def test_what_is_no_answer_of_openais_is_not_passed_on(told: bytes, code: str) -> None:
    async def answer(request: Request) -> Reply:
        return Reply(told)

    async with services(SmallCloud(answer), "azure", Passing) as parts:
        head, whole, record = await ask(parts, {"model": "mine", "input": "1"})
    assert head.status >= 400 and json.loads(whole)["error"]["code"] == code
    assert record.stop is None
