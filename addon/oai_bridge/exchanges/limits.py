"""The cloud's rate-limit headers for the client: in OpenAI's form, or in Anthropic's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

_KINDS = ("requests", "tokens")
_OWN = re.compile(r"anthropic-ratelimit-[a-z-]+")
_OPENAIS = re.compile(r"x-ratelimit-(?:limit|remaining|reset)-(?:requests|tokens)")
_PLAIN = re.compile(r"[\w:.+-]{1,64}", re.ASCII)  # numbers and times


def limit_headers(headers: Mapping[str, str], now: float) -> dict[str, str]:
    """`anthropic-ratelimit-{kind}-{limit,remaining,reset}` as `x-ratelimit-{limit,remaining,reset}-{kind}`, and what
    has these names already.

    A reset is a time (RFC 3339) there and a span such as `12.5s` here; `now` in Unix seconds. Names are lower case.
    """
    told = {name: value for name, value in headers.items() if _OPENAIS.fullmatch(name) and _PLAIN.fullmatch(value)}
    for kind in _KINDS:
        for word in ("limit", "remaining"):
            value = headers.get(f"anthropic-ratelimit-{kind}-{word}", "")
            if value.isascii() and value.isdigit():
                told[f"x-ratelimit-{word}-{kind}"] = value
        if (span := _span(headers.get(f"anthropic-ratelimit-{kind}-reset", ""), now)) is not None:
            told[f"x-ratelimit-reset-{kind}"] = f"{span:.3f}".rstrip("0").rstrip(".") + "s"
    return told


def anthropic_limits(headers: Mapping[str, str]) -> dict[str, str]:
    """`anthropic-ratelimit-…` as they came, where they hold a number or a time."""
    return {name: value for name, value in headers.items() if _OWN.fullmatch(name) and _PLAIN.fullmatch(value)}


def _span(moment: str, now: float) -> float | None:
    """Seconds from `now` to a time, to the millisecond; `None` for what is no time."""
    try:
        reset = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return round(max(reset.timestamp() - now, 0.0), 3) if reset.tzinfo else None
