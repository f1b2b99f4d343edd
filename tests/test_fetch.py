"""fetch.py: what a chat names by URL comes in time and in bounds, or the chat fails clearly; nobody else waits."""

from __future__ import annotations

import asyncio
import base64
import functools
import gzip
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from oai_bridge import fetch
from oai_bridge.errors import InvalidRequest
from oai_bridge.fetch import Fetcher, system_addresses
from oai_bridge.openai.chat import ChatRequest, Document, Image, Message, Part, Remote, Text
from oai_bridge.settings import Images, Network
from tests.support.cloud_keys import certificate
from tests.support.sites import PNG, Handler, answer, header, site

PARAM = "messages[0].content[1].image_url.url"
SECRET = "sig-9f8e7d"
PDF = b"%PDF-1.7\n" + b"x" * 100
OPEN = Images(allow_private=True, timeout=5)
LOCAL = ("127.0.0.1",)


class Names:
    """A resolver; a name's n-th look-up gives the n-th list, the last one stays. `asked` are all look-ups."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        self._names = names
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        if self._names is None:
            self.asked.append((host, port))
            return LOCAL
        lists = self._names.get(host)
        if lists is None:
            raise socket.gaierror(socket.EAI_NONAME, f"{host} is unknown to me")
        times = [name for name, _ in self.asked].count(host)
        self.asked.append((host, port))
        return lists[min(times, len(lists) - 1)]


@asynccontextmanager
async def fetcher(
    images: Images = OPEN, names: fetch.Resolver | None = None, trust: ssl.SSLContext | None = None
) -> AsyncIterator[Fetcher]:
    one = Fetcher(images, Network(), lambda: trust or ssl.create_default_context(), names or Names())
    try:
        yield one
    finally:
        await one.close()


async def get(one: Fetcher, url: str) -> Image | Document:
    return (await one.get_all([Remote(url, PARAM)]))[url]


async def got(url: str, images: Images = OPEN, names: Names | None = None) -> Image | Document:
    async with fetcher(images, names) as one:
        return await get(one, url)


async def refusal(url: str, images: Images = OPEN, names: Names | None = None) -> str:
    """The message of the error, which must be as the client expects it."""
    with pytest.raises(InvalidRequest) as caught:
        await got(url, images, names)
    error = caught.value
    assert (error.status, error.code, error.param) == (400, "image_unavailable", PARAM)
    assert error.__cause__ is None
    return error.message


def chat(*parts: Part, role: str = "user") -> ChatRequest:
    return ChatRequest("claude-sonnet-4-5", (Message(role, parts, None, 0),))  # type: ignore[arg-type]  # a parameter


# -- what comes back --------------------------------------------------------------------------------------------------


async def test_an_image() -> None:
    async with site(answer(content_type="image/png")) as server:
        image = await got(f"http://pics.test:{server.port}/a.png?{SECRET}")
    assert image == Image("image/png", base64.b64encode(PNG).decode())


async def test_a_pdf() -> None:
    async with site(answer(PDF, content_type="application/pdf")) as server:
        document = await got(f"http://pics.test:{server.port}/a.pdf")
    assert isinstance(document, Document)
    assert (document.media_type, document.data) == ("application/pdf", base64.b64encode(PDF).decode())


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]"])
async def test_an_address_is_not_looked_up(host: str) -> None:
    names = Names()
    async with site(answer()) as server:
        assert (await got(f"http://{host}:{server.port}/", OPEN, names)).media_type == "image/png"
    assert names.asked == []


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
async def test_a_body_that_is_said_to_be_plain(coding: str) -> None:
    async with site(answer(content_encoding=coding)) as server:
        assert (await got(f"http://pics.test:{server.port}/")).media_type == "image/png"


async def test_a_lying_content_type() -> None:
    async with site(answer(content_type="image/jpeg")) as server:
        image = await got(f"http://pics.test:{server.port}/a.jpg")
    assert image.media_type == "image/png"


async def test_a_chunked_answer() -> None:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (PNG[:9], PNG[9:])) + b"0\r\n\r\n"
    async with site(answer(body, content_length=None, transfer_encoding="chunked")) as server:
        assert (await got(f"http://pics.test:{server.port}/")).media_type == "image/png"


async def test_an_answer_that_ends_with_the_connection() -> None:
    async with site(answer(content_length=None)) as server:
        assert (await got(f"http://pics.test:{server.port}/")).data == base64.b64encode(PNG).decode()


async def test_https(tmp_path: Path) -> None:
    ca, chain = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    trust = ssl.create_default_context(cafile=str(ca))
    async with site(answer(), context) as server, fetcher(trust=trust) as one:
        assert (await get(one, f"https://cloud.test:{server.port}/")).media_type == "image/png"
        with pytest.raises(InvalidRequest, match=r"TLS with other\.test failed"):
            await get(one, f"https://other.test:{server.port}/")


# -- chats ------------------------------------------------------------------------------------------------------------


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
        asked = chat(Remote("http://pics.test:1/", PARAM), role=role)
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


# -- the guard --------------------------------------------------------------------------------------------------------


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


# -- redirects --------------------------------------------------------------------------------------------------------


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


# -- servers that are no good -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [201, 204, 206, 401, 403, 404, 429, 500, 503])
async def test_only_200_is_a_success(status: int) -> None:
    async with site(answer(b"" if status == 204 else PNG, status)) as server:
        message = await refusal(f"http://pics.test:{server.port}/{SECRET}?{SECRET}")
    assert message.startswith(f"pics.test answered with HTTP {status}")
    assert SECRET not in message


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"", "text/plain"), (b"<html><body>Log in</body></html>", "image/png"), (b"\0\1\2\3" * 50, None)],
)
async def test_what_is_no_image(body: bytes, content_type: str | None) -> None:
    async with site(answer(body, content_type=content_type)) as server:
        await refusal(f"http://pics.test:{server.port}/")


async def endless_body(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(PNG * 100)
        await writer.drain()


async def great_promise(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5242881\r\n\r\n")
    await reader.read()


@pytest.mark.parametrize("handler", [endless_body, great_promise])
async def test_too_large(handler: Handler) -> None:
    async with site(handler) as server:
        message = await refusal(f"http://pics.test:{server.port}/")
        await server.wait_until_left()
    assert message.startswith("The file at pics.test is larger than 5 MB")


async def test_exactly_the_largest_size() -> None:
    async with site(answer()) as server:
        url = f"http://pics.test:{server.port}/"
        await got(url, replace(OPEN, max_size=len(PNG), total_size=len(PNG)))
        await refusal(url, replace(OPEN, max_size=len(PNG) - 1))
        await refusal(url, replace(OPEN, total_size=len(PNG) - 1))


async def test_all_together_are_too_large() -> None:
    images = replace(OPEN, total_size=3 * len(PNG))
    async with site(answer()) as server, fetcher(images) as one:
        remotes = [Remote(f"http://pics.test:{server.port}/{index}", str(index)) for index in range(4)]
        assert (await one.resolved(chat(*remotes[:3]))).messages
        with pytest.raises(InvalidRequest, match="together"):
            await one.resolved(chat(*remotes))
        assert (await one.resolved(chat(*remotes[:3]))).messages


async def test_a_file_weighs_as_often_as_it_is_sent() -> None:
    """One small answer can't become a huge request to the cloud."""
    async with site(answer()) as server, fetcher(replace(OPEN, total_size=3 * len(PNG))) as one:
        remote = Remote(f"http://pics.test:{server.port}/", PARAM)
        assert (await one.resolved(chat(*[remote] * 3))).messages
        with pytest.raises(InvalidRequest, match="together"):
            await one.resolved(chat(*[remote] * 4))


