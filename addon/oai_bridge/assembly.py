"""Puts the parts together: settings in, everything an exchange needs out."""

from __future__ import annotations

import functools
import time
from dataclasses import replace

from .backends import REGISTRY
from .credentials.base import Credential
from .credentials.google import GoogleCredential
from .credentials.session import TokenSession
from .demo import Demo
from .exchanges import Door, Services
from .fetch import Fetcher
from .models.catalog import Catalog
from .network import ssl_context
from .pool import Pool
from .settings import Config
from .upstream import UpstreamClient


async def assemble(config: Config, catalog: Catalog, demo: Demo) -> Services:
    """The services for `config`; the demo upstream is started, and used, where no credential is configured."""
    if config.demo:
        await demo.start()
        config = replace(config, vertex=replace(config.vertex, accounts=(demo.account,), base_url=demo.base_url))
    tls = functools.cache(lambda: ssl_context(config.network))
    session = functools.partial(TokenSession, config.network, tls)
    accounts: list[Credential] = [GoogleCredential(account, session) for account in config.vertex.accounts]
    doors = {"vertex": Door(REGISTRY["vertex"](config), Pool(accounts))}
    fetcher = Fetcher(config.images, config.network, tls)
    return Services(config, catalog, doors, UpstreamClient(config.network, tls), fetcher, time.time)
