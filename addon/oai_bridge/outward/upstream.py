"""The pooled HTTP client towards the clouds: proxies, CA, time-outs, and what is known of each connection.

Connections outlive the clients': a program without keep-alive (SillyTavern) still finds a warm one.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from ..answer import ConnectionFacts
from ..credentials.base import Outbound
from ..errors import BridgeError, StreamBroken, UpstreamError
from ..settings.values import Network
from .network import proxy_for
from .patience import Patience, Watch

_IDLE_LIFE = 60.0  # seconds an unused connection is kept, or up to twice that; Google closes them after minutes
_STALE_WITHIN = 0.5  # seconds: a kept connection that fails so soon had been closed by the other side
_NO_STREAM = ("application/json", "text/html")
_DRAIN_TIMEOUT = 1.0  # seconds for the last bytes after an answer's end
_PIECE = 256 * 1024  # bytes of a request's body that are sent at once


class StaleConnection(UpstreamError):
    """A connection from the pool that the other side had most likely closed meanwhile: nothing was read from it, and it
    failed so soon that no model can have done much."""

    code = "upstream_closed"
    unsure = True


class UpstreamResponse:
    """An answer whose headers are in. Exactly one of `read`, `more` … `finish` or `close` uses it up."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        connection: ConnectionFacts | None,
        host: str,
        patience: Patience,
        connected: float | None = None,
    ) -> None:
        self._response = response
        self._host = host
        self._patience = patience
        self._watch: Watch | None = None
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self.connection = connection
        self.connected = connected  # seconds that its own connection took; 0: it was kept from an earlier request

    @property
    def in_one_piece(self) -> bool:
        """Whether it says that it is no stream, whatever was asked for: an error with status 200, a page of a proxy in
        between, or the answer of one that can't stream."""
        return self.headers.get("content-type", "").lower().startswith(_NO_STREAM)

    async def more(self) -> bytes:
        """The next piece of the body as it comes, b"" at its end; raises `UpstreamError` if it is cut off."""
        content = self._response.content
        if self._watch is None:
            self._watch = self._patience.watch(self._host, content.set_exception)
        self._watch.waits()
        try:
            chunk = await content.readany()
        except (aiohttp.ClientError, OSError):
            if self._patience.over:  # that is why it was closed
                raise self._patience.too_long() from None
            raise StreamBroken(
                f"The connection to {self._host} was lost in the middle of the answer; try again."
            ) from None
        self._watch.rests()
        return chunk

    async def read(self, limit: int) -> bytes:
        """The whole body; raises `UpstreamError` if it is cut off or over `limit` bytes."""
        self._patience.heard()
        body = bytearray()
        try:
            while chunk := await self.more():
                body += chunk
                if len(body) > limit:
                    raise UpstreamError(
                        f"The answer of {self._host} is larger than {limit} bytes; ask for less.", retry=False
                    )
        except BaseException:
            self.close()
            raise
        self._unwatched()
        self._response.release()
        return bytes(body)

    async def finish(self) -> None:
        """Reads what is left after the last message, so that the connection can be used again."""
        self._unwatched()
        try:
            async with asyncio.timeout(_DRAIN_TIMEOUT):
                while await self._response.content.readany():
                    pass
            self._response.release()
        except (aiohttp.ClientError, OSError):
            self.close()

    def close(self) -> None:
        """Closes the connection at once: the cloud stops writing, and billing."""
        self._unwatched()
        self._response.close()

    def _unwatched(self) -> None:
        if self._watch is not None:
            self._watch.stop()


