"""What a URL answers: media of the kinds that there are, or a clear error within bounds."""

from __future__ import annotations

import asyncio
import base64
import functools
import gzip
import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest

from oai_bridge.errors import InvalidRequest
from oai_bridge.openai.chat import Document, Image, Remote
from tests.support.cloud_keys import certificate
from tests.support.fetching import (
    OPEN,
    PARAM,
    PDF,
    SECRET,
    Names,
    chat,
    fetcher,
    get,
    got,
    refusal,
    slow_body,
    slow_head,
)
from tests.support.sites import PNG, Handler, answer, header, site


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
        assert 0.25 < time.monotonic() - begun < 10
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
