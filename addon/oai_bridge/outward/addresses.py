"""Where files may be fetched from: the public internet, and nothing that only this machine or its network can reach.

Everything is decided on one reading of the URL, and only what was read here is used to connect. Two programs that read
the same URL differently are how such guards are passed elsewhere.

Sources: IANA's registries of special-purpose IPv4 and IPv6 addresses; the clouds' documentation of their metadata
servers, which hand credentials to whoever asks from within.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit

from yarl import URL

from .network import DEFAULT_PORTS

Address = IPv4Address | IPv6Address

_LONGEST_URL = 8192  # characters; signed URLs of the clouds' stores have about 2,000
_LONGEST_NAME = 253
_FIRST_FREE_PORT = 1024  # below are mail, shells, directories …, which a forged request may confuse
_SAFE = "!$%&'()*+,-./:;=?@[]_~"  # what is there already is signed by some, so it stays as it is

_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@%]+))(?::([0-9]{0,5}))?")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".home.arpa")


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(map(ip_network, texts))


_METADATA = _networks(
    "100.100.100.200/32",  # Alibaba
    "168.63.129.16/32",  # Azure's host agent, at an address that counts as public
    "169.254.0.0/16",  # nearly all, and link-local besides
    "192.0.0.192/32",  # Oracle
    "fd00:42::42/128",  # Scaleway
    "fd00:c1::a9fe:a9fe/128",  # Oracle
    "fd00:ec2::/32",  # AWS
    "fd20:ce::254/128",  # Google
    "fe80::/10",  # link-local
)
_PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",  # for benchmarks; some VPN programs give all names an address from it
    "::1/128",
    "fc00::/7",
)
# What `is_global` takes for public, in some versions of Python or in all.
_NOT_PUBLIC = _networks(
    "192.0.0.0/24",
    "192.88.99.0/24",  # relays of 6to4
    "224.0.0.0/4",
    "2001::/23",  # Teredo and other protocols
    "2002::/16",  # 6to4: may lead to any IPv4 address
    "3fff::/20",
)
_UNICAST = IPv6Network("2000::/3")  # all IPv6 that is public: no multicast, no site-local, no translation of IPv4
_NAT64 = IPv6Network("64:ff9b::/96")  # how networks without IPv4 write the address of a server that has no other


class Unfetchable(Exception):
    """Why a file is not to be had: a sentence for the user, with no more of the URL than its host."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked for. `host` is an address, or a name in ASCII and lower case, without final dot; `path`
    goes on the wire as it is, with its query."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str = field(repr=False)

    @property
    def address(self) -> Address | None:
        """The host, where it is an address and not a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return self._authority(self.host)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    def url_at(self, address: Address) -> str:
        """The same with the address instead of the name."""
        return f"{self.scheme}://{self._authority(str(address))}{self.path}"

    def _authority(self, host: str) -> str:
        host = f"[{host}]" if ":" in host else host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, *, allow_private: bool) -> Target:
    """What `url` points to; raises `Unfetchable` for all but plain http(s) URLs, and for names that can't be public.

    An IPv4 address must be written as 1.2.3.4: octal, hex, short and whole-number forms are refused. Ports are 80, 443
    and those from 1024 on.
    """
    if len(url) > _LONGEST_URL:
        raise Unfetchable(f"The URL is longer than {_LONGEST_URL} characters; use a shorter one.")
    url = url.strip()
    if not url.isprintable():  # urlsplit drops tabs and line ends, which others don't
        raise Unfetchable("The URL holds control characters; write them percent-encoded.")
    try:
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS:
            raise Unfetchable("Only http and https URLs are fetched; use one, or send the file itself as a data: URL.")
        if "@" in parts.netloc:
            raise Unfetchable("The URL holds a login, which is not sent; use a URL without one.")
        host, given = _host_and_port(parts.netloc)
    except ValueError:
        raise Unfetchable("The URL can't be understood; write it as https://host/path.") from None
    port = int(given) if given else DEFAULT_PORTS[parts.scheme]
    if port not in DEFAULT_PORTS.values() and not _FIRST_FREE_PORT <= port < 1 << 16:
        raise Unfetchable(f"Nothing is fetched from port {port}; use port 80, 443 or one from 1024 on.")
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    target = Target("https" if parts.scheme == "https" else "http", host, port, path)
    if target.address is not None:
        allowed_addresses(host, (host,), allow_private=allow_private)
    elif not allow_private and ("." not in host or host.endswith(_PRIVATE_NAMES)):
        raise _private(host)
    return target


def redirected(target: Target, location: str, *, allow_private: bool) -> Target:
    """Where a redirect's `Location` leads, under the same rules; never from https to http."""
    try:
        url = urljoin(target.url, location)
    except ValueError:
        url = ""
    there = target_of(url, allow_private=allow_private)
    if target.scheme == "https" and there.scheme == "http":
        raise Unfetchable(f"{target.host} redirects from https to http, which is not followed; use another URL.")
    return there


def allowed_addresses(host: str, addresses: Iterable[str], *, allow_private: bool) -> tuple[Address, ...]:
    """All addresses of `host`, IPv4 first; raises `Unfetchable` if a single one of them may not be reached.

    `allow_private` adds loopback and private networks, not the link-local and metadata addresses.
    """
    found = {ip_address(text.partition("%")[0]) for text in addresses}
    for address in found:
        real = _real(address)
        if any(real in network for network in _METADATA):
            raise Unfetchable(f"Nothing is fetched from {host}, which may hand out credentials; use another URL.")
        if _is_public(real):
            continue
        if not any(real in network for network in _PRIVATE):
            raise Unfetchable(f"{host} is at an address of no public server; check the URL, or use another one.")
        if not allow_private:
            raise _private(host)
    return tuple(sorted(found, key=lambda address: (address.version, address.packed)))


def _private(host: str) -> Unfetchable:
    return Unfetchable(
        f"Nothing is fetched from {host}: it is not on the public internet. Send the file itself as a data: URL, or "
        "set images.allow_private in config.yaml."
    )


def _is_public(address: Address) -> bool:
    if not address.is_global or any(address in network for network in _NOT_PUBLIC):
        return False
    return isinstance(address, IPv4Address) or address in _UNICAST


def _real(address: Address) -> Address:
    """The IPv4 address that a packet to `address` reaches in the end, where that is certain."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address


def _host_and_port(authority: str) -> tuple[str, str | None]:
    """The host as it stands in `Target`, and the port as it was written; raises `ValueError`."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise ValueError
    literal, name, port = found.groups()
    return str(IPv6Address(literal)) if literal else _host(name), port


def _host(name: str) -> str:
    if len(name) > _LONGEST_NAME:  # IDNA takes its time for long ones
        raise ValueError
    host = URL.build(scheme="http", host=name).raw_host or ""  # IDNA with UTS 46: full-width letters and the like
    host = host.removesuffix(".")
    if len(host) > _LONGEST_NAME or not _NAME.fullmatch(host):
        raise ValueError
    if _NUMBER.fullmatch(host.rpartition(".")[2]):  # the resolver would take 0x7f.1 and 017700000001 for addresses
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise Unfetchable("The URL's host is a number; write an IPv4 address as 192.0.2.1.") from None
    return host
