"""What an exchange hands to the stream layer: an answer's head, its bytes, its connection, what breaks its silence."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BREAKS = re.compile(r"[\r\n\0]")


class BrokenAnswer(Exception):
    """An answer does not keep the rules below. The text is ours and holds nothing of the request."""


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """The upstream connection, for mitmweb's Connection and Timing tabs only. Times are Unix time in seconds.

    `address` is what was asked for (host name and port), `peername` and `sockname` are the socket's ends, `cipher` and
    `tls_version` are spelled as Python's `ssl` does ("TLSv1.3"). What isn't known is None.
    """

    address: tuple[str, int]
    peername: tuple[str, int] | None = None
    sockname: tuple[str, int] | None = None
    tls: bool = False
    sni: str | None = None
    cipher: str | None = None
    tls_version: str | None = None
    timestamp_start: float | None = None
    timestamp_tcp_setup: float | None = None
    timestamp_tls_setup: float | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers towards the client. The status allows a body: 200 to 599 without 204, 205 and 304.

    `transfer-encoding` is the stream layer's business and is ignored here; a `content-length` is kept, and then exactly
    so many bytes must follow. `reason` stands beside the status; empty: the usual words. Raises `BrokenAnswer` for what
    can't be written as HTTP.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    connection: ConnectionFacts | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599 or self.status in (204, 205, 304):
            raise BrokenAnswer(f"a head with status {self.status}, which allows no body")
        if not all(_NAME.fullmatch(name) and not _BREAKS.search(value) for name, value in self.headers):
            raise BrokenAnswer("a header that HTTP does not allow")
        if not (self.reason.isascii() and self.reason.isprintable()):
            raise BrokenAnswer("a reason that HTTP does not allow")
        if any(not value.isascii() or not value.isdigit() for value in self._lengths()) or len(self._lengths()) > 1:
            raise BrokenAnswer("a content-length that is not one number")

    def _lengths(self) -> list[str]:
        return [value for name, value in self.headers if name.lower() == "content-length"]

    @property
    def length(self) -> int | None:
        """The body's size in bytes, where the headers tell it."""
        return int(lengths[0]) if (lengths := self._lengths()) else None


@dataclass(eq=False, slots=True)
class Heartbeat:
    """From now on a client that has heard nothing for `every` seconds is sent `beat`, which must be fit to stand
    between any two pieces, and before it the `head` if none is out yet: `begun` tells that, and that no other may
    follow."""

    every: float
    head: Callable[[], Head]
    beat: bytes = b": ping\n\n"
    begun: bool = False


Answer = AsyncGenerator[Head | Heartbeat | bytes, None]
"""First a `Head`, then the body's bytes in any pieces (an empty one means nothing), then the end, which should follow
the last piece at once. A `Heartbeat` may come before the head. An exception is a defect: the stream layer tells the
client in the host's words. When the client is gone or the answer is called off, the generator is cancelled where it
waits."""
