"""What a browser is told so that a listed web page of another origin may use the proxy (the CORS protocol)."""

from __future__ import annotations

import re

from ..pages import Page

_NAMES = re.compile(r"[\w!#$%&'*+.^`|~-]+(?: *, *[\w!#$%&'*+.^`|~-]+)*", re.ASCII)
_LONGEST = 2000  # characters of header names
_REMEMBERED = 600  # seconds
# Those of ours and of the clouds that clients look at; a page sees no others.
_SHOWN = (
    "retry-after, x-should-retry, x-request-id, request-id, openai-processing-ms, x-bridge-route, x-bridge-model, "
    "x-bridge-notes, x-bridge-attempts, x-bridge-upstream-request-id, x-bridge-upstream-status, "
    "x-ratelimit-limit-requests, x-ratelimit-limit-tokens, x-ratelimit-remaining-requests, "
    "x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, x-ratelimit-reset-tokens"
)


def leave_for(origin: str) -> dict[str, str]:
    """The headers of every answer to a page of that origin. Cookies are none of its business."""
    return {"access-control-allow-origin": origin, "access-control-expose-headers": _SHOWN, "vary": "origin"}


def preflight_page(asked_headers: str | None) -> Page:
    """The answer to a browser that asks for leave: `asked_headers` are the names of those that it is about to send.
    Chromium asks besides whether a public page may reach a private address."""
    names = asked_headers or ""
    fit = len(names) <= _LONGEST and _NAMES.fullmatch(names)
    headers = (
        ("access-control-allow-methods", "GET, POST"),
        *((("access-control-allow-headers", names),) if fit else ()),
        ("access-control-allow-private-network", "true"),
        ("access-control-max-age", str(_REMEMBERED)),
        ("content-length", "0"),
    )
    return Page(204, headers, b"")
