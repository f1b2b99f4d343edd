"""One proxy for all these files, a client for each test, and what must be true after every test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.support.raw_client import Client
from tests.support.toy_addon import Proxy, until


@pytest.fixture(scope="package")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    proxy = Proxy(str(tmp_path_factory.mktemp("confdir")))
    yield proxy
    proxy.stop()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Client]:
    with Client(proxy.port) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_is_left_and_nothing_crashed(proxy: Proxy, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    until(lambda: proxy.jobs() == 0)
    ours = "oai_bridge.streaming.defects"  # what it reports is looked at where it is due
    assert [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR and r.name != ours] == []
