"""A clock for one request: Unix time when it begins, and from then on as many seconds as have really passed."""

from __future__ import annotations

import time
from collections.abc import Callable


def steady(clock: Callable[[], float] = time.time, passed: Callable[[], float] = time.monotonic) -> Callable[[], float]:
    """Whoever sets this machine's clock meanwhile makes no request last for years, or end before it began."""
    ahead = clock() - passed()
    return lambda: passed() + ahead
