"""The HTTP session in which the clouds' login services are asked for tokens: proxies and CA as for the clouds."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from ..outward.network import proxy_for
from ..settings.values import Network


class _Adapter(HTTPAdapter):
    """Uses our TLS settings, also behind a proxy."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context(), **keywords)

    def proxy_manager_for(self, *args: Any, **keywords: Any) -> Any:
        return super().proxy_manager_for(*args, ssl_context=self._context(), **keywords)


class TokenSession(requests.Session):
    """A `requests` session whose proxy comes from `network` alone and that follows no redirect; for one thread."""

    def __init__(self, network: Network, context: Callable[[], ssl.SSLContext]) -> None:
        super().__init__()
        self._network = network
        self._context = context
        self.trust_env = False  # or ~/.netrc would add an Authorization of its own

    def get_adapter(self, url: Any) -> Any:
        """The hook where requests looks for what sends. Ours is made at the first https request, since loading a CA
        store is slow."""
        if str(url).lower().startswith("https:") and not isinstance(self.adapters["https://"], _Adapter):
            self.mount("https://", _Adapter(self._context))
        return super().get_adapter(url)

    def get_redirect_target(self, resp: Any) -> None:
        """The hook where requests looks for redirects. There is never one: it could lead an assertion or a token
        anywhere, also by plain http."""

    def merge_environment_settings(  # the hook where requests looks for proxies
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        proxy = proxy_for(str(url), self._network)
        if proxy and proxy.startswith("socks5:"):
            proxy = proxy.replace("socks5:", "socks5h:", 1)  # as for the cloud, names are the proxy's to resolve
        return {
            "proxies": {"http": proxy, "https": proxy} if proxy else {},
            "stream": stream,
            "verify": True,
            "cert": None,
        }
