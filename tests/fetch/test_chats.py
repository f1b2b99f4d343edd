"""The remote parts of a chat, each replaced by what stands at its URL."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.chat import ChatRequest, Document, Image, Message, Remote, Text
from oai_bridge.settings.values import Images
from tests.support.fetching import PARAM, PDF, Names, chat, fetcher, refusal
from tests.support.sites import PNG, answer, site


async def test_a_chat_without_remote_parts_stays_the_same() -> None:
    names = Names()
    async with fetcher(Images(fetch=False), names) as one:
        for same in (chat(Text("hello"), Image("image/png", "AAAA")), ChatRequest("m", ())):
            assert await one.resolved(same) is same
    assert names.asked == []


async def test_every_remote_part_is_replaced() -> None:
    async def handler(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer(PDF if "a.pdf" in head else PNG)(head, reader, writer)

    async with site(handler) as server, fetcher() as one:
        image, pdf = (f"http://pics.test:{server.port}/{name}" for name in ("a.png", "a.pdf"))
        plain = Message("system", (Text("be brief"),), None, 0)
        user = Message(
            "user", (Text("look"), Remote(image, "a", "1h"), Remote(pdf, "b", title="T")), "Ann", 1, cache="5m"
        )
        tool = Message("tool", (Remote(image, "c"), Text("done", "5m")), None, 2, call_id="x", failed=True)
        asked = replace(chat(), messages=(plain, user, tool), stream=True, stop=("x",))
        answered = await one.resolved(asked)
    png = Image("image/png", base64.b64encode(PNG).decode())
    document = answered.messages[1].parts[2]
    assert isinstance(document, Document) and (document.media_type, document.title) == ("application/pdf", "T")
    assert answered == replace(
        asked,
        messages=(
            plain,
            replace(user, parts=(Text("look"), replace(png, cache="1h"), document)),
            replace(tool, parts=(png, Text("done", "5m"))),
        ),
    )
    assert answered.messages[0] is plain


@pytest.mark.parametrize("role", ["system", "assistant"])
async def test_what_would_be_dropped_is_not_fetched(role: str) -> None:
    names = Names()
    async with fetcher(names=names) as one:
        alone = chat(Remote("http://pics.test:1/", PARAM), role=role)
        asked = replace(alone, messages=(*alone.messages, Message("user", (Text("Hi"),), None, 1)))
        assert await one.resolved(asked) is asked
    assert names.asked == []


async def test_equal_urls_are_fetched_once() -> None:
    async with site(answer()) as server, fetcher() as one:
        url = f"http://pics.test:{server.port}/"
        answered = await one.resolved(chat(*(Remote(url, str(index)) for index in range(9))))
    assert len(server.heads) == 1
    assert {part.data for part in answered.messages[0].parts if isinstance(part, Image)} == {
        base64.b64encode(PNG).decode()
    }


async def test_an_error_names_the_first_place_of_its_url() -> None:
    async with site(answer(status=404)) as server, fetcher() as one:
        url = f"http://pics.test:{server.port}/"
        with pytest.raises(InvalidRequest) as caught:
            await one.resolved(chat(Remote(url, "first"), Remote(url, "second")))
    assert caught.value.param == "first"


async def test_several_at_once_but_few() -> None:
    most = 0

    async def handler(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most
        most = max(most, server.open)
        await asyncio.sleep(0.05)
        await answer()(head, reader, writer)

    async with site(handler) as server, fetcher() as one:
        urls = [f"http://pics.test:{server.port}/{index}" for index in range(12)]
        await one.resolved(chat(*(Remote(url, url) for url in urls)))
    assert most == 4
    assert len(server.heads) == 12


async def test_the_first_failure_ends_the_others() -> None:
    async def handler(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "bad" in head:
            while len(server.heads) < 4:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.05)
            await answer(status=404)(head, reader, writer)
        else:
            await reader.read()

    async with site(handler) as server, fetcher() as one:
        names = ["slow1", "slow2", "bad", "slow3", "never"]
        remotes = [Remote(f"http://pics.test:{server.port}/{name}", name) for name in names]
        with pytest.raises(InvalidRequest, match="HTTP 404") as caught:
            await one.resolved(chat(*remotes))
        await server.wait_until_left()
    assert caught.value.param == "bad"
    assert len(server.heads) == 4


@pytest.mark.parametrize("url", ["https://pics.example.com/a.png", "http://127.0.0.1/"])
async def test_fetching_can_be_turned_off(url: str) -> None:
    names = Names()
    message = await refusal(url, Images(fetch=False), names)
    assert "images.fetch" in message and "data: URL" in message
    async with fetcher(Images(fetch=False), names) as one:
        with pytest.raises(InvalidRequest) as caught:
            await one.resolved(chat(Text("x"), Remote(url, "here"), Remote(url, "there")))
    assert caught.value.param == "here"
    assert names.asked == []