@functools.cache
def bomb() -> bytes:
    """An image of 30 MB in 30 kB."""
    return gzip.compress(PNG + bytes(30_000_000))


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x"])
async def test_nothing_is_unpacked(coding: str) -> None:
    async with site(answer(bomb(), content_encoding=coding)) as server:
        message = await refusal(f"http://pics.test:{server.port}/")
    assert "compressed" in message
    assert header(server.heads[0], "accept-encoding") == "identity"


async def test_a_bomb_in_the_transfer_encoding() -> None:
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(bomb()), bomb())
    async with site(answer(body, content_length=None, transfer_encoding="gzip, chunked")) as server:
        await refusal(f"http://pics.test:{server.port}/")


async def slow_head(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def slow_body(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def slow_redirects(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.12)
    await answer(b"", 302, location="/")(head, reader, writer)


async def endless_hints(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("handler", [slow_head, slow_body, slow_redirects, endless_hints])
async def test_too_slow(handler: Handler) -> None:
    """One limit for all of it, however often something comes."""
    async with site(handler) as server:
        begun = time.monotonic()
        message = await refusal(f"http://pics.test:{server.port}/", replace(OPEN, timeout=0.3))
        assert 0.25 < time.monotonic() - begun < 2.5
        await server.wait_until_left()
    assert "0.3 s" in message and "images.timeout" in message


async def test_a_tls_handshake_that_never_ends() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert "0.2 s" in await refusal(f"https://pics.test:{port}/", replace(OPEN, timeout=0.2))
    server.close()
    await asyncio.sleep(0.01)


def raw(data: bytes, *, reset: bool = False) -> Handler:
    async def handler(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if reset:
            await asyncio.sleep(0.05)
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()

    return handler


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "handler",
    [
        raw(b""),
        raw(b"", reset=True),
        raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
        raw(b"HTTP/1.1 200"),
        raw(b"HTTP/1.1 2000 OK\r\n\r\n" + PNG),
        raw(OK + b"content-length: 500\r\n\r\n" + PNG),
        raw(OK + b"content-length: 500\r\n\r\n" + PNG, reset=True),
        raw(OK + b"content-length: 100\r\n\r\n" + PNG),
        raw(OK + b"content-length: abc\r\n\r\n" + PNG),
        raw(OK + b"content-length: -1\r\n\r\n" + PNG),
        raw(OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\n" + PNG),
        raw(OK + b"transfer-encoding: chunked\r\n\r\n" + PNG),
        raw(OK + b"transfer-encoding: chunked\r\n\r\n10\r\n\x89PNG"),
        raw(OK + b"x: " + b"y" * 100_000 + b"\r\n\r\n" + PNG),
        raw(OK + b"x: y\r\n" * 10_000 + b"\r\n" + PNG),
        raw(OK + b"content-type: \xff\xfe\r\n: x\r\n\r\n" + PNG),
        raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    ],
)
async def test_answers_that_are_broken(handler: Handler) -> None:
    async with site(handler) as server:
        message = await refusal(f"http://pics.test:{server.port}/?{SECRET}")
        await server.wait_until_left()
    assert "pics.test" in message and SECRET not in message and "127.0.0.1" not in message


# -- neighbours -------------------------------------------------------------------------------------------------------


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
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(1))
    async with fetcher(replace(OPEN, timeout=0.2), system_addresses) as one:
        task = asyncio.create_task(get(one, "http://pics.test/"))
        longest, last = 0.0, time.monotonic()
        while not task.done():
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        assert longest < 0.6
        with pytest.raises(InvalidRequest, match=r"0\.2 s"):
            await task


@pytest.mark.parametrize("handler", [slow_head, slow_body])
async def test_a_client_that_leaves_ends_the_fetch(handler: Handler) -> None:
    async with site(handler) as server, fetcher() as one:
        task = asyncio.create_task(get(one, f"http://pics.test:{server.port}/"))
        async with asyncio.timeout(2):
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
        async with asyncio.timeout(2):
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
