"""Can the clouds' hosts be reached, by name, TLS and proxy? One request without any credential, over our own client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..backends.bedrock_host import mantle_url, runtime_url
from ..backends.vertex import base_url
from ..credentials.base import Outbound
from ..errors import BridgeError
from ..outward.network import proxy_for
from ..outward.patience import Patience
from ..outward.upstream import UpstreamClient
from ..settings.traffic import Timeouts
from ..settings.values import AwsAccount, AzureAccount, Bedrock, Config, FoundryAccount, GoogleAccount, ServiceAccount
from .clock import skew


@dataclass(frozen=True, slots=True)
class Host:
    """Scheme, name and port of one that has to be reached. `named` is the region or resource that its name is made of,
    empty where it is fixed."""

    origin: str
    named: str = ""

    @property
    def name(self) -> str:
        return urlsplit(self.origin).netloc


@dataclass(frozen=True, slots=True)
class Reached:
    """`skew` is by how many seconds our clock is fast against the host's; `seconds` is how long all took."""

    seconds: float
    status: int
    proxied: bool
    skew: float | None


def cloud_host(config: Config, account: GoogleAccount | AwsAccount | AzureAccount | FoundryAccount) -> Host | None:
    """Where the models of an account answer; `None` where only its login can tell."""
    match account:
        case GoogleAccount(region=region):
            fixed = region == "global" or config.vertex.base_url is not None
            return _host(config.vertex.base_url or base_url(region), "" if fixed else region)
        case AwsAccount():
            return _bedrock_host(config.bedrock, account.region) if account.region else None
        case AzureAccount():
            host = _host(account.endpoint)
        case FoundryAccount():
            host = _host(account.base_url)
    name = urlsplit(host.origin).hostname or ""
    return Host(host.origin, "" if name[-1:].isdigit() else name.partition(".")[0])  # an address is named after nothing


def login_host(account: GoogleAccount | AwsAccount | AzureAccount | FoundryAccount) -> Host | None:
    """Who gives tokens for an account, where its settings tell."""
    if isinstance(account, GoogleAccount) and isinstance(account.source, ServiceAccount):
        return _host(str(account.source.info["token_uri"]))
    return None


async def reach(
    host: Host, config: Config, upstream: UpstreamClient, clock: Callable[[], float], limit: float
) -> Reached | BridgeError:
    """What came of a request for the host's `/`; any answer will do. It takes `limit` seconds at most."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    patience = Patience(Timeouts(first_byte=limit, total=limit), begun + limit)
    outbound = Outbound("GET", f"{host.origin}/", {"accept-encoding": "identity"}, b"")
    try:
        answer = await upstream.send(outbound, patience, fresh=True)
    except BridgeError as error:
        return error
    came = clock()
    answer.close()
    proxied = proxy_for(outbound.url, config.network) is not None
    return Reached(loop.time() - begun, answer.status, proxied, skew(answer.headers.get("date"), came))


def _bedrock_host(bedrock: Bedrock, region: str) -> Host:
    if bedrock.api == "mantle":
        return _host(mantle_url(bedrock, region), "" if bedrock.mantle_url else region)
    return _host(runtime_url(bedrock, region), "" if bedrock.base_url else region)


def _host(url: str, named: str = "") -> Host:
    parts = urlsplit(url)
    return Host(f"{parts.scheme}://{parts.netloc}", named)
