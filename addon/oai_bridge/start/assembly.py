"""Puts the parts together: settings in, everything an exchange needs out."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import requests

from ..credentials.aws import AwsCredential
from ..credentials.azure import AzureCredential
from ..credentials.google import GoogleCredential
from ..credentials.session import TokenSession
from ..directory import Directory
from ..exchanges import Credentials, Services
from ..models.catalog import Catalog
from ..money.books import Books
from ..outward.fetch import Fetcher
from ..outward.network import ssl_context
from ..outward.upstream import UpstreamClient
from ..settings.values import Config, GoogleAccount
from ..waiting.gate import Gate
from ..waiting.pool import Pool
from ..waiting.rates import Rates

if TYPE_CHECKING:
    from .demo import Demo


async def assemble(config: Config, catalog: Catalog, directory: Directory, demo: Demo | None, books: Books) -> Services:
    """The services for `config` and its `directory`; the demo upstream, if there is one, is started and used instead of
    a cloud."""
    if demo is not None:
        await demo.start()
        config = replace(config, vertex=replace(config.vertex, accounts=(demo.account,), base_url=demo.base_url))
        directory = Directory(config, catalog)
    network = config.network
    tls = functools.cache(lambda: ssl_context(network))
    session = functools.partial(TokenSession, network, tls)
    credentials: Credentials = {
        "google": _google(config.vertex.accounts, session),
        "aws": [AwsCredential(account, session) for account in config.bedrock.accounts],
        "azure": [AzureCredential(account, session) for account in config.azure.accounts],
        "foundry": [AzureCredential(account, session) for account in config.foundry.accounts],
    }
    return Services(
        config=config,
        directory=directory,
        credentials=credentials,
        gate=Gate(Pool(rest=config.failover.rest), config.queue, config.limits),
        rates=Rates(
            config.limits.requests_per_minute,
            {one.name: one.requests_per_minute for one in config.clients if one.requests_per_minute},
        ),
        upstream=UpstreamClient(network, tls, config.timeouts.connect),
        fetcher=Fetcher(config.images, network, tls),
        books=books,
        clock=time.time,
    )


def _google(accounts: Sequence[GoogleAccount], session: Callable[[], requests.Session]) -> list[GoogleCredential]:
    """One token for all regions of a payer."""
    made: list[GoogleCredential] = []
    for account in accounts:
        beside = (found for credential in made if (found := credential.beside(account)))
        made.append(next(beside, None) or GoogleCredential(account, session))
    return made
