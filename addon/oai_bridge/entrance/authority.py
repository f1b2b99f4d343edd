"""Host names and addresses as requests and settings write them, in one spelling."""

from __future__ import annotations

import ipaddress
import re

from ..outward.network import DEFAULT_PORTS

# RFC 9110 section 7.2, without what has no place in ours: user information, percent-encoding, zone ids.
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z_][0-9A-Za-z._-]{0,253}))(?::([0-9]{0,5}))?")


def authority_of(text: str) -> tuple[str, int | None] | None:
    """`host[:port]` as a name in its one spelling and a port; `None` if it is malformed."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return None
    bracketed, plain, digits = match.groups()
    name = _spelling(bracketed or plain)
    port = int(digits) if digits else None
    if name is None or (bracketed and ":" not in name) or (port is not None and port > 65535):
        return None
    return name, port


def _spelling(name: str) -> str | None:
    """The one spelling of a name or address: lower case, no trailing dot; `None` for an impossible address."""
    name = name.lower().removesuffix(".")
    if is_address(name):
        return str(ipaddress.ip_address(name))
    return name if name and ":" not in name else None


def entry_of(text: str) -> str | None:
    """The spelling of a configured host, which may have a port and, if IPv6, lack the brackets."""
    if is_address(text):
        return _spelling(text)
    authority = authority_of(text.strip())
    return authority[0] if authority else None


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_local(name: str) -> bool:
    return name == "localhost" or (is_address(name) and ipaddress.ip_address(name).is_loopback)


def is_same_origin(origin: str, name: str, port: int | None) -> bool:
    scheme, _, rest = origin.partition("://")
    default = DEFAULT_PORTS.get(scheme.lower())
    theirs = authority_of(rest)
    if default is None or theirs is None:
        return False
    return (theirs[0], default if theirs[1] is None else theirs[1]) == (name, default if port is None else port)
