"""Secrets by their shape, for texts that others wrote, such as a cloud's error message."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|\beyJ[\w-]{8,2000}+\.[\w-]+(?:\.[\w-]*)?"  # a JSON web token; the bound keeps long texts linear
    r"|\bya29\.[\w.-]+"  # a Google access token
    r"|\b1//[\w-]{20,}"  # a Google refresh token
    r"|(?<=Bearer )\S+"
    r"|(?<=://)[^/\s@]+(?=@)",  # the password of a proxy
    re.DOTALL | re.IGNORECASE,
)


def redact(text: str, *known: str) -> str:
    """`text` without what looks like a secret and without the `known` ones."""
    for secret in known:
        if secret:
            text = text.replace(secret, "***")
    return _SECRET.sub("***", text)
