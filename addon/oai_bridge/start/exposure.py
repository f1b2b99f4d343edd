"""May the proxy be served on these addresses with these client keys?"""

from __future__ import annotations

import math
import os
import string
from collections.abc import Sequence

from ..outward.network import is_loopback
from ..settings.values import Config

KEY_BITS = 128
KEY_RECIPE = f'{"py" if os.name == "nt" else "python3"} -c "import secrets; print(secrets.token_urlsafe(24))"'
_DISTINCT = 8  # 32 random hex digits hold fewer different ones less than once in a million keys


def exposure(config: Config, listen_hosts: Sequence[str]) -> str | None:
    """Why these addresses may not be served, with both remedies; None when they may.

    Who can reach the proxy can spend the user's money, so that all but this machine needs a key that can't be guessed:
    for other addresses than loopback, and for other Host names, since tunnels arrive from loopback.
    """
    if config.client_keys and all(key_bits(key) >= KEY_BITS for key in config.client_keys):
        return None
    fault = "a client key is short or easy to guess" if config.client_keys else "no client key is set"
    key = f"set a PROXY_KEY (or server.client_keys) of at least {KEY_BITS} bits, as this prints: {KEY_RECIPE}"
    if addresses := [host or "all addresses" for host in listen_hosts if not is_loopback(host)]:
        return (
            f"Not serving on {', '.join(addresses)}, where others could spend your money because {fault}: "
            f"bind to 127.0.0.1 (BIND_ADDRESS or server.host), or {key}"
        )
    if names := [host for host in config.allowed_hosts if not is_loopback(host)]:
        return (
            f"Not serving the host name {', '.join(names)}, where others could spend your money because {fault}: "
            f"remove it from server.allowed_hosts and use 127.0.0.1, or {key}"
        )
    return None


def key_bits(key: str) -> int:
    """How many bits a key may hold at most: its length times the bits of the alphabet that it draws from.

    The alphabet is hex digits (dashes between them don't count), or the classes of characters that occur. A key of
    few different characters, or of one piece repeated, counts as none. A bound only: a sentence of words passes.
    """
    repeated = (key + key).find(key, 1) < len(key)
    if repeated or len(set(key)) < _DISTINCT:
        return 0
    digits = key.replace("-", "")
    if set(digits) <= set("0123456789"):
        return int(len(digits) * math.log2(10))
    if set(digits) <= set("0123456789abcdef") or set(digits) <= set("0123456789ABCDEF"):
        return len(digits) * 4
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits, string.punctuation)
    return int(len(key) * math.log2(sum(len(kind) for kind in classes if set(kind) & set(key)) or 1))
