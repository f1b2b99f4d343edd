"""GET requests to addresses that were checked before, under the name that stands in the URL, through any proxy.

Nobody resolves the name a second time, the proxy neither: it is asked for the address. The Host header, TLS's server
name and the check of the certificate are the name's.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from ..settings.values import Network
from .addresses import Address, Target, Unfetchable
from .network import proxy_for

_CONNECT_TIMEOUT = 5.0  # seconds for one address: the next one may be better


class PinnedClient:
    """Keeps no connection, no cookie, no login. `tls` gives the TLS settings when they are first needed."""

    def __init__(self, network: Network, tls: Callable[[], ssl.SSLContext]) -> None:
        self._network = network
        self._tls = tls
        self._sessions: dict[str | None, aiohttp.ClientSession] = {}  # by SOCKS proxy; None: all others

    async def get(self, target: Target, addresses: Sequence[Address], accept: str) -> aiohttp.ClientResponse:
        """The answer of the first address that gives one, its body not yet read and as it is on the wire.

        The caller closes it. Raises `Unfetchable`; how long it may take is the caller's affair.
        """
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._get(target, address, accept)
            except (aiohttp.ClientError, OSError) as error:
                failure = error
        raise Unfetchable(_reason(target.host, failure)) from None

    async def close(self) -> None:
        """Closes all connections. Whoever still reads from one runs into a time limit."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def _get(self, target: Target, address: Address, accept: str) -> aiohttp.ClientResponse:
        url = target.url_at(address)
        # An address or a name that needs no proxy is enough: through it, "localhost" would be the proxy's own.
        proxy = proxy_for(target.url, self._network) if proxy_for(url, self._network) else None
        socks = proxy if proxy is not None and proxy.startswith("socks") else None
        session = self._sessions.get(socks)
        if session is None:
            session = self._sessions[socks] = _session(socks)
        return await session.get(
            URL(url, encoded=True),
            headers={"host": target.authority, "accept": accept, "accept-encoding": "identity"},
            proxy=None if socks else proxy,
            ssl=self._tls(),
            server_hostname=target.host if target.scheme == "https" else None,
            allow_redirects=False,
        )


def _session(socks: str | None) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=_SocksConnector(socks) if socks else aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"user-agent": "oai-vertex"},
        auto_decompress=False,
        trust_env=False,
    )


class _SocksConnector(aiohttp.TCPConnector):
    """aiohttp-socks checks a certificate against the host that the proxy is asked for, which is the address here."""

    def __init__(self, proxy: str) -> None:
        try:
            from python_socks import ProxyError
            from python_socks.async_.asyncio import Proxy
        except ImportError:
            raise Unfetchable(
                "A SOCKS proxy needs one more package; run `pip install aiohttp-socks PySocks` and start again."
            ) from None
        super().__init__(limit=0, force_close=True)
        self._refused = ProxyError
        self._proxy = Proxy.from_url(proxy.replace("socks5h:", "socks5:", 1))

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: list[aiohttp.AddrInfoType],
        req: aiohttp.ClientRequest,
        timeout: aiohttp.ClientTimeout,
        client_error: type[Exception] = aiohttp.ClientConnectorError,
        **kwargs: Any,
    ) -> tuple[Any, ResponseHandler]:
        host, port = addr_infos[0][4][:2]
        try:
            connected = await self._proxy.connect(str(host), int(port), timeout=timeout.sock_connect)
        except (self._refused, OSError):
            raise aiohttp.ClientProxyConnectionError(req.connection_key, OSError("no way by SOCKS")) from None
        try:
            return await self._loop.create_connection(*args, sock=connected, **kwargs)  # closes it on failure
        except ssl.SSLError as error:
            raise aiohttp.ClientConnectorSSLError(req.connection_key, error) from None


def _reason(host: str, failure: Exception | None) -> str:
    match failure:
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return f"{host} can't be reached through the proxy; check HTTPS_PROXY, or send the file as a data: URL."
        case aiohttp.ClientSSLError():
            return f"TLS with {host} failed; check the URL, or send the file itself as a data: URL."
        case aiohttp.ClientConnectorError() | TimeoutError() | None:
            return f"{host} can't be reached; check the URL, or send the file itself as a data: URL."
        case _:
            return f"{host} closed the connection without an answer; try again, or send the file as a data: URL."
