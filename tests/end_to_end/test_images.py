"""Pictures and files that a chat names by URL: fetched by the proxy, never from where only it can reach."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import openai
import pytest

from tests.support import sites
from tests.support.cloud_keys import certificate
from tests.support.fake_vertex import FakeVertex
from tests.support.proxy import CHAT, Answer, Proxy
from tests.support.sites import PNG, Site, answer, site

PDF = b"%PDF-1.7\n" + bytes(100)
FIELD = "messages[0].content[1].image_url.url"
SLOW = 4  # seconds
PUBLIC = "93.184.216.34"
"""An address of the public internet. No test asks it for anything."""


@pytest.fixture(scope="module")
def keys(folder: Path) -> tuple[Path, Path]:
    return certificate(folder)


@pytest.fixture(scope="module")
def proxy(cloud: FakeVertex, folder: Path, keys: tuple[Path, Path]) -> Iterator[Proxy]:
    """One that may fetch from this machine, and knows the site's CA."""
    config = {"images": {"allow_private": True, "max_mb": 1, "total_mb": 2, "timeout": SLOW}}
    environment = cloud.environment() | {"SSL_CERT_FILE": str(keys[0])}
    with Proxy(folder, environment=environment, config=json.dumps(config)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def usual(cloud: FakeVertex, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """One with the settings that everybody has."""
    with Proxy(tmp_path_factory.mktemp("usual"), environment=cloud.environment()) as proxy:
        yield proxy


@pytest.fixture
async def pictures() -> AsyncIterator[Site]:
    async with site(answer(content_type="image/jpeg")) as here:  # which is not what it is
        yield here


def body(*urls: str, **changes: Any) -> dict[str, Any]:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content = [{"type": "text", "text": "What is this?"}, *parts]
    return {"model": "claude-opus-4-8", "messages": [{"role": "user", "content": content}]} | changes


async def ask(proxy: Proxy, *urls: str, **changes: Any) -> Answer:
    return await asyncio.to_thread(proxy.post, CHAT, body(*urls, **changes))


def at(here: Site, path: str = "/a.png", scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{here.port}{path}"


def sources(cloud: FakeVertex) -> list[dict[str, Any]]:
    """The sources of all that the last request held besides text."""
    turns = cloud.requests[-1].parsed["messages"]
    return [block["source"] for turn in turns for block in turn["content"] if block["type"] != "text"]


def encoded(data: bytes, media_type: str = "image/png") -> dict[str, str]:
    return {"type": "base64", "media_type": media_type, "data": base64.b64encode(data).decode()}


# --- What is fetched --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_picture_goes_along(proxy: Proxy, cloud: FakeVertex, pictures: Site, stream: bool) -> None:
    assert (await ask(proxy, at(pictures, "/a%20b.png?x=1&y=%2F"), stream=stream)).status == 200
    assert sources(cloud) == [encoded(PNG)]
    (head,) = pictures.heads
    assert head.startswith("GET /a%20b.png?x=1&y=%2F HTTP/1.1\r\n")
    assert {line.partition(":")[0].lower() for line in head.split("\r\n")[1:] if line} == {
        *("host", "accept", "accept-encoding", "user-agent", "connection"),  # nothing of the client's or the cloud's
    }


async def test_by_openais_sdk(proxy: Proxy, cloud: FakeVertex, pictures: Site) -> None:
    async with proxy.async_sdk() as client:
        completion = await client.chat.completions.create(**body(at(pictures)))
        assert completion.choices[0].message.content
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(**body(at(pictures), "http://169.254.169.254/latest/meta-data/"))
    assert caught.value.param == "messages[0].content[2].image_url.url"
    assert sources(cloud) == [encoded(PNG)]


async def test_the_same_one_is_fetched_once(proxy: Proxy, cloud: FakeVertex, pictures: Site) -> None:
    assert (await ask(proxy, at(pictures), at(pictures, "/b.png"), at(pictures))).status == 200
    assert sources(cloud) == [encoded(PNG)] * 3
    assert len(pictures.heads) == 2


async def test_a_client_that_says_it_in_anthropics_words(proxy: Proxy, cloud: FakeVertex, pictures: Site) -> None:
    block = {"type": "image", "source": {"type": "url", "url": at(pictures)}}
    assert (await ask(proxy, messages=[{"role": "user", "content": [block]}])).status == 200
    assert sources(cloud) == [encoded(PNG)]


async def test_by_https_under_a_private_ca(proxy: Proxy, cloud: FakeVertex, keys: tuple[Path, Path]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(keys[1])
    async with site(answer(), tls) as here:
        assert (await ask(proxy, at(here, scheme="https"))).status == 200
        assert (await ask(proxy, f"https://localhost:{here.port}/")).status == 200
        assert here.names == [None, "localhost"]
    assert sources(cloud) == [encoded(PNG)]


async def test_a_certificate_that_nobody_signed(usual: Proxy, proxy: Proxy, keys: tuple[Path, Path]) -> None:
    other = certificate(usual.folder)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(other[1])
    async with site(answer(), tls) as here:
        refused = await ask(proxy, at(here, scheme="https"))
    assert (refused.status, refused.error["param"]) == (400, FIELD)
    assert "TLS" in refused.error["message"]


async def test_other_files(proxy: Proxy, cloud: FakeVertex) -> None:
    async with site(answer(PDF)) as pdf, site(answer("Grüße".encode(), content_type="text/plain")) as text:
        assert (await ask(proxy, at(pdf))).status == 200
        assert sources(cloud) == [encoded(PDF, "application/pdf")]
        assert (await ask(proxy, at(text))).status == 200
        assert sources(cloud) == [{"type": "text", "media_type": "text/plain", "data": "Grüße"}]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_gemini_is_given_the_data(proxy: Proxy, cloud: FakeVertex, pictures: Site, stream: bool) -> None:
    async with site(answer(PDF)) as pdf, site(answer("Grüße".encode(), content_type="text/plain")) as text:
        urls = [at(pictures), at(pdf), at(text), at(pictures)]
        told = await ask(proxy, *urls, model="gemini-3.5-flash", stream=stream)
    assert told.status == 200
    picture = {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}
    (turn,) = cloud.requests[-1].parsed["messages"]
    assert turn["content"][1:] == [
        {"type": "image_url", "image_url": picture},
        {"type": "image_url", "image_url": {"url": f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}"}},
        {"type": "text", "text": "Grüße"},
        {"type": "image_url", "image_url": picture},
    ]
    assert len(pictures.heads) == 1


async def test_nothing_private_is_asked_for_gemini(usual: Proxy, cloud: FakeVertex, pictures: Site) -> None:
    before = len(cloud.requests)
    refused = await ask(usual, at(pictures), model="gemini-3.5-flash")
    assert (refused.status, refused.error["param"]) == (400, FIELD)
    assert pictures.heads == [] and len(cloud.requests) == before


async def test_redirects_are_followed(proxy: Proxy, cloud: FakeVertex, pictures: Site) -> None:
    async with site(answer(b"", 302, location=at(pictures, "/moved.png"))) as first:
        assert (await ask(proxy, at(first))).status == 200
    assert sources(cloud) == [encoded(PNG)]
    assert pictures.heads[0].startswith("GET /moved.png ")


# --- What is refused --------------------------------------------------------------------------------------------------

NOWHERE = {
    "this machine": "http://127.0.0.1:{port}/",
    "this machine by its name": "http://localhost:{port}/",
    "this machine by a public name's spelling": "http://127.0.0.1.:{port}/",
    "this machine in short": "http://127.1:{port}/",
    "this machine as a number": "http://2130706433:{port}/",
    "this machine in IPv6": "http://[::1]:{port}/",
    "this machine in IPv6 that is IPv4": "http://[::ffff:127.0.0.1]:{port}/",
    "the house": "http://192.168.0.1/cgi-bin/reboot",
    "the clouds' keys": "http://169.254.169.254/computeMetadata/v1/",
    "the clouds' keys by name": "http://metadata.google.internal/",
    "a login": "http://user:password@127.0.0.1:{port}/",
    "a file": "file:///etc/passwd",
    "another protocol": "ftp://127.0.0.1:{port}/",
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", NOWHERE)
async def test_nothing_private_is_asked(
    usual: Proxy, cloud: FakeVertex, pictures: Site, case: str, stream: bool
) -> None:
    before = len(cloud.requests)
    refused = await ask(usual, NOWHERE[case].format(port=pictures.port), stream=stream)
    assert (refused.status, refused.error["type"]) == (400, "invalid_request_error")
    assert refused.error["param"] == FIELD
    assert refused.headers["x-should-retry"] == "false"
    assert "password" not in refused.error["message"]
    assert pictures.heads == []
    assert len(cloud.requests) == before


async def test_the_remedy_is_told(usual: Proxy, pictures: Site) -> None:
    refused = await ask(usual, at(pictures))
    assert refused.error["code"] == "image_unavailable"
    assert "data: URL" in refused.error["message"] and "images.allow_private" in refused.error["message"]


REDIRECTS = [
    "http://127.0.0.1:{port}/",
    "http://[::1]:{port}/",
    "//localhost:{port}/x",
    "http://10.0.0.1/",
    "file:///x",
]


@pytest.mark.parametrize("there", REDIRECTS)
async def test_a_redirect_to_something_private_is_refused(cloud: FakeVertex, tmp_path: Path, there: str) -> None:
    """From a public address, for which a company's proxy answers."""
    before = len(cloud.requests)
    async with site(answer()) as inner, site(answer(b"", 302, location=there.format(port=inner.port))) as company:
        way = {"HTTP_PROXY": f"http://127.0.0.1:{company.port}", "NO_PROXY": "127.0.0.1"}
        with Proxy(tmp_path, environment=cloud.environment() | way) as proxy:
            refused = await ask(proxy, f"http://{PUBLIC}/a.png")
        (head,) = company.heads
        assert head.startswith(f"GET http://{PUBLIC}/a.png ")
        assert inner.heads == []
    assert (refused.status, refused.error["param"], refused.error["code"]) == (400, FIELD, "image_unavailable")
    assert PUBLIC not in refused.error["message"]
    assert len(cloud.requests) == before


async def test_a_redirect_on_the_public_internet(cloud: FakeVertex, tmp_path: Path) -> None:
    """The same way, to something that may be reached."""

    async def company(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        moved = answer(b"", 302, location="//93.184.216.35/b.png")
        await (moved if f"GET http://{PUBLIC}/" in head else answer())(head, reader, writer)

    async with site(company) as here:
        way = {"HTTP_PROXY": f"http://127.0.0.1:{here.port}", "NO_PROXY": "127.0.0.1"}
        with Proxy(tmp_path, environment=cloud.environment() | way) as proxy:
            assert (await ask(proxy, f"http://{PUBLIC}/a.png")).status == 200
        assert here.heads[1].startswith("GET http://93.184.216.35/b.png ")
    assert sources(cloud) == [encoded(PNG)]


async def test_the_keys_of_a_cloud_are_never_asked_for(proxy: Proxy, cloud: FakeVertex) -> None:
    """Not even by a redirect from a private address, where those are allowed."""
    before = len(cloud.requests)
    async with site(answer(b"", 307, location="http://169.254.169.254/latest/meta-data/")) as here:
        refused = await ask(proxy, at(here))
        assert len(here.heads) == 1
    assert (refused.status, refused.error["param"]) == (400, FIELD)
    assert "credentials" in refused.error["message"]
    assert len(cloud.requests) == before


async def test_redirects_that_never_end(proxy: Proxy) -> None:
    async with site(answer(b"", 302, location="/again")) as here:
        refused = await ask(proxy, at(here))
        assert len(here.heads) == 4
    assert (refused.status, refused.error["param"]) == (400, FIELD)
    assert "redirects" in refused.error["message"]


async def hang(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()  # until the other side leaves


async def pour(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + PNG)
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


async def drip(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 500000\r\n\r\n" + PNG)
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


BAD: dict[str, tuple[sites.Handler, str]] = {
    "not there": (answer(status=404), "404"),
    "a failure": (answer(status=500), "500"),
    "empty": (answer(b""), "empty"),
    "a web page": (answer(b"<html><p>Sign in</html>", content_type="text/html"), ""),
    "another kind": (answer(b"RIFF....AVI LIST" + bytes(50), content_type="video/avi"), ""),
    "cut off": (answer(PNG, content_length="5000"), "broke off"),
    "announced too large": (answer(PNG, content_length=str(2**21)), "larger than 1 MB"),
    "without an end": (pour, "larger than 1 MB"),
    "too slow": (drip, f"{SLOW} s"),
    "silent": (hang, f"{SLOW} s"),
    "compressed": (answer(PNG, content_encoding="gzip"), "compressed"),
}


@pytest.mark.parametrize("case", BAD)
async def test_what_can_not_be_used_is_named(proxy: Proxy, cloud: FakeVertex, case: str) -> None:
    handler, word = BAD[case]
    before = len(cloud.requests)
    async with site(handler) as here:
        refused = await ask(proxy, at(here), stream=True)
        await here.wait_until_left()
    assert (refused.status, refused.error["param"], refused.error["code"]) == (400, FIELD, "image_unavailable")
    assert word in refused.error["message"]
    assert "/a.png" not in refused.error["message"]
    assert len(cloud.requests) == before


async def test_all_together_have_a_limit(proxy: Proxy) -> None:
    async with site(answer(PNG + bytes(900_000))) as here:
        refused = await ask(proxy, *[at(here, f"/{number}") for number in range(3)])
    assert refused.status == 400
    assert "2 MB together" in refused.error["message"]


async def test_nothing_is_fetched_where_that_is_off(cloud: FakeVertex, tmp_path: Path, pictures: Site) -> None:
    config = "images: {fetch: false, allow_private: true}"
    with Proxy(tmp_path, environment=cloud.environment(), config=config) as proxy:
        refused = await ask(proxy, at(pictures))
    assert (refused.status, refused.error["param"]) == (400, FIELD)
    assert "images.fetch" in refused.error["message"]
    assert pictures.heads == []


# --- Others meanwhile -------------------------------------------------------------------------------------------------


def paces(proxy: Proxy, count: int = 25) -> list[float]:
    """Seconds that each of some chats without pictures takes."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        assert proxy.chat().status == 200
        taken.append(time.perf_counter() - began)
    return taken


async def test_a_slow_site_holds_up_nobody_else(cloud: FakeVertex, tmp_path: Path) -> None:
    """Four chats wait for their pictures; the others go on at their pace."""
    released = asyncio.Event()

    async def slow(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        await answer()(head, reader, writer)

    config = "images: {allow_private: true}"
    with Proxy(tmp_path, environment=cloud.environment(), config=config) as proxy:
        before = await asyncio.to_thread(paces, proxy)
        async with site(slow) as here:
            waiting = [asyncio.create_task(ask(proxy, at(here), stream=True)) for _ in range(4)]
            async with asyncio.timeout(30):
                while len(here.heads) < len(waiting):
                    await asyncio.sleep(0.01)
            meanwhile = await asyncio.to_thread(paces, proxy)
            assert not any(task.done() for task in waiting)
            released.set()
            assert [done.status for done in await asyncio.gather(*waiting)] == [200] * len(waiting)
        after = await asyncio.to_thread(paces, proxy)
    alone = max(median(before), median(after))
    print(f"{alone:.4f} s alone, {median(meanwhile):.4f} s meanwhile")
    assert median(meanwhile) < 5 * alone


@pytest.mark.parametrize("handler", [hang, drip], ids=["silent", "slow"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_client_that_leaves_ends_the_fetch(
    proxy: Proxy, cloud: FakeVertex, handler: sites.Handler, stream: bool
) -> None:
    before = len(cloud.requests)
    async with site(handler) as here:
        connection = proxy.open_chat(**body(at(here)), stream=stream)
        async with asyncio.timeout(30):
            while not here.heads:
                await asyncio.sleep(0.005)
        left = time.monotonic()
        connection.close()
        await here.wait_until_left()
        assert time.monotonic() - left < SLOW - 1
    assert len(cloud.requests) == before
