"""Puts the parts together: settings in, everything an exchange needs out."""

from __future__ import annotations

import functools
import time
from dataclasses import replace

from .credentials.aws import AwsCredential
from .credentials.azure import AzureCredential
from .credentials.google import GoogleCredential
from .credentials.session import TokenSession
from .demo import Demo
from .directory import Directory
from .exchanges import Pools, Services
from .fetch import Fetcher
from .models.catalog import Catalog
from .network import ssl_context
from .pool import Pool
from .settings import Config
from .upstream import UpstreamClient


async def assemble(config: Config, catalog: Catalog, directory: Directory, demo: Demo) -> Services:
    """The services for `config` and its `directory`; the demo upstream is started, and used instead, where no
    credential is configured."""
    if config.demo:
        await demo.start()
        config = replace(config, vertex=replace(config.vertex, accounts=(demo.account,), base_url=demo.base_url))
        directory = Directory(config, catalog)
    network = config.network
    tls = functools.cache(lambda: ssl_context(network))
    session = functools.partial(TokenSession, network, tls)
    pools: Pools = {
        "google": Pool([GoogleCredential(account, session) for account in config.vertex.accounts]),
        "aws": Pool([AwsCredential(account, session) for account in config.bedrock.accounts]),
        "azure": Pool([AzureCredential(account, session) for account in config.azure.accounts]),
        "foundry": Pool([AzureCredential(account, session) for account in config.foundry.accounts]),
    }
    fetcher = Fetcher(config.images, network, tls)
    return Services(config, directory, pools, UpstreamClient(network, tls), fetcher, time.time)
