"""pinned.py: on the wire stands the address that was checked, and all else is the name's, whatever is in between."""

from __future__ import annotations

import asyncio
import base64
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from yarl import URL

from oai_bridge.outward.addresses import Target, Unfetchable, target_of
from oai_bridge.outward.pinned import PinnedClient
from oai_bridge.settings.values import Network
from tests.support.cloud_keys import certificate
from tests.support.sites import PNG, Site, answer, header, site

PUBLIC = "93.184.216.34"
PUBLIC_V6 = "2606:2800:220:1::1"
LOGIN = "me:pw-of-the-proxy"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """What a client trusts, and the chain of a server that is localhost, cloud.test and 127.0.0.1."""
    ca, chain = certificate(tmp_path_factory.mktemp("keys"))
    return ssl.create_default_context(cafile=str(ca)), chain


def server_side(chain: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


async def fetched(
    target: Target, addresses: Sequence[str], trust: ssl.SSLContext | None = None, network: Network | None = None
) -> bytes:
    client = PinnedClient(network or Network(), lambda: trust or ssl.create_default_context())
    try:
        response = await client.get(target, [ip_address(text) for text in addresses], "image/png")
        body = await response.read()
        response.close()
        return body
    finally:
        await client.close()


def at(url: str, port: int) -> Target:
    return target_of(url.replace("PORT", str(port)), allow_private=True)


async def test_the_request_on_the_wire() -> None:
    """Nothing about the client, no login, no cookie, no referrer; nothing compressed is asked for."""
    async with site(answer()) as server:
        assert await fetched(at("http://pics.test:PORT/a%2Fb?c=%2B", server.port), ["127.0.0.1"]) == PNG
    assert server.heads == [
        "GET /a%2Fb?c=%2B HTTP/1.1\r\n"
        f"host: pics.test:{server.port}\r\n"
        "user-agent: oai-vertex\r\n"
        "accept: image/png\r\n"
        "accept-encoding: identity\r\n"
        "Connection: close\r\n\r\n"
    ]


async def test_a_cookie_is_not_kept() -> None:
    client = PinnedClient(Network(), ssl.create_default_context)
    async with site(answer(set_cookie="a=b; Path=/")) as server:
        for _ in range(2):
            response = await client.get(at("http://pics.test:PORT/", server.port), [ip_address("127.0.0.1")], "*/*")
            await response.read()
            response.close()
    await client.close()
    assert [header(head, "cookie") for head in server.heads] == [None, None]


async def test_a_login_from_netrc_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password pw\nmachine pics.test login me password pw\n", "utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    async with site(answer()) as server:
        await fetched(at("http://pics.test:PORT/", server.port), ["127.0.0.1"])
    assert header(server.heads[0], "authorization") is None


async def test_a_compressed_answer_stays_as_it_is() -> None:
    async with site(answer(b"\x1f\x8b nothing that could be unpacked", content_encoding="gzip")) as server:
        assert (await fetched(at("http://pics.test:PORT/", server.port), ["127.0.0.1"])).startswith(b"\x1f\x8b")


async def test_a_redirect_is_not_followed_here() -> None:
    async with site(answer(status=302, location="/elsewhere")) as server:
        await fetched(at("http://pics.test:PORT/", server.port), ["127.0.0.1"])
        assert len(server.heads) == 1


async def test_tls_is_for_the_name(tls: tuple[ssl.SSLContext, Path]) -> None:
    trust, chain = tls
    async with site(answer(), server_side(chain)) as server:
        assert await fetched(at("https://cloud.test:PORT/", server.port), ["127.0.0.1"], trust) == PNG
    assert server.names == ["cloud.test"]
    assert header(server.heads[0], "host") == f"cloud.test:{server.port}"


async def test_tls_for_an_address(tls: tuple[ssl.SSLContext, Path]) -> None:
    trust, chain = tls
    async with site(answer(), server_side(chain)) as server:
        assert await fetched(at("https://127.0.0.1:PORT/", server.port), ["127.0.0.1"], trust) == PNG


async def test_a_certificate_for_the_address_is_not_one_for_the_name(tls: tuple[ssl.SSLContext, Path]) -> None:
    trust, chain = tls
    async with site(answer(), server_side(chain)) as server:
        with pytest.raises(Unfetchable, match=r"TLS with other\.test failed"):
            await fetched(at("https://other.test:PORT/", server.port), ["127.0.0.1"], trust)
        assert server.heads == []


async def test_an_unknown_certificate_is_refused(tls: tuple[ssl.SSLContext, Path]) -> None:
    async with site(answer(), server_side(tls[1])) as server:
        with pytest.raises(Unfetchable, match=r"TLS with cloud\.test failed"):
            await fetched(at("https://cloud.test:PORT/", server.port), ["127.0.0.1"])


async def test_ipv6() -> None:
    async with site(answer(), host="::1") as server:
        assert await fetched(at("http://pics.test:PORT/", server.port), ["::1"]) == PNG
        assert await fetched(at("http://[::1]:PORT/", server.port), ["::1"]) == PNG
    assert [header(head, "host") for head in server.heads] == [f"pics.test:{server.port}", f"[::1]:{server.port}"]


async def test_the_next_address_is_tried() -> None:
    async with site(answer()) as server:
        assert await fetched(at("http://pics.test:PORT/", server.port), ["127.0.0.2", "127.0.0.1"]) == PNG


async def test_nobody_listens() -> None:
    async with site(answer()) as server:
        port = server.port
    with pytest.raises(Unfetchable, match=r"pics\.test can't be reached") as caught:
        await fetched(at("http://pics.test:PORT/", port), ["127.0.0.1", "127.0.0.2"])
    assert "127.0.0" not in str(caught.value)


# -- proxies ----------------------------------------------------------------------------------------------------------


async def tunnel(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies both ways between a client and a local port until one of them ends."""

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()

    there, back = await asyncio.open_connection("127.0.0.1", port)
    copies = [asyncio.create_task(copy(reader, back)), asyncio.create_task(copy(there, writer))]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in copies:
            task.cancel()
        back.close()


@asynccontextmanager
async def http_proxy(port: int) -> AsyncIterator[tuple[Site, str]]:
    """Leads every CONNECT to a local port, and answers all else itself, as if it had asked."""

    async def handler(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not head.startswith("CONNECT "):
            return await answer()(head, reader, writer)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return await tunnel(port, reader, writer)

    async with site(handler) as proxy:
        yield proxy, f"http://{LOGIN}@127.0.0.1:{proxy.port}"


@asynccontextmanager
async def socks_proxy(port: int, *, refuses: bool = False) -> AsyncIterator[tuple[list[bytes], str]]:
    """SOCKS 5 (RFC 1928). Leads everybody to a local port; the list holds what was asked for, from the type on."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            _, methods = await reader.readexactly(2)
            await reader.readexactly(methods)
            writer.write(b"\x05\x02")
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            (length,) = await reader.readexactly(1)
            assert user + b":" + await reader.readexactly(length) == LOGIN.encode()
            writer.write(b"\x01\x00")
            kind = (await reader.readexactly(4))[3:]
            size = {1: 4, 4: 16}[kind[0]]  # never a name
            asked.append(kind + await reader.readexactly(size + 2))
            writer.write(b"\x05" + (b"\x02" if refuses else b"\x00") + b"\x00\x01" + bytes(6))
            if not refuses:
                await tunnel(port, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield asked, f"{LOGIN}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("address", "asked"), [(PUBLIC, f"{PUBLIC}:8443"), (PUBLIC_V6, f"[{PUBLIC_V6}]:8443")], ids=["IPv4", "IPv6"]
)
async def test_connect_names_the_address(tls: tuple[ssl.SSLContext, Path], address: str, asked: str) -> None:
    trust, chain = tls
    target = at("https://cloud.test:8443/a", 0)
    async with site(answer(), server_side(chain)) as server, http_proxy(server.port) as (proxy, url):
        assert await fetched(target, [address], trust, Network({"https": url})) == PNG
    assert proxy.heads[0].startswith(f"CONNECT {asked} HTTP/1.1\r\n")
    assert header(proxy.heads[0], "proxy-authorization") == f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
    assert server.names == ["cloud.test"]
    assert header(server.heads[0], "host") == "cloud.test:8443"
    assert header(server.heads[0], "proxy-authorization") is None


async def test_a_certificate_is_checked_for_the_name_through_a_proxy(tls: tuple[ssl.SSLContext, Path]) -> None:
    trust, chain = tls
    async with site(answer(), server_side(chain)) as server, http_proxy(server.port) as (_, url):
        with pytest.raises(Unfetchable, match=r"TLS with other\.test failed"):
            await fetched(at("https://other.test/", 0), [PUBLIC], trust, Network({"all": url}))
        assert server.heads == []


async def test_plain_http_through_a_proxy_names_the_address() -> None:
    async with http_proxy(0) as (proxy, url):
        assert await fetched(at("http://pics.test/a?b", 0), [PUBLIC], network=Network({"http": url})) == PNG
    assert proxy.heads[0].startswith(f"GET http://{PUBLIC}/a?b HTTP/1.1\r\n")
    assert header(proxy.heads[0], "host") == "pics.test"


@pytest.mark.parametrize(
    ("url", "address", "no_proxy"),
    [
        ("http://localhost:PORT/", "127.0.0.1", ""),
        ("http://pics.test:PORT/", "127.0.0.1", ""),
        ("http://pics.test:PORT/", "127.0.0.2", "127.0.0.0/8"),
        ("http://pics.test:PORT/", "0.0.0.0", "pics.test"),  # all of this machine, and no loopback address
    ],
)
async def test_what_needs_no_proxy(url: str, address: str, no_proxy: str) -> None:
    async with site(answer(), host=address) as server, http_proxy(0) as (proxy, through):
        network = Network({"all": through}, no_proxy=no_proxy)
        assert await fetched(at(url, server.port), [address], network=network) == PNG
        assert proxy.heads == []


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize(
    ("address", "asked"),
    [(PUBLIC, b"\x01" + ip_address(PUBLIC).packed), (PUBLIC_V6, b"\x04" + ip_address(PUBLIC_V6).packed)],
    ids=["IPv4", "IPv6"],
)
async def test_socks_is_asked_for_the_address(
    tls: tuple[ssl.SSLContext, Path], scheme: str, address: str, asked: bytes
) -> None:
    trust, chain = tls
    async with site(answer(), server_side(chain)) as server, socks_proxy(server.port) as (log, through):
        network = Network({"all": f"{scheme}://{through}"})
        assert await fetched(at("https://cloud.test/", 0), [address], trust, network) == PNG
    assert log == [asked + (443).to_bytes(2)]
    assert server.names == ["cloud.test"]
    assert header(server.heads[0], "host") == "cloud.test"


async def test_plain_http_by_socks() -> None:
    async with site(answer()) as server, socks_proxy(server.port) as (log, through):
        network = Network({"http": f"socks5://{through}"})
        assert await fetched(at("http://pics.test/", 0), [PUBLIC], network=network) == PNG
    assert log == [b"\x01" + ip_address(PUBLIC).packed + (80).to_bytes(2)]
    assert header(server.heads[0], "host") == "pics.test"


async def test_a_certificate_is_checked_for_the_name_by_socks(tls: tuple[ssl.SSLContext, Path]) -> None:
    trust, chain = tls
    async with site(answer(), server_side(chain)) as server, socks_proxy(server.port) as (_, through):
        with pytest.raises(Unfetchable, match=r"TLS with other\.test failed"):
            await fetched(at("https://other.test/", 0), [PUBLIC], trust, Network({"all": f"socks5://{through}"}))
        assert server.heads == []


async def no_way(through: str) -> None:
    with pytest.raises(Unfetchable, match="through the proxy") as caught:
        await fetched(at("https://cloud.test/", 0), [PUBLIC], network=Network({"all": through}))
    assert LOGIN not in str(caught.value) and PUBLIC not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_a_proxy_that_is_not_there(scheme: str) -> None:
    await no_way(f"{scheme}://{LOGIN}@127.0.0.1:9")


async def test_a_proxy_that_refuses() -> None:
    async with site(answer(status=403)) as proxy:
        await no_way(f"http://{LOGIN}@127.0.0.1:{proxy.port}")


async def test_a_socks_proxy_that_refuses() -> None:
    async with socks_proxy(0, refuses=True) as (_, through):
        await no_way(f"socks5://{through}")


async def test_the_package_for_socks_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(Unfetchable, match="run `pip install aiohttp-socks PySocks` and start"):
        await fetched(at("http://pics.test/", 0), [PUBLIC], network=Network({"all": "socks5://127.0.0.1:9"}))


async def test_proxies_of_the_environment_are_not_looked_up_here(monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(answer()) as server, http_proxy(0) as (proxy, through):
        monkeypatch.setenv("HTTP_PROXY", through)
        monkeypatch.setenv("http_proxy", through)
        assert await fetched(at("http://pics.test:PORT/", server.port), ["127.0.0.1"]) == PNG
        assert proxy.heads == []


def test_yarl_leaves_an_encoded_path_alone() -> None:
    target = target_of("http://x.example/a%2Fb?c=%7E%2B+d", allow_private=False)
    assert URL(target.url, encoded=True).raw_path_qs == target.path
