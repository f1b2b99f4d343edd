"""Nothing private is reached: not by name, by address, by a second look-up, nor by a redirect."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.outward.fetch import system_addresses
from oai_bridge.settings.values import Images
from tests.support.cloud_keys import certificate
from tests.support.fetching import LOCAL, OPEN, SECRET, Names, fetcher, get, got, refusal
from tests.support.sites import Handler, answer, header, site


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["10.0.0.1", "93.184.216.34"],
        ["2606:4700::1111", "::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["169.254.169.254"],
        ["0.0.0.0"],
    ],
)
async def test_a_name_that_leads_inside(found: list[str]) -> None:
    async with site(answer()) as server:
        message = await refusal(f"http://pics.test:{server.port}/", Images(), Names({"pics.test": [found]}))
        assert server.heads == []
    assert "pics.test" in message and not any(address in message for address in found)


@pytest.mark.parametrize("found", [["169.254.169.254"], ["127.0.0.1", "fd00:ec2::254"], ["fe80::1%lo"], ["0.0.0.0"]])
async def test_what_stays_closed_to_the_operator_too(found: list[str]) -> None:
    async with site(answer()) as server:
        await refusal(f"http://pics.test:{server.port}/", OPEN, Names({"pics.test": [found]}))
        assert server.heads == []


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "127.1"])
async def test_hosts_that_are_refused_by_name(host: str) -> None:
    names = Names()
    async with site(answer()) as server:
        await refusal(f"http://{host}:{server.port}/", Images(), names)
        assert (server.heads, names.asked) == ([], [])


async def test_dns_rebinding_is_of_no_use() -> None:
    """One look-up: what was checked is what is connected to, whatever the name says later."""
    names = Names({"pics.test": [LOCAL, ["169.254.169.254"]]})
    async with site(answer()) as server:
        await got(f"http://pics.test:{server.port}/", OPEN, names)
    assert names.asked == [("pics.test", server.port)]


async def test_the_system_is_not_asked_for_the_name_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def look_up(host: str, *rest: object, **options: object) -> object:
        asked.append(host)
        return original(host, *rest, **options)  # type: ignore[arg-type]  # whatever it was

    original = socket.getaddrinfo
    async with site(answer()) as server:
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        await got(f"http://pics.test:{server.port}/")
    assert "pics.test" not in asked


async def test_the_system_resolver() -> None:
    assert set(await system_addresses("localhost", 80)) <= {"127.0.0.1", "::1"}
    async with site(answer()) as server, fetcher(names=system_addresses) as one:
        assert (await get(one, f"http://localhost:{server.port}/")).media_type == "image/png"


async def test_a_name_that_nobody_knows() -> None:
    message = await refusal(f"http://me.test/?{SECRET}", OPEN, Names({}))
    assert "me.test can't be resolved" in message


async def test_a_resolver_that_says_nothing() -> None:
    async def names(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return ()

    async with fetcher(replace(OPEN, timeout=0.1), names) as one:
        with pytest.raises(InvalidRequest, match=r"0\.1 s"):
            await get(one, "http://pics.test/")


def steps(count: int, last: Handler) -> Handler:
    """Redirects /0 to /1 and so on, `count` times."""

    async def handler(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        step = int(head.split()[1].strip("/"))
        where = last if step == count else answer(b"", 302, location=f"/{step + 1}")
        await where(head, reader, writer)

    return handler


async def test_three_redirects_are_followed() -> None:
    names = Names()
    async with site(steps(3, answer())) as server:
        await got(f"http://pics.test:{server.port}/0", OPEN, names)
    assert [head.split()[1] for head in server.heads] == ["/0", "/1", "/2", "/3"]
    assert len(names.asked) == 4


async def test_four_redirects_are_not() -> None:
    async with site(steps(4, answer())) as server:
        assert "more than 3 times" in await refusal(f"http://pics.test:{server.port}/0")
    assert len(server.heads) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_loop(status: int) -> None:
    async with site(answer(b"", status, location="/")) as server:
        assert "more than 3 times" in await refusal(f"http://pics.test:{server.port}/")


@pytest.mark.parametrize("status", [300, 304, 302])
async def test_a_redirect_to_nowhere(status: int) -> None:
    async with site(answer(b"", status)) as server:
        assert f"HTTP {status}" in await refusal(f"http://pics.test:{server.port}/")
    assert len(server.heads) == 1


async def test_nothing_is_told_to_where_a_redirect_leads() -> None:
    async with site(answer()) as there:
        location = f"http://other.test:{there.port}/"
        async with site(answer(b"", 302, location=location, set_cookie="a=b")) as here:
            await got(f"http://pics.test:{here.port}/?{SECRET}")
    head = there.heads[0]
    assert header(head, "host") == f"other.test:{there.port}"
    assert SECRET not in head
    assert not any(header(head, name) for name in ("cookie", "referer", "authorization", "origin"))


@pytest.mark.parametrize(
    "location",
    [
        "http://inside.test:{port}/",
        "//169.254.169.254/latest/meta-data/",
        "http://me:pw@pics.test:{port}/",
        "http://0x7f.1:{port}/",
        "file:///etc/passwd",
        "http://[::1",
        "http://pics.test:22/",
        "\udcff",
    ],
)
async def test_a_redirect_is_checked_like_the_first_url(location: str) -> None:
    names = Names({"pics.test": [LOCAL], "inside.test": [["169.254.169.254"]]})
    there = location.format(port=9)
    async with site(answer(b"", 302, location=there.replace("\udcff", "/%FF\u0001"))) as server:
        message = await refusal(f"http://pics.test:{server.port}/", OPEN, names)
    assert "169.254" not in message or "169.254.169.254" in location  # what stands in a URL is no secret
    assert len(server.heads) == 1


async def test_a_name_that_leads_inside_after_a_redirect_to_itself() -> None:
    names = Names({"pics.test": [LOCAL, ["169.254.169.254"]]})
    async with site(steps(1, answer())) as server:
        await refusal(f"http://pics.test:{server.port}/0", OPEN, names)
    assert len(server.heads) == 1


async def test_no_way_back_from_https(tmp_path: Path) -> None:
    ca, chain = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    trust = ssl.create_default_context(cafile=str(ca))
    async with site(answer()) as plain:
        location = f"http://pics.test:{plain.port}/"
        async with site(answer(b"", 302, location=location), context) as server, fetcher(trust=trust) as one:
            with pytest.raises(InvalidRequest, match="from https to http"):
                await get(one, f"https://cloud.test:{server.port}/")
        assert plain.heads == []
