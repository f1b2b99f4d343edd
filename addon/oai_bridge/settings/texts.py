"""What written settings have in common: quotes that tools leave, stand-ins of example files, keys, addresses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from ..outward.network import is_loopback
from .values import ConfigError

QUOTES = "\"'`\u2018\u2019\u201c\u201d"  # straight ones, and those that word processors make of them

_ASCII = {0xFEE0 + code: code for code in range(0x21, 0x7F)}  # what Chinese and Japanese keyboards make of it, undone
_PLACEHOLDER = re.compile(
    r"(?:sk-(?:ant-)?)?[x*.\u2026]{3,}|(?:https://)?(?:<[^<>]*>|your[-_ ])[-_ a-z./]*", re.IGNORECASE
)
_KEY = re.compile(r"[!-~]+")
_URL = re.compile(
    r"https?://(?:[\w-]+(?:\.[\w-]+)*|\[[0-9a-f:]+\])(?::[0-9]+)?(?:/[\w.~%/-]*)?", re.ASCII | re.IGNORECASE
)


def bare(text: str) -> str:
    """The text without blanks and quotes around it."""
    return text.strip().strip(QUOTES).strip()


def entries(value: str) -> list[str]:
    """The entries of a list that is written with commas, bare; empty ones are none. Full-width signs, which no
    credential has, become ordinary ones."""
    return [entry for part in value.translate(_ASCII).split(",") if (entry := bare(part))]


def is_placeholder(text: str) -> bool:
    """Whether an example file's stand-in was left where a value belongs: `your-secret-key`, `sk-xxxx`, `<key>`."""
    return _PLACEHOLDER.fullmatch(text) is not None


def key_named(where: str, text: str) -> str:
    """A key, fit for a header. The text itself is never told."""
    key = bare(text)
    if is_placeholder(key):
        raise ConfigError(f"{where} is still the placeholder of an example: put your own there, or remove it.")
    if _KEY.fullmatch(key) is None:
        raise ConfigError(f"{where} must be ASCII letters, digits and signs without spaces: copy it again.")
    return key


def is_http_url(text: str) -> bool:
    """Whether this is an absolute http(s) URL with a host and without a login, query or fragment."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or any(c.isspace() for c in text))
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and plain


def secure_url(where: str, text: str, example: str) -> str:
    """The address of something that is sent keys, without a trailing slash: by https, or on this machine.

    The text itself is not told: it may hold a password.
    """
    url = text.strip().rstrip("/")
    if _URL.fullmatch(url) and is_http_url(url):
        parts = urlsplit(url)
        if parts.scheme == "https" or is_loopback(parts.hostname or ""):
            return urlunsplit(parts._replace(netloc=parts.netloc.lower()))
    raise ConfigError(
        f"{where} must be a URL such as {example}, with https unless it is this machine's, and without login, query "
        "and fragment."
    )
