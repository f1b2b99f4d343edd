"""The cloud's rate-limit headers in OpenAI's form, for SDKs that read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

_KINDS = ("requests", "tokens")


def limit_headers(headers: Mapping[str, str], now: float) -> dict[str, str]:
    """`anthropic-ratelimit-{kind}-{limit,remaining,reset}` as `x-ratelimit-{limit,remaining,reset}-{kind}`.

    A reset is a time (RFC 3339) there and a span such as `12.5s` here; `now` in Unix seconds. Names are lower case.
    """
    told = {}
    for kind in _KINDS:
        for word in ("limit", "remaining"):
            value = headers.get(f"anthropic-ratelimit-{kind}-{word}", "")
            if value.isascii() and value.isdigit():
                told[f"x-ratelimit-{word}-{kind}"] = value
        if (span := _span(headers.get(f"anthropic-ratelimit-{kind}-reset", ""), now)) is not None:
            told[f"x-ratelimit-reset-{kind}"] = f"{span:.3f}".rstrip("0").rstrip(".") + "s"
    return told


def _span(moment: str, now: float) -> float | None:
    """Seconds from `now` to a time, to the millisecond; `None` for what is no time."""
    try:
        reset = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return round(max(reset.timestamp() - now, 0.0), 3) if reset.tzinfo else None
