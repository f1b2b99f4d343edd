"""What an exchange needs, made for a test: everything but who is asked and who pays."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from oai_bridge.exchanges import Credentials, Services
from oai_bridge.money.books import Books
from oai_bridge.outward.fetch import Fetcher
from oai_bridge.outward.upstream import UpstreamClient
from oai_bridge.settings.values import Config, Images, Network
from oai_bridge.waiting.gate import Gate
from oai_bridge.waiting.pool import Pool
from oai_bridge.waiting.rates import Rates


@asynccontextmanager
async def parts(config: Config, directory: Any, credentials: Credentials) -> AsyncIterator[Services]:
    made = Services(
        config=config,
        directory=directory,
        credentials=credentials,
        gate=Gate(Pool(rest=config.failover.rest), config.queue, config.limits),
        rates=Rates(config.limits.requests_per_minute),
        upstream=UpstreamClient(Network(), ssl.create_default_context, config.timeouts.connect),
        fetcher=Fetcher(Images(), Network(), ssl.create_default_context),
        books=Books(config, time.time),
        clock=time.time,
    )
    try:
        yield made
    finally:
        await made.upstream.close()
        await made.fetcher.close()
