"""What others wrote, such as a cloud's error message, made fit to be shown: no secrets, and ids that are ids."""

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

_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)


def redact(text: str, *known: str) -> str:
    """`text` without what looks like a secret and without the `known` ones."""
    for secret in known:
        if secret:
            text = text.replace(secret, "***")
    return _SECRET.sub("***", text)


def plain_id(value: object) -> str | None:
    """An id that a cloud gave, fit for headers and files; `None` for anything else."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
