"""Numbers as people read them: tokens, dollars, seconds, bytes."""

from __future__ import annotations

_THOUSAND = 1000
_MOST = 1e15


def tokens(count: float) -> str:
    """`512`, `12.3k`, `1.2M`; `?` for what can be no number of tokens."""
    if not 0 <= count < _MOST:
        return "?"
    if count < _THOUSAND:
        return f"{count:.0f}"
    for unit in ("k", "M"):
        count /= _THOUSAND
        if count < _THOUSAND - 0.05 or unit == "M":
            break
    return f"{count:.1f}".removesuffix(".0") + unit


def dollars(amount: float | None) -> str:
    """`$0.012`, `$1.23`, two figures of small sums; what isn't known is no 0."""
    if amount is None or not 0 <= amount < _MOST:
        return "cost unknown"
    if not amount:
        return "$0"
    if amount < 0.000001:
        return "< $0.000001"
    digits = 2
    while digits < 7 and amount < 10 ** (1 - digits):
        digits += 1
    return f"${amount:.{digits}f}"


def seconds(time: float) -> str:
    """`0.8 s`, `12 s`, `3 min 20 s`; `?` for what can be no time."""
    if not -_MOST < time < _MOST:
        return "?"
    time = max(time, 0.0)
    if time < 9.95:
        return f"{time:.1f} s"
    if time < 59.5:
        return f"{time:.0f} s"
    minutes, rest = divmod(round(time), 60)
    if minutes < 60:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    return f"{minutes // 60} h {minutes % 60} min"


def size(count: float) -> str:
    """Bytes: `512 B`, `140 kB`, `1.2 MB`; `?` for what can be no size."""
    if not 0 <= count < _MOST:
        return "?"
    if count < _THOUSAND:
        return f"{count:.0f} B"
    count /= _THOUSAND
    if count < _THOUSAND - 0.5:
        return f"{count:.1f} kB" if count < 9.95 else f"{count:.0f} kB"
    return f"{count / _THOUSAND:.1f} MB"


def counted(count: int, thing: str) -> str:
    """`1 note`, `2,000 notes`."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")
