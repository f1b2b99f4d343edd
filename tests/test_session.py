"""The session for tokens: what it loads, and when. Proxies and redirects are tested with the logins that use it."""

from __future__ import annotations

import ssl

from requests.adapters import HTTPAdapter

from oai_bridge.credentials.session import TokenSession
from oai_bridge.settings.values import Network


def test_a_ca_store_is_loaded_once_and_for_https_alone() -> None:
    loaded: list[ssl.SSLContext] = []

    def context() -> ssl.SSLContext:
        loaded.append(ssl.create_default_context())
        return loaded[-1]

    with TokenSession(Network(), context) as session:
        assert type(session.get_adapter("http://127.0.0.1:9/token")) is HTTPAdapter
        assert loaded == []
        found = session.get_adapter("https://oauth2.googleapis.com/token")
        assert session.get_adapter("HTTPS://sts.amazonaws.com/") is found
        assert [found.poolmanager.connection_pool_kw["ssl_context"]] == loaded
