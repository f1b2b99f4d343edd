"""exchanges/pictures: requests are passed on, answers come back to the letter, and what they cost is in the record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oai_bridge.answer import Head
from oai_bridge.exchanges import Incoming, exchange
from oai_bridge.inspector.record import Record
from oai_bridge.routing import Route
from tests.support.small_cloud import Reply, Request, SmallCloud, services
from tests.test_embeddings import Passing

BODY = {"model": "gpt-image-1", "prompt": "A cat.", "size": "1024x1024"}


async def draw(cloud: SmallCloud, body: dict[str, Any]) -> tuple[Head, bytes, Record]:
    record = Record("req_1")
    incoming = Incoming(Route("images"), json.dumps(body).encode())
    async with services(cloud, "azure", Passing) as parts:
        head, *pieces = [piece async for piece in exchange(parts, incoming, record).answer()]
    assert isinstance(head, Head)
    return head, b"".join(piece for piece in pieces if isinstance(piece, bytes)), record


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (b'{"created": 1,  "data": [{"b64_json": "AAAA"}]}', (0, 0)),
        (
            b'{"created": 1, "data": [], "usage": {"input_tokens": 50, "output_tokens": 90, "total_tokens": 140}}',
            (50, 90),
        ),
    ],
)
@pytest.mark.parametrize("more", [{}, {"stream": False}, {"stream": None}], ids=str)
async def test_the_answer_is_passed_on(answer: bytes, usage: tuple[int, int], more: dict[str, Any]) -> None:
    async def answers(request: Request) -> Reply:
        return Reply(answer)

    cloud = SmallCloud(answers)
    head, whole, record = await draw(cloud, BODY | more)
    assert (head.status, whole) == (200, answer)
    (asked,) = cloud.asked
    assert (asked.path, asked.body) == ("/image", BODY | more | {"model": "deployed-gpt-image-1", "call": "image"})
    assert (record.usage.input, record.usage.output) == usage
    assert record.to_metadata()["finish_reason"] == "stop"


REFUSED = (
    b'{"error": {"message": "Not this cat.", "type": "invalid_request_error", "code": "content_policy_violation"}}'
)


@pytest.mark.parametrize(
    ("answer", "status", "code", "words"),
    [
        (b"<html>Sign in to this network.</html>", 502, "upstream_error", "Sign in to this network."),
        (b"[]", 502, "stream_truncated", "is cut off, or none that can be read"),
        (REFUSED, 400, "content_policy_violation", "Not this cat."),
    ],
)
async def test_what_is_no_picture_is_none(answer: bytes, status: int, code: str, words: str) -> None:
    """Though it comes with a status of success: from a network that wants a login, or from the cloud."""

    async def answers(request: Request) -> Reply:
        return Reply(answer)

    head, whole, record = await draw(SmallCloud(answers), BODY)
    error = json.loads(whole)["error"]
    assert (head.status, error["code"]) == (status, code) and words in error["message"]
    assert record.error is not None and record.stop is None


@pytest.mark.parametrize(("stream", "words"), [(True, "not streamed here"), ("yes", "true or false")])
async def test_a_stream_is_refused(stream: Any, words: str) -> None:
    async def answers(request: Request) -> Reply:
        raise AssertionError("nothing is asked")

    head, whole, _ = await draw(SmallCloud(answers), BODY | {"stream": stream})
    error = json.loads(whole)["error"]
    assert (head.status, error["param"]) == (400, "stream")
    assert words in error["message"]


async def test_an_error_is_the_clouds_own() -> None:
    async def answers(request: Request) -> Reply:
        return Reply(b"Not this cat.", 403)

    head, whole, record = await draw(SmallCloud(answers), BODY)
    assert (head.status, json.loads(whole)["error"]["message"]) == (403, "Not this cat.")
    assert record.stop is None
