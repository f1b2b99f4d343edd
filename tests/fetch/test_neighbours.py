"""Nobody else waits for a fetch, and nothing is left of it."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.chat import Remote
from oai_bridge.outward.fetch import system_addresses
from tests.support.fetching import OPEN, PARAM, Names, chat, fetcher, get, slow_body, slow_head
from tests.support.sites import Handler, answer, site


async def test_nobody_waits_for_a_slow_fetch() -> None:
    """Neither a second chat nor anything else in the event loop."""

    async def handler(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (slow_body if "slow" in head else answer())(head, reader, writer)

    async with site(handler) as server, fetcher() as one:
        url = f"http://pics.test:{server.port}/"
        slow = [
            asyncio.create_task(one.resolved(chat(*(Remote(f"{url}slow{n}{i}", PARAM) for i in range(5)))))
            for n in range(3)
        ]
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        await one.resolved(chat(Remote(f"{url}quick", PARAM)))
        assert time.monotonic() - begun < 2
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*slow, return_exceptions=True)
        )
        await server.wait_until_left()


async def test_a_name_that_is_looked_up_for_long_blocks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(2))
    async with fetcher(replace(OPEN, timeout=0.2), system_addresses) as one:
        task = asyncio.create_task(get(one, "http://pics.test/"))
        longest, last = 0.0, time.monotonic()
        while not task.done():
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        assert longest < 1.5
        with pytest.raises(InvalidRequest, match=r"0\.2 s"):
            await task


@pytest.mark.parametrize("handler", [slow_head, slow_body])
async def test_a_client_that_leaves_ends_the_fetch(handler: Handler) -> None:
    async with site(handler) as server, fetcher() as one:
        task = asyncio.create_task(get(one, f"http://pics.test:{server.port}/"))
        async with asyncio.timeout(30):
            while not server.heads:
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.wait_until_left()


@pytest.mark.parametrize("handler", [slow_head, slow_body])
async def test_closing_leaves_no_connection_open(handler: Handler) -> None:
    async with site(handler) as server, fetcher() as one:
        task = asyncio.create_task(get(one, f"http://pics.test:{server.port}/"))
        async with asyncio.timeout(30):
            while not server.heads:
                await asyncio.sleep(0.01)
        await one.close()
        await server.wait_until_left()
        task.cancel()
        await asyncio.wait([task])


async def test_no_connection_is_kept() -> None:
    async with site(answer()) as server, fetcher() as one:
        await get(one, f"http://pics.test:{server.port}/")
        await server.wait_until_left()


async def test_a_request_can_not_be_used_to_ask_for_thousands_of_files() -> None:
    names = Names()
    remotes = [Remote(f"http://pics.test/{number}.png", f"url {number}") for number in range(601)]
    async with fetcher(names=names) as one:
        with pytest.raises(InvalidRequest, match="600 files") as caught:
            await one.get_all([*remotes[:600], *remotes])
    assert caught.value.param == "url 600"
    assert names.asked == []
