"""How many requests a client may send in a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

from ..errors import Busy

_SETTING = "limits.requests_per_minute"
_MINUTE = 60.0  # seconds
_CLIENTS = 1000  # that are remembered before those without a request in the last minute are forgotten


class Rates:
    """Counts the requests of the last minute, by client. Times are seconds of one clock."""

    def __init__(self, per_minute: int | None, own: Mapping[str, int] = MappingProxyType({})) -> None:
        """`own` are the limits of clients that have one; `None`: everything is let in."""
        self._limit = per_minute
        self._own = own
        self._seen: dict[str, deque[float]] = {}

    def take(self, client: str, now: float) -> None:
        """Lets one more in; raises `Busy` with the seconds until the next may come. What is refused is not counted."""
        limit = self._own.get(client, self._limit)
        if limit is None:
            return
        if len(self._seen) >= _CLIENTS and client not in self._seen:
            self._seen = {one: times for one, times in self._seen.items() if times[-1] > now - _MINUTE}
        times = self._seen.setdefault(client, deque())
        while times and times[0] <= now - _MINUTE:
            times.popleft()
        if len(times) >= limit:
            setting = "its requests_per_minute in server.client_keys" if client in self._own else _SETTING
            raise Busy(
                f"This client may send {limit} requests a minute; wait, or raise {setting} in config.yaml.",
                code="client_rate_limit",
                retry_after=times[0] + _MINUTE - now,
            )
        times.append(now)