class UpstreamClient:
    """One for the whole program, in one event loop. `context` gives the TLS settings when they are first needed;
    `connect` are the seconds for one attempt at a TCP connection."""

    def __init__(self, network: Network, context: Callable[[], ssl.SSLContext], connect: float) -> None:
        self._network = network
        self._context = context
        self._connect = connect
        # By SOCKS proxy, None: all others; and whether each connection is used once only.
        self._sessions: dict[tuple[str | None, bool], aiohttp.ClientSession] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, outbound: Outbound, patience: Patience, *, fresh: bool = False) -> UpstreamResponse:
        """Sends the request, over a `fresh` connection if it should be none that was kept, and waits for the answer's
        headers; raises `UpstreamError`, also as `StaleConnection`."""
        proxy = proxy_for(outbound.url, self._network)
        host = URL(outbound.url).host or ""
        begun = time.monotonic()
        facts = SimpleNamespace(reused=False, sent=False, times=(None, None))
        patience.sending()
        try:
            response = await patience.wait(self._request(outbound, proxy, fresh, facts), host)
        except UpstreamError as error:  # it took too long
            error.unsure = error.unsure and facts.sent
            raise
        except (aiohttp.ClientError, OSError) as error:
            if facts.reused and time.monotonic() - begun < _STALE_WITHIN:
                raise StaleConnection(f"A kept connection to {host} was closed meanwhile; try again.") from None
            raise self._unreachable(error, host, proxy is not None, facts.sent) from None
        except Exception as error:
            if isinstance(error, BridgeError) or not _is_socks(proxy):
                raise
            # aiohttp-socks has exceptions of its own, which have no name where it isn't installed.
            raise UpstreamError(
                f"The SOCKS proxy on the way to {host} refused or can't be reached; check HTTPS_PROXY and its login.",
                code="proxy_unreachable",
            ) from None
        begun, done = facts.times
        connected = 0.0 if facts.reused else done - begun if begun else None
        return UpstreamResponse(response, _facts(response, facts), host, patience, connected)

    def finish(self, response: UpstreamResponse) -> None:
        """Gives the connection of an answer that has been read to its last message back to the pool."""
        task = asyncio.create_task(response.finish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def _request(
        self, outbound: Outbound, proxy: str | None, fresh: bool, facts: SimpleNamespace
    ) -> aiohttp.ClientResponse:
        socks = proxy if _is_socks(proxy) else None
        session = self._sessions.get((socks, fresh))
        if session is None:
            session = self._sessions[socks, fresh] = self._session(socks, fresh)
        data: Any = outbound.body
        headers = outbound.headers
        if len(outbound.body) > _PIECE:  # aiohttp would copy it, to join it with the headers
            data = _pieces(outbound.body)
            headers = {**headers, "content-length": str(len(outbound.body))}
        return await session.request(
            outbound.method,
            URL(outbound.url, encoded=True),
            data=data,
            headers=headers,
            proxy=None if socks else proxy,
            ssl=self._context() if outbound.url.startswith("https:") else True,
            allow_redirects=False,
            trace_request_ctx=facts,
        )

    def _session(self, socks: str | None, fresh: bool) -> aiohttp.ClientSession:
        options: dict[str, Any] = {"limit": 0} | ({"force_close": True} if fresh else {"keepalive_timeout": _IDLE_LIFE})
        return aiohttp.ClientSession(
            connector=_socks_connector(socks, options) if socks else aiohttp.TCPConnector(**options),
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=2 * self._connect,  # all of it: name, every address, a proxy that says nothing, TLS
                sock_connect=self._connect,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": "oai-vertex"},
            read_bufsize=256 * 1024,
            trust_env=False,
            trace_configs=[_tracing()],
        )

    def _unreachable(self, error: Exception, host: str, by_proxy: bool, sent: bool) -> BridgeError:
        """Why no answer came, and what to look at. The library's own texts may hold a proxy's password: never shown."""
        through = "through the proxy " if by_proxy else ""
        if isinstance(error.__cause__, ssl.SSLError):
            error = error.__cause__  # behind a SOCKS proxy aiohttp takes it for a lost connection
        match error:
            case aiohttp.ClientProxyConnectionError():
                text, code = f"The proxy on the way to {host} can't be reached; check HTTPS_PROXY.", "proxy_unreachable"
            case aiohttp.ClientHttpProxyError():
                text = f"The proxy refused the way to {host} (HTTP {error.status}); check HTTPS_PROXY and its password."
                code = "proxy_refused"
            case aiohttp.ClientConnectorDNSError():
                text = f"The name {host} can't be resolved; check the network, or set HTTPS_PROXY if you need a proxy."
                code = "dns_failed"
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
                text = f"TLS with {host} failed; if something inspects your traffic, put its CA into network.ca_file."
                code = "tls_failed"
            case aiohttp.ConnectionTimeoutError():
                text = f"{host} can't be reached {through}in {self._connect:g} s; check the network or set HTTPS_PROXY."
                code = "connect_timeout"
            case aiohttp.ClientConnectorError():
                text = f"{host} can't be reached {through}({error.strerror}); check the network or set HTTPS_PROXY."
                code = "connect_failed"
            case _:
                text, code = f"{host} closed the connection before it answered; try again.", "upstream_closed"
        found = UpstreamError(text, code=code)
        found.unsure = sent
        return found


async def _pieces(body: bytes) -> AsyncIterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), _PIECE):
        yield view[start : start + _PIECE]


def _is_socks(proxy: str | None) -> bool:
    return proxy is not None and proxy.startswith("socks")


def _socks_connector(proxy: str, options: dict[str, Any]) -> aiohttp.BaseConnector:
    try:
        from aiohttp_socks import ProxyConnector
    except ImportError:
        raise UpstreamError(
            "A SOCKS proxy needs one more package; run `pip install aiohttp-socks PySocks` and start again.",
            code="socks_missing",
        ) from None
    scheme, _, rest = proxy.partition("://")
    connector: aiohttp.BaseConnector = ProxyConnector.from_url(f"{scheme.rstrip('h')}://{rest}", rdns=True, **options)
    return connector


# -- what is known of a connection ------------------------------------------------------------------------------------


def _tracing() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()

    async def reused(_session: Any, context: SimpleNamespace, _params: Any) -> None:
        context.trace_request_ctx.reused = True

    async def connecting(_session: Any, context: SimpleNamespace, _params: Any) -> None:
        context.begun = time.time()

    async def connected(_session: Any, context: SimpleNamespace, _params: Any) -> None:
        context.trace_request_ctx.times = (context.begun, time.time())

    async def sent(_session: Any, context: SimpleNamespace, _params: Any) -> None:
        context.trace_request_ctx.sent = True

    trace.on_connection_reuseconn.append(reused)
    trace.on_connection_create_start.append(connecting)
    trace.on_connection_create_end.append(connected)
    trace.on_request_headers_sent.append(sent)
    return trace


def _facts(response: aiohttp.ClientResponse, facts: SimpleNamespace) -> ConnectionFacts | None:
    """`None` where a short answer came whole with its headers: its connection is back in the pool already."""
    connection = response.connection
    transport = connection.transport if connection is not None else None
    if transport is None:
        return None
    tls = transport.get_extra_info("ssl_object")
    begun, done = facts.times  # of this request's own connection; a kept one has none
    return ConnectionFacts(
        address=(response.url.host or "", response.url.port or 0),
        peername=transport.get_extra_info("peername"),
        sockname=transport.get_extra_info("sockname"),
        tls=tls is not None,
        sni=(response.url.host or "") if tls is not None else None,
        cipher=(tls.cipher() or (None,))[0] if tls is not None else None,
        tls_version=tls.version() if tls is not None else None,
        timestamp_start=begun,
        timestamp_tcp_setup=done,
        timestamp_tls_setup=done if tls is not None else None,
    )
