"""The hosts that have to be reached: each asked once, those that are known together, and told as findings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from ..errors import BridgeError
from ..exchanges import Services
from .diagnosis import unreached
from .findings import Finding
from .reach import Host, Reached, reach


class Hosts:
    """`clock` gives Unix seconds; no host is waited for longer than `limit` seconds."""

    def __init__(self, services: Services, clock: Callable[[], float], limit: float) -> None:
        self._services = services
        self._clock = clock
        self._limit = limit
        self._came: dict[Host, Reached | BridgeError] = {}

    async def look(self, hosts: Sequence[Host]) -> list[Finding]:
        """Findings of those that are new, asked at the same time: without a network each takes its whole time."""
        new = [host for host in dict.fromkeys(hosts) if host not in self._came]
        config, upstream = self._services.config, self._services.upstream
        came = await asyncio.gather(*(reach(host, config, upstream, self._clock, self._limit) for host in new))
        self._came |= dict(zip(new, came, strict=True))
        return [self._told(host) for host in new]

    def is_cut_off(self, host: Host | None) -> bool:
        return host is not None and isinstance(self._came.get(host), BridgeError)

    @property
    def skews(self) -> list[float]:
        """By how many seconds our clock is fast, as each host sees it."""
        return [came.skew for came in self._came.values() if isinstance(came, Reached) and came.skew is not None]

    def _told(self, host: Host) -> Finding:
        came = self._came[host]
        if isinstance(came, Reached):
            if 300 <= came.status < 400:
                message = f"Whoever answers there sends us elsewhere (HTTP {came.status})."
                return Finding("network", host.name, "warning", message, "See whether the network wants a login first.")
            way = " through the proxy" if came.proxied else ""
            return Finding("network", host.name, "ok", f"It is reached{way} in {came.seconds:.1f} s.")
        others = any(isinstance(one, Reached) for one in self._came.values())
        today = time.strftime("%d %B %Y", time.localtime(self._clock()))
        told = unreached(came, host.name, host.named, others=others, today=today)
        return Finding("network", host.name, told.state, told.message, told.remedy)
