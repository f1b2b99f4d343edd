"""The examination: from the settings to a model's answer, in the order in which a request needs it all.

Findings come one by one, as they are found. What can't work since something before it doesn't is skipped and not asked,
so that each cause is told once.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ..credentials.base import Access
from ..directory import Directory
from ..exchanges import Services
from ..models.catalog import Catalog
from ..money.books import Books
from ..settings.values import AwsAccount, Config
from ..start.assembly import assemble
from ..start.exposure import exposure
from ..start.listening import LOOPBACK
from .clock import judge
from .findings import Finding
from .hiding import hidden, secrets_of
from .hosts import Hosts
from .modes import files_of, look
from .payer import Calls, Payer, mint
from .reach import cloud_host, login_host
from .routes import SECTIONS, narrowed

if TYPE_CHECKING:
    from ..start.demo import Demo

LIMIT = 15.0
"""Seconds for one check."""


async def examine(
    config: Config,
    catalog: Catalog,
    *,
    files: Sequence[Path] = (),
    paid: bool = True,
    clock: Callable[[], float] = time.time,
    limit: float = LIMIT,
) -> AsyncGenerator[Finding, None]:
    """Everything about these settings; `files` are those that they stand in. It makes services of its own and closes
    them, so that nothing of a running proxy is touched. Unless `paid`, no call is made that costs money. No part of it
    waits much longer than `limit` seconds."""
    secrets = secrets_of(config)
    for finding in [*of_settings(config, files), *look(files_of(config, files))]:
        yield hidden(finding, secrets)
    connect = min(config.timeouts.connect, limit / 3)  # what can't be reached is told as such, not as too slow
    config = replace(config, timeouts=replace(config.timeouts, connect=connect))
    demo = _demo() if config.demo else None
    services = await assemble(config, catalog, Directory(config, catalog), demo, Books(config, clock))
    examination = _Examination(services, catalog, secrets, paid=paid, free=config.demo, clock=clock, limit=limit)
    try:
        async with aclosing(examination.findings()) as findings:
            async for finding in findings:
                yield hidden(finding, secrets)
    finally:
        await services.upstream.close()
        await services.fetcher.close()
        if demo is not None:
            await demo.stop()


def of_settings(config: Config, files: Sequence[Path]) -> Iterator[Finding]:
    """What the settings tell by themselves."""
    named = " and ".join(path.name for path in files) or "the environment"
    if not config.told:
        yield Finding("settings", named, "ok", "Everything in there is understood.")
    for sentence in config.told:
        yield Finding("settings", named, "warning", sentence)
    if reason := exposure(config, [config.host or LOOPBACK[0]]):
        message, _, remedy = reason.partition(": ")
        yield Finding("settings", "the address", "failed", f"{message}.", f"{remedy[:1].upper()}{remedy[1:]}")
    if config.demo:
        message = "No cloud credential is configured, so that the embedded demo answers."
        remedy = "For real answers set GCP_CREDENTIALS, AWS_CREDENTIALS or AZURE_CREDENTIALS in .env, see README.md."
        yield Finding("settings", "the credentials", "warning", message, remedy)


def _demo() -> Demo:
    from ..start.demo import Demo  # with a web server, which few need

    return Demo(pace=0)


class _Examination:
    """`secrets` grow with what is minted; `free`: whoever answers takes no money."""

    def __init__(
        self,
        services: Services,
        catalog: Catalog,
        secrets: set[str],
        *,
        paid: bool,
        free: bool,
        clock: Callable[[], float],
        limit: float,
    ) -> None:
        self._services = services
        self._config = services.config
        self._catalog = catalog
        self._secrets = secrets
        self._paid = paid
        self._free = free
        self._limit = limit
        self._hosts = Hosts(services, clock, limit)
        self._minted: list[tuple[Payer, Access | None]] = []
        self._skew: float | None = None

    async def findings(self) -> AsyncGenerator[Finding, None]:
        payers = list(self._payers())
        hosts = [(login_host(payer.account), cloud_host(self._config, payer.account)) for payer in payers]
        for finding in await self._hosts.look([host for pair in hosts for host in pair if host]):
            yield finding
        skews = self._hosts.skews
        self._skew = median(skews) if skews else None
        yield judge(skews)
        for payer in payers:
            async with aclosing(self._examined(payer)) as findings:
                async for finding in findings:
                    yield finding

    def _payers(self) -> Iterator[Payer]:
        for kind in SECTIONS:
            pairs = zip(self._config.accounts[kind], self._services.credentials[kind], strict=True)
            for index, (account, credential) in enumerate(pairs):
                yield Payer(kind, index, account, credential)

    async def _examined(self, payer: Payer) -> AsyncGenerator[Finding, None]:
        if not any(payer.shares_login(other) for other, _ in self._minted):
            yield await self._mint(payer)
        access = next(access for other, access in self._minted if payer is other or payer.shares_login(other))
        if access is None:
            yield _skipped(payer, "Nothing lets requests in, see above.")
            return
        if isinstance(payer.account, AwsAccount):  # a login may have told the region only now
            payer = replace(payer, account=replace(payer.account, region=access.region))
        host = cloud_host(self._config, payer.account)
        for finding in await self._hosts.look([host] if host else []):
            yield finding
        if self._hosts.is_cut_off(host):
            yield _skipped(payer, "The cloud can't be reached, see above.")
            return
        services = narrowed(self._services, self._catalog, payer.kind, payer.index, payer.credential, limit=self._limit)
        paid = self._paid or self._free
        calls = Calls(payer, access, services, self._config, self._skew, free=self._free, paid=paid)
        async with aclosing(calls.findings()) as findings:
            async for finding in findings:
                yield finding

    async def _mint(self, payer: Payer) -> Finding:
        if self._hosts.is_cut_off(login_host(payer.account)):
            self._minted.append((payer, None))
            return Finding("credential", payer.label, "skipped", "Who gives its tokens can't be reached, see above.")
        finding, access = await mint(payer, self._skew, self._limit)
        self._minted.append((payer, access))
        self._secrets.update(access.secrets if access else ())
        return finding


def _skipped(payer: Payer, why: str) -> Finding:
    return Finding("model", payer.label, "skipped", why)
