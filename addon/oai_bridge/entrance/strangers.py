"""Where a caller really comes from, and how long wrong keys from there have to wait for their answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ..errors import Busy

Network = IPv4Network | IPv6Network

_TYPOS = 3  # wrong keys that are answered at once
_GAP = 1.0  # seconds between the answers to any more of them
_BACKLOG = 10.0  # seconds of answers that wait: beyond it no key from there is looked at
_FORGIVEN = 600.0  # seconds after the last wrong key
_REMEMBERED = 1000  # addresses
_HINTS = ("x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip")
_FOR = re.compile(r'(?:^|[;,])\s*for\s*=\s*"?([^";,]+)', re.IGNORECASE)  # RFC 7239
_HOUSEHOLD = 64  # bits of an IPv6 address: whoever has one has all with the same


def address_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The address that a request comes from: the peer's, or what a trusted one tells in X-Forwarded-For, whose entries
    are `forwarded`. Of these the last one counts that no trusted proxy has: those before it may be made up. Strangers
    behind a peer that isn't trusted are one, and not the peer itself, who would else pay for their guesses."""
    seen = told = _plain(peer)
    for entry in reversed(forwarded):
        address = _address(seen)
        if address is None or not any(address in network for network in trusted):
            break
        seen = _plain(entry)
    return f"behind {_household(seen)}" if forwarded and seen == told else seen


def is_from_afar(forwarded: Sequence[str]) -> bool:
    """Whether a proxy before this one has asked for another machine than this."""
    return any((address := _address(_plain(entry))) is None or not address.is_loopback for entry in forwarded)


def hints_of(values: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """What other headers than X-Forwarded-For tell of who asked a proxy before this one. `values` are by their names in
    lower case."""
    named = [address for value in values.get("forwarded", ()) for address in _FOR.findall(value)]
    return (*named, *(value for name in _HINTS for value in values.get(name, ())))


@dataclass(slots=True)
class _Seen:
    wrong: int = 0
    last: float = 0.0  # when the last wrong key is answered


class Strangers:
    """Counts wrong keys by address. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def check(self, address: str, now: float) -> None:
        """Raises `Busy` while so many wrong keys from there wait for their answers that somebody seems to guess."""
        seen = self._seen.get(_household(address))
        if seen is not None and seen.last - now > _BACKLOG:
            raise Busy(
                "Too many wrong client keys came from this address; correct the key, then try again a little later.",
                code="too_many_wrong_keys",
                retry_after=seen.last - now - _BACKLOG,
            )

    def wrong(self, address: str, now: float) -> float:
        """A wrong key came from there: the seconds that its answer has to wait."""
        if len(self._seen) >= _REMEMBERED:
            self._seen = {name: seen for name, seen in self._seen.items() if seen.last > now - _FORGIVEN}
        if len(self._seen) >= _REMEMBERED:
            del self._seen[min(self._seen, key=lambda name: self._seen[name].last)]
        seen = self._seen.setdefault(_household(address), _Seen())
        if seen.last <= now - _FORGIVEN:
            seen.wrong = 0
        seen.wrong += 1
        seen.last = max(now, seen.last + _GAP) if seen.wrong > _TYPOS else now
        return seen.last - now


def _household(address: str) -> str:
    found = _address(address)
    return str(ip_network((found, _HOUSEHOLD), strict=False)) if isinstance(found, IPv6Address) else address


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _plain(text: str) -> str:
    """An address in its one spelling, without a port; other text as it is."""
    name = text.strip()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    address = _address(name)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address) if address else text.strip()
